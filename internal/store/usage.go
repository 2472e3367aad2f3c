package store

import (
	"context"
	"math"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// UsageFilter selects counters of one organization.
type UsageFilter struct {
	OrganizationID string
	ApplicationID  string // empty: all, also exchanges
	KeyID          string // empty: all, also anonymous
	FromDay, ToDay int64  // as [access.Day], both in; ToDay 0 is no end
}

// UsageCount is one counter.
type UsageCount struct {
	access.UsageKey
	Count int64
}

// MaxUsageCounts is the most counters one call of Usage returns. So many mean
// that there may be more: ask for fewer days, or for one key.
const MaxUsageCounts = 10_000

// Usage returns counters by day, application, key and outcome.
func (s queries) Usage(ctx context.Context, f UsageFilter) ([]UsageCount, error) {
	to := f.ToDay
	if to == 0 {
		to = math.MaxInt64
	}
	rows, err := s.q.Usage(ctx, gen.UsageParams{
		OrganizationID: f.OrganizationID, ApplicationID: f.ApplicationID, KeyID: f.KeyID,
		FromDay: f.FromDay, ToDay: to, Most: MaxUsageCounts,
	})
	return each(rows, err, func(row gen.Usage) (UsageCount, error) {
		return UsageCount{Count: row.Count, UsageKey: access.UsageKey{
			OrganizationID: row.OrganizationID, ApplicationID: row.ApplicationID, KeyID: row.KeyID, Day: row.Day, Outcome: row.Outcome,
		}}, nil
	})
}
