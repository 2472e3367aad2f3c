package seal

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Lengths of a password in characters (NIST SP 800-63B-4, 3.1.1.2).
const (
	MinPassword = 15
	MaxPassword = 512
)

// PasswordError says why a password is refused, never what it was.
type PasswordError string

func (e PasswordError) Error() string { return string(e) }

//go:embed commonpasswords.txt
var commonText string

// common are words that passwords of many people are made of, the longest first.
var common = strings.Fields(commonText)

// rows are runs that are typed without thinking, there and back.
var rows = func() []string {
	runs := []string{"abcdefghijklmnopqrstuvwxyz", "0123456789012345678901234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp"}
	for _, run := range runs {
		back := []rune(run)
		for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
			back[i], back[j] = back[j], back[i]
		}
		runs = append(runs, string(back))
	}
	return runs
}()

// CheckPassword holds a password against the rules of NIST SP 800-63B-4: at least
// 15 characters and any of Unicode, no composition rules, but not one that is
// common or expected. Expected are those which, without common passwords, runs of
// the keyboard, repeats, and the given words (names of the user and of its
// organization), have fewer than 6 characters left. The error is a [PasswordError].
func CheckPassword(password string, words ...string) error {
	if !utf8.ValidString(password) {
		return PasswordError("write the password in UTF-8")
	}
	password = norm.NFC.String(password)
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		return PasswordError(fmt.Sprintf("use at least %d characters; a sentence does well", MinPassword))
	case n > MaxPassword:
		return PasswordError(fmt.Sprintf("use at most %d characters", MaxPassword))
	}
	if leftover(fold(password), words) < 6 {
		return PasswordError("choose one that is harder to guess: this is made of common passwords, runs, repeats, or the names of you and your organization")
	}
	return nil
}

// fold takes away what makes the same password look different.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune("@4310!$5", r); i >= 0 {
			return rune("aaeioiss"[i])
		}
		if unicode.IsSpace(r) || r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
			return -1
		}
		return r
	}, strings.ToLower(norm.NFKD.String(s)))
}

// leftover counts the different characters, repeats as one, that remain when
// everything expected is taken out.
func leftover(folded string, words []string) int {
	for _, word := range words {
		for _, part := range strings.FieldsFunc(strings.ToLower(word), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if part = fold(part); utf8.RuneCountInString(part) >= 3 {
				folded = strings.ReplaceAll(folded, part, "\x00")
			}
		}
	}
	for _, run := range rows {
		folded = removeRuns(folded, fold(run))
	}
	for _, word := range common {
		folded = strings.ReplaceAll(folded, word, "\x00")
	}
	pieces := make(map[string]bool)
	total := 0
	for _, piece := range strings.Split(folded, "\x00") {
		if piece = period(squeeze(piece)); !pieces[piece] {
			pieces[piece] = true
			total += utf8.RuneCountInString(piece)
		}
	}
	return total
}

// removeRuns takes out what stands in a run, four characters at least.
func removeRuns(s, run string) string {
	const least = 4
	for i := 0; i+least <= len(s); i++ {
		n := 0
		for n < len(s)-i && s[i+n] != 0 && strings.Contains(run, s[i:i+n+1]) {
			n++
		}
		if n >= least {
			s = s[:i] + "\x00" + s[i+n:]
		}
	}
	return s
}

// squeeze makes characters in a row one.
func squeeze(s string) string {
	var out strings.Builder
	last := rune(-1)
	for _, r := range s {
		if r != last {
			out.WriteRune(r)
		}
		last = r
	}
	return out.String()
}

// period is what a text repeats: "abcabcab" is "abc".
func period(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if strings.HasPrefix(strings.Repeat(s[:n], len(s)/n+1), s) {
			return s[:n]
		}
	}
	return s
}
