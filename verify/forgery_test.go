package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

var b64 = base64.RawURLEncoding.EncodeToString

// shop is an issuer with one key of each default algorithm, whose tokens the forgeries start from.
type shop struct {
	ec   *ecdsa.PrivateKey
	rsa  *rsa.PrivateKey
	ed   ed25519.PrivateKey
	jwks []byte
	set  KeySet
}

func newShop(t testing.TB) *shop {
	t.Helper()
	var s shop
	var err error
	if s.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if s.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if _, s.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	s.jwks, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: s.ec.Public(), KeyID: "ec", Algorithm: "ES256", Use: "sig"},
		{Key: s.rsa.Public(), KeyID: "rsa", Algorithm: "RS256", Use: "sig"},
		{Key: s.ed.Public(), KeyID: "ed", Algorithm: "EdDSA", Use: "sig"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if s.set, err = ParseKeySet(s.jwks); err != nil {
		t.Fatal(err)
	}
	s.set = s.set.LowS()
	return &s
}

// sign makes a token of any header and payload with the shop's own key, which kid names.
func (s *shop) sign(t testing.TB, kid, header, payload string) string {
	t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(s.signature(t, kid, input))
}

func (s *shop) signature(t testing.TB, kid, input string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	switch kid {
	case "ec":
		r, v, err := ecdsa.Sign(rand.Reader, s.ec, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		n := elliptic.P256().Params().N
		if v.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
			v.Sub(n, v)
		}
		return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	case "rsa":
		signature, err := rsa.SignPKCS1v15(nil, s.rsa, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	return ed25519.Sign(s.ed, []byte(input))
}

const goodHeader = `{"alg":"ES256","kid":"ec","typ":"at+jwt"}`
const goodPayload = `{"iss":"i","sub":"s","aud":"a","exp":2,"iat":1,"jti":"j"}`

func (s *shop) good(t testing.TB) string { return s.sign(t, "ec", goodHeader, goodPayload) }

// refused also sees to it that a refusal repeats nothing of the token, and that the good token works on.
func (s *shop) refused(t *testing.T, token string, want ...*Error) {
	t.Helper()
	payload, kid, err := s.set.Verify(token, TypAccess)
	if err == nil {
		t.Fatalf("accepted")
	}
	if payload != nil || kid != "" {
		t.Errorf("refused, but the payload was handed out")
	}
	var refused *Error
	if !errors.As(err, &refused) {
		t.Fatalf("an error of type %T", err)
	}
	if strings.Contains(refused.Message, "canary") {
		t.Errorf("the refusal repeats the token: %s", refused.Message)
	}
	for _, w := range want {
		if errors.Is(err, w) {
			return
		}
	}
	if len(want) > 0 {
		t.Errorf("got %s, want %s", refused.Code, want[0].Code)
	}
}

func TestGoodTokens(t *testing.T) {
	s := newShop(t)
	for kid, alg := range map[string]string{"ec": "ES256", "rsa": "RS256", "ed": "EdDSA"} {
		token := s.sign(t, kid, fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, kid), goodPayload)
		payload, got, err := s.set.Verify(token, TypAccess)
		if err != nil || string(payload) != goodPayload || got != kid {
			t.Errorf("%s: %q %q %v", alg, payload, got, err)
		}
	}
}

func TestForgedAlgNone(t *testing.T) {
	s := newShop(t)
	payload := b64([]byte(goodPayload))
	for _, alg := range []string{
		`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `"none "`, `" none"`, `"no\u006ee"`, `"none\u0000"`, `"\u200bnone"`, `"n\u043ene"`, `""`, `null`, `0`, `false`, `[]`, `["none"]`, `{}`,
	} {
		for _, kid := range []string{"ec", "none", ""} {
			header := b64([]byte(fmt.Sprintf(`{"alg":%s,"kid":%q,"typ":"at+jwt"}`, alg, kid)))
			for what, signature := range map[string]string{"no": "", "another's": strings.Split(s.good(t), ".")[2], "a dot for a": ".", "some": "AA"} {
				t.Run(fmt.Sprintf("alg %s, kid %q, %s signature", alg, kid, what), func(t *testing.T) {
					s.refused(t, header+"."+payload+"."+signature)
				})
			}
		}
	}
	t.Run("alg missing", func(t *testing.T) {
		s.refused(t, s.sign(t, "ec", `{"kid":"ec","typ":"at+jwt"}`, goodPayload), ErrHeader)
	})
}

func TestForgedAlgConfusion(t *testing.T) {
	s := newShop(t)
	der := func(public any) []byte {
		raw, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	secrets := map[string][]byte{
		"empty":          nil,
		"JWKS":           s.jwks,
		"RSA modulus":    s.rsa.N.Bytes(),
		"RSA DER":        der(s.rsa.Public()),
		"RSA PEM":        pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der(s.rsa.Public())}),
		"RSA PKCS1":      x509.MarshalPKCS1PublicKey(&s.rsa.PublicKey),
		"RSA PKCS1 PEM":  pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&s.rsa.PublicKey)}),
		"EC DER":         der(s.ec.Public()),
		"EC PEM":         pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der(s.ec.Public())}),
		"Ed25519 public": s.ed.Public().(ed25519.PublicKey),
	}
	for name, secret := range secrets {
		for _, kid := range []string{"ec", "rsa", "ed"} {
			t.Run("HS256 under "+name+" for "+kid, func(t *testing.T) {
				input := b64([]byte(`{"alg":"HS256","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + b64([]byte(goodPayload))
				m := hmac.New(sha256.New, secret)
				m.Write([]byte(input))
				s.refused(t, input+"."+b64(m.Sum(nil)), ErrAlgorithm)
			})
		}
	}
	for _, kid := range []string{"ec", "rsa", "ed"} {
		own := map[string]string{"ec": "ES256", "rsa": "RS256", "ed": "EdDSA"}[kid]
		for alg := range algorithms {
			if alg == own {
				continue
			}
			t.Run(kid+" key named with "+alg, func(t *testing.T) {
				s.refused(t, s.sign(t, kid, fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, kid), goodPayload), ErrAlgorithm)
			})
		}
		for _, other := range []string{"ec", "rsa", "ed"} {
			if other == kid {
				continue
			}
			t.Run("signed by "+kid+", kid of "+other, func(t *testing.T) {
				alg := map[string]string{"ec": "ES256", "rsa": "RS256", "ed": "EdDSA"}[other]
				s.refused(t, s.sign(t, kid, fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, other), goodPayload), ErrSignature)
			})
		}
	}
	t.Run("PS256 by the RS256 key", func(t *testing.T) {
		input := b64([]byte(`{"alg":"PS256","kid":"rsa","typ":"at+jwt"}`)) + "." + b64([]byte(goodPayload))
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPSS(rand.Reader, s.rsa, crypto.SHA256, digest[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		s.refused(t, input+"."+b64(signature), ErrAlgorithm)
	})
	for _, alg := range []string{"es256", "Es256", "ES256 ", "ES256K", "ES521", "EdDsa", "Ed25519", "RSA1_5", "dir", "PBES2-HS256+A128KW", "A128GCM"} {
		t.Run("alg "+alg, func(t *testing.T) {
			s.refused(t, s.sign(t, "ec", fmt.Sprintf(`{"alg":%q,"kid":"ec","typ":"at+jwt"}`, alg), goodPayload), ErrAlgorithm)
		})
	}
}

func TestForgedHeaderParameters(t *testing.T) {
	s := newShop(t)
	mallory := newShop(t)
	embedded, err := json.Marshal(jose.JSONWebKey{Key: mallory.ec.Public(), KeyID: "ec", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	own, err := json.Marshal(jose.JSONWebKey{Key: s.ec.Public(), KeyID: "ec", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"jwk of the forger":         `"jwk":` + string(embedded),
		"jwk that is the right key": `"jwk":` + string(own),
		"jwk null":                  `"jwk":null`,
		"jku":                       `"jku":"https://canary.example/jwks.json"`,
		"jku to a file":             `"jku":"file:///etc/passwd"`,
		"x5u":                       `"x5u":"https://canary.example/cert.pem"`,
		"x5c":                       `"x5c":["MIIBcanary"]`,
		"x5t":                       `"x5t":"AAAA"`,
		"x5t#S256":                  `"x5t#S256":"AAAA"`,
		"crit empty":                `"crit":[]`,
		"crit unknown":              `"crit":["canary"],"canary":1`,
		"crit of alg":               `"crit":["alg"]`,
		"crit of b64":               `"crit":["b64"],"b64":true`,
		"crit of exp":               `"crit":["exp"],"exp":9999999999`,
		"b64 false":                 `"b64":false`,
		"b64 true":                  `"b64":true`,
		"zip":                       `"zip":"DEF"`,
		"enc":                       `"enc":"A128GCM"`,
		"cty JWT (nested)":          `"cty":"JWT"`,
		"epk":                       `"epk":{}`,
		"p2c":                       `"p2c":2147483647`,
		"unknown":                   `"canary":true`,
		"nonce":                     `"nonce":"x"`,
		"other case of alg":         `"Alg":"none"`,
		"other case of kid":         `"KID":"rsa"`,
		"other case of typ":         `"TYP":"at+jwt"`,
		"duplicate alg":             `"alg":"none"`,
		"duplicate alg, equal":      `"alg":"ES256"`,
		"duplicate alg, escaped":    `"\u0061lg":"none"`,
		"duplicate kid":             `"kid":"rsa"`,
		"duplicate typ":             `"typ":"JWT"`,
		"proto":                     `"__proto__":{"alg":"none"}`,
	}
	for name, extra := range cases {
		for where, header := range map[string]string{
			"after":  `{"alg":"ES256","kid":"ec","typ":"at+jwt",` + extra + `}`,
			"before": `{` + extra + `,"alg":"ES256","kid":"ec","typ":"at+jwt"}`,
		} {
			for who, signer := range map[string]*shop{"owner": s, "forger": mallory} {
				t.Run(name+", "+where+", signed by the "+who, func(t *testing.T) {
					s.refused(t, signer.sign(t, "ec", header, goodPayload), ErrHeader)
				})
			}
		}
	}
	t.Run("known parameters are named in the refusal", func(t *testing.T) {
		for _, name := range []string{"crit", "jwk", "jku", "x5u", "x5c", "b64", "zip"} {
			_, _, err := s.set.Verify(s.sign(t, "ec", `{"`+name+`":{"canary":[]},"alg":"ES256","kid":"ec"}`, goodPayload), TypAccess)
			if err == nil || !strings.Contains(err.(*Error).Message, name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestForgedHeaderText(t *testing.T) {
	s := newShop(t)
	for name, header := range map[string]string{
		"empty":                 ``,
		"not JSON":              `canary`,
		"string":                `"at+jwt"`,
		"null":                  `null`,
		"array":                 `[{"alg":"ES256","kid":"ec","typ":"at+jwt"}]`,
		"empty object":          `{}`,
		"two objects":           goodHeader + goodHeader,
		"trailing text":         goodHeader + `x`,
		"trailing zero byte":    goodHeader + "\x00",
		"byte order mark":       "\ufeff" + goodHeader,
		"UTF-16":                "\xff\xfe{\x00}\x00",
		"invalid UTF-8 in kid":  "{\"alg\":\"ES256\",\"kid\":\"ec\xff\",\"typ\":\"at+jwt\"}",
		"trailing comma":        `{"alg":"ES256","kid":"ec","typ":"at+jwt",}`,
		"single quotes":         `{'alg':'ES256','kid':'ec','typ':'at+jwt'}`,
		"comment":               `{"alg":"ES256",/**/"kid":"ec","typ":"at+jwt"}`,
		"deep":                  `{"alg":` + strings.Repeat("[", 3000) + strings.Repeat("]", 3000) + `}`,
		"lone surrogate":        `{"alg":"ES256","kid":"ec","typ":"\ud800"}`,
		"typ array":             `{"alg":"ES256","kid":"ec","typ":["at+jwt"]}`,
		"payload in the header": goodPayload,
	} {
		t.Run(name, func(t *testing.T) { s.refused(t, s.sign(t, "ec", header, goodPayload), ErrHeader, ErrMalformed) })
	}
}

func TestForgedKid(t *testing.T) {
	s := newShop(t)
	for _, kid := range []string{
		`""`, `" "`, `"EC"`, `"ec "`, `"ec\u0000"`, `"ec\n"`, `"../../../../dev/null"`, `"/dev/null"`, `"file:///dev/null"`, `"..\\..\\nul"`,
		`"ec' OR '1'='1"`, `"x' UNION SELECT 'canary'--"`, `"ec;id"`, `"$(canary)"`, `"https://canary.example/key"`, `"%65c"`, `"*"`, `"0"`, `"constructor"`,
		`"` + strings.Repeat("canary", 500) + `"`,
	} {
		t.Run("kid "+kid[:min(len(kid), 30)], func(t *testing.T) {
			s.refused(t, s.sign(t, "ec", `{"alg":"ES256","kid":`+kid+`,"typ":"at+jwt"}`, goodPayload), ErrUnknownKey, ErrHeader)
		})
	}
	for _, kid := range []string{`0`, `null`, `true`, `["ec"]`, `{"ec":1}`, `-1`, `1e400`} {
		t.Run("kid of another type "+kid, func(t *testing.T) {
			s.refused(t, s.sign(t, "ec", `{"alg":"ES256","kid":`+kid+`,"typ":"at+jwt"}`, goodPayload), ErrHeader)
		})
	}
	t.Run("no kid", func(t *testing.T) {
		s.refused(t, s.sign(t, "ec", `{"alg":"ES256","typ":"at+jwt"}`, goodPayload), ErrHeader)
	})
	t.Run("the empty set", func(t *testing.T) {
		if _, _, err := (KeySet{}).Verify(s.good(t), TypAccess); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("got %v", err)
		}
	})
}

// TestKindsDoNotMix goes through typ × typ: each kind of signed text is accepted where it belongs and nowhere else.
func TestKindsDoNotMix(t *testing.T) {
	s := newShop(t)
	kinds := []string{
		TypAccess, TypFeed, "AT+JWT", "At+Jwt", "application/at+jwt", "at+jwt ", "at jwt", "at+jwt;v=1", "JWT", "jwt", "rt+jwt", "dpop+jwt", "logout+jwt",
		"secevent+jwt", "token-introspection+jwt", "JOSE", "JOSE+JSON", "challenge+jwt", "invite+jwt", "session+jwt", "upload+jwt", "",
	}
	for _, has := range kinds {
		header, _ := json.Marshal(map[string]string{"alg": "ES256", "kid": "ec", "typ": has})
		token := s.sign(t, "ec", string(header), goodPayload)
		for _, want := range kinds {
			t.Run(fmt.Sprintf("%q where %q belongs", has, want), func(t *testing.T) {
				_, _, err := s.set.Verify(token, want)
				if (err == nil) != (has == want) || (err != nil && !errors.Is(err, ErrType)) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
	t.Run("no typ", func(t *testing.T) {
		s.refused(t, s.sign(t, "ec", `{"alg":"ES256","kid":"ec"}`, goodPayload), ErrType)
	})
}

func TestForgedSignatures(t *testing.T) {
	s := newShop(t)
	input, _, _ := cutLast(s.good(t))
	_, text, _ := cutLast(s.good(t))
	genuine, _ := decode(text)
	n := elliptic.P256().Params().N
	pair := func(r, v *big.Int) []byte {
		return append(new(big.Int).Set(r).FillBytes(make([]byte, 32)), new(big.Int).Set(v).FillBytes(make([]byte, 32))...)
	}
	zero, one, minusOne := big.NewInt(0), big.NewInt(1), new(big.Int).Sub(n, big.NewInt(1))
	full := new(big.Int).Sub(new(big.Int).Lsh(one, 256), one)
	for rName, r := range map[string]*big.Int{"0": zero, "1": one, "n-1": minusOne, "n": n, "2^256-1": full} {
		for sName, v := range map[string]*big.Int{"0": zero, "1": one, "n-1": minusOne, "n": n, "2^256-1": full} {
			t.Run("psychic r="+rName+" s="+sName, func(t *testing.T) { s.refused(t, input+"."+b64(pair(r, v)), ErrSignature) })
		}
	}
	digest := sha256.Sum256([]byte(input))
	der, err := ecdsa.SignASN1(rand.Reader, s.ec, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	fresh := s.signature(t, "ec", input)
	for name, signature := range map[string][]byte{
		"ASN.1 in place of the pair": der,
		"a zero before":              append([]byte{0}, fresh...),
		"a zero after":               append(fresh[:64:64], 0),
		"both halves padded":         append(append([]byte{0}, fresh[:32]...), append([]byte{0}, fresh[32:]...)...),
		"half":                       fresh[:32],
		"one byte":                   {0},
		"swapped halves":             append(fresh[32:64:64], fresh[:32]...),
		"of another text":            genuine[:63],
		"n−s, the second spelling":   pair(new(big.Int).SetBytes(fresh[:32]), new(big.Int).Sub(n, new(big.Int).SetBytes(fresh[32:]))),
	} {
		t.Run(name, func(t *testing.T) { s.refused(t, input+"."+b64(signature), ErrSignature) })
	}
	t.Run("n−s is no matter for others' tokens", func(t *testing.T) {
		set, err := ParseKeySet(s.jwks)
		if err != nil {
			t.Fatal(err)
		}
		high := pair(new(big.Int).SetBytes(fresh[:32]), new(big.Int).Sub(n, new(big.Int).SetBytes(fresh[32:])))
		if _, _, err := set.Verify(input+"."+b64(high), TypAccess); err != nil {
			t.Error(err)
		}
	})
	t.Run("another shop's key of the same kid", func(t *testing.T) { s.refused(t, newShop(t).good(t), ErrSignature) })
	t.Run("Ed25519 with S + L", func(t *testing.T) {
		header := `{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`
		input := b64([]byte(header)) + "." + b64([]byte(goodPayload))
		signature := s.signature(t, "ed", input)
		s.refused(t, input+"."+b64(addOrder(signature)), ErrSignature)
	})
	t.Run("RSA with s + n", func(t *testing.T) {
		input := b64([]byte(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`)) + "." + b64([]byte(goodPayload))
		sum := new(big.Int).Add(new(big.Int).SetBytes(s.signature(t, "rsa", input)), s.rsa.N)
		s.refused(t, input+"."+b64(sum.Bytes()), ErrSignature)
	})
	t.Run("RSA with a zero before", func(t *testing.T) {
		input := b64([]byte(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`)) + "." + b64([]byte(goodPayload))
		s.refused(t, input+"."+b64(append([]byte{0}, s.signature(t, "rsa", input)...)), ErrSignature)
	})
}

// addOrder makes the second spelling of an Ed25519 signature: S + L, little-endian.
func addOrder(signature []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	reverse := func(b []byte) []byte {
		out := make([]byte, 32)
		for i := range b {
			out[31-i] = b[i]
		}
		return out
	}
	v := new(big.Int).SetBytes(reverse(signature[32:]))
	return append(signature[:32:32], reverse(v.Add(v, order).FillBytes(make([]byte, 32)))...)
}

func cutLast(token string) (before, after string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	return token[:i], token[i+1:], true
}

func TestReSpelledTokens(t *testing.T) {
	s := newShop(t)
	good := s.good(t)
	p := strings.Split(good, ".")
	for name, token := range map[string]string{
		"empty":                        "",
		"one dot":                      ".",
		"two dots":                     "..",
		"three dots":                   "...",
		"no signature":                 p[0] + "." + p[1] + ".",
		"no signature, no dot":         p[0] + "." + p[1],
		"no header":                    "." + p[1] + "." + p[2],
		"no payload":                   p[0] + ".." + p[2],
		"four parts":                   good + "." + p[2],
		"five parts (JWE)":             good + ".AA.AA",
		"a dot after":                  good + ".",
		"a dot before":                 "." + good,
		"a space after":                good + " ",
		"a space before":               " " + good,
		"a newline after":              good + "\n",
		"CRLF after":                   good + "\r\n",
		"a newline in the header":      p[0][:5] + "\n" + p[0][5:] + "." + p[1] + "." + p[2],
		"CR in the payload":            p[0] + "." + p[1][:5] + "\r" + p[1][5:] + "." + p[2],
		"a newline in the signature":   p[0] + "." + p[1] + "." + p[2][:5] + "\n" + p[2][5:],
		"a tab in the signature":       p[0] + "." + p[1] + "." + p[2][:5] + "\t" + p[2][5:],
		"a zero byte":                  good + "\x00",
		"padding after the signature":  good + "==",
		"padding after the header":     p[0] + "=." + p[1] + "." + p[2],
		"standard alphabet":            p[0] + "." + p[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(withBoth(s, t)),
		"percent encoding":             strings.ReplaceAll(good, ".", "%2E"),
		"full-width dots":              strings.ReplaceAll(good, ".", "．"),
		"byte order mark":              "\ufeff" + good,
		"quoted":                       `"` + good + `"`,
		"Bearer twice":                 "Bearer " + good,
		"twice, by a comma":            good + "," + good,
		"flattened JSON":               fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, p[0], p[1], p[2]),
		"general JSON":                 fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p[1], p[0], p[2]),
		"two signatures":               fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":"e30","signature":"AA"}]}`, p[1], p[0], p[2]),
		"unprotected header":           fmt.Sprintf(`{"payload":%q,"header":{"alg":"none"},"signature":""}`, p[1]),
		"nested in an unsigned one":    b64([]byte(`{"alg":"none","cty":"JWT"}`)) + "." + b64([]byte(good)) + ".",
		"header and payload exchanged": p[1] + "." + p[0] + "." + p[2],
	} {
		t.Run(name, func(t *testing.T) { s.refused(t, token) })
	}
	t.Run("a token as the payload is a payload", func(t *testing.T) {
		if payload, _, err := s.set.Verify(s.sign(t, "ec", goodHeader, good), TypAccess); err != nil {
			t.Error(err)
		} else if _, err := ReadClaims(payload); !errors.Is(err, ErrClaims) {
			t.Errorf("nested token read as claims: %v", err)
		}
	})
	t.Run("spare bits of each part", func(t *testing.T) {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		// The blank makes each part end in a character with spare bits.
		token := s.sign(t, "ec", goodHeader, goodPayload+` `)
		parts := strings.Split(token, ".")
		for i, part := range parts {
			if len(part)%4 == 0 {
				t.Fatalf("part %d has no spare bits", i)
			}
			last := strings.IndexByte(alphabet, part[len(part)-1])
			for bits := 1; bits < 4; bits++ {
				other := append([]string(nil), parts...)
				other[i] = part[:len(part)-1] + string(alphabet[last^bits])
				s.refused(t, strings.Join(other, "."))
			}
		}
	})
	t.Run("each truncation", func(t *testing.T) {
		for i := range good {
			s.refused(t, good[:i])
			s.refused(t, good[len(good)-i:])
		}
	})
	t.Run("each character changed", func(t *testing.T) {
		for i := range good {
			for _, c := range []byte{'A', '-', '_', '.', '=', 0, 0xff} {
				if good[i] != c {
					s.refused(t, good[:i]+string(rune(c))+good[i+1:])
				}
			}
		}
	})
	if _, _, err := s.set.Verify(good, TypAccess); err != nil {
		t.Errorf("the good token no longer works: %v", err)
	}
}

// withBoth returns a signature text of the shop that has both characters in which the alphabets differ.
func withBoth(s *shop, t *testing.T) string {
	for {
		_, signature, _ := cutLast(s.good(t))
		if strings.Contains(signature, "-") && strings.Contains(signature, "_") {
			return signature
		}
	}
}

func TestHugeTokensCostNothing(t *testing.T) {
	s := newShop(t)
	for name, token := range map[string]string{
		"1 MB of dots":      strings.Repeat(".", 1<<20),
		"1 MB of A":         strings.Repeat("A", 1<<20),
		"huge header":       s.sign(t, "ec", `{"alg":"ES256","kid":"ec","typ":"`+strings.Repeat("a", 1<<20)+`"}`, goodPayload),
		"huge payload":      s.sign(t, "ec", goodHeader, strings.Repeat(" ", 1<<20)),
		"huge signature":    s.good(t) + strings.Repeat("A", 1<<20),
		"one byte too many": strings.Repeat("A", MaxTokenBytes+1),
	} {
		t.Run(name, func(t *testing.T) {
			s.refused(t, token, ErrMalformed)
			if spent := testing.AllocsPerRun(10, func() { _, _, _ = s.set.Verify(token, TypAccess) }); spent > 2 {
				t.Errorf("%v allocations for a refusal by length", spent)
			}
		})
	}
}

func TestPSSSaltLength(t *testing.T) {
	s := newShop(t)
	jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.rsa.Public(), KeyID: "ps", Algorithm: "PS256"}}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := ParseKeySet(jwks)
	if err != nil {
		t.Fatal(err)
	}
	input := b64([]byte(`{"alg":"PS256","kid":"ps","typ":"at+jwt"}`)) + "." + b64([]byte(goodPayload))
	digest := sha256.Sum256([]byte(input))
	for _, length := range []int{1, 20, 31, 32, 33, 64, rsa.PSSSaltLengthAuto} {
		signature, err := rsa.SignPSS(rand.Reader, s.rsa, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: length})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := set.Verify(input+"."+b64(signature), TypAccess); (err == nil) != (length == 32) {
			t.Errorf("salt of %d bytes: %v", length, err)
		}
	}
}

// FuzzVerify: whatever is accepted is the canonical spelling of what was signed, of which there are two.
func FuzzVerify(f *testing.F) {
	s := newShop(f)
	good := s.good(f)
	for _, seed := range []string{good, good[1:], "..", "e30.e30.AA", strings.ToUpper(good), good + "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		payload, kid, err := s.set.Verify(token, TypAccess)
		if err == nil && (token != good || string(payload) != goodPayload || kid != "ec") {
			t.Fatalf("accepted a text that nobody signed: %q", token)
		}
		if refused := new(Error); err != nil && !errors.As(err, &refused) {
			t.Fatalf("an error of type %T", err)
		}
	})
}
