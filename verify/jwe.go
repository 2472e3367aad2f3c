package verify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

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
	keys map[string]*ecdh.PrivateKey
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
	keys := make(map[string]*ecdh.PrivateKey, len(set.Keys))
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

func (k *jwk) decryptionKey() (*ecdh.PrivateKey, error) {
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
func privateKey(d []byte, public *ecdsa.PublicKey) (*ecdh.PrivateKey, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		return nil, errors.New("d is out of range")
	}
	if !private.PublicKey.Equal(public) {
		return nil, errors.New("d does not fit x and y")
	}
	return private.ECDH()
}

// IsEncrypted says whether a text has the five parts of a JWE in compact serialization, whatever is in them.
func IsEncrypted(token string) bool { return strings.Count(token, ".") == 4 }

// Decrypt returns the signed token inside an encrypted one, and the id of the key that it was encrypted with; nothing of it is checked yet, nor
// whether it names that key, as [Claims.CheckEnvelope] does. The text is a JWE in compact serialization (RFC 7516) of at most [MaxTokenBytes],
// with alg ECDH-ES, enc A256GCM, typ [TypEncrypted], cty JWT, the kid of one of the keys, an epk on P-256 of its four members, and no other
// parameter: no zip, no crit, no key or address, no other algorithm. Every error is [ErrDecryption].
func (dk DecryptionKeys) Decrypt(compact string) (signed, kid string, err error) {
	e, err := readEnvelope(compact)
	if err != nil {
		return "", "", err
	}
	key := dk.keys[e.KeyID]
	if key == nil || e.Type != TypEncrypted || e.ContentType != encryptedContentType {
		return "", "", ErrDecryption
	}
	plain, err := e.open(key)
	if err != nil {
		return "", "", err
	}
	return string(plain), e.KeyID, nil
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

// envelope is a JWE whose form is right.
type envelope struct {
	encryptedHeader
	protected string // as it was sent: what the tag is over, beside the text
	nonce     []byte
	sealed    []byte // text and tag
	point     *ecdh.PublicKey
}

// readEnvelope looks at everything that can be refused without a private key: what costs least first, so that a flood of bad ones costs little.
func readEnvelope(compact string) (*envelope, error) {
	if len(compact) > MaxTokenBytes || !IsEncrypted(compact) {
		return nil, ErrDecryption
	}
	parts := strings.Split(compact, ".")
	e := &envelope{protected: parts[0]}
	nonce, nonceOK := decode(parts[2])
	tag, tagOK := decode(parts[4])
	if parts[1] != "" || !nonceOK || !tagOK || len(nonce) != gcmNonceBytes || len(tag) != gcmTagBytes { // direct agreement has no encrypted key
		return nil, ErrDecryption
	}
	raw, ok := decode(parts[0])
	if !ok || strictjson.Unmarshal(raw, &e.encryptedHeader, headerLimits) != nil {
		return nil, ErrDecryption
	}
	if e.Algorithm != EncryptionAlgorithm || e.Cipher != EncryptionCipher {
		return nil, ErrDecryption
	}
	text, textOK := decode(parts[3])
	if e.point = e.ephemeral(); !textOK || e.point == nil {
		return nil, ErrDecryption
	}
	e.nonce, e.sealed = nonce, append(text, tag...)
	return e, nil
}

// ephemeral is epk, if it is a point of P-256 in its one spelling, or nil.
func (h *encryptedHeader) ephemeral() *ecdh.PublicKey {
	e := &h.Ephemeral
	if e.Kty != "EC" || e.Crv != "P-256" {
		return nil
	}
	x, xOK := decode(e.X)
	y, yOK := decode(e.Y)
	if !xOK || !yOK || len(x) != 32 || len(y) != 32 {
		return nil
	}
	point, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil
	}
	return point
}

// open does the rest: it agrees on a key and decrypts with it.
func (e *envelope) open(key *ecdh.PrivateKey) ([]byte, error) {
	agreed, err := key.ECDH(e.point)
	if err != nil {
		return nil, ErrDecryption
	}
	block, err := aes.NewCipher(derive(agreed))
	if err != nil {
		return nil, ErrDecryption
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, ErrDecryption
	}
	plain, err := aead.Open(e.sealed[:0], e.nonce, e.sealed, []byte(e.protected))
	if err != nil {
		return nil, ErrDecryption
	}
	return plain, nil
}

// derive is the Concat KDF of RFC 7518, section 4.6.2, for A256GCM without apu and apv. Its one round gives the 256 bits that are needed.
func derive(agreed []byte) []byte {
	input := binary.BigEndian.AppendUint32(nil, 1)
	input = append(input, agreed...)
	input = binary.BigEndian.AppendUint32(input, uint32(len(EncryptionCipher)))
	input = append(input, EncryptionCipher...)
	input = append(input, make([]byte, 8)...) // apu and apv, of no length
	input = binary.BigEndian.AppendUint32(input, 256)
	sum := sha256.Sum256(input)
	return sum[:]
}
