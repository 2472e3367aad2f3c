package catalog

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/access"
)

// Limits of a request target, in bytes.
const (
	MaxPath   = 4096      // the path, as sent
	MaxTarget = 16 * 1024 // path and query together
)

// Path is the path of a request in its one canonical form, and the query beside
// it. The zero Path belongs to no request and matches nothing.
type Path struct {
	sent    string // percent-encoded: what goes to the upstream
	decoded string // what rules are matched against
	query   string
	asked   bool // a "?" was there, with or without a query behind it
}

// String is the path in canonical form, without the query: the very bytes that
// are sent on.
func (p Path) String() string { return p.sent }

// Decoded is the path with every percent-encoding resolved, as the upstream
// will read it. No segment of it is empty but the last, none is "." or "..".
func (p Path) Decoded() string { return p.decoded }

// Query is what followed the "?", byte for byte. It takes no part in matching.
func (p Path) Query() string { return p.query }

// Target is the origin-form request target (RFC 9112 section 3.2.1): the path
// and, if there was one, the query.
func (p Path) Target() string {
	if !p.asked {
		return p.sent
	}
	return p.sent + "?" + p.query
}

// Apply sets path and query of u so that net/http sends exactly [Path.Target].
func (p Path) Apply(u *url.URL) {
	u.Path, u.RawPath = p.decoded, p.sent
	u.RawQuery, u.ForceQuery = p.query, p.asked && p.query == ""
}

// segments is the decoded path without its outer slashes: whether one stands at
// the end makes no difference to the rules.
func (p Path) segments() string {
	return strings.TrimSuffix(strings.TrimPrefix(p.decoded, "/"), "/")
}

// ParsePath reads a request target in origin-form or absolute-form (RFC 9112
// section 3.2) and makes its path canonical: percent-encoded unreserved
// characters are decoded, other encodings are written in upper case, and
// characters that may not stand in a path are encoded (RFC 3986 section 6.2.2).
// Reading the result again gives the same.
//
// Refused, as an [*access.Error] of kind Malformed with code bad_path, is
// everything two programs could read differently: control characters,
// backslashes, slashes and semicolons in encoded form and semicolons in plain
// form, empty and dot segments however they are spelled, "#", bytes beyond
// ASCII that are not encoded, bad or double percent-encoding, text that is not
// UTF-8, and more than [MaxPath] or [MaxTarget] bytes. It never repeats the
// target.
func ParsePath(target string) (Path, error) {
	if len(target) > MaxTarget {
		return Path{}, badPath("the request target may have at most %d bytes", MaxTarget)
	}
	target, err := originForm(target)
	if err != nil {
		return Path{}, err
	}
	path, query, asked := strings.Cut(target, "?")
	if err := checkQuery(query); err != nil {
		return Path{}, err
	}
	p, err := canonical(path)
	p.query, p.asked = query, asked
	if err != nil {
		return Path{}, err
	}
	return p, nil
}

func badPath(message string, args ...any) error {
	return access.New(access.Malformed, "bad_path", fmt.Sprintf(message, args...))
}

// originForm cuts scheme and authority off an absolute-form target. The
// authority is the server's business, not the path's; it is only held to look
// like one, so that nothing can hide in it.
func originForm(target string) (string, error) {
	rest, absolute := cutScheme(target)
	if !absolute {
		return target, nil
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 || strings.Trim(rest[:end], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") != "" {
		return "", badPath("an absolute request target is written http://host/path, without user information")
	}
	if rest = rest[end:]; strings.HasPrefix(rest, "/") {
		return rest, nil
	}
	return "/" + rest, nil
}

func cutScheme(target string) (rest string, ok bool) {
	for _, scheme := range []string{"http://", "https://"} {
		if len(target) >= len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) {
			return target[len(scheme):], true
		}
	}
	return target, false
}

func checkQuery(query string) error {
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f || c == '#' {
			return badPath("the query has a blank, a control character or a '#' in it; percent-encode it")
		}
	}
	return nil
}

// canonical reads the path proper.
func canonical(path string) (Path, error) {
	switch {
	case len(path) > MaxPath:
		return Path{}, badPath("the path may have at most %d bytes", MaxPath)
	case !strings.HasPrefix(path, "/"):
		return Path{}, badPath("the path must begin with '/'")
	}
	p, err := decode(path)
	if err != nil {
		return Path{}, err
	}
	if len(p.sent) > MaxPath {
		return Path{}, badPath("the path may have at most %d bytes once it is percent-encoded", MaxPath)
	}
	return p, checkSegments(p.decoded)
}

