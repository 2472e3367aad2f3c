package catalog

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
)

func policyOf(t testing.TB, graphql string) *GraphQL {
	t.Helper()
	doc, err := ParseDocument([]byte("resources:\n  - match: POST /graphql\n    graphql: " + graphql + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Resources[0].GraphQL
}

const usual = `{ query: public, mutation: { scope: "Mutation:{type}:{action}" }, subscription: authenticated }`

func rootNames(fields []RootField) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.Name)
	}
	return out
}

// What the reference implementation executes is gated, or the document refused.
func TestGraphQLVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/graphql-root-fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			ID       int
			Name     string
			Body     map[string]any
			Executed []string
			Must     string
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 30 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	g := policyOf(t, usual)
	for _, c := range file.Cases {
		query, isText := c.Body["query"].(string)
		request := GraphQLRequest{Query: query}
		if name, named := c.Body["operationName"]; named && name != nil {
			text, ok := name.(string)
			isText = isText && ok
			request.OperationName = &text
		}
		if !isText {
			continue // refused before it is a request
		}
		op, err := g.Read(request)
		closed := err != nil || slices.ContainsFunc(op.Fields, func(f RootField) bool { return !f.Mapped })
		switch {
		case c.Must == "gate" && closed:
			t.Errorf("%d %s: refused: %v", c.ID, c.Name, err)
		case (c.Must == "refuse" || strings.HasPrefix(c.Must, "limit")) && !closed:
			t.Errorf("%d %s: taken", c.ID, c.Name)
		}
		if err != nil {
			continue
		}
		for _, executed := range c.Executed {
			if !slices.Contains(rootNames(op.Fields), executed) {
				t.Errorf("%d %s: %s is executed, but not among %v", c.ID, c.Name, executed, rootNames(op.Fields))
			}
		}
	}
}

