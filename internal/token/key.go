package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/daypass/daypass/internal/seal"
)

// Algorithms that can sign (RFC 7518, RFC 8037), the default first.
var Algorithms = []string{"ES256", "EdDSA", "RS256", "PS256"}

const rsaBits = 2048

// SigningKey is a key pair that serves one algorithm. It is published from its creation, signs from NotBefore, and leaves the published
// set at Retire. It prints without its private half.
type SigningKey struct {
	ID        string // sgk_…, the kid
	Algorithm string // one of [Algorithms]
	Created   time.Time
	NotBefore time.Time // at least [JWKSMaxAge] after Created, so that every verifier knows it by then; equal for the very first
	Retire    time.Time // after the last exp of what it signed; zero: not yet decided

	private crypto.Signer
}

// String names the key and nothing else.
func (k SigningKey) String() string { return "signing key " + k.ID + " (" + k.Algorithm + ")" }

// Format is String for every verb, so that none opens the private half.
func (k SigningKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String for slog.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// GenerateKey makes a key that may sign from now on.
func GenerateKey(algorithm string, now time.Time) (SigningKey, error) {
	private, err := generate(algorithm)
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKey{ID: seal.NewID("sgk"), Algorithm: algorithm, Created: now, NotBefore: now, private: private}, nil
}

func generate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case "RS256", "PS256":
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("a signing key must be for one of %v", Algorithms)
}

// MarshalPrivate returns the private key in PKCS #8 DER, to be sealed at once.
func (k SigningKey) MarshalPrivate() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.private) }

// UnmarshalPrivate returns k with the private key that MarshalPrivate gave. It refuses one that does not fit k.Algorithm.
func (k SigningKey) UnmarshalPrivate(der []byte) (SigningKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return SigningKey{}, errors.New("the stored signing key is not PKCS #8") // the cause could quote the key
	}
	if !fits(parsed, k.Algorithm) {
		return SigningKey{}, errors.New("the stored signing key does not fit its algorithm")
	}
	k.private = parsed.(crypto.Signer)
	return k, nil
}

func fits(private any, algorithm string) bool {
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		return algorithm == "ES256" && key.Curve == elliptic.P256()
	case ed25519.PrivateKey:
		return algorithm == "EdDSA"
	case *rsa.PrivateKey:
		return algorithm == "RS256" || algorithm == "PS256"
	}
	return false
}

func (k SigningKey) publicJWK() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"}
}

// sign gives the signature of RFC 7515 over input.
func (k SigningKey) sign(input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	switch k.Algorithm {
	case "ES256":
		return signES256(k.private.(*ecdsa.PrivateKey), digest[:])
	case "EdDSA":
		return k.private.Sign(nil, input, crypto.Hash(0))
	case "RS256":
		return k.private.Sign(rand.Reader, digest[:], crypto.SHA256)
	case "PS256":
		return k.private.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	}
	return nil, fmt.Errorf("a signing key must be for one of %v", Algorithms)
}

var (
	orderP256     = elliptic.P256().Params().N
	halfOrderP256 = new(big.Int).Rsh(orderP256, 1)
)

// signES256 gives the lower of the two values of s that verify, the only one that our reader takes: so a token has one spelling.
func signES256(private *ecdsa.PrivateKey, digest []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, private, digest)
	if err != nil {
		return nil, err
	}
	if s.Cmp(halfOrderP256) > 0 {
		s.Sub(orderP256, s)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

// retiredAt says whether the key has left the published set.
func (k SigningKey) retiredAt(now time.Time) bool {
	return !k.Retire.IsZero() && !now.Before(k.Retire)
}

// newestFirst orders keys by when they begin to sign, equal moments by their ids, which are ordered by time too.
func newestFirst(keys []SigningKey) []SigningKey {
	return slices.SortedFunc(slices.Values(keys), func(a, b SigningKey) int {
		if c := b.NotBefore.Compare(a.NotBefore); c != 0 {
			return c
		}
		if a.ID > b.ID {
			return -1
		}
		return 1
	})
}
