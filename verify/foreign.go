package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/strictjson"
)

// ForeignAlgorithms are those that an issuer other than Daypass may be trusted with: signatures only, never a shared secret.
var ForeignAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// foreignTypes are the kinds of an issuer's texts that are access or ID tokens (RFC 7519, 5.1; RFC 9068). Of other kinds, such as
// logout tokens and DPoP proofs, none passes for a token.
var foreignTypes = []string{"", "jwt", "at+jwt"}

// ForeignKeySet holds the public keys of an issuer that is not Daypass. The zero value refuses everything.
type ForeignKeySet struct{ set KeySet }

// Len returns the number of keys.
func (fs ForeignKeySet) Len() int { return fs.set.Len() }

// ParseForeignKeySet reads the JWK set of an issuer that is not Daypass, as far as it serves one of the algorithms, which the caller
// decides on and not the set. A key without alg serves the first of them that fits it. Keys for other uses, without
// a kid, or that [ParseKeySet] refuses are left out, since such sets hold more than what is for us; one with a private or a
// symmetric key is refused as a whole, and so are two keys with one kid. Errors wrap [ErrKeySet].
func ParseForeignKeySet(jwks []byte, algorithms []string) (ForeignKeySet, error) {
	refuse := func(err error) (ForeignKeySet, error) { return ForeignKeySet{}, fmt.Errorf("%w: %w", ErrKeySet, err) }
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := strictjson.Unmarshal(jwks, &set, strictjson.Limits{Bytes: MaxKeySetBytes, Depth: 8, Members: 8000}); err != nil {
		return refuse(err)
	}
	if len(set.Keys) > maxKeys {
		return refuse(fmt.Errorf("it has more than %d keys", maxKeys))
	}
	keys := map[string]verificationKey{}
	for i := range set.Keys {
		k := &set.Keys[i]
		if k.Kty == "oct" || slices.ContainsFunc([]jsontext.Value{k.K, k.D, k.P, k.Q, k.DP, k.DQ, k.QI, k.Oth, k.Priv}, func(v jsontext.Value) bool { return v != nil }) {
			return refuse(fmt.Errorf("key %d is not a public one", i))
		}
		if !k.serve(algorithms) {
			continue
		}
		key, err := k.read(publicKey)
		if err != nil {
			continue
		}
		if _, twice := keys[k.Kid]; twice {
			return refuse(fmt.Errorf("key %d: its kid is another key's too", i))
		}
		keys[k.Kid] = key
	}
	if len(keys) == 0 {
		return refuse(errors.New("it has no key with a kid that serves " + strings.Join(algorithms, " or ")))
	}
	return ForeignKeySet{KeySet{keys: keys}}, nil
}

// serve reports whether the key serves one of the algorithms, and names it in the key.
func (k *jwk) serve(algorithms []string) bool {
	if k.Alg == "Ed25519" { // RFC 9864
		k.Alg = "EdDSA"
	}
	for _, name := range algorithms {
		a, known := foreignAlgorithm(name)
		if !known || k.Alg != "" && k.Alg != name || k.Kty != a.kty {
			continue
		}
		if a.curve == nil || a.curve.Params().Name == k.Crv {
			k.Alg = name
			return true
		}
	}
	return false
}

// foreignAlgorithm finds an algorithm that a foreign issuer may use.
func foreignAlgorithm(name string) (*algorithm, bool) {
	a, known := algorithms[name]
	return a, known && slices.Contains(ForeignAlgorithms, name)
}

// Verify checks a JWS in compact serialization as [KeySet.Verify] does, and returns its payload. The header may also hold thumbprints of
// a certificate (x5t), which mean nothing here; its typ must be absent, JWT or at+jwt.
func (fs ForeignKeySet) Verify(compact string) (payload []byte, err error) {
	head, payload, err := readForeign(compact)
	if err != nil {
		return nil, err
	}
	key, ok := fs.set.keys[head.KeyID]
	switch {
	case !ok:
		return nil, ErrUnknownKey
	case head.Algorithm != key.name && !(head.Algorithm == "Ed25519" && key.name == "EdDSA"):
		return nil, ErrAlgorithm
	case !slices.Contains(foreignTypes, strings.TrimPrefix(strings.ToLower(head.Type), "application/")):
		return nil, ErrType
	}
	dot := strings.LastIndexByte(compact, '.')
	signature, ok := decode(compact[dot+1:])
	if !ok {
		return nil, ErrMalformed
	}
	if !key.algorithm.check(key.algorithm, key.public, []byte(compact[:dot]), signature) {
		return nil, ErrSignature
	}
	return payload, nil
}

// UnverifiedForeign returns the payload of a foreign issuer's JWS whose signature nobody has looked at: to find out whose it says it
// is, and for nothing else.
func UnverifiedForeign(compact string) (payload []byte, err error) {
	_, payload, err = readForeign(compact)
	return payload, err
}

type foreignHeader struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`

	// Thumbprints bring no key with them.
	Thumbprint    string `json:"x5t"`
	Thumbprint256 string `json:"x5t#S256"`
}

func readForeign(compact string) (h foreignHeader, payload []byte, err error) {
	parts, err := split(compact, "")
	if err != nil {
		return h, nil, err
	}
	raw, ok := decode(parts[0])
	if !ok {
		return h, nil, ErrMalformed.because("the token's header is not base64url")
	}
	if err := strictjson.Unmarshal(raw, &h, headerLimits); err != nil {
		return h, nil, ErrHeader.because(headerReason(err)).causedBy(err)
	}
	if h.KeyID == "" || h.Algorithm == "" {
		return h, nil, ErrHeader.because("the token's header must name alg and kid")
	}
	if payload, ok = decode(parts[1]); !ok {
		return h, nil, ErrMalformed
	}
	return h, payload, nil
}
