package catalog

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a shape.
const (
	MaxShapePaths     = 256      // of pick, drop and rename, each
	MaxJoins          = 8        // of one shape
	MaxJoinCalls      = 32       // for one answer
	DefaultShapedBody = 1 << 20  // bytes of an answer that is shaped
	MaxShapedBody     = 16 << 20 // bytes
)

// Shape is how the JSON of an answer is changed before the caller gets it: first members are joined, then dropped,
// picked and renamed. It is immutable; see [Shape.Apply].
//
// A path in it is written with dots between the names of members ("owner.name"), "*" standing for any name, and a
// backslash before a dot that belongs to a name. Arrays are passed through: "items.id" is the id of every element.
type Shape struct {
	// MaxBody is how many bytes an answer may have, the upstream's own and each that is joined.
	MaxBody int64

	pick, drop, rename *members // nil: none
	joins              []join
}

// members is a tree of paths.
type members struct {
	byName  map[string]*members
	any     *members // by "*"
	end     bool     // a path ends here
	renamed string   // what rename makes of it
}

func (m *members) add(path []string) *members {
	for _, name := range path {
		next := m.any
		if name != "*" {
			next = m.byName[name]
		}
		if next == nil {
			next = &members{}
			if name == "*" {
				m.any = next
			} else {
				if m.byName == nil {
					m.byName = make(map[string]*members)
				}
				m.byName[name] = next
			}
		}
		m = next
	}
	m.end = true
	return m
}

// join adds a member to every object that parent leads to: what the upstream answers to a GET of target.
type join struct {
	parent   []string
	member   string
	target   []piece
	optional bool
}

// piece of a join's target: text as it is, or the value at a path from the object.
type piece struct {
	text    string
	path    []string // nil: text
	inQuery bool
}

// parseShapePath reads a path of a shape.
func parseShapePath(s string) ([]string, error) {
	var path []string
	var name strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '.' || s[i+1] == '\\'):
			i++
			name.WriteByte(s[i])
		case s[i] == '.':
			path = append(path, name.String())
			name.Reset()
		default:
			name.WriteByte(s[i])
		}
	}
	path = append(path, name.String())
	const most = 16
	if len(s) > 512 || len(path) > most || slices.Contains(path, "") || strings.IndexFunc(s, unicode.IsControl) >= 0 {
		return nil, errors.New("write the names of members with dots between them, as in owner.name; at most 16 of them, none empty")
	}
	return path, nil
}

var shapeFields = []field[Shape]{
	{"pick", func(r *reader, s *Shape, n *node) { s.pick = r.shapePaths(n) }},
	{"drop", func(r *reader, s *Shape, n *node) { s.drop = r.shapePaths(n) }},
	{"rename", func(r *reader, s *Shape, n *node) { s.rename = r.renames(n) }},
	{"join", func(r *reader, s *Shape, n *node) { s.joins = r.joins(n) }},
	{"body", func(r *reader, s *Shape, n *node) { s.MaxBody = r.shapedBody(n) }},
}

func (r *reader) shape(d *draft, n *node) {
	d.Shape = &Shape{MaxBody: DefaultShapedBody}
	readObject(r, n, d.Shape, shapeFields)
	if s := d.Shape; n.kind == object && s.pick == nil && s.drop == nil && s.rename == nil && s.joins == nil {
		r.report(n, "this shape changes nothing; write pick, drop, rename or join, or take it out")
	}
}

func (r *reader) shapePaths(n *node) *members {
	paths := texts(r, n, MaxShapePaths, "paths", parseShapePath)
	if n.kind == list && len(n.items) == 0 {
		r.report(n, "an empty list; name a member, as in owner.name, or leave it out")
	}
	tree := &members{}
	for _, path := range paths {
		tree.add(path)
	}
	return tree
}

func (r *reader) renames(n *node) *members {
	if n.kind != object || len(n.items) == 0 || len(n.items) > MaxShapePaths {
		r.report(n, "write what is renamed to what, as in {owner.name: author}, at most %d", MaxShapePaths)
		return nil
	}
	tree := &members{}
	for i, key := range n.keys {
		path, err := parseShapePath(key.text)
		switch name := r.text(n.items[i]); {
		case err != nil:
			r.report(key, "%s", err)
		case path[len(path)-1] == "*":
			r.report(key, "the last name of what is renamed cannot be *: all members would get the same name")
		case n.items[i].kind == text && !isMemberName(name):
			r.report(n.items[i], "write the new name alone; the member stays where it is")
		default:
			tree.add(path).renamed = name
		}
	}
	return tree
}

