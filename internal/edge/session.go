package edge

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
)

// session is something a decision let in that lasts: an upgraded connection, or a stream of events.
type session struct {
	request     gate.Request
	token       *access.Token // nil: anonymous
	application string        // its id
	socket      *socket       // which knows what it was let in for; else nil
	io.Closer
}

// sessions are all that are open.
type sessions struct {
	mu   sync.Mutex
	open map[*session]struct{}
}

func (s *sessions) add(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*session]struct{})
	}
	s.open[one] = struct{}{}
}

func (s *sessions) remove(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, one)
}

func (s *sessions) list() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*session, 0, len(s.open))
	for one := range s.open {
		list = append(list, one)
	}
	return list
}

// recheckEvery bounds how long a session outlives its token, where [Gateway.Recheck] is not called.
const recheckEvery = 500 * time.Millisecond

// Run ends sessions whose time has passed, twice a second, until ctx ends; then it ends all of them and lets go of idle
// upstream connections.
func (g *Gateway) Run(ctx context.Context) {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			g.Recheck()
		case <-ctx.Done():
			for _, s := range g.sessions.list() {
				s.Close()
			}
			g.transports.closeIdle()
			return
		}
	}
}

// Recheck decides anew on every open WebSocket, other upgraded connection and event stream, and closes those that would
// not be let in now. Call it after [gate.Gate.Swap]: when it returns, what the new view ends has ended.
func (g *Gateway) Recheck() {
	view, now := g.gate.View(), g.now()
	for _, s := range g.sessions.list() {
		if !s.mayGoOn(view, now) {
			s.Close()
		}
	}
}

// mayGoOn is false also where a public resource would still be open to all: the upstream was told who calls, and that has
// ended. It is false too where another application has come to serve host and path: its rules do not speak of this
// upstream.
func (s *session) mayGoOn(view *gate.View, now time.Time) bool {
	if s.socket != nil {
		return s.socket.mayGoOn(view, now)
	}
	d := gate.Decide(&s.request, s.token, view, now)
	return d.Allow && d.Token == s.token && d.Application.ID == s.application
}

// begin registers a session. What was decided on may have changed in the meantime, so it is checked once more.
func (g *Gateway) begin(s *session) {
	g.sessions.add(s)
	if !s.mayGoOn(g.gate.View(), g.now()) {
		s.Close()
	}
}

// upgradeWriter notices when a connection stops being HTTP.
type upgradeWriter struct {
	http.ResponseWriter
	passage *passage
}

func (w *upgradeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	upgraded := &upgradedConn{Conn: conn, spend: w.passage.spend}
	upgraded.end = w.passage.begin(conn)
	return upgraded, buffered, nil
}

// upgradedConn is the client's side of an upgraded connection.
type upgradedConn struct {
	net.Conn
	end   func()
	spend func(bytes int) // nil: they are not counted
}

func (c *upgradedConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if c.spend != nil {
		c.spend(n)
	}
	return n, err
}

func (c *upgradedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if c.spend != nil {
		c.spend(n)
	}
	return n, err
}

func (c *upgradedConn) Close() error {
	c.end()
	return c.Conn.Close()
}

func (c *upgradedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// eventStream is the body of a stream of events.
type eventStream struct {
	io.ReadCloser
	end func()
}

func (s *eventStream) Close() error {
	s.end()
	return s.ReadCloser.Close()
}
