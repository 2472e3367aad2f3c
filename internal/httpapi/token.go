package httpapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/verify"
)

// exchangeToken costs little beside its signature: the body was decoded once, and the claims are sent as they were signed.
func (h *Handler) exchangeToken(w http.ResponseWriter, r *http.Request, c *call) error {
	var wish exchange.Wish
	if in, ok := c.body.(*api.ExchangeRequest); ok {
		wish = wishOf(in)
	}
	if _, ok := c.proof.(exchange.Credential); ok {
		c.proof = h.Exchange.Presented(c.credential, wish)
	}
	grant, err := h.Exchange.Exchange(r.Context(), c.proof, wish, c.client)
	if err != nil {
		return err
	}
	return sendGrant(w, grant)
}

func sendGrant(w http.ResponseWriter, grant *exchange.Grant) error {
	body := make([]byte, 0, len(grant.Text)+len(grant.Payload)+96)
	body = append(body, `{"token":"`...)
	body = append(body, grant.Text...)
	body = append(body, `","token_type":"`...)
	body = append(body, tokenTypeOf(grant)...)
	body = append(body, `","expires_in":`...)
	body = strconv.AppendInt(body, grant.ExpiresIn, 10)
	body = append(body, `,"payload":`...)
	body = append(body, grant.Payload...)
	return send(w, mediaJSON, append(body, "}\n"...))
}

func wishOf(in *api.ExchangeRequest) exchange.Wish {
	return exchange.Wish{
		ExpiresIn:      in.ExpiresIn,
		Scopes:         in.Scopes,
		Roles:          in.Roles,
		Audience:       (*[]string)(in.Audience),
		IPs:            in.Ips,
		NoIPProtection: value(in.NoIPProtection),
		Renewable:      in.Renewable,
		Subject:        value(in.Subject),
		Confirmation:   value(in.Confirmation),
		Encrypt:        value(in.Encrypt),
	}
}

// value is what an optional member says, or its type's zero.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// introspectToken tells what a living pass of the caller's organization says (RFC 7662). Of all others it tells nothing.
func (h *Handler) introspectToken(w http.ResponseWriter, _ *http.Request, c *call) error {
	return h.describe(w, c.caller, c.body.(*api.TokenText).Token)
}

func (h *Handler) describe(w http.ResponseWriter, caller *access.Caller, text string) error {
	now := h.Now()
	if _, err := h.Exchange.Scene.Revision(now); err != nil {
		return err
	}
	t, err := h.Gate.Token(text)
	if err != nil || !mayInspect(caller, t.OrganizationID) {
		return inactive(w)
	}
	_, revoked := h.Exchange.Scene.Revoked(t, now)
	if revoked || now.Before(t.NotBefore.Add(-verify.Leeway)) || !now.Before(t.Authority.NotAfter.Add(verify.Leeway)) {
		return inactive(w)
	}
	signed, err := h.Open(text)
	if err != nil {
		return err
	}
	claims, err := claimsOf(signed)
	if err != nil {
		return err
	}
	body := append([]byte(`{"active":true,"token_type":"`+tokenType(t.Authority.Confirmation)+`",`), claims[1:]...)
	return send(w, mediaJSON, append(body, '\n'))
}

// mayInspect: what is of the caller's own organization, and for an administrator
// whose credential may read tokens, of any.
func mayInspect(caller *access.Caller, organizationID string) bool {
	return caller.Organization.ID == organizationID ||
		caller.IsAdministrator() && caller.Authority.Scopes.Match("daypass:tokens:read")
}

func inactive(w http.ResponseWriter) error {
	return send(w, mediaJSON, []byte(`{"active":false}`+"\n"))
}

// claimsOf is the payload of a signed text that was verified: a JSON object with members.
func claimsOf(text string) ([]byte, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("a verified pass has %d parts", len(parts))
	}
	return base64.RawURLEncoding.DecodeString(parts[1])
}

// RevokeToken ends a pass, or the login of a refresh token, for whoever holds its text. A text that is neither is as good
// as ended (RFC 7009, section 2.2).
func (o operations) RevokeToken(ctx context.Context, in api.RevokeTokenRequestObject) (api.RevokeTokenResponseObject, error) {
	if seal.IsRefreshToken(in.Body.Token) {
		return api.RevokeToken204Response{}, o.h.Exchange.EndRefreshed(ctx, in.Body.Token, nil, callOf(ctx).client)
	}
	if isKeyText(in.Body.Token) {
		return nil, access.New(access.Invalid, "unsupported_token_type", "this ends passes; a key is deleted or rotated").At("/token")
	}
	t, err := o.h.Gate.Token(in.Body.Token)
	if err != nil {
		return api.RevokeToken204Response{}, nil
	}
	if err := o.h.end(ctx, nil, t); err != nil {
		return nil, err
	}
	return api.RevokeToken204Response{}, nil
}

// end ends a pass that was presented, unless it was ended already.
func (h *Handler) end(ctx context.Context, caller *access.Caller, t *access.Token) error {
	if reason, dead := h.Exchange.Scene.Revoked(t, h.Now()); dead && reason == "pass_revoked" {
		return nil
	}
	return h.Admin.RevokePresented(ctx, caller, t)
}
