package scope

import (
	"fmt"
	"slices"
	"strings"
)

// MaxPatterns is the greatest number of scopes [ParseSet] and [ParseList] read.
const MaxPatterns = 1024

// Set is an immutable set of patterns, sorted by their text and without
// repetition: a ceiling that is held, or the scopes that are asked for. A scope
// is matched by the set where one of its patterns matches it. The zero Set is
// empty and matches nothing. A Set may be used by several goroutines at once.
type Set struct {
	patterns []Pattern // sorted by text
	globs    []glob    // those of patterns that have a wildcard
}

// NewSet makes a set of the patterns, whatever their order. A zero Pattern
// matches nothing and is left out.
func NewSet(p ...Pattern) Set {
	patterns := slices.DeleteFunc(slices.Clone(p), func(p Pattern) bool { return p.text == "" })
	slices.SortFunc(patterns, comparePatterns)
	patterns = slices.Clip(slices.Compact(patterns))

	var globs []glob
	for _, p := range patterns {
		if !p.Concrete() {
			globs = append(globs, newGlob(p.text))
		}
	}
	return Set{patterns: patterns, globs: globs}
}

func comparePatterns(a, b Pattern) int { return strings.Compare(a.text, b.text) }

// ListError reports which of several scopes was refused.
type ListError struct {
	Index int // position in the list, from 0
	Err   error
}

func (e *ListError) Error() string { return fmt.Sprintf("scope number %d: %v", e.Index+1, e.Err) }

// Unwrap returns the reason, a [*SyntaxError] unless the list is too long.
func (e *ListError) Unwrap() error { return e.Err }

var errTooMany = &ListError{Index: MaxPatterns, Err: fmt.Errorf("a list has at most %d scopes", MaxPatterns)}

// ParseSet reads a list of scopes, at most [MaxPatterns]. Repetition is
// allowed. Its error is a [*ListError] naming the first that is refused; then
// no part of the list counts.
func ParseSet(list []string) (Set, error) {
	if len(list) > MaxPatterns {
		return Set{}, errTooMany
	}
	patterns := make([]Pattern, 0, len(list))
	for i, text := range list {
		p, err := Parse(text)
		if err != nil {
			return Set{}, &ListError{Index: i, Err: err}
		}
		patterns = append(patterns, p)
	}
	return NewSet(patterns...), nil
}

// ParseList reads the value of an OAuth "scope" parameter or claim (RFC 6749
// section 3.3): scopes separated by exactly one space, with none before or
// after. Limits and errors are those of [ParseSet].
//
// The empty string gives the empty set. RFC 6749 section 3.1 treats a parameter
// without a value as omitted; what an omitted scope means is for the caller to
// say.
func ParseList(s string) (Set, error) {
	if s == "" {
		return Set{}, nil
	}
	// Counting first keeps a long text from being split only to be refused.
	if strings.Count(s, " ") >= MaxPatterns {
		return Set{}, errTooMany
	}
	return ParseSet(strings.Split(s, " "))
}

// Match reports whether the set matches a concrete scope. It is false for text
// outside the grammar and for text with a wildcard. It allocates nothing.
func (s Set) Match(scope string) bool { return concrete(scope) && s.contains(scope) }

// Covers is [Set.Match] for a scope that was parsed before, as those that a
// resource requires: it does not look at the grammar again. It is false for a
// pattern with a wildcard and for the zero Pattern. It allocates nothing.
func (s Set) Covers(required Pattern) bool { return required.Concrete() && s.contains(required.text) }

// Includes reports whether every concrete scope that ask matches is matched by
// the set: whether who holds the set may hand out ask. The zero Pattern is not
// included in any set.
//
// "True" is always right. "False" is right as long as some character that a
// segment may contain is spelled out by no pattern of the set; past that, a
// union that covers ask only jointly is refused (see the package comment for
// the proof). It takes time linear in the set and ask, and allocates nothing.
func (s Set) Includes(ask Pattern) bool { return ask.text != "" && s.contains(ask.text) }

// contains holds the one rule of matching and inclusion: text is a scope of
// the set, or one of its globs matches it with "*" taken as a plain byte.
func (s Set) contains(text string) bool {
	if _, found := slices.BinarySearchFunc(s.patterns, Pattern{text}, comparePatterns); found {
		return true
	}
	for i := range s.globs {
		if s.globs[i].match(text) {
			return true
		}
	}
	return false
}

// IncludesSet reports whether the set includes every pattern of ask, as
// [Set.Includes] does; if not, missing is the first, in sorted order, that it
// does not include. The empty set is included in every set.
func (s Set) IncludesSet(ask Set) (missing Pattern, ok bool) {
	for _, p := range ask.patterns {
		if !s.Includes(p) {
			return p, false
		}
	}
	return Pattern{}, true
}

// Patterns returns a copy of the patterns, sorted; it is never nil.
func (s Set) Patterns() []Pattern { return append(make([]Pattern, 0, len(s.patterns)), s.patterns...) }

// Strings returns the texts of the patterns, sorted; it is never nil, so that
// an empty set becomes an empty JSON list.
func (s Set) Strings() []string {
	texts := make([]string, 0, len(s.patterns))
	for _, p := range s.patterns {
		texts = append(texts, p.text)
	}
	return texts
}

// String returns the patterns separated by one space, as in RFC 6749 section
// 3.3; [ParseList] reads it back.
func (s Set) String() string { return strings.Join(s.Strings(), " ") }

// Len returns the number of different patterns.
func (s Set) Len() int { return len(s.patterns) }

// IsEmpty reports whether the set has no pattern and so matches nothing.
func (s Set) IsEmpty() bool { return len(s.patterns) == 0 }

// Equal reports whether both sets have the same patterns. Sets that match the
// same scopes by different patterns are not equal; for that, ask
// [Set.IncludesSet] both ways.
func (s Set) Equal(other Set) bool { return slices.Equal(s.patterns, other.patterns) }
