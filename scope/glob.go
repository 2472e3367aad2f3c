package scope

import "strings"

// glob is a pattern that has a wildcard, cut once so that matching need not
// look for its ends again.
type glob struct {
	text        string
	first, last int // offsets of the first and the last "*"
}

func newGlob(text string) glob {
	return glob{text: text, first: wildcardAt(text), last: strings.LastIndexByte(text, '*')}
}

func (g glob) prefix() string { return g.text[:g.first] }
func (g glob) suffix() string { return g.text[g.last+1:] }

// pieces is what stands between the first and the last wildcard: literals
// separated by "*", none of them tied to a place.
func (g glob) pieces() string {
	if g.first == g.last {
		return ""
	}
	return g.text[g.first+1 : g.last]
}

// match reports whether the glob matches s, in which "*" is a byte like any
// other: it meets no literal, only a wildcard.
//
// Prefix and suffix are tied to the ends of s. Each piece in between may take
// its leftmost place, since that leaves the most to the pieces after it; so
// nothing is ever tried twice and s is walked once.
func (g glob) match(s string) bool {
	prefix, suffix := g.prefix(), g.suffix()
	if len(s) < len(prefix)+len(suffix) || !strings.HasPrefix(s, prefix) || !strings.HasSuffix(s, suffix) {
		return false
	}
	_, rest := place(g.pieces(), s[len(prefix):len(s)-len(suffix)])
	return rest == ""
}

// place finds the pieces in s in their order, each at its leftmost place. It
// returns the length of s used by those that were found and the pieces from the
// first on that was not.
func place(pieces, s string) (used int, rest string) {
	for pieces != "" {
		piece, after, _ := strings.Cut(pieces, "*")
		at := strings.Index(s[used:], piece)
		if at < 0 {
			return used, pieces
		}
		used += at + len(piece)
		pieces = after
	}
	return used, ""
}
