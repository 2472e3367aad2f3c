package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// MinSecretBytes is the least length of a secret that signs with HS256 (RFC 7518, section 3.2).
const MinSecretBytes = sha256.Size

// secretID is the kid of a secret: there is one, and it is nobody's to look up.
const secretID = "secret"

// Secret mints and reads the tokens of one issuer with a shared secret (HS256). Whoever can check such a token can make
// one, so it is only for a server that has no keys of its own. No [Keyset] reads its tokens, nor it a Keyset's: each knows
// one sort of key.
type Secret struct {
	issuer string
	set    verify.KeySet
	secret []byte
	head   []byte
}

// NewSecret takes the secret's bytes as they are. It refuses fewer than [MinSecretBytes].
func NewSecret(issuer string, secret []byte) (*Secret, error) {
	if len(secret) < MinSecretBytes {
		return nil, fmt.Errorf("a secret has %d bytes or more", MinSecretBytes)
	}
	jwks, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "oct", "kid": secretID, "alg": "HS256", "k": base64.RawURLEncoding.EncodeToString(secret),
	}}})
	if err != nil {
		return nil, err
	}
	set, err := verify.ParseMACKeySet(jwks)
	if err != nil {
		return nil, err
	}
	head, err := headOf(&SigningKey{ID: secretID, Algorithm: "HS256"}, verify.TypAccess)
	return &Secret{issuer: issuer, set: set, secret: secret, head: head}, err
}

// JWKS is the published key set: there is nothing to publish.
func (s *Secret) JWKS() []byte { return []byte(`{"keys":[]}`) }

// Mint is [Keyset.Mint]. There is nothing to encrypt with.
func (s *Secret) Mint(t *access.Token) (text string, payload []byte, err error) {
	if t.Encrypted {
		return "", nil, ErrNoEncrypter
	}
	if payload, err = payloadOf(s.issuer, t); err != nil {
		return "", nil, err
	}
	text, err = compact(s.head, payload, verify.MaxTokenBytes, s.sign)
	return text, payload, err
}

func (s *Secret) sign(input []byte) ([]byte, error) {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write(input)
	return mac.Sum(nil), nil
}

// Token is [Keyset.Token].
func (s *Secret) Token(text string) (*access.Token, error) { return read(s.set, s.issuer, text, "") }

// Open is [Keyset.Open]: nothing is encrypted here.
func (s *Secret) Open(text string) (string, error) {
	if verify.IsEncrypted(text) {
		return "", verify.ErrDecryption
	}
	return text, nil
}
