package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/store/storetest"
)

// TestAttack_DatabaseTakenAway: without its database the server decides for as
// long as it may, then refuses; it is alive all the time, and recovers alone.
func TestAttack_DatabaseTakenAway(t *testing.T) {
	database := newProxy(t, storetest.Postgres(t))
	w := newWorld(t, func(c *server.Config) {
		c.DatabaseURL = database.url
		c.StaleAfter = 3 * time.Second
		c.RequestTimeout = 3 * time.Second
	})
	w.serve("acme", "photos", photos)
	pass := w.pass(w.founder, object{})
	dead := w.pass(w.founder, object{})
	w.must(204, "POST", "/v1/tokens/revoke", "", object{"token": dead})
	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)

	database.cut()
	gone := time.Now()
	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
	if a := w.send("POST", "/v1/tokens/revoke", "", object{"token": pass}); a.status < 500 {
		t.Errorf("a revocation that cannot be kept: %d %s", a.status, a.text)
	}
	for w.send("GET", w.gateway+"/photos/1", pass, nil, atPhotos).status == http.StatusOK {
		if time.Since(gone) > 8*time.Second {
			t.Fatal("decides without its database")
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.expect("the gateway", w.send("GET", w.gateway+"/photos/1", pass, nil, atPhotos), 503, "stale_view")
	w.expect("a public resource", w.send("GET", w.gateway+"/public/1", "", nil, atPhotos), 503, "stale_view")
	w.expect("a revoked pass", w.send("GET", w.gateway+"/photos/1", dead, nil, atPhotos), 503, "stale_view")
	w.expect("the exchange", w.send("POST", "/v1/tokens", w.founder, object{}), 503, "")
	w.expect("introspection", w.send("POST", "/v1/tokens/introspect", w.founder, object{"token": pass}), 503, "")
	w.expect("readiness", w.send("GET", "/readyz", "", nil), 503, "")
	w.expect("liveness", w.send("GET", "/livez", "", nil), 200, "")

	database.mend()
	back := time.Now()
	for w.send("GET", "/readyz", "", nil).status != http.StatusOK {
		if time.Since(back) > 20*time.Second {
			t.Fatal("does not recover")
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
	w.must(401, "GET", w.gateway+"/photos/1", dead, nil, atPhotos)
	w.must(200, "POST", "/v1/tokens", w.founder, object{}, "User-Agent: \xff")
}
