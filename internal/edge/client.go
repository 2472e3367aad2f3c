package edge

import (
	"context"
	"net/netip"
	"strings"

	"github.com/daypass/daypass/internal/access"
)

// Client is who sent a request, found out once, by the server's outermost handler.
type Client struct {
	Address     netip.Addr // of the client itself, see [ResolveClient]
	Peer        netip.Addr // of the connection: the client or the last proxy
	TrustedPeer bool       // Peer is a proxy whose forwarded headers count
	RequestID   string
}

type clientKey struct{}

// clientContext is a context with a value, in one allocation: every request has one.
type clientContext struct {
	context.Context
	client Client
}

func (c *clientContext) Value(key any) any {
	if key == (clientKey{}) {
		return &c.client
	}
	return c.Context.Value(key)
}

// WithClient returns a context that carries c.
func WithClient(ctx context.Context, c Client) context.Context {
	return &clientContext{ctx, c}
}

// ClientFrom returns what [WithClient] put there. Without it the zero Client is returned; its Address is not valid, and
// the doors refuse to decide for it.
func ClientFrom(ctx context.Context) Client {
	if c, ok := ctx.Value(clientKey{}).(*Client); ok {
		return *c
	}
	return Client{}
}

// ResolveClient is the one rule for the client's address. It walks X-Forwarded-For, all its lines as one list, from the
// right, as long as the one who wrote an entry is trusted, and returns the first address that is not, or the leftmost.
// An untrusted peer is the client itself, whatever the header says. IPv4-mapped IPv6 addresses are returned as IPv4.
//
// An entry that has to be read and is no plain address (a name, a port, brackets, quotes, a zone) is an [*access.Error]
// of kind Malformed with code bad_forwarded. Entries left of the client are never read: anybody may have written them.
func ResolveClient(peer netip.Addr, trusted access.Networks, xff []string) (netip.Addr, error) {
	client := peer.Unmap()
	for i := len(xff) - 1; i >= 0; i-- {
		for line, more := xff[i], true; more; {
			if !trusted.Contains(client) {
				return client, nil
			}
			var entry string
			line, entry, more = cutLast(line)
			if entry = strings.Trim(entry, " "); entry == "" {
				continue
			}
			addr, err := netip.ParseAddr(entry)
			if err != nil || addr.Zone() != "" {
				return netip.Addr{}, errForwardedFor
			}
			client = addr.Unmap()
		}
	}
	return client, nil
}

var errForwardedFor = access.New(access.Malformed, "bad_forwarded",
	"X-Forwarded-For must list plain IP addresses, separated by commas")

// cutLast cuts a list at its last comma.
func cutLast(list string) (before, last string, found bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}
