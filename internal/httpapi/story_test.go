package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/exchange"
)

// step is one request of the story in openapi.yaml.
type step struct {
	Do      string            `yaml:"do"`
	Example string            `yaml:"example"`
	As      string            `yaml:"as"`
	Path    map[string]string `yaml:"path"`
	Query   map[string]string `yaml:"query"`
	Header  map[string]string `yaml:"header"`
	Status  int               `yaml:"status"`
}

// operation is one operation of openapi.yaml with its place.
type operation struct {
	*openapi3.Operation
	method, path string
}

func readDocument(t *testing.T) (*openapi3.T, map[string]operation) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	must(t, err)
	operations := make(map[string]operation)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			operations[op.OperationID] = operation{op, method, path}
		}
	}
	return doc, operations
}

func readStory(t *testing.T) []step {
	t.Helper()
	var in struct {
		Story []step `yaml:"x-daypass-story"`
	}
	must(t, yaml.Unmarshal(api.Document, &in))
	return in.Story
}

// TestStory sends every example of openapi.yaml to a real server, in the order of its story. Ids, keys and passes of the
// examples stand for those the server gives; everything else must be as written.
func TestStory(t *testing.T) {
	h := newHouse(t)
	_, operations := readDocument(t)
	real := binding{"founder": h.founder}
	used := make(map[string]bool)
	revision := ""
	for i, s := range readStory(t) {
		op, ok := operations[s.Do]
		if !ok {
			t.Fatalf("step %d: there is no operation %s", i, s.Do)
		}
		must(t, h.records.Flush(t.Context()))
		name := fmt.Sprintf("step %d, %s %s", i, s.Do, s.Example)
		if s.Do == "compareShadow" {
			h.visitAlbum(real)
		}
		answer := h.do(h.request(op, s, real, revision))
		if answer.status != s.Status {
			t.Fatalf("%s: got %d %s, want %d", name, answer.status, answer.body, s.Status)
		}
		if tag := answer.header.Get("ETag"); tag != "" {
			revision = tag
		}
		if cookie, _, _ := strings.Cut(answer.header.Get("Set-Cookie"), ";"); cookie != "" {
			real["__Host-daypass=sealed"] = cookie
		}
		used[s.Do+" "+s.Example] = true
		checkAnswer(t, name, op, s, answer, real)
		if s.Do == "createChallenge" {
			real.sign(t, answer)
		}
	}
	for id, op := range operations {
		checkAllTold(t, id, op, used)
	}
}

