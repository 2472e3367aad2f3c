package scope_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/scope"
)

var grammar = regexp.MustCompile(`^[A-Za-z0-9_.*-]+(:[A-Za-z0-9_.*-]+)*$`)

func valid(s string) bool { return len(s) <= scope.MaxLength && grammar.MatchString(s) }

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("a", 257)
	for _, c := range []struct {
		text   string
		offset int
		reason string
	}{
		{"", 0, "must not be empty"},
		{":", 0, "before, between and after"},
		{":a", 0, "before, between and after"},
		{"a:", 2, "before, between and after"},
		{"a::b", 2, "before, between and after"},
		{"!Mutation:Person:Delete", 0, "character '!'"},
		{"photos:rea?", 10, "character '?'"},
		{"photos:{read,write}", 7, "character '{'"},
		{"photos:[a-z]", 7, "character '['"},
		{"+(photos)", 0, "character '+'"},
		{`"photos"`, 0, `character '"'`},
		{`photos\:read`, 6, `character '\\'`},
		{"photos/read", 6, "character '/'"},
		{"photos:read ", 11, "character ' '"},
		{"photos:read\n", 11, `character '\n'`},
		{"photos\x00", 6, `character '\x00'`},
		{"fotó", 3, `character '\u00f3'`},
		{"photos:\xff", 7, "byte 0xff"},
		{long, 256, "at most 256 bytes, this has 257"},
	} {
		_, err := scope.Parse(c.text)
		var syntax *scope.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%q): got %v, want a SyntaxError", c.text, err)
			continue
		}
		if syntax.Offset != c.offset || !strings.Contains(syntax.Reason, c.reason) {
			t.Errorf("Parse(%q): got byte %d: %s; want byte %d: %s", c.text, syntax.Offset, syntax.Reason, c.offset, c.reason)
		}
	}
	if _, err := scope.Parse(long[:256]); err != nil {
		t.Errorf("256 bytes: %v", err)
	}
}

func TestErrorsAreSafeToShow(t *testing.T) {
	_, err := scope.Parse("\x1b[31m<script>\r\nSet-Cookie: é" + strings.Repeat("x", 10_000))
	if msg := err.Error(); len(msg) > 500 || regexp.MustCompile(`[^\x20-\x7e]`).MatchString(msg) {
		t.Errorf("unsafe or long: %q", msg)
	}
}

func TestListsNameTheirFault(t *testing.T) {
	tooMany := strings.Repeat("a ", scope.MaxPatterns) + "a"
	_, tooManyErr := scope.ParseSet(strings.Fields(tooMany))
	_, setErr := scope.ParseSet([]string{"a", "b c", "!"})
	for name, c := range map[string]struct {
		err   error
		index int
	}{
		"set":             {setErr, 1},
		"set too long":    {tooManyErr, scope.MaxPatterns},
		"list too long":   {listError(tooMany), scope.MaxPatterns},
		"leading space":   {listError(" a"), 0},
		"trailing space":  {listError("a "), 1},
		"two spaces":      {listError("a  b"), 1},
		"tab":             {listError("a b\tc"), 1},
		"only a space":    {listError(" "), 0},
		"quoted":          {listError(`a "b"`), 1},
		"bad third scope": {listError("a b c:"), 2},
	} {
		var fault *scope.ListError
		if !errors.As(c.err, &fault) || fault.Index != c.index {
			t.Errorf("%s: got %v, want a ListError at %d", name, c.err, c.index)
		}
	}
}

func listError(s string) error {
	_, err := scope.ParseList(s)
	return err
}

func TestZeroValuesAllowNothing(t *testing.T) {
	var none scope.Pattern
	all := scope.NewSet(scope.MustParse("*"))
	if none.Match("a") || none.Match("") || none.Concrete() || all.Includes(none) || all.Covers(none) {
		t.Error("the zero Pattern takes part in something")
	}
	if _, ok := all.ExplainIncludes(none); ok {
		t.Error("the zero Pattern has a witness")
	}
	var empty scope.Set
	if empty.Match("a") || empty.Includes(scope.MustParse("a")) || !empty.IsEmpty() || !empty.Equal(scope.NewSet(none)) {
		t.Error("the zero Set is not the empty set")
	}
	if s, err := scope.ParseList(""); err != nil || !s.Equal(empty) {
		t.Errorf(`ParseList(""): got %v, %v`, s, err)
	}
}

