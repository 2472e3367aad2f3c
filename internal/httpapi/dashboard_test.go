package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/httpapi"
	"github.com/daypass/daypass/web"
)

const asBrowser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// TestPagesAreForPeople: the dashboard's addresses answer browsers with a page under its policy; everything else stays API.
func TestPagesAreForPeople(t *testing.T) {
	h := newHouse(t)
	for _, page := range []string{"/", "/login", "/login?to=/o/main/keys", "/setup", "/device?user_code=WDJB-MJHT", "/o/main", "/o/main/", "/o/main/keys", "/o/main/applications/photos", "/docs"} {
		got := h.send("GET", page, "", nil, asBrowser)
		if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", page, got.status, got.header.Get("Content-Type"))
		}
		policy := got.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", page, got.header)
		}
		if _, built := web.Dashboard(); !built && !strings.Contains(string(got.body), "make web") {
			t.Errorf("%s does not say how the dashboard is built: %s", page, got.body)
		}
		if got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may be read by any page", page)
		}
	}
	for _, c := range []struct {
		target, accept string
		status         int
		code           string
	}{
		{"GET /o/main/keys", "Accept: application/json", 404, "no_route"},
		{"GET /organizations/nobody/memberships", asBrowser, 401, ""},
		{"GET /user", asBrowser, 401, ""},
		{"GET /users", asBrowser, 405, ""},
		{"GET /auth", asBrowser, 404, "no_route"},
		{"GET /v1/nothing", asBrowser, 404, "no_route"},
		{"GET /v1/me", asBrowser, 401, "credential_missing"},
		{"GET /assets/nothing.js", asBrowser, 404, "no_route"},
		{"GET /assets/../index.html", asBrowser, 404, "no_route"},
		{"GET /index.html", asBrowser, 404, "no_route"},
		{"POST /login", asBrowser, 405, "method_not_allowed"},
		{"DELETE /o/main/keys", asBrowser, 405, "method_not_allowed"},
		{"GET //login", asBrowser, 404, "no_route"},
		{"GET /login//", asBrowser, 404, "no_route"},
		{"GET /login?token=eyJhbGciOiJFUzI1NiJ9.e30.c2ln", asBrowser, 400, "token_in_query"},
	} {
		method, path, _ := strings.Cut(c.target, " ")
		got := h.send(method, path, "", nil, c.accept)
		if got.status != c.status || c.code != "" && got.code() != c.code || strings.Contains(got.header.Get("Content-Type"), "html") {
			t.Errorf("%s: %d %s", c.target, got.status, got.body)
		}
	}
}

func readInto(t *testing.T, a reply, v any) {
	t.Helper()
	must(t, json.Unmarshal(a.body, v))
}

func TestLoginTellsWhatThereIs(t *testing.T) {
	h := newHouse(t)
	var before, after struct {
		Setup, Password bool
		Address         string
	}
	readInto(t, h.send("GET", "/v1/login", "", nil), &before)
	if !before.Setup || !before.Password || before.Address != "127.0.0.1" {
		t.Errorf("at first: %+v", before)
	}
	if got := h.send("PUT", "/v1/organizations/main/applications/photos", h.founder, "application: photos\nupstream: http://127.0.0.1:9\n", "Content-Type: application/yaml"); got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	readInto(t, h.send("GET", "/v1/login", "", nil), &after)
	if after.Setup {
		t.Error("it is to be set up still, with an application there")
	}
	closed := newHouse(t, func(c *httpapi.Config) { c.Doors = []string{httpapi.DoorJWT} })
	readInto(t, closed.send("GET", "/v1/login", "", nil), &after)
	if after.Password {
		t.Error("a password is asked for where its door is closed")
	}
}
