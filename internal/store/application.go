package store

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Application finds an application of an organization by slug or id.
func (s queries) Application(ctx context.Context, orgID, slugOrID string) (access.Application, error) {
	row, err := s.q.Application(ctx, gen.ApplicationParams{OrganizationID: orgID, SlugOrID: slugOrID})
	return one(row, err, func(row gen.ApplicationRow) (access.Application, error) {
		return application(row.Application, row.Organization), nil
	})
}

// Applications returns a page of an organization's applications by id, the oldest first.
func (s queries) Applications(ctx context.Context, orgID string, page Page) ([]access.Application, error) {
	rows, err := s.q.Applications(ctx, gen.ApplicationsParams{OrganizationID: orgID, After: page.After, Most: page.most()})
	return each(rows, err, func(row gen.ApplicationsRow) (access.Application, error) {
		return application(row.Application, row.Organization), nil
	})
}

// ApplicationsSince returns what changed above a revision (0: everything): the
// applications that are there, and the ids of those that were deleted.
func (s queries) ApplicationsSince(ctx context.Context, revision int64) (live []access.Application, deletedIDs []string, err error) {
	rows, err := s.q.ApplicationsSince(ctx, revision)
	if err != nil {
		return nil, nil, translate(err)
	}
	for _, row := range rows {
		if row.Application.Deleted {
			deletedIDs = append(deletedIDs, row.Application.ID)
			continue
		}
		live = append(live, application(row.Application, row.Organization))
	}
	return live, deletedIDs, nil
}

// PutApplication adds an application or, if its id is there, writes its files and
// active. Slug and organization never change (not_found); already_exists if the
// slug is another's. A deleted application stays deleted.
func (t *Tx) PutApplication(a access.Application) error {
	return t.wroteOne(t.q.PutApplication(t.ctx, gen.PutApplicationParams{
		ID: a.ID, OrganizationID: a.OrganizationID, Slug: a.Slug, Document: a.Document, Shadow: a.Shadow,
		Active: a.Active, Created: millis(a.Created), Revision: t.Revision(),
	}))
}

// DeleteApplication deletes an application. Its slug is free for another, its id
// is not. Tokens live on until the change also revokes them.
func (t *Tx) DeleteApplication(orgID, id string) error {
	return t.wroteOne(t.q.DeleteApplication(t.ctx, gen.DeleteApplicationParams{ID: id, OrganizationID: orgID, Revision: t.Revision()}))
}

func application(row gen.Application, organization string) access.Application {
	return access.Application{
		ID: row.ID, OrganizationID: row.OrganizationID, Organization: organization, Slug: row.Slug,
		Document: row.Document, Shadow: row.Shadow, Active: row.Active, Created: fromMillis(row.Created), Revision: row.Revision,
	}
}
