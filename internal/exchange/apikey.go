package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
)

// proveKey proves by an API key's text. A text with a wrong checksum is refused
// without a lookup.
func (s *Service) proveKey(ctx context.Context, text string, client Client, now time.Time) (*principal, error) {
	if _, err := seal.ParseKeyText(text); err != nil {
		return nil, access.New(access.Unauthenticated, "key_malformed", "this is not a whole API key: its checksum is wrong; copy it again")
	}
	h, err := s.holderByHash(ctx, s.KeyHash(text), now)
	if errors.Is(err, access.ErrNotFound) {
		return nil, access.New(access.Unauthenticated, "key_unknown", "this API key does not exist, or was deleted or rotated")
	}
	if err != nil {
		return nil, err
	}
	if err := h.live(now); err != nil {
		return nil, err
	}
	if !h.authority.Everywhere && !h.authority.Networks.Contains(client.Address) {
		return nil, wrongAddress(client)
	}
	if h.signs {
		return nil, access.New(access.Unauthenticated, "signature_required", "this key must sign its requests; its text alone proves nothing")
	}
	if h.userGroup {
		return nil, access.New(access.Unauthenticated, "challenge_required", "a user-group key lets an application's own users in by a challenge; its text alone proves nobody")
	}
	return &principal{holder: h, authority: h.authority}, nil
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

func (s *Service) holderByKey(ctx context.Context, keyID string, version int64, now time.Time) (*holder, error) {
	id := access.KeyLineage(keyID, version)
	if c, ok := s.byKey.GetIfPresent(id); ok && s.current(c) {
		return c.holder, nil
	}
	loaded, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	found, err := s.Holders.HolderByKey(ctx, keyID, version)
	if err != nil {
		return nil, err
	}
	h := s.keep(found)
	s.byKey.Set(id, cached{h, loaded})
	return h, nil
}

// current reports whether nothing of the holder's organization changed since it
// was read. The revision was noted before reading, so a change in between shows.
func (s *Service) current(c cached) bool {
	return s.Scene.Changed(c.holder.organization.Value().ID) <= c.loaded
}
