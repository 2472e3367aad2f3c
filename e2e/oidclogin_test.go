package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

const clientSecret = "umbrella-4711-secret"

// loginProvider is an outside issuer through which people log in.
type loginProvider struct {
	*outsideIssuer
	mu        sync.Mutex
	metadata  object // beside what there is
	claims    object // beside those of a right ID token
	idToken   string // in place of a right one
	challenge string // of the login under way
	nonce     string
	asked     []url.Values // at the token endpoint
	secrets   []string
}

func newLoginProvider(t *testing.T) *loginProvider {
	p := &loginProvider{outsideIssuer: newOutsideIssuer(t), metadata: object{}, claims: object{}}
	var handler http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			o := object{"issuer": p.server.URL, "jwks_uri": p.server.URL + "/jwks", "authorization_endpoint": p.server.URL + "/authorize?tenant=1", "token_endpoint": p.server.URL + "/token"}
			for name, value := range p.metadata {
				o[name] = value
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(o)
		case "/token":
			p.token(w, r)
		default:
			if group, ok := strings.CutPrefix(r.URL.Path, "/authorize"); ok {
				p.authorize(w, r, strings.TrimPrefix(group, "/"))
				return
			}
			p.serve(w, r)
		}
	}
	p.answer.Store(&handler)
	return p
}

