package gate

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

const graphqlFile = `
resources:
  - match: POST /graphql
    graphql:
      query: public
      mutation: { scope: "Mutation:{type}:{action}" }
      introspection: refuse
      fields: { Mutation.MovePerson: { scopes: [people:move], roles: [developer] }, Query.secret: refuse }
`

func graphqlRequest(t failer, app *catalog.Application, document string) *Request {
	r := &Request{Method: "POST", Path: mustPath(t, "/graphql"), Address: netip.MustParseAddr("192.0.2.7")}
	op, err := app.Match(r.Method, r.Path).GraphQL.Read(catalog.GraphQLRequest{Query: document})
	if err != nil {
		t.Fatalf("%q: %v", document, err)
	}
	r.GraphQL = op
	return r
}

// A resource file may change between reading an operation and judging it: it is
// judged by what the file says now.
func TestGraphQLIsJudgedByThePolicyOfTheView(t *testing.T) {
	open := application(t, "app_1", "api", "resources: [{match: POST /graphql, graphql: {mutation: public}}]")
	closed := application(t, "app_1", "api", graphqlFile)
	r := graphqlRequest(t, open, "mutation{DeletePerson}")
	if d := Decide(r, nil, view(nil, open), noon); !d.Allow || d.Reason != Public {
		t.Errorf("got %+v", d)
	}
	d := Decide(r, token(mustScopes(t, "Mutation:Person:Create")), view(nil, closed), noon)
	if d.Allow || d.Reason != ScopeMissing || d.Missing != "Mutation:Person:Delete" || d.Field != "DeletePerson" {
		t.Errorf("got %+v", d)
	}
	r.GraphQL = &catalog.Operation{Kind: catalog.Mutation}
	if d := Decide(r, token(mustScopes(t, "*")), view(nil, open), noon); d.Reason != GraphQLUnparsed {
		t.Errorf("an operation without fields: %+v", d)
	}
}

// An operation stands for nothing on a resource that is not GraphQL's.
func TestGraphQLDoesNotOpenOtherResources(t *testing.T) {
	app := application(t, "app_1", "api", graphqlFile+"  - match: POST /rest\n    require: { scopes: [rest:write] }\n")
	r := graphqlRequest(t, app, "{person}")
	r.Path = mustPath(t, "/rest")
	if d := Decide(r, nil, view(nil, app), noon); d.Reason != TokenMissing {
		t.Errorf("got %+v", d)
	}
	if d := Decide(r, token(mustScopes(t, "Mutation:*")), view(nil, app), noon); d.Reason != ScopeMissing || d.Field != "" {
		t.Errorf("got %+v", d)
	}
}

func TestExplainSaysWhichField(t *testing.T) {
	app := application(t, "app_1", "api", graphqlFile)
	v := view(nil, app)
	creator := token(mustScopes(t, "Mutation:Person:Create"))
	for _, c := range []struct {
		document string
		token    *access.Token
		reason   Reason
		says     []string // in the sentence of the check that failed, in the refusal, in the fix
	}{
		{"mutation{CreatePerson DeletePerson}", creator, ScopeMissing,
			[]string{"field DeletePerson: ", "lacks scope Mutation:Person:Delete, which field DeletePerson needs", "ask for a pass with scope Mutation:Person:Delete"}},
		{"mutation{CreatePerson DeletePerson}", nil, TokenMissing,
			[]string{"a pass is needed", "a pass is needed", "with scopes Mutation:Person:Create Mutation:Person:Delete and send it"}},
		{"mutation{MovePerson}", token(mustScopes(t, "*")), RoleMissing,
			[]string{"field MovePerson: it must hold role developer in acme/api", "lacks role developer, which field MovePerson needs", "with role developer in acme/api"}},
		{"mutation{move}", creator, FieldUnmapped, []string{"no rule says what field move needs", "no rule says what field move needs", "add Mutation.move to the fields of the resource in line 3"}},
		{"{secret}", creator, FieldRefused, []string{"field secret is closed", "field secret is closed", "leave field secret out, or open it"}},
		{"{__schema{x}}", creator, IntrospectionRefused, []string{"field __schema is denied", "introspection is closed", "leave field __schema out"}},
		{"mutation{" + strings.Repeat("x", 5000) + "}", creator, FieldUnmapped, []string{"xxx...", "xxx...", "xxx..."}},
	} {
		r := graphqlRequest(t, app, c.document)
		d := Decide(r, c.token, v, noon)
		e := Explain(&d, r, v)
		if d.Allow || d.Reason != c.reason {
			t.Errorf("%s: got %s", c.document, d.Reason)
			continue
		}
		failed := ""
		for _, check := range e.Checks {
			if check.Outcome == Fail {
				failed = check.Sentence
			}
		}
		for i, got := range []string{failed, d.Refusal().Message, e.Fix} {
			if !strings.Contains(got, c.says[i]) || len(got) > 500 {
				t.Errorf("%.100s: got %q, want …%s", c.document, got, c.says[i])
			}
		}
	}
	r := graphqlRequest(t, app, "mutation{a:CreatePerson b:CreatePerson}")
	d := Decide(r, creator, v, noon)
	e := Explain(&d, r, v)
	for check, says := range map[int]string{3: "of its mutation, CreatePerson needs a pass", 11: "field CreatePerson: "} {
		if got := e.Checks[check].Sentence; !d.Allow || !strings.Contains(got, says) {
			t.Errorf("got %q, want …%s", got, says)
		}
	}
}

func TestDecideOnGraphQLAllocatesNothing(t *testing.T) {
	app := application(t, "app_1", "api", graphqlFile)
	r, v, tok := graphqlRequest(t, app, "mutation{CreatePerson DeletePerson}"), view(nil, app), token(mustScopes(t, "Mutation:*"))
	if d := Decide(r, tok, v, noon); !d.Allow {
		t.Fatalf("got %+v", d)
	}
	if n := testing.AllocsPerRun(100, func() { Decide(r, tok, v, noon) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
