package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/access"
)

const example = `
application: photos
organization: acme
hosts: [photos.example.com, "*.photos.example.com"]
prefix: /v1/
upstream: http://127.0.0.1:9000
timeout: 20s
deny_networks: [203.0.113.0/24, "::ffff:198.51.100.7"]
allow_networks: [0.0.0.0/0, "::/0"]
tokens: { default_life: 1h, max_life: 1d }
resources:
  # a comment
  - match: GET /v1/photos/**
    access: public
  - match: POST,PUT /v1/photos
    require: { scopes: [photos:write, photos:read], roles: [consumer, developer], in: account }
    pass_token: true
    pass_cookies: true
    comment: >
      who may add
      a photo
  - {match: "* /v1/any", access: authenticated, bearer_token: true}
`

const exampleJSON = `{
	"application": "photos", "organization": "acme",
	"hosts": ["photos.example.com", "*.photos.example.com"],
	"prefix": "/v1", "upstream": "http://127.0.0.1:9000", "timeout": 20,
	"deny_networks": ["203.0.113.0\/24", "198.51.100.7"], "allow_networks": ["::/0", "0.0.0.0/0"],
	"tokens": {"default_life": 3600, "max_life": "86400s"},
	"resources": [
		{"match": "GET /v1/photos/**", "access": "public"},
		{"match": "POST,PUT /v1/photos", "require": {"scopes": ["photos:write", "photos:read"], "roles": ["consumer", "developer"], "in": "account"},
		 "pass_token": true, "pass_cookies": true, "comment": "who may add a photo\n"},
		{"match": "* /v1/any", "access": "authenticated", "pass_token": true}
	]
}`

