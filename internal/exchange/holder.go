package exchange

import (
	"strings"
	"time"
	"unique"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
	"github.com/daypass/daypass/verify"
)

// holder is what is kept of an [access.Holder]. Very many are, so it has only
// what an exchange asks for, and shares what is the same for many.
type holder struct {
	organization         unique.Handle[access.Organization]
	userID, membershipID string // empty: a subject who is no user here
	source               access.Source
	ended                string // why what source names has ended; empty: it has not

	userActive, membershipActive      bool
	userGroup, signs, mayNameSubjects bool
	expires                           time.Time // zero: no end
	rotated                           bool      // the secret is not the current one
	overlapUntil                      time.Time // then
	administers                       bool      // a subject of an outside issuer may
	outlives                          bool      // passes may outlive the outside token they are for

	publicKey *verify.PublicKey // nil: none is registered

	authority access.Authority
}

func (s *Service) keep(h *access.Holder) *holder {
	org := h.Organization
	org.ID, org.Slug, org.Name = shared(org.ID), shared(org.Slug), shared(org.Name)
	return &holder{
		organization:     unique.Make(org),
		userID:           h.User.ID,
		membershipID:     h.Membership.ID,
		source:           access.Source{KeyID: h.Key.ID, KeyVersion: h.Version, Via: h.Via},
		ended:            h.Ended,
		userActive:       h.User.Active,
		membershipActive: h.Membership.Active,
		userGroup:        h.Key.Kind == access.KeyUserGroup,
		signs:            h.Key.RequireSignature,
		mayNameSubjects:  h.Key.MayNameSubjects,
		expires:          h.Key.Expires,
		rotated:          h.Version != h.Key.Version,
		overlapUntil:     h.Key.OverlapUntil,
		administers:      h.Administers,
		outlives:         h.Key.ID == "" && h.Key.MaxTokenLife > 0,
		publicKey:        publicKeyOf(h.Key),
		authority:        s.authority(h),
	}
}

// clientID is the client_id of a holder's passes (RFC 9068, section 2.2).
func clientID(s access.Source) string {
	if s.KeyID == "" {
		return s.Via
	}
	return s.KeyID
}

func shared(s string) string { return unique.Make(s).Value() }

// live refuses a holder any part of which has ended, and says which.
func (h *holder) live(now time.Time) error {
	refuse := func(code, message string) error { return access.New(access.Unauthenticated, code, message) }
	switch {
	case !h.organization.Value().Active:
		return refuse("organization_disabled", "the organization of this credential is disabled")
	case h.ended == "identity_disabled":
		return refuse("identity_disabled", "this identity is disabled; ask those who run the application")
	case h.ended != "":
		return refuse(h.ended, "what this credential came from was disabled or deleted")
	case h.userID != "" && !h.userActive:
		return refuse("user_disabled", "the owner of this credential is disabled")
	case h.userID != "" && !h.membershipActive:
		return refuse("membership_inactive", "the owner of this credential is not an active member any more")
	case !h.expires.IsZero() && !now.Before(h.expires) && h.source.KeyID == "":
		return refuse("session_expired", "what this credential came from has expired; log in again")
	case !h.expires.IsZero() && !now.Before(h.expires):
		return refuse("key_expired", "this key has expired; make a new one or rotate it")
	case h.rotated && !now.Before(h.overlapUntil):
		return refuse("key_rotated", "this key was rotated; use its new secret")
	}
	return nil
}

// authority is what the holder's key may do now: its ceiling within what its
// owner's membership still gives.
func (s *Service) authority(h *access.Holder) access.Authority {
	a := h.Authority(s.MaxLife)
	a.Scopes = commonScopes(h.Key.Scopes, h.RoleScopes)
	a.Roles = commonRoles(h.Key.Roles, h.Membership.Roles)
	for i := range a.Audiences {
		a.Audiences[i].Organization, a.Audiences[i].OrganizationID = shared(a.Audiences[i].Organization), shared(a.Audiences[i].OrganizationID)
	}
	if s.Logins != nil && h.Key.ID == "" && strings.HasPrefix(h.Via, "ses_") {
		a.MaxLife, a.Renewable = min(a.MaxLife, s.Logins.PassLife), false
	}
	return a
}

// commonScopes is what both sets allow, as far as patterns of either can say it:
// never more than both.
func commonScopes(key, membership scope.Set) scope.Set {
	if _, ok := membership.IncludesSet(key); ok {
		return key
	}
	var common []scope.Pattern
	for _, p := range key.Patterns() {
		if membership.Includes(p) {
			common = append(common, p)
		}
	}
	for _, p := range membership.Patterns() {
		if key.Includes(p) {
			common = append(common, p)
		}
	}
	return scope.NewSet(common...)
}

func commonRoles(key, membership []access.Role) []access.Role {
	var common []access.Role
	for _, r := range key {
		if access.HoldsRole(membership, r) {
			common = append(common, access.Role{Name: shared(r.Name), OrganizationID: shared(r.OrganizationID), ApplicationID: shared(r.ApplicationID)})
		}
	}
	return common
}
