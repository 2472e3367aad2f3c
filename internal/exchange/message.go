package exchange

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/sign"
	"github.com/daypass/daypass/verify"
)

// MaxSignatureAge is how old the signature of a request may be, beside
// [verify.Leeway].
const MaxSignatureAge = time.Minute

// MessageSignature proves a key by its signature of the very request (RFC 9421),
// which is good once. Who reads the body holds it against its signed digest with
// [CheckBody].
type MessageSignature struct {
	Message sign.Message
	HasBody bool
	Pass    string // a pass of the key, sent as Authorization; empty: none
}

func (m MessageSignature) account() string { return "" }

func (m MessageSignature) pass() string { return m.Pass }

func (m MessageSignature) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	return s.proveSigned(ctx, m, client, now)
}

// verified marks the signature as used.
func (m MessageSignature) verified(ctx context.Context, s *Service, now time.Time) (*holder, error) {
	signature, err := sign.Parse(m.Message.Header)
	if err != nil {
		return nil, malformedSignature("the signature cannot be read: " + reasonOf(err))
	}
	base, err := m.check(signature, now)
	if err != nil {
		return nil, err
	}
	algorithm, err := algorithmOf(signature)
	if err != nil {
		return nil, err
	}
	h, err := s.whoSigned(ctx, signature.KeyID, algorithm, now, func(v *sign.Verifier) bool {
		return signature.VerifyBase(base, v) == nil
	})
	if err != nil {
		return nil, err
	}
	return h, s.onlyOnce(ctx, signature, base)
}

// check looks at what can be said without the key, and returns what was signed.
func (m MessageSignature) check(signature *sign.Signature, now time.Time) ([]byte, error) {
	var others []string
	if m.Pass != "" {
		others = []string{"authorization"}
	}
	if err := signature.CheckRequest(m.HasBody, others...); err != nil {
		return nil, access.New(access.Unauthenticated, "signature_incomplete", reasonOf(err)+"; a signature covers @method, @target-uri (or @authority, @path and @query), and where they are sent authorization and content-digest")
	}
	if err := signature.CheckTime(now, MaxSignatureAge, verify.Leeway); err != nil {
		return nil, access.New(access.Unauthenticated, "signature_expired", fmt.Sprintf("%s; a signature is good for %d seconds from created", reasonOf(err), int64(MaxSignatureAge/time.Second)))
	}
	base, err := signature.Base(&m.Message)
	if err != nil {
		return nil, access.New(access.Unauthenticated, "signature_incomplete", reasonOf(err))
	}
	if !m.HasBody { // nobody will read one: that it was taken away shows in the digest alone
		return base, CheckBody(&m.Message, nil)
	}
	return base, nil
}

// algorithmOf is the one that the signature names. One that names none is by the
// shared secret.
func algorithmOf(signature *sign.Signature) (sign.Algorithm, error) {
	switch a := signature.Algorithm; a {
	case "":
		return sign.HMACSHA256, nil
	case sign.HMACSHA256, sign.Ed25519, sign.ECDSAP256SHA256:
		return a, nil
	default:
		const most = 40
		return "", malformedSignature(fmt.Sprintf("the algorithm %q is not known here; there are hmac-sha256, ed25519 and ecdsa-p256-sha256", a[:min(len(a), most)]))
	}
}

var errReplayed = access.New(access.Unauthenticated, "signature_replayed", "this signature was used before; sign each request anew, with another nonce")

// onlyOnce refuses a signature that was used before, for as long as it could be good.
func (s *Service) onlyOnce(ctx context.Context, signature *sign.Signature, base []byte) error {
	if s.Once == nil {
		return errReplayed
	}
	first, err := s.Once.First(ctx, "signature", signature.Once(base), signature.Created, signature.Created.Add(MaxSignatureAge+verify.Leeway))
	if err == nil && !first {
		return errReplayed
	}
	return err
}

// CheckBody holds the body of a signed request against its digest.
func CheckBody(m *sign.Message, body []byte) error {
	if len(body) == 0 && len(m.Header[sign.FieldDigest]) == 0 {
		return nil
	}
	switch err := sign.CheckDigest(m.Header, body); {
	case errors.Is(err, sign.ErrDigest):
		return access.New(access.Unauthenticated, "digest_mismatch", "the body is not the one that was signed: its Content-Digest is another")
	case err != nil:
		return malformedSignature("Content-Digest cannot be read: " + reasonOf(err))
	}
	return nil
}

// reasonOf is what the signature's reader says, which repeats nothing of the request.
func reasonOf(err error) string { return strings.TrimPrefix(err.Error(), "sign: ") }

// Signed is the id of the key that signed a request to a gate, which judges by the
// pass beside it what the request may do. Errors are those of a false proof.
func (s *Service) Signed(ctx context.Context, m MessageSignature, client Client) (keyID string, err error) {
	p, err := s.prove(ctx, keyAlone{m}, client, s.Now())
	if err != nil {
		return "", err
	}
	return p.holder.source.KeyID, nil
}
