package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"sync"
)

// Algorithm is a name of the registry of HTTP Signature Algorithms (RFC 9421,
// section 6.2).
type Algorithm string

// The algorithms there are here.
const (
	HMACSHA256      Algorithm = "hmac-sha256"
	Ed25519         Algorithm = "ed25519"
	ECDSAP256SHA256 Algorithm = "ecdsa-p256-sha256"
)

// MinSecret is the least length of an HMAC secret, in bytes.
const MinSecret = 16

// ErrKey is the error for a key that is too weak or of a kind not known here.
var ErrKey = errors.New("sign: not a key that can be used here")

// Verifier checks signatures by one key and its one algorithm.
type Verifier struct {
	algorithm Algorithm
	verify    func(base, signature []byte) bool
}

// Algorithm is the one that the key serves.
func (v *Verifier) Algorithm() Algorithm { return v.algorithm }

// NewHMACVerifier checks by a shared secret of [MinSecret] bytes or more. It keeps
// the secret itself.
func NewHMACVerifier(secret []byte) (*Verifier, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("%w: the secret is too short", ErrKey)
	}
	ready := sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }} // made once: half the price of a short message
	return &Verifier{HMACSHA256, func(base, signature []byte) bool {
		m := ready.Get().(hash.Hash)
		defer ready.Put(m)
		m.Reset()
		m.Write(base)
		return hmac.Equal(m.Sum(make([]byte, 0, sha256.Size)), signature)
	}}, nil
}

func mac(secret, base []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write(base)
	return m.Sum(nil)
}

// NewVerifier checks by a public key: an [ed25519.PublicKey], or an
// [*ecdsa.PublicKey] on P-256. Ed25519 keys of small order are refused: any message
// has a signature by them.
func NewVerifier(public crypto.PublicKey) (*Verifier, error) {
	switch key := public.(type) {
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize || smallOrder(key) {
			return nil, fmt.Errorf("%w: the Ed25519 key is not one", ErrKey)
		}
		return &Verifier{Ed25519, func(base, signature []byte) bool {
			return len(signature) == ed25519.SignatureSize && ed25519.Verify(key, base, signature)
		}}, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("%w: the curve is not P-256", ErrKey)
		}
		if _, err := key.ECDH(); err != nil { // the point is not on the curve
			return nil, fmt.Errorf("%w: the P-256 key is not one", ErrKey)
		}
		return &Verifier{ECDSAP256SHA256, func(base, signature []byte) bool { return verifyP256(key, base, signature) }}, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrKey, public)
}

const p256Size = 32

// verifyP256 takes r and s one after the other (section 3.3.4).
func verifyP256(key *ecdsa.PublicKey, base, signature []byte) bool {
	if len(signature) != 2*p256Size {
		return false
	}
	hash := sha256.Sum256(base)
	r, s := new(big.Int).SetBytes(signature[:p256Size]), new(big.Int).SetBytes(signature[p256Size:])
	return ecdsa.Verify(key, hash[:], r, s)
}

// smallOrder reports whether an encoded point has order 1, 2, 4 or 8. The low 255
// bits tell: those points have one of these y, of which the last two are written
// without reduction.
func smallOrder(key ed25519.PublicKey) bool {
	y := [32]byte(key)
	y[31] &= 0x7f
	_, small := smallY[y]
	return small
}

var smallY = map[[32]byte]struct{}{
	{}:     {},
	{0: 1}: {},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}: {},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}: {},
	fieldPrime(-1): {},
	fieldPrime(0):  {},
	fieldPrime(1):  {},
}

// fieldPrime is 2²⁵⁵ − 19 + n, little-endian.
func fieldPrime(n int) (y [32]byte) {
	for i := range y {
		y[i] = 0xff
	}
	y[0], y[31] = byte(0xed+n), 0x7f
	return y
}

// Signer signs requests as one key. It is safe for concurrent use.
type Signer struct {
	keyID     string
	algorithm Algorithm
	sign      func(base []byte) ([]byte, error)
}

// NewHMACSigner signs with a shared secret of [MinSecret] bytes or more: for a key of
// Daypass, the text of its secret.
func NewHMACSigner(keyID string, secret []byte) (*Signer, error) {
	if len(secret) < MinSecret || !printable(keyID) {
		return nil, fmt.Errorf("%w: the secret is too short, or the key's id no plain text", ErrKey)
	}
	return &Signer{keyID, HMACSHA256, func(base []byte) ([]byte, error) { return mac(secret, base), nil }}, nil
}

// NewSigner signs with an [ed25519.PrivateKey], or an [*ecdsa.PrivateKey] on P-256.
func NewSigner(keyID string, private crypto.Signer) (*Signer, error) {
	verifier, err := NewVerifier(private.Public())
	if err != nil || !printable(keyID) {
		return nil, fmt.Errorf("%w: %T", ErrKey, private)
	}
	s := &Signer{keyID: keyID, algorithm: verifier.algorithm}
	switch key := private.(type) {
	case ed25519.PrivateKey:
		s.sign = func(base []byte) ([]byte, error) { return ed25519.Sign(key, base), nil }
	case *ecdsa.PrivateKey:
		s.sign = func(base []byte) ([]byte, error) { return signP256(key, base) }
	default:
		return nil, fmt.Errorf("%w: %T", ErrKey, private)
	}
	return s, nil
}

func signP256(key *ecdsa.PrivateKey, base []byte) ([]byte, error) {
	hash := sha256.Sum256(base)
	r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 2*p256Size)
	r.FillBytes(signature[:p256Size])
	s.FillBytes(signature[p256Size:])
	return signature, nil
}
