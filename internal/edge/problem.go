package edge

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
)

// Problem is the body of every error of the server outside the OAuth routes (RFC 9457). Code is stable: scripts may match
// on it. Type is the path of the page that explains it.
type Problem struct {
	Type      string              `json:"type"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Code      string              `json:"code"`
	Detail    string              `json:"detail"`
	RequestID string              `json:"request_id,omitempty"`
	Errors    []access.FieldError `json:"errors,omitempty"`
}

var statusOfKind = map[access.Kind]int{
	access.Internal:        http.StatusInternalServerError,
	access.Malformed:       http.StatusBadRequest,
	access.Unauthenticated: http.StatusUnauthorized,
	access.Forbidden:       http.StatusForbidden,
	access.NotFound:        http.StatusNotFound,
	access.NotAllowed:      http.StatusMethodNotAllowed,
	access.Conflict:        http.StatusConflict,
	access.Precondition:    http.StatusPreconditionFailed,
	access.TooLarge:        http.StatusRequestEntityTooLarge,
	access.Unsupported:     http.StatusUnsupportedMediaType,
	access.Invalid:         http.StatusUnprocessableEntity,
	access.TooMany:         http.StatusTooManyRequests,
	access.Unavailable:     http.StatusServiceUnavailable,
}

// StatusOf is the HTTP status of an error of this kind; 500 for a kind it does not know.
func StatusOf(kind access.Kind) int {
	if status, ok := statusOfKind[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// WriteProblem answers with err as problem+json. An error that is no [*access.Error], or an internal one, says nothing
// but its request id; logging its cause is the caller's part. A 401 gets a Bearer challenge (RFC 6750 section 3), with an
// error code only if a credential was sent; Retry-After is set from the error.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	e := Shown(err)
	header := w.Header()
	if e.Kind == access.Unauthenticated && header["Www-Authenticate"] == nil {
		header.Set("Www-Authenticate", challengeFor(e))
	}
	if e.Scope != "" {
		header.Set("Www-Authenticate", scopeChallenge(IsDPoP(r.Header), e.Scope))
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	writeProblem(w, r, Problem{Status: StatusOf(e.Kind), Code: e.Code, Detail: e.Message, Errors: e.Fields})
}

// Shown is err as it may be shown: of what is ours to mend, nothing.
func Shown(err error) *access.Error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		err = access.New(access.TooLarge, "body_too_large", "the body may have at most "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes")
	}
	e := access.AsError(err)
	if e.Kind == access.Internal {
		e = access.AsError(errInternal)
	}
	return e
}

// errInternal has no type of ours, so that [access.AsError] gives it the one text for all internal errors.
var errInternal = errors.New("internal error")

// codesWithoutCredential are the 401s whose challenge must not name an error, since nothing was presented (RFC 6750
// section 3.1).
var codesWithoutCredential = map[string]bool{
	access.ErrUnauthenticated.Code: true,
	string(gate.TokenMissing):      true,
}

const realm = `Bearer realm="daypass"`

func bearerChallenge(code, message string) string {
	if codesWithoutCredential[code] {
		return realm
	}
	return realm + `, error="invalid_token", error_description="` + challengeText(message) + `"`
}

// scopeChallenge says which scopes a pass needs (RFC 6750, section 3.1), or one that is bound to its sender's key.
func scopeChallenge(bound bool, scopes string) string {
	scheme := realm
	if bound {
		scheme = dpopRealm
	}
	return scheme + `, error="insufficient_scope", scope="` + scopes + `"`
}

// PlainText is s in the characters of an error_description (RFC 6749 section 5.2, RFC 6750 section 3).
func PlainText(s string) string { return challengeText(s) }

// challengeText keeps to the characters of an error_description (RFC 6750 section 3).
func challengeText(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c == '\\' || c < ' ' || c > '~':
			return '.'
		}
		return c
	}, s)
}

// titleWords writes a code as words; those that are names keep their letters.
var titleWords = strings.NewReplacer("_", " ", "dpop", "DPoP", "graphql", "GraphQL", "json", "JSON", "openapi", "OpenAPI", "url", "URL", "websocket", "WebSocket")

// title is the code in words, the same for each problem of its type (RFC 9457, section 3.1.3).
func title(code string) string {
	words := titleWords.Replace(code)
	return strings.ToUpper(words[:1]) + words[1:]
}

func writeProblem(w http.ResponseWriter, r *http.Request, p Problem) {
	p.Type = "/docs/errors#" + p.Code
	p.Title = title(p.Code)
	p.RequestID = ClientFrom(r.Context()).RequestID
	body, err := json.Marshal(p)
	if err != nil {
		panic("edge: a problem of plain strings cannot be written: " + err.Error())
	}
	header := w.Header()
	header.Del("Content-Length")
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	w.Write(append(body, '\n'))
}
