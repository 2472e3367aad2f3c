package e2e

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
)

// proxy stands between a server and its database, and can cut the line.
type proxy struct {
	url string

	mu    sync.Mutex
	open  map[net.Conn]struct{}
	broke bool
}

// newProxy stands before a database that is reached by a socket in a folder.
func newProxy(t *testing.T, database string) *proxy {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{open: map[net.Conn]struct{}{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.join(near, socket) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); p.cut(); serving.Wait() })
	host, port, _ := net.SplitHostPort(l.Addr().String())
	u.Host, u.RawQuery = net.JoinHostPort(host, port), "sslmode=disable"
	p.url = u.String()
	return p
}

func (p *proxy) join(near net.Conn, socket string) {
	far, err := net.Dial("unix", socket)
	if err != nil {
		_ = near.Close()
		return
	}
	p.mu.Lock()
	if p.broke {
		_, _ = near.Close(), far.Close()
	}
	p.open[near], p.open[far] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var copying sync.WaitGroup
	for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
		copying.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_, _ = near.Close(), far.Close()
		})
	}
	copying.Wait()
	p.mu.Lock()
	delete(p.open, near)
	delete(p.open, far)
	p.mu.Unlock()
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broke = true
	for c := range p.open {
		_ = c.Close()
	}
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broke = false
}
