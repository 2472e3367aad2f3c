package catalog

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
)

func mustPath(t interface{ Fatalf(string, ...any) }, target string) Path {
	p, err := ParsePath(target)
	if err != nil {
		t.Fatalf("%q: %v", target, err)
	}
	return p
}

func TestParsePath(t *testing.T) {
	for _, c := range []struct{ target, sent, decoded string }{
		{"/", "/", "/"},
		{"/a/b", "/a/b", "/a/b"},
		{"/a/b/", "/a/b/", "/a/b/"},
		{"/a-._~!$&'()*+,=:@b", "/a-._~!$&'()*+,=:@b", "/a-._~!$&'()*+,=:@b"},
		{"/%61%2d%7E%5f", "/a-~_", "/a-~_"},
		{"/a%3ab", "/a%3Ab", "/a:b"},
		{"/a%20b%3f%23", "/a%20b%3F%23", "/a b?#"},
		{"/caf%c3%a9", "/caf%C3%A9", "/café"},
		{"/100%25", "/100%25", "/100%"},
		{"/%25zz", "/%25zz", "/%zz"},
		{`/a|b"c<d>e^f` + "`{g}[h]", "/a%7Cb%22c%3Cd%3Ee%5Ef%60%7Bg%7D%5Bh%5D", `/a|b"c<d>e^f` + "`{g}[h]"},
		{"/.well-known/x", "/.well-known/x", "/.well-known/x"},
		{"/a..b/c.", "/a..b/c.", "/a..b/c."},
		{"http://example.com/a%2Db", "/a-b", "/a-b"},
		{"HTTPS://[2001:db8::1]:8443/a", "/a", "/a"},
		{"http://example.com", "/", "/"},
	} {
		p, err := ParsePath(c.target)
		if err != nil || p.String() != c.sent || p.Decoded() != c.decoded {
			t.Errorf("%q: got %q, %q, %v; want %q, %q", c.target, p, p.Decoded(), err, c.sent, c.decoded)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, target := range []string{
		"", "a", "*", "?a", "//", "//a", "/a//b", "/a//", "ftp://host/a",
		"/.", "/..", "/./a", "/a/.", "/a/..", "/a/../b", "/%2e", "/%2E%2e/a", "/.%2e/a", "/a/%2e%2E", "/...", "/..%20/a", "/.%20", "/%20./",
		"/..;/a", "/;", "/a;b", "/a%3bb", "/a%3Bb", "/..%3b/a",
		"/a%2fb", "/a%2Fb", "/%2f", "/a%2f", `/a\b`, "/a%5cb", "/a%5Cb",
		"/a%00", "/a%0a", "/a%0D", "/a%1f", "/a%7f", "/a\x00", "/a\n", "/a\t", "/a\x7f", "/a b", "/a%c2%85",
		"/a#b", "/#", "/café", "/\xff", "/%ff", "/%c0%ae", "/%c0%af", "/%ed%a0%80", "/%f8%88%80%80%80",
		"/%", "/%2", "/%zz", "/%u0041", "/a%2", "/%%32e",
		"/%252e", "/%252E%252e/", "/%2500", "/%255c", "/%25%32%65", "/%2525%32%65", "/%25ab",
		"http:///a", "http://a@b/c", "http://a#b/c", "http://a\\b/c", "http://a%2f/c", "http:// /c", "http://",
		"/a?b#c", "/a?b c", "/a?\x00", "/a?\n", "/a?\x7f",
		"/" + strings.Repeat("a", MaxPath), "/" + strings.Repeat("|", MaxPath/2), "/a?" + strings.Repeat("a", MaxTarget),
	} {
		p, err := ParsePath(target)
		if problem := access.AsError(err); err == nil || problem.Code != "bad_path" || problem.Kind != access.Malformed || p != (Path{}) {
			t.Errorf("%.60q: got %q, %v", target, p, err)
		} else if strings.ContainsFunc(problem.Message, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%.60q: message %q", target, problem.Message)
		}
	}
	for _, target := range []string{"/" + strings.Repeat("a", MaxPath-1), "/?" + strings.Repeat("a", MaxTarget-2)} {
		if _, err := ParsePath(target); err != nil {
			t.Errorf("%d bytes: %v", len(target), err)
		}
	}
}

func TestQueryIsKeptAsItIs(t *testing.T) {
	for target, query := range map[string]string{
		"/a":                            "",
		"/a?":                           "",
		"/a?b=%2e%2e/&c=%zz&d=\\;?e=é+": "b=%2e%2e/&c=%zz&d=\\;?e=é+",
	} {
		p := mustPath(t, target)
		if p.Query() != query || p.Target() != target || p.String() != "/a" {
			t.Errorf("%q: got query %q, target %q", target, p.Query(), p.Target())
		}
	}
}

// The sample rules: /public/** is open, /admin/** needs something, all else is
// denied. No spelling of /admin may be open.
func TestPathVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/paths.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Targets []struct {
			ID           int
			Target, What string
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors.Targets) == 0 {
		t.Fatal(err)
	}
	app := compile(t, "resources:\n  - match: ANY /public/**\n    access: public\n  - match: ANY /admin/**\n    require: { scopes: [admin] }\n")
	for _, v := range vectors.Targets {
		p, err := ParsePath(v.Target)
		if err != nil {
			continue
		}
		r := app.Match("GET", p)
		clean := path.Clean(p.Decoded())
		if r != nil && r.Public && !strings.HasPrefix(clean+"/", "/public/") {
			t.Errorf("%d (%s): %q is public", v.ID, v.What, v.Target)
		}
	}
}

// What is sent must be what was decided on, through net/http as it is.
func TestUpstreamGetsThePathAsItIs(t *testing.T) {
	var got string
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI }))
	defer upstream.Close()
	for _, target := range []string{
		"/", "/a/b/?", "/a%20b?c=%zz", "/a|b^c[d]", "/a!$&'()*+,=:@b", "/%e2%82%ac?x=%2f", "/a%3a%40%21", "/%25?", "/*", "/100%25/x",
	} {
		p := mustPath(t, target)
		u, err := url.Parse(upstream.URL)
		if err != nil {
			t.Fatal(err)
		}
		p.Apply(u)
		r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}
		answer, err := upstream.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got != p.Target() {
			t.Errorf("%q: sent %q, upstream got %q", target, p.Target(), got)
		}
	}
}

