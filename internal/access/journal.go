package access

import "time"

// Batch is what happened since the last flush, folded: records that need no
// transaction of their own. It is written as one transaction, at most a second
// behind.
type Batch struct {
	Issued  []IssuedToken
	Keys    map[string]Use     // by key id
	Members map[string]LastUse // by membership id
	Usage   map[UsageKey]int64
}

// Use is how often and when last something was used.
type Use struct {
	Count int64
	Last  LastUse
}

// UsageKey is what requests are counted by. Outcome is a gate reason, or
// "issued", "renewed", "narrowed" for exchanges.
type UsageKey struct {
	OrganizationID string
	ApplicationID  string // empty for exchanges
	KeyID          string // empty when anonymous
	Day            int64  // days since 1970-01-01 UTC
	Outcome        string
}

// Day is the UTC day of t, counted from 1970-01-01.
func Day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// IsEmpty reports whether there is nothing to write.
func (b *Batch) IsEmpty() bool {
	return len(b.Issued)+len(b.Keys)+len(b.Members)+len(b.Usage) == 0
}
