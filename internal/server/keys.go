package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/token"
	"github.com/daypass/daypass/verify"
)

// keyLead is how long a new key is published before it signs: the max-age of the
// key set, and a minute for the other servers to publish it too.
const keyLead = token.JWKSMaxAge + time.Minute

// signingKeyIdentity binds a sealed key to its row.
func signingKeyIdentity(id string) string { return "signing_keys/" + id }

// sealSigningKey makes the row of a signing key.
func sealSigningKey(s *seal.Sealer, k token.SigningKey) (store.SigningKey, error) {
	private, err := k.MarshalPrivate()
	if err != nil {
		return store.SigningKey{}, err
	}
	return sealKey(s, private, store.SigningKey{ID: k.ID, Use: store.UseSignature, Algorithm: k.Algorithm, Created: k.Created, NotBefore: k.NotBefore})
}

// sealEncryptionKey makes the row of an encryption key.
func sealEncryptionKey(s *seal.Sealer, k token.EncryptionKey) (store.SigningKey, error) {
	private, err := k.MarshalPrivate()
	if err != nil {
		return store.SigningKey{}, err
	}
	return sealKey(s, private, store.SigningKey{ID: k.ID, Use: store.UseEncryption, Algorithm: verify.EncryptionAlgorithm, Created: k.Created, NotBefore: k.NotBefore})
}

func sealKey(s *seal.Sealer, private []byte, row store.SigningKey) (store.SigningKey, error) {
	defer clear(private)
	sealed, err := s.Seal(private, signingKeyIdentity(row.ID))
	row.Public, row.Sealed = []byte{}, sealed
	return row, err
}

// openKey opens a row's private half for read. A row that cannot be opened was
// altered, or swapped with another.
func openKey[K any](s *seal.Sealer, row *store.SigningKey, read func(private []byte) (K, error)) (key K, err error) {
	private, err := s.Open(row.Sealed, signingKeyIdentity(row.ID))
	if err == nil {
		key, err = read(private)
		clear(private)
	}
	if err != nil {
		return key, fmt.Errorf("key %s: %w", row.ID, err)
	}
	return key, nil
}

func openSigningKey(s *seal.Sealer, row *store.SigningKey) (token.SigningKey, error) {
	return openKey(s, row, token.SigningKey{
		ID: row.ID, Algorithm: row.Algorithm, Created: row.Created, NotBefore: row.NotBefore, Retire: row.Retired,
	}.UnmarshalPrivate)
}

func openEncryptionKey(s *seal.Sealer, row *store.SigningKey) (token.EncryptionKey, error) {
	return openKey(s, row, token.EncryptionKey{ID: row.ID, Created: row.Created, NotBefore: row.NotBefore, Retire: row.Retired}.UnmarshalPrivate)
}

