package edge_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/edge"
)

// asked is a question as a proxy puts it.
func asked(path string, lines ...string) string {
	return head("GET", path, append([]string{"Connection: close"}, lines...)...)
}

func TestForwardAuthAnswers(t *testing.T) {
	w := newWorld(t, nil)
	const (
		here = "/v1/forward-auth"
		get  = "X-Forwarded-Method: GET"
		open = "X-Forwarded-Uri: /public/x"
		shut = "X-Forwarded-Uri: /admin/x"
		good = "Authorization: Bearer pass.admin:read"
	)
	for _, c := range []struct {
		name string
		raw  string
		code string // empty: allowed
	}{
		{"public", asked(here, get, open), ""},
		{"with a pass", asked(here, get, shut, good), ""},
		{"Bearer in any case", asked(here, get, shut, "authorization: bEaReR pass.admin:read"), ""},
		{"the other pair", asked(here, "X-Original-Method: GET", "X-Original-URI: /admin/x", good), ""},
		{"both agree", asked(here, get, shut, "X-Original-Method: GET", "X-Original-URI: /admin/x", good), ""},
		{"named application", asked(here+"?application=acme/photos", get, open), ""},
		{"named application, encoded", asked(here+"?application=acme%2Fphotos", get, open), ""},
		{"lower-case encoding", asked(here, get, "X-Forwarded-Uri: /public/%c3%a9?q=%41"), ""},
		{"headers of a proxy", asked(here, get, open, "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7", "X-Forwarded-Port: 443", "Via: 1.1 p"), ""},
		{"method override that agrees", asked(here, get, open, "X-HTTP-Method-Override: GET"), ""},
		{"original URL that agrees", asked(here, get, open, "X-Original-URL: /public/x"), ""},

		{"no pass", asked(here, get, shut), "token_missing"},
		{"a key", asked(here, get, shut, "Api-Key: dp_live_x"), "token_invalid"},
		{"the wrong scheme", asked(here, get, shut, "Authorization: Basic pass.admin:read"), "token_invalid"},
		{"two passes in one", asked(here, get, shut, "Authorization: Bearer pass.admin:read, Bearer x"), "token_invalid"},
		{"wrong scope", asked(here, get, shut, "Authorization: Bearer pass.other"), "scope_missing"},
		{"unknown application", asked(here+"?application=acme/other", get, open), "no_application"},
		{"no rule", asked(here, get, "X-Forwarded-Uri: /else"), "no_rule"},
		{"a cookie is no pass", asked(here, get, shut, "Cookie: session=pass.admin:read"), "token_missing"},

		{"nothing forwarded", asked(here), "bad_forwarded"},
		{"no method", asked(here, open), "bad_forwarded"},
		{"only another proxy's idea", asked(here, get, "X-Original-URL: /public/x"), "bad_forwarded"},
		{"two methods", asked(here, get, get, open), "bad_forwarded"},
		{"method list", asked(here, "X-Forwarded-Method: GET, POST", open), "bad_forwarded"},
		{"two targets", asked(here, get, open, shut, good), "bad_forwarded"},
		{"two hosts", asked(here, get, open, "X-Forwarded-Host: a", "X-Forwarded-Host: b"), "bad_forwarded"},
		{"host list", asked(here, get, open, "X-Forwarded-Host: a, b"), "bad_host"},
		{"two protocols", asked(here, get, open, "X-Forwarded-Proto: http", "X-Forwarded-Proto: https"), "bad_forwarded"},
		{"targets differ", asked(here, get, open, "X-Original-URI: /admin/x", good), "bad_forwarded"},
		{"methods differ", asked(here, get, open, "X-Original-Method: POST"), "bad_forwarded"},
		{"method override", asked(here, get, open, "X-HTTP-Method-Override: DELETE"), "bad_forwarded"},
		{"method override with underscores", asked(here, get, open, "X_HTTP_Method_Override: DELETE"), "bad_forwarded"},
		{"rewritten URL", asked(here, get, open, "X-Rewrite-URL: /admin/x"), "bad_forwarded"},
		{"identity from the client", asked(here, get, open, "X-Daypass-Subject: root"), "bad_forwarded"},
		{"identity with underscores", asked(here, get, open, "X_daypass_SUBJECT: root"), "bad_forwarded"},
		{"key with an underscore", asked(here, get, open, "Api_Key: dp_live_x"), "bad_forwarded"},
		{"other header with an underscore", asked(here, get, open, "X_Custom: x"), ""},
		{"two credentials", asked(here, get, shut, good, good), "two_credentials"},
		{"pass and key", asked(here, get, shut, good, "Api-Key: dp_live_x"), "two_credentials"},
		{"token in query", asked(here, get, "X-Forwarded-Uri: /public/x?access_token=x"), "token_in_query"},
		{"dots", asked(here, get, "X-Forwarded-Uri: /public/../admin/x"), "bad_path"},
		{"not canonical", asked(here, get, "X-Forwarded-Uri: /public/%61"), "bad_path"},
		{"whole URL", asked(here, get, "X-Forwarded-Uri: http://a/public/x"), "bad_path"},
		{"unknown parameter", asked(here+"?app=acme/photos", get, open), "bad_parameter"},
		{"two parameters", asked(here+"?application=acme/photos&application=acme/other", get, open), "bad_parameter"},
	} {
		res, body, _ := exchange(t, w.Forward, c.raw)
		if c.code == "" {
			if res.StatusCode != http.StatusNoContent {
				t.Errorf("%s: %d %s", c.name, res.StatusCode, body)
			}
			hasEveryIdentity(t, res.Header)
			continue
		}
		if code := problemCode(t, res, body); code != c.code {
			t.Errorf("%s: %s, want %s", c.name, code, c.code)
		}
	}
}

