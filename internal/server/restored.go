package server

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/token"
)

// Restored makes a store that was brought back to an earlier state safe to
// serve: it replaces the signing keys, so that every pass made before is over.
// Among those are passes that were revoked after that state, which the store no
// longer knows of, and passes that carry revisions still to come, which no new
// revocation would reach. Keys, users and applications stay as they were then.
//
// No server may be running on the store. It returns the id of the new signing
// key, whose algorithm is that of the one in use before.
func Restored(ctx context.Context, c Config) (signingKey string, err error) {
	sealer, err := c.loadSealer()
	if err != nil {
		return "", err
	}
	st, err := c.open(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := checkMasterKey(ctx, st, sealer); err != nil {
		return "", err
	}
	old, err := st.SigningKeys(ctx)
	if err != nil {
		return "", err
	}
	if len(old) == 0 {
		return "", access.New(access.Conflict, "not_initialized", "there is no signing key in this store; 'daypass init' makes one")
	}
	now := time.Now()
	key, err := token.GenerateKey(old[len(old)-1].Algorithm, now)
	if err != nil {
		return "", err
	}
	row, err := sealSigningKey(sealer, key)
	if err != nil {
		return "", err
	}
	_, err = st.Change(ctx, access.Actor{}, "", now, func(tx *store.Tx) error {
		for _, k := range old {
			if err := tx.DeleteSigningKey(k.ID); err != nil {
				return err
			}
		}
		return errors.Join(
			tx.InsertSigningKey(row),
			tx.Record("platform.restored", "", key.ID, map[string]any{"algorithm": key.Algorithm, "signing_keys_ended": len(old)}),
		)
	})
	return key.ID, err
}