// each opens all rows or none.
func each[K any](s *seal.Sealer, rows []store.SigningKey, open func(*seal.Sealer, *store.SigningKey) (K, error)) ([]K, error) {
	keys := make([]K, len(rows))
	for i := range rows {
		var err error
		if keys[i], err = open(s, &rows[i]); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// keyring makes keys for the office, and keeps the keyset of this node level with
// the store.
type keyring struct {
	store  *store.Store
	sealer *seal.Sealer
	set    *token.Keyset
	forget func() // drops what was verified; set before the first change

	mu   sync.Mutex
	rows []store.SigningKey // as they were taken last
}

// Make implements [admin.Keyring].
func (r *keyring) Make(use, algorithm string, created, begins time.Time) (store.SigningKey, error) {
	if use == store.UseEncryption {
		k, err := token.GenerateEncryptionKey(created)
		if err != nil {
			return store.SigningKey{}, err
		}
		k.NotBefore = begins
		return sealEncryptionKey(r.sealer, k)
	}
	if !slices.Contains(token.Algorithms, algorithm) {
		return store.SigningKey{}, access.New(access.Invalid, "invalid_field", fmt.Sprintf("a signing key is made for one of %s", strings.Join(token.Algorithms, ", "))).At("/algorithm")
	}
	k, err := token.GenerateKey(algorithm, created)
	if err != nil {
		return store.SigningKey{}, err
	}
	k.NotBefore = begins
	return sealSigningKey(r.sealer, k)
}

// Decryption implements [admin.Keyring].
func (r *keyring) Decryption(rows []store.SigningKey) ([]byte, error) {
	keys, err := each(r.sealer, rows, openEncryptionKey)
	if err != nil {
		return nil, err
	}
	return token.MarshalDecryption(keys)
}

// follow takes the keys as they are in the store now, if they are not those it
// has. What a key verified that is there no more is forgotten.
func (r *keyring) follow(ctx context.Context) error { return r.take(ctx, false) }

// settle takes the keys anew, so that those whose time is over leave the published
// set.
func (r *keyring) settle(ctx context.Context) error { return r.take(ctx, true) }

func (r *keyring) take(ctx context.Context, anew bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	signing, err := r.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	encryption, err := r.store.EncryptionKeys(ctx)
	if err != nil {
		return err
	}
	rows := slices.Concat(signing, encryption)
	if !anew && slices.EqualFunc(rows, r.rows, sameKey) {
		return nil
	}
	signers, err := each(r.sealer, signing, openSigningKey)
	if err != nil {
		return err
	}
	encrypters, err := each(r.sealer, encryption, openEncryptionKey)
	if err != nil {
		return err
	}
	if err := r.set.Replace(signers, encrypters...); err != nil {
		return err
	}
	if r.forget != nil && slices.ContainsFunc(r.rows, func(old store.SigningKey) bool {
		return !slices.ContainsFunc(rows, func(k store.SigningKey) bool { return k.ID == old.ID })
	}) {
		r.forget()
	}
	r.rows = rows
	return nil
}

func sameKey(a, b store.SigningKey) bool { return a.ID == b.ID && a.Revision == b.Revision }

// openKeyring opens every key. One that cannot be opened stops the start.
func openKeyring(ctx context.Context, st *store.Store, s *seal.Sealer, issuer string, now func() time.Time) (*keyring, error) {
	r := &keyring{store: st, sealer: s, set: token.NewKeyset(issuer, now)}
	if err := ensureEncryptionKey(ctx, st, s, now()); err != nil {
		return nil, err
	}
	return r, r.follow(ctx)
}

// ensureEncryptionKey gives a store that was made before there were any its first
// encryption key.
func ensureEncryptionKey(ctx context.Context, st *store.Store, s *seal.Sealer, now time.Time) error {
	if have, err := st.EncryptionKeys(ctx); err != nil || len(have) > 0 {
		return err
	}
	key, err := token.GenerateEncryptionKey(now)
	if err != nil {
		return err
	}
	row, err := sealEncryptionKey(s, key)
	if err != nil {
		return err
	}
	_, err = st.Change(ctx, access.Actor{}, "", now, func(tx *store.Tx) error {
		have, err := tx.EncryptionKeys(ctx)
		if err != nil {
			return err
		}
		if len(have) > 0 {
			return errHasKey
		}
		return errors.Join(tx.InsertSigningKey(row), tx.Record("keyset.created", "", key.ID, map[string]any{"use": row.Use}))
	})
	if errors.Is(err, errHasKey) {
		return nil
	}
	return err
}

// errHasKey takes the change back where another server was first.
var errHasKey = errors.New("there is an encryption key")

// rotateKeys makes the next signing key when the current one is old, if the
// operator wants it so.
func (s *Server) rotateKeys(ctx context.Context) {
	if s.config.RotateEvery == 0 {
		return
	}
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		rotated, err := s.office.RotateWhenDue(ctx, s.config.RotateEvery)
		if err != nil && ctx.Err() == nil {
			s.log.Error("the signing key could not be rotated; it is tried again", "error", err)
		}
		if rotated {
			s.log.Info("the next signing key is published and will sign soon", "in", keyLead.String())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tidyKeys drops keys that nothing depends on any more.
func (s *Server) tidyKeys(ctx context.Context) error {
	_, err := s.store.PruneSigningKeys(ctx, s.now().Add(-24*time.Hour))
	return errors.Join(err, s.keyring.settle(ctx))
}
