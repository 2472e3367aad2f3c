package verify

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/daypass/daypass/internal/strictjson"
)

// What an encrypted token is: one key agreement, one cipher, and a typ of its own, so that it is taken for nothing else.
const (
	TypEncrypted         = "at+jwe"
	EncryptionAlgorithm  = "ECDH-ES" // direct key agreement on P-256 (RFC 7518, 4.6)
	EncryptionCipher     = "A256GCM"
	encryptedContentType = "JWT" // the content is itself signed (RFC 7519, 5.2)
)

const (
	gcmNonceBytes = 12
	gcmTagBytes   = 16
)

// ErrDecryption is every way in which an encrypted token fails to give its signed one: whoever sends one learns nothing of where.
var ErrDecryption = unauthenticated("token_encryption", "the token cannot be decrypted here")

// DecryptionKeys is an immutable table from key id to the private key that decrypts (P-256). The zero value decrypts nothing. It prints
// without its keys, and is safe for concurrent use.
type DecryptionKeys struct {
	keys map[string]*ecdsa.PrivateKey
}

// String tells how many keys there are, and nothing of them.
func (dk DecryptionKeys) String() string { return fmt.Sprintf("%d decryption keys", len(dk.keys)) }

// GoString is String, so that %#v shows no key either.
func (dk DecryptionKeys) GoString() string { return dk.String() }

// Len returns the number of keys.
func (dk DecryptionKeys) Len() int { return len(dk.keys) }

// ParseDecryptionKeys reads a JWK set of private keys: what 'daypass keyset export-decryption' writes. Each key has kty EC, crv P-256, a kid
// unlike any other's, alg "ECDH-ES" and, if there, use "enc"; d must fit x and y. One bad key refuses the set. The error wraps [ErrKeySet]
// and quotes nothing.
func ParseDecryptionKeys(jwks []byte) (DecryptionKeys, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := strictjson.Unmarshal(jwks, &set, strictjson.Limits{Bytes: MaxKeySetBytes, Depth: 8, Members: 4000}); err != nil {
		return DecryptionKeys{}, fmt.Errorf("%w: %w", ErrKeySet, err)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return DecryptionKeys{}, fmt.Errorf("%w: it must have between 1 and %d keys", ErrKeySet, maxKeys)
	}
	keys := make(map[string]*ecdsa.PrivateKey, len(set.Keys))
	for i := range set.Keys {
		k := &set.Keys[i]
		private, err := k.decryptionKey()
		if err != nil {
			return DecryptionKeys{}, fmt.Errorf("%w: key %d: %w", ErrKeySet, i, err)
		}
		if keys[k.Kid] != nil {
			return DecryptionKeys{}, fmt.Errorf("%w: key %d: its kid is another key's too", ErrKeySet, i)
		}
		keys[k.Kid] = private
	}
	return DecryptionKeys{keys: keys}, nil
}

func (k *jwk) decryptionKey() (*ecdsa.PrivateKey, error) {
	switch {
	case k.Kid == "" || len(k.Kid) > maxKeyID:
		return nil, fmt.Errorf("kid must have 1 to %d bytes", maxKeyID)
	case k.Alg != EncryptionAlgorithm:
		return nil, errors.New("alg must be " + EncryptionAlgorithm)
	case k.Use != "" && k.Use != "enc":
		return nil, errors.New("use must be enc")
	case k.Kty != "EC" || k.Crv != "P-256":
		return nil, errors.New("kty must be EC and crv P-256")
	case k.D == nil:
		return nil, errors.New("it is not a private key")
	}
	var text string
	if err := json.Unmarshal(k.D, &text); err != nil {
		return nil, errors.New("d must be a string")
	}
	d, ok := decode(text)
	if !ok || len(d) != 32 {
		return nil, errors.New("d must be 32 bytes in base64url")
	}
	public := *k
	public.D = nil
	point, err := public.public()
	if err != nil {
		return nil, err
	}
	return privateKey(d, point.(*ecdsa.PublicKey))
}

