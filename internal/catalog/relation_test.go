package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// allPaths are the paths of up to four segments in which patterns of
// ruleSegments can differ: each segment with what they spell out, alone, doubled,
// and with something they do not.
var allPaths = func() []Path {
	segments := []string{"a", "b", "ab", "zz", "az", "zb", "azb", "zaz", "bzazb"}
	texts, last := []string{"/"}, []string{""}
	for range 4 {
		var next []string
		for _, before := range last {
			for _, s := range segments {
				next = append(next, before+"/"+s)
			}
		}
		texts, last = append(texts, next...), next
	}
	paths := make([]Path, len(texts))
	for i, text := range texts {
		paths[i] = Path{decoded: text}
	}
	return paths
}()

func drawPattern(t *rapid.T, name string) *pattern {
	segments := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "*", "{id}", "a*", "*b", "*a*", "a*b"}), 0, 3).Draw(t, name)
	text := "/" + strings.Join(append(segments, rapid.SampledFrom([]string{"", "", "**"}).Draw(t, name+"'s end")), "/")
	p, err := parsePattern(ruleMethods.Draw(t, name+"'s method") + " " + strings.ReplaceAll(text, "//", "/"))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &p
}

func TestPatternsSubsumeAndMeetAsTheirPathsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := drawPattern(t, "p"), drawPattern(t, "q")
		subsumes, meets := true, false
		for _, path := range allPaths {
			inP, inQ := p.matches(path), q.matches(path)
			subsumes = subsumes && (inP || !inQ)
			meets = meets || inP && inQ
		}
		if got := p.subsumes(q); got != subsumes {
			t.Errorf("subsumes: %v, by looking at every path %v", got, subsumes)
		}
		if got := p.meets(q); got != meets {
			t.Errorf("meets: %v, by looking at every path %v", got, meets)
		}
		for _, path := range p.meeting(q, 5) {
			if !p.matches(path) || !q.matches(path) {
				t.Errorf("they do not meet at %q", path.decoded)
			}
		}
		if subsumes && !q.subsumes(p) && q.before(p) >= 0 {
			t.Errorf("q is within p, and does not come before it")
		}
		if (p.shape() == q.shape()) != (p.before(q) == 0) {
			t.Errorf("the order takes different shapes for one, or one for two")
		}
	})
}

// requirements of resources, few, so that they are often the same.
var requirements = rapid.SampledFrom([]string{"access: public", "access: authenticated", "require: {scopes: [a]}", "require: {scopes: [a, b]}",
	"require: {roles: [consumer]}", "require: {sender_key: true}", "require: {scopes: [a], sender_key: true}", "require: {scopes: [a], roles: [consumer, developer], in: account}"})

func drawDocument(t *rapid.T, name string) *Application {
	var b strings.Builder
	b.WriteString("application: photos\nresources:\n")
	seen := map[string]bool{}
	for range rapid.IntRange(1, 8).Draw(t, name) {
		segments := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "{id}", "a*", "*b"}), 0, 3).Draw(t, "rule")
		path := strings.ReplaceAll("/"+strings.Join(append(segments, rapid.SampledFrom([]string{"", "", "**"}).Draw(t, "end")), "/"), "//", "/")
		match := ruleMethods.Draw(t, "method") + " " + path
		if !seen[match] {
			fmt.Fprintf(&b, "  - match: %s\n    %s\n", match, requirements.Draw(t, "requirement"))
		}
		seen[match] = true
	}
	return compile(t, b.String())
}

var everyMethod = []string{"GET", "HEAD", "POST", "PURGE", "LOCK"}

func TestNeverMatchesIsWhatNoRequestReaches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		app := drawDocument(t, "rules")
		reached := map[*Resource]bool{}
		for _, path := range allPaths {
			for _, m := range everyMethod {
				reached[app.Match(m, path)] = true
			}
		}
		for i := range app.Document.Resources {
			r := &app.Document.Resources[i]
			said := slices.ContainsFunc(Inspect(app), func(f Finding) bool { return f.Code == NeverMatches && f.Line == r.Line })
			if said == reached[r] {
				t.Errorf("%s: said to match nothing: %v; reached: %v", r.Match, said, reached[r])
			}
		}
	})
}

func TestCompareFindsEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawDocument(t, "before"), drawDocument(t, "after")
		changes := Compare(before, after)
		find := func(o, n *Resource) *Change {
			for i := range changes {
				if changes[i].Before == o && changes[i].After == n {
					return &changes[i]
				}
			}
			return nil
		}
		met := map[*Change]bool{}
		for _, path := range allPaths {
			for _, m := range everyMethod {
				o, n := before.Match(m, path), after.Match(m, path)
				same := o == nil && n == nil || o != nil && n != nil && o.requiresSame(n)
				change := find(o, n)
				if same != (change == nil) {
					t.Fatalf("%s %s: the same: %v, change: %+v", m, path.decoded, same, change)
				}
				if change != nil {
					met[change] = true
					if !slices.Contains(change.Methods, m) && !slices.Contains(change.Methods, "ANY") {
						t.Errorf("%s %s: changes for %v only", m, path.decoded, change.Methods)
					}
				}
			}
		}
		for i := range changes {
			if !met[&changes[i]] {
				t.Errorf("no request shows %+v", changes[i])
			}
		}
	})
}

func TestEffects(t *testing.T) {
	resource := func(requirement string) *Resource {
		if requirement == "" {
			return nil
		}
		return &compile(t, "application: photos\nresources: [{match: GET /a, "+requirement+"}]").Document.Resources[0]
	}
	for _, c := range []struct {
		before, after string
		effect        Effect
		loosens       bool
	}{
		{"", "access: public", Published, true},
		{"", "access: authenticated", Added, false},
		{"access: authenticated", "", Removed, false},
		{"access: public", "", Removed, false},
		{"require: {scopes: [a]}", "access: public", Opened, true},
		{"require: {scopes: [a]}", "access: authenticated", Weakened, true},
		{"require: {scopes: [a, b]}", "require: {scopes: [a]}", Weakened, true},
		{"require: {scopes: [a]}", "require: {scopes: [a, b]}", Tightened, false},
		{"require: {scopes: [a]}", "require: {scopes: [b]}", Replaced, true},
		{"require: {roles: [consumer]}", "require: {roles: [consumer, developer]}", Weakened, true},
		{"require: {roles: [consumer]}", "require: {roles: [consumer], in: account}", Weakened, true},
		{"require: {roles: [consumer], in: account}", "require: {roles: [consumer]}", Tightened, false},
		{"require: {scopes: [a], roles: [consumer]}", "require: {scopes: [a]}", Weakened, true},
		{"access: public", "access: authenticated", Tightened, false},
	} {
		if got := effectOf(resource(c.before), resource(c.after)); got != c.effect || got.Loosens() != c.loosens {
			t.Errorf("%q → %q: %s (loosens: %v), want %s (%v)", c.before, c.after, got, got.Loosens(), c.effect, c.loosens)
		}
	}
}

func TestInspect(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		want     []FindingCode
	}{
		"nothing": {"upstream: http://127.0.0.1:1\nresources:\n- {match: GET /a/b, access: public}\n- {match: GET /a/**, access: authenticated}", nil},
		"a public rule takes a protected one": {
			"upstream: http://127.0.0.1:1\nresources:\n- {match: GET /a/**, access: public}\n- {match: GET /a/b, access: authenticated}", []FindingCode{NeverMatches}},
		"a public rule takes a part of a protected one": {
			"upstream: http://127.0.0.1:1\nresources:\n- {match: GET /a/**, access: public}\n- {match: ANY /a/b, access: authenticated}", []FindingCode{PublicOverlap}},
		"two that cross": {
			"upstream: http://127.0.0.1:1\nresources:\n- {match: 'GET /*/b', access: public}\n- {match: 'GET /a/*', access: authenticated}", []FindingCode{PublicOverlap}},
		"two that together take a third": {
			"upstream: http://127.0.0.1:1\nresources:\n- {match: GET /a, access: public}\n- {match: 'GET /a/{b}/**', access: authenticated}\n- {match: 'GET /a/**', access: authenticated}", []FindingCode{NeverMatches}},
		"what the prefix leaves": {
			"prefix: /a\nupstream: http://127.0.0.1:1\nresources:\n- {match: GET /a/**, access: authenticated}\n- {match: 'GET /**', access: authenticated}", []FindingCode{NeverMatches}},
		"what is tried": {
			"upstream: http://127.0.0.1:1\nmode: shadow\nresources:\n- {match: GET /a, access: public}\n- {match: GET /b, mode: shadow, access: public}\n- {match: GET /b, access: public}", []FindingCode{NeverMatches}},
		"nothing at all": {"application: photos", []FindingCode{NoResources, NoUpstream}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []FindingCode
			for _, f := range Inspect(compile(t, c.document)) {
				got = append(got, f.Code)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}
