package store

import (
	"context"
	"time"
)

// KeySecrets are the sealed signing secrets of a key.
type KeySecrets struct {
	OrganizationID string
	Version        int64     // of Current
	Current        []byte    // nil: the key has none
	Previous       []byte    // of the version before; nil: there is none
	OverlapUntil   time.Time // when Previous ends; zero: it has ended
}

// KeySecrets finds the secrets of a key by its id alone; else not_found.
func (s queries) KeySecrets(ctx context.Context, id string) (KeySecrets, error) {
	row, err := s.q.KeySecrets(ctx, id)
	if err != nil {
		return KeySecrets{}, translate(err)
	}
	return KeySecrets{
		OrganizationID: row.OrganizationID, Version: row.Version, Current: row.SecretSealed, Previous: row.PrevSecretSealed, OverlapUntil: fromMillis(row.PrevUntil),
	}, nil
}
