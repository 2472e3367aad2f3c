package catalog

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/daypass/daypass/internal/access"
)

// graphqlLimits is how large an operation may be. What is spread from a fragment
// counts at every place it is spread to.
type graphqlLimits struct {
	depth   int // fields within fields
	width   int // fields of one selection
	aliases int // in the whole operation
	tokens  int // in the whole document
	cost    int // fields in the whole operation
}

// Limits that are the same for every resource.
const (
	maxGraphQLDirectives = 10 // on one element
	// Introspection goes deep by its nature: the query of every tool asks for
	// types of types of types. What makes it explode is lists within lists.
	maxIntrospectionDepth = 20
	maxIntrospectionLists = 2
)

func graphqlInvalid(reason string) *access.Error {
	return access.New(access.Invalid, "graphql_invalid", "this GraphQL document cannot be executed: "+reason)
}

func graphqlLimit(code, what string, most int) *access.Error {
	return access.New(access.Invalid, code, fmt.Sprintf("the GraphQL document has more than %d %s; ask for less at once", most, what))
}

// graphqlDocument is a document, read.
type graphqlDocument struct {
	tokens    []lexeme
	begins    []int // which tokens begin a definition, in order
	operation *ast.OperationDefinition
	fragments map[string]*ast.FragmentDefinition
	kept      []*ast.FragmentDefinition // in their order
}

// parseGraphQL reads a document and chooses the operation that would execute.
func parseGraphQL(r GraphQLRequest, tokens int) (*graphqlDocument, error) {
	s := scanner{input: r.Query, most: tokens}
	if err := s.scan(); err != nil {
		return nil, err
	}
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: s.skeleton.String()}, len(s.tokens)+1)
	if err != nil {
		return nil, graphqlSyntax("its tokens do not form operations and fragments")
	}
	d := &graphqlDocument{tokens: s.tokens, fragments: make(map[string]*ast.FragmentDefinition, len(parsed.Fragments)), kept: parsed.Fragments}
	if err := d.divide(parsed); err != nil {
		return nil, err
	}
	if err := d.addFragments(parsed.Fragments); err != nil {
		return nil, err
	}
	d.operation, err = chooseOperation(parsed.Operations, r.OperationName)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// divide finds where each definition begins. Every one must begin where another
// has ended: the parser also takes a description before it, which is not of the
// language that servers agree on.
func (d *graphqlDocument) divide(parsed *ast.QueryDocument) error {
	for _, o := range parsed.Operations {
		d.begins = append(d.begins, d.tokenAt(o.Position))
		for _, v := range o.VariableDefinitions {
			if i := d.tokenAt(v.Position); d.isString(i-1) && d.tokens[i-2].text != "=" {
				return graphqlSyntax("a variable has a description")
			}
		}
	}
	for _, f := range parsed.Fragments {
		d.begins = append(d.begins, d.tokenAt(f.Position))
	}
	slices.Sort(d.begins)
	for _, i := range d.begins {
		if d.isString(i - 1) {
			return graphqlSyntax("an operation or fragment has a description")
		}
	}
	return nil
}

// tokenAt is the number of the token at a position of the skeleton, which is all
// ASCII: the parser's runes are bytes.
func (d *graphqlDocument) tokenAt(p *ast.Position) int {
	i, _ := slices.BinarySearchFunc(d.tokens, p.Start, func(l lexeme, at int) int { return l.at - at })
	return i
}

func (d *graphqlDocument) isString(i int) bool { return i >= 0 && d.tokens[i].text[0] == '"' }

func (d *graphqlDocument) addFragments(fragments ast.FragmentDefinitionList) error {
	for _, f := range fragments {
		if d.fragments[f.Name] != nil {
			return graphqlInvalid("two fragments have the same name")
		}
		d.fragments[f.Name] = f
	}
	return nil
}

