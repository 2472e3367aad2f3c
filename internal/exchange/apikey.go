package exchange

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/verify"
)

// Credential is a text that proves by itself: an API key's, or a pass's. Its form
// tells which; a form nobody knows is denied.
type Credential string

func (c Credential) account() string { return "" }

func (c Credential) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	switch text := string(c); {
	case text == "":
		return nil, access.ErrUnauthenticated
	case strings.HasPrefix(text, "dp_"):
		return s.proveKey(ctx, text, client, now)
	case strings.Count(text, ".") == 2 || verify.IsEncrypted(text):
		return s.provePass(ctx, text, client, now)
	}
	return nil, access.ErrBadCredential.Because(errFalse)
}

// proveKey proves by an API key's text. A text with a wrong checksum is refused
// without a lookup.
func (s *Service) proveKey(ctx context.Context, text string, client Client, now time.Time) (*principal, error) {
	if _, err := seal.ParseKeyText(text); err != nil && !s.AnyKeyText {
		return nil, refute("key_malformed", "this is not a whole API key: its checksum is wrong; copy it again")
	}
	h, err := s.holderByHash(ctx, s.KeyHash(text), now)
	if errors.Is(err, access.ErrNotFound) {
		return nil, refute("key_unknown", "this API key does not exist, or was deleted or rotated")
	}
	if err != nil {
		return nil, err
	}
	if err := h.usable(client, now); err != nil {
		return nil, err
	}
	if h.signs {
		return nil, access.New(access.Unauthenticated, "signature_required", "this key must sign its requests; its text alone proves nothing")
	}
	return &principal{holder: h, subject: h.userID, authority: h.authority}, nil
}

// usable refuses a key that has ended, that may not be used from here, or that is
// for others than its owner.
func (h *holder) usable(client Client, now time.Time) error {
	if err := h.usableKey(client, now); err != nil {
		return err
	}
	if h.userGroup {
		return access.New(access.Unauthenticated, "challenge_required", "a user-group key lets an application's own users in by a challenge; its text alone proves nobody")
	}
	return nil
}

func wrongAddress(c Client) error {
	return access.New(access.Unauthenticated, "wrong_address", fmt.Sprintf("this credential may not be used from %s", c.Address))
}

func (s *Service) holderByHash(ctx context.Context, hash [32]byte, now time.Time) (*holder, error) {
	if c, ok := s.byHash.GetIfPresent(hash); ok && s.current(c) {
		return c.holder, nil
	}
	loaded, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	found, err := s.Holders.HolderByHash(ctx, hash, now)
	if err != nil {
		return nil, err
	}
	h := s.keep(found)
	s.byHash.Set(hash, cached{h, loaded})
	return h, nil
}

func (s *Service) holderOf(ctx context.Context, source access.Source, now time.Time) (*holder, error) {
	return s.cachedHolder(source, now, func() (*access.Holder, error) { return s.Holders.HolderOf(ctx, source) })
}

// cachedHolder finds a holder by a source, and reads it where it is not kept.
func (s *Service) cachedHolder(source access.Source, now time.Time, read func() (*access.Holder, error)) (*holder, error) {
	if c, ok := s.bySource.GetIfPresent(source); ok && s.current(c) {
		return c.holder, nil
	}
	loaded, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	found, err := read()
	if err != nil {
		return nil, err
	}
	h := s.keep(found)
	s.bySource.Set(source, cached{h, loaded})
	return h, nil
}

// current reports whether nothing of the holder's organization changed since it
// was read. The revision was noted before reading, so a change in between shows.
func (s *Service) current(c cached) bool {
	return s.Scene.Changed(c.holder.organization.Value().ID) <= c.loaded
}
