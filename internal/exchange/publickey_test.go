package exchange

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"filippo.io/edwards25519"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
)

// TestPublicKeyForms: every form of one key is that key.
func TestPublicKeyForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		private := ed25519.NewKeyFromSeed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		raw := []byte(private.Public().(ed25519.PublicKey))
		url := base64.RawURLEncoding.EncodeToString(raw)
		want := "did:key:" + "z" + base58(append([]byte{0xed, 1}, raw...))
		for _, text := range []string{
			url, base64.URLEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw), want,
			"b" + base32Lower.EncodeToString(append([]byte{8, 1, 18, 32}, raw...)),
			`{"kty":"OKP","crv":"Ed25519","x":"` + url + `"}`,
			`{"alg":"Ed25519","crv":"Ed25519","ext":true,"key_ops":["verify"],"kty":"OKP","x":"` + url + `"}`,
		} {
			key, err := ParsePublicKey(text)
			if err != nil || key.String() != want {
				t.Fatalf("%s: %v %v", text, key, err)
			}
			if message := []byte("m"); !key.Verify(message, ed25519.Sign(private, message)) || key.Verify([]byte("n"), ed25519.Sign(private, message)) {
				t.Fatalf("%s does not verify", text)
			}
		}
		if !strings.HasPrefix(want, "did:key:z6Mk") {
			t.Fatalf("an Ed25519 did:key begins otherwise: %s", want)
		}
	})
}

func TestPublicKeyP256(t *testing.T) {
	for range 20 {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, _ := private.PublicKey.Bytes()
		x, y := base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
		key, err := ParsePublicKey(`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","use":"sig","alg":"ES256"}`)
		if err != nil || !strings.HasPrefix(key.String(), "did:key:zDn") {
			t.Fatalf("%v %v", key, err)
		}
		again, err := ParsePublicKey(key.String())
		if err != nil || again.String() != key.String() || !again.p256.Equal(&private.PublicKey) {
			t.Fatalf("%v %v", again, err)
		}
		digest := sha256.Sum256([]byte("m"))
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		if !again.Verify([]byte("m"), signature) || again.Verify([]byte("n"), signature) {
			t.Error("ES256 does not verify")
		}
		order := elliptic.P256().Params().N
		for name, bad := range map[string][]byte{
			"zero":      make([]byte, 64),
			"r = order": append(order.FillBytes(make([]byte, 32)), signature[32:]...),
			"s = order": append(slices.Clone(signature[:32]), order.FillBytes(make([]byte, 32))...),
			"r = 0":     append(make([]byte, 32), signature[32:]...),
			"cut off":   signature[:63],
			"longer":    append(slices.Clone(signature), 0),
			"nothing":   nil,
		} {
			if again.Verify([]byte("m"), bad) {
				t.Errorf("a signature that is wrong (%s) is accepted", name)
			}
		}
	}
}

// TestPublicKeyVector is that of the did:key method's own document.
func TestPublicKeyVector(t *testing.T) {
	for did, raw := range map[string]string{
		"did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH":  "",
		"did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169": "",
		"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp":  "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik",
	} {
		key, err := ParsePublicKey(did)
		if err != nil || key.String() != did {
			t.Errorf("%s: %v %v", did, key, err)
		}
		if raw == "" {
			continue
		}
		if same, err := ParsePublicKey(raw); err != nil || same.String() != did {
			t.Errorf("%s: %v %v", raw, same, err)
		}
	}
}

