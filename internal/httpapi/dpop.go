package httpapi

import (
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/verify"
)

var (
	errKeyByDPoP   = access.New(access.Unauthenticated, "credential_scheme", "a key is not bound to another key: send it as 'Authorization: Bearer …' or 'Api-Key: …'")
	errNotBound    = access.New(access.Unauthenticated, string(gate.SenderKeyWrong), "the pass is not bound to a key: send it as 'Authorization: Bearer …'")
	errBoundBearer = access.New(access.Unauthenticated, edge.SenderKeyRequired, "this pass is bound to its sender's key: send it as 'Authorization: DPoP …' with a DPoP header that proves the key")
)

// confirmation is the thumbprint of the key that the sender of a request proved to hold (RFC 9449), on any route; "" where
// it showed nothing. Whatever credential the request makes use of, here or in its body, is then held against it by
// exchange.
//
// A bound pass in Authorization must have the scheme DPoP, and its hash in the proof; nothing else may have the scheme. A
// proof beside another credential, or none, shows the key that a new pass is to be bound to (section 5).
func (h *Handler) confirmation(w http.ResponseWriter, r *http.Request, credential string) (string, error) {
	byKey := edge.IsDPoP(r.Header)
	proof, err := verify.DPoPHeader(r.Header)
	if proof == "" && err == nil && !byKey && !h.isBound(credential) {
		return "", nil
	}
	h.Senders.Offer(w.Header())
	switch {
	case err != nil:
		return "", access.New(access.Unauthenticated, verify.ErrDPoP.Code, "send one DPoP header, with a proof in it")
	case byKey && strings.HasPrefix(credential, "dp_"):
		return "", errKeyByDPoP
	case h.isBound(credential) && (!byKey || proof == ""):
		return "", errBoundBearer
	case byKey && !h.isBound(credential) && h.isPass(credential):
		return "", errNotBound
	case proof == "":
		return "", nil // the pass is none, and exchange says so
	}
	want := verify.DPoPRequest{Method: r.Method, URL: h.ownURL(r), AccessToken: credential, AnyToken: !byKey}
	if edge.IsListener(r) {
		want.Alias = edge.URLOf(r)
	}
	return h.Senders.Prove(r.Context(), proof, want, "", h.proofShares(r, credential, byKey))
}

// ownURL is the URL of a request under the configured address. Host is the client's to choose: were it believed, whoever
// was sent a proof for a host of its own could use it here.
func (h *Handler) ownURL(r *http.Request) string {
	return strings.TrimSuffix(h.PublicURL, "/") + r.URL.EscapedPath()
}

// proofShares is whose part of the memory a proof takes. A proof with a credential that is yet to be checked may be
// anybody's.
func (h *Handler) proofShares(r *http.Request, credential string, byKey bool) []meter.Share {
	if byKey {
		if t, err := h.Gate.Token(credential); err == nil {
			return edge.ProofsOf(t.OrganizationID)
		}
	}
	return edge.ProofsFrom(edge.ClientFrom(r.Context()).Address)
}

func (h *Handler) isPass(credential string) bool {
	if strings.Count(credential, ".") != 2 {
		return false
	}
	_, err := h.Gate.Token(credential)
	return err == nil
}

// isBound reports whether a credential is a pass that is bound to a key.
func (h *Handler) isBound(credential string) bool {
	if strings.Count(credential, ".") != 2 {
		return false
	}
	t, err := h.Gate.Token(credential)
	return err == nil && t.Authority.Confirmation != ""
}

// tokenType is the token_type of a grant (RFC 9449, section 5).
func tokenType(confirmation string) string {
	if confirmation != "" {
		return verify.DPoPScheme
	}
	return "Bearer"
}

// tokenTypeOf is [tokenType] of what an exchange issued.
func tokenTypeOf(g *exchange.Grant) string { return tokenType(g.Token.Authority.Confirmation) }
