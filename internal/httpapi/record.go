package httpapi

import (
	"context"
	"strings"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func tokenView(t access.IssuedToken) api.Token {
	return api.Token{
		ID: t.ID, Parent: optional(t.ParentID), User: t.UserID, Key: t.KeyID, Origin: api.TokenOrigin(t.Origin), Subject: t.Subject,
		Scopes: words(t.Scopes), Roles: words(t.Roles), Audience: words(t.Audience), Ips: words(t.IPs),
		Renewable: t.Renewable, Issued: t.IssuedAt.UTC(), Expires: t.Expires.UTC(), From: lastUseView(t.From), Actors: actorsView(t.Actors),
		Families: families(t),
	}
}

// families are the tokens in a lineage: the heads of its families, its own last.
func families(t access.IssuedToken) []string {
	heads := []string{}
	for _, id := range t.Lineage {
		if strings.HasPrefix(id, "tok_") {
			heads = append(heads, id)
		}
	}
	return heads
}

func actorsView(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}

// words is a list that is kept joined by spaces.
func words(joined string) []string { return orEmpty(strings.Fields(joined)) }

func (o operations) ListTokens(ctx context.Context, in api.ListTokensRequestObject) (api.ListTokensResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := admin.TokenFilter{User: value(in.Params.User), Key: value(in.Params.Key)}
	list, err := o.h.Admin.Tokens(ctx, callerOf(ctx), in.Org, filter, page)
	if err != nil {
		return nil, err
	}
	return api.ListTokens200JSONResponse{Items: views(list.Items, tokenView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) GetToken(ctx context.Context, in api.GetTokenRequestObject) (api.GetTokenResponseObject, error) {
	t, err := o.h.Admin.Token(ctx, callerOf(ctx), in.Org, in.Token)
	if err != nil {
		return nil, err
	}
	return api.GetToken200JSONResponse(tokenView(t)), nil
}

func (o operations) DeleteToken(ctx context.Context, in api.DeleteTokenRequestObject) (api.DeleteTokenResponseObject, error) {
	if err := o.h.Admin.RevokeToken(ctx, callerOf(ctx), in.Org, in.Token); err != nil {
		return nil, err
	}
	return api.DeleteToken204Response{}, nil
}

func eventView(e access.Event) api.Event {
	out := api.Event{
		Revision: e.Revision, ID: e.ID, Time: e.Time.UTC(), Action: e.Action, Object: e.ObjectID, Detail: e.Detail, RequestID: e.RequestID,
		Actor: api.EventActor{User: optional(e.Actor.UserID), Key: optional(e.Actor.KeyID), Token: optional(e.Actor.TokenID)},
	}
	if e.Actor.Address.IsValid() {
		out.Actor.Address = optional(e.Actor.Address.String())
	}
	if len(out.Detail) == 0 {
		out.Detail = []byte("{}")
	}
	return out
}

func (o operations) ListEvents(ctx context.Context, in api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter := admin.EventFilter{
		Action: value(in.Params.Action), Object: value(in.Params.Object), User: value(in.Params.Actor),
		Since: value(in.Params.Since), Until: value(in.Params.Until),
	}
	list, err := o.h.Admin.Events(ctx, callerOf(ctx), in.Org, filter, page)
	if err != nil {
		return nil, err
	}
	return api.ListEvents200JSONResponse{Items: views(list.Items, eventView), NextCursor: optional(list.NextCursor)}, nil
}
