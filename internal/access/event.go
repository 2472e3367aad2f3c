package access

import (
	"math"
	"net/netip"
	"strings"
	"time"
)

// Actor is who did something: a user by a key or a token, or the system itself.
type Actor struct {
	UserID  string
	KeyID   string
	TokenID string // empty: the key itself was used
	Address netip.Addr
}

// Event is one committed admin change. Events are numbered by revision without
// gaps; they are the feed and the audit log at once. Action is noun.verb
// ("key.created"); ObjectID is the id of what changed. Detail is a JSON object
// without secrets. Chain is SHA-256 over the previous event's chain and this
// event, so that a removed or altered row shows.
type Event struct {
	Revision       int64
	ID             string
	Time           time.Time
	OrganizationID string // empty: the platform
	Actor          Actor
	Action         string
	ObjectID       string
	Detail         []byte
	RequestID      string
	Chain          []byte
}

// Revocation ends every token of a lineage whose rev is below Revision, from
// Effective on (zero: at once).
type Revocation struct {
	Subject   string // an element of [Token.Lineage]
	Revision  int64
	Reason    string // "key_deleted", "user_disabled", …: shown in refusals
	Effective time.Time
	Created   time.Time
}

// Below is the rev under which tokens are dead: Revision, or every rev there can
// be for a subject that never comes back. A key's secret version is such a one:
// while an old secret still works beside the new, it mints tokens whose rev is
// past the rotation, and those must end with it too. A key of the key set is
// another: who stole it writes any rev.
func (r *Revocation) Below() int64 {
	if strings.Contains(r.Subject, "/") || strings.HasPrefix(r.Subject, "sgk_") || strings.HasPrefix(r.Subject, "enk_") {
		return math.MaxInt64
	}
	return r.Revision
}
