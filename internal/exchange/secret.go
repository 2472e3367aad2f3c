package exchange

import (
	"context"
	"strings"
	"time"
)

// Secret is a key as a client of OAuth 2.0 (RFC 6749, section 2.3.1): its id is the
// client_id, its text the client_secret.
type Secret struct {
	ClientID string // key_…
	Text     string // dp_…
}

// account is empty: the text names its key, and is too long to be guessed.
func (Secret) account() string { return "" }

func (c Secret) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	if !strings.HasPrefix(c.Text, "dp_") {
		return nil, refuteClient()
	}
	p, err := s.proveKey(ctx, c.Text, client, now)
	if err == nil && p.holder.source.KeyID != c.ClientID {
		return nil, refuteClient()
	}
	return p, err
}

func refuteClient() error {
	return refute("client_invalid", "the client_id is the id of a key (key_…), and its client_secret is that key's text (dp_…); these do not belong together")
}
