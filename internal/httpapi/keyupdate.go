package httpapi

import (
	"context"
	"encoding/json"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/admin"
)

func (o operations) UpdateKey(ctx context.Context, in api.UpdateKeyRequestObject) (api.UpdateKeyResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	patch := admin.KeyPatch{Plan: in.Body.Plan}
	if in.Body.PublicKey != nil {
		jwk := publicKeyOf(in.Body.PublicKey)
		patch.PublicKey = &jwk
	}
	key, err := o.h.Admin.UpdateKey(ctx, callerOf(ctx), in.Org, in.Key, patch, revision)
	if err != nil {
		return nil, err
	}
	return api.UpdateKey200JSONResponse{Body: keyView(key), Headers: api.UpdateKey200ResponseHeaders{ETag: etag(key.Revision)}}, nil
}

// publicKeyOf is a JWK as text; empty for none, which may be written as an empty object.
func publicKeyOf(jwk *api.PublicJWK) string {
	if jwk == nil || *jwk == (api.PublicJWK{}) {
		return ""
	}
	text, _ := json.Marshal(jwk) // strings always marshal
	return string(text)
}

func publicKeyView(jwk string) *api.PublicJWK {
	if jwk == "" {
		return nil
	}
	var out api.PublicJWK
	if json.Unmarshal([]byte(jwk), &out) != nil {
		return nil
	}
	return &out
}
