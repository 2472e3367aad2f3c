package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
)

func compile(t interface{ Fatalf(string, ...any) }, document string) *Application {
	return compileAs(t, access.Application{ID: "app_1", OrganizationID: "org_1", Organization: "acme", Slug: "photos", Active: true}, document)
}

func compileAs(t interface{ Fatalf(string, ...any) }, app access.Application, document string) *Application {
	app.Document = []byte(document)
	a, err := Compile(app)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return a
}

// firstMatch defines what Match must find: look at every rule in its order.
func firstMatch(a *Application, method string, p Path) *Resource {
	for i := range a.Document.Resources {
		if r := &a.Document.Resources[i]; r.pattern.allows(method) && r.pattern.matches(p) {
			return r
		}
	}
	return nil
}

// Few names, so that rules and paths meet often.
var (
	ruleMethods  = rapid.SampledFrom([]string{"GET", "POST", "GET,POST", "ANY", "PURGE", "HEAD", "PURGE,GET"})
	ruleSegments = rapid.SampledFrom([]string{"a", "b", "ab", "*", "{id}", "a*", "*b", "*a*", "a*b", "%C3%A9"})
	pathSegments = rapid.SampledFrom([]string{"a", "b", "ab", "aab", "c", "%c3%a9", "a%20b", "bab"})
	methods      = rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PURGE", "DELETE", "OPTIONS", "get", ""})
)

func rules(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("resources:\n")
	for range rapid.IntRange(1, 12).Draw(t, "rules") {
		path := strings.Join(rapid.SliceOfN(ruleSegments, 0, 4).Draw(t, "rule"), "/")
		end := rapid.SampledFrom([]string{"", "", "/", "/**"}).Draw(t, "end")
		path = strings.ReplaceAll("/"+path+end, "//", "/")
		fmt.Fprintf(&b, "  - match: %s %s\n    access: public\n", ruleMethods.Draw(t, "method"), path)
	}
	return b.String()
}

func TestMatchIsTheFirstThatMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		app := compile(t, rules(t))
		for range 8 {
			target := "/" + strings.Join(rapid.SliceOfN(pathSegments, 0, 5).Draw(t, "path"), "/")
			if target != "/" && rapid.Bool().Draw(t, "slash") {
				target += "/"
			}
			method, p := methods.Draw(t, "request"), mustPath(t, target)
			if got, want := app.Match(method, p), firstMatch(app, method, p); got != want {
				t.Fatalf("%s %s: got %+v, want %+v", method, target, got, want)
			}
		}
	})
}

func TestNothingMatchesNothing(t *testing.T) {
	app := compile(t, "resources:\n  - match: ANY /**\n    access: public\n")
	if app.Match("GET", Path{}) != nil || app.Match("", mustPath(t, "/a")) != nil || app.Nearest(Path{}) != nil {
		t.Error("the zero Path or method matched")
	}
	if app.Match("GET", mustPath(t, "/")) == nil {
		t.Error("/** does not match /")
	}
}

func TestTooManyGlobsInOnePlace(t *testing.T) {
	var b strings.Builder
	b.WriteString("resources:\n")
	for i := range maxGlobs + 1 {
		fmt.Fprintf(&b, "  - match: GET /files/*.%d\n    access: public\n", i)
	}
	_, err := Compile(access.Application{Document: []byte(b.String())})
	if problem := access.AsError(err); problem.Code != "invalid_resources" || !strings.Contains(problem.Message, "line 130, column 12") {
		t.Errorf("got %v", err)
	}
}

func application(t interface{ Fatalf(string, ...any) }, id, name, document string) *Application {
	org, slug, _ := strings.Cut(name, "/")
	return compileAs(t, access.Application{ID: id, OrganizationID: "org_" + org, Organization: org, Slug: slug, Active: true}, document)
}

