package admin

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// NewOrganization is an organization to create.
type NewOrganization struct {
	Slug string // unique, never changes
	Name string // empty: the slug; at most 200 characters
}

// OrganizationPatch changes what is not nil.
type OrganizationPatch struct {
	Name   *string
	Active *bool
}

// Organizations lists what the caller may see: its own, or, for an administrator, all.
func (s *Service) Organizations(ctx context.Context, caller *access.Caller, p Page) (List[access.Organization], error) {
	none := List[access.Organization]{}
	g, err := s.authorize(ctx, s.store, caller, opListOrganizations, caller.Organization.ID)
	if err != nil {
		return none, err
	}
	if !g.isAdministrator() {
		return List[access.Organization]{Items: []access.Organization{g.org}}, nil
	}
	return paged(s, listing{"organizations"}, p,
		func(after string, limit int) ([]access.Organization, error) {
			return s.store.ListOrganizations(ctx, store.Page{After: after, Limit: limit})
		},
		func(o access.Organization) string { return o.ID }, as[access.Organization])
}

// Organization returns one, by slug or id.
func (s *Service) Organization(ctx context.Context, caller *access.Caller, org string) (access.Organization, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetOrganization, org)
	if err != nil {
		return access.Organization{}, err
	}
	return g.org, nil
}

// CreateOrganization makes an empty organization. Code slug_taken (409).
func (s *Service) CreateOrganization(ctx context.Context, caller *access.Caller, in NewOrganization) (access.Organization, error) {
	var wrong faults
	wrong.slug("/slug", in.Slug)
	wrong.text("/name", in.Name, maxName)
	if err := wrong.err(); err != nil {
		return access.Organization{}, err
	}
	org := newOrganization(s, in)
	err := s.change(ctx, caller, opCreateOrganization, caller.Organization.ID, func(tx *store.Tx, _ *grant) error {
		return insertOrganization(tx, &org)
	})
	return org, err
}

func newOrganization(s *Service, in NewOrganization) access.Organization {
	org := access.Organization{ID: seal.NewID("org"), Slug: in.Slug, Name: in.Name, Active: true, Created: s.stamp()}
	if org.Name == "" {
		org.Name = org.Slug
	}
	return org
}

func insertOrganization(tx *store.Tx, org *access.Organization) error {
	org.Revision = tx.Revision()
	if err := tx.InsertOrganization(*org); err != nil {
		return taken(err, "slug_taken", "another organization has this slug; choose another", "/slug")
	}
	return tx.Record("organization.created", org.ID, org.ID, map[string]any{"slug": org.Slug, "name": org.Name})
}

// UpdateOrganization renames, deactivates or reactivates. Deactivating ends
// every pass of the organization at once. The organization of the credential in
// use cannot be deactivated with it (409 key_in_use), so that somebody is left
// who can undo it.
func (s *Service) UpdateOrganization(ctx context.Context, caller *access.Caller, org string, patch OrganizationPatch, ifRevision int64) (access.Organization, error) {
	if patch.Name != nil {
		var wrong faults
		wrong.text("/name", *patch.Name, maxName)
		if err := wrong.err(); err != nil {
			return access.Organization{}, err
		}
	}
	var out access.Organization
	err := s.change(ctx, caller, opUpdateOrganization, org, func(tx *store.Tx, g *grant) error {
		out = g.org
		if err := expect(ifRevision, out.Revision); err != nil {
			return err
		}
		set(&out.Name, patch.Name)
		set(&out.Active, patch.Active)
		if out == g.org {
			return errSame
		}
		if err := s.endOrganization(tx, g, out); err != nil {
			return err
		}
		out.Revision = tx.Revision()
		if err := tx.UpdateOrganization(out); err != nil {
			return err
		}
		return tx.Record("organization.updated", out.ID, out.ID, map[string]any{"name": out.Name, "active": out.Active})
	})
	return out, sameIsFine(err)
}

func (s *Service) endOrganization(tx *store.Tx, g *grant, next access.Organization) error {
	if next.Active || !g.org.Active {
		return nil
	}
	if next.ID == g.caller.Organization.ID {
		return access.New(access.Conflict, "key_in_use", "your credential belongs to this organization; deactivate it with one of another")
	}
	return s.revoke(tx, next.ID, "organization_disabled", time.Time{})
}
