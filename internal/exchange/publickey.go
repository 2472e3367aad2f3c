package exchange

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"

	"filippo.io/edwards25519"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/strictjson"
)

// PublicKey is who logs in by a challenge: an Ed25519 key, or one on P-256. It is
// one that was checked; the zero value is none.
type PublicKey struct {
	ed25519 ed25519.PublicKey // nil: it is on P-256
	p256    *ecdsa.PublicKey
}

// MaxPublicKey is how many bytes the text of a public key may have, a JWK's too.
const MaxPublicKey = 1024

var (
	errPublicKey = access.New(access.Malformed, "public_key_invalid",
		"this is no public key that is read here: send an Ed25519 key as 32 bytes in base64url or base64, as multibase (b…) of libp2p, as did:key or JWK; or a P-256 key as did:key or JWK").At("/public_key")
	errWeakKey = access.New(access.Malformed, "public_key_weak",
		"this Ed25519 key is refused: anybody could sign for it, because its point is of small order or is not written in the one way it has to be").At("/public_key")
	errPrivateKey = access.New(access.Malformed, "public_key_private",
		"this JWK holds a private key: it has left its device and is no good any more. Make a new one and send its public half").At("/public_key")
)

// Prefixes of multicodec, and of a public key in libp2p's protobuf (type Ed25519, 32 bytes).
var (
	codecEd25519  = []byte{0xed, 0x01}
	codecP256     = []byte{0x80, 0x24}
	libp2pEd25519 = []byte{0x08, 0x01, 0x12, 0x20}
)

const didKey = "did:key:z"

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ParsePublicKey reads a public key in any of the forms that are documented. Each
// is read strictly, so that a key has one spelling in each. Codes:
// public_key_invalid, public_key_weak, public_key_private (400).
func ParsePublicKey(text string) (PublicKey, error) {
	switch {
	case len(text) > MaxPublicKey:
		return PublicKey{}, errPublicKey
	case strings.HasPrefix(text, "{"):
		return parseJWK(text)
	case strings.HasPrefix(text, didKey):
		return parseDIDKey(text)
	case len(text) == 59 && text[0] == 'b':
		raw, err := base32Lower.DecodeString(text[1:])
		if err != nil || base32Lower.EncodeToString(raw) != text[1:] || !bytes.HasPrefix(raw, libp2pEd25519) {
			return PublicKey{}, errPublicKey
		}
		return newEd25519(raw[len(libp2pEd25519):])
	case len(text) == 43 || len(text) == 44:
		raw, ok := decodeBase64(text)
		if !ok {
			return PublicKey{}, errPublicKey
		}
		return newEd25519(raw)
	}
	return PublicKey{}, errPublicKey
}

// decodeBase64 reads base64 or base64url, padded or not, in its one spelling:
// what [encoding/base64] forgives is refused.
func decodeBase64(text string) ([]byte, bool) {
	encoding := base64.RawURLEncoding
	switch {
	case strings.ContainsAny(text, "+/") && strings.HasSuffix(text, "="):
		encoding = base64.StdEncoding
	case strings.ContainsAny(text, "+/"):
		encoding = base64.RawStdEncoding
	case strings.HasSuffix(text, "="):
		encoding = base64.URLEncoding
	}
	raw, err := encoding.DecodeString(text)
	return raw, err == nil && encoding.EncodeToString(raw) == text
}

// newEd25519 refuses what is no point in its one encoding, and any point outside
// the group of prime order: no honest key is there, and for one of small order
// [ed25519.Verify] accepts what nobody signed.
func newEd25519(raw []byte) (PublicKey, error) {
	if len(raw) != ed25519.PublicKeySize {
		return PublicKey{}, errPublicKey
	}
	point, err := new(edwards25519.Point).SetBytes(raw)
	if err != nil {
		return PublicKey{}, errPublicKey
	}
	identity := edwards25519.NewIdentityPoint()
	if !bytes.Equal(point.Bytes(), raw) || point.Equal(identity) == 1 {
		return PublicKey{}, errWeakKey
	}
	// The order times the point, as the order less one, and one more.
	product := new(edwards25519.Point).ScalarMult(lessOne, point)
	if product.Add(product, point).Equal(identity) != 1 {
		return PublicKey{}, errWeakKey
	}
	return PublicKey{ed25519: slices.Clone(raw)}, nil
}

// lessOne is the order of the group less one: minus one, as a scalar.
var lessOne = func() *edwards25519.Scalar {
	one, err := edwards25519.NewScalar().SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		panic(err) // only if one were no scalar
	}
	return one.Negate(one)
}()

