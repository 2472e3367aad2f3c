package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// EventFilter selects events. A zero field selects all.
type EventFilter struct {
	OrganizationID string
	Action         string // key.created, or all of a noun: key
	ObjectID       string
	ActorUserID    string
	Since, Until   time.Time // Since is in, Until is out
	BeforeRevision int64     // to read on: the revision of the last event seen
}

// Events returns at most limit events (see [Page]), the newest first.
func (s queries) Events(ctx context.Context, f EventFilter, limit int) ([]access.Event, error) {
	before, until := f.BeforeRevision, millis(f.Until)
	if before == 0 {
		before = math.MaxInt64
	}
	if until == 0 {
		until = math.MaxInt64
	}
	all := gen.EventsOfObjectParams{
		ObjectID: f.ObjectID, OrganizationID: f.OrganizationID, BeforeRevision: before,
		Action: f.Action, UserID: f.ActorUserID, Since: millis(f.Since), Until: until, Most: atMost(limit),
	}
	// One query each, so that each has its index.
	var rows []gen.Event
	var err error
	switch {
	case f.ObjectID != "":
		rows, err = s.q.EventsOfObject(ctx, all)
	case f.OrganizationID != "":
		rows, err = s.q.EventsOfOrganization(ctx, gen.EventsOfOrganizationParams{
			OrganizationID: all.OrganizationID, BeforeRevision: all.BeforeRevision,
			Action: all.Action, UserID: all.UserID, Since: all.Since, Until: all.Until, Most: all.Most,
		})
	default:
		rows, err = s.q.EventsOfPlatform(ctx, gen.EventsOfPlatformParams{
			BeforeRevision: all.BeforeRevision,
			Action:         all.Action, UserID: all.UserID, Since: all.Since, Until: all.Until, Most: all.Most,
		})
	}
	return each(rows, err, event)
}

// EventsSince returns at most limit events (see [Page]) above a revision, the
// oldest first: what changed, for whoever keeps something derived from it.
func (s queries) EventsSince(ctx context.Context, revision int64, limit int) ([]access.Event, error) {
	rows, err := s.q.EventsSince(ctx, gen.EventsSinceParams{After: revision, Most: atMost(limit)})
	return each(rows, err, event)
}

// VerifyChain recomputes the hash chain of all events up to the head. An error
// with code audit_chain_broken names the first revision that was altered, added
// or removed.
func (s *Store) VerifyChain(ctx context.Context) error {
	head, err := s.q.Head(ctx)
	if err != nil {
		return translate(err)
	}
	var chain []byte
	for seen := int64(0); seen < head.Revision; {
		events, err := s.EventsSince(ctx, seen, math.MaxInt32)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return chainBroken(seen + 1)
		}
		for _, e := range events {
			seen++
			if e.Revision != seen || !bytes.Equal(e.Chain, link(chain, e)) {
				return chainBroken(seen)
			}
			if chain = e.Chain; seen == head.Revision {
				break // later ones were committed after the head was read
			}
		}
	}
	if !bytes.Equal(chain, head.Chain) {
		return chainBroken(head.Revision)
	}
	return nil
}

func chainBroken(revision int64) error {
	return access.New(access.Internal, "audit_chain_broken", fmt.Sprintf(
		"the audit log was altered: the event of revision %d is not the one that was written", revision))
}

// link is the chain after an event: SHA-256 over the chain before it and its
// fields, each behind its length, so that no two events give the same input.
func link(previous []byte, e access.Event) []byte {
	row := eventRow(e)
	h := sha256.New()
	number := func(n int64) { _ = binary.Write(h, binary.BigEndian, n) }
	text := func(s string) { number(int64(len(s))); h.Write([]byte(s)) }
	text(string(previous))
	number(row.Revision)
	number(row.Time)
	for _, s := range []string{
		row.ID, row.OrganizationID, row.UserID, row.KeyID, row.TokenID, row.Address,
		row.Action, row.ObjectID, row.Detail, row.RequestID,
	} {
		text(s)
	}
	return h.Sum(nil)
}

func eventRow(e access.Event) gen.InsertEventParams {
	return gen.InsertEventParams{
		Revision: e.Revision, ID: e.ID, Time: millis(e.Time), OrganizationID: e.OrganizationID,
		UserID: e.Actor.UserID, KeyID: e.Actor.KeyID, TokenID: e.Actor.TokenID, Address: addressText(e.Actor.Address),
		Action: e.Action, ObjectID: e.ObjectID, Detail: string(e.Detail), RequestID: e.RequestID, Chain: e.Chain,
	}
}

func event(row gen.Event) (access.Event, error) {
	address, err := parseAddress(row.Address)
	return access.Event{
		Revision: row.Revision, ID: row.ID, Time: fromMillis(row.Time), OrganizationID: row.OrganizationID,
		Actor:  access.Actor{UserID: row.UserID, KeyID: row.KeyID, TokenID: row.TokenID, Address: address},
		Action: row.Action, ObjectID: row.ObjectID, Detail: []byte(row.Detail), RequestID: row.RequestID, Chain: row.Chain,
	}, err
}
