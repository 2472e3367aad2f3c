package e2e

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

// TestAttack_SecretsInTraces: every secret there is, sent by every way there is,
// stands in no log, event, metric, profile, error or file afterwards.
func TestAttack_SecretsInTraces(t *testing.T) {
	var ready string
	w := newWorld(t, func(c *server.Config) {
		ready = filepath.Join(t.TempDir(), "ready.json")
		c.ReadyFile = ready
	})
	w.serve("acme", "photos", photos)
	user := w.member("acme", object{"roles": []string{"developer"}})
	signing := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"a"}, "require_signature": true})
	rotated := w.must(200, "POST", orgPath("acme", "/keys/"+user.keyID+"/rotate"), w.founder, object{"overlap": 60}, "Idempotency-Key: once")
	again := w.must(200, "POST", orgPath("acme", "/keys/"+user.keyID+"/rotate"), w.founder, object{"overlap": 60}, "Idempotency-Key: once")
	if rotated.at("key") == "" || rotated.at("key") != again.at("key") {
		t.Error("the answer is not repeated")
	}
	pass := w.pass(w.founder, object{})
	signature := pass[strings.LastIndexByte(pass, '.')+1:] // alone it looks like nothing, and is worth nothing
	ada := w.person("acme", "canary@acme.example", "developer")
	in := w.login("canary@acme.example", umbrellas)
	link := linkIn.FindStringSubmatch(w.must(201, "POST", orgPath("acme", "/users/"+ada.id+"/password-reset"), w.founder, nil).at("link"))[1]
	secrets := map[string]string{
		"password": umbrellas, "wrong password": "a canary@in the wrong field", "refresh token": in.at("refresh_token"), "link": link, "pass of a login": in.at("token"),
		"founder's key": w.founder, "user's key": user.key, "new text": rotated.at("key"), "signing key": signing.at("key"),
		"signing secret": signing.at("secret"), "pass": pass, "signature of the pass": signature,
	}
	var answers strings.Builder
	for _, secret := range secrets {
		for _, a := range []answer{
			w.login(secret, secret),
			w.login("canary@acme.example", secret+"x"),
			w.fill("/auth/token", url.Values{"username": {"canary@acme.example"}, "password": {"x" + secret}, "organization": {secret}}),
			w.fill("/auth/token", url.Values{secret: {secret}}),
			w.fill("/auth/token/refresh", url.Values{"refresh_token": {secret + "x"}}),
			w.send("POST", "/auth/token/refresh", "", `{"refresh_token":"`+secret+`"`),
			w.fill("/auth/password", url.Values{"token": {secret + "x"}, "password": {secret}}),
			w.send("POST", "/auth/password", "", object{"token": link, "password": secret[:4]}),
			w.send("POST", "/auth/password/reset", "", object{"username": secret}),
			w.send("GET", "/auth/password?token="+url.QueryEscape(secret)+"x", "", nil),
			w.send("GET", "/auth/"+url.PathEscape(strings.TrimPrefix(secret, signature))+";", "", nil),
			w.send("PUT", orgPath("acme", "/users/"+ada.id+"/password"), in.at("token"), object{"old_password": secret + "x", "password": secret}),
			w.send("GET", orgPath("acme", "/attempts"), w.founder, nil),
			w.send("GET", orgPath("acme", "/users/"+ada.id+"/sessions"), w.founder, nil),
			w.send("GET", "/v1/me?access_token="+url.QueryEscape(secret), "", nil),
			w.send("GET", "/v1/me?x="+url.QueryEscape(secret), "", nil),
			w.send("GET", w.gateway+"/photos/1?token="+url.QueryEscape(secret), "", nil, atPhotos),
			w.send("GET", w.gateway+"/photos/"+url.PathEscape(strings.TrimPrefix(secret, signature))+";", "", nil, atPhotos),
			w.send("POST", "/v1/tokens", secret+"x", object{"scopes": []string{"a"}}),
			w.send("POST", "/v1/tokens", "", nil, "Authorization: Basic "+secret),
			w.send("GET", w.gateway+"/photos/1", secret, nil, atPhotos, "Cookie: a="+secret),
			w.send("POST", "/v1/tokens", w.founder, `{"subject":"`+secret+`"}`),
			w.send("POST", "/v1/tokens", w.founder, `{"`+secret[:20]+`":"`+secret+`"}`),
			w.send("POST", "/v1/tokens/introspect", w.founder, object{"token": secret + "x"}),
			w.send("GET", orgPath("acme", "/keys"), w.founder, nil),
			w.send("GET", orgPath("acme", "/events"), w.founder, nil),
			w.send("GET", orgPath("acme", "/tokens"), w.founder, nil),
			w.send("GET", orgPath("acme", "/usage"), w.founder, nil),
			w.send("GET", w.ops+"/metrics", "", nil),
			w.send("GET", w.ops+"/debug/pprof/goroutine?debug=2", "", nil),
			w.send("GET", w.ops+"/debug/pprof/cmdline", "", nil),
			w.send("GET", "/readyz", "", nil),
		} {
			answers.WriteString(a.text)
			for _, values := range a.header {
				answers.WriteString(strings.Join(values, "\n"))
			}
		}
	}
	master, err := os.ReadFile(filepath.Join(w.config.Data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	published := w.must(200, "GET", "/.well-known/jwks.json", "", nil).text
	w.restart()
	var addresses []byte
	for end := time.Now().Add(10 * time.Second); len(addresses) == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		addresses, _ = os.ReadFile(ready)
	}
	if len(addresses) == 0 {
		t.Fatal("no ready file")
	}
	w.stop()
	traces := map[string]string{"the log": w.log.String(), "the answers": answers.String(), "the key set": published, "the ready file": string(addresses)}
	if _, err := os.Stat(ready); err == nil {
		t.Error("the ready file outlives the server")
	}
	files, _ := filepath.Glob(filepath.Join(w.config.Data, "*"))
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(name); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", filepath.Base(name), info.Mode())
		}
		if filepath.Base(name) != "master.key" {
			traces[filepath.Base(name)] = string(raw)
		}
	}
	secrets["master key"] = strings.TrimSpace(string(master))
	if raw, err := base64.StdEncoding.DecodeString(secrets["master key"]); err == nil {
		secrets["master key's bytes"] = string(raw)
	}
	for trace, text := range traces {
		for what, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%s: in %s", what, trace)
			}
		}
		if strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, `"d":"`) {
			t.Errorf("a private key in %s", trace)
		}
	}
	if bytes.Contains([]byte(traces["the log"]), []byte("access_token=")) {
		t.Error("a query in the log")
	}
}

