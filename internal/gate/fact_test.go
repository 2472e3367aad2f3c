package gate

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/scope"
)

// traffic draws requests with passes of every kind: good, expired, early, revoked, of another organization or
// application, bound to an address or to a sender's key, garbled, and none.
type traffic struct {
	gate *Gate
	view *View
}

var (
	trafficRules = []string{
		"GET /public/**: access: public", "GET /a/*: require: {scopes: [a:read]}", "POST /a: require: {scopes: [a:read, a:write]}",
		"ANY /admin/**: require: {roles: [developer], in: account}", "GET /b: require: {scopes: [b:read], roles: [consumer]}",
		"POST /graphql: graphql: {query: public, mutation: {scope: 'a:{action}'}, fields: {Query.me: {scopes: [a:read], roles: [consumer]}, Query.no: refuse}, introspection: refuse}",
		"POST /graphql: graphql: {query: {scopes: [b:read]}, mutation: authenticated}",
		"GET /**: access: authenticated", "DELETE /a/*: require: {scopes: [a:write], roles: [developer, consumer]}",
	}
	trafficLists   = []string{"", "deny_networks: [192.0.2.0/24]\n", "allow_networks: [10.0.0.0/8, 192.0.2.7]\n"}
	trafficFrom    = []string{"10.0.0.1", "192.0.2.7", "192.0.2.8", "2001:db8::1"}
	trafficTargets = []string{"/public/x", "/a/1", "/a/2?q=secret", "/a", "/admin/x/y", "/b", "/c/%7Ed", "/", "/graphql"}
	trafficQueries = []string{"{me{id}}", "{no me}", "{people}", "mutation{ReadOne WriteOne}", "mutation{other}", "{__schema{types{name}}}", "subscription{me}"}
	trafficScopes  = []string{"", "a:read", "a:*", "a:read a:write b:read", "*"}
)

func drawFile(t *rapid.T) string {
	var text strings.Builder
	text.WriteString(rapid.SampledFrom(trafficLists).Draw(t, "lists"))
	text.WriteString("resources:\n")
	for _, rule := range rapid.SliceOfN(rapid.SampledFrom(trafficRules), 1, 6).Draw(t, "rules") {
		match, needs, _ := strings.Cut(rule, ": ")
		fmt.Fprintf(&text, "  - match: %s\n    %s\n", match, needs)
		if rapid.IntRange(0, 3).Draw(t, "shadow") == 0 {
			text.WriteString("    mode: shadow\n")
		}
	}
	return text.String()
}

func drawPass(t *rapid.T) *access.Token {
	held := mustScopes(t, strings.Fields(rapid.SampledFrom(trafficScopes).Draw(t, "scopes"))...)
	var roles []access.Role
	for _, role := range []access.Role{
		{Name: "developer", OrganizationID: "org_1"}, {Name: "consumer", OrganizationID: "org_1", ApplicationID: "app_1"},
		{Name: "consumer", OrganizationID: "org_1", ApplicationID: "app_2"},
	} {
		if rapid.Bool().Draw(t, role.Name) {
			roles = append(roles, role)
		}
	}
	token := token(held, roles...)
	switch rapid.SampledFrom([]string{"good", "good", "good", "expired", "early", "revoked", "bound", "sender", "foreign", "elsewhere"}).Draw(t, "pass") {
	case "expired":
		token.Authority.NotAfter = noon.Add(-time.Hour)
	case "early":
		token.NotBefore = noon.Add(time.Hour)
	case "revoked":
		token.Revision = 1
	case "bound":
		token.Authority.Everywhere, token.Authority.Networks = false, access.NewNetworks(netip.MustParsePrefix("10.0.0.0/8"))
	case "sender":
		token.Authority.Confirmation = "thumb"
	case "foreign":
		token.OrganizationID, token.Organization = "org_2", "other"
	case "elsewhere":
		token.Authority.Audiences[0].ApplicationID = "app_2"
	}
	return token
}

