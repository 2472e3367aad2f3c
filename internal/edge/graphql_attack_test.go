package edge_test

import (
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

// TestGraphQLBatchesAreCheap: a list is not read further than it may be long, however short its entries are.
func TestGraphQLBatchesAreCheap(t *testing.T) {
	w := newGraphQLWorld(t)
	for _, entry := range []string{`{},`, `{"query":"{a}"},`, `null,`, `[],`, `0,`} {
		body := "[" + strings.Repeat(entry, (1<<20)/len(entry)-1) + "{}]"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, answer := w.post(t, atClosed, "pass.*", body, asJSON)
		runtime.ReadMemStats(&after)
		if res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", entry, res.StatusCode, answer)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 12 {
			t.Errorf("%s: a list of 1 MiB took %d MiB", entry, took)
		}
	}
}

// TestGraphQLBatchIsReadToItsEnd: what follows what may be read is refused, not overlooked.
func TestGraphQLBatchIsReadToItsEnd(t *testing.T) {
	w := newGraphQLWorld(t)
	for _, body := range []string{
		`[{"query":"{a}"}]]`, `[{"query":"{a}"}][{"query":"{b}"}]`, `[{"query":"{a}"}`, `[{"query":"{a}"},]`, `[{"query":"{a}"}}`, `[{"query":"{a}"} {"query":"{b}"}]`, `[`,
		`[{"query":"{a}","query":"{b}"}]`, `[{"query":"{a}","variables":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}]`,
	} {
		res, answer := w.post(t, atClosed, "pass.*", body, asJSON)
		if reason, _ := graphqlReason(t, res, answer); res.StatusCode != 400 || reason != "graphql_body" {
			t.Errorf("%s: %d %s", body, res.StatusCode, answer)
		}
		if got := w.upstream.take(); len(got) != 0 {
			t.Errorf("%s reached the upstream", body)
		}
	}
}

// TestGraphQLTenMegabytesAreCheap goes to the limits that a resource file can set.
func TestGraphQLTenMegabytesAreCheap(t *testing.T) {
	w := newGraphQLWorld(t)
	w.gate.Swap(w.viewOf(t, strings.Replace(rules, "      body: 4KiB\n", "      body: 16MiB\n      tokens: 50000\n", 1)))
	const most = 10 << 20
	for name, body := range map[string]string{
		"fields":   `{"query":"{` + strings.Repeat("a ", most/2) + `}"}`,
		"brackets": `{"query":"` + strings.Repeat("{", most) + `"}`,
		"comments": `{"query":"` + strings.Repeat(`#\n`, most/3) + `"}`,
		"escapes":  `{"query":"{a(x:\"` + strings.Repeat(`\u0001`, most/6) + `"}`,
		"a string": `{"query":"{a(x:\"` + strings.Repeat(`x`, most) + `"}`,
		"not JSON": `{"query":` + strings.Repeat(`[`, most),
	} {
		raw := head("POST", atOpen, asJSON, "Content-Length: "+strconv.Itoa(len(body))) + body
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, answer, _ := exchange(t, w.Gateway, raw)
		runtime.ReadMemStats(&after)
		if res.StatusCode/100 != 4 {
			t.Errorf("%s: %d %s", name, res.StatusCode, answer)
		}
		all := int(after.TotalAlloc-before.TotalAlloc) - len(raw) // which the test copies to send it
		if all > 60<<20 {                                         // one after the other: the shorter buffers are free again when the last is taken
			t.Errorf("%s: %d MiB", name, all>>20)
		}
	}
}

