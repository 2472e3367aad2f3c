package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/verify"
)

var b64 = base64.RawURLEncoding.EncodeToString

func bigText(n *big.Int) string { return b64(n.Bytes()) }

// prover makes proofs, good and bad ones.
type prover struct {
	alg  string
	key  crypto.Signer
	jwk  map[string]any
	sign func(input []byte) []byte // nil: as alg says
}

func newProver(t testing.TB, alg string) *prover {
	t.Helper()
	p := &prover{alg: alg}
	switch alg {
	case "ES256", "ES384":
		curve, crv, size := elliptic.P256(), "P-256", 32
		if alg == "ES384" {
			curve, crv, size = elliptic.P384(), "P-384", 48
		}
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		p.key, p.jwk = key, map[string]any{"kty": "EC", "crv": crv, "x": b64(point[1 : 1+size]), "y": b64(point[1+size:])}
	case "EdDSA", "Ed25519":
		public, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.key, p.jwk = key, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(public)}
	default:
		bits := 2048
		if alg == "RS1024" {
			bits, p.alg = 1024, "RS256"
			t.Setenv("GODEBUG", "rsa1024min=0")
		}
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		p.key, p.jwk = key, map[string]any{"kty": "RSA", "n": bigText(key.N), "e": bigText(big.NewInt(int64(key.E)))}
	}
	return p
}

func (p *prover) proof(t testing.TB, head, claims map[string]any) string {
	t.Helper()
	h, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return p.compact(t, string(h), string(c))
}

func (p *prover) compact(t testing.TB, head, claims string) string {
	t.Helper()
	input := b64([]byte(head)) + "." + b64([]byte(claims))
	return input + "." + b64(p.signature(t, []byte(input)))
}

func (p *prover) signature(t testing.TB, input []byte) []byte {
	t.Helper()
	if p.sign != nil {
		return p.sign(input)
	}
	digest := sha256.Sum256(input)
	switch key := p.key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input)
	case *rsa.PrivateKey:
		var opts crypto.SignerOpts = crypto.SHA256
		if p.alg == "PS256" {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
		sig, err := key.Sign(rand.Reader, digest[:], opts)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	t.Fatal("no such key")
	return nil
}

func (p *prover) head() map[string]any {
	return map[string]any{"typ": verify.TypDPoP, "alg": p.alg, "jwk": maps.Clone(p.jwk)}
}

var dpopNow = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

const dpopToken = "the.access.token"

func dpopClaims() map[string]any {
	sum := sha256.Sum256([]byte(dpopToken))
	return map[string]any{"jti": "id-1", "htm": "POST", "htu": "https://pass.example.com/v1/tokens", "iat": dpopNow.Unix(), "ath": b64(sum[:])}
}

func dpopRequest() verify.DPoPRequest {
	return verify.DPoPRequest{Method: "POST", URL: "https://pass.example.com/v1/tokens", AccessToken: dpopToken}
}

func TestDPoPVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/rfc9449.json")
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		JWK    json.RawMessage
		JKT    string
		Proofs []struct {
			Name, Proof, HTM, HTU, AccessToken, JKT string
			Payload                                 struct {
				JTI string
				IAT int64
			}
		}
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	if print, err := verify.Thumbprint(set.JWK); err != nil || print != set.JKT {
		t.Errorf("thumbprint %s, %v; want %s", print, err, set.JKT)
	}
	if len(set.Proofs) == 0 {
		t.Fatal("no proofs")
	}
	for _, v := range set.Proofs {
		made := time.Unix(v.Payload.IAT, 0)
		want := verify.DPoPRequest{Method: v.HTM, URL: v.HTU, AccessToken: v.AccessToken}
		got, err := verify.ReadDPoP(v.Proof, want, made)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if got.Thumbprint != v.JKT || got.ID != v.Payload.JTI || !got.IssuedAt.Equal(made) {
			t.Errorf("%s: got %+v", v.Name, got)
		}
		other, elsewhere, token := want, want, want
		other.Method, elsewhere.URL, token.AccessToken = "PUT", v.HTU+"/other", "another"
		for what, wrong := range map[string]verify.DPoPRequest{"method": other, "address": elsewhere, "token": token} {
			if _, err := verify.ReadDPoP(v.Proof, wrong, made); !errors.Is(err, verify.ErrDPoP) {
				t.Errorf("%s: for another %s: %v", v.Name, what, err)
			}
		}
		for _, at := range []time.Duration{-31 * time.Second, 90 * time.Second, 24 * time.Hour} {
			if _, err := verify.ReadDPoP(v.Proof, want, made.Add(at)); !errors.Is(err, verify.ErrDPoP) {
				t.Errorf("%s: read %s after its iat: %v", v.Name, at, err)
			}
		}
	}
}