func TestGraphQLReads(t *testing.T) {
	named := func(s string) *string { return &s }
	for _, c := range []struct {
		query string
		name  *string
		want  string // kind and fields, or a code
		text  string // empty: not looked at
	}{
		{"{a b}", nil, "query [a b]", "{a b}"},
		{"query A($x:Int=1 $y:[In!]!){a(x:$x,y:$y)}", named("A"), "query [a]", "query A($x:Int=1$y:[In!]!){a(x:$x y:$y)}"},
		{"\ufeff# comment } mutation{x}\r{\ra\ufeff b # more", nil, "graphql_syntax", ""},
		{"\ufeff# comment } mutation{x}\r{\ra\ufeff b # more\n}", nil, "query [a b]", "{a b}"},
		{"#\x00\u2028\n{a}", nil, "query [a]", "{a}"},
		{"mutation{b:a a c:a}", nil, "mutation [a]", "mutation{b:a a c:a}"},
		{"{a:a}", nil, "query [a]", "{a:a}"},
		{"subscription S{...F} fragment F on Subscription{a}", nil, "subscription [a]", "subscription S{...F}fragment F on Subscription{a}"},
		{"{...F} fragment F on T{... @include(if:false){a ...G}} fragment G on Other{b ...on T @skip(if:true){c}} fragment H on T{d}", nil, "query [a b c]",
			"{...F}fragment F on T{...@include(if:false){a ...G}}fragment G on Other{b ...on T@skip(if:true){c}}"},
		{"fragment F on T{a} query A{b} query B{...F}", named("A"), "query [b]", "query A{b}"},
		{"fragment F on T{a} query A{b} query B{...F}", named("B"), "query [a]", "query B{...F}fragment F on T{a}"},
		{"{...on on{a} ...on @x{b}}", nil, "graphql_syntax", ""},
		{"{...on on{a}}", nil, "query [a]", "{...on on{a}}"},
		{"{__typename}", nil, "query [__typename]", ""},
		{"{__schema{queryType{name}} a}", nil, "query [__schema a]", ""},
		{"{a{b{__type(name:\"T\"){name}}}}", nil, "query [a __type]", ""},
		{"mutation fragment{query}", nil, "mutation [query]", "mutation fragment{query}"},
		{"{true null on}", nil, "query [true null on]", ""},
		{`{a(s:"x" t:"" u:"\"}{\u00e9\ud83d\ude00\u{1f600}\/")}`, nil, "query [a]", `{a(s:"x" t:"" u:"\"}{\u00e9\ud83d\ude00\u{1f600}\/")}`},
		{`{a(l:["" "" """""" "x"])}`, nil, "query [a]", `{a(l:["" "" """""" "x"])}`},
		{"{a(b:\"\"\"first\n    second\n    \\\"\"\" } \"quoted\" third\"\"\")}", nil, "query [a]", "{a(b:\"\"\"first\n    second\n    \\\"\"\" } \"quoted\" third\"\"\")}"},
		{"{a(s:\"\x00\x1f\")}", nil, "query [a]", `{a(s:"\u0000\u001f")}`},
		{"{a(s:\"😀\u2028\")}", nil, "query [a]", "{a(s:\"😀\u2028\")}"},
		{"{a(n:[0,-0,1 -1 1.5e+10,0.0E1])}", nil, "query [a]", "{a(n:[0 -0 1 -1 1.5e+10 0.0E1])}"},
		{"{a(o:{b:E c:null d:[] e:{}})}", nil, "query [a]", "{a(o:{b:E c:null d:[]e:{}})}"},

		{"", nil, "graphql_no_operation", ""},
		{"# nothing", nil, "graphql_no_operation", ""},
		{"fragment F on T{a}", nil, "graphql_no_operation", ""},
		{"{a}", named(""), "graphql_no_operation", ""},
		{"{a}", named("A"), "graphql_no_operation", ""},
		{"query A{a}", named(""), "graphql_no_operation", ""},
		{"query A{a}", named("a"), "graphql_no_operation", ""},
		{"query A{a} mutation B{b}", nil, "graphql_no_operation", ""},
		{"query A{a} mutation B{b}", named("__proto__"), "graphql_no_operation", ""},
		{"{a} {b}", nil, "graphql_invalid", ""},
		{"{a} query B{b}", named("B"), "graphql_invalid", ""},
		{"query A{a} mutation A{b}", named("A"), "graphql_invalid", ""},
		{"{...F} fragment F on T{a} fragment F on T{b}", nil, "graphql_invalid", ""},
		{"{...F}", nil, "graphql_invalid", ""},
		{"{...F} fragment F on T{...F}", nil, "graphql_invalid", ""},
		{"{a{...F}} fragment F on T{b{...G}} fragment G on T{c ...F}", nil, "graphql_invalid", ""},
		{"{a", nil, "graphql_syntax", ""},
		{"{}", nil, "graphql_syntax", ""},
		{"{a}}", nil, "graphql_syntax", ""},
		{"{a(}", nil, "graphql_syntax", ""},
		{"{a()}", nil, "graphql_syntax", ""},
		{"query{a}x", nil, "graphql_syntax", ""},
		{"Query{a}", nil, "graphql_syntax", ""},
		{"query A B{a}", nil, "graphql_syntax", ""},
		{"{a} type T{b:Int}", nil, "graphql_syntax", ""},
		{"extend type T{b:Int}", nil, "graphql_syntax", ""},
		{"\"words\" query A{a}", nil, "graphql_syntax", ""},
		{"query A{a} \"\"\"words\"\"\" fragment F on T{a}", nil, "graphql_syntax", ""},
		{"query A(\"words\" $a:Int){a}", nil, "graphql_syntax", ""},
		{"query A($a:S=\"x\" \"words\" $b:Int){a}", nil, "graphql_syntax", ""},
		{"query A($a:S=\"x\" $b:Int){a}", nil, "query [a]", ""},
		{"query A($a:I @d(x:$b)){a}", nil, "graphql_syntax", ""},
		{"{...F} fragment F($a:I) on T{a}", nil, "graphql_syntax", ""},
		{"{...\"on\" T{a}}", nil, "graphql_syntax", ""},
		{"{a\x00}", nil, "graphql_syntax", ""},
		{"{a\xff}", nil, "graphql_syntax", ""},
		{"{a(s:\"\xff\")}", nil, "graphql_syntax", ""},
		{"{a\u00a0b}", nil, "graphql_syntax", ""},
		{"{é}", nil, "graphql_syntax", ""},
		{"{a;b}", nil, "graphql_syntax", ""},
		{"{a..b}", nil, "graphql_syntax", ""},
		{"{a(n:1a)}", nil, "graphql_syntax", ""},
		{"{a(n:01)}", nil, "graphql_syntax", ""},
		{"{a(n:1.)}", nil, "graphql_syntax", ""},
		{"{a(n:1.e1)}", nil, "graphql_syntax", ""},
		{"{a(n:1e)}", nil, "graphql_syntax", ""},
		{"{a(n:-)}", nil, "graphql_syntax", ""},
		{"{a(n:+1)}", nil, "graphql_syntax", ""},
		{"{a(n:1...)}", nil, "graphql_syntax", ""},
		{"{a(s:\"\n\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\x\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\u12\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\ud800\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\ud800\\u0041\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\udc00\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\u{110000}\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\u{}\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\u{d800}\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\\", nil, "graphql_syntax", ""},
		{"{a(s:\"\"\"x)}", nil, "graphql_syntax", ""},
		{"{a(s:\"\"\"\"\"\"\")}", nil, "graphql_syntax", ""},
		{"{a(s:\"\"\"\x00\"\"\")}", nil, "graphql_syntax", ""},
		{"{a(s:'x')}", nil, "graphql_syntax", ""},
	} {
		op, err := policyOf(t, usual).Read(GraphQLRequest{Query: c.query, OperationName: c.name})
		got := ""
		if err != nil {
			got = access.AsError(err).Code
		} else {
			got = fmt.Sprint(op.Kind, " ", rootNames(op.Fields))
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s (%v)", c.query, got, c.want, err)
		} else if c.text != "" && op.Text != c.text {
			t.Errorf("%q:\n got %q\nwant %q", c.query, op.Text, c.text)
		}
	}
}

