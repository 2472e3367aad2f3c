package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// StrictListener returns a listener whose HTTP/1.1 connections carry nothing that two programs could cut into requests
// differently (RFC 9112 section 11.2). net/http is lenient with some of it: it drops a Content-Length that stands beside a
// Transfer-Encoding, joins folded header lines, and takes a bare line feed for the end of a line. Here each of these, and
// a Content-Length that is given twice, or a version other than 1.0 and 1.1, ends the stream before the request is complete, so that the server answers 400
// and closes the connection.
//
// The server must use [TrackHijack] as its ConnState, so that upgraded connections are left alone. With a TLS
// configuration the listener does TLS itself; connections that settle on h2 are handed on as they are, since HTTP/2
// frames leave nothing to cut. A handshake may take ten seconds.
func StrictListener(l net.Listener, config *tls.Config) net.Listener {
	if config == nil {
		return plainListener{l}
	}
	s := &tlsListener{Listener: l, config: config, ready: make(chan net.Conn), done: make(chan struct{})}
	go s.accept()
	return s
}

// TrackHijack is the ConnState of a server behind a [StrictListener].
func TrackHijack(c net.Conn, state http.ConnState) {
	if s, ok := c.(interface{ passThrough() }); ok && state == http.StateHijacked {
		s.passThrough()
	}
}

type plainListener struct{ net.Listener }

func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &strictConn{Conn: c}, nil
}

const handshakeTimeout = 10 * time.Second

// tlsListener makes handshakes beside each other, because what a connection is depends on the protocol they settle on.
type tlsListener struct {
	net.Listener
	config *tls.Config
	ready  chan net.Conn
	done   chan struct{} // closed when the inner listener is over
	err    error         // why; set before done is closed
}

func (l *tlsListener) accept() {
	defer close(l.done)
	for {
		c, err := l.Listener.Accept()
		if temporary := (interface{ Temporary() bool })(nil); errors.As(err, &temporary) && temporary.Temporary() {
			time.Sleep(10 * time.Millisecond) // out of file descriptors, most likely
			continue
		}
		if err != nil {
			l.err = err
			return
		}
		go l.handshake(tls.Server(c, l.config))
	}
}

func (l *tlsListener) handshake(c *tls.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	if c.HandshakeContext(ctx) != nil {
		c.Close()
		return
	}
	var served net.Conn = c
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		served = &strictTLSConn{strictConn{Conn: c}}
	}
	select {
	case l.ready <- served:
	case <-l.done:
		c.Close()
	}
}

func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.done:
		return nil, l.err
	}
}

// strictConn reads through a [framing], and stops where that does.
type strictConn struct {
	net.Conn
	framing framing
	broken  bool
	raw     atomic.Bool
}

// errFraming must not look like an error of the network, which net/http would not answer.
var errFraming = errors.New("edge: the request can be read in two ways")

func (c *strictConn) passThrough() { c.raw.Store(true) }

func (c *strictConn) Read(p []byte) (int, error) {
	if c.broken {
		return 0, errFraming
	}
	n, err := c.Conn.Read(p)
	if n == 0 || c.raw.Load() {
		return n, err
	}
	good := c.framing.feed(p[:n])
	if good == n {
		return n, err
	}
	c.broken = true
	if good == 0 {
		return 0, errFraming
	}
	return good, nil
}

