package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/strictjson"
)

// Limits of an OpenAPI document.
const (
	MaxOpenAPI = 16 << 20 // bytes

	maxAPINesting = 100
	maxAPINodes   = 2_000_000 // with YAML aliases written out
	maxAPIKept    = 64 << 20  // bytes of what is kept, with references written out
)

// apiTree is an OpenAPI document, and where its operations stand in it.
type apiTree struct {
	*openapi3.T
	lines    map[string]int // of "METHOD /path"
	warnings []Warning
}

func invalidOpenAPI(problems ...problem) error {
	return listing(access.New(access.Invalid, "invalid_openapi", ""), problems)
}

// readAPITree reads a document and gives what it says about access to the
// OpenAPI library, with Swagger 2.0 converted. The rest, such as schemas, is
// left out before, so that no mistake in it can be in the way, and nothing
// outside of the document is ever read.
func readAPITree(data []byte) (*apiTree, error) {
	root, err := parseAPI(data)
	if err != nil {
		return nil, err
	}
	s := sieve{root: root, lines: map[string]int{}}
	kept, swagger := s.document()
	if len(s.problems) > 0 {
		return nil, invalidOpenAPI(s.problems...)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	doc, err := loadOpenAPI(text, swagger)
	if err != nil {
		return nil, invalidOpenAPI(problem{1, 1, "", "this is not OpenAPI: " + shorten(err.Error())})
	}
	return &apiTree{T: doc, lines: s.lines, warnings: s.warnings}, nil
}

func loadOpenAPI(text []byte, swagger bool) (*openapi3.T, error) {
	if !swagger {
		return openapi3.NewLoader().LoadFromData(text)
	}
	var doc openapi2.T
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3(&doc)
}

// parseAPI reads YAML, or JSON where the text begins with a brace. Unlike a
// resource file it may use what YAML offers.
func parseAPI(data []byte) (*node, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch {
	case len(data) > MaxOpenAPI:
		return nil, invalidOpenAPI(problem{1, 1, "", fmt.Sprintf("an OpenAPI document may have at most %d bytes", MaxOpenAPI)})
	case !utf8.Valid(data):
		return nil, invalidOpenAPI(problem{1, 1, "", "the file is not UTF-8"})
	case bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		return parseAPIJSON(data)
	}
	return parseAPIYAML(data)
}

func parseAPIJSON(data []byte) (*node, error) {
	r := jsonReader{data: data, line: 1}
	if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxOpenAPI, Depth: maxAPINesting, Members: maxAPINodes}); err != nil {
		var limit *strictjson.Error
		errors.As(err, &limit)
		return nil, invalidOpenAPI(r.problem(int(limit.Offset), limit.Reason))
	}
	r.dec = jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true))
	root, err := r.value()
	if err != nil {
		return nil, invalidOpenAPI(r.problem(int(r.dec.InputOffset()), "this is not JSON, or ends too early"))
	}
	return root, nil
}

func parseAPIYAML(data []byte) (*node, error) {
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, invalidOpenAPI(problem{1, 1, "", "the file is empty"})
	} else if err != nil {
		line, message := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if parts := linePattern.FindStringSubmatch(message); parts != nil {
			line, _ = strconv.Atoi(parts[1]) // digits
			message = parts[2]
		}
		return nil, invalidOpenAPI(problem{line, 1, "", "this is not YAML, here or a little further on: " + shorten(message)})
	}
	c := yamlCopy{left: maxAPINodes}
	root := c.copy(doc.Content[0], maxAPINesting)
	if c.left < 0 {
		return nil, invalidOpenAPI(problem{1, 1, "", fmt.Sprintf("this has more than %d values, or is nested deeper than %d levels", maxAPINodes, maxAPINesting)})
	}
	return root, nil
}

// yamlCopy takes YAML over with aliases written out, which a few lines can make
// endless: left counts down the nodes there may still be.
type yamlCopy struct{ left int }

