package store

import (
	"context"
	"encoding/hex"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// WriteBatch writes what happened since the last one, in one transaction and
// durably. Uses of what was deleted meanwhile are dropped; a token already
// recorded is left as it is. It takes the head's lock first, like a change, so
// that the two never wait for each other in a circle.
func (s *Store) WriteBatch(ctx context.Context, b access.Batch) error {
	if b.IsEmpty() {
		return nil
	}
	return s.inTx(ctx, func(q *gen.Queries) error {
		if err := q.LockHead(ctx); err != nil {
			return translate(err)
		}
		// A context that can end costs the SQLite driver a goroutine for every row;
		// it still ends the transaction.
		return translate(writeBatch(context.WithoutCancel(ctx), q, b))
	})
}

func writeBatch(ctx context.Context, q *gen.Queries, b access.Batch) error {
	for _, t := range b.Issued {
		if err := insertToken(ctx, q, t); err != nil {
			return err
		}
	}
	for id, use := range b.Keys {
		err := q.UseKey(ctx, gen.UseKeyParams{
			ID: id, Uses: use.Count, Accessed: millis(use.Last.Time),
			AccessedAddress: addressText(use.Last.Address), AccessedAgent: storable(use.Last.UserAgent),
		})
		if err != nil {
			return err
		}
	}
	for id, last := range b.Members {
		err := q.TouchMembership(ctx, gen.TouchMembershipParams{
			ID: id, Accessed: millis(last.Time), AccessedAddress: addressText(last.Address), AccessedAgent: storable(last.UserAgent),
		})
		if err != nil {
			return err
		}
	}
	if err := touchIdentities(ctx, q, b.Issued); err != nil {
		return err
	}
	for k, count := range b.Usage {
		err := q.AddUsage(ctx, gen.AddUsageParams{
			OrganizationID: k.OrganizationID, Day: k.Day, ApplicationID: k.ApplicationID, KeyID: k.KeyID,
			Subject: storable(k.Subject), Outcome: k.Outcome, Count: count,
		})
		if err != nil {
			return err
		}
	}
	for k, count := range b.Quotas {
		err := q.AddQuota(ctx, gen.AddQuotaParams{
			LimitID: hex.EncodeToString(k.Limit[:]), Party: storable(k.Party), PeriodEnd: k.Until, OrganizationID: k.OrganizationID, Count: count,
		})
		if err != nil {
			return err
		}
	}
	return writeGuesses(ctx, q, b)
}
