package edge_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/gate/gatetest"
)

// discard counts nothing.
type discard struct{}

func (discard) Observe(gate.Reason, time.Duration)  {}
func (discard) Used(access.Counted, access.LastUse) {}
func identityOf(h http.Header) gate.Identity {
	return gate.Identity{
		Subject: h.Get("X-Daypass-Subject"), Organization: h.Get("X-Daypass-Org"), Scopes: h.Get("X-Daypass-Scopes"),
		Roles: h.Get("X-Daypass-Roles"), TokenID: h.Get("X-Daypass-Token-Id"), KeyID: h.Get("X-Daypass-Key-Id"),
	}
}

// hasEveryIdentity fails where one identity header is not there exactly once.
func hasEveryIdentity(t testing.TB, h http.Header) {
	t.Helper()
	for _, name := range []string{"X-Daypass-Subject", "X-Daypass-Org", "X-Daypass-Scopes", "X-Daypass-Roles", "X-Daypass-Token-Id", "X-Daypass-Key-Id"} {
		if len(h[name]) != 1 {
			t.Errorf("%s is there %d times", name, len(h[name]))
		}
	}
}

func problemCode(t testing.TB, res *http.Response, body string) string {
	t.Helper()
	var p edge.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d is not a problem: %q %v", res.StatusCode, body, err)
	}
	if p.Status != res.StatusCode {
		t.Errorf("status %d in an answer with status %d", p.Status, res.StatusCode)
	}
	return p.Code
}

// doors serves a suite's gate at every door; the client is the case's.
func doors(t *testing.T, suite *gatetest.Suite, from *netip.Addr) (gateway, forward string, envoy authv3.AuthorizationClient) {
	config := edge.Config{Gate: suite.Gate(), Now: func() time.Time { return suite.Now }, Observer: discard{}, Meter: discard{}, Log: slog.New(slog.DiscardHandler)}
	serve := func(door http.Handler) string {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			door.ServeHTTP(w, r.WithContext(edge.WithClient(r.Context(), edge.Client{Address: *from, TrustedPeer: true})))
		}))
		server.Listener = edge.StrictListener(server.Listener, nil)
		server.Start()
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	proxy := edge.Client{Address: netip.MustParseAddr("127.0.0.1"), TrustedPeer: true}
	envoy = askEnvoy(t, edge.NewExtAuthz(config, access.Networks{}), func() edge.Client { return proxy })
	return serve(edge.NewGateway(config)), serve(edge.NewForwardAuth(config)), envoy
}

func TestCasesThroughEveryDoor(t *testing.T) {
	upstream := &recorder{}
	up := httptest.NewServer(upstream)
	defer up.Close()
	for _, suite := range gatetest.Load(t, "../gate/testdata", up.URL) {
		t.Run(suite.Name, func(t *testing.T) {
			var from netip.Addr
			gateway, forward, envoy := doors(t, suite, &from)
			for _, c := range suite.Cases {
				from = c.From
				if c.Application == "" {
					throughGateway(t, gateway, upstream, c)
				}
				throughForwardAuth(t, forward, c)
				throughExtAuthz(t, envoy, c)
			}
		})
	}
}

func throughGateway(t *testing.T, addr string, upstream *recorder, c gatetest.Case) {
	t.Helper()
	raw := c.Method + " " + c.Target + " HTTP/1.1\r\nHost: " + c.Host + "\r\nConnection: close\r\n"
	if c.Bearer != "" {
		raw += "Authorization: Bearer " + c.Bearer + "\r\n"
	}
	res, body, _ := exchange(t, addr, raw+"\r\n")
	sent := upstream.take()
	if c.Want.Status != http.StatusOK {
		sameDenial(t, "gateway", res, body, c)
		if len(sent) != 0 {
			t.Errorf("%v: a refused request reached the upstream as %s", c, sent[0].RequestURI)
		}
		return
	}
	if res.StatusCode != http.StatusOK || len(sent) != 1 {
		t.Fatalf("%v: gateway answered %d, and the upstream saw %d requests: %s", c, res.StatusCode, len(sent), body)
	}
	want, err := c.Request()
	if err != nil {
		t.Fatal(err)
	}
	if sent[0].RequestURI != want.Path.Target() || sent[0].Method != c.Method {
		t.Errorf("%v: the upstream was sent %s %s, but %s was decided on", c, sent[0].Method, sent[0].RequestURI, want.Path.Target())
	}
	hasEveryIdentity(t, sent[0].Header)
	if got := identityOf(sent[0].Header); got != c.Want.Identity {
		t.Errorf("%v: the upstream was told %+v, want %+v", c, got, c.Want.Identity)
	}
}

func throughForwardAuth(t *testing.T, addr string, c gatetest.Case) {
	t.Helper()
	raw := "GET /v1/forward-auth"
	if c.Application != "" {
		raw += "?application=" + c.Application
	}
	raw += " HTTP/1.1\r\nHost: auth.internal\r\nConnection: close\r\nX-Forwarded-Method: " + c.Method + "\r\nX-Forwarded-Uri: " + c.Target + "\r\nX-Forwarded-Host: " + c.Host + "\r\n"
	if c.Bearer != "" {
		raw += "Authorization: Bearer " + c.Bearer + "\r\n"
	}
	res, body, _ := exchange(t, addr, raw+"\r\n")
	if request, err := c.Request(); err == nil && request.Path.Target() != c.Target && res.StatusCode == http.StatusBadRequest {
		return // the proxy sends the target as it stands, so what is not canonical is refused
	}
	if c.Want.Status != http.StatusOK {
		sameDenial(t, "forward-auth", res, body, c)
		return
	}
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("%v: forward-auth answered %d: %s", c, res.StatusCode, body)
		return
	}
	hasEveryIdentity(t, res.Header)
	if got := identityOf(res.Header); got != c.Want.Identity {
		t.Errorf("%v: forward-auth told %+v, want %+v", c, got, c.Want.Identity)
	}
}

func sameDenial(t *testing.T, door string, res *http.Response, body string, c gatetest.Case) {
	t.Helper()
	if res.StatusCode != c.Want.Status {
		t.Errorf("%v: %s answered %d, want %d: %s", c, door, res.StatusCode, c.Want.Status, body)
		return
	}
	if res.Header.Get("Content-Type") != "application/problem+json" {
		if c.Want.Reason != gatetest.BadPath {
			t.Errorf("%v: %s answered %q", c, door, body)
		}
		return // net/http itself refused the target
	}
	if code := problemCode(t, res, body); code != string(c.Want.Reason) {
		t.Errorf("%v: %s gave code %s, want %s", c, door, code, c.Want.Reason)
	}
	if c.Want.Status == http.StatusUnauthorized && res.Header.Get("Www-Authenticate") == "" {
		t.Errorf("%v: %s gave no challenge", c, door)
	}
}
