package exchange

import (
	"context"
	"errors"

	"github.com/daypass/daypass/internal/access"
)

// Sketch is the pass that a key would give the client now for an empty wish. It has
// no id and no text, and nothing is recorded: it is to be looked at. It takes no
// proof: may is asked, with the slug of the key's organization, whether it may be
// looked at, before anything is told of the key.
func (s *Service) Sketch(ctx context.Context, key string, client Client, may func(organization string) error) (*access.Token, error) {
	now := s.Now()
	revision, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	h, err := s.holderOf(ctx, access.Source{KeyID: key, KeyVersion: access.CurrentSecret}, now)
	if errors.Is(err, access.ErrNotFound) {
		return nil, access.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if err := may(h.organization.Value().Slug); err != nil {
		return nil, err
	}
	if err := h.usable(client, now); err != nil {
		return nil, err
	}
	p := &principal{holder: h, subject: h.userID, authority: h.authority}
	d, err := s.narrow(p, Wish{}, client, now)
	if err != nil {
		return nil, err
	}
	t := s.draw(p, d, now, revision)
	t.Seal()
	return t, nil
}
