package seal

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxLogin = 254 // bytes, RFC 5321 section 4.5.3.1.3

// ErrLogin is the answer to a text that cannot be a login name.
var ErrLogin = errors.New("a login name is an e-mail address with one '@', without blanks, of at most 254 bytes")

// CanonicalLogin is the one spelling under which a login name is stored, looked up
// and counted: NFKC and lower case, with exactly one '@'. What differs only in that
// is the same person; nothing else is folded, since only the mail server knows
// whether dots and tags matter.
func CanonicalLogin(text string) (string, error) {
	if len(text) > 4*maxLogin || !utf8.ValidString(text) {
		return "", ErrLogin
	}
	// Lower case may come apart again: twice is stable.
	canonical := norm.NFKC.String(strings.ToLower(norm.NFKC.String(text)))
	local, domain, _ := strings.Cut(canonical, "@")
	switch {
	case len(canonical) > maxLogin, local == "", domain == "", strings.Contains(domain, "@"),
		strings.HasPrefix(domain, "."), strings.HasSuffix(domain, "."),
		strings.ContainsFunc(canonical, func(r rune) bool {
			return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`<>()[]\,;:"`, r)
		}):
		return "", ErrLogin
	}
	return canonical, nil
}
