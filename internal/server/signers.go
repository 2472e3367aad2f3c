package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/verify"
)

// signers opens the sealed secrets of keys that sign, and reads what public key they
// registered instead.
type signers struct {
	store  *store.Store
	sealer *seal.Sealer
}

func (s signers) SignersOf(ctx context.Context, keyID string, now time.Time) ([]access.Signer, error) {
	secrets, err := s.store.KeySecrets(ctx, keyID)
	if err != nil {
		return nil, err
	}
	list, err := s.add(ctx, nil, keyID, &secrets, secrets.Version, secrets.Current)
	if err == nil && now.Before(secrets.OverlapUntil) {
		list, err = s.add(ctx, list, keyID, &secrets, secrets.Version-1, secrets.Previous)
	}
	return list, err
}

// add adds the signer of one version of a key. The public key is that of the current one.
func (s signers) add(ctx context.Context, list []access.Signer, keyID string, of *store.KeySecrets, version int64, sealed []byte) ([]access.Signer, error) {
	current := version == of.Version
	if sealed == nil && !current {
		return list, nil
	}
	holder, err := s.store.HolderOf(ctx, access.Source{KeyID: keyID, KeyVersion: version})
	if errors.Is(err, access.ErrNotFound) { // it was rotated in between
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	signer := access.Signer{Holder: holder}
	if key, err := verify.ParsePublicKey([]byte(holder.Key.PublicKey)); err == nil && current {
		signer.PublicKey = key.Public()
	}
	if sealed == nil {
		return append(list, signer), nil
	}
	signer.Secret, err = s.sealer.Open(sealed, admin.SecretIdentity(of.OrganizationID, keyID, version))
	if err != nil {
		return nil, fmt.Errorf("the signing secret of %s: %w", access.KeyLineage(keyID, version), err)
	}
	return append(list, signer), nil
}