// standardIntrospection is what the usual tools ask for.
const standardIntrospection = `query IntrospectionQuery{__schema{queryType{name} mutationType{name} subscriptionType{name}
types{...FullType} directives{name description locations args{...InputValue}}}}
fragment FullType on __Type{kind name description fields(includeDeprecated:true){name description args{...InputValue} type{...TypeRef} isDeprecated deprecationReason}
inputFields{...InputValue} interfaces{...TypeRef} enumValues(includeDeprecated:true){name description isDeprecated deprecationReason} possibleTypes{...TypeRef}}
fragment InputValue on __InputValue{name description type{...TypeRef} defaultValue}
fragment TypeRef on __Type{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name}}}}}}}}}}`

func bomb(width, levels int, leaf string) string {
	var b strings.Builder
	b.WriteString("mutation{...F0}")
	for i := range levels {
		fmt.Fprintf(&b, " fragment F%d on T{%s}", i, strings.Repeat(fmt.Sprintf("...F%d ", i+1), width))
	}
	fmt.Fprintf(&b, " fragment F%d on T{%s}", levels, leaf)
	return b.String()
}

func TestGraphQLLimits(t *testing.T) {
	const small = `{ query: public, depth: 3, width: 4, aliases: 2, tokens: 60, cost: 10 }`
	for _, c := range []struct{ policy, query, code string }{
		{usual, standardIntrospection, ""},
		{small, "{a{b{c}}}", ""},
		{small, "{a{b{c{d}}}}", "graphql_too_deep"},
		{small, "{...F} fragment F on T{a{...G}} fragment G on T{b{...H}} fragment H on T{c{d}}", "graphql_too_deep"},
		{small, "{a{...{...{...{b}}}}}", ""},
		{small, "{a b c d}", ""},
		{small, "{a b c d e}", "graphql_too_wide"},
		{small, "{a b ...F ...F} fragment F on T{c d}", "graphql_too_wide"},
		{small, "{x:a y:a}", ""},
		{small, "{x:a y:a z:a}", "graphql_too_many_aliases"},
		{small, "{...F b{...F} c{...F}} fragment F on T{x:a}", "graphql_too_many_aliases"},
		{small, "{a{b{c d} c{d e}}}", ""},
		{small, "{a{...F ...F} b{...F ...F}} fragment F on T{a b{c}}", "graphql_too_costly"},
		{small, "{a(l:[" + strings.Repeat("1 ", 60) + "])}", "graphql_too_many_tokens"},
		{small, "{a" + strings.Repeat("@x", 10) + "}", ""},
		{small, "{a" + strings.Repeat("@x", 11) + "}", "graphql_too_many_directives"},
		{small, "query" + strings.Repeat("@x", 11) + "{a}", "graphql_too_many_directives"},
		{small, "query($v:I" + strings.Repeat("@x", 11) + "){a}", "graphql_too_many_directives"},
		{small, "{..." + strings.Repeat("@x", 11) + "{a}}", "graphql_too_many_directives"},
		{small, "{...F" + strings.Repeat("@x", 11) + "} fragment F on T{a}", "graphql_too_many_directives"},
		{small, "{...F} fragment F on T" + strings.Repeat("@x", 11) + "{a}", "graphql_too_many_directives"},
		{usual, "{a(x:" + strings.Repeat("[", 500) + strings.Repeat("]", 500) + ")}", "graphql_too_deep"},
		{usual, "{" + strings.Repeat("...{", 300) + "a" + strings.Repeat("}", 301), "graphql_too_deep"},
		{usual, "{__schema{types{fields{type{fields{type{fields{name}}}}}}}}", "graphql_too_deep"},
		{usual, "{__type(name:\"T\"){" + strings.Repeat("ofType{", 21) + "name" + strings.Repeat("}", 22) + "}", "graphql_too_deep"},
		{usual, bomb(2, 25, "a"), "graphql_too_costly"},
		{usual, bomb(10, 100, "a"), "graphql_too_costly"},
	} {
		_, err := policyOf(t, c.policy).Read(GraphQLRequest{Query: c.query})
		code := ""
		if err != nil {
			code = access.AsError(err).Code
		}
		if code != c.code {
			t.Errorf("%.100q: got %q, want %q", c.query, code, c.code)
		}
	}
}

