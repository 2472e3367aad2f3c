package httpapi

import (
	"context"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/admin"
)

func roleView(r admin.Role) api.Role {
	return api.Role{ID: optional(r.ID), Name: r.Name, Builtin: r.Builtin, Scopes: orEmpty(r.Scopes), Comment: r.Comment, Revision: optional(r.Revision)}
}

func (o operations) ListRoles(ctx context.Context, in api.ListRolesRequestObject) (api.ListRolesResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Roles(ctx, callerOf(ctx), in.Org, page)
	if err != nil {
		return nil, err
	}
	return api.ListRoles200JSONResponse{Items: views(list.Items, roleView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) GetRole(ctx context.Context, in api.GetRoleRequestObject) (api.GetRoleResponseObject, error) {
	role, err := o.h.Admin.Role(ctx, callerOf(ctx), in.Org, in.Role)
	if err != nil {
		return nil, err
	}
	return api.GetRole200JSONResponse{Body: roleView(role), Headers: api.GetRole200ResponseHeaders{ETag: etag(role.Revision)}}, nil
}

func (o operations) PutRole(ctx context.Context, in api.PutRoleRequestObject) (api.PutRoleResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	put := admin.RolePut{Scopes: in.Body.Scopes, Comment: value(in.Body.Comment)}
	role, outcome, err := o.h.Admin.PutRole(ctx, callerOf(ctx), in.Org, in.Role, put, revision)
	if err != nil {
		return nil, err
	}
	if outcome == admin.Created {
		return api.PutRole201JSONResponse{Body: roleView(role), Headers: api.PutRole201ResponseHeaders{ETag: etag(role.Revision)}}, nil
	}
	return api.PutRole200JSONResponse{Body: roleView(role), Headers: api.PutRole200ResponseHeaders{ETag: etag(role.Revision)}}, nil
}

func (o operations) DeleteRole(ctx context.Context, in api.DeleteRoleRequestObject) (api.DeleteRoleResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeleteRole(ctx, callerOf(ctx), in.Org, in.Role, revision); err != nil {
		return nil, err
	}
	return api.DeleteRole204Response{}, nil
}