func TestFind(t *testing.T) {
	var none *Catalog
	inactive := application(t, "app_0", "acme/off", "hosts: [photos.example.com]\n")
	inactive.Active = false
	c := none.With(
		application(t, "app_3", "acme/late", "{}"),
		application(t, "app_1", "acme/host", "hosts: [Photos.Example.com, 127.0.0.1]\n"),
		application(t, "app_2", "acme/rest", "{}"),
		application(t, "app_4", "acme/usurper", "hosts: [photos.example.com]\n"),
		application(t, "app_5", "acme/deep", "hosts: [photos.example.com]\nprefix: /a%3Ab/c\n"),
		application(t, "app_6", "acme/wild", "hosts: ['*.example.com']\nprefix: /w\n"),
		inactive,
	)
	for _, q := range []struct{ host, target, hint, want string }{
		{"photos.example.com", "/", "", "acme/host"},
		{"photos.example.com", "/a:b/c", "", "acme/deep"},
		{"photos.example.com", "/a%3ab/c/", "", "acme/deep"},
		{"photos.example.com", "/a:b/c/d", "", "acme/deep"},
		{"photos.example.com", "/a:b/cd", "", "acme/host"},
		{"photos.example.com:8080", "/", "", "acme/host"},
		{"PHOTOS.example.COM.", "/", "", "acme/host"},
		{"127.0.0.1:8000", "/", "", "acme/host"},
		{"albums.example.com", "/w/x", "", "acme/wild"},
		{"albums.example.com", "/x", "", "acme/rest"},
		{"x.albums.example.com", "/w/x", "", "acme/rest"},
		{".example.com", "/w", "", "acme/rest"},
		{"[2001:db8::1]:8000", "/", "", "acme/rest"},
		{"2001:db8::1", "/", "", "acme/rest"},
		{"", "/", "", "acme/rest"},
		{"photos.example.com", "/", "acme/late", "acme/late"},
		{"photos.example.com", "/", "acme/off", ""},
		{"photos.example.com", "/", "acme", ""},
	} {
		a, got := c.Find(q.host, mustPath(t, q.target), q.hint), ""
		if a != nil {
			got = a.Name()
		}
		if got != q.want {
			t.Errorf("Find(%q, %q, %q): got %q, want %q", q.host, q.target, q.hint, got, q.want)
		}
	}
	if c.Find("photos.example.com", Path{}, "") != nil || none.Find("x", mustPath(t, "/"), "") != nil {
		t.Error("something was found for the zero Path, or in the nil catalog")
	}
}

func TestTaken(t *testing.T) {
	first := application(t, "app_1", "acme/first", "{}")
	deep := application(t, "app_2", "acme/deep", "prefix: /deep\n")
	late := application(t, "app_3", "acme/late", "{}")
	named := application(t, "app_4", "acme/named", "hosts: [a.example.com, '*.example.com']\n")
	usurper := application(t, "app_5", "acme/usurper", "hosts: [b.example.com, '*.example.com']\n")
	off := application(t, "app_6", "acme/off", "{}")
	off.Active = false
	var none *Catalog
	c := none.With(first, deep, late, named, usurper, off)
	for a, want := range map[*Application]string{first: "", deep: "", late: " acme/first", named: "", usurper: "*.example.com acme/named", off: ""} {
		got := ""
		if host, by := c.Taken(a); by != nil {
			got = host + " " + by.Name()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", a.Name(), got, want)
		}
	}
	if _, by := none.Taken(first); by != nil {
		t.Error("nothing takes something")
	}
}

func TestCatalogIsImmutable(t *testing.T) {
	one := (&Catalog{}).With(application(t, "app_1", "acme/photos", "prefix: /a\n"))
	two := one.With(application(t, "app_2", "acme/albums", "prefix: /b\n"), application(t, "app_1", "acme/photos", "prefix: /c\n"))
	gone := two.Without("app_1", "app_9")
	if one.Len() != 1 || two.Len() != 2 || gone.Len() != 1 || gone.Application("app_1") != nil || two.Application("app_1") == nil || two.Named("acme/albums") == nil {
		t.Errorf("got %d, %d, %d applications", one.Len(), two.Len(), gone.Len())
	}
	for _, q := range []struct {
		c     *Catalog
		path  string
		found bool
	}{{one, "/a", true}, {one, "/c", false}, {two, "/a", false}, {two, "/c", true}, {gone, "/c", false}, {gone, "/b", true}} {
		if (q.c.Find("h", mustPath(t, q.path), "") != nil) != q.found {
			t.Errorf("%s: want found %v", q.path, q.found)
		}
	}
}

func TestConflict(t *testing.T) {
	apps := []*Application{
		application(t, "app_1", "acme/host", "hosts: [a.example, b.example]\n"),
		application(t, "app_2", "acme/prefix", "prefix: /p\n"),
		application(t, "app_3", "acme/both", "hosts: [a.example]\nprefix: /p\n"),
		application(t, "app_4", "acme/rest", "{}"),
	}
	for document, clash := range map[string]bool{
		"hosts: [b.example, c.example]\n":         true,
		"hosts: [B.EXAMPLE]\n":                    true,
		"hosts: [c.example]\n":                    false,
		"hosts: ['*.example']\n":                  false,
		"hosts: [b.example]\nprefix: /p\n":        false,
		"hosts: [a.example]\nprefix: /%70/\n":     true,
		"hosts: [a.example]\nprefix: /p/longer\n": false,
		"prefix: /p\n":                            true,
		"prefix: /q\n":                            false,
		"{}":                                      false,
	} {
		err := Conflict(apps, application(t, "app_9", "globex/new", document))
		var problem *access.Error
		if errors.As(err, &problem) != clash || clash && (problem.Kind != access.Conflict || problem.Code != "route_taken" || strings.Contains(problem.Message, "acme")) {
			t.Errorf("%q: got %v", document, err)
		}
	}
	if err := Conflict(apps, application(t, "app_1", "acme/host", "hosts: [a.example]\n")); err != nil {
		t.Errorf("an application clashes with itself: %v", err)
	}
	apps[0].Active = false
	if err := Conflict(apps, application(t, "app_9", "globex/new", "hosts: [b.example]\n")); err != nil {
		t.Errorf("clash with one that is not active: %v", err)
	}
}

