package store

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Organization finds an organization by slug or id.
func (s queries) Organization(ctx context.Context, slugOrID string) (access.Organization, error) {
	row, err := s.q.Organization(ctx, slugOrID)
	return one(row, err, organization)
}

// ListOrganizations returns a page of all organizations by id, the oldest first.
func (s queries) ListOrganizations(ctx context.Context, page Page) ([]access.Organization, error) {
	rows, err := s.q.Organizations(ctx, gen.OrganizationsParams{After: page.After, Most: page.most()})
	return each(rows, err, organization)
}

// InsertOrganization adds an organization; already_exists if its slug is taken.
func (t *Tx) InsertOrganization(o access.Organization) error {
	return t.wrote(t.q.InsertOrganization(t.ctx, gen.InsertOrganizationParams{
		ID: o.ID, Slug: o.Slug, Name: o.Name, Active: o.Active, Created: millis(o.Created), Revision: t.Revision(),
	}))
}

// UpdateOrganization writes name and active. A slug never changes.
func (t *Tx) UpdateOrganization(o access.Organization) error {
	return t.wroteOne(t.q.UpdateOrganization(t.ctx, gen.UpdateOrganizationParams{
		ID: o.ID, Name: o.Name, Active: o.Active, Revision: t.Revision(),
	}))
}

func organization(row gen.Organization) (access.Organization, error) {
	return access.Organization{
		ID: row.ID, Slug: row.Slug, Name: row.Name, Active: row.Active, Created: fromMillis(row.Created), Revision: row.Revision,
	}, nil
}
