package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/strictjson"
)

// Fetched is the upstream's answer to a join: JSON, or why there is none.
type Fetched struct {
	Body []byte
	Err  error
}

// Apply changes one answer, which must be one JSON value. Plain
// values are kept as they are written, members in their order.
// A number, text or other plain value is nothing that could be picked from: it becomes null where pick is given.
//
// Fetch asks the upstream for the targets of joins, all of which differ and which are at most [MaxJoinCalls] for one
// answer, and returns as many results. Targets are paths as [ParsePath] would write them.
//
// On any error nothing of the answer may be passed on: it is not shaped.
func (s *Shape) Apply(answer []byte, fetch func(targets []string) []Fetched) ([]byte, error) {
	root, err := s.parse(answer)
	if err != nil {
		return nil, err
	}
	calls := 0
	for i := range s.joins {
		if err := s.join(root, &s.joins[i], fetch, &calls); err != nil {
			return nil, err
		}
	}
	if s.drop != nil {
		root.drop([]*members{s.drop})
	}
	if s.pick != nil && !root.pick([]*members{s.pick}) {
		root = &value{plain: jsontext.Value("null")}
	}
	if s.rename != nil {
		root.rename([]*members{s.rename})
	}
	var out bytes.Buffer
	if err := root.write(jsontext.NewEncoder(&out, jsontext.PreserveRawStrings(true))); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// value is a JSON value that keeps what it does not need to understand.
type value struct {
	kind  jsontext.Kind  // '{', '[', or 0 for a plain value
	plain jsontext.Value // where kind is 0
	names []string       // of an object, beside items
	items []*value
}

const (
	maxShapedDepth   = 64
	maxShapedMembers = 200_000
)

func (s *Shape) parse(data []byte) (*value, error) {
	if err := strictjson.Check(data, strictjson.Limits{Bytes: int(s.MaxBody), Depth: maxShapedDepth, Members: maxShapedMembers}); err != nil {
		return nil, err
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(data))
	root, err := readValue(decoder)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return root, nil
}

// readValue recurses no deeper than was checked before.
func readValue(d *jsontext.Decoder) (*value, error) {
	kind := d.PeekKind()
	if kind != '{' && kind != '[' {
		plain, err := d.ReadValue()
		return &value{plain: plain.Clone()}, err
	}
	v := &value{kind: kind}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	end := jsontext.Kind('}')
	if kind == '[' {
		end = ']'
	}
	for d.PeekKind() != end {
		if kind == '{' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			v.names = append(v.names, name.String())
		}
		item, err := readValue(d)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, item)
	}
	_, err := d.ReadToken()
	return v, err
}

func (v *value) write(e *jsontext.Encoder) error {
	if v.kind == 0 {
		return e.WriteValue(v.plain)
	}
	begin, end := jsontext.BeginObject, jsontext.EndObject
	if v.kind == '[' {
		begin, end = jsontext.BeginArray, jsontext.EndArray
	}
	if err := e.WriteToken(begin); err != nil {
		return err
	}
	for i, item := range v.items {
		if v.kind == '{' {
			if err := e.WriteToken(jsontext.String(v.names[i])); err != nil {
				return err
			}
		}
		if err := item.write(e); err != nil {
			return err
		}
	}
	return e.WriteToken(end)
}

// below are the trees that paths of the given trees lead to by a name.
func below(trees []*members, name string) []*members {
	var next []*members
	for _, tree := range trees {
		if named := tree.byName[name]; named != nil {
			next = append(next, named)
		}
		if tree.any != nil {
			next = append(next, tree.any)
		}
	}
	return next
}

func ends(trees []*members) bool {
	return slices.ContainsFunc(trees, func(m *members) bool { return m.end })
}

// retain keeps the items for which keep is true.
func (v *value) retain(keep func(i int) bool) {
	n := 0
	for i, item := range v.items {
		if !keep(i) {
			continue
		}
		v.items[n] = item
		if v.kind == '{' {
			v.names[n] = v.names[i]
		}
		n++
	}
	v.items = v.items[:n]
	if v.kind == '{' {
		v.names = v.names[:n]
	}
}

