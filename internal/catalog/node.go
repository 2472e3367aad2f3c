package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass/internal/strictjson"
)

// node is a piece of a resource file, whether YAML or JSON, and where it stands.
type node struct {
	kind         kind
	line, column int // from 1
	text         string
	items        []*node // of a list
	keys         []*node // of an object, beside items

	parent *node
	name   string // in parent, as in a JSON pointer
}

type kind uint8

const (
	nothing kind = iota
	text
	boolean
	number
	list
	object
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "true or false", "a number", "a list", "a group of fields"}[k]
}

// pointer is where the node stands, as a JSON pointer (RFC 6901).
func (n *node) pointer() string {
	if n.parent == nil {
		return ""
	}
	return n.parent.pointer() + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(shorten(n.name))
}

func (n *node) problem(message string, args ...any) problem {
	return problem{n.line, n.column, n.pointer(), fmt.Sprintf(message, args...)}
}

func (n *node) adopt(name string, child *node) *node {
	child.parent, child.name = n, name
	n.items = append(n.items, child)
	return child
}

// Limits of the shape of a resource file, well above what one can use.
const (
	maxNesting = 8
	maxKeys    = 256 // of one object
)

// parseTree reads YAML, or JSON where the text begins with a brace.
func parseTree(data []byte) (*node, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, invalid(problem{1, 1, "", "the file is not UTF-8"})
	}
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return parseJSON(data)
	}
	return parseYAML(data)
}

// parseYAML reads the part of YAML that means one thing only: one document, no
// anchors, aliases, tags or merge keys.
func parseYAML(source []byte) (*node, error) {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(source))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, invalid(problem{1, 1, "", "the file is empty; write at least 'application: NAME'"})
	} else if err != nil {
		return nil, notYAML(source, err)
	}
	root, err := fromYAML(doc.Content[0], maxNesting)
	if err != nil {
		return nil, err
	}
	if err := dec.Decode(&more); err == nil {
		return nil, invalid(problem{more.Line, more.Column, "", "the file must hold one document; remove the second"})
	} else if !errors.Is(err, io.EOF) {
		return nil, notYAML(source, err)
	}
	return root, nil
}

// maxLocated is how long a file may be, in bytes, for a mistake in it to be
// looked for by the parser that knows places well, but takes time and memory.
const maxLocated = 64 * 1024

// notYAML says where a mistake stands that yaml.v3 found. It knows the place
// only roughly; goccy/go-yaml knows it exactly, but is not the one to ask what a
// file means, since it leaves the standard in places ({in: [a:b]} it takes apart
// at the colon).
func notYAML(source []byte, cause error) error {
	if len(source) <= maxLocated {
		tokens := lexer.Tokenize(string(source))
		if err := checkTokens(tokens); err != nil {
			return err
		}
		_, err := parser.Parse(tokens, 0)
		var located goccy.Error
		if errors.As(err, &located) { // its Error() would quote the file
			return invalid(at(located.GetToken(), "this is not YAML: "+shorten(located.GetMessage())))
		}
	}
	message, line := strings.TrimPrefix(cause.Error(), "yaml: "), 1
	if parts := linePattern.FindStringSubmatch(message); parts != nil {
		line, _ = strconv.Atoi(parts[1]) // digits
		message = parts[2]
	}
	return invalid(problem{line, 1, "", "this is not YAML, here or a little further on: " + shorten(message)})
}

var linePattern = regexp.MustCompile(`^line ([0-9]{1,7}): (.*)$`)

func at(t *token.Token, message string) problem {
	if t == nil || t.Position == nil {
		return problem{1, 1, "", message}
	}
	return problem{t.Position.Line, t.Position.Column, "", message}
}

// checkTokens finds what is nested so deep, or has so many keys, that the parser
// would take very long over it, and what needs a better explanation than the
// parser's.
func checkTokens(tokens token.Tokens) error {
	c := tokenCheck{keys: map[int]int{}}
	for _, t := range tokens {
		if message := c.check(t); message != "" {
			return invalid(at(t, message))
		}
	}
	return nil
}

type tokenCheck struct {
	depth    int         // of [ and {
	line     int         // of the token before
	dashes   int         // on this line
	keys     map[int]int // keys of the open blocks, by column
	previous *token.Token
}

const (
	noAnchors = "anchors ('&') are not read; write the value out. If this is text, put it in quotes"
	noAliases = "aliases ('*') are not read; write the value out. If this is text, put it in quotes, or write ANY for all methods"
	noTags    = "tags ('!') are not read; if this is text, put it in quotes"
	noMerging = "merge keys ('<<') are not read; write the fields out"
)

var tooDeep = fmt.Sprintf("this is nested deeper than %d levels", maxNesting)

var tooManyKeys = fmt.Sprintf("there are more than %d fields in one place", maxKeys)

func (c *tokenCheck) check(t *token.Token) string {
	if t.Position.Line != c.line {
		c.beginLine(t.Position.Line, t.Position.Column)
	}
	defer func() { c.previous = t }()
	switch t.Type {
	case token.AnchorType:
		return noAnchors
	case token.AliasType:
		return noAliases
	case token.TagType:
		return noTags
	case token.MappingStartType, token.SequenceStartType:
		c.depth++
	case token.MappingEndType, token.SequenceEndType:
		c.depth--
	case token.SequenceEntryType, token.MappingKeyType:
		c.dashes++
	case token.MappingValueType:
		return c.countKey()
	}
	if c.depth > maxNesting || c.dashes > maxNesting {
		return tooDeep
	}
	return ""
}

