package httpapi

import (
	"context"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func networkView(e admin.NetworkEntry) api.NetworkEntry {
	return api.NetworkEntry{
		ID: e.ID, Network: access.FormatNetwork(e.Network), Action: api.NetworkAction(e.Action), Reason: e.Reason,
		Expires: moment(e.Expires), Created: e.Created.UTC(), CreatedBy: e.CreatedBy, Revision: e.Revision,
	}
}

func networkItems(items []api.NetworkItem) []admin.NewNetworkEntry {
	out := make([]admin.NewNetworkEntry, len(items))
	for i, item := range items {
		out[i] = admin.NewNetworkEntry{
			Network: item.Network, Action: access.NetworkAction(value(item.Action)), Reason: value(item.Reason),
			Expires: value(item.Expires), ExpiresIn: item.ExpiresIn,
		}
	}
	return out
}

func networkOutcome(did admin.NetworkOutcome) api.NetworkOutcome {
	return api.NetworkOutcome{Added: did.Added, Changed: did.Changed, Unchanged: did.Unchanged, Removed: did.Removed}
}

func (o operations) ListNetworks(ctx context.Context, in api.ListNetworksRequestObject) (api.ListNetworksResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := admin.NetworkFilter{Action: access.NetworkAction(value(in.Params.Action)), Address: value(in.Params.Address)}
	list, err := o.h.Admin.Networks(ctx, callerOf(ctx), in.Org, in.App, filter, page)
	if err != nil {
		return nil, err
	}
	return api.ListNetworks200JSONResponse{Items: views(list.Items, networkView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) AddNetworks(ctx context.Context, in api.AddNetworksRequestObject) (api.AddNetworksResponseObject, error) {
	did, err := o.h.Admin.AddNetworks(ctx, callerOf(ctx), in.Org, in.App, networkItems(in.Body.Items))
	if err != nil {
		return nil, err
	}
	return api.AddNetworks200JSONResponse(networkOutcome(did)), nil
}

func (o operations) ReplaceNetworks(ctx context.Context, in api.ReplaceNetworksRequestObject) (api.ReplaceNetworksResponseObject, error) {
	did, err := o.h.Admin.ReplaceNetworks(ctx, callerOf(ctx), in.Org, in.App, networkItems(in.Body.Items))
	if err != nil {
		return nil, err
	}
	return api.ReplaceNetworks200JSONResponse(networkOutcome(did)), nil
}

func (o operations) DeleteNetwork(ctx context.Context, in api.DeleteNetworkRequestObject) (api.DeleteNetworkResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeleteNetwork(ctx, callerOf(ctx), in.Org, in.App, in.Network, revision); err != nil {
		return nil, err
	}
	return api.DeleteNetwork204Response{}, nil
}

func (o operations) ListPlatformNetworks(ctx context.Context, in api.ListPlatformNetworksRequestObject) (api.ListPlatformNetworksResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.PlatformNetworks(ctx, callerOf(ctx), admin.NetworkFilter{Address: value(in.Params.Address)}, page)
	if err != nil {
		return nil, err
	}
	return api.ListPlatformNetworks200JSONResponse{Items: views(list.Items, networkView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) AddPlatformNetworks(ctx context.Context, in api.AddPlatformNetworksRequestObject) (api.AddPlatformNetworksResponseObject, error) {
	did, err := o.h.Admin.AddPlatformNetworks(ctx, callerOf(ctx), networkItems(in.Body.Items))
	if err != nil {
		return nil, err
	}
	return api.AddPlatformNetworks200JSONResponse(networkOutcome(did)), nil
}

func (o operations) ReplacePlatformNetworks(ctx context.Context, in api.ReplacePlatformNetworksRequestObject) (api.ReplacePlatformNetworksResponseObject, error) {
	did, err := o.h.Admin.ReplacePlatformNetworks(ctx, callerOf(ctx), networkItems(in.Body.Items))
	if err != nil {
		return nil, err
	}
	return api.ReplacePlatformNetworks200JSONResponse(networkOutcome(did)), nil
}

func (o operations) DeletePlatformNetwork(ctx context.Context, in api.DeletePlatformNetworkRequestObject) (api.DeletePlatformNetworkResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeletePlatformNetwork(ctx, callerOf(ctx), in.Network, revision); err != nil {
		return nil, err
	}
	return api.DeletePlatformNetwork204Response{}, nil
}
