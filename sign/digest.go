package sign

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
)

// ErrDigest is the error for a body that is not the one that was signed.
var ErrDigest = errors.New("sign: the body has another digest")

// Digest is the value of Content-Digest for a body (RFC 9530), by sha-256.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// CheckDigest holds a body against Content-Digest. Every digest of sha-256 and
// sha-512 in it must be the body's, and one must be there. Errors are [ErrDigest],
// or wrap [ErrMalformed].
func CheckDigest(h http.Header, body []byte) error {
	values := h[FieldDigest]
	if len(values) != 1 {
		return malformed("Content-Digest is sent once")
	}
	checked := false
	err := dictionary(values[0], func(p *parser, algorithm string) error {
		want, err := p.bytes()
		if err != nil {
			return err
		}
		var sum []byte
		switch algorithm {
		case "sha-256":
			s := sha256.Sum256(body)
			sum = s[:]
		case "sha-512":
			s := sha512.Sum512(body)
			sum = s[:]
		default:
			return nil
		}
		if subtle.ConstantTimeCompare(sum, want) != 1 {
			return ErrDigest
		}
		checked = true
		return nil
	})
	if err == nil && !checked {
		return malformed("Content-Digest has no digest by sha-256 or sha-512")
	}
	return err
}
