package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxPattern is how many bytes a match pattern may have.
const MaxPattern = 1024

// pattern is what a rule matches: methods and a path.
type pattern struct {
	methods  []string // sorted; nil: any
	segments []segment
	open     bool // ends in "**"
}

// segment matches one segment of a path: a literal, a glob, or anything.
type segment struct {
	literal string
	glob    []string // the pieces between its "*"
	any     bool
}

var (
	methodPattern    = regexp.MustCompile(`^[A-Z][A-Z0-9_-]{0,31}$`)
	parameterPattern = regexp.MustCompile(`^\{[A-Za-z_][A-Za-z0-9_-]*\}$`)
)

// parsePattern reads "METHOD[,METHOD] /path".
func parsePattern(text string) (pattern, error) {
	if len(text) > MaxPattern {
		return pattern{}, fmt.Errorf("a match may have at most %d bytes", MaxPattern)
	}
	methods, path, ok := strings.Cut(text, " ")
	if path = strings.TrimLeft(path, " "); !ok || !strings.HasPrefix(path, "/") {
		return pattern{}, errors.New("write methods, one space and a path, as in GET /photos/{id} or GET,POST /photos or ANY /admin/**")
	}
	p := pattern{}
	var err error
	if p.methods, err = parseMethods(methods); err != nil {
		return pattern{}, err
	}
	p.segments, p.open, err = parseSegments(path)
	return p, err
}

func parseMethods(text string) ([]string, error) {
	if text == "ANY" || text == "*" {
		return nil, nil
	}
	methods := strings.Split(text, ",")
	for _, m := range methods {
		if m == "ANY" || !methodPattern.MatchString(m) {
			return nil, errors.New("write methods in capitals, separated by commas without blanks (GET,POST), or ANY alone for all of them")
		}
	}
	// Who may GET may ask for the headers of the same answer (RFC 9110 section 9.3.2).
	if slices.Contains(methods, "GET") {
		methods = append(methods, "HEAD")
	}
	slices.Sort(methods)
	return slices.Compact(methods), nil
}

func parseSegments(path string) (segments []segment, open bool, err error) {
	path = strings.TrimSuffix(path[1:], "/")
	if path == "" {
		return nil, false, nil
	}
	texts := strings.Split(path, "/")
	for i, text := range texts {
		if text == "**" {
			if i < len(texts)-1 {
				return nil, false, errors.New("'**' may only be the last segment; use '*' or {name} for one segment in the middle")
			}
			return segments, true, nil
		}
		s, err := parseSegment(text)
		if err != nil {
			return nil, false, err
		}
		segments = append(segments, s)
	}
	return segments, false, nil
}

func parseSegment(text string) (segment, error) {
	if text == "*" || parameterPattern.MatchString(text) {
		return segment{any: true}, nil
	}
	if strings.ContainsAny(text, "{}") {
		return segment{}, errors.New("{name} stands for one whole segment; within a segment use '*', as in *.jpg")
	}
	if strings.Contains(text, "**") {
		return segment{}, errors.New("'**' stands for whole segments; within a segment use one '*', as in *.jpg")
	}
	if !strings.Contains(text, "*") {
		literal, err := decodeLiteral("/", text)
		return segment{literal: literal}, err
	}
	// The letter before a piece keeps "." and ".." legal where they are not the
	// whole segment, as in "*.*".
	pieces := strings.Split(text, "*")
	for i, piece := range pieces {
		literal, err := decodeLiteral("/x", piece)
		if err != nil {
			return segment{}, err
		}
		pieces[i] = literal
	}
	return segment{glob: pieces}, nil
}

// decodeLiteral reads literal text of a pattern the way a request's path is
// read, so that both mean the same; characters beyond ASCII may be written as
// they are.
func decodeLiteral(before, text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", errors.New("the path is not UTF-8")
	}
	if strings.Contains(text, "?") {
		return "", errors.New("a rule sees the path alone, without the query; write a literal question mark as %3F")
	}
	if before == "/" && text == "" {
		return "", errors.New("the path has an empty segment ('//') in it")
	}
	var escaped strings.Builder
	for _, r := range text {
		if r == ' ' || r >= utf8.RuneSelf {
			escaped.WriteString(url.PathEscape(string(r)))
		} else {
			escaped.WriteRune(r)
		}
	}
	p, err := ParsePath(before + escaped.String())
	if err != nil {
		return "", errors.New(safeMessage(err))
	}
	return strings.TrimPrefix(p.decoded, before), nil
}

// matches reports whether the path falls under the pattern, whatever the
// method. It defines what the index must find, and is quick enough for
// explanations.
func (p *pattern) matches(path Path) bool {
	if path.decoded == "" {
		return false
	}
	rest := path.segments()
	for _, s := range p.segments {
		if rest == "" {
			return false
		}
		var text string
		text, rest, _ = strings.Cut(rest, "/")
		if !s.matches(text) {
			return false
		}
	}
	return rest == "" || p.open
}

func (p *pattern) allows(method string) bool {
	return method != "" && (p.methods == nil || slices.Contains(p.methods, method))
}

func (s *segment) matches(text string) bool {
	switch {
	case s.any:
		return true
	case s.glob != nil:
		return matchGlob(s.glob, text)
	}
	return s.literal == text
}

// matchGlob reports whether the pieces stand in text in their order, the first
// at its beginning and the last at its end. Those between may each take the
// leftmost place, since that leaves the most to the rest: nothing is tried
// twice.
func matchGlob(pieces []string, text string) bool {
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, piece := range pieces[1 : len(pieces)-1] {
		at := strings.Index(text, piece)
		if at < 0 {
			return false
		}
		text = text[at+len(piece):]
	}
	return true
}

// reaches reports whether any path at or below the prefix can match. The prefix
// is decoded, without outer slashes.
func (p *pattern) reaches(prefix string) bool {
	for i := 0; prefix != ""; i++ {
		var text string
		text, prefix, _ = strings.Cut(prefix, "/")
		if i == len(p.segments) {
			return p.open
		}
		if !p.segments[i].matches(text) {
			return false
		}
	}
	return true
}
