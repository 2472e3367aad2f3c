package httpapi

import (
	"context"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func userView(u admin.User) api.User {
	return api.User{
		ID: u.ID, Name: u.Name, Email: u.Email, Active: u.Active, Foreign: optional(u.Foreign),
		Created: u.Created.UTC(), Revision: u.Revision,
	}
}

func membershipView(m admin.Membership) api.Membership {
	return api.Membership{
		ID: m.ID, User: m.UserID, Organization: m.Organization, Roles: orEmpty(m.Roles), Comment: m.Comment, Active: m.Active,
		Created: m.Created.UTC(), LastAccess: lastUseView(m.LastAccess), Plan: optional(m.Plan), Revision: m.Revision,
	}
}

func lastUseView(u access.LastUse) *api.LastUse {
	if u.Time.IsZero() {
		return nil
	}
	out := &api.LastUse{Time: u.Time.UTC(), UserAgent: optional(u.UserAgent)}
	if u.Address.IsValid() {
		out.Address = optional(u.Address.String())
	}
	return out
}

// orEmpty keeps an empty list from being written as null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// moment is a time that may be absent.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (o operations) ListUsers(ctx context.Context, in api.ListUsersRequestObject) (api.ListUsersResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Users(ctx, callerOf(ctx), in.Org, admin.MemberFilter{Role: value(in.Params.Role), Text: value(in.Params.Q)}, page)
	if err != nil {
		return nil, err
	}
	return api.ListUsers200JSONResponse{Items: views(list.Items, userView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) CreateUser(ctx context.Context, in api.CreateUserRequestObject) (api.CreateUserResponseObject, error) {
	made, err := o.h.Admin.CreateUser(ctx, callerOf(ctx), in.Org, admin.NewUser{
		Name: value(in.Body.Name), Email: value(in.Body.Email), Roles: in.Body.Roles, Comment: value(in.Body.Comment), Scopes: value(in.Body.Scopes),
	})
	if err != nil {
		return nil, err
	}
	return api.CreateUser201JSONResponse{
		Body:    api.UserCreated{User: userView(made.User), Membership: membershipView(made.User.Membership), Key: issuedKeyView(made.Key)},
		Headers: api.CreateUser201ResponseHeaders{Location: "/v1/organizations/" + in.Org + "/users/" + made.User.ID},
	}, nil
}

func (o operations) GetUser(ctx context.Context, in api.GetUserRequestObject) (api.GetUserResponseObject, error) {
	user, err := o.h.Admin.User(ctx, callerOf(ctx), in.Org, in.User)
	if err != nil {
		return nil, err
	}
	return api.GetUser200JSONResponse{Body: userView(user), Headers: api.GetUser200ResponseHeaders{ETag: etag(user.Revision)}}, nil
}

func (o operations) UpdateUser(ctx context.Context, in api.UpdateUserRequestObject) (api.UpdateUserResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	patch := admin.UserPatch{Name: in.Body.Name, Email: in.Body.Email, Active: in.Body.Active}
	user, err := o.h.Admin.UpdateUser(ctx, callerOf(ctx), in.Org, in.User, patch, revision)
	if err != nil {
		return nil, err
	}
	return api.UpdateUser200JSONResponse{Body: userView(user), Headers: api.UpdateUser200ResponseHeaders{ETag: etag(user.Revision)}}, nil
}

func (o operations) DeleteUser(ctx context.Context, in api.DeleteUserRequestObject) (api.DeleteUserResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeleteUser(ctx, callerOf(ctx), in.Org, in.User, revision); err != nil {
		return nil, err
	}
	return api.DeleteUser204Response{}, nil
}

func (o operations) ListMemberships(ctx context.Context, in api.ListMembershipsRequestObject) (api.ListMembershipsResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Memberships(ctx, callerOf(ctx), in.Org, admin.MemberFilter{Role: value(in.Params.Role), Text: value(in.Params.Q)}, page)
	if err != nil {
		return nil, err
	}
	return api.ListMemberships200JSONResponse{Items: views(list.Items, membershipView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) GetMembership(ctx context.Context, in api.GetMembershipRequestObject) (api.GetMembershipResponseObject, error) {
	m, err := o.h.Admin.Membership(ctx, callerOf(ctx), in.Org, in.User)
	if err != nil {
		return nil, err
	}
	return api.GetMembership200JSONResponse{Body: membershipView(m), Headers: api.GetMembership200ResponseHeaders{ETag: etag(m.Revision)}}, nil
}

func (o operations) PutMembership(ctx context.Context, in api.PutMembershipRequestObject) (api.PutMembershipResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	put := admin.MembershipPut{Roles: in.Body.Roles, Comment: in.Body.Comment, Active: in.Body.Active, Plan: in.Body.Plan}
	m, outcome, err := o.h.Admin.PutMembership(ctx, callerOf(ctx), in.Org, in.User, put, revision)
	if err != nil {
		return nil, err
	}
	tag := etag(m.Revision)
	switch outcome {
	case admin.Created:
		return api.PutMembership201JSONResponse{Body: membershipView(m), Headers: api.PutMembership201ResponseHeaders{ETag: tag}}, nil
	case admin.Same:
		return api.PutMembership204Response{Headers: api.PutMembership204ResponseHeaders{ETag: tag}}, nil
	}
	return api.PutMembership200JSONResponse{Body: membershipView(m), Headers: api.PutMembership200ResponseHeaders{ETag: tag}}, nil
}

func (o operations) DeleteMembership(ctx context.Context, in api.DeleteMembershipRequestObject) (api.DeleteMembershipResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeleteMembership(ctx, callerOf(ctx), in.Org, in.User, revision); err != nil {
		return nil, err
	}
	return api.DeleteMembership204Response{}, nil
}
