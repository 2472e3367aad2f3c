package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// shapeOf reads the shape that is written in YAML's flow style.
func shapeOf(t testing.TB, written string) *Shape {
	t.Helper()
	doc, err := ParseDocument([]byte("resources:\n  - match: GET /a\n    access: public\n    shape: " + written + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Resources[0].Shape
}

// users is an upstream that knows the users 1 and 2.
func users(targets []string) []Fetched {
	known := map[string]string{"/users/1": `{"id":1,"name":"Ada","secret":"x"}`, "/users/2": `{"id":2,"name":"Bo"}`, "/find?name=a%26b+c": `[1]`, "/broken": `{"a":1,"a":2}`}
	results := make([]Fetched, len(targets))
	for i, target := range targets {
		results[i] = Fetched{Body: []byte(known[target])}
		if known[target] == "" {
			results[i].Err = errors.New("404")
		}
	}
	return results
}

func TestShape(t *testing.T) {
	const photo = `{"id": 7, "title": "Sea", "owner_id": 1, "owner": {"name": "Ada", "email": "a@b"}, "tags": [{"n": "x", "s": 1}, {"n": "y"}], "a.b": 1.50}`
	for name, c := range map[string]struct{ shape, answer, want string }{
		"pick":                        {`{pick: [title, id]}`, photo, `{"id":7,"title":"Sea"}`},
		"pick below":                  {`{pick: [owner.name]}`, photo, `{"owner":{"name":"Ada"}}`},
		"pick through arrays":         {`{pick: [tags.n]}`, photo, `{"tags":[{"n":"x"},{"n":"y"}]}`},
		"pick what is not there":      {`{pick: [nothing, owner.nothing]}`, photo, `{"owner":{}}`},
		"pick below a plain value":    {`{pick: [title.x]}`, photo, `{}`},
		"pick any":                    {`{pick: ["*.name"]}`, photo, `{"owner":{"name":"Ada"},"tags":[{},{}]}`},
		"pick plain elements":         {`{pick: [a.b]}`, `{"a":[1,"s",{"b":2,"c":3},[{"b":4}]]}`, `{"a":[{"b":2},[{"b":4}]]}`},
		"pick from a plain answer":    {`{pick: [a]}`, `"secret"`, `null`},
		"pick from a list":            {`{pick: [id]}`, `[{"id":1,"x":2},5]`, `[{"id":1}]`},
		"numbers stay as written":     {`{pick: ["a\\.b"]}`, photo, `{"a.b":1.50}`},
		"drop":                        {`{drop: [owner.email, tags, owner_id, "a\\.b"]}`, photo, `{"id":7,"title":"Sea","owner":{"name":"Ada"}}`},
		"drop any":                    {`{drop: ["*.email", "tags.*"]}`, photo, `{"id":7,"title":"Sea","owner_id":1,"owner":{"name":"Ada"},"tags":[{},{}],"a.b":1.50}`},
		"drop wins over pick":         {`{pick: [owner], drop: [owner.email]}`, photo, `{"owner":{"name":"Ada"}}`},
		"rename":                      {`{pick: [owner, id], rename: {owner: author, owner.email: mail}}`, photo, `{"id":7,"author":{"name":"Ada","mail":"a@b"}}`},
		"rename takes a place":        {`{rename: {a: b}}`, `{"b":1,"a":2}`, `{"b":2}`},
		"rename swaps":                {`{rename: {a: b, b: a}}`, `{"b":1,"a":2}`, `{"a":1,"b":2}`},
		"rename two to one":           {`{rename: {a: c, b: c}}`, `{"a":1,"b":2,"c":3}`, `{"c":1}`},
		"join":                        {`{pick: [id, owner.name], join: [{into: owner, get: "/users/{owner_id}"}]}`, photo, `{"id":7,"owner":{"name":"Ada"}}`},
		"join each":                   {`{join: [{into: items.user, get: "/users/{by.id}"}], drop: [items.by, items.user.secret]}`, `{"items":[{"by":{"id":2}},{"by":{"id":"1"}},{"by":{"id":2}}]}`, `{"items":[{"user":{"id":2,"name":"Bo"}},{"user":{"id":1,"name":"Ada"}},{"user":{"id":2,"name":"Bo"}}]}`},
		"join by query":               {`{join: [{into: found, get: "/find?name={n}"}]}`, `{"n":"a&b c"}`, `{"n":"a&b c","found":[1]}`},
		"join that may fail":          {`{join: [{into: u, get: "/users/{id}", optional: true}]}`, `[{"id":9},{"id":1},{"id":null},{"id":"../1"}]`, `[{"id":9},{"id":1,"u":{"id":1,"name":"Ada","secret":"x"}},{"id":null},{"id":"../1"}]`},
		"join what was joined":        {`{join: [{into: u, get: "/users/{id}"}, {into: u.self, get: "/users/{id}"}], pick: [u.self.name]}`, `{"id":2}`, `{"u":{"self":{"name":"Bo"}}}`},
		"join of nothing":             {`{join: [{into: a.b, get: "/users/1"}]}`, `{"a":1}`, `{"a":1}`},
		"names that need an escaping": {`{pick: ["ä \"x"]}`, `{"ä \"x":"\u2028"}`, `{"ä \"x":"\u2028"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := shapeOf(t, c.shape).Apply([]byte(c.answer), users)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, strings.TrimSpace(string(got))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestShapeRefuses(t *testing.T) {
	join := `{join: [{into: u, get: "/users/{id}"}]}`
	many := make([]string, MaxJoinCalls+1)
	for i := range many {
		many[i] = fmt.Sprintf(`{"id":%d}`, i)
	}
	for name, c := range map[string]struct{ shape, answer string }{
		"not JSON":             {`{pick: [a]}`, `<html>`},
		"nothing":              {`{pick: [a]}`, ``},
		"two values":           {`{pick: [a]}`, `{} {"secret":1}`},
		"a member twice":       {`{drop: [a]}`, `{"a":1,"a":2}`},
		"cut off":              {`{pick: [a]}`, `{"a":1`},
		"too long":             {`{pick: [a], body: 10}`, `{"a":"0123456789"}`},
		"too deep":             {`{pick: [a]}`, strings.Repeat("[", 100) + strings.Repeat("]", 100)},
		"not UTF-8":            {`{pick: [a]}`, "{\"a\":\"\xff\"}"},
		"join fails":           {join, `{"id":9}`},
		"no value to join by":  {join, `{}`},
		"an object to join by": {join, `{"id":{}}`},
		"a dot segment":        {join, `{"id":".."}`},
		"a slash":              {join, `{"id":"1/keys"}`},
		"a query":              {join, `{"id":"1;x"}`},
		"an empty value":       {join, `{"id":""}`},
		"a control character":  {join, `{"id":"1\n"}`},
		"broken joined JSON":   {`{join: [{into: u, get: "/broken"}]}`, `{}`},
		"too many calls":       {join, "[" + strings.Join(many, ",") + "]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := shapeOf(t, c.shape).Apply([]byte(c.answer), users); err == nil {
				t.Errorf("passed on: %s", got)
			}
		})
	}
}

// TestPickedIsNotDropped holds two laws: what is picked and dropped by the same paths is empty, and to pick again changes
// nothing.
func TestPickedIsNotDropped(t *testing.T) {
	name := rapid.SampledFrom([]string{"a", "b", "c"})
	var tree *rapid.Generator[any]
	tree = rapid.Deferred(func() *rapid.Generator[any] {
		return rapid.OneOf(
			rapid.Map(rapid.IntRange(0, 9), func(n int) any { return n }),
			rapid.Map(rapid.SliceOfN(tree, 0, 3), func(l []any) any { return l }),
			rapid.Map(rapid.MapOfN(name, tree, 0, 3), func(m map[string]any) any { return m }),
		)
	})
	path := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", `"*"`}), 1, 3), func(l []string) string {
		return `"` + strings.ReplaceAll(strings.Join(l, "."), `"`, "") + `"`
	})
	rapid.Check(t, func(rt *rapid.T) {
		answer, err := json.Marshal(map[string]any{"a": tree.Draw(rt, "a"), "b": tree.Draw(rt, "b")}, json.Deterministic(true))
		if err != nil {
			rt.Fatal(err)
		}
		paths := "[" + strings.Join(rapid.SliceOfN(path, 1, 4).Draw(rt, "paths"), ", ") + "]"
		picked, err1 := shapeOf(t, "{pick: "+paths+"}").Apply(answer, nil)
		both, err2 := shapeOf(t, "{pick: "+paths+", drop: "+paths+"}").Apply(answer, nil)
		if err1 != nil || err2 != nil {
			rt.Fatal(err1, err2)
		}
		if strings.ContainsAny(string(both), "0123456789") {
			rt.Errorf("%s picked and dropped by %s leaves %s", answer, paths, both)
		}
		again, err := shapeOf(t, "{pick: "+paths+"}").Apply(picked, nil)
		if err != nil || string(again) != string(picked) {
			rt.Errorf("%s picked by %s is %s, and picked again %s", answer, paths, picked, again)
		}
	})
}

func TestShapeFileMistakes(t *testing.T) {
	for written, want := range map[string]string{
		`{}`:                               "changes nothing",
		`{body: 1MiB}`:                     "changes nothing",
		`{pick: []}`:                       "empty list",
		`{pick: ["a..b"]}`:                 "names of members",
		`{pick: [a], body: 1GiB}`:          "at most 16MiB",
		`{pick: [a], body: 0}`:             "at most 16MiB",
		`{rename: {a: ""}}`:                "new name",
		`{rename: {"*": a}}`:               "cannot be *",
		`{rename: {}}`:                     "renamed to what",
		`{join: [{into: a}]}`:              "needs into and get",
		`{join: [{into: "a.*", get: /x}]}`: "cannot be *",
		`{join: [{into: a, get: "http://127.0.0.1/"}]}`:     "path of the upstream",
		`{join: [{into: a, get: "//evil/x"}]}`:              "path of the upstream",
		`{join: [{into: a, get: "/users/{id"}]}`:            "path of the upstream",
		`{join: [{into: a, get: "/users/{*}"}]}`:            "path of the upstream",
		`{join: [{into: a, get: "/a/../b"}]}`:               "path of the upstream",
		`{join: [{into: a, get: "{host}"}]}`:                "path of the upstream",
		`{join: [{into: a, get: "/x", optional: perhaps}]}`: "true or false",
		`{filter: [a]}`: "unknown field",
	} {
		_, err := ParseDocument([]byte("resources:\n  - match: GET /a\n    access: public\n    shape: " + written + "\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 4, column") {
			t.Errorf("%s: %v, want %q with its place", written, err, want)
		}
	}
}

func FuzzShape(f *testing.F) {
	s := shapeOf(f, `{pick: [a, "*.b"], drop: [a.c], rename: {a: z}, join: [{into: j, get: "/users/{id}", optional: true}]}`)
	for _, seed := range []string{`{"a":{"b":1,"c":2},"id":1}`, `[[{"id":"x"}]]`, `{"a":1}x`, `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := s.Apply(answer, users)
		if err != nil {
			return
		}
		var v any
		if err := json.Unmarshal(got, &v); err != nil {
			t.Fatalf("%q became %q: %v", answer, got, err)
		}
	})
}
