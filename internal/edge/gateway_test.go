package edge_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/edge"
)

func TestPathsAsSent(t *testing.T) {
	var vectors struct {
		Targets []struct {
			ID     int
			Target string
		}
	}
	readVectors(t, "paths.json", &vectors)
	targets := []string{"/admin/x", "/public/../admin/x", "//admin/x", "/public//admin/x", "/public\\..\\admin", "/public/%5c..%5cadmin",
		"http://photos.example.com/admin/x", "http://photos.example.com@evil/admin/x", "/public/a%2fb", "/public/..%2fadmin/x", "/public/x;/../admin", "*", "/ADMIN/x"}
	for _, v := range vectors.Targets {
		targets = append(targets, v.Target)
	}
	w := newWorld(t, nil)
	for _, target := range targets {
		res, body, _ := exchange(t, w.Gateway, head("GET", target, "Connection: close"))
		for _, sent := range w.seen.take() {
			// However an upstream cleans up what it gets, it must not end up elsewhere.
			if got := path.Clean(sent.URL.Path); got != "/public" && !strings.HasPrefix(got, "/public/") {
				t.Errorf("%q reached the upstream as %q", target, sent.RequestURI)
			}
		}
		if res.StatusCode == http.StatusOK && !strings.HasPrefix(target, "/public") {
			t.Errorf("%q was allowed: %s", target, body)
		}
		for _, name := range []string{"X-Forwarded-Uri", "X-Original-URI", "X-Original-URL", "X-Auth-Request-Redirect"} {
			res, body, _ := exchange(t, w.Forward, head("GET", "/v1/forward-auth", "Connection: close", "X-Forwarded-Method: GET", name+": "+target))
			if res.StatusCode == http.StatusNoContent && !strings.HasPrefix(target, "/public") {
				t.Errorf("%s: %q was allowed: %s", name, target, body)
			}
		}
	}
}

func TestUpstreamGetsTheVeryBytes(t *testing.T) {
	w := newWorld(t, nil)
	for target, want := range map[string]string{
		"/public/a?x=1&y=%41;z?":             "/public/a?x=1&y=%41;z?",
		"/public/%61%c3%a9?":                 "/public/a%C3%A9?",
		"/public/a!$&'()*+,=:@-._~":          "/public/a!$&'()*+,=:@-._~",
		"/public/%20%22%3C":                  "/public/%20%22%3C",
		"/public/a%25":                       "/public/a%25",
		"/public/?q=%zz&a=%2":                "/public/?q=%zz&a=%2",
		"http://photos.example.com/public/a": "/public/a",
	} {
		res, body, _ := exchange(t, w.Gateway, head("GET", target))
		sent := w.seen.take()
		if res.StatusCode != http.StatusOK || len(sent) != 1 {
			t.Errorf("%q: %d %s", target, res.StatusCode, body)
			continue
		}
		if sent[0].RequestURI != want {
			t.Errorf("%q was sent as %q, want %q", target, sent[0].RequestURI, want)
		}
		if sent[0].Host != "photos.example.com" {
			t.Errorf("%q was sent to host %q", target, sent[0].Host)
		}
	}
}

