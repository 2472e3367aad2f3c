package gate

import (
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// presented reads what came in a pass's place: a pass, or the token of an outside
// issuer that is accepted at the gate. Only requests for resources may come with
// such a token: [Gate.Token], which everything else asks, knows passes alone.
func (g *Gate) presented(text string) (*access.Token, error) {
	if g.outside == nil || len(text) > verify.MaxTokenBytes {
		return g.Token(text)
	}
	key := tokenKey{epoch: g.epoch.Load(), text: g.texts.of(text), outside: true}
	if t, ok := g.tokens.GetIfPresent(key); ok {
		return t, nil
	}
	t, err := g.Token(text)
	if err == nil {
		return t, nil
	}
	if t, outside := g.outside(text); outside == nil {
		g.tokens.Set(key, t)
		return t, nil
	}
	return nil, err
}
