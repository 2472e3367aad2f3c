package sign

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"time"
)

// label is what signatures made here are called.
const label = "sig"

// Sign signs a request as it is about to be sent, at the given time: method, whole
// target, Authorization where there is one, and the digest of the body, which is
// read into memory. It replaces an earlier signature. Whatever is changed of these
// afterwards makes it worthless; so does sending it twice.
func (s *Signer) Sign(r *http.Request, now time.Time) error {
	components := []Component{{Name: "@method"}, {Name: "@target-uri"}}
	if len(r.Header["Authorization"]) > 0 {
		components = append(components, Component{Name: "authorization"})
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	delete(r.Header, FieldDigest)
	if len(body) > 0 {
		r.Header[FieldDigest] = []string{Digest(body)}
		components = append(components, Component{Name: "content-digest"})
	}
	message := MessageOf(r)
	signature, err := s.SignMessage(&message, components, now)
	if err != nil {
		return err
	}
	signature.write(r.Header)
	return nil
}

// SignMessage signs the components of a message, with a fresh nonce.
func (s *Signer) SignMessage(m *Message, components []Component, now time.Time) (*Signature, error) {
	out := &Signature{Label: label, Components: components, Created: time.Unix(now.Unix(), 0), KeyID: s.keyID, Algorithm: s.algorithm, Nonce: rand.Text()}
	out.params = []parameter{{"created", integerItem(now.Unix())}, {"keyid", textItem(out.KeyID)}, {"alg", textItem(string(out.Algorithm))}, {"nonce", textItem(out.Nonce)}}
	base, err := out.Base(m)
	if err != nil {
		return nil, err
	}
	out.Value, err = s.sign(base)
	return out, err
}

// readBody takes the body out of a request and leaves one that can be sent. An empty
// one becomes none: HTTP/2 would send it as one of unknown length.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if closing := r.Body.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, fmt.Errorf("sign: read the body: %w", err)
	}
	r.GetBody = func() (io.ReadCloser, error) {
		if len(body) == 0 {
			return http.NoBody, nil
		}
		return io.NopCloser(bytes.NewReader(body)), nil
	}
	r.Body, err = r.GetBody()
	r.ContentLength = int64(len(body))
	return body, err
}

// Transport signs each request and sends it by base; nil: [http.DefaultTransport].
func (s *Signer) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{s, base}
}

type transport struct {
	signer *Signer
	base   http.RoundTripper
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	signed := r.Clone(r.Context())
	if err := t.signer.Sign(signed, time.Now()); err != nil {
		return nil, err
	}
	// Sent again over another connection, the same signature would be a replay.
	signed.GetBody = nil
	return t.base.RoundTrip(signed)
}
