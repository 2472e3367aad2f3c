package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/strictjson"
	"github.com/daypass/daypass/verify"
)

// Bounds of one JSON body.
const (
	maxDepth   = 16
	maxMembers = 1000

	// Of one that is a long list.
	maxBulk        = 4 << 20 // bytes
	maxBulkMembers = 100_000
)

// maxUserAgent is how many bytes of it are kept.
const maxUserAgent = 200

func clientOf(r *http.Request) (exchange.Client, error) {
	c := edge.ClientFrom(r.Context())
	if !c.Address.IsValid() {
		return exchange.Client{}, errors.New("the request's client was never found out")
	}
	agent := r.UserAgent()
	if len(agent) > maxUserAgent {
		agent = agent[:maxUserAgent]
	}
	return exchange.Client{Address: c.Address, UserAgent: strings.ToValidUTF8(agent, ""), RequestID: c.RequestID}, nil
}

var (
	errTwoCredentials = access.New(access.Malformed, "two_credentials", "send one credential: a single Authorization header, or a single Api-Key header")
	errScheme         = access.New(access.Unauthenticated, "credential_scheme", "write 'Authorization: Bearer …', or 'Authorization: DPoP …' for a bound pass; no other scheme is known here")
	errNotAKey        = access.New(access.Unauthenticated, "credential_invalid", "Api-Key takes a key (dp_…); a pass goes into 'Authorization: Bearer …'")
)

func (rt route) credentialOf(r *http.Request) (string, error) {
	if rt.credential != nil {
		return rt.credential(r)
	}
	return credentialOf(r)
}

// credentialOf is the one credential of a request: a pass or a key; empty where there is none.
func credentialOf(r *http.Request) (string, error) {
	values, keys := r.Header["Authorization"], r.Header["Api-Key"]
	switch {
	case len(values)+len(keys) > 1:
		return "", errTwoCredentials
	case len(keys) == 1:
		if !strings.HasPrefix(keys[0], "dp_") {
			return "", errNotAKey
		}
		return keys[0], nil
	case len(values) == 0:
		return "", nil
	}
	scheme, text, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, verify.DPoPScheme) {
		return "", errScheme
	}
	return strings.TrimLeft(text, " "), nil
}

// query is the query of a request. Each parameter is there once.
type query url.Values

var (
	errQueryCredential = access.New(access.Malformed, "token_in_query",
		"credentials do not belong in a URL, where logs and histories keep them; send 'Authorization: Bearer …' or 'Api-Key: …', and replace this credential")
	secretNames = []string{"access_token", "api_key", "apikey", "api-key", "authorization", "bearer", "jwt"}
	secretValue = regexp.MustCompile(seal.KeyPattern + `|\bdp[drs]_[0-9A-Za-z]{20,}|\beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.`)
)

// readQuery parses a query strictly and refuses any that carries a credential (RFC 9700, section 4.3.2).
func readQuery(raw string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	for name, list := range values {
		if slices.Contains(secretNames, strings.ToLower(name)) || secretValue.MatchString(name) || slices.ContainsFunc(list, secretValue.MatchString) {
			return nil, errQueryCredential
		}
	}
	if secretValue.MatchString(raw) {
		return nil, errQueryCredential
	}
	if err != nil {
		return nil, access.New(access.Malformed, "invalid_query", "the query cannot be read: separate parameters by '&' and escape what is not a letter or digit")
	}
	for name, list := range values {
		switch {
		case len(list) != 1:
			return nil, badQuery(name, "give it once")
		case !utf8.ValidString(name) || !utf8.ValidString(list[0]):
			return nil, badQuery("", "write parameters in UTF-8")
		}
	}
	return query(values), nil
}

// only refuses parameters that the route does not have.
func (q query) only(known []string) error {
	for name := range q {
		if !slices.Contains(known, name) {
			have := "this route has none"
			if len(known) > 0 {
				have = "this route has " + strings.Join(known, ", ")
			}
			return unknownParameter(name, have)
		}
	}
	return nil
}

