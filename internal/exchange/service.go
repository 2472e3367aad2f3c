package exchange

import (
	"context"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/daypass/daypass/internal/access"
)

// Holders finds the credential behind a proof. Both return
// [access.ErrNotFound] for what does not exist.
type Holders interface {
	HolderByHash(ctx context.Context, hash [32]byte, now time.Time) (*access.Holder, error)
	HolderOf(ctx context.Context, source access.Source) (*access.Holder, error)
}

// Guesses bounds how often a secret may be guessed at, for every kind of proof,
// route and spelling alike.
type Guesses interface {
	// Admit says how long the account, or the address, has to wait before the next
	// attempt; 0: it may be made now. An attempt at an account that is admitted counts
	// until one of the others tells how it ended.
	Admit(account string, from netip.Addr, now time.Time) (wait time.Duration)
	// Failed counts an attempt that proved nobody.
	Failed(account string, from netip.Addr, now time.Time)
	// Proved forgives the account's earlier attempts.
	Proved(account string, from netip.Addr)
	// Dropped takes back an attempt of which nobody can tell whether it was false.
	Dropped(account string, from netip.Addr)
	// Vouched is Proved without an attempt.
	Vouched(account string, from netip.Addr)
}

// Once remembers what may be used a single time: a nonce, a proof's jti, an
// assertion. It holds across nodes and restarts.
type Once interface {
	// First reports whether the id, made at the given time and worthless after
	// until, was not seen before for this purpose. An error means that nobody can
	// tell, so it must be refused.
	First(ctx context.Context, purpose, id string, made, until time.Time) (bool, error)
}

// Tokens mints and reads passes. Token checks signature, kind and issuer only.
type Tokens interface {
	Mint(t *access.Token) (text string, payload []byte, err error)
	Token(text string) (*access.Token, error)
}

// Scene is this node's view of the feed.
type Scene interface {
	// Revision of the last change this node has heard of; an error when it has
	// not heard for too long to decide safely.
	Revision(now time.Time) (int64, error)
	// Revoked tells why a token of this lineage and revision is dead, if it is.
	Revoked(t *access.Token, now time.Time) (reason string, dead bool)
	// Changed is the revision at which anything of the organization last changed.
	Changed(organizationID string) int64
	// Application resolves the slugs of an organization and an application of it.
	Application(organization, slug string) (Application, bool)
}

// Application is what exchange needs of an application.
type Application struct {
	Audience    access.Audience
	DefaultLife time.Duration // 0: the server's
	MaxLife     time.Duration // 0: no bound of its own
	Encrypt     bool          // passes that name it are encrypted
}

// Journal records what was issued and used.
type Journal interface {
	Issued(ctx context.Context, t access.IssuedToken, membershipID string, durable bool) error
	Used(line access.Counted, use access.LastUse)
}

// Config wires a [Service]. Zero limits mean the defaults.
type Config struct {
	Holders Holders
	Tokens  Tokens
	Scene   Scene
	Journal Journal
	Guesses Guesses // nil: no bound, for tests
	Logins  *Logins // nil: nobody logs in with a password
	// Passkeys: nil where nobody logs in with one. They need Logins.
	Passkeys *Passkeys
	Once     Once    // nil: whatever may be used once is refused
	Signers  Signers // nil: no signature proves anybody
	Outside  Outside // nil: no outside issuer is trusted
	KeyHash  func(text string) [32]byte
	// AnyKeyText is for keys whose texts somebody chose: they need not have the form of ours.
	AnyKeyText bool

	Identities     Identities                               // nil: nobody logs in by a challenge
	MAC            func(purpose string, data []byte) []byte // authenticates challenges; nil: there are none
	IdentityLogins int                                      // of one identity in a minute; DefaultIdentityLogins

	NewID  func(prefix string) string
	Now    func() time.Time
	Issuer string

	DefaultLife  time.Duration // of a token when nothing is asked; 24 h
	MaxLife      time.Duration // of any token; 30 days
	MaxNetworks  int           // entries of ips; 10
	MaxAddresses int64         // addresses ips may cover; 10,000
	CachedKeys   int           // holders kept in memory; 50,000
	Strict       bool          // answer only after the record is durable
	MessageLife  time.Duration // how far ahead the time in a [TextileSignature] may lie; 30 min

	// Attempted is told of each false proof, for the record. Nil: nobody is.
	Attempted func(access.AttemptKey, time.Time)

	// Observe is told how each exchange ended: the origin of what was issued, or
	// why nothing was. Nil: nobody.
	Observe func(origin access.Origin, err error)
}

