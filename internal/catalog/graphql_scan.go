package catalog

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/access"
)

// lexeme is one token of a GraphQL document.
type lexeme struct {
	text string // as it is sent on
	at   int    // where it stands in the skeleton
}

// scanner takes a GraphQL document apart into its tokens, by the letter of the
// specification (section 2.1 and appendix B): what it cannot read is refused,
// never skipped. Beside the tokens it writes a skeleton for the parser: the same
// tokens, in which every string is empty. So the parser never sees a string, and
// the scanner never sees the grammar.
type scanner struct {
	input    string
	pos      int
	most     int // tokens
	nesting  int
	tokens   []lexeme
	skeleton strings.Builder
	last     byte // of the skeleton
}

// maxGraphQLNesting bounds brackets within brackets, values and inline fragments
// included. The limit for a policy to set is that of its fields.
const maxGraphQLNesting = 200

func graphqlSyntax(reason string) *access.Error {
	return access.New(access.Malformed, "graphql_syntax", "this is not a GraphQL document that can be executed: "+reason)
}

// scan reads the whole document, at most so many tokens.
func (s *scanner) scan() error {
	if !utf8.ValidString(s.input) {
		return graphqlSyntax("it is not UTF-8")
	}
	for s.skip(); s.pos < len(s.input); s.skip() {
		start := s.pos
		skeleton, err := s.token()
		if err != nil {
			return err
		}
		if len(s.tokens) == s.most {
			return graphqlLimit("graphql_too_many_tokens", "tokens", s.most)
		}
		text := s.input[start:s.pos]
		if skeleton == emptyString {
			text = printableString(text)
		}
		s.add(text, skeleton)
	}
	return nil
}

func (s *scanner) add(text, skeleton string) {
	if needsSpace(s.last, skeleton[0]) {
		s.skeleton.WriteByte(' ')
	}
	s.tokens = append(s.tokens, lexeme{text, s.skeleton.Len()})
	s.skeleton.WriteString(skeleton)
	s.last = skeleton[len(skeleton)-1]
}

// needsSpace reports whether two tokens would run together.
func needsSpace(last, next byte) bool {
	return (isNameByte(last) || last == '"') && (isNameByte(next) || next == '"' || next == '-' || next == '.')
}

// skip passes over what separates tokens: blanks, line ends, commas, byte order
// marks and comments.
func (s *scanner) skip() {
	for s.pos < len(s.input) {
		switch c := s.input[s.pos]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',':
			s.pos++
		case strings.HasPrefix(s.input[s.pos:], "\ufeff"):
			s.pos += len("\ufeff")
		case c == '#':
			for s.pos < len(s.input) && s.input[s.pos] != '\n' && s.input[s.pos] != '\r' {
				s.pos++
			}
		default:
			return
		}
	}
}

const emptyString = `""`

// token reads one token and returns what stands for it in the skeleton.
func (s *scanner) token() (string, error) {
	start := s.pos
	switch c := s.input[start]; {
	case isNameByte(c) && !isDigit(c):
		for s.pos < len(s.input) && isNameByte(s.input[s.pos]) {
			s.pos++
		}
	case isDigit(c) || c == '-':
		if err := s.number(); err != nil {
			return "", err
		}
	case c == '"' && strings.HasPrefix(s.input[start:], `"""`):
		return emptyString, s.blockString()
	case c == '"':
		return emptyString, s.string()
	case strings.HasPrefix(s.input[start:], "..."):
		s.pos += len("...")
	case strings.IndexByte("!$&()[]{}:=@|", c) >= 0:
		s.pos++
		return s.input[start:s.pos], s.bracket(c)
	default:
		return "", graphqlSyntax("it has a character that begins no token")
	}
	return s.input[start:s.pos], nil
}

