package gate

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Revocations is what has been revoked, by lineage subject. It is immutable; nil
// and the zero value revoke nothing.
//
// Most entries lie in one large table that is never changed; the latest lie in
// a small one that is copied when an entry is added, and is poured into the
// large one when it is full. In front of both stands a filter that answers for
// nearly every subject without looking into the tables, so that many entries do
// not slow down the decision on a token that none of them concerns.
type Revocations struct {
	settled, latest map[string][]Entry
	filter          filter
	newest          int64 // the highest revision of any entry
}

// maxLatest bounds what adding an entry copies.
const maxLatest = 1024

// Entry is one revocation of a subject: tokens whose rev is below Revision are
// refused from Effective on; the zero time is at once.
type Entry struct {
	Revision  int64 // see [access.Revocation.Below]
	Effective time.Time
	Reason    string
}

func (e *Entry) covers(f *Entry) bool {
	return e.Revision >= f.Revision && !e.Effective.After(f.Effective)
}

// NewRevocations makes the set of all of list. Use it to start from; to add,
// use [Revocations.With].
func NewRevocations(list ...access.Revocation) *Revocations {
	return newRevocations(group(list))
}

func newRevocations(settled map[string][]Entry) *Revocations {
	r := &Revocations{settled: settled, filter: newFilter(len(settled) + maxLatest)}
	r.note(settled)
	return r
}

// note makes filter and newest tell of entries. It is for sets in the making.
func (r *Revocations) note(entries map[string][]Entry) {
	for subject, list := range entries {
		r.filter.add(subject)
		for i := range list {
			r.newest = max(r.newest, list[i].Revision)
		}
	}
}

// With returns a set that also holds the given revocations. What was refused
// before stays refused: an entry for a subject that has one joins it, unless the
// one says all that the other does.
func (r *Revocations) With(list ...access.Revocation) *Revocations {
	if len(list) == 0 {
		return r
	}
	if r == nil || r.filter.words == nil {
		return NewRevocations(list...)
	}
	added := group(list)
	if len(added)+len(r.latest) > maxLatest {
		return newRevocations(merge(merge(r.settled, r.latest), added))
	}
	joined := &Revocations{settled: r.settled, latest: merge(r.latest, added), filter: r.filter.clone(), newest: r.newest}
	joined.note(added)
	return joined
}

// Len is the number of subjects with a revocation. One that is in both tables
// counts twice.
func (r *Revocations) Len() int {
	if r == nil {
		return 0
	}
	return len(r.settled) + len(r.latest)
}

// mayRefuse is false if no entry can refuse the token, which is nearly always.
// It is one loop without calls, since every decision makes it.
func (r *Revocations) mayRefuse(t *access.Token) bool {
	// An issuer that had seen every entry made no token that one of them ends.
	if r == nil || t.Revision >= r.newest {
		return false
	}
	for _, subject := range t.Lineage {
		if r.filter.mayHold(sumOf(subject)) {
			return true
		}
	}
	return false
}

// find returns an entry that refuses the token now.
func (r *Revocations) find(t *access.Token, now time.Time) (Entry, bool) {
	if !r.mayRefuse(t) {
		return Entry{}, false
	}
	for _, subject := range t.Lineage {
		if e, ok := refusing(r.latest[subject], t.Revision, now); ok {
			return e, true
		}
		if e, ok := refusing(r.settled[subject], t.Revision, now); ok {
			return e, true
		}
	}
	return Entry{}, false
}

func refusing(list []Entry, revision int64, now time.Time) (Entry, bool) {
	for _, e := range list {
		if revision < e.Revision && !now.Before(e.Effective) {
			return e, true
		}
	}
	return Entry{}, false
}

// Revoked reports whether the token is dead now, and why.
func (r *Revocations) Revoked(t *access.Token, now time.Time) (reason string, dead bool) {
	e, dead := r.find(t, now)
	return e.Reason, dead
}

func group(list []access.Revocation) map[string][]Entry {
	entries := make(map[string][]Entry, len(list))
	for _, r := range list {
		entries[r.Subject] = join(entries[r.Subject], Entry{Revision: r.Below(), Effective: r.Effective, Reason: r.Reason})
	}
	return entries
}

// merge leaves both of its arguments as they are.
func merge(old, added map[string][]Entry) map[string][]Entry {
	merged := maps.Clone(old)
	if merged == nil {
		merged = make(map[string][]Entry, len(added))
	}
	for subject, list := range added {
		for _, e := range list {
			merged[subject] = join(merged[subject], e)
		}
	}
	return merged
}

// join adds an entry to those of one subject, without those that then say
// nothing of their own. The list it is given is not changed.
func join(list []Entry, e Entry) []Entry {
	for i := range list {
		if list[i].covers(&e) {
			return list
		}
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(old Entry) bool { return e.covers(&old) })
	return append(kept, e)
}

// filter is a Bloom filter whose bits for one subject lie in one word, so that an
// answer costs one read of memory. With 16 bits to a subject about one foreign
// subject in a hundred is let through to the tables.
type filter struct{ words []uint64 } // as many as a power of two

const bitsPerSubject = 16

func newFilter(subjects int) filter {
	return filter{make([]uint64, 1<<bits.Len(uint(subjects*bitsPerSubject)/64))}
}

func (f filter) clone() filter { return filter{slices.Clone(f.words)} }

func (f filter) add(subject string) {
	sum := sumOf(subject)
	f.words[f.place(sum)] |= mask(sum)
}

func (f filter) mayHold(sum uint64) bool { return f.words[f.place(sum)]&mask(sum) == mask(sum) }

func (f filter) place(sum uint64) uint64 { return sum >> 18 & uint64(len(f.words)-1) }

// mask takes three bits from the low end of the sum; what lies above chooses the
// word.
func mask(sum uint64) uint64 {
	return 1<<(sum&63) | 1<<(sum>>6&63) | 1<<(sum>>12&63)
}

// sumOf mixes the last eight bytes of a subject: ids end in random characters of
// our own making. Subjects with the same end, and short ones, only cost each
// other a look into the tables.
func sumOf(subject string) uint64 {
	if len(subject) < 8 {
		return 0
	}
	high, low := bits.Mul64(binary.LittleEndian.Uint64([]byte(subject[len(subject)-8:])), 0xd6e8feb86659fd93) // odd, its bits evenly spread
	return high ^ low
}
