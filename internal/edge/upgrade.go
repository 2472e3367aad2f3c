package edge

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/daypass/daypass/internal/gate"
)

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
	upgraded := &upgradedConn{Conn: conn, spend: w.passage.spend, left: make(chan struct{})}
	upgraded.end = w.passage.begin(upgraded)
	return upgraded, buffered, nil
}

// finishWithin is how long a client of a WebSocket may take to read why it ends.
const finishWithin = time.Second

// upgradedConn is the client's side of a WebSocket. It hands on frames as they are, and only knows where they end, so that
// its own last one, the close frame, stands between two.
type upgradedConn struct {
	net.Conn
	end   func()
	spend func(bytes int) // nil: they are not counted

	ending  atomic.Pointer[[]byte] // the close frame; nil: it goes on
	begun   atomic.Bool            // the answer that switches protocols has been sent
	over    atomic.Bool            // nothing passes any more, in either direction
	left    chan struct{}          // closed when nobody else reads or writes
	leaving sync.Once

	mu     sync.Mutex // while something is written
	frames frames     // to the client
}

func (c *upgradedConn) Read(into []byte) (int, error) {
	c.begun.Store(true)
	n, err := c.Conn.Read(into)
	if c.over.Load() {
		return 0, net.ErrClosed
	}
	if c.spend != nil {
		c.spend(n)
	}
	return n, err
}

func (c *upgradedConn) Write(b []byte) (n int, err error) {
	c.begun.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending.Load() != nil {
		b = b[:c.frames.rest(b)]
	}
	if c.over.Load() {
		return 0, net.ErrClosed
	}
	if c.spend != nil {
		c.spend(len(b))
	}
	n, err = c.Conn.Write(b)
	c.frames.pass(b[:n])
	if c.ending.Load() == nil || err != nil {
		return n, err
	}
	if c.frames.areWhole() {
		c.leaveLocked()
		return n, net.ErrClosed
	}
	return n, nil
}

// finish ends the connection with a close frame. Where one would stand amidst another frame, a connection whose pass has
// ended ends without; any other has a moment to come to the frame's end.
func (c *upgradedConn) finish(why *gate.Decision) {
	text := closeFrame(why)
	first := c.ending.CompareAndSwap(nil, &text)
	if first && c.begun.Load() && c.mu.TryLock() {
		defer c.mu.Unlock()
		if c.frames.areWhole() {
			c.leaveLocked()
			return
		}
	}
	if why != nil && why.Reason == gate.RateLimited {
		if first {
			time.AfterFunc(finishWithin, func() { _ = c.Conn.Close() })
		}
		return
	}
	if !c.over.Swap(true) {
		_ = c.Conn.Close()
	}
}

// leaveLocked sends the close frame, and closes when the client has had time to read it.
func (c *upgradedConn) leaveLocked() {
	if c.over.Swap(true) {
		return
	}
	go func() {
		_ = c.SetWriteDeadline(time.Now().Add(finishWithin))
		_, _ = c.Conn.Write(*c.ending.Load())
		_ = c.CloseWrite()
		_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes who still reads
		<-c.left
		// To close with something unread would take the frame back (RFC 9112 section 9.6).
		_ = c.SetReadDeadline(time.Now().Add(finishWithin))
		_, _ = io.Copy(io.Discard, c.Conn)
		_ = c.Conn.Close()
	}()
}

func (c *upgradedConn) Close() error {
	c.end()
	c.leaving.Do(func() { close(c.left) })
	if c.over.Load() {
		return nil // it is being closed
	}
	return c.Conn.Close()
}

func (c *upgradedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// closeFrame says why a WebSocket ends (RFC 6455 section 5.5.1).
func closeFrame(why *gate.Decision) []byte {
	code, reason := closeCode(why), ""
	if why != nil {
		reason = string(why.Reason)
	}
	frame := append(make([]byte, 0, 64), 0x88, byte(2+len(reason)))
	return append(binary.BigEndian.AppendUint16(frame, uint16(code)), reason...)
}

func closeCode(why *gate.Decision) websocket.StatusCode {
	if why == nil {
		return websocket.StatusGoingAway
	}
	switch why.Status() {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return websocket.StatusTryAgainLater
	}
	return websocket.StatusPolicyViolation
}

// frames follows where the frames in a stream end (RFC 6455 section 5.2).
type frames struct {
	head [14]byte // of the current one, as far as it has come
	have int
	left uint64 // of its payload
}

// areWhole reports whether the stream stands between two frames.
func (f *frames) areWhole() bool { return f.have == 0 && f.left == 0 }

// pass reads on.
func (f *frames) pass(p []byte) {
	for len(p) > 0 {
		p = p[f.step(p):]
	}
}

// rest is how many bytes of p belong to the current frame.
func (f *frames) rest(p []byte) int {
	ahead, n := *f, 0
	for n < len(p) && !ahead.areWhole() {
		n += ahead.step(p[n:])
	}
	return n
}

// step reads one byte of a head, or payload as far as it goes.
func (f *frames) step(p []byte) int {
	if f.left > 0 {
		n := min(f.left, uint64(len(p)))
		f.left -= n
		return int(n)
	}
	f.head[f.have] = p[0]
	f.have++
	if f.have < 2 {
		return 1
	}
	size, need := uint64(f.head[1]&0x7f), 2
	switch size {
	case 126:
		need += 2
	case 127:
		need += 8
	}
	lengthEnd := need
	if f.head[1]&0x80 != 0 {
		need += 4 // the mask, which only clients use
	}
	if f.have < need {
		return 1
	}
	switch size {
	case 126:
		size = uint64(binary.BigEndian.Uint16(f.head[2:lengthEnd]))
	case 127:
		size = binary.BigEndian.Uint64(f.head[2:lengthEnd])
	}
	f.have, f.left = 0, size
	return 1
}
