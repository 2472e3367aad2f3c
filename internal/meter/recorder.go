package meter

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Sink stores one batch in one transaction.
type Sink interface {
	WriteBatch(ctx context.Context, b access.Batch) error
}

// MaxPending is how many token records may wait for the sink. Beyond it
// [Recorder.Issued] refuses, so that memory stays bounded and no token goes
// unrecorded.
const MaxPending = 100_000

// MaxCounters bounds how many distinct lines are folded between two flushes; what
// is beyond is counted into one line without key, member and subject.
const MaxCounters = 100_000

// Bounds of how many subjects are told apart in one day: those of one key, and
// all together. Beyond them a line has no subject.
const (
	MaxSubjectsOfKey = 1_000
	MaxSubjects      = 100_000
)

// ErrBehind says that the sink has been away so long that no more records fit.
var ErrBehind = access.New(access.Unavailable, "records_behind", "the record of issued tokens cannot be written now; try again shortly")

// Recorder folds uses and issued tokens, with what the limiter counts of quotas,
// and flushes them to a [Sink].
//
// Each line that requests are counted under is one cell, found by one lookup in
// a part of the table with a lock of its own. Cells stay while they are used, so
// that counting allocates nothing.
type Recorder struct {
	// Limits are the limits of the doors, whose quotas are stored with the rest.
	Limits *Limiter
	// Guesses are those at secrets, stored with the rest.
	Guesses *Guesses

	sink   Sink
	seed   maphash.Seed
	cells  atomic.Int64
	shards [shards]cellShard

	subjects subjects

	mu      sync.Mutex
	issued  []access.IssuedToken
	waiters []chan error
	kept    access.Batch // what could not be written

	flushing sync.Mutex
	kick     chan struct{}
}

type cellShard struct {
	mu    sync.Mutex
	cells map[access.Counted]*cell
	past  []tally  // of days that have ended
	_     [64]byte // so that two locks do not share a cache line
}

// cell is what is known of one line since the last flush.
type cell struct {
	count int64 // all of the day of last
	last  access.LastUse
}

// tally is a cell that has been taken out of the table.
type tally struct {
	line access.Counted
	cell
}

// New makes a recorder over sink. Call [Recorder.Run] to flush it.
func New(sink Sink) *Recorder {
	r := &Recorder{Limits: NewLimiter(), Guesses: NewGuesses(), sink: sink, seed: maphash.MakeSeed(), kept: newBatch(), kick: make(chan struct{}, 1)}
	for i := range r.shards {
		r.shards[i].cells = make(map[access.Counted]*cell)
	}
	return r
}

func newBatch() access.Batch {
	return access.Batch{
		Keys:    make(map[string]access.Use),
		Members: make(map[string]access.LastUse),
		Usage:   make(map[access.UsageKey]int64),
		Quotas:  make(map[access.QuotaKey]int64),

		Guesses:  make(map[access.GuessAccount]access.Guesses),
		Attempts: make(map[access.AttemptKey]access.Attempts),
	}
}

// Issued records a token, the key it came from and its usage line. With durable
// it returns only after the record is stored, or with the error that kept it
// from being stored. It fails with [ErrBehind] when [MaxPending] records wait.
func (r *Recorder) Issued(ctx context.Context, t access.IssuedToken, membershipID string, durable bool) error {
	var done chan error
	r.mu.Lock()
	if len(r.issued)+len(r.kept.Issued) >= MaxPending {
		r.mu.Unlock()
		return ErrBehind
	}
	r.Used(access.Counted{
		OrganizationID: t.OrganizationID, KeyID: t.KeyID, MembershipID: membershipID, Subject: t.Subject, Outcome: issuedOutcome(t.Origin),
	}, t.From)
	r.issued = append(r.issued, t)
	if durable {
		done = make(chan error, 1)
		r.waiters = append(r.waiters, done)
	}
	r.mu.Unlock()
	if !durable {
		return nil
	}
	select {
	case r.kick <- struct{}{}:
	default:
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ErrBehind.Because(ctx.Err())
	}
}

func issuedOutcome(o access.Origin) string {
	if o.First() {
		return "issued"
	}
	return string(o)
}

// Used counts one request and notes the last use of its key and membership.
func (r *Recorder) Used(line access.Counted, use access.LastUse) {
	shard := &r.shards[r.shardOf(&line)]
	shard.mu.Lock()
	c := shard.cells[line]
	if c == nil {
		c = r.beginLocked(shard, &line, use.Time)
	}
	if c.count > 0 && access.Day(c.last.Time) != access.Day(use.Time) {
		shard.past = append(shard.past, tally{line, *c})
		c.count = 0
	}
	c.count++
	c.last = use
	shard.mu.Unlock()
}

