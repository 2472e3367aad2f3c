package httpapi_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

// visitAlbum has the gate decide three requests with a new pass of the story's key, as a door would.
func (h *house) visitAlbum(real binding) {
	h.t.Helper()
	grant := h.send("POST", "/v1/tokens", real.of("dp_live_EXAMPLE3EXAMPLE3EXAMPLE3EXAMPLE3EXAMPLE3xxx000000"), `{"expires_in":600}`)
	h.visits("photos.example.com", grant.field(h.t, "token"), "/albums/7", "/albums/7?page=2", "/albums/7")
}

func (h *house) visits(host, pass string, targets ...string) {
	h.t.Helper()
	for _, target := range targets {
		path, err := catalog.ParsePath(target)
		must(h.t, err)
		now := time.Now()
		r := &gate.Request{Method: "GET", Host: host, Path: path, Address: netip.MustParseAddr("192.0.2.7")}
		d := h.scene.gate.CheckAt(r, pass, now)
		if w, ok := d.Witness(r, now); ok {
			h.facts.Record(w.Fact(r, now), w.Used())
		}
	}
}

// The same file replayed shows no difference, also where it has changed since; another names who would be denied.
func TestReplay(t *testing.T) {
	h := newHouse(t)
	a := h.tenant("alpha")
	app := "/v1/organizations/alpha/applications/photos"
	const yaml = "Content-Type: application/yaml"
	first := "hosts: [alpha.example]\nresources: [{match: GET /a, access: authenticated}]\n"
	second := "hosts: [alpha.example]\nresources: [{match: GET /a, access: public}, {match: GET /b, require: {scopes: ['b:read']}}]\n"
	put := func(file string) {
		t.Helper()
		if got := h.send("PUT", app, a.key, file, yaml); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	replay := func(file, query string) string {
		t.Helper()
		got := h.send("POST", app+"/replay"+query, a.key, file, yaml)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return string(got.body)
	}
	put(first)
	h.visits("alpha.example", a.pass, "/a", "/b")
	h.visits("alpha.example", "", "/a", "/a")
	if got := replay(first, ""); !strings.Contains(got, `"differences":[]`) || !strings.Contains(got, `"requests":4`) {
		t.Errorf("the same file: %s", got)
	}
	got := replay(second, "")
	if !strings.Contains(got, `"newly_allowed":3`) || !strings.Contains(got, `"newly_denied":0`) {
		t.Errorf("another file: %s", got)
	}
	put(second)
	if got := replay(second, ""); !strings.Contains(got, `"differences":[]`) {
		t.Errorf("the file that is in force by now: %s", got)
	}
	if got := replay(first, ""); !strings.Contains(got, `"newly_denied":3`) || !strings.Contains(got, `"reason":"token_missing"`) {
		t.Errorf("back to the first: %s", got)
	}
	if got := replay(first, "?limit=1"); !strings.Contains(got, `"more":true`) {
		t.Errorf("a limit: %s", got)
	}
	if got := replay(first, "?since="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)); !strings.Contains(got, `"requests":0`) {
		t.Errorf("since later: %s", got)
	}
	for _, bad := range []struct{ query, body, code string }{
		{"?since=yesterday", first, "invalid_parameter"}, {"?limit=0", first, "invalid_parameter"}, {"?limit=x", first, "invalid_parameter"},
		{"?limit=200001", first, "invalid_parameter"}, {"?other=1", first, "unknown_parameter"},
		{"", "resources: 1", "invalid_resources"}, {"", "application: videos", "invalid_resources"},
	} {
		if got := h.send("POST", app+"/replay"+bad.query, a.key, bad.body, yaml); got.field(t, "code") != bad.code {
			t.Errorf("%s %s: %d %s, want %s", bad.query, bad.body, got.status, got.body, bad.code)
		}
	}
}

// An application whose only file is in shadow mode says that nothing is enforced.
func TestShadowAloneWarns(t *testing.T) {
	h := newHouse(t)
	a := h.tenant("alpha")
	const yaml = "Content-Type: application/yaml"
	got := h.send("PUT", "/v1/organizations/alpha/applications/new", a.key, "mode: shadow\nhosts: [new.example]\nresources: [{match: GET /**, access: public}]\n", yaml)
	if got.status != http.StatusCreated || got.field(t, "shadow") != "alone" || !strings.Contains(got.field(t, "warning"), "every request is denied") {
		t.Errorf("%d %s", got.status, got.body)
	}
	h.visits("new.example", "", "/a")
	report := h.send("GET", "/v1/organizations/alpha/applications/new/shadow/differences", a.key, nil)
	if !strings.Contains(string(report.body), `"newly_allowed":1`) {
		t.Errorf("%s", report.body)
	}
	if got := h.send("GET", "/v1/organizations/alpha/applications/new/shadow", a.key, nil); got.status != http.StatusNotFound {
		t.Errorf("a file beside nothing: %d %s", got.status, got.body)
	}
	if got := h.send("PUT", "/v1/organizations/alpha/applications/new", a.key, "hosts: [new.example]\nresources: [{match: GET /a, access: public}, {match: GET /**, access: public, mode: shadow}]\n", yaml); got.field(t, "shadow") != "rules" {
		t.Errorf("%s", got.body)
	}
}
