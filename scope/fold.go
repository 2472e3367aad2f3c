package scope

import (
	"cmp"
	"slices"
	"strings"
)

// Fold returns the narrowest set that matches every one of the used scopes that
// lie within the ceiling, written short: where at least least of them, and no
// fewer than two, differ in one segment alone, they become one pattern with "*"
// for that segment ("photos:1:read", "photos:2:read", … become "photos:*:read"),
// if the ceiling includes it. The first segment, which names what a scope is
// about, is never folded. Scopes that are not concrete are passed over.
//
// Whatever the result matches is one of the used scopes, or matches one of those
// patterns.
func Fold(used []Pattern, ceiling Set, least int) Set {
	left := map[string]bool{}
	for _, p := range used {
		if ceiling.Covers(p) {
			left[p.text] = true
		}
	}
	least = max(least, 2)
	var folded []Pattern
	for _, f := range folds(left, ceiling, least) {
		// What an earlier fold took no longer speaks for this one.
		members := slices.DeleteFunc(f.members, func(s string) bool { return !left[s] })
		if len(members) < least {
			continue
		}
		folded = append(folded, f.pattern)
		for _, s := range members {
			delete(left, s)
		}
	}
	for s := range left {
		if !slices.ContainsFunc(folded, func(p Pattern) bool { return p.Match(s) }) {
			folded = append(folded, MustParse(s)) // it is one of used
		}
	}
	return NewSet(folded...)
}

// fold is a pattern with the scopes it would stand for.
type fold struct {
	pattern Pattern
	members []string
}

// folds are the candidates, those of the most members first.
func folds(scopes map[string]bool, ceiling Set, least int) []fold {
	members := map[string][]string{}
	for s := range scopes {
		segments := strings.Split(s, ":")
		for i := 1; i < len(segments); i++ {
			shape := strings.Join(segments[:i], ":") + ":*"
			if i+1 < len(segments) {
				shape += ":" + strings.Join(segments[i+1:], ":")
			}
			members[shape] = append(members[shape], s)
		}
	}
	var list []fold
	for shape, group := range members {
		pattern, err := Parse(shape)
		if err == nil && len(group) >= least && ceiling.Includes(pattern) {
			list = append(list, fold{pattern, group})
		}
	}
	slices.SortFunc(list, func(a, b fold) int {
		return cmp.Or(len(b.members)-len(a.members), strings.Compare(a.pattern.text, b.pattern.text))
	})
	return list
}
