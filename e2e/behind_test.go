package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/server"
)

// front is a proxy program with the configuration of examples that it is tested with.
type front struct {
	program string
	example string
	// args start it in the foreground with a configuration, all that it writes under folder.
	args func(folder, configuration string) []string
	// edit adapts the configuration beyond its addresses; nil: nothing else.
	edit func(folder, text string) string
	// gateway is one that stands before Daypass's gateway, by TLS, and not before the API.
	gateway bool
}

// place says where the parties really are that examples name by their addresses.
type place struct{ api, gateway, upstream string } // host:port

// adapt puts other addresses into an example, as its reader does, and the port of the proxy.
func (p place) adapt(text, port string) string {
	portOf := func(address string) string { _, port, _ := net.SplitHostPort(address); return "port " + port }
	return strings.NewReplacer(
		":8088", ":"+port,
		"127.0.0.1:8080", p.api, "port 8080", portOf(p.api),
		"127.0.0.1:8000", p.gateway,
		"127.0.0.1:9000", p.upstream,
		"127.0.0.1:8001 port 8081", "127.0.0.1:1 port 1", // the second node is down
	).Replace(text)
}

// behind is a world with a proxy before it and an API that tells what reached it.
type behind struct {
	*world
	t       *testing.T
	front   front
	address string        // of the proxy
	said    func() string // all that the proxy has logged
	api     *api

	reader, writer string // passes
	readerID       string // the user of both
	elsewhere      string // a pass that is good at 203.0.113.9 only
}

const behindProxy = `
hosts: [photos.example]
origins: [https://app.example]
upstream: API
resources:
  - match: GET /public/**
    access: public
  - match: GET /photos/**
    require: { scopes: [photos:read] }
  - match: POST /photos/**
    require: { scopes: [photos:write] }
  - match: GET /limited/**
    access: public
    limit: { rate: 2/h, per: address }
`

// newBehind starts Daypass, an API and the proxy. The configuration may be edited, to break it.
func newBehind(t *testing.T, f front, edits ...func(string) string) *behind {
	t.Helper()
	if _, err := exec.LookPath(f.program); err != nil {
		t.Skipf("%s is not installed", f.program)
	}
	b := &behind{t: t, world: newWorld(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} }), front: f, api: newAPI(t)}
	b.serve("acme", "photos", strings.Replace(behindProxy, "API", "http://"+b.api.address, 1))
	someone := b.member("acme", object{"name": "someone", "roles": []string{"consumer"}, "scopes": []string{"photos:*"}})
	b.readerID = someone.id
	b.reader = b.pass(someone.key, object{"scopes": []string{"photos:read"}, "no_ip_protection": true})
	b.writer = b.pass(someone.key, object{"scopes": []string{"photos:*"}, "no_ip_protection": true})
	b.elsewhere = b.pass(someone.key, object{"scopes": []string{"photos:read"}, "ips": []string{"203.0.113.9"}})
	at := place{strings.TrimPrefix(b.world.api, "http://"), strings.TrimPrefix(b.gateway, "http://"), b.api.address}
	b.address, b.said = startProxy(t, f, at, edits...)
	return b
}

// startProxy starts the program with its example, and returns where it listens, and what it has said and logged.
func startProxy(t *testing.T, f front, at place, edits ...func(string) string) (address string, said func() string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", f.example))
	if err != nil {
		t.Fatal(err)
	}
	address = freeAddress(t)
	folder := t.TempDir()
	_, port, _ := net.SplitHostPort(address)
	adapted := at.adapt(string(text), port)
	if f.edit != nil {
		adapted = f.edit(folder, adapted)
	}
	if f.gateway {
		adapted = strings.Replace(adapted, "/etc/haproxy/photos.example.com.pem", bundle(t, folder), 1)
	}
	for _, edit := range edits {
		broken := edit(adapted)
		if broken == adapted {
			t.Fatal("the edit changes nothing: the example no longer has what it looks for")
		}
		adapted = broken
	}
	configuration := filepath.Join(folder, filepath.Base(f.example))
	if err := os.WriteFile(configuration, []byte(adapted), 0o600); err != nil {
		t.Fatal(err)
	}
	output := run(t, folder, f.program, f.args(folder, configuration)...)
	waitFor(t, f.program, address)
	return address, func() string {
		all := output.String()
		logs, _ := filepath.Glob(filepath.Join(folder, "*.log"))
		for _, log := range logs {
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
		return all
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run starts a program that ends with the test.
func run(t *testing.T, folder, program string, args ...string) (said *lockedBuffer) {
	t.Helper()
	said = &lockedBuffer{}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, said, said
	cmd.Env = append(os.Environ(), "HOME="+folder, "XDG_CONFIG_HOME="+folder, "XDG_DATA_HOME="+folder)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, said.String())
		}
	})
	return said
}

