package gate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/scope"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

type failer interface{ Fatalf(string, ...any) }

func mustPath(t failer, target string) catalog.Path {
	p, err := catalog.ParsePath(target)
	if err != nil {
		t.Fatalf("%q: %v", target, err)
	}
	return p
}

func mustScopes(t failer, list ...string) scope.Set {
	s, err := scope.ParseSet(list)
	if err != nil {
		t.Fatalf("%q: %v", list, err)
	}
	return s
}

func application(t failer, id, slug, document string) *catalog.Application {
	a, err := catalog.Compile(access.Application{
		ID: id, OrganizationID: "org_1", Organization: "acme", Slug: slug, Document: []byte(document), Active: true,
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return a
}

func view(revocations *Revocations, apps ...*catalog.Application) *View {
	return &View{Catalog: (&catalog.Catalog{}).With(apps...), Revocations: revocations, Confirmed: noon}
}

func token(scopes scope.Set, roles ...access.Role) *access.Token {
	t := &access.Token{
		ID: "tok_1", Subject: "ada", Organization: "acme", OrganizationID: "org_1",
		UserID: "usr_1", MembershipID: "mem_1", Source: access.Source{KeyID: "key_1", KeyVersion: 1},
		Authority: access.Authority{
			Scopes: scopes, Roles: roles, Everywhere: true, NotAfter: noon.Add(time.Hour),
			Audiences: []access.Audience{{Organization: "acme", OrganizationID: "org_1"}},
		},
		IssuedAt: noon.Add(-time.Minute), NotBefore: noon.Add(-time.Minute), Revision: 10,
	}
	t.Seal()
	return t
}

func TestWithoutAViewNothingIsDecided(t *testing.T) {
	r := &Request{Method: "GET", Path: mustPath(t, "/")}
	open := application(t, "app_1", "photos", "resources:\n  - match: ANY /**\n    access: public\n")
	for name, v := range map[string]*View{
		"nil":             nil,
		"never confirmed": {Catalog: (&catalog.Catalog{}).With(open)},
		"old":             {Catalog: (&catalog.Catalog{}).With(open), Confirmed: noon.Add(-DefaultMaxAge - 1)},
		"old by its own":  {Catalog: (&catalog.Catalog{}).With(open), Confirmed: noon.Add(-2 * time.Second), MaxAge: time.Second},
	} {
		d := Decide(r, nil, v, noon)
		if d.Allow || d.Reason != StaleView || d.Status() != 503 {
			t.Errorf("%s: got %+v", name, d)
		}
		if e := Explain(&d, r, v); e.Checks[0].Outcome != Fail || e.Checks[0].Sentence == "" {
			t.Errorf("%s: got %+v", name, e)
		}
	}
	if d := Decide(r, nil, &View{Confirmed: noon}, noon); d.Reason != NoApplication {
		t.Errorf("without a catalog: got %+v", d)
	}
	if d := Decide(&Request{Method: "GET"}, nil, view(nil, open), noon); d.Allow {
		t.Errorf("without a path: got %+v", d)
	}
	var zero Decision
	if zero.Status() != 403 || zero.Identity() != (Identity{}) || zero.Refusal() == nil {
		t.Error("the zero Decision does not deny")
	}
}

// world draws an application, a view, a token and a request out of few names, so
// that every reason comes up.
type world struct {
	app     *catalog.Application
	list    []access.Revocation
	token   *access.Token
	request *Request
	now     time.Time
}

func (w *world) decide() Decision {
	return Decide(w.request, w.token, view(NewRevocations(w.list...), w.app), w.now)
}

var (
	someScopes = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "a:b", "a:*", "b", "c:d"}), 0, 4)
	someRoles  = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"consumer", "developer", "administrator"}), 0, 2, rapid.ID)
	subjects   = rapid.SampledFrom([]string{"org_1", "usr_1", "mem_1", "key_1", "key_1/1", "key_1/2", "app_1", "tok_1", "tok_2", "usr_2"})
)

