package httpapi

import (
	"context"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func identityView(i access.Identity) api.Identity {
	return api.Identity{
		ID: i.ID, Key: i.KeyID, PublicKey: i.PublicKey, Active: i.Active, Comment: i.Comment,
		Created: i.Created.UTC(), Accessed: lastUseView(i.LastUse), Revision: i.Revision,
	}
}

func (o operations) ListIdentities(ctx context.Context, in api.ListIdentitiesRequestObject) (api.ListIdentitiesResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Identities(ctx, callerOf(ctx), in.Org, admin.IdentityFilter{Key: value(in.Params.Key)}, page)
	if err != nil {
		return nil, err
	}
	return api.ListIdentities200JSONResponse{Items: views(list.Items, identityView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) GetIdentity(ctx context.Context, in api.GetIdentityRequestObject) (api.GetIdentityResponseObject, error) {
	i, err := o.h.Admin.Identity(ctx, callerOf(ctx), in.Org, in.Identity)
	if err != nil {
		return nil, err
	}
	return api.GetIdentity200JSONResponse{Body: identityView(i), Headers: api.GetIdentity200ResponseHeaders{ETag: etag(i.Revision)}}, nil
}

func (o operations) UpdateIdentity(ctx context.Context, in api.UpdateIdentityRequestObject) (api.UpdateIdentityResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	patch := admin.IdentityPatch{Active: in.Body.Active, Comment: in.Body.Comment}
	i, err := o.h.Admin.UpdateIdentity(ctx, callerOf(ctx), in.Org, in.Identity, patch, revision)
	if err != nil {
		return nil, err
	}
	return api.UpdateIdentity200JSONResponse{Body: identityView(i), Headers: api.UpdateIdentity200ResponseHeaders{ETag: etag(i.Revision)}}, nil
}

func (o operations) DeleteIdentity(ctx context.Context, in api.DeleteIdentityRequestObject) (api.DeleteIdentityResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.ForgetIdentity(ctx, callerOf(ctx), in.Org, in.Identity, revision); err != nil {
		return nil, err
	}
	return api.DeleteIdentity204Response{}, nil
}
