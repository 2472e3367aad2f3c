package daypass

import (
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
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/verify"
)

// SenderKey is a private key that passes are bound to (DPoP, RFC 9449): a copy of such a pass is of no use to who does not
// hold the key. It is safe for concurrent use.
type SenderKey struct {
	signer     crypto.Signer
	header     string // of every proof, in base64url
	thumbprint string

	mu     sync.Mutex
	nonces map[string]string // the last by origin
}

// maxNonces is how many origins' nonces are remembered.
const maxNonces = 100

// NewSenderKey takes an ECDSA key on P-256 (ES256) or an Ed25519 key. It may sit in a device: it only signs.
func NewSenderKey(signer crypto.Signer) (*SenderKey, error) {
	var alg, jwk string
	switch public := signer.Public().(type) {
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return nil, errors.New("daypass: a sender's ECDSA key is on P-256")
		}
		point, err := public.Bytes()
		if err != nil {
			return nil, err
		}
		const size = 32
		alg, jwk = "ES256", `{"crv":"P-256","kty":"EC","x":"`+base64url(point[1:1+size])+`","y":"`+base64url(point[1+size:])+`"}`
	case ed25519.PublicKey:
		alg, jwk = "EdDSA", `{"crv":"Ed25519","kty":"OKP","x":"`+base64url(public)+`"}`
	default:
		return nil, errors.New("daypass: a sender's key is ECDSA on P-256, or Ed25519")
	}
	thumbprint, err := verify.Thumbprint([]byte(jwk))
	if err != nil {
		return nil, err
	}
	header := base64url([]byte(`{"typ":"` + verify.TypDPoP + `","alg":"` + alg + `","jwk":` + jwk + `}`))
	return &SenderKey{signer: signer, header: header, thumbprint: thumbprint, nonces: map[string]string{}}, nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Thumbprint is the RFC 7638 thumbprint of the key: the cnf.jkt of passes bound to it.
func (k *SenderKey) Thumbprint() string { return k.thumbprint }

// Proof makes the value of a DPoP header for one request. Query and fragment of the URL are left out. Token is the pass
// that the proof goes with, empty for none; nonce is what the server gave in DPoP-Nonce, empty for none.
func (k *SenderKey) Proof(method, target, token, nonce string) (string, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return "", errors.New("daypass: a proof is for an absolute URL")
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment, u.User = "", false, "", "", nil
	claims := struct {
		ID        string `json:"jti"`
		Method    string `json:"htm"`
		URL       string `json:"htu"`
		IssuedAt  int64  `json:"iat"`
		TokenHash string `json:"ath,omitempty"`
		Nonce     string `json:"nonce,omitempty"`
	}{ID: rand.Text(), Method: method, URL: u.String(), IssuedAt: time.Now().Unix(), Nonce: nonce}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims.TokenHash = base64url(sum[:])
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := k.header + "." + base64url(payload)
	signature, err := k.sign([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + base64url(signature), nil
}

func (k *SenderKey) sign(input []byte) ([]byte, error) {
	if _, ok := k.signer.Public().(ed25519.PublicKey); ok {
		return k.signer.Sign(rand.Reader, input, crypto.Hash(0))
	}
	digest := sha256.Sum256(input)
	der, err := k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var numbers struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &numbers); err != nil || len(rest) > 0 {
		return nil, errors.New("daypass: the signer gave no ECDSA signature")
	}
	signature := make([]byte, 64)
	numbers.R.FillBytes(signature[:32])
	numbers.S.FillBytes(signature[32:])
	return signature, nil
}

// Transport adds a proof to every request that carries a credential; passes that are bound to the key go out as
// 'Authorization: DPoP …'. A server that asks for a nonce is asked once more with it, if the body can be sent again. Base
// sends the requests; nil stands for http.DefaultTransport. As the Base of a [Transport], it goes with the passes of a [TokenSource].
func (k *SenderKey) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &dpopTransport{k, base}
}

// WithDPoP binds every pass that the client exchanges for to the key, and proves it with each request.
func WithDPoP(key *SenderKey) Option {
	return func(s *settings) { s.sender = key }
}

type dpopTransport struct {
	key  *SenderKey
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *dpopTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header["Authorization"] == nil && r.Header["Api-Key"] == nil {
		return t.base.RoundTrip(r)
	}
	origin := r.URL.Scheme + "://" + r.URL.Host
	used := t.key.nonce(origin)
	response, err := t.send(r, used)
	if err != nil {
		return nil, err
	}
	fresh := response.Header.Get("Dpop-Nonce")
	if fresh == "" || fresh == used {
		return response, nil
	}
	t.key.remember(origin, fresh)
	if response.StatusCode != http.StatusUnauthorized && response.StatusCode != http.StatusBadRequest ||
		!strings.Contains(response.Header.Get("WWW-Authenticate"), `"`+verify.ErrDPoPNonce.Code+`"`) {
		return response, nil
	}
	again := r.Clone(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			return response, nil
		}
		if again.Body, err = r.GetBody(); err != nil {
			return response, nil
		}
	}
	response.Body.Close()
	return t.send(again, fresh)
}

func (t *dpopTransport) send(r *http.Request, nonce string) (*http.Response, error) {
	sent := r.Clone(r.Context())
	token := ""
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && boundTo(text) == t.key.thumbprint {
		token = text
		sent.Header.Set("Authorization", verify.DPoPScheme+" "+text)
	}
	proof, err := t.key.Proof(r.Method, r.URL.String(), token, nonce)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	sent.Header.Set("DPoP", proof)
	return t.base.RoundTrip(sent)
}

// boundTo is the key that a pass says it is bound to; it is for its server to verify.
func boundTo(pass string) string {
	parts := strings.Split(pass, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Confirmation struct {
			JKT string `json:"jkt"`
		} `json:"cnf"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Confirmation.JKT
}

func (k *SenderKey) nonce(origin string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.nonces[origin]
}

func (k *SenderKey) remember(origin, nonce string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.nonces) >= maxNonces {
		clear(k.nonces)
	}
	k.nonces[origin] = nonce
}