// unknownParameter names what was sent: mostly it is misspelt. Credentials were refused before.
func unknownParameter(name, have string) error {
	const most = 64
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return access.New(access.Malformed, "unknown_parameter", fmt.Sprintf("there is no query parameter %q here; %s", name, have)).At("/" + name)
}

func badQuery(name, message string) error {
	e := access.New(access.Malformed, "invalid_parameter", message)
	if len(name) > 64 || name == "" {
		return e
	}
	return e.At("/" + name)
}

// badParameter answers for a parameter that the generated code could not read.
func (h *Handler) badParameter(w http.ResponseWriter, r *http.Request, err error) {
	var format *api.InvalidParamFormatError
	var many *api.TooManyValuesForParamError
	switch {
	case errors.As(err, &format):
		err = badQuery(format.ParamName, "the parameter "+format.ParamName+" has the wrong form")
	case errors.As(err, &many):
		err = badQuery(many.ParamName, "give the header "+many.ParamName+" once")
	}
	h.fail(w, r, err)
}

const (
	mediaJSON = "application/json"
	mediaYAML = "application/yaml"
	mediaForm = "application/x-www-form-urlencoded"
	mediaText = "text/plain"
)

// checkBody checks what the header says of the body before any of it is read, and returns its media type.
func (h *Handler) checkBody(r *http.Request, rt route) (string, error) {
	if rt.body == nil && !rt.document && !rt.form {
		return "", nil
	}
	if limit := h.limit(rt); r.ContentLength > limit {
		return "", &http.MaxBytesError{Limit: limit}
	}
	if r.ContentLength == 0 && rt.bodyOptional {
		return "", nil
	}
	if r.Header.Get("Content-Encoding") != "" {
		return "", access.New(access.Unsupported, "unsupported_encoding", "send the body as it is, without Content-Encoding")
	}
	types := r.Header["Content-Type"]
	if len(types) == 1 {
		media, params, err := mime.ParseMediaType(types[0])
		charset := params["charset"]
		delete(params, "charset")
		if err == nil && len(params) == 0 && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
			slices.Contains(rt.media(), media) {
			return media, nil
		}
	}
	want := strings.Join(rt.media(), " or ")
	return "", access.New(access.Unsupported, "unsupported_media_type", "send the body as Content-Type: "+want)
}

// media is what the body may be.
func (rt route) media() []string {
	switch {
	case rt.document:
		return []string{mediaYAML, mediaJSON}
	case rt.form && rt.body == nil:
		return []string{mediaForm}
	case rt.form:
		return []string{mediaForm, mediaJSON}
	case rt.plainText:
		return []string{mediaJSON, mediaText}
	}
	return []string{mediaJSON}
}

func (h *Handler) limit(rt route) int64 {
	switch {
	case rt.document:
		return MaxDocument
	case rt.bulk:
		return maxBulk
	}
	return h.MaxBody
}

// members is how many members and elements a body may have.
func (rt route) members() int {
	if rt.bulk {
		return maxBulkMembers
	}
	return maxMembers
}

// readBody reads the body, strictly, into the route's type. The generated decoder then gets the same bytes.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, rt route, c *call) error {
	if c.media == "" {
		return nil
	}
	limit := h.limit(rt)
	var err error
	if c.raw, err = readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return err
		}
		return access.New(access.Malformed, "incomplete_body", "the body ended before it was complete").Because(err)
	}
	if err := c.checkSignedBody(); err != nil {
		return err
	}
	if len(c.raw) == 0 && rt.bodyOptional {
		return nil
	}
	switch {
	case c.media == mediaForm:
		c.form, err = readForm(c.raw, rt.repeated)
	case rt.read != nil:
		c.body, err = rt.read(c.raw, int(limit))
	case rt.body != nil:
		c.body = rt.body()
		err = decode(c.raw, c.body, int(limit), rt.members())
	case c.media == mediaJSON:
		err = wellFormed(c.raw)
	}
	if !rt.plain { // else nobody reads it again
		r.Body = io.NopCloser(bytes.NewReader(c.raw))
	}
	return err
}

