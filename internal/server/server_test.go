package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/server"
)

// instance is a server over a data folder, on ports of its own.
type instance struct {
	t        *testing.T
	config   server.Config
	created  server.Created
	api      string
	gateway  string
	ops      string
	log      *lockedBuffer
	stop     func()
	server   *server.Server
	clock    *clock
	upstream *httptest.Server
}

// clock may be moved while a server reads it.
type clock struct{ offset atomic.Int64 } // nanoseconds

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func testConfig(dir string) server.Config {
	c := server.DefaultConfig()
	c.Data = dir
	c.Listen, c.Gateway, c.Ops = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.DrainTimeout = 2 * time.Second
	return c
}

func start(t *testing.T, edit func(*server.Config)) *instance {
	t.Helper()
	c := testConfig(t.TempDir())
	if edit != nil {
		edit(&c)
	}
	created, err := server.Init(context.Background(), c, server.InitOptions{Organization: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, config: c, created: created, clock: &clock{}}
	i.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "path": r.URL.EscapedPath(), "headers": r.Header})
	}))
	t.Cleanup(i.upstream.Close)
	i.run()
	t.Cleanup(func() { i.stop(); http.DefaultClient.CloseIdleConnections() })
	return i
}

func (i *instance) run() {
	i.t.Helper()
	i.log = &lockedBuffer{}
	s, err := server.New(context.Background(), i.config, server.Options{Version: "test", Log: i.log, Now: i.clock.now})
	if err != nil {
		i.t.Fatal(err)
	}
	i.server = s
	a := s.Addresses()
	i.api, i.gateway, i.ops = "http://"+a.Listen, "http://"+a.Gateway, "http://"+a.Ops
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	i.stop = func() {
		cancel()
		if err := <-done; err != nil {
			i.t.Errorf("server: %v", err)
		}
		i.stop = func() {}
	}
}

func (i *instance) restart() { i.stop(); i.run() }

type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func (i *instance) do(method, url, credential string, body any) answer {
	i.t.Helper()
	var reader io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		reader, kind = strings.NewReader(b), "application/yaml"
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			i.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, url, reader)
	if err != nil {
		i.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		i.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	a := answer{status: res.StatusCode, header: res.Header, text: string(raw)}
	_ = json.Unmarshal(raw, &a.body)
	return a
}

func (i *instance) must(status int, method, path, credential string, body any) answer {
	i.t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = i.api + path
	}
	a := i.do(method, url, credential, body)
	if a.status != status {
		i.t.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, status, a.text)
	}
	return a
}

func (a answer) str(name string) string { s, _ := a.body[name].(string); return s }

type object = map[string]any

const photos = `
application: photos
upstream: UPSTREAM
resources:
  - match: GET /public/**
    access: public
  - match: GET /photos/**
    require: { scopes: [photos:read] }
  - match: POST /photos
    require: { scopes: [photos:write], roles: [consumer], in: application }
`

func (i *instance) protect() {
	i.t.Helper()
	i.must(201, "PUT", "/v1/organizations/acme/applications/photos", i.created.Key, strings.ReplaceAll(photos, "UPSTREAM", i.upstream.URL))
}

// TestStory is the main job, end to end: a key becomes a pass, the pass opens a
// door, the key's end closes it.
func TestStory(t *testing.T) {
	i := start(t, nil)
	i.protect()
	user := i.must(201, "POST", "/v1/organizations/acme/users", i.created.Key, object{"name": "backend", "roles": []string{"consumer@photos"}})
	key := user.body["key"].(object)
	pass := i.must(200, "POST", "/v1/tokens", key["key"].(string), object{"scopes": []string{"photos:read"}, "expires_in": 600})

	i.must(200, "GET", i.gateway+"/public/x", "", nil)
	i.must(401, "GET", i.gateway+"/photos/1", "", nil)
	allowed := i.must(200, "GET", i.gateway+"/photos/1", pass.str("token"), nil)
	if h := allowed.body["headers"].(object); h["Authorization"] != nil || h["X-Daypass-Org"].([]any)[0] != "acme" || h["X-Daypass-Key-Id"].([]any)[0] != key["id"] {
		t.Errorf("what the upstream saw: %v", h)
	}
	denied := i.must(403, "POST", i.gateway+"/photos", pass.str("token"), object{})
	if denied.str("code") != "scope_missing" || !strings.Contains(denied.text, "photos:write") || !strings.Contains(denied.header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("the refusal says what is missing: %s", denied.text)
	}
	writer := i.must(200, "POST", "/v1/tokens", key["key"].(string), object{"scopes": []string{"photos:write"}})
	i.must(200, "POST", i.gateway+"/photos", writer.str("token"), object{})
	i.must(403, "GET", i.gateway+"/unknown", writer.str("token"), nil)

	i.must(204, "DELETE", "/v1/organizations/acme/keys/"+key["id"].(string), i.created.Key, nil)
	dead := i.must(401, "GET", i.gateway+"/photos/1", pass.str("token"), nil)
	if dead.str("code") != "token_revoked" || !strings.Contains(dead.text, "key_deleted") {
		t.Errorf("the refusal says why: %s", dead.text)
	}
	i.must(401, "POST", "/v1/tokens", key["key"].(string), object{})
}

// TestRevocationOutlivesRestartAndClock: what is dead stays dead over a restart
// and with the clock set back; what is good stays good.
func TestRevocationOutlivesRestartAndClock(t *testing.T) {
	i := start(t, nil)
	i.protect()
	good := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).str("token")
	bad := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).str("token")
	i.must(200, "GET", i.gateway+"/photos/1", bad, nil)
	i.must(204, "POST", "/v1/tokens/revoke", "", object{"token": bad})
	i.must(401, "GET", i.gateway+"/photos/1", bad, nil)
	i.restart()
	i.must(401, "GET", i.gateway+"/photos/1", bad, nil)
	i.must(200, "GET", i.gateway+"/photos/1", good, nil)
	i.clock.offset.Store(int64(-10 * time.Minute))
	i.restart()
	i.must(401, "GET", i.gateway+"/photos/1", bad, nil)
}

// TestEveryLineageEnds: each thing a pass descends from, ended through the API,
// ends the pass on the next request, and the exchange with it.
func TestEveryLineageEnds(t *testing.T) {
	for name, end := range map[string]func(i *instance, user, key string){
		"key deleted": func(i *instance, _, key string) {
			i.must(204, "DELETE", "/v1/organizations/acme/keys/"+key, i.created.Key, nil)
		},
		"key rotated": func(i *instance, _, key string) {
			i.must(200, "POST", "/v1/organizations/acme/keys/"+key+"/rotate", i.created.Key, object{"overlap": 0})
		},
		"user disabled": func(i *instance, user, _ string) {
			i.must(200, "PATCH", "/v1/organizations/acme/users/"+user, i.created.Key, object{"active": false})
		},
		"membership deactivated": func(i *instance, user, _ string) {
			i.must(200, "PUT", "/v1/organizations/acme/memberships/"+user, i.created.Key, object{"roles": []string{"developer"}, "active": false})
		},
		"role taken": func(i *instance, user, _ string) {
			i.must(200, "PUT", "/v1/organizations/acme/memberships/"+user, i.created.Key, object{"roles": []string{"consumer"}})
		},
		"membership removed": func(i *instance, user, _ string) {
			i.must(204, "DELETE", "/v1/organizations/acme/memberships/"+user, i.created.Key, nil)
		},
		"user deleted": func(i *instance, user, _ string) {
			i.must(204, "DELETE", "/v1/organizations/acme/users/"+user, i.created.Key, nil)
		},
		"application deleted and made again": func(i *instance, _, _ string) {
			i.must(204, "DELETE", "/v1/organizations/acme/applications/photos", i.created.Key, nil)
			i.protect()
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t, nil)
			i.protect()
			user := i.must(201, "POST", "/v1/organizations/acme/users", i.created.Key, object{"name": "x", "roles": []string{"developer"}})
			key := user.body["key"].(object)
			pass := i.must(200, "POST", "/v1/tokens", key["key"].(string), object{"ips": []string{"request_ip"}, "audience": "photos"}).str("token")
			i.must(200, "GET", i.gateway+"/photos/1", pass, nil)
			i.must(200, "POST", "/v1/tokens", pass, object{})
			end(i, user.body["user"].(object)["id"].(string), key["id"].(string))
			i.must(401, "GET", i.gateway+"/photos/1", pass, nil)
			i.must(401, "POST", "/v1/tokens", pass, object{})
			if active := i.must(200, "POST", "/v1/tokens/introspect", i.created.Key, object{"token": pass}).body["active"]; active != false {
				t.Errorf("introspection calls it active: %v", active)
			}
		})
	}
}

