package verify

import "net/http"

// Error is what every refusal of this package is. Code is stable; Message is safe to show: no part of the token is in it.
// Compare with errors.Is and the variables below: errors of one Code are equal.
type Error struct {
	Code    string
	Message string
	Status  int   // the HTTP status that fits: 401, 403 or 503
	Err     error // the cause, if there is one; not for the caller's eyes
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Message + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors of one Code equal.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func (e *Error) because(message string) *Error {
	c := *e
	c.Message = message
	return &c
}

func (e *Error) causedBy(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

func unauthenticated(code, message string) *Error {
	return &Error{Code: code, Message: message, Status: http.StatusUnauthorized}
}

// The refusals. Their order is the order of the checks.
var (
	ErrMissing     = unauthenticated("token_missing", "send a token in the header Authorization: Bearer …")
	ErrMalformed   = unauthenticated("token_malformed", "this is not a token in compact form")
	ErrHeader      = unauthenticated("token_header", "the token's header is refused")
	ErrUnknownKey  = unauthenticated("token_unknown_key", "the token is signed with a key that is not published")
	ErrAlgorithm   = unauthenticated("token_algorithm", "the token names another algorithm than its key has")
	ErrType        = unauthenticated("token_type", "this kind of signed text is not accepted here")
	ErrSignature   = unauthenticated("token_signature", "the token's signature is wrong")
	ErrClaims      = unauthenticated("token_claims", "the token's claims are refused")
	ErrIssuer      = unauthenticated("token_issuer", "the token is from another issuer")
	ErrAudience    = unauthenticated("token_audience", "the token is for another audience")
	ErrExpired     = unauthenticated("token_expired", "the token has expired; get a new one")
	ErrNotYet      = unauthenticated("token_not_yet_valid", "the token is not valid yet; check the clocks")
	ErrRevoked     = unauthenticated("token_revoked", "the token was revoked")
	ErrStale       = &Error{Code: "stale_view", Message: "revocations were not heard of for too long to decide safely; try again", Status: http.StatusServiceUnavailable}
	ErrAddress     = unauthenticated("token_address", "the token is bound to other addresses than the one this request comes from")
	ErrSender      = unauthenticated("token_sender", "the token is bound to its sender's key: send it as 'Authorization: DPoP …' with a DPoP header that proves the key")
	ErrScope       = &Error{Code: "scope_missing", Message: "the token lacks a scope", Status: http.StatusForbidden}
	ErrUnavailable = &Error{Code: "keys_unavailable", Message: "the published keys cannot be read, so no token can be checked; try again", Status: http.StatusServiceUnavailable}
)
