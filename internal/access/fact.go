package access

import (
	"net/netip"
	"time"
)

// Fact is what is kept of requests that an application's resource file decided:
// enough to decide them again by another file. It holds no body, no query, no
// header and no credential. Requests that say the same are one fact with a count.
type Fact struct {
	ID          string    // empty until it is stored
	First, Last time.Time // of the requests it stands for
	Count       int64
	FactKey
	// Roles of the pass, and the scopes it holds, separated by a blank. Both are
	// empty where no pass counted.
	Roles []Role
	// Stray is a request that was refused, without a key of the application's
	// organization: anyone can send as many as they like. It is not stored.
	Stray bool
}

// Blurred is what remains of requests without a key that were refused, of which
// so many come that they are not told apart: by which rule, and why. They cannot
// be decided again.
func (k FactKey) Blurred() FactKey {
	k.Method, k.Host, k.Path, k.Fields, k.From = "", "", "", "", netip.Addr{}
	return k
}

// IsBlurred reports whether a fact stands for requests that were not told apart.
func (k *FactKey) IsBlurred() bool { return k.Path == "" }

// FactKey is what two requests have in common that are one fact.
type FactKey struct {
	OrganizationID, ApplicationID string
	Revision                      int64 // of the application, when it decided

	Method string
	Host   string
	Path   string // canonical, as it was sent on
	Fields string // GraphQL root fields, "Mutation.CreatePerson", separated by a blank
	From   netip.Addr

	// Of the pass, where it was issued in the application's organization.
	KeyID, Subject, MembershipID string
	Scopes, RoleText             string

	// Standing is why the pass would not do, whatever is required: a reason of the
	// gate; empty: it is good.
	Standing string
	Reason   string // of the gate
	Rule     string // the match of the rule that decided; empty: none
	Missing  string // the scope or roles that the pass lacked

	// What the file in shadow mode said; empty where there was none.
	ShadowReason, ShadowRule, ShadowMissing string
}

// ScopeUse is how often a key used a scope on one day.
type ScopeUse struct {
	OrganizationID, KeyID string
	Scope                 string
	Day                   int64 // as [Day]
}

// FactBatch is what is written of facts at once.
type FactBatch struct {
	Facts []Fact
	Uses  map[ScopeUse]int64
}

// IsEmpty reports whether there is nothing to write.
func (b *FactBatch) IsEmpty() bool { return len(b.Facts)+len(b.Uses) == 0 }
