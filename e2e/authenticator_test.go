package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// passkey is one in an authenticator that keeps no counter and has its user verified.
type passkey struct {
	t       *testing.T
	private *ecdsa.PrivateKey
	origin  string
	id      []byte
	user    string // handle
}

// enrol makes a passkey for the owner of a key.
func (w *world) enrol(key string) *passkey {
	w.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &passkey{t: w.t, private: private, origin: w.config.PublicURL, id: []byte("a passkey of this test")}
	pass := w.pass(key, object{})
	begun := w.must(200, "POST", "/v1/passkeys/options", pass, nil)
	p.user = begun.at("public_key", "user", "id")

	point, err := private.PublicKey.Bytes()
	if err != nil {
		w.t.Fatal(err)
	}
	cose := p.cbor(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}) // RFC 9053, section 7.1.1
	data := p.authenticatorData(0x45)                                                // user present, verified, and a credential follows
	data = append(data, make([]byte, 16)...)
	data = append(data, byte(len(p.id)>>8), byte(len(p.id)))
	data = append(append(data, p.id...), cose...)
	w.must(201, "POST", "/v1/passkeys", pass, object{"ceremony": begun.at("ceremony"), "credential": object{
		"id": encode(p.id), "rawId": encode(p.id), "type": "public-key", "response": object{
			"clientDataJSON":    encode(p.clientData("webauthn.create", begun.at("public_key", "challenge"))),
			"attestationObject": encode(p.cbor(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})),
		},
	}})
	return p
}

func (p *passkey) cbor(v any) []byte {
	p.t.Helper()
	raw, err := cbor.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

// authenticatorData is the beginning of it, with a counter of zero (WebAuthn, section 6.1).
func (p *passkey) authenticatorData(flags byte) []byte {
	p.t.Helper()
	origin, err := url.Parse(p.origin)
	if err != nil {
		p.t.Fatal(err)
	}
	rp := sha256.Sum256([]byte(origin.Hostname()))
	return append(rp[:], flags, 0, 0, 0, 0)
}

func (p *passkey) clientData(kind, challenge string) []byte {
	p.t.Helper()
	raw, err := json.Marshal(object{"type": kind, "challenge": challenge, "origin": p.origin, "crossOrigin": false})
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

// answer begins a login, and answers to it as a browser does.
func (p *passkey) answer(k *kinds) (ceremony, credential string) {
	p.t.Helper()
	begun := k.good("POST", "/v1/login/passkey/options", "", nil)
	data, client := p.authenticatorData(0x05), p.clientData("webauthn.get", begun.at("public_key", "challenge"))
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(data[:len(data):len(data)], hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, p.private, signed[:])
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := json.Marshal(object{"id": encode(p.id), "rawId": encode(p.id), "type": "public-key", "response": object{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": p.user,
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	return begun.at("ceremony"), string(raw)
}

// signatureIn is the part of an answer that the passkey alone can make.
func (p *passkey) signatureIn(credential string) string {
	p.t.Helper()
	var in struct {
		Response struct {
			Signature string `json:"signature"`
		} `json:"response"`
	}
	if err := json.Unmarshal([]byte(credential), &in); err != nil {
		p.t.Fatal(err)
	}
	return in.Response.Signature
}
