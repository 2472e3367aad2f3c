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
	Quotas  map[QuotaKey]int64

	Guesses  map[GuessAccount]Guesses
	Attempts map[AttemptKey]Attempts // each with its key
	At       time.Time               // when the batch was made, where it has guesses
}

// QuotaKey is one count of a quota: of a limit ([CountedLimit]), for one party,
// until the beginning of the UTC day Until, counted as by [Day].
type QuotaKey struct {
	OrganizationID string // whose limit it is
	Limit          [16]byte
	Party          string
	Until          int64
}

// QuotaCount is how much of a quota has been used.
type QuotaCount struct {
	QuotaKey
	Count int64
}

// Counted is what one request is counted under, by ids. What is not known, or not
// to be told to the application's organization, is empty.
type Counted struct {
	OrganizationID string
	ApplicationID  string // empty for exchanges
	KeyID          string
	MembershipID   string
	Subject        string
	Outcome        string
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
	Subject        string // empty when anonymous, or one of very many
	Day            int64  // days since 1970-01-01 UTC
	Outcome        string
}

// Day is the UTC day of t, counted from 1970-01-01.
func Day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// IsEmpty reports whether there is nothing to write.
func (b *Batch) IsEmpty() bool {
	return len(b.Issued)+len(b.Keys)+len(b.Members)+len(b.Usage)+len(b.Quotas)+len(b.Guesses)+len(b.Attempts) == 0
}
