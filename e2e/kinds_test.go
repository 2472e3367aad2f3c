package e2e

import (
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/server"
)

// kind is a kind of signed or secret text, and the doors where it belongs.
type kind struct {
	name  string
	make  func() string // a new good one
	doors []string
}

// door takes a text for one of the uses there are.
type door struct {
	name    string
	accepts func(text string) bool
}

// TestEachKindIsAcceptedOnlyWhereItBelongs tries every kind at every door. A new kind, or a new door, is a line here.
func TestEachKindIsAcceptedOnlyWhereItBelongs(t *testing.T) {
	t.Parallel()
	w := knownWorldWith(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	w.serve("acme", "photos", photos)
	c := w.oauthClient("ES256", object{"scopes": []string{"*"}})
	outside := newSigner(t, "ES256")
	typed := func(typ string) func() string {
		return func() string { return w.assertion(c.signer, c.id, func(h, _ object) { h["typ"] = typ }) }
	}
	asPass := object{}
	kinds := []kind{
		{"pass", func() string { return w.pass(c.secret, object{"renewable": true}) },
			[]string{"gateway", "forward-auth", "exchange", "admin", "introspection", "refresh_token", "subject_token", "actor_token"}},
		{"key", func() string { return c.secret }, []string{"exchange", "admin", "client_secret"}},
		{"assertion of no declared kind", typed("JWT"), []string{"client_assertion", "assertion"}},
		{"client assertion", typed("client-authentication+jwt"), []string{"client_assertion"}},
		{"grant assertion", typed("authorization-grant+jwt"), []string{"assertion"}},
		{"assertion that says it is a pass", typed("at+jwt"), nil},
		{"feed", func() string { return w.must(200, "GET", "/v1/feed", w.founder, nil).text }, nil},
		{"token of another issuer", func() string {
			return w.assertion(outside, "https://other.example", func(h, _ object) { h["kid"] = "1" })
		}, nil},
		{"pass of another issuer", func() string {
			return w.assertion(outside, "https://other.example", func(h, claims object) {
				h["kid"], h["typ"] = "1", "at+jwt"
				for name, v := range asPass {
					claims[name] = v
				}
			})
		}, nil},
		{"pass signed by a client", func() string { return c.signer.sign(object{"alg": "ES256", "typ": "at+jwt", "kid": c.id}, asPass) }, nil},
	}
	for name, v := range payloadOf(t, kinds[0].make()) {
		asPass[name] = v
	}

	with := func(field string, more ...string) func(string) bool {
		return func(text string) bool { return w.token(nil, append(more, field+"="+text)...).status == 200 }
	}
	bearer := func(method, target string, headers ...string) func(string) bool {
		return func(text string) bool { return w.send(method, target, text, nil, headers...).status < 300 }
	}
	at := []string{"X-Forwarded-Method: GET", "X-Forwarded-Uri: /photos/7", "X-Forwarded-Host: photos.example", "X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1"}
	doors := []door{
		{"gateway", bearer("GET", w.gateway+"/photos/7", atPhotos)},
		{"forward-auth", bearer("GET", "/v1/forward-auth", at...)},
		{"exchange", bearer("POST", "/v1/tokens")},
		{"admin", bearer("GET", "/v1/me")},
		{"introspection", func(text string) bool {
			return w.form("/oauth2/introspect", &c, "token="+text).body["active"] == true
		}},
		{"client_secret", with("client_secret", "grant_type=client_credentials", "client_id="+c.id)},
		{"client_assertion", with("client_assertion", "grant_type=client_credentials", "client_assertion_type="+assertionType)},
		{"assertion", with("assertion", "grant_type="+grantJWT)},
		{"refresh_token", with("refresh_token", "grant_type=refresh_token")},
		{"subject_token", with("subject_token", "grant_type="+grantExchange, "subject_token_type="+typeAccess)},
		{"actor_token", func(text string) bool {
			return with("actor_token", "grant_type="+grantExchange, "subject_token_type="+typeAccess, "actor_token_type="+typeAccess,
				"subject_token="+kinds[0].make())(text)
		}},
	}
	for _, k := range kinds {
		for _, d := range doors {
			if got, want := d.accepts(k.make()), slices.Contains(k.doors, d.name); got != want {
				t.Errorf("%s at %s: accepted is %v", k.name, d.name, got)
			}
		}
	}
	// A used assertion is one more kind: it belongs nowhere.
	used := typed("JWT")()
	w.granted(w.token(nil, "grant_type="+grantJWT, "assertion="+used))
	for _, d := range doors {
		if d.accepts(used) {
			t.Errorf("a used assertion at %s is accepted", d.name)
		}
	}
}