func TestDocument(t *testing.T) {
	for name, text := range map[string]string{"YAML": example, "JSON": exampleJSON, "Windows": strings.ReplaceAll(example, "\n", "\r\n")} {
		doc, err := ParseDocument([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := fmt.Sprint(doc.Application, doc.Organization, doc.Hosts, doc.Prefix, doc.Upstream, doc.Timeout,
			doc.DenyNetworks.Strings(), doc.AllowNetworks.Strings(), doc.Tokens)
		want := "photos acme [*.photos.example.com photos.example.com] /v1 http://127.0.0.1:9000 20s [198.51.100.7 203.0.113.0/24] [0.0.0.0/0 ::/0] {1h0m0s 24h0m0s false}"
		want = strings.Replace(want, "photos acme ", "photosacme", 1)
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		checkExampleResources(t, name, doc.Resources)
	}
}

func checkExampleResources(t *testing.T, name string, resources []Resource) {
	t.Helper()
	if len(resources) != 3 {
		t.Fatalf("%s: %d resources", name, len(resources))
	}
	read, write, anything := resources[0], resources[1], resources[2]
	if !read.Public || read.PassToken || read.Match != "GET /v1/photos/**" || read.Path() != "/v1/photos/**" {
		t.Errorf("%s: %+v", name, read)
	}
	if write.Public || !write.PassToken || !write.PassCookies || !write.InAccount || fmt.Sprint(write.Scopes, write.Roles) != "[photos:write photos:read] [consumer developer]" ||
		write.RoleText() != "consumer or developer" || write.Comment != "who may add a photo\n" {
		t.Errorf("%s: %+v", name, write)
	}
	if anything.Public || !anything.PassToken || len(anything.Scopes)+len(anything.Roles) != 0 {
		t.Errorf("%s: %+v", name, anything)
	}
}

// One resource may be wrong in the middle of a file; the place must be right.
func resource(lines string) string {
	return "resources:\n  - match: GET /a\n    access: public\n" + lines
}

func TestProblemsNamePlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, text, place, says string }{
		{"unknown field", "application: photos\nresource: []\n", "line 2, column 1", "known here are: application"},
		{"unknown field of a resource", resource("  - match: GET /b\n    acces: public\n"), "line 5, column 5", `unknown field "acces"`},
		{"unknown field of require", resource("  - match: GET /b\n    require: { scope: a }\n"), "line 5, column 16", "known here are: scopes, roles, in"},
		{"twice", "prefix: /a\nprefix: /b\n", "line 2, column 1", "written twice"},
		{"twice in JSON", "{\"prefix\": \"/a\",\n \"prefix\": \"/b\"}", "line 2, column 2", "written twice"},
		{"no value", "prefix:\n", "line 1, column 1", "leave the field out"},
		{"a list at the top", "- a\n", "line 1, column 1", "write fields here"},
		{"only text", "photos\n", "line 1, column 1", "write fields here"},
		{"empty", "", "line 1, column 1", "empty"},
		{"only a comment", "# nothing\n", "line 1, column 1", "empty"},
		{"number for text", "prefix: 12\n", "line 1, column 9", "in quotes"},
		{"text for a list", "hosts: photos.example.com\n", "line 1, column 8", "write a list of hosts"},
		{"neither access nor require", resource("  - match: GET /b\n"), "line 4, column 5", "must say what it needs"},
		{"no match", resource("  - access: public\n"), "line 4, column 5", "needs a match"},
		{"public and require", resource("  - match: GET /b\n    access: public\n    require: { scopes: [a] }\n"), "line 6, column 14", "cannot require"},
		{"empty require", resource("  - match: GET /b\n    require: {}\n"), "line 5, column 14", "must name scopes or roles, or say sender_key: true or signature: true"},
		{"sender_key that is false", resource("  - match: GET /b\n    require: { scopes: [a], sender_key: false }\n"), "line 5, column 41", "write sender_key: true, or leave it out"},
		{"sender_key of GraphQL", resource("  - match: POST /b\n    require: { sender_key: true }\n    graphql: { query: authenticated }\n"), "line 6, column 14", "take out access and require"},
		{"require with in alone", resource("  - match: GET /b\n    require: { in: account }\n"), "line 5, column 14", "must name scopes or roles, or say sender_key: true or signature: true"},
		{"in without roles", resource("  - match: GET /b\n    require: { scopes: [a], in: account }\n"), "line 5, column 33", "add roles"},
		{"empty scopes", resource("  - match: GET /b\n    require: { scopes: [] }\n"), "line 5, column 24", "name a scope"},
		{"empty roles", resource("  - match: GET /b\n    require: { roles: [] }\n"), "line 5, column 23", "name a role"},
		{"scope pattern", resource("  - match: GET /b\n    require: { scopes: [a, 'b:*'] }\n"), "line 5, column 28", "has no '*'"},
		{"bad scope", resource("  - match: GET /b\n    require: { scopes: ['!a'] }\n"), "line 5, column 25", "not allowed"},
		{"role with application", resource("  - match: GET /b\n    require: { roles: [developer@photos] }\n"), "line 5, column 24", "name of a role alone"},
		{"wrong in", resource("  - match: GET /b\n    require: { roles: [a], in: organization }\n"), "line 5, column 32", "write application or account"},
		{"wrong access", resource("  - match: GET /b\n    access: none\n"), "line 5, column 13", "write public or authenticated"},
		{"pass_token in words", resource("  - match: GET /b\n    access: public\n    pass_token: yes\n"), "line 6, column 17", "true or false"},
		{"both names of pass_token", resource("  - match: GET /b\n    access: public\n    pass_token: true\n    bearer_token: true\n"), "line 7, column 19", "are the same"},
		{"rate", resource("  - match: GET /b\n    access: public\n    limit: { rate: 100/min }\n"), "line 6, column 20", "as in 100/m"},
		{"rate without unit", resource("  - match: GET /b\n    access: public\n    limit: { rate: 100 }\n"), "line 6, column 20", "write text here"},
		{"burst", resource("  - match: GET /b\n    access: public\n    limit: { rate: 1/s, burst: many }\n"), "line 6, column 32", "burst: 20"},
		{"burst of nothing", resource("  - match: GET /b\n    access: public\n    limit: { quota: 1/d, burst: 2 }\n"), "line 6, column 33", "add rate"},
		{"per", resource("  - match: GET /b\n    access: public\n    limit:\n      - quota: 1/d\n      - { per: user, rate: 1/s }\n"), "line 8, column 16", "subject, organization"},
		{"nothing limited", resource("  - match: GET /b\n    access: public\n    limit: { per: key }\n"), "line 6, column 12", "must bound something"},
		{"quota per hour", resource("  - match: GET /b\n    access: public\n    limit: { quota: 5/h }\n"), "line 6, column 21", "10000/d or 300000/month"},
		{"size", resource("  - match: GET /b\n    access: public\n    limit: { body: 10mb }\n"), "line 6, column 20", "as in 10MiB"},
		{"bytes", resource("  - match: GET /b\n    access: public\n    limit: { bytes: 1GiB }\n"), "line 6, column 21", "as in 1GiB/d"},
		{"no limits", resource("  - match: GET /b\n    access: public\n    limit: []\n"), "line 6, column 12", "empty list limits nothing"},
		{"graphql", resource("  - match: POST /b\n    access: public\n    graphql: { query: public }\n"), "line 6, column 14", "take out access and require"},
		{"no method", resource("  - match: /b\n    access: public\n"), "line 4, column 12", "GET /photos/{id}"},
		{"small letters", resource("  - match: get /b\n    access: public\n"), "line 4, column 12", "in capitals"},
		{"blank in methods", resource("  - match: GET, POST /b\n    access: public\n"), "line 4, column 12", "one space and a path"},
		{"ANY with another", resource("  - match: ANY,GET /b\n    access: public\n"), "line 4, column 12", "ANY alone"},
		{"** in the middle", resource("  - match: GET /a/**/b\n    access: public\n"), "line 4, column 12", "only be the last"},
		{"** in a segment", resource("  - match: GET /a**\n    access: public\n"), "line 4, column 12", "one '*'"},
		{"name in a segment", resource("  - match: GET /{id}.jpg\n    access: public\n"), "line 4, column 12", "whole segment"},
		{"query", resource("  - match: GET /b?x=1\n    access: public\n"), "line 4, column 12", "without the query"},
		{"dots", resource("  - match: GET /a/../b\n    access: public\n"), "line 4, column 12", "dot segment"},
		{"empty segment", resource("  - match: GET /a//b\n    access: public\n"), "line 4, column 12", "empty segment"},
		{"semicolon", resource("  - match: GET /a;b\n    access: public\n"), "line 4, column 12", "';'"},
		{"encoded slash", resource("  - match: GET /a%2fb\n    access: public\n"), "line 4, column 12", "encoded slash"},
		{"outside the prefix", "prefix: /photos\nresources:\n  - match: GET /{id}/x\n    access: public\n  - match: GET /albums\n    access: public\n", "line 5, column 12", "as in /photos/albums"},
		{"prefix without slash", "prefix: photos\n", "line 1, column 9", "as in /photos"},
		{"prefix of all", "prefix: /\n", "line 1, column 9", "leave it out"},
		{"prefix with wildcard", "prefix: /a/*\n", "line 1, column 9", "plain characters"},
		{"host with scheme", "hosts: ['https://a.example']\n", "line 1, column 9", "without scheme and port"},
		{"host with port", "hosts: ['a.example:80']\n", "line 1, column 9", "without scheme and port"},
		{"every host", "hosts: ['*']\n", "line 1, column 9", "without scheme and port"},
		{"no hosts", "hosts: []\n", "line 1, column 8", "leave hosts out"},
		{"host bits", "deny_networks:\n  - 10.0.0.0/8\n  - 192.0.2.5/24\n", "line 3, column 5", "without host bits"},
		{"empty allow list", "allow_networks: []\n", "line 1, column 17", "nobody"},
		{"upstream without scheme", "upstream: localhost:9000\n", "line 1, column 11", "http://host:port"},
		{"upstream of another kind", "upstream: file:///etc/passwd\n", "line 1, column 11", "http://host:port"},
		{"upstream with password", "upstream: http://a:b@host\n", "line 1, column 11", "no user and password"},
		{"upstream with path", "upstream: http://host/base\n", "line 1, column 11", "keep their own path"},
		{"upstream with query", "upstream: http://host?x\n", "line 1, column 11", "keep their own path"},
		{"upstream with bad port", "upstream: http://host:99999\n", "line 1, column 11", "port"},
		{"upstream with odd host", "upstream: http://ho$t\n", "line 1, column 11", "host"},
		{"duration", "timeout: soon\n", "line 1, column 10", "whole seconds"},
		{"no duration", "timeout: 0\n", "line 1, column 10", "whole seconds"},
		{"long duration", "timeout: 2h\n", "line 1, column 10", "at most 3600 seconds"},
		{"lives the wrong way round", "tokens: { default_life: 2h, max_life: 1h }\n", "line 1, column 9", "longer than max_life"},
		{"life", "tokens: { max_life: 31d }\n", "line 1, column 21", "at most 2592000 seconds"},
		{"application in capitals", "application: Photos\n", "line 1, column 14", "lower-case"},

		{"anchor", "prefix: &x /a\n", "line 1, column 9", "anchors"},
		{"alias", "hosts: &h [a.example]\nprefix: *h\n", "line 1, column 8", "anchors"},
		{"star without quotes", "hosts: [*.example.com]\n", "line 1, column 9", "in quotes"},
		{"any method without quotes", resource("  - match: * /b\n    access: public\n"), "line 4, column 12", "ANY"},
		{"tag", "prefix: !!str /a\n", "line 1, column 9", "tags"},
		{"merge", "tokens:\n  <<: {max_life: 1h}\n", "line 2, column 3", "merge"},
		{"two documents", "prefix: /a\n---\nprefix: /b\n", "line 2, column 1", "one document"},
		{"something after the end", "prefix: /a\n...\n}\n", "line 3, column 1", "not YAML"},
		{"tab", "application: photos\n\tprefix: /a\n", "line 2, column 1", "not YAML"},
		{"indentation", "resources:\n  - match: GET /a\n   access: public\n", "line 3, column 4", "not YAML"},
		{"open bracket", "prefix: /a\nhosts: [a.example\nupstream: http://a\n", "line 3, column 1", "not YAML"},
		{"open quote", "prefix: \"/a\nupstream: x\n", "line 1, column 9", "not YAML"},
		{"two colons", "prefix: /a: b\n", "line 1, column 9", "not YAML"},
		{"deep", "hosts: [[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]\n", "line 1, column 16", "nested deeper"},
		{"control character", "prefix: \"/\x01\"\n", "line 1, column 1", "not YAML"},
		{"not UTF-8", "prefix: /\xff\n", "line 1, column 1", "not UTF-8"},
		{"JSON cut off", "{\"prefix\": \"/a\",\n", "line 2, column 1", "not JSON"},
		{"JSON with a comment", "{\n  // x\n}", "line 2, column 3", "not JSON"},
		{"JSON and more", "{\"prefix\": \"/a\"}\n,", "line 2, column 1", "follows the end"},
		{"JSON with a bad value", "{\"hosts\":\n  [\"é\", \"a.example\", \"b:1\"]}", "line 2, column 22", "without scheme"},
		{"deep JSON", "{\"hosts\": [[[[[[[[[[]]]]]]]]]]}", "line 1, column 18", "nested deeper"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseDocument([]byte(c.text))
			var problem *access.Error
			if !errors.As(err, &problem) || problem.Kind != access.Invalid || problem.Code != "invalid_resources" {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(problem.Message, c.place+": ") || !strings.Contains(problem.Message, c.says) {
				t.Errorf("got %s\nwant %s: … %s", problem.Message, c.place, c.says)
			}
		})
	}
}

