package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/daypass/daypass/scope"
)

// maxSchemaTokens bounds a schema, as its length in a resource file does.
const maxSchemaTokens = 200_000

// graphqlSchema reads the schema of a resource: which root fields there are, and
// what @scope(requires: …) says of them.
func (r *reader) graphqlSchema(d *graphqlDraft) {
	source := r.text(d.schema)
	if d.schema.kind != text {
		return
	}
	doc, err := parser.ParseSchemaWithLimit(&ast.Source{Input: source}, maxSchemaTokens)
	if err != nil {
		r.report(d.schema, "this is not a GraphQL schema%s", schemaMistake(err))
		return
	}
	s := schemaReader{reader: r, draft: d}
	d.known = map[fieldName]bool{}
	d.types = newSchemaTypes()
	s.findRoots(doc)
	for _, def := range append(doc.Definitions, doc.Extensions...) {
		s.definition(def)
		s.draft.types.add(def, s.roots)
	}
	for _, def := range append(doc.Schema, doc.SchemaExtension...) {
		s.misplaced(def.Directives, "schema", def.Position)
	}
	if len(d.known) == 0 && !s.failed {
		s.fail(nil, "it has no root fields; it needs at least a type Query with fields")
	}
	for name, key := range d.tableAt {
		if !d.known[name] && !s.failed {
			r.report(key, "the schema has no such field; correct one of them")
		}
	}
}

func schemaMistake(err error) string {
	var e *gqlerror.Error
	if !errors.As(err, &e) || len(e.Locations) == 0 {
		return "; it may have at most " + fmt.Sprint(maxSchemaTokens) + " tokens"
	}
	return fmt.Sprintf(", in its line %d, column %d: %s", e.Locations[0].Line, e.Locations[0].Column, shorten(e.Message))
}

// schemaReader collects the root fields of a schema.
type schemaReader struct {
	*reader
	draft  *graphqlDraft
	roots  map[string]OperationKind // by type
	failed bool
}

func (s *schemaReader) fail(at *ast.Position, message string, args ...any) {
	s.failed = true
	where := "the schema"
	if at != nil {
		where = fmt.Sprintf("the schema, in its line %d", at.Line)
	}
	s.report(s.draft.schema, "%s: %s", where, fmt.Sprintf(message, args...))
}

// findRoots finds which type is the root of which kind of operation: those that
// schema { … } names, else Query, Mutation and Subscription.
func (s *schemaReader) findRoots(doc *ast.SchemaDocument) {
	types := map[OperationKind]string{}
	if len(doc.Schema) == 0 {
		types = map[OperationKind]string{Query: "Query", Mutation: "Mutation", Subscription: "Subscription"}
	}
	for i, def := range append(doc.Schema, doc.SchemaExtension...) {
		if i > 0 && i < len(doc.Schema) {
			s.fail(def.Position, "there is a second schema {…}; leave one of them")
		}
		for _, o := range def.OperationTypes {
			types[OperationKind(o.Operation)] = o.Type
		}
	}
	s.roots = make(map[string]OperationKind, len(types))
	for kind, name := range types {
		if _, taken := s.roots[name]; taken {
			s.fail(nil, "type %s is the root of two kinds of operation", shorten(name))
		}
		s.roots[name] = kind
	}
}

func (s *schemaReader) definition(def *ast.Definition) {
	kind, root := s.roots[def.Name]
	s.misplaced(def.Directives, shorten(def.Name), def.Position)
	if root && def.Kind != ast.Object {
		s.fail(def.Position, "root type %s is not an object type", shorten(def.Name))
		return
	}
	for _, v := range def.EnumValues {
		s.misplaced(v.Directives, shorten(v.Name), v.Position)
	}
	for _, f := range def.Fields {
		for _, a := range f.Arguments {
			s.misplaced(a.Directives, shorten(a.Name), a.Position)
		}
		if !root {
			s.misplaced(f.Directives, shorten(def.Name+"."+f.Name), f.Position)
			continue
		}
		s.field(fieldName{kind, f.Name}, f)
	}
}

// misplaced refuses @scope where it would protect nothing.
func (s *schemaReader) misplaced(directives ast.DirectiveList, name string, at *ast.Position) {
	if directives.ForName("scope") != nil {
		s.fail(at, "@scope on %s has no effect; it belongs on the fields of Query, Mutation and Subscription", name)
	}
	s.misspelled(directives)
}

// misspelled refuses what somebody may have taken for @scope.
func (s *schemaReader) misspelled(directives ast.DirectiveList) {
	for _, d := range directives {
		if d.Name != "scope" && (strings.EqualFold(d.Name, "scope") || strings.EqualFold(d.Name, "scopes")) {
			s.fail(d.Position, "@%s is not @scope, and protects nothing; write @scope(requires: …)", d.Name)
		}
	}
}

