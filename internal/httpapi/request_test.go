package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/httpapi"
)

// TestBadRequests: each wrong request gets its own problem, and nothing is done.
func TestBadRequests(t *testing.T) {
	h := newHouse(t)
	const orgs, exchange = "/v1/organizations", "/v1/tokens"
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)
	for _, c := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		code                       string
	}{
		{"unknown route", "GET", "/v1/nothing", "", nil, 404, "no_route"},
		{"trailing slash", "GET", "/v1/me/", "", nil, 404, "no_route"},
		{"path to be cleaned", "GET", "/v1/x/../me", "", nil, 404, "no_route"},
		{"double slash", "GET", "//v1/me", "", nil, 404, "no_route"},
		{"wrong method", "PUT", "/v1/me", "", nil, 405, "method_not_allowed"},
		{"wrong method of the exchange", "GET", exchange, "", nil, 405, "method_not_allowed"},
		{"no credential", "GET", "/v1/me", "", []string{"Authorization: "}, 401, "credential_missing"},
		{"no credential for a pass", "POST", exchange, "{}", []string{"Authorization: "}, 401, "credential_missing"},
		{"other scheme", "GET", "/v1/me", "", []string{"Authorization: ", "Authorization: Basic QTpC"}, 401, "credential_scheme"},
		{"pass as key", "GET", "/v1/me", "", []string{"Authorization: ", "Api-Key: eyJh.e30.c2ln"}, 401, "credential_invalid"},
		{"two headers", "GET", "/v1/me", "", []string{"Api-Key: " + h.founder}, 400, "two_credentials"},
		{"two headers at the exchange", "POST", exchange, "{}", []string{"Api-Key: " + h.founder}, 400, "two_credentials"},
		{"two Authorizations", "GET", "/v1/me", "", []string{"Authorization: Bearer x"}, 400, "two_credentials"},
		{"two keys", "GET", "/v1/me", "", []string{"Authorization: ", "Api-Key: dp_a", "Api-Key: dp_b"}, 400, "two_credentials"},
		{"token in query", "GET", "/v1/me?access_token=x", "", nil, 400, "token_in_query"},
		{"key in query", "GET", "/v1/organizations?cursor=" + h.founder, "", nil, 400, "token_in_query"},
		{"key in query of no route", "GET", "/nothing?x=" + h.founder, "", nil, 400, "token_in_query"},
		{"key in a broken query", "GET", "/v1/me?a=%zz;" + h.founder, "", nil, 400, "token_in_query"},
		{"pass in query", "GET", "/v1/organizations?cursor=eyJhbGciOiJub25lIn0.e30.", "", nil, 400, "token_in_query"},
		{"unknown parameter", "GET", "/v1/organizations?page=2", "", nil, 400, "unknown_parameter"},
		{"parameter of another route", "GET", "/v1/me?limit=2", "", nil, 400, "unknown_parameter"},
		{"parameter twice", "GET", "/v1/organizations?limit=2&limit=3", "", nil, 400, "invalid_parameter"},
		{"parameter of the wrong type", "GET", "/v1/organizations?limit=many", "", nil, 400, "invalid_parameter"},
		{"limit 0", "GET", "/v1/organizations?limit=0", "", nil, 400, "invalid_parameter"},
		{"limit too high", "GET", "/v1/organizations?limit=201", "", nil, 422, "invalid_field"},
		{"no time", "GET", "/v1/organizations/main/events?since=yesterday", "", nil, 400, "invalid_parameter"},
		{"forged cursor", "GET", "/v1/organizations?cursor=AAAA", "", nil, 422, "invalid_cursor"},
		{"broken query", "GET", "/v1/organizations?limit=%zz", "", nil, 400, "invalid_query"},
		{"no media type", "POST", orgs, "{}", []string{"Content-Type: "}, 415, "unsupported_media_type"},
		{"form", "POST", orgs, "slug=x", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		{"text", "POST", exchange, "{}", []string{"Content-Type: text/plain"}, 415, "unsupported_media_type"},
		{"charset", "POST", orgs, "{}", []string{"Content-Type: application/json; charset=latin1"}, 415, "unsupported_media_type"},
		{"other parameter", "POST", orgs, "{}", []string{"Content-Type: application/json; version=1"}, 415, "unsupported_media_type"},
		{"compressed", "POST", orgs, "{}", []string{"Content-Encoding: gzip"}, 415, "unsupported_encoding"},
		{"YAML where JSON is read", "POST", orgs, "slug: x", []string{"Content-Type: application/yaml"}, 415, "unsupported_media_type"},
		{"too large", "POST", orgs, `{"slug":"` + strings.Repeat("a", 65<<10) + `"}`, nil, 413, "body_too_large"},
		{"too large for the exchange", "POST", exchange, strings.Repeat(" ", 65<<10), nil, 413, "body_too_large"},
		{"too large a file", "PUT", orgs + "/main/applications/x", strings.Repeat("#", 1<<20+1), []string{"Content-Type: application/yaml"}, 413, "body_too_large"},
		{"empty", "POST", orgs, "", []string{"Content-Type: application/json"}, 400, "invalid_json"},
		{"no JSON", "POST", orgs, "{", nil, 400, "invalid_json"},
		{"array", "POST", orgs, "[]", nil, 400, "invalid_json"},
		{"null", "POST", orgs, "null", nil, 400, "invalid_json"},
		{"null at the exchange", "POST", exchange, "null", nil, 400, "invalid_json"},
		{"null member", "POST", exchange, `{"ips":null}`, nil, 400, "invalid_json"},
		{"unknown member", "POST", orgs, `{"slug":"x","owner":"me"}`, nil, 400, "invalid_json"},
		{"member in other case", "POST", orgs, `{"Slug":"x"}`, nil, 400, "invalid_json"},
		{"member twice", "POST", orgs, `{"slug":"x","slug":"y"}`, nil, 400, "invalid_json"},
		{"member twice at the exchange", "POST", exchange, `{"renewable":false,"renewable":true}`, nil, 400, "invalid_json"},
		{"wrong type", "POST", orgs, `{"slug":1}`, nil, 400, "invalid_json"},
		{"fraction", "POST", exchange, `{"expires_in":1.5}`, nil, 400, "invalid_json"},
		{"number as text", "POST", exchange, `{"expires_in":"60"}`, nil, 400, "invalid_json"},
		{"number out of range", "POST", exchange, `{"expires_in":1e30}`, nil, 400, "invalid_json"},
		{"audience is a number", "POST", exchange, `{"audience":1}`, nil, 400, "invalid_json"},
		{"no UTF-8", "POST", orgs, "{\"slug\":\"\xff\"}", nil, 400, "invalid_json"},
		{"half a surrogate", "POST", orgs, `{"slug":"\ud800"}`, nil, 400, "invalid_json"},
		{"something behind", "POST", orgs, `{"slug":"x"} {}`, nil, 400, "invalid_json"},
		{"comment", "POST", orgs, `{"slug":"x"} // x`, nil, 400, "invalid_json"},
		{"byte order mark", "POST", orgs, "\ufeff{\"slug\":\"x\"}", nil, 400, "invalid_json"},
		{"deep", "POST", exchange, `{"scopes":` + deep + `}`, nil, 400, "invalid_json"},
		{"many members", "POST", exchange, `{"scopes":[` + strings.Repeat(`"a",`, 1000) + `"a"]}`, nil, 400, "invalid_json"},
		{"required member absent", "PATCH", orgs + "/main/applications/x", `{}`, nil, 400, "invalid_json"},
		{"required member null", "PATCH", orgs + "/main/applications/x", `{"active":null}`, nil, 400, "invalid_json"},
		{"bad slug", "POST", orgs, `{"slug":"A B"}`, nil, 422, "invalid_field"},
		{"bad scope", "POST", exchange, `{"scopes":["a!"]}`, nil, 400, "invalid_scope"},
		{"ips and none", "POST", exchange, `{"ips":["request_ip"],"no_ip_protection":true}`, nil, 400, "ips_and_no_ip_protection"},
		{"bad file", "PUT", orgs + "/main/applications/x", "resources: [", []string{"Content-Type: application/yaml"}, 422, "invalid_resources"},
		{"bad JSON file", "PUT", orgs + "/main/applications/x", `{"hosts":["a.example"],"hosts":[]}`, nil, 400, "invalid_json"},
		{"bad If-Match", "PATCH", orgs + "/main", `{"name":"x"}`, []string{"If-Match: 1"}, 400, "invalid_if_match"},
		{"other If-Match", "PATCH", orgs + "/main", `{"name":"x"}`, []string{`If-Match: "99999"`}, 412, "precondition_failed"},
		{"If-Match 0", "PATCH", orgs + "/main", `{"name":"x"}`, []string{`If-Match: "0"`}, 412, "precondition_failed"},
		{"bad Idempotency-Key", "POST", orgs, `{"slug":"x"}`, []string{"Idempotency-Key: a b"}, 400, "invalid_idempotency_key"},
		{"foreign page", "GET", "/v1/me", "", []string{"Origin: https://evil.example"}, 403, "origin_refused"},
		{"page without origin", "POST", orgs, `{"slug":"x"}`, []string{"Origin: null"}, 403, "origin_refused"},
		{"foreign preflight", "OPTIONS", "/v1/me", "", []string{"Origin: https://evil.example", "Access-Control-Request-Method: GET"}, 403, "origin_refused"},
		{"explain without a host", "POST", exchange + "/explain", `{"method":"GET","url":"/x"}`, nil, 400, "invalid_url"},
		{"explain an odd path", "POST", exchange + "/explain", `{"method":"GET","url":"http://a.example/a/%2e%2e/b"}`, nil, 400, "bad_path"},
		{"revoke a key", "POST", exchange + "/revoke", `{"token":"` + h.founder + `"}`, nil, 422, "unsupported_token_type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := h.scene.gate.View().Revision
			var body any
			if c.body != "" {
				body = c.body
			}
			got := h.send(c.method, c.target, h.founder, body, c.headers...)
			if got.status != c.status || got.code() != c.code {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, c.status, c.code)
			}
			if media := got.header.Get("Content-Type"); media != "application/problem+json" {
				t.Errorf("the answer is %q", media)
			}
			if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("the answer may be sniffed or kept: %v", got.header)
			}
			if (got.status == 401) != (got.header.Get("WWW-Authenticate") != "") || (got.status == 405) != (got.header.Get("Allow") != "") {
				t.Errorf("WWW-Authenticate or Allow is wrong: %v", got.header)
			}
			if strings.Contains(string(got.body), h.founder) {
				t.Error("the answer repeats the key")
			}
			if after := h.scene.gate.View().Revision; after != before {
				t.Errorf("something was changed: revision %d, was %d", after, before)
			}
		})
	}
	if strings.Contains(h.log.String(), h.founder) {
		t.Error("the log has the key")
	}
}

