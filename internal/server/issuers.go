package server

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/outside"
)

// outsiders reads tokens of outside issuers at the gate, in a pass's place.
func outsiders(d *outside.Directory) func(text, organization string) (*access.Token, error) {
	return func(text, organization string) (*access.Token, error) {
		if !d.AtGate() {
			return nil, access.ErrBadCredential
		}
		// Known keys are at hand. For another one it waits as long as a fetch may take,
		// and no caller's going away ends a fetch that others wait for.
		t, err := d.Token(context.Background(), text, organization, access.AcceptGate)
		if errors.Is(err, outside.ErrUntrusted) {
			// It may be good at another organization, and the gate says so.
			return d.Token(context.Background(), text, "", access.AcceptGate)
		}
		return t, err
	}
}

var _ exchange.Outside = (*outside.Directory)(nil)

// catchUpIssuers brings the directory level with the feed. Tokens of outside issuers
// carry no revision of ours, so those that are remembered are judged anew after any
// change to what they were judged by.
func (f *follower) catchUpIssuers(ctx context.Context, since, head int64, revoked []access.Revocation) error {
	if f.issuers == nil {
		return nil
	}
	concerned := slices.ContainsFunc(revoked, func(r access.Revocation) bool {
		return strings.HasPrefix(r.Subject, "isr_") || strings.HasPrefix(r.Subject, "org_") || strings.HasPrefix(r.Subject, "app_")
	})
	changed := since == 0 || concerned
	if !changed {
		var err error
		if changed, err = f.store.IssuersChanged(ctx, since); err != nil {
			return err
		}
	}
	if !changed {
		f.issuers.Advance(head)
		return nil
	}
	was := f.issuers.AtGate()
	list, err := f.store.ActiveIssuers(ctx)
	if err != nil {
		return err
	}
	f.issuers.Replace(list, head)
	if was || f.issuers.AtGate() {
		f.gate.Forget()
	}
	return nil
}

// closeIssuers ends fetches of keys when the server does.
func (s *Server) closeIssuers(ctx context.Context) {
	<-ctx.Done()
	s.issuers.Close()
}
