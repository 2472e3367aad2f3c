package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Change is what putting one resource file in another's place does to requests
// that fall under a pair of resources.
type Change struct {
	Effect  Effect
	Methods []string // "ANY" stands for those that no resource names
	// Path is the pattern that the change is for: the narrower one of the two, or
	// both where neither is.
	Path string
	// Before and After decide such requests in the one file and in the other; nil
	// means that they are denied.
	Before, After *Resource
}

// Effect says whom a [Change] lets in.
type Effect string

// The effects, the most alarming ones first.
const (
	Opened    Effect = "opened"    // a pass was needed, none is now
	Weakened  Effect = "weakened"  // everybody who got in still does, and others too
	Replaced  Effect = "replaced"  // some who got in do not, and others do
	Published Effect = "published" // was denied, is public now
	Added     Effect = "added"     // was denied, is let in with the right pass now
	Tightened Effect = "tightened" // fewer get in than did
	Removed   Effect = "removed"   // nobody gets in any more
)

var effects = []Effect{Opened, Weakened, Replaced, Published, Added, Tightened, Removed}

// Loosens reports whether somebody gets in who did not, by a pass that was not
// enough before or by none.
func (e Effect) Loosens() bool { return slices.Contains(effects[:4], e) }

func effectOf(before, after *Resource) Effect {
	switch {
	case before == nil && after.Public:
		return Published
	case before == nil:
		return Added
	case after == nil:
		return Removed
	case after.Public:
		return Opened
	case before.admitsOnly(after):
		return Weakened
	case after.admitsOnly(before):
		return Tightened
	}
	return Replaced
}

// Compare says what changes for requests when the rules of before give way to
// those of after; before may be nil. It looks at every way in which a rule of the
// one and a rule of the other can meet, and asks both files who decides there,
// so that it also sees what a rule that goes away leaves to the rules behind it.
// The order is that of [Effect], then that of the files. Only methods, paths and
// requirements of what is enforced are compared.
func Compare(before, after *Application) []Change {
	if before == nil {
		before = &Application{Document: &Document{}, index: newIndex()}
	}
	c := comparison{before: before, after: after, found: map[[2]*Resource]*Change{}}
	c.methods = methodsNamed(before.Document, after.Document)
	olds, news := before.Document.Resources, after.Document.Resources
	c.depth = depthOf(olds, news)
	for _, list := range [][]Resource{olds, news} {
		for i := range list {
			c.probe(&list[i].pattern, &list[i].pattern)
		}
	}
	for i := range olds {
		for j := range news {
			c.probe(&olds[i].pattern, &news[j].pattern)
		}
	}
	slices.SortStableFunc(c.changes, func(a, b *Change) int {
		return cmp.Or(cmp.Compare(slices.Index(effects, a.Effect), slices.Index(effects, b.Effect)), cmp.Compare(a.line(), b.line()))
	})
	changes := make([]Change, len(c.changes))
	for i, change := range c.changes {
		changes[i] = *change
	}
	return changes
}

func (c *Change) line() int {
	if c.After != nil {
		return c.After.Line
	}
	return c.Before.Line
}

type comparison struct {
	before, after *Application
	methods       []string
	depth         int
	found         map[[2]*Resource]*Change
	changes       []*Change
}

// probe asks both files about the requests that both patterns match.
func (c *comparison) probe(p, q *pattern) {
	for _, path := range p.meeting(q, c.depth) {
		for _, m := range c.methods {
			if p.allows(m) && q.allows(m) {
				c.ask(m, path)
			}
		}
	}
}

func (c *comparison) ask(method string, path Path) {
	before, after := c.before.Match(method, path), c.after.Match(method, path)
	if before == nil && after == nil || before != nil && after != nil && before.requiresSame(after) {
		return
	}
	change := c.found[[2]*Resource{before, after}]
	if change == nil {
		change = &Change{Effect: effectOf(before, after), Path: pathOf(before, after), Before: before, After: after}
		c.found[[2]*Resource{before, after}] = change
		c.changes = append(c.changes, change)
	}
	name := strings.ReplaceAll(method, fresh, anyMethod)
	if at := slices.Index(c.methods, method); !slices.Contains(change.Methods, name) {
		// In the order of c.methods, whatever order they were found in.
		i := 0
		for i < len(change.Methods) && slices.Index(c.methods, change.Methods[i]) < at && change.Methods[i] != anyMethod {
			i++
		}
		change.Methods = slices.Insert(change.Methods, i, name)
	}
}

func pathOf(before, after *Resource) string {
	switch {
	case before == nil:
		return after.Path()
	case after == nil || after.pattern.subsumes(&before.pattern):
		return before.Path()
	case before.pattern.subsumes(&after.pattern):
		return after.Path()
	}
	return before.Path() + " and " + after.Path()
}

// anyMethod is how rules and people write all methods.
const anyMethod = "ANY"

// methodsNamed lists the methods that files name, common ones first, and last
// one that none names.
func methodsNamed(docs ...*Document) []string {
	named := map[string]bool{}
	for _, d := range docs {
		for i := range d.Resources {
			for _, m := range d.Resources[i].pattern.methods {
				named[m] = true
			}
		}
	}
	var list []string
	for _, m := range commonMethods {
		if named[m] {
			list = append(list, m)
			delete(named, m)
		}
	}
	var others []string
	for m := range named {
		others = append(others, m)
	}
	slices.Sort(others)
	return append(append(list, others...), fresh)
}

func depthOf(lists ...[]Resource) int {
	deepest := 0
	for _, list := range lists {
		for i := range list {
			deepest = max(deepest, depthBelow(&list[i].pattern))
		}
	}
	return deepest
}
