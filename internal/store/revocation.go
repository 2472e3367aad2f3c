package store

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// RevocationsSince returns the revocations above a revision (0: all that are
// kept), the oldest first.
func (s queries) RevocationsSince(ctx context.Context, revision int64) ([]access.Revocation, error) {
	rows, err := s.q.RevocationsSince(ctx, revision)
	return each(rows, err, func(row gen.RevocationsSinceRow) (access.Revocation, error) {
		return access.Revocation{
			Subject: row.Subject, Revision: row.Revision, Reason: row.Reason,
			Effective: fromMillis(row.Effective), Created: fromMillis(row.Created),
		}, nil
	})
}

// Revoke ends every token of a lineage that was made before this change, from
// effective on (zero: at once). keepUntil is when the last of them has expired:
// before it the entry is not pruned. A subject is revoked once in a change.
func (t *Tx) Revoke(subject, reason string, effective, keepUntil time.Time) error {
	return t.wrote(t.q.PutRevocation(t.ctx, gen.PutRevocationParams{
		Subject: subject, Revision: t.Revision(), Reason: reason,
		Effective: millis(effective), Created: millis(t.Now()), KeepUntil: millis(keepUntil),
	}))
}

// PruneRevocations drops the revocations whose keepUntil has passed and tells how
// many. It is no change: what it drops has nothing left to end.
func (s *Store) PruneRevocations(ctx context.Context, now time.Time) (int64, error) {
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	n, err := q.PruneRevocations(ctx, millis(now))
	return n, translate(err)
}

// SettleRevocations makes those whose time has come hold at once and for good, so
// that a clock set back cannot take them back, and tells how many. It is no
// change: nothing is ended that had not ended.
func (s *Store) SettleRevocations(ctx context.Context, now time.Time) (int64, error) {
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	n, err := q.SettleRevocations(ctx, millis(now))
	return n, translate(err)
}
