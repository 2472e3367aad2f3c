package e2e

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/server"
)

const open = "upstream: UPSTREAM\nresources: [{match: GET /**, access: public}]\n"

// TestAttack_HostHijack: an application of another organization must not come to
// decide for a host that is taken: not with a longer prefix, not with an exact
// name below a wildcard, not with a wildcard above.
func TestAttack_HostHijack(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	w.organization("evil")
	thief := w.member("evil", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	w.serve("acme", "photos", strings.Replace(photos, "[photos.example]", `[photos.example, "*.acme.example"]`, 1))
	w.must(401, "GET", w.gateway+"/photos/1", "", nil, atPhotos)

	for name, place := range map[string]string{
		"longer prefix":             "hosts: [photos.example]\nprefix: /photos\n",
		"name under the wildcard":   "hosts: [login.acme.example]\n",
		"prefix under the wildcard": "hosts: [login.acme.example]\nprefix: /photos\n",
		"wildcard with a prefix":    "hosts: [\"*.acme.example\"]\nprefix: /photos\n",
	} {
		file := strings.ReplaceAll(place+open, "UPSTREAM", w.upstream.URL)
		w.expect(name, w.send("PUT", orgPath("evil", "/applications/mine"), thief.key, file), 409, "route_taken")
		w.expect(name+": the gateway", w.send("GET", w.gateway+"/photos/1", "", nil, atPhotos), 401, "token_missing")
		w.expect(name+": forward-auth", w.send("GET", "/v1/forward-auth", "", nil,
			"X-Forwarded-Method: GET", "X-Forwarded-Uri: /photos/1", "X-Forwarded-Host: login.acme.example", "X-Forwarded-For: 203.0.113.5"), 401, "token_missing")
		w.send("DELETE", orgPath("evil", "/applications/mine"), thief.key, nil)
	}
	// One's own hosts may be shared out by prefix.
	w.serve("acme", "albums", "hosts: [photos.example]\nprefix: /albums\n"+open)
	// An application without hosts serves no path of a host that is another's.
	w.serve("evil", "all", "prefix: /other\n"+open)
	w.expect("no host, on a taken one", w.send("GET", w.gateway+"/other/1", "", nil, atPhotos), 403, "")
}
