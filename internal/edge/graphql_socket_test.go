package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// subscriptions is an upstream that speaks graphql-transport-ws: it acknowledges, answers each subscribe with one next, and
// remembers everything it is told.
type subscriptions struct {
	odd string // what it sends instead of next

	mu      sync.Mutex
	headers []http.Header
	got     []message
	gone    chan struct{} // receives when a connection has ended
}

func (s *subscriptions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { conn.CloseNow(); s.gone <- struct{}{} }()
	s.mu.Lock()
	s.headers = append(s.headers, r.Header)
	s.mu.Unlock()
	for {
		_, text, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil {
			panic(err)
		}
		s.mu.Lock()
		s.got = append(s.got, m)
		s.mu.Unlock()
		answer := ""
		switch m.Type {
		case "connection_init":
			answer = `{"type":"connection_ack","payload":{"hello":1}}`
		case "ping":
			answer = `{"type":"pong"}`
		case "subscribe":
			answer = `{"id":"` + m.ID + `","type":"next","payload":{"data":{"n":1}}}`
			if s.odd != "" {
				answer = s.odd
			}
		case "complete":
			answer = `{"id":"` + m.ID + `","type":"next","payload":{"data":{"late":1}}}`
		}
		if conn.Write(r.Context(), websocket.MessageText, []byte(answer)) != nil {
			return
		}
	}
}

// told returns what came since the last call.
func (s *subscriptions) told() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// socketClient is a client's end.
type socketClient struct {
	*websocket.Conn
	t   *testing.T
	ctx context.Context
}

type socketWorld struct {
	*world
	upstream *subscriptions
	ctx      context.Context
}

func newSocketWorld(t *testing.T) socketWorld {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	u := &subscriptions{gone: make(chan struct{}, 16)}
	return socketWorld{newWorld(t, u), u, ctx}
}

func (w socketWorld) tryDial(path string, header http.Header, protocols ...string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(w.ctx, "ws://"+w.Gateway+path, &websocket.DialOptions{HTTPHeader: header, Host: "photos.example.com", Subprotocols: protocols})
}

func (w socketWorld) dial(t *testing.T, path string, header http.Header) *socketClient {
	t.Helper()
	conn, _, err := w.tryDial(path, header, "graphql-transport-ws")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return &socketClient{conn, t, w.ctx}
}

// open dials and gets as far as the acknowledgement.
func (w socketWorld) open(t *testing.T, path, pass string) *socketClient {
	t.Helper()
	c := w.dial(t, path, nil)
	init := `{"type":"connection_init"}`
	if pass != "" {
		init = `{"type":"connection_init","payload":{"Authorization":"Bearer ` + pass + `"}}`
	}
	c.send(init)
	if m := c.next(); m.Type != "connection_ack" {
		t.Fatalf("got %+v", m)
	}
	w.upstream.told()
	return c
}

