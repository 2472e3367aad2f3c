package scope_test

import (
	"fmt"
	"strings"

	"github.com/daypass/daypass/scope"
)

// The oracles decide matching and inclusion by the textbook, on positions of
// the patterns taken as nondeterministic automata; they share nothing with the
// code under test.

// positions is the set of positions of one pattern an automaton may be in.
type positions [scope.MaxLength + 1]bool

// settle lets every "*" match the empty run.
func (at *positions) settle(pattern string) {
	for i := range len(pattern) {
		if at[i] && pattern[i] == '*' {
			at[i+1] = true
		}
	}
}

func start(pattern string) (at positions) {
	at[0] = true
	at.settle(pattern)
	return at
}

func (at *positions) step(pattern string, c byte) (next positions) {
	for i := range len(pattern) {
		switch {
		case !at[i]:
		case pattern[i] == '*':
			next[i] = true
		case pattern[i] == c:
			next[i+1] = true
		}
	}
	next.settle(pattern)
	return next
}

func matches(pattern, text string) bool {
	at := start(pattern)
	for i := range len(text) {
		at = at.step(pattern, text[i])
	}
	return at[len(pattern)]
}

func anyMatches(patterns []string, text string) bool {
	for _, p := range patterns {
		if matches(p, text) {
			return true
		}
	}
	return false
}

// includes decides whether the language of ask lies within the union of held,
// over all strings of the alphabet, by subset construction on all the patterns
// at once. It gives up, decided = false, after the given number of states.
func includes(held []string, ask, alphabet string, states int) (included, decided bool) {
	patterns := append([]string{ask}, held...)
	first := make([]positions, len(patterns))
	for i, p := range patterns {
		first[i] = start(p)
	}
	seen, queue := map[string]bool{key(patterns, first): true}, [][]positions{first}
	for len(queue) > 0 {
		now := queue[0]
		queue = queue[1:]
		if outside(patterns, now) {
			return false, true
		}
		for _, c := range []byte(alphabet) {
			next := make([]positions, len(patterns))
			for i, p := range patterns {
				next[i] = now[i].step(p, c)
			}
			if k := key(patterns, next); !seen[k] {
				seen[k], queue = true, append(queue, next)
			}
		}
		if len(seen) > states {
			return false, false
		}
	}
	return true, true
}

// outside reports whether the ask, the first, accepts here and no other does.
func outside(patterns []string, at []positions) bool {
	for i, p := range patterns {
		if at[i][len(p)] != (i == 0) {
			return false
		}
	}
	return true
}

func key(patterns []string, at []positions) string {
	var b strings.Builder
	for i, p := range patterns {
		for _, on := range at[i][:len(p)+1] {
			fmt.Fprintf(&b, "%t ", on)
		}
	}
	return b.String()
}

const segmentAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

// jointAlphabet holds each byte the patterns spell out, ":" and one that stands
// for all the others. ok is false where there are no others.
func jointAlphabet(patterns ...string) (alphabet string, ok bool) {
	text := strings.Join(patterns, "")
	alphabet = ":"
	for _, c := range segmentAlphabet {
		spelled := strings.ContainsRune(text, c)
		if spelled || !ok {
			alphabet += string(c)
			ok = ok || !spelled
		}
	}
	return alphabet, ok
}
