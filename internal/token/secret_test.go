package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"
)

func pemOf(t *testing.T, kind string, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// TestSecretAndKeysetAreApart: neither reads the other's tokens, also where the secret is the text of the public key.
func TestSecretAndKeysetAreApart(t *testing.T) {
	now := func() time.Time { return noon }
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePEM(pemOf(t, "PRIVATE KEY", private))
	if err != nil || key.Algorithm != "RS256" {
		t.Fatal(key, err)
	}
	keys := NewKeyset(issuer, now)
	if err := keys.Replace([]SigningKey{key}); err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range [][]byte{public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), keys.JWKS()} {
		secret, err := NewSecret(issuer, known)
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := secret.Mint(pass(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := secret.Token(text); err != nil {
			t.Error("its own token is refused: ", err)
		}
		if _, err := keys.Token(text); err == nil {
			t.Error("a keyset takes a token of a shared secret")
		}
		other, _, err := keys.Mint(pass(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := secret.Token(other); err == nil {
			t.Error("a shared secret takes a token of a keyset")
		}
	}
	if _, err := NewSecret(issuer, []byte(strings.Repeat("x", 31))); err == nil {
		t.Error("a short secret is taken")
	}
}

func TestParsePEMRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := pemOf(t, "PRIVATE KEY", p256)
	if k, err := ParsePEM(good); err != nil || k.Algorithm != "ES256" || !strings.HasPrefix(k.ID, "sgk_") {
		t.Error(k, err)
	}
	for what, text := range map[string][]byte{
		"nothing": nil, "no PEM": []byte("CANARY"), "another curve": pemOf(t, "PRIVATE KEY", p384), "a public key": pemOf(t, "PUBLIC KEY", p256),
		"two keys": append(append([]byte{}, good...), good...), "half a key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1, 2, 3}}),
	} {
		if k, err := ParsePEM(text); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v %v", what, k, err)
		}
	}
}
