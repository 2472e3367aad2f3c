package verify

import (
	"slices"
	"time"

	"github.com/daypass/daypass/internal/strictjson"
)

// TypFeed is the typ of a page of the revocation feed.
const TypFeed = "daypass-feed+jwt"

// MaxFeedBytes is the greatest length of the text of one page of the feed, signature included.
const MaxFeedBytes = 16 << 20

// MaxRevision is the greatest revision: the greatest whole number that every reader of JSON has (RFC 8259, section 6).
const MaxRevision = 1<<53 - 1

// Feed is the payload of one page of the revocation feed, GET /v1/feed. Dates are seconds since 1970 UTC.
type Feed struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	// Expires − IssuedAt is how long the page may be relied upon from when it was asked for: the server's own bound, less the age
	// of what it knows. As a difference it does not depend on the reader's clock.
	Expires     int64        `json:"exp"`
	After       int64        `json:"after"`    // as asked
	Revision    int64        `json:"revision"` // the page holds everything above After up to here
	Complete    bool         `json:"complete"` // false: there is more; ask again after Revision
	Revocations []Revocation `json:"revocations"`
}

// Revocation ends every token whose lineage holds Subject and whose rev is under Below.
type Revocation struct {
	Subject string `json:"sub"`
	Below   int64  `json:"below"` // at most MaxRevision, which is every token there can be
	Reason  string `json:"reason"`
	From    int64  `json:"from,omitzero"` // the moment it begins to hold; 0: at once
}

const (
	maxSubject     = 128
	maxReason      = 64
	maxFeedMembers = 2_000_000
)

// ReadFeed reads the payload of a verified page. Members that it does not know may be there. It compares nothing: whether issuer, time and
// After fit is for the caller. The error is [ErrClaims].
func ReadFeed(payload []byte) (*Feed, error) {
	var f Feed
	limits := strictjson.Limits{Bytes: MaxFeedBytes, Depth: maxClaimDepth, Members: maxFeedMembers}
	if err := strictjson.Unmarshal(payload, &f, limits); err != nil {
		return nil, ErrClaims.because("the page of the feed is refused").causedBy(err)
	}
	if hasNull(payload) || !f.sound() || slices.ContainsFunc(f.Revocations, func(r Revocation) bool { return !r.sound() }) {
		return nil, ErrClaims.because("the page of the feed is refused")
	}
	return &f, nil
}

func (f *Feed) sound() bool {
	forward := f.Revision > f.After || f.Complete && f.Revision == f.After
	return f.Issuer != "" && f.IssuedAt > 0 && f.IssuedAt <= f.Expires && f.Expires <= maxDate && f.After >= 0 && f.Revision <= MaxRevision && forward
}

func (r *Revocation) sound() bool {
	return r.Subject != "" && len(r.Subject) <= maxSubject && r.Below > 0 && r.Below <= MaxRevision && validDate(r.From) && validReason(r.Reason)
}

// validReason holds reasons to the form of codes, since they are repeated to whoever sent the token.
func validReason(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) <= maxReason
}

// ends says whether the revocation refuses a token of that rev now.
func (r *Revocation) ends(revision int64, now time.Time) bool {
	return revision < r.Below && now.Unix() >= r.From
}

// covers says whether r refuses whatever s does, as early.
func (r *Revocation) covers(s *Revocation) bool { return r.Below >= s.Below && r.From <= s.From }