func TestOnlyConcreteScopesMatch(t *testing.T) {
	all := scope.NewSet(scope.MustParse("*"))
	for _, s := range []string{"", ":", "a:", "a b", "a\n", "*", "a:*", "!a", strings.Repeat("a", 257)} {
		if all.Match(s) || scope.MustParse("*").Match(s) {
			t.Errorf("* matches %q", s)
		}
		if e := all.Explain(s); e.Matched || e.Err == nil {
			t.Errorf("Explain(%q): %v", s, e)
		}
	}
	if all.Covers(scope.MustParse("a:*")) {
		t.Error("a wildcard counts as a concrete scope")
	}
}

// A matcher that retries its wildcards would not come back from this.
func TestManyWildcards(t *testing.T) {
	pattern := scope.MustParse(strings.Repeat("a*", 21) + "b")
	text := strings.Repeat("a", scope.MaxLength)
	if pattern.Match(text) {
		t.Error("matched without its last character")
	}
	if !pattern.Match(text[1:] + "b") {
		t.Error("did not match")
	}
	if scope.NewSet(pattern).Includes(scope.MustParse(strings.Repeat("a*", 20) + "c")) {
		t.Error("included")
	}
}

func TestCheckingAllocatesNothing(t *testing.T) {
	set, required := realistic()
	last, absent := scope.MustParse("Subscription:*:Merge"), scope.MustParse("photos:*:own")
	for name, f := range map[string]func() bool{
		"Pattern.Match": func() bool { return last.Match(required.String()) },
		"Match":         func() bool { return set.Match(required.String()) },
		"Covers":        func() bool { return set.Covers(required) },
		"Includes":      func() bool { return !set.Includes(absent) },
	} {
		if !f() {
			t.Errorf("%s: wrong answer", name)
		}
		if n := testing.AllocsPerRun(100, func() { f() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestExplain(t *testing.T) {
	held, err := scope.ParseList("*:Person:* Mutation:*:Place:*:Add Mutation:*:Delete Query:Person photos:read")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"Query:Person:Create":   `Query:Person:Create is covered by *:Person:*`,
		"Query:Person":          `Query:Person is covered by Query:Person`,
		"photos:write":          `photos:write is not covered: the nearest held scope, photos:read, agrees up to "photos:" and then needs "read"`,
		"photos:reader":         `photos:reader is not covered: the nearest held scope, photos:read, agrees up to "photos:read" and then ends`,
		"photos":                `photos is not covered: the nearest held scope, photos:read, agrees up to "photos" and then needs ":read"`,
		"Mutation:Event:Create": `Mutation:Event:Create is not covered: the nearest held scope, Mutation:*:Delete, agrees up to "Mutation:" and then needs ":Delete" at the end`,
		"Mutation:a:Place:b":    `Mutation:a:Place:b is not covered: the nearest held scope, Mutation:*:Place:*:Add, agrees up to "Mutation:a:Place:" and then needs ":Add" at the end`,
		"albums":                `albums is not covered: the nearest held scope, *:Person:*, needs ":Person:" further on`,
		"photos:read ":          `scope "photos:read ", byte 11: character ' ' is not allowed; use letters, digits, "_", ".", "-", ":" and "*"`,
		"photos:*":              `scope "photos:*", byte 7: a concrete scope has no wildcard`,
	} {
		if got := held.Explain(text).String(); got != want {
			t.Errorf("Explain(%q):\n got %s\nwant %s", text, got, want)
		}
	}
	if got, want := (scope.Set{}).Explain("photos:read").String(), "photos:read is not covered: no scope is held"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A union that covers only jointly exists where every character is spelled
// out. It is refused, which is the safe side, and there is no witness to show.
func TestJointCoverIsRefused(t *testing.T) {
	patterns := []scope.Pattern{scope.MustParse("a"), scope.MustParse("a:*")}
	for _, c := range segmentAlphabet {
		patterns = append(patterns, scope.MustParse("a"+string(c)+"*"))
	}
	held, ask := scope.NewSet(patterns...), scope.MustParse("a*")
	if held.Includes(ask) {
		t.Error("included")
	}
	if w, ok := held.ExplainIncludes(ask); ok {
		t.Errorf("witness %q", w)
	}
	without := scope.NewSet(slices.DeleteFunc(patterns, func(p scope.Pattern) bool { return p.String() == "aQ*" })...)
	if w, ok := without.ExplainIncludes(ask); !ok || w != "aQ" {
		t.Errorf("witness: got %q, %v, want aQ", w, ok)
	}
}

func TestWitnessOfALongAskIsAScope(t *testing.T) {
	ask := scope.MustParse("*" + strings.Repeat("a", scope.MaxLength-1))
	witness, ok := scope.NewSet(scope.MustParse("b")).ExplainIncludes(ask)
	if !ok || !ask.Match(witness) {
		t.Errorf("got %q, %v", witness, ok)
	}
}

// The generators stay within a few letters, so that patterns meet often.

func pattern() *rapid.Generator[string] {
	return rapid.StringMatching(`[ab*]{1,3}(:[ab*]{1,3}){0,2}`)
}

func concreteScope() *rapid.Generator[string] {
	return rapid.StringMatching(`[abx]{1,3}(:[abx]{1,3}){0,2}`)
}

func patterns() *rapid.Generator[[]string] { return rapid.SliceOfN(pattern(), 0, 4) }

func mustSet(t interface{ Fatal(...any) }, list []string) scope.Set {
	s, err := scope.ParseSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMatchIsTheGlobOfItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		held, text := patterns().Draw(t, "held"), concreteScope().Draw(t, "scope")
		set, want := mustSet(t, held), anyMatches(held, text)
		required := scope.MustParse(text)
		if set.Match(text) != want || set.Covers(required) != want || set.Includes(required) != want || set.Explain(text).Matched != want {
			t.Fatalf("%q on %q: want %v everywhere", held, text, want)
		}
		for _, h := range held {
			if scope.MustParse(h).Match(text) != matches(h, text) {
				t.Fatalf("%q on %q", h, text)
			}
		}
	})
}

func TestExplainedOffsetIsWithinTheScope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		held, text := patterns().Draw(t, "held"), concreteScope().Draw(t, "scope")
		e := mustSet(t, held).Explain(text)
		if e.Matched && !e.Pattern.Match(text) {
			t.Fatalf("%q does not match", e.Pattern)
		}
		if !e.Matched && len(held) > 0 && (e.Need == "" || e.Offset < 0 || e.Offset > len(text) || !slices.Contains(held, e.Pattern.String())) {
			t.Fatalf("%+v", e)
		}
	})
}

