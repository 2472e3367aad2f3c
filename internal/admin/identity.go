package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// DefaultMaxIdentities is how many identities one user-group key has at most.
const DefaultMaxIdentities = 100_000

// IdentityFilter narrows a list of identities.
type IdentityFilter struct {
	Key string // id of a user-group key; empty: of every key
}

// IdentityPatch says what to change of an identity; nil: nothing.
type IdentityPatch struct {
	Active  *bool
	Comment *string // at most 500 characters
}

// Identities lists identities, the oldest first; for who does not manage the
// organization, those of the caller's own keys.
func (s *Service) Identities(ctx context.Context, caller *access.Caller, org string, filter IdentityFilter, p Page) (List[access.Identity], error) {
	g, err := s.authorize(ctx, s.store, caller, opListIdentities, org)
	if err != nil {
		return List[access.Identity]{}, err
	}
	f := store.IdentityFilter{OrganizationID: g.org.ID, KeyID: filter.Key, UserID: g.only()}
	if f.KeyID != "" {
		if err := s.reachKey(ctx, s.store, g, f.KeyID); err != nil {
			return List[access.Identity]{}, err
		}
	}
	return paged(s, listing{"identities", g.org.ID, f.KeyID, f.UserID}, p, func(after string, limit int) ([]access.Identity, error) {
		return s.store.Identities(ctx, f, store.Page{After: after, Limit: limit})
	}, func(i access.Identity) string { return i.ID }, as[access.Identity])
}

// reachKey holds that a key's identities are the caller's to see or change.
func (s *Service) reachKey(ctx context.Context, r reader, g *grant, keyID string) error {
	k, err := r.Key(ctx, g.org.ID, keyID)
	if err == nil && !g.mayUser(k.UserID) {
		return errNotYours
	}
	return err
}

// Identity returns one.
func (s *Service) Identity(ctx context.Context, caller *access.Caller, org, id string) (access.Identity, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetIdentity, org)
	if err != nil {
		return access.Identity{}, err
	}
	i, err := s.store.Identity(ctx, g.org.ID, id)
	if err != nil {
		return access.Identity{}, err
	}
	return i, s.reachKey(ctx, s.store, g, i.KeyID)
}

// UpdateIdentity changes an identity. Disabling ends its passes at once and keeps
// it out; switched on again, it has to log in anew.
func (s *Service) UpdateIdentity(ctx context.Context, caller *access.Caller, org, id string, patch IdentityPatch, ifRevision int64) (access.Identity, error) {
	var wrong faults
	if patch.Comment != nil {
		wrong.text("/comment", *patch.Comment, maxComment)
	}
	if err := wrong.err(); err != nil {
		return access.Identity{}, err
	}
	var out access.Identity
	err := s.change(ctx, caller, opUpdateIdentity, org, func(tx *store.Tx, g *grant) error {
		old, err := s.heldIdentity(ctx, tx, g, id, ifRevision)
		if err != nil {
			return err
		}
		out = old
		set(&out.Active, patch.Active)
		set(&out.Comment, patch.Comment)
		if out == old {
			return errSame
		}
		out.Revision = tx.Revision()
		if old.Active && !out.Active {
			if err := s.revoke(tx, out.ID, "identity_disabled", time.Time{}); err != nil {
				return err
			}
		}
		if err := tx.UpdateIdentity(out); err != nil {
			return err
		}
		return tx.Record("identity.updated", g.org.ID, out.ID, map[string]any{"active": out.Active, "comment": out.Comment != old.Comment})
	})
	return out, sameIsFine(err)
}

// heldIdentity reads an identity that the caller may change, at the revision the caller saw.
func (s *Service) heldIdentity(ctx context.Context, tx *store.Tx, g *grant, id string, ifRevision int64) (access.Identity, error) {
	i, err := tx.Identity(ctx, g.org.ID, id)
	if err == nil {
		err = s.reachKey(ctx, tx, g, i.KeyID)
	}
	if err == nil {
		err = expect(ifRevision, i.Revision)
	}
	return i, err
}

// ForgetIdentity deletes an identity; its passes end at once. Its public key may
// log in again, and is then a new one: to keep it out, disable it instead.
func (s *Service) ForgetIdentity(ctx context.Context, caller *access.Caller, org, id string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteIdentity, org, func(tx *store.Tx, g *grant) error {
		i, err := s.heldIdentity(ctx, tx, g, id, ifRevision)
		if err != nil {
			return err
		}
		if err := s.revoke(tx, i.ID, "identity_forgotten", time.Time{}); err != nil {
			return err
		}
		if err := tx.DeleteIdentity(i); err != nil {
			return err
		}
		return tx.Record("identity.forgotten", g.org.ID, i.ID, map[string]any{"key": i.KeyID})
	})
}

// Enroll makes the identity of a public key that has proved itself under a
// user-group key, or returns the one there is. It is no operation of a caller:
// who may come in was decided with the key. Code too_many_identities (409).
func (s *Service) Enroll(ctx context.Context, organizationID, keyID, publicKey, requestID string, first access.LastUse) (access.Identity, error) {
	var out access.Identity
	actor := access.Actor{KeyID: keyID, Address: first.Address}
	err := s.commit(ctx, actor, requestID, func(tx *store.Tx) error {
		key, err := tx.Key(ctx, organizationID, keyID)
		if err != nil {
			return err
		}
		if key.Kind != access.KeyUserGroup {
			return access.ErrNotFound
		}
		out, err = tx.IdentityByPublicKey(ctx, keyID, publicKey)
		if err == nil {
			return errSame // another login of the same key came first
		}
		if !errors.Is(err, access.ErrNotFound) {
			return err
		}
		out = access.Identity{
			ID: seal.NewID("idn"), OrganizationID: organizationID, KeyID: keyID, PublicKey: publicKey, Active: true,
			Created: s.stamp(), LastUse: first, Revision: tx.Revision(),
		}
		total, err := tx.InsertIdentity(out)
		if err != nil {
			return err
		}
		if total > int64(s.maxIdentities) {
			return access.New(access.Conflict, "too_many_identities", fmt.Sprintf("this user-group key has %d identities, which is all it may have; forget some, or make another key", s.maxIdentities))
		}
		return tx.Record("identity.created", organizationID, out.ID, map[string]any{"key": keyID, "public_key": publicKey})
	})
	return out, sameIsFine(err)
}

// rolesByDefault are those that a new key gets of its owner's. Strangers come in
// under a user-group key, so it gets none that manage anything unless it is asked
// for by name.
func rolesByDefault(kind access.KeyKind, roles []access.Role) []access.Role {
	if kind != access.KeyUserGroup {
		return roles
	}
	return slices.DeleteFunc(slices.Clone(roles), func(r access.Role) bool {
		return access.IsBuiltinRole(r.Name) && r.Name != access.Consumer
	})
}
