package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/store/storetest"
	"github.com/daypass/daypass/verify"
)

// kidOf is the key id in a text's header.
func kidOf(t *testing.T, text string) string {
	t.Helper()
	var head struct{ Kid string }
	part, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(raw, &head)
	}
	if err != nil {
		t.Fatal(err)
	}
	return head.Kid
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

// forward moves the server's clock. The view must be confirmed by the new time before anything is decided on it.
func (w *world) forward(d time.Duration) { w.offset.Add(int64(d)) }

func (w *world) verifier(config verify.Config) *verify.Verifier {
	w.t.Helper()
	config.Issuer, config.Audience, config.JWKSURL, config.Now = server.DefaultIssuer, []string{"acme/photos"}, w.api+"/.well-known/jwks.json", w.now
	config.HTTPClient = w.client
	v, err := verify.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// patient keeps a view for as long as the tests move the clock.
func patient(c *server.Config) { c.StaleAfter = time.Hour }

// open asks the gateway for a photo; it is for goroutines too.
func (w *world) open(pass string) (int, error) {
	req, err := http.NewRequest("GET", w.gateway+"/photos/1", nil)
	if err != nil {
		return 0, err
	}
	req.Host = "photos.example"
	req.Header.Set("Authorization", "Bearer "+pass)
	res, err := w.client.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func (w *world) exchange(key string) (string, error) {
	req, err := http.NewRequest("POST", w.api+"/v1/tokens", strings.NewReader(`{"audience":"photos","expires_in":3600}`))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Api-Key", key)
	res, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var grant struct{ Token string }
	err = json.NewDecoder(res.Body).Decode(&grant)
	if err == nil && res.StatusCode != 200 {
		err = fmt.Errorf("the exchange answered %d", res.StatusCode)
	}
	return grant.Token, err
}

// TestRotationUnderLoad: while the key that signs gives way to another, also of another algorithm, not one good pass is refused, by the gateway
// or by a verifier that keeps the published keys for as long as it may.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) { patient(c); c.LogRequests = false })
	w.serve("acme", "photos", photos)
	rotateUnderLoad(t, w)
}

// TestRotationUnderLoadOnTwoNodes: whichever made the pass, each takes it, though their clocks are some seconds apart and one hears of the new key
// from the database.
func TestRotationUnderLoadOnTwoNodes(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	w := newWorld(t, func(c *server.Config) { patient(c); c.LogRequests, c.DatabaseURL = false, url })
	w.serve("acme", "photos", photos)
	other := w.twin()
	other.forward(-20 * time.Second)
	rotateUnderLoad(t, w, other)
}

// twin is another node on the same database.
func (w *world) twin() *world {
	other := &world{t: w.t, config: w.config, founder: w.founder, log: &lockedBuffer{}, client: w.client, upstream: w.upstream}
	other.run()
	w.t.Cleanup(func() { other.stop() })
	return other
}

func rotateUnderLoad(t *testing.T, nodes ...*world) {
	w := nodes[0]
	first, err := w.exchange(w.founder)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		eventually(t, func() bool { status, _ := node.open(first); return status == 200 })
	}
	offline := w.verifier(verify.Config{})
	if _, err := offline.Verify(t.Context(), first); err != nil { // it has the keys from before the rotation
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var made, checks atomic.Int64
	kids := sync.Map{}
	check := func(pass string) {
		checks.Add(1)
		for i, node := range nodes {
			if status, err := node.open(pass); err != nil || status != 200 {
				t.Errorf("gateway %d answered %d, %v to a pass of key %s", i+1, status, err, kidOf(t, pass))
			}
		}
		if _, err := offline.Verify(context.Background(), pass); err != nil {
			t.Errorf("the verifier refuses a pass of key %s: %v", kidOf(t, pass), err)
		}
	}
	for i := range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				pass, err := nodes[i%len(nodes)].exchange(w.founder)
				if err != nil {
					t.Error(err)
					return
				}
				made.Add(1)
				kids.Store(kidOf(t, pass), true)
				check(pass)
				check(first)
			}
		})
	}
	pause := func() { time.Sleep(400 * time.Millisecond) }
	pause()
	next := w.must(200, "POST", "/v1/keyset/rotate", w.founder, object{"algorithm": "RS256"}).at("id")
	for _, node := range nodes {
		eventually(t, func() bool {
			return strings.Contains(node.must(200, "GET", "/.well-known/jwks.json", "", nil).text, next)
		})
	}
	for range 7 {
		for _, node := range nodes {
			node.forward(time.Minute)
		}
		time.Sleep(200 * time.Millisecond)
	}
	pause()
	stop()
	load.Wait()
	for i, node := range nodes {
		if pass, err := node.exchange(w.founder); err != nil || kidOf(t, pass) != next {
			t.Errorf("the next key does not sign at node %d: %v", i+1, err)
		}
	}
	if _, ok := kids.Load(next); !ok || made.Load() < 20 {
		t.Errorf("%d passes were made under load, with the next key: %v", made.Load(), ok)
	}
	t.Logf("%d passes made and %d checks during the rotation", made.Load(), checks.Load())
	w.expect("rotating again soon", w.send("POST", "/v1/keyset/rotate", w.founder, nil), 200, "")
}

