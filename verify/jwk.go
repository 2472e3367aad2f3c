package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/strictjson"
)

// MaxKeySetBytes is the greatest length of a JWK set.
const MaxKeySetBytes = 1 << 20

const (
	maxKeys      = 100
	maxKeyID     = 256
	minRSABits   = 2048
	maxRSABits   = 4096 // go-jose reads no more, and a larger key is a way to keep a verifier busy
	minExponent  = 65537
	maxRSAFactor = 1<<31 - 1
)

// ErrKeySet is the answer to a key set of which any part is refused. The message says which key, by position, and why.
var ErrKeySet = errors.New("the key set is refused")

// ParseKeySet reads a JWK set (RFC 7517) of public signature keys. One bad key refuses the whole set: a set that its owner
// did not mean to publish so is not half right.
//
// Each key must have a kid, unlike any other's, and an alg that fits it; use, if there, must be "sig", key_ops ["verify"].
// Refused are symmetric keys, private members, encryption keys, RSA below 2048 or above 4096 bits, with an exponent below
// 65537 or with a modulus of the ROCA pattern (CVE-2017-15361), points that are not on the curve of the alg, and
// Ed25519 keys of small order or in a second spelling.
func ParseKeySet(jwks []byte) (KeySet, error) {
	return parseKeySet(jwks, publicKey)
}

// ParseMACKeySet reads a JWK set of HMAC secrets (kty "oct"; HS256, HS384, HS512). Whoever can check such a token can also
// make one, so this is only for a server that reads its own. A secret is as long as the hash at least (RFC 7518, 3.2).
// No set holds both sorts, and [ParseKeySet] never takes this one: an HMAC under a public key cannot be asked for.
func ParseMACKeySet(jwks []byte) (KeySet, error) {
	return parseKeySet(jwks, macKey)
}