func (s *scanner) bracket(c byte) error {
	switch c {
	case '(', '[', '{':
		s.nesting++
	case ')', ']', '}':
		s.nesting--
	}
	if s.nesting > maxGraphQLNesting {
		return graphqlLimit("graphql_too_deep", "brackets within brackets", maxGraphQLNesting)
	}
	return nil
}

// number reads -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?, which no dot, digit
// or letter may follow.
func (s *scanner) number() error {
	bad := graphqlSyntax("it has a number that cannot be read")
	s.accept("-")
	if !s.accept("0") && !s.digits() || s.accept(".") && !s.digits() {
		return bad
	}
	if s.accept("eE") {
		if s.accept("+-"); !s.digits() {
			return bad
		}
	}
	if s.pos < len(s.input) && (isNameByte(s.input[s.pos]) || s.input[s.pos] == '.') {
		return bad
	}
	return nil
}

func (s *scanner) accept(any string) bool {
	if s.pos < len(s.input) && strings.IndexByte(any, s.input[s.pos]) >= 0 {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.input) && isDigit(s.input[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) string() error {
	for s.pos++; s.pos < len(s.input); {
		switch s.input[s.pos] {
		case '"':
			s.pos++
			return nil
		case '\n', '\r':
			return graphqlSyntax("a string does not end on its line")
		case '\\':
			n := escapeLength(s.input[s.pos:])
			if n == 0 {
				return graphqlSyntax("a string has an escape that stands for no character")
			}
			s.pos += n
		default:
			s.pos++
		}
	}
	return graphqlSyntax("a string does not end")
}

// escapeLength is how long the escape is that the text begins with, 0 for none:
// \n, \u0041, a pair of surrogates, or \u{1f600}.
func escapeLength(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[1]) < 0 {
			return 0
		}
		return 2
	}
	if strings.HasPrefix(s, `\u{`) {
		digits, _, closed := strings.Cut(s[3:min(len(s), len(`\u{12345678}`))], "}")
		if r, ok := hexNumber(digits); !closed || !ok || !utf8.ValidRune(r) {
			return 0
		}
		return len(`\u{`) + len(digits) + len(`}`)
	}
	r, ok := hexAt(s, 2)
	switch {
	case !ok || r >= 0xdc00 && r < 0xe000:
		return 0
	case r < 0xd800 || r >= 0xe000:
		return 6
	}
	if second, ok := hexAt(s, 8); !ok || s[6:8] != `\u` || second < 0xdc00 || second >= 0xe000 {
		return 0
	}
	return 12
}

func hexAt(s string, at int) (rune, bool) {
	if len(s) < at+4 {
		return 0, false
	}
	return hexNumber(s[at : at+4])
}

// hexNumber reads one to eight hexadecimal digits.
func hexNumber(s string) (rune, bool) {
	var v uint32
	for _, c := range []byte(s) {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		v = v<<4 | uint32(c)
	}
	return rune(v), s != "" && v <= utf8.MaxRune
}

func (s *scanner) blockString() error {
	for s.pos += 3; s.pos < len(s.input); {
		rest := s.input[s.pos:]
		switch c := rest[0]; {
		case strings.HasPrefix(rest, `"""`):
			s.pos += 3
			return nil
		case strings.HasPrefix(rest, `\"""`):
			s.pos += 4
		case isControl(c) && c != '\n' && c != '\r':
			return graphqlSyntax("a block string has a control character")
		default:
			s.pos++
		}
	}
	return graphqlSyntax("a string does not end")
}

// printableString writes control characters in a string as escapes: they mean the
// same, and servers of older editions of the specification do not read them bare.
func printableString(s string) string {
	if strings.HasPrefix(s, `"""`) || strings.IndexFunc(s, func(r rune) bool { return r < utf8.RuneSelf && isControl(byte(r)) }) < 0 {
		return s
	}
	var out strings.Builder
	for _, c := range []byte(s) {
		if isControl(c) {
			fmt.Fprintf(&out, `\u%04x`, c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

func isControl(c byte) bool { return c < ' ' && c != '\t' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || c == '_'
}