func (s *schemaReader) field(name fieldName, f *ast.FieldDefinition) {
	if s.draft.known[name] {
		s.fail(f.Position, "field %s is there twice", shorten(f.Name))
		return
	}
	s.draft.known[name] = true
	s.misspelled(f.Directives)
	directives := f.Directives.ForNames("scope")
	if len(directives) == 0 {
		return
	}
	if key := s.draft.tableAt[name]; key != nil {
		s.failed = true
		s.report(key, "the schema has @scope on this field, in its line %d; leave one of them", f.Position.Line)
		return
	}
	p := FieldPolicy{Mapped: true}
	for _, d := range directives {
		p.Scopes = append(p.Scopes, s.requires(d)...)
	}
	if len(p.Scopes) > MaxRequired {
		s.fail(f.Position, "a field may require at most %d scopes", MaxRequired)
	}
	s.draft.fields[name] = p
}

// requires reads @scope(requires: "people:write"), or a list of scopes.
func (s *schemaReader) requires(d *ast.Directive) []scope.Pattern {
	var texts []*ast.Value
	if len(d.Arguments) == 1 && d.Arguments[0].Name == "requires" {
		texts = []*ast.Value{d.Arguments[0].Value}
		if texts[0].Kind == ast.ListValue {
			texts = nil
			for _, c := range d.Arguments[0].Value.Children {
				texts = append(texts, c.Value)
			}
		}
	}
	if len(texts) == 0 {
		s.fail(d.Position, `write @scope(requires: "people:write"), or a list of scopes`)
	}
	var scopes []scope.Pattern
	for _, v := range texts {
		if v.Kind != ast.StringValue && v.Kind != ast.BlockValue {
			s.fail(d.Position, `a scope is text, as in @scope(requires: "people:write")`)
			continue
		}
		p, err := requiredScope(v.Raw)
		if err != nil {
			s.fail(d.Position, "%s", safeMessage(err))
			continue
		}
		scopes = append(scopes, p)
	}
	return scopes
}

// schemaTypes knows as much of a schema as it takes to see where a field of a
// field leads back to a root type, as in "type CreatePersonPayload { query: Query }":
// what is asked for there is what could be asked for at the root.
type schemaTypes struct {
	fields map[string]map[string]string // type → field → named type of its value
	roots  map[OperationKind]string     // types
	kinds  map[string][]OperationKind   // of a root type, and of the interfaces of root types
}

func newSchemaTypes() *schemaTypes {
	return &schemaTypes{fields: map[string]map[string]string{}, roots: map[OperationKind]string{}, kinds: map[string][]OperationKind{}}
}

func (t *schemaTypes) add(def *ast.Definition, roots map[string]OperationKind) {
	if kind, root := roots[def.Name]; root {
		t.roots[kind] = def.Name
		for _, name := range append([]string{def.Name}, def.Interfaces...) {
			t.kinds[name] = append(t.kinds[name], kind)
		}
	}
	if t.fields[def.Name] == nil {
		t.fields[def.Name] = make(map[string]string, len(def.Fields))
	}
	for _, f := range def.Fields {
		t.fields[def.Name][f.Name] = f.Type.Name()
	}
}

// addReturns adds the fields of root types that stand below the operation's root.
func (t *schemaTypes) addReturns(to *fieldCollector, kind OperationKind, d *graphqlDocument) {
	w := typeWalk{schemaTypes: t, found: to, document: d, walked: map[fragmentAt]bool{}}
	w.selection(d.operation.SelectionSet, t.roots[kind], false)
}

// typeWalk goes down a selection and keeps in mind the type it is on.
type typeWalk struct {
	*schemaTypes
	found    *fieldCollector
	document *graphqlDocument
	walked   map[fragmentAt]bool
}

// fragmentAt is a fragment at the root, or below it. What it is on it says itself.
type fragmentAt struct {
	name  string
	below bool
}

// selection walks a selection on a type of this name; empty: the schema does not
// tell.
func (w *typeWalk) selection(set ast.SelectionSet, on string, below bool) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if below && !strings.HasPrefix(s.Name, "__") {
				for _, kind := range w.kinds[on] {
					w.found.add(fieldName{kind, s.Name})
				}
			}
			w.selection(s.SelectionSet, w.fields[on][s.Name], true)
		case *ast.InlineFragment:
			w.selection(s.SelectionSet, cmp.Or(s.TypeCondition, on), below)
		case *ast.FragmentSpread:
			if at := (fragmentAt{s.Name, below}); !w.walked[at] {
				w.walked[at] = true
				f := w.document.fragments[s.Name]
				w.selection(f.SelectionSet, f.TypeCondition, below)
			}
		}
	}
}