func isMemberName(s string) bool {
	return s != "" && len(s) <= 128 && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

type joinDraft struct {
	join
	into, get *node
}

var joinFields = []field[joinDraft]{
	{"into", func(r *reader, j *joinDraft, n *node) { j.into = n; j.parent, j.member = r.joinInto(n) }},
	{"get", func(r *reader, j *joinDraft, n *node) { j.get = n; j.target = r.joinTarget(n) }},
	{"optional", func(r *reader, j *joinDraft, n *node) { j.optional = r.flag(n) }},
}

func (r *reader) joins(n *node) []join {
	items, _ := r.list(n, MaxJoins, "joins")
	joins := make([]join, 0, len(items))
	for _, item := range items {
		var j joinDraft
		readObject(r, item, &j, joinFields)
		if item.kind == object && (j.into == nil || j.get == nil) {
			r.report(item, "a join needs into and get; write { into: owner, get: \"/users/{owner_id}\" }")
		}
		joins = append(joins, j.join)
	}
	return joins
}

func (r *reader) joinInto(n *node) (parent []string, member string) {
	s := r.text(n)
	if n.kind != text {
		return nil, ""
	}
	path, err := parseShapePath(s)
	if err == nil && path[len(path)-1] == "*" {
		err = errors.New("the last name of into is the member that is added; it cannot be *")
	}
	if err != nil {
		r.report(n, "%s", err)
		return nil, ""
	}
	return path[:len(path)-1], path[len(path)-1]
}

// joinTarget reads a path of the upstream, with values of the answer in braces. With a plain value in each place it must
// be a path that the gateway would send.
func (r *reader) joinTarget(n *node) []piece {
	s := r.text(n)
	if n.kind != text {
		return nil
	}
	target, err := parseJoinTarget(s)
	if err != nil {
		r.report(n, "%s", err)
	}
	return target
}

func parseJoinTarget(s string) ([]piece, error) {
	const example = "write a path of the upstream, with members of the answer in braces, as in /users/{owner_id}"
	var target []piece
	inQuery := false
	for rest := s; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		inQuery = inQuery || strings.Contains(before, "?")
		target = append(target, piece{text: before})
		if !found {
			break
		}
		name, next, closed := strings.Cut(after, "}")
		path, err := parseShapePath(name)
		if !closed || err != nil || slices.Contains(path, "*") {
			return nil, errors.New(example)
		}
		target, rest = append(target, piece{path: path, inQuery: inQuery}), next
	}
	plain, err := fill(target, func([]string) (string, bool) { return "x", true })
	if err != nil || len(s) > 1024 {
		return nil, errors.New(example)
	}
	if path, err := ParsePath(plain); err != nil || path.Target() != plain {
		return nil, errors.New(example)
	}
	return target, nil
}

var errNoTarget = errors.New("the answer has no plain value for it")

// fill makes a target. A value is one segment of the path, or one value of the query, whatever it holds.
func fill(target []piece, value func(path []string) (string, bool)) (string, error) {
	var out strings.Builder
	for _, p := range target {
		if p.path == nil {
			out.WriteString(p.text)
			continue
		}
		v, ok := value(p.path)
		const longest = 256
		switch {
		case !ok || v == "" || len(v) > longest:
			return "", errNoTarget
		case p.inQuery:
			out.WriteString(url.QueryEscape(v))
		default:
			out.WriteString(url.PathEscape(v))
		}
	}
	return out.String(), nil
}

func (r *reader) shapedBody(n *node) int64 {
	size, ok := parseBytes(n.text)
	if n.kind != text && n.kind != number || !ok || size == 0 || size > MaxShapedBody {
		r.report(n, "write how many bytes an answer may have, at most 16MiB, as in 65536, 512KiB or 2MiB")
	}
	return size
}

// parseBytes reads a number of bytes, plain or in KiB or MiB.
func parseBytes(s string) (int64, bool) {
	unit := int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if before, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = before, bytes
			break
		}
	}
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	var n int64
	for _, c := range s {
		n = n*10 + int64(c-'0')
	}
	return n * unit, true
}