// shardOf keeps all lines of a key together.
func (r *Recorder) shardOf(line *access.Counted) uint64 {
	if line.KeyID == "" {
		return maphash.String(r.seed, line.OrganizationID) % shards
	}
	return maphash.String(r.seed, line.KeyID) % shards
}

// beginLocked begins a line, or finds the one it is counted into where there is
// no room for it.
func (r *Recorder) beginLocked(shard *cellShard, line *access.Counted, at time.Time) *cell {
	if line.Subject != "" && !r.subjects.tell(line.KeyID, line.Subject, access.Day(at)) {
		line.Subject = ""
	}
	if r.cells.Load() >= MaxCounters && shard.cells[*line] == nil {
		line.KeyID, line.MembershipID, line.Subject = "", "", ""
	}
	c := shard.cells[*line]
	if c == nil {
		c = new(cell)
		shard.cells[*line] = c
		r.cells.Add(1)
	}
	return c
}

// subjects are those that were told apart today.
type subjects struct {
	mu    sync.Mutex
	day   int64
	total int
	ofKey map[string]map[string]bool
}

// tell reports whether a subject is among those that are told apart.
func (s *subjects) tell(key, subject string, day int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ofKey == nil || s.day != day {
		s.day, s.total, s.ofKey = day, 0, make(map[string]map[string]bool)
	}
	known := s.ofKey[key]
	switch {
	case known[subject]:
		return true
	case len(known) >= MaxSubjectsOfKey || s.total >= MaxSubjects:
		return false
	case known == nil:
		known = make(map[string]bool)
		s.ofKey[key] = known
	}
	known[subject] = true
	s.total++
	return true
}

// drain empties the cells into a batch, and drops those that were not used.
func (r *Recorder) drain(b *access.Batch) {
	var taken []tally
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.Lock()
		taken = append(taken[:0], shard.past...)
		shard.past = nil
		for line, c := range shard.cells {
			if c.count == 0 {
				delete(shard.cells, line)
				r.cells.Add(-1)
				continue
			}
			taken = append(taken, tally{line, *c})
			c.count = 0
		}
		shard.mu.Unlock()
		for i := range taken {
			fold(b, &taken[i])
		}
	}
	r.Limits.drain(b.Quotas)
	r.Guesses.drain(b)
}

// fold adds a line to a batch. One that waits for its sink grows no further than
// twice the table.
func fold(b *access.Batch, t *tally) {
	key, member := t.line.KeyID, t.line.MembershipID
	if key != "" && room(b.Keys, key) {
		use := b.Keys[key]
		use.Count += t.count
		if !use.Last.Time.After(t.last.Time) {
			use.Last = t.last
		}
		b.Keys[key] = use
	}
	if member != "" && room(b.Members, member) && !b.Members[member].Time.After(t.last.Time) {
		b.Members[member] = t.last
	}
	if t.line.OrganizationID == "" {
		return
	}
	line := access.UsageKey{
		OrganizationID: t.line.OrganizationID, ApplicationID: t.line.ApplicationID, KeyID: key, Subject: t.line.Subject,
		Day: access.Day(t.last.Time), Outcome: t.line.Outcome,
	}
	if !room(b.Usage, line) {
		line.KeyID, line.Subject = "", ""
	}
	b.Usage[line] += t.count
}

func room[K comparable, V any](m map[K]V, k K) bool {
	if len(m) < 2*MaxCounters {
		return true
	}
	_, there := m[k]
	return there
}

// Run flushes every interval, and at once when a durable record waits, until ctx
// ends; then it flushes a last time.
func (r *Recorder) Run(ctx context.Context, every time.Duration, failed func(error)) {
	flushing{every, r.Flush, r.kick, r.Flush, failed}.run(ctx)
}

// Flush writes what has gathered. On failure everything is kept for the next
// flush, save that durable callers are told.
func (r *Recorder) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()

	r.mu.Lock()
	batch, waiters := r.kept, r.waiters
	if batch.Issued == nil {
		batch.Issued = r.issued
	} else {
		batch.Issued = append(batch.Issued, r.issued...)
	}
	r.kept, r.waiters = newBatch(), nil
	r.issued = make([]access.IssuedToken, 0, len(r.issued)) // what comes in a second is about what came in the last
	r.mu.Unlock()

	r.drain(&batch)
	if batch.IsEmpty() {
		return nil
	}
	err := r.sink.WriteBatch(ctx, batch)
	for _, w := range waiters {
		w <- err
	}
	if err != nil {
		r.mu.Lock()
		r.kept = batch
		r.mu.Unlock()
	}
	return err
}
