package edge_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daypass/daypass/internal/access"
)

// echo is an upstream that sends WebSocket messages back, and streams events.
func echo(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		rw.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		io.WriteString(rw, "data: 1\n\n")
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	conn, err := websocket.Accept(rw, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

func (w *world) dial(t *testing.T, ctx context.Context, path, pass string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(ctx, "ws://"+w.Gateway+path, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + pass}},
		Host:       "photos.example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

func saysBack(ctx context.Context, conn *websocket.Conn) error {
	if err := conn.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		return err
	}
	_, _, err := conn.Read(ctx)
	return err
}

// ends is what ends a session that the pass ws:open began.
var ends = map[string]func(t *testing.T, w *world){
	"key revoked": revokeKey,
	"pass expired": func(t *testing.T, w *world) {
		w.setNow(noon.Add(2 * time.Hour))
	},
	"view too old": func(t *testing.T, w *world) {
		v := *w.gate.View()
		v.MaxAge = time.Minute
		w.gate.Swap(&v)
		w.setNow(noon.Add(2 * time.Minute))
	},
	"application gone": func(t *testing.T, w *world) {
		v := *w.gate.View()
		v.Catalog = v.Catalog.Without("app_photos")
		w.gate.Swap(&v)
	},
}

func revokeKey(t *testing.T, w *world) {
	upstream := w.gate.View().Catalog.Application("app_photos").Document.Upstream.String()
	w.gate.Swap(w.view(t, upstream, access.Revocation{Subject: "key_ws:open", Revision: 2, Reason: "key_deleted"}))
}

func TestWebSocketEndsWithItsPass(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			w := newWorld(t, http.HandlerFunc(echo))
			guarded, public := w.dial(t, ctx, "/ws/room", "pass.ws:open"), w.dial(t, ctx, "/public/room", "pass.ws:open")
			w.gateway.Recheck()
			for _, conn := range []*websocket.Conn{guarded, public} {
				if err := saysBack(ctx, conn); err != nil {
					t.Fatalf("closed without a reason: %v", err)
				}
			}
			end(t, w)
			w.gateway.Recheck()
			// On a public path too: the upstream was told who calls.
			for _, conn := range []*websocket.Conn{guarded, public} {
				if err := saysBack(ctx, conn); err == nil {
					t.Error("the connection is still open")
				}
			}
		})
	}
}

func TestEventStreamEndsWithItsPass(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+w.Gateway+"/ws/events", nil)
	req.Header.Set("Authorization", "Bearer pass.ws:open")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatalf("%q, %v", line, err)
	}
	revokeKey(t, w)
	w.gateway.Recheck()
	if _, err := io.ReadAll(lines); err == nil {
		t.Error("the stream ended as if nothing had happened, or not at all")
	}
}

func TestRunEndsEverySession(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	conn := w.dial(t, t.Context(), "/ws/room", "pass.ws:open")
	if err := saysBack(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	w.gateway.Run(ctx)
	if err := saysBack(t.Context(), conn); err == nil {
		t.Error("the connection outlived the gateway")
	}
}

// closes reads until a WebSocket ends, and returns how.
func closes(t *testing.T, ctx context.Context, conn *websocket.Conn) (messages []string, end websocket.CloseError) {
	t.Helper()
	for {
		_, text, err := conn.Read(ctx)
		if err == nil {
			messages = append(messages, string(text))
			continue
		}
		if !errors.As(err, &end) {
			t.Errorf("it ended without a close frame: %v", err)
		}
		return messages, end
	}
}

// limited puts a limit of bytes on WebSockets, of two kinds.
func (w *world) limited(t *testing.T, limit string) {
	t.Helper()
	text := rules
	for _, match := range []string{"  - match: ANY /ws/**\n", "  - match: ANY /graphql/open\n"} {
		text = strings.Replace(text, match, match+"    limit: { bytes: "+limit+" }\n", 1)
	}
	w.gate.Swap(w.viewOf(t, text))
}

// TestWebSocketEndsWithAReason: between two frames, also where one is under way.
func TestWebSocketEndsWithAReason(t *testing.T) {
	begun, goOn := make(chan struct{}, 1), make(chan struct{})
	const long = 70_000
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws/long" {
			echo(rw, r)
			return
		}
		conn, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 section 4.2.2
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(accept[:]))
		conn.Write(binary.BigEndian.AppendUint64([]byte{0x81, 127}, long))
		conn.Write(make([]byte, long/2))
		begun <- struct{}{}
		<-goOn
		conn.Write(append(make([]byte, long/2), 0x81, 1, 'x')) // and a frame that is beyond
		io.Copy(io.Discard, buffered)
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w.limited(t, "2000B/h")

	conn := w.dial(t, ctx, "/ws/room", "pass.ws:open")
	if err := saysBack(ctx, conn); err != nil {
		t.Fatal(err)
	}
	w.gateway.Recheck()
	if err := conn.Write(ctx, websocket.MessageText, make([]byte, 1500)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(ctx); err != nil {
		t.Fatalf("a limit cut a message off: %v", err)
	}
	w.gateway.Recheck()
	if _, end := closes(t, ctx, conn); end.Code != websocket.StatusTryAgainLater || end.Reason != "rate_limited" {
		t.Errorf("ended with %v", end)
	}
	if _, res, err := websocket.Dial(ctx, "ws://"+w.Gateway+"/ws/room", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer pass.ws:open"}}, Host: "photos.example.com"}); err == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the next one: %v", err)
	}

	w.setNow(noon.Add(50 * time.Minute)) // the count is whole again at 1:00
	w.limited(t, "1999B/h")              // another limit, and so from the beginning
	conn = w.dial(t, ctx, "/ws/long", "pass.ws:open")
	conn.SetReadLimit(2 * long)
	<-begun
	first := make([]byte, 1)
	_, message, err := conn.Reader(ctx)
	if err == nil {
		_, err = io.ReadFull(message, first)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.gateway.Recheck()
	close(goOn)
	if rest, err := io.ReadAll(message); err != nil || len(rest) != long-1 {
		t.Errorf("%d bytes of a message under way came: %v", len(rest), err)
	}
	if more, end := closes(t, ctx, conn); end.Code != websocket.StatusTryAgainLater || len(more) != 0 {
		t.Errorf("ended with %v, after %q", end, more)
	}

	w.limited(t, "1MB/h")
	conn = w.dial(t, ctx, "/ws/room", "pass.ws:open")
	if err := saysBack(ctx, conn); err != nil {
		t.Fatal(err)
	}
	w.setNow(noon.Add(2 * time.Hour))
	w.gateway.Recheck()
	if _, end := closes(t, ctx, conn); end.Code != websocket.StatusPolicyViolation || end.Reason != "token_expired" {
		t.Errorf("ended with %v", end)
	}
}

// TestEventStreamEndsWithItsBytes: it has no end of its own to wait for.
func TestEventStreamEndsWithItsBytes(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	w.limited(t, "5B/h")
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+w.Gateway+"/ws/events", nil)
	req.Header.Set("Authorization", "Bearer pass.ws:open")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	if line, err := lines.ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatalf("%q, %v", line, err)
	}
	w.gateway.Recheck()
	if _, err := io.ReadAll(lines); err == nil {
		t.Error("it ended as if that were its end")
	}
}
