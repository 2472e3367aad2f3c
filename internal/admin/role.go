package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// Role is a built-in or a custom role of an organization.
type Role struct {
	ID       string // empty: built in
	Name     string
	Builtin  bool
	Comment  string
	Scopes   []string // what holding it allows; built-in roles allow any: ["*"]
	Revision int64    // 0: built in
}

// RolePut is the whole of what a custom role shall be.
type RolePut struct {
	Scopes  []string // 1 to 100
	Comment string
}

var builtinComments = map[string]string{
	access.Administrator:      "everything, in every organization",
	access.AccountManager:     "everything in its organization",
	access.ApplicationManager: "manages applications",
	access.Developer:          "writes the resource files of applications",
	access.Consumer:           "uses applications",
}

func builtinRole(name string) Role {
	return Role{Name: name, Builtin: true, Comment: builtinComments[name], Scopes: everyScope.Strings()}
}

func customRole(r access.CustomRole) Role {
	return Role{ID: r.ID, Name: r.Name, Comment: r.Comment, Scopes: r.Scopes.Strings(), Revision: r.Revision}
}

// Roles lists the built-in roles, then the custom ones by name.
func (s *Service) Roles(ctx context.Context, caller *access.Caller, org string, p Page) (List[Role], error) {
	g, err := s.authorize(ctx, s.store, caller, opListRoles, org)
	if err != nil {
		return List[Role]{}, err
	}
	custom, err := s.store.Roles(ctx, g.org.ID)
	if err != nil {
		return List[Role]{}, err
	}
	var all []Role
	for _, name := range access.BuiltinRoles {
		all = append(all, builtinRole(name))
	}
	for _, r := range custom {
		all = append(all, customRole(r))
	}
	return paged(s, listing{"roles", g.org.ID}, p, func(after string, limit int) ([]Role, error) {
		from := 1 + slices.IndexFunc(all, func(r Role) bool { return r.Name == after })
		return all[from:min(from+limit, len(all))], nil
	}, func(r Role) string { return r.Name }, as[Role])
}

// Role returns one, by name or id.
func (s *Service) Role(ctx context.Context, caller *access.Caller, org, name string) (Role, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetRole, org)
	if err != nil {
		return Role{}, err
	}
	if access.IsBuiltinRole(name) {
		return builtinRole(name), nil
	}
	r, err := s.store.Role(ctx, g.org.ID, name)
	if err != nil {
		return Role{}, err
	}
	return customRole(r), nil
}

var errBuiltinRole = access.New(access.Conflict, "role_builtin", "built-in roles cannot be changed; give the custom role another name")

// PutRole makes or changes a custom role, by name. Scopes that are new must be
// within the caller's own. A role that loses scopes ends every pass of each
// member who holds it. Codes: role_builtin (409), scope_exceeded (403).
func (s *Service) PutRole(ctx context.Context, caller *access.Caller, org, name string, in RolePut, ifRevision int64) (Role, Outcome, error) {
	var wrong faults
	if !access.ValidRoleName(name) || seal.ValidID("rol", name) {
		wrong.invalid("/name", "a role's name is a lower-case letter, then up to 62 letters, digits, '_' or '-'")
	}
	scopes := wrong.scopes("/scopes", in.Scopes)
	wrong.text("/comment", in.Comment, maxComment)
	if err := wrong.err(); err != nil {
		return Role{}, "", err
	}
	next := access.CustomRole{Name: name, Comment: in.Comment, Scopes: scopes}
	created := false
	err := s.change(ctx, caller, opPutRole, org, func(tx *store.Tx, g *grant) error {
		if access.IsBuiltinRole(name) {
			return errBuiltinRole
		}
		old, err := tx.Role(ctx, g.org.ID, name)
		created = errors.Is(err, access.ErrNotFound)
		if err != nil && !created {
			return err
		}
		next.ID, next.OrganizationID, next.Revision = old.ID, g.org.ID, old.Revision
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		if !created && old.Comment == next.Comment && old.Scopes.Equal(next.Scopes) {
			return errSame
		}
		if err := g.mayWiden(old, next); err != nil {
			return err
		}
		next.Revision = tx.Revision()
		if err := s.writeRole(ctx, tx, old, &next); err != nil {
			return err
		}
		return tx.Record("role."+verb(created), g.org.ID, next.ID, map[string]any{"name": name, "scopes": next.Scopes.Strings()})
	})
	did, err := outcome(err, created)
	if err != nil {
		return Role{}, "", err
	}
	return customRole(next), did, nil
}

