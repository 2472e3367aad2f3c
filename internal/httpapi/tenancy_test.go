package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/api"
)

// tenant is an organization with one of everything that has an id.
type tenant struct {
	slug, key, pass string // of its account manager
	ids             map[string]string
}

func (h *house) tenant(slug string) tenant {
	t := h.t
	org := "/v1/organizations/" + slug
	made := h.send("POST", "/v1/organizations", h.founder, map[string]string{"slug": slug})
	manager := h.send("POST", org+"/users", h.founder, `{"roles":["account_manager"],"scopes":["*"]}`)
	if made.status != 201 || manager.status != 201 {
		t.Fatalf("%s %s", made.body, manager.body)
	}
	key := manager.field(t, "key/key")
	app := h.send("PUT", org+"/applications/photos", key, "hosts: ["+slug+".example]\nupstream: http://127.0.0.1:9\nresources: [{match: GET /**, access: public}]\n", "Content-Type: application/yaml")
	role := h.send("PUT", org+"/roles/viewer", key, `{"scopes":["photos:read"]}`)
	plan := h.send("PUT", org+"/plans/gold", key, `{"limits":[{"rate":"1/s"}]}`)
	grant := h.send("POST", "/v1/tokens", key, `{"expires_in":600}`)
	trusted := h.send("PUT", org+"/issuers/github", key, `{"issuer":"https://issuer.example","audiences":["a"],"scopes":["photos:read"]}`)
	_, someone := h.identity(org, key)
	for _, a := range []reply{app, role, plan, grant, trusted} {
		if a.status != 200 && a.status != 201 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	must(t, h.records.Flush(t.Context()))
	return tenant{
		slug: slug, key: key, pass: grant.field(t, "token"),
		ids: map[string]string{
			"org": made.field(t, "id"), "user": manager.field(t, "user/id"), "key": manager.field(t, "key/id"),
			"app": app.field(t, "id"), "role": "viewer", "plan": "gold", "issuer": "github", "token": grant.field(t, "payload/jti"), "identity": someone,
		},
	}
}

// TestTenancy is generated from openapi.yaml: each route with ids of another organization, in its path as slug or id or under
// the caller's own organization, is 404 and changes nothing, whatever the credential.
func TestTenancy(t *testing.T) {
	h := newHouse(t)
	a, b := h.tenant("alpha"), h.tenant("beta")
	_, operations := readDocument(t)
	tried := 0
	for id, op := range operations {
		if !strings.HasPrefix(op.path, "/v1/organizations/{org}") {
			continue
		}
		for _, target := range foreign(op.path, a, b) {
			for _, credential := range []string{a.key, a.pass} {
				before := h.scene.gate.View().Revision
				got := h.send(op.method, target, credential, bodyFor(op), mediaFor(op))
				if got.status != http.StatusNotFound {
					t.Errorf("%s: %s %s: got %d %s, want 404", id, op.method, target, got.status, got.body)
				}
				if strings.Contains(string(got.body), "beta") {
					t.Errorf("%s: the answer names the other: %s", id, got.body)
				}
				if after := h.scene.gate.View().Revision; after != before {
					t.Errorf("%s: %s %s had an effect", id, op.method, target)
				}
				tried++
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d requests were tried", tried)
	}
	if got := h.send("POST", "/v1/tokens/introspect", a.key, api.TokenText{Token: b.pass}); string(got.body) != "{\"active\":false}\n" {
		t.Errorf("introspection of another's pass: %s", got.body)
	}
	if got := h.send("POST", "/v1/tokens/explain", a.key, api.ExplainRequest{Method: "GET", URL: "http://beta.example/x"}); !strings.Contains(string(got.body), `"no_application"`) {
		t.Errorf("explanation of another's application: %s", got.body)
	}
	if got := h.send("POST", "/v1/tokens", a.key, `{"audience":"beta/photos"}`); got.status != 403 {
		t.Errorf("a pass for another's application: %d %s", got.status, got.body)
	}
	page := h.send("GET", "/v1/organizations/beta/users?limit=1", h.founder, nil)
	for _, list := range []string{a.slug, b.slug} {
		if cursor := cursorOf(page); cursor != "" {
			if got := h.send("GET", "/v1/organizations/"+list+"/events?cursor="+cursor, a.key, nil); got.status < 400 {
				t.Errorf("another's cursor at %s: %d %s", list, got.status, got.body)
			}
		}
	}
	if got := h.send("GET", "/v1/organizations", a.key, nil); strings.Contains(string(got.body), "beta") {
		t.Errorf("the list names the other: %s", got.body)
	}
}

// foreign are the targets of a path that name something of b: with b as the organization, and with b's things under a.
func foreign(path string, a, b tenant) []string {
	fill := func(org string) string {
		target := strings.Replace(path, "{org}", org, 1)
		for name, id := range b.ids {
			target = strings.Replace(target, "{"+name+"}", id, 1)
		}
		return target
	}
	targets := []string{fill(b.slug), fill(b.ids["org"])}
	// A role and a plan are named, not numbered: both organizations may have a viewer. A membership may be given to anybody's user.
	if strings.Count(path, "{") > 1 && !strings.Contains(path, "{role}") && !strings.Contains(path, "{plan}") && !strings.Contains(path, "{issuer}") && !strings.HasSuffix(path, "/memberships/{user}") {
		targets = append(targets, fill(a.slug))
	}
	return targets
}

func bodyFor(op operation) any {
	if op.RequestBody == nil {
		return nil
	}
	if op.RequestBody.Value.Content["application/yaml"] != nil {
		return "hosts: [stolen.example]\nupstream: http://127.0.0.1:9\nresources: []\n"
	}
	for _, example := range op.RequestBody.Value.Content["application/json"].Examples {
		return binding{}.text(example.Value.Value)
	}
	return "{}"
}

func mediaFor(op operation) string {
	if op.RequestBody != nil && op.RequestBody.Value.Content["application/yaml"] != nil {
		return "Content-Type: application/yaml"
	}
	return "Accept: */*"
}

func cursorOf(a reply) string {
	_, after, _ := strings.Cut(string(a.body), `"next_cursor":"`)
	cursor, _, _ := strings.Cut(after, `"`)
	return cursor
}