func TestProblemsAreListedTogether(t *testing.T) {
	_, err := ParseDocument([]byte("a: 1\nprefix: x\nupstream: y\nresources:\n  - match: z\n"))
	problem := access.AsError(err)
	if lines := strings.Split(problem.Message, "\n"); len(lines) != 5 || len(problem.Fields) != 5 {
		t.Errorf("got %d lines, %d fields: %s", len(lines), len(problem.Fields), problem.Message)
	}
	if f := problem.Fields[3]; f.Pointer != "/resources/0/match" {
		t.Errorf("got pointer %q", f.Pointer)
	}
	_, err = ParseDocument([]byte("resources:\n" + strings.Repeat("  - match: z\n", 20)))
	if problem = access.AsError(err); len(problem.Fields) != 10 || !strings.HasSuffix(problem.Message, "\nand 30 more") {
		t.Errorf("got %s", problem.Message)
	}
}

func TestLimits(t *testing.T) {
	rules := func(n int) string {
		return "resources:\n" + strings.Repeat("  - {match: GET /a, access: public}\n", n)
	}
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"10,000 resources": {rules(MaxResources), true},
		"10,001 resources": {rules(MaxResources + 1), false},
		"1 MiB":            {"prefix: /a\n#" + strings.Repeat("x", MaxDocument-13) + "\n", true},
		"more than 1 MiB":  {"prefix: /a\n#" + strings.Repeat("x", MaxDocument-12) + "\n", false},
		"long match":       {"resources:\n  - match: GET /" + strings.Repeat("a", MaxPattern) + "\n    access: public\n", false},
	} {
		if _, err := ParseDocument([]byte(c.text)); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A reader that is not linear would not come back from these.
func TestHostileFilesAreRefused(t *testing.T) {
	const n = MaxDocument
	for name, text := range map[string]string{
		"brackets":     strings.Repeat("[", n),
		"braces":       "a: " + strings.Repeat("{", n-3),
		"dashes":       strings.Repeat("- ", n/2),
		"questions":    strings.Repeat("? ", n/2),
		"colons":       strings.Repeat("a: ", n/3),
		"keys":         strings.Repeat("abc: 1\n", n/7),
		"keys by four": strings.Repeat("a:\n b:\n  c:\n   d: 1\n", n/20),
		"comments":     strings.Repeat("#\n", n/2),
		"quotes":       strings.Repeat("\"a\"\n", n/4),
		"pairs":        strings.Repeat("[]", n/2),
		"steps":        steps(500),
	} {
		if _, err := ParseDocument([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := ParseDocument([]byte(text[:maxLocated])); err == nil {
			t.Errorf("%s, short: accepted", name)
		}
	}
}

func steps(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestMessagesAreSafeToShow(t *testing.T) {
	_, err := ParseDocument([]byte("\"\\u001b[31m<b>\\r\\n" + strings.Repeat("x", 500) + "\": 1\n"))
	problem := access.AsError(err)
	if strings.ContainsAny(problem.Message, "\x1b\r\n") || len(problem.Message) > 500 {
		t.Errorf("got %q", problem.Message)
	}
}

func TestNamesMustAgree(t *testing.T) {
	app := access.Application{ID: "app_1", Organization: "acme", Slug: "albums", Document: []byte(example)}
	_, err := Compile(app)
	if problem := access.AsError(err); problem.Code != "invalid_resources" || !strings.Contains(problem.Message, `line 2, column 14: this names the application "photos"`) {
		t.Errorf("got %v", err)
	}
	app.Slug = "photos"
	if _, err := Compile(app); err != nil {
		t.Error(err)
	}
	app.Organization = "globex"
	if _, err := Compile(app); err == nil {
		t.Error("another organization's file was taken")
	}
	if _, err := Compile(access.Application{Slug: "photos", Organization: "acme", Document: []byte("prefix: /x\n")}); err != nil {
		t.Errorf("names may be left out: %v", err)
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(exampleJSON))
	f.Add([]byte("resources: [{match: GET /a, require: {scopes: [a:b]}}]"))
	f.Add([]byte(resource("  - match: * /b\n    limit: { rate: 100/m }\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := ParseDocument(data)
		if err != nil {
			if problem := access.AsError(err); problem.Code != "invalid_resources" || !strings.HasPrefix(problem.Message, "line ") {
				t.Fatalf("%v", err)
			}
			return
		}
		for i := range doc.Resources {
			r := &doc.Resources[i]
			if r.Public && (len(r.Scopes) > 0 || len(r.Roles) > 0) {
				t.Fatalf("public, with requirements: %+v", r)
			}
		}
	})
}

// TestColumnsOfOneLongLine: columns count characters, also far into a line.
func TestColumnsOfOneLongLine(t *testing.T) {
	file := `{"resources": [` + strings.Repeat(`{"match": "GET /é", "access": "public"}, `, 9_000) + `{"match": 7, "access": "public"}]}`
	_, err := ParseDocument([]byte(file))
	want := fmt.Sprintf("line 1, column %d: ", utf8.RuneCountInString(file[:strings.Index(file, "7,")])+1)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
