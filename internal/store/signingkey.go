package store

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/store/gen"
)

// SigningKey is a key that signs tokens. Its private half is sealed.
type SigningKey struct {
	ID        string // its kid
	Algorithm string
	Public    []byte // as its maker wrote it
	Sealed    []byte
	Created   time.Time
	NotBefore time.Time // it is published before and signs from then
	Retired   time.Time // it signs no more and verifies until then; zero: it is in use
	Revision  int64
}

// SigningKeys returns all signing keys, the first to sign first.
func (s queries) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	rows, err := s.q.SigningKeys(ctx)
	return each(rows, err, func(row gen.SigningKey) (SigningKey, error) {
		return SigningKey{
			ID: row.ID, Algorithm: row.Algorithm, Public: row.Public, Sealed: row.Sealed, Created: fromMillis(row.Created),
			NotBefore: fromMillis(row.NotBefore), Retired: fromMillis(row.Retired), Revision: row.Revision,
		}, nil
	})
}

// InsertSigningKey adds a signing key.
func (t *Tx) InsertSigningKey(k SigningKey) error {
	return t.wrote(t.q.InsertSigningKey(t.ctx, gen.InsertSigningKeyParams{
		ID: k.ID, Algorithm: k.Algorithm, Public: k.Public, Sealed: k.Sealed,
		Created: millis(k.Created), NotBefore: millis(k.NotBefore), Revision: t.Revision(),
	}))
}

// RetireSigningKey ends signing with a key; it verifies until the given time.
func (t *Tx) RetireSigningKey(id string, until time.Time) error {
	return t.wroteOne(t.q.RetireSigningKey(t.ctx, gen.RetireSigningKeyParams{ID: id, Retired: millis(until), Revision: t.Revision()}))
}

// DeleteSigningKey removes a signing key: what it signed is refused from now on.
func (t *Tx) DeleteSigningKey(id string) error { return t.wroteOne(t.q.DeleteSigningKey(t.ctx, id)) }
