package edge

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

const (
	dialTimeout         = 5 * time.Second
	idleTimeout         = 90 * time.Second
	maxIdlePerUpstream  = 256
	maxUpstreamHeader   = 64 << 10 // bytes of an upstream's response header
	defaultAnswerWithin = 30 * time.Second
)

// transportKind is what connections to upstreams cannot share.
type transportKind struct {
	h2c     bool          // HTTP/2 without TLS, by prior knowledge
	timeout time.Duration // from the end of the request to the response header
}

// schemeH2C in a resource file is HTTP/2 without TLS.
const schemeH2C = "h2c"

func kindOf(d *catalog.Document) transportKind {
	return transportKind{h2c: d.Upstream.Scheme == schemeH2C, timeout: cmp.Or(d.Timeout, defaultAnswerWithin)}
}

// transports holds one transport for each kind in use; upstreams share them.
type transports struct {
	mu     sync.RWMutex
	byKind map[transportKind]*http.Transport
	own    []netip.AddrPort // see [Gateway.Avoid]
	only   access.Networks  // see [Gateway.Confine]
}

func (t *transports) get(kind transportKind) *http.Transport {
	t.mu.RLock()
	found := t.byKind[kind]
	t.mu.RUnlock()
	if found != nil {
		return found
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byKind == nil {
		t.byKind = make(map[transportKind]*http.Transport)
	}
	if t.byKind[kind] == nil {
		t.byKind[kind] = newTransport(kind, t.refuseSpecial)
	}
	return t.byKind[kind]
}

func (t *transports) closeIdle() {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, transport := range t.byKind {
		transport.CloseIdleConnections()
	}
}

// newTransport makes connections straight to the upstream: no proxy of the environment gets to see a request, and bodies
// are passed on as they are.
func newTransport(kind transportKind, control func(network, address string, c syscall.RawConn) error) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!kind.h2c)
	protocols.SetHTTP2(!kind.h2c)
	protocols.SetUnencryptedHTTP2(kind.h2c)
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: control}
	return &http.Transport{
		Protocols:              protocols,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  kind.timeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdlePerUpstream,
		MaxResponseHeaderBytes: maxUpstreamHeader,
		DisableCompression:     true,
	}
}

var (
	errSpecialAddress = errors.New("edge: the upstream's address is link-local, multicast, unspecified or a cloud provider's metadata service")
	errOwnAddress     = errors.New("edge: the upstream's address is this server's own")
	errOutside        = errors.New("edge: the upstream's address is not in upstream_networks")
)

// refuseSpecial keeps an application from being pointed at what only the machine's own network should answer, such as the
// metadata services of cloud providers, and at this server: its profiles are for operators, and its gateway would ask
// itself without end. It looks at the address that is dialled, so a name cannot hide it.
func (t *transports) refuseSpecial(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	addr := access.Reached(to.Addr())
	if access.IsSpecial(addr) {
		return errSpecialAddress
	}
	if !t.only.IsEmpty() && !t.only.Contains(addr) {
		return errOutside
	}
	for _, own := range t.own {
		if own.Port() == to.Port() && (own.Addr().Unmap() == addr || own.Addr().IsUnspecified() && isLocal(addr)) {
			return errOwnAddress
		}
	}
	return nil
}

// isLocal reports whether an address is one of this machine. Where that cannot be found out, it is.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	interfaces, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(interfaces, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().Unmap() == addr
	})
}

// bufferPool lends the buffers that bodies are copied through.
type bufferPool struct{ pool sync.Pool }

const copyBuffer = 32 << 10

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[copyBuffer]byte); ok {
		return b[:]
	}
	return make([]byte, copyBuffer)
}

func (p *bufferPool) Put(b []byte) { p.pool.Put((*[copyBuffer]byte)(b)) }
