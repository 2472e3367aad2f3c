package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

// TestAttack_ManyBadPasses: ten thousand different texts that are no pass leave
// nothing behind, and good ones go on.
func TestAttack_ManyBadPasses(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.LogRequests = false })
	w.serve("acme", "photos", photos)
	pass := w.pass(w.founder, object{})
	head, rest, _ := strings.Cut(pass, ".")
	claims, _, _ := strings.Cut(rest, ".")
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
	before := inUse()
	var attackers sync.WaitGroup
	for n := range 4 {
		attackers.Go(func() {
			for i := range 2500 {
				// Well-formed, of the right kind and key, each with another signature.
				forged := fmt.Sprintf("%s.%s.%s%08d", head, claims, strings.Repeat("A", 77)+"A", n*2500+i)
				if a := w.send("GET", w.gateway+"/photos/1", forged, nil, atPhotos); a.status != http.StatusUnauthorized {
					t.Errorf("%d %s", a.status, a.text)
					return
				}
			}
		})
	}
	attackers.Wait()
	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
	if after := inUse(); after > before+20<<20 {
		t.Errorf("the heap grew by %d MB", (after-before)>>20)
	}
}

// TestAttack_SlowSenders: connections that send a head or a body slowly, or
// nothing, keep nobody else waiting.
func TestAttack_SlowSenders(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.HeaderTimeout = time.Second })
	w.serve("acme", "photos", photos)
	pass := w.pass(w.founder, object{})
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for _, base := range []string{w.gateway, w.api} {
		for _, begin := range []string{"", "GET /photos/1 HTTP/1.1\r\nHost: photos.exa", "POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"} {
			for range 100 {
				c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, c)
				_, _ = io.WriteString(c, begin)
			}
		}
	}
	for range 20 {
		began := time.Now()
		w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
		w.must(200, "GET", "/v1/me", pass, nil)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a good request took %v", took)
		}
	}
	// What has not sent its head in time is let go of.
	c := open[100]
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("a half head is kept open: %v", err)
	}
}

// TestAttack_SocketOutlivesPass: a WebSocket ends with the pass that opened it.
func TestAttack_SocketOutlivesPass(t *testing.T) {
	w := newWorld(t, nil)
	w.upstream.Config.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(out).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, conn)
	})
	for name, end := range map[string]func(m member, pass string){
		"revoked":     func(_ member, pass string) { w.must(204, "POST", "/v1/tokens/revoke", "", object{"token": pass}) },
		"key deleted": func(m member, _ string) { w.must(204, "DELETE", orgPath("acme", "/keys/"+m.keyID), w.founder, nil) },
		"rule changed": func(member, string) {
			w.serve("acme", "photos", strings.Replace(photos, "scopes: [photos:read]", "scopes: [other:read]", 1))
		},
	} {
		w.serve("acme", "photos", photos)
		user := w.member("acme", object{"roles": []string{"developer"}})
		pass := w.pass(user.key, object{"scopes": []string{"photos:read"}})
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.gateway, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET /photos/ws HTTP/1.1\r\nHost: photos.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer "+pass+"\r\n\r\n")
		reader := bufio.NewReader(conn)
		res, err := http.ReadResponse(reader, nil)
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("%v %v", res, err)
		}
		_, _ = io.WriteString(conn, "x")
		if b, err := reader.ReadByte(); err != nil || b != 'x' {
			t.Fatalf("%q %v", b, err)
		}
		end(user, pass)
		_ = conn.SetReadDeadline(time.Now().Add(3 * time.Second))
		if b, err := reader.ReadByte(); err != io.EOF && !strings.Contains(fmt.Sprint(err), "reset") {
			t.Errorf("%s: the socket stays open: %q %v", name, b, err)
		}
		_ = conn.Close()
	}
}
