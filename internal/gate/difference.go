package gate

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Change is how two verdicts on one request differ.
type Change string

const (
	Same            Change = "same"
	NewlyDenied     Change = "newly_denied"
	NewlyAllowed    Change = "newly_allowed"
	DeniedOtherwise Change = "denied_otherwise" // denied both times, for another reason
)

// Changes lists every change, the gravest first and no change last.
func Changes() []Change { return []Change{NewlyDenied, NewlyAllowed, DeniedOtherwise, Same} }

// Allows reports whether a request with this reason was let through.
func (r Reason) Allows() bool { return r == Allowed || r == Public }

// ChangeOf compares two reasons.
func ChangeOf(was, is Reason) Change {
	switch {
	case was.Allows() && !is.Allows():
		return NewlyDenied
	case !was.Allows() && is.Allows():
		return NewlyAllowed
	case !is.Allows() && was != is:
		return DeniedOtherwise
	}
	return Same
}

// Verdict is what one of two files says of a request.
type Verdict struct {
	Reason  Reason
	Rule    string // the match of the rule that decided; empty: none
	Missing string // the scope or roles that the pass lacked
}

// Verdict is the decision in short.
func (d *Decision) Verdict() Verdict { return Verdict{d.Reason, ruleOf(d), d.Missing} }

// Recorded is what was answered then, and what the file in shadow mode would
// have said; tried is false where there was none.
func Recorded(f *access.Fact) (was, shadow Verdict, tried bool) {
	return Verdict{Reason(f.Reason), f.Rule, f.Missing},
		Verdict{Reason(f.ShadowReason), f.ShadowRule, f.ShadowMissing}, f.ShadowReason != ""
}

// Limits of what a [Difference] tells.
const (
	MaxKeys    = 20
	MaxSamples = 5
)

// Difference is a number of requests that two files answer differently in the
// same way.
type Difference struct {
	Change      Change
	Was, Is     Verdict
	Requests    int64
	First, Last time.Time
	Keys        []KeyCount // that made the requests, the busiest first, at most [MaxKeys]
	MoreKeys    int        // that are not listed
	Anonymous   int64      // requests without a key that may be named
	Samples     []string   // "GET /albums/7", at most [MaxSamples]

	keys map[string]int64
}

// KeyCount is how many requests a key made.
type KeyCount struct {
	Key      string
	Requests int64
}

// Comparison adds up how two files differ.
type Comparison struct {
	Requests int64 // looked at
	Blurred  int64 // of them, those that were not told apart
	found    map[differenceKey]*Difference
}

type differenceKey struct{ was, is Verdict }

// Add compares what two files say of the requests of a fact.
func (c *Comparison) Add(f *access.Fact, was, is Verdict) {
	c.Requests += f.Count
	if f.IsBlurred() {
		c.Blurred += f.Count
	}
	change := ChangeOf(was.Reason, is.Reason)
	if change == Same {
		return
	}
	if c.found == nil {
		c.found = map[differenceKey]*Difference{}
	}
	d := c.found[differenceKey{was, is}]
	if d == nil {
		d = &Difference{Change: change, Was: was, Is: is, First: f.First, Last: f.Last, keys: map[string]int64{}}
		c.found[differenceKey{was, is}] = d
	}
	d.add(f)
}

func (d *Difference) add(f *access.Fact) {
	d.Requests += f.Count
	if f.First.Before(d.First) {
		d.First = f.First
	}
	if f.Last.After(d.Last) {
		d.Last = f.Last
	}
	if f.KeyID == "" {
		d.Anonymous += f.Count
	} else {
		d.keys[f.KeyID] += f.Count
	}
	if f.IsBlurred() {
		return
	}
	sample := f.Method + " " + f.Path
	if f.Fields != "" {
		sample += " (" + f.Fields + ")"
	}
	if len(d.Samples) < MaxSamples && !slices.Contains(d.Samples, sample) {
		d.Samples = append(d.Samples, sample)
	}
}

// Count is how many requests changed in one way.
func (c *Comparison) Count(change Change) (requests int64) {
	for _, d := range c.found {
		if d.Change == change {
			requests += d.Requests
		}
	}
	return requests
}

// Differences lists what differs: newly denied first, then newly allowed, in
// each the most requests first.
func (c *Comparison) Differences() []Difference {
	list := make([]Difference, 0, len(c.found))
	for _, d := range c.found {
		for _, key := range slices.Sorted(maps.Keys(d.keys)) {
			d.Keys = append(d.Keys, KeyCount{key, d.keys[key]})
		}
		slices.SortStableFunc(d.Keys, func(a, b KeyCount) int { return cmp.Compare(b.Requests, a.Requests) })
		d.MoreKeys = max(len(d.Keys)-MaxKeys, 0)
		d.Keys = d.Keys[:len(d.Keys)-d.MoreKeys]
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Difference) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Changes(), a.Change), slices.Index(Changes(), b.Change)),
			cmp.Compare(b.Requests, a.Requests),
			cmp.Compare(a.Was.Rule, b.Was.Rule), cmp.Compare(a.Is.Rule, b.Is.Rule),
			cmp.Compare(a.Was.Reason, b.Was.Reason), cmp.Compare(a.Is.Reason, b.Is.Reason),
			cmp.Compare(a.Was.Missing, b.Was.Missing), cmp.Compare(a.Is.Missing, b.Is.Missing),
		)
	})
	return list
}