func TestDPoPAlgorithms(t *testing.T) {
	for _, alg := range verify.DPoPAlgorithms() {
		p := newProver(t, alg)
		got, err := verify.ReadDPoP(p.proof(t, p.head(), dpopClaims()), dpopRequest(), dpopNow)
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		public, _ := json.Marshal(p.jwk)
		if want, err := verify.Thumbprint(public); err != nil || got.Thumbprint != want {
			t.Errorf("%s: thumbprint %s, want %s, %v", alg, got.Thumbprint, want, err)
		}
		head := p.head()
		jwk := head["jwk"].(map[string]any)
		jwk["ext"], jwk["key_ops"], jwk["use"], jwk["kid"], head["kid"] = true, []string{"verify"}, "sig", "a", "a"
		if _, err := verify.ReadDPoP(p.proof(t, head, dpopClaims()), dpopRequest(), dpopNow); err != nil {
			t.Errorf("%s, with members as WebCrypto writes them: %v", alg, err)
		}
	}
}

// TestDPoPBadProofs: every kind of bad proof is refused, with the codes of RFC 9449.
func TestDPoPBadProofs(t *testing.T) {
	es := newProver(t, "ES256")
	type edit = map[string]any
	head := func(change edit) string { return es.proof(t, merged(es.head(), change), dpopClaims()) }
	key := func(change edit) string {
		return es.proof(t, merged(es.head(), edit{"jwk": merged(es.jwk, change)}), dpopClaims())
	}
	claim := func(change edit) string { return es.proof(t, es.head(), merged(dpopClaims(), change)) }
	good := es.proof(t, es.head(), dpopClaims())
	parts := strings.Split(good, ".")
	mac := &prover{alg: "HS256", jwk: edit{"kty": "oct", "k": b64(make([]byte, 32))}, sign: func(input []byte) []byte {
		m := hmac.New(sha256.New, make([]byte, 32))
		m.Write(input)
		return m.Sum(nil)
	}}
	none := &prover{alg: "none", jwk: es.jwk, sign: func([]byte) []byte { return []byte{0} }}
	psychic := &prover{alg: "ES256", jwk: es.jwk, sign: func([]byte) []byte { return make([]byte, 64) }}
	small := &prover{alg: "EdDSA", jwk: edit{"kty": "OKP", "crv": "Ed25519", "x": b64(append([]byte{1}, make([]byte, 31)...))}, sign: func([]byte) []byte {
		return append([]byte{1}, make([]byte, 63)...)
	}}
	short, long384 := newProver(t, "RS1024"), newProver(t, "ES384")
	other := newProver(t, "ES256")

	cases := []struct{ name, proof string }{
		{"empty", ""},
		{"not a JWS", "hello"},
		{"four parts", good + ".e30"},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"padding", good + "="},
		{"a line end", good[:20] + "\n" + good[20:]},
		{"two proofs as one", good + "," + good},
		{"JSON serialization", `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`},
		{"too long", claim(edit{"pad": strings.Repeat("a", 8192)})},
		{"typ is another", head(edit{"typ": "JWT"})},
		{"typ of an access token", head(edit{"typ": verify.TypAccess})},
		{"typ in another case", head(edit{"typ": "DPoP+jwt"})},
		{"typ is absent", head(edit{"typ": nil})},
		{"alg none", none.proof(t, none.head(), dpopClaims())},
		{"alg is symmetric", mac.proof(t, mac.head(), dpopClaims())},
		{"alg not in the list", long384.proof(t, long384.head(), dpopClaims())},
		{"alg of another key type", head(edit{"alg": "EdDSA"})},
		{"alg is absent", head(edit{"alg": nil})},
		{"header with jku", head(edit{"jku": "https://keys.example.com"})},
		{"header with x5c", head(edit{"x5c": []string{"MIIB"}})},
		{"header with crit", head(edit{"crit": []string{"exp"}})},
		{"header with b64", head(edit{"b64": false})},
		{"header names a member twice", es.compact(t, `{"typ":"dpop+jwt","alg":"ES256","alg":"none","jwk":{}}`, `{}`)},
		{"jwk is absent", head(edit{"jwk": nil})},
		{"jwk is a string", head(edit{"jwk": "key"})},
		{"jwk has a private member", key(edit{"d": es.jwk["x"]})},
		{"jwk has a symmetric member", key(edit{"k": "AAAA"})},
		{"jwk is not on its curve", key(edit{"y": es.jwk["x"]})},
		{"jwk is for encryption", key(edit{"use": "enc"})},
		{"jwk cannot verify", key(edit{"key_ops": []string{"sign"}})},
		{"jwk names another alg", key(edit{"alg": "ES384"})},
		{"jwk is of small order", small.proof(t, small.head(), dpopClaims())},
		{"jwk is a short RSA key", short.proof(t, short.head(), dpopClaims())},
		{"signature of another key", parts[0] + "." + parts[1] + "." + b64(other.signature(t, []byte(parts[0]+"."+parts[1])))},
		{"signature of zeros", psychic.proof(t, psychic.head(), dpopClaims())},
		{"claims were changed", parts[0] + "." + b64([]byte(`{"jti":"x"}`)) + "." + parts[2]},
		{"claims name a member twice", es.compact(t, mustText(t, es.head()), strings.Replace(mustText(t, dpopClaims()), "{", `{"jti":"twice",`, 1))},
		{"claims are an array", es.compact(t, mustText(t, es.head()), "[]")},
		{"jti is absent", claim(edit{"jti": nil})},
		{"jti is empty", claim(edit{"jti": ""})},
		{"jti is a number", claim(edit{"jti": 7})},
		{"jti is too long", claim(edit{"jti": strings.Repeat("a", 257)})},
		{"htm is absent", claim(edit{"htm": nil})},
		{"htm is another method", claim(edit{"htm": "GET"})},
		{"htm in another case", claim(edit{"htm": "post"})},
		{"htu is absent", claim(edit{"htu": nil})},
		{"htu has another path", claim(edit{"htu": "https://pass.example.com/v1/tokens/"})},
		{"htu has another host", claim(edit{"htu": "https://pass.example.org/v1/tokens"})},
		{"htu has another scheme", claim(edit{"htu": "http://pass.example.com/v1/tokens"})},
		{"htu has another port", claim(edit{"htu": "https://pass.example.com:8443/v1/tokens"})},
		{"htu is relative", claim(edit{"htu": "/v1/tokens"})},
		{"htu has a user", claim(edit{"htu": "https://x@pass.example.com/v1/tokens"})},
		{"htu hides a slash", claim(edit{"htu": "https://pass.example.com/v1%2Ftokens"})},
		{"iat is absent", claim(edit{"iat": nil})},
		{"iat is text", claim(edit{"iat": "1893585600"})},
		{"iat is no whole number", claim(edit{"iat": float64(dpopNow.Unix()) + 0.5})},
		{"iat is old", claim(edit{"iat": dpopNow.Add(-90 * time.Second).Unix()})},
		{"iat is in the future", claim(edit{"iat": dpopNow.Add(31 * time.Second).Unix()})},
		{"iat is beyond all time", claim(edit{"iat": int64(1) << 60})},
		{"expired by its own word", claim(edit{"exp": dpopNow.Add(-30 * time.Second).Unix()})},
		{"not valid yet by its own word", claim(edit{"nbf": dpopNow.Add(31 * time.Second).Unix()})},
		{"ath is absent", claim(edit{"ath": nil})},
		{"ath is of another token", claim(edit{"ath": b64(make([]byte, 32))})},
		{"ath is padded", claim(edit{"ath": dpopClaims()["ath"].(string) + "="})},
	}
	for _, c := range cases {
		if got, err := verify.ReadDPoP(c.proof, dpopRequest(), dpopNow); !errors.Is(err, verify.ErrDPoP) {
			t.Errorf("%s: got %+v, %v", c.name, got, err)
		}
	}

	bare := dpopRequest()
	bare.AccessToken = ""
	if _, err := verify.ReadDPoP(good, bare, dpopNow); !errors.Is(err, verify.ErrDPoP) {
		t.Errorf("an ath without a token: %v", err)
	}
	asking := dpopRequest()
	asking.Nonce = func(nonce string) bool { return nonce == "right" }
	for _, proof := range []string{good, claim(edit{"nonce": "wrong"}), claim(edit{"nonce": ""})} {
		if _, err := verify.ReadDPoP(proof, asking, dpopNow); !errors.Is(err, verify.ErrDPoPNonce) {
			t.Errorf("without the nonce: %v", err)
		}
	}
	if _, err := verify.ReadDPoP(claim(edit{"nonce": "right"}), asking, dpopNow); err != nil {
		t.Errorf("with the nonce: %v", err)
	}
	for _, values := range [][]string{{good, good}, {""}} {
		if _, err := verify.DPoPHeader(http.Header{"Dpop": values}); !errors.Is(err, verify.ErrDPoP) {
			t.Errorf("headers %q: %v", values, err)
		}
	}
}

