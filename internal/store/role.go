package store

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Role finds a custom role of an organization by name or id.
func (s queries) Role(ctx context.Context, orgID, nameOrID string) (access.CustomRole, error) {
	row, err := s.q.Role(ctx, gen.RoleParams{OrganizationID: orgID, NameOrID: nameOrID})
	return one(row, err, role)
}

// Roles returns an organization's custom roles by name.
func (s queries) Roles(ctx context.Context, orgID string) ([]access.CustomRole, error) {
	rows, err := s.q.Roles(ctx, orgID)
	return each(rows, err, role)
}

// InsertRole adds a custom role; already_exists if its name is taken.
func (t *Tx) InsertRole(r access.CustomRole) error {
	return t.wrote(t.q.InsertRole(t.ctx, gen.InsertRoleParams{
		ID: r.ID, OrganizationID: r.OrganizationID, Name: r.Name, Comment: r.Comment, Scopes: list(r.Scopes.Strings()), Revision: t.Revision(),
	}))
}

// UpdateRole writes comment and scopes. A name never changes.
func (t *Tx) UpdateRole(r access.CustomRole) error {
	return t.wroteOne(t.q.UpdateRole(t.ctx, gen.UpdateRoleParams{
		ID: r.ID, OrganizationID: r.OrganizationID, Comment: r.Comment, Scopes: list(r.Scopes.Strings()), Revision: t.Revision(),
	}))
}

// DeleteRole deletes a custom role. Memberships that hold it keep its name, and
// nothing by it: see [queries.MembershipsWithRole].
func (t *Tx) DeleteRole(orgID, id string) error {
	return t.wroteOne(t.q.DeleteRole(t.ctx, gen.DeleteRoleParams{ID: id, OrganizationID: orgID}))
}

func role(row gen.Role) (access.CustomRole, error) {
	scopes, err := parseScopes(row.Scopes)
	return access.CustomRole{
		ID: row.ID, OrganizationID: row.OrganizationID, Name: row.Name, Comment: row.Comment, Scopes: scopes, Revision: row.Revision,
	}, err
}