func (c *socketClient) send(text string) {
	c.t.Helper()
	if err := c.Write(c.ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *socketClient) next() (m message) {
	c.t.Helper()
	_, text, err := c.Read(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

// isClosed reads until the end, which must have this code.
func (c *socketClient) isClosed(what string, code websocket.StatusCode) {
	c.t.Helper()
	for {
		_, text, err := c.Read(c.ctx)
		if err == nil {
			c.t.Logf("%s: %s", what, text)
			continue
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code {
			c.t.Errorf("%s: ended with %v, want code %d", what, err, code)
		}
		return
	}
}

func subscribe(id, query string) string {
	return `{"id":"` + id + `","type":"subscribe","payload":{"query":` + quotedPlain(query) + `}}`
}

// TestGraphQLSocket is a whole conversation: what is allowed reaches the upstream written anew, and what is denied does not.
func TestGraphQLSocket(t *testing.T) {
	w := newSocketWorld(t)
	c := w.dial(t, atOpen, http.Header{"Cookie": {"a=b"}, "X-Daypass-Subject": {"root"}, "Origin": {"https://app.example.com"}})
	c.send(`{"type":"connection_init","payload":{"authorization":"Bearer pass.ws:open","tenant":"x"}}`)
	if m := c.next(); m.Type != "connection_ack" || string(m.Payload) != `{"hello":1}` {
		t.Fatalf("got %+v", m)
	}
	if got := w.upstream.told(); len(got) != 1 || string(got[0].Payload) != `{"tenant":"x"}` {
		t.Errorf("the upstream was told %+v", got)
	}
	h := w.upstream.headers[0]
	hasEveryIdentity(t, h)
	if h.Get("X-Daypass-Subject") != "alice" || h.Get("Cookie") != "" || h.Get("Authorization") != "" || h.Get("X-Forwarded-For") != "192.0.2.7" {
		t.Errorf("the upstream got %v", h)
	}

	c.send(subscribe("1", "subscription { personAdded { id } } # comment"))
	if m := c.next(); m.Type != "next" || m.ID != "1" {
		t.Errorf("got %+v", m)
	}
	if got := w.upstream.told(); len(got) != 1 || !strings.Contains(string(got[0].Payload), "personAdded") || strings.Contains(string(got[0].Payload), "comment") {
		t.Errorf("the upstream was told %+v", got)
	}

	for name, denied := range map[string]struct{ query, reason, rest string }{
		"mutation":      {"mutation{CreatePerson{id}}", "scope_missing", `"missing":"Mutation:Person:Create"`},
		"unmapped":      {"mutation{create}", "field_unmapped", `"field":"create"`},
		"introspection": {"{__schema{types{name}}}", "introspection_refused", ""},
		"syntax":        {"nonsense", "graphql_syntax", `"code":"BAD_REQUEST"`},
		"no pass does":  {"{nobody}", "field_refused", `"request_id":"req-1"`},
	} {
		c.send(subscribe("x", denied.query))
		m := c.next()
		if text := string(m.Payload); m.Type != "error" || m.ID != "x" || !strings.Contains(text, `"reason":"`+denied.reason+`"`) || !strings.Contains(text, denied.rest) {
			t.Errorf("%s: got %s %s %s", name, m.Type, m.ID, text)
		}
		if got := w.upstream.told(); len(got) != 0 {
			t.Errorf("%s: the upstream was told %+v", name, got)
		}
	}

	// What is complete is not answered any more: the upstream's next for it is dropped.
	c.send(`{"id":"1","type":"complete"}`)
	c.send(`{"id":"1","type":"complete"}`)
	c.send(`{"type":"ping","payload":{"a":1}}`)
	if m := c.next(); m.Type != "pong" {
		t.Errorf("got %+v", m)
	}
	if got := w.upstream.told(); len(got) != 2 || got[0].Type != "complete" || got[1].Type != "ping" {
		t.Errorf("the upstream was told %+v", got)
	}
	c.send(subscribe("1", "{people{id}}")) // the id is free again
	if m := c.next(); m.Type != "next" {
		t.Errorf("got %+v", m)
	}
	c.Close(websocket.StatusNormalClosure, "")
	<-w.upstream.gone
}

func TestGraphQLSocketPassesTokenWhereTold(t *testing.T) {
	w := newSocketWorld(t)
	c := w.dial(t, atClosed, nil)
	c.send(`{"type":"connection_init","payload":{"Authorization":"Bearer pass.x"}}`)
	c.next()
	if got := w.upstream.told(); len(got) != 1 || string(got[0].Payload) != `{"Authorization":"Bearer pass.x"}` {
		t.Errorf("the upstream was told %+v", got)
	}
}

func TestGraphQLSocketFromItsOwnPage(t *testing.T) {
	w := newSocketWorld(t)
	c := w.dial(t, atOpen, http.Header{"Origin": {"https://Photos.example.com"}})
	c.send(`{"type":"connection_init"}`)
	if m := c.next(); m.Type != "connection_ack" {
		t.Errorf("got %+v", m)
	}
}

// TestGraphQLSocketHandshake: what is refused before there is a WebSocket.
func TestGraphQLSocketHandshake(t *testing.T) {
	w := newSocketWorld(t)
	for name, c := range map[string]struct {
		header    http.Header
		protocols []string
		status    int
		reason    string
	}{
		"no subprotocol":     {nil, nil, 400, "graphql_subprotocol"},
		"the old one":        {nil, []string{"graphql-ws"}, 400, "graphql_subprotocol"},
		"foreign origin":     {http.Header{"Origin": {"https://evil.example"}}, []string{"graphql-transport-ws"}, 403, "origin_refused"},
		"null origin":        {http.Header{"Origin": {"null"}}, []string{"graphql-transport-ws"}, 403, "origin_refused"},
		"origin as a part":   {http.Header{"Origin": {"https://photos.example.com.evil.example"}}, []string{"graphql-transport-ws"}, 403, "origin_refused"},
		"origin, other port": {http.Header{"Origin": {"https://photos.example.com:8443"}}, []string{"graphql-transport-ws"}, 403, "origin_refused"},
		"part of a named":    {http.Header{"Origin": {"https://app.example.com.evil.example"}}, []string{"graphql-transport-ws"}, 403, "origin_refused"},
		"other scheme":       {http.Header{"Origin": {"http://app.example.com"}}, []string{"graphql-transport-ws"}, 403, "origin_refused"},
		"bad pass":           {http.Header{"Authorization": {"Bearer x"}}, []string{"graphql-transport-ws"}, 401, "token_invalid"},
	} {
		conn, res, err := w.tryDial(atOpen, c.header, c.protocols...)
		if err == nil {
			conn.CloseNow()
			t.Errorf("%s: opened", name)
			continue
		}
		body := make([]byte, 1024)
		n, _ := res.Body.Read(body)
		if reason, _ := graphqlReason(t, res, string(body[:n])); res.StatusCode != c.status || reason != c.reason {
			t.Errorf("%s: %d %s", name, res.StatusCode, body[:n])
		}
	}
	if got := w.seen.take(); len(got) != 0 {
		t.Errorf("%d handshakes reached the upstream", len(got))
	}
}

// TestGraphQLSocketClosesOn: messages that end a connection, with the code that graphql-transport-ws has for it.
func TestGraphQLSocketClosesOn(t *testing.T) {
	const opened = "connection_init"
	for name, c := range map[string]struct {
		path     string
		messages []string // after the handshake; opened stands for a good beginning
		code     websocket.StatusCode
	}{
		"subscribe first":          {atOpen, []string{subscribe("1", "{people}")}, 4401},
		"no pass where all need":   {atClosed, []string{`{"type":"connection_init"}`}, 4401},
		"bad pass":                 {atOpen, []string{`{"type":"connection_init","payload":{"Authorization":"Bearer x.y.z"}}`}, 4401},
		"key":                      {atOpen, []string{`{"type":"connection_init","payload":{"Authorization":"Bearer dp_live_x"}}`}, 4401},
		"two credentials":          {atOpen, []string{`{"type":"connection_init","payload":{"Authorization":"Bearer pass.a","authorization":"Bearer pass.b"}}`}, 4400},
		"member twice":             {atOpen, []string{`{"type":"connection_init","payload":{"Authorization":"Bearer pass.a","Authorization":"Bearer pass.b"}}`}, 4400},
		"key elsewhere":            {atOpen, []string{`{"type":"connection_init","payload":{"headers":{"x":["Bearer dp_live_x"]}}}`}, 4400},
		"payload is a list":        {atOpen, []string{`{"type":"connection_init","payload":[]}`}, 4400},
		"not JSON":                 {atOpen, []string{`nonsense`}, 4400},
		"two inits":                {atOpen, []string{opened, `{"type":"connection_init"}`}, 4429},
		"unknown type":             {atOpen, []string{opened, `{"type":"start","id":"1"}`}, 4400},
		"unknown member":           {atOpen, []string{opened, `{"type":"ping","more":1}`}, 4400},
		"type twice":               {atOpen, []string{opened, `{"type":"ping","type":"subscribe"}`}, 4400},
		"no id":                    {atOpen, []string{opened, `{"type":"subscribe","payload":{"query":"{people}"}}`}, 4400},
		"long id":                  {atOpen, []string{opened, subscribe(strings.Repeat("x", 65), "{people}")}, 4400},
		"same id":                  {atOpen, []string{opened, subscribe("1", "{people}"), subscribe("1", "{people}")}, 4409},
		"server's own messages":    {atOpen, []string{opened, `{"type":"next","id":"1","payload":{}}`}, 4400},
		"too large":                {atOpen, []string{opened, subscribe("1", "{people} #"+strings.Repeat("x", 5000))}, 1009},
		"upstream speaks nonsense": {atOpen, []string{opened, subscribe("odd", "{people}")}, 1014},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSocketWorld(t)
			w.upstream.odd = map[bool]string{true: `{"type":"secret"}`}[strings.HasPrefix(name, "upstream")]
			client := w.dial(t, c.path, nil)
			for _, m := range c.messages {
				if m == opened {
					client.send(`{"type":"connection_init"}`)
					client.next()
					continue
				}
				client.send(m)
			}
			client.isClosed(name, c.code)
			for _, m := range w.upstream.told() {
				if m.Type == "start" || m.Type == "next" || strings.Contains(string(m.Payload), "dp_live_") {
					t.Errorf("the upstream was told %+v", m)
				}
			}
		})
	}
}

// TestGraphQLSocketEnds: with what ends its pass, and with the right to an open operation.
func TestGraphQLSocketEnds(t *testing.T) {
	more := map[string]func(t *testing.T, w *world){
		"rules tightened": func(t *testing.T, w *world) {
			w.gate.Swap(w.viewOf(t, strings.Replace(rules, `subscription: { scopes: ["ws:open"] }`, `subscription: { scopes: ["ws:admin"] }`, 1)))
		},
		"rules gone": func(t *testing.T, w *world) {
			w.gate.Swap(w.viewOf(t, rules[:strings.Index(rules, "  - match: ANY /graphql/open")]))
		},
		"server ends": func(t *testing.T, w *world) {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			w.gateway.Run(ctx)
		},
	}
	codes := map[string]websocket.StatusCode{"key revoked": 4401, "pass expired": 4401, "view too old": 1013, "application gone": 4403, "rules tightened": 4403, "rules gone": 4403, "server ends": 1001}
	for _, list := range []map[string]func(*testing.T, *world){ends, more} {
		for name, end := range list {
			t.Run(name, func(t *testing.T) {
				w := newSocketWorld(t)
				c := w.open(t, atOpen, "pass.ws:open")
				c.send(subscribe("1", "subscription{personAdded{id}}"))
				c.next()
				w.gateway.Recheck()
				c.send(`{"type":"ping"}`)
				if m := c.next(); m.Type != "pong" {
					t.Fatalf("closed without a reason: %+v", m)
				}
				w.upstream.told()
				end(t, w.world)
				w.gateway.Recheck()
				c.Write(w.ctx, websocket.MessageText, []byte(subscribe("2", "{people}")))
				c.isClosed(name, codes[name])
				<-w.upstream.gone
				if got := w.upstream.told(); len(got) != 0 {
					t.Errorf("after the end the upstream was told %+v", got)
				}
			})
		}
	}
}

// TestGraphQLSocketSubscribesUnderTodaysRules: a connection is no right to the rules it was opened under, nor a pass for
// longer than it lives.
func TestGraphQLSocketSubscribesUnderTodaysRules(t *testing.T) {
	w := newSocketWorld(t)
	c := w.open(t, atOpen, "pass.ws:open")
	w.gate.Swap(w.viewOf(t, strings.Replace(rules, "      query: public\n", "      query: { scopes: [\"people:read\"] }\n", 1)))
	c.send(subscribe("1", "{people{id}}"))
	if m := c.next(); m.Type != "error" || !strings.Contains(string(m.Payload), `"missing":"people:read"`) {
		t.Errorf("got %s %s", m.Type, m.Payload)
	}
	w.setNow(noon.Add(2 * time.Hour)) // and nobody has called Recheck yet
	c.send(subscribe("2", "subscription{personAdded{id}}"))
	c.isClosed("expired", 4401)
	if got := w.upstream.told(); len(got) != 0 {
		t.Errorf("the upstream was told %+v", got)
	}
}

func TestGraphQLSocketWithoutUpstream(t *testing.T) {
	w := newSocketWorld(t)
	w.gate.Swap(w.view(t, "http://127.0.0.1:1"))
	c := w.dial(t, atOpen, nil)
	c.send(`{"type":"connection_init"}`)
	c.isClosed("no upstream", 1014)
}

// viewOf is a view of other rules, before the same upstream.
func (w *world) viewOf(t testing.TB, rules string) *gate.View {
	t.Helper()
	upstream := w.gate.View().Catalog.Application("app_photos").Document.Upstream.String()
	app, err := catalog.Compile(access.Application{
		ID: "app_photos", OrganizationID: "org_acme", Organization: "acme", Slug: "photos", Active: true,
		Document: []byte(strings.ReplaceAll(rules, "$UPSTREAM", upstream)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &gate.View{Catalog: new(catalog.Catalog).With(app), Revocations: gate.NewRevocations(), Confirmed: w.Now(), MaxAge: 24 * time.Hour}
}

// TestGraphQLSocketEndsWithItsBytes: messages count in both directions.
func TestGraphQLSocketEndsWithItsBytes(t *testing.T) {
	for name, talk := range map[string]func(*socketClient){
		"said": func(c *socketClient) { c.send(`{"type":"ping","payload":{"x":"` + strings.Repeat("x", 2000) + `"}}`) },
		"heard": func(c *socketClient) {
			c.send(subscribe("1", "subscription{personAdded{id}}"))
			c.next()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSocketWorld(t)
			w.upstream.odd = `{"id":"1","type":"next","payload":{"data":"` + strings.Repeat("x", 2000) + `"}}`
			w.limited(t, "2000B/h")
			c := w.open(t, atOpen, "pass.ws:open")
			w.gateway.Recheck()
			c.send(`{"type":"ping"}`)
			if m := c.next(); m.Type != "pong" {
				t.Fatalf("got %+v", m)
			}
			talk(c)
			if name == "said" {
				c.next()
			}
			w.gateway.Recheck()
			c.isClosed(name, 1013)
		})
	}
}