func waitFor(t *testing.T, program, address string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", program, err)
		}
	}
}

// api is what stands behind the proxy: it keeps what reaches it, and repeats identity headers in its answers.
type api struct {
	address string
	mu      sync.Mutex
	got     []arrival
}

type arrival struct {
	method, target, host string
	header               http.Header
	length               int
	sum                  [32]byte
}

func newAPI(t *testing.T) *api {
	a := &api{}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.address = s.Listener.Addr().String()
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.got = append(a.got, arrival{r.Method, r.RequestURI, r.Host, r.Header.Clone(), len(body), sha256.Sum256(body)})
	a.mu.Unlock()
	if r.Header.Get("Upgrade") != "" {
		repeatAll(w, r.Header)
		return
	}
	w.Header().Set("X-Daypass-Subject", "for the API only")
	_, _ = io.WriteString(w, "served "+r.RequestURI)
}

// repeatAll switches protocols, to whichever was asked for, and sends back all it gets.
func repeatAll(w http.ResponseWriter, h http.Header) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	accept := sha1.Sum([]byte(h.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 section 4.2.2
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+h.Get("Upgrade")+
		"\r\nSec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(accept[:])+"\r\n\r\n")
	_, _ = io.Copy(conn, buffered)
}

// take returns what has reached the API since it was last called.
func (a *api) take() []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got
}

// reply is one answer of the proxy.
type reply struct {
	*http.Response
	body string
}

func (r reply) code() string {
	var problem struct{ Code string }
	_ = json.Unmarshal([]byte(r.body), &problem)
	return problem.Code
}

func (b *behind) dial() net.Conn {
	b.t.Helper()
	var conn net.Conn
	var err error
	if b.front.gateway {
		conn, err = tls.Dial("tcp", b.address, &tls.Config{InsecureSkipVerify: true, ServerName: "photos.example", NextProtos: []string{"http/1.1"}})
	} else {
		conn, err = net.Dial("tcp", b.address)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
	return conn
}

// bytes writes bytes to the proxy and reads answers until it closes, or says nothing for a while.
func (b *behind) bytes(text string) []reply {
	b.t.Helper()
	conn := b.dial()
	defer conn.Close()
	written := make(chan struct{})
	go func() { defer close(written); _, _ = io.WriteString(conn, text) }()
	defer func() { _ = conn.Close(); <-written }()
	var all []reply
	reader := bufio.NewReader(conn)
	for {
		if len(all) > 0 {
			_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		}
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			return all
		}
		body, _ := io.ReadAll(res.Body)
		all = append(all, reply{res, string(body)})
		if res.Close {
			return all
		}
	}
}

// ask sends one request; its lines are headers.
func (b *behind) ask(method, target, body string, lines ...string) reply {
	b.t.Helper()
	all := b.bytes(request(method, target, body, append(lines, "Connection: close")...))
	if len(all) != 1 {
		return reply{&http.Response{Status: fmt.Sprintf("%d answers", len(all))}, ""}
	}
	return all[0]
}

func request(method, target, body string, lines ...string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: photos.example\r\n"
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	for _, line := range lines {
		head += line + "\r\n"
	}
	return head + "\r\n" + body
}

func with(pass string) string { return "Authorization: Bearer " + pass }

// refused reports whether an answer is a refusal, and not that of an API that was reached.
func refused(r reply) bool { return r.StatusCode == 0 || r.StatusCode >= 400 }

var identity = []string{"Subject", "Org", "Scopes", "Roles", "Token-Id", "Key-Id"}

