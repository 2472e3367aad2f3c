package admin

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// TokenFilter narrows a list of tokens.
type TokenFilter struct {
	User string // id
	Key  string // id
}

// Tokens lists the tokens that live, the newest first. They are recorded in
// batches: one may show a second after it was issued.
func (s *Service) Tokens(ctx context.Context, caller *access.Caller, org string, filter TokenFilter, p Page) (List[access.IssuedToken], error) {
	none := List[access.IssuedToken]{}
	g, err := s.authorize(ctx, s.store, caller, opListTokens, org)
	if err != nil {
		return none, err
	}
	user, err := s.onlyUser(ctx, g, filter.User)
	if err != nil {
		return none, err
	}
	if filter.Key != "" {
		if err := s.keyInReach(ctx, g, filter.Key); err != nil {
			return none, err
		}
	}
	return paged(s, listing{"tokens", g.org.ID, user, filter.Key}, p,
		func(after string, limit int) ([]access.IssuedToken, error) {
			return s.store.Tokens(ctx,
				store.TokenFilter{OrganizationID: g.org.ID, UserID: user, KeyID: filter.Key, LiveAt: s.now()},
				store.Page{After: after, Limit: limit})
		},
		func(t access.IssuedToken) string { return t.ID }, as[access.IssuedToken])
}

// keyInReach finds a key of the organization that the operation reaches.
func (s *Service) keyInReach(ctx context.Context, g *grant, id string) error {
	k, err := s.store.Key(ctx, g.org.ID, id)
	if err == nil && !g.mayUser(k.UserID) {
		err = errNotYours
	}
	return err
}

// Token returns the record of one, live or not.
func (s *Service) Token(ctx context.Context, caller *access.Caller, org, token string) (access.IssuedToken, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetToken, org)
	if err != nil {
		return access.IssuedToken{}, err
	}
	return g.token(s.store.IssuedToken(ctx, g.org.ID, token))
}

func (g *grant) token(t access.IssuedToken, err error) (access.IssuedToken, error) {
	if err == nil && !g.mayUser(t.UserID) {
		return access.IssuedToken{}, errNotYours
	}
	return t, err
}

// RevokeToken ends a token, its other renewals, and all that was narrowed from
// any of them, at once.
func (s *Service) RevokeToken(ctx context.Context, caller *access.Caller, org, token string) error {
	return s.change(ctx, caller, opRevokeToken, org, func(tx *store.Tx, g *grant) error {
		t, err := g.token(tx.IssuedToken(ctx, g.org.ID, token))
		if err != nil {
			return err
		}
		return s.endToken(tx, t.OrganizationID, t.ID, t.Head)
	})
}

func (s *Service) endToken(tx *store.Tx, orgID, id, head string) error {
	if err := s.revoke(tx, head, "pass_revoked", time.Time{}); err != nil {
		return err
	}
	return tx.Record("token.revoked", orgID, id, map[string]any{"family": head})
}

// RevokePresented ends a token by possession: whoever holds its text may end it,
// with any credential or none (caller nil: the token itself is recorded as the
// actor). The token's signature, kind and issuer must have been checked; one that
// has expired, or was revoked, is ended once more.
func (s *Service) RevokePresented(ctx context.Context, caller *access.Caller, token *access.Token) error {
	actor := access.Actor{UserID: token.UserID, KeyID: token.KeyID, TokenID: token.ID}
	requestID := ""
	if caller != nil {
		actor, requestID = caller.Actor(), caller.RequestID
	}
	return s.commit(ctx, actor, requestID, func(tx *store.Tx) error {
		return s.endToken(tx, token.OrganizationID, token.ID, token.Head())
	})
}

// LeavePresented logs out whoever holds a token's text: the token ends, with what was
// made from it, and so does the login by password that made it. Everywhere means all
// tokens of its key, or all logins of its user, and so takes the permission to end
// those. What others obtained through the same outside issuer or user-group key goes on.
func (s *Service) LeavePresented(ctx context.Context, caller *access.Caller, token *access.Token, everywhere bool) error {
	if everywhere {
		op := opRevokeToken
		if token.Via != "" {
			op = opEndSessions
		}
		if _, err := s.authorize(ctx, s.store, caller, op, caller.Organization.ID); err != nil {
			return err
		}
	}
	return s.commit(ctx, caller.Actor(), caller.RequestID, func(tx *store.Tx) error {
		if token.Via != "" {
			return s.leaveLogin(ctx, tx, token, everywhere)
		}
		if everywhere {
			return s.endToken(tx, token.OrganizationID, token.ID, token.KeyID)
		}
		return s.endToken(tx, token.OrganizationID, token.ID, token.Head())
	})
}

func (s *Service) leaveLogin(ctx context.Context, tx *store.Tx, token *access.Token, everywhere bool) error {
	n, err := tx.Session(ctx, token.Via)
	if errors.Is(err, access.ErrNotFound) { // an identity or an outside issuer, or a login that has ended
		return s.endToken(tx, token.OrganizationID, token.ID, token.Head())
	}
	if err != nil {
		return err
	}
	if !everywhere {
		return s.endSession(tx, n, "session_ended")
	}
	err = each(func(after string) ([]access.Session, error) {
		return tx.SessionsOfUser(ctx, n.UserID, store.Page{After: after})
	}, func(n access.Session) string { return n.ID }, func(n access.Session) error {
		return s.dropSession(tx, n, "session_ended")
	})
	if err != nil {
		return err
	}
	return tx.Record("sessions.ended", n.OrganizationID, n.UserID, map[string]any{"everywhere": true})
}
