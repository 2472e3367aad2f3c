package store

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// OpenSession adds the session of a login with the keyed hash of its first refresh
// token, if the user's password still is the one that was checked; else not_found.
// It is no change: what a login issues is recorded with its pass.
func (s *Store) OpenSession(ctx context.Context, passwordHash string, hash [32]byte, n access.Session) error {
	return s.inTx(ctx, func(q *gen.Queries) error {
		err := changedOne(q.UsePassword(ctx, gen.UsePasswordParams{UserID: n.UserID, Hash: passwordHash, Used: millis(n.Created)}))
		if err != nil {
			return err
		}
		return insertSession(ctx, q, hash, n)
	})
}

func insertSession(ctx context.Context, q *gen.Queries, hash [32]byte, n access.Session) error {
	return translate(q.InsertSession(ctx, gen.InsertSessionParams{
		ID: n.ID, OrganizationID: n.OrganizationID, UserID: n.UserID, Hash: hash[:], Created: millis(n.Created),
		Idle: millis(n.Idle), Expires: millis(n.Expires), Lives: millis(n.Lives),
		Used: millis(n.LastUse.Time), UsedAddress: addressText(n.LastUse.Address), UsedAgent: storable(n.LastUse.UserAgent),
		Confirmation: n.Confirmation,
	}))
}

// SessionByRefresh finds the session of a refresh token by its keyed hash. Spent
// says that it was exchanged already.
func (s queries) SessionByRefresh(ctx context.Context, hash [32]byte) (n access.Session, spent bool, err error) {
	n, err = sessionOf(s.q.SessionByHash(ctx, hash[:]))
	if !errors.Is(err, access.ErrNotFound) {
		return n, false, err
	}
	n, err = sessionOf(s.q.SessionByPast(ctx, hash[:]))
	return n, true, err
}

func sessionOf(row gen.Session, err error) (access.Session, error) { return one(row, err, session) }

// RotateSession exchanges the session's refresh token for its next. Of any number
// that try with the same one, a single one wins. It is no change.
func (s *Store) RotateSession(ctx context.Context, old, next [32]byte, n access.Session) (won bool, err error) {
	err = s.inTx(ctx, func(q *gen.Queries) error {
		rows, err := q.RotateSession(ctx, gen.RotateSessionParams{
			ID: n.ID, Old: old[:], Hash: next[:], Idle: millis(n.Idle), Lives: millis(n.Lives),
			Used: millis(n.LastUse.Time), UsedAddress: addressText(n.LastUse.Address), UsedAgent: storable(n.LastUse.UserAgent),
			Confirmation: n.Confirmation,
		})
		if won = rows == 1; err != nil || !won {
			return translate(err)
		}
		return translate(q.InsertSessionPast(ctx, gen.InsertSessionPastParams{Hash: old[:], SessionID: n.ID}))
	})
	return won && err == nil, err
}

// Session finds one by its id.
func (s queries) Session(ctx context.Context, id string) (access.Session, error) {
	return sessionOf(s.q.Session(ctx, id))
}

// SessionsOfUser lists all sessions of a user, also those that are over.
func (s queries) SessionsOfUser(ctx context.Context, userID string, page Page) ([]access.Session, error) {
	rows, err := s.q.SessionsOfUser(ctx, gen.SessionsOfUserParams{UserID: userID, After: page.After, Most: page.most()})
	return each(rows, err, session)
}

// SessionsOfMember lists the sessions of a user in one organization that are good at now.
func (s queries) SessionsOfMember(ctx context.Context, orgID, userID string, now time.Time, page Page) ([]access.Session, error) {
	rows, err := s.q.SessionsOfMember(ctx, gen.SessionsOfMemberParams{
		OrganizationID: orgID, UserID: userID, Now: millis(now), After: page.After, Most: page.most(),
	})
	return each(rows, err, session)
}

// DeleteSession ends the session's refresh tokens. Its passes live on until the
// change also revokes them.
func (t *Tx) DeleteSession(id string) error { return t.wroteOne(t.q.DeleteSession(t.ctx, id)) }

// DeleteSessionsOfUser ends all refresh tokens of a user.
func (t *Tx) DeleteSessionsOfUser(userID string) error {
	return t.wrote(t.q.DeleteSessionsOfUser(t.ctx, userID))
}

func session(row gen.Session) (access.Session, error) {
	use, err := lastUse(row.Used, row.UsedAddress, row.UsedAgent)
	return access.Session{
		ID: row.ID, OrganizationID: row.OrganizationID, UserID: row.UserID, Created: fromMillis(row.Created),
		Idle: fromMillis(row.Idle), Expires: fromMillis(row.Expires), Lives: fromMillis(row.Lives), LastUse: use, Confirmation: row.Confirmation,
	}, err
}

// Places lists where a user may log in, the oldest membership first.
func (s queries) Places(ctx context.Context, userID string) ([]access.Place, error) {
	rows, err := s.q.PlacesOfUser(ctx, userID)
	return each(rows, err, func(row gen.PlacesOfUserRow) (access.Place, error) {
		return access.Place{OrganizationID: row.ID, Organization: row.Slug, Active: row.Active}, nil
	})
}

// HolderBySession finds again the holder that a session stands for.
func (s queries) HolderBySession(ctx context.Context, id string) (*access.Holder, error) {
	n, err := s.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.HolderByLogin(ctx, n)
}

// HolderByLogin finds what a session, which need not be kept yet, may hand on: all
// that the user's membership gives.
func (s queries) HolderByLogin(ctx context.Context, n access.Session) (*access.Holder, error) {
	row, err := s.q.HolderByMember(ctx, gen.HolderByMemberParams{OrganizationID: n.OrganizationID, UserID: n.UserID})
	if err != nil {
		return nil, translate(err)
	}
	h := &access.Holder{Via: n.ID}
	if h.Membership, err = membership(row.Membership); err != nil {
		return nil, unreadable(err)
	}
	h.User, _ = user(row.User)
	h.Organization, _ = organization(row.Organization)
	h.Key = access.Key{OrganizationID: n.OrganizationID, UserID: n.UserID, Scopes: everything, Roles: h.Membership.Roles, Expires: n.Expires}
	h.Revision = max(h.Membership.Revision, h.User.Revision, h.Organization.Revision)
	if err := s.addRoleScopes(ctx, h); err != nil {
		return nil, err
	}
	return h, s.addApplications(ctx, h)
}
