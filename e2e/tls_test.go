package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/daypass/daypass/internal/server"
)

// TestAttack_HTTP2 sends what HTTP/2 can carry and HTTP/1.1 cannot: none of it
// makes another request of what is sent on.
func TestAttack_HTTP2(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.TLSCert, c.TLSKey = certificate(t) })
	w.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	w.api, w.gateway = strings.Replace(w.api, "http:", "https:", 1), strings.Replace(w.gateway, "http:", "https:", 1)
	w.serve("acme", "photos", photos)
	w.must(200, "GET", w.gateway+"/public/1", "", nil, atPhotos)
	w.must(401, "GET", w.gateway+"/photos/1", "", nil, atPhotos)

	plain := []string{":method", "GET", ":scheme", "https", ":authority", "photos.example", ":path", "/public/1"}
	with := func(extra ...string) []string { return append(append([]string(nil), plain...), extra...) }
	for name, fields := range map[string][]string{
		"transfer-encoding":        with("transfer-encoding", "chunked"),
		"connection":               with("connection", "x-daypass-org"),
		"upgrade":                  with("upgrade", "h2c", "connection", "upgrade"),
		"line break in a value":    with("x-a", "b\r\nx-daypass-subject: me"),
		"line break in a name":     with("x-a\r\nx-b", "c"),
		"upper-case name":          with("X-A", "b"),
		"two paths":                with(":path", "/photos/1"),
		"two methods":              with(":method", "POST"),
		"pseudo-header at the end": append([]string{":method", "GET", ":scheme", "https", "x-a", "b"}, ":path", "/public/1", ":authority", "photos.example"),
		"another host":             with("host", "evil.example"),
		"blank in the path":        {":method", "GET", ":scheme", "https", ":authority", "photos.example", ":path", "/public/1 HTTP/1.1\r\nx: y"},
		"blank in the method":      {":method", "GET /photos/1 HTTP/1.1\r\nx:", ":scheme", "https", ":authority", "photos.example", ":path", "/public/1"},
		"path without slash":       {":method", "GET", ":scheme", "https", ":authority", "photos.example", ":path", "public/1"},
		"user in the authority":    {":method", "GET", ":scheme", "https", ":authority", "a@photos.example", ":path", "/public/1"},
		"connect with a path":      {":method", "CONNECT", ":scheme", "https", ":authority", "photos.example", ":path", "/public/1", ":protocol", "websocket"},
		"no path":                  {":method", "GET", ":scheme", "https", ":authority", "photos.example"},
	} {
		before := w.reached.Load()
		status := w.frames(fields)
		if status == "200" && name != "another host" {
			t.Errorf("%s: let in", name)
		}
		if name != "another host" && w.reached.Load() != before {
			t.Errorf("%s: reached the upstream (%s)", name, status)
		}
	}
}

// frames sends one request over HTTP/2 as it stands, and returns its status.
func (w *world) frames(fields []string) string {
	w.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(w.gateway, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = conn.Write([]byte(http2.ClientPreface))
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true})
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return "closed"
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return "reset"
		}
	}
}

// certificate makes a certificate for the loopback address, in files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
