package catalog

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/access"
)

// What is in shadow mode plays no part in what is enforced, and its full part in what is tried.
func TestShadowIsTriedAndNotEnforced(t *testing.T) {
	const enforced = `resources:
  - {match: POST /a, require: {scopes: [a:write]}, mode: shadow}
  - {match: ANY /**, access: public}
`
	for _, c := range []struct {
		name, file, beside string
		tried              Tried
		enforces, tries    string // what POST /a falls under
	}{
		{"nothing", "resources: [{match: ANY /**, access: public}]", "", TriedNothing, "ANY /**", ""},
		{"mode: enforce says nothing new", "mode: enforce\nresources: [{match: ANY /**, access: public, mode: enforce}]", "", TriedNothing, "ANY /**", ""},
		{"a rule", enforced, "", TriedRules, "ANY /**", "POST /a"},
		{"the only file", "mode: shadow\nresources: [{match: POST /a, access: public}]", "", TriedAlone, "", "POST /a"},
		{"a file beside", "resources: [{match: ANY /**, access: public}]", "mode: shadow\nresources: [{match: POST /a, access: public}]", TriedBeside, "ANY /**", "POST /a"},
		{"a file beside one with rules", enforced, "mode: shadow\nresources: [{match: POST /*, access: public, mode: shadow}]", TriedBeside, "ANY /**", "POST /*"},
	} {
		app, err := Compile(access.Application{Slug: "photos", Organization: "acme", Document: []byte(c.file), Shadow: []byte(c.beside)})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		match := func(a *Application) string {
			if a == nil {
				return ""
			}
			if r := a.Match("POST", mustPath(t, "/a")); r != nil {
				return r.Match
			}
			return ""
		}
		if app.Tried() != c.tried || (app.Shadow() == nil) != (c.tried == TriedNothing) || match(app) != c.enforces || match(app.Shadow()) != c.tries {
			t.Errorf("%s: tried %q, enforces %q, tries %q", c.name, app.Tried(), match(app), match(app.Shadow()))
		}
	}
	if app := compile(t, enforced); app.Nearest(mustPath(t, "/a")).Match != "ANY /**" {
		t.Error("a rule that is not enforced is named as the nearest")
	}
	_, err := Compile(access.Application{Slug: "photos", Document: []byte("resources: []"), Shadow: []byte("mode: shadow\napplication: other")})
	if err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("a file of another application is tried: %v", err)
	}
}

// Promotion changes the modes and nothing else, in every notation.
func TestPromote(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"block":      {"mode: shadow   # try it\nresources:\n  - match: GET /shadow\n    access: public\n    mode:   'shadow'\n", "mode: enforce   # try it\nresources:\n  - match: GET /shadow\n    access: public\n    mode:   'enforce'\n"},
		"flow":       {"resources: [{mode: shadow, match: GET /ä, access: public, comment: ä}, {comment: ä shadow, mode: \"shadow\", match: GET /b, access: public}]\nmode: shadow", "resources: [{mode: enforce, match: GET /ä, access: public, comment: ä}, {comment: ä shadow, mode: \"enforce\", match: GET /b, access: public}]\nmode: enforce"},
		"json":       {`{"mode":"shadow","resources":[{"match":"GET /a","access":"public","mode":"shadow"}]}`, `{"mode":"enforce","resources":[{"match":"GET /a","access":"public","mode":"enforce"}]}`},
		"no shadow":  {"resources: []\n", "resources: []\n"},
		"on a line":  {"mode:\n  shadow\r\nresources: []\r\n", "mode:\n  enforce\r\nresources: []\r\n"},
		"byte order": {"\ufeffmode: shadow\n", "\ufeffmode: enforce\n"},
	} {
		got, err := Promote([]byte(c.file))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, file := range []string{"mode: >-\n  shadow\n", `{"mode":"\u0073hadow"}`} {
		if got, err := Promote([]byte(file)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q became %q, %v", file, got, err)
		}
	}
}

// A file that is replayed stands for what putting it would enforce; one in shadow mode, for what its promotion would.
func TestCandidate(t *testing.T) {
	for file, want := range map[string]bool{
		"resources: [{match: GET /a, access: public}]":                             true,
		"resources: [{match: GET /a, access: public, mode: shadow}]":               false,
		"mode: shadow\nresources: [{match: GET /a, access: public}]":               true,
		"mode: shadow\nresources: [{match: GET /a, access: public, mode: shadow}]": true,
	} {
		app, err := CompileCandidate(access.Application{Document: []byte(file)})
		if err != nil {
			t.Fatal(err)
		}
		if got := app.Match("GET", mustPath(t, "/a")) != nil; got != want {
			t.Errorf("%s: enforced %v", file, got)
		}
	}
}