// proxyClaims are header lines of clients that mean something to proxies.
func proxyClaims(t *testing.T) []string {
	var vectors struct {
		Headers []struct{ Header string }
	}
	readVectors(t, "headers.json", &vectors)
	lines := []string{
		"X-Forwarded-For: 127.0.0.1", "x-forwarded-HOST: evil", "X-Forwarded-Proto: https", "X_Forwarded_For: 127.0.0.1", "X-Forwarded: x",
		"X-Forwarded-Prefix: /admin", "X-Forwarded-Port: 1", "X-Original-URL: /admin/x", "X-Rewrite-URL: /admin/x", "X-Real-IP: 127.0.0.1",
		"True-Client-IP: 127.0.0.1", "X-Client-IP: 127.0.0.1", "X-Cluster-Client-IP: 127.0.0.1", "Fastly-Client-IP: 127.0.0.1", "Client-IP: 127.0.0.1",
		"X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X_HTTP_METHOD_OVERRIDE: DELETE", "Proxy: evil",
		"X-Daypass-Subject: root", "x-daypass-subject: root", "X_Daypass_Subject: root", "X-Daypass_Subject: root", "X-Daypass-Anything: x",
		"X.Daypass.Subject: root", "Remote-User: root", "X-Remote-User: root", "X-Request-Id: mine", "Api_Key: x", "X-Forwarded-Client-Cert: x",
		"Connection: X-Daypass-Subject, x-daypass-org", "Connection: x-forwarded-for\r\nConnection: X-DAYPASS-SCOPES", "Cookie: session=1",
		"Te: trailers, x", "Keep-Alive: 5", "Proxy-Authorization: Basic x", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
	}
	for _, v := range vectors.Headers {
		if strings.Contains(v.Header, "Content-Length") || strings.Contains(v.Header, "Authorization") {
			continue // several lines: they have tests of their own
		}
		lines = append(lines, v.Header)
	}
	return lines
}