func TestAdmits(t *testing.T) {
	data, err := os.ReadFile("testdata/ip-match.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Matches []struct {
			ID               int
			Network, Address string
			Match            bool
		}
		MustRefuseAsNetwork []string
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors.Matches) == 0 {
		t.Fatal(err)
	}
	// Beside the network under test, enough others to need a routing table.
	crowd := ""
	for i := range 3 * maxLinear {
		crowd += fmt.Sprintf(", 240.0.%d.0/25", i)
	}
	const hostBits = "192.0.2.5/24" // refused, like what is no network at all
	for _, network := range append(vectors.MustRefuseAsNetwork, hostBits) {
		if _, err := ParseDocument(fmt.Appendf(nil, "deny_networks: [%q]\n", network)); err == nil {
			t.Errorf("%q is taken for a network", network)
		}
	}
	for _, v := range vectors.Matches {
		if v.Network == hostBits {
			continue
		}
		addr, err := netip.ParseAddr(v.Address)
		if err != nil {
			t.Fatal(err)
		}
		for _, others := range []string{"", crowd} {
			for list, admits := range map[string]bool{"deny_networks": !v.Match, "allow_networks": v.Match} {
				app := compile(t, fmt.Sprintf("%s: [%q%s]\n", list, v.Network, others))
				if app.Admits(addr) != admits {
					t.Errorf("%d: %s [%s], %s: want admitted %v", v.ID, list, v.Network, v.Address, admits)
				}
			}
		}
	}
}

func TestUnknownAddress(t *testing.T) {
	for document, admits := range map[string]bool{
		"{}":                             true,
		"deny_networks: [10.0.0.0/8]\n":  false,
		"allow_networks: [10.0.0.0/8]\n": false,
	} {
		if compile(t, document).Admits(netip.Addr{}) != admits {
			t.Errorf("%q: want admitted %v", document, admits)
		}
	}
	if compile(t, "deny_networks: ['fe80::/10']\n").Admits(netip.MustParseAddr("fe80::1%eth0")) {
		t.Error("a zone hides an address from the list")
	}
}

// large makes rules like those of a real API: a collection, an item and a nested
// collection for each noun.
func large(t interface{ Fatalf(string, ...any) }, n int) *Application {
	var b strings.Builder
	b.WriteString("resources:\n")
	for i := range n {
		path := [...]string{"/v1/noun%d", "/v1/noun%d/{id}", "/v1/noun%d/{id}/parts/**"}[i%3]
		fmt.Fprintf(&b, "  - {match: \"ANY %s\", require: {scopes: [s]}}\n", fmt.Sprintf(path, i/3))
	}
	return compile(t, b.String())
}

func TestMatchingAllocatesNothing(t *testing.T) {
	app := large(t, 1000)
	c := (&Catalog{}).With(app)
	p := mustPath(t, "/v1/noun200/7/parts/a/b")
	for name, f := range map[string]func() bool{
		"Match":  func() bool { return app.Match("GET", p) != nil },
		"Find":   func() bool { return c.Find("localhost", p, "") != nil },
		"Admits": func() bool { return app.Admits(netip.IPv6Loopback()) },
		"ParsePath": func() bool {
			_, err := ParsePath("/v1/noun200/7")
			return err == nil
		},
	} {
		if !f() {
			t.Errorf("%s: wrong answer", name)
		}
		if n := testing.AllocsPerRun(100, func() { f() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		app := large(b, n)
		last := (n - 1) / 3
		for name, target := range map[string]string{"last": fmt.Sprintf("/v1/noun%d/7", last-1), "none": "/v1/other/7"} {
			p := mustPath(b, target)
			b.Run(fmt.Sprintf("resources=%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					app.Match("GET", p)
				}
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	var doc strings.Builder
	doc.WriteString("resources:\n")
	for i := range MaxResources {
		fmt.Fprintf(&doc, "  - match: GET /v1/noun%d/{id}\n    require: { scopes: [photos:read] }\n", i)
	}
	app := access.Application{Document: []byte(doc.String())}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(app); err != nil {
			b.Fatal(err)
		}
	}
}
