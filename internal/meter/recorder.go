package meter

import (
	"context"
	"errors"
	"sync"
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

// MaxCounters bounds how many distinct keys, members and usage lines are folded
// between two flushes; what is beyond is counted into one line without a key.
const MaxCounters = 100_000

// ErrBehind says that the sink has been away so long that no more records fit.
var ErrBehind = access.New(access.Unavailable, "records_behind", "the record of issued tokens cannot be written now; try again shortly")

// Recorder folds uses and issued tokens and flushes them to a [Sink].
type Recorder struct {
	sink Sink

	mu      sync.Mutex
	batch   access.Batch
	waiters []chan error

	flushing sync.Mutex
	kick     chan struct{}
}

// New makes a recorder over sink. Call [Recorder.Run] to flush it.
func New(sink Sink) *Recorder {
	return &Recorder{sink: sink, batch: newBatch(), kick: make(chan struct{}, 1)}
}

func newBatch() access.Batch {
	return access.Batch{
		Keys:    make(map[string]access.Use),
		Members: make(map[string]access.LastUse),
		Usage:   make(map[access.UsageKey]int64),
	}
}

// Issued records a token, the key it came from and its usage line. With durable
// it returns only after the record is stored, or with the error that kept it
// from being stored. It fails with [ErrBehind] when [MaxPending] records wait.
func (r *Recorder) Issued(ctx context.Context, t access.IssuedToken, membershipID string, durable bool) error {
	var done chan error
	r.mu.Lock()
	if len(r.batch.Issued) >= MaxPending {
		r.mu.Unlock()
		return ErrBehind
	}
	r.batch.Issued = append(r.batch.Issued, t)
	r.useLocked(t.OrganizationID, "", t.KeyID, membershipID, issuedOutcome(t.Origin), t.From)
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
	if o == access.FromKey {
		return "issued"
	}
	return string(o)
}

// Used counts one request and notes the last use of its key and membership.
func (r *Recorder) Used(organizationID, applicationID, keyID, membershipID, outcome string, use access.LastUse) {
	r.mu.Lock()
	r.useLocked(organizationID, applicationID, keyID, membershipID, outcome, use)
	r.mu.Unlock()
}

func (r *Recorder) useLocked(org, app, key, member, outcome string, use access.LastUse) {
	if key != "" && (len(r.batch.Keys) < MaxCounters || has(r.batch.Keys, key)) {
		r.batch.Keys[key] = access.Use{Count: r.batch.Keys[key].Count + 1, Last: use}
	}
	if member != "" && (len(r.batch.Members) < MaxCounters || has(r.batch.Members, member)) {
		r.batch.Members[member] = use
	}
	if org == "" {
		return
	}
	line := access.UsageKey{OrganizationID: org, ApplicationID: app, KeyID: key, Day: access.Day(use.Time), Outcome: outcome}
	if len(r.batch.Usage) >= MaxCounters && !has(r.batch.Usage, line) {
		line.KeyID = ""
	}
	r.batch.Usage[line]++
}

func has[K comparable, V any](m map[K]V, k K) bool { _, ok := m[k]; return ok }

// Run flushes every interval, and at once when a durable record waits, until ctx
// ends; then it flushes a last time.
func (r *Recorder) Run(ctx context.Context, every time.Duration, failed func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := r.Flush(last); err != nil {
				failed(err)
			}
			return
		case <-tick.C:
		case <-r.kick:
		}
		if err := r.Flush(ctx); err != nil && !errors.Is(err, context.Canceled) {
			failed(err)
		}
	}
}

// Flush writes what has gathered. On failure everything is kept for the next
// flush, save that durable callers are told.
func (r *Recorder) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()

	r.mu.Lock()
	batch, waiters := r.batch, r.waiters
	if batch.IsEmpty() {
		r.mu.Unlock()
		return nil
	}
	r.batch, r.waiters = newBatch(), nil
	r.batch.Issued = make([]access.IssuedToken, 0, len(batch.Issued)) // what comes in a second is about what came in the last
	r.mu.Unlock()

	err := r.sink.WriteBatch(ctx, batch)
	for _, w := range waiters {
		w <- err
	}
	if err != nil {
		r.putBack(batch)
	}
	return err
}

// putBack merges a batch that could not be written under what came since.
func (r *Recorder) putBack(old access.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batch.Issued = append(old.Issued, r.batch.Issued...)
	for k, u := range old.Keys {
		now, newer := r.batch.Keys[k]
		u.Count += now.Count
		if newer {
			u.Last = now.Last
		}
		r.batch.Keys[k] = u
	}
	for m, u := range old.Members {
		if !has(r.batch.Members, m) {
			r.batch.Members[m] = u
		}
	}
	for line, n := range old.Usage {
		r.batch.Usage[line] += n
	}
}
