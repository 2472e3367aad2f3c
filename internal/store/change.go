package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store/gen"
)

// Tx is one change under way. Its writes stamp their rows with [Tx.Revision];
// its reads see them. It is for the goroutine that runs the change alone.
type Tx struct {
	queries
	ctx      context.Context // of Change: a Tx lives no longer than that call
	event    access.Event    // so far
	previous []byte          // chain before this change
	recorded bool
	failed   error
}

var (
	errUnrecorded = access.New(access.Internal, "change_unrecorded", "a change was not recorded as an event and was taken back")
	errRecorded   = access.New(access.Internal, "change_recorded_twice", "a change was recorded as more than one event and was taken back")
)

// Change runs fn in one transaction as the next revision and returns that
// revision once everything is durable. fn must call [Tx.Record] exactly once.
//
// If fn returns an error, all it did is taken back and the error is returned as
// it is. A write that failed inside fn takes the change back even if fn went on.
// An error of the commit itself (store_unavailable) leaves open whether the
// change happened: it must never be answered as success.
func (s *Store) Change(ctx context.Context, actor access.Actor, requestID string, now time.Time, fn func(*Tx) error) (revision int64, err error) {
	err = s.inTx(ctx, func(q *gen.Queries) error {
		head, err := q.AdvanceHead(ctx)
		if err != nil {
			return translate(err)
		}
		revision = head.Revision
		tx := &Tx{queries: queries{q}, ctx: ctx, previous: head.Chain, event: access.Event{
			Revision: head.Revision, ID: seal.NewID("evt"), Time: now, Actor: actor, RequestID: requestID,
		}}
		if err := fn(tx); err != nil {
			return err
		}
		if tx.failed != nil {
			return tx.failed
		}
		if !tx.recorded {
			return errUnrecorded
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return revision, nil
}

// Revision is the number of this change.
func (t *Tx) Revision() int64 { return t.event.Revision }

// Now is the time this change is recorded under.
func (t *Tx) Now() time.Time { return t.event.Time }

// Record says what the change is: an action (noun.verb), the organization (empty:
// the platform), what changed, and a detail that marshals to a JSON object and
// holds no secret (nil: {}). It must be called exactly once.
func (t *Tx) Record(action, orgID, objectID string, detail any) error {
	if t.recorded {
		return t.wrote(errRecorded)
	}
	t.recorded = true
	e := &t.event
	e.Action, e.OrganizationID, e.ObjectID, e.Detail = action, orgID, objectID, []byte("{}")
	if detail != nil {
		var err error
		if e.Detail, err = json.Marshal(detail); err != nil {
			return t.wrote(err)
		}
	}
	if e.Detail[0] != '{' {
		return t.wrote(access.New(access.Internal, "event_detail", "the detail of an event must be a JSON object"))
	}
	e.Chain = link(t.previous, *e)
	return t.wrote(errors.Join(
		t.q.InsertEvent(t.ctx, eventRow(*e)),
		t.q.SetHeadChain(t.ctx, e.Chain),
	))
}

// wrote passes on the outcome of a write and keeps the first failure.
func (t *Tx) wrote(err error) error {
	err = translate(err)
	if t.failed == nil {
		t.failed = err
	}
	return err
}

// wroteOne is wrote for a write that must have met one row.
func (t *Tx) wroteOne(rows int64, err error) error { return t.wrote(changedOne(rows, err)) }
