package outside

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/fetch"
	"github.com/daypass/daypass/verify"
)

// Config is what a [Directory] works with. Now is required.
type Config struct {
	Own      string          // this server's issuer: never an outside one
	Networks access.Networks // where keys may be fetched beside the Internet
	Now      func() time.Time
	Log      *slog.Logger
	Agent    string // User-Agent of fetches
}

// Directory knows every issuer that is trusted now, and their keys. Close it.
type Directory struct {
	own    string
	now    func() time.Time
	log    *slog.Logger
	client *fetch.Client

	state atomic.Pointer[state]

	mu    sync.Mutex
	keys  map[string]*keys // by the issuer's id
	tried map[string]*keys // of issuers that are not active, by id too

	ctx    context.Context // of fetches
	cancel context.CancelFunc
	busy   sync.WaitGroup
}

// state is who is trusted as of a revision of the feed.
type state struct {
	byURL    map[string][]*Rules
	gate     bool // some are accepted there
	revision int64
}

// New makes a directory that trusts nobody.
func New(c Config) *Directory {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &Directory{
		own: c.Own, now: c.Now, log: c.Log, keys: map[string]*keys{}, tried: map[string]*keys{},
		client: &fetch.Client{
			Networks: c.Networks, Accept: "application/jwk-set+json, application/json", UserAgent: c.Agent,
			Types: []string{"application/json", "+json"},
		},
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.state.Store(&state{})
	return d
}

// Close ends fetches that are under way, and waits for that.
func (d *Directory) Close() {
	d.mu.Lock()
	d.cancel()
	d.mu.Unlock()
	d.busy.Wait()
}

// begin counts a fetch in; false: the directory is closed.
func (d *Directory) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() != nil {
		return false
	}
	d.busy.Add(1)
	return true
}

// Replace makes these the issuers that are trusted, as of a revision. Those that
// are not active, or cannot be read, are not.
func (d *Directory) Replace(list []access.Issuer, revision int64) {
	next := &state{byURL: map[string][]*Rules{}, revision: revision}
	known := map[string]*keys{}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range list {
		if !i.Active {
			continue
		}
		rules, err := Compile(i)
		if err != nil || i.URL == d.own {
			d.log.Error("an outside issuer cannot be used; its tokens are refused", "issuer", i.ID, "error", err)
			continue
		}
		next.byURL[i.URL] = append(next.byURL[i.URL], rules)
		next.gate = next.gate || i.Accept.Takes(access.AcceptGate)
		rules.keys = d.keysOf(rules, d.keys)
		known[i.ID] = rules.keys
	}
	d.keys = known
	d.state.Store(next)
}

// keysOf are the keys that are known for an issuer, of its id and from where it has
// them now, or new ones.
func (d *Directory) keysOf(r *Rules, known map[string]*keys) *keys {
	at := addressOf(r)
	if k := known[r.ID]; k != nil && k.address == at {
		return k
	}
	client := *d.client
	client.Authorities = r.authorities
	return &keys{address: at, directory: d, client: &client}
}

// Advance says that nothing of the issuers changed up to a revision.
func (d *Directory) Advance(revision int64) {
	s := *d.state.Load()
	s.revision = revision
	d.state.Store(&s)
}

// AtGate reports whether any issuer is accepted in a pass's place.
func (d *Directory) AtGate() bool { return d.state.Load().gate }

// Errors of tokens that say nothing more of why.
var (
	errForged      = access.New(access.Unauthenticated, "issuer_token_invalid", "this is not a token of an issuer that is trusted here: its form or its signature is wrong")
	ErrUntrusted   = access.New(access.Unauthenticated, "issuer_untrusted", "no organization here trusts this issuer for tokens of this audience")
	errAmbiguous   = access.New(access.Unauthenticated, "issuer_ambiguous", "several organizations trust this issuer for this audience: name the one that is meant, as in the audience acme/photos")
	errUnavailable = access.New(access.Unavailable, "issuer_unavailable", "the keys of this issuer cannot be had now, so its tokens cannot be checked; try again")
)