// TestGraphQLGetThatGoesOnByPost takes nothing along that would speak of a body.
func TestGraphQLGetThatGoesOnByPost(t *testing.T) {
	w := newGraphQLWorld(t)
	text := `{people(filter:"` + strings.Repeat(`é<>`, 700) + `"){id}}`
	extensions := `{"persistedQuery":{"version":1,"sha256Hash":"` + hash(text) + `"}}`
	w.post(t, atOpen, "", `{"query":`+quotedPlain(text)+`,"extensions":`+extensions+`}`, asJSON)
	w.upstream.take()
	res, body, _ := exchange(t, w.Gateway, head("GET", atOpen+"?extensions="+url.QueryEscape(extensions), "Content-Encoding: gzip", "Content-Type: text/plain", "Content-Range: bytes 0-1/2"))
	got := w.upstream.take()
	if res.StatusCode != http.StatusOK || len(got) != 1 || got[0].method != "POST" {
		t.Fatalf("%d %s, the upstream got %+v", res.StatusCode, body, got)
	}
	if h := got[0].header; h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" || h.Get("Content-Type") != "application/json" {
		t.Errorf("the upstream got %v", h)
	}
}

// TestGraphQLTellsAnonymousNothing: who shows no pass gets one answer for fields that exist, that do not, and that are closed.
func TestGraphQLTellsAnonymousNothing(t *testing.T) {
	w := newGraphQLWorld(t)
	w.gate.Swap(w.viewOf(t, strings.Replace(rules, "      body: 4KiB\n", "      schema: \"type Query { people: Int me: Int nobody: Int } type Mutation { CreatePerson: Int }\"\n", 1)))
	first := ""
	for _, query := range []string{"{me}", "{nobody}", "{nosuch}", "mutation{CreatePerson}", "mutation{CreateNothing}", "mutation{x}", "{people nosuch}", "{__schema{types{name}}}", "{__typename ...{nosuch}}"} {
		res, body := w.post(t, atOpen, "", `{"query":`+quoted(query)+`}`, asJSON)
		if first == "" {
			first = body
		}
		if res.StatusCode != http.StatusUnauthorized || body != first {
			t.Errorf("%s: %d %s", query, res.StatusCode, body)
		}
	}
	if got := w.upstream.take(); len(got) != 0 {
		t.Errorf("the upstream got %+v", got)
	}
}