// privateKey joins both halves, and refuses them if they are not of one key.
func privateKey(d []byte, public *ecdsa.PublicKey) (*ecdsa.PrivateKey, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		return nil, errors.New("d is out of range")
	}
	if !private.PublicKey.Equal(public) {
		return nil, errors.New("d does not fit x and y")
	}
	return private, nil
}

// IsEncrypted says whether a text has the five parts of a JWE in compact serialization, whatever is in them.
func IsEncrypted(token string) bool { return strings.Count(token, ".") == 4 }

// Decrypt returns the signed token inside an encrypted one; nothing of it is checked yet. The text is a JWE in compact serialization (RFC 7516)
// of at most [MaxTokenBytes], with alg ECDH-ES, enc A256GCM, typ [TypEncrypted], cty JWT, the kid of one of the keys, an epk on P-256 of its four
// members, and no other parameter: no zip, no crit, no key or address, no other algorithm. Every error is [ErrDecryption].
func (dk DecryptionKeys) Decrypt(compact string) (signed string, err error) {
	head, err := readEncryptedHeader(compact)
	if err != nil {
		return "", err
	}
	key := dk.keys[head.KeyID]
	if key == nil || head.Type != TypEncrypted || head.ContentType != encryptedContentType {
		return "", ErrDecryption
	}
	plain, err := decryptWith(compact, key)
	return string(plain), err
}

type encryptedHeader struct {
	Algorithm   string `json:"alg"`
	Cipher      string `json:"enc"`
	KeyID       string `json:"kid"`
	Type        string `json:"typ"`
	ContentType string `json:"cty"`
	Ephemeral   struct {
		Kty string `json:"kty"`
		Crv string `json:"crv"`
		X   string `json:"x"`
		Y   string `json:"y"`
	} `json:"epk"`
}

// readEncryptedHeader looks at everything that can be refused without a private key, the length first.
func readEncryptedHeader(compact string) (*encryptedHeader, error) {
	if len(compact) > MaxTokenBytes || !IsEncrypted(compact) {
		return nil, ErrDecryption
	}
	parts := strings.Split(compact, ".")
	raw, ok := decode(parts[0])
	if !ok || parts[1] != "" { // direct agreement has no encrypted key
		return nil, ErrDecryption
	}
	nonce, nonceOK := decode(parts[2])
	_, textOK := decode(parts[3])
	tag, tagOK := decode(parts[4])
	if !nonceOK || !textOK || !tagOK || len(nonce) != gcmNonceBytes || len(tag) != gcmTagBytes {
		return nil, ErrDecryption
	}
	var head encryptedHeader
	if err := strictjson.Unmarshal(raw, &head, headerLimits); err != nil {
		return nil, ErrDecryption
	}
	if head.Algorithm != EncryptionAlgorithm || head.Cipher != EncryptionCipher || !head.soundEphemeral() {
		return nil, ErrDecryption
	}
	return &head, nil
}

// soundEphemeral says whether epk is a point of P-256 in its one spelling.
func (h *encryptedHeader) soundEphemeral() bool {
	e := &h.Ephemeral
	if e.Kty != "EC" || e.Crv != "P-256" {
		return false
	}
	x, xOK := decode(e.X)
	y, yOK := decode(e.Y)
	if !xOK || !yOK || len(x) != 32 || len(y) != 32 {
		return false
	}
	_, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, x...), y...))
	return err == nil
}

// decryptWith does the rest. A library that panics on what others send must not take the server with it.
func decryptWith(compact string, key *ecdsa.PrivateKey) (plain []byte, err error) {
	defer func() {
		if recover() != nil {
			plain, err = nil, ErrDecryption
		}
	}()
	if key == nil || key.Curve != elliptic.P256() {
		return nil, ErrDecryption
	}
	object, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, ErrDecryption
	}
	if plain, err = object.Decrypt(key); err != nil {
		return nil, ErrDecryption
	}
	return plain, nil
}