// CloseWrite lets the server end its side first, so that an early answer is not lost to a reset.
func (c *strictConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// strictTLSConn tells net/http that it is encrypted.
type strictTLSConn struct{ strictConn }

func (c *strictTLSConn) ConnectionState() tls.ConnectionState {
	return c.Conn.(*tls.Conn).ConnectionState()
}

// framing follows where the requests in a stream begin and end. It knows no more of HTTP than that takes.
type framing struct {
	state framingState
	line  []byte // the part of the current line that came in earlier reads
	body  int64  // bytes of body or chunk still to come

	oldVersion bool // HTTP/1.0
	lengths    int  // Content-Length lines of this head
	codings    int  // Transfer-Encoding lines of this head
}

type framingState uint8

const (
	inRequestLine framingState = iota
	inHead
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	inHTTP2 // for the rest of the connection
)

// maxLine is far beyond what a server accepts as a whole head.
const maxLine = 1 << 20

// feed reads on, and returns how many bytes of p may be passed on. Fewer than all means that the stream is to end there:
// the last byte of the offending line is held back, so that what reads on cannot take it for complete.
func (f *framing) feed(p []byte) int {
	for i := 0; i < len(p); {
		switch f.state {
		case inHTTP2:
			return len(p)
		case inBody, inChunk:
			n := min(f.body, int64(len(p)-i))
			i += int(n)
			f.skip(n)
		default:
			end := bytes.IndexByte(p[i:], '\n')
			if end < 0 {
				if len(f.line)+len(p)-i > maxLine {
					return i
				}
				f.line = append(f.line, p[i:]...)
				return len(p)
			}
			if !f.endLine(p[i : i+end]) {
				return i + end
			}
			i += end + 1
		}
	}
	return len(p)
}

func (f *framing) skip(n int64) {
	if f.body -= n; f.body > 0 {
		return
	}
	if f.state == inBody {
		f.state = inRequestLine
		return
	}
	f.state = inChunkEnd
}

// endLine takes a line, without its line feed, to its end. It returns false if the line may not stand there.
func (f *framing) endLine(line []byte) bool {
	if len(f.line) > 0 {
		line, f.line = append(f.line, line...), nil
	}
	line, ok := bytes.CutSuffix(line, []byte("\r"))
	if !ok || bytes.IndexByte(line, '\r') >= 0 {
		return false
	}
	switch f.state {
	case inRequestLine:
		return f.requestLine(line)
	case inHead:
		return f.headLine(line)
	case inChunkSize:
		return f.chunkSize(line)
	case inChunkEnd:
		f.state = inChunkSize
		return len(line) == 0
	default: // inTrailer
		if len(line) == 0 {
			f.state = inRequestLine
		}
		return !folded(line)
	}
}

func folded(line []byte) bool { return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') }

func (f *framing) requestLine(line []byte) bool {
	switch {
	case len(line) == 0: // before a request, or by mistake; the server knows
		return true
	case string(line) == "PRI * HTTP/2.0":
		f.state = inHTTP2
		return true
	}
	version := line[max(0, len(line)-len(" HTTP/1.1")):]
	f.state, f.oldVersion, f.lengths, f.codings, f.body = inHead, string(version) == " HTTP/1.0", 0, 0, 0
	return f.oldVersion || string(version) == " HTTP/1.1"
}

func (f *framing) headLine(line []byte) bool {
	if len(line) == 0 {
		return f.endHead()
	}
	if folded(line) {
		return false
	}
	if c := line[0] | 0x20; c != 'c' && c != 't' {
		return true // neither Content-Length nor Transfer-Encoding
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.Trim(value, " \t")
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		f.lengths++
		return f.setLength(value) && f.lengths == 1
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		f.codings++
		return f.codings == 1 && bytes.EqualFold(value, []byte("chunked"))
	}
	return true
}

func (f *framing) endHead() bool {
	switch {
	case f.codings > 0 && (f.lengths > 0 || f.oldVersion):
		return false
	case f.codings > 0:
		f.state = inChunkSize
	case f.body > 0:
		f.state = inBody
	default:
		f.state = inRequestLine
	}
	return true
}

func (f *framing) setLength(digits []byte) bool {
	const most = 18 // digits that fit an int64
	if len(digits) == 0 || len(digits) > most {
		return false
	}
	f.body = 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
		f.body = f.body*10 + int64(c-'0')
	}
	return true
}

func (f *framing) chunkSize(line []byte) bool {
	const most = 15 // hexadecimal digits that fit an int64
	size, _, _ := bytes.Cut(line, []byte(";"))
	size = bytes.TrimRight(size, " \t")
	if len(size) == 0 || len(size) > most {
		return false
	}
	f.body = 0
	for _, c := range size {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if digit < 0 || c < '0' {
			return false
		}
		f.body = f.body<<4 | int64(digit)
	}
	f.state = inChunk
	if f.body == 0 {
		f.state = inTrailer
	}
	return true
}