// TestClientHeadersChangeNothing sends what means something to proxies: it is as if it had not been sent, or the answer
// is 400.
func TestClientHeadersChangeNothing(t *testing.T) {
	lines := proxyClaims(t)
	w := newWorld(t, nil)
	exchange(t, w.Gateway, head("GET", "/public/x", "Connection: close"))
	plain := w.seen.take()[0].Header
	hasEveryIdentity(t, plain)
	for name, want := range map[string]string{
		"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": "photos.example.com", "X-Forwarded-Proto": "http", "X-Request-Id": "req-1", "X-Daypass-Subject": "",
	} {
		if got := plain[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "X-Forwarded-Proto") {
			continue // a trusted peer may say this; see below
		}
		res, _, _ := exchange(t, w.Gateway, head("GET", "/public/x", line))
		sent := w.seen.take()
		if res.StatusCode == http.StatusBadRequest && len(sent) == 0 {
			continue
		}
		if res.StatusCode != http.StatusOK || len(sent) != 1 {
			t.Errorf("%q: %d", line, res.StatusCode)
			continue
		}
		if name, _, _ := strings.Cut(line, ":"); name == "User-Agent" || name == "Te" {
			sent[0].Header.Del(name)
		}
		if got, want := fmt.Sprint(sent[0].Header), fmt.Sprint(plain); got != want {
			t.Errorf("%q changed what the upstream gets:\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestForwardedProtoOnlyFromTrustedPeers(t *testing.T) {
	w := newWorld(t, nil)
	for _, trusted := range []bool{true, false} {
		client := w.client
		client.TrustedPeer = trusted
		w.setClient(client)
		exchange(t, w.Gateway, head("GET", "/public/x", "X-Forwarded-Proto: https"))
		want := map[bool]string{true: "https", false: "http"}[trusted]
		if got := w.seen.take()[0].Header.Get("X-Forwarded-Proto"); got != want {
			t.Errorf("trusted %v: %s, want %s", trusted, got, want)
		}
	}
}

func TestCredentialsStayHere(t *testing.T) {
	w := newWorld(t, nil)
	for path, passed := range map[string]bool{"/public/x": false, "/keep/x": true} {
		exchange(t, w.Gateway, head("GET", path, "Authorization: Bearer pass.x", "Cookie: session=1"))
		sent := w.seen.take()[0].Header
		if got := sent.Get("Authorization") != ""; got != passed {
			t.Errorf("%s: Authorization passed on: %v", path, got)
		}
		if got := sent.Get("Cookie") != ""; got != passed {
			t.Errorf("%s: Cookie passed on: %v", path, got)
		}
		if sent.Get("X-Daypass-Subject") != "alice" {
			t.Errorf("%s: the upstream was not told who calls", path)
		}
		exchange(t, w.Gateway, head("GET", path, "Api-Key: dp_live_x"))
		if sent := w.seen.take()[0].Header; sent.Get("Api-Key") != "" {
			t.Errorf("%s: Api-Key passed on", path)
		}
	}
}

// TestAmbiguousRequestsAreRefused holds the gateway to 400 and a closed connection, with nothing sent on.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	const start = "POST /public/x HTTP/1.1\r\nHost: a\r\n"
	for name, raw := range map[string]string{
		"CL and TE":              start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"TE and CL":              start + "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
		"two lengths":            start + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
		"one length twice":       start + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
		"list of lengths":        start + "Content-Length: 4, 4\r\n\r\nabcd",
		"signed length":          start + "Content-Length: +4\r\n\r\nabcd",
		"TE twice":               start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"TE list":                start + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
		"TE in HTTP/1.0":         "POST /public/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"blank before colon":     start + "Content-Length : 4\r\n\r\nabcd",
		"folded header":          start + "X-A: b\r\n c\r\n\r\n",
		"folded first header":    "GET /public/x HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n",
		"folded TE":              start + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"bare line feed":         "GET /public/x HTTP/1.1\nHost: a\n\n",
		"bare line feed in head": start + "X-A: b\nX-B: c\r\n\r\n",
		"bare carriage return":   start + "X-A: b\rX-B: c\r\n\r\n",
		"two hosts":              start + "Host: b\r\n\r\n",
		"the same host twice":    start + "Host: a\r\n\r\n",
		"no host":                "GET /public/x HTTP/1.1\r\n\r\n",
		"host with user":         "GET /public/x HTTP/1.1\r\nHost: a@b\r\n\r\n",
		"host with path":         "GET /public/x HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"two Authorizations":     start + "Authorization: Bearer pass.x\r\nAuthorization: Bearer pass.x\r\n\r\n",
		"pass and key":           start + "Authorization: Bearer pass.x\r\nApi-Key: dp_live_x\r\n\r\n",
		"no UTF-8":               start + "X-A: \xff\xfe\r\n\r\n",
		"token in query":         "GET /public/x?Access%5Ftoken=x HTTP/1.1\r\nHost: a\r\n\r\n",
		"key in query":           "GET /public/x?a=1&b=dp%5Flive_x HTTP/1.1\r\nHost: a\r\n\r\n",
		"key as a query":         "GET /public/x?dp_live_x HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		res, body, closed := exchange(t, w.Gateway, raw)
		if res.StatusCode != http.StatusBadRequest || !closed {
			t.Errorf("%s: %d, closed %v: %s", name, res.StatusCode, closed, body)
		}
		if sent := w.seen.take(); len(sent) != 0 {
			t.Errorf("%s reached the upstream", name)
		}
		if strings.Contains(body, "dp_live") || strings.Contains(body, "pass.x") {
			t.Errorf("%s: a credential comes back: %s", name, body)
		}
	}
}

// TestSmuggledRequestIsNotServed hides a second request in the body of a first.
func TestSmuggledRequestIsNotServed(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	conn, err := net.Dial("tcp", w.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /public/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\nX: y\r\n\r\n"+head("GET", "/public/smuggled"))
	answers, _ := io.ReadAll(conn)
	for _, sent := range w.seen.take() {
		if sent.RequestURI == "/public/smuggled" {
			t.Errorf("what followed a broken chunk was served: %s", answers)
		}
	}
}

func TestUpstreamFailures(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/public/slow":
			<-release
		case "/public/broken":
			conn, _, _ := http.NewResponseController(rw).Hijack()
			io.WriteString(conn, "secret nonsense\r\n\r\n")
			conn.Close()
		case "/public/proud":
			rw.Header().Set("X-Daypass-Subject", "root")
			rw.Header()["x_daypass_org"] = []string{"root"}
			http.Redirect(rw, r, "http://127.0.0.1:1/away", http.StatusFound)
		}
	}))
	defer close(release)
	for path, want := range map[string]struct {
		status int
		code   string
	}{
		"/public/slow":   {http.StatusGatewayTimeout, "upstream_timeout"},
		"/public/broken": {http.StatusBadGateway, "upstream_unreachable"},
	} {
		res, body, _ := exchange(t, w.Gateway, head("GET", path, "Connection: close"))
		if code := problemCode(t, res, body); res.StatusCode != want.status || code != want.code {
			t.Errorf("%s: %d %s, want %+v", path, res.StatusCode, code, want)
		}
		if strings.Contains(body, "nonsense") || strings.Contains(body, "127.0.0.1") || !strings.Contains(body, "req-1") {
			t.Errorf("%s: the answer tells too much or too little: %s", path, body)
		}
	}
	res, _, _ := exchange(t, w.Gateway, head("GET", "/public/proud"))
	if res.StatusCode != http.StatusFound || res.Header.Get("X-Daypass-Subject") != "" || len(res.Header["X_daypass_org"]) > 0 {
		t.Errorf("the upstream's own answer came as %d %v", res.StatusCode, res.Header)
	}

	unreachable := newWorld(t, nil)
	unreachable.gate.Swap(unreachable.view(t, "http://169.254.169.254"))
	if res, body, _ := exchange(t, unreachable.Gateway, head("GET", "/public/x")); problemCode(t, res, body) != "upstream_unreachable" {
		t.Errorf("a link-local upstream gave %d", res.StatusCode)
	}
}

