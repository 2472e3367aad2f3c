package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/daypass/daypass/internal/catalog"
)

// wiretap is an upstream that keeps the very bytes it is sent, one text for each
// request.
type wiretap struct {
	url  string
	mu   sync.Mutex
	got  []string
	open []net.Conn
}

func newWiretap(t *testing.T) *wiretap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tap := &wiretap{url: "http://" + l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tap.mu.Lock()
			tap.open = append(tap.open, conn)
			tap.mu.Unlock()
			serving.Go(func() { tap.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		tap.mu.Lock()
		for _, conn := range tap.open {
			_ = conn.Close()
		}
		tap.mu.Unlock()
		serving.Wait()
	})
	return tap
}

func (tap *wiretap) serve(conn net.Conn) {
	defer conn.Close()
	var seen bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(conn, &seen))
	for {
		r, err := http.ReadRequest(reader)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		if err != nil && seen.Len() == 0 {
			return
		}
		tap.mu.Lock()
		tap.got = append(tap.got, seen.String())
		tap.mu.Unlock()
		seen.Reset()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

func (tap *wiretap) take() []string {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	got := tap.got
	tap.got = nil
	return got
}

// headOf is a request's head as it stood on the wire.
func headOf(raw string) (line string, fields []string) {
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	return lines[0], lines[1:]
}

var plainField = regexp.MustCompile(`^[A-Za-z0-9-]+: [^\r\n]*$`)

// checkHead holds what is sent on to one way of reading it.
func checkHead(t *testing.T, what, raw string) {
	t.Helper()
	_, fields := headOf(raw)
	count := map[string]int{}
	for _, f := range fields {
		if !plainField.MatchString(f) {
			t.Errorf("%s: the upstream is sent the line %q", what, f)
		}
		name, _, _ := strings.Cut(strings.ToLower(f), ":")
		count[name]++
	}
	for _, once := range []string{"host", "x-daypass-subject", "x-daypass-org", "x-daypass-scopes", "x-daypass-roles", "x-daypass-token-id", "x-daypass-key-id",
		"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"} {
		if count[once] != 1 {
			t.Errorf("%s: the upstream is sent %s %d times", what, once, count[once])
		}
	}
	if count["content-length"]+count["transfer-encoding"] > 1 || count["authorization"]+count["api-key"]+count["cookie"] > 0 {
		t.Errorf("%s: the upstream is sent %q", what, fields)
	}
}

const publicAndAdmin = `
hosts: [photos.example]
upstream: UPSTREAM
resources:
  - match: ANY /public/**
    access: public
  - match: ANY /admin/**
    require: { scopes: ["admin:read"] }
`

func (w *world) tapped(t *testing.T) *wiretap {
	t.Helper()
	tap := newWiretap(t)
	w.serve("acme", "photos", strings.ReplaceAll(publicAndAdmin, "UPSTREAM", tap.url))
	return tap
}

func readNetworkVectors(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("../internal/edge/testdata/network/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// spellings are many ways to write a path that some program takes for /admin/x,
// beginning at one that is public.
func spellings() []string {
	up := []string{"..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e", "..;", "..;x=y", "%2e%2e;", "..%00", "..%0d%0a", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae",
		"%f0%80%80%ae.", "%uff0e%uff0e", "%ef%bc%8e%ef%bc%8e", "..%09", "..%20", "...", ".. ", "..%5c", "..\\", "%2e", ".", "", "..%3b", "..%23", "..%3f", "%%32%65.", "%2", "..%c2%a0"}
	between := []string{"/", "//", "%2f", "%2F", "%252f", "%25%32%66", "\\", "%5c", "%255c", "/./", "/;/", ";/", "/%2e/", "%c0%af", "%e2%88%95", "/%20/", "/\t", "%u2215", "%00/"}
	var list []string
	for _, dots := range up {
		for _, slash := range between {
			list = append(list, "/public"+slash+dots+slash+"admin/x", "/public/"+dots+slash+"admin/x")
		}
	}
	for _, head := range []string{"/", "//", "/.", "/./", "/;/", "/%2f", "\\", "/\\", "/%5c", "//photos.example/", "///", "/%00", "/%20", "/.;/", "/x/../", ""} {
		list = append(list, head+"admin/x", head+"ADMIN/x", head+"%61dmin/x", head+"adm%69n/x")
	}
	return append(list, "/admin/x?", "/admin/x?/public/", "/admin/x#/public/", "/public/?/../admin/x", "/public/#/../admin/x", "/public/x;/../../admin/x", "/admin/x%3f", "/admin/x%23", "/admin;/x", "/admin%3b/x",
		"/%61%64%6d%69%6e/x", "/%2561dmin/x", "/admin%20/x", "/admin./x", "/admin%2e/x", "/admin::$DATA", "/adm%C4%B1n/x", "/%EF%BC%A1dmin/x", "/admin/x%0a", "/admin/x%85", "/admin\u3002/x", "/\xc0\xaeadmin", "/admin/\xff",
		"http://photos.example/admin/x", "HTTP://photos.example/public/../admin/x", "http://evil.example/admin/x", "http://photos.example:80@evil.example/admin/x", "http://evil.example\\@photos.example/public/x", "https://photos.example/admin/x",
		"http:///admin/x", "http:/admin/x", "ftp://photos.example/public/x", "//evil.example/public/x", "photos.example:80", "photos.example/admin/x", "*", "admin/x", "?/public/x", "http://photos.example?/public/x", "/public/%", "/public/%zz", "/public/%e9",
		"/"+strings.Repeat("a/../", 500)+"admin/x", "/public/"+strings.Repeat(".", 8000))
}

// TestAttack_PathsOnTheWire sends every spelling as it stands over a socket: it
// is refused, or decided on the very bytes that the upstream gets; what is not
// public is not reached without a pass.
func TestAttack_PathsOnTheWire(t *testing.T) {
	w := newWorld(t, trusting)
	tap := w.tapped(t)
	targets := spellings()
	spelled := len(targets)
	var vectors struct{ Targets []struct{ Target string } }
	readNetworkVectors(t, "paths.json", &vectors)
	for _, v := range vectors.Targets {
		targets = append(targets, v.Target)
	}
	reached := 0
	for i, target := range targets {
		status := w.raw(w.gateway, "GET "+target+" HTTP/1.1\r\nHost: photos.example\r\nConnection: close\r\n\r\n")
		sent := tap.take()
		if len(sent) == 0 {
			if len(status) == 0 || !strings.Contains("400 401 403 404", status[:3]) {
				t.Errorf("%q is answered with %q", target, status)
			}
		}
		for _, raw := range sent {
			reached++
			checkHead(t, target, raw)
			line, _ := headOf(raw)
			want, err := catalog.ParsePath(target)
			if err != nil || line != "GET "+want.Target()+" HTTP/1.1" || !strings.HasPrefix(want.Decoded(), "/public/") {
				t.Errorf("%q is sent on as %q", target, line)
			}
			if decoded := want.Decoded(); strings.ContainsAny(decoded, "\\;") || strings.TrimSuffix(decoded, "/") != path.Clean(decoded) {
				t.Errorf("%q is sent on, and %q is not plain", target, decoded)
			}
		}
		w.askInHeaders(target, i%8 == 0 || i >= spelled)
	}
	if reached == 0 || reached > len(targets)/2 {
		t.Errorf("%d of %d were sent on", reached, len(targets))
	}
}

// askInHeaders puts a target into the headers that forward-auth may read one
// from, or only into those of which it should.
func (w *world) askInHeaders(target string, all bool) {
	w.t.Helper()
	const ask = "GET /v1/forward-auth HTTP/1.1\r\nHost: auth.internal\r\nConnection: close\r\nX-Forwarded-Host: photos.example\r\nX-Forwarded-For: 203.0.113.5\r\n"
	plain, err := catalog.ParsePath(target)
	public := err == nil && strings.HasPrefix(plain.Decoded(), "/public/") && strings.EqualFold(plain.Target(), target)
	for name, headers := range map[string]string{
		"forwarded":             "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: " + target + "\r\n",
		"original":              "X-Original-Method: GET\r\nX-Original-URI: " + target + "\r\n",
		"beside a public one":   "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /public/plain\r\nX-Original-URL: " + target + "\r\n",
		"redirect beside it":    "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /public/plain\r\nX-Auth-Request-Redirect: " + target + "\r\n",
		"alone":                 "X-Forwarded-Method: GET\r\nX-Original-URL: " + target + "\r\n",
		"redirect alone":        "X-Forwarded-Method: GET\r\nX-Auth-Request-Redirect: " + target + "\r\n",
		"differing from public": "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /public/plain\r\nX-Original-URI: " + target + "\r\n",
	} {
		if !all && name != "forwarded" && name != "original" {
			continue
		}
		answer := w.raw(w.api, ask+headers+"\r\n")
		may := public && (name == "forwarded" || name == "original")
		if strings.HasPrefix(answer, "2") && !may {
			w.t.Errorf("forward-auth, %s: %q is allowed", name, target)
		}
	}
}

// TestAttack_HeadersOnTheWire sends headers that mean something to proxies, one
// by one and through a trusted proxy: what the upstream gets is, byte for byte,
// what it gets without them, or the answer is 400.
func TestAttack_HeadersOnTheWire(t *testing.T) {
	for name, edit := range map[string]func(*world) string{
		"directly":                func(*world) string { return "" },
		"through a trusted proxy": func(*world) string { return "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			if name != "directly" {
				w = newWorld(t, trusting)
			}
			headersOnTheWire(t, w, edit(w))
		})
	}
}

func headersOnTheWire(t *testing.T, w *world, proxy string) {
	tap := w.tapped(t)
	lines := []string{
		"X-Forwarded-Host: evil.example", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /admin", "X-Forwarded-Server: evil", "X-Forwarded-Path: /admin/x", "X-Forwarded-Scheme: ftp", "X-Forwarded-Ssl: on",
		"X-Forwarded-Client-Cert: x", "X-Forwarded-User: root", "X-Forwarded-Email: root@x", "X-Forwarded-Groups: root", "X-Forwarded-Access-Token: x", "X-Forwarded-Preferred-Username: root", "X-Forwarded-Method: DELETE",
		"X-Forwarded-Tls-Client-Cert: x", "X-ForwardedFor: 127.0.0.1", "X-Forwarded: for=127.0.0.1", "Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X_Forwarded_For: 127.0.0.1", "X_FORWARDED_HOST: evil",
		"X-Original-URL: /admin/x", "X-Original-Uri: /admin/x", "X-Original-Host: evil", "X-Original-Method: DELETE", "X-Original-For: 127.0.0.1", "X-Rewrite-URL: /admin/x", "X-Original-Forwarded-For: 127.0.0.1", "X-Auth-Request-User: root",
		"X-Real-IP: 127.0.0.1", "X-RealIP: 127.0.0.1", "X_Real_IP: 127.0.0.1", "True-Client-IP: 127.0.0.1", "X-Client-IP: 127.0.0.1", "X-ClientIP: 127.0.0.1", "Client-IP: 127.0.0.1", "Cf-Connecting-Ip: 127.0.0.1", "Cf-Connecting-IPv6: ::1", "Fastly-Client-Ip: 127.0.0.1", "Fly-Client-IP: 127.0.0.1",
		"X-Cluster-Client-Ip: 127.0.0.1", "X-Remote-Addr: 127.0.0.1", "X-Remote-IP: 127.0.0.1", "Remote-Addr: 127.0.0.1", "X-Originating-IP: 127.0.0.1", "X-Azure-ClientIP: 127.0.0.1", "X-Azure-SocketIP: 127.0.0.1", "X-Custom-IP-Authorization: 127.0.0.1", "X-Forward-For: 127.0.0.1", "RemoteIP: 127.0.0.1", "X-Override-URL: /admin/x", "X-Appengine-User-Ip: 127.0.0.1", "X-Envoy-External-Address: 127.0.0.1", "X-Envoy-Original-Path: /admin/x", "X-Host: evil", "X-ProxyUser-Ip: 127.0.0.1",
		"X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X_HTTP_Method_Override: DELETE", "Proxy: http://evil", "Proxy-Authorization: Basic x", "Proxy-Connection: keep-alive", "Proxy-Authenticate: x",
		"Remote-User: root", "X-Remote-User: root", "REMOTE_USER: root", "X-Authenticated-User: root", "X-Ssl-Client-Dn: root", "Ssl-Client-Cert: x", "Tailscale-User-Login: root", "X-Request-Id: mine", "X-Url-Scheme: https", "X-Scheme: https", "Front-End-Https: on", "X-Script-Name: /x",
		"X-Daypass-Subject: root", "x-daypass-subject: root", "X-DAYPASS-ORG: root", "X_Daypass_Subject: root", "X-Daypass_Roles: root", "X.Daypass.Subject: root", "X-Daypass-: x", "X-Daypass-Admin: true", "Xdaypass-Subject: a\r\nX-Daypass-Key-Id: k",
		"Connection: x-daypass-subject, X-Daypass-Org", "Connection: X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto", "Connection: X-DAYPASS-SCOPES\r\nConnection: x-daypass-roles", "Connection: host, x-request-id", "Connection: keep-alive, Content-Length", "Connection: close, te\r\nTe: trailers",
		"Keep-Alive: timeout=5", "Te: gzip", "Trailer: X-Daypass-Subject", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Upgrade: TLS/1.0\r\nConnection: upgrade", "Cookie: session=1", "Cookie: daypass=x; Authorization=Bearer", "Api_Key: x", "Authorization_: x",
		"X-A: \xff", "X-A: a\x00b", "X-A : b", " X-A: b", "X-A: b\r\n folded", "X-A: b\nX-B: c", "X-A: b\rX-B: c", "X A: b", "X-A", ": b", "X-\xc3\xa9: b", "X-A(: b", "\tX-A: b",
		"Host: evil.example", "Host : evil.example", "Content-Length: 0\r\nContent-Length: 0", "Content-Length: -1", "Content-Length: 0x0", "Content-Length: 1_0", "Transfer-Encoding: chunked\r\nContent-Length: 5", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: \x0bchunked",
		"Transfer-Encoding: \"chunked\"", "Transfer-Encoding:chunked\r\nTransfer-Encoding: identity", "Transfer_Encoding: chunked", "Content_Length: 5", "Expect: 200-ok",
	}
	var vectors struct{ Headers []struct{ Header string } }
	readNetworkVectors(t, "headers.json", &vectors)
	for _, v := range vectors.Headers {
		switch {
		case strings.Contains(v.Header, " + "):
			v.Header = strings.ReplaceAll(v.Header, " + ", "\r\n")
			v.Header = strings.Replace(v.Header, "\r\nAuthorization", "\r\nAuthorization: Bearer x", 1)
		case strings.HasPrefix(v.Header, "Content-Length"):
			v.Header = strings.ReplaceAll(v.Header, ", ", "\r\n")
		}
		lines = append(lines, v.Header)
	}
	ask := func(extra string) (string, []string) {
		answer := w.raw(w.gateway, "GET /public/x HTTP/1.1\r\nHost: photos.example\r\n"+proxy+extra+"Connection: close\r\n\r\n")
		return answer, tap.take()
	}
	_, plain := ask("")
	if len(plain) != 1 {
		t.Fatalf("the plain request reached the upstream %d times", len(plain))
	}
	checkHead(t, "plain", plain[0])
	for _, line := range lines {
		// A second X-Forwarded line through the trusted proxy is the proxy's to prevent, and is no client's header here.
		if proxy != "" && (strings.HasPrefix(line, "X-Forwarded-Proto") || strings.HasPrefix(line, "X-Forwarded-For")) {
			continue
		}
		answer, sent := ask(line + "\r\n")
		if len(sent) == 0 {
			if !strings.HasPrefix(answer, "400") && !strings.HasPrefix(answer, "501") && !strings.HasPrefix(answer, "417") {
				t.Errorf("%q: %s", line, answer)
			}
			continue
		}
		name, _, _ := strings.Cut(line, ":")
		got, want := comparable(sent[0], name), comparable(plain[0], name)
		if len(sent) != 1 || !slices.Equal(got, want) {
			t.Errorf("%q changes what the upstream gets:\n got %q\nwant %q", line, got, want)
		}
	}
	// No header turns a refusal into anything else.
	for _, line := range lines {
		answer := w.raw(w.gateway, "GET /admin/x HTTP/1.1\r\nHost: photos.example\r\n"+proxy+line+"\r\nConnection: close\r\n\r\n")
		if sent := tap.take(); len(sent) > 0 || strings.HasPrefix(answer, "2") {
			t.Errorf("%q opens what is closed: %s", line, answer)
		}
	}
}

var serial = regexp.MustCompile(`^X-Request-Id: .*`)

// comparable are the lines of a head without those that are never the same, and
// without a header that the upstream may well be told.
func comparable(raw, without string) []string {
	line, fields := headOf(raw)
	kept := []string{line}
	for _, f := range fields {
		harmless := f == "Te: trailers" || slices.Contains([]string{"User-Agent", "X-A", "Xdaypass-Subject"}, without) && strings.HasPrefix(f, without+":")
		if !serial.MatchString(f) && !harmless {
			kept = append(kept, f)
		}
	}
	slices.Sort(kept[1:])
	return kept
}

// TestAttack_RequestLinesOnTheWire: what two programs could cut into requests, or
// read, differently is refused, and the connection ends.
func TestAttack_RequestLinesOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	tap := w.tapped(t)
	const host = "Host: photos.example\r\n"
	const post = "POST /public/x HTTP/1.1\r\n" + host
	next := "GET /public/smuggled HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"
	for name, raw := range map[string]string{
		"blank before the method":    " GET /public/x HTTP/1.1\r\n" + host + "\r\n",
		"two blanks":                 "GET  /public/x HTTP/1.1\r\n" + host + "\r\n",
		"tab":                        "GET\t/public/x\tHTTP/1.1\r\n" + host + "\r\n",
		"blank at the end":           "GET /public/x HTTP/1.1 \r\n" + host + "\r\n",
		"blank in the target":        "GET /public/x y HTTP/1.1\r\n" + host + "\r\n",
		"form feed in the target":    "GET /public/\x0cx HTTP/1.1\r\n" + host + "\r\n",
		"no version":                 "GET /public/x\r\n" + host + "\r\n",
		"HTTP/0.9":                   "GET /public/x\r\n",
		"HTTP/0.9 by name":           "GET /public/x HTTP/0.9\r\n" + host + "\r\n",
		"HTTP/1.2":                   "GET /public/x HTTP/1.2\r\n" + host + "\r\n",
		"HTTP/2.0":                   "GET /public/x HTTP/2.0\r\n" + host + "\r\n",
		"HTTP/1.10":                  "GET /public/x HTTP/1.10\r\n" + host + "\r\n",
		"http/1.1":                   "GET /public/x http/1.1\r\n" + host + "\r\n",
		"HTTP/01.1":                  "GET /public/x HTTP/01.1\r\n" + host + "\r\n",
		"lower-case method":          "get /secret HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"CONNECT":                    "CONNECT photos.example:443 HTTP/1.1\r\n" + host + "\r\n",
		"CONNECT to a path":          "CONNECT /public/x HTTP/1.1\r\n" + host + "\r\n",
		"OPTIONS *":                  "OPTIONS * HTTP/1.1\r\n" + host + "\r\n",
		"TRACE of admin":             "TRACE /admin/x HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"HTTP/2 preface":             "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"preface with a request":     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + next,
		"bare line feed":             "GET /public/x HTTP/1.1\n" + host + "\r\n",
		"bare line feed at the end":  "GET /public/x HTTP/1.1\r\n" + host + "\n",
		"no Host":                    "GET /public/x HTTP/1.1\r\n\r\n",
		"empty Host":                 "GET /public/x HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
		"two Hosts":                  "GET /public/x HTTP/1.1\r\n" + host + host + "\r\n",
		"Host with user":             "GET /public/x HTTP/1.1\r\nHost: a@photos.example\r\n\r\n",
		"Host with a letter as port": "GET /public/x HTTP/1.1\r\nHost: photos.example:80a\r\n\r\n",
		"Host with two ports":        "GET /public/x HTTP/1.1\r\nHost: photos.example:80:80\r\n\r\n",
		"Host with a path":           "GET /public/x HTTP/1.1\r\nHost: photos.example/x\r\n\r\n",
		"Host with a comma":          "GET /public/x HTTP/1.1\r\nHost: photos.example,evil\r\n\r\n",
		"Host with a blank":          "GET /public/x HTTP/1.1\r\nHost: photos.example evil\r\n\r\n",
		"Host with a backslash":      "GET /public/x HTTP/1.1\r\nHost: evil\\photos.example\r\n\r\n",
		"Host with an encoding":      "GET /public/x HTTP/1.1\r\nHost: photos%2eexample\r\n\r\n",
		"Host not ASCII":             "GET /public/x HTTP/1.1\r\nHost: photos\u3002example\r\n\r\n",
		"Host folded":                "GET /public/x HTTP/1.1\r\nHost: photos.example\r\n .evil\r\n\r\n",
		"CL.TE":                      post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" + next,
		"TE.CL":                      post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + next,
		"TE.TE":                      post + "Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n0\r\n\r\n" + next,
		"TE with a blank":            post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + next,
		"TE with a tab before it":    post + "\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next,
		"TE with a list":             post + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n" + next,
		"TE identity":                post + "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n" + next,
		"TE with a parameter":        post + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" + next,
		"TE in HTTP/1.0":             "POST /public/x HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next,
		"CL twice":                   post + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + next,
		"CL as a list":               post + "Content-Length: 0, 0\r\n\r\n" + next,
		"CL signed":                  post + "Content-Length: +0\r\n\r\n" + next,
		"CL with a blank inside":     post + "Content-Length: 0 5\r\n\r\n" + next,
		"CL too big":                 post + "Content-Length: 99999999999999999999\r\n\r\n" + next,
		"chunk too big":              post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff0\r\n" + next,
		"chunk size with 0x":         post + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + next,
		"chunk size with a sign":     post + "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" + next,
		"chunk size with underscore": post + "Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n" + next,
		"chunk with bare line feed":  post + "Transfer-Encoding: chunked\r\n\r\n0\n\n" + next,
		"chunk longer than it says":  post + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + next,
		"extension with line feed":   post + "Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n" + next,
		"trailer folded":             post + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n" + next,
		"unknown expectation":        post + "Expect: magic\r\nContent-Length: 1\r\n\r\nx",
		"head too long":              "GET /public/x HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n",
		"two credentials":            "GET /public/x HTTP/1.1\r\n" + host + "Authorization: Bearer a\r\nApi-Key: dp_live_b\r\n\r\n",
		"two Api-Keys":               "GET /public/x HTTP/1.1\r\n" + host + "Api-Key: dp_live_a\r\nApi-Key: dp_live_b\r\n\r\n",
		"two in one line":            "GET /admin/x HTTP/1.1\r\n" + host + "Connection: close\r\nAuthorization: Bearer a, Bearer b\r\n\r\n",
	} {
		answer := w.raw(w.gateway, raw)
		for _, sent := range tap.take() {
			// The beginning of a body is on its way before its end turns out to be wrong.
			if line, _ := headOf(sent); line != "POST /public/x HTTP/1.1" || strings.HasSuffix(sent, "0\r\n\r\n") {
				t.Errorf("%s: reached the upstream as %q: %s", name, line, answer)
			}
		}
		if answer != "" && !strings.HasPrefix(answer, "4") && !strings.HasPrefix(answer, "505") || strings.Contains(answer, "200 OK") {
			t.Errorf("%s: %s", name, answer)
		}
	}

	// What is plain goes through, and keeps its connection. Before an upstream of its own: what was cut off above may still
	// be on its way to the other.
	w = newWorld(t, nil)
	tap = w.tapped(t)
	for name, raw := range map[string]string{
		"two in a row":         "GET /public/1 HTTP/1.1\r\n" + host + "\r\nGET /public/2 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"HTTP/1.0":             "GET /public/1 HTTP/1.0\r\n" + host + "Connection: keep-alive\r\n\r\nGET /public/2 HTTP/1.0\r\n" + host + "\r\n",
		"a body, then another": post + "Content-Length: 3\r\n\r\nabcGET /public/2 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"chunks, then another": post + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: z\r\n\r\nGET /public/2 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
		"expected, then sent":  post + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabcGET /public/2 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
	} {
		answer := w.raw(w.gateway, raw)
		sent := tap.take()
		if strings.Count(answer, "200 OK") != 2 || len(sent) != 2 {
			t.Errorf("%s: %d sent on: %s", name, len(sent), answer)
			continue
		}
		for _, one := range sent {
			checkHead(t, name, one)
		}
	}
}