// What is meant to use up memory is refused for a small part of what it may take.
func TestGraphQLBombsAreCheap(t *testing.T) {
	const mega = 1 << 20
	g := policyOf(t, `{ query: public, mutation: public, body: 16MiB, tokens: 50000, cost: 1000000, depth: 100, width: 10000, aliases: 10000 }`)
	for name, query := range map[string]string{
		"10 MB of fields":     "{" + strings.Repeat("a ", 5*mega) + "}",
		"10 MB of brackets":   strings.Repeat("{", 10*mega),
		"10 MB of directives": "{a" + strings.Repeat("@x", 5*mega) + "}",
		"comments":            strings.Repeat("#\n", mega),
		"10 MB in a string":   `{a(x:"` + strings.Repeat("x", 10*mega),
		"escapes":             `{a(x:"` + strings.Repeat(`\u0041`, mega/6),
		"controls":            `{a(x:"` + strings.Repeat("\x00", mega),
		"quotes":              `{a(x:` + strings.Repeat(`"`, mega),
		"dashes":              strings.Repeat("-", mega),
		"digits":              "{a(x:" + strings.Repeat("1", mega) + "a)}",
		"many fragments":      bomb(1, 8_000, "a a"),
		"fragments doubled":   bomb(2, 4_000, "a"),
		"a chain in a circle": bomb(1, 8_000, "...F0"),
		"deep values":         "{a(x:" + strings.Repeat("[{a:", 10_000),
		"many operations":     strings.Repeat("query A{a}", 9_000),
		"many same fragments": "{a}" + strings.Repeat("fragment A on B{a}", 6_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		op, err := g.Read(GraphQLRequest{Query: query})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 32*mega {
			t.Errorf("%s: %d MiB", name, took/mega)
		}
		if err == nil && name != "many fragments" {
			t.Errorf("%s: taken: %s with %d bytes", name, op.Kind, len(op.Text))
		}
	}
	if _, err := policyOf(t, usual).Read(GraphQLRequest{Query: strings.Repeat(" ", mega+1)}); access.AsError(err).Kind != access.TooLarge {
		t.Errorf("more than a body: %v", err)
	}
}

// No error repeats what a client wrote.
func TestGraphQLErrorsDoNotEcho(t *testing.T) {
	const canary = "Canary7"
	name := canary
	for _, r := range []GraphQLRequest{
		{Query: canary}, {Query: "{" + canary + "(x:'')}"}, {Query: "{..." + canary + "}"}, {Query: "{a}", OperationName: &name},
		{Query: "query " + canary + "{a} query " + canary + "{a}"}, {Query: "{a @" + strings.Repeat(canary+" @", 11) + "x}"},
		{Query: "{..." + canary + "} fragment " + canary + " on T{..." + canary + "}"}, {Query: "{a(x:\"" + canary + "\\x\")}"},
	} {
		_, err := policyOf(t, usual).Read(r)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", r.Query, err)
		}
	}
}

func TestGraphQLIsRemembered(t *testing.T) {
	open, closed := policyOf(t, `{ query: public }`), policyOf(t, `{ query: refuse, batch: each }`)
	const query = "query A{remembered} query B{other}"
	a, b := "A", "B"
	read := func(g *GraphQL, name *string) *Operation {
		t.Helper()
		op, err := g.Read(GraphQLRequest{query, name})
		if err != nil {
			t.Fatal(err)
		}
		return op
	}
	first := read(open, &a)
	if read(open, &a) != first {
		t.Error("read again")
	}
	if other := read(open, &b); other.Fields[0].Name != "other" {
		t.Errorf("the operation's name does not count: %+v", other)
	}
	if other := read(closed, &a); other == first || !other.Fields[0].Refused {
		t.Errorf("the policy does not count: %+v", other)
	}
	if f := closed.Fields(first); !f[0].Refused || !first.Fields[0].Public {
		t.Errorf("another policy's operation: %+v, was %+v", f, first.Fields)
	}
	padding := strings.Repeat("x", maxRememberedOperation/3)
	for i := range maxRememberedOperations / len(padding) * 2 / 3 { // each twice: as sent, and as sent on
		if _, err := open.Read(GraphQLRequest{Query: fmt.Sprintf("{a(n:%d s:%q)}", i, padding)}); err != nil {
			t.Fatal(err)
		}
	}
	operations().CleanUp()
	if weight := operations().WeightedSize(); weight > maxRememberedOperations {
		t.Errorf("%d bytes are remembered", weight)
	}
	if open.MaxBatch() != 1 || open.Batch() || closed.MaxBatch() != 10 || !closed.Batch() || open.MaxBody() != 1<<20 {
		t.Error("batches or bodies")
	}
}

func describe(p FieldPolicy) string {
	switch {
	case !p.Mapped:
		return "unmapped"
	case p.Refused:
		return "refused"
	case p.Public:
		return "public"
	}
	return strings.TrimSpace(fmt.Sprintf("%v %v %s", p.Scopes, p.Roles, map[bool]string{true: "account"}[p.InAccount]))
}

const schemaOfPeople = `|
        "Who may call what."
        directive @scope(requires: [String!]) on FIELD_DEFINITION
        schema { query: Q mutation: M }
        type Q { person(id: ID): Person people: [Person] @scope(requires: "people:read") }
        extend type Q { me: Person @scope(requires: ["people:read", "me:read"]) }
        type M { CreatePerson(name: String): Person DeletePerson: Person @scope(requires: "people:delete") Login: Boolean }
        type Subscription { CreatePerson: Int }
        type Person { name: String }
`