func (c *yamlCopy) copy(n *yaml.Node, depth int) *node {
	if c.left--; depth == 0 {
		c.left = -1
	}
	if c.left < 0 {
		return &node{}
	}
	out := &node{line: n.Line, column: n.Column, text: n.Value}
	switch {
	case n.Kind == yaml.AliasNode:
		return c.copy(n.Alias, depth-1)
	case n.Kind == yaml.SequenceNode:
		out.kind = list
		for i, item := range n.Content {
			out.adopt(strconv.Itoa(i), c.copy(item, depth-1))
		}
	case n.Kind == yaml.MappingNode:
		out.kind = object
		c.fields(out, n, depth)
	case n.Tag == "!!null":
		out.kind = nothing
	case n.Tag == "!!bool":
		out.kind, out.text = boolean, strings.ToLower(n.Value)
	case n.Tag == "!!int" || n.Tag == "!!float":
		out.kind = number
	default:
		out.kind = text
	}
	return out
}

func (c *yamlCopy) fields(out *node, n *yaml.Node, depth int) {
	var merged []*node
	for i := 0; i+1 < len(n.Content) && c.left >= 0; i += 2 {
		key, value := c.copy(n.Content[i], depth-1), c.copy(n.Content[i+1], depth-1)
		if n.Content[i].Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		out.keys = append(out.keys, key)
		out.adopt(key.text, value)
	}
	for _, m := range merged { // what is written out wins over what is merged in
		sources := []*node{m}
		if m.kind == list {
			sources = m.items
		}
		for _, source := range sources {
			for i, key := range source.keys {
				if !hasKey(out, key.text) {
					out.keys = append(out.keys, key)
					out.adopt(key.text, source.items[i])
				}
			}
		}
	}
}

// get is the value of a field, or nil.
func (n *node) get(name string) *node {
	if n == nil || n.kind != object {
		return nil
	}
	for i, key := range n.keys {
		if key.text == name {
			return n.items[i]
		}
	}
	return nil
}

// sieve keeps of a document what says who may do what.
type sieve struct {
	root     *node
	lines    map[string]int
	refs     int // followed
	kept     int // bytes, about
	full     bool
	problems []problem
	warnings []Warning
}

func (s *sieve) report(n *node, message string, args ...any) {
	s.problems = append(s.problems, n.problem(message, args...))
}

func (s *sieve) warn(n *node, operation, message string, args ...any) {
	s.warnings = append(s.warnings, Warning{Line: n.line, Operation: operation, Message: fmt.Sprintf(message, args...)})
}

var openAPIVersion = regexp.MustCompile(`^3\.[0-9](\.[0-9]+)?(-.*)?$`)

func (s *sieve) document() (kept map[string]any, swagger bool) {
	version, two := s.root.get("openapi"), s.root.get("swagger")
	switch {
	case s.root.kind != object || version == nil && two == nil:
		s.report(s.root, "this is not an OpenAPI document: it begins with neither openapi: nor swagger:")
		return nil, false
	case version == nil && two.text != "2.0" && two.text != "2":
		s.report(two, "Swagger %s is not read; 2.0 is, and OpenAPI 3.0 and 3.1", shorten(two.text))
		return nil, false
	case version != nil && !openAPIVersion.MatchString(version.text):
		s.report(version, "OpenAPI %s is not read; 3.0 and 3.1 are, and Swagger 2.0", shorten(version.text))
		return nil, false
	case version != nil && !strings.HasPrefix(version.text, "3.0") && !strings.HasPrefix(version.text, "3.1"):
		s.warn(version, "", "OpenAPI %s is newer than what this version knows; it is read as 3.1", shorten(version.text))
	}
	info := s.root.get("info")
	kept = s.extensions(s.root)
	kept["info"] = map[string]any{"title": info.get("title").plainText(), "version": info.get("version").plainText()}
	kept["paths"] = s.paths()
	s.security(s.root, kept)
	if s.full {
		s.report(s.root, "there are more than %d operations, or they say too much about access; take the document apart into several applications", MaxResources)
	}
	if swagger = version == nil; swagger {
		kept["swagger"] = "2.0"
		for _, name := range []string{"host", "basePath"} {
			kept[name] = s.root.get(name).plainText()
		}
		kept["schemes"] = s.texts(s.root.get("schemes"))
		kept["securityDefinitions"] = s.schemes(s.root.get("securityDefinitions"))
		return kept, true
	}
	kept["openapi"] = "3.1.1"
	s.servers(s.root, kept)
	kept["components"] = map[string]any{"securitySchemes": s.schemes(s.root.get("components").get("securitySchemes"))}
	return kept, false
}

