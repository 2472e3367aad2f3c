package exchange

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// principal is who a proof turned out to be, with what may be handed on.
type principal struct {
	holder    *holder
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
	if p.parent != nil && p.parent.Subject != h.userID {
		return nil, access.New(access.Forbidden, "named_subject", "a pass for a named subject opens applications; it does not administer for the backend that made it")
	}
	caller := &access.Caller{
		Organization: h.organization.Value(), UserID: h.userID, MembershipID: h.membershipID, KeyID: h.keyID,
		Authority: p.authority, Address: client.Address, UserAgent: client.UserAgent, RequestID: client.RequestID,
	}
	if p.parent != nil {
		caller.TokenID = p.parent.ID
	}
	s.Journal.Used(access.Counted{
		OrganizationID: caller.Organization.ID, KeyID: h.keyID, MembershipID: h.membershipID, Subject: caller.UserID, Outcome: "admin",
	}, client.use(now))
	return caller, nil
}