// judged is a request that was decided, and what was kept of it.
func (tr *traffic) judged(t *rapid.T) (access.Fact, Decision) {
	r := &Request{
		Method: rapid.SampledFrom([]string{"GET", "HEAD", "POST", "DELETE"}).Draw(t, "method"), Host: "photos.example.com",
		Path:    mustPath(t, rapid.SampledFrom(trafficTargets).Draw(t, "target")),
		Address: netip.MustParseAddr(rapid.SampledFrom(trafficFrom).Draw(t, "from")),
	}
	bearer := rapid.SampledFrom([]string{"", "garbled", "pass"}).Draw(t, "bearer")
	pass := drawPass(t)
	tr.gate = New(Config{Now: func() time.Time { return noon }, Read: func(text string) (*access.Token, error) {
		if text == "garbled" {
			return nil, access.ErrBadCredential
		}
		return pass, nil
	}})
	tr.gate.Swap(tr.view)
	d := tr.gate.CheckAt(r, bearer, noon)
	if d.Reason == GraphQLUnparsed {
		op, err := d.Resource.GraphQL.Read(catalog.GraphQLRequest{Query: rapid.SampledFrom(trafficQueries).Draw(t, "query")})
		if err != nil {
			t.Fatal(err)
		}
		r.GraphQL = op
		d = tr.gate.CheckAt(r, bearer, noon)
	}
	w, ok := d.Witness(r, noon)
	if !ok {
		t.Fatalf("%s by the file is not kept", d.Reason)
	}
	return w.Fact(r, noon), d
}

func candidate(t failer, document string) *catalog.Application {
	app, err := catalog.CompileCandidate(access.Application{
		ID: "app_1", OrganizationID: "org_1", Organization: "acme", Slug: "photos", Document: []byte(document), Active: true,
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return app
}

// TestReplayOfTheSameFileChangesNothing: whatever came, with whatever pass, what is kept of it is enough for the same
// file to give the same answer for the same reason.
func TestReplayOfTheSameFileChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		document := drawFile(t)
		tr := &traffic{view: view(NewRevocations(access.Revocation{Subject: "key_1", Revision: 5}), application(t, "app_1", "photos", document))}
		replay := NewReplay(candidate(t, document))
		var all Comparison
		for range rapid.IntRange(1, 10).Draw(t, "requests") {
			fact, d := tr.judged(t)
			again, err := replay.Decide(&fact)
			if err != nil {
				t.Fatal(err)
			}
			if again.Verdict() != d.Verdict() || again.Allow != d.Allow {
				t.Fatalf("%s %s: %+v became %+v; kept was %+v", fact.Method, fact.Path, d.Verdict(), again.Verdict(), fact)
			}
			was, _, _ := Recorded(&fact)
			all.Add(&fact, was, again.Verdict())
		}
		if len(all.Differences()) != 0 {
			t.Fatalf("differences: %+v", all.Differences())
		}
	})
}

// TestReplayFindsWhatAnotherFileWouldSay: the answer of a replay by another file is the one that the gate gives with that
// file in force; and what a file in shadow mode would have said is recorded as what it says once it is promoted.
func TestReplayFindsWhatAnotherFileWouldSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawFile(t), drawFile(t)
		whole := strings.ReplaceAll(after, "    mode: shadow\n", "")
		revoked := NewRevocations(access.Revocation{Subject: "key_1", Revision: 5})
		app := access.Application{ID: "app_1", OrganizationID: "org_1", Organization: "acme", Slug: "photos", Active: true, Document: []byte(before)}
		app.Shadow = []byte("mode: shadow\n" + after)
		beside, err := catalog.Compile(app)
		if err != nil {
			t.Fatal(err)
		}
		tr := &traffic{view: view(revoked, beside)}
		r := &Request{Method: "GET", Host: "photos.example.com", Path: mustPath(t, rapid.SampledFrom(trafficTargets).Draw(t, "target")),
			Address: netip.MustParseAddr(rapid.SampledFrom(trafficFrom).Draw(t, "from"))}
		pass := drawPass(t)
		tr.gate = New(Config{Now: func() time.Time { return noon }, Read: func(string) (*access.Token, error) { return pass, nil }})
		tr.gate.Swap(tr.view)
		d := tr.gate.CheckAt(r, "pass", noon)
		w, ok := d.Witness(r, noon)
		if !ok {
			t.Fatalf("%s is not kept", d.Reason)
		}
		fact := w.Fact(r, noon)
		replayed, err := NewReplay(candidate(t, after)).Decide(&fact)
		if err != nil {
			t.Fatal(err)
		}
		if want := Decide(r, pass, view(revoked, application(t, "app_1", "photos", after)), noon); replayed.Verdict() != want.Verdict() {
			t.Fatalf("replayed %+v, in force %+v", replayed.Verdict(), want.Verdict())
		}
		_, shadow, tried := Recorded(&fact)
		if want := Decide(r, pass, view(revoked, application(t, "app_1", "photos", whole)), noon); !tried || shadow != want.Verdict() {
			t.Fatalf("in shadow %+v, promoted %+v", shadow, want.Verdict())
		}
		if plain := Decide(r, pass, view(revoked, application(t, "app_1", "photos", before)), noon); plain.Verdict() != d.Verdict() {
			t.Fatalf("the file in shadow mode changed the answer: %+v, without it %+v", d.Verdict(), plain.Verdict())
		}
	})
}

