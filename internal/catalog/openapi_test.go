package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
)

var updateOpenAPI = flag.Bool("update-openapi", false, "write the golden files of testdata/openapi anew")

// TestReadOpenAPI holds what comes of each document of testdata/openapi against
// the files beside it. They are small documents in the shapes that public APIs
// have.
func TestReadOpenAPI(t *testing.T) {
	documents, _ := filepath.Glob("testdata/openapi/*.openapi.*")
	if len(documents) < 6 {
		t.Fatalf("there are only %d documents", len(documents))
	}
	for _, document := range documents {
		name, _, _ := strings.Cut(filepath.Base(document), ".")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(document)
			if err != nil {
				t.Fatal(err)
			}
			api, err := ReadOpenAPI(data, "")
			if err != nil {
				t.Fatal(err)
			}
			file, err := api.ResourceFile(nil, "photos", "")
			if err != nil {
				t.Fatal(err)
			}
			compile(t, string(file))
			goldenOpenAPI(t, "testdata/openapi/"+name+".resources.yaml", file)
			warnings, _ := json.MarshalIndent(api.Warnings, "", "  ")
			goldenOpenAPI(t, "testdata/openapi/"+name+".warnings.json", append(warnings, '\n'))
		})
	}
}

func goldenOpenAPI(t *testing.T, file string, have []byte) {
	t.Helper()
	if *updateOpenAPI {
		if err := os.WriteFile(file, have, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(have) {
		t.Errorf("%s is not what comes out; -update-openapi writes it. Have:\n%s", file, have)
	}
}

// TestExportedDocumentsMakeTheSameResources: who gets in where is the same after
// an export and an import.
func TestExportedDocumentsMakeTheSameResources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := drawDocument(t, "rules")
		document, err := ToOpenAPI(before)
		if err != nil {
			t.Fatalf("%v", err)
		}
		after := reimport(t, document)
		for _, change := range Compare(before, after) {
			t.Errorf("%s %v %s: %+v, then %+v\n%s", change.Effect, change.Methods, change.Path, change.Before, change.After, document)
		}
		for _, m := range everyMethod { // Compare is not asked alone
			for _, path := range allPaths[:1000] {
				o, n := before.Match(m, path), after.Match(m, path)
				if (o == nil) != (n == nil) || o != nil && !o.requiresSame(n) {
					t.Fatalf("%s %s: %+v, then %+v", m, path.decoded, o, n)
				}
			}
		}
		again, err := ToOpenAPI(after)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if third := Compare(after, reimport(t, again)); len(third) > 0 {
			t.Errorf("a second export changes %+v", third)
		}
	})
}

