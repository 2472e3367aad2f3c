package daypass

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"

	"github.com/daypass/daypass/api"
)

// Login is a user of an application who is known by a public key.
type Login struct {
	// Issuer is the server's public URL, as the program knows it: it is signed, so that a signature made for one server is
	// worthless at another. Do not take it from an answer.
	Issuer string
	// Group is the user-group key under which the user logs in: its id or its text.
	Group string
	// Signer holds the private key: Ed25519, or ECDSA on P-256.
	Signer crypto.Signer
}

// LogIn proves a user by a challenge and returns its pass. The credential of the client, if it has one, is that of a backend
// which runs the login; where the user-group key signs its requests, there must be one. Errors are those of [Client.Exchange].
func (c *Client) LogIn(ctx context.Context, login Login, ask ExchangeRequest) (*Token, error) {
	publicKey, err := login.publicKey()
	if err != nil {
		return nil, err
	}
	challenge, err := required[api.Challenge](c.authorized.CreateChallenge(ctx, api.ChallengeCreate{PublicKey: publicKey, Key: login.Group}))
	if err != nil {
		return nil, err
	}
	signature, err := login.sign([]byte("daypass challenge v1\n" + login.Issuer + "\n" + challenge.ID + "\n" + challenge.Challenge))
	if err != nil {
		return nil, err
	}
	body := ask.body()
	return toToken(c.bare.AnswerChallenge(ctx, challenge.ID, api.ChallengeAnswer{
		Signature: base64.RawURLEncoding.EncodeToString(signature),
		ExpiresIn: body.ExpiresIn, Scopes: body.Scopes, Roles: body.Roles, Audience: body.Audience, Ips: body.Ips,
		NoIPProtection: body.NoIPProtection, Renewable: body.Renewable, Confirmation: body.Confirmation,
	}))
}

var errSigner = errors.New("daypass: a user logs in with an Ed25519 key or one on P-256")

func (l *Login) publicKey() (json.RawMessage, error) {
	if l.Signer == nil {
		return nil, errSigner
	}
	encode := base64.RawURLEncoding.EncodeToString
	switch key := l.Signer.Public().(type) {
	case ed25519.PublicKey:
		return json.Marshal(encode(key))
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, errSigner
		}
		point, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string]string{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])})
	}
	return nil, errSigner
}

// sign makes the 64 bytes of an Ed25519 signature, or of r and s.
func (l *Login) sign(message []byte) ([]byte, error) {
	if _, ok := l.Signer.Public().(ed25519.PublicKey); ok {
		return l.Signer.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	der, err := l.Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	pair.R.FillBytes(signature[:32])
	pair.S.FillBytes(signature[32:])
	return signature, nil
}
