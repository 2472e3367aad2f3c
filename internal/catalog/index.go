package catalog

import (
	"math"
	"slices"
	"strings"
)

// none is the rule number of no rule: higher than any.
const none = int32(math.MaxInt32)

// index finds the first of many rules that matches. It is a tree over path
// segments: how long a search takes depends on the path and on how many kinds
// of wildcard compete for its segments, not on the number of rules. Each node
// knows the lowest rule below it, so that a search never enters a part of the
// tree that cannot improve on what it has.
type index struct {
	first   int32
	literal map[string]*index
	globs   []globChild // by first
	any     *index
	end     *methodTable // rules whose path ends here
	open    *methodTable // rules with "**" here
}

type globChild struct {
	pieces []string
	child  *index
}

// maxGlobs bounds how many different globs may compete for one segment, since
// they are tried one after another.
const maxGlobs = 64

func newIndex() *index { return &index{first: none} }

// add enters a rule. Rules must be added in their order. It reports false where
// there are too many globs in one place.
func (x *index) add(rule int32, p *pattern) bool {
	x.first = min(x.first, rule)
	for i := range p.segments {
		if x = x.step(&p.segments[i]); x == nil {
			return false
		}
		x.first = min(x.first, rule)
	}
	table := &x.end
	if p.open {
		table = &x.open
	}
	if *table == nil {
		*table = newMethodTable()
	}
	(*table).add(rule, p.methods)
	return true
}

// step returns the child for a segment, making it if need be, or nil.
func (x *index) step(s *segment) *index {
	switch {
	case s.any:
		if x.any == nil {
			x.any = newIndex()
		}
		return x.any
	case s.glob != nil:
		return x.stepGlob(s.glob)
	}
	child := x.literal[s.literal]
	if child == nil {
		if x.literal == nil {
			x.literal = map[string]*index{}
		}
		child = newIndex()
		x.literal[s.literal] = child
	}
	return child
}

func (x *index) stepGlob(pieces []string) *index {
	for _, g := range x.globs {
		if slices.Equal(g.pieces, pieces) {
			return g.child
		}
	}
	if len(x.globs) == maxGlobs {
		return nil
	}
	child := newIndex()
	x.globs = append(x.globs, globChild{pieces, child}) // in the order of the rules: sorted by first
	return child
}

// find returns the lower of best and the first rule that matches the segments
// (without outer slashes) and the method.
func (x *index) find(segments string, m method, best int32) int32 {
	if x.first >= best {
		return best
	}
	best = x.open.lower(m, best)
	if segments == "" {
		return x.end.lower(m, best)
	}
	segment, rest, _ := strings.Cut(segments, "/")
	if child := x.literal[segment]; child != nil {
		best = child.find(rest, m, best)
	}
	for i := range x.globs {
		g := &x.globs[i]
		if g.child.first >= best {
			break
		}
		if matchGlob(g.pieces, segment) {
			best = g.child.find(rest, m, best)
		}
	}
	if x.any != nil {
		best = x.any.find(rest, m, best)
	}
	return best
}

// method is a request method, looked up once for a whole search.
type method struct {
	name  string
	known int // index into commonMethods, or len(commonMethods)
}

var commonMethods = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}

func methodOf(name string) method {
	for i, m := range commonMethods {
		if m == name {
			return method{name, i}
		}
	}
	return method{name, len(commonMethods)}
}

// methodTable holds the first rule for each method at one place of the tree.
type methodTable struct {
	any    int32
	common [len(commonMethods)]int32
	other  map[string]int32
}

func newMethodTable() *methodTable {
	t := &methodTable{any: none}
	for i := range t.common {
		t.common[i] = none
	}
	return t
}

func (t *methodTable) add(rule int32, methods []string) {
	if methods == nil {
		t.any = min(t.any, rule)
	}
	for _, name := range methods {
		m := methodOf(name)
		if m.known < len(commonMethods) {
			t.common[m.known] = min(t.common[m.known], rule)
			continue
		}
		if t.other == nil {
			t.other = map[string]int32{}
		}
		if _, taken := t.other[name]; !taken { // rules come in their order
			t.other[name] = rule
		}
	}
}

func (t *methodTable) lower(m method, best int32) int32 {
	if t == nil {
		return best
	}
	best = min(best, t.any)
	if m.known < len(commonMethods) {
		return min(best, t.common[m.known])
	}
	if rule, ok := t.other[m.name]; ok {
		return min(best, rule)
	}
	return best
}
