package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// bearer is the security scheme that exported documents have: a pass.
const bearer = "daypass"

// ToOpenAPI describes the application as an OpenAPI 3.1 document, in JSON: its
// paths and methods, and what each needs. [ReadOpenAPI] makes equivalent
// resources of it. A '*' becomes a parameter; '**' stands in the path as it is,
// since OpenAPI has no word for it. Resources that never match are left out,
// those in shadow mode are not.
func ToOpenAPI(a *Application) ([]byte, error) {
	a = a.asWritten()
	e := exporter{app: a, methods: methodsNamed(a.Document), depth: depthOf(a.Document.Resources), paths: openapi3.NewPaths(), templates: map[string]string{}}
	doc := &openapi3.T{
		OpenAPI: "3.1.1",
		Info: &openapi3.Info{
			Title: a.Slug, Version: "1",
			Description: "What the application " + a.Name() + " lets in, and with which pass. Requests that are not described here are denied.",
		},
		Servers: exportServers(a.Document.Hosts),
		Components: &openapi3.Components{Responses: exportResponses(), SecuritySchemes: openapi3.SecuritySchemes{bearer: &openapi3.SecuritySchemeRef{Value: &openapi3.SecurityScheme{
			Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A Daypass pass. The names beside it are the scopes that the pass must hold.",
		}}}},
		Extensions: map[string]any{extensionApplication: a.Slug, extensionOrganization: a.Organization},
	}
	e.export()
	doc.Paths = e.paths
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("catalog: the exported document is not valid: %w", err)
	}
	text, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return inOrder(text)
}

func exportServers(hosts []string) openapi3.Servers {
	var servers openapi3.Servers
	for _, host := range hosts {
		if !strings.HasPrefix(host, "*") {
			servers = append(servers, &openapi3.Server{URL: "https://" + host, Extensions: map[string]any{extensionGateway: true}})
		}
	}
	return servers
}

type exporter struct {
	app       *Application
	methods   []string
	depth     int
	paths     *openapi3.Paths
	templates map[string]string // shape → path
	placed    []*placed
}

func (e *exporter) export() {
	resources := e.app.Document.Resources
	for i := range resources {
		for _, method := range e.exported(&resources[i]) {
			e.placed = append(e.placed, &placed{Resource: single(&resources[i], method), order: i})
		}
	}
	ordered := e.needsOrder()
	for _, p := range e.placed {
		e.add(p, ordered)
	}
}

// exported is the methods of a resource for which it ever decides.
func (e *exporter) exported(r *Resource) []string {
	methods := r.pattern.methods
	if methods == nil {
		methods = slices.Concat(commonMethods[:], []string{fresh})
		for _, m := range e.methods {
			if !slices.Contains(methods, m) {
				methods = append(methods, m)
			}
		}
	}
	p := r.pattern.within(e.app.Document.prefix)
	methods = slices.DeleteFunc(slices.Clone(methods), func(m string) bool {
		return !slices.ContainsFunc(p.generic(e.depth+len(p.segments)), func(path Path) bool { return e.app.Match(m, path) == r })
	})
	get, rest := slices.Contains(methods, "GET"), slices.Contains(methods, fresh)
	return slices.DeleteFunc(methods, func(m string) bool {
		// GET takes HEAD with it, and ANY those that OpenAPI has no field for.
		return get && m == "HEAD" || rest && m != fresh && !isField(m)
	})
}

// isField reports whether OpenAPI 3.1 has a field for the method.
func isField(method string) bool {
	return method != "CONNECT" && slices.Contains(commonMethods[:], method)
}

// single is the resource for one of its methods alone, as it will be read again.
func single(r *Resource, method string) Resource {
	one := *r
	if method == fresh {
		method = anyMethod
	}
	one.Match = method + " " + r.Path()
	one.pattern.methods, _ = parseMethods(method) // taken from a match
	return one
}

// needsOrder reports whether the order that [ReadOpenAPI] makes would let
// another resource decide somewhere.
func (e *exporter) needsOrder() bool {
	for i, p := range e.placed {
		for _, q := range e.placed[:i] {
			same := q.requiresSame(&p.Resource) && q.PassToken == p.PassToken && q.PassCookies == p.PassCookies
			if !same && p.before(q) < 0 && q.pattern.meets(&p.pattern) && sharesMethod(&p.pattern, &q.pattern, append(e.methods, commonMethods[:]...)) {
				return true
			}
		}
	}
	return false
}

