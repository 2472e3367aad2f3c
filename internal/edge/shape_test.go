package edge_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const shapedRules = `
  - match: ANY /shaped/slow
    access: public
    shape: { pick: [id] }
  - match: ANY /shaped/**
    access: public
    shape: { pick: [id, owner.name], join: [{ into: owner, get: "/users/{owner_id}", optional: true }], body: 1KiB }
`

// application answers as applications do, and worse; the secret must never get through.
func application(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, kind, body string) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
	photo := `{"id":1,"owner_id":5,"secret":"hunter2"}`
	switch strings.TrimPrefix(r.URL.Path, "/shaped/") {
	case "photo":
		answer(200, "application/json; charset=utf-8", photo)
	case "problem":
		answer(404, "application/problem+json", `{"id":1,"trace":"hunter2"}`)
	case "redirect":
		w.Header().Set("Location", "/elsewhere")
		answer(302, "text/html", "<a>hunter2</a>")
	case "html":
		answer(200, "text/html", "hunter2")
	case "untyped":
		w.Header()["Content-Type"] = nil
		io.WriteString(w, photo)
	case "latin":
		answer(200, "application/json; charset=iso-8859-1", photo)
	case "gzip":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, photo)
		z.Close()
	case "events":
		answer(200, "text/event-stream", "data: hunter2\n\n")
	case "long":
		answer(200, "application/json", `{"id":"`+strings.Repeat("x", 1<<10)+`","secret":"hunter2"}`)
	case "twice":
		answer(200, "application/json", `{"id":1,"id":2,"secret":"hunter2"}`)
	case "cut":
		w.Header().Set("Content-Length", "100")
		answer(200, "application/json", `{"id":1,"secret":"hunter2"}`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "slow":
		answer(200, "application/json", `{"id":1,`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/users/5":
		answer(200, "application/json", `{"name":"Ada","secret":"hunter2"}`)
	default:
		answer(404, "text/plain", "no")
	}
}

func TestShapedAnswers(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(application))
	for _, c := range []struct {
		path, method string
		status       int
		body         string // "": none; "…": a problem with the code below
		code         string
	}{
		{"photo", "GET", 200, `{"id":1,"owner":{"name":"Ada"}}` + "\n", ""},
		{"photo", "POST", 200, `{"id":1,"owner":{"name":"Ada"}}` + "\n", ""},
		{"photo", "HEAD", 200, "", ""},
		{"problem", "GET", 404, `{"id":1}` + "\n", ""},
		{"redirect", "GET", 302, "", ""},
		{"nothing", "GET", 404, "", ""},
		{"html", "GET", 502, "…", "shape_failed"},
		{"untyped", "GET", 502, "…", "shape_failed"},
		{"latin", "GET", 502, "…", "shape_failed"},
		{"gzip", "GET", 502, "…", "shape_failed"},
		{"events", "GET", 502, "…", "shape_failed"},
		{"long", "GET", 502, "…", "shape_failed"},
		{"twice", "GET", 502, "…", "shape_failed"},
		{"cut", "GET", 502, "…", "shape_failed"},
		{"slow", "GET", 504, "…", "upstream_timeout"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			began := time.Now()
			res, body, _ := exchange(t, w.Gateway, head(c.method, "/shaped/"+c.path, "Range: bytes=0-1", "If-None-Match: \"1\"", "Accept-Encoding: gzip", "If-Match: \"1\""))
			if res.StatusCode != c.status || c.body != "…" && body != c.body || !strings.Contains(body, c.code) {
				t.Errorf("%d %q, want %d %q %s", res.StatusCode, body, c.status, c.body, c.code)
			}
			if strings.Contains(body, "hunter2") || res.Header.Get("Etag") != "" {
				t.Errorf("passed on: %v %s", res.Header, body)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %s", took)
			}
			for _, sent := range w.seen.take() {
				if h := sent.Header; h.Get("Range") != "" || h.Get("If-None-Match") != "" || h.Get("Accept-Encoding") != "identity" || (h.Get("If-Match") == "") != (sent.URL.Path == "/users/5") {
					t.Errorf("%s was asked with %v", sent.URL, h)
				}
			}
		})
	}
}

func TestJoinsAreMadeInTheCallersName(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(application))
	exchange(t, w.Gateway, head("GET", "/shaped/photo", "Authorization: Bearer pass.admin:read", "Cookie: session=1", "X-Secret: mine"))
	sent := w.seen.take()
	if len(sent) != 2 || sent[1].URL.Path != "/users/5" {
		t.Fatalf("sent: %v", sent)
	}
	hasEveryIdentity(t, sent[1].Header)
	for name, want := range map[string]string{
		"X-Daypass-Subject": "alice", "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": "photos.example.com", "X-Request-Id": "req-1", "Authorization": "", "Cookie": "", "X-Secret": "",
	} {
		if got := sent[1].Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestOnlyTheGatewayShapes: a door that does not see the answer cannot keep anything out of it.
func TestOnlyTheGatewayShapes(t *testing.T) {
	w := newWorld(t, nil)
	res, body, _ := exchange(t, w.Forward, head("GET", "/v1/forward-auth", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /shaped/photo"))
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "shape_needs_gateway") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// TestNoUpgradeOfWhatIsShaped: what follows an upgrade is no JSON answer.
func TestNoUpgradeOfWhatIsShaped(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			t.Error("the upstream was asked for an upgrade")
		}
		rw.Header().Set("Connection", "Upgrade")
		rw.Header().Set("Upgrade", "websocket")
		rw.WriteHeader(http.StatusSwitchingProtocols)
	}))
	res, body, _ := exchange(t, w.Gateway, head("GET", "/shaped/photo", "Connection: Upgrade", "Upgrade: websocket"))
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}
