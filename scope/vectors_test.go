package scope_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/daypass/daypass/scope"
)

// oneOrMany reads the "pattern" of match.json: a text or a list of texts.
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(o))
}

func TestMatchVectors(t *testing.T) {
	for _, v := range load[struct {
		ID       int
		Pattern  oneOrMany
		Scope    string
		Expected bool
	}](t, "testdata/match.json") {
		// A pattern that is refused matches nothing.
		set, err := scope.ParseSet(v.Pattern)
		if got := err == nil && set.Match(v.Scope); got != v.Expected {
			t.Errorf("%d: %q matches %q: got %v, want %v", v.ID, v.Pattern, v.Scope, got, v.Expected)
		}
	}
}

func TestContainmentVectors(t *testing.T) {
	for _, v := range load[struct {
		ID    int
		Held  []string
		Ask   string
		Issue any // true, false or "reject-400"
	}](t, "testdata/containment.json") {
		if got := issue(v.Held, v.Ask); got != v.Issue {
			t.Errorf("%d: %q includes %q: got %v, want %v", v.ID, v.Held, v.Ask, got, v.Issue)
		}
	}
}

func issue(held []string, ask string) any {
	set, err := scope.ParseSet(held)
	if err != nil {
		return "reject-400"
	}
	p, err := scope.Parse(ask)
	if err != nil {
		return "reject-400"
	}
	return set.Includes(p)
}

func load[T any](t *testing.T, path string) []T {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []T
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatalf("%s is empty", path)
	}
	return vectors
}

// TestDocumentedTables holds docs/scopes.md to what it says.
func TestDocumentedTables(t *testing.T) {
	page, err := os.ReadFile("../docs/scopes.md")
	if err != nil {
		t.Fatal(err)
	}
	var matched, issued int
	inclusion := false
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if strings.HasPrefix(line, "| Held |") {
			inclusion = true
		}
		if len(cells) != 6 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		held, text, said := strings.Fields(strings.ReplaceAll(cells[1], "`", "")), strings.Trim(cells[2], " `"), strings.TrimSpace(cells[3])
		got := map[any]string{true: "yes", false: "no", "reject-400": "refused"}[issue(held, text)]
		if inclusion {
			issued++
		} else {
			matched++
			got = map[bool]string{true: "yes", false: "no"}[mustSet(t, held).Match(text)]
		}
		if got != said {
			t.Errorf("%q and %q: the page says %s, it is %s", held, text, said, got)
		}
	}
	if matched < 10 || issued < 10 {
		t.Errorf("found %d and %d rows; has the page changed its form?", matched, issued)
	}
}