// jwk holds the members that are looked at. Others (x5c, x5t, …) may be there and mean nothing.
type jwk struct {
	Kty    string   `json:"kty"`
	Crv    string   `json:"crv"`
	Kid    string   `json:"kid"`
	Use    string   `json:"use"`
	Alg    string   `json:"alg"`
	KeyOps []string `json:"key_ops"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X      string   `json:"x"`
	Y      string   `json:"y"`

	K    jsontext.Value `json:"k"`
	D    jsontext.Value `json:"d"`
	P    jsontext.Value `json:"p"`
	Q    jsontext.Value `json:"q"`
	DP   jsontext.Value `json:"dp"`
	DQ   jsontext.Value `json:"dq"`
	QI   jsontext.Value `json:"qi"`
	Oth  jsontext.Value `json:"oth"`
	Priv jsontext.Value `json:"priv"`
}

func parseKeySet(data []byte, read func(*jwk, *algorithm) (any, error)) (KeySet, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	limits := strictjson.Limits{Bytes: MaxKeySetBytes, Depth: 8, Members: 4000}
	if err := strictjson.Unmarshal(data, &set, limits); err != nil {
		return KeySet{}, fmt.Errorf("%w: %w", ErrKeySet, err)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return KeySet{}, fmt.Errorf("%w: it must have between 1 and %d keys", ErrKeySet, maxKeys)
	}
	keys := make(map[string]verificationKey, len(set.Keys))
	for i := range set.Keys {
		k := &set.Keys[i]
		key, err := k.read(read)
		if err != nil {
			return KeySet{}, fmt.Errorf("%w: key %d: %w", ErrKeySet, i, err)
		}
		if _, twice := keys[k.Kid]; twice {
			return KeySet{}, fmt.Errorf("%w: key %d: its kid is another key's too", ErrKeySet, i)
		}
		keys[k.Kid] = key
	}
	return KeySet{keys: keys}, nil
}

func (k *jwk) read(read func(*jwk, *algorithm) (any, error)) (verificationKey, error) {
	if k.Kid == "" || len(k.Kid) > maxKeyID {
		return verificationKey{}, fmt.Errorf("kid must have 1 to %d bytes", maxKeyID)
	}
	if k.Use != "" && k.Use != "sig" {
		return verificationKey{}, errors.New("use must be sig")
	}
	a, ok := algorithms[k.Alg]
	if !ok {
		return verificationKey{}, errors.New("alg must be a signature algorithm known here")
	}
	if k.Kty != a.kty {
		return verificationKey{}, errors.New("kty does not fit alg")
	}
	public, err := read(k, a)
	if err != nil {
		return verificationKey{}, err
	}
	return verificationKey{name: k.Alg, algorithm: a, public: public}, nil
}

func publicKey(k *jwk, a *algorithm) (any, error) {
	if k.KeyOps != nil && (len(k.KeyOps) != 1 || k.KeyOps[0] != "verify") {
		return nil, errors.New("key_ops must be verify alone")
	}
	public, err := k.public()
	if err != nil {
		return nil, err
	}
	if ec, ok := public.(*ecdsa.PublicKey); ok && ec.Curve != a.curve {
		return nil, errors.New("crv does not fit alg")
	}
	return public, nil
}

// Thumbprint returns the RFC 7638 SHA-256 thumbprint, in base64url, of one public JWK: the value of cnf.jkt. It refuses the keys
// that [ParseKeySet] refuses, but asks for neither kid nor alg.
func Thumbprint(publicJWK []byte) (string, error) {
	var k jwk
	if err := strictjson.Unmarshal(publicJWK, &k, strictjson.Limits{Bytes: MaxTokenBytes, Depth: 4, Members: 64}); err != nil {
		return "", fmt.Errorf("the key is refused: %w", err)
	}
	if _, err := k.public(); err != nil {
		return "", fmt.Errorf("the key is refused: %w", err)
	}
	print, err := k.thumbprint()
	if err != nil {
		return "", fmt.Errorf("the key is refused: %w", err)
	}
	return print, nil
}

// thumbprint is that of a key which public has accepted: every member is in its one spelling, with no character that JSON
// would escape.
func (k *jwk) thumbprint() (string, error) {
	var text string
	switch k.Kty {
	case "EC":
		text = `{"crv":"` + k.Crv + `","kty":"EC","x":"` + k.X + `","y":"` + k.Y + `"}`
	case "OKP":
		text = `{"crv":"` + k.Crv + `","kty":"OKP","x":"` + k.X + `"}`
	case "RSA":
		text = `{"e":"` + k.E + `","kty":"RSA","n":"` + k.N + `"}`
	default:
		return "", errors.New("kty must be EC, RSA or OKP")
	}
	sum := sha256.Sum256([]byte(text))
	return strictBase64.EncodeToString(sum[:]), nil
}

// public returns the key as one of the standard library's types, and refuses what is no sound public key.
func (k *jwk) public() (any, error) {
	if k.Kty == "oct" || k.K != nil {
		return nil, errors.New("a symmetric key has no place among public keys")
	}
	for _, private := range []jsontext.Value{k.D, k.P, k.Q, k.DP, k.DQ, k.QI, k.Oth, k.Priv} {
		if private != nil {
			return nil, errors.New("it has members of a private key")
		}
	}
	public, err := k.decode()
	if err != nil {
		return nil, err
	}
	switch key := public.(type) {
	case *ecdsa.PublicKey: // go-jose looked whether the point is on its curve
		return public, nil
	case *rsa.PublicKey:
		return public, soundRSA(key)
	case ed25519.PublicKey:
		return public, soundEd25519(key)
	}
	return nil, errors.New("kty must be EC, RSA or OKP")
}

// decode lets go-jose make the key, from the members that define it and nothing else, each in its one spelling. Keys on P-256 come
// with every proof of possession, so that they are read at less cost.
func (k *jwk) decode() (any, error) {
	if k.Kty == "EC" && k.Crv == "P-256" {
		return p256(k.X, k.Y)
	}
	for _, member := range []string{k.N, k.E, k.X, k.Y} {
		if raw, ok := decode(member); !ok || (len(raw) > 0 && k.Kty == "RSA" && raw[0] == 0) {
			return nil, errors.New("a number is not in its shortest base64url form")
		}
	}
	text, err := json.Marshal(map[string]string{"kty": k.Kty, "crv": k.Crv, "n": k.N, "e": k.E, "x": k.X, "y": k.Y})
	if err != nil {
		return nil, err
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(text); err != nil {
		return nil, errors.New("its numbers are not a key of its kty and crv")
	}
	return key.Key, nil
}

// p256 reads a point, which must be on the curve, from coordinates of full length.
func p256(x, y string) (any, error) {
	const size = 32
	point := make([]byte, 1, 1+2*size)
	point[0] = 4 // uncompressed (SEC 1, 2.3.3)
	for _, text := range []string{x, y} {
		raw, ok := decode(text)
		if !ok || len(raw) != size {
			return nil, errors.New("a coordinate is not 32 bytes in base64url")
		}
		point = append(point, raw...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errors.New("its numbers are not a key of its kty and crv")
	}
	return key, nil
}

func macKey(k *jwk, a *algorithm) (any, error) {
	if a.kty != "oct" {
		return nil, errors.New("a public key has no place among symmetric keys")
	}
	for _, op := range k.KeyOps {
		if op != "verify" && op != "sign" {
			return nil, errors.New("key_ops may be sign and verify")
		}
	}
	var text string
	if err := json.Unmarshal(k.K, &text); err != nil {
		return nil, errors.New("k must be a string")
	}
	secret, ok := decode(text)
	if !ok || len(secret) < a.hash.Size() {
		return nil, fmt.Errorf("k must be %d bytes or more in base64url", a.hash.Size())
	}
	return secret, nil
}
