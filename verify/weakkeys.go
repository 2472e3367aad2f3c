package verify

import (
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

func soundRSA(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("an RSA key must have %d to %d bits", minRSABits, maxRSABits)
	}
	if key.E < minExponent || key.E > maxRSAFactor || key.E%2 == 0 {
		return fmt.Errorf("an RSA exponent must be odd, and %d or more", minExponent)
	}
	if key.N.Bit(0) == 0 {
		return errors.New("an RSA modulus must be odd")
	}
	if isROCA(key.N) {
		return errors.New("the RSA modulus was made by a broken generator (CVE-2017-15361) and can be factored")
	}
	return nil
}

// rocaPrimes are the small primes whose product the broken generator built its primes from.
var rocaPrimes = []uint64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
	89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// isROCA recognises moduli n = p·q whose factors are k·M + (65537^a mod M), M a product of small primes: modulo each
// of these, n is a power of 65537 (Nemec et al., CCS 2017). A sound modulus has the property by accident once in
// about 2²⁷ keys.
func isROCA(n *big.Int) bool {
	rest := new(big.Int)
	for _, p := range rocaPrimes {
		if !isPowerOf65537(rest.Mod(n, new(big.Int).SetUint64(p)).Uint64(), p) {
			return false
		}
	}
	return true
}

func isPowerOf65537(r, p uint64) bool {
	for power := uint64(1); ; {
		if power == r {
			return true
		}
		if power = power * (65537 % p) % p; power == 1 {
			return false
		}
	}
}

var (
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	// edwardsD is −121665/121666, the constant of the curve (RFC 8032, 5.1).
	edwardsD = modField(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), fieldPrime)))
)

func modField(x *big.Int) *big.Int { return x.Mod(x, fieldPrime) }

// soundEd25519 refuses a key that is no point, has a second spelling, or has small order. For one of the last kind a signature
// can be made that fits nearly every message, without a secret; crypto/ed25519 accepts it.
func soundEd25519(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return errors.New("an Ed25519 key must have 32 bytes")
	}
	raw := slices.Clone(key)
	slices.Reverse(raw)
	raw[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(raw)
	if y.Cmp(fieldPrime) >= 0 {
		return errors.New("the Ed25519 key is not in its one spelling")
	}
	x2, ok := xSquared(y)
	if !ok {
		return errors.New("the Ed25519 key is not on its curve")
	}
	if hasSmallOrder(x2, y) {
		return errors.New("the Ed25519 key has small order: anyone can sign for it")
	}
	return nil
}

// xSquared solves −x² + y² = 1 + d·x²·y² for x²; false if that is no square, so that there is no point with this y.
func xSquared(y *big.Int) (*big.Int, bool) {
	y2 := modField(new(big.Int).Mul(y, y))
	u := modField(new(big.Int).Sub(y2, big.NewInt(1)))
	v := modField(new(big.Int).Add(new(big.Int).Mul(edwardsD, y2), big.NewInt(1)))
	x2 := modField(u.Mul(u, v.ModInverse(v, fieldPrime))) // v is never 0: −1/d is no square
	return x2, big.Jacobi(x2, fieldPrime) >= 0
}

// hasSmallOrder recognises the eight points whose order divides 8: (0, ±1); (±√−1, 0); and the four that double to the latter,
// for which y² + x², the numerator of the doubled y, is zero.
func hasSmallOrder(x2, y *big.Int) bool {
	if x2.Sign() == 0 || y.Sign() == 0 {
		return true
	}
	y2 := new(big.Int).Mul(y, y)
	return modField(new(big.Int).Add(y2, x2)).Sign() == 0
}