func draw(t *rapid.T) *world {
	// Mostly noon: earlier the token has not begun, later the view is stale.
	w := &world{now: rapid.SampledFrom([]time.Time{noon, noon, noon, noon, noon, noon.Add(-time.Hour), noon.Add(time.Minute)}).Draw(t, "now")}
	w.app = application(t, "app_1", "photos", drawDocument(t))
	w.request = &Request{
		Method:  rapid.SampledFrom([]string{"GET", "POST", "HEAD"}).Draw(t, "method"),
		Path:    mustPath(t, rapid.SampledFrom([]string{"/", "/a", "/a/b", "/c"}).Draw(t, "path")),
		Address: netip.MustParseAddr(rapid.SampledFrom([]string{"192.0.2.1", "10.0.0.1", "::ffff:10.0.0.1"}).Draw(t, "address")),
	}
	if rapid.IntRange(0, 9).Draw(t, "anonymous") > 0 {
		w.token = drawToken(t)
	}
	w.list = drawRevocations(t)
	return w
}

func drawDocument(t *rapid.T) string {
	document := rapid.SampledFrom([]string{"", "", "deny_networks: [10.0.0.0/8]\n", "allow_networks: [10.0.0.0/8]\n"}).Draw(t, "lists") + "resources:\n"
	for range rapid.IntRange(1, 4).Draw(t, "rules") {
		document += fmt.Sprintf("  - match: %s\n", rapid.SampledFrom([]string{"GET /a", "ANY /a/*", "POST /**", "GET /**"}).Draw(t, "match"))
		scopes, roles := required(someScopes.Draw(t, "scopes")), someRoles.Draw(t, "roles")
		switch {
		case len(scopes) > 0 && len(roles) > 0:
			document += fmt.Sprintf("    require: {scopes: [%s], roles: [%s], in: %s}\n", commas(scopes), commas(roles), rapid.SampledFrom([]string{"account", "application"}).Draw(t, "in"))
		case len(scopes) > 0:
			document += fmt.Sprintf("    require: {scopes: [%s]}\n", commas(scopes))
		default:
			document += "    access: " + rapid.SampledFrom([]string{"public", "authenticated"}).Draw(t, "access") + "\n"
		}
	}
	return document
}

func required(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return strings.Contains(s, "*") })
}

func commas(items []string) string { return strings.Join(items, ", ") }

func drawToken(t *rapid.T) *access.Token {
	var roles []access.Role
	for _, name := range someRoles.Draw(t, "held") {
		role := access.Role{Name: name}
		if name != access.Administrator {
			role.OrganizationID = rapid.SampledFrom([]string{"org_1", "org_1", "org_2"}).Draw(t, "role organization")
			role.ApplicationID = rapid.SampledFrom([]string{"", "app_1", "app_2"}).Draw(t, "role application")
		}
		roles = append(roles, role)
	}
	tok := token(mustScopes(t, someScopes.Draw(t, "held scopes")...), roles...)
	if rapid.Bool().Draw(t, "bound") {
		tok.Authority.Everywhere = false
		tok.Authority.Networks = access.NewNetworks(netip.MustParsePrefix("10.0.0.0/8"))
	}
	tok.Authority.Audiences[0].ApplicationID = rapid.SampledFrom([]string{"", "app_1", "app_2"}).Draw(t, "audience")
	tok.OrganizationID = rapid.SampledFrom([]string{"org_1", "org_1", "org_1", "org_2"}).Draw(t, "organization")
	tok.Seal()
	return tok
}

func drawRevocations(t *rapid.T) []access.Revocation {
	var list []access.Revocation
	for range rapid.IntRange(0, 3).Draw(t, "revocations") {
		list = append(list, access.Revocation{
			Subject:   subjects.Draw(t, "subject"),
			Revision:  rapid.Int64Range(8, 13).Draw(t, "revision"),
			Effective: rapid.SampledFrom([]time.Time{{}, noon.Add(-time.Hour), noon, noon.Add(time.Hour)}).Draw(t, "effective"),
			Reason:    "test",
		})
	}
	return list
}

