package exchange

import (
	"context"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/sign"
	"github.com/daypass/daypass/verify"
)

// TextileSignature proves a key by an HMAC over the time until which it is good. It
// covers nothing of the request: whoever reads it may use it until then. So it is
// for a backend to make, short, and for a browser to use that must not know the
// secret. [MessageSignature] covers the request.
type TextileSignature struct {
	KeyID     string
	Signature string // multibase base32 of HMAC-SHA-256 over the text of Message
	Message   string // RFC 3339, in the future
	UserToken string // the pass of a user of the key; empty: none
}

func (t TextileSignature) account() string { return "" }

func (t TextileSignature) pass() string { return t.UserToken }

func (t TextileSignature) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	return s.proveSigned(ctx, t, client, now)
}

func (t TextileSignature) verified(ctx context.Context, s *Service, now time.Time) (*holder, error) {
	if err := s.checkMessage(t.Message, now); err != nil {
		return nil, err
	}
	signature, err := multibase32(t.Signature)
	if err != nil {
		return nil, err
	}
	claimed := sign.Signature{Value: signature}
	return s.whoSigned(ctx, t.KeyID, sign.HMACSHA256, now, func(v *sign.Verifier) bool {
		return claimed.VerifyBase([]byte(t.Message), v) == nil
	})
}

// handedOffset ends each time that this server signs for a user. It is UTC, as RFC
// 3339 (section 4.3) has it for who tells nothing of the local time; nobody writes it
// by accident. So that such a signature goes beside its user's pass, and does not let
// others in.
const handedOffset = "-00:00"

var errHanded = access.New(access.Unauthenticated, "broker_required",
	"this signature was handed to a user, to be sent beside its pass; it begins no logins. Sign the request with the key's secret")

func (t TextileSignature) handed() bool { return strings.HasSuffix(t.Message, handedOffset) }

// checkMessage holds that the time lies ahead, but not far.
func (s *Service) checkMessage(message string, now time.Time) error {
	const longest = len("2006-01-02T15:04:05.999999999-07:00")
	until, err := time.Parse(time.RFC3339Nano, message)
	if err != nil || len(message) > longest {
		return malformedSignature("the signed message is a time as RFC 3339 writes it")
	}
	if !now.Before(until) {
		return access.New(access.Unauthenticated, "signature_expired", "the signed time has passed; sign one that lies ahead")
	}
	if until.After(now.Add(s.MessageLife + verify.Leeway)) {
		return access.New(access.Unauthenticated, "signature_expired", fmt.Sprintf("the signed time lies too far ahead; at most %s is taken", s.MessageLife))
	}
	return nil
}

func malformedSignature(message string) *access.Error {
	return access.New(access.Malformed, "signature_malformed", message)
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// multibase32 reads "b" and lower-case base32 without padding. Every value has one
// text.
func multibase32(text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, "b")
	value, err := lowerBase32.DecodeString(digits)
	if !ok || err != nil || lowerBase32.EncodeToString(value) != digits {
		return nil, malformedSignature("the signature is written in multibase base32: b and lower-case letters and digits")
	}
	return value, nil
}