func reimport(t interface{ Fatalf(string, ...any) }, document []byte) *Application {
	api, err := ReadOpenAPI(document, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	if len(api.Warnings) > 0 {
		t.Fatalf("%v\n%s", api.Warnings, document)
	}
	file, err := api.ResourceFile(nil, "", "")
	if err != nil {
		t.Fatalf("%v", err)
	}
	return compile(t, string(file))
}

func TestExportIsOpenAPI31(t *testing.T) {
	app := compile(t, `
hosts: [photos.example.com, "*.photos.example.com"]
resources:
  - match: GET /photos/{id}/tags
    require: { scopes: ["photos:read"], roles: [consumer, developer], in: account }
    comment: tags of a photo
    pass_token: true
  - match: POST /photos/{photo}/tags
    access: authenticated
  - match: GET /files/*.jpg
    access: public
  - match: PROPFIND /dav/**
    access: authenticated
  - match: ANY /admin/**
    require: { scopes: [admin] }
  - match: GET /admin/never
    access: public
`)
	document, err := ToOpenAPI(app)
	if err != nil {
		t.Fatal(err)
	}
	goldenOpenAPI(t, "testdata/openapi/exported.json", document)
	read, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	if changes := Compare(app, reimport(t, document)); len(changes) > 0 {
		t.Errorf("%+v", changes)
	}
	if r := reimport(t, document).Match("GET", Path{decoded: "/photos/1/tags"}); !r.PassToken || r.Comment != "tags of a photo" {
		t.Errorf("lost on the way: %+v", r)
	}
}

const openAPIHead = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n"

// TestSecurity is the table of docs/openapi.md.
func TestSecurity(t *testing.T) {
	for name, c := range map[string]struct {
		document string // after openAPIHead
		want     string // what GET /a needs
		warned   bool
	}{
		"nothing said":                 {"paths: {/a: {get: {}}}", "any good pass", true},
		"none, on the operation":       {"security: [{k: []}]\npaths: {/a: {get: {security: []}}}", "nothing: it is public", false},
		"none, for the document":       {"security: []\npaths: {/a: {get: {}}}", "any good pass", true},
		"null":                         {"security: [{k: [s]}]\npaths: {/a: {get: {security: null}}}", "s", false},
		"the empty requirement alone":  {"paths: {/a: {get: {security: [{}]}}}", "nothing: it is public", false},
		"optional":                     {"paths: {/a: {get: {security: [{}, {k: [s]}]}}}", "s", true},
		"of the document":              {"security: [{k: [s]}]\npaths: {/a: {get: {}}}", "s", false},
		"overridden":                   {"security: [{k: [s]}]\npaths: {/a: {get: {security: [{k: [r]}]}}}", "r", false},
		"both schemes":                 {"paths: {/a: {get: {security: [{k: [s], l: [r]}]}}}", "r and s", false},
		"either scheme, one scoped":    {"paths: {/a: {get: {security: [{l: []}, {k: [s]}]}}}", "s", true},
		"either scope":                 {"paths: {/a: {get: {security: [{k: [r]}, {k: [s]}]}}}", "r", true},
		"either, more scopes":          {"paths: {/a: {get: {security: [{k: [r]}, {k: [s, t]}]}}}", "s and t", true},
		"either, the same":             {"paths: {/a: {get: {security: [{k: [s]}, {l: [s]}]}}}", "s", false},
		"a scheme nobody defines":      {"paths: {/a: {get: {security: [{m: [s]}]}}}", "s", true},
		"a scope that is an address":   {"paths: {/a: {get: {security: [{k: ['https://api.example.com/auth/photos.read']}]}}}", "api.example.com:auth:photos.read", true},
		"a scope with a star":          {"paths: {/a: {get: {security: [{k: ['photos:*']}]}}}", "photos:-", true},
		"scopes of ours":               {"security: [{k: [s]}]\npaths: {/a: {get: {x-daypass-scopes: ['a:b']}}}", "a:b", false},
		"roles of ours, beside":        {"security: [{k: [s]}]\npaths: {/a: {get: {x-daypass-roles: [consumer, developer]}}}", "s and consumer or developer here", false},
		"roles of ours, anywhere":      {"paths: {/a: {get: {x-daypass-roles: [consumer], x-daypass-in: account}}}", "consumer anywhere in the organization", false},
		"public, ours":                 {"security: [{k: [s]}]\npaths: {/a: {get: {x-daypass-access: public}}}", "nothing: it is public", false},
		"authenticated, ours":          {"paths: {/a: {get: {x-daypass-access: authenticated, security: []}}}", "any good pass", false},
		"ours on the path":             {"security: [{k: [s]}]\npaths: {/a: {x-daypass-scopes: [r], get: {}}}", "r", false},
		"security before our path":     {"paths: {/a: {x-daypass-scopes: [r], get: {security: [{k: [s]}]}}}", "s", false},
		"ours on the document":         {"x-daypass-scopes: [r]\nsecurity: [{k: [s]}]\npaths: {/a: {get: {}}}", "r", false},
		"public with roles around it":  {"paths: {/a: {x-daypass-roles: [consumer], get: {security: []}}}", "consumer here", true},
		"roles around, access nearer":  {"x-daypass-roles: [consumer]\npaths: {/a: {get: {x-daypass-access: authenticated}}}", "any good pass", false},
		"one of two twins is public":   {"paths: {/a: {get: {security: [{k: [s]}]}}, '/a?x={y}': {get: {security: []}}}", "s", true},
		"twins need both":              {"paths: {/a: {get: {security: [{k: [s]}]}}, '/a#x': {get: {security: [{k: [r]}]}}}", "s and r", true},
		"an anchor":                    {"x-a: &s [{k: [s]}]\npaths: {/a: {get: {security: *s}}}", "s", false},
		"a path of another path":       {"paths: {/b: {get: {security: [{k: [s]}]}}, /a: {$ref: '#/paths/~1b'}}", "s", false},
		"broken schemas do not matter": {"paths: {/a: {get: {security: [{k: [s]}], parameters: [7], responses: {200: {$ref: 'https://127.0.0.1:1/x'}}}}}\ntags: 7", "s", false},
	} {
		t.Run(name, func(t *testing.T) {
			api, err := ReadOpenAPI([]byte(openAPIHead+"components: {securitySchemes: {k: {type: oauth2}, l: {$ref: '#/components/securitySchemes/k'}}}\n"+c.document), "")
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(api.Resources, func(r Resource) bool { return r.Match == "GET /a" })
			if at < 0 {
				t.Fatalf("GET /a is not in %+v", api.Resources)
			}
			if got := api.Resources[at].Needs(); got != c.want {
				t.Errorf("needs %q, want %q", got, c.want)
			}
			if (len(api.Warnings) > 0) != c.warned {
				t.Errorf("warnings: %+v", api.Warnings)
			}
			file, err := api.ResourceFile(nil, "photos", "")
			if err != nil {
				t.Fatal(err)
			}
			if r := compile(t, string(file)).Match("GET", Path{decoded: "/a"}); r.Needs() != c.want {
				t.Errorf("in the file it needs %q\n%s", r.Needs(), file)
			}
		})
	}
}

func TestRefusedOpenAPI(t *testing.T) {
	for name, c := range map[string]struct{ document, want string }{
		"empty":                    {"", "empty"},
		"not YAML":                 {"a: [", "line 1"},
		"not JSON":                 {"{\"openapi\": ", "line 1"},
		"something else":           {"a: b", "neither openapi: nor swagger:"},
		"too old":                  {"swagger: '1.2'", "Swagger 1.2 is not read"},
		"too new":                  {"openapi: 4.0.0", "OpenAPI 4.0.0 is not read"},
		"a misspelt extension":     {openAPIHead + "paths:\n  /a:\n    get:\n      x-daypass-scope: [a]", "line 6, column 7: unknown extension x-daypass-scope"},
		"an unknown case":          {openAPIHead + "paths: {/a: {get: {X-Daypass-Scopes: [a]}}}", "unknown extension"},
		"a pattern as scope":       {openAPIHead + "paths: {/a: {get: {x-daypass-scopes: ['a:*']}}}", "x-daypass-scopes: write a list of scopes"},
		"no scopes":                {openAPIHead + "paths: {/a: {get: {x-daypass-scopes: []}}}", "the list is empty"},
		"public with scopes":       {openAPIHead + "paths: {/a: {get: {x-daypass-scopes: [a], x-daypass-access: public}}}", "what is public cannot need scopes"},
		"public with roles":        {openAPIHead + "paths: {/a: {get: {x-daypass-roles: [a], x-daypass-access: public}}}", "what is public cannot need roles"},
		"security is no list":      {openAPIHead + "paths: {/a: {get: {security: {k: []}}}}", "security must be a list"},
		"security of texts":        {openAPIHead + "paths: {/a: {get: {security: [k]}}}", "each item of security"},
		"scopes are no list":       {openAPIHead + "paths: {/a: {get: {security: [{k: s}]}}}", "write a list of scopes for k"},
		"a path twice":             {`{"openapi":"3.0.0","paths":{"/a":{},"/a":{}}}`, "written twice"},
		"a method twice":           {`{"openapi":"3.0.0","paths":{"/a":{"get":{},"get":{"security":[]}}}}`, "GET /a is written twice"},
		"another document":         {openAPIHead + "paths: {/a: {$ref: 'other.yaml#/a'}}", "refers to another document"},
		"in circles":               {openAPIHead + "paths: {/a: {$ref: '#/paths/~1a'}}", "refers to another document (or to nothing)"},
		"paths as a list":          {openAPIHead + "paths: [/a]", "paths must be fields"},
		"a path that is text":      {openAPIHead + "paths: {/a: b}", "must hold operations"},
		"an operation that is one": {openAPIHead + "paths: {/a: {get: b}}", "must have fields"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadOpenAPI([]byte(c.document), "")
			var wrong *access.Error
			if !errors.As(err, &wrong) || wrong.Code != "invalid_openapi" || wrong.Kind != access.Invalid || !strings.Contains(wrong.Message, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestTemplates(t *testing.T) {
	for template, want := range map[string]string{
		"/":                          "/",
		"/pets":                      "/pets",
		"/pets/":                     "/pets",
		"pets":                       "/pets",
		"/pets/{petId}":              "/pets/{petId}",
		"/pets/{pet.id}":             "/pets/*",
		"/pets/{id}.json":            "/pets/*.json",
		"/{a}-{b}":                   "/*-*",
		"/{a}{b}":                    "/*",
		"/v1/{name}:cancel":          "/v1/*:cancel",
		"/v1/{name=*}":               "/v1/{name}",
		"/files/{+path}":             "/files/**",
		"/files/{path*}":             "/files/**",
		"/files/{*path}":             "/files/**",
		"/files/{path:path}":         "/files/**",
		"/files/{path:.*}":           "/files/**",
		"/ids/{id:[0-9]{4}}":         "/ids/{id}",
		"/a?x={y}":                   "/a",
		"/a{?x,y}":                   "/a",
		"/a#create":                  "/a",
		"/a/**":                      "/a/**",
		"/a/*":                       "/a/*",
		"/a b/ü":                     "/a b/ü",
		"/a/{+p}/b":                  "/a/*/b … /a/*/*/*/*/*/*/*/*/b",
		"/v1/{+name}:cancel":         "/v1/*:cancel … /v1/*/*/*/*/*/*/*/*:cancel",
		"/v1/x{name=a/*/b/*}:cancel": "/v1/x*:cancel … /v1/x*/*/*/*/*/*/*/*:cancel",
	} {
		paths, _, err := templatePaths(template)
		got := strings.Join(paths[:min(len(paths), 1)], "")
		if len(paths) == maxSpread {
			got += " … " + paths[maxSpread-1]
		}
		if err != nil || got != want {
			t.Errorf("%s: %q (%v), want %q", template, got, err, want)
		}
		for _, p := range paths {
			if _, err := parsePattern("GET " + p); err != nil {
				t.Errorf("%s: %s: %v", template, p, err)
			}
		}
	}
	for _, template := range []string{"/{", "/}", "/a}b", "/{}", "/a//b", "/{;m}", "/{/p}", "/{+a}/x/{+b}/y", "/{+a}{+b}", "/" + strings.Repeat("a/", 600)} {
		if paths, _, err := templatePaths(template); err == nil {
			t.Errorf("%s: %v", template, paths)
		}
	}
}

// TestConcreteBeforeOpen: the first resource that matches is the operation that
// OpenAPI means.
func TestConcreteBeforeOpen(t *testing.T) {
	api, err := ReadOpenAPI([]byte(openAPIHead+`
x-daypass-access: authenticated
paths:
  /{any}: {get: {}}
  /pets/{id}: {get: {}}
  /pets/{id}:cancel: {post: {}}
  /pets/mine: {get: {}, head: {}}
  /pets/{id}/tags: {get: {}}
  /files/{+path}: {get: {}}
  /files/new: {get: {}}
  /pets: {get: {}, post: {}}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range api.Resources {
		got = append(got, r.Match)
	}
	want := []string{"GET /files/new", "GET /files/**", "GET /pets", "POST /pets", "HEAD /pets/mine", "GET /pets/mine", "POST /pets/*:cancel",
		"GET /pets/{id}", "GET /pets/{id}/tags", "GET /{any}"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestResourceFileKeeps: what an API description knows nothing of stays.
func TestResourceFileKeeps(t *testing.T) {
	api, err := ReadOpenAPI([]byte(openAPIHead+"servers: [{url: https://api.example.com/v2}]\npaths: {/a: {get: {security: [{k: [s]}], summary: '7'}}, /b: {get: {security: []}}}"), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, current := range []string{
		"# ours\napplication: photos\nhosts: [photos.example.com]\nprefix: /v1\nupstream: http://127.0.0.1:9000\nresources:\n  - match: GET /v1/old\n    access: public\n  - match: GET /v2/a\n    bearer_token: true\n    access: public\ndeny_networks: [192.0.2.0/24] # bad ones\n",
		`{"application": "photos", "hosts": ["photos.example.com"], "upstream": "http://127.0.0.1:9000", "resources": [{"match": "GET /v2/a", "access": "public", "bearer_token": true}], "deny_networks": ["192.0.2.0/24"]}`,
	} {
		if strings.HasPrefix(current, "#") {
			current = strings.Replace(current, "prefix: /v1", "prefix: /v2", 1)
			current = strings.Replace(current, "/v1/old", "/v2/old", 1)
		}
		file, err := api.ResourceFile([]byte(current), "", "")
		if err != nil {
			t.Fatal(err)
		}
		app := compile(t, string(file))
		d := app.Document
		if d.Upstream.Host != "127.0.0.1:9000" || len(d.Hosts) != 1 || d.DenyNetworks.Len() != 1 || len(d.Resources) != 2 || d.Prefix != "/v2" {
			t.Errorf("\n%s", file)
		}
		if a := d.Resources[0]; a.Match != "GET /v2/a" || !a.PassToken || a.Needs() != "s" || a.Comment != "7" {
			t.Errorf("%+v", a)
		}
		if strings.HasPrefix(current, "#") && (!strings.HasPrefix(string(file), "# ours\n") || !strings.Contains(string(file), "# bad ones")) {
			t.Errorf("the comments are gone:\n%s", file)
		}
		again, err := api.ResourceFile(file, "", "")
		if err != nil || string(again) != string(file) {
			t.Errorf("a second import changes the file: %v\n%s", err, again)
		}
		moved, err := api.ResourceFile([]byte(current), "", "http://127.0.0.1:7000")
		if err != nil || compile(t, string(moved)).Document.Upstream.Host != "127.0.0.1:7000" {
			t.Errorf("%v\n%s", err, moved)
		}
	}
}

// TestResourceFileKeepsProofs: a document that does not say that a sender proves a key, or signs, does not take it back.
func TestResourceFileKeepsProofs(t *testing.T) {
	api, err := ReadOpenAPI([]byte(openAPIHead+"paths: {/a: {get: {security: [{k: [s]}]}}, /b: {get: {security: [{k: []}]}}, /c: {get: {security: [{k: []}]}}, /d: {get: {security: [{k: []}], x-daypass-sender-key: true}}}"), "")
	if err != nil {
		t.Fatal(err)
	}
	current := "application: photos\nresources:\n  - match: GET /a\n    require: { scopes: [old], sender_key: true, signature: true }\n" +
		"  - match: GET /b\n    require: { sender_key: true }\n  - match: GET /c\n    require: { signature: true }\n"
	file, err := api.ResourceFile([]byte(current), "", "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]bool{}
	for _, r := range compile(t, string(file)).Document.Resources {
		got[r.Match] = [2]bool{r.SenderKey, r.Signature}
	}
	want := map[string][2]bool{"GET /a": {true, true}, "GET /b": {true, false}, "GET /c": {false, true}, "GET /d": {true, false}}
	if !maps.Equal(got, want) {
		t.Errorf("sender_key and signature are %v, want %v:\n%s", got, want, file)
	}
}

func TestPrefix(t *testing.T) {
	for name, c := range map[string]struct{ document, prefix, want, match string }{
		"of the server":        {"servers: [{url: https://api.example.com/v1/}]", "", "/v1", "GET /v1/a"},
		"asked for":            {"servers: [{url: https://api.example.com/v1}]", "/photos", "/photos", "GET /photos/a"},
		"of a relative server": {"servers: [{url: /v1}]", "", "/v1", "GET /v1/a"},
		"of a variable":        {"servers: [{url: '/{base}', variables: {base: {default: v3}}}]", "", "/v3", "GET /v3/a"},
		"open variable":        {"servers: [{url: 'https://h/{base}'}]", "", "", "GET /{base}/a"},
		"none":                 {"", "", "", "GET /a"},
	} {
		t.Run(name, func(t *testing.T) {
			api, err := ReadOpenAPI([]byte(openAPIHead+c.document+"\npaths: {/a: {get: {}}}"), c.prefix)
			if err != nil {
				t.Fatal(err)
			}
			if api.Prefix != c.want || api.Resources[0].Match != c.match {
				t.Errorf("prefix %q, %s", api.Prefix, api.Resources[0].Match)
			}
		})
	}
	if _, err := ReadOpenAPI([]byte(openAPIHead+"paths: {/a: {get: {}}}"), "/{photos}"); err == nil {
		t.Error("a prefix with a parameter is taken")
	}
}

func TestIgnoredOperations(t *testing.T) {
	api, err := ReadOpenAPI([]byte(openAPIHead+"x-daypass-access: public\npaths: {'/a/{id}': {get: {}}, /a/b: {get: {x-daypass-ignore: true}}, /c: {x-daypass-ignore: true, get: {}, put: {x-daypass-ignore: false}}}"), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(api.Resources) != 2 || api.Resources[1].Match != "PUT /c" {
		t.Errorf("%+v", api.Resources)
	}
	if len(api.Warnings) != 1 || api.Warnings[0].Operation != "GET /a/b" || !strings.Contains(api.Warnings[0].Message, "it falls under GET /a/{id}") {
		t.Errorf("%+v", api.Warnings)
	}
}

func TestInspectAgainstOpenAPI(t *testing.T) {
	api, err := ReadOpenAPI([]byte(openAPIHead+`
paths:
  /photos: {get: {security: []}, post: {security: [{k: [write]}]}}
  /photos/{id}: {get: {security: [{k: [read]}]}, delete: {security: [{k: [write]}]}}
  /photos/{id}/secret: {get: {}}
  /albums/{id}: {get: {security: [{k: [read]}]}}
  /tags: {get: {security: [{k: [read]}]}}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	app := compile(t, `
resources:
  - { match: GET /photos, access: public }
  - { match: POST /photos, require: { scopes: [write, admin] } }
  - { match: "DELETE /photos/{photo}", require: { scopes: [read] } }
  - { match: GET /photos/**, require: { scopes: [read] } }
  - { match: GET /albums/1, require: { scopes: [read] } }
  - { match: PUT /old, access: public }
  - { match: OPTIONS /**, access: public }
`)
	var got []string
	for _, f := range api.Inspect(app) {
		note := map[bool]string{true: " (note)"}[f.Note]
		got = append(got, string(f.Code)+note+" "+strings.Join(append(f.Operations, f.Match), " < "))
	}
	want := []string{
		"partly_covered GET /albums/{id} < GET /albums/1",
		"other_than_api POST /photos < POST /photos",
		"weaker_than_api DELETE /photos/{id} < DELETE /photos/{photo}",
		"caught_by_glob (note) GET /photos/{id} < GET /photos/**",
		"caught_by_glob GET /photos/{id}/secret < GET /photos/**",
		"uncovered GET /tags < ",
		"open_ended (note) GET /photos/**",
		"undescribed PUT /old",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// FuzzReadOpenAPI: no document does harm, and what is read makes a resource file.
func FuzzReadOpenAPI(f *testing.F) {
	documents, _ := filepath.Glob("testdata/openapi/*.openapi.*")
	for _, document := range documents {
		data, err := os.ReadFile(document)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(openAPIHead + "paths: {/a: &a {get: {security: [{k: [s]}]}}, /b: *a, /c: {$ref: '#/paths/~1a'}, '/{+x}:y': {<<: *a}}"))
	f.Add([]byte(openAPIHead + "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\npaths: {/a: {get: {x-daypass-roles: *d}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		api, err := ReadOpenAPI(data, "")
		if err != nil {
			var wrong *access.Error
			if !errors.As(err, &wrong) || wrong.Code != "invalid_openapi" {
				t.Fatalf("%v", err)
			}
			return
		}
		file, err := api.ResourceFile(nil, "photos", "")
		if err != nil {
			t.Fatalf("%v", err)
		}
		app, err := Compile(access.Application{Slug: "photos", Organization: cmp.Or(api.Organization, "acme"), Document: file})
		if err != nil {
			if strings.Contains(err.Error(), "at most") || strings.Contains(err.Error(), "compete") { // too large, or too many globs
				return
			}
			t.Fatalf("%v\n%s", err, file)
		}
		Inspect(app)
		api.Inspect(app)
		if changes := Compare(app, app); len(changes) > 0 {
			t.Fatalf("%+v", changes)
		}
	})
}

// TestBombs: a small document that means a large one is refused soon.
func TestBombs(t *testing.T) {
	var aliases strings.Builder
	aliases.WriteString(openAPIHead + "x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := range 9 {
		fmt.Fprintf(&aliases, "x%d: &x%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i), 10), ", "))
	}
	var many strings.Builder
	many.WriteString(openAPIHead + "paths:\n")
	for range MaxResources + 1 {
		fmt.Fprintf(&many, "  /%d: {get: {security: []}}\n", many.Len())
	}
	for name, document := range map[string]string{
		"aliases":    aliases.String(),
		"operations": many.String(),
		"nesting":    "{\"openapi\":\"3.0.0\",\"paths\":" + strings.Repeat("[", 100_000),
		"circle":     openAPIHead + "a: &a [*a]\npaths: {}",
		"long":       strings.Repeat(" ", MaxOpenAPI+1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadOpenAPI([]byte(document), ""); err == nil {
				t.Error("it is taken")
			}
		})
	}
}