func TestNothingIsAllowedWithoutARule(t *testing.T) {
	reasons := map[Reason]bool{}
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		d := w.decide()
		reasons[d.Reason] = true
		rule := w.app.Match(w.request.Method, w.request.Path)
		if d.Allow != (d.Reason == Allowed || d.Reason == Public) || d.Allow && (rule == nil || d.Resource != rule) {
			t.Fatalf("rule %+v, decision %+v", rule, d)
		}
		if d.Reason == Public != (d.Allow && rule.Public) || d.Allow && !rule.Public && d.Token == nil {
			t.Fatalf("rule %+v, decision %+v", rule, d)
		}
		if again := Decide(w.request, w.token, d.view, w.now); again != d {
			t.Fatalf("first %+v, then %+v", d, again)
		}
		Explain(&d, w.request, d.view) // must not panic
	})
	t.Log(len(reasons), reasons) // of 16, to see that the worlds are worth drawing
}

// Authority only shrinks: neither one revocation more nor one scope, role or
// audience less ever turns a refusal into leave.
func TestLessNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		before := w.decide()
		more := *w
		more.list = append(slices.Clone(w.list), drawRevocations(t)...)
		if d := more.decide(); d.Allow && !before.Allow {
			t.Fatalf("revocations %+v turn %s into %s", more.list, before.Reason, d.Reason)
		}
		if w.token == nil {
			return
		}
		for _, less := range poorer(t, w.token) {
			fewer := *w
			fewer.token = less
			if d := fewer.decide(); d.Allow && !before.Allow {
				t.Fatalf("token %+v turns %s into %s", less, before.Reason, d.Reason)
			}
		}
	})
}

// poorer lists the tokens of the same lineage with one scope, role or audience less.
func poorer(t failer, tok *access.Token) []*access.Token {
	var out []*access.Token
	less := func(change func(*access.Authority)) {
		c := *tok
		change(&c.Authority)
		c.Seal()
		c.Lineage = tok.Lineage // else the token would also depend on less
		out = append(out, &c)
	}
	for i := range tok.Authority.Scopes.Len() {
		less(func(a *access.Authority) { a.Scopes = mustScopes(t, slices.Delete(a.Scopes.Strings(), i, i+1)...) })
	}
	for i := range tok.Authority.Roles {
		less(func(a *access.Authority) { a.Roles = slices.Delete(slices.Clone(a.Roles), i, i+1) })
	}
	less(func(a *access.Authority) { a.Audiences = nil })
	less(func(a *access.Authority) { a.Everywhere, a.Networks = false, access.Networks{} })
	return out
}

func FuzzDecide(f *testing.F) {
	app := application(f, "app_1", "photos", "hosts: [photos.example.com]\nresources:\n  - match: GET /public/**\n    access: public\n  - match: GET /x/*.jpg\n    require: {scopes: [a:b], roles: [consumer]}\n")
	v := view(NewRevocations(access.Revocation{Subject: "usr_2", Revision: 99}), app)
	tok := token(mustScopes(f, "a:*"), access.Role{Name: "consumer", OrganizationID: "org_1"})
	f.Add("GET", "photos.example.com", "/public/a", "192.0.2.1", "", true)
	f.Add("GET", "PHOTOS.example.com:80", "/x/a.jpg", "::1", "acme/photos", true)
	f.Add("\x00", "[::", "/%", "", "a/b/c", false)
	f.Fuzz(func(t *testing.T, method, host, target, address, hint string, pass bool) {
		path, err := catalog.ParsePath(target)
		if err != nil {
			return
		}
		addr, _ := netip.ParseAddr(address)
		r := &Request{Method: method, Host: host, Path: path, Address: addr, Application: hint}
		var held *access.Token
		if pass {
			held = tok
		}
		d := Decide(r, held, v, noon)
		e := Explain(&d, r, v)
		under := strings.HasPrefix(path.Decoded()+"/", "/public/") || pass && strings.HasPrefix(path.Decoded(), "/x/")
		if d.Allow && !(under && (method == "GET" || method == "HEAD")) {
			t.Fatalf("%s %q allowed: %+v", method, target, d)
		}
		for _, c := range e.Checks {
			if strings.ContainsAny(c.Sentence+e.Fix, "\x00\n\r\x1b") {
				t.Fatalf("unsafe words: %q, %q", c.Sentence, e.Fix)
			}
		}
	})
}

