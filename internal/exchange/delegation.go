package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Delegation is what speaks for a subject, together with the pass of who is to act
// for it (RFC 8693, section 1.1). Authority is the subject's alone: the actor adds
// nothing to it but its name, and an end.
type Delegation struct {
	Subject Proof
	Actor   Pass
}

func (d Delegation) account() string { return d.Subject.account() }

func (d Delegation) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	p, err := d.Subject.prove(ctx, s, client, now)
	if err != nil {
		return nil, err
	}
	actor, err := s.prove(ctx, d.Actor, client, now)
	if err != nil {
		return nil, err
	}
	if actor.holder.organization != p.holder.organization {
		return nil, access.New(access.Forbidden, "actor_refused", "who acts for a subject must be of its organization")
	}
	if len(actor.actors) > 0 { // the chain would name whom it speaks for, and not who acts
		return nil, access.New(access.Forbidden, "actor_refused", "who acts for a subject does so with a pass of its own, not with one that it has to act for another")
	}
	if len(p.actors) >= access.MaxActors {
		return nil, access.New(access.Forbidden, "too_many_actors", fmt.Sprintf("at most %d may act one for the other; start from a pass with fewer", access.MaxActors))
	}
	if end := actor.parent.Authority.NotAfter; p.authority.NotAfter.IsZero() || end.Before(p.authority.NotAfter) {
		p.authority.NotAfter = end
	}
	acting := access.Acting{Subject: actor.subject, Lineage: slices.Clone(actor.parent.Lineage)}
	if p.parent != nil {
		acting.Lineage = slices.DeleteFunc(acting.Lineage, func(s string) bool { return slices.Contains(p.parent.Lineage, s) })
	}
	p.actors, p.delegated = append([]access.Acting{acting}, p.actors...), true
	return p, nil
}

func actorNames(actors []access.Acting) []string {
	names := make([]string, len(actors))
	for i, a := range actors {
		names[i] = a.Subject
	}
	return names
}
