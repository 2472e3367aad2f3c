package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// Membership is a user's place in one organization.
type Membership struct {
	ID             string
	OrganizationID string
	Organization   string // slug
	UserID         string
	Roles          []string // "developer" or "developer@photos"
	Comment        string
	Active         bool
	Created        time.Time
	LastAccess     access.LastUse
	Plan           string // slug; empty: none
	Revision       int64
}

// MembershipPut is the whole of what a membership shall be.
type MembershipPut struct {
	Roles   []string // 1 to 50
	Comment *string  // nil: as it is (new: empty)
	Active  *bool    // nil: as it is (new: true)
	Plan    *string  // slug or id, empty for none; nil: as it is (new: none)
}

func (n *names) membership(org access.Organization, m access.Membership) (Membership, error) {
	roles, err := n.write(m.Roles)
	if err != nil {
		return Membership{}, err
	}
	plan, err := n.plan(m.PlanID)
	return Membership{
		ID: m.ID, OrganizationID: org.ID, Organization: org.Slug, UserID: m.UserID, Roles: roles, Comment: m.Comment,
		Active: m.Active, Created: m.Created, LastAccess: m.LastAccess, Plan: plan, Revision: m.Revision,
	}, err
}

// Memberships lists the places of an organization in the order they were given.
func (s *Service) Memberships(ctx context.Context, caller *access.Caller, org string, filter MemberFilter, p Page) (List[Membership], error) {
	g, err := s.authorize(ctx, s.store, caller, opListMemberships, org)
	if err != nil {
		return List[Membership]{}, err
	}
	n := namesIn(ctx, s.store, g.org.ID)
	return listMembers(ctx, s, "memberships", g, filter, p, func(m store.Member) (Membership, error) { return n.membership(g.org, m.Membership) })
}

// Membership returns a user's place.
func (s *Service) Membership(ctx context.Context, caller *access.Caller, org, user string) (Membership, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetMembership, org)
	if err != nil {
		return Membership{}, err
	}
	_, m, err := s.member(ctx, s.store, g, user)
	if err != nil {
		return Membership{}, err
	}
	return namesIn(ctx, s.store, g.org.ID).membership(g.org, m)
}

// PutMembership gives a user a place in the organization, or changes it; the
// user may be one of another organization. Roles that are taken away, and
// deactivating, end every pass of the user here at once. Codes: role_exceeded
// (403), last_administrator (409); unknown_role, unknown_application (422).
func (s *Service) PutMembership(ctx context.Context, caller *access.Caller, org, user string, in MembershipPut, ifRevision int64) (Membership, Outcome, error) {
	var wrong faults
	refs := wrong.roles("/roles", in.Roles)
	if in.Comment != nil {
		wrong.text("/comment", *in.Comment, maxComment)
	}
	if err := wrong.err(); err != nil {
		return Membership{}, "", err
	}
	var out Membership
	created := false
	err := s.change(ctx, caller, opPutMembership, org, func(tx *store.Tx, g *grant) error {
		n := namesIn(ctx, tx, g.org.ID)
		old, err := s.place(ctx, tx, g, user)
		if err != nil {
			return err
		}
		created = old.ID == ""
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		next := old
		if next.Roles, err = n.resolve("/roles", refs); err != nil {
			return err
		}
		set(&next.Comment, in.Comment)
		set(&next.Active, in.Active)
		if in.Plan != nil {
			if next.PlanID, err = n.planID(*in.Plan); err != nil {
				return err
			}
		}
		if err := g.mayPlace(old, next); err != nil {
			return err
		}
		if out, err = s.putPlace(ctx, tx, g, old, next); err != nil {
			return err
		}
		return tx.Record("membership."+verb(created), g.org.ID, next.UserID, map[string]any{
			"membership": out.ID, "roles": out.Roles, "active": out.Active, "plan": out.Plan,
		})
	})
	did, err := outcome(err, created)
	return out, did, err
}

func verb(created bool) string {
	if created {
		return "created"
	}
	return "updated"
}

