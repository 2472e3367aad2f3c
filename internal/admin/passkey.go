package admin

import (
	"context"
	"fmt"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

const maxPasskeyName = 100 // characters

// Passkeys lists the caller's own passkeys in its organization, the oldest first.
func (s *Service) Passkeys(ctx context.Context, caller *access.Caller) ([]access.Passkey, error) {
	g, err := s.authorize(ctx, s.store, caller, opListPasskeys, caller.Organization.ID)
	if err != nil {
		return nil, err
	}
	return s.store.PasskeysOfMember(ctx, g.org.ID, caller.UserID)
}

// MayEnrolPasskey tells whether the caller may enrol a passkey, before its browser is
// asked for one.
func (s *Service) MayEnrolPasskey(ctx context.Context, caller *access.Caller) error {
	_, err := s.authorize(ctx, s.store, caller, opEnrolPasskey, caller.Organization.ID)
	return err
}

// EnrolPasskey keeps a passkey that the exchange has checked. Codes:
// too_many_passkeys, passkey_exists (409), invalid_field (422).
func (s *Service) EnrolPasskey(ctx context.Context, caller *access.Caller, p access.Passkey, name string) (access.Passkey, error) {
	var wrong faults
	if wrong.text("/name", name, maxPasskeyName); wrong.err() != nil {
		return p, wrong.err()
	}
	p.ID, p.Name, p.Created = seal.NewID("psk"), name, s.stamp()
	err := s.change(ctx, caller, opEnrolPasskey, caller.Organization.ID, func(tx *store.Tx, g *grant) error {
		if p.OrganizationID != g.org.ID || p.UserID != caller.UserID {
			return errNotYours
		}
		have, err := tx.PasskeysOfMember(ctx, p.OrganizationID, p.UserID)
		if err != nil {
			return err
		}
		if len(have) >= access.MaxPasskeys {
			return access.New(access.Conflict, "too_many_passkeys", fmt.Sprintf("you have %d passkeys here; delete one first", len(have)))
		}
		if err := tx.InsertPasskey(p); err != nil {
			return taken(err, "passkey_exists", "this passkey is enrolled already", "/credential")
		}
		p.Revision = tx.Revision()
		return tx.Record("passkey.enrolled", p.OrganizationID, p.ID, map[string]any{"user": p.UserID, "name": p.Name})
	})
	return p, err
}

// DeletePasskey deletes one of the caller's own passkeys. Logins that were made with
// it go on until they are ended.
func (s *Service) DeletePasskey(ctx context.Context, caller *access.Caller, id string) error {
	return s.change(ctx, caller, opDeletePasskey, caller.Organization.ID, func(tx *store.Tx, g *grant) error {
		if err := tx.DeletePasskey(g.org.ID, caller.UserID, id); err != nil {
			return err
		}
		return tx.Record("passkey.deleted", g.org.ID, id, map[string]any{"user": caller.UserID})
	})
}
