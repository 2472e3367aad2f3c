package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// patience is how long a command waits for a server on this machine that refuses connections: one that was started on the
// line before needs a moment, and no other machine is kept waiting for.
const (
	patience = 2 * time.Second
	pause    = 50 * time.Millisecond
)

// patientTransport is the default transport with [patience].
func patientTransport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		last := time.Now().Add(patience)
		for {
			connection, err := dial(ctx, network, address)
			if !errors.Is(err, syscall.ECONNREFUSED) || !isLoopback(hostOf(address)) || time.Now().After(last) {
				return connection, err
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(pause):
			}
		}
	}
	return transport
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// isLoopback says whether what is sent to this host stays on this machine.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