// add writes the resource as an operation.
func (e *exporter) add(p *placed, ordered bool) {
	path, names := e.template(p)
	item := e.paths.Value(path)
	if item == nil {
		item = &openapi3.PathItem{}
		for _, name := range names {
			item.Parameters = append(item.Parameters, &openapi3.ParameterRef{Value: openapi3.NewPathParameter(name).WithSchema(openapi3.NewStringSchema())})
		}
		e.paths.Set(path, item)
	}
	op := e.operation(p, ordered)
	switch method, _, _ := strings.Cut(p.Match, " "); {
	case isField(method):
		item.SetOperation(method, op)
	default:
		if item.Extensions == nil {
			item.Extensions = map[string]any{extensionOperations: map[string]any{}}
		}
		item.Extensions[extensionOperations].(map[string]any)[method] = op
	}
}

// template writes the path of a resource as OpenAPI does; paths of one shape
// become one, whatever their parameters are called.
func (e *exporter) template(p *placed) (path string, names []string) {
	text := strings.TrimSuffix(p.Path(), "/")
	if text == "" {
		return "/", nil
	}
	var segments []string
	for i, segment := range strings.Split(text[1:], "/") {
		switch {
		case segment == "**":
		case parameterPattern.MatchString(segment):
			if name := segment[1 : len(segment)-1]; slices.Contains(names, name) {
				segment = fmt.Sprintf("{%s_%d}", name, i+1)
			}
			names = append(names, strings.Trim(segment, "{}"))
		default:
			for n := 1; strings.Contains(segment, "*"); n++ {
				name := fmt.Sprintf("any%d_%d", i+1, n)
				segment = strings.Replace(segment, "*", "{"+name+"}", 1)
				names = append(names, name)
			}
		}
		segments = append(segments, segment)
	}
	path = "/" + strings.Join(segments, "/")
	if known := e.templates[p.pattern.shape()]; known != "" {
		return known, nil
	}
	e.templates[p.pattern.shape()] = path
	return path, names
}

func (e *exporter) operation(p *placed, ordered bool) *openapi3.Operation {
	op := &openapi3.Operation{Summary: p.Comment, Responses: openapi3.NewResponsesWithCapacity(3), Extensions: map[string]any{}}
	op.Responses.Set("default", refer("Answer"))
	security := openapi3.NewSecurityRequirements()
	if !p.Public {
		scopes := make([]string, len(p.Scopes))
		for i, s := range p.Scopes {
			scopes[i] = s.String()
		}
		security.With(openapi3.NewSecurityRequirement().Authenticate(bearer, scopes...))
		op.Responses.Set("401", refer("NoPass"))
		op.Responses.Set("403", refer("NotEnough"))
	}
	op.Security = security
	if len(p.Roles) > 0 {
		op.Extensions[extensionRoles] = p.Roles
		if p.InAccount {
			op.Extensions[extensionIn] = "account"
		}
	}
	if p.SenderKey {
		op.Extensions[extensionSenderKey] = true
	}
	if p.PassToken {
		op.Extensions[extensionPassToken] = true
	}
	if p.PassCookies {
		op.Extensions[extensionPassCookies] = true
	}
	if ordered {
		op.Extensions[extensionOrder] = p.order
	}
	return op
}

// answers are what requests may get, by their names among the components.
var answers = map[string]*openapi3.Response{
	"Answer":    openapi3.NewResponse().WithDescription("what the application answers"),
	"NoPass":    openapi3.NewResponse().WithDescription("there is no good pass"),
	"NotEnough": openapi3.NewResponse().WithDescription("the pass does not hold what is needed"),
}

func exportResponses() openapi3.ResponseBodies {
	out := openapi3.ResponseBodies{}
	for name, answer := range answers {
		out[name] = &openapi3.ResponseRef{Value: answer}
	}
	return out
}

func refer(name string) *openapi3.ResponseRef {
	return &openapi3.ResponseRef{Ref: "#/components/responses/" + name, Value: answers[name]}
}

// apiFields is the order in which people expect a document.
var apiFields = []string{"openapi", "info", extensionApplication, extensionOrganization, "servers", "paths", "components"}

// inOrder writes the fields at the top of a JSON document in the order that
// people expect.
func inOrder(text []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	var out, pretty bytes.Buffer
	for _, name := range apiFields {
		if value, ok := fields[name]; ok {
			fmt.Fprintf(&out, "%s%q:%s", map[bool]string{true: "{", false: ","}[out.Len() == 0], name, value)
		}
	}
	out.WriteByte('}')
	if err := json.Indent(&pretty, out.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}
