package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

const (
	envSecret = "0123456789abcdef0123456789abcdefSECRET"
	envKey    = "jfBeQsMWo5y3AX1MaN8Vvzkkmkx2TUpVYohpwDXf6ck="
	envIssuer = "https://ce.example"
)

// contributors is a GraphQL API whose reads are public and whose mutations need the scope that their field spells.
const contributors = `
application: contributors
upstream: UPSTREAM
resources:
  - match: GET,POST /graphql
    graphql:
      query: public
      mutation: { scope: "Mutation:{type}:{action}" }
`

// newStateless starts a server from variables alone.
func newStateless(t *testing.T, environ ...string) *world {
	t.Helper()
	w := &world{t: t, log: &lockedBuffer{}, client: &http.Client{Transport: &http.Transport{}}}
	w.upstream = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.reached.Add(1)
		_ = json.NewEncoder(out).Encode(object{"data": object{}, "subject": r.Header.Get("X-Daypass-Subject")})
	}))
	t.Cleanup(w.upstream.Close)
	file := filepath.Join(t.TempDir(), "contributors.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(contributors, "UPSTREAM", w.upstream.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := server.LoadConfig(nil, "", append([]string{
		"DAYPASS_LISTEN=127.0.0.1:0", "DAYPASS_GATEWAY=127.0.0.1:0", "DAYPASS_OPS=127.0.0.1:0", "DAYPASS_DRAIN_TIMEOUT=2s", "DAYPASS_RESOURCES_FILE=" + file,
	}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	w.config = c
	w.run()
	t.Cleanup(func() { w.stop(); w.client.CloseIdleConnections() })
	return w
}

func authKeys() string {
	return `JWT_AUTH_KEYS=[{"id":"videodock","apiKey":"` + envKey + `","scopes":["Mutation:Person:*"]},{"id":"public","apiKey":"readonly","scopes":"Query:*"}]`
}

func (w *world) graphql(pass, query string) answer {
	w.t.Helper()
	return w.send("POST", w.gateway+"/graphql", pass, object{"query": query})
}

