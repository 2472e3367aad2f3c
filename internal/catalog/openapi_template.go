package catalog

import (
	"errors"
	"fmt"
	"strings"
)

// maxSpread is how many segments a parameter that may hold slashes stands for
// where something follows it. At the end of a path it is "**", any number.
const maxSpread = 8

// templatePaths writes the path template of an OpenAPI document in the language
// of matches. Several paths come of a parameter that may hold slashes and does
// not stand at the end: one for each number of segments. The remarks tell what
// is not as it was written.
func templatePaths(template string) (paths, remarks []string, err error) {
	if len(template) > MaxPattern {
		return nil, nil, fmt.Errorf("the path is longer than %d bytes", MaxPattern)
	}
	if at := outside(template, "?#"); at >= 0 {
		template = template[:at]
		remarks = append(remarks, "a match sees the path alone; what follows '?' or '#' is left out")
	}
	if !strings.HasPrefix(template, "/") {
		template = "/" + template
		remarks = append(remarks, "the path does not begin with '/'; one is put before it")
	}
	spread := [][]string{{}}
	segments := splitOutside(strings.TrimSuffix(template[1:], "/"), '/')
	if segments[0] == "" && len(segments) == 1 {
		segments = nil
	}
	for i, text := range segments {
		parts, err := templateParts(text)
		if err != nil {
			return nil, nil, err
		}
		ways, remark, err := segmentWays(parts, i == len(segments)-1)
		if err != nil {
			return nil, nil, err
		}
		if remark != "" {
			remarks = append(remarks, remark)
		}
		if len(ways) > 1 && len(spread) > 1 {
			return nil, nil, errors.New("two parameters that may hold slashes cannot be told apart")
		}
		var next [][]string
		for _, before := range spread {
			for _, way := range ways {
				next = append(next, append(append([]string(nil), before...), way...))
			}
		}
		spread = next
	}
	for _, segments := range spread {
		paths = append(paths, "/"+strings.Join(segments, "/"))
	}
	return paths, remarks, nil
}

// templatePart is a part of a segment: literal text, or a parameter.
type templatePart struct {
	text  string // literal, or the name of the parameter
	param bool
	many  bool // a parameter that may hold slashes
}

// segmentWays writes one segment of a template in all ways that it can be met.
func segmentWays(parts []templatePart, last bool) (ways [][]string, remark string, err error) {
	at := -1
	for i, p := range parts {
		if p.many && at >= 0 {
			return nil, "", errors.New("two parameters that may hold slashes cannot be told apart")
		}
		if p.many {
			at = i
		}
	}
	switch {
	case at < 0:
		return [][]string{{joinParts(parts)}}, "", nil
	case last && len(parts) == 1:
		return [][]string{{"**"}}, "a parameter that may hold slashes is written '**', which also stands for nothing at all", nil
	}
	star := templatePart{text: "*", param: true}
	for n := 1; n <= maxSpread; n++ {
		way := make([]string, n)
		for i := range way {
			segment := []templatePart{star}
			if i == 0 {
				segment = append(append([]templatePart(nil), parts[:at]...), segment...)
			}
			if i == n-1 {
				segment = append(segment, parts[at+1:]...)
			}
			way[i] = joinParts(segment)
		}
		ways = append(ways, way)
	}
	return ways, "a parameter that may hold slashes is written out for one to eight segments; longer paths are denied", nil
}

func joinParts(parts []templatePart) string {
	if len(parts) == 1 && parts[0].param && parameterPattern.MatchString("{"+parts[0].text+"}") {
		return "{" + parts[0].text + "}"
	}
	var b strings.Builder
	for _, p := range parts {
		if p.param {
			b.WriteByte('*')
		} else {
			b.WriteString(p.text)
		}
	}
	glob := b.String()
	if glob == "**" && len(parts) == 1 && !parts[0].param {
		return glob
	}
	for strings.Contains(glob, "**") {
		glob = strings.ReplaceAll(glob, "**", "*")
	}
	return glob
}

// templateParts takes a segment apart.
func templateParts(text string) (parts []templatePart, err error) {
	for text != "" {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			open = len(text)
		}
		if open > 0 {
			parts = append(parts, templatePart{text: text[:open]})
		}
		if strings.Contains(text[:open], "}") {
			return nil, errors.New("there is a '}' without a '{'")
		}
		if text = text[open:]; text == "" {
			break
		}
		end := closing(text)
		if end < 0 {
			return nil, errors.New("there is a '{' without a '}'")
		}
		p, skip, err := templateParameter(text[1:end])
		if err != nil {
			return nil, err
		}
		if !skip {
			parts = append(parts, p)
		}
		text = text[end+1:]
	}
	if len(parts) == 0 {
		return nil, errors.New("there is an empty segment")
	}
	return parts, nil
}

// templateParameter reads what stands in braces: a name, in the many ways that
// frameworks extend it, and URI templates (RFC 6570).
func templateParameter(text string) (p templatePart, skip bool, err error) {
	if text == "" {
		return templatePart{}, false, errors.New("a parameter has no name")
	}
	switch text[0] {
	case '?', '&', '#':
		return templatePart{}, true, nil // a part of the query, or a fragment
	case '/', ';':
		return templatePart{}, false, errors.New("path parameters with '/' or ';' are not supported")
	}
	bare, template, _ := strings.Cut(text, "=")
	_, kind, _ := strings.Cut(bare, ":")
	many := strings.ContainsAny(text[:1], "+*") || strings.HasSuffix(bare, "*") || strings.HasPrefix(kind, "path") ||
		strings.HasPrefix(kind, ".*") || strings.HasPrefix(kind, ".+") || strings.Contains(template, "/") || strings.Contains(template, "**")
	name := strings.TrimLeft(text, "+*.")
	if end := strings.IndexAny(name, ":=*?"); end >= 0 {
		name = name[:end]
	}
	return templatePart{text: strings.TrimSpace(name), param: true, many: many}, false, nil
}

// closing is where the brace that text begins with is closed, or -1.
func closing(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// outside is where the first of the characters stands that is not in braces, or -1.
func outside(text, chars string) int {
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case depth <= 0 && strings.IndexByte(chars, c) >= 0:
			return i
		}
	}
	return -1
}

func splitOutside(text string, at byte) (parts []string) {
	for {
		i := outside(text, string(at))
		if i < 0 {
			return append(parts, text)
		}
		parts, text = append(parts, text[:i]), text[i+1:]
	}
}
