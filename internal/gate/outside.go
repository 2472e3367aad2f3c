package gate

import (
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// outsidePeriod is how long an outside issuer's token is remembered at most: keys
// that its issuer withdraws, or that are too old to be trusted, must not live on in
// what was verified with them.
const outsidePeriod = time.Minute

// presented reads what came in a pass's place: a pass, or the token of an outside
// issuer that is accepted at the gate. Only requests for resources may come with
// such a token: [Gate.Token], which everything else asks, knows passes alone.
func (g *Gate) presented(r *Request, text string, view *View, now time.Time) (*access.Token, error) {
	if g.outside == nil || len(text) > verify.MaxTokenBytes {
		return g.Token(text)
	}
	key := tokenKey{epoch: g.epoch.Load(), text: g.texts.of(text)}
	t, err := g.remembered(text, key)
	if err == nil {
		return t, nil
	}
	if view == nil {
		return nil, err
	}
	app := view.Catalog.Find(r.Host, r.Path, r.Application)
	if app == nil {
		return nil, err // whatever it is, it opens nothing here
	}
	key.text, key.outside = g.texts.in(app.OrganizationID, text), 1+now.UnixNano()/int64(outsidePeriod)
	if t, ok := g.tokens.GetIfPresent(key); ok {
		return t, nil
	}
	if t, outside := g.outside(text, app.OrganizationID); outside == nil {
		g.tokens.Set(key, t)
		return t, nil
	}
	return nil, err
}
