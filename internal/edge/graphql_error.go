package edge

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
)

// graphqlError is an error as GraphQL clients read it.
type graphqlError struct {
	Message    string            `json:"message"`
	Extensions graphqlExtensions `json:"extensions"`
}

// graphqlExtensions say what is wrong to programs: Code in the words that GraphQL servers use, Reason in ours.
type graphqlExtensions struct {
	Code      string `json:"code"`
	Reason    string `json:"reason,omitempty"`
	Missing   string `json:"missing,omitempty"` // the scope or role that is lacking
	Field     string `json:"field,omitempty"`   // the root field it is about
	RequestID string `json:"request_id,omitempty"`
}

// graphqlCodes are the codes that Apollo's and other servers give for a status.
var graphqlCodes = map[int]string{
	http.StatusBadRequest:            "BAD_REQUEST",
	http.StatusUnauthorized:          "UNAUTHENTICATED",
	http.StatusForbidden:             "FORBIDDEN",
	http.StatusMethodNotAllowed:      "METHOD_NOT_ALLOWED",
	http.StatusRequestEntityTooLarge: "PAYLOAD_TOO_LARGE",
	http.StatusUnsupportedMediaType:  "UNSUPPORTED_MEDIA_TYPE",
	http.StatusUnprocessableEntity:   "GRAPHQL_VALIDATION_FAILED",
	http.StatusTooManyRequests:       "RATE_LIMITED",
	http.StatusServiceUnavailable:    "SERVICE_UNAVAILABLE",
}

func graphqlCode(status int) string {
	if code, ok := graphqlCodes[status]; ok {
		return code
	}
	return "INTERNAL_SERVER_ERROR"
}

func graphqlErrorOf(e *access.Error) graphqlError {
	return graphqlError{Message: e.Message, Extensions: graphqlExtensions{Code: graphqlCode(StatusOf(e.Kind)), Reason: e.Code}}
}

const persistedNotFound = "PERSISTED_QUERY_NOT_FOUND"

// unread is why a request could not be read. For a hash that is not known it is what Apollo's servers say, so that the client
// sends the text along with it.
func unread(err error) graphqlError {
	if errors.Is(err, errPersistedUnknown) {
		return graphqlError{Message: "PersistedQueryNotFound", Extensions: graphqlExtensions{Code: persistedNotFound}}
	}
	return graphqlErrorOf(Shown(err))
}

// graphqlDenial is a denial as GraphQL clients read it.
func graphqlDenial(d *gate.Decision, bearer string) graphqlError {
	return graphqlError{Message: denialDetail(d, bearer), Extensions: graphqlExtensions{
		Code: graphqlCode(d.Status()), Reason: string(d.Reason), Missing: d.Missing, Field: fieldName(d)}}
}

// writeGraphQL answers with an error instead of data; a list of operations, with as many.
func writeGraphQL(w http.ResponseWriter, r *http.Request, status int, e graphqlError, times int) {
	e.Extensions.RequestID = ClientFrom(r.Context()).RequestID
	type answer struct {
		Errors []graphqlError `json:"errors"`
	}
	var content any = answer{[]graphqlError{e}}
	if times > 1 {
		list := make([]any, times)
		for i := range list {
			list[i] = content
		}
		content = list
	}
	body, err := json.Marshal(content)
	if err != nil {
		panic("edge: an error of plain strings cannot be written: " + err.Error())
	}
	const mediaResponse = "application/graphql-response+json"
	media := mediaJSON
	if accepts(r.Header, mediaResponse) {
		media = mediaResponse
	}
	header := w.Header()
	header.Del("Content-Length")
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
