package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
)

// front is the outermost handler of every listener: it decides once who the
// client is and gives the request its id. No other place reads the peer's
// address or X-Forwarded-For.
type front struct {
	next    http.Handler
	trusted access.Networks
	prefix  string
	serial  atomic.Uint64
}

func newFront(trusted access.Networks, next http.Handler) *front {
	var boot [6]byte
	_, _ = rand.Read(boot[:]) // crypto/rand.Read never fails
	return &front{next: next, trusted: trusted, prefix: "req_" + hex.EncodeToString(boot[:]) + "_"}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, _ := r.Context().Value(peerKey{}).(netip.Addr)
	client := f.client(peer)
	var err error
	if forwarded := r.Header["X-Forwarded-For"]; client.TrustedPeer && len(forwarded) > 0 {
		client.Address, err = edge.ResolveClient(peer, f.trusted, forwarded)
	}
	r = r.WithContext(edge.WithClient(r.Context(), client))
	if err != nil {
		edge.WriteProblem(w, r, err)
		return
	}
	f.next.ServeHTTP(w, r)
}

// client is who sent a request, as long as nothing is believed of it.
func (f *front) client(peer netip.Addr) edge.Client {
	return edge.Client{Address: peer, Peer: peer, TrustedPeer: f.trusted.Contains(peer), RequestID: f.requestID()}
}

func (f *front) requestID() string {
	var id [40]byte // so that there is one allocation, of the text
	return string(strconv.AppendUint(append(id[:0], f.prefix...), f.serial.Add(1), 36))
}

type peerKey struct{}

// connContext notes the peer's address once per connection.
func connContext(ctx context.Context, c net.Conn) context.Context {
	peer := netip.Addr{}
	if ap, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		peer = ap.Addr().Unmap().WithZone("")
	}
	return context.WithValue(ctx, peerKey{}, peer)
}
