package admin

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

// User is a user as one organization sees it. The profile (Name, Email, Active,
// Created) belongs to the organization the user is longest a member of; to
// others it is blank, and Foreign says so.
type User struct {
	ID         string
	Name       string
	Email      string
	Active     bool
	Foreign    bool
	Created    time.Time
	Revision   int64
	Membership Membership // in that organization
}

// NewUser is a user to create, with its membership and first key.
type NewUser struct {
	Name    string   // at most 200 characters
	Email   string   // at most 254 bytes, one '@'; may be empty
	Roles   []string // "developer" or "developer@photos"; 1 to 50
	Comment string   // of the membership; at most 500 characters
	Scopes  []string // of the key; nil: all the caller holds and the roles give
}

// CreatedUser is the answer to [Service.CreateUser]. The key's text is shown this once.
type CreatedUser struct {
	User User // with its membership
	Key  IssuedKey
}

// UserPatch changes what is not nil.
type UserPatch struct {
	Name   *string
	Email  *string
	Active *bool // only by who manages the profile's organization
}

func (f *faults) profile(name, email string) {
	f.text("/name", name, maxName)
	f.email("/email", email)
}

// MemberFilter narrows a list of users or memberships; what is empty does not.
type MemberFilter struct {
	Role string // name of a role, held anywhere in the organization
	Text string // words in their order, in id, comment, name or e-mail, as far as the caller sees them
}

// Users lists the members of an organization in the order they came.
func (s *Service) Users(ctx context.Context, caller *access.Caller, org string, filter MemberFilter, p Page) (List[User], error) {
	g, err := s.authorize(ctx, s.store, caller, opListUsers, org)
	if err != nil {
		return List[User]{}, err
	}
	n := namesIn(ctx, s.store, g.org.ID)
	return listMembers(ctx, s, "users", g, filter, p, func(m store.Member) (User, error) { return n.user(g, m.User, m.Membership) })
}

// listMembers lists the part of an organization's members that g reaches.
func listMembers[V any](ctx context.Context, s *Service, list string, g *grant, filter MemberFilter, p Page, view func(store.Member) (V, error)) (List[V], error) {
	var wrong faults
	wrong.text("/role", filter.Role, maxName)
	if wrong.text("/q", filter.Text, maxSearch); wrong.err() != nil {
		return List[V]{}, wrong.err()
	}
	only := store.MemberFilter{User: g.only(), Role: filter.Role, Text: filter.Text, AllProfiles: g.isAdministrator()}
	return paged(s, listing{list, g.org.ID, only.User, only.Role, only.Text}, p,
		func(after string, limit int) ([]store.Member, error) {
			return s.store.ListMemberships(ctx, g.org.ID, only, store.Page{After: after, Limit: limit})
		},
		func(m store.Member) string { return m.Membership.ID }, view)
}

// member finds a user of the organization. Whoever is no member of it does not
// exist here; a member the operation does not reach is refused.
func (s *Service) member(ctx context.Context, r reader, g *grant, userID string) (access.User, access.Membership, error) {
	member, err := r.Membership(ctx, g.org.ID, userID)
	if err != nil {
		return access.User{}, member, err
	}
	if !g.mayUser(userID) {
		return access.User{}, member, errNotYours
	}
	user, err := r.User(ctx, userID)
	return user, member, err
}

var errNotYours = access.New(access.Forbidden, "role_missing", "your roles let you do this only with what is your own")

// home is the organization that manages a user's profile.
func home(ctx context.Context, r reader, userID string) (string, error) {
	first, err := r.MembershipsOfUser(ctx, userID, store.Page{Limit: 1})
	if err != nil || len(first) == 0 {
		return "", err
	}
	return first[0].OrganizationID, nil
}

// user shows a member, without a profile that is another organization's.
func (n *names) user(g *grant, u access.User, m access.Membership) (User, error) {
	membership, err := n.membership(g.org, m)
	if err != nil {
		return User{}, err
	}
	owner, err := home(n.ctx, n.r, u.ID)
	if err != nil {
		return User{}, err
	}
	if owner != g.org.ID && !g.isAdministrator() {
		return User{ID: u.ID, Foreign: true, Revision: u.Revision, Membership: membership}, nil
	}
	return User{ID: u.ID, Name: u.Name, Email: u.Email, Active: u.Active, Created: u.Created, Revision: u.Revision, Membership: membership}, nil
}

// User returns one member.
func (s *Service) User(ctx context.Context, caller *access.Caller, org, user string) (User, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetUser, org)
	if err != nil {
		return User{}, err
	}
	u, m, err := s.member(ctx, s.store, g, user)
	if err != nil {
		return User{}, err
	}
	return namesIn(ctx, s.store, g.org.ID).user(g, u, m)
}

