package admin

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// Founding is the first organization and its administrator.
type Founding struct {
	Slug, Name          string // of the organization; Name empty: the slug
	UserName, UserEmail string
}

// Founded is what [Service.Bootstrap] made. The key's text is shown this once.
type Founded struct {
	Organization access.Organization
	User         User
	Key          IssuedKey
}

// Bootstrap makes the first organization, its administrator and a key for it
// with every scope, in one change. It needs no caller, so it works once: code
// already_founded (409) when there is any organization.
func (s *Service) Bootstrap(ctx context.Context, in Founding) (Founded, error) {
	var wrong faults
	wrong.slug("/slug", in.Slug)
	wrong.text("/name", in.Name, maxName)
	wrong.text("/user_name", in.UserName, maxName)
	wrong.email("/user_email", in.UserEmail)
	if err := wrong.err(); err != nil {
		return Founded{}, err
	}
	out := Founded{Organization: newOrganization(s, NewOrganization{Slug: in.Slug, Name: in.Name})}
	err := s.commit(ctx, access.Actor{}, "", func(tx *store.Tx) error {
		others, err := tx.ListOrganizations(ctx, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(others) > 0 {
			return access.New(access.Conflict, "already_founded", "there is an organization already; make more with an administrator's key")
		}
		out.Organization.Revision = tx.Revision()
		if err := tx.InsertOrganization(out.Organization); err != nil {
			return err
		}
		administrator := []access.Role{{Name: access.Administrator}}
		made, err := s.insertUser(ctx, tx, &grant{org: out.Organization, caller: &access.Caller{}, roles: administrator}, newcomer{
			name: in.UserName, email: in.UserEmail, roles: administrator, scopes: everyScope,
		})
		if err != nil {
			return err
		}
		out.User, out.Key = made.User, made.Key
		return tx.Record("organization.founded", out.Organization.ID, out.Organization.ID, map[string]any{
			"slug": out.Organization.Slug, "user": made.User.ID, "key": made.Key.ID,
		})
	})
	return out, err
}
