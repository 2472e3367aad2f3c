package store

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Key finds a key of an organization.
func (s queries) Key(ctx context.Context, orgID, id string) (access.Key, error) {
	row, err := s.q.Key(ctx, gen.KeyParams{ID: id, OrganizationID: orgID})
	return one(row, err, key)
}

// KeySecret returns the sealed signing secret of a key; nil if it has none.
func (s queries) KeySecret(ctx context.Context, orgID, id string) ([]byte, error) {
	sealed, err := s.q.KeySecret(ctx, gen.KeySecretParams{ID: id, OrganizationID: orgID})
	return sealed, translate(err)
}

// ListKeys returns a page of an organization's keys by id, the oldest first; with
// a userID, of those of one user; with a text, of those with these words in their
// order in id, comment or scopes.
func (s queries) ListKeys(ctx context.Context, orgID, userID, text string, page Page) ([]access.Key, error) {
	if userID == "" {
		rows, err := s.q.KeysOfOrganization(ctx, gen.KeysOfOrganizationParams{OrganizationID: orgID, After: page.After, Pattern: pattern(text), Most: page.most()})
		return each(rows, err, key)
	}
	rows, err := s.q.KeysOfUser(ctx, gen.KeysOfUserParams{OrganizationID: orgID, UserID: userID, After: page.After, Pattern: pattern(text), Most: page.most()})
	return each(rows, err, key)
}

// CountLiveKeys counts the keys a user has in an organization that have not expired.
func (s queries) CountLiveKeys(ctx context.Context, orgID, userID string, now time.Time) (int64, error) {
	n, err := s.q.CountLiveKeysOfUser(ctx, gen.CountLiveKeysOfUserParams{OrganizationID: orgID, UserID: userID, Now: millis(now)})
	return n, translate(err)
}

// InsertKey adds a key under the keyed hash of its text, with its sealed signing
// secret (nil: it has none). Its owner must be a member (still_referenced).
func (t *Tx) InsertKey(k access.Key, hash [32]byte, sealedSecret []byte) error {
	return t.wrote(t.q.InsertKey(t.ctx, gen.InsertKeyParams{
		ID: k.ID, OrganizationID: k.OrganizationID, UserID: k.UserID, Kind: string(k.Kind), Comment: k.Comment,
		Scopes: list(k.Scopes.Strings()), Roles: roleList(k.Roles), Networks: list(k.Networks.Strings()),
		Expires: millis(k.Expires), MaxTokenLife: k.MaxTokenLife.Milliseconds(),
		RequireSignature: k.RequireSignature, MayNameSubjects: k.MayNameSubjects,
		SecretSealed: sealedSecret, Hash: hash[:], Version: k.Version, Created: millis(k.Created), PlanID: k.PlanID,
		PublicKey: k.PublicKey, Revision: t.Revision(),
	}))
}

// UpdateKey writes what a key may do and its comment; not its kind, owner or secret.
func (t *Tx) UpdateKey(k access.Key) error {
	return t.wroteOne(t.q.UpdateKey(t.ctx, gen.UpdateKeyParams{
		ID: k.ID, OrganizationID: k.OrganizationID, Comment: k.Comment,
		Scopes: list(k.Scopes.Strings()), Roles: roleList(k.Roles), Networks: list(k.Networks.Strings()),
		Expires: millis(k.Expires), MaxTokenLife: k.MaxTokenLife.Milliseconds(),
		RequireSignature: k.RequireSignature, MayNameSubjects: k.MayNameSubjects, Revision: t.Revision(),
	}))
}

// SetPlanOfKey gives a key another plan; empty: none.
func (t *Tx) SetPlanOfKey(orgID, id, planID string) error {
	return t.wroteOne(t.q.SetPlanOfKey(t.ctx, gen.SetPlanOfKeyParams{ID: id, OrganizationID: orgID, PlanID: planID, Revision: t.Revision()}))
}

// RotateKey gives a key its next secret. version must be one above the current
// one, else not_found. The secret it replaces works until overlapUntil; the zero
// time ends it now. An older one still in its overlap ends in any case.
func (t *Tx) RotateKey(id string, newHash [32]byte, version int64, overlapUntil time.Time, sealedSecret []byte) error {
	return t.wroteOne(t.q.RotateKey(t.ctx, gen.RotateKeyParams{
		ID: id, Hash: newHash[:], Version: version, PrevUntil: millis(overlapUntil), SecretSealed: sealedSecret, Revision: t.Revision(),
	}))
}

// DeleteKey deletes a key. Tokens live on until the change also revokes them.
func (t *Tx) DeleteKey(orgID, id string) error {
	return t.wroteOne(t.q.DeleteKey(t.ctx, gen.DeleteKeyParams{ID: id, OrganizationID: orgID}))
}

func key(row gen.Key) (access.Key, error) {
	k := access.Key{
		ID: row.ID, OrganizationID: row.OrganizationID, UserID: row.UserID, Kind: access.KeyKind(row.Kind), Comment: row.Comment,
		Expires: fromMillis(row.Expires), MaxTokenLife: time.Duration(row.MaxTokenLife) * time.Millisecond,
		RequireSignature: row.RequireSignature, MayNameSubjects: row.MayNameSubjects,
		Version: row.Version, OverlapUntil: fromMillis(row.PrevUntil), Created: fromMillis(row.Created), PlanID: row.PlanID,
		PublicKey: row.PublicKey, Revision: row.Revision,
	}
	var err error
	if k.Scopes, err = parseScopes(row.Scopes); err != nil {
		return k, err
	}
	if k.Roles, err = parseRoles(row.Roles); err != nil {
		return k, err
	}
	if k.Networks, err = parseNetworks(row.Networks); err != nil {
		return k, err
	}
	k.LastUse, err = lastUse(row.Accessed, row.AccessedAddress, row.AccessedAgent)
	return k, err
}
