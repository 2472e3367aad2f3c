package admin

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Me is what a credential is.
type Me struct {
	Organization access.Organization
	User         User // with its membership in Organization
	KeyID        string
	TokenID      string // empty: the key itself was presented
	Scopes       []string
	Roles        []string
	IPs          []string  // empty: any address
	Expires      time.Time // zero: no end
}

// Me tells a caller what its credential is and may do. Any credential will do.
func (s *Service) Me(ctx context.Context, caller *access.Caller) (Me, error) {
	g, err := s.authorize(ctx, s.store, caller, opMe, caller.Organization.ID)
	if err != nil {
		return Me{}, err
	}
	n := namesIn(ctx, s.store, g.org.ID)
	roles, err := n.write(g.roles)
	if err != nil {
		return Me{}, err
	}
	user, err := s.myself(ctx, g, n, roles)
	if err != nil {
		return Me{}, err
	}
	return Me{
		Organization: g.org, User: user, KeyID: caller.KeyID, TokenID: caller.TokenID,
		Scopes: caller.Authority.Scopes.Strings(), Roles: roles,
		IPs: caller.Authority.Networks.Strings(), Expires: caller.Authority.NotAfter,
	}, nil
}

// myself is the caller as a user. Somebody who logged in through an outside issuer is
// none, and is shown by what the issuer's tokens say.
func (s *Service) myself(ctx context.Context, g *grant, n *names, roles []string) (User, error) {
	if who := g.caller.Subject; g.caller.UserID == "" {
		return User{ID: who, Name: who, Active: true, Membership: Membership{
			ID: g.caller.Via, OrganizationID: g.org.ID, Organization: g.org.Slug, UserID: who, Roles: roles, Active: true,
		}}, nil
	}
	u, m, err := s.member(ctx, s.store, g, g.caller.UserID)
	if err != nil {
		return User{}, err
	}
	return n.user(g, u, m)
}
