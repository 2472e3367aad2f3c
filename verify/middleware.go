package verify

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/daypass/daypass/scope"
)

type contextKey struct{}

// FromContext returns the claims of the token that the middleware accepted.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(*Claims)
	return c, ok
}

// Middleware passes on requests that carry a good token, with its claims in their context. Others it answers: 401 with
// WWW-Authenticate (RFC 6750), or 503 when no keys can be had; the body is problem+json (RFC 9457) with the error's code.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := v.VerifyRequest(r)
		if err != nil {
			refuse(w, err, "")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
	})
}

// RequireScope passes on requests whose token, checked by a Middleware outside of it, allows the scope; others get 403, or 401
// if there is no token. The scope is a concrete one; RequireScope panics on any other text, as it is part of the program.
func RequireScope(concrete string) func(http.Handler) http.Handler {
	if !scope.MustParse(concrete).Concrete() {
		panic("verify: RequireScope needs a scope without *: " + concrete)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, ok := FromContext(r.Context())
			if !ok {
				refuse(w, ErrMissing, concrete)
				return
			}
			if !claims.HasScope(concrete) {
				refuse(w, ErrScope.because("the token lacks the scope "+concrete), concrete)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func refuse(w http.ResponseWriter, err error, needed string) {
	refused := ErrUnavailable
	errors.As(err, &refused)
	if challenge := refused.challenge(needed); challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if refused.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(refused.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the status is sent; a peer that left cannot be told
		"type":   "about:blank",
		"title":  http.StatusText(refused.Status),
		"status": refused.Status,
		"code":   refused.Code,
		"detail": refused.Message,
	})
}

// challenge is RFC 6750 section 3: no error code for a request that brought no credential. Messages and scopes hold neither quotes nor
// backslashes.
func (e *Error) challenge(needed string) string {
	switch {
	case e.Code == ErrSender.Code:
		return dpopChallenge("invalid_token", e.Message)
	case e.Code == ErrDPoP.Code:
		return dpopChallenge(e.Code, e.Message)
	case e.Code == ErrMissing.Code:
		return `Bearer realm="daypass"`
	case e.Status == http.StatusUnauthorized:
		return `Bearer realm="daypass", error="invalid_token", error_description="` + e.Message + `"`
	case e.Status == http.StatusForbidden:
		return `Bearer realm="daypass", error="insufficient_scope", error_description="` + e.Message + `", scope="` + needed + `"`
	}
	return ""
}
