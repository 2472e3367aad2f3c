package access

import (
	"net/netip"
	"time"
)

// Password is what is kept of a user's password, with the name it goes with.
type Password struct {
	UserID         string
	OrganizationID string // that managed the user when it was set
	Login          string // canonical
	Hash           string // Argon2id, with its parameters
	Changed        time.Time
}

// Place is where a user may log in.
type Place struct {
	OrganizationID, Organization string // id and slug
	Active                       bool   // the membership and the organization
}

// LinkKind is what a link to set a password was made for.
type LinkKind string

const (
	Invitation    LinkKind = "invite"
	PasswordReset LinkKind = "reset"
)

// PasswordLink is what is kept of a link that sets a password a single time.
type PasswordLink struct {
	UserID         string
	OrganizationID string // of whoever made it
	Kind           LinkKind
	Login          string // that it sets, canonical
	Alone          bool   // it is good only while the user has no place elsewhere
	Created        time.Time
	Expires        time.Time
}

// Session is the login of a user in one organization: one family of refresh
// tokens, of which one at a time is good.
type Session struct {
	ID             string // ses_…
	OrganizationID string
	UserID         string
	Created        time.Time
	Idle           time.Time // it ends then unless it is used before
	Expires        time.Time // it ends then
	Lives          time.Time // when the last of its passes ends
	LastUse        LastUse
	Confirmation   string // thumbprint (RFC 7638) of the key that its sender proves at each refresh; empty: none
}

// Over reports whether no refresh token of the session is good any more.
func (s *Session) Over(now time.Time) bool {
	return !now.Before(s.Idle) || !now.Before(s.Expires)
}

// AttemptKey is what false proofs are counted by: by whom they claim to be, from
// where, and why they were refused. Never what was presented.
type AttemptKey struct {
	OrganizationID string // empty: nobody's
	UserID         string // empty: nobody's
	Account        string // the canonical name that was tried; empty: nobody's
	Address        netip.Addr
	Code           string
	Hour           int64 // hours since 1970-01-01 UTC
}

// Attempts is how many false proofs of a kind there were.
type Attempts struct {
	AttemptKey
	Count int64
	Last  time.Time
}

// GuessAccount is an account as guesses are counted: a hash of its name.
type GuessAccount [16]byte

// Guesses is what is remembered of the guesses at one account.
type Guesses struct {
	Strangers int64 // failures in a row, from addresses that never proved it
	Owners    int64 // failures in a row, from addresses that did
	Last      time.Time
	Known     [][8]byte // hashes of addresses that proved it, the latest last; nil in a batch: as they were
	Reset     bool      // of a batch: the counts are whole, else they are to be added
}