// TestEmergencyRetirement: whatever the leaked key made is refused by the next request, in every way there is, and good passes are to be had at once.
func TestEmergencyRetirement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	stolen := w.pass(w.founder, object{"audience": "photos", "renewable": true})
	w.must(200, "GET", w.gateway+"/photos/1", stolen, nil, atPhotos)
	following := w.verifier(verify.Config{FeedURL: w.api + "/v1/feed", FeedCredential: func() string { return w.founder }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = following.Run(ctx) }()
	defer func() { cancel(); <-done }()
	if _, err := following.Verify(t.Context(), stolen); err != nil {
		t.Fatal(err)
	}

	w.must(204, "POST", "/v1/keyset/"+kidOf(t, stolen)+"/retire", w.founder, object{"now": true})
	w.expect("at the gateway", w.send("GET", w.gateway+"/photos/1", stolen, nil, atPhotos), 401, "token_invalid")
	w.expect("as proof", w.send("POST", "/v1/tokens", stolen, nil), 401, "token_invalid")
	w.expect("at the API", w.send("GET", "/v1/me", stolen, nil), 401, "token_invalid")
	if a := w.must(200, "POST", "/v1/tokens/introspect", w.founder, object{"token": stolen}); a.body["active"] != false {
		t.Errorf("introspection says %s", a.text)
	}
	good := w.pass(w.founder, object{"audience": "photos"})
	w.must(200, "GET", w.gateway+"/photos/1", good, nil, atPhotos)
	if jwks := w.must(200, "GET", "/.well-known/jwks.json", "", nil).text; strings.Contains(jwks, kidOf(t, stolen)) {
		t.Error("the key is still published")
	}
	// Who follows the feed hears of it long before its copy of the keys is old.
	eventually(t, func() bool { _, err := following.Verify(t.Context(), stolen); return err != nil })
	w.expect("twice", w.send("POST", "/v1/keyset/"+kidOf(t, stolen)+"/retire", w.founder, object{"now": true}), 404, "not_found")
	w.restart()
	w.expect("after a restart", w.send("GET", w.gateway+"/photos/1", stolen, nil, atPhotos), 401, "token_invalid")
	w.must(200, "GET", w.gateway+"/photos/1", good, nil, atPhotos)
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

// TestKeysetOnTwoNodes: what one node does to the keys the other follows, within 5 s.
func TestKeysetOnTwoNodes(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	w := newWorld(t, func(c *server.Config) { c.DatabaseURL = url })
	w.serve("acme", "photos", photos)
	other := w.twin()
	stolen := w.pass(w.founder, object{"audience": "photos", "encrypt": true})
	eventually(t, func() bool { status, _ := other.open(stolen); return status == 200 })
	var signing string
	for _, k := range w.must(200, "GET", "/v1/keyset", w.founder, nil).body["items"].([]any) {
		if k.(object)["use"] == "sig" {
			signing = k.(object)["id"].(string)
		}
	}
	w.must(204, "POST", "/v1/keyset/"+signing+"/retire", w.founder, object{"now": true})
	at := time.Now()
	if status, _ := w.open(stolen); status != 401 {
		t.Errorf("the node itself answers %d", status)
	}
	eventually(t, func() bool { status, _ := other.open(stolen); return status == 401 })
	if took := time.Since(at); took > 5*time.Second {
		t.Errorf("the other node took %s", took)
	}
	// Both sign with the same new key, and read each other's passes.
	mine, theirs := w.pass(w.founder, object{"audience": "photos"}), other.pass(w.founder, object{"audience": "photos"})
	if kidOf(t, mine) != kidOf(t, theirs) || kidOf(t, mine) == signing {
		t.Errorf("the nodes sign with %s and %s", kidOf(t, mine), kidOf(t, theirs))
	}
	w.must(200, "GET", w.gateway+"/photos/1", theirs, nil, atPhotos)
	other.must(200, "GET", other.gateway+"/photos/1", mine, nil, atPhotos)
}

// TestClientsAcrossRotation: npm jose, and jwks-rsa with jsonwebtoken, verify passes from before and after, in one process with its cache.
func TestClientsAcrossRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	before := w.pass(w.founder, object{"expires_in": 3600})
	next := w.must(200, "POST", "/v1/keyset/rotate", w.founder, object{"algorithm": "RS256"}).at("id")
	w.forward(7 * time.Minute)
	after := w.pass(w.founder, object{"expires_in": 3600})
	if kidOf(t, after) != next {
		t.Fatal("the next key does not sign")
	}
	runNode(t, "rotation.mjs", map[string]string{
		"DAYPASS_URL": w.api, "BEFORE": before, "AFTER": after, "SUBJECT": w.chief, "AHEAD": fmt.Sprint(7 * 60),
	})
}
