package catalog

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass/scope"
)

// fieldRule is what the root fields of one kind of operation need.
type fieldRule struct {
	FieldPolicy
	template scopeTemplate // empty: Scopes are the same for every field
}

// of says what a field needs. A field that the template cannot take apart is not
// mapped.
func (r *fieldRule) of(name string) FieldPolicy {
	if r.template == "" {
		return r.FieldPolicy
	}
	s, ok := r.template.fill(name)
	if !ok {
		return FieldPolicy{}
	}
	p := r.FieldPolicy
	p.Scopes = []scope.Pattern{s}
	return p
}

// scopeTemplate makes a scope of the name of a field: {action} is its leading
// capitalised word, {type} the rest, which begins with a capital too, {field} the
// whole name. No two fields have the same action and type.
type scopeTemplate string

var (
	placeholder = regexp.MustCompile(`\{[^{}]*\}`)
	actionType  = regexp.MustCompile(`^([A-Z][a-z0-9]+)([A-Z][A-Za-z0-9_]*)$`)
)

func (t scopeTemplate) fill(field string) (scope.Pattern, bool) {
	parts, ok := actionType.FindStringSubmatch(field), true
	text := placeholder.ReplaceAllStringFunc(string(t), func(name string) string {
		switch {
		case name == "{field}":
			return field
		case parts == nil:
			ok = false
		case name == "{action}":
			return parts[1]
		case name == "{type}":
			return parts[2]
		}
		return name
	})
	if !ok {
		return scope.Pattern{}, false
	}
	p, err := scope.Parse(text)
	return p, err == nil && p.Concrete()
}

func parseTemplate(s string) (scopeTemplate, error) {
	for _, name := range placeholder.FindAllString(s, -1) {
		if !slices.Contains([]string{"{action}", "{type}", "{field}"}, name) {
			return "", errors.New("a scope may have {action}, {type} and {field} in it, and nothing else in braces")
		}
	}
	if _, ok := scopeTemplate(s).fill("CreatePerson"); !ok {
		return "", errors.New(`write a scope without '*', as in "Mutation:{type}:{action}"`)
	}
	return scopeTemplate(s), nil
}

// graphqlDraft is a GraphQL policy while it is read.
type graphqlDraft struct {
	*GraphQL
	tableAt map[fieldName]*node
	schema  *node
}

var graphqlFields = []field[graphqlDraft]{
	{"query", func(r *reader, d *graphqlDraft, n *node) { d.rules[Query] = r.fieldRule(n) }},
	{"mutation", func(r *reader, d *graphqlDraft, n *node) { d.rules[Mutation] = r.fieldRule(n) }},
	{"subscription", func(r *reader, d *graphqlDraft, n *node) { d.rules[Subscription] = r.fieldRule(n) }},
	{"introspection", func(r *reader, d *graphqlDraft, n *node) {
		d.introspection = namedPolicy(r.choice(n, policyNames...))
	}},
	{"fields", (*reader).fieldTable},
	{"schema", func(r *reader, d *graphqlDraft, n *node) { d.schema = n }},
	{"batch", func(r *reader, d *graphqlDraft, n *node) { d.batch = r.choice(n, "refuse", "each") == "each" }},
	{"depth", func(r *reader, d *graphqlDraft, n *node) { d.limits.depth = r.count(n, 1, 100) }},
	{"width", func(r *reader, d *graphqlDraft, n *node) { d.limits.width = r.count(n, 1, 10_000) }},
	{"aliases", func(r *reader, d *graphqlDraft, n *node) { d.limits.aliases = r.count(n, 0, 10_000) }},
	{"tokens", func(r *reader, d *graphqlDraft, n *node) { d.limits.tokens = r.count(n, 10, 50_000) }},
	{"cost", func(r *reader, d *graphqlDraft, n *node) { d.limits.cost = r.count(n, 1, 1_000_000) }},
	{"body", func(r *reader, d *graphqlDraft, n *node) { d.maxBody = r.graphqlBody(n) }},
}

// defaultGraphQLLimits let through what an application's own screens ask for, and
// the introspection of the usual tools.
var defaultGraphQLLimits = graphqlLimits{depth: 12, width: 200, aliases: 50, tokens: 5_000, cost: 1_000}

const (
	defaultGraphQLBody = 1 << 20
	maxGraphQLBody     = 16 << 20
)

// graphql reads the policy of a GraphQL resource.
func (r *reader) graphql(d *draft, n *node) {
	before := len(r.problems)
	g := graphqlDraft{
		GraphQL: &GraphQL{
			number:        policies.Add(1),
			maxBody:       defaultGraphQLBody,
			limits:        defaultGraphQLLimits,
			introspection: namedPolicy("authenticated"),
			rules:         map[OperationKind]fieldRule{},
			fields:        map[fieldName]FieldPolicy{},
		},
		tableAt: map[fieldName]*node{},
	}
	d.graphql, d.GraphQL = n, g.GraphQL
	readObject(r, n, &g, graphqlFields)
	if len(r.problems) > before {
		return
	}
	// Subscriptions are reads: what reads need, they need. But that reads are open
	// to all does not say that anybody may hold connections open.
	if rule, said := g.rules[Query]; said && !hasKey(n, "subscription") && !rule.Public {
		g.rules[Subscription] = rule
	}
	if g.schema != nil {
		r.graphqlSchema(&g)
	}
	g.spoken = map[OperationKind]bool{}
	for kind := range g.rules {
		g.spoken[kind] = true
	}
	for name := range g.fields {
		g.spoken[name.kind] = true
	}
	if len(g.rules)+len(g.fields) == 0 {
		r.report(n, `a GraphQL resource must say what its fields need; write query, mutation or fields, as in mutation: {scope: "Mutation:{type}:{action}"}`)
	}
}