// TestStateless: four variables are a server that issues at /jwt and checks at the gate.
func TestStateless(t *testing.T) {
	t.Parallel()
	w := newStateless(t, "JWT_SECRET="+envSecret, "JWT_EXPIRES=2h", "JWT_ISSUER="+envIssuer, authKeys())
	var made struct{ Pass, Bare, Wrong, None string }
	out := runNode(t, "stateless.mjs", map[string]string{"DAYPASS_URL": w.api, "SECRET": envSecret, "ISSUER": envIssuer, "EXPIRES": "2h", "API_KEY": envKey})
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err, out)
	}

	w.expect("a public read", w.graphql("", "{ Person { name } }"), 200, "")
	if a := w.graphql(made.Pass, `mutation { CreatePerson(name: "x") { name } }`); a.status != 200 || a.at("subject") != "videodock" {
		t.Errorf("its mutation: %d %s", a.status, a.text)
	}
	for what, query := range map[string]string{
		"another action":           `mutation { DeletePerson(id: 1) { name } }`,
		"another type":             `mutation { CreatePlace(name: "x") { name } }`,
		"behind an alias":          `mutation { CreatePerson: CreatePlace(name: "x") { name } }`,
		"beside one that is right": `mutation { CreatePerson(name: "x") { name } CreatePlace(name: "x") { name } }`,
	} {
		if a := w.graphql(made.Pass, query); a.status != 403 {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	before := w.reached.Load()
	for what, pass := range map[string]string{
		"no pass": "", "a token of the secret that is no pass": made.Bare, "another secret": made.Wrong, "another issuer": made.None,
		"no signature": made.Pass[:strings.LastIndexByte(made.Pass, '.')+1], "shortened": made.Pass[:len(made.Pass)-1],
	} {
		if a := w.graphql(pass, `mutation { CreatePerson(name: "x") { name } }`); a.status != 401 {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	if w.reached.Load() != before {
		t.Error("what was refused reached the upstream")
	}

	w.offset.Store(int64(2*time.Hour + time.Minute))
	if a := w.graphql(made.Pass, `mutation { CreatePerson(name: "x") { name } }`); a.status != 401 {
		t.Errorf("after its life: %d %s", a.status, a.text)
	}
}

// TestStatelessRoutes: what needs a database says that there is none; the rest answers.
func TestStatelessRoutes(t *testing.T) {
	t.Parallel()
	w := newStateless(t, "JWT_SECRET="+envSecret, authKeys())
	for _, path := range []string{"/livez", "/readyz", "/startupz", "/", "/openapi.yaml", "/docs/errors"} {
		w.expect(path, w.send("GET", path, "", nil), 200, "")
	}
	if a := w.send("GET", "/.well-known/jwks.json", "", nil); a.status != 200 || a.text != `{"keys":[]}` {
		t.Errorf("key set: %d %s", a.status, a.text)
	}
	pass := w.must(200, "POST", "/jwt", "", object{"id": "videodock", "apiKey": envKey}).at("jwt")
	for _, route := range []string{
		"GET /v1/me", "POST /v1/tokens/revoke", "GET /v1/feed", "GET /v1/organizations", "GET /v1/organizations/env/keys", "GET /v1/organizations/env/events",
		"DELETE /v1/organizations/env/users/videodock", "GET /user", "GET /user/apikeys/token", "GET /organizations/env/memberships",
	} {
		method, path, _ := strings.Cut(route, " ")
		w.expect(route, w.send(method, path, pass, nil), 404, "stateless_mode")
	}
	w.expect("narrower", w.send("POST", "/v1/tokens", pass, object{"scopes": []string{"Mutation:Person:Update"}}), 200, "")
	w.expect("encrypted", w.send("POST", "/v1/tokens", pass, object{"scopes": []string{"Mutation:Person:Update"}, "encrypt": true}), 422, "encryption_unavailable")
	w.expect("wider", w.send("POST", "/v1/tokens", pass, object{"scopes": []string{"*"}}), 403, "scope_exceeded")
	w.expect("longer", w.send("POST", "/v1/tokens", pass, object{"expires_in": 90000}), 403, "")
	w.expect("introspection", w.send("POST", "/v1/tokens/introspect", pass, object{"token": pass}), 200, "")
	for what, body := range map[string]object{
		"another's key": {"id": "public", "apiKey": envKey}, "a wrong key": {"id": "videodock", "apiKey": envKey + "x"}, "a scope that is not its": {"id": "public", "apiKey": "readonly", "scopes": "Mutation:Person:Create"},
	} {
		if a := w.send("POST", "/jwt", "", body); a.status != 403 || a.body["success"] != false {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	if a := w.send("POST", "/jwt", "", object{"id": "videodock"}); a.status != 401 {
		t.Errorf("no key: %d %s", a.status, a.text)
	}
	metrics := w.send("GET", w.ops+"/metrics", "", nil)
	if metrics.status != 200 || !strings.Contains(metrics.text, `daypass_tokens_issued_total{origin="key"}`) {
		t.Error("no metrics")
	}
	for _, canary := range []string{envKey, envSecret} {
		if strings.Contains(w.log.String(), canary) {
			t.Error("a secret is in the log")
		}
	}

	// Another server with the same variables takes the pass; one with a database does not.
	twin := newStateless(t, "JWT_SECRET="+envSecret, authKeys())
	twin.expect("a twin", twin.graphql(pass, `mutation { CreatePerson(name: "x") { name } }`), 200, "")
	full := newWorld(t, nil)
	full.expect("with a database", full.send("GET", "/v1/me", pass, nil), 401, "token_invalid")
	w.expect("a pass of another server", w.graphql(full.pass(full.founder, object{}), `mutation { CreatePerson(name: "x") { name } }`), 401, "")
}

// TestStatelessWithAKey: instead of a secret, a private key signs; others verify with its public half.
func TestStatelessWithAKey(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newStateless(t, "DAYPASS_SIGNING_KEY_FILE="+file, "JWT_ISSUER="+envIssuer, authKeys())
	jwks := w.must(200, "GET", "/.well-known/jwks.json", "", nil)
	if strings.Contains(jwks.text, `"d"`) || !strings.Contains(jwks.text, `"ES256"`) {
		t.Errorf("key set %s", jwks.text)
	}
	pass := w.must(200, "POST", "/jwt", "", object{"id": "videodock", "apiKey": envKey}).at("jwt")
	w.expect("its mutation", w.graphql(pass, `mutation { CreatePerson(name: "x") { name } }`), 200, "")
	runNode(t, "verify.mjs", map[string]string{"DAYPASS_URL": w.api, "TOKEN": pass, "SUBJECT": "videodock", "AUDIENCE": "env"})
}

// TestStatelessRefusesToStart where a file is missing or wrong.
func TestStatelessRefusesToStart(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("resources: [{match: GET /, access: public}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	resources := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte("application: photos\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "DAYPASS_RESOURCES_FILE=" + file
	}
	for _, c := range []struct{ says, secret, more string }{
		{"tokens.encrypt needs a database", "JWT_SECRET=" + envSecret, resources("e.yaml", "tokens: {encrypt: true}\nresources: [{match: GET /, access: public}]\n")},
		{"require.signature needs a database", "JWT_SECRET=" + envSecret, resources("s.yaml", "resources: [{match: GET /, require: {signature: true}}]\n")},
		{"name the application", "JWT_SECRET=" + envSecret, "DAYPASS_RESOURCES_FILE=" + bad},
		{"cannot be read", "JWT_SECRET=" + envSecret, "DAYPASS_RESOURCES_FILE=nowhere.yaml"},
		{"one private key in PEM", "JWT_ISSUER=x", "DAYPASS_SIGNING_KEY_FILE=" + bad},
	} {
		config, err := server.LoadConfig(nil, "", []string{c.secret, authKeys(), c.more, "DAYPASS_LISTEN=127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.New(context.Background(), config, server.Options{Log: &bytes.Buffer{}}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.more, err)
		}
	}
}
