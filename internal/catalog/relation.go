package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// How patterns lie to each other: which are within another, which meet, and
// where. It rests on one idea. Write a character that no pattern can spell out
// for every wildcard of a pattern: a path comes out that another pattern matches
// only by wildcards of its own, and so only if it matches everything the first
// one does. Such a path is called generic here.

// fresh is a character that patterns cannot spell out: control characters are
// refused in them. As a method it is one that no rule names.
const fresh = "\x00"

// generic writes fresh for each wildcard of the segment.
func (s *segment) generic() string {
	switch {
	case s.any:
		return fresh
	case s.glob != nil:
		return strings.Join(s.glob, fresh)
	}
	return s.literal
}

// generic gives the generic paths of the pattern, decoded: one, or, where it is
// open, one for each number of segments from its own to depth.
func (p *pattern) generic(depth int) []Path {
	texts := make([]string, len(p.segments))
	for i := range p.segments {
		texts[i] = p.segments[i].generic()
	}
	return drawOut(texts, p.open, depth)
}

func drawOut(segments []string, open bool, depth int) []Path {
	text := "/" + strings.Join(segments, "/")
	paths := []Path{{decoded: text}}
	if !open {
		return paths
	}
	for n := len(segments); n < depth; n++ {
		text = strings.TrimSuffix(text, "/") + "/" + fresh
		paths = append(paths, Path{decoded: text})
	}
	return paths
}

// depthBelow is deeper than any of the patterns reaches by itself: there only
// open ones match.
func depthBelow(patterns ...*pattern) int {
	deepest := 0
	for _, p := range patterns {
		deepest = max(deepest, len(p.segments))
	}
	return deepest + 1
}

// subsumes reports whether every path that q matches, p matches too, whatever
// the methods.
func (p *pattern) subsumes(q *pattern) bool {
	for _, path := range q.generic(depthBelow(p, q)) {
		if !p.matches(path) {
			return false
		}
	}
	return true
}

// meets reports whether some path matches both, whatever the methods. It
// allocates nothing: every pair of rules is asked.
func (p *pattern) meets(q *pattern) bool {
	if len(p.segments) > len(q.segments) {
		p, q = q, p
	}
	if len(p.segments) < len(q.segments) && !p.open {
		return false
	}
	for i := range p.segments {
		if !p.segments[i].meets(&q.segments[i]) {
			return false
		}
	}
	return true
}

// meeting gives generic paths among those that both match, as [pattern.generic]
// does; none if there are no such paths.
func (p *pattern) meeting(q *pattern, depth int) []Path {
	if len(p.segments) > len(q.segments) {
		p, q = q, p
	}
	if !p.meets(q) {
		return nil
	}
	texts := make([]string, len(q.segments))
	for i := range q.segments {
		if i < len(p.segments) {
			texts[i] = p.segments[i].meeting(&q.segments[i])
		} else {
			texts[i] = q.segments[i].generic()
		}
	}
	return drawOut(texts, p.open && q.open, depth)
}

// meets reports whether some text matches both segments. Two globs meet where
// their ends do: what one has between its ends can stand beside what the other
// has there.
func (s *segment) meets(t *segment) bool {
	switch {
	case s.any || t.any:
		return true
	case s.glob == nil:
		return t.matches(s.literal)
	case t.glob == nil:
		return s.matches(t.literal)
	}
	first, second := longer(s.glob[0], t.glob[0])
	last, before := longer(s.glob[len(s.glob)-1], t.glob[len(t.glob)-1])
	return strings.HasPrefix(first, second) && strings.HasSuffix(last, before)
}

// meeting gives a text that both segments match; they must meet.
func (s *segment) meeting(t *segment) string {
	switch {
	case s.any || t.glob == nil && !t.any:
		return t.generic()
	case t.any || s.glob == nil:
		return s.generic()
	}
	first, _ := longer(s.glob[0], t.glob[0])
	last, _ := longer(s.glob[len(s.glob)-1], t.glob[len(t.glob)-1])
	pieces := slices.Concat([]string{first}, s.glob[1:len(s.glob)-1], t.glob[1:len(t.glob)-1], []string{last})
	return strings.Join(pieces, fresh)
}

func longer(a, b string) (long, short string) {
	if len(a) < len(b) {
		return b, a
	}
	return a, b
}

// within narrows the pattern to the paths at and below a prefix, which is
// decoded and without outer slashes. It must reach there.
func (p *pattern) within(prefix string) *pattern {
	if prefix == "" {
		return p
	}
	narrow := &pattern{methods: p.methods, open: p.open}
	for text := range strings.SplitSeq(prefix, "/") {
		narrow.segments = append(narrow.segments, segment{literal: text})
	}
	if len(p.segments) > len(narrow.segments) {
		narrow.segments = append(narrow.segments, p.segments[len(narrow.segments):]...)
	}
	return narrow
}

// shape is the same for two patterns exactly if they match the same paths in the
// same way, whatever the methods.
func (p *pattern) shape() string {
	var b strings.Builder
	for i := range p.segments {
		b.WriteByte('/')
		switch s := &p.segments[i]; {
		case s.any:
			b.WriteString(fresh)
		default:
			b.WriteString(s.generic())
		}
	}
	if p.open {
		b.WriteString("/**")
	}
	return b.String()
}

// before orders patterns so that, of two of which one is within the other, the
// narrower comes first: with the first match deciding, what is written out wins
// over what is left open. It returns a number as [cmp.Compare] does.
func (p *pattern) before(q *pattern) int {
	for i := range min(len(p.segments), len(q.segments)) {
		if c := p.segments[i].before(&q.segments[i]); c != 0 {
			return c
		}
	}
	return p.tail(len(q.segments)) - q.tail(len(p.segments))
}

// tail ranks what comes after the first n segments: nothing, more, or anything.
func (p *pattern) tail(n int) int {
	switch {
	case len(p.segments) > n:
		return 1
	case p.open:
		return 2
	}
	return 0
}

func (s *segment) before(t *segment) int {
	if c := s.rank() - t.rank(); c != 0 {
		return c
	}
	if s.glob != nil {
		// A glob within another spells out more, or as much with fewer gaps.
		c := cmp.Or(len(strings.Join(t.glob, ""))-len(strings.Join(s.glob, "")), len(s.glob)-len(t.glob))
		if c != 0 {
			return c
		}
	}
	return strings.Compare(s.generic(), t.generic())
}

func (s *segment) rank() int {
	switch {
	case s.any:
		return 2
	case s.glob != nil:
		return 1
	}
	return 0
}

// admitsOnly reports whether everybody whom r lets in, s lets in too.
func (r *Resource) admitsOnly(s *Resource) bool {
	if r.Public || s.Public {
		return s.Public
	}
	if s.SenderKey && !r.SenderKey || s.Signature && !r.Signature {
		return false
	}
	for _, needed := range s.Scopes {
		if !slices.Contains(r.Scopes, needed) {
			return false
		}
	}
	if len(s.Roles) == 0 {
		return true
	}
	return len(r.Roles) > 0 && (s.InAccount || !r.InAccount) &&
		!slices.ContainsFunc(r.Roles, func(role string) bool { return !slices.Contains(s.Roles, role) })
}

// requiresSame reports whether both let in the same people.
func (r *Resource) requiresSame(s *Resource) bool { return r.admitsOnly(s) && s.admitsOnly(r) }