// becomesOther puts another application in the place of photos.
func (w *world) becomesOther(t *testing.T, document string) {
	t.Helper()
	app, err := catalog.Compile(access.Application{
		ID: "app_other", OrganizationID: "org_other", Organization: "other", Slug: "photos", Active: true,
		Document: []byte("upstream: http://127.0.0.1:1\nresources:\n" + document),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.gate.Swap(&gate.View{Catalog: new(catalog.Catalog).With(app), Revocations: gate.NewRevocations(), Confirmed: w.Now(), MaxAge: 24 * time.Hour})
}

// TestGraphQLSocketIsOfOneApplication: the rules of whoever has the host next say nothing about the upstream of who had it.
func TestGraphQLSocketIsOfOneApplication(t *testing.T) {
	w := newSocketWorld(t)
	c, idle := w.open(t, atOpen, ""), w.open(t, atOpen, "")
	w.becomesOther(t, "  - match: ANY /graphql/open\n    graphql: { query: public, mutation: public }\n")
	c.send(subscribe("1", "mutation{DeletePerson(id:1){id}}"))
	c.isClosed("asked", 4403)
	w.gateway.Recheck()
	idle.isClosed("idle", 4403)
	if got := w.upstream.told(); len(got) != 0 {
		t.Errorf("the upstream was told %+v", got)
	}
}

// TestWebSocketIsOfOneApplication is the same for any other WebSocket.
func TestWebSocketIsOfOneApplication(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	conn, _, err := websocket.Dial(t.Context(), "ws://"+w.Gateway+"/public/room", &websocket.DialOptions{Host: "photos.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	w.gateway.Recheck()
	if err := saysBack(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	w.becomesOther(t, "  - { match: 'ANY /**', access: public }\n")
	w.gateway.Recheck()
	if err := saysBack(t.Context(), conn); err == nil {
		t.Error("it went on under the rules of another application")
	}
}

// TestGraphQLSocketsUnderLimits: to open a connection counts as the request it is.
func TestGraphQLSocketsUnderLimits(t *testing.T) {
	w := newSocketWorld(t)
	w.gate.Swap(w.viewOf(t, strings.Replace(rules, "  - match: ANY /graphql/open\n", "  - match: ANY /graphql/open\n    limit: { rate: 3/h }\n", 1)))
	for range 3 {
		w.open(t, atOpen, "")
	}
	c := w.dial(t, atOpen, nil)
	c.send(`{"type":"connection_init"}`)
	c.isClosed("too many", 1013)
	if got := w.upstream.told(); len(got) != 0 {
		t.Errorf("the upstream was told %+v", got)
	}
}

// TestGraphQLOddFormsReachNothing: forms that hold already, each with every scope.
func TestGraphQLOddFormsReachNothing(t *testing.T) {
	const mutation = `{"query":"mutation{DeletePerson(id:1){id}}"}`
	chunked := strconv.FormatInt(int64(len(mutation)), 16) + "\r\n" + mutation + "\r\n0\r\n\r\n"
	pass := "Authorization: Bearer pass.Mutation:Person:Create"
	w := newGraphQLWorld(t)
	for name, raw := range map[string]string{
		"HEAD":                     head("HEAD", atOpen+"?query={people}", pass),
		"GET in chunks":            head("GET", atOpen+"?query={people}", pass, "Transfer-Encoding: chunked", asJSON) + chunked,
		"OPTIONS with a mutation":  head("QUERY", atOpen, pass, asJSON, "Content-Length: "+strconv.Itoa(len(mutation))) + mutation,
		"method in the URL":        head("GET", atOpen+"?_method=POST&query=mutation{DeletePerson}", pass),
		"slash at the end":         head("POST", atOpen+"/", pass, asJSON, "Transfer-Encoding: chunked") + chunked,
		"encoded path":             head("POST", "/%67raphql/open", pass, asJSON, "Transfer-Encoding: chunked") + chunked,
		"whole target":             head("POST", "http://photos.example.com"+atOpen, pass, asJSON, "Transfer-Encoding: chunked") + chunked,
		"path in another case":     head("POST", "/GraphQL/open", pass, asJSON, "Transfer-Encoding: chunked") + chunked,
		"h2c":                      head("POST", atOpen, pass, asJSON, "Connection: Upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked") + chunked,
		"two protocols":            head("POST", atOpen, pass, asJSON, "Connection: Upgrade", "Upgrade: websocket, h2c", "Transfer-Encoding: chunked") + chunked,
		"trailer":                  head("POST", atOpen, pass, asJSON, "Trailer: Authorization", "Transfer-Encoding: chunked") + strings.TrimSuffix(chunked, "\r\n") + "Authorization: Bearer pass.*\r\n\r\n",
		"media type in characters": head("POST", atOpen, pass, "Content-Type: application/json; charset*=utf-8''utf-16", "Transfer-Encoding: chunked") + chunked,
	} {
		res, body, _ := exchange(t, w.Gateway, raw)
		if got := w.upstream.take(); len(got) != 0 || res.StatusCode/100 != 4 {
			t.Errorf("%s: %d %s, and the upstream got %+v", name, res.StatusCode, body, got)
		}
	}
}

// TestGraphQLSocketLeavesNothingBehind: connections that end in all ways end their goroutines too.
func TestGraphQLSocketLeavesNothingBehind(t *testing.T) {
	w := newSocketWorld(t)
	w.open(t, atOpen, "").CloseNow() // what is started once
	<-w.upstream.gone
	settle := func() int {
		n := runtime.NumGoroutine()
		for range 100 {
			time.Sleep(20 * time.Millisecond)
			if next := runtime.NumGoroutine(); next >= n && n > 0 {
				return next
			} else {
				n = next
			}
		}
		return n
	}
	before := settle()
	for i := range 12 {
		c := w.open(t, atOpen, "")
		c.send(subscribe("1", "{people{id}}"))
		switch i % 4 {
		case 0:
			c.CloseNow()
		case 1:
			c.Close(websocket.StatusNormalClosure, "")
		case 2:
			c.Write(w.ctx, websocket.MessageBinary, []byte{1})
			c.isClosed("binary", 4400)
		case 3:
			c.send(`{"type":"connection_init"}`)
			c.isClosed("again", 4429)
		}
		<-w.upstream.gone
	}
	deadline := time.Now().Add(15 * time.Second)
	for runtime.NumGoroutine() > before+4 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before+4 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}
