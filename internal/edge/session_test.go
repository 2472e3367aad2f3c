package edge_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
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