// What each root field needs, by the file.
func TestGraphQLPolicies(t *testing.T) {
	for _, c := range []struct {
		policy string
		want   map[string]string // "query a" → policy
	}{
		{usual, map[string]string{
			"query a": "public", "query __typename": "public", "query __schema": "[] []", "query __type": "[] []", "query _service": "[] []", "query __other": "unmapped",
			"mutation CreatePerson":                "[Mutation:Person:Create] []",
			"mutation AddMusicCompositionComposer": "[Mutation:MusicCompositionComposer:Add] []",
			"mutation CreateURL":                   "[Mutation:URL:Create] []",
			"mutation Create_Person":               "unmapped", "mutation createPerson": "unmapped", "mutation Create": "unmapped", "mutation CREATEPerson": "unmapped",
			"mutation Createperson": "unmapped", "mutation _CreatePerson": "unmapped", "mutation ACreate": "unmapped", "mutation __schema": "[] []",
			"mutation Create" + strings.Repeat("P", 300): "unmapped",
			"subscription a": "[] []", "mutation __typename": "[] []",
		}},
		{`{ query: authenticated }`, map[string]string{"query a": "[] []", "mutation a": "unmapped", "subscription a": "[] []", "mutation __typename": "unmapped"}},
		{`{ query: public }`, map[string]string{"subscription a": "unmapped"}},
		{`{ query: refuse, introspection: public }`, map[string]string{"query a": "refused", "query __typename": "refused", "subscription a": "refused", "query __schema": "public"}},
		{`{ query: { scope: "q:{field}" }, subscription: { roles: [developer], in: account }, introspection: refuse }`, map[string]string{
			"query person": "[q:person] []", "subscription a": "[] [developer] account", "query __schema": "refused", "query __typename": "[] []"}},
		{`{ mutation: { scopes: [a, b], roles: [consumer] } }`, map[string]string{"mutation x": "[a b] [consumer]", "query x": "unmapped"}},
		{`{ mutation: { scope: "Mutation:{type}:{action}" }, fields: { Mutation.CreatePerson: { scopes: [people:write] }, Mutation.login: public, Mutation.DeletePerson: refuse, Query._service: authenticated, Query.me: { scope: "{field}:read" } } }`,
			map[string]string{"mutation CreatePerson": "[people:write] []", "mutation login": "public", "mutation DeletePerson": "refused", "query _service": "[] []",
				"query me": "[me:read] []", "query CreatePerson": "unmapped", "mutation CreatePlace": "[Mutation:Place:Create] []", "query __typename": "[] []"}},
		{`
      query: public
      mutation: { scope: "Mutation:{type}:{action}" }
      fields: { Mutation.Login: public }
      schema: ` + schemaOfPeople, map[string]string{
			"query person": "public", "query people": "[people:read] []", "query me": "[people:read me:read] []", "query nothing": "unmapped",
			"mutation CreatePerson": "[Mutation:Person:Create] []", "mutation DeletePerson": "[people:delete] []", "mutation Login": "public",
			"mutation CreatePlace": "unmapped", "mutation person": "unmapped", "subscription CreatePerson": "unmapped", "query __schema": "[] []"}},
	} {
		g := policyOf(t, c.policy)
		for field, want := range c.want {
			kind, name, _ := strings.Cut(field, " ")
			if got := describe(g.policy(fieldName{OperationKind(kind), name})); got != want {
				t.Errorf("%s\n%s: got %s, want %s", c.policy, field, got, want)
			}
		}
	}
}

