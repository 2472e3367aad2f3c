package edge_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/gate/gatetest"
)

// arrived is a GraphQL request as the upstream got it.
type arrived struct {
	method, target string
	header         http.Header
	body           string
}

// graphqlUpstream remembers what it is asked, and answers subscriptions as a stream of events.
type graphqlUpstream struct {
	mu  sync.Mutex
	got []arrived
}

func (u *graphqlUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	u.got = append(u.got, arrived{r.Method, r.RequestURI, r.Header, string(body)})
	u.mu.Unlock()
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: next\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"data":{}}`)
}

func (u *graphqlUpstream) take() []arrived {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.got
	u.got = nil
	return got
}

type graphqlWorld struct {
	*world
	upstream *graphqlUpstream
}

func newGraphQLWorld(t testing.TB) graphqlWorld {
	u := new(graphqlUpstream)
	return graphqlWorld{newWorld(t, u), u}
}

const (
	atOpen   = "/graphql/open"
	atClosed = "/graphql/closed"
	asJSON   = "Content-Type: application/json"
)

// post sends a body with header lines, and with the pass if it is not empty.
func (w graphqlWorld) post(t testing.TB, target, pass, body string, lines ...string) (*http.Response, string) {
	t.Helper()
	if pass != "" {
		lines = append(lines, "Authorization: Bearer "+pass)
	}
	lines = append(lines, "Content-Length: "+strconv.Itoa(len(body)))
	res, answer, _ := exchange(t, w.Gateway, head("POST", target, lines...)+body)
	return res, answer
}

// graphqlReason is the reason in an answer that has to be in GraphQL's form.
func graphqlReason(t testing.TB, res *http.Response, body string) (reason string, extensions map[string]string) {
	t.Helper()
	var answer struct {
		Errors []struct {
			Message    string            `json:"message"`
			Extensions map[string]string `json:"extensions"`
		} `json:"errors"`
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Errors) != 1 || answer.Errors[0].Message == "" || media != "application/json" && media != "application/graphql-response+json" {
		t.Fatalf("%d is not an error of GraphQL: %q", res.StatusCode, body)
	}
	e := answer.Errors[0].Extensions
	if e["code"] == "" || e["request_id"] != "req-1" {
		t.Errorf("extensions lack code or request: %v", e)
	}
	return e["reason"], e
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// TestGraphQLAttacks sends what must not be executed by anybody. The pass holds every scope, so that it is the form of the
// request alone that is refused.
func TestGraphQLAttacks(t *testing.T) {
	const del = `mutation{DeletePerson(id:1){id}}`
	mutation := `{"query":` + quoted(del) + `}`
	get := func(query string, lines ...string) string {
		return head("GET", atOpen+"?query="+url.QueryEscape(query), append(lines, "Authorization: Bearer pass.*")...)
	}
	post := func(target, body string, lines ...string) string {
		lines = append(lines, "Authorization: Bearer pass.*", "Content-Length: "+strconv.Itoa(len(body)))
		return head("POST", target, lines...) + body
	}
	bomb := "{a" + strings.Repeat("...F ", 3) + "}"
	w := newGraphQLWorld(t)
	for name, c := range map[string]struct {
		raw    string
		status int
		reason string
	}{
		"mutation by GET":                 {get(del), 405, "graphql_mutation_by_get"},
		"mutation by GET among others":    {get("query A{a} mutation B{DeletePerson{id}}", "X-Y: z") + "", 422, "graphql_no_operation"},
		"mutation by GET, named":          {strings.Replace(get("query A{a} mutation B{DeletePerson{id}}"), " HTTP/1.1", "&operationName=B HTTP/1.1", 1), 405, "graphql_mutation_by_get"},
		"mutation by GET with override":   {get(del, "X-HTTP-Method-Override: POST"), 405, "method_override"},
		"override on a POST":              {post(atOpen, mutation, asJSON, "X-Method-Override: GET"), 405, "method_override"},
		"subscription by GET":             {get("subscription{personAdded{id}}"), 405, "graphql_subscription_by_get"},
		"GET with a body":                 {head("GET", atOpen+"?query={a}", "Content-Length: 2", asJSON) + "{}", 400, "graphql_body"},
		"GET with two queries":            {head("GET", atOpen+"?query={a}&query={b}"), 400, "graphql_ambiguous"},
		"GET with another case":           {head("GET", atOpen+"?query={a}&Query={b}"), 400, "graphql_ambiguous"},
		"GET with a list":                 {head("GET", atOpen+"?query={a}&query[]={b}"), 400, "graphql_ambiguous"},
		"GET without a query":             {head("GET", atOpen), 400, "graphql_no_query"},
		"GET with variables as a list":    {head("GET", atOpen+"?query={a}&variables=[]"), 400, "graphql_body"},
		"GET with variables twice inside": {head("GET", atOpen+"?query={a}&variables={%22a%22:1,%22a%22:2}"), 400, "graphql_body"},
		"badly encoded URL":               {head("GET", atOpen+"?query=%zz"), 400, "bad_query"},
		"PUT":                             {strings.Replace(post(atOpen, mutation, asJSON), "POST", "PUT", 1), 405, "graphql_method"},
		"DELETE":                          {head("DELETE", atOpen), 405, "graphql_method"},
		"form":                            {post(atOpen, "query="+url.QueryEscape(del), "Content-Type: application/x-www-form-urlencoded"), 415, "graphql_media_type"},
		"text":                            {post(atOpen, mutation, "Content-Type: text/plain"), 415, "graphql_media_type"},
		"multipart":                       {post(atOpen, "--x\r\nContent-Disposition: form-data; name=operations\r\n\r\n"+mutation+"\r\n--x--\r\n", "Content-Type: multipart/form-data; boundary=x"), 415, "graphql_media_type"},
		"no media type":                   {post(atOpen, mutation), 415, "graphql_media_type"},
		"two media types":                 {post(atOpen, mutation, asJSON, "Content-Type: text/plain"), 415, "graphql_media_type"},
		"list of media types":             {post(atOpen, mutation, "Content-Type: text/plain, application/json"), 415, "graphql_media_type"},
		"JSON in name only":               {post(atOpen, mutation, "Content-Type: text/plain; application/json"), 415, "graphql_media_type"},
		"other charset":                   {post(atOpen, mutation, asJSON+"; charset=utf-7"), 415, "graphql_media_type"},
		"other parameter":                 {post(atOpen, mutation, asJSON+"; boundary=x"), 415, "graphql_media_type"},
		"gzip":                            {post(atOpen, mutation, asJSON, "Content-Encoding: gzip"), 415, "unsupported_encoding"},
		"URL and body":                    {post(atOpen+"?query={a}", mutation, asJSON), 400, "graphql_ambiguous"},
		"name in URL, query in body":      {post(atOpen+"?operationName=B", mutation, asJSON), 400, "graphql_ambiguous"},
		"URL in another case":             {post(atOpen+"?QUERY={a}", mutation, asJSON), 400, "graphql_ambiguous"},
		"URL as a list":                   {post(atOpen+"?query[0]={a}", mutation, asJSON), 400, "graphql_ambiguous"},
		"member twice":                    {post(atOpen, `{"query":"{a}","query":`+quoted(del)+`}`, asJSON), 400, "graphql_body"},
		"member twice, escaped":           {post(atOpen, `{"query":"{a}","\u0071uery":`+quoted(del)+`}`, asJSON), 400, "graphql_body"},
		"variable twice":                  {post(atOpen, `{"query":"{a}","variables":{"x":{"a":1,"a":2}}}`, asJSON), 400, "graphql_body"},
		"member in another case":          {post(atOpen, `{"query":"{a}","Query":`+quoted(del)+`}`, asJSON), 400, "graphql_body"},
		"member beside":                   {post(atOpen, `{"query":"{a}","doc_id":"1"}`, asJSON), 400, "graphql_body"},
		"name is a number":                {post(atOpen, `{"query":"{a}","operationName":1}`, asJSON), 400, "graphql_body"},
		"query is a list":                 {post(atOpen, `{"query":["{a}"]}`, asJSON), 400, "graphql_body"},
		"variables are a list":            {post(atOpen, `{"query":"{a}","variables":[]}`, asJSON), 400, "graphql_body"},
		"extensions are a text":           {post(atOpen, `{"query":"{a}","extensions":"x"}`, asJSON), 400, "graphql_body"},
		"two values":                      {post(atOpen, mutation+mutation, asJSON), 400, "graphql_body"},
		"byte order mark":                 {post(atOpen, "\ufeff"+mutation, asJSON), 400, "graphql_body"},
		"no UTF-8":                        {post(atOpen, "{\"query\":\"{a(b:\\\"\xff\\\")}\"}", asJSON), 400, "graphql_body"},
		"text that is no UTF-8":           {post(atOpen, "{a(b:\"\xff\")}", "Content-Type: application/graphql"), 400, "graphql_body"},
		"deep variables":                  {post(atOpen, `{"query":"{a}","variables":{"a":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}}`, asJSON), 400, "graphql_body"},
		"no query":                        {post(atOpen, `{}`, asJSON), 400, "graphql_no_query"},
		"empty body":                      {post(atOpen, ``, asJSON), 400, "graphql_body"},
		"batch where none is taken":       {post(atOpen, "["+mutation+"]", asJSON), 400, "graphql_batch_refused"},
		"batch behind blanks":             {post(atOpen, " \n\t["+mutation+"]", asJSON), 400, "graphql_batch_refused"},
		"batch in a batch":                {post(atClosed, "[["+mutation+"]]", asJSON), 400, "graphql_body"},
		"empty batch":                     {post(atClosed, "[]", asJSON), 400, "graphql_body"},
		"batch of null":                   {post(atClosed, "[null]", asJSON), 400, "graphql_body"},
		"long batch":                      {post(atClosed, "["+strings.Repeat(`{"query":"{a}"},`, 1000)+`{"query":"{a}"}]`, asJSON), 413, "graphql_batch_too_long"},
		"body too large":                  {post(atOpen, `{"query":"{a} #`+strings.Repeat("x", 5000)+`"}`, asJSON), 413, "body_too_large"},
		"not GraphQL":                     {post(atOpen, `{"query":"DROP TABLE"}`, asJSON), 400, "graphql_syntax"},
		"cyclic fragments":                {post(atOpen, `{"query":"{...F} fragment F on Query{...F}"}`, asJSON), 422, "graphql_invalid"},
		"unknown fragment":                {post(atOpen, `{"query":`+quoted(bomb)+`}`, asJSON), 422, "graphql_invalid"},
		"persisted, other version":        {post(atOpen, `{"query":"{a}","extensions":{"persistedQuery":{"version":2,"sha256Hash":"`+hash("{a}")+`"}}}`, asJSON), 400, "graphql_persisted_query"},
		"persisted, other text":           {post(atOpen, `{"query":"{a}","extensions":{"persistedQuery":{"version":1,"sha256Hash":"`+hash("{b}")+`"}}}`, asJSON), 400, "graphql_persisted_query"},
		"persisted, other case":           {post(atOpen, `{"query":"{a}","extensions":{"PersistedQuery":{"version":1,"sha256Hash":"`+hash("{a}")+`"}}}`, asJSON), 400, "graphql_persisted_query"},
		"persisted, path for a hash":      {post(atOpen, `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"../../etc/passwd"}}}`, asJSON), 400, "graphql_persisted_query"},
	} {
		res, body, _ := exchange(t, w.Gateway, c.raw)
		if got := w.upstream.take(); len(got) != 0 {
			t.Errorf("%s reached the upstream as %+v", name, got)
		}
		if res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d: %s", name, res.StatusCode, c.status, body)
			continue
		}
		if reason, _ := graphqlReason(t, res, body); reason != c.reason {
			t.Errorf("%s: %s, want %s", name, reason, c.reason)
		}
		if allow := res.Header.Get("Allow"); (allow == "") != (res.StatusCode != 405) {
			t.Errorf("%s: %d with Allow %q", name, res.StatusCode, allow)
		}
	}
}

// TestGraphQLSendsOnWhatItJudged compares the parts of what the upstream gets with what was asked, whatever way it came.
func TestGraphQLSendsOnWhatItJudged(t *testing.T) {
	w := newGraphQLWorld(t)
	const scopes = "pass.Mutation:Person:*"
	const twoOperations = `query Other { me } mutation Make($n: String) { CreatePerson(name: $n) { id } }`
	for name, c := range map[string]struct {
		target, media, body, pass string
		query, operation          string // what the upstream must see of them
		variables, extensions     string
	}{
		"as Apollo Client sends it": {atOpen, "application/json", `{"operationName":"Make","variables":{"n":"\u00e9 9007199254740993","big":9007199254740993},"extensions":{"clientLibrary":{"name":"@apollo/client"}},"query":` + quoted(twoOperations) + `}`, scopes,
			"CreatePerson", "Make", `{"n":"é 9007199254740993","big":9007199254740993}`, `{"clientLibrary":{"name":"@apollo/client"}}`},
		"nulls":              {atOpen, "application/json; charset=UTF-8", `{"query":"{people{id}}","operationName":null,"variables":null,"extensions":null}`, "", "people", "", "", ""},
		"plain text":         {atOpen, "application/graphql", `{ people { id } } # comment`, "", "people", "", "", ""},
		"what the URL adds":  {atOpen + "?opname=People&x=1", "application/json", `{"query":"{people{id}}"}`, "", "people", "", "", ""},
		"only one operation": {atOpen, "application/json", `{"query":"query A{people{id}} query B{me}","operationName":"A"}`, "", "people", "A", "", ""},
	} {
		res, body := w.post(t, c.target, c.pass, c.body, "Content-Type: "+c.media, "Content-MD5: x", "Cookie: a=b")
		got := w.upstream.take()
		if res.StatusCode != http.StatusOK || len(got) == 0 {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
			continue
		}
		last := got[len(got)-1]
		var sent struct {
			Query, OperationName  string
			Variables, Extensions json.RawMessage
		}
		if err := json.Unmarshal([]byte(last.body), &sent); err != nil {
			t.Errorf("%s: the upstream got %q", name, last.body)
		}
		if !strings.Contains(sent.Query, c.query) || strings.Contains(sent.Query, "me") && c.query != "me" && strings.Contains(sent.Query, "{me}") || strings.Contains(sent.Query, "#") {
			t.Errorf("%s: the upstream got query %q", name, sent.Query)
		}
		var variables bytes.Buffer
		if len(sent.Variables) > 0 {
			json.Compact(&variables, sent.Variables)
		}
		want := strings.ReplaceAll(c.variables, "é", `\u00e9`)
		if sent.OperationName != c.operation || variables.String() != c.variables && variables.String() != want || string(sent.Extensions) != c.extensions {
			t.Errorf("%s: the upstream got %s", name, last.body)
		}
		if last.target != atOpen || last.header.Get("Content-Type") != "application/json" || last.header.Get("Content-Length") != strconv.Itoa(len(last.body)) ||
			last.header.Get("Content-Md5") != "" || last.header.Get("Cookie") != "" || last.header.Get("Authorization") != "" {
			t.Errorf("%s: the upstream got %s %v", name, last.target, last.header)
		}
		hasEveryIdentity(t, last.header)
	}
}

