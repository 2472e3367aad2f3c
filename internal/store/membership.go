package store

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Member is a membership with its user.
type Member struct {
	Membership access.Membership
	User       access.User
}

// Membership finds a user's membership in an organization.
func (s queries) Membership(ctx context.Context, orgID, userID string) (access.Membership, error) {
	row, err := s.q.Membership(ctx, gen.MembershipParams{OrganizationID: orgID, UserID: userID})
	return one(row, err, membership)
}

// MemberFilter narrows a list of members; what is empty does not.
type MemberFilter struct {
	User        string // id
	Role        string // name of a role, held anywhere in the organization
	Text        string // words in their order, in id, comment, name or e-mail
	AllProfiles bool   // names and e-mails of users who came from other organizations are searched too
}

// ListMemberships returns a page of an organization's members by membership id,
// the oldest first.
func (s queries) ListMemberships(ctx context.Context, orgID string, f MemberFilter, page Page) ([]Member, error) {
	rows, err := s.q.Members(ctx, gen.MembersParams{
		OrganizationID: orgID, After: page.After, Most: page.most(),
		UserID: f.User, Role: f.Role, Pattern: pattern(f.Text), AllProfiles: f.AllProfiles,
	})
	return each(rows, err, func(row gen.MembersRow) (Member, error) {
		m, err := membership(row.Membership)
		if err != nil {
			return Member{}, err
		}
		u, err := user(row.User)
		return Member{Membership: m, User: u}, err
	})
}

// MembershipsOfUser returns a page of a user's memberships in all organizations.
func (s queries) MembershipsOfUser(ctx context.Context, userID string, page Page) ([]access.Membership, error) {
	rows, err := s.q.MembershipsOfUser(ctx, gen.MembershipsOfUserParams{UserID: userID, After: page.After, Most: page.most()})
	return each(rows, err, membership)
}

// MembershipsWithRole returns a page of an organization's memberships that hold a
// role, anywhere in it: those a change of that role concerns.
func (s queries) MembershipsWithRole(ctx context.Context, orgID, role string, page Page) ([]access.Membership, error) {
	rows, err := s.q.MembershipsWithRole(ctx, gen.MembershipsWithRoleParams{OrganizationID: orgID, Role: role, After: page.After, Most: page.most()})
	return each(rows, err, membership)
}

// CountActive counts the active memberships of active users that hold a role in
// an organization. With an empty orgID, in all organizations that are active.
func (s queries) CountActive(ctx context.Context, orgID, role string) (int64, error) {
	if orgID == "" {
		n, err := s.q.CountActiveEverywhere(ctx, role)
		return n, translate(err)
	}
	n, err := s.q.CountActive(ctx, gen.CountActiveParams{OrganizationID: orgID, Role: role})
	return n, translate(err)
}

// CountAdministrators is [queries.CountActive] of the administrator role.
func (s queries) CountAdministrators(ctx context.Context, orgID string) (int64, error) {
	return s.CountActive(ctx, orgID, access.Administrator)
}

// InsertMembership adds a user to an organization; already_exists if it is there.
func (t *Tx) InsertMembership(m access.Membership) error {
	err := t.wrote(t.q.InsertMembership(t.ctx, gen.InsertMembershipParams{
		ID: m.ID, OrganizationID: m.OrganizationID, UserID: m.UserID, Roles: roleList(m.Roles),
		Comment: m.Comment, Active: m.Active, Created: millis(m.Created), PlanID: m.PlanID, Revision: t.Revision(),
	}))
	if err != nil {
		return err
	}
	return t.indexRoles(m)
}

// UpdateMembership writes roles, comment, active and plan.
func (t *Tx) UpdateMembership(m access.Membership) error {
	err := t.wroteOne(t.q.UpdateMembership(t.ctx, gen.UpdateMembershipParams{
		ID: m.ID, OrganizationID: m.OrganizationID, Roles: roleList(m.Roles), Comment: m.Comment, Active: m.Active, PlanID: m.PlanID, Revision: t.Revision(),
	}))
	if err != nil {
		return err
	}
	if err := t.wrote(t.q.DeleteMembershipRoles(t.ctx, m.ID)); err != nil {
		return err
	}
	return t.indexRoles(m)
}

func (t *Tx) indexRoles(m access.Membership) error {
	for name := range roleNames(m.Roles) {
		err := t.wrote(t.q.InsertMembershipRole(t.ctx, gen.InsertMembershipRoleParams{
			OrganizationID: m.OrganizationID, Role: name, MembershipID: m.ID,
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

func roleNames(roles []access.Role) map[string]bool {
	names := make(map[string]bool, len(roles))
	for _, r := range roles {
		names[r.Name] = true
	}
	return names
}

// DeleteMembership takes a user out of an organization, with the keys it has
// there. Tokens live on until the change also revokes them.
func (t *Tx) DeleteMembership(orgID, userID string) error {
	return t.wroteOne(t.q.DeleteMembership(t.ctx, gen.DeleteMembershipParams{OrganizationID: orgID, UserID: userID}))
}

func membership(row gen.Membership) (access.Membership, error) {
	m := access.Membership{
		ID: row.ID, OrganizationID: row.OrganizationID, UserID: row.UserID, Comment: row.Comment,
		Active: row.Active, Created: fromMillis(row.Created), PlanID: row.PlanID, Revision: row.Revision,
	}
	var err error
	if m.Roles, err = parseRoles(row.Roles); err != nil {
		return m, err
	}
	m.LastAccess, err = lastUse(row.Accessed, row.AccessedAddress, row.AccessedAgent)
	return m, err
}