// Where a field of a field leads back to a root type, what is asked for there is
// gated as at the root.
func TestGraphQLFollowsTheSchemaBackToTheRoot(t *testing.T) {
	g := policyOf(t, `
      query: authenticated
      mutation: { scope: "Mutation:{type}:{action}" }
      schema: |
        type Query implements Node & Other { me: Person secret: Int @scope(requires: "secrets") query: Query id: ID other: Int }
        type Mutation { CreatePerson: Payload Close: Int }
        type Payload { query: Query person: Person any: Any list: [[Query!]!]! mutation: Mutation }
        type Person implements Node { id: ID secret: Int friends: [Person] node: Node }
        interface Node { id: ID }
        interface Other { other: Int }
        union Any = Person | Query
`)
	for query, want := range map[string]string{
		"mutation{CreatePerson{person{secret friends{secret}}}}":                                      "mutation.CreatePerson",
		"mutation{CreatePerson{query{secret __typename}}}":                                            "mutation.CreatePerson query.secret",
		"mutation{CreatePerson{x:query{y:secret}}}":                                                   "mutation.CreatePerson query.secret",
		"mutation{CreatePerson{list{me{secret}}}}":                                                    "mutation.CreatePerson query.me",
		"mutation{CreatePerson{...F}} fragment F on Payload{query{...G}} fragment G on Query{secret}": "mutation.CreatePerson query.secret",
		"mutation{...R} fragment R on Mutation{CreatePerson{...{query{...{secret}}}}}":                "mutation.CreatePerson query.secret",
		"mutation{CreatePerson{any{...on Person{secret}...on Query{secret}}}}":                        "mutation.CreatePerson query.secret",
		"mutation{CreatePerson{person{node{id}}}}":                                                    "mutation.CreatePerson query.id",
		"{query{query{secret}}}":                                                                      "query.query query.secret",
		"{me{id secret}}":                                                                             "query.me",
		"{me{...on Other{other}}}":                                                                    "query.me query.other",
		"{me{...on Mutation{Close}}}":                                                                 "query.me mutation.Close",
		"mutation{CreatePerson{mutation{Close}}}":                                                     "mutation.CreatePerson mutation.Close",
	} {
		op, err := g.Read(GraphQLRequest{Query: query})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var got []string
		for _, f := range op.Fields {
			got = append(got, string(f.Kind)+"."+f.Name)
			if wantScopes := map[string]string{"secret": "[secrets]", "CreatePerson": "[Mutation:Person:Create]"}[f.Name]; wantScopes != "" && fmt.Sprint(f.Scopes) != wantScopes {
				t.Errorf("%s: %s needs %v", query, f.Name, f.Scopes)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", query, got, want)
		}
	}
}

func TestGraphQLProblems(t *testing.T) {
	schema := func(sdl string) string { return "query: public\n      schema: '" + sdl + "'" }
	for _, c := range []struct{ policy, message string }{
		{"batch: each", "must say what its fields need"},
		{"introspection: public", "must say what its fields need"},
		{"query: open", "write public or authenticated or refuse"},
		{"query: [a]", "write public, authenticated, refuse"},
		{"query: {}", "name a scope, scopes or roles"},
		{"query: { in: account }", "name a scope"},
		{"query: { scope: a, in: account }", "add roles"},
		{"query: { scope: a, scopes: [b] }", "leave one of them"},
		{"query: { scope: 'a:*' }", "without '*'"},
		{"query: { scope: 'a:{noun}' }", "nothing else in braces"},
		{"query: { scope: 'a:{type' }", "without '*'"},
		{"query: { scopes: ['a:*'] }", "has no '*'"},
		{"query: public\n      mutations: public", "unknown field"},
		{"query: public\n      depth: 0", "from 1 to 100"},
		{"query: public\n      depth: '3'", "from 1 to 100"},
		{"query: public\n      cost: 1e3", "from 1 to"},
		{"query: public\n      body: 10kB", "at most 16MiB"},
		{"query: public\n      body: 17MiB", "at most 16MiB"},
		{"query: public\n      batch: true", "write text here"},
		{"fields: [a]", "write fields and what they need"},
		{"fields: { CreatePerson: public }", "the kind of operation and a root field"},
		{"fields: { Mutation.a.b: public }", "the kind of operation"},
		{"fields: { Query.__schema: public }", "the language's own"},
		{"fields: { Query.a: public, Query.a: refuse }", "there twice"},
		{"fields: { Query.a: }", "no value"},
		{"fields: { Query.a: { scope: 'a:{type}' } }", "cannot be divided"},
		{schema("type Query{"), "line 1, column 12"},
		{schema("query{a}"), "not a GraphQL schema"},
		{schema("type T{a:Int}"), "no root fields"},
		{schema("interface Query{a:Int}"), "not an object type"},
		{schema("type Query{a:Int a:Int}"), "there twice"},
		{schema("schema{query:Q} schema{query:Q} type Q{a:Int}"), "second schema"},
		{schema("schema{query:Q mutation:Q} type Q{a:Int}"), "two kinds"},
		{schema("type Query @scope(requires:\"a\"){a:Int}"), "has no effect"},
		{schema("type Query{a:T} type T{b:Int @scope(requires:\"a\")}"), "has no effect"},
		{schema("type Query{a(b:Int @scope(requires:\"a\")):Int}"), "has no effect"},
		{schema("type Query{a:Int} enum E{A @scope(requires:\"a\")}"), "has no effect"},
		{schema("schema @scope(requires:\"a\"){query:Q} type Q{a:Int}"), "has no effect"},
		{schema("type Query{a:Int @scope}"), "write @scope(requires:"},
		{schema("type Query{a:Int @scope(requires:[])}"), "write @scope(requires:"},
		{schema("type Query{a:Int @scope(scopes:\"a\")}"), "write @scope(requires:"},
		{schema("type Query{a:Int @scope(requires:1)}"), "is text"},
		{schema("type Query{a:Int @scope(requires:\"a:*\")}"), "has no ''*''"},
		{"fields: { Query.a: public }\n      schema: 'type Query{a:Int @scope(requires:\"a\")}'", "has @scope on this field"},
		{"fields: { Query.b: public }\n      schema: 'type Query{a:Int}'", "has no such field"},
	} {
		_, err := ParseDocument([]byte("resources:\n  - match: POST /graphql\n    graphql:\n      " + c.policy + "\n"))
		if message := strings.ReplaceAll(c.message, "''", "'"); err == nil || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s\n got %v\nwant …%s", c.policy, err, message)
		}
	}
}