// TestAttack_OpsFromAWebPage: a page in the operator's browser, also one whose
// name was bound anew to this machine, does not read what ops listens for.
func TestAttack_OpsFromAWebPage(t *testing.T) {
	w := newWorld(t, nil)
	for _, header := range []string{"Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Host: evil.example:9090"} {
		w.expect(header, w.send("GET", w.ops+"/metrics", "", nil, header), http.StatusForbidden, "")
	}
	for _, host := range []string{"localhost:9090", "127.0.0.1:9090", "[::1]:9090"} {
		w.expect(host, w.send("GET", w.ops+"/metrics", "", nil, "Host: "+host), http.StatusOK, "")
	}
}

// TestAttack_AnothersIdempotencyKey: an Idempotency-Key gives its answer, which
// may show a key, to the very same credential with the same authority alone.
func TestAttack_AnothersIdempotencyKey(t *testing.T) {
	w := newWorld(t, nil)
	w.organization("globex")
	a := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	b := w.member("globex", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	same := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	body, once := object{"scopes": []string{"photos:read"}, "roles": []string{}}, "Idempotency-Key: the-same"
	first := w.must(201, "POST", orgPath("acme", "/keys"), a.key, body, once)
	for name, other := range map[string]answer{
		"another organization": w.send("POST", orgPath("globex", "/keys"), b.key, body, once),
		"its path":             w.send("POST", orgPath("acme", "/keys"), b.key, body, once),
		"another user":         w.send("POST", orgPath("acme", "/keys"), same.key, body, once),
		"a narrower pass":      w.send("POST", orgPath("acme", "/keys"), w.pass(a.key, object{"scopes": []string{"daypass:keys:write", "photos:read"}}), body, once),
	} {
		if other.at("key") == first.at("key") {
			t.Errorf("%s gets the answer: %s", name, other.text)
		}
	}
	if again := w.must(201, "POST", orgPath("acme", "/keys"), a.key, body, once); again.at("key") != first.at("key") {
		t.Error("the answer is not repeated to its own caller")
	}
	w.must(204, "DELETE", orgPath("acme", "/users/"+a.id), w.founder, nil)
	w.expect("after the caller's end", w.send("POST", orgPath("acme", "/keys"), a.key, body, once), 401, "")
}

// TestAttack_UnknownAndWrongLookAlike: a key that never was and one that is gone
// get the same answer.
func TestAttack_UnknownAndWrongLookAlike(t *testing.T) {
	w := newWorld(t, nil)
	user := w.member("acme", object{"roles": []string{"consumer"}})
	gone := w.member("acme", object{"roles": []string{"consumer"}})
	w.must(204, "DELETE", orgPath("acme", "/keys/"+gone.keyID), w.founder, nil)
	other := newWorld(t, nil)
	unknown := w.send("POST", "/v1/tokens", other.founder, nil)
	deleted := w.send("POST", "/v1/tokens", gone.key, nil)
	for _, name := range []string{"code", "detail"} {
		if unknown.at(name) != deleted.at(name) {
			t.Errorf("%s: %q and %q", name, unknown.at(name), deleted.at(name))
		}
	}
	w.expect("a pass of another installation", w.send("GET", "/v1/me", other.pass(other.founder, object{}), nil), 401, "token_invalid")
	w.must(200, "POST", "/v1/tokens", user.key, nil)
}
