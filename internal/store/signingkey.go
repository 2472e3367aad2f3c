package store

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/store/gen"
)

// What a key of the key set is for (RFC 7517, section 4.2).
const (
	UseSignature  = "sig"
	UseEncryption = "enc"
)

// SigningKey is a key that signs tokens, or encrypts them. Its private half is
// sealed.
type SigningKey struct {
	ID        string // its kid
	Use       string // [UseSignature] or [UseEncryption]
	Algorithm string
	Public    []byte // as its maker wrote it
	Sealed    []byte
	Created   time.Time
	NotBefore time.Time // it is published before and signs from then
	Retired   time.Time // it signs no more and verifies until then; zero: it is in use
	Revision  int64
}

// SigningKeys returns the keys that sign, the first to sign first.
func (s queries) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	return s.keysFor(ctx, UseSignature)
}

// EncryptionKeys returns the keys that encrypt, the first to be used first.
func (s queries) EncryptionKeys(ctx context.Context) ([]SigningKey, error) {
	return s.keysFor(ctx, UseEncryption)
}

func (s queries) keysFor(ctx context.Context, use string) ([]SigningKey, error) {
	rows, err := s.q.SigningKeys(ctx, use)
	return each(rows, err, func(row gen.SigningKey) (SigningKey, error) {
		return SigningKey{
			ID: row.ID, Use: row.Purpose, Algorithm: row.Algorithm, Public: row.Public, Sealed: row.Sealed, Created: fromMillis(row.Created),
			NotBefore: fromMillis(row.NotBefore), Retired: fromMillis(row.Retired), Revision: row.Revision,
		}, nil
	})
}

// LatestTokenExpiry is when the last of all recorded tokens ends; zero: there is
// none.
func (s queries) LatestTokenExpiry(ctx context.Context) (time.Time, error) {
	ms, err := s.q.LatestTokenExpiry(ctx)
	return fromMillis(ms), translate(err)
}

// InsertSigningKey adds a key.
func (t *Tx) InsertSigningKey(k SigningKey) error {
	return t.wrote(t.q.InsertSigningKey(t.ctx, gen.InsertSigningKeyParams{
		ID: k.ID, Purpose: k.Use, Algorithm: k.Algorithm, Public: k.Public, Sealed: k.Sealed,
		Created: millis(k.Created), NotBefore: millis(k.NotBefore), Revision: t.Revision(),
	}))
}

// BeginSigningKey lets a key be used from another moment on.
func (t *Tx) BeginSigningKey(id string, from time.Time) error {
	return t.wroteOne(t.q.BeginSigningKey(t.ctx, gen.BeginSigningKeyParams{ID: id, NotBefore: millis(from), Revision: t.Revision()}))
}

// RetireSigningKey says until when a key verifies, or decrypts, what was made
// with it before another took its place.
func (t *Tx) RetireSigningKey(id string, until time.Time) error {
	return t.wroteOne(t.q.RetireSigningKey(t.ctx, gen.RetireSigningKeyParams{ID: id, Retired: millis(until), Revision: t.Revision()}))
}

// DeleteSigningKey removes a key: what it signed is refused from now on.
func (t *Tx) DeleteSigningKey(id string) error { return t.wroteOne(t.q.DeleteSigningKey(t.ctx, id)) }

// PruneSigningKeys drops keys that were retired before a moment and tells how
// many. It is no change: they have served nothing since.
func (s *Store) PruneSigningKeys(ctx context.Context, before time.Time) (int64, error) {
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	n, err := q.PruneSigningKeys(ctx, millis(before))
	return n, translate(err)
}