// CreateUser makes a fresh user, its membership and its first key, in one change.
func (s *Service) CreateUser(ctx context.Context, caller *access.Caller, org string, in NewUser) (CreatedUser, error) {
	var wrong faults
	wrong.profile(in.Name, in.Email)
	wrong.text("/comment", in.Comment, maxComment)
	refs := wrong.roles("/roles", in.Roles)
	var asked *scope.Set
	if in.Scopes != nil {
		set := wrong.scopes("/scopes", in.Scopes)
		asked = &set
	}
	if err := wrong.err(); err != nil {
		return CreatedUser{}, err
	}
	var out CreatedUser
	err := s.change(ctx, caller, opCreateUser, org, func(tx *store.Tx, g *grant) error {
		n := namesIn(ctx, tx, g.org.ID)
		roles, err := n.resolve("/roles", refs)
		if err != nil {
			return err
		}
		if err := g.handOnRoles(roles); err != nil {
			return err
		}
		widest, err := n.scopesOf(roles)
		if err != nil {
			return err
		}
		scopes, err := g.firstScopes(widest, asked)
		if err != nil {
			return err
		}
		out, err = s.insertUser(ctx, tx, g, newcomer{name: in.Name, email: in.Email, comment: in.Comment, roles: roles, scopes: scopes})
		if err != nil {
			return err
		}
		return tx.Record("user.created", g.org.ID, out.User.ID, map[string]any{
			"membership": out.User.Membership.ID, "roles": out.User.Membership.Roles,
			"key": out.Key.ID, "scopes": out.Key.Scopes,
		})
	})
	return out, err
}

// firstScopes are those of a new user's first key: what was asked, else all that
// the creator may hand on and the roles give.
func (g *grant) firstScopes(widest scope.Set, asked *scope.Set) (scope.Set, error) {
	if asked != nil {
		if err := (ceiling{scopes: widest}).holds(*asked, nil); err != nil {
			return scope.Set{}, err
		}
		return *asked, g.handOnScopes(*asked)
	}
	scopes := common(g.caller.Authority.Scopes, widest)
	if scopes.IsEmpty() {
		return scopes, access.New(access.Forbidden, "scope_exceeded", "your credential holds none of the scopes these roles give, so it cannot make the user's first key").At("/scopes")
	}
	return scopes, nil
}

// common is what both sets allow, as far as the patterns of either can say it.
func common(a, b scope.Set) scope.Set {
	var both []scope.Pattern
	for _, p := range a.Patterns() {
		if b.Includes(p) {
			both = append(both, p)
		}
	}
	for _, p := range b.Patterns() {
		if a.Includes(p) {
			both = append(both, p)
		}
	}
	return scope.NewSet(both...)
}

// newcomer is a user about to be made, checked.
type newcomer struct {
	name, email, comment string
	roles                []access.Role
	scopes               scope.Set
}

// insertUser writes a user, its membership and first key.
func (s *Service) insertUser(ctx context.Context, tx *store.Tx, g *grant, in newcomer) (CreatedUser, error) {
	now := s.stamp()
	user := access.User{ID: seal.NewID("usr"), Name: in.name, Email: in.email, Active: true, Created: now, Revision: tx.Revision()}
	member := access.Membership{
		ID: seal.NewID("mem"), OrganizationID: g.org.ID, UserID: user.ID, Roles: in.roles,
		Comment: in.comment, Active: true, Created: now, Revision: tx.Revision(),
	}
	key := access.Key{
		ID: seal.NewID("key"), OrganizationID: g.org.ID, UserID: user.ID, Kind: access.KeyLive, Comment: in.comment,
		Scopes: in.scopes, Roles: in.roles, Version: 1, Created: now, Revision: tx.Revision(),
	}
	if err := tx.InsertUser(user); err != nil {
		return CreatedUser{}, err
	}
	if err := tx.InsertMembership(member); err != nil {
		return CreatedUser{}, err
	}
	issued, err := s.insertKey(ctx, tx, key)
	if err != nil {
		return CreatedUser{}, err
	}
	shown, err := namesIn(ctx, tx, g.org.ID).user(g, user, member)
	return CreatedUser{User: shown, Key: issued}, err
}

