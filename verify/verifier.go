package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config says whose tokens a [Verifier] accepts. Issuer, Audience and JWKSURL must be set.
type Config struct {
	Issuer   string   // the iss of the tokens, exactly
	Audience []string // what this service is, such as "acme/photos"; a token must be for one of them

	// JWKSURL is where the public keys are: …/.well-known/jwks.json. It must be https; plain http is taken for a loopback
	// address, and elsewhere only with AllowHTTP, for networks that nobody else can write to.
	JWKSURL   string
	AllowHTTP bool

	// FeedURL is where the revocations are: …/v1/feed, on the same terms as JWKSURL. With it, [Verifier.Run] must be running, and
	// tokens are refused as soon as they are revoked. Empty: a revoked token is accepted until it expires.
	FeedURL string
	// FeedCredential returns what may read the feed: a key or pass of an administrator with the scope daypass:feed:read. It is
	// called for each question, so it can hand out a renewed pass.
	FeedCredential func() string
	// MaxStale is how old the news may get before every token is refused with [ErrStale]: 30 s if zero, 3 s or more.
	MaxStale time.Duration

	// ClientAddress tells the middleware where a request comes from, for tokens bound to addresses. Nil stands for the peer of
	// the connection, which is right unless a proxy stands between.
	ClientAddress func(*http.Request) netip.Addr

	// RequestURL tells the middleware the URL that the client asked for, which the proofs of bound tokens name (RFC 9449). Nil
	// stands for scheme, Host and path of the connection, which is right unless a proxy stands between, or the service answers
	// to any Host: as the client chooses that, a proof for another host would do.
	RequestURL func(*http.Request) string
	// FirstUse says whether a proof is used for the first time; id is worthless after until. An error refuses the proof. Nil stands
	// for a memory of this Verifier alone: services of several processes share one, lest a proof be used once at each.
	FirstUse func(ctx context.Context, id string, until time.Time) (bool, error)
	// DecryptionKeys returns the keys for encrypted tokens, which are refused if it is nil. It is called for each of them, so that keys can be
	// exchanged while the Verifier is in use.
	DecryptionKeys func() DecryptionKeys

	HTTPClient *http.Client     // nil: http.DefaultClient. Redirects are never followed, cookies never sent
	Now        func() time.Time // nil: time.Now
}

// Verifier checks access tokens of one issuer, offline but for the fetching of its public keys: on first use, every 5 minutes,
// and at an unknown key id, at most once a minute. When the source does not answer, the last good keys serve for an hour;
// then every check is refused with [ErrUnavailable]. With a feed it refuses revoked tokens too. It is safe for concurrent use.
type Verifier struct {
	issuer   string
	audience []string
	address  func(*http.Request) netip.Addr
	url      func(*http.Request) string
	firstUse func(ctx context.Context, id string, until time.Time) (bool, error)
	now      func() time.Time
	keys     *keyCache
	feed     *follower // nil: revocations are not known here
	decrypts func() DecryptionKeys
}

// New returns a Verifier. It fetches nothing yet.
func New(config Config) (*Verifier, error) {
	if config.Issuer == "" {
		return nil, errors.New("verify: Config.Issuer must be set")
	}
	if len(config.Audience) == 0 || slices.Contains(config.Audience, "") {
		return nil, errors.New("verify: Config.Audience must name this service")
	}
	if err := checkURL("JWKSURL", config.JWKSURL, config.AllowHTTP); err != nil {
		return nil, err
	}
	v := &Verifier{
		issuer:   config.Issuer,
		audience: slices.Clone(config.Audience),
		address:  config.ClientAddress,
		url:      config.RequestURL,
		firstUse: config.FirstUse,
		now:      config.Now,
		decrypts: config.DecryptionKeys,
	}
	if v.address == nil {
		v.address = peerAddress
	}
	if v.now == nil {
		v.now = time.Now
	}
	if v.url == nil {
		v.url = requestURL
	}
	if v.firstUse == nil {
		v.firstUse = newProofMemory(v.now).first
	}
	client := config.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	v.keys = &keyCache{fetch: fetchKeySet(client, config.JWKSURL), now: v.now}
	if config.FeedURL == "" {
		return v, nil
	}
	var err error
	if v.feed, err = newFollower(config, client); err != nil {
		return nil, err
	}
	v.feed.signed, v.feed.now = v.feedPage, v.now
	return v, nil
}

// Run follows the revocation feed until ctx ends, and returns its error. Start it in a goroutine of its own, once: without
// it, a Verifier with a FeedURL refuses every token with [ErrStale].
func (v *Verifier) Run(ctx context.Context) error {
	if v.feed == nil {
		return errors.New("verify: Config.FeedURL is not set, so there is nothing to follow")
	}
	return v.feed.run(ctx)
}