// The manual's examples are files that are accepted, and its tables say the truth.
func TestGraphQLManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/graphql.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(manual, -1)
	for _, e := range examples {
		if _, err := ParseDocument(e[1]); err != nil {
			t.Errorf("%s\n%v", e[1], err)
		}
	}
	first, err := ParseDocument(examples[0][1])
	if err != nil {
		t.Fatal(err)
	}
	beginning, _, _ := strings.Cut(string(manual), "## What fields need")
	asked := regexp.MustCompile("(?m)^\\| `([^`]*\\{ [^`]*)` \\| (.*) \\|$").FindAllStringSubmatch(beginning, -1)
	for _, row := range asked {
		op, err := first.Resources[0].GraphQL.Read(GraphQLRequest{Query: row[1]})
		if err != nil {
			t.Errorf("%s: %v", row[1], err)
			continue
		}
		for _, f := range op.Fields {
			says := map[string]string{"public": "nothing", "[] []": "any good pass", "unmapped": "denied"}[describe(f.FieldPolicy)]
			if len(f.Scopes) > 0 {
				says = "`" + f.Scopes[0].String() + "`"
			}
			if !strings.Contains(row[2], says) {
				t.Errorf("%s: %s is %s, the manual says %s", row[1], f.Name, describe(f.FieldPolicy), row[2])
			}
		}
	}
	mapped := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (not mapped|`Mutation:[^`]*`) \\| `(Mutation:[^`]*)` \\|$").FindAllStringSubmatch(string(manual), -1)
	for _, row := range mapped {
		byType, ok := scopeTemplate("Mutation:{type}:{action}").fill(row[1])
		if ok != (row[2] != "not mapped") || ok && "`"+byType.String()+"`" != row[2] {
			t.Errorf("%s: %s, the manual says %s", row[1], byType, row[2])
		}
		if byField, _ := scopeTemplate("Mutation:{field}").fill(row[1]); byField.String() != row[3] {
			t.Errorf("%s: %s, the manual says %s", row[1], byField, row[3])
		}
	}
	limits := regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| `?([0-9,MiB]+)`? \\| `?([0-9,MiB]+)`? \\|").FindAllStringSubmatch(string(manual), -1)
	properties := readSchema(t).Defs["graphql"].Properties
	for _, row := range limits {
		standard, most := strings.ReplaceAll(row[2], ",", ""), strings.ReplaceAll(row[3], ",", "")
		if got := fmt.Sprint(properties[row[1]].Default); got != standard {
			t.Errorf("%s: %s by default, the manual says %s", row[1], got, standard)
		}
		file := "resources: [{match: POST /a, graphql: {query: public, " + row[1] + ": %s}}]"
		doc, err := ParseDocument([]byte(fmt.Sprintf(file, standard)))
		if err != nil || doc.Resources[0].GraphQL.limits != defaultGraphQLLimits || doc.Resources[0].GraphQL.maxBody != defaultGraphQLBody {
			t.Errorf("%s: %s is not the default: %v", row[1], standard, err)
		}
		over := strings.Replace(most, "16M", "17M", 1)
		if over == most {
			over += "0"
		}
		if _, err := ParseDocument([]byte(fmt.Sprintf(file, most))); err != nil {
			t.Error(err)
		}
		if _, err := ParseDocument([]byte(fmt.Sprintf(file, over))); err == nil {
			t.Errorf("%s: %s is taken", row[1], over)
		}
	}
	if len(examples) != 3 || len(asked) < 5 || len(mapped) < 5 || len(limits) != 6 {
		t.Errorf("%d examples, %d requests, %d names, %d limits", len(examples), len(asked), len(mapped), len(limits))
	}
}

// checkReading holds what was read against another reading of what is sent on: by
// this package again, and by the library's parser with a collector of its own.
func checkReading(t interface{ Fatalf(string, ...any) }, g *GraphQL, query string, op *Operation) {
	again, err := g.read(GraphQLRequest{Query: op.Text})
	if err != nil {
		t.Fatalf("%q is read, but sent on as %q: %v", query, op.Text, err)
	}
	if again.Kind != op.Kind || again.Name != op.Name || again.Text != op.Text || !slices.Equal(rootNames(again.Fields), rootNames(op.Fields)) {
		t.Fatalf("%q is read as %+v, but sent on as %+v", query, op, again)
	}
	doc, parseErr := parser.ParseQuery(&ast.Source{Input: op.Text})
	if parseErr != nil || len(doc.Operations) != 1 {
		t.Fatalf("%q is sent on as %q: %v", query, op.Text, parseErr)
	}
	executed := map[string]bool{}
	execute(doc, doc.Operations[0].SelectionSet, executed, 0)
	for name := range executed {
		if !slices.Contains(rootNames(op.Fields), name) {
			t.Fatalf("%q: %s would execute, but is not among %v", query, name, rootNames(op.Fields))
		}
	}
}

// execute collects root fields as an executor does whose conditions are all met.
func execute(doc *ast.QueryDocument, set ast.SelectionSet, into map[string]bool, depth int) {
	if depth > 50 {
		return
	}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			into[s.Name] = true
		case *ast.InlineFragment:
			execute(doc, s.SelectionSet, into, depth+1)
		case *ast.FragmentSpread:
			if f := doc.Fragments.ForName(s.Name); f != nil {
				execute(doc, f.SelectionSet, into, depth+1)
			}
		}
	}
}

