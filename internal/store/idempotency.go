package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

const (
	// IdempotencyLife is how long an answer is given again.
	IdempotencyLife = 24 * time.Hour
	// IdempotencyLease is how long a request may take before another with the
	// same key is let through. It must be longer than any request's deadline.
	IdempotencyLease = 2 * time.Minute
)

var (
	errIdempotencyReused  = access.New(access.Invalid, "idempotency_key_reused", "this Idempotency-Key was used for another request: choose a new one for each")
	errIdempotencyPending = &access.Error{
		Kind: access.Conflict, Code: "idempotency_in_progress", RetryAfter: time.Second,
		Message: "the first request with this Idempotency-Key is still at work: try again in a moment",
	}
)

// IdempotencyClaim is the right to carry out a request that is not to be carried
// out twice.
type IdempotencyClaim struct {
	id      [32]byte
	claimed int64
}

// IdempotencyAnswer is what the first request was answered. Body is sealed: it
// may hold a new key.
type IdempotencyAnswer struct {
	Status int
	Body   []byte
}

// IdempotencyBegin claims a request. id is a hash of the Idempotency-Key and of
// whose it is; request a hash of all that is asked. One caller gets the claim and
// must finish or abandon it. The others get the kept answer, or an error:
// idempotency_in_progress while there is none, idempotency_key_reused if what
// they ask differs.
func (s *Store) IdempotencyBegin(ctx context.Context, id, request [32]byte, now time.Time) (*IdempotencyClaim, *IdempotencyAnswer, error) {
	claim := &IdempotencyClaim{id: id, claimed: millis(now)}
	q, err := s.direct(ctx)
	if err != nil {
		return nil, nil, err
	}
	claimed, err := q.ClaimIdempotency(ctx, gen.ClaimIdempotencyParams{
		ID: id[:], Request: request[:], Claimed: claim.claimed,
		AnsweredBefore: millis(now.Add(-IdempotencyLife)), PendingBefore: millis(now.Add(-IdempotencyLease)),
	})
	if err != nil {
		return nil, nil, translate(err)
	}
	if claimed == 1 {
		return claim, nil, nil
	}
	row, err := q.Idempotency(ctx, id[:])
	switch {
	case errors.Is(err, sql.ErrNoRows): // abandoned since
		return nil, nil, errIdempotencyPending
	case err != nil:
		return nil, nil, translate(err)
	case !bytes.Equal(row.Request, request[:]):
		return nil, nil, errIdempotencyReused
	case row.Status == 0:
		return nil, nil, errIdempotencyPending
	}
	return nil, &IdempotencyAnswer{Status: int(row.Status), Body: row.Body}, nil
}

// IdempotencyFinish keeps the answer of a claimed request. It is not_found if the
// claim was lost, having taken longer than [IdempotencyLease].
func (s *Store) IdempotencyFinish(ctx context.Context, claim *IdempotencyClaim, answer IdempotencyAnswer) error {
	q, err := s.direct(ctx)
	if err != nil {
		return err
	}
	return changedOne(q.FinishIdempotency(ctx, finish(claim, answer)))
}

// FinishIdempotency is [Store.IdempotencyFinish] as part of the change itself, so
// that no crash comes between the two.
func (t *Tx) FinishIdempotency(claim *IdempotencyClaim, answer IdempotencyAnswer) error {
	return t.wroteOne(t.q.FinishIdempotency(t.ctx, finish(claim, answer)))
}

func finish(claim *IdempotencyClaim, answer IdempotencyAnswer) gen.FinishIdempotencyParams {
	return gen.FinishIdempotencyParams{ID: claim.id[:], Claimed: claim.claimed, Status: int64(answer.Status), Body: answer.Body}
}

// IdempotencyAbandon gives a claim back after a failure that changed nothing: the
// next request with this key is carried out.
func (s *Store) IdempotencyAbandon(ctx context.Context, claim *IdempotencyClaim) error {
	q, err := s.direct(ctx)
	if err != nil {
		return err
	}
	return translate(q.AbandonIdempotency(ctx, gen.AbandonIdempotencyParams{ID: claim.id[:], Claimed: claim.claimed}))
}

// PruneIdempotency drops answers older than [IdempotencyLife].
func (s *Store) PruneIdempotency(ctx context.Context, now time.Time) (int64, error) {
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	n, err := q.PruneIdempotency(ctx, millis(now.Add(-IdempotencyLife)))
	return n, translate(err)
}