func checkURL(name, raw string, allowHTTP bool) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("verify: Config.%s must be an absolute URL without a user", name)
	}
	if u.Scheme == "https" || (u.Scheme == "http" && (allowHTTP || isLoopback(u.Hostname()))) {
		return nil
	}
	return fmt.Errorf("verify: Config.%s must be https; what is fetched over plain http can be read and exchanged on the way", name)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

func peerAddress(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr, _ := netip.ParseAddr(host)
	return addr
}

// Verify checks a token that may come from anywhere. One that is bound to addresses is refused with [ErrAddress]: use
// [Verifier.VerifyFrom]. One that is bound to a sender's key is refused with [ErrSender]: use [Verifier.VerifyRequest]. Every error is an *[Error].
func (v *Verifier) Verify(ctx context.Context, token string) (*Claims, error) {
	return v.VerifyFrom(ctx, token, netip.Addr{})
}

// VerifyFrom checks a token used from the address client: signature, kind, issuer, audience, time, revocation if there is a feed, address. Scopes are for the caller
// to check, with [Claims.HasScope] or [RequireScope]. Every error is an *[Error].
func (v *Verifier) VerifyFrom(ctx context.Context, token string, client netip.Addr) (*Claims, error) {
	claims, err := v.verify(ctx, token, client)
	if err == nil && claims.Confirmation != nil {
		return nil, ErrSender
	}
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// verify checks all but the sender's key.
func (v *Verifier) verify(ctx context.Context, token string, client netip.Addr) (*Claims, error) {
	token, envelope, err := v.opened(token)
	if err != nil {
		return nil, err
	}
	payload, kid, err := v.signed(ctx, token, TypAccess)
	if err != nil {
		return nil, err
	}
	claims, err := ReadClaims(payload)
	if err != nil {
		return nil, err
	}
	if err := claims.CheckEnvelope(envelope); err != nil {
		return nil, err
	}
	claims.lineage = append(claims.lineage, kid) // a key that leaked is revoked like what it signed
	return claims, v.accepts(ctx, claims, client)
}

// opened returns the signed token, which an encrypted one has inside, and the key that it was encrypted with.
func (v *Verifier) opened(token string) (signed, kid string, err error) {
	if !IsEncrypted(token) {
		return token, "", nil
	}
	if v.decrypts == nil {
		return "", "", ErrDecryption
	}
	return v.decrypts().Decrypt(token)
}

func (v *Verifier) feedPage(ctx context.Context, text, typ string) ([]byte, error) {
	payload, _, err := v.signed(ctx, text, typ)
	return payload, err
}

func (v *Verifier) signed(ctx context.Context, token, typ string) (payload []byte, kid string, err error) {
	// What cannot be a token is refused before any key is fetched for it.
	parts, err := split(token, typ)
	if err != nil {
		return nil, "", err
	}
	if _, err := readHeader(parts[0]); err != nil {
		return nil, "", err
	}
	set, err := v.keys.current(ctx)
	if err != nil {
		return nil, "", err
	}
	payload, kid, err = set.Verify(token, typ)
	if !errors.Is(err, ErrUnknownKey) {
		return payload, kid, err
	}
	interval := fetchInterval
	if typ == TypFeed {
		interval = firstInterval
	}
	if set, err = v.keys.renewed(ctx, interval); err != nil {
		return nil, "", err
	}
	payload, kid, err = set.Verify(token, typ)
	return payload, kid, err
}

func (v *Verifier) accepts(ctx context.Context, c *Claims, client netip.Addr) error {
	if c.Issuer != v.issuer {
		return ErrIssuer
	}
	if !slices.ContainsFunc(v.audience, c.Audience.Covers) {
		return ErrAudience
	}
	if err := c.CheckTime(v.now()); err != nil {
		return err
	}
	if v.feed != nil {
		if err := v.feed.check(ctx, c); err != nil {
			return err
		}
	}
	if !c.AllowsAddress(client) {
		return ErrAddress
	}
	return nil
}

// presented takes the token from the one place where it may be (RFC 6750, 2.1; RFC 9449, 7.1): not from a form, not from the
// address. The scheme says whether it is one that is bound to a key.
func presented(r *http.Request) (token string, byKey bool, err error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", false, ErrMissing
	}
	if len(values) > 1 {
		return "", false, ErrMalformed.because("send one Authorization header, not several")
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	byKey = strings.EqualFold(scheme, DPoPScheme)
	if !ok || !byKey && !strings.EqualFold(scheme, "Bearer") {
		return "", false, ErrMissing
	}
	return token, byKey, nil
}
