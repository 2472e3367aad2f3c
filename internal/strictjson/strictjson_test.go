package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

type letter struct {
	To    string   `json:"to"`
	Pages int      `json:"pages"`
	Tags  []string `json:"tags"`
}

func TestUnmarshalRefuses(t *testing.T) {
	const canary = "s3cr3t-canary"
	strict := Limits{Bytes: 200, Depth: 3, Members: 6, Strict: true}
	cases := []struct {
		name, text, reason, pointer string
		limits                      Limits
	}{
		{"too long", `{"to":"` + strings.Repeat("a", 200) + `"}`, "longer than 200 bytes", "", strict},
		{"too deep", `{"to":[[[]]]}`, "deeper than 3", "", strict},
		{"too many members", `{"tags":["1","2","3","4","5","6"]}`, "more than 6", "", strict},
		{"duplicate member", `{"to":"a","to":"` + canary + `"}`, "named twice", "/to", strict},
		{"duplicate member, escaped", `{"to":"a","\u0074o":"b"}`, "named twice", "/to", strict},
		{"unknown member", `{"too":"` + canary + `"}`, "not known here", "/too", strict},
		{"other case is another name", `{"TO":"a"}`, "not known here", "/TO", strict},
		{"invalid UTF-8", "{\"to\":\"\xff\"}", "not valid UTF-8", "/to", strict},
		{"unpaired surrogate", `{"to":"\ud800"}`, "not valid", "/to", strict},
		{"trailing data", `{"to":"a"} {"to":"b"}`, "follows the value", "", strict},
		{"trailing comma", `{"to":"a",}`, "not valid JSON", "", strict},
		{"comment", `{/**/"to":"a"}`, "not valid JSON", "", strict},
		{"byte order mark", "\ufeff{}", "not valid JSON", "", strict},
		{"empty", ``, "ends too early", "", strict},
		{"cut off", `{"to":"a"`, "ends too early", "", strict},
		{"number for string", `{"to":1}`, "must be a string", "/to", strict},
		{"string for number", `{"pages":"` + canary + `"}`, "must be a whole number", "/pages", strict},
		{"fraction for number", `{"pages":1.5}`, "must be a whole number", "/pages", strict},
		{"exponent for number", `{"pages":1e3}`, "must be a whole number", "/pages", strict},
		{"number too large", `{"pages":99999999999999999999}`, "must be a whole number", "/pages", strict},
		{"object for array", `{"tags":{}}`, "must be an array", "/tags", strict},
		{"array for object", `[]`, "must be an object", "", strict},
		{"default depth", strings.Repeat("[", 5000), "deeper than 32", "", Limits{}},
		{"control character in a name", `{"\u001b[31m":1}`, "not known here", "/?[31m", strict},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var v letter
			err := Unmarshal([]byte(c.text), &v, c.limits)
			var refused *Error
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want *Error", err)
			}
			if !strings.Contains(refused.Reason, c.reason) || refused.Pointer != c.pointer {
				t.Errorf("got %q at %q, want %q at %q", refused.Reason, refused.Pointer, c.reason, c.pointer)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error repeats a value: %s", err)
			}
		})
	}
}

func TestUnmarshalAccepts(t *testing.T) {
	cases := []struct {
		text   string
		limits Limits
	}{
		{`{"to":"a","pages":3,"tags":["x","y"]}`, Limits{Depth: 2, Members: 5, Strict: true}},
		{" \n{ } \t", Limits{Depth: 1, Members: 1, Strict: true}},
		{`{"to":"[[[{{{,,,\"[["}`, Limits{Depth: 1, Members: 1, Strict: true}},
		{`{"to":"\\","more":[1,2]}`, Limits{Depth: 2, Members: 4}},
	}
	for _, c := range cases {
		var v letter
		if err := Unmarshal([]byte(c.text), &v, c.limits); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

func TestMembersAreCountedExactly(t *testing.T) {
	const text = `{"a":[],"b":[ 1 , 2 ],"c":{"d":{ }}}` // a b c d and the two elements of b
	if err := Check([]byte(text), Limits{Members: 6}); err != nil {
		t.Error(err)
	}
	if err := Check([]byte(text), Limits{Members: 5}); err == nil {
		t.Error("six members passed a limit of five")
	}
}

// FuzzUnmarshal holds what is accepted against the standard library: nothing may pass here that is not JSON there.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{`{}`, `[1,{"a":null}]`, `"x"`, `{"a":1,"a":2}`, "\xff", `[[[[[`, `{"a":"\ud800"}`, `1e999`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		err := Unmarshal(data, &v, Limits{Bytes: 4096, Depth: 8, Members: 64})
		if err == nil && !json.Valid(data) {
			t.Fatalf("accepted text that is not JSON: %q", data)
		}
		if err == nil && depthOf(v) > 8 {
			t.Fatalf("accepted nesting of %d", depthOf(v))
		}
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("error of another type: %T", err)
		}
	})
}

func depthOf(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, child := range v {
			deepest = max(deepest, depthOf(child))
		}
	case []any:
		for _, child := range v {
			deepest = max(deepest, depthOf(child))
		}
	default:
		return 0
	}
	return deepest + 1
}

func ExampleUnmarshal() {
	var v struct {
		Name string `json:"name"`
	}
	err := Unmarshal([]byte(`{"name":"a","Name":"b"}`), &v, Limits{Strict: true})
	fmt.Println(err)
	// Output: the JSON is refused: this member is not known here (at /Name, byte 12)
}
