package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Proof is what a caller presents. Its kinds are the types of this package that
// implement it, one to a file; there can be no other.
type Proof interface {
	// account is the canonical name of whose secret a false proof would have
	// guessed at, so that every spelling of it counts as one. Empty where the secret
	// names its owner and is too long to be guessed: then only the address counts.
	account() string
	// prove says who it is. Of who fails, it tells nothing but that.
	prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error)
}

// principal is who a proof turned out to be, with what may be handed on.
type principal struct {
	holder    *holder
	parent    *access.Token // the pass that was the proof; nil for a key
	subject   string        // whom its passes speak for
	authority access.Authority

	actors    []access.Acting // who acts for the subject, the latest first
	delegated bool            // the latest joined with this proof
}

// prove takes the steps that are the same for every kind of proof: the limits on
// guessing, the proof itself, and the sender's key that it may be bound to.
func (s *Service) prove(ctx context.Context, proof Proof, client Client, now time.Time) (*principal, error) {
	if proof == nil {
		return nil, access.ErrUnauthenticated
	}
	var p *principal
	err := s.guarded(proof.account(), client, now, func() (err error) {
		p, err = proof.prove(ctx, s, client, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	if bound := p.authority.Confirmation; bound != "" && bound != client.Confirmation {
		return nil, access.New(access.Unauthenticated, "sender_key_required", "this credential is bound to its sender's key: prove that you hold it with a DPoP header")
	}
	return p, nil
}

// errFalse is the cause of every error for a proof that somebody may have made up.
var errFalse = errors.New("the proof is false")

// refute is the error for a false proof: it counts as a guess.
func refute(code, message string) error {
	return access.New(access.Unauthenticated, code, message).Because(errFalse)
}

// Authenticate proves a credential for a request to the server itself: the
// caller has the credential's own authority, none is handed on. A pass that a
// backend made for a subject of its own is refused: it would act as the backend. One
// of an outside issuer's subject is good where people log in through that issuer.
func (s *Service) Authenticate(ctx context.Context, proof Proof, client Client) (*access.Caller, error) {
	now := s.Now()
	if _, err := s.Scene.Revision(now); err != nil {
		return nil, err
	}
	p, err := s.prove(ctx, proof, client, now)
	if errors.Is(err, errExpired) {
		err = expiredAtTheDoor
	}
	if err != nil {
		return nil, err
	}
	h := p.holder
	if p.parent != nil && p.parent.Encrypted {
		return nil, errEncryptedPass
	}
	outsider := h.userID == "" && h.administers && p.parent != nil && len(p.actors) == 0
	if !outsider && (h.userID == "" || p.subject != h.userID) {
		return nil, access.New(access.Forbidden, "named_subject", "a pass for a subject who is no user here opens applications; it does not administer")
	}
	caller := &access.Caller{
		Organization: h.organization.Value(), UserID: h.userID, MembershipID: h.membershipID, KeyID: h.source.KeyID,
		Authority: p.authority, Address: client.Address, UserAgent: client.UserAgent, RequestID: client.RequestID,
	}
	if p.parent != nil {
		caller.TokenID = p.parent.ID
	}
	if outsider {
		caller.Via, caller.Subject = h.source.Via, p.subject
	}
	s.Journal.Used(access.Counted{
		OrganizationID: caller.Organization.ID, KeyID: h.source.KeyID, MembershipID: h.membershipID, Subject: p.subject, Outcome: "admin",
	}, client.use(now))
	return caller, nil
}