// checkArrival holds what reached the API against what was asked and by whom: "" for nobody.
func (b *behind) checkArrival(what string, got arrival, method, subject string) {
	b.t.Helper()
	if got.method != method || got.host != "photos.example" {
		b.t.Errorf("%s: the API got %s for %s, want %s for photos.example", what, got.method, got.host, method)
	}
	for _, name := range identity {
		values := got.header["X-Daypass-"+name]
		if len(values) > 1 || len(values) == 1 && subject == "" && values[0] != "" {
			b.t.Errorf("%s: X-Daypass-%s of %q is %q", what, name, subject, values)
		}
	}
	if have := got.header.Get("X-Daypass-Subject"); have != subject {
		b.t.Errorf("%s: the API was told that %q calls, want %q", what, have, subject)
	}
	for name, values := range got.header {
		for _, v := range values {
			if strings.Contains(v, b.founder) || strings.Contains(v, b.reader) {
				b.t.Errorf("%s: the API got a credential as %s", what, name)
			}
			if strings.Contains(v, canary) || strings.Contains(v, "203.0.113.9") {
				b.t.Errorf("%s: the API got %s: %s", what, name, v)
			}
		}
		if strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			b.t.Errorf("%s: the API got %s, which it may take for another", what, name)
		}
		if slices.Contains([]string{"Authorization", "Api-Key", "Cookie"}, name) {
			b.t.Errorf("%s: the API got the client's %s", what, name)
		}
		if strings.HasPrefix(name, "Ratelimit") && !b.front.gateway { // which hands on what it gives no meaning to
			b.t.Errorf("%s: the API got %s", what, name)
		}
	}
	if from := got.header["X-Forwarded-For"]; len(from) != 1 || from[0] != "127.0.0.1" {
		b.t.Errorf("%s: the API was told that the client is %q", what, from)
	}
}

// canary marks what a client made up and the API must not see.
const canary = "made-up"

// spoofs are headers by which clients try to be somebody else, or to have asked something else. Each line is sent as it stands.
var spoofs = []string{
	"X-Forwarded-Uri: /public/1?made-up",
	"X-Forwarded-URI: /public/made-up",
	"X-Forwarded-Method: GET",
	"X-Forwarded-Host: made-up.example",
	"X-Forwarded-Proto: made-up",
	"X-Forwarded-For: 203.0.113.9",
	"X-Forwarded-For: made-up",
	"X-Forwarded-For: 203.0.113.9, 127.0.0.1",
	"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 127.0.0.1",
	"X-Forwarded-Port: made-up",
	"X-Forwarded-Prefix: /made-up",
	"X-Forwarded-Server: made-up",
	"X-Forwarded-User: made-up",
	"X-Forwarded-Scheme: made-up",
	"X_Forwarded_For: 203.0.113.9",
	"Forwarded: for=203.0.113.9;host=made-up;proto=http",
	"X-Original-Uri: /public/made-up",
	"X-Original-URL: /public/made-up",
	"X-Original-Method: GET",
	"X-Original-Host: made-up",
	"X-Original-URI: /public/1\r\nX-Original-Method: GET",
	"X-Forwarded-Uri: /public/1\r\nX-Forwarded-Method: GET",
	"X-Rewrite-Url: /public/made-up",
	"X-Auth-Request-Redirect: /public/made-up",
	"X-Auth-Request-User: made-up",
	"X-Real-IP: 203.0.113.9",
	"X-Real-Ip: 203.0.113.9\r\nTrue-Client-IP: 203.0.113.9",
	"CF-Connecting-IP: 203.0.113.9",
	"X-Client-IP: 203.0.113.9",
	"X-Cluster-Client-IP: 203.0.113.9",
	"X-Azure-ClientIP: 203.0.113.9",
	"X-Remote-User: made-up",
	"Remote-User: made-up",
	"X-Envoy-External-Address: 203.0.113.9",
	"Tailscale-User-Login: made-up",
	"X-Ssl-Client-Cert: made-up",
	"X-HTTP-Method-Override: POST",
	"X-HTTP-Method: DELETE",
	"X-Method-Override: PUT",
	"X_HTTP_Method_Override: POST",
	"X-Daypass-Subject: made-up",
	"x-daypass-subject: made-up",
	"X-DAYPASS-SUBJECT: made-up",
	"X_Daypass_Subject: made-up",
	"X-Daypass_Subject: made-up",
	"X.Daypass.Subject: made-up",
	"X!Daypass~Subject: made-up",
	"X.Forwarded.For: 203.0.113.9",
	"x_daypass_subject: made-up\r\nX-Daypass-Org: made-up",
	"X-Daypass-Scopes: *",
	"X-Daypass-Roles: administrator",
	"X-Daypass-Token-Id: made-up",
	"X-Daypass-Key-Id: made-up",
	"X-Daypass-Other: made-up",
	"X-Daypass-Subject : made-up",
	"X-Daypass-Subject:\r\nX-Daypass-Subject: made-up",
	"Connection: X-Daypass-Subject, X-Daypass-Org",
	"Connection: x-daypass-subject\r\nX-Daypass-Subject: made-up",
	"Connection: X-Forwarded-For, X-Forwarded-Uri, X-Forwarded-Method",
	"Connection: X-Original-URI\r\nX-Original-URI: /public/made-up",
	"Connection: Authorization",
	"Keep-Alive: X-Daypass-Subject",
	"Cookie: session=made-up",
	"User-Agent: GoogleHC/1.0",
	"Authorization: Basic bWFkZS11cDo=",
	"Authorization: Bearer made-up",
	"Api-Key: made-up",
	"Proxy-Authorization: Basic bWFkZS11cDo=",
	"Proxy: http://made-up",
	"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
	"Expect: 100-continue",
}