func checkCanonical(t interface{ Fatalf(string, ...any) }, target string, p Path) {
	again, err := ParsePath(p.Target())
	if err != nil || again != p {
		t.Fatalf("%q: reading %q again gives %+v, %v", target, p.Target(), again, err)
	}
	u, err := url.ParseRequestURI(p.String())
	if err != nil || u.Path != p.Decoded() || u.RawQuery != "" {
		t.Fatalf("%q: net/url reads %q as %+v, %v; want path %q", target, p.String(), u, err, p.Decoded())
	}
	if clean := path.Clean(p.Decoded()); clean != p.Decoded() && clean+"/" != p.Decoded() {
		t.Fatalf("%q: %q cleans to %q", target, p.Decoded(), clean)
	}
	if !utf8.ValidString(p.Decoded()) || strings.ContainsAny(p.Decoded(), "\\;\x00\n\r\t\x7f") || len(p.String()) > MaxPath {
		t.Fatalf("%q: decoded %q", target, p.Decoded())
	}
	var sent url.URL
	p.Apply(&sent)
	if sent.RequestURI() != p.Target() {
		t.Fatalf("%q: net/url sends %q for %q", target, sent.RequestURI(), p.Target())
	}
}

func FuzzParsePath(f *testing.F) {
	for _, target := range []string{"/", "/a/%2e%2e/b", "/%25%32%65", "/a?b", "http://h/a", "/caf%c3%a9|^", "/a//b", "/..;/", "/%E2%80%A8"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if p, err := ParsePath(target); err == nil {
			checkCanonical(t, target, p)
		}
	})
}

// Paths made of the bytes that matter, so that many are accepted.
func TestAcceptedPathsAreCanonical(t *testing.T) {
	piece := rapid.SampledFrom([]string{"/", "a", ".", "%2e", "%41", "%3a", ":", "%c3%a9", "%25", "2e", "%20", "|", "%7c", "?", "*", "~", "%2f", ";", "%5B"})
	rapid.Check(t, func(t *rapid.T) {
		target := "/" + strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
		if p, err := ParsePath(target); err == nil {
			checkCanonical(t, target, p)
		}
	})
}

func BenchmarkParsePath(b *testing.B) {
	for name, target := range map[string]string{"plain": "/api/v1/photos/12345?size=large", "encoded": "/api/v1/caf%c3%a9/a%20b?size=large"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParsePath(target); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
