package exchange

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Defaults of what is bounded, per minute and server.
const (
	DefaultIdentityLogins = 10 // of one identity
	DefaultNewIdentities  = 30 // from one address, or IPv6 network of 64 bits, unless a backend brokers them
)

var errIdentityGone = access.New(access.Unauthenticated, "identity_forgotten", "this identity was forgotten while it logged in; log in again")

// logIn finds the identity of a public key, or makes it at its first login.
func (s *Service) logIn(ctx context.Context, c *challenge, group *holder, client Client, now time.Time) (*principal, error) {
	name := c.keyID + " " + c.publicKey.String()
	if wait := s.entries.take(name, now); wait > 0 {
		e := access.New(access.TooMany, "too_many_logins", "this identity logs in too often; keep the pass and use it until it ends")
		e.RetryAfter = wait
		return nil, e
	}
	identity, err := s.Identities.IdentityByPublicKey(ctx, c.keyID, c.publicKey.String())
	if errors.Is(err, access.ErrNotFound) {
		identity, err = s.enroll(ctx, c, group, client, now)
	}
	if err != nil {
		return nil, err
	}
	h, err := s.holderOf(ctx, access.Source{KeyID: c.keyID, KeyVersion: c.version, Via: identity.ID}, now)
	if errors.Is(err, access.ErrNotFound) {
		err = errIdentityGone
	}
	if err != nil {
		return nil, err
	}
	if err := h.live(now); err != nil {
		return nil, err
	}
	return &principal{holder: h, subject: identity.ID, authority: h.authority}, nil
}

func (s *Service) enroll(ctx context.Context, c *challenge, group *holder, client Client, now time.Time) (access.Identity, error) {
	if !c.brokered {
		if wait := s.newcomers.take(NetworkOf(client.Address).String(), now); wait > 0 {
			e := access.New(access.TooMany, "too_many_new_identities", "too many new identities come from this address; log in with one there is, or wait")
			e.RetryAfter = wait
			return access.Identity{}, e
		}
	}
	identity, err := s.Identities.Enroll(ctx, group.organization.Value().ID, c.keyID, c.publicKey.String(), client.RequestID, client.use(now))
	if errors.Is(err, access.ErrNotFound) { // deleted on another server, of which this one has not heard
		err = errNoGroup
	}
	return identity, err
}

// NetworkOf is an address, or for IPv6 the first of the smallest network that is
// given out: whoever has one address of it has all.
func NetworkOf(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		network, _ := address.Prefix(64)
		address = network.Addr()
	}
	return address
}

// pace bounds how often a name comes in a minute of the clock.
type pace struct {
	most int

	mu     sync.Mutex
	minute int64
	counts map[string]int
}

// maxPaced is how many names are counted in one minute. Those beyond are not, for
// then so many come that the bound on one hardly matters.
const maxPaced = 1 << 16

// take counts one, or says how long to wait.
func (p *pace) take(name string, now time.Time) (wait time.Duration) {
	minute := now.Unix() / 60
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counts == nil || p.minute != minute {
		p.minute, p.counts = minute, make(map[string]int)
	}
	n, known := p.counts[name]
	switch {
	case n >= p.most:
		return time.Unix((minute+1)*60, 0).Sub(now)
	case known || len(p.counts) < maxPaced:
		p.counts[name] = n + 1
	}
	return 0
}

// UserAuth is what a backend hands on to a browser beside the pass of its user,
// so that it can sign for a while as the backend's key: Textile's form.
type UserAuth struct {
	Key string // id of the key
	Msg string // a time, RFC 3339; the signature holds until then
	Sig string // multibase of HMAC-SHA-256 over Msg
}

// userAuthLife keeps below what is accepted, for clocks that differ.
const userAuthLife = 25 * time.Minute

// UserAuth signs for the user-group key of a grant; nil for one without a secret.
func (s *Service) UserAuth(ctx context.Context, g *Grant) (*UserAuth, error) {
	t := g.Token
	h, err := s.holderOf(ctx, t.Source, s.Now())
	if err != nil || !h.signs {
		return nil, err
	}
	secret, err := s.secretOf(ctx, t.Source)
	if err != nil || secret == nil {
		return nil, err
	}
	until := s.Now().Add(userAuthLife)
	if t.Authority.NotAfter.Before(until) {
		until = t.Authority.NotAfter
	}
	auth := &UserAuth{Key: t.KeyID, Msg: until.UTC().Format("2006-01-02T15:04:05.000") + handedOffset}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(auth.Msg))
	auth.Sig = "b" + base32Lower.EncodeToString(m.Sum(nil))
	return auth, nil
}

// secretOf is what a key signs with, in one version of its secret; nil for one that
// signs with a private key of its own.
func (s *Service) secretOf(ctx context.Context, of access.Source) ([]byte, error) {
	if s.Signers == nil {
		return nil, errNoGroup
	}
	list, err := s.Signers.SignersOf(ctx, of.KeyID, s.Now())
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return nil, err
	}
	for _, signer := range list {
		if signer.Holder.Version == of.KeyVersion {
			return signer.Secret, nil
		}
	}
	return nil, errNoGroup // rotated, or deleted, since the pass was made
}
