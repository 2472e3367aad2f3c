package httpapi

import (
	"context"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func keyView(k admin.Key) api.Key {
	return api.Key{
		ID: k.ID, Kind: api.KeyKind(k.Kind), User: k.UserID, Comment: k.Comment,
		Scopes: orEmpty(k.Scopes), Roles: orEmpty(k.Roles), Ips: orEmpty(k.IPs),
		Expires: moment(k.Expires), MaxTokenLife: int64(k.MaxTokenLife / time.Second),
		RequireSignature: k.RequireSignature, MayNameSubjects: k.MayNameSubjects,
		Version: k.Version, OverlapUntil: moment(k.OverlapUntil),
		Created: k.Created.UTC(), Accessed: lastUseView(k.LastUse), Plan: optional(k.Plan), PublicKey: publicKeyView(k.PublicKey), Revision: k.Revision,
	}
}

func issuedKeyView(k admin.IssuedKey) api.KeyCreated {
	v := keyView(k.Key)
	return api.KeyCreated{
		Key: k.Text, Secret: optional(k.Secret), SecretMultibase: optional(multibase(k.Secret)),
		ID: v.ID, Kind: v.Kind, User: v.User, Comment: v.Comment,
		Scopes: v.Scopes, Roles: v.Roles, Ips: v.Ips,
		Expires: v.Expires, MaxTokenLife: v.MaxTokenLife,
		RequireSignature: v.RequireSignature, MayNameSubjects: v.MayNameSubjects,
		Version: v.Version, OverlapUntil: v.OverlapUntil,
		Created: v.Created, Accessed: v.Accessed, Plan: v.Plan, PublicKey: v.PublicKey, Revision: v.Revision,
	}
}

func (o operations) ListKeys(ctx context.Context, in api.ListKeysRequestObject) (api.ListKeysResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Keys(ctx, callerOf(ctx), in.Org, admin.KeyFilter{User: value(in.Params.User), Text: value(in.Params.Q)}, page)
	if err != nil {
		return nil, err
	}
	return api.ListKeys200JSONResponse{Items: views(list.Items, keyView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) CreateKey(ctx context.Context, in api.CreateKeyRequestObject) (api.CreateKeyResponseObject, error) {
	b := in.Body
	made, err := o.h.Admin.CreateKey(ctx, callerOf(ctx), in.Org, admin.NewKey{
		User: value(b.User), Kind: access.KeyKind(value(b.Kind)), Comment: value(b.Comment),
		Scopes: b.Scopes, Roles: value(b.Roles), IPs: value(b.Ips),
		ExpiresIn: b.ExpiresIn, MaxTokenLife: b.MaxTokenLife,
		RequireSignature: value(b.RequireSignature), MayNameSubjects: value(b.MayNameSubjects), Plan: value(b.Plan), PublicKey: publicKeyOf(b.PublicKey),
	})
	if err != nil {
		return nil, err
	}
	return api.CreateKey201JSONResponse{
		Body:    issuedKeyView(made),
		Headers: api.CreateKey201ResponseHeaders{ETag: etag(made.Revision), Location: "/v1/organizations/" + in.Org + "/keys/" + made.ID},
	}, nil
}

func (o operations) GetKey(ctx context.Context, in api.GetKeyRequestObject) (api.GetKeyResponseObject, error) {
	key, err := o.h.Admin.Key(ctx, callerOf(ctx), in.Org, in.Key)
	if err != nil {
		return nil, err
	}
	return api.GetKey200JSONResponse{Body: keyView(key), Headers: api.GetKey200ResponseHeaders{ETag: etag(key.Revision)}}, nil
}

func (o operations) DeleteKey(ctx context.Context, in api.DeleteKeyRequestObject) (api.DeleteKeyResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeleteKey(ctx, callerOf(ctx), in.Org, in.Key, revision); err != nil {
		return nil, err
	}
	return api.DeleteKey204Response{}, nil
}

func (o operations) RotateKey(ctx context.Context, in api.RotateKeyRequestObject) (api.RotateKeyResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var overlap int64
	if in.Body != nil {
		overlap = value(in.Body.Overlap)
	}
	key, err := o.h.Admin.RotateKey(ctx, callerOf(ctx), in.Org, in.Key, overlap, revision)
	if err != nil {
		return nil, err
	}
	return api.RotateKey200JSONResponse{Body: issuedKeyView(key), Headers: api.RotateKey200ResponseHeaders{ETag: etag(key.Revision)}}, nil
}