// pick keeps what paths lead to, and reports whether v itself stays: an object or a list does, if empty.
func (v *value) pick(trees []*members) bool {
	switch v.kind {
	case '[':
		v.retain(func(i int) bool { return v.items[i].pick(trees) })
		return true
	case '{':
		v.retain(func(i int) bool {
			next := below(trees, v.names[i])
			return ends(next) || len(next) > 0 && v.items[i].pick(next)
		})
		return true
	}
	return false
}

func (v *value) drop(trees []*members) {
	if v.kind == '[' {
		for _, item := range v.items {
			item.drop(trees)
		}
		return
	}
	v.retain(func(i int) bool {
		next := below(trees, v.names[i])
		if ends(next) {
			return false
		}
		if len(next) > 0 {
			v.items[i].drop(next)
		}
		return true
	})
}

// rename goes by the names the upstream gave. A new name takes the place of a member that had it before.
func (v *value) rename(trees []*members) {
	if v.kind == '[' {
		for _, item := range v.items {
			item.rename(trees)
		}
		return
	}
	var taken map[string]int // new names, by the item that has them
	for i, name := range v.names {
		next := below(trees, name)
		if len(next) == 0 {
			continue
		}
		v.items[i].rename(next)
		if to := newName(next); to != "" {
			if taken == nil {
				taken = make(map[string]int)
			}
			if _, twice := taken[to]; !twice {
				taken[to] = i
			}
			v.names[i] = to
		}
	}
	if taken != nil {
		v.retain(func(i int) bool {
			by, is := taken[v.names[i]]
			return !is || by == i
		})
	}
}

func newName(trees []*members) string {
	for _, tree := range trees {
		if tree.renamed != "" {
			return tree.renamed
		}
	}
	return ""
}

// join adds a member to every object it is meant for.
func (s *Shape) join(root *value, j *join, fetch func([]string) []Fetched, calls *int) error {
	var objects []*value
	root.collect(j.parent, &objects)
	var targets []string
	targetOf := make([]string, len(objects))
	at := make(map[string]int) // in targets
	for i, object := range objects {
		target, err := object.target(j.target)
		if err != nil {
			if j.optional {
				continue
			}
			return fmt.Errorf("join into %s: %w", j.member, err)
		}
		targetOf[i] = target
		if _, known := at[target]; !known {
			at[target] = len(targets)
			targets = append(targets, target)
		}
	}
	if *calls += len(targets); *calls > MaxJoinCalls {
		return fmt.Errorf("join into %s: the answer needs more than %d calls", j.member, MaxJoinCalls)
	}
	if len(targets) == 0 {
		return nil
	}
	fetched := fetch(targets)
	for i, object := range objects {
		if targetOf[i] == "" {
			continue
		}
		got := fetched[at[targetOf[i]]]
		if got.Err == nil {
			var joined *value
			if joined, got.Err = s.parse(got.Body); got.Err == nil {
				object.set(j.member, joined)
				continue
			}
		}
		if !j.optional {
			return fmt.Errorf("join into %s: %w", j.member, got.Err)
		}
	}
	return nil
}

// collect finds the objects that a path leads to.
func (v *value) collect(path []string, into *[]*value) {
	switch {
	case v.kind == '[':
		for _, item := range v.items {
			item.collect(path, into)
		}
	case v.kind != '{':
	case len(path) == 0:
		*into = append(*into, v)
	default:
		for i, name := range v.names {
			if path[0] == "*" || path[0] == name {
				v.items[i].collect(path[1:], into)
			}
		}
	}
}

func (v *value) set(name string, member *value) {
	if i := slices.Index(v.names, name); i >= 0 {
		v.items[i] = member
		return
	}
	v.names, v.items = append(v.names, name), append(v.items, member)
}

// target is where a join of this object is found. It must come out as a path that means the same to everybody.
func (v *value) target(pieces []piece) (string, error) {
	target, err := fill(pieces, v.plainAt)
	if err != nil {
		return "", err
	}
	// What would be read as another path, such as a dot segment, is refused here.
	path, err := ParsePath(target)
	if err != nil {
		return "", errNoTarget
	}
	return path.Target(), nil
}

// plainAt is the text of the number or string at a path of objects.
func (v *value) plainAt(path []string) (string, bool) {
	for _, name := range path {
		i := slices.Index(v.names, name)
		if i < 0 {
			return "", false
		}
		v = v.items[i]
	}
	switch v.plain.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v.plain)
		return string(text), err == nil
	case '0':
		return string(v.plain), true
	}
	return "", false
}