// TestFactsHoldNoMoreThanTheyMay: no query, nothing of another organization's pass, nothing that no file decided.
func TestFactsHoldNoMoreThanTheyMay(t *testing.T) {
	app := application(t, "app_1", "photos", "resources: [{match: GET /a, require: {scopes: ['a:read']}}]")
	pass := token(mustScopes(t, "a:read"), access.Role{Name: "developer", OrganizationID: "org_1"})
	g := New(Config{Now: func() time.Time { return noon }, Read: func(string) (*access.Token, error) { return pass, nil }})
	g.Swap(view(nil, app))
	fact := func(target string) (access.Fact, Witnessed, bool) {
		r := &Request{Method: "GET", Host: strings.Repeat("h", 300), Path: mustPath(t, target), Address: netip.MustParseAddr("::ffff:10.0.0.1")}
		d := g.CheckAt(r, "pass", noon)
		w, ok := d.Witness(r, noon)
		if !ok {
			return access.Fact{}, w, false
		}
		return w.Fact(r, noon), w, true
	}
	f, w, ok := fact("/a?token=secret")
	if !ok || f.Path != "/a" || len(f.Host) != maxHost || f.From.String() != "10.0.0.1" || f.KeyID != "key_1" || f.Scopes != "a:read" || f.RoleText != "developer" {
		t.Errorf("%+v", f)
	}
	if used := w.Used(); len(used) != 1 || used[0] != scope.MustParse("a:read") {
		t.Errorf("used %v", used)
	}
	if _, w, _ := fact("/b"); w.Used() != nil {
		t.Error("a request that was denied made use of a scope")
	}
	pass.OrganizationID = "org_2"
	if f, _, ok := fact("/a"); !ok || f.KeyID != "" || f.Subject != "" || f.MembershipID != "" || f.Scopes != "" || f.Roles != nil || f.Reason != "wrong_organization" {
		t.Errorf("of another organization: %+v", f)
	}
	g.Swap(&View{Catalog: (&catalog.Catalog{}).With(app)})
	if _, _, ok := fact("/a"); ok {
		t.Error("what no file decided is kept")
	}
	r := &Request{Method: "GET", Path: mustPath(t, "/a")}
	if d := (Decision{Reason: "rate_limited", Application: app}); d.byFile(r) {
		t.Error("a limit is taken for a rule")
	}
	closed := application(t, "app_1", "photos", "allow_networks: [10.0.0.0/8]\nresources: [{match: GET /a, access: public}]")
	for _, d := range []Decision{{Reason: AddressDenied, Application: app}, {Reason: Public, Allow: true, Application: closed}} {
		if d.byFile(r) {
			t.Errorf("a list beside the file is taken for the file: %s", d.Reason)
		}
	}
}

