package httpapi_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/daypass/daypass/api"
)

// TestExplainByKey: what a pass of a key would meet, without one being made.
func TestExplainByKey(t *testing.T) {
	h := newHouse(t)
	a, b := h.tenant("alpha"), h.tenant("beta")
	file := h.send("PUT", "/v1/organizations/alpha/applications/albums",
		a.key, "hosts: [albums.example]\nupstream: http://127.0.0.1:9\nresources:\n- {match: GET /**, require: {scopes: [albums:read]}}\n- {match: POST /**, require: {scopes: [albums:write]}}\n", "Content-Type: application/yaml")
	reader := h.send("POST", "/v1/organizations/alpha/keys", a.key, `{"scopes":["albums:read"],"ips":["192.0.2.0/24"]}`)
	if file.status > 201 || reader.status != 201 {
		t.Fatalf("%s %s", file.body, reader.body)
	}
	id := reader.field(t, "id")
	ask := func(credential, key, method, from string) reply {
		in := map[string]string{"key": key, "method": method, "url": "http://albums.example/1"}
		if from != "" {
			in["address"] = from
		}
		return h.send("POST", "/v1/tokens/explain", credential, in)
	}
	for _, c := range []struct{ method, reason string }{{"GET", "allowed"}, {"POST", "scope_missing"}, {"PUT", "no_rule"}} {
		if got := ask(a.key, id, c.method, "192.0.2.7"); got.status != 200 || got.field(t, "reason") != c.reason {
			t.Errorf("%s: %d %s, want %s", c.method, got.status, got.body, c.reason)
		}
	}
	if got := ask(a.key, id, "GET", "198.51.100.7"); got.status != 409 || got.code() != "wrong_address" {
		t.Errorf("from elsewhere: %d %s", got.status, got.body)
	}
	for what, got := range map[string]reply{
		"another's key":     ask(a.key, b.ids["key"], "GET", ""),
		"no key":            ask(a.key, "key_01k8dn0003t6w9z2b5d8f1h4j7", "GET", ""),
		"asked by another":  ask(b.key, id, "GET", "192.0.2.7"),
		"another's at home": ask(b.key, a.ids["key"], "GET", ""),
	} {
		if got.status != 404 {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	narrow := h.send("POST", "/v1/tokens", a.key, `{"scopes":["albums:read"]}`).field(t, "token")
	if got := ask(narrow, id, "GET", "192.0.2.7"); got.status != 403 {
		t.Errorf("without daypass:keys:read: %d %s", got.status, got.body)
	}
	both := h.send("POST", "/v1/tokens/explain", a.key, map[string]string{"key": id, "token": narrow, "method": "GET", "url": "http://albums.example/1"})
	if both.status != 400 || both.code() != "key_and_token" {
		t.Errorf("key and token: %d %s", both.status, both.body)
	}
	must(t, h.records.Flush(t.Context()))
	var made api.TokenList
	must(t, json.Unmarshal(h.send("GET", "/v1/organizations/alpha/tokens?key="+id, a.key, nil).body, &made))
	if len(made.Items) != 0 {
		t.Errorf("asking made passes: %v", made.Items)
	}
}

// TestFamilies: the record of a pass names those whose end is its own, its own family's first last.
func TestFamilies(t *testing.T) {
	h := newHouse(t)
	a := h.tenant("alpha")
	grant := func(credential, wish string) (text, id string) {
		got := h.send("POST", "/v1/tokens", credential, wish)
		if got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return got.field(t, "token"), got.field(t, "payload/jti")
	}
	first, head := grant(a.key, `{"renewable":true}`)
	renewed, again := grant(first, `{}`)
	_, narrowed := grant(renewed, `{"scopes":["photos:read"]}`)
	must(t, h.records.Flush(t.Context()))
	var list api.TokenList
	must(t, json.Unmarshal(h.send("GET", "/v1/organizations/alpha/tokens", a.key, nil).body, &list))
	got := map[string][]string{}
	for _, one := range list.Items {
		got[one.ID] = one.Families
	}
	for id, want := range map[string][]string{head: {head}, again: {head}, narrowed: {head, narrowed}} {
		if !slices.Equal(got[id], want) {
			t.Errorf("families of %s: %v, want %v", id, got[id], want)
		}
	}
	if gone := h.send("DELETE", "/v1/organizations/alpha/tokens/"+again, a.key, nil); gone.status != 204 {
		t.Fatalf("%d %s", gone.status, gone.body)
	}
	left := h.send("GET", "/v1/organizations/alpha/tokens", a.key, nil)
	must(t, json.Unmarshal(left.body, &list))
	for _, one := range list.Items {
		if slices.Contains(one.Families, head) {
			t.Errorf("%s outlived its family", one.ID)
		}
	}
}
