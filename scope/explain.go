package scope

import (
	"fmt"
	"strings"
)

// Explanation says why a set matches a scope or does not. Its String is a
// sentence for people; it is safe to show.
type Explanation struct {
	// Scope is what was asked about. Where Err is set it is not a concrete
	// scope, and may hold anything.
	Scope string
	// Err is the reason why the question has no answer, or nil.
	Err *SyntaxError
	// Matched reports whether the set matches Scope.
	Matched bool
	// Pattern is the pattern that matched or, failing that, the nearest: the
	// one with the most of its text in Scope. It is the zero Pattern
	// for an empty set and where Err is set.
	Pattern Pattern
	// Offset is the byte of Scope up to which the nearest pattern went along.
	Offset int
	// Need says what the nearest pattern needs from Offset on.
	Need string
}

// Explain says which pattern matches a concrete scope, the first in sorted
// order if there are several, or which comes nearest and where it parts from
// the scope. It agrees with [Set.Match].
func (s Set) Explain(scope string) Explanation {
	if err := checkConcrete(scope); err != nil {
		return Explanation{Scope: scope, Err: err}
	}
	nearest, most := Explanation{Scope: scope}, -1
	for _, p := range s.patterns {
		if p.Match(scope) {
			return Explanation{Scope: scope, Matched: true, Pattern: p}
		}
		if d := diverge(p.text, scope); d.agreed > most {
			nearest.Pattern, nearest.Offset, nearest.Need, most = p, d.offset, d.need, d.agreed
		}
	}
	return nearest
}

// divergence tells where a pattern that does not match a scope parts from it.
type divergence struct {
	agreed int    // bytes of the pattern's text that found their place in the scope
	offset int    // byte of the scope up to which they went together
	need   string // what the pattern needs from there
}

func diverge(pattern, scope string) divergence {
	prefix, wild := pattern, wildcardAt(pattern) >= 0
	var g glob
	if wild {
		g = newGlob(pattern)
		prefix = g.prefix()
	}
	common := commonPrefix(prefix, scope)
	if common < len(prefix) {
		return divergence{common, common, fmt.Sprintf("needs %q", prefix[common:])}
	}
	if !wild {
		return divergence{common, common, "ends"}
	}
	used, rest := place(g.pieces(), scope[common:])
	d := divergence{agreed: common + len(g.pieces()) - len(rest), offset: common + used}
	if missing, _, _ := strings.Cut(rest, "*"); missing != "" {
		d.need = fmt.Sprintf("needs %q further on", missing)
	} else {
		d.need = fmt.Sprintf("needs %q at the end", g.suffix())
	}
	return d
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// String says in one sentence what was found.
func (e Explanation) String() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Matched:
		return fmt.Sprintf("%s is covered by %s", e.Scope, e.Pattern)
	case e.Pattern == Pattern{}:
		return fmt.Sprintf("%s is not covered: no scope is held", e.Scope)
	case e.Offset == 0:
		return fmt.Sprintf("%s is not covered: the nearest held scope, %s, %s", e.Scope, e.Pattern, e.Need)
	}
	return fmt.Sprintf("%s is not covered: the nearest held scope, %s, agrees up to %q and then %s",
		e.Scope, e.Pattern, e.Scope[:e.Offset], e.Need)
}

// ExplainIncludes gives an example for the refusal of ask: a concrete scope
// that ask matches and the set does not. ok reports whether there is one to
// show; it is false where the set includes ask, where ask is the zero Pattern,
// and in the case that [Set.Includes] refuses without deciding it.
func (s Set) ExplainIncludes(ask Pattern) (witness string, ok bool) {
	if ask.text == "" || s.contains(ask.text) {
		return "", false
	}
	// "other" reads best. Failing that, a character that the set spells out
	// nowhere always gives a witness.
	if witness = strings.ReplaceAll(ask.text, "*", "other"); len(witness) <= MaxLength && !s.contains(witness) {
		return witness, true
	}
	for c := range len(inSegment) {
		if c == '*' || !inSegment[c] {
			continue
		}
		if witness = strings.ReplaceAll(ask.text, "*", string(rune(c))); !s.contains(witness) {
			return witness, true
		}
	}
	return "", false
}
