package exchange

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Pair is a key's id with the key's text. The text alone would name the key: the
// id is what clients of the door /jwt send beside it, and must be that key's.
type Pair struct{ ID, Secret string }

// account is the id only where the secret may be short enough to be guessed.
func (p Pair) account() string {
	if strings.HasPrefix(p.Secret, "dp_") {
		return ""
	}
	return "pair:" + p.ID
}

func (p Pair) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	found, err := s.proveKey(ctx, p.Secret, client, now)
	if errors.Is(err, errFalse) || err == nil && found.holder.source.KeyID != p.ID {
		return nil, refute("pair_unknown", "there is no key with this id and this apiKey")
	}
	return found, err
}
