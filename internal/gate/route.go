package gate

import (
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Connect judges who opens a connection to a GraphQL resource. The operations
// come later, each of them for [Decide], so this only says whether it is worth
// waiting for them: it makes every check up to the rule and those of the pass, if
// there is one. It allows with [Allowed] or, without a pass and where some
// operation may do without one, with [Public]. A request that falls under no
// GraphQL resource is denied.
func Connect(r *Request, t *access.Token, v *View, now time.Time) Decision {
	bare := *r
	bare.GraphQL = nil
	d := Decide(&bare, nil, v, now)
	switch {
	case d.Resource == nil:
		return d
	case d.Resource.GraphQL == nil:
		d.Allow, d.Token = false, nil
		return d.deny(NoRule)
	case t == nil && !d.Resource.GraphQL.AnyPublic():
		return d.deny(TokenMissing)
	case t == nil:
		d.Allow, d.Reason = true, Public
		return d
	}
	d.Token = t
	if reason, ok := d.checkToken(&bare, now); !ok {
		return d.deny(reason)
	}
	d.Allow, d.Reason = true, Allowed
	return d
}

// Connect is [Connect] for the text of a pass; empty: none. A text that is no
// good pass is refused even where none is needed: who sends one wants to be known.
func (g *Gate) Connect(r *Request, bearer string, now time.Time) Decision {
	view := g.View()
	if bearer == "" {
		return Connect(r, nil, view, now)
	}
	t, err := g.Token(bearer)
	d := Connect(r, t, view, now)
	if err != nil && (d.Allow || d.Reason == TokenMissing) {
		d.Allow = false
		return d.deny(TokenInvalid)
	}
	return d
}
