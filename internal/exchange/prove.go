package exchange

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// principal is who a proof turned out to be, with what may be handed on.
type principal struct {
	holder    *access.Holder
	parent    *access.Token // the pass that was the proof; nil for a key
	authority access.Authority
}

// prove tells the kind of the credential by its form. A form nobody knows is
// denied.
func (s *Service) prove(ctx context.Context, credential string, client Client, now time.Time) (*principal, error) {
	switch {
	case credential == "":
		return nil, access.ErrUnauthenticated
	case strings.HasPrefix(credential, "dp_"):
		return s.proveKey(ctx, credential, client, now)
	case strings.Count(credential, ".") == 2:
		return s.provePass(ctx, credential, client, now)
	}
	return nil, access.ErrBadCredential
}

// Authenticate proves a credential for a request to the server itself: the
// caller has the credential's own authority, none is handed on. A pass that a
// backend made for a subject of its own is refused: it would act as the backend.
func (s *Service) Authenticate(ctx context.Context, credential string, client Client) (*access.Caller, error) {
	now := s.Now()
	if _, err := s.Scene.Revision(now); err != nil {
		return nil, err
	}
	p, err := s.prove(ctx, credential, client, now)
	if errors.Is(err, errExpired) {
		err = expiredAtTheDoor
	}
	if err != nil {
		return nil, err
	}
	h := p.holder
	if p.parent != nil && p.parent.Subject != h.User.ID {
		return nil, access.New(access.Forbidden, "named_subject", "a pass for a named subject opens applications; it does not administer for the backend that made it")
	}
	caller := &access.Caller{
		Organization: h.Organization, UserID: h.User.ID, MembershipID: h.Membership.ID, KeyID: h.Key.ID,
		Authority: p.authority, Address: client.Address, UserAgent: client.UserAgent, RequestID: client.RequestID,
	}
	if p.parent != nil {
		caller.TokenID = p.parent.ID
	}
	s.Journal.Used(h.Organization.ID, "", h.Key.ID, h.Membership.ID, "admin", client.use(now))
	return caller, nil
}

// live refuses a holder any part of which has ended, and says which.
func live(h *access.Holder, now time.Time) error {
	refuse := func(code, message string) error { return access.New(access.Unauthenticated, code, message) }
	switch {
	case !h.Organization.Active:
		return refuse("organization_disabled", "the organization of this credential is disabled")
	case !h.User.Active:
		return refuse("user_disabled", "the owner of this credential is disabled")
	case !h.Membership.Active:
		return refuse("membership_inactive", "the owner of this credential is not an active member any more")
	case !h.Key.Expires.IsZero() && !now.Before(h.Key.Expires):
		return refuse("key_expired", "this key has expired; make a new one or rotate it")
	case h.Version != h.Key.Version && !now.Before(h.Key.OverlapUntil):
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
			common = append(common, r)
		}
	}
	return common
}
