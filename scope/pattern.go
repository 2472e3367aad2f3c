package scope

import "strings"

// Pattern is one scope that follows the grammar, with or without wildcards.
// Only [Parse] makes one. Patterns are comparable with == and may be map keys;
// a Pattern keeps the text it was parsed from, so "a*" and "a**" are different
// Patterns that match the same scopes. The zero Pattern matches nothing and is
// included in nothing.
type Pattern struct{ text string }

// Parse reads one scope. Its error is a [*SyntaxError].
func Parse(s string) (Pattern, error) {
	if err := check(s); err != nil {
		return Pattern{}, err
	}
	return Pattern{text: s}, nil
}

// MustParse is [Parse] for scopes written in the program itself; it panics
// where Parse returns an error.
func MustParse(s string) Pattern {
	p, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return p
}

// String returns the text the pattern was parsed from.
func (p Pattern) String() string { return p.text }

// Concrete reports whether the pattern has no wildcard, so that it matches
// itself and nothing else. The zero Pattern is not concrete.
func (p Pattern) Concrete() bool { return p.text != "" && wildcardAt(p.text) < 0 }

// Match reports whether the pattern matches a concrete scope. It is false for
// text outside the grammar and for text with a wildcard: whether a pattern lies
// within another is asked of [Set.Includes].
func (p Pattern) Match(scope string) bool {
	if !concrete(scope) {
		return false
	}
	if wildcardAt(p.text) < 0 {
		return p.text == scope
	}
	return newGlob(p.text).match(scope)
}

func concrete(text string) bool { return invalidAt(text) < 0 && wildcardAt(text) < 0 }

func wildcardAt(text string) int { return strings.IndexByte(text, '*') }