// readForm reads a form strictly: each field is there once unless it may be repeated, and is text (RFC 6749, section 3.2).
func readForm(raw []byte, repeated []string) (url.Values, error) {
	const most = 100
	if bytes.Count(raw, []byte("&")) >= most {
		return nil, access.New(access.Malformed, "invalid_form", fmt.Sprintf("a form has at most %d fields", most))
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, access.New(access.Malformed, "invalid_form", "the form cannot be read: separate fields by '&' and escape what is not a letter or digit")
	}
	for name, values := range form {
		switch {
		case len(values) != 1 && !slices.Contains(repeated, name):
			return nil, access.New(access.Malformed, "invalid_form", "give each field of the form once")
		case !utf8.ValidString(name) || slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }):
			return nil, access.New(access.Malformed, "invalid_form", "the form is not UTF-8")
		}
	}
	return form, nil
}

func bodyError(err error) error {
	var e *strictjson.Error
	if !errors.As(err, &e) {
		return err
	}
	problem := access.New(access.Malformed, "invalid_json", e.Error())
	if e.Pointer == "" {
		return problem
	}
	problem.Fields = []access.FieldError{{Pointer: e.Pointer, Message: e.Reason}}
	return problem
}

// wellFormed holds the JSON of a resource file against the limits; what it must contain is the catalog's to say.
func wellFormed(raw []byte) error {
	var any jsontext.Value
	return bodyError(strictjson.Unmarshal(raw, &any, strictjson.Limits{Bytes: MaxDocument, Depth: maxDepth, Members: 200_000}))
}

// decode reads a JSON object into v. Beside what strictjson refuses, null is no value, and members that the contract
// requires must be there: an absent switch is not one that is off.
func decode(raw []byte, v any, limit, members int) error {
	if first := strings.TrimLeft(string(raw[:min(len(raw), 64)]), " \t\r\n"); first != "" && first[0] != '{' {
		return access.New(access.Malformed, "invalid_json", "the body must be a JSON object")
	}
	if err := strictjson.Unmarshal(raw, v, strictjson.Limits{Bytes: limit, Depth: maxDepth, Members: members, Strict: true}); err != nil {
		return bodyError(err)
	}
	required := requiredMembers(reflect.TypeOf(v).Elem())
	if len(required) == 0 && !bytes.Contains(raw, []byte("null")) {
		return nil
	}
	var present map[string]jsontext.Value
	if err := json.Unmarshal(raw, &present); err != nil {
		return fmt.Errorf("read again what was just read: %w", err)
	}
	for name, value := range present {
		if value.Kind() == 'n' {
			return missing(name, "null is no value; leave the member out, or give one")
		}
	}
	for _, name := range required {
		if _, ok := present[name]; !ok {
			return missing(name, "this member is required")
		}
	}
	return nil
}

func missing(name, message string) error {
	return access.New(access.Malformed, "invalid_json", "the JSON is refused: "+message+" (at /"+name+")").At("/" + name)
}

// readAll is io.ReadAll for a body whose length is mostly known; -1: it is not.
func readAll(r io.Reader, length int64) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(int(max(length, 0)) + bytes.MinRead) // the limit was held against the length before
	_, err := body.ReadFrom(r)
	return body.Bytes(), err
}

// required remembers the required members of types that were asked for.
var required sync.Map // of []string by reflect.Type

// requiredMembers are those whose generated field has no omitempty.
func requiredMembers(t reflect.Type) []string {
	if known, ok := required.Load(t); ok {
		return known.([]string)
	}
	var names []string
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if options != "omitempty" {
			names = append(names, name)
		}
	}
	required.Store(t, names)
	return names
}

// ifRevision reads If-Match: one strong entity tag, as answers carry it (RFC 9110, section 13.1.1).
func ifRevision(header *api.IfMatch) (int64, error) {
	if header == nil {
		return noCondition, nil
	}
	text, ok := strings.CutPrefix(*header, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	if !ok || !closed {
		return 0, access.New(access.Malformed, "invalid_if_match", `send the ETag that you saw as If-Match, as in "12"`)
	}
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil || revision <= 0 || strconv.FormatInt(revision, 10) != text {
		return 0, access.New(access.Precondition, "precondition_failed", "it has another revision than If-Match names; read it again")
	}
	return revision, nil
}

func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }
