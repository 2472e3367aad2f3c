package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/verify"
)

// The doors of OAuth 2.0. A client is a key: its client_id is the key's id, its client_secret the key's text, or it signs
// assertions with the private half of the public key that is registered there.
const (
	oauthTokenPath    = "/oauth2/token"
	oauthMetadataPath = "/.well-known/oauth-authorization-server"
)

// oauthDoor is what these routes have in common. Parameters that are not known are ignored (RFC 6749, section 3.2).
var oauthDoor = route{open: true, credential: noCredential, form: true, repeated: []string{"audience", "resource"}, refuse: refuseOAuth}

// Errors of RFC 6749, section 5.2; RFC 7009, section 2.2.1; RFC 8707, section 2. For what is this server's to mend there are
// names in RFC 6749, section 4.1.2.1, which clients understand here too.
const (
	oauthInvalidRequest     = "invalid_request"
	oauthInvalidClient      = "invalid_client"
	oauthInvalidGrant       = "invalid_grant"
	oauthUnauthorizedClient = "unauthorized_client"
	oauthUnsupportedGrant   = "unsupported_grant_type"
	oauthUnsupportedToken   = "unsupported_token_type"
	oauthInvalidScope       = "invalid_scope"
	oauthInvalidTarget      = "invalid_target"
	oauthServerError        = "server_error"
	oauthUnavailable        = "temporarily_unavailable"
)

// oauthFault is an error under its name in OAuth.
type oauthFault struct {
	name string
	err  error
}

func (f *oauthFault) Error() string { return f.name + ": " + f.err.Error() }
func (f *oauthFault) Unwrap() error { return f.err }

// oauthNamesOfCodes are those of errors that have the same name whoever meets them.
var oauthNamesOfCodes = map[string]string{
	"scope_exceeded": oauthInvalidScope, "invalid_scope": oauthInvalidScope, "too_many_scopes": oauthInvalidScope,
	"audience_exceeded": oauthInvalidTarget, "invalid_audience": oauthInvalidTarget,
}

// named gives an error its name: refused where a proof was, or what it stands for is not allowed, unless the code or the
// kind says more.
func named(err error, refused string) error {
	if fault := (*oauthFault)(nil); err == nil || errors.As(err, &fault) {
		return err
	}
	e := access.AsError(err)
	name, known := oauthNamesOfCodes[e.Code]
	switch {
	case known && name == oauthInvalidTarget:
		// Which application serves a resource is not for those to hear who may not use it, nor whether there is one.
		err = access.New(access.Forbidden, "audience_exceeded", "there is no such audience, or it is not within what was proved").Because(err)
	case known:
	case e.Kind == access.Unauthenticated || e.Kind == access.Forbidden:
		name = refused
	default:
		name = oauthNameOf(e.Kind)
	}
	return &oauthFault{name, err}
}

func oauthNameOf(kind access.Kind) string {
	switch kind {
	case access.Internal:
		return oauthServerError
	case access.TooMany, access.Unavailable:
		return oauthUnavailable
	case access.Unauthenticated:
		return oauthInvalidClient
	}
	return oauthInvalidRequest
}

