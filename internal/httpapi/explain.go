package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
)

// explainRequest decides as the doors would, and tells why.
func (h *Handler) explainRequest(w http.ResponseWriter, r *http.Request, c *call) error {
	in := c.body.(*api.ExplainRequest)
	question, err := questionOf(in, c.caller)
	if err != nil {
		return err
	}
	sketch, err := h.sketchOf(r.Context(), in, c.caller, question.Address)
	if err != nil {
		return err
	}
	now := h.Now()
	view := h.Gate.View()
	decide := func() gate.Decision {
		if sketch != nil {
			return gate.Decide(question, sketch, view, now)
		}
		return h.Gate.CheckAt(question, value(in.Token), now)
	}
	decision := decide()
	if in.Graphql != nil && decision.Reason == gate.GraphQLUnparsed && mayInspect(c.caller, decision.Application.OrganizationID) {
		if question.GraphQL, err = decision.Resource.GraphQL.Read(catalog.GraphQLRequest{Query: in.Graphql.Query, OperationName: in.Graphql.OperationName}); err != nil {
			return access.AsError(err).At("/graphql/query")
		}
		decision = decide()
	}
	if app := decision.Application; app != nil && !mayInspect(c.caller, app.OrganizationID) {
		decision = gate.Decision{Reason: gate.NoApplication}
	}
	tried, isTried := decision.Tried(question, now)
	hideReason(c.caller, &decision)
	explanation := gate.Explain(&decision, question, view)
	if isTried {
		hideReason(c.caller, &tried)
		explanation.Shadow = gate.ExplainShadow(decision.Application.Tried(), &tried, question, view)
	}
	body, err := json.Marshal(explanation)
	if err != nil {
		return err
	}
	return send(w, mediaJSON, append(body, '\n'))
}

// sketchOf is the pass that the key of the question would give now; nil: none is named.
func (h *Handler) sketchOf(ctx context.Context, in *api.ExplainRequest, caller *access.Caller, from netip.Addr) (*access.Token, error) {
	switch {
	case in.Key == nil:
		return nil, nil
	case in.Token != nil:
		return nil, access.New(access.Malformed, "key_and_token", "token and key exclude each other; send one of them").At("/key")
	case h.Stateless:
		return nil, errStateless
	}
	t, err := h.Exchange.Sketch(ctx, *in.Key, exchange.Client{Address: from}, func(organization string) error {
		_, err := h.Admin.Key(ctx, caller, organization, *in.Key)
		return err
	})
	if e := access.AsError(err); err != nil && e.Kind == access.Unauthenticated { // it is not the caller who is refused
		return nil, access.New(access.Conflict, e.Code, "the key gives no pass now: "+e.Message).At("/key")
	}
	return t, err
}

// hideReason keeps from others than administrators why the platform denies a network: it may tell of other organizations.
func hideReason(caller *access.Caller, d *gate.Decision) {
	if e := d.Network; e != nil && e.Platform && !caller.IsAdministrator() {
		d.Network = &gate.NetworkEntry{Network: e.Network, Expires: e.Expires, Platform: true}
	}
}

func questionOf(in *api.ExplainRequest, caller *access.Caller) (*gate.Request, error) {
	u, err := url.Parse(in.URL)
	if err != nil || u.Host == "" && value(in.Application) == "" {
		return nil, access.New(access.Malformed, "invalid_url", "write the URL of the request with its host, as in https://photos.example.com/albums/7").At("/url")
	}
	path, err := catalog.ParsePath(in.URL)
	if err != nil {
		return nil, access.AsError(err).At("/url")
	}
	address := caller.Address
	if in.Address != nil {
		if address, err = netip.ParseAddr(*in.Address); err != nil || address.Zone() != "" {
			return nil, access.New(access.Malformed, "invalid_address", "write an address: 192.0.2.7 or 2001:db8::7").At("/address")
		}
	}
	return &gate.Request{
		Method: in.Method, Host: strings.ToLower(u.Hostname()), Path: path,
		Address: address.Unmap(), Application: value(in.Application),
	}, nil
}