// chooseOperation is GetOperation of the specification (section 6.1), after the
// rules for the names of operations (section 5.2).
func chooseOperation(operations ast.OperationList, name *string) (*ast.OperationDefinition, error) {
	byName := make(map[string]*ast.OperationDefinition, len(operations))
	for _, o := range operations {
		if byName[o.Name] != nil {
			return nil, graphqlInvalid("two operations have the same name, or none")
		}
		byName[o.Name] = o
	}
	switch anonymous := byName[""]; {
	case len(operations) == 0:
		return nil, access.New(access.Invalid, "graphql_no_operation", "the GraphQL document has no operation; write one, as in { field }")
	case anonymous != nil && len(operations) > 1:
		return nil, graphqlInvalid("an operation without a name must be the only one")
	case name == nil && len(operations) > 1:
		return nil, access.New(access.Invalid, "graphql_no_operation", "the GraphQL document has several operations; name one in operationName")
	case name == nil:
		return operations[0], nil
	case *name == "" || byName[*name] == nil:
		return nil, access.New(access.Invalid, "graphql_no_operation", "the GraphQL document has no operation of the name in operationName; name one it has, or leave operationName out")
	}
	return byName[*name], nil
}

// extent is how large a selection is, all fragments spread. Numbers that would
// overflow stop at the highest.
type extent struct {
	depth, width, widest, aliases, cost int

	lists         int // most lists of types on one way down, were it introspection
	introspection int // deepest selection of an introspection field
	typeLists     int // most lists within one
	introspects   schemaFields
}

// schemaFields is which introspection fields stand anywhere in a selection.
type schemaFields struct{ schema, typ bool }

func (e *extent) beside(o extent) {
	e.depth = max(e.depth, o.depth)
	e.width = plus(e.width, o.width)
	e.widest = max(e.widest, o.widest)
	e.aliases = plus(e.aliases, o.aliases)
	e.cost = plus(e.cost, o.cost)
	e.lists = max(e.lists, o.lists)
	e.introspection = max(e.introspection, o.introspection)
	e.typeLists = max(e.typeLists, o.typeLists)
	e.introspects.schema = e.introspects.schema || o.introspects.schema
	e.introspects.typ = e.introspects.typ || o.introspects.typ
}

func plus(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

// measurer works out extents. Each fragment is measured once, so that it takes
// time in the length of the document and not in what it would grow to.
type measurer struct {
	document *graphqlDocument
	measured map[string]*extent // nil: it is being measured
	err      error              // the first
}

func (m *measurer) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *measurer) selection(set ast.SelectionSet) extent {
	var e extent
	for _, s := range set {
		if m.err != nil {
			break
		}
		switch s := s.(type) {
		case *ast.Field:
			m.directives(s.Directives)
			e.beside(m.field(s))
		case *ast.InlineFragment:
			m.directives(s.Directives)
			e.beside(m.selection(s.SelectionSet))
		case *ast.FragmentSpread:
			m.directives(s.Directives)
			e.beside(m.fragment(s.Name))
		}
	}
	e.widest = max(e.widest, e.width)
	return e
}

func (m *measurer) field(f *ast.Field) extent {
	e := m.selection(f.SelectionSet)
	if tellsOfSchema(f.Name) {
		e.introspection, e.typeLists = max(e.introspection, e.depth), max(e.typeLists, e.lists)
		e.introspects.schema = e.introspects.schema || f.Name == "__schema"
		e.introspects.typ = e.introspects.typ || f.Name == "__type"
		e.depth, e.lists = 0, 0
	}
	e.depth, e.width, e.cost = e.depth+1, 1, plus(e.cost, 1)
	if f.Alias != f.Name {
		e.aliases = plus(e.aliases, 1)
	}
	switch f.Name {
	case "fields", "inputFields", "interfaces", "possibleTypes":
		e.lists++
	}
	return e
}

func (m *measurer) fragment(name string) extent {
	if done, begun := m.measured[name]; done != nil {
		return *done
	} else if begun {
		m.fail(graphqlInvalid("a fragment contains itself"))
		return extent{}
	}
	f := m.document.fragments[name]
	if f == nil {
		m.fail(graphqlInvalid("a fragment is spread that it does not define"))
		return extent{}
	}
	if len(f.VariableDefinition) > 0 {
		m.fail(graphqlSyntax("a fragment has variables of its own"))
	}
	m.directives(f.Directives)
	m.measured[name] = nil
	e := m.selection(f.SelectionSet)
	m.measured[name] = &e
	return e
}

