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

// TestAttack_ReachIntoAnotherOrganization: every way to name what is another
// organization's, from inside one's own, finds nothing and changes nothing.
func TestAttack_ReachIntoAnotherOrganization(t *testing.T) {
	w := newWorld(t, trusting)
	w.organization("globex")
	w.serve("acme", "photos", photos)
	app := w.serve("globex", "music", "hosts: [music.example]\nupstream: UPSTREAM\nresources: [{match: GET /**, access: authenticated}]\n")
	mine := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	other := w.member("globex", object{"name": "Secret Name", "roles": []string{"account_manager"}, "scopes": []string{"*"}})
	w.must(201, "PUT", orgPath("globex", "/roles/spy"), other.key, object{"scopes": []string{"a"}})
	theirs := w.must(200, "POST", "/v1/tokens", other.key, object{"scopes": []string{"a"}})
	pass, id := theirs.at("token"), theirs.at("payload", "jti")
	cursor := w.must(200, "GET", orgPath("globex", "/events?limit=1"), other.key, nil).at("next_cursor")
	head := w.must(200, "GET", orgPath("globex", "/events?limit=1"), other.key, nil).text

	for _, me := range []string{mine.key, w.pass(mine.key, object{})} {
		for _, try := range []struct {
			method, target string
			body           any
		}{
			{"GET", orgPath("globex", ""), nil},
			{"GET", orgPath("globex", "/events"), nil},
			{"GET", orgPath("acme", "/users/"+other.id), nil},
			{"PATCH", orgPath("acme", "/users/"+other.id), object{"active": false}},
			{"DELETE", orgPath("acme", "/users/"+other.id), nil},
			{"DELETE", orgPath("acme", "/memberships/"+other.id), nil},
			{"POST", orgPath("acme", "/keys"), object{"user": other.id, "scopes": []string{"a"}}},
			{"GET", orgPath("acme", "/keys/"+other.keyID), nil},
			{"DELETE", orgPath("acme", "/keys/"+other.keyID), nil},
			{"POST", orgPath("acme", "/keys/"+other.keyID+"/rotate"), object{}},
			{"GET", orgPath("acme", "/keys?user="+other.id), nil},
			{"GET", orgPath("acme", "/tokens?user="+other.id), nil},
			{"GET", orgPath("acme", "/tokens?key="+other.keyID), nil},
			{"GET", orgPath("acme", "/tokens/"+id), nil},
			{"DELETE", orgPath("acme", "/tokens/"+id), nil},
			{"GET", orgPath("acme", "/applications/"+app), nil},
			{"PUT", orgPath("acme", "/applications/"+app), "resources: []\n"},
			{"DELETE", orgPath("acme", "/applications/"+app), nil},
			{"GET", orgPath("acme", "/roles/spy"), nil},
			{"GET", orgPath("acme", "/usage?application="+app), nil},
		} {
			if a := w.send(try.method, try.target, me, try.body); a.status != 404 || strings.Contains(a.text, "Secret") {
				t.Errorf("%s %s: %d %s", try.method, try.target, a.status, a.text)
			}
		}
		for _, list := range []string{"/events?limit=1&cursor=", "/users?limit=1&cursor=", "/keys?cursor="} {
			w.expect("a cursor of another organization", w.send("GET", orgPath("acme", list+cursor), me, nil), 422, "invalid_cursor")
		}
		for _, wish := range []object{
			{"audience": []string{"globex"}}, {"audience": []string{"globex/music"}}, {"audience": []string{"music"}}, {"audience": []string{"acme/music"}},
			{"roles": []string{"developer@music"}}, {"roles": []string{"spy"}}, {"roles": []string{"administrator"}},
		} {
			w.expect("a wish", w.send("POST", "/v1/tokens", me, wish), 403, "")
		}
		w.expect("a role there", w.send("PUT", orgPath("acme", "/memberships/"+mine.id), me, object{"roles": []string{"account_manager", "consumer@music"}}), 422, "")
		w.expect("a custom role of theirs", w.send("PUT", orgPath("acme", "/memberships/"+mine.id), me, object{"roles": []string{"account_manager", "spy"}}), 422, "")
		w.expect("the platform's role", w.send("PUT", orgPath("acme", "/memberships/"+mine.id), me, object{"roles": []string{"administrator"}}), 403, "role_exceeded")
		w.expect("an organization", w.send("POST", "/v1/organizations", me, object{"slug": "mine"}), 403, "")
		if a := w.send("POST", "/v1/tokens/introspect", me, object{"token": pass}); strings.TrimSpace(a.text) != `{"active":false}` {
			t.Errorf("introspected: %s", a.text)
		}
		if a := w.must(200, "GET", "/v1/organizations", me, nil); strings.Contains(a.text, "globex") {
			t.Errorf("organizations: %s", a.text)
		}
		foreign := w.must(200, "POST", "/v1/tokens/explain", me, object{"method": "GET", "url": "http://music.example/x"})
		if foreign.at("reason") != "no_application" || strings.Contains(foreign.text, "globex") || strings.Contains(foreign.text, "GET /**") {
			t.Errorf("explained: %s", foreign.text)
		}
		hinted := w.must(200, "POST", "/v1/tokens/explain", me, object{"method": "GET", "url": "/x", "application": "globex/music"})
		if strings.Contains(hinted.text, "GET /**") {
			t.Errorf("explained by name: %s", hinted.text)
		}
	}
	mineAtTheirs := w.pass(mine.key, object{})
	w.expect("at their door", w.send("GET", w.gateway+"/x", mineAtTheirs, nil, "Host: music.example"), 403, "wrong_organization")
	w.expect("at their door, asked for by name", w.send("GET", "/v1/forward-auth?application=globex/music", mineAtTheirs, nil,
		"X-Forwarded-Method: GET", "X-Forwarded-Uri: /x", "X-Forwarded-For: 203.0.113.5"), 403, "wrong_organization")
	if w.must(200, "GET", orgPath("globex", "/events?limit=1"), other.key, nil).text != head {
		t.Error("something of theirs changed")
	}
	w.must(200, "GET", w.gateway+"/x", pass, nil, "Host: music.example")
}

// TestAttack_TakenHost: a host is one application's until that is deleted or
// switched off, and cannot be taken back by switching it on again.
func TestAttack_TakenHost(t *testing.T) {
	w := newWorld(t, nil)
	at := func(app string) answer {
		return w.send("PUT", orgPath("acme", "/applications/"+app), w.founder, "hosts: [one.example]\nresources: []\n")
	}
	w.expect("the first", at("first"), 201, "")
	w.expect("a second", at("second"), 409, "route_taken")
	w.must(204, "DELETE", orgPath("acme", "/applications/first"), w.founder, nil)
	w.expect("its heir", at("heir"), 201, "")
	w.must(200, "PATCH", orgPath("acme", "/applications/heir"), w.founder, object{"active": false})
	w.expect("the next", at("next"), 201, "")
	w.expect("the heir, switched on", w.send("PATCH", orgPath("acme", "/applications/heir"), w.founder, object{"active": true}), 409, "route_taken")
	w.restart()
	w.expect("after a restart", at("another"), 409, "route_taken")
}