// statusOf is 400 for whatever is wrong with the request (RFC 6749, section 5.2), but for what HTTP itself has a status for.
func (f *oauthFault) statusOf(kind access.Kind) int {
	switch kind {
	case access.Internal, access.TooMany, access.Unavailable, access.TooLarge, access.Unsupported:
		return edge.StatusOf(kind)
	}
	if f.name == oauthInvalidClient {
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// oauthError is the body of an error. Code is Daypass's own, which is stable and says more.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Code        string `json:"code"`
}

// refuseOAuth answers in the form of RFC 6749, section 5.2.
func refuseOAuth(w http.ResponseWriter, _ *http.Request, err error) {
	e := edge.Shown(err)
	fault := (*oauthFault)(nil)
	if !errors.As(err, &fault) {
		fault = &oauthFault{name: oauthNameOf(e.Kind)}
		if e.Code == verify.ErrDPoP.Code || e.Code == verify.ErrDPoPNonce.Code {
			fault.name = e.Code // RFC 9449, sections 5 and 8
		}
	}
	body, err := json.Marshal(oauthError{Error: fault.name, Description: edge.PlainText(e.Message), Code: e.Code})
	if err != nil {
		panic("httpapi: an error of plain strings cannot be written: " + err.Error())
	}
	header := w.Header()
	status := fault.statusOf(e.Kind)
	if status == http.StatusUnauthorized {
		header.Set("Www-Authenticate", `Basic realm="daypass", charset="UTF-8"`)
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	header.Set("Pragma", "no-cache")
	header.Set("Content-Type", mediaJSON)
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

// ownMetadataPath is where clients look for the metadata of an issuer whose URL has a
// path: that path follows the well-known one (RFC 8414, section 3.1). Empty: it has none.
func (h *Handler) ownMetadataPath() string {
	u, err := url.Parse(h.PublicURL)
	if err != nil || u.Path == "" || u.Path != path.Clean(u.Path) || strings.ContainsAny(u.Path, "{}") {
		return ""
	}
	return oauthMetadataPath + u.Path
}

// oauthMetadata describes this server as RFC 8414 has it. It is no OpenID provider: there are no ID tokens.
func (h *Handler) oauthMetadata(w http.ResponseWriter, _ *http.Request, _ *call) error {
	issuer := h.Exchange.Issuer
	methods := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	algorithms := []string{"ES256", "ES384", "ES512", "EdDSA", "Ed25519", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	body, err := json.Marshal(map[string]any{
		"issuer":                                                   issuer,
		"token_endpoint":                                           issuer + oauthTokenPath,
		"introspection_endpoint":                                   issuer + "/oauth2/introspect",
		"revocation_endpoint":                                      issuer + "/oauth2/revoke",
		"jwks_uri":                                                 issuer + "/.well-known/jwks.json",
		"grant_types_supported":                                    grantTypes(),
		"dpop_signing_alg_values_supported":                        verify.DPoPAlgorithms(),
		"response_types_supported":                                 []string{}, // there is no authorization endpoint
		"token_endpoint_auth_methods_supported":                    append(methods, "none"),
		"token_endpoint_auth_signing_alg_values_supported":         algorithms,
		"introspection_endpoint_auth_methods_supported":            methods,
		"introspection_endpoint_auth_signing_alg_values_supported": algorithms,
		"revocation_endpoint_auth_methods_supported":               append(methods, "none"),
		"revocation_endpoint_auth_signing_alg_values_supported":    algorithms,
	})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	return send(w, mediaJSON, append(body, '\n'))
}

// oauthIntrospect tells what a living pass of the client's organization says (RFC 7662). Of all others it tells nothing.
func (h *Handler) oauthIntrospect(w http.ResponseWriter, r *http.Request, c *call) error {
	q, err := h.oauthRequest(r, c)
	if err != nil {
		return err
	}
	if q.client == nil {
		return errNoClient
	}
	if err := q.authenticate(r.Context(), h); err != nil {
		return err
	}
	text, err := q.required("token")
	if err != nil {
		return err
	}
	return h.describe(w, q.caller, text)
}

// oauthRevoke ends a pass for whoever holds its text (RFC 7009). A client that says who it is must be able to prove it, and
// ends passes of its own organization. A text that is no pass is as good as ended.
func (h *Handler) oauthRevoke(w http.ResponseWriter, r *http.Request, c *call) error {
	q, err := h.oauthRequest(r, c)
	if err != nil {
		return err
	}
	if err := q.authenticate(r.Context(), h); err != nil {
		return err
	}
	text, err := q.required("token")
	if err != nil {
		return err
	}
	if seal.IsRefreshToken(text) {
		return named(h.Exchange.EndRefreshed(r.Context(), text, q.caller, q.from), oauthUnauthorizedClient)
	}
	if isKeyText(text) {
		return &oauthFault{oauthUnsupportedToken, access.New(access.Invalid, "unsupported_token_type", "this ends passes; a key is deleted or rotated")}
	}
	t, err := h.Gate.Token(text)
	switch {
	case err != nil:
		return nil
	case q.caller != nil && q.caller.Organization.ID != t.OrganizationID:
		return &oauthFault{oauthUnauthorizedClient, exchange.ErrClientMismatch}
	}
	return h.end(r.Context(), q.caller, t)
}

var errNoClient = &oauthFault{oauthInvalidClient, access.New(access.Unauthenticated, "client_missing",
	"say which client this is: HTTP Basic with the key's id and its text, client_id and client_secret, or a client_assertion")}