// newP256 reads a point, compressed or not. Those that are not on the curve, and
// the one at infinity, are refused.
func newP256(raw []byte) (PublicKey, error) {
	if len(raw) == 33 {
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), raw)
		if x == nil {
			return PublicKey{}, errPublicKey
		}
		raw = make([]byte, 65)
		raw[0] = 4
		x.FillBytes(raw[1:33])
		y.FillBytes(raw[33:])
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return PublicKey{}, errPublicKey
	}
	return PublicKey{p256: key}, nil
}

// compressed is SEC 1, section 2.3.3.
func (k PublicKey) compressed() []byte {
	raw, err := k.p256.Bytes()
	if err != nil {
		panic(err) // only for a point that newP256 would have refused
	}
	return append([]byte{2 + raw[64]&1}, raw[1:33]...)
}

// String is the key as did:key, the one form in which it is kept.
func (k PublicKey) String() string {
	if k.ed25519 != nil {
		return didKey + base58(slices.Concat(codecEd25519, k.ed25519))
	}
	return didKey + base58(slices.Concat(codecP256, k.compressed()))
}

// Verify reports whether the key signed the message: Ed25519 (RFC 8032), or ECDSA
// with SHA-256 as r and s of 32 bytes each (ES256, RFC 7518, section 3.4).
func (k PublicKey) Verify(message, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	if k.ed25519 != nil {
		return ed25519.Verify(k.ed25519, message, signature)
	}
	digest := sha256.Sum256(message)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return k.p256 != nil && ecdsa.Verify(k.p256, digest[:], r, s)
}

func parseDIDKey(text string) (PublicKey, error) {
	const most = 64 // characters of a key that is read here: 35 bytes
	encoded := text[len(didKey):]
	if len(encoded) > most {
		return PublicKey{}, errPublicKey
	}
	raw, ok := decodeBase58(encoded)
	switch {
	case !ok:
	case bytes.HasPrefix(raw, codecEd25519):
		return newEd25519(raw[2:])
	case bytes.HasPrefix(raw, codecP256) && len(raw) == 2+33:
		return newP256(raw[2:])
	}
	return PublicKey{}, errPublicKey
}

// jwkMembers are those a public key may have. What WebCrypto adds says nothing.
var jwkMembers = []string{"kty", "crv", "x", "y", "alg", "use", "kid", "key_ops", "ext"}

// parseJWK reads a public key by RFC 7517: OKP with Ed25519 (RFC 8037) or EC with
// P-256 (RFC 7518, section 6.2).
func parseJWK(text string) (PublicKey, error) {
	var members map[string]jsontext.Value
	if strictjson.Unmarshal([]byte(text), &members, strictjson.Limits{Bytes: MaxPublicKey, Depth: 3, Members: 32}) != nil {
		return PublicKey{}, errPublicKey
	}
	if _, private := members["d"]; private {
		return PublicKey{}, errPrivateKey
	}
	texts := make(map[string]string)
	for name, value := range members {
		if !slices.Contains(jwkMembers, name) {
			return PublicKey{}, errPublicKey
		}
		var s string
		if name != "key_ops" && name != "ext" {
			if json.Unmarshal(value, &s) != nil {
				return PublicKey{}, errPublicKey
			}
			texts[name] = s
		}
	}
	_, hasY := texts["y"]
	x, okX := decodeCoordinate(texts["x"])
	y, okY := decodeCoordinate(texts["y"])
	use, alg := texts["use"], texts["alg"]
	switch {
	case !okX || use != "" && use != "sig":
	case texts["kty"] == "OKP" && texts["crv"] == "Ed25519" && !hasY && slices.Contains([]string{"", "EdDSA", "Ed25519"}, alg):
		return newEd25519(x)
	case texts["kty"] == "EC" && texts["crv"] == "P-256" && okY && slices.Contains([]string{"", "ES256"}, alg):
		return newP256(slices.Concat([]byte{4}, x, y))
	}
	return PublicKey{}, errPublicKey
}

func decodeCoordinate(text string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return raw, err == nil && len(raw) == 32 && base64.RawURLEncoding.EncodeToString(raw) == text
}

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 is that of Bitcoin. No key here begins with a zero byte, so there is no
// leading '1' to mind.
func base58(raw []byte) string {
	n, radix, digit := new(big.Int).SetBytes(raw), big.NewInt(58), new(big.Int)
	var text []byte
	for n.Sign() > 0 {
		n.DivMod(n, radix, digit)
		text = append(text, base58Alphabet[digit.Int64()])
	}
	slices.Reverse(text)
	return string(text)
}

// decodeBase58 is for short texts only: its work grows with the square of their length.
func decodeBase58(text string) ([]byte, bool) {
	n, radix := new(big.Int), big.NewInt(58)
	for i := range len(text) {
		digit := strings.IndexByte(base58Alphabet, text[i])
		if digit < 0 || i == 0 && digit == 0 {
			return nil, false
		}
		n.Add(n.Mul(n, radix), big.NewInt(int64(digit)))
	}
	return n.Bytes(), len(text) > 0
}
