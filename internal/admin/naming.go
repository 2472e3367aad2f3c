package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// names writes roles and resolves them inside one organization.
type names struct {
	ctx   context.Context
	r     reader
	orgID string
	slugs map[string]string // application id → slug; "" where it is gone
	plans map[string]string // plan id → slug
}

func namesIn(ctx context.Context, r reader, orgID string) *names {
	return &names{ctx: ctx, r: r, orgID: orgID, slugs: map[string]string{}, plans: map[string]string{}}
}

// write gives roles as people write them. A role in an application that is gone
// is held no more.
func (n *names) write(roles []access.Role) ([]string, error) {
	texts := make([]string, 0, len(roles))
	for _, role := range roles {
		slug := ""
		if role.ApplicationID != "" {
			var err error
			if slug, err = n.slug(role.ApplicationID); err != nil {
				return nil, err
			}
			if slug == "" {
				continue
			}
		}
		texts = append(texts, access.RoleRef{Name: role.Name, Application: slug}.String())
	}
	return texts, nil
}

func (n *names) slug(appID string) (string, error) {
	if slug, known := n.slugs[appID]; known {
		return slug, nil
	}
	app, err := n.r.Application(n.ctx, n.orgID, appID)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return "", err
	}
	n.slugs[appID] = app.Slug
	return app.Slug, nil
}

// resolve finds each role and its application, and drops what another of the
// list already covers. The result is sorted, so that equal lists are equal.
func (n *names) resolve(pointer string, refs []access.RoleRef) ([]access.Role, error) {
	var wrong faults
	var roles []access.Role
	for i, ref := range refs {
		role, err := n.find(ref)
		var known *access.Error
		if errors.As(err, &known) && known.Kind == access.Invalid {
			wrong.add(fmt.Sprintf("%s/%d", pointer, i), err)
			continue
		}
		if err != nil {
			return nil, err
		}
		roles = append(roles, role)
	}
	return canonical(roles), wrong.err()
}

func (n *names) find(ref access.RoleRef) (access.Role, error) {
	if ref.Name == access.Administrator {
		return access.Role{Name: access.Administrator}, nil
	}
	role := access.Role{Name: ref.Name, OrganizationID: n.orgID}
	if !access.IsBuiltinRole(ref.Name) {
		custom, err := n.r.Role(n.ctx, n.orgID, ref.Name)
		if err == nil && custom.Name != ref.Name { // found by id; roles are held by name
			err = access.ErrNotFound
		}
		if err != nil {
			return role, unknown(err, "unknown_role", "there is no role of this name; see GET …/roles")
		}
	}
	if ref.Application != "" {
		app, err := n.r.Application(n.ctx, n.orgID, ref.Application)
		if err != nil {
			return role, unknown(err, "unknown_application", "there is no application of this name in this organization")
		}
		role.ApplicationID = app.ID
	}
	return role, nil
}

func unknown(err error, code, message string) error {
	if errors.Is(err, access.ErrNotFound) {
		return access.New(access.Invalid, code, message)
	}
	return err
}

func canonical(roles []access.Role) []access.Role {
	slices.SortFunc(roles, func(a, b access.Role) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ApplicationID, b.ApplicationID))
	})
	var kept []access.Role
	for _, role := range roles { // sorted: the whole organization comes first
		if !access.HoldsRole(kept, role) {
			kept = append(kept, role)
		}
	}
	return kept
}

// scopesOf is what holding the roles allows: anything with a built-in one, else
// the scopes of the custom ones together.
func (n *names) scopesOf(roles []access.Role) (scope.Set, error) {
	var all []scope.Pattern
	for _, role := range roles {
		if access.IsBuiltinRole(role.Name) {
			return everyScope, nil
		}
		custom, err := n.r.Role(n.ctx, n.orgID, role.Name)
		if errors.Is(err, access.ErrNotFound) {
			continue
		}
		if err != nil {
			return scope.Set{}, err
		}
		all = append(all, custom.Scopes.Patterns()...)
	}
	return scope.NewSet(all...), nil
}

func (n *names) ceilingOf(m access.Membership) (ceiling, error) {
	scopes, err := n.scopesOf(m.Roles)
	return ceiling{roles: m.Roles, scopes: scopes}, err
}
