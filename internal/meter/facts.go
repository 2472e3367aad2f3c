package meter

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// FactSink stores one batch of facts in one transaction.
type FactSink interface {
	WriteFacts(ctx context.Context, b access.FactBatch) error
}

// Limits of [Facts] between two flushes. What is beyond is dropped and counted.
const (
	MaxWaitingFacts = 4096 // requests that wait to be folded
	MaxFacts        = 500  // facts of all applications
	MaxFactsOfApp   = 250  // of one application, so that none crowds the others out
	MaxScopeUses    = 10_000
)

// MaxStrays is how many facts an hour are kept of an application's requests
// without a key that were refused. What is beyond is blurred: whoever tries
// addresses at random would otherwise push out what is worth keeping.
const MaxStrays = 200

// Facts folds requests into facts, and what they made use of into scopes per key
// and day, and flushes both to a [FactSink]. It never makes a request wait: one
// that finds no room is dropped.
type Facts struct {
	sink FactSink
	keep bool

	mu      sync.Mutex
	waiting []witnessed
	dropped int64
	kick    chan struct{}

	folding sync.Mutex // guards what follows
	spare   []witnessed
	folded  map[access.FactKey]*access.Fact
	ofApp   map[string]int
	hour    int64          // of strays
	strays  map[string]int // by application
	uses    map[access.ScopeUse]int64
}

// witnessed is one request on its way.
type witnessed struct {
	fact access.Fact
	used []scope.Pattern
}

// NewFacts makes a folder over sink. Without keep it only counts which scopes
// keys use. Call [Facts.Run] to flush it.
func NewFacts(sink FactSink, keep bool) *Facts {
	return &Facts{
		sink: sink, keep: keep, kick: make(chan struct{}, 1),
		folded: map[access.FactKey]*access.Fact{}, ofApp: map[string]int{}, strays: map[string]int{}, uses: map[access.ScopeUse]int64{},
	}
}

// Record takes in one request, and the scopes it was allowed for. used must not
// be changed later.
func (f *Facts) Record(fact access.Fact, used []scope.Pattern) {
	if !f.keep && (len(used) == 0 || fact.KeyID == "") {
		return
	}
	f.mu.Lock()
	n := len(f.waiting)
	if n < MaxWaitingFacts {
		f.waiting = append(f.waiting, witnessed{fact, used})
	} else {
		f.dropped++
	}
	f.mu.Unlock()
	if n == MaxWaitingFacts/2 {
		select {
		case f.kick <- struct{}{}:
		default:
		}
	}
}

// Used counts one use of a scope by a key, outside of any application. It may be
// called from within a transaction: it waits for nothing.
func (f *Facts) Used(organizationID, keyID string, used scope.Pattern, at time.Time) {
	f.Record(access.Fact{First: at, Last: at, Count: 1, FactKey: access.FactKey{OrganizationID: organizationID, KeyID: keyID}}, []scope.Pattern{used})
}

// Dropped is how many requests were not kept, for want of room, since the start.
func (f *Facts) Dropped() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropped
}

// Run folds as requests come and flushes every interval until ctx ends; then it
// flushes a last time.
func (f *Facts) Run(ctx context.Context, every time.Duration, failed func(error)) {
	fold := func(context.Context) error {
		f.folding.Lock()
		defer f.folding.Unlock()
		f.fold()
		return nil
	}
	flushing{every, f.Flush, f.kick, fold, failed}.run(ctx)
}

// Flush writes what has gathered. On failure it is kept for the next time, and
// takes up its room until then.
func (f *Facts) Flush(ctx context.Context) error {
	f.folding.Lock()
	defer f.folding.Unlock()
	f.fold()
	batch := access.FactBatch{Facts: make([]access.Fact, 0, len(f.folded)), Uses: f.uses}
	for _, fact := range f.folded {
		batch.Facts = append(batch.Facts, *fact)
	}
	if batch.IsEmpty() {
		return nil
	}
	slices.SortFunc(batch.Facts, func(a, b access.Fact) int { return a.First.Compare(b.First) })
	if err := f.sink.WriteFacts(ctx, batch); err != nil {
		return err
	}
	clear(f.folded)
	clear(f.ofApp)
	f.uses = map[access.ScopeUse]int64{}
	return nil
}

// fold takes what waits and adds it up.
func (f *Facts) fold() {
	f.mu.Lock()
	came := f.waiting
	f.waiting = f.spare[:0]
	f.mu.Unlock()
	var lost int64
	for i := range came {
		lost += f.add(&came[i])
	}
	clear(came) // or it would hold on to passes and rules that are gone
	f.spare = came
	if lost > 0 {
		f.mu.Lock()
		f.dropped += lost
		f.mu.Unlock()
	}
}

// add returns 1 for a request there is no room for.
func (f *Facts) add(w *witnessed) (lost int64) {
	if w.fact.KeyID != "" {
		for _, s := range w.used {
			f.use(access.ScopeUse{OrganizationID: w.fact.OrganizationID, KeyID: w.fact.KeyID, Scope: s.String(), Day: access.Day(w.fact.Last)}, w.fact.Count)
		}
	}
	app := w.fact.ApplicationID
	if !f.keep || app == "" {
		return 0
	}
	if f.join(&w.fact) {
		return 0
	}
	if w.fact.Stray && !f.tell(app, w.fact.Last) {
		w.fact.FactKey = w.fact.Blurred()
		if f.join(&w.fact) {
			return 0
		}
	}
	if len(f.folded) >= MaxFacts || f.ofApp[app] >= MaxFactsOfApp {
		return w.fact.Count
	}
	f.ofApp[app]++
	fact := w.fact
	f.folded[fact.FactKey] = &fact
	return 0
}

// join adds a request to the fact it is part of, if there is one.
func (f *Facts) join(fact *access.Fact) bool {
	known := f.folded[fact.FactKey]
	if known == nil {
		return false
	}
	known.Count += fact.Count
	if fact.Last.After(known.Last) {
		known.Last = fact.Last
	}
	return true
}

// tell reports whether one more stray of an application is told apart.
func (f *Facts) tell(app string, at time.Time) bool {
	if hour := at.Unix() / 3600; hour != f.hour {
		f.hour = hour
		clear(f.strays)
	}
	if f.strays[app] >= MaxStrays {
		return false
	}
	f.strays[app]++
	return true
}

func (f *Facts) use(u access.ScopeUse, count int64) {
	if _, known := f.uses[u]; known || len(f.uses) < MaxScopeUses {
		f.uses[u] += count
	}
}