func (h *house) request(op operation, s step, real binding, revision string) *http.Request {
	target := op.path
	for name, value := range s.Path {
		target = strings.ReplaceAll(target, "{"+name+"}", url.PathEscape(real.of(value)))
	}
	query := url.Values{}
	for name, value := range s.Query {
		query.Set(name, real.of(value))
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	media, body := "", ""
	if op.RequestBody != nil {
		for name, content := range op.RequestBody.Value.Content {
			if example := content.Examples[s.Example]; example != nil {
				media, body = name, real.text(example.Value.Value)
				if fields, ok := example.Value.Value.(map[string]any); ok && strings.HasSuffix(name, "urlencoded") {
					body = real.form(fields)
				}
			}
		}
	}
	r, err := http.NewRequestWithContext(h.t.Context(), op.method, h.url+target, strings.NewReader(body))
	must(h.t, err)
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	if s.As != "" {
		r.Header.Set("Api-Key", real.of(s.As))
	}
	for name, value := range s.Header {
		r.Header.Set(name, strings.ReplaceAll(real.of(value), "{revision}", revision))
	}
	return r
}

func checkAnswer(t *testing.T, name string, op operation, s step, answer reply, real binding) {
	t.Helper()
	response := op.Responses.Status(s.Status)
	if response == nil {
		response = op.Responses.Default()
	}
	for header := range response.Value.Headers {
		if answer.header.Get(header) == "" && header != "Retry-After" {
			t.Errorf("%s: the header %s is missing", name, header)
		}
	}
	if len(answer.body) == 0 {
		if len(response.Value.Content) > 0 {
			t.Errorf("%s: the answer has no body", name)
		}
		return
	}
	media, _, _ := strings.Cut(answer.header.Get("Content-Type"), ";")
	content := response.Value.Content.Get(media)
	if content == nil {
		t.Fatalf("%s: %s is not in the contract", name, media)
	}
	var body any = string(answer.body)
	if strings.HasSuffix(media, "json") {
		must(t, json.Unmarshal(answer.body, &body))
	}
	if err := content.Schema.Value.VisitJSON(body, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors()); err != nil {
		t.Errorf("%s: %s: %v", name, answer.body, err)
	}
	example := content.Examples[s.Example]
	if example == nil {
		return
	}
	var want any
	raw, err := json.Marshal(example.Value.Value)
	must(t, err)
	must(t, json.Unmarshal(raw, &want))
	for _, difference := range real.compare("", want, body) {
		t.Errorf("%s: %s", name, difference)
	}
}

// sign puts the signature of a challenge in the place of the one in the next step.
func (b binding) sign(t *testing.T, challenge reply) {
	message := exchange.ChallengeText(issuer, challenge.field(t, "id"), challenge.field(t, "challenge"))
	identity := ed25519.NewKeyFromSeed([]byte("the identity of openapi.yaml 001"))
	b["c2lnbmF0dXJlLW9mLXRoZS1mb3VyLWxpbmVzLTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NQ"] = base64.RawURLEncoding.EncodeToString(ed25519.Sign(identity, message))
}

// checkAllTold: each example is part of the story, and each operation that answers with JSON has one. Keys differ each time.
func checkAllTold(t *testing.T, id string, op operation, used map[string]bool) {
	t.Helper()
	if op.RequestBody != nil {
		for _, content := range op.RequestBody.Value.Content {
			for name := range content.Examples {
				if !used[id+" "+name] {
					t.Errorf("%s: the example %s is not in the story", id, name)
				}
			}
		}
	}
	examples, bodies := 0, 0
	for status, response := range op.Responses.Map() {
		if status == "default" || status[0] != '2' {
			continue
		}
		if response.Value.Content["application/json"] != nil {
			bodies++
		}
		for _, content := range response.Value.Content {
			for name := range content.Examples {
				if response.Ref == "" && !used[id+" "+name] {
					t.Errorf("%s: the example %s is not in the story", id, name)
				}
				examples++
			}
		}
	}
	// No example has what a browser's authenticator signs.
	if bodies > 0 && examples == 0 && id != "getSigningKeys" && !strings.HasSuffix(id, "Enrolment") && !strings.Contains(id, "asskeyLogin") && id != "enrolPasskey" {
		t.Errorf("%s: no answer has an example", id)
	}
}

// binding maps what examples say to what the server gave.
type binding map[string]string

var standIn = regexp.MustCompile(`\b(?:chl_[0-9A-Za-z_.-]+|(?:org|usr|mem|key|app|rol|pln|tok|evt|net|idn|ses|isr|sgk|enk)_[0-9a-z]{26})\b|\bdp_[a-z]+_[0-9A-Za-z]{49}\b|\bdp[drl]_[0-9A-Za-z]{49}\b|\bWDJB-MJHT\b|\b127\.0\.0\.1:8080\b|\bc2lnbmF0dXJlLW9mLXRo[0-9A-Za-z]+|\beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

func (b binding) of(s string) string {
	if given, ok := b[s]; ok {
		return given
	}
	return standIn.ReplaceAllStringFunc(s, func(m string) string {
		if given, ok := b[m]; ok {
			return given
		}
		return m
	})
}

func (b binding) text(v any) string {
	if s, ok := v.(string); ok {
		return b.of(s)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b.of(string(raw))
}

// form is an object as the fields of a form; an array is a field that is repeated.
func (b binding) form(fields map[string]any) string {
	values := url.Values{}
	for name, v := range fields {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, one := range list {
			values.Add(name, b.of(fmt.Sprint(one)))
		}
	}
	return values.Encode()
}

// moving are members whose values differ from run to run.
var moving = map[string]bool{
	"exp": true, "nbf": true, "iat": true, "rev": true, "revision": true, "request_id": true,
	"challenge": true, "user_agent": true, "day": true, "last_day": true, "next_cursor": true, "sentence": true,
}

func (b binding) compare(at string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: got %v, want an object", at, got)}
		}
		return b.compareObjects(at, w, g)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf("%s: got %v, want %d elements", at, got, len(w))}
		}
		var out []string
		for i := range w {
			out = append(out, b.compare(fmt.Sprintf("%s/%d", at, i), w[i], g[i])...)
		}
		return out
	case string:
		return b.compareText(at, w, got)
	}
	if want != got {
		return []string{fmt.Sprintf("%s: got %v, want %v", at, got, want)}
	}
	return nil
}

func (b binding) compareObjects(at string, want, got map[string]any) []string {
	var out []string
	for name, w := range want {
		g, there := got[name]
		switch {
		case !there:
			out = append(out, fmt.Sprintf("%s/%s is missing", at, name))
		case !moving[name]:
			out = append(out, b.compare(at+"/"+name, w, g)...)
		}
	}
	for name := range got {
		if _, there := want[name]; !there {
			out = append(out, fmt.Sprintf("%s/%s is not in the example: %v", at, name, got[name]))
		}
	}
	return out
}

func (b binding) compareText(at, want string, got any) []string {
	g, ok := got.(string)
	if !ok {
		return []string{fmt.Sprintf("%s: got %v, want %q", at, got, want)}
	}
	if _, err := time.Parse(time.RFC3339, want); err == nil {
		if _, err := time.Parse(time.RFC3339, g); err != nil {
			return []string{fmt.Sprintf("%s: got %q, want a time", at, g)}
		}
		return nil
	}
	if _, bound := b[want]; !bound && standIn.FindString(want) == want {
		b[want] = g
		return nil
	}
	if at := standIn.FindStringIndex(want); at != nil && b[want[at[0]:at[1]]] == "" { // within a link
		if rest, ok := strings.CutPrefix(g, want[:at[0]]); ok {
			b[want[at[0]:at[1]]] = strings.TrimSuffix(rest, want[at[1]:])
		}
	}
	if b.of(want) != g {
		return []string{fmt.Sprintf("%s: got %q, want %q", at, g, b.of(want))}
	}
	return nil
}

func TestDocumentIsValid(t *testing.T) {
	doc, _ := readDocument(t)
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
}
