package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// people is a GraphQL API.
const people = `
hosts: [people.example]
upstream: UPSTREAM
resources:
  - match: GET,POST /graphql
    graphql:
      query: authenticated
      mutation: { scope: "Mutation:{type}:{action}" }
      subscription: { scopes: ["people:watch"] }
  - match: GET,POST /batch
    graphql:
      query: authenticated
      mutation: { scope: "Mutation:{type}:{action}" }
      batch: each
`

const atPeople = "Host: people.example"

// reason is that of an answer in GraphQL's form.
func (a answer) reason() string {
	errs, _ := a.body["errors"].([]any)
	if len(errs) != 1 {
		return ""
	}
	e, _ := errs[0].(object)
	extensions, _ := e["extensions"].(object)
	reason, _ := extensions["reason"].(string)
	return reason
}

// operator is a member with a pass of these scopes.
func (w *world) operator(scopes ...string) (member, string) {
	w.t.Helper()
	m := w.member("acme", object{"roles": []string{"developer"}})
	return m, w.pass(m.key, object{"scopes": scopes})
}

// TestAttack_GraphQLRootFields puts documents that hide what they execute to the whole server: one who may not execute it
// does not get through, and one who may does, where a GraphQL server would execute it at all.
func TestAttack_GraphQLRootFields(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "people", people)
	text, err := os.ReadFile("../internal/catalog/testdata/graphql-root-fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			ID         int
			Name, Must string
			Body       json.RawMessage
			Executed   []string
			Operation  string
		}
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	_, all := w.operator("Mutation:*", "people:watch")
	_, none := w.operator("people:none")
	for _, c := range vectors.Cases {
		ask := func(pass string) (answer, bool) {
			before := w.reached.Load()
			a := w.send("POST", w.gateway+"/graphql", pass, string(c.Body), atPeople)
			return a, w.reached.Load() != before
		}
		a, through := ask(none)
		if through && c.Operation != "query" {
			t.Errorf("%d %s: executed for one who may do nothing: %s", c.ID, c.Name, a.text)
		}
		switch a, through = ask(all); {
		case c.Must == "gate" && !through:
			t.Errorf("%d %s: not let through to one who may do all: %s", c.ID, c.Name, a.text)
		case strings.Contains(c.Must, "refuse") && c.Must != "refuse-or-gate" && through:
			t.Errorf("%d %s: let through", c.ID, c.Name)
		case strings.HasPrefix(c.Must, "limit") && a.status/100 != 4:
			t.Errorf("%d %s: %d", c.ID, c.Name, a.status)
		}
	}
}

