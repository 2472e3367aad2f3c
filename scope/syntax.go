package scope

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// MaxLength is the greatest length of one scope, in bytes.
const MaxLength = 256

// maxShown bounds how much of a refused text an error repeats, in bytes.
const maxShown = 64

const alphabet = `letters, digits, "_", ".", "-", ":" and "*"`

// inSegment tells, for each byte, whether a segment may contain it.
var inSegment = func() (ok [256]bool) {
	for c := range ok {
		ok[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '_' || c == '.' || c == '-' || c == '*'
	}
	return ok
}()

// SyntaxError reports text that is not a scope. It is safe to show: it repeats
// at most 64 bytes of the text, quoted and in ASCII.
type SyntaxError struct {
	Input  string // the refused text, cut and quoted
	Offset int    // byte of the text at which it stops being a scope
	Reason string // what is wrong there and what would be right
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("scope %s, byte %d: %s", e.Input, e.Offset, e.Reason)
}

func syntaxError(text string, offset int, reason string) *SyntaxError {
	return &SyntaxError{Input: quote(text), Offset: offset, Reason: reason}
}

func quote(text string) string {
	if len(text) <= maxShown {
		return strconv.QuoteToASCII(text)
	}
	return strconv.QuoteToASCII(text[:maxShown]) + "..."
}

// check returns nil where text is in the grammar.
func check(text string) *SyntaxError {
	if offset := invalidAt(text); offset >= 0 {
		return syntaxError(text, offset, reasonAt(text, offset))
	}
	return nil
}

// checkConcrete returns nil where text is in the grammar and has no wildcard.
func checkConcrete(text string) *SyntaxError {
	if err := check(text); err != nil {
		return err
	}
	if star := wildcardAt(text); star >= 0 {
		return syntaxError(text, star, "a concrete scope has no wildcard")
	}
	return nil
}

// invalidAt returns the offset at which text leaves the grammar, or -1. An
// empty segment is reported at the colon, or the end, that leaves it empty.
func invalidAt(text string) int {
	if len(text) > MaxLength {
		return MaxLength
	}
	empty := true
	for i := 0; i < len(text); i++ {
		switch {
		case inSegment[text[i]]:
			empty = false
		case text[i] == ':' && !empty:
			empty = true
		default:
			return i
		}
	}
	if empty {
		return len(text)
	}
	return -1
}

func reasonAt(text string, offset int) string {
	switch {
	case text == "":
		return "a scope must not be empty"
	case len(text) > MaxLength:
		return fmt.Sprintf("a scope has at most %d bytes, this has %d", MaxLength, len(text))
	case offset == len(text) || text[offset] == ':':
		return `something must stand before, between and after ":"`
	}
	r, size := utf8.DecodeRuneInString(text[offset:])
	if r == utf8.RuneError && size == 1 {
		return fmt.Sprintf("byte 0x%02x is not allowed; use %s", text[offset], alphabet)
	}
	return fmt.Sprintf("character %+q is not allowed; use %s", r, alphabet)
}