// UpdateUser changes a profile. Disabling ends every pass of the user at once,
// in all its organizations. Codes: profile_foreign (403), last_administrator (409).
func (s *Service) UpdateUser(ctx context.Context, caller *access.Caller, org, user string, patch UserPatch, ifRevision int64) (User, error) {
	var wrong faults
	if patch.Name != nil {
		wrong.text("/name", *patch.Name, maxName)
	}
	if patch.Email != nil {
		wrong.email("/email", *patch.Email)
	}
	if err := wrong.err(); err != nil {
		return User{}, err
	}
	var out User
	err := s.change(ctx, caller, opUpdateUser, org, func(tx *store.Tx, g *grant) error {
		old, member, err := s.member(ctx, tx, g, user)
		if err != nil {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		next := old
		set(&next.Name, patch.Name)
		set(&next.Email, patch.Email)
		set(&next.Active, patch.Active)
		if next != old {
			next.Revision = tx.Revision()
		}
		if out, err = namesIn(ctx, tx, g.org.ID).user(g, next, member); err != nil {
			return err
		}
		if err := s.mayUpdateUser(ctx, tx, g, old, next); err != nil {
			return err
		}
		if next == old {
			return errSame
		}
		if old.Active && !next.Active {
			if err := s.endUser(ctx, tx, next.ID, "user_disabled"); err != nil {
				return err
			}
		}
		if err := tx.UpdateUser(next); err != nil {
			return err
		}
		return tx.Record("user.updated", g.org.ID, next.ID, map[string]any{
			"name": next.Name != old.Name, "email": next.Email != old.Email, "active": next.Active,
		})
	})
	return out, sameIsFine(err)
}

// mayUpdateUser lets users write their own name and e-mail, and leaves the rest
// to who manages the profile. A key for the user in another organization may have
// been made there by somebody else, so it does not count as the user's own.
func (s *Service) mayUpdateUser(ctx context.Context, tx *store.Tx, g *grant, old, next access.User) error {
	if old.ID != g.caller.UserID || old.Active != next.Active {
		return s.mayManageUser(ctx, tx, g, old.ID)
	}
	return mayWriteProfile(ctx, tx, g, old.ID)
}

func mayWriteProfile(ctx context.Context, tx *store.Tx, g *grant, userID string) error {
	if g.isAdministrator() {
		return nil
	}
	owner, err := home(ctx, tx, userID)
	if err == nil && owner != g.org.ID {
		return errForeignProfile
	}
	return err
}

var errForeignProfile = access.New(access.Forbidden, "profile_foreign", "this user's profile is managed by another organization; change its membership here instead")

// mayManageUser holds that a profile is its home organization's, and that
// administrators are for administrators.
func (s *Service) mayManageUser(ctx context.Context, tx *store.Tx, g *grant, userID string) error {
	if !g.everything {
		return errNotYours
	}
	if g.isAdministrator() {
		return nil
	}
	if err := mayWriteProfile(ctx, tx, g, userID); err != nil {
		return err
	}
	return s.everyMembership(ctx, tx, userID, func(m access.Membership) error { return g.mayTouch(m.Roles) })
}

// everyMembership visits the places a user has in all organizations.
func (s *Service) everyMembership(ctx context.Context, tx *store.Tx, userID string, visit func(access.Membership) error) error {
	return each(func(after string) ([]access.Membership, error) {
		return tx.MembershipsOfUser(ctx, userID, store.Page{After: after})
	}, func(m access.Membership) string { return m.ID }, visit)
}

// each visits all rows of a list that is read in parts.
func each[R any](read func(after string) ([]R, error), id func(R) string, visit func(R) error) error {
	for after := ""; ; {
		rows, err := read(after)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if err := visit(row); err != nil {
				return err
			}
		}
		after = id(rows[len(rows)-1])
	}
}

// endUser ends the user's passes, unless an organization would lose its last
// active administrator.
func (s *Service) endUser(ctx context.Context, tx *store.Tx, userID, reason string) error {
	err := s.everyMembership(ctx, tx, userID, func(m access.Membership) error {
		return s.keepAdministrator(ctx, tx, m)
	})
	if err != nil {
		return err
	}
	if err := errors.Join(tx.DeleteSessionsOfUser(userID), tx.DeletePasswordLinks(userID)); err != nil {
		return err
	}
	return s.revoke(tx, userID, reason, time.Time{})
}

// DeleteUser deletes a user with its memberships and keys, everywhere. Codes:
// profile_foreign (403), last_administrator (409).
func (s *Service) DeleteUser(ctx context.Context, caller *access.Caller, org, user string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteUser, org, func(tx *store.Tx, g *grant) error {
		old, _, err := s.member(ctx, tx, g, user)
		if err != nil {
			return err
		}
		if err := s.mayManageUser(ctx, tx, g, user); err != nil {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		if err := s.endUser(ctx, tx, user, "user_deleted"); err != nil {
			return err
		}
		if err := tx.DeleteUser(user); err != nil {
			return err
		}
		return tx.Record("user.deleted", g.org.ID, user, nil)
	})
}
