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
	u, m, err := s.member(ctx, s.store, g, caller.UserID)
	if err != nil {
		return Me{}, err
	}
	user, err := n.user(g, u, m)
	if err != nil {
		return Me{}, err
	}
	roles, err := n.write(g.roles)
	if err != nil {
		return Me{}, err
	}
	return Me{
		Organization: g.org, User: user, KeyID: caller.KeyID, TokenID: caller.TokenID,
		Scopes: caller.Authority.Scopes.Strings(), Roles: roles,
		IPs: caller.Authority.Networks.Strings(), Expires: caller.Authority.NotAfter,
	}, nil
}
