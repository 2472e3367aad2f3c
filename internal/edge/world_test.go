package edge_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/scope"
)

// noon is when the tests' clocks stand, unless they move them.
var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

const rules = `
upstream: $UPSTREAM
timeout: 1s
origins: ["https://app.example.com"]
resources:
  - match: ANY /public/**
    access: public
  - match: ANY /public
    access: public
  - match: ANY /admin/**
    require: { scopes: ["admin:read"] }
  - match: ANY /keep/**
    access: public
    pass_token: true
    pass_cookies: true
  - match: ANY /ws/**
    require: { scopes: ["ws:open"] }
  - match: OPTIONS /graphql/*
    access: public
  - match: ANY /graphql/open
    graphql:
      query: public
      mutation: { scope: "Mutation:{type}:{action}" }
      subscription: { scopes: ["ws:open"] }
      introspection: refuse
      body: 4KiB
      fields:
        Query.me: { scopes: ["me:read"] }
        Query.nobody: refuse
  - match: ANY /graphql/closed
    pass_token: true
    graphql:
      query: authenticated
      mutation: { scope: "Mutation:{type}:{action}" }
      batch: each
`

// world is a gateway and a forward-auth door before one application, photos of acme, whose passes are called by the
// name of their only scope.
type world struct {
	gate    *gate.Gate
	config  edge.Config // of every door
	gateway *edge.Gateway
	Gateway string // host:port
	Forward string // host:port
	seen    *recorder

	mu     sync.Mutex
	now    time.Time
	client edge.Client
	counts map[gate.Reason]int
	uses   []use
	last   access.LastUse
}

type use struct{ organization, application, key, outcome string }

func newWorld(t testing.TB, upstream http.Handler) *world {
	t.Helper()
	w := &world{now: noon, counts: map[gate.Reason]int{}, seen: &recorder{next: upstream}}
	w.client = edge.Client{Address: netip.MustParseAddr("192.0.2.7"), Peer: netip.MustParseAddr("127.0.0.1"), TrustedPeer: true, RequestID: "req-1"}
	up := httptest.NewServer(w.seen)
	t.Cleanup(up.Close)
	w.open(t, up.URL)
	return w
}

// open builds the doors before an upstream.
func (w *world) open(t testing.TB, upstream string) {
	t.Helper()
	w.gate = gate.New(gate.Config{Read: w.read, Now: w.Now})
	w.gate.Swap(w.view(t, upstream))
	w.config = edge.Config{Gate: w.gate, Now: w.Now, Observer: w, Meter: w, Limits: meter.NewLimiter(), Log: slog.New(slog.DiscardHandler)}
	w.gateway = edge.NewGateway(w.config)
	w.Gateway = w.serve(t, w.gateway)
	w.Forward = w.serve(t, edge.NewForwardAuth(w.config))
}

func (w *world) view(t testing.TB, upstream string, revoked ...access.Revocation) *gate.View {
	t.Helper()
	app, err := catalog.Compile(access.Application{
		ID: "app_photos", OrganizationID: "org_acme", Organization: "acme", Slug: "photos", Active: true,
		Document: []byte(strings.ReplaceAll(rules+shapedRules, "$UPSTREAM", upstream)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &gate.View{Catalog: new(catalog.Catalog).With(app), Revocations: gate.NewRevocations(revoked...), Confirmed: w.Now(), MaxAge: 24 * time.Hour}
}

// serve runs a door as the server does: strictly, and with the client in the context.
func (w *world) serve(t testing.TB, door http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		client := w.client
		w.mu.Unlock()
		door.ServeHTTP(rw, r.WithContext(edge.WithClient(r.Context(), client)))
	}))
	server.Listener = edge.StrictListener(server.Listener, nil)
	server.Config.ConnState = edge.TrackHijack
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// read knows the passes "pass.SCOPE": they live for an hour and were issued at revision 1 to the key key_SCOPE.
func (w *world) read(text string) (*access.Token, error) {
	name, ok := strings.CutPrefix(text, "pass.")
	if !ok {
		return nil, errors.New("not a pass")
	}
	scopes, err := scope.ParseList(name)
	if err != nil {
		return nil, err
	}
	token := &access.Token{
		ID: "tok_1", Subject: "alice", Organization: "acme", OrganizationID: "org_acme", UserID: "usr_1", MembershipID: "mem_1",
		Source: access.Source{KeyID: "key_" + name, KeyVersion: 1}, IssuedAt: noon, NotBefore: noon, Revision: 1,
		Authority: access.Authority{
			Scopes: scopes, Everywhere: true, NotAfter: noon.Add(time.Hour),
			Roles:     []access.Role{{Name: access.Developer, OrganizationID: "org_acme"}},
			Audiences: []access.Audience{{Organization: "acme", OrganizationID: "org_acme"}},
		},
	}
	token.Seal()
	return token, nil
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) setNow(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

func (w *world) setClient(c edge.Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.client = c
}

func (w *world) Observe(reason gate.Reason, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[reason]++
}

func (w *world) Used(line access.Counted, last access.LastUse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uses, w.last = append(w.uses, use{line.OrganizationID, line.ApplicationID, line.KeyID, line.Outcome}), last
}

func (w *world) lastUse() access.LastUse {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// recorder is an upstream that remembers what it was sent.
type recorder struct {
	next http.Handler
	mu   sync.Mutex
	got  []*http.Request
}

func (u *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.got = append(u.got, r.Clone(context.Background()))
	u.mu.Unlock()
	if u.next != nil {
		u.next.ServeHTTP(w, r)
		return
	}
	io.WriteString(w, "hello from upstream")
}

// take returns the requests since the last call.
func (u *recorder) take() []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.got
	u.got = nil
	return got
}

// exchange sends bytes as they are, and reads one answer and whether the connection was closed after it.
func exchange(t testing.TB, addr, raw string) (res *http.Response, body string, closed bool) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	method, _, _ := strings.Cut(raw, " ")
	res, err = http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer to %q: %v", raw, err)
	}
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(content), res.Close
}

// head writes a request without a body, and with the header lines that are given.
func head(method, target string, lines ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: photos.example.com\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}
