package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestScratchManyApps(t *testing.T) {
	w := newWorld(t, nil)
	var b strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&b, "  - match: GET /a%d/{id}/b*c/**\n    require: { scopes: ['a%d:read'], roles: [consumer] }\n", i, i)
	}
	for i := range 12 {
		began := time.Now()
		a := w.send("PUT", orgPath("acme", fmt.Sprintf("/applications/a%d", i)), w.founder, fmt.Sprintf("hosts: [a%d.example]\nresources:\n%s", i, b.String()))
		t.Log(i, a.status, b.Len(), time.Since(began))
	}
	began := time.Now()
	a := w.send("PUT", orgPath("acme", "/applications/small"), w.founder, "hosts: [small.example]\nresources: []\n")
	t.Log("small", a.status, time.Since(began))
	began = time.Now()
	w.restart()
	t.Log("restart", time.Since(began))
}
