package sign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fields of a signed request, in net/http's canonical form.
const (
	FieldInput     = "Signature-Input"
	FieldSignature = "Signature"
	FieldDigest    = "Content-Digest"
)

// Errors of a signature that can be read.
var (
	ErrTime     = errors.New("sign: the signature is too old, or of another time")
	ErrCoverage = errors.New("sign: the signature does not cover enough")
	ErrInvalid  = errors.New("sign: the signature is not that of this message and key")
)

// Signature is one signature with its parameters (RFC 9421, section 2.3). Made by
// [Parse], or by a [Signer].
type Signature struct {
	Label      string
	Components []Component
	Created    time.Time // zero: not said
	Expires    time.Time // zero: not said
	Nonce      string
	KeyID      string
	Algorithm  Algorithm // empty: not said
	Tag        string
	Value      []byte

	params []parameter // in their order
}

// Signed reports whether a message comes with a signature, which need not be one
// that can be read.
func Signed(h http.Header) bool { return len(h[FieldInput]) > 0 || len(h[FieldSignature]) > 0 }

// Parse reads the one signature of a message. Several are refused: nobody could say
// which one counts. Errors wrap [ErrMalformed].
func Parse(h http.Header) (*Signature, error) {
	inputs, values := h[FieldInput], h[FieldSignature]
	if len(inputs) != 1 || len(values) != 1 {
		return nil, malformed("Signature-Input and Signature are sent once each")
	}
	var s *Signature
	err := dictionary(inputs[0], func(p *parser, label string) error {
		if s != nil {
			return malformed("there is more than one signature")
		}
		s = &Signature{Label: label}
		return s.readInput(p)
	})
	if err != nil {
		return nil, err
	}
	err = dictionary(values[0], func(p *parser, label string) error {
		if label != s.Label || s.Value != nil {
			return malformed("Signature-Input and Signature name different signatures")
		}
		var err error
		s.Value, err = p.bytes()
		if err == nil && len(s.Value) == 0 {
			return malformed("the signature is empty")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Signature) readInput(p *parser) (err error) {
	if s.Components, err = p.innerList(); err != nil {
		return err
	}
	if s.params, err = p.parameters(); err != nil {
		return err
	}
	for _, param := range s.params {
		if err := s.set(param); err != nil {
			return err
		}
	}
	return nil
}

// set takes a parameter. One that is not known would mean something to its maker.
func (s *Signature) set(param parameter) error {
	switch param.kind {
	case isInteger:
		switch param.name {
		case "created":
			s.Created = time.Unix(param.number, 0)
			return nil
		case "expires":
			s.Expires = time.Unix(param.number, 0)
			return nil
		}
	case isString:
		switch param.name {
		case "nonce":
			s.Nonce = param.text
			return nil
		case "keyid":
			s.KeyID = param.text
			return nil
		case "alg":
			s.Algorithm = Algorithm(param.text)
			return nil
		case "tag":
			s.Tag = param.text
			return nil
		}
	}
	return malformed("a parameter of the signature is unknown or of the wrong type")
}

// appendInput writes components and parameters as they stand in Signature-Input.
func (s *Signature) appendInput(b []byte) []byte {
	b = append(b, '(')
	for i, c := range s.Components {
		if i > 0 {
			b = append(b, ' ')
		}
		b = c.append(b)
	}
	return appendParameters(append(b, ')'), s.params)
}

// Base is what is signed (section 2.5). The error wraps [ErrCoverage]: the message
// lacks a component, or has it in a form that cannot be signed.
func (s *Signature) Base(m *Message) ([]byte, error) {
	b := make([]byte, 0, 512)
	for _, c := range s.Components {
		b = append(c.append(b), ": "...)
		from := len(b)
		var ok bool
		if b, ok = m.value(b, c); !ok || bytes.ContainsAny(b[from:], "\r\n") {
			return nil, fmt.Errorf("%w: the message has no %s, or not just one", ErrCoverage, c.Name)
		}
		b = append(b, '\n')
	}
	b = append(b, `"@signature-params": `...)
	return s.appendInput(b), nil
}

// Covers reports whether the signature covers a field or derived component.
func (s *Signature) Covers(name string) bool {
	return slices.Contains(s.Components, Component{Name: name})
}

// CheckRequest holds that the signature covers what makes a request the one that was
// meant: the method, the whole target, and for a request with a body its digest.
// Others may be asked for by name. Errors wrap [ErrCoverage].
func (s *Signature) CheckRequest(body bool, others ...string) error {
	if !s.Covers("@target-uri") {
		others = append(others, "@authority", "@path", "@query")
	}
	if body {
		others = append(others, "content-digest")
	}
	for _, name := range append([]string{"@method"}, others...) {
		if !s.Covers(name) {
			return fmt.Errorf("%w: %s is missing", ErrCoverage, name)
		}
	}
	return nil
}

// CheckTime holds that the signature says when it was made, at most maxAge ago, and
// has not expired, with clocks that differ by at most leeway. Errors wrap [ErrTime].
func (s *Signature) CheckTime(now time.Time, maxAge, leeway time.Duration) error {
	switch {
	case s.Created.IsZero():
		return fmt.Errorf("%w: created is missing", ErrTime)
	case s.Created.After(now.Add(leeway)):
		return fmt.Errorf("%w: it was created in the future", ErrTime)
	case now.After(s.Created.Add(maxAge + leeway)):
		return fmt.Errorf("%w: it was created too long ago", ErrTime)
	case !s.Expires.IsZero() && !now.Before(s.Expires.Add(leeway)):
		return fmt.Errorf("%w: it has expired", ErrTime)
	}
	return nil
}

// Verify holds the signature against a message and a key. The error wraps
// [ErrInvalid] or [ErrCoverage].
func (s *Signature) Verify(m *Message, key *Verifier) error {
	base, err := s.Base(m)
	if err != nil {
		return err
	}
	return s.VerifyBase(base, key)
}

// VerifyBase is [Signature.Verify] for a base that was made before.
func (s *Signature) VerifyBase(base []byte, key *Verifier) error {
	if s.Algorithm != "" && s.Algorithm != key.algorithm || !key.verify(base, s.Value) {
		return ErrInvalid
	}
	return nil
}

// Once names the signature for a receiver that remembers which it has seen: by its
// key and nonce or, without a nonce, by all that it covers. Then two requests that
// are the same in the same second are one.
func (s *Signature) Once(base []byte) string {
	if s.Nonce != "" {
		return s.KeyID + " nonce " + s.Nonce
	}
	sum := sha256.Sum256(base)
	return s.KeyID + " base " + string(sum[:])
}

// write puts the signature into the header.
func (s *Signature) write(h http.Header) {
	var input, value strings.Builder
	input.WriteString(s.Label + "=")
	input.Write(s.appendInput(nil))
	value.WriteString(s.Label + "=:" + base64.StdEncoding.EncodeToString(s.Value) + ":")
	h[FieldInput], h[FieldSignature] = []string{input.String()}, []string{value.String()}
}
