package gate

import (
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// DefaultCacheEntries is how many verified tokens a gate remembers.
const DefaultCacheEntries = 16_384

// Config is what a [Gate] needs.
type Config struct {
	// Read verifies the text of a pass: signature, kind and issuer. Time, address
	// and revocation are the gate's.
	Read func(text string) (*access.Token, error)
	// Outside reads the text of an outside issuer's token, where Read refuses it, as
	// one for an organization, by its id. Nil: there are none. Call [Gate.Forget] when
	// what it believes changes.
	Outside func(text, organization string) (*access.Token, error)
	// Now is the clock; nil: [time.Now].
	Now func() time.Time
	// CacheEntries is how many verified tokens are remembered; zero or less:
	// [DefaultCacheEntries].
	CacheEntries int
}

// Gate judges requests on the view it was last given. All its methods may be
// called at once. Before the first [Gate.Swap] it denies everything with
// [StaleView].
type Gate struct {
	read func(string) (*access.Token, error)

	outside func(text, organization string) (*access.Token, error) // nil: none
	now     func() time.Time
	view    atomic.Pointer[View]
	epoch   atomic.Uint64
	texts   *fingerprinter
	tokens  cache
}

// cache is what is used of an otter.Cache. As an interface, it spares every package that sees a Gate to compile one anew.
type cache interface {
	GetIfPresent(tokenKey) (*access.Token, bool)
	Set(tokenKey, *access.Token) (*access.Token, bool)
	InvalidateAll()
}

// tokenKey stands for the whole text of a pass as it was read in one epoch.
type tokenKey struct {
	epoch uint64
	text  fingerprint

	outside int64 // an outside issuer's: the period in which it was read; 0: a pass
}

// New makes a gate. It panics without Config.Read, which is a mistake in the
// program.
func New(c Config) *Gate {
	if c.Read == nil {
		panic("gate: Config.Read is nil")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.CacheEntries <= 0 {
		c.CacheEntries = DefaultCacheEntries
	}
	return &Gate{
		read:    c.Read,
		outside: c.Outside,
		now:     c.Now,
		texts:   newFingerprinter(),
		tokens:  otter.Must(&otter.Options[tokenKey, *access.Token]{MaximumSize: c.CacheEntries}),
	}
}

// View is the view decisions are made on now; nil before the first
// [Gate.Swap].
func (g *Gate) View() *View { return g.view.Load() }

// Swap puts another view in place. Every request that begins after it returns
// is decided on v or a later one.
func (g *Gate) Swap(v *View) { g.view.Store(v) }

// Forget drops every remembered token, so that each is verified anew: call it
// when a verification key is withdrawn. A token whose verification had begun
// before is not remembered past it either.
func (g *Gate) Forget() {
	g.epoch.Add(1)
	g.tokens.InvalidateAll()
}

// Token verifies the text of a pass, or remembers that it did. Only successes
// are remembered. What it returns may be expired or revoked: that is for
// [Decide] to say, every time.
func (g *Gate) Token(text string) (*access.Token, error) {
	if len(text) > verify.MaxTokenBytes {
		return g.read(text) // which says what is wrong with it
	}
	return g.remembered(text, tokenKey{epoch: g.epoch.Load(), text: g.texts.of(text)})
}

// remembered is Token of a text whose key is known.
func (g *Gate) remembered(text string, key tokenKey) (*access.Token, error) {
	if t, ok := g.tokens.GetIfPresent(key); ok {
		return t, nil
	}
	t, err := g.read(text)
	if err != nil {
		return nil, err
	}
	g.tokens.Set(key, t)
	return t, nil
}

// Check judges a request that came with the text of a pass; the empty text is an
// anonymous request. A text that is not a good pass is the same as none on a
// public resource, and [TokenInvalid] elsewhere.
func (g *Gate) Check(r *Request, bearer string) Decision { return g.CheckAt(r, bearer, g.now()) }

// CheckAt is [Gate.Check] for a caller that has just looked at the gate's clock.
func (g *Gate) CheckAt(r *Request, bearer string, now time.Time) Decision {
	view := g.View()
	if bearer == "" {
		return Decide(r, nil, view, now)
	}
	t, err := g.presented(r, bearer, view, now)
	d := Decide(r, t, view, now)
	d.unreadable = err != nil
	if err != nil && d.Reason == TokenMissing {
		d.Reason = TokenInvalid
	}
	return d
}
