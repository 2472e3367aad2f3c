package edge

import (
	"context"
	"io"
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
	lasting
}

// lasting is what a session ends, without waiting for anybody. It is told why; nil: the gateway itself ends.
type lasting interface{ finish(why *gate.Decision) }

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
				s.finish(nil)
			}
			g.transports.closeIdle()
			return
		}
	}
}

// Recheck decides anew on every open WebSocket and event stream, and closes those that would not be let in now, or whose
// limit of bytes is used up. Call it after [gate.Gate.Swap]: when it returns, what the new view ends has ended.
func (g *Gateway) Recheck() {
	view, now := g.gate.View(), g.now()
	for _, s := range g.sessions.list() {
		g.recheck(s, view, now)
	}
}

func (g *Gateway) recheck(s *session, view *gate.View, now time.Time) {
	d, ok := s.judge(view, now)
	if !ok {
		return
	}
	if d.Allow && g.exhausted(&d, s.request.Address, now) {
		d.Allow, d.Reason = false, gate.RateLimited
	}
	if !d.Allow {
		s.finish(&d)
	}
}

// judge decides anew; false: it is not known yet on what. It denies also where a public resource would still be open to all:
// the upstream was told who calls, and that has ended. And where another application has come to serve host and path: its
// rules do not speak of this upstream.
func (s *session) judge(view *gate.View, now time.Time) (d gate.Decision, ok bool) {
	if s.socket != nil {
		return s.socket.judge(view, now)
	}
	d = gate.Decide(&s.request, s.token, view, now)
	if d.Allow && d.Token != s.token {
		d.Allow, d.Reason = false, gate.TokenInvalid
	}
	bind(&d, s.application)
	return d, true
}

// bind denies what is allowed by the rules of any other application.
func bind(d *gate.Decision, application string) {
	if d.Allow && d.Application.ID != application {
		d.Allow, d.Reason = false, gate.NoApplication
	}
}

// begin registers a session. What was decided on may have changed in the meantime, so it is checked once more.
func (g *Gateway) begin(s *session) {
	g.sessions.add(s)
	g.recheck(s, g.gate.View(), g.now())
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

func (s *eventStream) finish(*gate.Decision) { _ = s.ReadCloser.Close() }
