package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// schema is the part of JSON Schema 2020-12 that the published schema uses. A
// keyword it does not know fails the test rather than being passed over.
type schema struct {
	never bool

	Schema, Title, Description, Ref, Pattern string
	Type                                     any
	Default, Const                           any
	Enum                                     []any
	Properties, Defs                         map[string]*schema
	AdditionalProperties, PropertyNames      *schema
	Required                                 []string
	DependentRequired                        map[string][]string
	Items, Not                               *schema
	AnyOf                                    []*schema
	MinItems, MaxItems, MaxLength            *int
	Minimum, Maximum                         *float64
}

func (s *schema) UnmarshalJSON(data []byte) error {
	if string(data) == "false" {
		s.never = true
		return nil
	}
	var keywords map[string]json.RawMessage
	if err := json.Unmarshal(data, &keywords); err != nil {
		return err
	}
	into := map[string]any{
		"$schema": &s.Schema, "title": &s.Title, "description": &s.Description, "$ref": &s.Ref, "pattern": &s.Pattern,
		"type": &s.Type, "default": &s.Default, "const": &s.Const, "enum": &s.Enum, "properties": &s.Properties, "$defs": &s.Defs,
		"additionalProperties": &s.AdditionalProperties, "propertyNames": &s.PropertyNames, "required": &s.Required, "dependentRequired": &s.DependentRequired,
		"items": &s.Items, "not": &s.Not, "anyOf": &s.AnyOf, "minItems": &s.MinItems, "maxItems": &s.MaxItems,
		"maxLength": &s.MaxLength, "minimum": &s.Minimum, "maximum": &s.Maximum,
	}
	for name, value := range keywords {
		if into[name] == nil {
			return fmt.Errorf("keyword %q is unknown to this test", name)
		}
		if err := json.Unmarshal(value, into[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	data, err := os.ReadFile("../../docs/resources.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// allows reports whether the value is valid under s; root resolves references.
func (s *schema) allows(root *schema, v any) bool {
	if s.never {
		return false
	}
	if s.Ref != "" && !root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")].allows(root, v) {
		return false
	}
	if s.Type != nil && !hasType(s.Type, v) || s.Const != nil && s.Const != v || s.Enum != nil && !slices.Contains(s.Enum, v) {
		return false
	}
	if s.AnyOf != nil && !slices.ContainsFunc(s.AnyOf, func(one *schema) bool { return one.allows(root, v) }) || s.Not != nil && s.Not.allows(root, v) {
		return false
	}
	switch v := v.(type) {
	case string:
		return (s.Pattern == "" || regexp.MustCompile(s.Pattern).MatchString(v)) && (s.MaxLength == nil || utf8.RuneCountInString(v) <= *s.MaxLength)
	case int:
		return (s.Minimum == nil || float64(v) >= *s.Minimum) && (s.Maximum == nil || float64(v) <= *s.Maximum)
	case []any:
		return (s.MinItems == nil || len(v) >= *s.MinItems) && (s.MaxItems == nil || len(v) <= *s.MaxItems) &&
			(s.Items == nil || !slices.ContainsFunc(v, func(item any) bool { return !s.Items.allows(root, item) }))
	case map[string]any:
		return s.allowsObject(root, v)
	}
	return true
}

func (s *schema) allowsObject(root *schema, object map[string]any) bool {
	for name, value := range object {
		property, known := s.Properties[name]
		if known && !property.allows(root, value) || !known && s.AdditionalProperties != nil && !s.AdditionalProperties.allows(root, value) {
			return false
		}
		if s.PropertyNames != nil && !s.PropertyNames.allows(root, name) {
			return false
		}
		for _, needed := range s.DependentRequired[name] {
			if _, has := object[needed]; !has {
				return false
			}
		}
	}
	return !slices.ContainsFunc(s.Required, func(name string) bool { _, has := object[name]; return !has })
}

func hasType(want, v any) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return hasType(one, v) })
	}
	got := "null"
	switch v.(type) {
	case string:
		got = "string"
	case bool:
		got = "boolean"
	case int:
		got = "integer"
	case float64:
		got = "number"
	case []any:
		got = "array"
	case map[string]any:
		got = "object"
	}
	return got == want
}

func names[T any](fields []field[T]) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	slices.Sort(out)
	return out
}

func TestSchemaHasTheFieldsOfTheParser(t *testing.T) {
	root := readSchema(t)
	resource := root.Defs["resource"]
	for _, c := range []struct {
		what   string
		schema *schema
		parser []string
	}{
		{"file", root, names(documentFields)},
		{"tokens", root.Properties["tokens"], names(tokenFields)},
		{"resource", resource, names(resourceFields)},
		{"require", resource.Properties["require"], names(requireFields)},
		{"limit", root.Defs["limit"], names(limitFields)},
		{"graphql", root.Defs["graphql"], names(graphqlFields)},
		{"fieldRule", root.Defs["fieldRule"].AnyOf[1], names(fieldRuleFields)},
		{"shape", root.Defs["shape"], names(shapeFields)},
		{"join", root.Defs["shape"].Properties["join"].Items, names(joinFields)},
	} {
		if got := slices.Sorted(maps.Keys(c.schema.Properties)); !slices.Equal(got, c.parser) {
			t.Errorf("%s: schema has %v, parser reads %v", c.what, got, c.parser)
		}
		if c.schema.AdditionalProperties == nil || !c.schema.AdditionalProperties.never {
			t.Errorf("%s: schema allows unknown fields", c.what)
		}
	}
}

