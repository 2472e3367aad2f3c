package daypass

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/verify"
)

// Token is a pass. It prints without its text, which is a secret.
type Token struct {
	Text    string
	Claims  *verify.Claims // what it says, in clear
	Issued  time.Time      // when it was received, by this machine's clock
	Expires time.Time      // by this machine's clock, so that a wrong clock does no harm
}

// ValidFor is how much longer the pass lives, or zero. A pass may be revoked before.
func (t *Token) ValidFor() time.Duration { return max(0, time.Until(t.Expires)) }

// String names the pass by its id and end.
func (t *Token) String() string {
	return t.Claims.ID + " until " + t.Expires.UTC().Format(time.RFC3339)
}

// GoString is what %#v prints: no text either.
func (t *Token) GoString() string { return "daypass.Token(" + t.String() + ")" }

// LogValue is what package slog logs.
func (t *Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// ExchangeRequest says what the pass is to be. What is left out is asked for as the key (or the pass that is narrowed)
// has it. What exceeds that is refused and named; nothing is silently dropped.
type ExchangeRequest struct {
	Life     time.Duration // whole seconds; zero: a day, or less where the proof has less
	Scopes   []string      // nil: all that the proof holds; empty: none
	Roles    []string      // "developer", "developer@photos"; nil: all that the proof holds; empty: none
	Audience []string      // "acme/photos", "photos", or "acme" for every application; nil: all

	// IPs is where the pass may be used from: addresses, networks, or "request_ip" for where this request comes from; at most
	// 10 entries and 10,000 addresses by default. Anywhere asks for a pass without that bond. Not both.
	IPs      []string
	Anywhere bool

	Renewable *bool  // nil: if the pass is bound to addresses
	Subject   string // whom the pass speaks for; only for keys that may name subjects

	// Confirmation is the RFC 7638 thumbprint of the key that the pass's sender will prove to hold.
	Confirmation string

	// Encrypt asks for a pass whose text only the server, and resource servers that were given the key, can read.
	Encrypt bool
}

func (r ExchangeRequest) body() api.ExchangeRequest {
	return api.ExchangeRequest{
		ExpiresIn:      present(int64(r.Life / time.Second)),
		Scopes:         list(r.Scopes),
		Roles:          list(r.Roles),
		Audience:       (*api.Audience)(list(r.Audience)),
		Ips:            list(r.IPs),
		NoIPProtection: present(r.Anywhere),
		Renewable:      r.Renewable,
		Subject:        present(r.Subject),
		Confirmation:   present(r.Confirmation),
		Encrypt:        present(r.Encrypt),
	}
}

// present leaves a zero value out of a request.
func present[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

// list leaves a nil list out and sends an empty one.
func list(l []string) *[]string {
	if l == nil {
		return nil
	}
	return &l
}

// grant is the answer of POST /v1/tokens with the claims as they came.
type grant struct {
	Token     string          `json:"token"`
	ExpiresIn int64           `json:"expires_in"`
	Payload   json.RawMessage `json:"payload"`
}

func (g *grant) asToken(received time.Time) (*Token, error) {
	claims, err := verify.ReadClaims(g.Payload)
	if err != nil || g.Token == "" {
		return nil, &Error{Status: 200, Code: "unexpected_answer", Message: "the server's answer holds no pass"}
	}
	return &Token{
		Text:    g.Token,
		Claims:  claims,
		Issued:  received,
		Expires: received.Add(time.Duration(g.ExpiresIn) * time.Second),
	}, nil
}
