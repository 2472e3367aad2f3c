package httpapi

import (
	"context"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

// operations implements the generated interface: each method hands on to one use case and shapes its answer.
type operations struct{ h *Handler }

var _ api.StrictServerInterface = operations{}

const noCondition = admin.AnyRevision

func pageOf(limit *api.Limit, cursor *api.Cursor) (admin.Page, error) {
	if limit != nil && *limit == 0 {
		return admin.Page{}, badQuery("limit", "ask for 1 to 200 items")
	}
	return admin.Page{Limit: value(limit), Cursor: value(cursor)}, nil
}

// views shapes each item of a list.
func views[T, V any](list []T, view func(T) V) []V {
	out := make([]V, len(list))
	for i, item := range list {
		out[i] = view(item)
	}
	return out
}

// optional is nil for a zero value, which is then left out of the answer.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func organizationView(o access.Organization) api.Organization {
	return api.Organization{ID: o.ID, Slug: o.Slug, Name: o.Name, Active: o.Active, Created: o.Created.UTC(), Revision: o.Revision}
}

func (o operations) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	caller := callerOf(ctx)
	me, err := o.h.Admin.Me(ctx, caller)
	if err != nil {
		return nil, err
	}
	out := api.GetMe200JSONResponse{
		Organization: organizationView(me.Organization),
		User:         userView(me.User),
		Membership:   membershipView(me.User.Membership),
		Key:          me.KeyID,
		Token:        optional(me.TokenID),
		Roles:        orEmpty(me.Roles),
		Scopes:       orEmpty(me.Scopes),
		Expires:      moment(me.Expires),
		Address:      optional(caller.Address.String()),
	}
	if len(me.IPs) > 0 {
		out.Ips = &me.IPs
	}
	if o.h.Gateway != nil {
		out.Gateway = optional(o.h.Gateway())
	}
	return out, nil
}

func (o operations) ListOrganizations(ctx context.Context, in api.ListOrganizationsRequestObject) (api.ListOrganizationsResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Organizations(ctx, callerOf(ctx), page)
	if err != nil {
		return nil, err
	}
	return api.ListOrganizations200JSONResponse{Items: views(list.Items, organizationView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) CreateOrganization(ctx context.Context, in api.CreateOrganizationRequestObject) (api.CreateOrganizationResponseObject, error) {
	made, err := o.h.Admin.CreateOrganization(ctx, callerOf(ctx), admin.NewOrganization{Slug: in.Body.Slug, Name: value(in.Body.Name)})
	if err != nil {
		return nil, err
	}
	return api.CreateOrganization201JSONResponse{
		Body:    organizationView(made),
		Headers: api.CreateOrganization201ResponseHeaders{ETag: etag(made.Revision), Location: "/v1/organizations/" + made.Slug},
	}, nil
}

func (o operations) GetOrganization(ctx context.Context, in api.GetOrganizationRequestObject) (api.GetOrganizationResponseObject, error) {
	org, err := o.h.Admin.Organization(ctx, callerOf(ctx), in.Org)
	if err != nil {
		return nil, err
	}
	return api.GetOrganization200JSONResponse{
		Body:    organizationView(org),
		Headers: api.GetOrganization200ResponseHeaders{ETag: etag(org.Revision)},
	}, nil
}

func (o operations) UpdateOrganization(ctx context.Context, in api.UpdateOrganizationRequestObject) (api.UpdateOrganizationResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	org, err := o.h.Admin.UpdateOrganization(ctx, callerOf(ctx), in.Org, admin.OrganizationPatch{Name: in.Body.Name, Active: in.Body.Active}, revision)
	if err != nil {
		return nil, err
	}
	return api.UpdateOrganization200JSONResponse{
		Body:    organizationView(org),
		Headers: api.UpdateOrganization200ResponseHeaders{ETag: etag(org.Revision)},
	}, nil
}