// Schema and parser must agree on what is wrong, as far as a schema can say it.
func TestSchemaAgreesWithTheParser(t *testing.T) {
	root := readSchema(t)
	rule := func(fields string) string { return "resources: [{match: 'GET /a', " + fields + "}]" }
	graphql := func(fields string) string { return rule("graphql: {" + fields + "}") }
	for _, file := range []string{
		example, strings.ReplaceAll(exampleJSON, `\/`, "/"), "{}", "resources: []", "deny_networks: []",
		"application: a-1", "application: Photos", "application: 1", "organization: acme_x",
		"hosts: [A.example, '*.b.example', localhost, 127.0.0.1]", "hosts: []", "hosts: [a/b]", "hosts: ['*']", "hosts: a", "hosts: ['a.*.b']", "hosts: ['a:1']",
		"prefix: /a", "prefix: /a/b/", "prefix: a", "prefix: /", "prefix: '/a/*'", "prefix: '/a?b'", "prefix: ''",
		"upstream: https://a:8443/", "upstream: h2c://[::1]:80", "upstream: ftp://a", "upstream: http://a/b", "upstream: http://u@a", "upstream: http://a?", "upstream: ''",
		"timeout: 5", "timeout: 5m", "timeout: 0", "timeout: -1", "timeout: 1.5", "timeout: 5x", "timeout: ''", "timeout: true",
		"tokens: {}", "tokens: {default_life: 1h}", "tokens: {life: 1h}", "tokens: 1h", "tokens: {max_life: 2592001}", "tokens: {encrypt: true}", "tokens: {encrypt: 1}",
		"allow_networks: ['::1', 10.0.0.0/8]", "allow_networks: []", "origins: [https://www.example.com, 'HTTP://localhost:3000']", "origins: []", "origins: ['https://a/b']", "origins: ['*']", "deny_networks: [localhost]", "deny_networks: [1]", "unknown: 1",
		"resources: [{access: public}]", "resources: {}", "resources: [1]",
		rule("access: public"), rule("access: authenticated"), rule("access: open"), rule("comment: x"), rule("access: public, comment: 1"),
		rule("access: public, limit: {rate: 1/m}"), rule("access: public, graphql: {}"),
		rule("access: public, limit: [{rate: 1/m, burst: 2, per: address}, {quota: 5/month}]"), rule("access: public, limit: []"), rule("access: public, limit: {}"),
		rule("access: public, limit: {per: key}"), rule("access: public, limit: {rate: 5}"), rule("access: public, limit: {rate: 0/s}"), rule("access: public, limit: {burst: 2, quota: 1/d}"),
		rule("access: public, limit: {body: 10MiB, bytes: 1GiB/d}"), rule("access: public, limit: {body: 4096}"), rule("access: public, limit: {body: 1.5MiB}"), rule("access: public, limit: {bytes: 1GiB}"),
		rule("access: public, limit: {quota: 5/h}"), rule("access: public, limit: {rate: 1/m, per: user}"), rule("access: public, limit: {rate: 1/m, burst: 0}"), rule("access: public, limit: 100/m"),
		rule("access: public, limit: {rate: ''}"), rule("access: public, limit: {rate: 1/m, every: 2}"), rule("access: public, limit: [1]"),
		rule("access: public, other: 1"),
		rule("access: public, pass_token: true"), rule("access: public, bearer_token: false"), rule("access: public, pass_token: 'yes'"),
		rule("access: public, pass_token: true, bearer_token: true"),
		"mode: shadow", "mode: enforce", "mode: off", rule("access: public, mode: shadow"), rule("access: public, mode: true"),
		rule("require: {scopes: ['a:b']}"), rule("require: {roles: [consumer]}"), rule("require: {scopes: [a], roles: [b], in: account}"), rule("access: authenticated, require: {scopes: [a]}"),
		graphql("query: public"), graphql("query: authenticated, subscription: refuse"), graphql("query: open"), graphql("query: 1"), graphql("query: [public]"), graphql(""), graphql("batch: each"),
		rule("graphql: {query: public}, access: authenticated"), rule("graphql: {query: public}, require: {scopes: [a]}"), rule("graphql: public"), rule("graphql: {query: public}, shape: {drop: [a]}"),
		graphql("mutation: {scope: 'Mutation:{type}:{action}'}"), graphql("mutation: {scope: 'a:{field}'}"), graphql("mutation: {scope: 'a:{noun}'}"), graphql("mutation: {scope: 'a:*'}"), graphql("mutation: {scope: '{type'}"), graphql("mutation: {scope: ''}"),
		graphql("mutation: {}"), graphql("mutation: {in: account}"), graphql("mutation: {scopes: [a], in: account}"), graphql("mutation: {roles: [a], in: account}"), graphql("mutation: {scope: a, scopes: [a]}"), graphql("mutation: {scope: a, roles: [b]}"), graphql("mutation: {scopes: ['*']}"), graphql("mutation: {scopes: []}"), graphql("mutation: {access: public}"),
		graphql("query: public, introspection: refuse"), graphql("query: public, introspection: {scope: a}"), graphql("query: public, batch: each"), graphql("query: public, batch: true"),
		graphql("query: public, depth: 0"), graphql("query: public, depth: 100"), graphql("query: public, depth: 101"), graphql("query: public, depth: '5'"), graphql("query: public, width: 10001"), graphql("query: public, aliases: 0"), graphql("query: public, aliases: -1"), graphql("query: public, tokens: 9"), graphql("query: public, cost: 1.5"),
		graphql("query: public, body: 1KiB"), graphql("query: public, body: 1KB"), graphql("query: public, body: 65536"), graphql("query: public, body: 0"), graphql("query: public, body: 16777217"),
		graphql("fields: {Query.a: public}"), graphql("fields: {Query.a: open}"), graphql("fields: {a: public}"), graphql("fields: {query.a: public}"), graphql("fields: {Query.__schema: public}"), graphql("fields: {Query._service: public}"), graphql("fields: {Query._: public}"), graphql("fields: {Query.a.b: public}"), graphql("fields: [Query.a]"), graphql("fields: {Query.a: {scopes: [b]}}"),
		graphql("query: public, schema: 'type Query{a:Int}'"), graphql("query: public, schema: 1"), graphql("query: public, max_depth: 3"),
		rule("require: {}"), rule("require: {in: account}"), rule("require: {scopes: [a], in: account}"), rule("require: {roles: [a], in: here}"), rule("require: [a]"),
		rule("require: {scopes: []}"), rule("require: {roles: []}"), rule("require: {scopes: ['a:*']}"), rule("require: {scopes: [':']}"), rule("require: {scopes: a}"),
		rule("require: {roles: ['a@b']}"), rule("require: {roles: [A]}"), rule("require: {scope: [a]}"), rule("access: public, require: {scopes: [a]}"),
		rule("access: public, shape: {pick: [a.b]}"), rule("access: public, shape: {}"), rule("access: public, shape: {pick: []}"), rule("access: public, shape: {drop: [a], rename: {a: b}, body: 2MiB}"),
		rule("access: public, shape: {join: [{into: a, get: '/x/{b}', optional: true}]}"), rule("access: public, shape: {join: [{into: a}]}"), rule("access: public, shape: {join: [{into: a, get: x}]}"),
		"resources: [{match: 'ANY /**', access: public}]", "resources: [{match: '* /', access: public}]", "resources: [{match: 'GET,POST  /a', access: public}]",
		"resources: [{match: /a, access: public}]", "resources: [{match: get /a, access: public}]", "resources: [{match: GET a, access: public}]",
		"resources: [{match: 'GET, POST /a', access: public}]", "resources: [{match: 1, access: public}]",
	} {
		var value any
		if err := yaml.Unmarshal([]byte(file), &value); err != nil {
			t.Errorf("%q: %v", file, err)
			continue
		}
		_, err := ParseDocument([]byte(file))
		if valid := root.allows(root, value); valid != (err == nil) {
			t.Errorf("%.120q: schema says %v, parser %v", file, valid, err)
		}
	}
}

