package store

import (
	"context"
	"math"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// UsageFilter selects counters of one organization. Empty members select all.
type UsageFilter struct {
	OrganizationID string
	ApplicationID  string
	KeyID          string
	Subject        string
	Outcome        string
	// UserID narrows to what a user may see of its own: its subject's counters and
	// those of the keys it has now.
	UserID         string
	FromDay, ToDay int64 // as [access.Day], both in; ToDay 0 is no end
	// Bucket, if not 0, adds the days up to counters of this day.
	Bucket int64
	After  UsageCount // the counter to go on behind, in the order of Usage
	Limit  int        // as of [Page]
}

// UsageCount is one counter. Its organization is the filter's.
type UsageCount struct {
	access.UsageKey
	Count int64
}

// Usage returns a page of counters by day, application, key, subject and outcome.
func (s queries) Usage(ctx context.Context, f UsageFilter) ([]UsageCount, error) {
	to := f.ToDay
	if to == 0 {
		to = math.MaxInt64
	}
	rows, err := s.q.Usage(ctx, gen.UsageParams{
		OrganizationID: f.OrganizationID, ApplicationID: f.ApplicationID, KeyID: f.KeyID, Subject: storable(f.Subject), Outcome: f.Outcome, UserID: f.UserID,
		FromDay: f.FromDay, ToDay: to, Bucket: f.Bucket,
		AfterBucket: f.After.Day, AfterApplication: f.After.ApplicationID, AfterKey: f.After.KeyID, AfterSubject: f.After.Subject, AfterOutcome: f.After.Outcome,
		Most: atMost(f.Limit),
	})
	return each(rows, err, func(row gen.UsageRow) (UsageCount, error) {
		return UsageCount{Count: row.Count, UsageKey: access.UsageKey{
			OrganizationID: f.OrganizationID, ApplicationID: row.ApplicationID, KeyID: row.KeyID, Subject: row.Subject, Day: row.Bucket, Outcome: row.Outcome,
		}}, nil
	})
}