// TestFieldsAreNamed: a wrong member is named by its pointer.
func TestFieldsAreNamed(t *testing.T) {
	h := newHouse(t)
	for body, pointer := range map[string]string{
		`{"slug":1}`:               "/slug",
		`{"slug":"x","owner":"y"}`: "/owner",
		`{"name":"x"}`:             "/slug",
	} {
		if got := h.send("POST", "/v1/organizations", h.founder, body); !strings.Contains(string(got.body), `"pointer":"`+pointer+`"`) {
			t.Errorf("%s: got %s", body, got.body)
		}
	}
}

func TestRepeatedRequests(t *testing.T) {
	h := newHouse(t)
	create := func(body, key string) reply {
		return h.send("POST", "/v1/organizations/main/users", h.founder, body, "Idempotency-Key: "+key)
	}
	const body = `{"roles":["developer"]}`
	first, again := create(body, "k1"), create(body, "k1")
	if first.status != 201 || again.status != 201 || string(first.body) != string(again.body) {
		t.Errorf("got %d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("Location") == "" {
		t.Errorf("headers: %v, then %v", first.header, again.header)
	}
	if other := create(`{"roles":["consumer"]}`, "k1"); other.code() != "idempotency_key_reused" {
		t.Errorf("the same key with another request: %s", other.body)
	}
	if refused := create(`{"roles":["nonsense!"]}`, "k2"); refused.status != 422 {
		t.Errorf("got %s", refused.body)
	}
	if after := create(body, "k2"); after.status != 201 || string(after.body) == string(first.body) {
		t.Errorf("a refusal was kept: %d %s", after.status, after.body)
	}
	users := h.send("GET", "/v1/organizations/main/users", h.founder, nil)
	if n := strings.Count(string(users.body), `"id"`); n != 3 {
		t.Errorf("there are %d users, want the founder and two: %s", n, users.body)
	}
}

func TestEntityTags(t *testing.T) {
	h := newHouse(t)
	const org = "/v1/organizations/main"
	tag := h.send("GET", org, h.founder, nil).header.Get("ETag")
	first := h.send("PATCH", org, h.founder, `{"name":"One"}`, "If-Match: "+tag)
	second := h.send("PATCH", org, h.founder, `{"name":"Two"}`, "If-Match: "+tag)
	if first.status != 200 || second.status != 412 {
		t.Errorf("got %d %s, then %d %s", first.status, first.body, second.status, second.body)
	}
	if name := h.send("GET", org, h.founder, nil).field(t, "name"); name != "One" {
		t.Errorf("the name is %s", name)
	}
}

func TestBrowsers(t *testing.T) {
	const page = "https://shop.example"
	h := newHouse(t, func(c *httpapi.Config) { c.Origins = []string{page} })
	preflight := h.send("OPTIONS", "/v1/tokens", "", nil, "Origin: "+page, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
	if preflight.status != 204 || preflight.header.Get("Access-Control-Allow-Origin") != page || !strings.Contains(preflight.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight: %d %v", preflight.status, preflight.header)
	}
	if got := h.send("POST", "/v1/tokens", h.founder, `{"expires_in":60}`, "Origin: "+page); got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("known page: %d %v", got.status, got.header)
	}
	if got := h.send("GET", "/v1/me", h.founder, nil, "Origin: "+h.url); got.status != 200 {
		t.Errorf("own page: %d %s", got.status, got.body)
	}
	if got := h.send("GET", "/.well-known/jwks.json", "", nil, "Origin: https://other.example"); got.status != 200 || got.header.Get("Access-Control-Allow-Origin") == "" || !strings.HasPrefix(got.header.Get("Cache-Control"), "public, max-age=") {
		t.Errorf("key set: %d %v", got.status, got.header)
	}
}

func TestResourceFileInBothNotations(t *testing.T) {
	h := newHouse(t)
	const yaml, json = "application/yaml", "application/json"
	files := map[string]string{
		yaml: "hosts: [a.example] # ours\nupstream: http://127.0.0.1:9\nresources:\n  - match: GET /**\n    access: public\n",
		json: `{"hosts": ["b.example"], "upstream": "http://127.0.0.1:9", "resources": [{"match": "GET /**", "access": "public"}]}`,
	}
	for media, file := range files {
		target := "/v1/organizations/main/applications/" + media[len("application/"):]
		if got := h.send("PUT", target, h.founder, file, "Content-Type: "+media); got.status != 201 {
			t.Fatalf("PUT %s: %d %s", media, got.status, got.body)
		}
		for _, accept := range []string{"", "*/*", media, media + ";q=0.1, text/html", "text/html"} {
			got := h.send("GET", target, h.founder, nil, "Accept: "+accept)
			if string(got.body) != file || got.header.Get("Content-Type") != media {
				t.Errorf("%s, Accept %q: got %s %s", media, accept, got.header.Get("Content-Type"), got.body)
			}
		}
		other := yaml
		if media == yaml {
			other = json
		}
		translated := h.send("GET", target, h.founder, nil, "Accept: "+other)
		if translated.header.Get("Content-Type") != other {
			t.Errorf("%s, Accept %q: got %s %s", media, other, translated.header.Get("Content-Type"), translated.body)
		}
		if got := h.send("PUT", target, h.founder, string(translated.body), "Content-Type: "+other); got.status != 200 {
			t.Errorf("PUT %s as %s: %d %s", media, other, got.status, got.body)
		}
	}
}

func TestFailuresSayNothing(t *testing.T) {
	const cause = "cause-of-it-all"
	h := newHouse(t, func(c *httpapi.Config) {
		c.Ready = func(context.Context) error { return errors.New(cause) }
		c.Started = func() bool { return false }
		c.Feed = quietFeed{errors.New(cause)}
		c.JWKS = func() []byte { panic(cause) }
		c.ForwardAuth = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(cause) })
	})
	for target, want := range map[string]string{
		"/readyz": "503 not_ready", "/startupz": "503 not_started", "/livez": "200 ",
		"/v1/feed": "500 internal", "/.well-known/jwks.json": "500 internal", "/v1/forward-auth": "500 internal",
	} {
		got := h.send("GET", target, h.founder, nil)
		if is := fmt.Sprintf("%d %s", got.status, got.code()); is != want || strings.Contains(string(got.body), cause) {
			t.Errorf("%s: got %s %s, want %s", target, is, got.body, want)
		}
		if want == "500 internal" && !strings.Contains(string(got.body), `"request_id"`) {
			t.Errorf("%s: the request is not named: %s", target, got.body)
		}
	}
	if !strings.Contains(h.log.String(), cause) {
		t.Error("the log does not tell the cause")
	}
}

