package server

import (
	"context"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/token"
)

// signingKeyIdentity binds a sealed signing key to its row.
func signingKeyIdentity(id string) string { return "signing_keys/" + id }

// sealSigningKey makes the row of a signing key.
func sealSigningKey(s *seal.Sealer, k token.SigningKey) (store.SigningKey, error) {
	private, err := k.MarshalPrivate()
	if err != nil {
		return store.SigningKey{}, err
	}
	sealed, err := s.Seal(private, signingKeyIdentity(k.ID))
	clear(private)
	if err != nil {
		return store.SigningKey{}, err
	}
	return store.SigningKey{ID: k.ID, Algorithm: k.Algorithm, Public: []byte{}, Sealed: sealed, Created: k.Created, NotBefore: k.NotBefore}, nil
}

// loadKeyset opens every signing key. One that cannot be opened stops the start:
// its row was altered, or swapped with another.
func loadKeyset(ctx context.Context, st *store.Store, s *seal.Sealer, issuer string, now func() time.Time) (*token.Keyset, error) {
	rows, err := st.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]token.SigningKey, 0, len(rows))
	for _, row := range rows {
		private, err := s.Open(row.Sealed, signingKeyIdentity(row.ID))
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		k, err := token.SigningKey{ID: row.ID, Algorithm: row.Algorithm, Created: row.Created, NotBefore: row.NotBefore, Retire: row.Retired}.UnmarshalPrivate(private)
		clear(private)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		keys = append(keys, k)
	}
	set := token.NewKeyset(issuer, now)
	return set, set.Replace(keys)
}