func TestGraphQLByGet(t *testing.T) {
	w := newGraphQLWorld(t)
	target := atOpen + "?operationName=A&variables=%7B%22x%22%3A%221%26query%3D%22%7D&extra=1&query=" + url.QueryEscape("query A($x:ID){people(id:$x){id}} query B{me}")
	res, body, _ := exchange(t, w.Gateway, head("GET", target))
	got := w.upstream.take()
	if res.StatusCode != http.StatusOK || len(got) != 1 {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	_, query, _ := strings.Cut(got[0].target, "?")
	values, err := url.ParseQuery(query)
	if err != nil || got[0].method != "GET" || got[0].body != "" {
		t.Fatalf("the upstream got %+v", got[0])
	}
	if len(values) != 3 || values.Get("operationName") != "A" || values.Get("variables") != `{"x":"1&query="}` || strings.Contains(values.Get("query"), "me") {
		t.Errorf("the upstream was asked %v", values)
	}
}

// TestGraphQLDenials: each in GraphQL's form, with the status and the challenge of the other doors.
func TestGraphQLDenials(t *testing.T) {
	w := newGraphQLWorld(t)
	const create = `{"query":"mutation { x: UpdatePerson(id:1) { id } ...F } fragment F on Mutation { CreatePerson { id } }"}`
	for name, c := range map[string]struct {
		target, pass, body string
		status             int
		extensions         map[string]string
		challenge          string
	}{
		"no pass":             {atOpen, "", create, 401, map[string]string{"code": "UNAUTHENTICATED", "reason": "token_missing"}, "Bearer"},
		"no pass, nothing is": {atClosed, "", "{ not even JSON", 401, map[string]string{"code": "UNAUTHENTICATED", "reason": "token_missing"}, "Bearer"},
		"bad pass":            {atClosed, "x.y.z", "{ not even JSON", 401, map[string]string{"code": "UNAUTHENTICATED", "reason": "token_invalid"}, "invalid_token"},
		"scope":               {atOpen, "pass.Mutation:Person:Update", create, 403, map[string]string{"code": "FORBIDDEN", "reason": "scope_missing", "missing": "Mutation:Person:Create", "field": "CreatePerson"}, `scope="Mutation:Person:Create"`},
		"unmapped":            {atOpen, "pass.*", `{"query":"mutation{createPerson}"}`, 403, map[string]string{"code": "FORBIDDEN", "reason": "field_unmapped", "field": "createPerson"}, ""},
		"refused":             {atOpen, "pass.*", `{"query":"{nobody}"}`, 403, map[string]string{"code": "FORBIDDEN", "reason": "field_refused", "field": "nobody"}, ""},
		"introspection":       {atOpen, "pass.*", `{"query":"{__schema{types{name}}}"}`, 403, map[string]string{"code": "FORBIDDEN", "reason": "introspection_refused", "field": "__schema"}, ""},
		"one of a batch":      {atClosed, "pass.Mutation:Person:Update", `[{"query":"{a}"},` + create + `]`, 403, map[string]string{"code": "FORBIDDEN", "reason": "scope_missing", "missing": "Mutation:Person:Create", "field": "CreatePerson"}, "insufficient_scope"},
	} {
		res, body := w.post(t, c.target, c.pass, c.body, asJSON, "Accept: application/json")
		_, extensions := graphqlReason(t, res, body)
		delete(extensions, "request_id")
		if res.StatusCode != c.status || fmt.Sprint(extensions) != fmt.Sprint(c.extensions) {
			t.Errorf("%s: %d %v, want %d %v", name, res.StatusCode, extensions, c.status, c.extensions)
		}
		if challenge := res.Header.Get("Www-Authenticate"); !strings.Contains(challenge, c.challenge) || c.challenge == "" && challenge != "" {
			t.Errorf("%s: challenge %q", name, challenge)
		}
		if got := w.upstream.take(); len(got) != 0 {
			t.Errorf("%s reached the upstream: %+v", name, got)
		}
	}
	res, body := w.post(t, atOpen, "", create, asJSON, "Accept: application/json;q=0.5, application/graphql-response+json")
	if graphqlReason(t, res, body); !strings.HasPrefix(res.Header.Get("Content-Type"), "application/graphql-response+json") {
		t.Errorf("answered in %s", res.Header.Get("Content-Type"))
	}
}

func TestGraphQLBatchIsGatedEntryByEntry(t *testing.T) {
	w := newGraphQLWorld(t)
	res, body := w.post(t, atClosed, "pass.Mutation:Person:Create", `[{"query":"{a}"},{"query":"mutation M{CreatePerson{id}}","variables":{"a":1}}]`, asJSON)
	got := w.upstream.take()
	if res.StatusCode != http.StatusOK || len(got) != 1 {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	var sent []map[string]any
	if err := json.Unmarshal([]byte(got[0].body), &sent); err != nil || len(sent) != 2 || sent[1]["operationName"] != "M" {
		t.Errorf("the upstream got %s", got[0].body)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counts[gate.Allowed] != 2 || len(w.uses) != 2 {
		t.Errorf("two operations were counted as %v %v", w.counts, w.uses)
	}
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// TestPersistedQueries goes through what Apollo's clients do, and what others might.
func TestPersistedQueries(t *testing.T) {
	w := newGraphQLWorld(t)
	const text = `mutation Make { CreatePerson { id } }`
	extensions := `"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash(text) + `"}}`
	hashed, full := `{"operationName":"Make",`+extensions+`}`, `{"operationName":"Make","query":`+quoted(text)+`,`+extensions+`}`
	const may, mayNot = "pass.Mutation:Person:Create", "pass.Mutation:Person:Delete"
	notFound := func(when string, res *http.Response, body string) {
		t.Helper()
		if _, e := graphqlReason(t, res, body); res.StatusCode != http.StatusOK || e["code"] != "PERSISTED_QUERY_NOT_FOUND" || !strings.Contains(body, `"message":"PersistedQueryNotFound"`) {
			t.Errorf("%s: %d %s", when, res.StatusCode, body)
		}
		if got := w.upstream.take(); len(got) != 0 {
			t.Errorf("%s: the upstream got %+v", when, got)
		}
	}
	denied := func(when string, res *http.Response, body string) {
		t.Helper()
		if reason, _ := graphqlReason(t, res, body); reason != "scope_missing" || len(w.upstream.take()) != 0 {
			t.Errorf("%s: %d %s", when, res.StatusCode, body)
		}
	}
	res, body := w.post(t, atOpen, may, hashed, asJSON)
	notFound("a new hash", res, body)

	res, body = w.post(t, atOpen, mayNot, full, asJSON)
	denied("sent by one who may not", res, body)
	res, body = w.post(t, atOpen, may, hashed, asJSON)
	notFound("after somebody who may not sent it", res, body)

	for _, one := range []string{full, hashed} {
		res, body = w.post(t, atOpen, may, one, asJSON)
		got := w.upstream.take()
		if res.StatusCode != http.StatusOK || len(got) != 1 || !strings.Contains(got[0].body, "CreatePerson") || strings.Contains(got[0].body, "persistedQuery") || strings.Contains(got[0].body, "extensions") {
			t.Errorf("%s: %d %s, the upstream got %+v", one, res.StatusCode, body, got)
		}
	}
	res, body = w.post(t, atOpen, mayNot, hashed, asJSON)
	denied("a known hash, by one who may not", res, body)
	get := atOpen + "?extensions=" + url.QueryEscape(`{"persistedQuery":{"version":1,"sha256Hash":"`+hash(text)+`"}}`)
	res, body, _ = exchange(t, w.Gateway, head("GET", get, "Authorization: Bearer "+may))
	if reason, _ := graphqlReason(t, res, body); res.StatusCode != 405 || reason != "graphql_mutation_by_get" || len(w.upstream.take()) != 0 {
		t.Errorf("a mutation by its hash by GET: %d %s", res.StatusCode, body)
	}
}

// TestPersistedQueryByGet: a text too long for a URL goes on by POST.
func TestPersistedQueryByGet(t *testing.T) {
	w := newGraphQLWorld(t)
	for text, method := range map[string]string{
		`{people{id}}`: "GET",
		`{people(filter:"` + strings.Repeat(`é<>`, 700) + `"){id}}`: "POST",
	} {
		extensions := `{"persistedQuery":{"version":1,"sha256Hash":"` + hash(text) + `"}}`
		w.post(t, atOpen, "", `{"query":`+quotedPlain(text)+`,"extensions":`+extensions+`}`, asJSON)
		w.upstream.take()
		res, body, _ := exchange(t, w.Gateway, head("GET", atOpen+"?extensions="+url.QueryEscape(extensions)))
		got := w.upstream.take()
		if res.StatusCode != http.StatusOK || len(got) != 1 || got[0].method != method || !strings.Contains(got[0].target+got[0].body, "people") {
			t.Errorf("%d %s, %d reached the upstream, want one %s", res.StatusCode, body, len(got), method)
		}
	}
}

// quotedPlain is text in JSON, without escapes for HTML.
func quotedPlain(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text)
	return strings.TrimSpace(b.String())
}

func TestGraphQLOverForwardAuthIsRefused(t *testing.T) {
	w := newGraphQLWorld(t)
	for target, want := range map[string]string{atOpen: "graphql_needs_gateway", atClosed: "graphql_needs_gateway"} {
		res, body, _ := exchange(t, w.Forward, head("GET", "/v1/forward-auth", "X-Forwarded-Method: POST", "X-Forwarded-Uri: "+target, "Authorization: Bearer pass.*"))
		if code := problemCode(t, res, body); res.StatusCode != 403 || code != want {
			t.Errorf("%s: %d %s", target, res.StatusCode, body)
		}
	}
}

func TestGraphQLPreflightMayBePublic(t *testing.T) {
	w := newGraphQLWorld(t)
	res, body, _ := exchange(t, w.Gateway, head("OPTIONS", atOpen, "Origin: https://app.example.com", "Access-Control-Request-Method: POST"))
	if got := w.upstream.take(); res.StatusCode != http.StatusOK || len(got) != 1 || got[0].header.Get("Origin") == "" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// TestGraphQLEventStreamEndsWithItsPass: a subscription over a stream of events, by GET and by POST.
func TestGraphQLEventStreamEndsWithItsPass(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		w := newGraphQLWorld(t)
		target, body := "http://"+w.Gateway+atOpen, io.Reader(strings.NewReader(`{"query":"subscription{personAdded{id}}"}`))
		if method == "GET" {
			target, body = target+"?query="+url.QueryEscape("subscription{personAdded{id}}"), nil
		}
		req, _ := http.NewRequestWithContext(t.Context(), method, target, body)
		req.Header = http.Header{"Authorization": {"Bearer pass.ws:open"}, "Accept": {"text/event-stream"}, "Content-Type": {"application/json"}}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		first := make([]byte, 5)
		if _, err := io.ReadFull(res.Body, first); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", method, res.StatusCode, err)
		}
		w.gateway.Recheck()
		w.gate.Swap(w.view(t, w.gate.View().Catalog.Application("app_photos").Document.Upstream.String(),
			access.Revocation{Subject: "key_ws:open", Revision: 2, Reason: "key_deleted"}))
		w.gateway.Recheck()
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%s: the stream ended as if nothing had happened", method)
		}
	}
}

// TestGraphQLHugeQueryIsRefusedAtOnce: ten megabytes are not even read.
func TestGraphQLHugeQueryIsRefusedAtOnce(t *testing.T) {
	w := newGraphQLWorld(t)
	began := time.Now()
	res, body, _ := exchange(t, w.Gateway, head("POST", atOpen, asJSON, "Content-Length: 10485760", "Connection: close")+`{"query":"{`+strings.Repeat("a ", 4096))
	if reason, _ := graphqlReason(t, res, body); res.StatusCode != 413 || reason != "body_too_large" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestGraphQLCasesThroughTheGateway puts the cases of the gate to the door that reads bodies.
func TestGraphQLCasesThroughTheGateway(t *testing.T) {
	upstream := new(graphqlUpstream)
	up := httptest.NewServer(upstream)
	defer up.Close()
	for _, suite := range gatetest.Load(t, "../gate/testdata/graphql", up.URL) {
		var from netip.Addr
		gateway, _, _ := doors(t, suite, &from)
		for _, c := range suite.Cases {
			if c.Query == "" || c.Application != "" {
				continue
			}
			from = c.From
			body := `{"query":` + quotedPlain(c.Query) + `}`
			lines := []string{"Connection: close", asJSON, "Content-Length: " + strconv.Itoa(len(body))}
			if c.Bearer != "" {
				lines = append(lines, "Authorization: Bearer "+c.Bearer)
			}
			res, answer, _ := exchange(t, gateway, strings.Replace(head(c.Method, c.Target, lines...), "photos.example.com", c.Host, 1)+body)
			sent := upstream.take()
			if res.StatusCode != c.Want.Status || len(sent) != map[bool]int{true: 1}[c.Want.Status == http.StatusOK] {
				t.Errorf("%v: %d, want %d, and the upstream got %d: %s", c, res.StatusCode, c.Want.Status, len(sent), answer)
				continue
			}
			if len(sent) == 1 {
				if got := identityOf(sent[0].header); got != c.Want.Identity {
					t.Errorf("%v: the upstream was told %+v, want %+v", c, got, c.Want.Identity)
				}
				continue
			}
			for _, part := range []string{`"reason":"` + string(c.Want.Reason) + `"`, `"missing":"` + c.Want.Missing + `"`, `"field":"` + c.Want.Field + `"`} {
				if !strings.HasSuffix(part, `:""`) && !strings.Contains(answer, part) {
					t.Errorf("%v: %s lacks %s", c, answer, part)
				}
			}
		}
	}
}

// TestGraphQLUnderLimits: each operation of a list counts, and a body is as long as it turns out to be.
func TestGraphQLUnderLimits(t *testing.T) {
	w := newGraphQLWorld(t)
	w.gate.Swap(w.viewOf(t, strings.Replace(rules, "  - match: ANY /graphql/closed\n", "  - match: ANY /graphql/closed\n    limit: { rate: 3/h, body: 500B }\n", 1)))
	const pass = "pass.a"
	two := `[{"query":"{a}"},{"query":"{b}"}]`
	if res, body := w.post(t, atClosed, pass, two, asJSON); res.StatusCode != http.StatusOK || res.Header.Get("Ratelimit") == "" {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	long := `{"query":"{a}","variables":{"x":"` + strings.Repeat("x", 500) + `"}}`
	res, body, _ := exchange(t, w.Gateway, head("POST", atClosed, asJSON, "Authorization: Bearer "+pass, "Transfer-Encoding: chunked")+
		strconv.FormatInt(int64(len(long)), 16)+"\r\n"+long+"\r\n0\r\n\r\n")
	if reason, _ := graphqlReason(t, res, body); res.StatusCode != 413 || reason != "body_too_large" {
		t.Errorf("chunks: %d %s", res.StatusCode, body)
	}
	w.upstream.take()
	res, body = w.post(t, atClosed, pass, two, asJSON)
	if reason, e := graphqlReason(t, res, body); res.StatusCode != 429 || reason != "rate_limited" || e["code"] != "RATE_LIMITED" || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if got := w.upstream.take(); len(got) != 0 {
		t.Errorf("the upstream got %+v", got)
	}
}

// TestGraphQLBatchCountsAsAWhole: operations that come together are counted under limits together, or not at all.
func TestGraphQLBatchCountsAsAWhole(t *testing.T) {
	w := newGraphQLWorld(t)
	w.gate.Swap(w.viewOf(t, strings.Replace(rules, "  - match: ANY /graphql/closed\n", "  - match: ANY /graphql/closed\n    limit: { rate: 3/h }\n", 1)))
	query := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`{"query":"{a}"},`, n), ",") + "]" }
	for i, c := range []struct {
		body, reason, left string
		status             int
	}{
		{`[{"query":"{a}"},{"query":"mutation{CreatePerson{id}}"}]`, "scope_missing", "", 403},
		{query(2), "", "r=1", 200},
		{query(2), "rate_limited", "r=1", 429},
		{query(1), "", "r=0", 200},
		{query(1), "rate_limited", "r=0", 429},
	} {
		res, body := w.post(t, atClosed, "pass.a", c.body, asJSON)
		if res.StatusCode != c.status || !strings.Contains(body, c.reason) || !strings.Contains(res.Header.Get("RateLimit"), c.left) {
			t.Errorf("%d: %d %s, %s", i, res.StatusCode, body, res.Header.Get("RateLimit"))
		}
		if got := w.upstream.take(); (len(got) == 1) != (c.status == 200) {
			t.Errorf("%d: the upstream got %+v", i, got)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	want := map[gate.Reason]int{gate.ScopeMissing: 1, gate.Allowed: 3, gate.RateLimited: 3}
	if fmt.Sprint(w.counts) != fmt.Sprint(want) || len(w.uses) != 7 {
		t.Errorf("counted %v, want %v", w.counts, want)
	}
}

// TestGraphQLLimitsAreOfWhatWasSent: a hash is short, whatever the text is that goes on in its place.
func TestGraphQLLimitsAreOfWhatWasSent(t *testing.T) {
	w := newGraphQLWorld(t)
	text := `{a(x:"` + strings.Repeat(`x`, 600) + `")}`
	extensions := `"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash(text) + `"}}`
	if res, body := w.post(t, atClosed, "pass.a", `{"query":`+quoted(text)+`,`+extensions+`}`, asJSON); res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	w.gate.Swap(w.viewOf(t, strings.Replace(rules, "  - match: ANY /graphql/closed\n", "  - match: ANY /graphql/closed\n    limit: { body: 300B, bytes: 1000B/h }\n", 1)))
	w.upstream.take()
	short := `{` + extensions + `}`
	for range 2 {
		res, body := w.post(t, atClosed, "pass.a", short, asJSON)
		got := w.upstream.take()
		if res.StatusCode != http.StatusOK || len(got) != 1 || len(got[0].body) < 600 {
			t.Fatalf("%d %s, the upstream got %+v", res.StatusCode, body, got)
		}
	}
	res, _ := w.post(t, atClosed, "pass.a", short, asJSON)
	left, _, _ := strings.Cut(res.Header.Get("RateLimit"), ";t=")
	if want := fmt.Sprintf(`"bytes";r=%d`, 1000-2*(len(short)+len(`{"data":{}}`))); left != want {
		t.Errorf("left %s, want %s", left, want)
	}
}