// TestOverlapEndsForGood: passes of the old secret die with the overlap, and a
// clock set back does not wake them.
func TestOverlapEndsForGood(t *testing.T) {
	i := start(t, nil)
	i.protect()
	made := i.must(201, "POST", "/v1/organizations/acme/keys", i.created.Key, object{"scopes": []string{"photos:*"}})
	before := i.must(200, "POST", "/v1/tokens", made.str("key"), object{}).str("token")
	rotated := i.must(200, "POST", "/v1/organizations/acme/keys/"+made.str("id")+"/rotate", i.created.Key, object{"overlap": 3600})
	during := i.must(200, "POST", "/v1/tokens", made.str("key"), object{}).str("token")
	after := i.must(200, "POST", "/v1/tokens", rotated.str("key"), object{}).str("token")
	for _, pass := range []string{before, during, after} {
		i.must(200, "GET", i.gateway+"/photos/1", pass, nil)
	}
	i.clock.offset.Store(int64(time.Hour + time.Second))
	i.restart()
	i.must(401, "POST", "/v1/tokens", made.str("key"), object{})
	i.must(401, "GET", i.gateway+"/photos/1", before, nil)
	i.must(200, "GET", i.gateway+"/photos/1", after, nil)
	i.clock.offset.Store(int64(0))
	i.restart()
	i.must(401, "GET", i.gateway+"/photos/1", before, nil)
	i.must(401, "GET", i.gateway+"/photos/1", during, nil)
	i.must(200, "GET", i.gateway+"/photos/1", after, nil)
}

// TestRevocationsArePruned: not while a pass they end could live, and a day
// longer; then from memory too.
func TestRevocationsArePruned(t *testing.T) {
	i := start(t, nil)
	i.protect()
	pass := i.must(200, "POST", "/v1/tokens", i.created.Key, object{"expires_in": 30 * 86400}).str("token")
	i.must(204, "POST", "/v1/tokens/revoke", "", object{"token": pass})
	for _, c := range []struct {
		after time.Duration
		kept  int
	}{{0, 1}, {30*24*time.Hour + time.Hour, 1}, {31*24*time.Hour + time.Hour, 0}} {
		i.clock.offset.Store(int64(c.after))
		if kept, err := i.server.Prune(context.Background()); err != nil || kept != c.kept {
			t.Errorf("after %v: %d kept, %v", c.after, kept, err)
		}
		if status := i.do("GET", i.gateway+"/photos/1", pass, nil).status; status != 401 && status != 503 {
			t.Errorf("after %v: %d", c.after, status)
		}
	}
}

