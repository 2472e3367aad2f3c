package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

var errPEM = errors.New("it must hold one private key in PEM (PKCS #8, BEGIN PRIVATE KEY): EC on P-256, Ed25519, or RSA of 2048 to 4096 bits")

// ParsePEM reads a signing key from PEM (PKCS #8). Its algorithm is ES256, EdDSA or RS256, as the key is; its id comes from
// its public half, so that servers with one file have one id. Errors quote nothing of the text.
func ParsePEM(text []byte) (SigningKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || strings.TrimSpace(string(rest)) != "" {
		return SigningKey{}, errPEM
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return SigningKey{}, errPEM
	}
	k := SigningKey{}
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		k.Algorithm, k.private = "ES256", key
		if key.Curve != elliptic.P256() {
			return SigningKey{}, errPEM
		}
	case ed25519.PrivateKey:
		k.Algorithm, k.private = "EdDSA", key
	case *rsa.PrivateKey:
		k.Algorithm, k.private = "RS256", key
	default:
		return SigningKey{}, errPEM
	}
	public, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		return SigningKey{}, errPEM
	}
	sum := sha256.Sum256(public)
	k.ID = "sgk_" + hex.EncodeToString(sum[:])[:26]
	return k, nil
}
