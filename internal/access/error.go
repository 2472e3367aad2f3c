package access

import (
	"errors"
	"time"
)

// Kind classes an [Error] by what its receiver can do about it. Each maps to
// one HTTP status at the edge.
type Kind uint8

// The zero Kind is Internal, so that an error nobody classified says nothing.
const (
	Internal        Kind = iota // 500: ours to mend; the message is never shown
	Malformed                   // 400: the request cannot be read
	Unauthenticated             // 401: who are you (absent, bad, expired, revoked, wrong address)
	Forbidden                   // 403: known, but not allowed that
	NotFound                    // 404: absent, or another organization's
	NotAllowed                  // 405: the route exists, not with this method
	Conflict                    // 409: clashes with what is there
	Precondition                // 412: If-Match names another version
	TooLarge                    // 413: over a documented limit
	Unsupported                 // 415: a media type we do not read
	Invalid                     // 422: readable, but breaks a rule
	TooMany                     // 429: slow down; RetryAfter says how long
	Unavailable                 // 503: cannot decide safely now
)

// Error is the one error type inside Daypass. Code is stable and snake_case:
// scripts may match on it. Message is safe to show and says what to do. Err is
// the cause, for logs only.
type Error struct {
	Code       string
	Kind       Kind
	Message    string
	Fields     []FieldError
	RetryAfter time.Duration
	Scope      string // that a credential would have needed; empty: scopes are not the matter
	Err        error
}

// FieldError names one wrong member of a request by JSON pointer (RFC 6901).
type FieldError struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code + ": " + e.Message
	}
	return e.Code + ": " + e.Message + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Is matches errors by code, so that errors.Is works with the values below.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// New makes an error of a kind with a stable code and a safe message.
func New(kind Kind, code, message string) *Error {
	return &Error{Code: code, Kind: kind, Message: message}
}

// At adds the JSON pointer of the member that is wrong.
func (e *Error) At(pointer string) *Error {
	c := *e
	c.Fields = append(append([]FieldError(nil), e.Fields...), FieldError{Pointer: pointer, Message: e.Message})
	return &c
}

// Because keeps the cause for the log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// AsError returns err as an [*Error]; anything unknown becomes an internal one.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: "internal", Kind: Internal, Message: "something went wrong on our side; the request id names it in the log", Err: err}
}

// Errors that several rooms return.
var (
	ErrNotFound        = New(NotFound, "not_found", "there is nothing here under this name in this organization")
	ErrUnauthenticated = New(Unauthenticated, "credential_missing", "send a pass as 'Authorization: Bearer …' or a key as 'Api-Key: …'")
	ErrBadCredential   = New(Unauthenticated, "credential_invalid", "this credential is not valid")
)
