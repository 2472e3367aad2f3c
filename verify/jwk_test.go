package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

type object = map[string]any

func (s *shop) jwk(t testing.TB, kid string) object {
	t.Helper()
	var set struct{ Keys []object }
	if err := json.Unmarshal(s.jwks, &set); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(set.Keys, func(k object) bool { return k["kid"] == kid })
	return set.Keys[i]
}

func jwks(t testing.TB, keys ...object) []byte {
	t.Helper()
	raw, err := json.Marshal(object{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func with(key object, changes object) object {
	out := maps.Clone(key)
	for name, value := range changes {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

func TestParseKeySetRefuses(t *testing.T) {
	s := newShop(t)
	ec, rs, ed := s.jwk(t, "ec"), s.jwk(t, "rsa"), s.jwk(t, "ed")
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw384, _ := json.Marshal(jose.JSONWebKey{Key: p384.Public(), KeyID: "x", Algorithm: "ES256"})
	var wrongCurve object
	if err := json.Unmarshal(raw384, &wrongCurve); err != nil {
		t.Fatal(err)
	}
	secret := object{"kty": "oct", "kid": "h", "alg": "HS256", "k": b64(make([]byte, 32))}
	number := func(bits uint) string {
		return b64(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits-1), big.NewInt(1)).Bytes())
	}
	x, _ := decode(ec["x"].(string))
	ecSpare := []byte(ec["x"].(string))
	ecSpare[len(ecSpare)-1]++ // 43 characters hold two spare bits; those of a canonical one are zero
	for name, keys := range map[string][]object{
		"no key":                      {},
		"duplicate kid":               {ec, with(ed, object{"kid": "ec"})},
		"the same key twice":          {ec, ec},
		"symmetric":                   {secret},
		"symmetric beside public":     {ec, secret},
		"public key with k":           {with(ec, object{"k": "AAAA"})},
		"HS256 on a public key":       {with(ec, object{"alg": "HS256"})},
		"no alg":                      {with(ec, object{"alg": nil})},
		"alg none":                    {with(ec, object{"alg": "none"})},
		"alg in lower case":           {with(ec, object{"alg": "es256"})},
		"alg of encryption":           {with(rs, object{"alg": "RSA-OAEP-256"})},
		"alg of another kty":          {with(ec, object{"alg": "RS256"})},
		"alg of another curve":        {with(ec, object{"alg": "ES384"})},
		"curve of another alg":        {wrongCurve},
		"crv of another key":          {with(ec, object{"crv": "P-384"})},
		"crv unknown":                 {with(ec, object{"crv": "secp256k1"})},
		"no kid":                      {with(ec, object{"kid": nil})},
		"empty kid":                   {with(ec, object{"kid": ""})},
		"kid a number":                {with(ec, object{"kid": 1})},
		"huge kid":                    {with(ec, object{"kid": strings.Repeat("a", 257)})},
		"use enc":                     {with(ec, object{"use": "enc"})},
		"use unknown":                 {with(ec, object{"use": "SIG"})},
		"key_ops sign":                {with(ec, object{"key_ops": []string{"sign"}})},
		"key_ops both":                {with(ec, object{"key_ops": []string{"sign", "verify"}})},
		"key_ops encrypt":             {with(ec, object{"key_ops": []string{"encrypt"}})},
		"key_ops empty":               {with(ec, object{"key_ops": []string{}})},
		"private EC":                  {with(ec, object{"d": b64(x)})},
		"private RSA":                 {with(rs, object{"d": "AQAB", "p": "AQAB", "q": "AQAB"})},
		"private RSA, one factor":     {with(rs, object{"p": "AQAB"})},
		"private Ed25519":             {with(ed, object{"d": b64(x)})},
		"private member null":         {with(ec, object{"d": json.RawMessage("null")})},
		"off the curve":               {with(ec, object{"y": ec["x"]})},
		"coordinate cut":              {with(ec, object{"x": b64(x[1:])})},
		"coordinate padded":           {with(ec, object{"x": b64(append([]byte{0}, x...))})},
		"coordinate zero":             {with(ec, object{"x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))})},
		"coordinate missing":          {with(ec, object{"y": nil})},
		"coordinate with =":           {with(ec, object{"x": ec["x"].(string) + "="})},
		"coordinate with newline":     {with(ec, object{"x": ec["x"].(string) + "\n"})},
		"coordinate with spare bits":  {with(ec, object{"x": string(ecSpare)})},
		"coordinate a number":         {with(ec, object{"x": 1})},
		"RSA of 1024 bits":            {with(rs, object{"n": number(1024)})},
		"RSA of 2047 bits":            {with(rs, object{"n": number(2047)})},
		"RSA of 4097 bits":            {with(rs, object{"n": number(4097)})},
		"RSA, even modulus":           {with(rs, object{"n": b64(new(big.Int).Lsh(big.NewInt(1), 2047).Bytes())})},
		"RSA, zero before modulus":    {with(rs, object{"n": b64(append([]byte{0}, s.rsa.N.Bytes()...))})},
		"RSA, exponent 1":             {with(rs, object{"e": "AQ"})},
		"RSA, exponent 3":             {with(rs, object{"e": "Aw"})},
		"RSA, even exponent":          {with(rs, object{"e": "AQAC"})},
		"RSA, zero before exponent":   {with(rs, object{"e": "AAEAAQ"})},
		"RSA, exponent of 2^32":       {with(rs, object{"e": "AQAAAAE"})},
		"RSA, no exponent":            {with(rs, object{"e": nil})},
		"RSA, ROCA":                   {with(rs, object{"n": b64(rocaModulus().Bytes())})},
		"Ed448":                       {with(ed, object{"crv": "Ed448"})},
		"X25519":                      {with(ed, object{"crv": "X25519"})},
		"Ed25519 of 31 bytes":         {with(ed, object{"x": b64(make([]byte, 31))})},
		"kty missing":                 {with(ec, object{"kty": nil})},
		"kty of another key":          {with(ec, object{"kty": "RSA"})},
		"kty unknown":                 {with(ec, object{"kty": "AKP"})},
		"one bad key among good ones": {ec, rs, with(ed, object{"use": "enc"})},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := ParseKeySet(jwks(t, keys...))
			if !errors.Is(err, ErrKeySet) || set.Len() != 0 {
				t.Errorf("got %d keys, %v", set.Len(), err)
			}
		})
	}
	good := jwks(t, ec)
	for name, text := range map[string]string{
		"empty":            "",
		"not JSON":         "x",
		"a bare key":       string(good[9 : len(good)-2]),
		"duplicate member": strings.Replace(string(good), `"alg":`, `"alg":"none","alg":`, 1),
		"two sets":         string(good) + string(good),
		"too long":         string(good[:len(good)-1]) + strings.Repeat(" ", MaxKeySetBytes) + "}",
		"keys an object":   `{"keys":{}}`,
		"other case":       strings.Replace(string(good), `"keys"`, `"Keys"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseKeySet([]byte(text)); !errors.Is(err, ErrKeySet) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParseKeySetAccepts(t *testing.T) {
	s := newShop(t)
	ec := s.jwk(t, "ec")
	for name, keys := range map[string][]object{
		"all":              {ec, s.jwk(t, "rsa"), s.jwk(t, "ed")},
		"no use":           {with(ec, object{"use": nil})},
		"key_ops verify":   {with(ec, object{"key_ops": []string{"verify"}})},
		"unknown members":  {with(ec, object{"x5t": "AA", "x5c": []string{"not a certificate"}, "ext": true, "iat": 1})},
		"RS256 and PS256":  {s.jwk(t, "rsa"), with(s.jwk(t, "rsa"), object{"kid": "ps", "alg": "PS256"})},
		"a kid of symbols": {with(ec, object{"kid": "../a b?"})},
	} {
		t.Run(name, func(t *testing.T) {
			if set, err := ParseKeySet(jwks(t, keys...)); err != nil || set.Len() != len(keys) {
				t.Errorf("got %d keys, %v", set.Len(), err)
			}
		})
	}
}

// rocaModulus has the pattern of the broken generator: p = k·M + (65537^a mod M), and q alike.
func rocaModulus() *big.Int {
	m := big.NewInt(2)
	for _, p := range rocaPrimes {
		m.Mul(m, new(big.Int).SetUint64(p))
	}
	factor := func(k, a int64) *big.Int {
		power := new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m)
		high := new(big.Int).Lsh(big.NewInt(k), uint(1024-m.BitLen()-8))
		return power.Add(power, high.Mul(high, m))
	}
	return new(big.Int).Mul(factor(381, 12345), factor(393, 54321))
}

func TestROCA(t *testing.T) {
	if n := rocaModulus(); !isROCA(n) || n.BitLen() < minRSABits || n.BitLen() > maxRSABits {
		t.Errorf("the pattern in %d bits is not recognised", n.BitLen())
	}
	for range 2000 {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 2048))
		if err != nil {
			t.Fatal(err)
		}
		if isROCA(n) {
			t.Error("a random number is taken for one of the pattern")
		}
	}
}

func TestEd25519SmallOrder(t *testing.T) {
	// The eight points of small order, each y with both signs of x, and the second spellings y + p of 0 and 1.
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		raw, err := hex.DecodeString(y)
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []byte{0, 0x80} {
			raw[31] = raw[31]&0x7f | sign
			if soundEd25519(raw) == nil {
				t.Errorf("accepted %x", raw)
			}
			if _, err := ParseKeySet(jwks(t, object{"kty": "OKP", "crv": "Ed25519", "kid": "e", "alg": "EdDSA", "x": b64(raw)})); err == nil {
				t.Errorf("read %x", raw)
			}
			if _, err := Thumbprint([]byte(fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q}`, b64(raw)))); err == nil {
				t.Errorf("gave a thumbprint of %x", raw)
			}
		}
	}
	off := make([]byte, 32)
	off[0] = 2 // y = 2 has no x
	if soundEd25519(off) == nil {
		t.Error("accepted a point off the curve")
	}
	for range 200 {
		if err := soundEd25519(newEd25519(t)); err != nil {
			t.Fatalf("refused a good key: %v", err)
		}
	}
}

func TestParseMACKeySet(t *testing.T) {
	secret := object{"kty": "oct", "kid": "h", "alg": "HS256", "use": "sig", "k": b64(make([]byte, 32))}
	if set, err := ParseMACKeySet(jwks(t, secret)); err != nil || set.Len() != 1 {
		t.Fatalf("got %d, %v", set.Len(), err)
	}
	s := newShop(t)
	for name, keys := range map[string][]object{
		"31 bytes":            {with(secret, object{"k": b64(make([]byte, 31))})},
		"HS512 of 32 bytes":   {with(secret, object{"alg": "HS512"})},
		"empty":               {with(secret, object{"k": ""})},
		"no k":                {with(secret, object{"k": nil})},
		"k a number":          {with(secret, object{"k": 1})},
		"alg of encryption":   {with(secret, object{"alg": "A256GCM"})},
		"use enc":             {with(secret, object{"use": "enc"})},
		"key_ops encrypt":     {with(secret, object{"key_ops": []string{"encrypt"}})},
		"a public key":        {s.jwk(t, "ec")},
		"beside a public key": {secret, s.jwk(t, "ec")},
		"duplicate kid":       {secret, secret},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseMACKeySet(jwks(t, keys...)); !errors.Is(err, ErrKeySet) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestThumbprintRefuses(t *testing.T) {
	s := newShop(t)
	for name, key := range map[string]object{
		"private":     with(s.jwk(t, "ec"), object{"d": "AA"}),
		"symmetric":   {"kty": "oct", "k": "AAAA"},
		"off curve":   with(s.jwk(t, "ec"), object{"x": s.jwk(t, "ec")["y"]}),
		"short RSA":   with(s.jwk(t, "rsa"), object{"n": "AQAB"}),
		"no kty":      with(s.jwk(t, "ec"), object{"kty": nil}),
		"not a curve": with(s.jwk(t, "ed"), object{"crv": "X25519"}),
	} {
		raw, _ := json.Marshal(key)
		if got, err := Thumbprint(raw); err == nil || got != "" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// FuzzParseKeySet: what is read has a key, an algorithm that fits, and no private half.
func FuzzParseKeySet(f *testing.F) {
	s := newShop(f)
	f.Add(s.jwks)
	f.Add([]byte(`{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"AAAA"}]}`))
	f.Add([]byte(`{"keys":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, err := ParseKeySet(raw)
		if err != nil {
			return
		}
		for kid, key := range set.keys {
			if kid == "" || key.public == nil || key.algorithm != algorithms[key.name] || key.algorithm.kty == "oct" {
				t.Fatalf("read a key that is none: %q", raw)
			}
		}
	})
}
