package verify

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/daypass/daypass/internal/strictjson"
)

// MaxPublicKeyBytes is the greatest length of one JWK.
const MaxPublicKeyBytes = 4096

// PublicKey is one signature key that a party registered for itself, with the one algorithm that it serves: that of a
// client which signs its own assertions (RFC 7523). The zero PublicKey refuses everything. It is immutable.
type PublicKey struct {
	key  verificationKey
	kid  string // empty: it has none
	text string
}

// impliedAlgorithms are those of keys that leave no choice.
var impliedAlgorithms = map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}

// fullySpecified is the name of RFC 9864 for what EdDSA is with the only curve that is taken here.
const fullySpecified = "Ed25519"

// ParsePublicKey reads one public JWK (RFC 7517). It refuses what [ParseKeySet] refuses, but asks for no kid, and for alg
// only where the key leaves a choice (RSA). Errors wrap [ErrKeySet].
func ParsePublicKey(publicJWK []byte) (PublicKey, error) {
	refuse := func(err error) (PublicKey, error) { return PublicKey{}, fmt.Errorf("%w: %w", ErrKeySet, err) }
	var k jwk
	if err := strictjson.Unmarshal(publicJWK, &k, strictjson.Limits{Bytes: MaxPublicKeyBytes, Depth: 4, Members: 64}); err != nil {
		return refuse(err)
	}
	if k.Alg == "" || k.Alg == fullySpecified {
		k.Alg = impliedAlgorithms[k.Crv]
	}
	if k.Alg == "" {
		return refuse(errors.New("alg must be given with an RSA key, such as RS256 or PS256"))
	}
	kid := k.Kid
	if kid == "" {
		k.Kid = "none" // a set asks for one
	}
	key, err := k.read(publicKey)
	if err != nil {
		return refuse(err)
	}
	text, err := k.canonical(kid)
	return PublicKey{key: key, kid: kid, text: text}, err
}

// canonical is the key with the members that matter here, and no other.
func (k *jwk) canonical(kid string) (string, error) {
	members := map[string]string{"kty": k.Kty, "alg": k.Alg}
	for name, value := range map[string]string{"kid": kid, "crv": k.Crv, "x": k.X, "y": k.Y, "n": k.N, "e": k.E} {
		if value != "" {
			members[name] = value
		}
	}
	text, err := json.Marshal(members)
	return string(text), err
}

// IsZero reports whether there is no key.
func (p PublicKey) IsZero() bool { return p.key.algorithm == nil }

// String is the key as a JWK, its alg always named.
func (p PublicKey) String() string { return p.text }

// Algorithm is the one that the key serves.
func (p PublicKey) Algorithm() string { return p.key.name }

// Serves reports whether it is the one that a header names so.
func (p PublicKey) Serves(algorithm string) bool {
	return !p.IsZero() && (algorithm == p.key.name || algorithm == fullySpecified && p.key.name == "EdDSA")
}

// Public is the key itself, as crypto/ecdsa and the like have it; nil: there is none.
func (p PublicKey) Public() crypto.PublicKey { return p.key.public }

// Verify checks a JWS in compact serialization that the key's owner signed, and returns its payload. Its typ must be one of
// those given, "" standing for none. A kid may be absent; one that is there must be the key's own, or one of the names that
// the key is known by. Errors are those of [KeySet.Verify].
func (p PublicKey) Verify(compact string, types []string, names ...string) (payload []byte, err error) {
	if p.IsZero() {
		return nil, ErrUnknownKey
	}
	if slices.Contains(types, TypFeed) { // whose texts may be longer
		return nil, ErrType
	}
	parts, err := split(compact, "")
	if err != nil {
		return nil, err
	}
	head, err := parseHeader(parts[0])
	switch {
	case err != nil:
		return nil, err
	case head.KeyID != "" && head.KeyID != p.kid && !slices.Contains(names, head.KeyID):
		return nil, ErrUnknownKey
	case !p.Serves(head.Algorithm):
		return nil, ErrAlgorithm
	case !slices.Contains(types, head.Type):
		return nil, ErrType
	}
	payload, ok := decode(parts[1])
	if !ok {
		return nil, ErrMalformed
	}
	signature, ok := decode(parts[2])
	if !ok {
		return nil, ErrMalformed
	}
	if !p.key.algorithm.check(p.key.algorithm, p.key.public, []byte(compact[:len(parts[0])+1+len(parts[1])]), signature) {
		return nil, ErrSignature
	}
	return payload, nil
}

// Unverified returns the payload of a JWS whose signature nobody has looked at, and the algorithm that it names: to find out whose key it
// says to be signed with, and for nothing else.
func Unverified(compact string) (payload []byte, algorithm string, err error) {
	parts, err := split(compact, "")
	if err != nil {
		return nil, "", err
	}
	head, err := parseHeader(parts[0])
	if err != nil {
		return nil, "", err
	}
	payload, ok := decode(parts[1])
	if !ok {
		return nil, "", ErrMalformed
	}
	return payload, head.Algorithm, nil
}