// plainText is the text of a scalar, however it is written, or "".
func (n *node) plainText() string {
	if n == nil || n.kind == list || n.kind == object {
		return ""
	}
	return n.text
}

func (s *sieve) texts(n *node) []string {
	out := []string{}
	if n != nil && n.kind == list {
		for _, item := range n.items {
			out = append(out, item.plainText())
			s.kept += len(item.text) + 16
		}
	}
	return out
}

// schemes keeps the kinds of the security schemes, written so that the converter
// takes them.
func (s *sieve) schemes(n *node) map[string]any {
	out := map[string]any{}
	if n == nil || n.kind != object {
		return out
	}
	for i, key := range n.keys {
		scheme := s.follow(n.items[i])
		out[key.text] = map[string]any{"type": scheme.get("type").plainText(), "flow": "application"}
	}
	return out
}

// follow resolves a reference within the document; nil if it leads elsewhere.
func (s *sieve) follow(n *node) *node {
	for range 10 {
		ref := n.get("$ref")
		if ref == nil {
			return n
		}
		pointer, inside := strings.CutPrefix(ref.text, "#/")
		if s.refs++; !inside || s.refs > MaxResources {
			return nil
		}
		n = s.root
		for name := range strings.SplitSeq(pointer, "/") {
			n = n.get(unescapePointer(name))
		}
	}
	return nil
}

func unescapePointer(name string) string {
	return strings.NewReplacer("%7B", "{", "%7D", "}", "%7b", "{", "%7d", "}", "~1", "/", "~0", "~").Replace(name)
}

// apiMethods are the fields of a path item that are operations.
var apiMethods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace", "query"}

func (s *sieve) paths() map[string]any {
	out := map[string]any{}
	paths := s.root.get("paths")
	if paths == nil || paths.kind == nothing {
		s.warn(s.root, "", "the document has no paths; webhooks are requests that the application makes, not ones it gets")
		return out
	}
	if paths.kind != object {
		s.report(paths, "paths must be fields, one for each path")
		return out
	}
	for i, key := range paths.keys {
		if strings.HasPrefix(key.text, "x-") {
			continue
		}
		if _, twice := out[key.text]; twice {
			s.report(key, "the path %s is written twice; which of them holds cannot be known", shorten(key.text))
			continue
		}
		out[key.text] = s.pathItem(key, paths.items[i])
	}
	return out
}

func (s *sieve) pathItem(key, n *node) map[string]any {
	item := s.follow(n)
	if item == nil {
		s.report(n, "%s refers to another document (or to nothing), which is not followed; put the path in here", shorten(key.text))
		return map[string]any{}
	}
	if item.kind != object && item.kind != nothing {
		s.report(item, "%s must hold operations", shorten(key.text))
		return map[string]any{}
	}
	out := s.extensions(item)
	if item != n {
		for name, value := range s.extensions(n) {
			out[name] = value
		}
		s.operations(key, n, out)
	}
	s.operations(key, item, out)
	s.servers(item, out)
	return out
}

func (s *sieve) operations(key, item *node, out map[string]any) {
	custom := map[string]any{}
	for i, field := range item.keys {
		name := strings.ToLower(field.text)
		switch {
		case slices.Contains(apiMethods, name):
			if name != field.text {
				s.warn(field, "", "%s %s: methods are written in lower case in OpenAPI; it is read as one all the same", shorten(field.text), shorten(key.text))
			}
			if out[name] != nil {
				s.report(field, "%s %s is written twice; leave one of them", strings.ToUpper(name), shorten(key.text))
			}
			out[name] = s.operation(strings.ToUpper(name)+" "+key.text, field, item.items[i])
		case field.text == extensionOperations || field.text == "additionalOperations":
			if item.items[i].kind != object {
				s.report(item.items[i], "write methods with their operations here")
				continue
			}
			for j, method := range item.items[i].keys {
				if !methodPattern.MatchString(method.text) || custom[method.text] != nil {
					s.report(method, "write each method once, in capitals")
					continue
				}
				custom[method.text] = s.operation(method.text+" "+key.text, method, item.items[i].items[j])
			}
		}
	}
	if len(custom) > 0 {
		out["additionalOperations"] = custom
	}
}

