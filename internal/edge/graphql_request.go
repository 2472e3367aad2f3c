package edge

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/strictjson"
)

const (
	mediaJSON    = "application/json"
	mediaGraphQL = "application/graphql"
)

// maxVariableDepth is how deep the JSON of a request may be nested.
const maxVariableDepth = 64

var (
	errGraphQLBody  = access.New(access.Malformed, "graphql_body", "a GraphQL request is a JSON object with query, operationName, variables and extensions, and no other members")
	errGraphQLMedia = access.New(access.Unsupported, "graphql_media_type", "a GraphQL request has one Content-Type: application/json or application/graphql, in UTF-8")
	errNoQuery      = access.New(access.Malformed, "graphql_no_query", "the request has no query")
	errBatchRefused = access.New(access.Malformed, "graphql_batch_refused", "this API takes one operation in a request, not a list of them")
	errBatchTooLong = access.New(access.TooLarge, "graphql_batch_too_long", "the list has more operations than this API takes in one request")
	errPersisted    = access.New(access.Malformed, "graphql_persisted_query", "extensions.persistedQuery is {version: 1, sha256Hash}, and the hash is that of the query in lower-case hexadecimal digits")
)

// graphqlRequest is one request as a client sends it.
type graphqlRequest struct {
	Query         *string        `json:"query"`
	OperationName *string        `json:"operationName"`
	Variables     jsontext.Value `json:"variables"`
	Extensions    jsontext.Value `json:"extensions"`

	hash      string // of a persisted query
	operation *catalog.Operation
}

// graphqlList is what one HTTP request asks.
type graphqlList struct {
	requests []*graphqlRequest
	isBatch  bool
}

// times is how many answers the client waits for.
func (l *graphqlList) times() int {
	if l == nil || !l.isBatch {
		return 1
	}
	return len(l.requests)
}

// isGraphQLMember reports whether a name is that of a part of a request, as it is spelled in a URL.
func isGraphQLMember(name string) bool {
	switch name {
	case "query", "operationName", "variables", "extensions":
		return true
	}
	return false
}

// isGraphQLParameter reports whether some server might take a parameter of the URL for a part of a request: in another
// case, or written as a list.
func isGraphQLParameter(name string) bool {
	name, _, _ = strings.Cut(name, "[")
	name = strings.TrimSpace(name)
	return slices.ContainsFunc([]string{"query", "operationName", "variables", "extensions"}, func(member string) bool {
		return strings.EqualFold(name, member)
	})
}

// graphqlMedia is the media type of a body. Forms, text and multipart are what browsers send across origins without
// asking first, so they are refused.
func graphqlMedia(h http.Header) (string, error) {
	if v := h["Content-Encoding"]; len(v) > 1 || len(v) == 1 && !strings.EqualFold(v[0], "identity") {
		return "", access.New(access.Unsupported, "unsupported_encoding", "send the body without Content-Encoding")
	}
	types := h["Content-Type"]
	if len(types) != 1 {
		return "", errGraphQLMedia
	}
	media, parameters, err := mime.ParseMediaType(types[0])
	charset, named := parameters["charset"]
	switch {
	case err != nil, media != mediaJSON && media != mediaGraphQL:
		return "", errGraphQLMedia
	case len(parameters) > 1, len(parameters) == 1 && !named, named && !strings.EqualFold(charset, "utf-8"):
		return "", errGraphQLMedia
	}
	return media, nil
}

// readText reads a body that is a document and nothing else.
func (l *graphqlList) readText(body []byte) error {
	if !utf8.Valid(body) {
		return errGraphQLBody
	}
	query := string(body)
	l.requests = []*graphqlRequest{{Query: &query}}
	return nil
}

func (l *graphqlList) readJSON(body []byte, policy *catalog.GraphQL) error {
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) == 0 || start[0] != '[' {
		one := new(graphqlRequest)
		l.requests = []*graphqlRequest{one}
		return one.read(body)
	}
	if !policy.Batch() {
		return errBatchRefused
	}
	l.isBatch = true
	return l.readBatch(jsontext.NewDecoder(bytes.NewBuffer(body)), policy.MaxBatch())
}

// readBatch reads a list entry by entry, and no further than it may be long: the shortest entries take many times their
// length in memory.
func (l *graphqlList) readBatch(list *jsontext.Decoder, most int) error {
	if _, err := list.ReadToken(); err != nil {
		return errGraphQLBody.Because(err)
	}
	for list.PeekKind() != ']' {
		if len(l.requests) == most {
			return errBatchTooLong
		}
		entry, err := list.ReadValue()
		if err != nil || entry.Kind() != '{' {
			return errGraphQLBody.Because(err)
		}
		one := new(graphqlRequest)
		if err := one.read(entry); err != nil {
			return err
		}
		l.requests = append(l.requests, one)
	}
	if _, err := list.ReadToken(); err != nil || len(l.requests) == 0 {
		return errGraphQLBody.Because(err)
	}
	if _, err := list.ReadToken(); err != io.EOF {
		return errGraphQLBody.Because(err)
	}
	return nil
}