// attack tries all that a client can do to a door, however it is made.
func (b *behind) attack() {
	b.t.Run("served", b.sub((*behind).served))
	b.t.Run("denied", b.sub((*behind).denied))
	b.t.Run("spoofed headers", b.sub((*behind).spoofed))
	b.t.Run("credentials", b.sub((*behind).credentials))
	b.t.Run("paths", b.sub((*behind).paths))
	b.t.Run("framing", b.sub((*behind).framing))
	b.t.Run("bodies", b.sub((*behind).bodies))
	b.t.Run("upgrades", b.sub((*behind).upgrades))
	b.t.Run("limits", b.sub((*behind).limits))
}

func (b *behind) sub(part func(*behind)) func(*testing.T) {
	return func(t *testing.T) {
		one := *b
		one.t = t
		b.api.take()
		part(&one)
	}
}

func (b *behind) served() {
	for _, c := range []struct {
		method, target, pass, subject string
	}{
		{"GET", "/public/1?a=b&c=%2F%3b", "", ""},
		{"GET", "/public/1?", "", ""},
		{"GET", "/public/%E2%82%AC%20x", "", ""},
		{"GET", "/public/a:b@c,d+e=f", "", ""},
		{"GET", "/public/1", b.reader, b.readerID},
		{"GET", "/photos/1", b.reader, b.readerID},
		{"POST", "/photos/1?x", b.writer, b.readerID},
	} {
		var lines []string
		if c.pass != "" {
			lines = []string{with(c.pass)}
		}
		r := b.ask(c.method, c.target, "", lines...)
		got := b.api.take()
		if r.StatusCode != 200 || len(got) != 1 || r.body != "served "+c.target {
			b.t.Errorf("%s %s: %s %s", c.method, c.target, r.Status, r.body)
			continue
		}
		if got[0].target != c.target {
			b.t.Errorf("%s: the API got %s", c.target, got[0].target)
		}
		b.checkArrival(c.target, got[0], c.method, c.subject)
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Daypass-") {
				b.t.Errorf("%s: the client was told %s", c.target, name)
			}
		}
	}
}