// TestBodyThatLies: a length that is not kept, and one that is never given, cost no more than the limit.
func TestBodyThatLies(t *testing.T) {
	h := newHouse(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/organizations HTTP/1.1\r\nHost: x\r\nApi-Key: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}", h.founder)
	must(t, conn.(*net.TCPConn).CloseWrite())
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a body cut short: %d", resp.StatusCode)
	}
	endless, err := http.NewRequestWithContext(t.Context(), "POST", h.url+"/v1/organizations", io.LimitReader(spaces{}, 1<<30))
	must(t, err)
	endless.Header.Set("Api-Key", h.founder)
	endless.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(endless)
	if err != nil {
		return // the server closed the connection while the body was on its way
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("an endless body: %d", answer.StatusCode)
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestPassesOverHTTP(t *testing.T) {
	h := newHouse(t)
	pass := h.send("POST", "/v1/tokens", h.founder, nil).field(t, "token")
	if got := h.send("GET", "/v1/me", pass, nil); got.status != 200 || !strings.HasPrefix(got.field(t, "token"), "tok_") {
		t.Errorf("me: %d %s", got.status, got.body)
	}
	narrow := h.send("POST", "/v1/tokens", h.founder, `{"scopes":["photos:read"]}`).field(t, "token")
	if got := h.send("GET", "/v1/organizations/main/keys", narrow, nil); got.status != 403 {
		t.Errorf("a narrow pass administers: %d %s", got.status, got.body)
	}
	if got := h.send("POST", "/v1/tokens/revoke", "", map[string]string{"token": pass}); got.status != 204 {
		t.Errorf("revoke: %d %s", got.status, got.body)
	}
	if got := h.send("GET", "/v1/me", pass, nil); got.status != 401 || got.code() != "token_revoked" {
		t.Errorf("a revoked pass: %d %s", got.status, got.body)
	}
	if got := h.send("POST", "/v1/tokens/introspect", h.founder, map[string]string{"token": pass}); string(got.body) != "{\"active\":false}\n" {
		t.Errorf("a revoked pass: %s", got.body)
	}
	if got := h.send("POST", "/v1/tokens/introspect", "", map[string]string{"token": narrow}); got.status != 401 {
		t.Errorf("introspection by nobody: %d", got.status)
	}
}
