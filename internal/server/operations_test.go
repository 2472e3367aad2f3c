package server_test

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
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/store/storetest"
)

// TestStoryOnPostgres: the same server over the other database, two nodes at
// once. What one node revokes the other refuses within its poll.
func TestStoryOnPostgres(t *testing.T) {
	url := storetest.Postgres(t)
	i := start(t, func(c *server.Config) { c.DatabaseURL = url })
	i.protect()
	other := *i
	other.run()
	defer func() { other.stop() }()
	pass := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).str("token")
	eventually(t, func() bool { return other.do("GET", other.gateway+"/photos/1", pass, nil).status == 200 })
	i.must(204, "POST", "/v1/tokens/revoke", "", object{"token": pass})
	i.must(401, "GET", i.gateway+"/photos/1", pass, nil)
	eventually(t, func() bool { return other.do("GET", other.gateway+"/photos/1", pass, nil).status == 401 })
	i.restart()
	i.must(401, "GET", i.gateway+"/photos/1", pass, nil)
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("it did not come true")
}

// writeCertificate makes a self-signed certificate for 127.0.0.1.
func writeCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "daypass test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificatesReload: SIGHUP takes the new certificate; a broken one leaves
// the old in place.
func TestCertificatesReload(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	i := start(t, func(c *server.Config) {
		c.TLSCert, c.TLSKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	})
	address := strings.TrimPrefix(i.api, "http://")
	serial := func() int64 {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if conn.ConnectionState().NegotiatedProtocol != "h2" {
			t.Errorf("protocol %q", conn.ConnectionState().NegotiatedProtocol)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if serial() != 1 {
		t.Fatal("the first certificate is not served")
	}
	hangup := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	writeCertificate(t, dir, 2)
	hangup()
	eventually(t, func() bool { return serial() == 2 })
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup()
	eventually(t, func() bool { return strings.Contains(i.log.String(), "certificate not reloaded") })
	if serial() != 2 {
		t.Error("a broken certificate replaced the good one")
	}
}

// TestDrain: a request under way at shutdown is answered; new ones are not taken.
func TestDrain(t *testing.T) {
	i := start(t, nil)
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = w.Write([]byte("done"))
	}))
	defer slow.Close()
	i.must(201, "PUT", "/v1/organizations/acme/applications/slow", i.created.Key,
		"application: slow\nupstream: "+slow.URL+"\nresources: [{match: GET /, access: public}]\n")
	got := make(chan answer, 1)
	go func() { got <- i.do("GET", i.gateway+"/", "", nil) }()
	<-arrived
	stopped := make(chan struct{})
	go func() { i.stop(); close(stopped) }()
	eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(i.gateway, "http://"), time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(release)
	if a := <-got; a.status != 200 || a.text != "done" {
		t.Errorf("%d %s", a.status, a.text)
	}
	<-stopped
}

// TestStrictAudit: with audit.mode strict the record is there when the answer is.
func TestStrictAudit(t *testing.T) {
	i := start(t, func(c *server.Config) { c.AuditMode = "strict" })
	token := i.must(200, "POST", "/v1/tokens", i.created.Key, object{})
	id := token.body["payload"].(object)["jti"].(string)
	i.must(200, "GET", "/v1/organizations/acme/tokens/"+id, i.created.Key, nil)
}

// TestRecordsArrive: in batches, but within seconds: last use of the key, the
// token's record, and the usage of the application.
func TestRecordsArrive(t *testing.T) {
	i := start(t, nil)
	i.protect()
	pass := i.must(200, "POST", "/v1/tokens", i.created.Key, object{})
	i.must(200, "GET", i.gateway+"/photos/1", pass.str("token"), nil)
	i.must(403, "GET", i.gateway+"/nowhere", pass.str("token"), nil)
	eventually(t, func() bool {
		usage := i.must(200, "GET", "/v1/organizations/acme/usage", i.created.Key, nil)
		return strings.Contains(usage.text, `"allowed"`) && strings.Contains(usage.text, `"no_rule"`)
	})
	keys := i.must(200, "GET", "/v1/organizations/acme/keys", i.created.Key, nil)
	if !strings.Contains(keys.text, "127.0.0.1") {
		t.Errorf("last use lacks its address: %s", keys.text)
	}
}