func TestIdentityNamesWhatIsGone(t *testing.T) {
	app := application(t, "app_1", "photos", "resources:\n  - match: GET /\n    access: authenticated\n")
	tok := token(scope.Set{}, access.Role{Name: "consumer", OrganizationID: "org_1", ApplicationID: "app_1"}, access.Role{Name: "consumer", OrganizationID: "org_1", ApplicationID: "app_2"})
	d := Decide(&Request{Method: "GET", Path: mustPath(t, "/")}, tok, view(nil, app), noon)
	if got := d.Identity().Roles; got != "consumer@photos consumer@app_2" {
		t.Errorf("got %q", got)
	}
}

// twoHundred is an application of 200 resources; the request falls under the
// last but one.
func twoHundred(t failer) (*catalog.Application, *Request) {
	document := "resources:\n"
	for i := range 100 {
		document += fmt.Sprintf("  - match: GET /v1/noun%d/{id}\n    require: { scopes: [noun%d:read, tenant:any], roles: [consumer] }\n", i, i)
		document += fmt.Sprintf("  - match: POST /v1/noun%d\n    require: { scopes: [noun%d:write] }\n", i, i)
	}
	r := &Request{Method: "GET", Host: "photos.example.com", Path: mustPath(t, "/v1/noun99/12345"), Address: netip.MustParseAddr("192.0.2.7")}
	return application(t, "app_1", "photos", document), r
}

func twentyScopes(t failer) *access.Token {
	scopes := []string{"tenant:*", "noun99:read"}
	for i := range 18 {
		scopes = append(scopes, fmt.Sprintf("noun%d:*", i))
	}
	return token(mustScopes(t, scopes...), access.Role{Name: "consumer", OrganizationID: "org_1"})
}

// strangers makes revocations of others.
func strangers(n int) []access.Revocation {
	random := rand.New(rand.NewPCG(1, 2))
	list := make([]access.Revocation, n)
	for i := range list {
		kind := [...]string{"key_", "usr_", "tok_", "mem_"}[i%4]
		list[i] = access.Revocation{Subject: fmt.Sprintf("%s%026x", kind, random.Uint64()), Revision: int64(i + 100), Reason: "key_deleted"}
	}
	return list
}

func TestDecideAllocatesNothing(t *testing.T) {
	app, r := twoHundred(t)
	v, tok := view(NewRevocations(strangers(1000)...), app), twentyScopes(t)
	if d := Decide(r, tok, v, noon); !d.Allow {
		t.Fatalf("got %+v", d)
	}
	denied := *r
	denied.Path = mustPath(t, "/v1/noun50/1")
	for name, request := range map[string]*Request{"allowed": r, "scope missing": &denied} {
		if n := testing.AllocsPerRun(100, func() { Decide(request, tok, v, noon) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	app, r := twoHundred(b)
	tok := twentyScopes(b)
	for _, n := range []int{0, 100_000} {
		v := view(NewRevocations(strangers(n)...), app)
		b.Run(fmt.Sprintf("revocations=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := Decide(r, tok, v, noon); !d.Allow {
					b.Fatal(d.Reason)
				}
			}
		})
	}
}
