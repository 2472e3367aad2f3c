package access

import (
	"strconv"
	"time"

	"github.com/daypass/daypass/scope"
)

// KeyKind is the middle part of the key text: dp_<kind>_….
type KeyKind string

const (
	KeyLive      KeyKind = "live" // acts as its owner
	KeyTest      KeyKind = "test" // as live, for test systems: told apart at a glance
	KeyUserGroup KeyKind = "ug"   // lets an application's own users in
)

// Key is a long-lived credential with a ceiling. Its text is not here: only a
// keyed hash of it is stored.
type Key struct {
	ID             string
	OrganizationID string
	UserID         string
	Kind           KeyKind
	Comment        string

	Scopes       scope.Set
	Roles        []Role // subset of the owner's membership
	Networks     Networks
	Expires      time.Time     // zero: no end
	MaxTokenLife time.Duration // of one token

	RequireSignature bool
	MayNameSubjects  bool

	Version      int64     // of the current secret, from 1
	OverlapUntil time.Time // the previous secret works until then; zero: it does not
	Created      time.Time
	LastUse      LastUse
	PlanID       string // empty: none, so that of the owner's membership holds
	Revision     int64
}

// KeyLineage is the lineage subject of one secret of a key: rotation ends what
// descends from the old secret and leaves the key itself alone.
func KeyLineage(keyID string, version int64) string {
	return keyID + "/" + strconv.FormatInt(version, 10)
}

// Holder is everything a proof needs to know about the credential behind it,
// read in one go: the key, its owner, and the organization. Exchange caches it;
// Revision is the highest of its parts, so a feed entry can tell it stale.
type Holder struct {
	Key          Key
	Version      int64 // of the secret that was presented
	User         User
	Membership   Membership
	Organization Organization
	RoleScopes   scope.Set         // union of the scopes of the membership's roles
	Applications map[string]string // application id → slug, for roles held in one
	Revision     int64
}

// Authority is the key's own ceiling for tokens of at most maxLife; holding it
// within the owner's membership is for the caller. The end of a rotation's overlap
// does not shorten what the old secret mints, so that backends which ask for a
// fixed life go on working: what they get ends with the overlap by revocation.
func (h *Holder) Authority(maxLife time.Duration) Authority {
	life := maxLife
	if h.Key.MaxTokenLife > 0 {
		life = min(life, h.Key.MaxTokenLife)
	}
	return Authority{
		Scopes:     h.Key.Scopes,
		Roles:      h.Key.Roles,
		Audiences:  []Audience{{Organization: h.Organization.Slug, OrganizationID: h.Organization.ID}},
		Everywhere: h.Key.Networks.IsEmpty(),
		Networks:   h.Key.Networks,
		NotAfter:   h.Key.Expires,
		MaxLife:    life,
		Renewable:  true,
	}
}
