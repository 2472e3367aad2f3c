package store

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// PasskeyByCredential finds a passkey by the name that its authenticator gave it.
func (s queries) PasskeyByCredential(ctx context.Context, credentialID []byte) (access.Passkey, error) {
	row, err := s.q.PasskeyByCredential(ctx, credentialID)
	return one(row, err, passkey)
}

// PasskeysOfMember lists the passkeys of a user in an organization, the oldest
// first; 100 at most.
func (s queries) PasskeysOfMember(ctx context.Context, orgID, userID string) ([]access.Passkey, error) {
	rows, err := s.q.PasskeysOfMember(ctx, gen.PasskeysOfMemberParams{OrganizationID: orgID, UserID: userID})
	return each(rows, err, passkey)
}

// InsertPasskey adds a passkey; already_exists if its authenticator's name for it
// is taken.
func (t *Tx) InsertPasskey(p access.Passkey) error {
	return t.wrote(t.q.InsertPasskey(t.ctx, gen.InsertPasskeyParams{
		ID: p.ID, OrganizationID: p.OrganizationID, UserID: p.UserID, CredentialID: p.CredentialID, Name: p.Name,
		Credential: p.Credential, Counter: p.Counter, Created: millis(p.Created), Revision: t.Revision(),
	}))
}

// DeletePasskey deletes a member's passkey.
func (t *Tx) DeletePasskey(orgID, userID, id string) error {
	return t.wroteOne(t.q.DeletePasskey(t.ctx, gen.DeletePasskeyParams{ID: id, OrganizationID: orgID, UserID: userID}))
}

// OpenPasskeySession adds the session of a login by passkey, with the keyed hash of
// its first refresh token, if the passkey still is there and its counter is the one
// that the login was held against; else not_found. It is no change: what a login
// issues is recorded with its pass.
func (s *Store) OpenPasskeySession(ctx context.Context, p access.Passkey, counter int64, hash [32]byte, n access.Session) error {
	return s.inTx(ctx, func(q *gen.Queries) error {
		err := changedOne(q.UsePasskey(ctx, gen.UsePasskeyParams{
			ID: p.ID, OldCounter: counter, Counter: p.Counter, Credential: p.Credential,
			Used: millis(n.LastUse.Time), UsedAddress: addressText(n.LastUse.Address), UsedAgent: storable(n.LastUse.UserAgent),
		}))
		if err != nil {
			return err
		}
		return insertSession(ctx, q, hash, n)
	})
}

func passkey(row gen.Passkey) (access.Passkey, error) {
	use, err := lastUse(row.Used, row.UsedAddress, row.UsedAgent)
	return access.Passkey{
		ID: row.ID, OrganizationID: row.OrganizationID, UserID: row.UserID, CredentialID: row.CredentialID, Name: row.Name,
		Credential: row.Credential, Counter: row.Counter, Created: fromMillis(row.Created), LastUse: use, Revision: row.Revision,
	}, err
}