func (m *measurer) directives(list ast.DirectiveList) {
	if len(list) > maxGraphQLDirectives {
		m.fail(graphqlLimit("graphql_too_many_directives", "directives in one place", maxGraphQLDirectives))
	}
}

// measure holds the operation against the limits and leaves out the fragments it
// does not use.
func (d *graphqlDocument) measure(limits graphqlLimits) (extent, error) {
	m := measurer{document: d, measured: make(map[string]*extent, len(d.fragments))}
	m.directives(d.operation.Directives)
	for _, v := range d.operation.VariableDefinitions {
		m.directives(v.Directives)
		if !constant(v.Directives) {
			m.fail(graphqlSyntax("a directive on a variable speaks of another variable"))
		}
	}
	e := m.selection(d.operation.SelectionSet)
	if m.err != nil {
		return e, m.err
	}
	var used []*ast.FragmentDefinition
	for _, f := range d.kept {
		if m.measured[f.Name] != nil {
			used = append(used, f)
		}
	}
	d.kept = used
	return e, e.within(limits)
}

func constant(directives ast.DirectiveList) bool {
	for _, d := range directives {
		for _, a := range d.Arguments {
			if speaksOfVariable(a.Value) {
				return false
			}
		}
	}
	return true
}

func speaksOfVariable(v *ast.Value) bool {
	if v.Kind == ast.Variable {
		return true
	}
	for _, c := range v.Children {
		if speaksOfVariable(c.Value) {
			return true
		}
	}
	return false
}

func (e *extent) within(limits graphqlLimits) error {
	switch {
	case e.cost > limits.cost:
		return graphqlLimit("graphql_too_costly", "fields, counted wherever a fragment puts them", limits.cost)
	case e.depth > limits.depth:
		return graphqlLimit("graphql_too_deep", "fields within fields", limits.depth)
	case e.introspection > maxIntrospectionDepth:
		return graphqlLimit("graphql_too_deep", "fields within fields of an introspection", maxIntrospectionDepth)
	case e.typeLists > maxIntrospectionLists:
		return graphqlLimit("graphql_too_deep", "lists within lists of an introspection", maxIntrospectionLists)
	case e.widest > limits.width:
		return graphqlLimit("graphql_too_wide", "fields in one selection", limits.width)
	case e.aliases > limits.aliases:
		return graphqlLimit("graphql_too_many_aliases", "aliases", limits.aliases)
	}
	return nil
}

// addRootFields adds all fields that could execute at the root: whatever
// conditions say, and whatever type a fragment is on.
func (d *graphqlDocument) addRootFields(to *fieldCollector) {
	w := rootWalk{document: d, found: to, kind: OperationKind(d.operation.Operation), walked: map[string]bool{}}
	w.selection(d.operation.SelectionSet)
}

type rootWalk struct {
	document *graphqlDocument
	found    *fieldCollector
	kind     OperationKind
	walked   map[string]bool // fragments
}

func (w *rootWalk) selection(set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			w.found.add(fieldName{w.kind, s.Name})
		case *ast.InlineFragment:
			w.selection(s.SelectionSet)
		case *ast.FragmentSpread:
			if !w.walked[s.Name] {
				w.walked[s.Name] = true
				w.selection(w.document.fragments[s.Name].SelectionSet)
			}
		}
	}
}

// text writes the operation and the fragments it uses: their tokens, with nothing
// between them but the blanks that hold them apart.
func (d *graphqlDocument) text() string {
	var out strings.Builder
	d.write(&out, d.operation.Position)
	for _, f := range d.kept {
		d.write(&out, f.Position)
	}
	return out.String()
}

func (d *graphqlDocument) write(out *strings.Builder, begin *ast.Position) {
	first := d.tokenAt(begin)
	last := len(d.tokens)
	if next, _ := slices.BinarySearch(d.begins, first+1); next < len(d.begins) {
		last = d.begins[next]
	}
	var before byte
	for _, t := range d.tokens[first:last] {
		if needsSpace(before, t.text[0]) {
			out.WriteByte(' ')
		}
		out.WriteString(t.text)
		before = t.text[len(t.text)-1]
	}
}