// authorize asks a person as member of which group to log in, and sends the browser back.
func (p *loginProvider) authorize(w http.ResponseWriter, r *http.Request, group string) {
	q := r.URL.Query()
	back := url.Values{"state": {q.Get("state")}}
	switch group {
	case "":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Issuer</title><h1>Log in at the issuer</h1>`)
		for path, name := range map[string]string{"operators": "Let in operators", "visitors": "Let in visitors", "strangers": "Let in strangers", "nobody": "Refuse"} {
			_, _ = fmt.Fprintf(w, `<p><a href="/authorize/%s?%s">%s</a>`, path, html.EscapeString(r.URL.RawQuery), name)
		}
		return
	case "nobody":
		back.Set("error", "access_denied")
	default:
		p.challenge, p.nonce, p.claims = q.Get("code_challenge"), q.Get("nonce"), object{"groups": group}
		back.Set("code", "good")
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// token answers to the code "good" with an ID token, if PKCE holds.
func (p *loginProvider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	_, secret, _ := r.BasicAuth()
	p.asked, p.secrets = append(p.asked, r.PostForm), append(p.secrets, secret)
	w.Header().Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if r.PostForm.Get("code") != "good" || base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(object{"error": "invalid_grant"})
		return
	}
	claims := object{"aud": "dashboard", "nonce": p.nonce, "jti": nil}
	for name, value := range p.claims {
		claims[name] = value
	}
	idToken := p.idToken
	if idToken == "" {
		idToken = p.outsideIssuer.token(nil, claims)
	}
	_ = json.NewEncoder(w).Encode(object{"id_token": idToken, "access_token": "x", "token_type": "Bearer"})
}

// loginTrust lets people manage acme.
func (p *loginProvider) loginTrust(edit object) object {
	o := object{
		"issuer": p.server.URL, "audiences": []string{"dashboard"}, "scopes": []string{"daypass:*"}, "roles": []string{"account_manager"},
		"max_token_life": 28800, "login": object{"client_id": "dashboard", "client_secret": clientSecret, "scopes": []string{"email"}},
	}
	maps.Copy(o, edit)
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	return o
}

// navigator is a browser that follows no redirect by itself.
type navigator struct {
	*world
	cookies map[string]string
	address string // that it comes from; empty: this machine's
}

func (w *world) navigator() *navigator { return &navigator{world: w, cookies: map[string]string{}} }

func (n *navigator) get(target string, headers ...string) *http.Response {
	n.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = n.api + target
	}
	req, err := http.NewRequest("GET", target, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	for name, value := range n.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if n.address != "" {
		req.Header.Set("X-Forwarded-For", n.address)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	client := http.Client{Transport: n.client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	res.Body.Close()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(n.cookies, c.Name)
			continue
		}
		n.cookies[c.Name] = c.Value
	}
	return res
}

// begin goes to the issuer and returns what was sent there.
func (n *navigator) begin(p *loginProvider, id, query string, headers ...string) url.Values {
	n.t.Helper()
	res := n.get("/v1/login/oidc/"+id+query, headers...)
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != 302 || !strings.HasPrefix(to.String(), p.server.URL+"/authorize?") {
		n.t.Fatalf("begin: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.challenge, p.nonce = to.Query().Get("code_challenge"), to.Query().Get("nonce")
	return to.Query()
}

// finish comes back, and says where that leads to.
func (n *navigator) finish(at string, query ...string) string {
	n.t.Helper()
	values := url.Values{}
	for _, pair := range query {
		name, value, _ := strings.Cut(pair, "=")
		values.Add(name, value)
	}
	res := n.get("/v1/login/oidc/" + at + "/callback?" + values.Encode())
	if res.StatusCode != 302 {
		n.t.Fatalf("callback: %d", res.StatusCode)
	}
	return res.Header.Get("Location")
}

// refusedFor is the page that a failed login of acme leads to.
func refusedFor(code string) string { return "/login?error=" + code + "&organization=acme" }

func (n *navigator) session() answer {
	n.t.Helper()
	return n.send("GET", "/v1/session", "", nil, "Sec-Fetch-Site: same-origin", "Daypass-Session: 1", "Cookie: __Host-daypass="+n.cookies["__Host-daypass"])
}

func loginWorld(t *testing.T) (*world, *loginProvider, string) {
	t.Helper()
	w := newWorld(t, func(c *server.Config) {
		c.IssuerNetworks = []string{"127.0.0.0/8"}
		c.PublicURL = "https://pass.example.com"
	})
	p := newLoginProvider(t)
	made := w.must(201, "PUT", orgPath("acme", "/issuers/staff"), w.founder, p.loginTrust(nil))
	return w, p, made.at("id")
}

// TestOIDCLogin: who logs in through an outside issuer administers as far as its
// rules go, until it is trusted no more.
func TestOIDCLogin(t *testing.T) {
	t.Parallel()
	w, p, id := loginWorld(t)
	offer := w.must(200, "GET", "/v1/login", "", nil)
	if !strings.Contains(offer.text, id) || strings.Contains(offer.text, "dashboard") || strings.Contains(offer.text, clientSecret) {
		t.Errorf("offered: %s", offer.text)
	}
	n := w.navigator()
	sent := n.begin(p, id, "?return_to=/o/acme/keys", "Host: evil.example")
	for name, want := range map[string]string{
		"redirect_uri": "https://pass.example.com/v1/login/oidc/acme/staff/callback", "response_type": "code", "scope": "openid email",
		"code_challenge_method": "S256", "client_id": "dashboard", "tenant": "1",
	} {
		if sent.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, sent.Get(name), want)
		}
	}
	if to := n.finish("acme/staff", "state="+sent.Get("state"), "code=good", "session_state=eyJhIjoxfQ.e30.x"); to != "/o/acme/keys" {
		t.Fatalf("led to %s", to)
	}
	if p.secrets[0] != clientSecret || p.asked[0].Get("client_secret") != "" || p.asked[0].Get("redirect_uri") != sent.Get("redirect_uri") {
		t.Errorf("the token endpoint was asked %v", p.asked)
	}
	if _, stays := n.cookies["__Host-daypass-login"]; stays {
		t.Error("the cookie of the login stays")
	}
	pass := n.session().at("token")
	me := w.must(200, "GET", "/v1/me", pass, nil)
	if me.at("user", "id") != "staff|ann" || !strings.Contains(me.text, "account_manager") {
		t.Errorf("me: %s", me.text)
	}
	made := w.must(201, "POST", orgPath("acme", "/users"), pass, object{"roles": []string{"consumer"}})
	if events := w.must(200, "GET", orgPath("acme", "/events?limit=1"), pass, nil); !strings.Contains(events.text, "user.created") || !strings.Contains(events.text, "tok_") {
		t.Errorf("who did it: %s", events.text)
	}
	w.expect("another organization", w.send("GET", orgPath(w.organizationSlug("beta"), ""), pass, nil), 404, "")
	w.expect("the platform's role", w.send("PUT", orgPath("acme", "/memberships/"+made.at("user", "id")), pass, object{"roles": []string{"administrator"}}), 403, "role_exceeded")
	w.expect("the platform's own", w.send("GET", "/v1/keyset", pass, nil), 403, "")
	w.expect("a passkey", w.send("POST", "/v1/passkeys/options", pass, nil), 403, "role_missing")
	w.expect("a key of nobody", w.send("POST", orgPath("acme", "/keys"), pass, object{"scopes": []string{"daypass:*"}}), 404, "not_found")

	w.must(200, "PUT", orgPath("acme", "/issuers/staff"), w.founder, p.loginTrust(object{"login": nil, "active": false}))
	w.expect("trusted no more", w.send("GET", "/v1/me", pass, nil), 401, "")
	w.expect("nor its cookie", n.session(), 401, "")
	if res := n.get("/v1/login/oidc/" + id); res.Header.Get("Location") != "/login?error=login_issuer_unknown" {
		t.Errorf("trusted no more: led to %s", res.Header.Get("Location"))
	}
}

func (w *world) organizationSlug(slug string) string { w.organization(slug); return slug }

// TestOIDCLogin_NarrowRoles: somebody from outside has nothing of its own here, so a
// role without reach shows nothing, not even what is nobody's.
func TestOIDCLogin_NarrowRoles(t *testing.T) {
	t.Parallel()
	w, p, id := loginWorld(t)
	w.serve("acme", "photos", photos)
	w.must(200, "PUT", orgPath("acme", "/issuers/staff"), w.founder, p.loginTrust(object{"roles": []string{"consumer"}}))
	n := w.navigator()
	n.finish("acme/staff", "state="+n.begin(p, id, "").Get("state"), "code=good")
	pass := n.session().at("token")
	w.must(200, "GET", "/v1/me", pass, nil)
	for _, path := range []string{"/tokens", "/keys", "/users", "/memberships", "/identities", "/usage", "/events", "/issuers", "/applications"} {
		w.expect(path, w.send("GET", orgPath("acme", path), pass, nil), 403, "role_missing")
	}
	w.must(200, "PUT", orgPath("acme", "/issuers/staff"), w.founder, p.loginTrust(object{"grants": []object{{"when": object{"sub": "bob"}, "scopes": []string{"daypass:*"}, "roles": []string{"account_manager"}}}}))
	n = w.navigator()
	if to := n.finish("acme/staff", "state="+n.begin(p, id, "").Get("state"), "code=good"); to != refusedFor("login_empty") || n.cookies["__Host-daypass"] != "" {
		t.Errorf("somebody to whom no grant gives anything was led to %s", to)
	}
	// A pass of the same issuer has no place in administration where nobody logs in through it.
	w.must(200, "PUT", orgPath("acme", "/issuers/staff"), w.founder, p.loginTrust(object{"login": nil}))
	made := w.must(200, "POST", "/v1/tokens", p.outsideIssuer.token(nil, object{"aud": "dashboard"}), object{})
	w.expect("without login", w.send("GET", "/v1/me", made.at("token"), nil), 403, "named_subject")
}

// TestOIDCLogin_Attacks: a login ends in the browser that began it, once, with an
// answer of the issuer that it was begun with, for this client, and leads nowhere else.
func TestOIDCLogin_Attacks(t *testing.T) {
	t.Parallel()
	w, p, id := loginWorld(t)
	other := newLoginProvider(t)
	otherID := w.must(201, "PUT", orgPath("acme", "/issuers/other"), w.founder, other.loginTrust(nil)).at("id")

	refused := func(what, code string, n *navigator, at string, query ...string) {
		t.Helper()
		to := n.finish(at, query...)
		if led, err := url.Parse(to); err != nil || led.Path != "/login" || led.Query().Get("error") != code {
			t.Errorf("%s: led to %s, want error %s", what, to, code)
		}
		if n.cookies["__Host-daypass"] != "" {
			t.Errorf("%s: somebody is logged in", what)
		}
	}
	begun := func() (*navigator, string) { n := w.navigator(); return n, "state=" + n.begin(p, id, "").Get("state") }

	n, state := begun()
	refused("login CSRF: an answer without the cookie", "login_state", w.navigator(), "acme/staff", state, "code=good")
	another, _ := begun()
	refused("an answer in another browser", "login_state", another, "acme/staff", state, "code=good")
	refused("without state", "login_state", n, "acme/staff", "code=good")
	n, state = begun()
	refused("two states", "login_state", n, "acme/staff", state, state, "code=good")
	n, state = begun()
	n.cookies["__Host-daypass-login"] = n.cookies["__Host-daypass-login"][:40] + "A" + n.cookies["__Host-daypass-login"][41:]
	refused("an altered cookie", "login_state", n, "acme/staff", state, "code=good")

	n, state = begun()
	kept := n.cookies["__Host-daypass-login"]
	refused("a wrong code", "login_refused", n, "acme/staff", state, "code=bad")
	n.cookies["__Host-daypass-login"] = kept
	refused("the same login once more", "login_state", n, "acme/staff", state, "code=good")
	n, state = begun()
	refused("the issuer says no", "login_denied", n, "acme/staff", state, "error=access_denied", "code=good")

	again := "state=" + n.begin(p, id, "?return_to=/o/acme/keys").Get("state")
	if to := n.finish("acme/staff", again, "error=access_denied"); to != refusedFor("login_denied")+"&to=%2Fo%2Facme%2Fkeys" {
		t.Errorf("from the login page one cannot try again where one wanted to go: led to %s", to)
	}

	n, state = begun()
	refused("mix-up: the answer names another issuer", "login_issuer_mixed", n, "acme/staff", state, "code=good", "iss="+other.server.URL)
	n, state = begun()
	refused("mix-up: at the other issuer's callback", "login_issuer_mixed", n, "acme/other", state, "code=good")
	o := w.navigator()
	refused("mix-up: a login of the other, answered by this one", "login_issuer_mixed", o, "acme/staff", "state="+o.begin(other, otherID, "").Get("state"), "code=good", "iss="+p.server.URL)
	if len(other.asked) != 0 {
		t.Error("a code was sent to the other issuer")
	}

	for what, claims := range map[string]object{
		"another login's ID token":         {"nonce": "another"},
		"an ID token without nonce":        {"nonce": nil},
		"an ID token for another client":   {"aud": "somebody"},
		"one that another client asked":    {"azp": "somebody"},
		"one for two, without azp":         {"aud": []string{"dashboard", "somebody"}},
		"one of another issuer":            {"iss": other.server.URL},
		"one that has expired":             {"exp": time.Now().Add(-time.Hour).Unix(), "iat": time.Now().Add(-2 * time.Hour).Unix()},
		"one that tells of an event":       {"events": object{"x": 1}},
		"one that the issuer's rules mind": {"sub": nil},
	} {
		n, state = begun()
		p.mu.Lock()
		p.claims = claims
		p.mu.Unlock()
		refused(what, "issuer_token_refused", n, "acme/staff", state, "code=good")
	}
	p.mu.Lock()
	p.claims = object{}
	p.mu.Unlock()

	for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/o//evil.example", "/o/../..//evil.example", "/login", "/v1/me", "/o/a?x=//evil.example", "/o/a#x", "/%2f/evil.example", "o/acme", "/o/a\r\nSet-Cookie: x=y"} {
		if res := n.get("/v1/login/oidc/" + id + "?return_to=" + url.QueryEscape(to)); res.Header.Get("Location") != refusedFor("invalid_parameter") {
			t.Errorf("open redirect %q: led to %s", to, res.Header.Get("Location"))
		}
	}

	// A cookie of one kind is none of another.
	n, state = begun()
	if a := w.send("GET", "/v1/session", "", nil, "Sec-Fetch-Site: same-origin", "Daypass-Session: 1", "Cookie: __Host-daypass="+n.cookies["__Host-daypass-login"]); a.status != 204 {
		t.Errorf("the login's cookie as session: %d %s", a.status, a.text)
	}
	n.finish("acme/staff", state, "code=good")
	swapped := w.navigator()
	swapped.cookies["__Host-daypass-login"] = n.cookies["__Host-daypass"]
	refused("the session's cookie as login", "login_state", swapped, "acme/staff", state, "code=good")

	n, state = begun()
	w.offset.Add(int64(11 * time.Minute))
	refused("ten minutes later", "login_state", n, "acme/staff", state, "code=good")
}

// TestOIDCLogin_Issuer: what discovery says is held against what there may be.
func TestOIDCLogin_Issuer(t *testing.T) {
	t.Parallel()
	w, p, id := loginWorld(t)
	n := w.navigator()
	again := func(metadata object) { // discovery is asked again after ten minutes
		p.mu.Lock()
		p.metadata = metadata
		p.mu.Unlock()
		w.offset.Add(int64(11 * time.Minute))
	}
	again(object{"authorization_response_iss_parameter_supported": true})
	if to := n.finish("acme/staff", "state="+n.begin(p, id, "").Get("state"), "code=good"); to != refusedFor("login_issuer_mixed") {
		t.Errorf("an answer without the iss that was promised: led to %s", to)
	}
	again(object{"token_endpoint": "http://169.254.169.254/latest/meta-data"})
	if to := n.finish("acme/staff", "state="+n.begin(p, id, "").Get("state"), "code=good"); to != refusedFor("login_issuer_unavailable") {
		t.Errorf("a token endpoint that must not be asked: led to %s", to)
	}
	again(object{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}})
	n.finish("acme/staff", "state="+n.begin(p, id, "").Get("state"), "code=good")
	if last := p.asked[len(p.asked)-1]; last.Get("client_secret") != clientSecret {
		t.Errorf("client_secret_post: asked %v", last)
	}
}

// TestOIDCLogin_Secret: a client secret is never shown again, is sealed at rest, and
// goes nowhere but to the issuer that it was given for.
func TestOIDCLogin_Secret(t *testing.T) {
	t.Parallel()
	w, p, id := loginWorld(t)
	at := orgPath("acme", "/issuers/staff")
	if shown := w.must(200, "GET", at, w.founder, nil); !strings.Contains(shown.text, `"secured":true`) {
		t.Errorf("shown: %s", shown.text)
	}
	kept := object{"client_id": "dashboard", "scopes": []string{"email"}}
	was := w.must(200, "GET", at, w.founder, nil).body["revision"]
	if now := w.must(200, "PUT", at, w.founder, p.loginTrust(object{"login": kept})).body["revision"]; now != was {
		t.Errorf("revision %v became %v: nothing changed", was, now)
	}
	evil := newLoginProvider(t)
	w.expect("another issuer", w.send("PUT", at, w.founder, p.loginTrust(object{"issuer": evil.server.URL, "login": kept})), 422, "client_secret_required")
	w.expect("another client", w.send("PUT", at, w.founder, p.loginTrust(object{"audiences": []string{"x"}, "login": object{"client_id": "x"}})), 422, "client_secret_required")
	w.expect("a client that is no audience", w.send("PUT", at, w.founder, p.loginTrust(object{"audiences": []string{"x"}})), 422, "invalid_issuer")
	n := w.navigator()
	n.finish("acme/staff", "state="+n.begin(p, id, "").Get("state"), "code=good")
	if p.secrets[len(p.secrets)-1] != clientSecret {
		t.Error("the secret was not kept")
	}
	w.must(200, "PUT", at, w.founder, p.loginTrust(object{"login": object{"client_id": "dashboard", "client_secret": ""}}))
	if shown := w.must(200, "GET", at, w.founder, nil); !strings.Contains(shown.text, `"secured":false`) {
		t.Errorf("a public client: %s", shown.text)
	}
	w.must(200, "PUT", at, w.founder, p.loginTrust(nil))
	for _, path := range []string{at, "/v1/login", orgPath("acme", "/events"), orgPath("acme", "/issuers")} {
		if a := w.must(200, "GET", path, w.founder, nil); strings.Contains(a.text, clientSecret) {
			t.Errorf("%s shows the secret", path)
		}
	}
	w.stop()
	if strings.Contains(w.log.String(), clientSecret) {
		t.Error("the log has the secret")
	}
	files, _ := filepath.Glob(filepath.Join(w.config.Data, "*"))
	for _, file := range files {
		if raw, err := os.ReadFile(file); err == nil && strings.Contains(string(raw), clientSecret) {
			t.Errorf("%s has the secret", filepath.Base(file))
		}
	}
}

// TestClientsOIDCLogin: npm oidc-provider lets people log in.
func TestClientsOIDCLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) {
		c.IssuerNetworks = []string{"127.0.0.0/8"}
		c.PublicURL = "https://pass.example.com"
	})
	runNode(t, "oidclogin.mjs", map[string]string{"DAYPASS_URL": w.api, "PUBLIC_URL": "https://pass.example.com", "KEY": w.founder})
}
