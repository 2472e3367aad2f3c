package httpapi

import (
	"context"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/admin"
)

const usualSuggestion = 30 // days

func (o operations) SuggestKey(ctx context.Context, in api.SuggestKeyRequestObject) (api.SuggestKeyResponseObject, error) {
	o.h.flushFacts(ctx)
	days := usualSuggestion
	if in.Params.Days != nil {
		days = *in.Params.Days
	}
	s, err := o.h.Admin.SuggestKey(ctx, callerOf(ctx), in.Org, in.Key, days)
	if err != nil {
		return nil, err
	}
	return api.SuggestKey200JSONResponse{Body: suggestionView(s), Headers: api.SuggestKey200ResponseHeaders{ETag: etag(s.Key.Revision)}}, nil
}

func suggestionView(s admin.Suggestion) api.KeySuggestion {
	return api.KeySuggestion{
		Key: s.Key.ID, Days: s.Days, Since: s.Since, Scopes: orEmpty(s.Key.Scopes),
		Used: views(s.Used, func(u admin.UsedScope) api.UsedScope {
			return api.UsedScope{Scope: u.Scope, Count: u.Count, LastDay: u.LastDay.Format(time.DateOnly)}
		}),
		Suggested: orEmpty(s.Scopes), Unused: orEmpty(s.Unused), Beyond: orEmpty(s.Beyond), Revision: s.Key.Revision,
	}
}

func (o operations) NarrowKey(ctx context.Context, in api.NarrowKeyRequestObject) (api.NarrowKeyResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	key, err := o.h.Admin.NarrowKey(ctx, callerOf(ctx), in.Org, in.Key, in.Body.Scopes, revision)
	if err != nil {
		return nil, err
	}
	return api.NarrowKey200JSONResponse{Body: keyView(key), Headers: api.NarrowKey200ResponseHeaders{ETag: etag(key.Revision)}}, nil
}
