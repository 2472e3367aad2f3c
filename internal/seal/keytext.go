package seal

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"math/big"
	"strings"
)

// Kind is the part of a key's text that says what sort of key it is.
type Kind string

// The kinds of API key. A user-group key lets an application's own users in.
const (
	KindLive      Kind = "live"
	KindTest      Kind = "test"
	KindUserGroup Kind = "ug"
)

// KeyPattern is the regular expression by which scanners find leaked keys. It is published in docs/tokens.md; whatever
// matches it should also pass [ParseKeyText].
const KeyPattern = `\bdp_(live|test|ug)_[0-9A-Za-z]{49}\b`

// ErrKeyText is the answer to any text that cannot be an API key. It is given without a look at the store.
var ErrKeyText = errors.New("not an API key: the text is incomplete or mistyped")

const (
	base62        = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	secretLength  = 43 // 43 × log2(62) = 256.03 bits
	checksumChars = 6  // 62⁶ > 2³²
)

// NewKeyText makes a key: "dp_", its kind, "_", 43 random characters, and 6 characters of checksum. The checksum is the
// CRC-32 (IEEE) of everything before it, prefix included, as a base-62 number padded with zeros. It finds typing
// errors and lets a scanner discard look-alikes; it is no protection.
func NewKeyText(kind Kind) string {
	return withChecksum("dp_" + string(kind) + "_" + randomBase62())
}

// NewSigningSecret makes the secret half of a key that signs: "dps_" and the same 49 characters.
func NewSigningSecret() string {
	return withChecksum("dps_" + randomBase62())
}

// NewRefreshToken makes the text by which a session gets its next pass: "dpr_" and the same 49 characters.
func NewRefreshToken() string { return withChecksum(refreshPrefix + randomBase62()) }

// NewLinkSecret makes the secret of a link that sets a password: "dpl_" and the same 49 characters.
func NewLinkSecret() string { return withChecksum(linkPrefix + randomBase62()) }

// NewDeviceCode makes the secret by which a device asks whether it may log in: "dpd_" and the same 49 characters.
func NewDeviceCode() string { return withChecksum(devicePrefix + randomBase62()) }

const (
	devicePrefix  = "dpd_"
	refreshPrefix = "dpr_"
	linkPrefix    = "dpl_"
)

// IsRefreshToken and IsLinkSecret check prefix, length, alphabet and checksum, in no need of a lookup.
func IsRefreshToken(s string) bool { return isWhole(s, refreshPrefix) }

// IsLinkSecret is as [IsRefreshToken].
func IsLinkSecret(s string) bool { return isWhole(s, linkPrefix) }

// IsDeviceCode is as [IsRefreshToken].
func IsDeviceCode(s string) bool { return isWhole(s, devicePrefix) }

// userCodeLetters leave out vowels, so that no words come up, and what is easily misread (RFC 8628, section 6.1).
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

// NewUserCode makes what a person types to tell which device is meant, as in WDJB-MJHT: 34 random bits, so guesses at it
// must be limited.
func NewUserCode() string {
	var code [9]byte
	for i := range code {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(userCodeLetters))))
		if err != nil {
			panic(err) // crypto/rand.Reader never fails
		}
		code[i] = userCodeLetters[n.Int64()]
	}
	code[4] = '-'
	return string(code[:])
}

// CanonicalUserCode writes a code as [NewUserCode] does, however it was typed.
func CanonicalUserCode(typed string) (code string, ok bool) {
	if len(typed) > 32 {
		return "", false
	}
	letters := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(letters) != 8 || strings.Trim(letters, userCodeLetters) != "" {
		return "", false
	}
	return letters[:4] + "-" + letters[4:], true
}

func isWhole(s, prefix string) bool {
	secret, ok := strings.CutPrefix(s, prefix)
	return ok && len(secret) == secretLength+checksumChars && strings.Trim(secret, base62) == "" && withChecksum(s[:len(s)-checksumChars]) == s
}

// ParseKeyText checks prefix, kind, length, alphabet and checksum, in no need of a lookup. The only error is [ErrKeyText].
func ParseKeyText(s string) (Kind, error) {
	for _, kind := range []Kind{KindLive, KindTest, KindUserGroup} {
		secret, ok := strings.CutPrefix(s, "dp_"+string(kind)+"_")
		if !ok {
			continue
		}
		if len(secret) != secretLength+checksumChars || strings.Trim(secret, base62) != "" {
			return "", ErrKeyText
		}
		if withChecksum(s[:len(s)-checksumChars]) != s {
			return "", ErrKeyText
		}
		return kind, nil
	}
	return "", ErrKeyText
}

func withChecksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var digits [checksumChars]byte
	for i := checksumChars - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return text + string(digits[:])
}

// randomBase62 draws without bias: bytes of 248 and above, which would favour the first eight characters, are drawn again.
func randomBase62() string {
	const fair = 256 / 62 * 62
	out := make([]byte, 0, secretLength)
	var draw [64]byte
	for {
		rand.Read(draw[:])
		for _, b := range draw {
			if b >= fair {
				continue
			}
			if out = append(out, base62[b%62]); len(out) == secretLength {
				return string(out)
			}
		}
	}
}