// torsion are the points of order 1, 2, 4 and 8: multiples of one of order 8.
func torsion(t *testing.T) []*edwards25519.Point {
	raw, _ := hex.DecodeString("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
	eighth, err := new(edwards25519.Point).SetBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	points := []*edwards25519.Point{edwards25519.NewIdentityPoint()}
	for range 7 {
		points = append(points, new(edwards25519.Point).Add(points[len(points)-1], eighth))
	}
	return points
}

func TestAttack_WeakKeys(t *testing.T) {
	weak := map[string][]byte{}
	for i, p := range torsion(t) {
		weak[fmt.Sprintf("of small order %d", i)] = p.Bytes()
		good := edwards25519.NewGeneratorPoint()
		if i > 0 {
			weak[fmt.Sprintf("of mixed order %d", i)] = good.Add(good, p).Bytes()
		}
	}
	// Encodings that are not the one of their point: y is not reduced, or x = 0 has a sign.
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	for y := range int64(19) {
		raw := new(big.Int).Add(p, big.NewInt(y)).FillBytes(make([]byte, 32))
		slices.Reverse(raw)
		weak[fmt.Sprintf("not reduced %d", y)] = slices.Clone(raw)
		raw[31] |= 0x80
		weak[fmt.Sprintf("not reduced, with a sign %d", y)] = raw
	}
	one := append([]byte{1}, make([]byte, 31)...)
	one[31] = 0x80
	weak["one with a sign"] = one
	for name, raw := range weak {
		url := base64.RawURLEncoding.EncodeToString(raw)
		for _, text := range []string{url, didKey + base58(append([]byte{0xed, 1}, raw...)), "b" + base32Lower.EncodeToString(append([]byte{8, 1, 18, 32}, raw...)), `{"kty":"OKP","crv":"Ed25519","x":"` + url + `"}`} {
			if key, err := ParsePublicKey(text); err == nil {
				t.Errorf("%s: %s is taken for a key: %v", name, text, key)
			}
		}
	}
}

func TestPublicKeyRefuses(t *testing.T) {
	seed := sha256.Sum256([]byte("seed"))
	raw := []byte(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	url := base64.RawURLEncoding.EncodeToString(raw)
	good, _ := ParsePublicKey(url)
	spare := url[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", url[42])|1])
	for name, text := range map[string]string{
		"nothing": "", "a word": "me", "hex": hex.EncodeToString(raw), "31 bytes": base64.RawURLEncoding.EncodeToString(raw[:31]),
		"33 bytes": base64.RawURLEncoding.EncodeToString(append(slices.Clone(raw), 0)), "spare bits": spare, "a line break": url + "\n", "one within": url[:20] + "\n" + url[20:],
		"a space": " " + url, "multibase in capitals": "B" + strings.ToUpper(base32Lower.EncodeToString(append([]byte{8, 1, 18, 32}, raw...))),
		"secp256k1 of libp2p": "b" + base32Lower.EncodeToString(append([]byte{8, 2, 18, 32}, raw...)),
		"did:key of X25519":   didKey + base58(append([]byte{0xec, 1}, raw...)), "did:key of 31 bytes": didKey + base58(append([]byte{0xed, 1}, raw[:31]...)),
		"did:key with a fragment": good.String() + "#" + good.String()[8:], "did:key with 1 before": strings.Replace(good.String(), ":z", ":z1", 1),
		"did:key too long": good.String() + strings.Repeat("z", 10_000), "did:web": "did:web:example.com",
		"P-256 that is no point": didKey + base58(append([]byte{0x80, 0x24, 2}, slices.Repeat([]byte{0xff}, 32)...)),
		"P-256 uncompressed":     didKey + base58(append([]byte{0x80, 0x24, 4}, make([]byte, 64)...)),
		"JWK with d":             `{"kty":"OKP","crv":"Ed25519","x":"` + url + `","d":"` + url + `"}`, "JWK twice": `{"kty":"OKP","kty":"OKP","crv":"Ed25519","x":"` + url + `"}`,
		"JWK RSA": `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, "JWK X25519": `{"kty":"OKP","crv":"X25519","x":"` + url + `"}`, "JWK padded": `{"kty":"OKP","crv":"Ed25519","x":"` + url + `="}`,
		"JWK for encryption": `{"kty":"OKP","crv":"Ed25519","x":"` + url + `","use":"enc"}`, "JWK with y": `{"kty":"OKP","crv":"Ed25519","x":"` + url + `","y":""}`,
		"JWK of P-384": `{"kty":"EC","crv":"P-384","x":"` + url + `","y":"` + url + `"}`, "JWK off the curve": `{"kty":"EC","crv":"P-256","x":"` + url + `","y":"` + url + `"}`,
		"JWK of infinity":   `{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`,
		"JWK with a number": `{"kty":"OKP","crv":"Ed25519","x":7}`, "JWK with jku": `{"kty":"OKP","crv":"Ed25519","x":"` + url + `","jku":"https://evil.example"}`,
		"symmetric": `{"kty":"oct","k":"` + url + `"}`, "of another algorithm": `{"kty":"OKP","crv":"Ed25519","x":"` + url + `","alg":"HS256"}`, "JSON alone": "{", "deep": strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200),
	} {
		key, err := ParsePublicKey(text)
		if err == nil {
			t.Errorf("%s is taken for a key: %v", name, key)
			continue
		}
		if e := access.AsError(err); e.Kind != access.Malformed || strings.Contains(e.Error(), url) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add("did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH")
	f.Add("O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik")
	f.Add(`{"kty":"OKP","crv":"Ed25519","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}`)
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParsePublicKey(text)
		if err != nil {
			return
		}
		again, err := ParsePublicKey(key.String())
		if err != nil || again.String() != key.String() {
			t.Errorf("%q is kept as %q, which is read as %v (%v)", text, key, again, err)
		}
	})
}
