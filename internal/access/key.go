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
	PublicKey        string // a JWK whose owner may prove to be the key by what it signs; empty: none

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

// Source names the standing credential that an authority comes from: a key in one
// version of its secret, or what stands in a key's place, or both.
type Source struct {
	KeyID      string
	KeyVersion int64 // from 1; 0 without a key

	// Via is what proved beside or instead of a key's text, and what can be revoked
	// by itself: an identity under a user-group key (idn_…), the session of a
	// password login (ses_…), an outside issuer (isr_…). Empty: the key alone.
	Via string
}

// CurrentSecret stands for the version of a key's current secret where its holder
// is looked for. No pass has it.
const CurrentSecret int64 = -1

// IsZero reports whether nothing is named.
func (s Source) IsZero() bool { return s == Source{} }

// String is unambiguous.
func (s Source) String() string {
	if s.KeyID == "" {
		return s.Via
	}
	return KeyLineage(s.KeyID, s.KeyVersion) + " " + s.Via
}

// Holder is everything a proof needs to know about the credential behind it,
// read in one go: the key, its owner, and the organization. Exchange caches it;
// Revision is the highest of its parts, so a feed entry can tell it stale.
//
// Without a key (Key.ID is empty) the rest of Key still says what may be handed
// on: its scopes, roles, networks and lives. An outside issuer's subject and an
// identity have no User and no Membership of their own.
type Holder struct {
	Key          Key
	Version      int64  // of the secret that was presented
	Via          string // as in [Source]
	Ended        string // why what Via names has ended, as a code such as "identity_disabled"; empty: it has not
	User         User
	Membership   Membership
	Organization Organization
	RoleScopes   scope.Set         // union of the scopes of the membership's roles
	Administers  bool              // an outside issuer's subject, who may administer as far as the roles go
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
