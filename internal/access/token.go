package access

import (
	"slices"
	"strings"
	"time"
	"unique"
)

// Token is a verified pass, as the gate sees it: the signature, the kind and the
// issuer were checked when it was read; time, address and revocation are checked
// at every use.
type Token struct {
	ID                                   string
	Issuer                               string
	Subject                              string
	ClientID                             string
	Organization                         string // slug
	OrganizationID, UserID, MembershipID string

	// Source is the standing credential the token descends from.
	Source

	// Actors are who acts for the subject (RFC 8693, section 4.1), the latest first.
	Actors []Acting
	// SigningKey is the id of the key that signed it; empty before it is minted.
	SigningKey string
	// Encrypted says that its text cannot be read by its bearer.
	Encrypted bool
	// EncryptionKey is the id of the key that encrypted it; empty before it is minted,
	// and where it is not encrypted.
	EncryptionKey string

	// Authority.NotAfter is exp, Authority.MaxLife is expt.
	Authority Authority
	IssuedAt  time.Time
	NotBefore time.Time
	Revision  int64 // of the feed, as its issuer had seen it

	// Family lists the heads of the families the token belongs to, its own last.
	// A renewal stays in its parent's family; a narrowed token starts one.
	Family []string

	// Lineage is everything whose revocation ends this token.
	Lineage []string

	// ScopeText and RoleText are the identity headers' values, made once.
	ScopeText string
	RoleText  string
}

// Acting is who acts for another's subject. What ends the pass by which it proved
// who it is ends what it may do for others.
type Acting struct {
	Subject string
	Lineage []string // as Token.Lineage, of the pass that it proved itself by; without what is the subject's too
}

// MaxActors bounds how many may act one for the other.
const MaxActors = 4

// MaxFamilyDepth bounds how often a token may be narrowed from a narrowed one.
const MaxFamilyDepth = 8

// Seal computes what is derived from the other fields. Call it once, after they
// are set.
func (t *Token) Seal() {
	if len(t.Family) == 0 {
		t.Family = []string{t.ID}
	}
	lineage := make([]string, 0, 8+len(t.Authority.Audiences)+len(t.Family))
	lineage = append(lineage, t.OrganizationID, t.UserID, t.MembershipID, t.Via, t.SigningKey, t.EncryptionKey)
	if t.KeyID != "" {
		lineage = append(lineage, t.KeyID, KeyLineage(t.KeyID, t.KeyVersion))
	}
	for _, a := range t.Authority.Audiences {
		if a.ApplicationID != "" {
			lineage = append(lineage, a.ApplicationID)
		}
	}
	for _, r := range t.Authority.Roles {
		if r.ApplicationID != "" && !slices.Contains(lineage, r.ApplicationID) {
			lineage = append(lineage, r.ApplicationID)
		}
	}
	for _, a := range t.Actors {
		lineage = append(lineage, a.Lineage...)
	}
	t.Lineage = slices.DeleteFunc(append(lineage, t.Family...), func(s string) bool { return s == "" })
	// Many tokens say the same: one text serves all that are kept.
	t.ScopeText = unique.Make(t.Authority.Scopes.String()).Value()
	t.RoleText = unique.Make(roleText(t.Authority.Roles)).Value()
}

func roleText(roles []Role) string {
	var b []byte
	for i, r := range roles {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, r.Name...)
		if r.ApplicationID != "" {
			b = append(append(b, '@'), r.ApplicationID...)
		}
	}
	return string(b)
}

// Head is the token's own family: revoking it ends the token, its other
// renewals and everything narrowed from any of them.
func (t *Token) Head() string { return t.Family[len(t.Family)-1] }

// Origin tells how a token came to be.
type Origin string

const (
	FromKey       Origin = "key"
	FromChallenge Origin = "challenge" // a public key's answer to one
	FromLogin     Origin = "login"     // with a password, or its refresh token
	FromIssuer    Origin = "issuer"    // a token of an outside issuer
	FromRenewal   Origin = "renewed"
	FromNarrowing Origin = "narrowed"
	FromExchange  Origin = "exchanged" // of another's pass, to act for its subject
)

// Origin is that of a token which is the first of what the source names.
func (s Source) Origin() Origin {
	prefix, _, _ := strings.Cut(s.Via, "_")
	switch prefix {
	case "idn":
		return FromChallenge
	case "ses":
		return FromLogin
	case "isr":
		return FromIssuer
	}
	return FromKey
}

// First reports whether a token of this origin was made from no other.
func (o Origin) First() bool {
	return o != FromRenewal && o != FromNarrowing && o != FromExchange
}

// IssuedToken is the record kept of each token: never its text.
type IssuedToken struct {
	ID, Head, ParentID                    string
	OrganizationID, UserID, KeyID         string
	Via                                   string // as in [Source]; kept in the lineage
	Origin                                Origin
	Subject, Scopes, Roles, Audience, IPs string // as in the claims, lists joined by a space
	Actors                                []string
	Renewable                             bool
	IssuedAt, Expires                     time.Time
	Revision                              int64
	From                                  LastUse  // who asked
	Lineage                               []string // as Token.Lineage: whose revocation ends it
}
