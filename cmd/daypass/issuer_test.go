package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

type claims = map[string]any

// idp is an issuer with a certificate that only its own authority has signed.
type idp struct {
	*httptest.Server
	key  *rsa.PrivateKey
	path string // of its issuer
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{key: key}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var body any
		switch r.URL.Path {
		case strings.TrimSuffix(i.path, "/") + "/.well-known/openid-configuration":
			body = claims{"issuer": i.URL + i.path, "jwks_uri": i.URL + "/keys"}
		case "/keys":
			body = claims{"keys": []claims{{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "x5t": "abc", "e": "AQAB",
				"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes())}}}
		default:
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *idp) token(t *testing.T, header, payload claims) string {
	t.Helper()
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	input := part(header) + "." + part(payload)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestIssuerRecipes: with each recipe, and what the page says to add, a token of the shape that such an issuer makes is believed
// as that page says, and one with another claim is not.
func TestIssuerRecipes(t *testing.T) {
	t.Parallel()
	c := server.DefaultConfig()
	c.Data, c.Listen, c.Gateway, c.Ops = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.IssuerNetworks = []string{"127.0.0.0/8"}
	made, err := server.Init(t.Context(), c, server.InitOptions{Organization: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), c, server.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	run := func(arguments ...string) (int, string) {
		var out bytes.Buffer
		cli := &cli{in: strings.NewReader(""), out: &out, err: &out, now: time.Now, environ: []string{"DAYPASS_URL=http://" + s.Addresses().Listen, "DAYPASS_KEY=" + made.Key}}
		code := cli.run(t.Context(), arguments)
		return code, out.String()
	}

	const audience = "https://pass.example.com"
	for recipe, test := range map[string]struct {
		path    string // of the issuer
		header  claims
		claims  claims // beside iss, aud, iat and exp
		flags   []string
		subject string
		wrong   claims // makes it another's
	}{
		"auth0": {
			path: "/", header: claims{"alg": "RS256", "typ": "JWT", "kid": "one"},
			claims: claims{
				"sub": "auth0|507f1f77bcf86cd799439011", "aud": []string{audience, "https://acme.eu.auth0.com/userinfo"}, "azp": "my_client_id",
				"scope": "openid profile photos:read", "permissions": []string{"read:photos"},
			},
			flags: []string{"--claim", "scope=photos:read"}, subject: "auth0|auth0|507f1f77bcf86cd799439011", wrong: claims{"scope": "openid photos:readonly"},
		},
		"keycloak": {
			path: "/realms/acme", header: claims{"alg": "RS256", "typ": "JWT", "kid": "one"},
			claims: claims{
				"auth_time": 0, "jti": "onrtac:6f1c", "aud": []string{audience, "account"}, "sub": "f1b9c1de-8f0a-4a30-a26c-2b9b6b1a6f11", "typ": "Bearer",
				"azp": "photos-web", "sid": "b7", "acr": "1", "allowed-origins": []string{"https://photos.example.com"}, "realm_access": claims{"roles": []string{"offline_access", "editor"}},
				"resource_access": claims{"account": claims{"roles": []string{"view-profile"}}}, "scope": "profile email", "email_verified": true,
				"preferred_username": "ann", "email": "ann@acme.example",
			},
			flags:   []string{"--claim", "azp=photos-web", "--claim", "/realm_access/roles=editor"},
			subject: "keycloak|f1b9c1de-8f0a-4a30-a26c-2b9b6b1a6f11", wrong: claims{"realm_access": claims{"roles": []string{"reader"}}},
		},
		"github-actions": {
			header: claims{"typ": "JWT", "alg": "RS256", "x5t": "HyqXe_u6qVRSg7lPuvC2zxkBtEY", "kid": "one"},
			claims: claims{
				"jti": "example-id", "sub": "repo:acme/photos:environment:prod", "aud": audience, "environment": "prod", "ref": "refs/heads/main", "ref_type": "branch", "sha": "example-sha",
				"repository": "acme/photos", "repository_owner": "acme", "actor_id": "12", "repository_visibility": "private", "repository_id": "74", "repository_owner_id": "65",
				"run_id": "example-run-id", "run_number": "10", "run_attempt": "2", "runner_environment": "github-hosted", "actor": "ann", "workflow": "release", "head_ref": "", "base_ref": "",
				"event_name": "workflow_dispatch", "job_workflow_ref": "acme/automation/.github/workflows/oidc.yml@refs/heads/main",
			},
			flags: []string{"--claim", "repository=acme/photos", "--claim", "ref=refs/heads/main"}, subject: "github|acme/photos", wrong: claims{"repository": "evil/photos"},
		},
		"kubernetes": {
			header: claims{"alg": "RS256", "kid": "one"},
			claims: claims{
				"aud": []string{audience}, "jti": "ea28ed49", "sub": "system:serviceaccount:shop:photos",
				"kubernetes.io": claims{
					"namespace": "shop", "node": claims{"name": "n1", "uid": "58"}, "pod": claims{"name": "photos-69cbfb9798-jv9gn", "uid": "77"},
					"serviceaccount": claims{"name": "photos", "uid": "14"}, "warnafter": 1700728848,
				},
			},
			flags: []string{"--claim", "/kubernetes.io/namespace=shop"}, subject: "kubernetes|shop|photos",
			wrong: claims{"kubernetes.io": claims{"namespace": "other", "serviceaccount": claims{"name": "photos"}}},
		},
	} {
		i := newIDP(t)
		i.path = test.path
		folder := t.TempDir()
		authority, file := filepath.Join(folder, "ca.crt"), filepath.Join(folder, "token")
		write(t, authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})))
		add := append([]string{"issuer", "add", recipe, "--recipe", recipe, "--issuer", i.URL + i.path, "--audience", audience, "--scope", "photos:read"}, test.flags...)
		now := time.Now().Unix()
		try := func(edit claims) (int, string) {
			payload := maps.Clone(test.claims)
			maps.Copy(payload, claims{"iss": i.URL + i.path, "iat": now, "nbf": now, "exp": now + 300})
			maps.Copy(payload, edit)
			write(t, file, i.token(t, test.header, payload)+"\n")
			return run("issuer", "test", recipe, "--token-file", file)
		}

		if code, out := run(add...); code != 0 {
			t.Fatalf("%s: %s", recipe, out)
		}
		if code, out := try(nil); code != 1 || !strings.Contains(out, "issuer_unavailable") {
			t.Errorf("%s, whose authority is not known: %d %s", recipe, code, out)
		}
		if code, out := run(append(add, "--ca-file", authority)...); code != 0 {
			t.Fatalf("%s: %s", recipe, out)
		}
		if code, out := try(nil); code != 0 || !strings.Contains(out, test.subject) || !strings.Contains(out, "photos:read") {
			t.Errorf("%s: %d %s", recipe, code, out)
		}
		for what, edit := range map[string]claims{"another": test.wrong, "for another": {"aud": "https://elsewhere.example"}, "old": {"iat": now - 86400*2, "nbf": now - 86400*2}} {
			if code, out := try(edit); code != 1 || !strings.Contains(out, "issuer_token_refused") {
				t.Errorf("%s, %s: %d %s", recipe, what, code, out)
			}
		}
	}
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "")
	if code, out := run("issuer", "add", "x", "--issuer", "https://issuer.example", "--audience", "a", "--scope", "b", "--ca-file", empty); code != 1 || !strings.Contains(out, "is empty") {
		t.Errorf("an empty --ca-file: %d %s", code, out)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