func (s *sieve) operation(name string, key, n *node) map[string]any {
	if s.full = s.full || len(s.lines) >= MaxResources || s.kept > maxAPIKept; s.full {
		return map[string]any{} // see document
	}
	s.lines[name] = key.line
	if n.kind != object {
		s.report(n, "the operation %s must have fields", shorten(name))
		return map[string]any{}
	}
	out := s.extensions(n)
	for _, field := range []string{"operationId", "summary"} {
		if text := n.get(field).plainText(); text != "" {
			out[field] = shorten(text)
		}
	}
	s.security(n, out)
	s.servers(n, out)
	return out
}

// security keeps the requirements; they are what nothing may be guessed about.
func (s *sieve) security(n *node, out map[string]any) {
	security := n.get("security")
	if security == nil || security.kind == nothing {
		return
	}
	if security.kind != list {
		s.report(security, "security must be a list, as in [{scheme: [scope]}]")
		return
	}
	alternatives := []any{}
	for _, item := range security.items {
		if item.kind != object {
			s.report(item, "each item of security must name schemes with their scopes, as in {scheme: [scope]}")
			continue
		}
		schemes := map[string][]string{}
		if len(item.keys) > MaxRequired {
			s.report(item, "there may be at most %d schemes here", MaxRequired)
			continue
		}
		for i, key := range item.keys {
			scopes := item.items[i]
			s.kept += len(key.text) + 16
			if scopes.kind != list && scopes.kind != nothing || slices.ContainsFunc(scopes.items, func(n *node) bool { return n.kind != text }) {
				s.report(scopes, "write a list of scopes for %s, as in [read, write], or []", shorten(key.text))
			}
			if len(scopes.items) > MaxRequired {
				s.report(scopes, "there may be at most %d scopes here", MaxRequired)
				continue
			}
			schemes[key.text] = append(schemes[key.text], s.texts(scopes)...)
		}
		alternatives = append(alternatives, schemes)
	}
	if len(alternatives) > MaxRequired {
		s.report(security, "there may be at most %d alternatives here", MaxRequired)
		return
	}
	out["security"] = alternatives
}

func (s *sieve) servers(n *node, out map[string]any) {
	servers := n.get("servers")
	if servers == nil || servers.kind != list {
		return
	}
	kept := []any{}
	for _, server := range servers.items[:min(len(servers.items), MaxHosts)] {
		s.kept += len(server.get("url").plainText()) + 64
		variables := map[string]any{}
		if all := server.get("variables"); all != nil {
			for i, key := range all.keys {
				s.kept += len(key.text) + 64
				variables[key.text] = map[string]any{"default": all.items[i].get("default").plainText()}
			}
		}
		one := map[string]any{"url": server.get("url").plainText(), "variables": variables}
		if gateway := server.get(extensionGateway); gateway != nil {
			one[extensionGateway] = gateway.text == "true"
		}
		kept = append(kept, one)
	}
	out["servers"] = kept
}

// extensions keeps our own fields. One that is not known is refused: a misspelt
// word must not open a door.
func (s *sieve) extensions(n *node) map[string]any {
	out := map[string]any{}
	for i, key := range n.keys {
		if !strings.HasPrefix(strings.ToLower(key.text), "x-daypass") || key.text == extensionOperations {
			continue
		}
		value := n.items[i]
		check, known := extensionKinds[key.text]
		switch {
		case !known:
			s.report(key, "unknown extension %s; known are: %s", shorten(key.text), strings.Join(extensionNames(), ", "))
		case out[key.text] != nil:
			s.report(key, "%s is written twice; leave one of them", key.text)
		default:
			if message := check(value); message != "" {
				s.report(value, "%s: %s", key.text, message)
			}
			out[key.text] = value.any()
			s.kept += 64 * (1 + len(value.items))
		}
	}
	return out
}

// any is the value as package json has it, as far as our extensions need it.
func (n *node) any() any {
	switch n.kind {
	case boolean:
		return n.text == "true"
	case number:
		return json.Number(n.text)
	case list:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = item.plainText()
		}
		return items
	}
	return n.text
}