// TestDPoPTarget: the same address in another spelling is the same address.
func TestDPoPTarget(t *testing.T) {
	es := newProver(t, "ES256")
	for _, c := range []struct{ htu, url string }{
		{"https://pass.example.com/v1/tokens?x=1#y", "https://pass.example.com/v1/tokens"},
		{"https://pass.example.com/v1/tokens", "https://pass.example.com/v1/tokens?page=2"},
		{"HTTPS://PASS.example.com:443/v1/tokens", "https://pass.example.com/v1/tokens"},
		{"http://pass.example.com:80", "http://pass.example.com/"},
		{"https://pass.example.com/%7Ealice/%c3%a9", "https://pass.example.com/~alice/%C3%A9"},
		{"https://pass.example.com/a/./b/../c/..", "https://pass.example.com/a/"},
		{"https://[2001:db8::1]:8443/x", "https://[2001:DB8::1]:8443/x"},
	} {
		claims := merged(dpopClaims(), map[string]any{"htu": c.htu})
		want := dpopRequest()
		want.URL = c.url
		if _, err := verify.ReadDPoP(es.proof(t, es.head(), claims), want, dpopNow); err != nil {
			t.Errorf("%s for %s: %v", c.htu, c.url, err)
		}
	}
}

func FuzzReadDPoP(f *testing.F) {
	es := newProver(f, "ES256")
	good := es.proof(f, es.head(), dpopClaims())
	f.Add(good, "https://pass.example.com/v1/tokens")
	f.Add(strings.Replace(good, ".", "..", 1), "http://[::1]:80/%zz")
	f.Add("e30.e30.e30", "https://a/..%2e/./%2E%2e")
	f.Fuzz(func(t *testing.T, proof, url string) {
		want := dpopRequest()
		want.URL = url
		got, err := verify.ReadDPoP(proof, want, dpopNow)
		if (got == nil) == (err == nil) {
			t.Fatal("neither refused nor accepted")
		}
		if err != nil && !errors.Is(err, verify.ErrDPoP) {
			t.Fatalf("refused in words of its own: %v", err)
		}
		if err == nil && (got.ID == "" || len(got.Thumbprint) != 43) {
			t.Fatalf("accepted %+v", got)
		}
	})
}

func BenchmarkReadDPoP(b *testing.B) {
	es := newProver(b, "ES256")
	good := es.proof(b, es.head(), dpopClaims())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify.ReadDPoP(good, dpopRequest(), dpopNow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkES256(b *testing.B) {
	es := newProver(b, "ES256")
	digest := sha256.Sum256([]byte("x"))
	key := es.key.(*ecdsa.PrivateKey)
	sig, _ := ecdsa.SignASN1(rand.Reader, key, digest[:])
	for b.Loop() {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], sig) {
			b.Fatal("refused")
		}
	}
}

// merged is a copy with some members changed, or, where nil, taken away.
func merged(base, change map[string]any) map[string]any {
	out := maps.Clone(base)
	for name, value := range change {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

func mustText(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