// beginLine closes the blocks that a line beginning at this column ends.
func (c *tokenCheck) beginLine(line, column int) {
	c.line, c.dashes = line, 0
	for open := range c.keys {
		if open > column {
			delete(c.keys, open)
		}
	}
}

func (c *tokenCheck) countKey() string {
	if c.depth > 0 || c.previous == nil {
		return ""
	}
	column := c.previous.Position.Column
	if c.keys[column]++; c.keys[column] > maxKeys {
		return tooManyKeys
	}
	return ""
}

// fromYAML takes over a node with at most depth levels below it.
func fromYAML(n *yaml.Node, depth int) (*node, error) {
	out := &node{line: n.Line, column: n.Column, text: n.Value}
	switch {
	case depth < 0:
		return nil, invalid(out.problem("%s", tooDeep))
	case n.Kind == yaml.AliasNode:
		return nil, invalid(out.problem("%s", noAliases))
	case n.Anchor != "":
		return nil, invalid(out.problem("%s", noAnchors))
	case n.Style&yaml.TaggedStyle != 0:
		return nil, invalid(out.problem("%s", noTags))
	case n.Tag == "!!merge":
		return nil, invalid(out.problem("%s", noMerging))
	case n.Kind == yaml.SequenceNode:
		return out, out.addItems(n.Content, depth-1)
	case n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys:
		return nil, invalid(out.problem("%s", tooManyKeys))
	case n.Kind == yaml.MappingNode:
		return out, out.addFields(n.Content, depth-1)
	}
	switch n.Tag {
	case "!!null":
		out.kind = nothing
	case "!!bool":
		out.kind, out.text = boolean, strings.ToLower(n.Value)
	case "!!int", "!!float":
		out.kind = number
	default:
		out.kind = text
	}
	return out, nil
}

func (n *node) addItems(items []*yaml.Node, depth int) error {
	n.kind = list
	for i, item := range items {
		child, err := fromYAML(item, depth)
		if err != nil {
			return err
		}
		n.adopt(strconv.Itoa(i), child)
	}
	return nil
}

// addFields takes keys and values by turns.
func (n *node) addFields(content []*yaml.Node, depth int) error {
	n.kind = object
	for i := 0; i+1 < len(content); i += 2 {
		key, err := fromYAML(content[i], depth)
		if err != nil {
			return err
		}
		child, err := fromYAML(content[i+1], depth)
		if err != nil {
			return err
		}
		n.keys = append(n.keys, key)
		n.adopt(key.text, child)
	}
	return nil
}

// parseJSON reads one JSON object.
func parseJSON(data []byte) (*node, error) {
	r := jsonReader{data: data, line: 1}
	if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxDocument, Depth: maxNesting, Members: 40 * MaxResources}); err != nil {
		var limit *strictjson.Error
		errors.As(err, &limit)
		return nil, invalid(r.problem(int(limit.Offset), limit.Reason))
	}
	// Members named twice are found later, with those of YAML.
	r.dec = jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true))
	root, err := r.value()
	if err == nil {
		end := r.skip(" \t\r\n")
		if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
			return nil, invalid(r.problem(end, "something follows the end of the JSON"))
		}
		return root, nil
	}
	offset, reason := len(data), "it ends too early"
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) && int(syntax.ByteOffset) < len(data) {
		offset, reason = int(syntax.ByteOffset), shorten(syntax.Err.Error())
	}
	return nil, invalid(r.problem(offset, "this is not JSON: "+reason+" (a file that begins with '{' is read as JSON)"))
}

type jsonReader struct {
	data         []byte
	dec          *jsontext.Decoder
	offset, line int // line is the one offset lies in
	column       int // of offset, from 0, in characters
}

// skip is where the next token begins, after any of the bytes between.
func (r *jsonReader) skip(between string) int {
	i := int(r.dec.InputOffset())
	for i < len(r.data) && strings.IndexByte(between, r.data[i]) >= 0 {
		i++
	}
	return i
}

// place turns an offset into line and column. Offsets must not decrease: each
// byte is looked at once, however long the lines are.
func (r *jsonReader) place(offset int) (line, column int) {
	for ; r.offset < min(offset, len(r.data)); r.offset++ {
		switch c := r.data[r.offset]; {
		case c == '\n':
			r.line, r.column = r.line+1, 0
		case utf8.RuneStart(c):
			r.column++
		}
	}
	return r.line, r.column + 1
}

func (r *jsonReader) problem(offset int, message string) problem {
	line, column := r.place(offset)
	return problem{line, column, "", message}
}

func (r *jsonReader) value() (*node, error) {
	n := &node{}
	n.line, n.column = r.place(r.skip(" \t\r\n,:"))
	t, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case '"':
		n.kind, n.text = text, t.String()
	case 't', 'f':
		n.kind, n.text = boolean, t.String()
	case '0':
		n.kind, n.text = number, t.String()
	case '[':
		n.kind = list
		err = r.children(n, ']')
	case '{':
		n.kind = object
		err = r.children(n, '}')
	}
	return n, err
}

func (r *jsonReader) children(n *node, end jsontext.Kind) error {
	for r.dec.PeekKind() != end {
		name := strconv.Itoa(len(n.items))
		if n.kind == object {
			key, err := r.value()
			if err != nil {
				return err
			}
			n.keys = append(n.keys, key)
			name = key.text
		}
		child, err := r.value()
		if err != nil {
			return err
		}
		n.adopt(name, child)
	}
	_, err := r.dec.ReadToken()
	return err
}