// denied: the client learns why.
func (b *behind) denied() {
	for _, c := range []struct {
		method, target, pass string
		status               int
		code, challenge      string
	}{
		{"GET", "/photos/1", "", 401, "token_missing", `Bearer realm="daypass"`},
		{"GET", "/photos/1", "nonsense", 401, "token_invalid", `Bearer realm="daypass", error="invalid_token"`},
		{"GET", "/photos/1", b.elsewhere, 401, "wrong_address", `Bearer realm="daypass", error="invalid_token"`},
		{"POST", "/photos/1", b.reader, 403, "scope_missing", `Bearer realm="daypass", error="insufficient_scope", scope="photos:write"`},
		{"DELETE", "/photos/1", b.writer, 403, "no_rule", ""},
		{"GET", "/other", b.writer, 403, "no_rule", ""},
		{"GET", "/public/1;x", "", 400, "bad_path", ""},
		{"GET", "/public/1?access_token=" + b.reader, "", 400, "token_in_query", ""},
		{"GET", "/photos/1?access_token=" + b.reader, "", 400, "token_in_query", ""},
		{"GET", "/photos/1?p=" + b.reader, "", 400, "token_in_query", ""},
	} {
		var lines []string
		if c.pass != "" {
			lines = []string{with(c.pass)}
		}
		r := b.ask(c.method, c.target, "", lines...)
		if r.StatusCode != c.status || r.code() != c.code {
			b.t.Errorf("%s %s: %s %s, want %d %s", c.method, c.target, r.Status, r.body, c.status, c.code)
			continue
		}
		if kind := r.Header["Content-Type"]; len(kind) != 1 || kind[0] != "application/problem+json" {
			b.t.Errorf("%s %s: content type %q", c.method, c.target, kind)
		}
		if have := r.Header["Www-Authenticate"]; c.challenge == "" && len(have) != 0 || c.challenge != "" && (len(have) != 1 || !strings.HasPrefix(have[0], c.challenge)) {
			b.t.Errorf("%s %s: challenge %q, want %s", c.method, c.target, have, c.challenge)
		}
	}
	if got := b.api.take(); len(got) != 0 {
		b.t.Errorf("reached the API: %v", got)
	}
	if strings.Contains(b.said(), b.reader) {
		b.t.Errorf("the logs of %s have a pass in them", b.front.program)
	}
}

// spoofed: whatever a client adds, nothing changes, or the request is refused.
func (b *behind) spoofed() {
	for _, lines := range spoofs {
		for _, c := range []struct {
			method, target, pass string
			allowed              bool
		}{
			{"GET", "/photos/1", "", false},
			{"GET", "/photos/1", b.elsewhere, false},
			{"POST", "/photos/1", b.reader, false},
			{"DELETE", "/photos/1", b.writer, false},
			{"GET", "/public/1", "", true},
			{"GET", "/photos/1", b.reader, true},
		} {
			what := c.method + " " + c.target + " with " + lines
			subject, headers := "", lines
			if c.pass != "" {
				subject, headers = b.readerID, lines+"\r\n"+with(c.pass)
			}
			r := b.ask(c.method, c.target, "", headers)
			got := b.api.take()
			if len(got) == 0 && !refused(r) {
				b.t.Errorf("%s: %s", what, r.Status)
			}
			if len(got) > 0 && !c.allowed || len(got) > 1 {
				b.t.Errorf("%s: reached the API as %v: %s", what, got, r.Status)
				continue
			}
			for _, one := range got {
				b.checkArrival(what, one, c.method, subject)
				if one.target != c.target || one.header.Get("Upgrade") != "" {
					b.t.Errorf("%s: reached the API as %v", what, one)
				}
			}
		}
	}
}

// credentials: two of them are nobody's.
func (b *behind) credentials() {
	for _, lines := range [][]string{
		{with(b.reader), with(b.writer)},
		{with("made-up"), with(b.reader)},
		{with(b.reader), "authorization: Basic bWFkZS11cDo="},
		{with(b.reader), "Api-Key: " + b.founder},
		{"Authorization: Bearer " + b.reader + ", Bearer " + b.writer},
		{"Authorization: Bearer made-up\r\n Bearer " + b.reader},
		{"Api-Key: " + b.founder},
		{with(b.founder)},
		{"Cookie: access_token=" + b.reader + "; Authorization=Bearer " + b.reader},
		{"Proxy-Authorization: Bearer " + b.reader},
		{"X-Forwarded-Authorization: Bearer " + b.reader},
		{"X-Authorization: Bearer " + b.reader},
	} {
		r := b.ask("GET", "/photos/1", "", lines...)
		if got := b.api.take(); len(got) != 0 || !refused(r) {
			b.t.Errorf("%q: %s", lines, r.Status)
		}
	}
	// Where none is needed, those that are sent end here all the same.
	for _, before := range []string{"Api-Key:", "api-key:", "Api_Key:", "API_KEY:", "api_key:", "Api.Key:", "Authorization:", "Authorization: Bearer", "Cookie: key="} {
		b.ask("GET", "/public/1", "", before+" "+b.founder)
		for _, got := range b.api.take() {
			b.checkArrival(before, got, "GET", "")
		}
	}
}

