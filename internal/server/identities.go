package server

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/store"
)

// identities are found in the store and made by the office, for the exchange.
type identities struct {
	*admin.Service
	store *store.Store
}

func (i identities) GroupHolder(ctx context.Context, keyID string) (*access.Holder, error) {
	return i.store.GroupHolder(ctx, keyID)
}

func (i identities) IdentityByPublicKey(ctx context.Context, keyID, publicKey string) (access.Identity, error) {
	return i.store.IdentityByPublicKey(ctx, keyID, publicKey)
}
