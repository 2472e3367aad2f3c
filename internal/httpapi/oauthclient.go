package httpapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
)

const clientAssertionJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// oauthRequest is a request at a door of OAuth.
type oauthRequest struct {
	form   url.Values
	from   exchange.Client
	client exchange.Proof // nil: the client did not prove who it is
	caller *access.Caller // the client, once it was proved; see authenticate
}

func (h *Handler) oauthRequest(r *http.Request, c *call) (*oauthRequest, error) {
	q := &oauthRequest{form: c.form, from: c.client}
	var err error
	q.client, err = h.oauthClient(r, q)
	return q, err
}

// of is a field of the form. One without a value counts as absent (RFC 6749, section 3.2).
func (q *oauthRequest) of(name string) string { return q.form.Get(name) }

func (q *oauthRequest) required(name string) (string, error) {
	if v := q.of(name); v != "" {
		return v, nil
	}
	return "", badForm("the field " + name + " is missing")
}

func badForm(message string) error {
	return &oauthFault{oauthInvalidRequest, access.New(access.Malformed, "invalid_form", message)}
}

// clientID is the id of the client, where it was proved.
func (q *oauthRequest) clientID() string {
	if q.caller == nil {
		return ""
	}
	return q.caller.KeyID
}

// authenticate proves the client, if there is one.
func (q *oauthRequest) authenticate(ctx context.Context, h *Handler) (err error) {
	if q.client == nil {
		return nil
	}
	q.caller, err = h.Exchange.Authenticate(ctx, q.client, q.from)
	return named(err, oauthInvalidClient)
}

// oauthClient is how the client proves who it is: in one way (RFC 6749, section 2.3), or not at all, which is nil. That a
// public client names itself says nothing.
func (h *Handler) oauthClient(r *http.Request, q *oauthRequest) (exchange.Proof, error) {
	id, secret, basic, err := basicClient(r)
	if err != nil {
		return nil, err
	}
	named, posted, assertion := q.of("client_id"), q.of("client_secret"), q.of("client_assertion")
	ways := 0
	for _, there := range []bool{basic, posted != "", assertion != "" || q.of("client_assertion_type") != ""} {
		if there {
			ways++
		}
	}
	switch {
	case ways > 1:
		return nil, badForm("prove the client in one way: HTTP Basic, client_secret, or client_assertion")
	case basic && named != "" && named != id:
		return nil, badForm("client_id is another one than in Authorization")
	case basic:
		return exchange.Secret{ClientID: id, Text: secret}, nil
	case posted != "" && named == "":
		return nil, badForm("client_secret needs the client_id: the id of the key")
	case posted != "":
		return exchange.Secret{ClientID: named, Text: posted}, nil
	case ways == 1:
		return h.clientAssertion(q, named, assertion)
	}
	return nil, nil
}

func (h *Handler) clientAssertion(q *oauthRequest, id, assertion string) (exchange.Proof, error) {
	if kind := q.of("client_assertion_type"); kind != clientAssertionJWT || assertion == "" {
		return nil, &oauthFault{oauthInvalidClient, access.New(access.Unauthenticated, "client_assertion_type",
			fmt.Sprintf("the client_assertion_type %s is not supported; send a JWT as client_assertion, and %s as its type", quoted(kind), clientAssertionJWT))}
	}
	return exchange.Assertion{Text: assertion, Types: exchange.ClientAssertion, Audience: h.oauthNames(), ClientID: id}, nil
}

// oauthNames are those of this server in the aud of an assertion (RFC 7523, section 3).
func (h *Handler) oauthNames() []string {
	issuer := h.Exchange.Issuer
	return []string{issuer, issuer + oauthTokenPath}
}

// basicClient reads HTTP Basic, whose parts are encoded as in a form (RFC 6749, section 2.3.1).
func basicClient(r *http.Request) (id, secret string, there bool, err error) {
	values := r.Header["Authorization"]
	if len(values) > 1 || len(values) == 1 && r.Header["Api-Key"] != nil {
		return "", "", false, &oauthFault{oauthInvalidRequest, errTwoCredentials}
	}
	if r.Header["Api-Key"] != nil {
		return "", "", false, errNoClient
	}
	if len(values) == 0 {
		return "", "", false, nil
	}
	refuse := func(message string) (string, string, bool, error) {
		return "", "", false, &oauthFault{oauthInvalidClient, access.New(access.Unauthenticated, "client_malformed", message)}
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return refuse("write 'Authorization: Basic …'; no other scheme proves a client here")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimLeft(text, " "))
	if err != nil {
		return refuse("what follows Basic is not base64")
	}
	user, password, ok := strings.Cut(string(raw), ":")
	id, idErr := url.QueryUnescape(user)
	secret, secretErr := url.QueryUnescape(password)
	if !ok || idErr != nil || secretErr != nil || id == "" {
		return refuse("Basic holds the client_id, a colon and the client_secret, each encoded as in a form")
	}
	return id, secret, true, nil
}

// quoted shows what a client sent, cut to a length fit for showing.
func quoted(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}

func isKeyText(text string) bool {
	return strings.HasPrefix(text, "dp_") || strings.HasPrefix(text, "dps_")
}