// limits: clients are told what is left to them, and how long to wait.
func (b *behind) limits() {
	for i, want := range []struct {
		status              int
		state, after, pages string
	}{{200, `"rate";r=1;t=1800`, "", ""}, {200, `"rate";r=0;t=3`, "", ""}, {429, `"rate";r=0;t=3`, "1", "https://app.example"}} {
		r := b.ask("GET", "/limited/1", "", "Origin: https://app.example", "RateLimit: invented")
		got := b.api.take()
		if r.StatusCode != want.status || (len(got) == 1) != (want.status == 200) {
			b.t.Fatalf("%d: %s %s", i, r.Status, r.body)
		}
		for _, one := range got {
			b.checkArrival("a limited request", one, "GET", "")
		}
		one := func(name string) string { return strings.Join(r.Header.Values(name), "|") }
		if !strings.HasPrefix(one("RateLimit"), want.state) || one("RateLimit-Policy") != `"rate";q=2;w=3600` ||
			!strings.HasPrefix(one("Retry-After"), want.after) || one("Access-Control-Allow-Origin") != want.pages {
			b.t.Errorf("%d: the client was told %v", i, r.Header)
		}
		if want.status == 429 && (r.code() != "rate_limited" || !strings.Contains(one("Access-Control-Expose-Headers"), "Retry-After")) {
			b.t.Errorf("%s %v", r.body, r.Header)
		}
	}
	if r := b.ask("GET", "/public/1", "", "RateLimit: invented", "Origin: https://app.example"); len(r.Header["Ratelimit"])+len(r.Header["Access-Control-Allow-Origin"]) != 0 {
		b.t.Errorf("without a limit: %v", r.Header)
	}
	b.api.take()
}

// paths: each spelling is refused, or the API gets a path that is public as it stands.
func (b *behind) paths() {
	targets := []string{
		"/public/../photos/1", "/public/%2e%2e/photos/1", "/public/%2E%2E/photos/1", "/public/.%2e/photos/1", "/public/..%2fphotos/1",
		"/public%2f..%2fphotos/1", "/public/%2e%2e%2fphotos%2f1", "/public/%252e%252e/photos/1", "/public/%25252e%25252e/photos/1",
		"/public/..;/photos/1", "/public/..;x/photos/1", "/public/;/../photos/1", "/public/1;/../../photos/1", "/public\\..\\photos\\1",
		"/public/..\\photos/1", "/public/%5c..%5cphotos/1", "/public/..%5cphotos/1", "//photos/1", "/public//../photos/1", "//public/1",
		"///public/1", "/./photos/1", "/public/./1", "/public/1/.", "/public/1/..", "/public/..", "/public/../", "/photos/1/../../public/1",
		"/public/1%00", "/public/1%0a", "/public/1%0d%0aX-Daypass-Subject:%20made-up", "/public/1%09", "/public/%", "/public/%zz", "/public/%u002e%u002e/photos/1",
		"/public/%c0%ae%c0%ae/photos/1", "/public/%ef%bc%8e%ef%bc%8e/photos/1", "/public/1#/../photos/1", "/public/1%23", "/public/1%3f/../../photos/1",
		"/public/%61", "/public/%2F1", "/Public/1", "/PUBLIC/1", "/public", "/public?/../photos/1", "/public/1?/../../photos/1", "/public/1?x=%2e%2e%2f",
		"http://photos.example/photos/1", "http://photos.example/public/../photos/1", "http://other.example/public/1", "http://photos.example:80/public/1", "http://made-up@photos.example/public/1",
		"https://photos.example/public/1", "public/1", "*", "/public/1/../../../../../../photos/1", "/public/ 1", "/public/\x01", "/public/\xc3\xa9", "/public/\"<>^`{|}",
		"/_daypass", "/_daypass?application=acme/photos", "/v1/forward-auth", "/v1/me", "/public/../_daypass", "/%5fdaypass", "/photos/1/", "/photos/%31", "/p%68otos/1", "/photos%2f1",
	}
	for _, target := range append(targets, vectorTargets(b.t)...) {
		r := b.ask("GET", target, "")
		got := b.api.take()
		if len(got) == 0 {
			if !refused(r) && r.StatusCode/100 != 3 {
				b.t.Errorf("%q: nothing reached the API, but: %s", target, r.Status)
			}
			continue
		}
		path, err := catalog.ParsePath(got[0].target)
		if err != nil || !strings.EqualFold(path.Target(), got[0].target) || !strings.HasPrefix(path.Decoded(), "/public/") && path.Decoded() != "/public" || len(got) > 1 {
			b.t.Errorf("%q: reached the API as %q (%v)", target, got[0].target, err)
		}
		if strings.Contains(target, "://") {
			got[0].host = "photos.example" // the authority of an absolute target is the host (RFC 9112 section 3.2.2)
		}
		b.checkArrival(target, got[0], "GET", "")
	}
}