func TestStartRefusals(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	c := testConfig(dir)
	if _, err := server.New(ctx, c, server.Options{Log: io.Discard}); access.AsError(err).Code != "not_initialized" {
		t.Errorf("no store: %v", err)
	}
	if _, err := server.Init(ctx, c, server.InitOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Init(ctx, c, server.InitOptions{}); access.AsError(err).Code != "already_initialized" {
		t.Errorf("init twice: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "master.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("master key: %v %v", info, err)
	}
	other := testConfig(t.TempDir())
	if _, err := server.Init(ctx, other, server.InitOptions{}); err != nil {
		t.Fatal(err)
	}
	wrong := c
	wrong.MasterKeyFile = filepath.Join(other.Data, "master.key")
	if _, err := server.New(ctx, wrong, server.Options{Log: io.Discard}); access.AsError(err).Code != "wrong_master_key" {
		t.Errorf("wrong master key: %v", err)
	}
	first, err := server.New(ctx, c, server.Options{Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	taken := other
	taken.Listen = first.Addresses().Listen
	if _, err := server.New(ctx, taken, server.Options{Log: io.Discard}); access.AsError(err).Code != "port_in_use" {
		t.Errorf("port in use: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := first.Run(ended); err != nil {
		t.Error(err)
	}
	dev := testConfig("")
	dev.Dev, dev.Listen = true, "0.0.0.0:0"
	if _, err := server.New(ctx, dev, server.Options{Log: io.Discard}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("development mode off loopback: %v", err)
	}
}

func TestDevelopmentMode(t *testing.T) {
	c := testConfig("")
	c.Dev = true
	var log bytes.Buffer
	s, err := server.New(context.Background(), c, server.Options{Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	req, _ := http.NewRequest("POST", "http://"+s.Addresses().Listen+"/v1/tokens", strings.NewReader("{}"))
	req.Header.Set("Api-Key", s.Made().Key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "http://localhost:5173")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "DEVELOPMENT MODE") || strings.Contains(log.String(), s.Made().Key) {
		t.Errorf("the log must warn and hold no key: %s", log.String())
	}
}

func TestOperations(t *testing.T) {
	i := start(t, nil)
	i.protect()
	for _, path := range []string{"/livez", "/readyz", "/startupz"} {
		i.must(200, "GET", path, "", nil)
	}
	pass := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).str("token")
	i.must(200, "GET", i.gateway+"/photos/1", pass, nil)
	i.must(401, "GET", i.gateway+"/photos/1", "", nil)
	i.must(403, "POST", "/v1/tokens", pass, object{})
	i.must(401, "POST", "/v1/tokens", "", object{})
	page := i.must(200, "GET", i.must(401, "GET", "/v1/me", "", nil).str("type"), "", nil)
	if !strings.Contains(page.text, `<a id="credential_missing"></a>`) || page.header.Get("Content-Security-Policy") == "" {
		t.Errorf("the page a problem leads to: %.300s", page.text)
	}
	metrics := i.must(200, "GET", i.ops+"/metrics", "", nil).text
	for _, line := range []string{
		`daypass_decisions_total{outcome="allow",reason="allowed"} 1`,
		`daypass_decisions_total{outcome="deny",reason="token_missing"} 1`,
		`daypass_tokens_issued_total{origin="key"} 1`,
		`daypass_decision_duration_seconds_count 2`,
		`daypass_exchanges_refused_total{code="not_renewable"} 1`,
		`daypass_exchanges_refused_total{code="credential_missing"} 1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
	metrics = strings.NewReplacer("sender_key_", "", "signing_key_", "").Replace(metrics) // parts of names, not of ids
	for _, secret := range []string{i.created.Key, pass, "key_", "usr_", "org_"} {
		if strings.Contains(metrics, secret) {
			t.Errorf("metrics hold %.8s…", secret)
		}
		if strings.Contains(i.log.String(), secret) && len(secret) > 8 {
			t.Errorf("the log holds %.8s…", secret)
		}
	}
	req, _ := http.NewRequest("GET", i.ops+"/metrics", nil)
	req.Header.Set("Origin", "https://evil.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 403 {
		t.Errorf("a web page may not read metrics: %d", res.StatusCode)
	}
}

// lockedBuffer may be read while the server still logs.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
