package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// An expired pass cannot be renewed: that is a refused renewal (403), while at
// any door it proves nobody (401).
var (
	errExpired       = access.New(access.Forbidden, "token_expired", "this pass has expired and cannot be renewed; exchange the key again")
	expiredAtTheDoor = access.New(access.Unauthenticated, "token_expired", "this pass has expired; exchange the key again")
)

// ErrClientMismatch refuses a client that proved who it is what is another's.
var ErrClientMismatch = access.New(access.Unauthenticated, "client_mismatch", "this was not made for the client that presents it")

// provePass proves by a token: to renew it, or to narrow it for someone else.
func (s *Service) provePass(ctx context.Context, text string, client Client, now time.Time) (*principal, error) {
	t, err := s.Tokens.Token(text)
	if err != nil {
		return nil, access.New(access.Unauthenticated, "token_invalid", "this pass is not valid here: it is damaged, of another kind, or from another issuer").Because(err)
	}
	if reason, dead := s.Scene.Revoked(t, now); dead {
		return nil, access.New(access.Unauthenticated, "token_revoked", "this pass was revoked: "+reason)
	}
	switch {
	case now.Before(t.NotBefore.Add(-verify.Leeway)):
		return nil, access.New(access.Unauthenticated, "token_not_yet_valid", "this pass is not valid yet; check the clocks")
	case !t.Authority.Everywhere && !t.Authority.Networks.Contains(client.Address):
		return nil, wrongAddress(client)
	case !now.Before(t.Authority.NotAfter.Add(verify.Leeway)):
		return nil, errExpired
	}
	h, err := s.holderOf(ctx, t.Source, now)
	if errors.Is(err, access.ErrNotFound) {
		return nil, access.New(access.Unauthenticated, "token_revoked", "the credential this pass came from is gone")
	}
	if err != nil {
		return nil, err
	}
	if err := h.live(now); err != nil {
		return nil, err
	}
	return &principal{holder: h, parent: t, subject: t.Subject, authority: t.Authority, actors: t.Actors}, nil
}

// Pass is the text of a pass as a refresh token or a subject's token: to renew it
// or to narrow it. A key is none.
type Pass struct {
	Text string
	// ClientID is who presents it, where that was proved: then it must be whom the
	// pass was made for (RFC 6749, section 6). Empty: whoever has it.
	ClientID string
}

func (Pass) account() string { return "" }

func (p Pass) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	made, err := s.provePass(ctx, p.Text, client, now)
	if err == nil && p.ClientID != "" && p.ClientID != made.parent.ClientID {
		return nil, ErrClientMismatch
	}
	return made, err
}