func vectorTargets(t *testing.T) (targets []string) {
	t.Helper()
	raw, err := os.ReadFile("../internal/edge/testdata/network/paths.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Targets []struct{ Target string } }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, one := range file.Targets {
		targets = append(targets, one.Target)
	}
	return targets
}

// framing: nothing hides a second request from the check, and no connection to the API is left out of step.
func (b *behind) framing() {
	const inner = "GET /photos/1 HTTP/1.1\r\nHost: photos.example\r\nX-Daypass-Subject: made-up\r\nContent-Length: 0\r\n\r\n"
	host := "Host: photos.example\r\n"
	for name, text := range map[string]string{
		"CL.TE":              "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n", 5+len(inner)) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		"TE.CL":              "GET /public/1 HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + fmt.Sprintf("%x\r\n", len(inner)) + inner + "\r\n0\r\n\r\n",
		"TE with a tab":      "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n", 5+len(inner)) + "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n" + inner,
		"TE with x":          "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n", 5+len(inner)) + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + inner,
		"TE twice":           "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n", 5+len(inner)) + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + inner,
		"TE before a colon":  "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n", 5+len(inner)) + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + inner,
		"TE folded":          "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n", 5+len(inner)) + "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		"two lengths":        "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n", len(inner)) + inner,
		"length list":        "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: 0, %d\r\n\r\n", len(inner)) + inner,
		"length with a sign": "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: +%d\r\n\r\n", len(inner)) + inner,
		"length in hex":      "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: 0x%x\r\n\r\n", len(inner)) + inner,
		"chunk extension":    "GET /public/1 HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n" + inner,
		"chunk size too big": "GET /public/1 HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n0\r\n\r\n" + inner,
		"bare LF":            "GET /public/1 HTTP/1.1\n" + "Host: photos.example\nContent-Length: 0\n\n" + inner,
		"bare CR":            "GET /public/1 HTTP/1.1\r\n" + host + "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		"NUL":                "GET /public/1 HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n" + inner,
		"two hosts":          "GET /public/1 HTTP/1.1\r\n" + host + "Host: other.example\r\n\r\n" + inner,
		"pipelined":          "GET /public/1 HTTP/1.1\r\n" + host + "\r\n" + inner,
		"body on a GET":      "GET /public/1 HTTP/1.1\r\n" + host + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(inner)) + inner,
		"HTTP/1.0 chunked":   "GET /public/1 HTTP/1.0\r\n" + host + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		"method in a method": "GET\t/public/1 HTTP/1.1\r\n" + host + "\r\n" + inner,
		"two blanks":         "GET  /photos/1 HTTP/1.1\r\n" + host + "\r\n" + inner,
		"HTTP/0.9":           "GET /photos/1\r\n",
		"HTTP/1.2":           "GET /photos/1 HTTP/1.2\r\n" + host + "\r\n",
		"h2 preface":         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + inner,
	} {
		b.bytes(text)
		for _, got := range b.api.take() {
			if !strings.HasPrefix(got.target, "/public/1") {
				b.t.Errorf("%s: %s reached the API", name, got.target)
			}
			b.checkArrival(name, got, "GET", "")
		}
		// Connections that the proxy keeps to the API must still be in step.
		for range 3 {
			if r := b.ask("GET", "/public/after", ""); r.body != "served /public/after" {
				b.t.Fatalf("%s: the next request got %s %s", name, r.Status, r.body)
			}
		}
		b.api.take()
	}
}

