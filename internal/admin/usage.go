package admin

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

const (
	usualUsage = 30 // days
	maxUsage   = 400
	// MaxUsagePage is how many lines of usage one page may have.
	MaxUsagePage = 500
)

// Bucket is what lines of usage are added up to.
type Bucket string

// The buckets. Nothing finer than a day is kept.
const (
	ByDay   Bucket = "day"
	ByMonth Bucket = "month"
)

// UsageFilter narrows the counters. Days are UTC; at most 400 in one answer.
type UsageFilter struct {
	Since       time.Time // its day is in, or its whole month; zero: 30 days before Until
	Until       time.Time // its day is in, or its whole month; zero: today
	Bucket      Bucket    // empty: ByDay
	Application string    // slug or id
	Key         string    // id
	Subject     string
	Outcome     string // a reason of the gate, or issued, renewed, narrowed
}

// Usage is one counter of one bucket.
type Usage struct {
	Begins        time.Time // 00:00 UTC
	ApplicationID string    // empty: exchanges
	KeyID         string    // empty: anonymous
	Subject       string    // empty: anonymous, or one of very many
	Outcome       string
	Count         int64
}

// Usage returns a page of counters by day or month, application, key, subject and
// outcome. Who may read only its own sees those of the keys it has now, and those
// that speak for itself.
func (s *Service) Usage(ctx context.Context, caller *access.Caller, org string, filter UsageFilter, p Page) (List[Usage], error) {
	g, err := s.authorize(ctx, s.store, caller, opReadUsage, org)
	if err != nil {
		return List[Usage]{}, err
	}
	f, err := s.usageFilter(ctx, g, filter)
	if err != nil {
		return List[Usage]{}, err
	}
	list := listing{"usage", g.org.ID, f.ApplicationID, strconv.Quote(f.KeyID), strconv.Quote(f.Subject), strconv.Quote(f.Outcome), f.UserID, string(filter.Bucket)}
	return pagedUpTo(s, MaxUsagePage, list, p, func(after string, limit int) ([]store.UsageCount, error) {
		if after != "" {
			if err := json.Unmarshal([]byte(after), &f.After.UsageKey); err != nil {
				return nil, errCursor
			}
		}
		if filter.Bucket == ByMonth {
			return s.usageByMonth(ctx, f, limit)
		}
		f.FromDay, f.Limit = max(f.FromDay, f.After.Day), limit
		return s.store.Usage(ctx, f)
	}, func(c store.UsageCount) string {
		c.OrganizationID = ""
		text, _ := json.Marshal(c.UsageKey) // texts and numbers always marshal
		return string(text)
	}, func(c store.UsageCount) (Usage, error) {
		return Usage{Begins: dayTime(c.Day), ApplicationID: c.ApplicationID, KeyID: c.KeyID, Subject: c.Subject, Outcome: c.Outcome, Count: c.Count}, nil
	})
}

func dayTime(day int64) time.Time { return time.Unix(day*24*60*60, 0).UTC() }

// usageByMonth adds up month by month until the page is full.
func (s *Service) usageByMonth(ctx context.Context, f store.UsageFilter, limit int) ([]store.UsageCount, error) {
	last := f.ToDay
	var out []store.UsageCount
	for day := max(f.FromDay, f.After.Day); day <= last && len(out) < limit; {
		first := monthBegin(dayTime(day))
		next := first.AddDate(0, 1, 0)
		month := f
		month.FromDay, month.ToDay, month.Bucket, month.Limit = access.Day(first), access.Day(next)-1, access.Day(first), limit-len(out)
		counts, err := s.store.Usage(ctx, month)
		if err != nil {
			return nil, err
		}
		out = append(out, counts...)
		day = access.Day(next)
	}
	return out, nil
}

func monthBegin(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func (s *Service) usageFilter(ctx context.Context, g *grant, filter UsageFilter) (store.UsageFilter, error) {
	until := filter.Until
	if until.IsZero() {
		until = s.now()
	}
	f := store.UsageFilter{
		OrganizationID: g.org.ID, KeyID: filter.Key, Subject: filter.Subject, Outcome: filter.Outcome, UserID: g.only(),
		ToDay: access.Day(until), FromDay: access.Day(filter.Since),
	}
	if filter.Since.IsZero() {
		f.FromDay = f.ToDay - usualUsage
	}
	var wrong faults
	if f.FromDay > f.ToDay || f.ToDay-f.FromDay > maxUsage {
		wrong.invalid("/since", "ask for a span of at most %d days that begins before it ends", maxUsage)
	}
	switch filter.Bucket {
	case "", ByDay, ByMonth:
	default:
		wrong.invalid("/bucket", "write day or month; nothing finer than a day is kept")
	}
	if err := wrong.err(); err != nil {
		return f, err
	}
	if filter.Application != "" {
		app, err := s.store.Application(ctx, g.org.ID, filter.Application)
		if err != nil {
			return f, err
		}
		f.ApplicationID = app.ID
	}
	if filter.Key != "" && !g.everything {
		return f, s.keyInReach(ctx, g, filter.Key) // else also one that is gone: its counters are the organization's
	}
	return f, nil
}
