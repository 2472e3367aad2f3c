package outside

import "testing"

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"acme/photos", "acme/photos", true}, {"acme/photos", "acme/photosx", false}, {"acme/*", "acme/photos", true}, {"acme/*", "acme/", false},
		{"acme/*", "acme/a/b", false}, {"acme/*", "xacme/a", false}, {"acme/**", "acme/a/b", true}, {"repo:*:ref:**", "repo:a:ref:refs/heads/x", true},
		{"repo:*:ref:**", "repo:a:b:ref:x", false}, {"a.c", "abc", false}, {"acme/*", "acme/x\ny", true}, {"acme", "acme\n", false}, {"(a|b)", "a", false},
	} {
		p, err := compilePattern(test.pattern)
		if err != nil || p.MatchString(test.text) != test.want {
			t.Errorf("%q on %q: want %v, %v", test.pattern, test.text, test.want, err)
		}
	}
	for _, bad := range []string{"", "a***b"} {
		if _, err := compilePattern(bad); err == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
}

func TestTemplates(t *testing.T) {
	c, err := readClaims([]byte(`{"a":"x","b":"y|z","n":7,"list":["one"],"many":["p","q"],"deep":{"k/~":"v","scope":"read write"},"scope":"read write","scp":"read","https://acme.example/r":"w"}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"{a}": "x", "p|{a}|{n}": "p|x|7", "{list}": "one", "{/deep/k~1~0}": "v", "{https://acme.example/r}": "w", "{b}": "y|z",
		"{/scp}": "read", "{scope}": "", "{/scope}": "", "{/deep/scope}": "read write", "{a}|{b}": "", "{many}": "", "{none}": "", "{deep}": "",
	} {
		tpl, err := compileTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := tpl.fill(c, soundSubject); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, ok, want)
		}
	}
	for _, bad := range []string{"{", "}", "{}", "{a", "a}", "{iss}", "{aud}", "{/exp}", "{/aud}"} {
		if _, err := compileTemplate(bad); err == nil {
			t.Errorf("%q is a template", bad)
		}
	}
}