// bodies reach the API whole, however they are framed, and only when the request may pass.
func (b *behind) bodies() {
	body := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
	for name, text := range map[string]string{
		"length": request("POST", "/photos/1", body, with(b.writer), "Connection: close", "Content-Type: text/plain"),
		"chunks": request("POST", "/photos/1", "", with(b.writer), "Connection: close", "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body),
		"expect": request("POST", "/photos/1", body, with(b.writer), "Connection: close", "Expect: 100-continue"),
	} {
		all := b.bytes(text)
		got := b.api.take()
		if len(got) != 1 || got[0].length != len(body) || got[0].sum != sha256.Sum256([]byte(body)) || all[len(all)-1].StatusCode != 200 {
			b.t.Errorf("%s: %d requests reached the API, %d answers", name, len(got), len(all))
			continue
		}
		b.checkArrival(name, got[0], "POST", b.readerID)
	}
	b.bytes(request("POST", "/photos/1", body, with(b.reader), "Connection: close"))
	if got := b.api.take(); len(got) != 0 {
		b.t.Errorf("a body that was denied reached the API")
	}
}

// upgrades: to WebSocket, with a pass where one is needed, and to nothing else.
func (b *behind) upgrades() {
	handshake := []string{"Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for _, c := range []struct {
		name, upgrade, target string
		lines                 []string
		switched              bool
	}{
		{"public", "websocket", "/public/ws", nil, true},
		{"with a pass", "WebSocket", "/photos/ws", []string{with(b.reader)}, true},
		{"without a pass", "websocket", "/photos/ws", nil, false},
		{"its own page", "websocket", "/public/ws", []string{"Origin: https://app.example"}, true},
		{"another's page", "websocket", "/public/ws", []string{"Origin: https://evil.example"}, false},
		{"h2c", "h2c", "/public/ws", []string{"HTTP2-Settings: AAMAAABkAAQAAP__"}, false},
		{"two protocols", "websocket, h2c", "/public/ws", nil, false},
		{"another protocol", "made-up", "/public/ws", nil, false},
		{"TLS", "TLS/1.2", "/public/ws", nil, false},
	} {
		conn := b.dial()
		_, _ = io.WriteString(conn, request("GET", c.target, "", append(append([]string{"Upgrade: " + c.upgrade}, handshake...), c.lines...)...))
		reader := bufio.NewReader(conn)
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			b.t.Errorf("%s: %v", c.name, err)
			_ = conn.Close()
			continue
		}
		if (res.StatusCode == 101) != c.switched {
			b.t.Errorf("%s: %s", c.name, res.Status)
		}
		if c.switched && res.StatusCode == 101 {
			sent, back := []byte("over the upgraded connection"), make([]byte, 28)
			_, _ = conn.Write(sent)
			if _, err := io.ReadFull(reader, back); err != nil || !bytes.Equal(sent, back) {
				b.t.Errorf("%s: %q came back: %v", c.name, back, err)
			}
		}
		_ = conn.Close()
		for _, got := range b.api.take() {
			if u := got.header.Get("Upgrade"); !c.switched && u != "" {
				b.t.Errorf("%s: Upgrade: %s reached the API", c.name, u)
			}
		}
	}
}

// failClosed: without an answer of Daypass, nobody passes.
func (b *behind) failClosed() {
	b.t.Helper()
	b.stop()
	for _, target := range []string{"/public/1", "/photos/1"} {
		if r := b.ask("GET", target, "", with(b.reader)); r.StatusCode < 500 {
			b.t.Errorf("%s without Daypass: %s", target, r.Status)
		}
	}
	if got := b.api.take(); len(got) != 0 {
		b.t.Errorf("reached the API without Daypass: %v", got)
	}
}

// TestProxiesDoNotWait: a Daypass that takes the question and never answers lets nobody pass, nor wait for ever.
func TestProxiesDoNotWait(t *testing.T) {
	for _, f := range []front{nginx, caddy} {
		t.Run(f.program, func(t *testing.T) {
			if _, err := exec.LookPath(f.program); err != nil {
				t.Skipf("%s is not installed", f.program)
			}
			t.Parallel()
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			backend := newAPI(t)
			b := &behind{t: t, front: f, api: backend}
			nobody := silent.Addr().String()
			b.address, b.said = startProxy(t, f, place{nobody, nobody, backend.address})
			began := time.Now()
			r := b.ask("GET", "/public/1", "")
			if r.StatusCode < 500 || len(backend.take()) != 0 || time.Since(began) > 12*time.Second {
				t.Errorf("%s after %v", r.Status, time.Since(began))
			}
		})
	}
}
