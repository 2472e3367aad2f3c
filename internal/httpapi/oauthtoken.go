package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/verify"
)

// Grant types (RFC 6749, RFC 7523, RFC 8693).
const (
	grantClient   = "client_credentials"
	grantRefresh  = "refresh_token"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantJWT      = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// Token types of RFC 8693, section 3, that are known here.
const (
	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT    = "urn:ietf:params:oauth:token-type:jwt"
	typeID     = "urn:ietf:params:oauth:token-type:id_token"
)

// grant is what is known of a grant type: how its proof is read, and the name of the error where that proves nothing.
type grant struct {
	proof   func(h *Handler, q *oauthRequest) (exchange.Proof, error)
	refused string
}

// grants are all there are. password and implicit are not, and are not missed (RFC 9700, sections 2.1.2 and 2.4).
var grants = map[string]grant{
	grantClient:   {(*Handler).clientGrant, oauthInvalidClient},
	grantRefresh:  {(*Handler).refreshGrant, oauthInvalidGrant},
	grantExchange: {(*Handler).exchangeGrant, oauthInvalidRequest}, // RFC 8693, section 2.2.2
	grantJWT:      {(*Handler).jwtGrant, oauthInvalidGrant},
}

func grantTypes() []string { return slices.Sorted(maps.Keys(grants)) }

// oauthToken is the exchange as OAuth 2.0 has it.
func (h *Handler) oauthToken(w http.ResponseWriter, r *http.Request, c *call) error {
	q, err := h.oauthRequest(r, c)
	if err != nil {
		return err
	}
	kind, err := q.required("grant_type")
	if err != nil {
		return err
	}
	g, ok := grants[kind]
	if !ok {
		return &oauthFault{oauthUnsupportedGrant, access.New(access.Malformed, "unsupported_grant_type",
			fmt.Sprintf("the grant type %s is not supported; there are %s", quoted(kind), strings.Join(grantTypes(), ", ")))}
	}
	if kind != grantClient { // there the client is the proof
		if err := q.authenticate(r.Context(), h); err != nil {
			return err
		}
	}
	if text := q.of("refresh_token"); kind == grantRefresh && seal.IsRefreshToken(text) {
		return h.refreshSession(w, r, q, text)
	}
	wish, err := h.oauthWish(q)
	if err != nil {
		return err
	}
	proof, err := g.proof(h, q)
	if err != nil {
		return err
	}
	made, err := h.Exchange.Exchange(r.Context(), proof, wish, q.from)
	if err != nil {
		return g.name(err)
	}
	refresh := ""
	if kind == grantRefresh && made.Token.Authority.Renewable {
		refresh = made.Text
	}
	return sendOAuth(w, q, kind, made, refresh)
}

// name is that of an error of the exchange. A client may be told that what it proved is not allowed to do this.
func (g grant) name(err error) error {
	if g.refused == oauthInvalidClient && access.AsError(err).Kind == access.Forbidden {
		return named(err, oauthUnauthorizedClient)
	}
	return named(err, g.refused)
}

// sendOAuth answers as RFC 6749, section 5.1, and RFC 8693, section 2.2.1, have it. Nothing in it needs escaping: scopes have
// no such characters.
func sendOAuth(w http.ResponseWriter, q *oauthRequest, kind string, made *exchange.Grant, refresh string) error {
	body := make([]byte, 0, len(made.Text)+len(made.Token.ScopeText)+256)
	body = append(body, `{"access_token":"`...)
	body = append(body, made.Text...)
	body = append(body, `","token_type":"`...)
	body = append(body, tokenTypeOf(made)...)
	body = append(body, `","expires_in":`...)
	body = strconv.AppendInt(body, made.ExpiresIn, 10)
	if !made.Concealed {
		body = append(body, `,"scope":"`...)
		body = append(append(body, made.Token.ScopeText...), '"')
	}
	switch {
	case kind == grantExchange && q.of("requested_token_type") == typeJWT:
		body = append(body, `,"issued_token_type":"`+typeJWT+`"`...)
	case kind == grantExchange:
		body = append(body, `,"issued_token_type":"`+typeAccess+`"`...)
	case refresh != "":
		body = append(body, `,"refresh_token":"`...)
		body = append(append(body, refresh...), '"')
	}
	w.Header()["Pragma"] = noCache
	return send(w, mediaJSON, append(body, "}\n"...))
}

var noCache = []string{"no-cache"}

func (h *Handler) clientGrant(q *oauthRequest) (exchange.Proof, error) {
	if q.client == nil {
		return nil, errNoClient
	}
	return q.client, nil
}

func (h *Handler) refreshGrant(q *oauthRequest) (exchange.Proof, error) {
	text, err := q.required("refresh_token")
	if err != nil {
		return nil, err
	}
	return exchange.Pass{Text: text, ClientID: q.clientID()}, nil
}

func (h *Handler) jwtGrant(q *oauthRequest) (exchange.Proof, error) {
	text, err := q.required("assertion")
	if err != nil {
		return nil, err
	}
	// A key's own assertion names it as its issuer. Outside issuers are URLs, and their
	// headers may hold what is not read here.
	if !strings.HasPrefix(issuerOf(text), "key_") {
		if proof := h.outsideProof(q, text); proof != nil {
			return proof, nil
		}
	}
	return exchange.Assertion{Text: text, Types: exchange.GrantAssertion, Audience: h.oauthNames(), ClientID: q.clientID()}, nil
}

// exchangeGrant reads RFC 8693, section 2.1.
func (h *Handler) exchangeGrant(q *oauthRequest) (exchange.Proof, error) {
	switch kind := q.of("requested_token_type"); kind {
	case "", typeAccess, typeJWT:
	default:
		return nil, badForm("the requested_token_type " + quoted(kind) + " is not issued here; there are " + typeAccess + " and " + typeJWT)
	}
	subject, err := h.tokenProof(q, "subject_token")
	if err != nil {
		return nil, err
	}
	if q.of("actor_token") == "" {
		if q.of("actor_token_type") != "" {
			return nil, badForm("actor_token_type needs an actor_token")
		}
		return subject, nil
	}
	actor, err := h.tokenProof(q, "actor_token")
	if err != nil {
		return nil, err
	}
	pass, ok := actor.(exchange.Pass)
	if !ok {
		return nil, badForm("an actor_token is a pass of this server")
	}
	return exchange.Delegation{Subject: subject, Actor: pass}, nil
}

// tokenProof is the proof that a token is, in one of the fields of RFC 8693. Whose it is, it must say itself.
func (h *Handler) tokenProof(q *oauthRequest, field string) (exchange.Proof, error) {
	text, err := q.required(field)
	if err != nil {
		return nil, err
	}
	kind, err := q.required(field + "_type")
	if err != nil {
		return nil, err
	}
	if kind != typeAccess && kind != typeJWT && kind != typeID {
		return nil, badForm("the " + field + "_type " + quoted(kind) + " is not known here; there are " + typeAccess + ", " + typeJWT + " and " + typeID)
	}
	if field == "subject_token" {
		if proof := h.outsideProof(q, text); proof != nil {
			return proof, nil
		}
	}
	if kind == typeID {
		return nil, badForm("the " + field + " is no ID token of another issuer, and this one makes none")
	}
	if kind == typeID {
		return nil, errNoIDToken
	}
	return exchange.Pass{Text: text}, nil // which will say that it is none
}

var errNoIDToken = &oauthFault{oauthInvalidRequest, access.New(access.Unauthenticated, "token_invalid", "this is no ID token of a trusted issuer; there are none of this server")}

// issuerOf is whose a JWT says it is. Nothing was checked.
func issuerOf(text string) string {
	payload, _, err := verify.Unverified(text)
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// outsideProof is the proof that a JWT of another issuer is; nil: it is of this one. Audiences that name an organization say whose
// trust is meant.
func (h *Handler) outsideProof(q *oauthRequest, text string) exchange.Proof {
	wish, _ := h.oauthWish(q) // what is wrong with it is said later
	if proof, ok := h.Exchange.Presented(text, wish).(exchange.ExternalToken); ok {
		return proof
	}
	return nil
}

// refreshSession takes the refresh token of a login (RFC 6749, section 6): the session's next pass is all that its user may do.
func (h *Handler) refreshSession(w http.ResponseWriter, r *http.Request, q *oauthRequest, text string) error {
	const whole = "the refresh token of a login gives what the login gave; narrow the pass by token exchange"
	switch {
	case q.caller != nil: // nobody logs in by a client
		return &oauthFault{oauthInvalidGrant, exchange.ErrClientMismatch}
	case q.of("scope") != "":
		return &oauthFault{oauthInvalidScope, access.New(access.Forbidden, "scope_exceeded", whole)}
	case q.of("audience") != "" || q.of("resource") != "":
		return &oauthFault{oauthInvalidTarget, access.New(access.Forbidden, "audience_exceeded", whole)}
	}
	in, err := h.Exchange.Refresh(r.Context(), text, "", q.from)
	if err != nil {
		return named(err, oauthInvalidGrant)
	}
	return sendOAuth(w, q, grantRefresh, in.Grant, in.RefreshToken)
}

// oauthWish is what the form asks for: its scopes, and for which applications.
func (h *Handler) oauthWish(q *oauthRequest) (exchange.Wish, error) {
	var wish exchange.Wish
	if text := q.of("scope"); text != "" {
		scopes := strings.Split(text, " ")
		wish.Scopes = &scopes
	}
	var audience []string
	for _, name := range q.form["audience"] {
		if name == "" {
			continue
		}
		if !strings.Contains(name, "://") {
			audience = append(audience, name)
			continue
		}
		found, err := h.resource(name)
		if err != nil {
			return wish, err
		}
		audience = append(audience, found)
	}
	for _, uri := range q.form["resource"] {
		if uri == "" {
			continue
		}
		found, err := h.resource(uri)
		if err != nil {
			return wish, err
		}
		audience = append(audience, found)
	}
	if audience != nil {
		wish.Audience = &audience
	}
	return wish, nil
}

// resource is the application that a resource indicator names (RFC 8707): by this server's name for it, as in
// https://pass.example.com/acme/photos, or by a URL under a host that it is configured to be served at.
func (h *Handler) resource(uri string) (string, error) {
	if name, ok := strings.CutPrefix(uri, h.Exchange.Issuer+"/"); ok {
		org, app, _ := strings.Cut(strings.TrimSuffix(name, "/"), "/")
		if access.ValidSlug(org) && access.ValidSlug(app) {
			return org + "/" + app, nil
		}
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(uri, "#?") {
		return "", noResource("a resource is an absolute URL without query and fragment")
	}
	path, err := catalog.ParsePath(max(u.EscapedPath(), "/"))
	if err != nil {
		return "", noResource("the path of the resource cannot be read")
	}
	app := h.Gate.View().Catalog.Find(u.Host, path, "")
	if app == nil || len(app.Document.Hosts) == 0 {
		return uri, nil // no audience either, which is told to those who proved something
	}
	return app.Name(), nil
}

func noResource(message string) error {
	return &oauthFault{oauthInvalidTarget, access.New(access.Malformed, "invalid_resource", message).At("/resource")}
}