// decode takes the path apart byte by byte. A path of plain characters alone,
// as most are, is its own canonical form and costs no memory.
func decode(path string) (Path, error) {
	plain := 0
	for plain < len(path) && (path[plain] == '/' || isPathChar[path[plain]]) {
		plain++
	}
	if plain == len(path) {
		return Path{sent: path, decoded: path}, nil
	}
	sent := append(make([]byte, 0, len(path)+16), path[:plain]...)
	decoded := append(make([]byte, 0, len(path)), path[:plain]...)
	for i := plain; i < len(path); i++ {
		c, encoded := path[i], path[i] == '%'
		if encoded {
			var ok bool
			if c, ok = hexByte(path[i+1:]); !ok {
				return Path{}, badPath("the path has a '%%' that two hexadecimal digits do not follow")
			}
			i += 2
		}
		if err := checkByte(c, encoded); err != nil {
			return Path{}, err
		}
		decoded = append(decoded, c)
		sent = appendEncoded(sent, c, encoded)
	}
	return Path{sent: string(sent), decoded: string(decoded)}, checkDecoded(decoded)
}

// isPathChar holds the characters that stand for themselves: pchar of RFC 3986
// section 3.3 without ";", which separates parameters for some and nothing for
// others.
var isPathChar = func() (is [256]bool) {
	for c := range 128 {
		is[c] = isUnreserved(byte(c)) || strings.IndexByte("!$&'()*+,=:@", byte(c)) >= 0
	}
	return is
}()

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

func appendEncoded(sent []byte, c byte, encoded bool) []byte {
	const digits = "0123456789ABCDEF"
	if isUnreserved(c) || !encoded && (c == '/' || isPathChar[c]) {
		return append(sent, c)
	}
	return append(sent, '%', digits[c>>4], digits[c&15])
}

func hexByte(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, low := hexDigit(s[0]), hexDigit(s[1])
	return high<<4 | low, high < 16 && low < 16
}

// hexDigit is the value of a hexadecimal digit, or 16.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

func checkByte(c byte, encoded bool) error {
	switch {
	case c < ' ' || c == 0x7f:
		return badPath("the path has a control character in it")
	case c == '\\':
		return badPath("the path has a backslash in it")
	case c == ';':
		return badPath("the path has a ';' in it; path parameters are not supported")
	case c == '/' && encoded:
		return badPath("the path has an encoded slash in it")
	case encoded:
		return nil
	case c == '#':
		return badPath("the path has a '#' in it; a fragment is not sent")
	case c == ' ' || c >= utf8.RuneSelf:
		return badPath("the path has a blank or a character beyond ASCII in it; percent-encode it")
	}
	return nil
}

func checkDecoded(decoded []byte) error {
	for i, c := range decoded {
		if _, twice := hexByte(string(decoded[i+1 : min(i+3, len(decoded))])); c == '%' && twice {
			return badPath("the path is percent-encoded twice")
		}
	}
	for rest := decoded; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return badPath("the path is not UTF-8 once it is decoded")
		}
		if unicode.IsControl(r) {
			return badPath("the path has a control character in it")
		}
		rest = rest[size:]
	}
	return nil
}

// isDots reports whether a segment may be read as "." or "..". Blanks count as dots
// do, since some file systems drop them, and so do the characters that become
// dots where text is folded to its compatible form (Unicode NFKC).
func isDots(segment string) bool {
	const dots, blanks = ".\u2024\u2025\u2026\uFE52\uFF0E", " \u00A0\u3000"
	return strings.Trim(segment, dots+blanks) == "" && strings.ContainsAny(segment, dots)
}

func checkSegments(decoded string) error {
	for rest := decoded[1:]; rest != ""; {
		segment, after, more := strings.Cut(rest, "/")
		if segment == "" {
			return badPath("the path has an empty segment ('//') in it")
		}
		if isDots(segment) {
			return badPath("the path has a dot segment ('.' or '..') in it")
		}
		if rest = after; !more {
			return nil
		}
	}
	return nil
}
