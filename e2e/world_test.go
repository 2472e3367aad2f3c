package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/daypass/daypass/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type object = map[string]any

// world is a running server with an upstream behind it.
type world struct {
	t       *testing.T
	config  server.Config
	founder string // key of the platform's administrator, of organization acme
	chief   string // id of its user

	api, gateway, ops string
	log               *lockedBuffer
	offset            atomic.Int64 // of its clock, nanoseconds
	stop              func()
	client            *http.Client

	upstream *httptest.Server
	reached  atomic.Int64 // requests that came to the upstream
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newWorld starts a server whose first organization is acme.
func newWorld(t *testing.T, edit func(*server.Config)) *world {
	t.Helper()
	c := server.DefaultConfig()
	c.Data = t.TempDir()
	c.Listen, c.Gateway, c.Ops = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.DrainTimeout = 2 * time.Second
	c.LogRequests, c.LogLevel = true, "debug"
	if edit != nil {
		edit(&c)
	}
	made, err := server.Init(context.Background(), c, server.InitOptions{Organization: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, config: c, founder: made.Key, chief: made.User, log: &lockedBuffer{}, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 8},
	}}
	w.upstream = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.reached.Add(1)
		_ = json.NewEncoder(out).Encode(object{"method": r.Method, "target": r.RequestURI, "host": r.Host, "headers": r.Header})
	}))
	t.Cleanup(w.upstream.Close)
	w.run()
	t.Cleanup(func() { w.stop(); w.client.CloseIdleConnections() })
	return w
}

func (w *world) run() {
	w.t.Helper()
	now := func() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }
	s, err := server.New(context.Background(), w.config, server.Options{Version: "test", Log: w.log, Now: now})
	if err != nil {
		w.t.Fatal(err)
	}
	a := s.Addresses()
	w.api, w.gateway, w.ops = "http://"+a.Listen, "http://"+a.Gateway, "http://"+a.Ops
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("server: %v", err)
		}
		w.stop = func() {}
	}
}

func (w *world) restart() { w.stop(); w.run() }

// nextSecond waits for one. What says in whole seconds when it was made is refused in the second of a restart.
func nextSecond() { time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) }

type answer struct {
	status int
	header http.Header
	text   string
	body   object
}

// at follows names through the body: at("key", "id").
func (a answer) at(names ...string) string {
	var v any = a.body
	for _, name := range names {
		o, _ := v.(object)
		v = o[name]
	}
	s, _ := v.(string)
	return s
}

func (a answer) code() string { return a.at("code") }

// send makes a request. A body that is a string is YAML if it does not begin
// with a brace. Headers are "Name: value"; a target with a leading slash is the API's.
func (w *world) send(method, target, credential string, body any, headers ...string) answer {
	w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.api + target
	}
	var reader io.Reader
	media := "application/json"
	switch b := body.(type) {
	case nil:
		media = ""
	case string:
		reader = strings.NewReader(b)
		if !strings.HasPrefix(b, "{") {
			media = "application/yaml"
		}
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, target, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header[name] = append(req.Header[name], value)
	}
	return w.do(req)
}

// do sends a request that was made by hand.
func (w *world) do(req *http.Request) answer {
	w.t.Helper()
	res, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	return readAnswer(res)
}

func readAnswer(res *http.Response) answer {
	raw, _ := io.ReadAll(res.Body)
	a := answer{status: res.StatusCode, header: res.Header, text: string(raw)}
	_ = json.Unmarshal(raw, &a.body)
	return a
}

// must is send with an answer that is known beforehand.
func (w *world) must(status int, method, target, credential string, body any, headers ...string) answer {
	w.t.Helper()
	a := w.send(method, target, credential, body, headers...)
	if a.status != status {
		w.t.Fatalf("%s %s: got %d, want %d: %s", method, target, a.status, status, a.text)
	}
	return a
}

// expect reports an answer that differs, with what it would mean.
func (w *world) expect(what string, a answer, status int, code string) {
	w.t.Helper()
	if a.status != status || code != "" && a.code() != code {
		w.t.Errorf("%s: got %d %s, want %d %s", what, a.status, a.text, status, code)
	}
}

func orgPath(org, rest string) string { return "/v1/organizations/" + org + rest }

// member is a user with its first key.
type member struct{ id, key, keyID string }

func (w *world) member(org string, body object) member {
	w.t.Helper()
	a := w.must(201, "POST", orgPath(org, "/users"), w.founder, body)
	return member{id: a.at("user", "id"), key: a.at("key", "key"), keyID: a.at("key", "id")}
}

func (w *world) organization(slug string) string {
	w.t.Helper()
	return w.must(201, "POST", "/v1/organizations", w.founder, object{"slug": slug}).at("id")
}

// serve puts a resource file; UPSTREAM in it is the world's own.
func (w *world) serve(org, app, file string) string {
	w.t.Helper()
	a := w.send("PUT", orgPath(org, "/applications/"+app), w.founder, strings.ReplaceAll(file, "UPSTREAM", w.upstream.URL))
	if a.status != 200 && a.status != 201 {
		w.t.Fatalf("put %s/%s: %d %s", org, app, a.status, a.text)
	}
	return a.at("id")
}

// pass exchanges a key.
func (w *world) pass(key string, wish object) string {
	w.t.Helper()
	return w.must(200, "POST", "/v1/tokens", key, wish).at("token")
}

const photos = `
hosts: [photos.example]
upstream: UPSTREAM
resources:
  - match: GET /public/**
    access: public
  - match: GET /photos/**
    require: { scopes: [photos:read] }
  - match: POST /photos/**
    require: { scopes: [photos:write], roles: [consumer], in: application }
`

const atPhotos = "Host: photos.example"

// raw writes bytes to a listener and reads whole answers until it closes or has
// been silent for long enough.
func (w *world) raw(base, text string) string {
	w.t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, text) }()
	var got strings.Builder
	reader := bufio.NewReader(conn)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			return got.String()
		}
		body, _ := io.ReadAll(res.Body)
		got.WriteString(res.Status + "\n" + string(body) + "\n")
		if res.Close {
			return got.String()
		}
	}
}
