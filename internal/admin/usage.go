package admin

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

const (
	usualUsage = 30 // days
	maxUsage   = 400
)

// UsageFilter narrows the counters. Days are UTC; at most 400 in one answer.
type UsageFilter struct {
	Since       time.Time // its day is in; zero: 30 days before Until
	Until       time.Time // its day is in; zero: today
	Application string    // slug or id
	Key         string    // id
	Outcome     string    // a reason of the gate, or issued, renewed, narrowed
}

// Usage is one counter of one day.
type Usage struct {
	Day           time.Time // 00:00 UTC
	ApplicationID string    // empty: exchanges
	KeyID         string    // empty: anonymous
	Outcome       string
	Count         int64
}

// Usage returns the counters by day, application, key and outcome. Who may read
// only its own sees those of the keys it has now.
func (s *Service) Usage(ctx context.Context, caller *access.Caller, org string, filter UsageFilter) ([]Usage, error) {
	g, err := s.authorize(ctx, s.store, caller, opReadUsage, org)
	if err != nil {
		return nil, err
	}
	f, err := s.usageFilter(ctx, g, filter)
	if err != nil {
		return nil, err
	}
	keys, err := s.usageKeys(ctx, g, filter.Key)
	if err != nil {
		return nil, err
	}
	out := []Usage{}
	for _, key := range keys {
		f.KeyID = key
		counts, err := s.store.Usage(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, c := range counts {
			if filter.Outcome == "" || filter.Outcome == c.Outcome {
				out = append(out, Usage{Day: time.Unix(c.Day*24*60*60, 0).UTC(), ApplicationID: c.ApplicationID, KeyID: c.KeyID, Outcome: c.Outcome, Count: c.Count})
			}
		}
		if len(counts) >= store.MaxUsageCounts {
			return nil, access.New(access.Invalid, "too_much_usage", "there is more than one answer can hold; ask for fewer days, one application or one key").At("/since")
		}
	}
	return out, nil
}

func (s *Service) usageFilter(ctx context.Context, g *grant, filter UsageFilter) (store.UsageFilter, error) {
	until := filter.Until
	if until.IsZero() {
		until = s.now()
	}
	f := store.UsageFilter{OrganizationID: g.org.ID, ToDay: access.Day(until), FromDay: access.Day(filter.Since)}
	if filter.Since.IsZero() {
		f.FromDay = f.ToDay - usualUsage
	}
	if f.FromDay > f.ToDay || f.ToDay-f.FromDay > maxUsage {
		var wrong faults
		wrong.invalid("/since", "ask for a span of at most %d days that begins before it ends", maxUsage)
		return f, wrong.err()
	}
	if filter.Application != "" {
		app, err := s.store.Application(ctx, g.org.ID, filter.Application)
		if err != nil {
			return f, err
		}
		f.ApplicationID = app.ID
	}
	return f, nil
}

// usageKeys are the keys to read counters of; the empty one stands for all.
func (s *Service) usageKeys(ctx context.Context, g *grant, asked string) ([]string, error) {
	if asked != "" && !g.everything {
		return []string{asked}, s.keyInReach(ctx, g, asked)
	}
	if g.everything {
		return []string{asked}, nil // also of a key that is gone: its counters are the organization's
	}
	var ids []string
	err := each(func(after string) ([]access.Key, error) {
		return s.store.ListKeys(ctx, g.org.ID, g.caller.UserID, store.Page{After: after})
	}, func(k access.Key) string { return k.ID }, func(k access.Key) error {
		ids = append(ids, k.ID)
		return nil
	})
	return ids, err
}
