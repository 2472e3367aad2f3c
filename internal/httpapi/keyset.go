package httpapi

import (
	"context"
	"net/http"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/admin"
)

func keysetView(k admin.KeysetKey) api.KeysetKey {
	v := api.KeysetKey{
		ID: k.ID, Use: api.KeysetKeyUse(k.Use), Algorithm: k.Algorithm, State: api.KeysetKeyState(k.State), Created: k.Created.UTC(), Begins: k.Begins.UTC(),
	}
	if !k.Ends.IsZero() {
		ends := k.Ends.UTC()
		v.Ends = &ends
	}
	return v
}

func (o operations) ListKeyset(ctx context.Context, _ api.ListKeysetRequestObject) (api.ListKeysetResponseObject, error) {
	keys, err := o.h.Admin.Keyset(ctx, callerOf(ctx))
	if err != nil {
		return nil, err
	}
	return api.ListKeyset200JSONResponse{Items: views(keys, keysetView)}, nil
}

func (o operations) RotateKeyset(ctx context.Context, in api.RotateKeysetRequestObject) (api.RotateKeysetResponseObject, error) {
	var ask admin.KeysetRotation
	if b := in.Body; b != nil {
		ask = admin.KeysetRotation{Use: value(b.Use), Algorithm: value(b.Algorithm), Lead: b.Lead}
	}
	key, err := o.h.Admin.RotateKeyset(ctx, callerOf(ctx), ask)
	if err != nil {
		return nil, err
	}
	return api.RotateKeyset200JSONResponse(keysetView(key)), nil
}

func (o operations) RetireKeysetKey(ctx context.Context, in api.RetireKeysetKeyRequestObject) (api.RetireKeysetKeyResponseObject, error) {
	now := in.Body != nil && value(in.Body.Now)
	if err := o.h.Admin.RetireKey(ctx, callerOf(ctx), in.ID, now); err != nil {
		return nil, err
	}
	return api.RetireKeysetKey204Response{}, nil
}

// exportDecryption is not generated, so that the keys pass through as they were sealed.
func (h *Handler) exportDecryption(w http.ResponseWriter, r *http.Request, c *call) error {
	jwks, err := h.Admin.ExportDecryption(r.Context(), c.caller)
	if err != nil {
		return err
	}
	return send(w, "application/jwk-set+json", jwks)
}
