package admin

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// Application is a protected API with its resource file as it was put.
type Application = access.Application

// Applications lists those the caller may read, the oldest first.
func (s *Service) Applications(ctx context.Context, caller *access.Caller, org string, p Page) (List[Application], error) {
	g, err := s.authorize(ctx, s.store, caller, opListApplications, org)
	if err != nil {
		return List[Application]{}, err
	}
	return paged(s, listing{"applications", g.org.ID}, p,
		func(after string, limit int) ([]Application, error) {
			return s.readableApplications(ctx, g, after, limit)
		},
		func(a Application) string { return a.ID }, as[Application])
}

// readableApplications reads on until limit of them are the caller's to read.
func (s *Service) readableApplications(ctx context.Context, g *grant, after string, limit int) ([]Application, error) {
	var out []Application
	for {
		rows, err := s.store.Applications(ctx, g.org.ID, store.Page{After: after, Limit: limit})
		if err != nil {
			return nil, err
		}
		for _, a := range rows {
			if g.mayApplication(a.ID) {
				out = append(out, a)
			}
			if len(out) == limit {
				return out, nil
			}
		}
		if len(rows) < limit {
			return out, nil
		}
		after = rows[len(rows)-1].ID
	}
}

// Application returns one, by slug or id.
func (s *Service) Application(ctx context.Context, caller *access.Caller, org, app string) (Application, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetApplication, org)
	if err != nil {
		return Application{}, err
	}
	return applicationOf(ctx, s.store, g, app)
}

func applicationOf(ctx context.Context, r reader, g *grant, app string) (Application, error) {
	a, err := r.Application(ctx, g.org.ID, app)
	if err == nil && !g.mayApplication(a.ID) {
		return Application{}, errNotHeld
	}
	return a, err
}

var errNotHeld = access.New(access.Forbidden, "role_missing", "your role is held in another application than this")

// PutApplication makes an application, or gives it another resource file. A file
// in shadow mode is put beside one that is enforced, any other takes the place of
// both. Codes:
// invalid_resources (422, with line and column), route_taken (409: another
// application serves the same host and prefix).
func (s *Service) PutApplication(ctx context.Context, caller *access.Caller, org, app string, document []byte, ifRevision int64) (Application, Outcome, error) {
	var next Application
	created := false
	err := s.change(ctx, caller, opPutApplication, org, func(tx *store.Tx, g *grant) error {
		old, err := applicationOf(ctx, tx, g, app)
		created = errors.Is(err, access.ErrNotFound)
		if created {
			old, err = s.beginApplication(g, app)
		}
		if err != nil {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		next = old
		if err := place(&next, document); err != nil {
			return err
		}
		if !created && bytes.Equal(old.Document, next.Document) && bytes.Equal(old.Shadow, next.Shadow) {
			return errSame
		}
		next.Revision = tx.Revision()
		if err := s.checkApplication(ctx, tx, g, next); err != nil {
			return err
		}
		if err := tx.PutApplication(next); err != nil {
			return err
		}
		return tx.Record("application."+verb(created), g.org.ID, next.ID, placed(next, document))
	})
	did, err := outcome(err, created)
	if err != nil {
		return Application{}, "", err
	}
	return next, did, nil
}

func (s *Service) beginApplication(g *grant, slug string) (Application, error) {
	if !g.whole {
		return Application{}, errNotHeld
	}
	if strings.HasPrefix(slug, "app_") {
		return Application{}, access.ErrNotFound // an id: of another organization, or of nothing
	}
	var wrong faults
	wrong.slug("/application", slug)
	return Application{
		ID: seal.NewID("app"), OrganizationID: g.org.ID, Organization: g.org.Slug, Slug: slug, Active: true, Created: s.stamp(),
	}, wrong.err()
}

// checkApplication holds that the resource file can be read, that no other
// active application, of any organization, serves the same place, and that only
// an administrator shares out hosts among organizations.
func (s *Service) checkApplication(ctx context.Context, tx *store.Tx, g *grant, a Application) error {
	candidate, err := catalog.Compile(a)
	if err != nil || !a.Active {
		return err
	}
	others, err := s.claimed(ctx, tx)
	if err != nil {
		return err
	}
	if err := catalog.Conflict(others, candidate); err != nil || g.isAdministrator() {
		return err
	}
	return catalog.Intrusion(others, candidate)
}

// SetApplicationActive takes an application out of service, ending every pass
// for it at once, or puts it back.
func (s *Service) SetApplicationActive(ctx context.Context, caller *access.Caller, org, app string, active bool, ifRevision int64) (Application, error) {
	var next Application
	err := s.change(ctx, caller, opSetApplication, org, func(tx *store.Tx, g *grant) error {
		old, err := applicationOf(ctx, tx, g, app)
		if err != nil {
			return err
		}
		next = old
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		if old.Active == active {
			return errSame
		}
		next.Active, next.Revision = active, tx.Revision()
		if active {
			err = s.checkApplication(ctx, tx, g, next)
		} else {
			err = s.revoke(tx, next.ID, "application_disabled", time.Time{})
		}
		if err != nil {
			return err
		}
		if err := tx.PutApplication(next); err != nil {
			return err
		}
		return tx.Record("application.updated", g.org.ID, next.ID, map[string]any{"slug": next.Slug, "active": active})
	})
	return next, sameIsFine(err)
}

// DeleteApplication deletes an application; every pass for it, or with a role
// held in it, ends at once, and members lose the roles they hold in it.
func (s *Service) DeleteApplication(ctx context.Context, caller *access.Caller, org, app string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteApplication, org, func(tx *store.Tx, g *grant) error {
		a, err := applicationOf(ctx, tx, g, app)
		if err != nil {
			return err
		}
		if err := expect(ifRevision, a.Revision); err != nil {
			return err
		}
		if err := s.dropRolesIn(ctx, tx, a); err != nil {
			return err
		}
		if err := s.revoke(tx, a.ID, "application_deleted", time.Time{}); err != nil {
			return err
		}
		if err := tx.DropNetworks(a.ID); err != nil {
			return err
		}
		if err := tx.DeleteApplication(g.org.ID, a.ID); err != nil {
			return err
		}
		return tx.Record("application.deleted", g.org.ID, a.ID, map[string]any{"slug": a.Slug})
	})
}

// dropRolesIn takes from members the roles they hold in one application, and
// ends their passes.
func (s *Service) dropRolesIn(ctx context.Context, tx *store.Tx, a Application) error {
	custom, err := tx.Roles(ctx, a.OrganizationID)
	if err != nil {
		return err
	}
	names := []string{access.ApplicationManager, access.Developer, access.Consumer}
	for _, r := range custom {
		names = append(names, r.Name)
	}
	for _, name := range names {
		err := s.everyHolder(ctx, tx, a.OrganizationID, name, func(m access.Membership) error {
			var kept []access.Role
			for _, role := range m.Roles {
				if role.ApplicationID != a.ID {
					kept = append(kept, role)
				}
			}
			if len(kept) == len(m.Roles) {
				return nil
			}
			// Its passes may name neither application nor role, and still hold the
			// scopes that the role gave.
			if err := s.revoke(tx, m.ID, "application_deleted", time.Time{}); err != nil {
				return err
			}
			m.Roles = kept
			return tx.UpdateMembership(m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
