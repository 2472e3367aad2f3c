package verify

import (
	"encoding/base64"
	"strings"

	"github.com/daypass/daypass/internal/strictjson"
)

// MaxTokenBytes is the greatest length of a token's text, signature included.
const MaxTokenBytes = 8192

// TypAccess is the typ of an access token (RFC 9068). Each kind of signed text has its own, so that none passes for another.
const TypAccess = "at+jwt"

// KeySet is an immutable table from key id to one public key and the one algorithm that it serves. The zero KeySet holds
// nothing and refuses everything. It is safe for concurrent use.
type KeySet struct {
	keys map[string]verificationKey
	lowS bool
}

type verificationKey struct {
	name      string // of the algorithm
	algorithm *algorithm
	public    any // *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey, or []byte for HMAC
}

// Len returns the number of keys.
func (ks KeySet) Len() int { return len(ks.keys) }

// LowS returns the same set, refusing an ECDSA signature (r, s) whose s is above half the order. For every such
// signature (r, n−s) verifies too, so without the rule one token has two spellings. Signers of Daypass give
// the lower one; other signers give either, so the rule is only for texts that Daypass signed.
func (ks KeySet) LowS() KeySet {
	ks.lowS = true
	return ks
}

// Verify checks a JWS in compact serialization (RFC 7515) and returns its payload and the id of the key that signed it.
//
// The header must hold typ exactly as given: neither another case nor a longer media type will do. An empty typ asks for a
// header without one. Texts are at most [MaxTokenBytes] long, those of [TypFeed] [MaxFeedBytes]. The payload may be empty and
// need not be JSON. Errors are [ErrMalformed], [ErrHeader],
// [ErrUnknownKey], [ErrAlgorithm], [ErrType] and [ErrSignature], in this order of checks.
func (ks KeySet) Verify(compact, typ string) (payload []byte, kid string, err error) {
	parts, err := split(compact, typ)
	if err != nil {
		return nil, "", err
	}
	head, err := readHeader(parts[0])
	if err != nil {
		return nil, "", err
	}
	key, ok := ks.keys[head.KeyID]
	if !ok {
		return nil, "", ErrUnknownKey
	}
	if head.Algorithm != key.name {
		return nil, "", ErrAlgorithm
	}
	if head.Type != typ {
		return nil, "", ErrType
	}
	payload, ok = decode(parts[1])
	if !ok {
		return nil, "", ErrMalformed
	}
	signature, ok := decode(parts[2])
	if !ok {
		return nil, "", ErrMalformed
	}
	input := []byte(compact[:len(parts[0])+1+len(parts[1])])
	if !key.algorithm.check(key.algorithm, key.public, input, signature) {
		return nil, "", ErrSignature
	}
	if ks.lowS && key.algorithm.kty == "EC" && !key.algorithm.lowS(signature) {
		return nil, "", ErrSignature
	}
	return payload, head.KeyID, nil
}

// split looks at no more than it must: the length before anything, then the dots.
func split(compact, typ string) (parts [3]string, err error) {
	if compact == "" {
		return parts, ErrMissing
	}
	if typ == TypFeed && len(compact) > MaxFeedBytes {
		return parts, ErrMalformed.because("the page of the feed is longer than 16 MiB")
	}
	if typ != TypFeed && len(compact) > MaxTokenBytes {
		return parts, ErrMalformed.because("the token is longer than 8192 bytes")
	}
	if strings.Count(compact, ".") != 2 {
		return parts, ErrMalformed.because("a token has exactly three parts")
	}
	parts[0], compact, _ = strings.Cut(compact, ".")
	parts[1], parts[2], _ = strings.Cut(compact, ".")
	if parts[0] == "" || parts[2] == "" {
		return parts, ErrMalformed.because("the token lacks its header or its signature")
	}
	return parts, nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// decode reads base64url in its one canonical spelling. Strict refuses padding and spare bits, but lets line ends through.
func decode(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	raw, err := strictBase64.DecodeString(s)
	return raw, err == nil
}

type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

var headerLimits = strictjson.Limits{Bytes: MaxTokenBytes, Depth: 8, Members: 64, Strict: true}

func readHeader(part string) (header, error) {
	h, err := parseHeader(part)
	if err == nil && (h.KeyID == "" || h.Algorithm == "") {
		err = ErrHeader.because("the token's header must name alg and kid")
	}
	return h, err
}

func parseHeader(part string) (header, error) {
	var h header
	raw, ok := decode(part)
	if !ok {
		return h, ErrMalformed.because("the token's header is not base64url")
	}
	if err := strictjson.Unmarshal(raw, &h, headerLimits); err != nil {
		return h, ErrHeader.because(headerReason(err)).causedBy(err)
	}
	return h, nil
}

// forbidden are the parameters that bring keys, addresses or new rules with the token.
var forbidden = map[string]string{
	"/crit":     "crit",
	"/jwk":      "jwk",
	"/jku":      "jku",
	"/x5u":      "x5u",
	"/x5c":      "x5c",
	"/x5t":      "x5t",
	"/x5t#S256": "x5t#S256",
	"/b64":      "b64",
	"/zip":      "zip",
	"/enc":      "enc",
	"/cty":      "cty",
}

// headerReason names a parameter only if it is one of the known ones: a refusal repeats nothing of the sender's making.
func headerReason(err error) string {
	refused, ok := err.(*strictjson.Error)
	if !ok {
		return ErrHeader.Message
	}
	if name, ok := forbidden[refused.Pointer]; ok {
		return "the token's header must not have the parameter " + name
	}
	return "the token's header is refused: only alg, kid and typ, each a string, once"
}
