package exchange

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
)

// refreshProof proves by the refresh token of a session. It is made by
// [Service.Refresh] alone, which exchanges the token for its next.
type refreshProof struct {
	hash    [32]byte
	session access.Session
}

// account is empty: the text has 256 random bits.
func (p *refreshProof) account() string { return "" }

func (p *refreshProof) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	n, spent, err := s.Logins.Sessions.SessionByRefresh(ctx, p.hash)
	if errors.Is(err, access.ErrNotFound) {
		return nil, errRefresh
	}
	if err != nil {
		return nil, err
	}
	if spent {
		return nil, s.endReused(ctx, n, client)
	}
	if n.Over(now) {
		return nil, errOver
	}
	h, err := s.holderOf(ctx, access.Source{Via: n.ID}, now)
	if errors.Is(err, access.ErrNotFound) {
		return nil, errRefresh
	}
	if err != nil {
		return nil, err
	}
	if err := h.live(now); err != nil {
		return nil, err
	}
	p.session = n
	authority := h.authority
	authority.Confirmation = n.Confirmation
	return &principal{holder: h, subject: h.userID, authority: authority}, nil
}

// endReused ends the session of a refresh token that came back (RFC 9700, section
// 4.14.2). While that cannot be made to hold, the answer is not that it does.
func (s *Service) endReused(ctx context.Context, n access.Session, client Client) error {
	err := s.Logins.EndSession(ctx, n, "refresh_token_reused", client)
	if err != nil && !errors.Is(err, access.ErrNotFound) { // gone already: somebody else ended it
		return err
	}
	return errReused
}

// RefreshesUntil tells until when a refresh token is good, where it is of the session
// that made the pass; else refresh_token_invalid. One that was used before ends the
// session, as with [Service.Refresh].
func (s *Service) RefreshesUntil(ctx context.Context, text string, pass *access.Token, client Client) (time.Time, error) {
	if s.Logins == nil {
		return time.Time{}, errNoLogins
	}
	if !seal.IsRefreshToken(text) {
		return time.Time{}, errRefresh
	}
	n, spent, err := s.Logins.Sessions.SessionByRefresh(ctx, s.KeyHash(text))
	switch {
	case errors.Is(err, access.ErrNotFound) || err == nil && n.ID != pass.Via:
		return time.Time{}, errRefresh
	case err != nil:
		return time.Time{}, err
	case spent:
		return time.Time{}, s.endReused(ctx, n, client)
	}
	return earlier(n.Idle, n.Expires), nil
}

// EndRefreshed ends the session of a refresh token, for whoever holds it (RFC
// 7009). A text that is none, or no more, is as good as ended. Caller is who asks,
// where that was proved: then the session must be of its organization.
func (s *Service) EndRefreshed(ctx context.Context, text string, caller *access.Caller, client Client) error {
	if s.Logins == nil || !seal.IsRefreshToken(text) {
		return nil
	}
	n, _, err := s.Logins.Sessions.SessionByRefresh(ctx, s.KeyHash(text))
	if err == nil && caller != nil && caller.Organization.ID != n.OrganizationID {
		return ErrClientMismatch
	}
	if err == nil {
		err = s.Logins.EndSession(ctx, n, "session_ended", client)
	}
	if errors.Is(err, access.ErrNotFound) {
		return nil
	}
	return err
}

// Refresh takes a session's refresh token for a pass and the next refresh token.
// Of two that use the same one, one is answered, and the session ends for both.
// Old is a pass that was sent beside it, expired or not; it must be the session's
// own. Codes: refresh_token_invalid, refresh_token_reused, session_expired,
// sender_key_required (401), two_credentials (400).
func (s *Service) Refresh(ctx context.Context, text, old string, client Client) (*LoggedIn, error) {
	if s.Logins == nil {
		return nil, errNoLogins
	}
	proof := &refreshProof{}
	if seal.IsRefreshToken(text) { // else the hash of nothing, which is nobody's
		proof.hash = s.KeyHash(text)
	}
	grant, err := s.Exchange(ctx, proof, sessionWish(), client)
	if err != nil {
		return nil, err
	}
	if t, err := s.Tokens.Token(old); old != "" && err == nil && t.Via != proof.session.ID {
		return nil, malformed("two_credentials", "the pass and the refresh token are of different sessions; send the refresh token alone", "")
	}
	now := s.Now()
	n, next := proof.session, seal.NewRefreshToken()
	n.Idle, n.LastUse = now.Add(s.Logins.Idle), client.use(now)
	n.Confirmation = cmp.Or(n.Confirmation, client.Confirmation) // once bound it stays so (RFC 9449, section 5)
	if end := grant.Token.Authority.NotAfter; end.After(n.Lives) {
		n.Lives = end
	}
	won, err := s.Logins.Sessions.RotateSession(ctx, proof.hash, s.KeyHash(next), n)
	if err != nil {
		return nil, err
	}
	if !won {
		return nil, s.endReused(ctx, n, client)
	}
	return loggedIn(grant, next, n, now), nil
}
