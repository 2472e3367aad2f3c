package store

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// User finds a user by id. Users are the platform's: that this one is of the
// caller's organization, its membership says.
func (s queries) User(ctx context.Context, id string) (access.User, error) {
	row, err := s.q.User(ctx, id)
	return one(row, err, user)
}

// InsertUser adds a user.
func (t *Tx) InsertUser(u access.User) error {
	return t.wrote(t.q.InsertUser(t.ctx, gen.InsertUserParams{
		ID: u.ID, Name: u.Name, Email: u.Email, Active: u.Active, Created: millis(u.Created), Revision: t.Revision(),
	}))
}

// UpdateUser writes name, email and active.
func (t *Tx) UpdateUser(u access.User) error {
	return t.wroteOne(t.q.UpdateUser(t.ctx, gen.UpdateUserParams{
		ID: u.ID, Name: u.Name, Email: u.Email, Active: u.Active, Revision: t.Revision(),
	}))
}

// DeleteUser deletes a user with all memberships and keys of it. Tokens live on
// until the change also revokes them.
func (t *Tx) DeleteUser(id string) error { return t.wroteOne(t.q.DeleteUser(t.ctx, id)) }

func user(row gen.User) (access.User, error) {
	return access.User{
		ID: row.ID, Name: row.Name, Email: row.Email, Active: row.Active, Created: fromMillis(row.Created), Revision: row.Revision,
	}, nil
}
