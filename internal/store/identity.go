package store

import (
	"context"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// IdentityFilter selects identities of one organization.
type IdentityFilter struct {
	OrganizationID string
	KeyID          string // of a user-group key; empty: of all
	UserID         string // only those of this user's keys; not together with KeyID
}

// identityPrefix is how what a source names by [access.Source.Via] is known to be one.
const identityPrefix = "idn_"

// Identity finds an identity of an organization.
func (s queries) Identity(ctx context.Context, orgID, id string) (access.Identity, error) {
	row, err := s.q.Identity(ctx, gen.IdentityParams{ID: id, OrganizationID: orgID})
	return one(row, err, identity)
}

// IdentityByPublicKey finds who logs in with this public key, written as did:key,
// under a user-group key.
func (s queries) IdentityByPublicKey(ctx context.Context, keyID, publicKey string) (access.Identity, error) {
	row, err := s.q.IdentityByPublicKey(ctx, gen.IdentityByPublicKeyParams{KeyID: keyID, PublicKey: publicKey})
	return one(row, err, identity)
}

// Identities returns a page of identities by id, the oldest first.
func (s queries) Identities(ctx context.Context, f IdentityFilter, page Page) ([]access.Identity, error) {
	switch {
	case f.KeyID != "":
		rows, err := s.q.IdentitiesOfKey(ctx, gen.IdentitiesOfKeyParams{OrganizationID: f.OrganizationID, KeyID: f.KeyID, After: page.After, Most: page.most()})
		return each(rows, err, identity)
	case f.UserID != "":
		rows, err := s.q.IdentitiesOfUser(ctx, gen.IdentitiesOfUserParams{OrganizationID: f.OrganizationID, UserID: f.UserID, After: page.After, Most: page.most()})
		return each(rows, err, identity)
	}
	rows, err := s.q.IdentitiesOfOrganization(ctx, gen.IdentitiesOfOrganizationParams{OrganizationID: f.OrganizationID, After: page.After, Most: page.most()})
	return each(rows, err, identity)
}

// GroupHolder finds who holds a user-group key, in the current version of its
// secret; not_found for a key of another kind.
func (s queries) GroupHolder(ctx context.Context, keyID string) (*access.Holder, error) {
	row, err := s.q.HolderByKey(ctx, keyID)
	if err != nil {
		return nil, translate(err)
	}
	if row.Key.Kind != string(access.KeyUserGroup) {
		return nil, access.ErrNotFound
	}
	return s.holder(ctx, gen.HolderByHashRow(row), row.Key.Version)
}

// identityHolder finds the holder of an identity: that of its user-group key,
// owner and all, so that whatever ends the key ends the identity's passes too.
func (s queries) identityHolder(ctx context.Context, source access.Source) (*access.Holder, error) {
	row, err := s.q.IdentityOfKey(ctx, gen.IdentityOfKeyParams{ID: source.Via, KeyID: source.KeyID})
	found, err := one(row, err, identity)
	if err != nil {
		return nil, err
	}
	h, err := s.holderByKey(ctx, source.KeyID, source.KeyVersion)
	if err != nil {
		return nil, err
	}
	if h.Key.Kind != access.KeyUserGroup {
		return nil, access.ErrNotFound
	}
	h.Via = found.ID
	if !found.Active {
		h.Ended = "identity_disabled"
	}
	h.Key.MayNameSubjects = false // that is for its backend
	h.Revision = max(h.Revision, found.Revision)
	return h, nil
}

func isIdentity(via string) bool { return strings.HasPrefix(via, identityPrefix) }

// InsertIdentity adds an identity and returns how many its key has with it.
// already_exists if the public key is known under this key.
func (t *Tx) InsertIdentity(i access.Identity) (int64, error) {
	err := t.wrote(t.q.InsertIdentity(t.ctx, gen.InsertIdentityParams{
		ID: i.ID, OrganizationID: i.OrganizationID, KeyID: i.KeyID, PublicKey: i.PublicKey, Active: i.Active, Comment: i.Comment, Created: millis(i.Created),
		Accessed: millis(i.LastUse.Time), AccessedAddress: addressText(i.LastUse.Address), AccessedAgent: storable(i.LastUse.UserAgent), Revision: t.Revision(),
	}))
	if err != nil {
		return 0, err
	}
	return t.countIdentities(i.KeyID, 1)
}

func (t *Tx) countIdentities(keyID string, more int64) (int64, error) {
	n, err := t.q.AddIdentityCount(t.ctx, gen.AddIdentityCountParams{KeyID: keyID, More: more})
	return n, t.wrote(err)
}

// UpdateIdentity writes whether it is active, and its comment.
func (t *Tx) UpdateIdentity(i access.Identity) error {
	return t.wroteOne(t.q.UpdateIdentity(t.ctx, gen.UpdateIdentityParams{
		ID: i.ID, OrganizationID: i.OrganizationID, Active: i.Active, Comment: i.Comment, Revision: t.Revision(),
	}))
}

// DeleteIdentity forgets an identity. Its passes live on until the change also
// revokes them.
func (t *Tx) DeleteIdentity(i access.Identity) error {
	if err := t.wroteOne(t.q.DeleteIdentity(t.ctx, gen.DeleteIdentityParams{ID: i.ID, OrganizationID: i.OrganizationID})); err != nil {
		return err
	}
	_, err := t.countIdentities(i.KeyID, -1)
	return err
}

// touchIdentities notes the last time each identity was given a pass.
func touchIdentities(ctx context.Context, q *gen.Queries, issued []access.IssuedToken) error {
	last := make(map[string]access.LastUse)
	for _, t := range issued {
		if isIdentity(t.Via) && !last[t.Via].Time.After(t.From.Time) {
			last[t.Via] = t.From
		}
	}
	for id, use := range last {
		err := q.TouchIdentity(ctx, gen.TouchIdentityParams{
			ID: id, Accessed: millis(use.Time), AccessedAddress: addressText(use.Address), AccessedAgent: storable(use.UserAgent),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func identity(row gen.Identity) (access.Identity, error) {
	last, err := lastUse(row.Accessed, row.AccessedAddress, row.AccessedAgent)
	return access.Identity{
		ID: row.ID, OrganizationID: row.OrganizationID, KeyID: row.KeyID, PublicKey: row.PublicKey, Active: row.Active, Comment: row.Comment,
		Created: fromMillis(row.Created), LastUse: last, Revision: row.Revision,
	}, err
}