// The examples of the manual are files that are accepted, and its table of
// matches says the truth.
func TestManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/resources.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(manual, -1)
	for _, e := range examples {
		if _, err := ParseDocument(e[1]); err != nil {
			t.Errorf("%s\n%v", e[1], err)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([A-Z,]+ /[^`]*)` \\| (.*) \\| (.*)\\|$").FindAllStringSubmatch(string(manual), -1)
	if len(examples) == 0 || len(rows) < 8 {
		t.Fatalf("%d examples, %d rows", len(examples), len(rows))
	}
	for _, row := range rows {
		app := compile(t, fmt.Sprintf("resources: [{match: %q, access: public}]", row[1]))
		checkRow(t, app, row[1], row[2], true)
		checkRow(t, app, row[1], row[3], false)
	}
}

func checkRow(t *testing.T, app *Application, match, cell string, falls bool) {
	t.Helper()
	firstMethod, path, _ := strings.Cut(match, " ")
	firstMethod, _, _ = strings.Cut(strings.Replace(firstMethod, "ANY", "PUT", 1), ",")
	for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		method, target, both := strings.Cut(code[1], " ")
		switch {
		case both:
		case strings.HasPrefix(code[1], "/"):
			method, target = firstMethod, code[1]
		default:
			target = path
		}
		if got := app.Match(method, mustPath(t, target)) != nil; got != falls {
			t.Errorf("%s: %s %s falls under it: %v", match, method, target, got)
		}
	}
}