// mayWiden keeps a role from being given what its maker does not hold.
func (g *grant) mayWiden(old, next access.CustomRole) error {
	for _, p := range next.Scopes.Patterns() {
		if old.Scopes.Includes(p) {
			continue
		}
		if !g.caller.Authority.Scopes.Includes(p) {
			return scopeExceeded(p)
		}
	}
	return nil
}

func (s *Service) writeRole(ctx context.Context, tx *store.Tx, old access.CustomRole, next *access.CustomRole) error {
	if old.ID == "" {
		next.ID = seal.NewID("rol")
		return tx.InsertRole(*next)
	}
	if _, wider := next.Scopes.IncludesSet(old.Scopes); !wider {
		err := s.everyHolder(ctx, tx, next.OrganizationID, next.Name, func(m access.Membership) error {
			return s.revoke(tx, m.ID, "role_narrowed", time.Time{})
		})
		if err != nil {
			return err
		}
	}
	return tx.UpdateRole(*next)
}

// everyHolder visits the memberships that hold a role anywhere in the organization.
func (s *Service) everyHolder(ctx context.Context, tx *store.Tx, orgID, role string, visit func(access.Membership) error) error {
	return each(func(after string) ([]access.Membership, error) {
		return tx.MembershipsWithRole(ctx, orgID, role, store.Page{After: after, Limit: 1000})
	}, func(m access.Membership) string { return m.ID }, visit)
}

// DeleteRole deletes a custom role that no membership and no outside issuer holds. Codes: role_builtin,
// role_in_use (409).
func (s *Service) DeleteRole(ctx context.Context, caller *access.Caller, org, name string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteRole, org, func(tx *store.Tx, g *grant) error {
		if access.IsBuiltinRole(name) {
			return errBuiltinRole
		}
		old, err := tx.Role(ctx, g.org.ID, name)
		if err != nil {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		holders, err := tx.MembershipsWithRole(ctx, g.org.ID, old.Name, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(holders) > 0 {
			return access.New(access.Conflict, "role_in_use", "members still hold this role; take it from them first")
		}
		issuer, err := issuerWithRole(ctx, tx, g.org.ID, old.Name)
		if err != nil {
			return err
		}
		if issuer != "" {
			return access.New(access.Conflict, "role_in_use", fmt.Sprintf("the outside issuer %q still gives this role; take it from it first", issuer))
		}
		if err := tx.DeleteRole(g.org.ID, old.ID); err != nil {
			return err
		}
		return tx.Record("role.deleted", g.org.ID, old.ID, map[string]any{"name": old.Name})
	})
}

// issuerWithRole is the slug of an outside issuer that names a role; empty: there is none.
func issuerWithRole(ctx context.Context, tx *store.Tx, orgID, role string) (slug string, err error) {
	err = each(func(after string) ([]access.Issuer, error) {
		return tx.Issuers(ctx, orgID, store.Page{After: after, Limit: 1000})
	}, func(i access.Issuer) string { return i.ID }, func(i access.Issuer) error {
		roles := slices.Clone(i.Roles)
		for _, g := range i.Grants {
			roles = append(roles, g.Roles...)
		}
		if slices.ContainsFunc(roles, func(r access.Role) bool { return r.Name == role }) {
			slug = i.Slug
		}
		return nil
	})
	return slug, err
}
