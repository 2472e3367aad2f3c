package httpapi

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/exchange"
)

func contract(t *testing.T) map[string]*openapi3.Operation {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	operations := make(map[string]*openapi3.Operation)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			op.Parameters = append(op.Parameters, item.Parameters...)
			operations[method+" "+path] = op
		}
	}
	return operations
}

// TestRoutesAreTheContract holds the table of routes against openapi.yaml, both ways.
func TestRoutesAreTheContract(t *testing.T) {
	routes := New(Config{Exchange: &exchange.Service{}}).routes
	operations := contract(t)
	delete(operations, "GET "+forwardAuthPath) // served by edge
	for pattern, op := range operations {
		rt, ok := routes[pattern]
		if !ok {
			t.Errorf("%s has no route", pattern)
			continue
		}
		checkRoute(t, pattern, rt, op)
	}
	for pattern, rt := range routes {
		if _, ok := operations[pattern]; !ok && !rt.page {
			t.Errorf("%s is not in the contract", pattern)
		}
	}
}

func checkRoute(t *testing.T, pattern string, rt route, op *openapi3.Operation) {
	t.Helper()
	var query []string
	idempotent := false
	for _, p := range op.Parameters {
		switch {
		case p.Value.In == "query":
			query = append(query, p.Value.Name)
		case p.Value.Name == "Idempotency-Key":
			idempotent = true
		}
	}
	have := slices.Clone(rt.query)
	slices.Sort(query)
	slices.Sort(have)
	if !slices.Equal(query, have) {
		t.Errorf("%s: parameters are %q, want %q", pattern, have, query)
	}
	if idempotent != rt.idempotent {
		t.Errorf("%s: idempotent is %v", pattern, rt.idempotent)
	}
	// The exchange proves the credential itself.
	if open := op.Security != nil && len(*op.Security) == 0 || op.OperationID == "exchangeToken"; open != rt.open {
		t.Errorf("%s: open is %v", pattern, rt.open)
	}
	checkBodyOf(t, pattern, rt, op)
}

func checkBodyOf(t *testing.T, pattern string, rt route, op *openapi3.Operation) {
	t.Helper()
	if op.RequestBody == nil {
		if rt.body != nil || rt.document || rt.form {
			t.Errorf("%s: a body is read", pattern)
		}
		return
	}
	body := op.RequestBody.Value
	if body.Required == rt.bodyOptional {
		t.Errorf("%s: bodyOptional is %v", pattern, rt.bodyOptional)
	}
	if rt.document || rt.form && rt.body == nil {
		return
	}
	want := slices.Clone(body.Content["application/json"].Schema.Value.Required)
	have := requiredMembers(reflect.TypeOf(rt.body()).Elem())
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Errorf("%s: %q are required, want %q", pattern, have, want)
	}
}

// TestPermissionsAreRoutes: every row of who may do what is about a route there is, and every admin route has a row.
func TestPermissionsAreRoutes(t *testing.T) {
	routes := New(Config{Exchange: &exchange.Service{}}).routes
	rows := make(map[string]bool)
	for _, p := range admin.Permissions() {
		pattern := p.Method + " " + p.Route
		rows[pattern] = true
		if _, ok := routes[pattern]; !ok {
			t.Errorf("%s has a permission but no route", pattern)
		}
	}
	for pattern := range routes {
		if _, path, _ := strings.Cut(pattern, " "); strings.HasPrefix(path, "/v1/organizations") && !rows[pattern] {
			t.Errorf("%s has a route but no permission", pattern)
		}
	}
}

// TestSchemasAreClosed: objects say which members there are, and what is read has a limit.
func TestSchemasAreClosed(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	open := []string{"ClaimSet", "KeyFields", "ResourceFile"} // parts of closed ones; the catalog's own
	for name, ref := range doc.Components.Schemas {
		s := ref.Value
		closed := s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has || s.UnevaluatedProperties.Has != nil && !*s.UnevaluatedProperties.Has
		if (s.Type.Is("object") || len(s.AllOf) > 0) && !closed && !slices.Contains(open, name) {
			t.Errorf("%s is open", name)
		}
	}
	for pattern, op := range contract(t) {
		if op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
			t.Errorf("%s is not described", pattern)
		}
		if op.RequestBody == nil {
			continue
		}
		for _, content := range op.RequestBody.Value.Content {
			for name, p := range content.Schema.Value.Properties {
				checkBound(t, pattern+" "+name, p.Value)
			}
		}
	}
}

func checkBound(t *testing.T, at string, s *openapi3.Schema) {
	t.Helper()
	switch {
	case s.Type.Is("string") && s.MaxLength == nil && len(s.Enum) == 0:
		t.Errorf("%s has no maxLength", at)
	case s.Type.Is("integer") && s.Max == nil:
		t.Errorf("%s has no maximum", at)
	case s.Type.Is("array") && s.MaxItems == nil:
		t.Errorf("%s has no maxItems", at)
	case s.Type.Is("array"):
		checkBound(t, at+"/items", s.Items.Value)
	}
}
