package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/internal/server"
)

// TestShadowAndReplay: a file that is tried changes no answer, is counted, and what is kept outlives the server and gives
// the enforced file right.
func TestShadowAndReplay(t *testing.T) {
	i := start(t, nil)
	i.protect()
	const app = "/v1/organizations/acme/applications/photos"
	enforced := strings.ReplaceAll(photos, "UPSTREAM", i.upstream.URL)
	stricter := strings.ReplaceAll(enforced, "scopes: [photos:read]", "scopes: [photos:read, photos:see]")
	i.must(200, "PUT", app, i.created.Key, "mode: shadow\n"+stricter)
	reader := i.must(201, "POST", "/v1/organizations/acme/keys", i.created.Key, object{"scopes": []string{"photos:*"}})
	read := i.must(200, "POST", "/v1/tokens", reader.str("key"), object{"scopes": []string{"photos:read"}}).str("token")
	all := i.must(200, "POST", "/v1/tokens", reader.str("key"), object{}).str("token")
	for range 3 {
		i.must(200, "GET", i.gateway+"/photos/1?token=canary", read, nil)
	}
	i.must(200, "GET", i.gateway+"/photos/1", all, nil)
	i.must(403, "GET", i.gateway+"/other", read, nil)
	i.must(401, "GET", i.gateway+"/photos/1", "garbled", nil)
	i.must(400, "GET", i.gateway+"/photos/%2e%2e", read, nil) // nothing decides it, nothing is kept

	metrics := i.must(200, "GET", i.ops+"/metrics", "", nil).text
	for _, line := range []string{`daypass_shadow_total{outcome="newly_denied"} 3`, `daypass_shadow_total{outcome="same"} 3`, `daypass_facts_dropped_total 0`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
	report := i.must(200, "GET", app+"/shadow/differences", i.created.Key, nil).text
	for _, part := range []string{`"newly_denied":3`, `"requests":6`, `"missing":"photos:see"`, `"samples":["GET /photos/1"]`} {
		if !strings.Contains(report, part) {
			t.Errorf("the report lacks %s: %s", part, report)
		}
	}
	i.must(204, "DELETE", "/v1/organizations/acme/keys/"+reader.str("id"), i.created.Key, nil)
	i.restart()
	replayed := i.must(200, "POST", app+"/replay", i.created.Key, enforced).text
	if !strings.Contains(replayed, `"differences":[]`) || !strings.Contains(replayed, `"requests":6`) {
		t.Errorf("the enforced file replayed: %s", replayed)
	}
	if replayed := i.must(200, "POST", app+"/replay", i.created.Key, stricter).text; !strings.Contains(replayed, `"newly_denied":3`) {
		t.Errorf("the stricter file replayed, though the key is gone by now: %s", replayed)
	}
	i.clock.offset.Store(int64(25 * time.Hour))
	i.restart() // at its start a server drops what it need not keep any more
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if strings.Contains(i.must(200, "POST", app+"/replay", i.created.Key, enforced).text, `"requests":0`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what is older than a day is still kept")
		}
	}
}

// TestStrangersDoNotFlood: who tries addresses at random adds few rows to what is kept, and a replay tells how many it
// could not tell apart, and since when requests are kept.
func TestStrangersDoNotFlood(t *testing.T) {
	i := start(t, nil)
	i.clock.offset.Store(int64(time.Until(time.Now().Truncate(time.Hour).Add(90 * time.Minute)))) // all within one hour
	i.restart()
	i.protect()
	const tried = meter.MaxStrays + 30
	for n := range tried {
		i.must(403, "GET", fmt.Sprint(i.gateway, "/wp-", n), "", nil)
	}
	replayed := i.must(200, "POST", "/v1/organizations/acme/applications/photos/replay", i.created.Key, "resources: [{match: GET /**, access: public}]").text
	for _, part := range []string{fmt.Sprintf(`"requests":%d`, tried), `"not_told_apart":30`, fmt.Sprintf(`"newly_allowed":%d`, meter.MaxStrays), `"oldest":"`} {
		if !strings.Contains(replayed, part) {
			t.Errorf("the replay lacks %s: %s", part, replayed)
		}
	}
}

// TestFactsOff: with facts_keep 0 nothing is kept of requests, and what keys use is known all the same.
func TestFactsOff(t *testing.T) {
	i := start(t, func(c *server.Config) { c.FactsKeep = 0 })
	i.protect()
	pass := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).str("token")
	i.must(200, "GET", i.gateway+"/photos/1", pass, nil)
	replayed := i.must(200, "POST", "/v1/organizations/acme/applications/photos/replay", i.created.Key, "resources: []").text
	if !strings.Contains(replayed, `"kept":0`) || !strings.Contains(replayed, `"requests":0`) {
		t.Errorf("replayed: %s", replayed)
	}
	me := i.must(200, "GET", "/v1/me", i.created.Key, nil)
	key, _ := me.body["key"].(string)
	if key == "" {
		t.Fatalf("me: %s", me.text)
	}
	if got := i.must(200, "GET", "/v1/organizations/acme/keys/"+key+"/suggestion", i.created.Key, nil).text; !strings.Contains(got, `"photos:read"`) {
		t.Errorf("suggested: %s", got)
	}
}
