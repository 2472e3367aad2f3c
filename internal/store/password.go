package store

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Password finds a user's password; not_found where it has none.
func (s queries) Password(ctx context.Context, userID string) (access.Password, error) {
	row, err := s.q.Password(ctx, userID)
	return one(row, err, password)
}

// PasswordsByLogin finds whose a canonical login name is. Organizations name their
// users apart, so several may have one name; the first come first, 20 at most.
func (s queries) PasswordsByLogin(ctx context.Context, login string) ([]access.Password, error) {
	rows, err := s.q.PasswordsByLogin(ctx, login)
	return each(rows, err, password)
}

func password(row gen.Password) (access.Password, error) {
	return access.Password{
		UserID: row.UserID, OrganizationID: row.OrganizationID, Login: row.Login, Hash: row.Hash, Changed: fromMillis(row.Changed),
	}, nil
}

// PutPassword writes a user's password. Write it before its sessions are listed to
// be ended: a login under way then either ends with them or is refused.
func (t *Tx) PutPassword(p access.Password) error {
	return t.wrote(t.q.PutPassword(t.ctx, gen.PutPasswordParams{
		UserID: p.UserID, OrganizationID: p.OrganizationID, Login: p.Login, Hash: p.Hash, Changed: millis(p.Changed), Revision: t.Revision(),
	}))
}

// Rehash replaces a hash by one of the same password, unless it was changed
// meanwhile. It is no change: the password is the same.
func (s *Store) Rehash(ctx context.Context, userID, old, hash string) error {
	q, err := s.direct(ctx)
	if err != nil {
		return err
	}
	_, err = q.Rehash(ctx, gen.RehashParams{UserID: userID, Old: old, Hash: hash})
	return translate(err)
}

// InsertPasswordLink adds a link by the keyed hash of its secret.
func (t *Tx) InsertPasswordLink(hash [32]byte, l access.PasswordLink) error {
	return t.wrote(t.q.InsertPasswordLink(t.ctx, gen.InsertPasswordLinkParams{
		Hash: hash[:], UserID: l.UserID, OrganizationID: l.OrganizationID, Kind: string(l.Kind), Login: l.Login, Alone: l.Alone,
		Created: millis(l.Created), Expires: millis(l.Expires),
	}))
}

// PasswordLink finds a link that is good at now; not_found else.
func (s queries) PasswordLink(ctx context.Context, hash [32]byte, now time.Time) (access.PasswordLink, error) {
	row, err := s.q.PasswordLink(ctx, gen.PasswordLinkParams{Hash: hash[:], Now: millis(now)})
	return one(row, err, func(row gen.PasswordLink) (access.PasswordLink, error) {
		return access.PasswordLink{
			UserID: row.UserID, OrganizationID: row.OrganizationID, Kind: access.LinkKind(row.Kind), Login: row.Login, Alone: row.Alone,
			Created: fromMillis(row.Created), Expires: fromMillis(row.Expires),
		}, nil
	})
}

// LatestPasswordLink is when the newest good link of a user was made; zero: there is none.
func (s queries) LatestPasswordLink(ctx context.Context, userID string, now time.Time) (time.Time, error) {
	ms, err := s.q.LatestPasswordLink(ctx, gen.LatestPasswordLinkParams{UserID: userID, Now: millis(now)})
	return fromMillis(ms), translate(err)
}

// TakePasswordLink uses a link up; not_found if somebody else did, or it is over.
func (t *Tx) TakePasswordLink(hash [32]byte) error {
	return t.wroteOne(t.q.TakePasswordLink(t.ctx, gen.TakePasswordLinkParams{Hash: hash[:], Now: millis(t.Now())}))
}

// DeletePasswordLinks drops every link of a user.
func (t *Tx) DeletePasswordLinks(userID string) error {
	return t.wrote(t.q.DeletePasswordLinks(t.ctx, userID))
}

// PrunePasswords drops links and sessions that are over, and what is remembered of
// false proofs before a time.
func (s *Store) PrunePasswords(ctx context.Context, now, before time.Time) error {
	q, err := s.direct(ctx)
	if err != nil {
		return err
	}
	_, links := q.PrunePasswordLinks(ctx, millis(now))
	_, sessions := q.PruneSessions(ctx, millis(now))
	_, guesses := q.PruneGuesses(ctx, millis(before))
	_, attempts := q.PruneAttempts(ctx, before.Unix()/3600)
	return translate(errors.Join(links, sessions, guesses, attempts))
}
