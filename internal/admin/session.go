package admin

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// Sessions lists the sessions of a user in the organization, the oldest first.
func (s *Service) Sessions(ctx context.Context, caller *access.Caller, org, user string, p Page) (List[access.Session], error) {
	g, err := s.authorize(ctx, s.store, caller, opListSessions, org)
	if err != nil {
		return List[access.Session]{}, err
	}
	if _, _, err := s.member(ctx, s.store, g, user); err != nil {
		return List[access.Session]{}, err
	}
	return paged(s, listing{"sessions", g.org.ID, user}, p,
		func(after string, limit int) ([]access.Session, error) {
			return s.store.SessionsOfMember(ctx, g.org.ID, user, s.now(), store.Page{After: after, Limit: limit})
		},
		func(n access.Session) string { return n.ID }, as[access.Session])
}

// EndSession ends one session of a user with its passes, at once.
func (s *Service) EndSession(ctx context.Context, caller *access.Caller, org, user, session string) error {
	return s.change(ctx, caller, opEndSession, org, func(tx *store.Tx, g *grant) error {
		if err := s.mayEndSessions(ctx, tx, g, user); err != nil {
			return err
		}
		n, err := tx.Session(ctx, session)
		if err != nil {
			return err
		}
		if n.OrganizationID != g.org.ID || n.UserID != user {
			return access.ErrNotFound
		}
		return s.endSession(tx, n, "session_ended")
	})
}

// EndSessions ends all sessions of a user in the organization, at once.
func (s *Service) EndSessions(ctx context.Context, caller *access.Caller, org, user string) error {
	return sameIsFine(s.change(ctx, caller, opEndSessions, org, func(tx *store.Tx, g *grant) error {
		if err := s.mayEndSessions(ctx, tx, g, user); err != nil {
			return err
		}
		ended := 0
		err := each(func(after string) ([]access.Session, error) {
			return tx.SessionsOfUser(ctx, user, store.Page{After: after})
		}, func(n access.Session) string { return n.ID }, func(n access.Session) error {
			if n.OrganizationID != g.org.ID {
				return nil
			}
			ended++
			return s.dropSession(tx, n, "session_ended")
		})
		if err != nil {
			return err
		}
		if ended == 0 {
			return errSame
		}
		return tx.Record("sessions.ended", g.org.ID, user, map[string]any{"sessions": ended})
	}))
}

func (s *Service) mayEndSessions(ctx context.Context, tx *store.Tx, g *grant, user string) error {
	_, member, err := s.member(ctx, tx, g, user)
	if err != nil || user == g.caller.UserID {
		return err
	}
	return g.mayTouch(member.Roles)
}

// EndStolenSession ends a session for a reason that needs nobody's permission: its
// refresh token came back. Not_found: it is gone.
func (s *Service) EndStolenSession(ctx context.Context, n access.Session, reason string, from access.Actor, requestID string) error {
	from.UserID = n.UserID
	return s.commit(ctx, from, requestID, func(tx *store.Tx) error { return s.endSession(tx, n, reason) })
}

func (s *Service) endSession(tx *store.Tx, n access.Session, reason string) error {
	if err := s.dropSession(tx, n, reason); err != nil {
		return err
	}
	return tx.Record("session.ended", n.OrganizationID, n.ID, map[string]any{"user": n.UserID, "reason": reason})
}

// dropSession ends a session's refresh tokens, and its passes where any may live.
func (s *Service) dropSession(tx *store.Tx, n access.Session, reason string) error {
	if err := tx.DeleteSession(n.ID); err != nil {
		return err
	}
	return s.revoke(tx, n.ID, reason, time.Time{})
}

// endSessions ends all sessions of a user, everywhere. Of those whose passes have
// ended already there is nothing to revoke.
func (s *Service) endSessions(ctx context.Context, tx *store.Tx, userID, reason string) (ended int, err error) {
	err = each(func(after string) ([]access.Session, error) {
		return tx.SessionsOfUser(ctx, userID, store.Page{After: after})
	}, func(n access.Session) string { return n.ID }, func(n access.Session) error {
		ended++
		if n.Lives.Add(time.Hour).Before(tx.Now()) { // clocks differ
			return nil
		}
		return s.revoke(tx, n.ID, reason, time.Time{})
	})
	if err != nil {
		return 0, err
	}
	return ended, tx.DeleteSessionsOfUser(userID)
}

// Attempts lists false proofs at the organization's users, the latest first; an
// administrator of the platform also sees those at nobody's.
func (s *Service) Attempts(ctx context.Context, caller *access.Caller, org string, since time.Time, limit int) ([]access.Attempts, error) {
	g, err := s.authorize(ctx, s.store, caller, opListAttempts, org)
	if err != nil {
		return nil, err
	}
	most, err := pageSize(limit, maxPage)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Attempts(ctx, g.org.ID, since, most)
	if err != nil || !g.isAdministrator() || len(list) == most {
		return list, err
	}
	nobodys, err := s.store.Attempts(ctx, "", since, most-len(list))
	return append(list, nobodys...), err
}