func TestHTTP2UpstreamWithoutTLS(t *testing.T) {
	seen := make(chan *http.Request, 1)
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen <- r
		rw.Header().Set("Trailer", "Checksum")
		io.WriteString(rw, "over "+r.Proto)
		rw.(http.Flusher).Flush() // else the length is known, and HTTP/1.1 has no place for a trailer
		rw.Header().Set("Checksum", "1")
	}))
	up.Config.Protocols = new(http.Protocols)
	up.Config.Protocols.SetUnencryptedHTTP2(true)
	up.Start()
	defer up.Close()
	w := newWorld(t, nil)
	w.gate.Swap(w.view(t, strings.Replace(up.URL, "http://", "h2c://", 1)))
	res, body, _ := exchange(t, w.Gateway, head("GET", "/public/%c3%a9?a=%2", "Connection: close"))
	if res.StatusCode != http.StatusOK || body != "over HTTP/2.0" || res.Trailer.Get("Checksum") != "1" {
		t.Fatalf("%d %q %v", res.StatusCode, body, res.Trailer)
	}
	if r := <-seen; r.RequestURI != "/public/%C3%A9?a=%2" || r.Host != "photos.example.com" {
		t.Errorf("the upstream was sent %s at %s", r.RequestURI, r.Host)
	}
}

func TestAnswersStream(t *testing.T) {
	next := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, "first\n")
		rw.(http.Flusher).Flush()
		<-next
		io.WriteString(rw, "second\n")
	}))
	res, err := http.Get("http://" + w.Gateway + "/public/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, len("first\n"))
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "first\n" {
		t.Fatalf("%q, %v", first, err)
	}
	close(next)
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "second\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestUsesAreCounted(t *testing.T) {
	w := newWorld(t, nil)
	exchange(t, w.Gateway, head("GET", "/admin/x", "Authorization: Bearer pass.admin:read"))
	exchange(t, w.Gateway, head("GET", "/admin/x", "Authorization: Bearer pass.other"))
	exchange(t, w.Gateway, head("GET", "/admin/x"))
	exchange(t, w.Gateway, head("GET", "/admin/../x"))
	w.mu.Lock()
	defer w.mu.Unlock()
	want := []use{
		{"org_acme", "app_photos", "key_admin:read", "allowed"},
		{"org_acme", "app_photos", "key_other", "scope_missing"},
		{"org_acme", "app_photos", "", "token_missing"},
	}
	if fmt.Sprint(w.uses) != fmt.Sprint(want) {
		t.Errorf("uses %v, want %v", w.uses, want)
	}
	if w.counts["allowed"] != 1 || w.counts["scope_missing"] != 1 || w.counts[edge.BadRequest] != 1 {
		t.Errorf("decisions %v", w.counts)
	}
}