var policyNames = []string{"public", "authenticated", "refuse"}

// namedPolicy is the policy of this name; authenticated needs a good pass and
// nothing more.
func namedPolicy(name string) FieldPolicy {
	return FieldPolicy{Mapped: true, Public: name == "public", Refused: name == "refuse"}
}

var fieldRuleFields = []field[ruleDraft]{
	{"scope", func(r *reader, d *ruleDraft, n *node) { d.scope = n; d.template = r.template(n) }},
	{"scopes", func(r *reader, d *ruleDraft, n *node) { d.scopes = n; d.Scopes = r.scopes(n) }},
	{"roles", func(r *reader, d *ruleDraft, n *node) { d.roles = n; d.Roles = r.roles(n) }},
	{"in", func(r *reader, d *ruleDraft, n *node) {
		d.in = n
		d.InAccount = r.choice(n, "application", "account") == "account"
	}},
}

type ruleDraft struct {
	fieldRule
	scope, scopes, roles, in *node
}

// fieldRule reads what fields need: one word, or scopes and roles.
func (r *reader) fieldRule(n *node) fieldRule {
	if n.kind == text {
		return fieldRule{FieldPolicy: namedPolicy(r.choice(n, policyNames...))}
	}
	if n.kind != object {
		r.report(n, "write public, authenticated, refuse, or what is required, as in {scope: \"Mutation:{type}:{action}\"}")
		return fieldRule{}
	}
	d := ruleDraft{fieldRule: fieldRule{FieldPolicy: FieldPolicy{Mapped: true}}}
	readObject(r, n, &d, fieldRuleFields)
	switch {
	case d.scope != nil && d.scopes != nil:
		r.report(d.scopes, "scope and scopes say the same thing twice; leave one of them")
	case d.scope == nil && d.scopes == nil && d.roles == nil:
		r.report(n, "name a scope, scopes or roles; for any good pass write authenticated")
	case d.in != nil && d.roles == nil:
		r.report(d.in, "in says where roles must be held; add roles, or take it out")
	}
	return d.fieldRule
}

func (r *reader) template(n *node) scopeTemplate {
	s := r.text(n)
	if n.kind != text {
		return ""
	}
	t, err := parseTemplate(s)
	if err != nil {
		r.report(n, "%s", err)
	}
	return t
}

// maxFieldName is how long the name of a field in a resource file may be: a scope
// is no longer.
const maxFieldName = scope.MaxLength

var rootFieldPattern = regexp.MustCompile(`^(Query|Mutation|Subscription)\.([A-Za-z_][A-Za-z0-9_]*)$`)

// fieldTable reads the rules of single fields, by "Mutation.CreatePerson".
func (r *reader) fieldTable(d *graphqlDraft, n *node) {
	if n.kind != object {
		r.report(n, "write fields and what they need here, as in Mutation.CreatePerson: {scopes: [people:write]}, not %s", n.kind)
		return
	}
	for i, value := range n.items {
		key := n.keys[i]
		parts := rootFieldPattern.FindStringSubmatch(key.text)
		if parts == nil || key.kind != text || len(key.text) > maxFieldName {
			r.report(key, "write the kind of operation and a root field, as in Query.person, Mutation.CreatePerson or Subscription.personAdded")
			continue
		}
		name := fieldName{OperationKind(strings.ToLower(parts[1])), parts[2]}
		switch {
		case strings.HasPrefix(name.name, "__"):
			r.report(key, "what begins with __ is the language's own; introspection says who may ask for it")
			continue
		case d.tableAt[name] != nil:
			r.report(key, "this field is there twice; leave one of them")
			continue
		case value.kind == nothing:
			r.report(key, "this field has no value; write public, authenticated, refuse, or what is required")
			continue
		}
		rule := r.fieldRule(value)
		d.tableAt[name], d.fields[name] = key, rule.of(name.name)
		if rule.Mapped && !d.fields[name].Mapped {
			r.report(value, "the scope has {action} or {type}, into which this field cannot be divided; write the scope out")
		}
	}
}

func (r *reader) count(n *node, least, most int) int {
	count, err := strconv.Atoi(n.text)
	if n.kind != number || err != nil || count < least || count > most {
		r.report(n, "write a whole number from %d to %d", least, most)
	}
	return count
}

func (r *reader) graphqlBody(n *node) int64 {
	size, ok := parseBytes(n.text)
	if !ok || n.kind != text && n.kind != number || size == 0 || size > maxGraphQLBody {
		r.report(n, "write how many bytes a body may have, at most 16MiB, as in 65536, 512KiB or 2MiB")
	}
	return size
}