// Foreign reports whether a text is a JWT that names another issuer than this
// server. Nothing else of it was checked.
func (d *Directory) Foreign(text string) bool {
	c, err := unverified(text)
	return err == nil && c.text("iss") != "" && c.text("iss") != d.own
}

func unverified(text string) (claims, error) {
	payload, err := verify.UnverifiedForeign(text)
	if err != nil {
		return nil, err
	}
	return readClaims(payload)
}

// Token reads an outside issuer's token, for the exchange or for the gate.
// Organization, a slug or id, is whose trust is meant; empty: the audience tells.
// Its Revision is of what it was judged by. Errors are [*access.Error]: 401, or 503
// without the issuer's keys.
func (d *Directory) Token(ctx context.Context, text, organization string, at access.IssuerDoor) (*access.Token, error) {
	s := d.state.Load()
	// What is read here says who would have had to sign, and no more.
	claimed, err := unverified(text)
	if err != nil {
		return nil, errForged.Because(err)
	}
	rules, err := s.choose(claimed, organization, at)
	if err != nil {
		return nil, err
	}
	t, err := rules.read(ctx, text, d.now())
	if err != nil {
		return nil, err
	}
	t.Revision = s.revision
	return t, nil
}

// read checks signature and claims.
func (r *Rules) read(ctx context.Context, text string, now time.Time) (*access.Token, error) {
	t, _, err := r.claimsOf(ctx, text, now)
	return t, err
}

func (r *Rules) claimsOf(ctx context.Context, text string, now time.Time) (*access.Token, claims, error) {
	payload, err := r.keys.verify(ctx, text)
	var known *verify.Error
	switch {
	case errors.As(err, &known):
		return nil, nil, errForged.Because(err)
	case err != nil:
		return nil, nil, errUnavailable.Because(err)
	}
	c, err := readClaims(payload)
	if err != nil {
		return nil, nil, errForged.Because(err)
	}
	t, err := r.token(text, c, now)
	return t, c, err
}

func (s *state) choose(c claims, organization string, at access.IssuerDoor) (*Rules, error) {
	var found []*Rules
	for _, r := range s.byURL[c.text("iss")] {
		if r.Accept.Takes(at) && r.isFor(c) && (organization == "" || organization == r.Organization || organization == r.OrganizationID) {
			found = append(found, r)
		}
	}
	// One organization may tell apart by claims what it trusts one issuer for.
	if len(found) > 1 {
		var fitting []*Rules
		for _, r := range found {
			if r.OrganizationID != found[0].OrganizationID {
				return nil, errAmbiguous
			}
			if allMet(r.required, c) {
				fitting = append(fitting, r)
			}
		}
		if len(fitting) > 0 {
			found = fitting[:1]
		}
	}
	if len(found) == 0 {
		return nil, ErrUntrusted
	}
	return found[0], nil
}

// Try reads a token as one of this issuer, wherever it is accepted and whether or
// not it is active, to tell its organization what would come of it.
func (d *Directory) Try(ctx context.Context, i access.Issuer, text string) (*access.Token, error) {
	rules, err := Compile(i)
	if err != nil {
		return nil, err
	}
	rules.keys = d.trial(rules)
	claimed, err := unverified(text)
	if err != nil {
		return nil, errForged.Because(err)
	}
	if claimed.text("iss") != i.URL {
		return nil, refused("it is of another issuer")
	}
	return rules.read(ctx, text, d.now())
}

// maxTried is how many issuers that are not active have their keys remembered.
const maxTried = 100

// trial are the keys to try a token of an issuer with. Those of one that is not
// active are remembered too, so that nobody makes this server fetch them again and
// again.
func (d *Directory) trial(r *Rules) *keys {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.keys[r.ID]; k != nil && k.address == addressOf(r) {
		return k
	}
	k := d.keysOf(r, d.tried)
	for id := range d.tried {
		if len(d.tried) < maxTried {
			break
		}
		delete(d.tried, id)
	}
	d.tried[r.ID] = k
	return k
}
