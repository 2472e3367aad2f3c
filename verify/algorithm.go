package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"   // and registers SHA-256
	_ "crypto/sha512" // registers SHA-384 and SHA-512
	"math/big"
)

// algorithm is one row of RFC 7518 section 3.1 or RFC 8037: what a key must be to serve it, and how it checks.
type algorithm struct {
	kty   string
	hash  crypto.Hash
	curve elliptic.Curve // EC only
	check func(a *algorithm, public any, input, signature []byte) bool
}

// algorithms is everything that can verify here. What is not in it, "none" first of all, does not exist.
var algorithms = map[string]*algorithm{
	"ES256": {kty: "EC", hash: crypto.SHA256, curve: elliptic.P256(), check: checkECDSA},
	"ES384": {kty: "EC", hash: crypto.SHA384, curve: elliptic.P384(), check: checkECDSA},
	"ES512": {kty: "EC", hash: crypto.SHA512, curve: elliptic.P521(), check: checkECDSA},
	"EdDSA": {kty: "OKP", check: checkEd25519},
	"RS256": {kty: "RSA", hash: crypto.SHA256, check: checkPKCS1},
	"RS384": {kty: "RSA", hash: crypto.SHA384, check: checkPKCS1},
	"RS512": {kty: "RSA", hash: crypto.SHA512, check: checkPKCS1},
	"PS256": {kty: "RSA", hash: crypto.SHA256, check: checkPSS},
	"PS384": {kty: "RSA", hash: crypto.SHA384, check: checkPSS},
	"PS512": {kty: "RSA", hash: crypto.SHA512, check: checkPSS},
	"HS256": {kty: "oct", hash: crypto.SHA256, check: checkHMAC},
	"HS384": {kty: "oct", hash: crypto.SHA384, check: checkHMAC},
	"HS512": {kty: "oct", hash: crypto.SHA512, check: checkHMAC},
}

func (a *algorithm) digest(input []byte) []byte {
	if a.hash == crypto.SHA256 { // as most have it, for less
		sum := sha256.Sum256(input)
		return sum[:]
	}
	h := a.hash.New()
	h.Write(input)
	return h.Sum(nil)
}

// coordinate is the length in bytes of one half of a signature (RFC 7518, 3.4).
func (a *algorithm) coordinate() int { return (a.curve.Params().BitSize + 7) / 8 }

func checkECDSA(a *algorithm, public any, input, signature []byte) bool {
	size := a.coordinate()
	if len(signature) != 2*size {
		return false
	}
	// ecdsa refuses r and s of zero and those not below the order.
	return ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), a.digest(input), asn1Signature(signature[:size], signature[size:]))
}

// asn1Signature writes a signature in DER: a sequence of two positive integers.
func asn1Signature(r, s []byte) []byte {
	const most = 3 + 2*(2+67) // of ES512
	r, s = shortest(r), shortest(s)
	der := append(make([]byte, 0, most), 0x30)
	if body := integerSize(r) + integerSize(s); body < 0x80 {
		der = append(der, byte(body))
	} else {
		der = append(der, 0x81, byte(body))
	}
	return appendInteger(appendInteger(der, r), s)
}

// shortest drops leading zeros, but for one that is the number.
func shortest(n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return n
}

func integerSize(n []byte) int { return 2 + len(n) + int(n[0]>>7) }

func appendInteger(der, n []byte) []byte {
	der = append(der, 0x02, byte(integerSize(n)-2))
	if n[0] >= 0x80 { // else it would be negative
		der = append(der, 0)
	}
	return append(der, n...)
}

// lowS says whether s is the smaller of the two values, s and n−s, that verify alike.
func (a *algorithm) lowS(signature []byte) bool {
	s := new(big.Int).SetBytes(signature[len(signature)/2:])
	half := new(big.Int).Rsh(a.curve.Params().N, 1)
	return s.Cmp(half) <= 0
}

func checkEd25519(_ *algorithm, public any, input, signature []byte) bool {
	return ed25519.Verify(public.(ed25519.PublicKey), input, signature)
}

func checkPKCS1(a *algorithm, public any, input, signature []byte) bool {
	return rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), a.hash, a.digest(input), signature) == nil
}

// checkPSS asks for a salt as long as the hash (RFC 7518, 3.5). The default of crypto/rsa would take any length.
func checkPSS(a *algorithm, public any, input, signature []byte) bool {
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return rsa.VerifyPSS(public.(*rsa.PublicKey), a.hash, a.digest(input), signature, options) == nil
}

func checkHMAC(a *algorithm, secret any, input, signature []byte) bool {
	m := hmac.New(a.hash.New, secret.([]byte))
	m.Write(input)
	return hmac.Equal(m.Sum(nil), signature)
}
