package scope

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ used, ceiling, want string }{
		{"photos:read", "*", "photos:read"},
		{"photos:1:read photos:2:read", "*", "photos:1:read photos:2:read"},
		{"photos:1:read photos:2:read photos:3:read", "*", "photos:*:read"},
		{"photos:1:read photos:2:read photos:3:read", "photos:*", "photos:*:read"},
		{"photos:1:read photos:2:read photos:3:read", "photos:1:* photos:2:* photos:3:*", "photos:1:read photos:2:read photos:3:read"},
		{"photos:1:read photos:2:read photos:3:read photos:3:write", "*", "photos:*:read photos:3:write"},
		{"a:read b:read c:read", "*", "a:read b:read c:read"},
		{"a b c d", "*", "a b c d"},
		{"a:1 a:2 a:3", "*", "a:*"},
		{"Mutation:Person:Create Mutation:Album:Create Mutation:Song:Create", "Mutation:*", "Mutation:*:Create"},
		{"photos:1:read videos:1:read", "photos:*", "photos:1:read"},
		{"photos:*", "*", ""},
		{"", "*", ""},
	} {
		used, err := ParseList(c.used)
		if err != nil {
			t.Fatal(err)
		}
		ceiling, _ := ParseList(c.ceiling)
		if got := Fold(used.Patterns(), ceiling, 3).String(); got != c.want {
			t.Errorf("%s within %s: got %q, want %q", c.used, c.ceiling, got, c.want)
		}
	}
}

// TestFoldLaw: the fold allows every use, lies within the ceiling, and allows nothing else but what a pattern stands for
// that enough uses speak for.
func TestFoldLaw(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "c", "d", "1", "2", "3"})
	concreteScope := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(segment, 1, 4).Draw(t, "segments"), ":")
	})
	rapid.Check(t, func(t *rapid.T) {
		var used []Pattern
		for _, s := range rapid.SliceOfN(concreteScope, 0, 30).Draw(t, "used") {
			used = append(used, MustParse(s))
		}
		ceiling, _ := ParseSet(rapid.SampledFrom([][]string{{"*"}, {"a:*", "b:*:c"}, {"a", "a:1", "*:2"}, {"a:*:1", "c:*", "d:1:2"}}).Draw(t, "ceiling"))
		least := rapid.IntRange(0, 5).Draw(t, "least")
		got := Fold(used, ceiling, least)

		if missing, ok := ceiling.IncludesSet(got); !ok {
			t.Fatalf("%s lies outside %s", missing, ceiling)
		}
		for _, p := range used {
			if ceiling.Covers(p) && !got.Covers(p) {
				t.Fatalf("%s was used, and %s does not allow it", p, got)
			}
		}
		for _, p := range got.Patterns() {
			if p.Concrete() {
				if !slices.Contains(used, p) {
					t.Fatalf("%s was not used", p)
				}
				continue
			}
			if speak := speakersFor(p.String(), used); len(speak) < max(least, 2) || strings.Count(p.String(), "*") != 1 {
				t.Fatalf("only %v speak for %s, of at least %d", speak, p, least)
			}
		}
		probe := concreteScope.Draw(t, "probe")
		if got.Match(probe) && !slices.Contains(used, MustParse(probe)) &&
			!slices.ContainsFunc(got.Patterns(), func(p Pattern) bool { return !p.Concrete() && p.Match(probe) }) {
			t.Fatalf("%s allows %s, which was not used", got, probe)
		}
		if again := Fold(used, ceiling, least); !again.Equal(got) {
			t.Fatalf("%s once, %s again", got, again)
		}
	})
}

// speakersFor are the scopes that differ from the pattern in its one "*" segment alone.
func speakersFor(pattern string, used []Pattern) (speak []string) {
	want := strings.Split(pattern, ":")
	for _, p := range used {
		have := strings.Split(p.String(), ":")
		if len(have) != len(want) || want[0] != have[0] || slices.Contains(speak, p.String()) {
			continue
		}
		same := true
		for i := range want {
			same = same && (want[i] == "*" || want[i] == have[i])
		}
		if same {
			speak = append(speak, p.String())
		}
	}
	return speak
}
