package store

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/store/gen"
)

// UseOnce records that what this hash stands for was used, and reports whether
// that was the first time. It is remembered until the given time at least.
func (s *Store) UseOnce(ctx context.Context, id [32]byte, until time.Time) (first bool, err error) {
	q, err := s.direct(ctx)
	if err != nil {
		return false, err
	}
	n, err := q.UseOnce(ctx, gen.UseOnceParams{ID: id[:], Until: millis(until)})
	return n == 1, translate(err)
}

// PruneOnce forgets what is worthless by now.
func (s *Store) PruneOnce(ctx context.Context, now time.Time) (int64, error) {
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	n, err := q.PruneOnce(ctx, millis(now))
	return n, translate(err)
}