func unmarshalGraphQL(text []byte, into any) error {
	err := strictjson.Unmarshal(text, into, strictjson.Limits{Bytes: max(len(text), 1), Depth: maxVariableDepth, Members: max(len(text), 1), Strict: true})
	var refused *strictjson.Error
	if errors.As(err, &refused) {
		return access.New(access.Malformed, errGraphQLBody.Code, errGraphQLBody.Message+"; "+refused.Error()).Because(err)
	}
	return err
}

func (q *graphqlRequest) read(text []byte) error {
	if err := unmarshalGraphQL(text, q); err != nil {
		return err
	}
	return q.check()
}

// requestOf reads a request from the parameters of a URL.
func requestOf(values url.Values) (*graphqlRequest, error) {
	q := new(graphqlRequest)
	for name, into := range map[string]**string{"query": &q.Query, "operationName": &q.OperationName} {
		if v, ok := values[name]; ok {
			*into = &v[0]
			if !utf8.ValidString(v[0]) {
				return q, errGraphQLBody
			}
		}
	}
	for name, into := range map[string]*jsontext.Value{"variables": &q.Variables, "extensions": &q.Extensions} {
		if text := values.Get(name); text != "" {
			if err := unmarshalGraphQL([]byte(text), into); err != nil {
				return q, err
			}
		}
	}
	if q.OperationName != nil && *q.OperationName == "" {
		q.OperationName = nil // a URL has no other way to say that there is none
	}
	return q, q.check()
}

// check holds variables and extensions to be objects, and takes the persisted query out of the extensions.
func (q *graphqlRequest) check() error {
	for _, part := range []*jsontext.Value{&q.Variables, &q.Extensions} {
		switch part.Kind() {
		case '{':
		case 'n', 0: // null, or not there
			*part = nil
		default:
			return errGraphQLBody
		}
	}
	if q.Extensions == nil {
		return nil
	}
	return q.takePersisted()
}

// takePersisted takes persistedQuery out of the extensions: what is sent on is the text, and an upstream that prefers the
// hash might find another one under it.
func (q *graphqlRequest) takePersisted() error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(q.Extensions, &members); err != nil {
		return errGraphQLBody.Because(err)
	}
	found := false
	for name, value := range members {
		if !strings.EqualFold(name, "persistedQuery") {
			continue
		}
		var persisted struct {
			Version int    `json:"version"`
			Hash    string `json:"sha256Hash"`
		}
		err := json.Unmarshal(value, &persisted, json.RejectUnknownMembers(true))
		if found || name != "persistedQuery" || err != nil || persisted.Version != 1 || !isHash(persisted.Hash) {
			return errPersisted
		}
		found, q.hash = true, persisted.Hash
	}
	if !found {
		return nil
	}
	delete(members, "persistedQuery")
	if q.Extensions = nil; len(members) == 0 {
		return nil
	}
	rest, err := json.Marshal(members, json.Deterministic(true))
	q.Extensions = rest
	return err
}

// members are the parts to send on, in order: name, and text in JSON. The document is the one that was judged.
func (q *graphqlRequest) members(each func(name string, text string, isString bool)) {
	each("query", q.operation.Text, true)
	if q.operation.Name != "" {
		each("operationName", q.operation.Name, true)
	}
	if q.Variables != nil {
		each("variables", string(q.Variables), false)
	}
	if q.Extensions != nil {
		each("extensions", string(q.Extensions), false)
	}
}

// query is the request as the query of a URL.
func (q *graphqlRequest) query() string {
	values := make(url.Values)
	q.members(func(name, text string, _ bool) { values.Set(name, text) })
	return values.Encode()
}

// append appends the request as JSON.
func (q *graphqlRequest) append(to []byte) (_ []byte, err error) {
	between := byte('{')
	q.members(func(name, text string, isString bool) {
		to = append(append(append(to, between, '"'), name...), '"', ':')
		between = ','
		if !isString {
			to = append(to, text...)
			return
		}
		quoted, wrong := jsontext.AppendQuote(to, text)
		to, err = quoted, errors.Join(err, wrong)
	})
	return append(to, '}'), err
}

// body is the list as it is sent on.
func (l *graphqlList) body() (body []byte, err error) {
	if !l.isBatch {
		return l.requests[0].append(nil)
	}
	between := byte('[')
	for _, one := range l.requests {
		body = append(body, between)
		if body, err = one.append(body); err != nil {
			return nil, err
		}
		between = ','
	}
	return append(body, ']'), nil
}

// accepts reports whether Accept names a media type itself, with a weight above zero.
func accepts(h http.Header, media string) bool {
	for _, line := range h["Accept"] {
		for entry := range strings.SplitSeq(line, ",") {
			kind, parameters, err := mime.ParseMediaType(entry)
			if weight, weighed := parameters["q"]; err == nil && kind == media && !(weighed && strings.Trim(weight, "0.") == "") {
				return true
			}
		}
	}
	return false
}