// place is a user's membership, or the one that a put would begin: without id.
func (s *Service) place(ctx context.Context, tx *store.Tx, g *grant, userID string) (access.Membership, error) {
	m, err := tx.Membership(ctx, g.org.ID, userID)
	if !errors.Is(err, access.ErrNotFound) {
		return m, err
	}
	if _, err := tx.User(ctx, userID); err != nil {
		return m, err
	}
	return access.Membership{OrganizationID: g.org.ID, UserID: userID, Active: true, Created: s.stamp()}, nil
}

// mayPlace holds that roles which are new must be the caller's to hand on, and
// that administrators are for administrators.
func (g *grant) mayPlace(old, next access.Membership) error {
	if err := g.mayTouch(old.Roles); err != nil {
		return err
	}
	for _, role := range next.Roles {
		if access.HoldsRole(old.Roles, role) {
			continue
		}
		if err := g.handOnRoles([]access.Role{role}); err != nil {
			return err
		}
	}
	return nil
}

// putPlace writes a membership and revokes what it loses.
func (s *Service) putPlace(ctx context.Context, tx *store.Tx, g *grant, old, next access.Membership) (Membership, error) {
	n := namesIn(ctx, tx, g.org.ID)
	if old.ID != "" && slices.Equal(old.Roles, next.Roles) && old.Comment == next.Comment && old.Active == next.Active && old.PlanID == next.PlanID {
		same, err := n.membership(g.org, old)
		if err != nil {
			return same, err
		}
		return same, errSame
	}
	next.Revision = tx.Revision()
	if old.ID == "" {
		next.ID = seal.NewID("mem")
		if err := tx.InsertMembership(next); err != nil {
			return Membership{}, err
		}
		return n.membership(g.org, next)
	}
	if !next.Active || !holdsAdministrator(next.Roles) {
		if err := s.keepAdministrator(ctx, tx, old); err != nil {
			return Membership{}, err
		}
	}
	if old.Active && !next.Active || !coversRoles(next.Roles, old.Roles) {
		if err := s.revoke(tx, old.ID, endedBy(next), time.Time{}); err != nil {
			return Membership{}, err
		}
	}
	if err := tx.UpdateMembership(next); err != nil {
		return Membership{}, err
	}
	return n.membership(g.org, next)
}

func endedBy(next access.Membership) string {
	if !next.Active {
		return "membership_inactive"
	}
	return "role_removed"
}

// keepAdministrator refuses to take away the last active administrator of an
// organization. It runs inside the change, where no other can come between the
// count and the write.
func (s *Service) keepAdministrator(ctx context.Context, tx *store.Tx, losing access.Membership) error {
	if !losing.Active || !holdsAdministrator(losing.Roles) {
		return nil
	}
	user, err := tx.User(ctx, losing.UserID)
	if err != nil || !user.Active {
		return err
	}
	left, err := tx.CountAdministrators(ctx, losing.OrganizationID)
	if err != nil {
		return err
	}
	if left <= 1 {
		return access.New(access.Conflict, "last_administrator", "this is the last active administrator of its organization; make another one first")
	}
	return nil
}

// DeleteMembership takes a user out of the organization, with the keys it has
// here. The user stays. Codes: role_exceeded (403), last_administrator (409).
func (s *Service) DeleteMembership(ctx context.Context, caller *access.Caller, org, user string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteMembership, org, func(tx *store.Tx, g *grant) error {
		_, m, err := s.member(ctx, tx, g, user)
		if err != nil {
			return err
		}
		if err := g.mayTouch(m.Roles); err != nil {
			return err
		}
		if err := expect(ifRevision, m.Revision); err != nil {
			return err
		}
		if err := s.keepAdministrator(ctx, tx, m); err != nil {
			return err
		}
		if err := s.revoke(tx, m.ID, "membership_removed", time.Time{}); err != nil {
			return err
		}
		if err := tx.DeleteMembership(g.org.ID, user); err != nil {
			return err
		}
		return tx.Record("membership.deleted", g.org.ID, user, map[string]any{"membership": m.ID})
	})
}
