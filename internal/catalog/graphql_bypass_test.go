package catalog

import (
	"slices"
	"strings"
	"testing"
)

// What is read under one schema and judged under another is read anew: the new one may see roots where the old one saw none,
// and its limits may be narrower.
func TestGraphQLReadsAnewWhatAnotherPolicyRead(t *testing.T) {
	const query = "{me{root{secret}}}"
	before := policyOf(t, `{ query: public, fields: { Query.secret: refuse } }`)
	op, err := before.Read(GraphQLRequest{Query: query})
	if err != nil {
		t.Fatal(err)
	}
	knows := policyOf(t, `{ query: public, fields: { Query.secret: refuse }, schema: "type Query { me: Me secret: Int } type Me { root: Query }" }`)
	if got := rootNames(knows.Fields(op)); !slices.Contains(got, "secret") {
		t.Errorf("under a schema that leads back to the root: %v", got)
	}
	if got := policyOf(t, `{ query: public, depth: 2 }`).Fields(op); len(got) != 0 {
		t.Errorf("under a narrower limit: %+v", got)
	}
}

// TestInspectSeesWaysAroundGraphQL: a rule for another method of the same path lets operations through that nobody reads.
func TestInspectSeesWaysAroundGraphQL(t *testing.T) {
	const gated = "  - match: POST /graphql\n    graphql: { query: public }\n"
	for rules, around := range map[string]bool{
		gated: false,
		gated + "  - { match: 'GET /**', access: authenticated }\n":                                    true,
		gated + "  - { match: 'ANY /**', access: public }\n":                                           true,
		gated + "  - { match: 'PUT /{any}', access: public }\n":                                        true,
		"  - { match: 'GET /graphql', access: public }\n" + gated:                                      true,
		gated + "  - { match: 'OPTIONS /**', access: public }\n":                                       false,
		gated + "  - { match: 'GET /rest/**', access: public }\n":                                      false,
		strings.Replace(gated, "POST", "ANY", 1) + "  - { match: 'ANY /**', access: authenticated }\n": false,
	} {
		said := slices.ContainsFunc(Inspect(compile(t, "upstream: http://127.0.0.1:1\nresources:\n"+rules)), func(f Finding) bool {
			return f.Code == AroundGraphQL && !f.Note && strings.Contains(f.Message, "ANY /graphql")
		})
		if said != around {
			t.Errorf("%s: said %v, want %v", rules, said, around)
		}
	}
}

// TestGraphQLSchemaTakesNothingForScope: a directive that looks like @scope and is none leaves its field open.
func TestGraphQLSchemaTakesNothingForScope(t *testing.T) {
	for _, schema := range []string{`type Query{a:Int @Scope(requires:\"x\")}`, `type Query{a:Int} extend type Query{b:Int @scopes(requires:\"x\")}`, `type Query{a:A} type A{a:Int @SCOPE}`} {
		_, err := ParseDocument([]byte(`resources: [{match: POST /g, graphql: {query: public, schema: "` + schema + `"}}]`))
		if err == nil || !strings.Contains(err.Error(), "is not @scope") {
			t.Errorf("%s: %v", schema, err)
		}
	}
	if _, err := ParseDocument([]byte(`resources: [{match: POST /g, graphql: {query: public, schema: "type Query{a:Int @authenticated @deprecated}"}}]`)); err != nil {
		t.Error(err)
	}
}