func TestIncludesIsLanguageInclusion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		held, ask := patterns().Draw(t, "held"), pattern().Draw(t, "ask")
		checkInclusion(t, held, ask)
	})
}

// checkInclusion compares Includes and its witness with the oracle.
func checkInclusion(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, held []string, ask string) {
	set, p := mustSet(t, held), scope.MustParse(ask)
	got := set.Includes(p)
	alphabet, ok := jointAlphabet(append(held, ask)...)
	if !ok {
		return
	}
	if want, decided := includes(held, ask, alphabet, 2000); decided && got != want {
		t.Fatalf("%q includes %q: got %v, want %v", held, ask, got, want)
	}
	witness, found := set.ExplainIncludes(p)
	if found == got {
		t.Fatalf("%q includes %q: %v, and witness %q, %v", held, ask, got, witness, found)
	}
	if found && (!p.Match(witness) || set.Match(witness) || !matches(ask, witness) || anyMatches(held, witness)) {
		t.Fatalf("%q for %q and not %q is no witness", witness, ask, held)
	}
}

func TestIncludesIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := mustSet(t, patterns().Draw(t, "a")), mustSet(t, patterns().Draw(t, "b"))
		c := mustSet(t, patterns().Draw(t, "c"))
		if missing, ok := a.IncludesSet(a); !ok {
			t.Fatalf("not reflexive: %s", missing)
		}
		_, ab := a.IncludesSet(b)
		_, bc := b.IncludesSet(c)
		if missing, ac := a.IncludesSet(c); ab && bc && !ac {
			t.Fatalf("not transitive: %s", missing)
		} else if !ac && (a.Includes(missing) || !slices.Contains(c.Patterns(), missing)) {
			t.Fatalf("%s is not missing", missing)
		}
		text := concreteScope().Draw(t, "scope")
		if ab && b.Match(text) && !a.Match(text) {
			t.Fatalf("%s is matched by the included set alone", text)
		}
	})
}

func TestSetIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := patterns().Draw(t, "list")
		set := mustSet(t, list)
		shuffled := rapid.Permutation(append(list, list...)).Draw(t, "shuffled")
		if other := mustSet(t, shuffled); !other.Equal(set) || other.String() != set.String() {
			t.Fatalf("%s and %s", set, other)
		}
		again, err := scope.ParseList(set.String())
		if err != nil || !again.Equal(set) || again.Len() != set.Len() {
			t.Fatalf("%s read back is %s, %v", set, again, err)
		}
		if texts := set.Strings(); !slices.IsSorted(texts) || len(texts) != len(slices.Compact(slices.Clone(texts))) || texts == nil {
			t.Fatalf("%q", texts)
		}
	})
}

func TestSetIsImmutable(t *testing.T) {
	given := []scope.Pattern{scope.MustParse("b"), scope.MustParse("a")}
	set := scope.NewSet(given...)
	given[0] = scope.MustParse("*")
	set.Patterns()[0] = scope.MustParse("*")
	if got := set.String(); got != "a b" {
		t.Errorf("got %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"*", "photos:read", "Mutation:*:Create", "a::b", "!a", "a\n", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := scope.Parse(s)
		if (err == nil) != valid(s) {
			t.Fatalf("Parse(%q): %v", s, err)
		}
		if err == nil && p.String() != s {
			t.Fatalf("%q became %q", s, p)
		}
		var syntax *scope.SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Offset > len(s)) {
			t.Fatalf("Parse(%q): %#v", s, err)
		}
	})
}

func FuzzIncludes(f *testing.F) {
	f.Add("Mutation:*:Create", "Mutation:*:*:Create")
	f.Add("Mutation:* Query:* Subscription:*", "*")
	f.Add("*:*ation:*te", "*:Organiz*:*")
	f.Add("a*b*a", "ab*ba")
	f.Fuzz(func(t *testing.T, held, ask string) {
		list := strings.Split(held, " ")
		if len(held) > 40 || len(ask) > 20 || !valid(ask) || slices.ContainsFunc(list, func(s string) bool { return !valid(s) }) {
			t.Skip("outside the grammar, or too long for the oracle")
		}
		checkInclusion(t, list, ask)
	})
}

// realistic is a set of 20 scopes and one that only its last pattern matches.
func realistic() (scope.Set, scope.Pattern) {
	var held []scope.Pattern
	for _, kind := range []string{"Person", "Place", "Event", "Organization", "MusicComposition"} {
		for _, form := range []string{"Mutation:KIND:Create", "Mutation:KIND:*", "Query:*KIND:*:own", "Mutation:*:KIND*:Delete"} {
			held = append(held, scope.MustParse(strings.ReplaceAll(form, "KIND", kind)))
		}
	}
	held[19] = scope.MustParse("Subscription:*:Merge")
	return scope.NewSet(held...), scope.MustParse("Subscription:Organization:Merge")
}

func BenchmarkMatch(b *testing.B) {
	set, required := realistic()
	text := required.String()
	b.ReportAllocs()
	for b.Loop() {
		set.Match(text)
	}
}

func BenchmarkCovers(b *testing.B) {
	set, required := realistic()
	b.ReportAllocs()
	for b.Loop() {
		set.Covers(required)
	}
}

func BenchmarkMatchWorst(b *testing.B) {
	p := scope.MustParse(strings.Repeat("aaaa*", 50) + "b")
	text := strings.Repeat("aaaaab", 42) + "c"
	b.ReportAllocs()
	for b.Loop() {
		p.Match(text)
	}
}

func BenchmarkIncludes(b *testing.B) {
	set, _ := realistic()
	ask := scope.MustParse("Mutation:*:Create")
	b.ReportAllocs()
	for b.Loop() {
		set.Includes(ask)
	}
}

func BenchmarkParseList(b *testing.B) {
	set, _ := realistic()
	text := set.String()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scope.ParseList(text); err != nil {
			b.Fatal(err)
		}
	}
}
