package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/verify"
)

// ErrNoEncrypter is returned where there is no key that encrypts.
var ErrNoEncrypter = access.New(access.Invalid, "encryption_unavailable", "this server has no key to encrypt passes with; leave encrypt out").At("/encrypt")

// EncryptionKey is a key pair on P-256 that encrypts tokens to the server, and to whoever was given its private half. It decrypts from its
// creation until Retire and encrypts from NotBefore. Its public half is not published: nobody else has anything to encrypt. It prints without
// its private half.
type EncryptionKey struct {
	ID        string // enk_…, the kid
	Created   time.Time
	NotBefore time.Time
	Retire    time.Time // after the last exp of what it encrypted; zero: not yet decided

	private *ecdsa.PrivateKey
}

// String names the key and nothing else.
func (k EncryptionKey) String() string { return "encryption key " + k.ID }

// Format is String for every verb, so that none opens the private half.
func (k EncryptionKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String for slog.
func (k EncryptionKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// GenerateEncryptionKey makes a key that may encrypt from now on.
func GenerateEncryptionKey(now time.Time) (EncryptionKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return EncryptionKey{}, err
	}
	return EncryptionKey{ID: seal.NewID("enk"), Created: now, NotBefore: now, private: private}, nil
}

// MarshalPrivate returns the private key in PKCS #8 DER, to be sealed at once.
func (k EncryptionKey) MarshalPrivate() ([]byte, error) {
	return x509.MarshalPKCS8PrivateKey(k.private)
}

// UnmarshalPrivate returns k with the private key that MarshalPrivate gave.
func (k EncryptionKey) UnmarshalPrivate(der []byte) (EncryptionKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return EncryptionKey{}, errors.New("the stored encryption key is not PKCS #8") // the cause could quote the key
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return EncryptionKey{}, errors.New("the stored encryption key is not on P-256")
	}
	k.private = private
	return k, nil
}

// MarshalDecryption writes the private halves as the JWK set that [verify.ParseDecryptionKeys] reads. Who has it reads every token that these
// keys encrypt.
func MarshalDecryption(keys []EncryptionKey) ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, len(keys))}
	for i, k := range keys {
		set.Keys[i] = jose.JSONWebKey{Key: k.private, KeyID: k.ID, Algorithm: verify.EncryptionAlgorithm, Use: "enc"}
	}
	return json.Marshal(set)
}

// envelope encrypts with one key.
type envelope struct {
	key       EncryptionKey
	encrypter jose.Encrypter
}

func newEnvelope(k EncryptionKey) (envelope, error) {
	options := (&jose.EncrypterOptions{}).WithType(verify.TypEncrypted).WithContentType("JWT")
	recipient := jose.Recipient{Algorithm: jose.ECDH_ES, Key: &k.private.PublicKey, KeyID: k.ID}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, recipient, options)
	return envelope{key: k, encrypter: encrypter}, err
}

// readyEnvelopes makes, newest first, what encrypts, and the table that decrypts.
func readyEnvelopes(keys []EncryptionKey, now time.Time) ([]envelope, verify.DecryptionKeys, error) {
	var live []EncryptionKey
	for _, k := range keys {
		if k.Retire.IsZero() || now.Before(k.Retire) {
			live = append(live, k)
		}
	}
	if len(live) == 0 {
		return nil, verify.DecryptionKeys{}, nil
	}
	slices.SortFunc(live, func(a, b EncryptionKey) int { return b.NotBefore.Compare(a.NotBefore) })
	envelopes := make([]envelope, len(live))
	for i, k := range live {
		var err error
		if envelopes[i], err = newEnvelope(k); err != nil {
			return nil, verify.DecryptionKeys{}, err
		}
	}
	jwks, err := MarshalDecryption(live)
	if err != nil {
		return nil, verify.DecryptionKeys{}, err
	}
	// Others read with this reader, so what it refuses must not be used.
	decrypts, err := verify.ParseDecryptionKeys(jwks)
	clear(jwks)
	return envelopes, decrypts, err
}

// envelope is the one to encrypt with now.
func (ks *Keyset) envelope() (*envelope, error) {
	envelopes := ks.state.Load().envelopes
	if i := begun(ks.now(), len(envelopes), func(i int) (begins, ends time.Time) { return envelopes[i].key.NotBefore, envelopes[i].key.Retire }); i >= 0 {
		return &envelopes[i], nil
	}
	return nil, ErrNoEncrypter
}

// seal puts a signed token into an encrypted one (RFC 7519, section 11.2: signed first).
func (e *envelope) seal(signed string) (string, error) {
	object, err := e.encrypter.Encrypt([]byte(signed))
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	if len(text) > verify.MaxTokenBytes {
		return "", ErrTooLarge
	}
	return text, nil
}

// Open returns the signed token inside an encrypted one, and any other text as it is. Nothing of it is checked yet.
func (ks *Keyset) Open(text string) (string, error) {
	signed, _, err := ks.state.Load().open(text)
	return signed, err
}

// open also says with which key the token was encrypted, "" if it was not.
func (s *state) open(text string) (signed, kid string, err error) {
	if !verify.IsEncrypted(text) {
		return text, "", nil
	}
	return s.decrypts.Decrypt(text)
}