func FuzzGraphQL(f *testing.F) {
	for _, query := range []string{
		"{a}", "query A($x:[I!]!={a:[1 -2.5e3 E null true]}@d(x:\"\"\"b\n c\"\"\")){b:a(x:$x)@include(if:$x){...F}} fragment F on T{...on U{c}...{d}}",
		"mutation{a(s:\"\\u00e9\\ud83d\\ude00\\u{1f600}\x00\" t:\"\"\"\\\"\"\" x\"\"\")}", "# c\n\ufeff{a,b}", standardIntrospection, bomb(2, 5, "a"),
		"subscription S{a} query Q{b}", "{a(l:[\"\" \"\" 1 ... ])}", "\"d\" query($a:S=\"x\" \"y\" $b:T){a}",
	} {
		f.Add(query, "")
		f.Add(query, "S")
	}
	g := policyOf(f, usual)
	f.Fuzz(func(t *testing.T, query, name string) {
		r := GraphQLRequest{Query: query}
		if name != "" {
			r.OperationName = &name
		}
		op, err := g.read(r)
		if err != nil {
			if e := access.AsError(err); !strings.HasPrefix(e.Code, "graphql_") || e.Message == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(op.Fields) == 0 || name != "" && op.Name != name {
			t.Fatalf("%+v", op)
		}
		checkReading(t, g, query, op)
	})
}

// documents draws a document and tells which root fields its chosen operation may
// execute.
func TestGraphQLGatesWhatExecutes(t *testing.T) {
	g := policyOf(t, `{ query: public, mutation: public, subscription: public, cost: 100000, width: 10000, depth: 100, aliases: 1000 }`)
	rapid.Check(t, func(t *rapid.T) {
		d := drawing{t: t, fragments: rapid.IntRange(0, 4).Draw(t, "fragments")}
		kind := rapid.SampledFrom([]string{"query", "mutation", "subscription"}).Draw(t, "kind")
		chosen := kind + " Chosen($v:Boolean=true)" + d.selection(0, 3)
		parts := []string{chosen, "query Other{other}"}
		for i := range d.fragments {
			parts = append(parts, fmt.Sprintf("fragment F%d on T%s", i, d.selection(i+1, 2)))
		}
		name := "Chosen"
		query := strings.Join(rapid.Permutation(parts).Draw(t, "order"), rapid.SampledFrom([]string{"", "\n", ",#}\n"}).Draw(t, "between"))
		op, err := g.read(GraphQLRequest{query, &name})
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		doc, parseErr := parser.ParseQuery(&ast.Source{Input: query})
		if parseErr != nil {
			t.Fatalf("%q: %v", query, parseErr)
		}
		executed := map[string]bool{}
		execute(doc, doc.Operations.ForName("Chosen").SelectionSet, executed, 0)
		for _, f := range op.Fields {
			if !executed[f.Name] {
				t.Fatalf("%q: %s cannot execute", query, f.Name)
			}
		}
		if len(executed) != len(op.Fields) || string(op.Kind) != kind {
			t.Fatalf("%q: %s %v, want %v", query, op.Kind, rootNames(op.Fields), executed)
		}
		checkReading(t, g, query, op)
	})
}

// drawing draws selections. A fragment spreads only those after it.
type drawing struct {
	t         *rapid.T
	fragments int
}

func (d *drawing) selection(from, depth int) string {
	var b strings.Builder
	b.WriteByte('{')
	for range rapid.IntRange(1, 3).Draw(d.t, "width") {
		b.WriteString(rapid.SampledFrom([]string{" ", ",", "\t#{\n"}).Draw(d.t, "blank"))
		directive := rapid.SampledFrom([]string{"", "@skip(if:true)", "@include(if:$v)"}).Draw(d.t, "directive")
		switch choice := rapid.IntRange(0, 5).Draw(d.t, "selection"); {
		case choice == 0 && depth > 0:
			b.WriteString("..." + rapid.SampledFrom([]string{"", "on Mutation", "on Query"}).Draw(d.t, "type") + directive + d.selection(from, depth-1))
		case choice == 1 && from < d.fragments:
			fmt.Fprintf(&b, "...F%d%s", rapid.IntRange(from, d.fragments-1).Draw(d.t, "fragment"), directive)
		default:
			b.WriteString(rapid.SampledFrom([]string{"", "x:", "a:"}).Draw(d.t, "alias") + rapid.SampledFrom([]string{"a", "b", "on", "CreatePerson", "query"}).Draw(d.t, "field"))
			b.WriteString(rapid.SampledFrom([]string{"", `(s:"}" t:["" ""])`, `(b:"""{ \""" "x""")`, "(n:-1 o:{a:1.5,b:$v})"}).Draw(d.t, "arguments") + directive)
			if rapid.Bool().Draw(d.t, "leaf") && depth > 0 {
				b.WriteString("{nested}")
			}
		}
	}
	b.WriteByte('}')
	return b.String()
}

func BenchmarkGraphQLRead(b *testing.B) {
	query := `mutation CreatePerson($in: PersonInput!) { CreatePerson(input: $in) { ` + strings.Repeat("identifier name friends { name } ", 28) + `} }`
	g := policyOf(b, usual)
	for name, read := range map[string]func(GraphQLRequest) (*Operation, error){"remembered": g.Read, "anew": g.read} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := read(GraphQLRequest{Query: query}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
