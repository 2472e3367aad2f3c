package gate

import (
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/scope"
)

// graphql judges a request of a GraphQL resource by the root fields that could
// execute. What no pass could open is denied first, but only to those who show a
// good one: which fields there are is not for everybody to find out.
func (d Decision) graphql(r *Request, t *access.Token, now time.Time) Decision {
	if r.GraphQL == nil {
		return d.deny(GraphQLUnparsed)
	}
	fields := d.Resource.GraphQL.Fields(r.GraphQL)
	if len(fields) == 0 {
		return d.deny(GraphQLUnparsed)
	}
	public := true
	for i := range fields {
		f := &fields[i]
		if reason, closed := closedTo(f); closed {
			d.Token = t
			if reason, ok := d.checkToken(r, now); !ok {
				return d.deny(reason)
			}
			d.Field = f.Name
			return d.deny(reason)
		}
		public = public && f.Public
	}
	if public {
		return d.allowPublic(r, t, now)
	}
	d.Token = t
	if reason, ok := d.checkToken(r, now); !ok {
		return d.deny(reason)
	}
	return d.requireFields(fields)
}

// closedTo reports why nobody may ask for a field, if so.
func closedTo(f *catalog.RootField) (Reason, bool) {
	switch {
	case !f.Mapped:
		return FieldUnmapped, true
	case f.Refused && f.Introspection:
		return IntrospectionRefused, true
	case f.Refused:
		return FieldRefused, true
	}
	return "", false
}

// requireFields makes the checks that the fields ask for: all scopes before all
// roles, as everywhere.
func (d Decision) requireFields(fields []catalog.RootField) Decision {
	held := &d.Token.Authority
	for i := range fields {
		f := &fields[i]
		for _, required := range f.Scopes {
			if !held.Scopes.Covers(required) {
				d.Field, d.Missing = f.Name, required.String()
				return d.deny(ScopeMissing)
			}
		}
	}
	for i := range fields {
		f := &fields[i]
		if len(f.Roles) > 0 && !holdsRole(held.Roles, f.Roles, f.InAccount, d.Application) {
			d.Field, d.Missing = f.Name, f.RoleText()
			return d.deny(RoleMissing)
		}
	}
	d.Allow, d.Reason = true, Allowed
	return d
}

// fieldName is the field of the denial, fit for a sentence: names are a client's
// to choose, and may be long.
func (d *Decision) fieldName() string { return shortName(d.Field) }

func shortName(field string) string {
	const most = 100
	if len(field) > most {
		return field[:most] + "..."
	}
	return field
}

func (d *Decision) forField() string {
	if d.Field == "" {
		return ""
	}
	return ", which field " + d.fieldName() + " needs"
}

// need is what must be held: of the resource, or of one of the fields.
type need struct {
	field     string // empty: of the resource
	scopes    []scope.Pattern
	roles     []string
	roleText  string
	inAccount bool
}

// about names the field at the beginning of a sentence.
func (n need) about() string {
	if n.field == "" {
		return ""
	}
	return "field " + shortName(n.field) + ": "
}

// required is everything that must be held for the request.
func (x explainer) required() []need {
	if x.Resource.GraphQL == nil {
		return []need{{"", x.Resource.Scopes, x.Resource.Roles, x.Resource.RoleText(), x.Resource.InAccount}}
	}
	var needs []need
	for _, f := range x.fields() {
		needs = append(needs, need{f.Name, f.Scopes, f.Roles, f.RoleText(), f.InAccount})
	}
	return needs
}

// need is what the denial is about.
func (x explainer) need() need {
	for _, n := range x.required() {
		if n.field == x.Field {
			return n
		}
	}
	return need{}
}

func (x explainer) fields() []catalog.RootField {
	if x.request.GraphQL == nil {
		return nil
	}
	return x.Resource.GraphQL.Fields(x.request.GraphQL)
}

// operationSentence says what the operation is and what its fields are ruled by.
func (x explainer) operationSentence() string {
	var fields []string
	for _, f := range x.fields() {
		word := "needs a pass"
		if f.Public {
			word = "is public"
		}
		fields = append(fields, shortName(f.Name)+" "+word)
	}
	return fmt.Sprintf("of its %s, %s", x.request.GraphQL.Kind, list(fields))
}

func (x explainer) fieldFix() string {
	switch x.Reason {
	case GraphQLUnparsed:
		return "send the operation as JSON through the gateway: nothing else reads what it asks for"
	case FieldUnmapped:
		for _, f := range x.fields() {
			if f.Name == x.Field && !f.Mapped {
				return fmt.Sprintf("add %s to the fields of the resource in line %d, or to its schema", shortName(f.FullName()), x.Resource.Line)
			}
		}
	}
	return fmt.Sprintf("leave field %s out, or open it in the resource in line %d", x.fieldName(), x.Resource.Line)
}
