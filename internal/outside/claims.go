package outside

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/strictjson"
	"github.com/daypass/daypass/verify"
)

const (
	maxClaimName = 200
	maxPattern   = 500
)

// reserved are the claims that have checks of their own.
var reserved = []string{"iss", "aud", "exp", "iat", "nbf", "jti", "cnf", "act"}

// claims is the payload of a token whose signature held.
type claims map[string]any

func readClaims(payload []byte) (claims, error) {
	var c claims
	err := strictjson.Unmarshal(payload, &c, strictjson.Limits{Bytes: verify.MaxTokenBytes, Depth: 12, Members: 1000})
	return c, err
}

// wordLists are claims whose text is a list of words (RFC 8693, section 4.2, and the
// name that some issuers have for it).
var wordLists = []string{"scope", "scp"}

// at is what a claim says, as texts; a list has several.
func (c claims) at(name string) []string {
	var v any = map[string]any(c)
	path := claimPath(name)
	for _, part := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[part]
	}
	if words, ok := v.(string); ok && len(path) == 1 && slices.Contains(wordLists, path[0]) {
		return strings.Fields(words)
	}
	if list, ok := v.([]any); ok {
		var all []string
		for _, item := range list {
			if text, ok := plain(item); ok {
				all = append(all, text)
			}
		}
		return all
	}
	if text, ok := plain(v); ok {
		return []string{text}
	}
	return nil
}

// claimPath is where a claim is found. A name that begins with a slash is a JSON
// pointer (RFC 6901), such as /realm_access/roles.
func claimPath(name string) []string {
	rest, isPointer := strings.CutPrefix(name, "/")
	if !isPointer {
		return []string{name}
	}
	path := strings.Split(rest, "/")
	for i := range path {
		path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(path[i])
	}
	return path
}

// isClaim reports whether a name, as a pointer or not, is that of a claim of the
// token itself.
func isClaim(name, claim string) bool {
	path := claimPath(name)
	return len(path) == 1 && path[0] == claim
}

// plain writes a string, a boolean or a whole number.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		if whole := int64(v); v > -1<<53 && v < 1<<53 && float64(whole) == v {
			return strconv.FormatInt(whole, 10), true
		}
	}
	return "", false
}

// date is a claim in seconds since 1970; ok is false for one that is absent or no date.
func (c claims) date(name string) (seconds int64, ok bool) {
	v, is := c[name].(float64)
	const most = 253402300799 // the last second of the year 9999
	return int64(v), is && v >= 0 && v <= most
}

func (c claims) text(name string) string {
	text, _ := c[name].(string)
	return text
}

func (c claims) audience() []string {
	switch v := c["aud"].(type) {
	case string:
		return []string{v}
	case []any:
		return c.at("aud")
	}
	return nil
}

// condition is that a claim matches a pattern.
type condition struct {
	claim   string
	pattern *regexp.Regexp
}

// met reports whether a value of the claim matches.
func (cond *condition) met(c claims) bool {
	return slices.ContainsFunc(c.at(cond.claim), cond.pattern.MatchString)
}

func allMet(conditions []condition, c claims) bool {
	return !slices.ContainsFunc(conditions, func(cond condition) bool { return !cond.met(c) })
}

// compilePattern reads a pattern: * is one or more characters but / and :, ** any.
func compilePattern(text string) (*regexp.Regexp, error) {
	if text == "" || len(text) > maxPattern {
		return nil, fmt.Errorf("a pattern has 1 to %d bytes", maxPattern)
	}
	if strings.Contains(text, "***") {
		return nil, fmt.Errorf("write ** for anything, or * for anything but a slash and a colon")
	}
	quoted := regexp.QuoteMeta(text)
	quoted = strings.ReplaceAll(quoted, `\*\*`, `.+`)
	quoted = strings.ReplaceAll(quoted, `\*`, `[^/:]+`)
	return regexp.Compile(`^(?s:` + quoted + `)$`)
}

func checkClaimName(name string) error {
	switch {
	case name == "" || len(name) > maxClaimName || strings.ContainsAny(name, "{}"):
		return fmt.Errorf("the name of a claim has 1 to %d bytes and no braces", maxClaimName)
	case slices.ContainsFunc(reserved, func(claim string) bool { return isClaim(name, claim) }):
		return fmt.Errorf("%s is checked by itself, and no rule can be made of it", claimPath(name)[0])
	}
	return nil
}

func compileConditions(pointer string, rules map[string]string) ([]condition, error) {
	var all []condition
	for _, name := range sortedKeys(rules) {
		err := checkClaimName(name)
		if err != nil {
			return nil, invalid(pointer, err.Error())
		}
		pattern, err := compilePattern(rules[name])
		if err != nil {
			return nil, invalid(pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), err.Error())
		}
		all = append(all, condition{name, pattern})
	}
	return all, nil
}

func sortedKeys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func invalid(pointer, message string) error {
	return access.New(access.Invalid, "invalid_issuer", message).At(pointer)
}

// template is a text with {claims} in it.
type template struct {
	literals []string // one more than claims
	claims   []string
}

func compileTemplate(text string) (template, error) {
	var t template
	for {
		before, rest, open := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return t, fmt.Errorf("a brace is not closed, or not opened")
		}
		t.literals = append(t.literals, before)
		if !open {
			return t, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return t, fmt.Errorf("a brace is not closed, or not opened")
		}
		if err := checkClaimName(name); err != nil {
			return t, err
		}
		t.claims = append(t.claims, name)
		text = after
	}
}

// fill puts the claims in. Each must have one value that the caller finds sound; of
// several claims none may hold what stands between them, so that two different
// tokens cannot come to the same text.
func (t *template) fill(c claims, sound func(string) bool) (string, bool) {
	between := strings.Join(t.literals[1:len(t.literals)-min(1, len(t.claims))], "")
	var b strings.Builder
	for i, name := range t.claims {
		b.WriteString(t.literals[i])
		values := c.at(name)
		if len(values) != 1 || !sound(values[0]) || len(t.claims) > 1 && strings.ContainsAny(values[0], between) {
			return "", false
		}
		b.WriteString(values[0])
	}
	b.WriteString(t.literals[len(t.literals)-1])
	return b.String(), true
}

// ambiguous reports whether two claims stand side by side.
func (t *template) ambiguous() bool {
	return len(t.claims) > 1 && slices.Contains(t.literals[1:len(t.literals)-1], "")
}
