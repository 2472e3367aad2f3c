package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

var haproxy = front{
	program: "haproxy",
	example: "haproxy/haproxy.cfg",
	args:    func(_, configuration string) []string { return []string{"-db", "-f", configuration} },
	gateway: true,
}

func TestAttack_HAProxy(t *testing.T) {
	t.Parallel()
	b := newBehind(t, haproxy)
	b.attack()
	b.failClosed()
}

// bundle makes the file that HAProxy wants: certificate and key in one.
func bundle(t *testing.T, folder string) string {
	t.Helper()
	cert, key := certificate(t)
	var both []byte
	for _, file := range []string{cert, key} {
		pem, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, pem...)
	}
	path := filepath.Join(folder, "photos.example.com.pem")
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
