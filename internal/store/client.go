package store

import (
	"github.com/daypass/daypass/internal/store/gen"
)

// SetPublicKeyOfKey gives a key another public key, a JWK; empty: none.
func (t *Tx) SetPublicKeyOfKey(orgID, id, publicKey string) error {
	return t.wroteOne(t.q.SetPublicKeyOfKey(t.ctx, gen.SetPublicKeyOfKeyParams{ID: id, OrganizationID: orgID, PublicKey: publicKey, Revision: t.Revision()}))
}