func TestForwardAuthBelievesTrustedProxiesOnly(t *testing.T) {
	w := newWorld(t, nil)
	client := w.client
	client.TrustedPeer = false
	w.setClient(client)
	res, body, _ := exchange(t, w.Forward, asked("/v1/forward-auth", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /public/x"))
	if code := problemCode(t, res, body); code != "untrusted_proxy" || res.StatusCode != http.StatusForbidden {
		t.Errorf("%d %s", res.StatusCode, code)
	}
}

func TestDoorsRefuseWithoutClient(t *testing.T) {
	w := newWorld(t, nil)
	w.setClient(edge.Client{TrustedPeer: true})
	for _, raw := range []string{asked("/v1/forward-auth", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /public/x"), asked("/public/x")} {
		for _, door := range []string{w.Forward, w.Gateway} {
			if res, body, _ := exchange(t, door, raw); problemCode(t, res, body) != "internal" {
				t.Errorf("%d", res.StatusCode)
			}
		}
	}
	if sent := w.seen.take(); len(sent) != 0 {
		t.Error("a request of nobody reached the upstream")
	}
}

func TestDenialsSayWhatToDo(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		lines     []string
		challenge string
		detail    string
	}{
		{nil, `Bearer realm="daypass"`, "Authorization: Bearer"},
		{[]string{"Authorization: Bearer x"}, `Bearer realm="daypass", error="invalid_token", error_description="`, "get a new one"},
		{[]string{"Authorization: Bearer dp_live_x"}, `Bearer realm="daypass", error="invalid_token", error_description="`, "POST /v1/tokens"},
		{[]string{"Authorization: Bearer pass.other"}, `Bearer realm="daypass", error="insufficient_scope", scope="admin:read"`, `\"admin:read\"`},
	} {
		res, body, _ := exchange(t, w.Gateway, asked("/admin/x", c.lines...))
		if got := res.Header.Get("Www-Authenticate"); !strings.HasPrefix(got, c.challenge) {
			t.Errorf("%v: challenge %s, want %s", c.lines, got, c.challenge)
		}
		if !strings.Contains(body, c.detail) || !strings.Contains(body, `"request_id":"req-1"`) || !strings.Contains(body, `"type":"/docs/errors#`) {
			t.Errorf("%v: %s", c.lines, body)
		}
	}
}

func BenchmarkForwardAuth(b *testing.B) {
	w := newWorld(b, nil)
	door := edge.NewForwardAuth(edge.Config{Gate: w.gate, Now: w.Now, Observer: discard{}, Meter: discard{}})
	r := httptest.NewRequest("GET", "/v1/forward-auth", nil)
	r = r.WithContext(edge.WithClient(r.Context(), w.client))
	for name, value := range map[string]string{
		"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/admin/x?page=2", "X-Forwarded-Host": "photos.example.com", "X-Forwarded-Proto": "https",
		"X-Forwarded-For": "192.0.2.7", "Authorization": "Bearer pass.admin:read", "Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "bench",
	} {
		r.Header.Set(name, value)
	}
	answer := bare{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		door.ServeHTTP(answer, r)
	}
}

// bare is a response writer that costs nothing.
type bare struct{ header http.Header }

func (w bare) Header() http.Header         { return w.header }
func (w bare) Write(p []byte) (int, error) { return len(p), nil }
func (w bare) WriteHeader(status int) {
	if status != http.StatusNoContent {
		panic(status)
	}
}