func TestDifferencesAreGrouped(t *testing.T) {
	var c Comparison
	was := Verdict{Reason: Allowed, Rule: "GET /a/*"}
	lacks := Verdict{Reason: ScopeMissing, Rule: "GET /a/*", Missing: "a:read"}
	for i := range 30 {
		f := access.Fact{First: noon.Add(time.Duration(-i) * time.Minute), Last: noon, Count: int64(i + 1), FactKey: access.FactKey{Method: "GET", Path: fmt.Sprint("/a/", i), KeyID: fmt.Sprint("key_", i)}}
		c.Add(&f, was, lacks)
	}
	anonymous := access.Fact{First: noon, Last: noon, Count: 5, FactKey: access.FactKey{Method: "GET", Path: "/b"}}
	c.Add(&anonymous, Verdict{Reason: NoRule}, Verdict{Reason: Public, Rule: "GET /b"})
	c.Add(&anonymous, Verdict{Reason: NoRule}, Verdict{Reason: TokenMissing, Rule: "GET /b"})
	c.Add(&anonymous, Verdict{Reason: Public, Rule: "GET /b"}, Verdict{Reason: Public, Rule: "GET /**"})
	got := c.Differences()
	if len(got) != 3 || got[0].Change != NewlyDenied || got[1].Change != NewlyAllowed || got[2].Change != DeniedOtherwise {
		t.Fatalf("%+v", got)
	}
	d := got[0]
	if d.Requests != 465 || len(d.Keys) != MaxKeys || d.MoreKeys != 10 || d.Keys[0] != (KeyCount{"key_29", 30}) || len(d.Samples) != MaxSamples ||
		!d.First.Equal(noon.Add(-29*time.Minute)) || d.Anonymous != 0 || got[1].Anonymous != 5 {
		t.Errorf("%+v", d)
	}
	if c.Requests != 480 || c.Count(NewlyDenied) != 465 || c.Count(Same) != 0 {
		t.Errorf("%d requests, %d newly denied", c.Requests, c.Count(NewlyDenied))
	}
}

// What every request pays for being remembered is time alone.
func TestWitnessAllocatesNothing(t *testing.T) {
	app := application(t, "app_1", "photos", "resources: [{match: GET /a, require: {scopes: ['a:read']}}]")
	v, pass, r := view(nil, app), token(mustScopes(t, "a:read")), &Request{Method: "GET", Path: mustPath(t, "/a"), Address: netip.MustParseAddr("10.0.0.1")}
	d := Decide(r, pass, v, noon)
	if n := testing.AllocsPerRun(100, func() {
		if w, ok := d.Witness(r, noon); ok {
			_, _ = w.Fact(r, noon), w.Used()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWitness(b *testing.B) {
	app := application(b, "app_1", "photos", "resources: [{match: GET /a, require: {scopes: ['a:read']}}]")
	pass := token(mustScopes(b, "a:read"))
	g := New(Config{Now: func() time.Time { return noon }, Read: func(string) (*access.Token, error) { return pass, nil }})
	g.Swap(view(nil, app))
	r := &Request{Method: "GET", Path: mustPath(b, "/a"), Address: netip.MustParseAddr("10.0.0.1")}
	d := g.CheckAt(r, "pass", noon)
	b.ReportAllocs()
	for b.Loop() {
		if w, ok := d.Witness(r, noon); ok {
			_ = w.Fact(r, noon)
		}
	}
}

// TestGraphQLFactsNameTheirFields: what is kept of an operation are its fields, and what it used are their scopes.
func TestGraphQLFactsNameTheirFields(t *testing.T) {
	app := application(t, "app_1", "photos", "resources:\n  - match: POST /graphql\n    graphql: {mutation: {scope: 'a:{action}'}}\n")
	r := &Request{Method: "POST", Host: "photos.example.com", Path: mustPath(t, "/graphql")}
	v := view(NewRevocations(), app)
	op, err := Decide(r, nil, v, noon).Resource.GraphQL.Read(catalog.GraphQLRequest{Query: "mutation{x:ReadOne WriteOne}"})
	if err != nil {
		t.Fatal(err)
	}
	r.GraphQL = op
	d := Decide(r, token(mustScopes(t, "a:*")), v, noon)
	w, ok := d.Witness(r, noon)
	if f := w.Fact(r, noon); !ok || f.Fields != "Mutation.ReadOne Mutation.WriteOne" {
		t.Errorf("kept are %q", f.Fields)
	}
	if used := fmt.Sprint(w.Used()); used != "[a:Read a:Write]" {
		t.Errorf("used %s", used)
	}
	for _, names := range []string{"", "Mutation", "mutation.ReadOne", "Mutation.ReadOne x"} {
		if catalog.OperationOf(names) != nil {
			t.Errorf("%q is read as an operation", names)
		}
	}
}