// Service is the exchange.
type Service struct {
	Config
	byHash   cache[[32]byte, cached]
	bySource cache[access.Source, cached]
	byKey    cache[string, signers]

	entries, newcomers pace
	devices            pace
	allDevices         pace
	outsideLogins      pace
	absent             cache[string, int64] // keys that there are not, as of a revision
}

// cache is what is used of an otter.Cache. As an interface, it spares every package that sees a Service to compile one anew.
type cache[K comparable, V any] interface {
	GetIfPresent(K) (V, bool)
	Set(K, V) (V, bool)
}

type cached struct {
	holder *holder
	loaded int64 // revision this node had seen before it was read
}

// New makes the exchange.
func New(c Config) *Service {
	c.DefaultLife = orDefault(c.DefaultLife, 24*time.Hour)
	c.MaxLife = orDefault(c.MaxLife, 30*24*time.Hour)
	c.MaxNetworks = orDefault(c.MaxNetworks, 10)
	c.MaxAddresses = orDefault(c.MaxAddresses, 10_000)
	c.CachedKeys = orDefault(c.CachedKeys, 50_000)
	c.MessageLife = orDefault(c.MessageLife, 30*time.Minute)
	if c.Logins != nil {
		l := *c.Logins
		l.PassLife, l.Idle, l.Life = orDefault(l.PassLife, time.Hour), orDefault(l.Idle, 30*24*time.Hour), orDefault(l.Life, 90*24*time.Hour)
		c.Logins = &l
	}
	return &Service{
		Config:   c,
		byHash:   otter.Must(&otter.Options[[32]byte, cached]{MaximumSize: c.CachedKeys}),
		bySource: otter.Must(&otter.Options[access.Source, cached]{MaximumSize: c.CachedKeys}),
		byKey:    otter.Must(&otter.Options[string, signers]{MaximumSize: c.CachedKeys}),

		entries: pace{most: orDefault(c.IdentityLogins, DefaultIdentityLogins)}, newcomers: pace{most: DefaultNewIdentities},
		devices: pace{most: DevicesPerMinute}, allDevices: pace{most: AllDevicesPerMinute}, outsideLogins: pace{most: LoginsPerMinute},
		absent: otter.Must(&otter.Options[string, int64]{MaximumSize: 4096}),
	}
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Client is where a request came from.
type Client struct {
	Address   netip.Addr
	UserAgent string
	RequestID string

	// Confirmation is the thumbprint (RFC 7638) of the key that the sender has
	// proved to hold for this very request; empty: none.
	Confirmation string
}

func (c Client) use(now time.Time) access.LastUse {
	return access.LastUse{Time: now, Address: c.Address, UserAgent: c.UserAgent}
}

// Grant is an issued token.
type Grant struct {
	Text      string
	Payload   []byte // the claims, as JSON; without roles and scope where Concealed
	Concealed bool   // the one who asked may not read what the pass may do
	ExpiresIn int64  // seconds
	Token     *access.Token
	Origin    access.Origin
}

// Exchange takes the proof, narrows its authority to the wish and mints a token.
// Errors are [*access.Error]: 400 for a wish that cannot be read, 401 for a proof
// that proves nobody, 403 for a wish beyond it or a refused renewal, 429 for too
// many guesses, 503 when this node cannot decide safely.
func (s *Service) Exchange(ctx context.Context, proof Proof, wish Wish, client Client) (grant *Grant, err error) {
	defer func() { s.observe(grant, err) }()
	now := s.Now()
	revision, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	p, err := s.prove(ctx, proof, client, now)
	if err != nil {
		return nil, err
	}
	child, err := s.narrow(p, wish, client, now)
	if err != nil {
		return nil, discreet(p, err)
	}
	child.encrypt = s.encrypts(p, wish, child)
	grant, err = s.mint(ctx, p, child, client, now, revision)
	if err != nil {
		return nil, err
	}
	return grant, conceal(p, grant)
}

func (s *Service) observe(grant *Grant, err error) {
	if s.Observe == nil {
		return
	}
	var origin access.Origin
	if grant != nil {
		origin = grant.Origin
	}
	s.Observe(origin, err)
}

// draw is the pass of a draft, without an id and outside every family.
func (s *Service) draw(p *principal, d *draft, now time.Time, revision int64) *access.Token {
	h := p.holder
	org := h.organization.Value()
	t := &access.Token{
		Issuer:         s.Issuer,
		Subject:        d.subject,
		ClientID:       clientID(h.source),
		Organization:   org.Slug,
		OrganizationID: org.ID,
		UserID:         h.userID,
		MembershipID:   h.membershipID,
		Source:         h.source,
		Authority:      d.authority,
		IssuedAt:       now.Truncate(time.Second),
		NotBefore:      now.Truncate(time.Second),
		Revision:       revision,
		Actors:         p.actors,
		Encrypted:      d.encrypt,
	}
	t.Authority.NotAfter = t.Authority.NotAfter.Truncate(time.Second)
	if d.origin != access.FromRenewal {
		t.Authority.MaxLife = t.Authority.NotAfter.Sub(t.IssuedAt)
	}
	return t
}

func (s *Service) mint(ctx context.Context, p *principal, d *draft, client Client, now time.Time, revision int64) (*Grant, error) {
	t := s.draw(p, d, now, revision)
	t.ID = s.NewID("tok")
	parentID := ""
	if p.parent != nil {
		parentID = p.parent.ID
		t.Family = p.parent.Family
		if d.origin != access.FromRenewal {
			if len(t.Family) >= access.MaxFamilyDepth {
				return nil, access.New(access.Forbidden, "narrowed_too_often", "this pass was narrowed from a narrowed one too many times; exchange the key again")
			}
			t.Family = append(append([]string(nil), t.Family...), t.ID)
		}
	}
	t.Seal()
	text, payload, err := s.Tokens.Mint(t)
	if err != nil {
		return nil, err
	}
	if t.SigningKey != "" {
		t.Lineage = append(t.Lineage, t.SigningKey)
	}
	record := access.IssuedToken{
		ID: t.ID, Head: t.Head(), ParentID: parentID,
		OrganizationID: t.OrganizationID, UserID: t.UserID, KeyID: t.KeyID, Via: t.Via,
		Origin: d.origin, Subject: t.Subject, Scopes: t.ScopeText, Roles: t.RoleText,
		Audience: joinAudiences(t.Authority.Audiences), IPs: joinNetworks(t.Authority.Networks),
		Renewable: t.Authority.Renewable, IssuedAt: t.IssuedAt, Expires: t.Authority.NotAfter,
		Revision: revision, From: client.use(now), Lineage: t.Lineage, Actors: actorNames(t.Actors),
	}
	if err := s.Journal.Issued(ctx, record, t.MembershipID, s.Strict); err != nil {
		return nil, err
	}
	return &Grant{Text: text, Payload: payload, ExpiresIn: int64(t.Authority.NotAfter.Sub(t.IssuedAt) / time.Second), Token: t, Origin: d.origin}, nil
}