// TestAttack_GraphQLFromAWebPage: what a browser sends to a stranger without asking first executes nothing.
func TestAttack_GraphQLFromAWebPage(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "people", people)
	_, pass := w.operator("Mutation:*")
	const mutation = `mutation{DeletePerson(id:1){id}}`
	body := `{"query":"` + mutation + `"}`
	raw := func(method, target, media, body string, headers ...string) answer {
		req, err := http.NewRequest(method, w.gateway+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "people.example"
		req.Header.Set("Authorization", "Bearer "+pass)
		if media != "" {
			req.Header.Set("Content-Type", media)
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		res, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return answer{status: res.StatusCode}
	}
	get := "/graphql?query=" + url.QueryEscape(mutation)
	for name, a := range map[string]struct {
		got  answer
		want int
	}{
		"GET":               {raw("GET", get, "", ""), 405},
		"HEAD":              {raw("HEAD", get, "", ""), 405},
		"GET with override": {raw("GET", get, "", "", "X-HTTP-Method-Override: POST"), 405},
		"form":              {raw("POST", "/graphql", "application/x-www-form-urlencoded", "query="+url.QueryEscape(mutation)), 415},
		"text":              {raw("POST", "/graphql", "text/plain", body), 415},
		"multipart":         {raw("POST", "/graphql", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n"+body+"\r\n--x--"), 415},
		"nothing":           {raw("POST", "/graphql", "", body), 415},
		"override":          {raw("POST", "/graphql", "application/json", body, "X-Http-Method: PUT"), 405},
		"compressed":        {raw("POST", "/graphql", "application/json", body, "Content-Encoding: gzip"), 415},
	} {
		if a.got.status != a.want {
			t.Errorf("%s: %d, want %d", name, a.got.status, a.want)
		}
	}
	if n := w.reached.Load(); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	if a := raw("POST", "/graphql", "application/json", body); a.status != 200 || w.reached.Load() != 1 {
		t.Errorf("the plain request: %d", a.status)
	}
}

// TestAttack_GraphQLBatchAndURL: a second request beside the one that is judged.
func TestAttack_GraphQLBatchAndURL(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "people", people)
	_, pass := w.operator("Mutation:Person:Create")
	const may, mayNot = `{"query":"mutation{CreatePerson{id}}"}`, `{"query":"mutation{DeletePerson{id}}"}`
	for name, c := range map[string]struct {
		target string
		body   any
		status int
		reason string
	}{
		"list":            {"/graphql", json.RawMessage("[" + may + "," + mayNot + "]"), 400, "graphql_batch_refused"},
		"list, one may":   {"/batch", json.RawMessage("[" + may + "," + mayNot + "]"), 403, "scope_missing"},
		"URL beside body": {"/graphql?query=" + url.QueryEscape("mutation{DeletePerson{id}}"), may, 400, "graphql_ambiguous"},
		"named in URL":    {"/graphql?operationName=B", `{"query":"mutation A{CreatePerson{id}} mutation B{DeletePerson{id}}","operationName":"A"}`, 400, "graphql_ambiguous"},
		"twice":           {"/graphql", `{"query":"mutation{CreatePerson{id}}","query":"mutation{DeletePerson{id}}"}`, 400, "graphql_body"},
	} {
		a := w.send("POST", w.gateway+c.target, pass, c.body, atPeople)
		if a.status != c.status || a.reason() != c.reason {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if n := w.reached.Load(); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
}

// TestAttack_GraphQLPersistedByAnother: a hash is no right to what it stands for, nor does one application know another's.
func TestAttack_GraphQLPersistedByAnother(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "people", people)
	w.serve("acme", "others", strings.Replace(people, "people.example", "others.example", 1))
	_, may := w.operator("Mutation:*")
	_, mayNot := w.operator("people:none")
	const text = "mutation{DeletePerson{id}}"
	sum := sha256.Sum256([]byte(text))
	extensions := `"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hex.EncodeToString(sum[:]) + `"}}`
	full, hashed := `{"query":"`+text+`",`+extensions+`}`, `{`+extensions+`}`
	ask := func(pass, body, host string) (answer, bool) {
		before := w.reached.Load()
		a := w.send("POST", w.gateway+"/graphql", pass, body, host)
		return a, w.reached.Load() != before
	}
	if a, through := ask(may, full, atPeople); !through {
		t.Fatalf("not persisted: %d %s", a.status, a.text)
	}
	if a, through := ask(may, hashed, atPeople); !through {
		t.Errorf("not found: %d %s", a.status, a.text)
	}
	if a, through := ask(mayNot, hashed, atPeople); through || a.reason() != "scope_missing" {
		t.Errorf("by one who may not: %d %s", a.status, a.text)
	}
	if a, through := ask(may, hashed, "Host: others.example"); through || !strings.Contains(a.text, "PersistedQueryNotFound") {
		t.Errorf("at another application: %d %s", a.status, a.text)
	}
	if a, through := ask(may, strings.Replace(full, "Delete", "Create", 1), atPeople); through || a.reason() != "graphql_persisted_query" {
		t.Errorf("a hash of something else: %d %s", a.status, a.text)
	}
}

// TestAttack_SubscriptionOutlivesPass: a subscription ends with the pass and with the right that opened it, and no new one
// begins on its connection.
func TestAttack_SubscriptionOutlivesPass(t *testing.T) {
	w := newWorld(t, nil)
	w.upstream.Config.Handler = http.HandlerFunc(speakGraphQL)
	for name, c := range map[string]struct {
		end  func(m member, pass string)
		code websocket.StatusCode
	}{
		"revoked":     {func(_ member, pass string) { w.must(204, "POST", "/v1/tokens/revoke", "", object{"token": pass}) }, 4401},
		"key deleted": {func(m member, _ string) { w.must(204, "DELETE", orgPath("acme", "/keys/"+m.keyID), w.founder, nil) }, 4401},
		"rule changed": {func(member, string) {
			w.serve("acme", "people", strings.Replace(people, "people:watch", "people:spy", 1))
		}, 4403},
	} {
		t.Run(name, func(t *testing.T) {
			w.serve("acme", "people", people)
			m := w.member("acme", object{"roles": []string{"developer"}})
			pass := w.pass(m.key, object{"scopes": []string{"people:watch"}, "expires_in": 3600})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, _, err := websocket.Dial(ctx, w.gateway+"/graphql", &websocket.DialOptions{Host: "people.example", Subprotocols: []string{"graphql-transport-ws"}})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			say := func(text string) {
				if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
					t.Error(err)
				}
			}
			hear := func(part string) {
				t.Helper()
				if _, text, err := conn.Read(ctx); err != nil || !strings.Contains(string(text), part) {
					t.Fatalf("got %s %v, want %s", text, err, part)
				}
			}
			say(`{"type":"connection_init","payload":{"Authorization":"Bearer ` + pass + `"}}`)
			hear("connection_ack")
			say(`{"id":"1","type":"subscribe","payload":{"query":"mutation{DeletePerson{id}}"}}`)
			hear(`"missing":"Mutation:Person:Delete"`)
			say(`{"id":"1","type":"subscribe","payload":{"query":"subscription{personAdded{id}}"}}`)
			hear(`"next"`)
			c.end(m, pass)
			_, text, err := conn.Read(ctx)
			var closed websocket.CloseError
			if !errors.As(err, &closed) || closed.Code != c.code {
				t.Errorf("the subscription goes on, or ends otherwise: %s %v", text, err)
			}
		})
	}
}

// speakGraphQL is an upstream that acknowledges, and answers each subscribe once.
func speakGraphQL(out http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(out, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		_, text, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var m struct{ Type, ID string }
		_ = json.Unmarshal(text, &m)
		say := map[string]string{"connection_init": `{"type":"connection_ack"}`, "subscribe": `{"id":"` + m.ID + `","type":"next","payload":{}}`}[m.Type]
		if say != "" && conn.Write(r.Context(), websocket.MessageText, []byte(say)) != nil {
			return
		}
	}
}
