package admin_test

import (
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

var trusting = admin.IssuerPut{URL: "https://issuer.example", Audiences: []string{"acme"}, Scopes: []string{"photos:read"}, Active: true}

func (w *world) issuer(org, slug string) {
	w.T.Helper()
	if _, _, err := w.PutIssuer(w.ctx, w.root, org, slug, trusting, admin.AnyRevision); err != nil {
		w.T.Fatal(err)
	}
}

// What an outside issuer's tokens get lies within what its maker could hand on, and
// within what the issuer itself was given; and what cannot be judged is refused.
func TestIssuersAreBounded(t *testing.T) {
	w := newWorld(t)
	w.application("acme", "photos")
	manager := w.user("acme", "account_manager")
	narrow := w.token(manager, "daypass:issuers:write", "photos:read")
	try := func(caller *access.Caller, edit func(*admin.IssuerPut)) error {
		in := trusting
		edit(&in)
		_, _, err := w.PutIssuer(w.ctx, caller, "acme", "auth0", in, admin.AnyRevision)
		return err
	}
	for name, test := range map[string]struct {
		caller *access.Caller
		edit   func(*admin.IssuerPut)
		code   string
	}{
		"a scope beyond the caller's": {narrow, func(i *admin.IssuerPut) { i.Scopes = []string{"photos:*"} }, "scope_exceeded"},
		"the platform's role":         {w.root, func(i *admin.IssuerPut) { i.Roles = []string{"administrator"} }, "role_exceeded"},
		"no audience":                 {manager, func(i *admin.IssuerPut) { i.Audiences = nil }, "invalid_issuer"},
		"a shared secret":             {manager, func(i *admin.IssuerPut) { i.Algorithms = []string{"HS256"} }, "invalid_issuer"},
		"no signature":                {manager, func(i *admin.IssuerPut) { i.Algorithms = []string{"none"} }, "invalid_issuer"},
		"another scheme":              {manager, func(i *admin.IssuerPut) { i.URL = "file:///etc/passwd" }, "invalid_issuer"},
		"a password in the address":   {manager, func(i *admin.IssuerPut) { i.JWKSURL = "https://a:b@issuer.example/keys" }, "invalid_issuer"},
		"a rule about aud":            {manager, func(i *admin.IssuerPut) { i.Claims = map[string]string{"aud": "**"} }, "invalid_issuer"},
		"an unverified e-mail":        {manager, func(i *admin.IssuerPut) { i.Subject = "{email}" }, "invalid_issuer"},
		"an e-mail by its pointer":    {manager, func(i *admin.IssuerPut) { i.Subject = "{/email}" }, "invalid_issuer"},
		"an e-mail that must match":   {manager, func(i *admin.IssuerPut) { i.Claims = map[string]string{"/email": "*@acme.example"} }, "invalid_issuer"},
		"an e-mail that gives": {manager, func(i *admin.IssuerPut) {
			i.Grants = []admin.IssuerGrant{{When: map[string]string{"/email": "*@acme.example"}, Scopes: []string{"photos:read"}}}
		}, "invalid_issuer"},
		"an e-mail that is verified": {manager, func(i *admin.IssuerPut) {
			i.Subject, i.Claims = "{/email}", map[string]string{"/email_verified": "true"}
		}, ""},
		"a subject that is the same": {manager, func(i *admin.IssuerPut) { i.Subject = "robot" }, "invalid_issuer"},
		"two claims side by side":    {manager, func(i *admin.IssuerPut) { i.Subject = "{a}{b}" }, "invalid_issuer"},
		"a grant beyond it":          {manager, func(i *admin.IssuerPut) { i.Grants = []admin.IssuerGrant{{Scopes: []string{"photos:write"}}} }, "invalid_issuer"},
		"a role beyond it":           {manager, func(i *admin.IssuerPut) { i.Grants = []admin.IssuerGrant{{Roles: []string{"developer"}}} }, "invalid_issuer"},
		"a grant that is no scope":   {manager, func(i *admin.IssuerPut) { i.Grants = []admin.IssuerGrant{{Scopes: []string{"a b{c}"}}} }, "invalid_issuer"},
		"nothing that is wrong":      {manager, func(i *admin.IssuerPut) { i.Grants = []admin.IssuerGrant{{Scopes: []string{"photos:{kind}"}}} }, ""},
	} {
		if got := codeOf(try(test.caller, test.edit)); got != test.code {
			t.Errorf("%s: got %q, want %q", name, got, test.code)
		}
	}
}
