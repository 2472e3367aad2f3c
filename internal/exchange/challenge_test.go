package exchange_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// identities are found in the store and made by the office.
type identities struct {
	*admin.Service
	store *store.Store
}

func (i identities) GroupHolder(ctx context.Context, keyID string) (*access.Holder, error) {
	return i.store.GroupHolder(ctx, keyID)
}

func (i identities) IdentityByPublicKey(ctx context.Context, keyID, publicKey string) (access.Identity, error) {
	return i.store.IdentityByPublicKey(ctx, keyID, publicKey)
}

// node is one more server on the world's store.
func (w *world) node(sealer *seal.Sealer, logins int) *exchange.Service {
	office := admin.New(admin.Config{Store: w.store, Sealer: sealer, Now: w.now, Committed: func(context.Context, int64) error { return nil }})
	c := w.desk.Config
	c.Identities, c.MAC, c.IdentityLogins = identities{office, w.store}, sealer.MAC, logins
	c.Once = meter.NewOnce(w.store, w.now)
	return exchange.New(c)
}

func (w *world) groupKey() access.Key {
	w.t.Helper()
	_, k := w.key(func(k *access.Key) { k.Kind, k.Roles = access.KeyUserGroup, nil })
	return k
}

func seeded(i int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%032d", i)))
}

func ask(t testing.TB, s *exchange.Service, key string, private ed25519.PrivateKey) *exchange.Challenge {
	t.Helper()
	c, err := s.Challenge(context.Background(), exchange.ChallengeAsk{PublicKey: base64.RawURLEncoding.EncodeToString(private.Public().(ed25519.PublicKey)), Key: key}, nil, home)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(s *exchange.Service, c *exchange.Challenge, private ed25519.PrivateKey, from exchange.Client) (*exchange.Grant, error) {
	proof := exchange.Answer{Challenge: c.ID, Signature: ed25519.Sign(private, exchange.ChallengeText(issuer, c.ID, c.Value))}
	return s.Exchange(context.Background(), proof, exchange.Wish{}, from)
}

// TestChallengeAcrossNodes: any server knows a challenge of another, and all together take it once.
func TestChallengeAcrossNodes(t *testing.T) {
	w := newWorld(t)
	group := w.groupKey()
	one, two := w.node(w.sealer, 0), w.node(w.sealer, 0)
	stranger := w.node(seal.NewSealer(seal.NewMasterKey()), 0)
	me := seeded(1)
	c := ask(t, one, group.ID, me)
	if len(c.Value) != 43 || c.ExpiresIn != 60 {
		t.Errorf("the challenge is %+v", c)
	}
	if _, err := answer(stranger, c, me, home); access.AsError(err).Code != "challenge_unknown" {
		t.Errorf("with another master key: %v", err)
	}
	elsewhere := home
	elsewhere.Address = netip.MustParseAddr("192.0.2.8")
	if _, err := answer(two, c, me, elsewhere); access.AsError(err).Code != "challenge_unknown" {
		t.Errorf("from another address: %v", err)
	}
	grant, err := answer(two, c, me, home)
	if err != nil {
		t.Fatal(err)
	}
	if p := payload(t, grant); p["via"] != p["sub"] || p["uid"] != w.user.ID || p["key"] != group.ID || !strings.HasPrefix(p["sub"].(string), "idn_") {
		t.Errorf("the pass is %s", grant.Payload)
	}
	for name, node := range map[string]*exchange.Service{"the same": two, "the other": one} {
		if _, err := answer(node, c, me, home); access.AsError(err).Code != "challenge_used" {
			t.Errorf("again at %s server: %v", name, err)
		}
	}
	if c, d := ask(t, one, group.ID, me), ask(t, one, group.ID, me); c.Value == d.Value || c.ID == d.ID {
		t.Error("two challenges are one")
	}
	w.clock = w.clock.Add(10 * time.Second)
	c = ask(t, one, group.ID, me)
	w.clock = w.clock.Add(-2 * time.Second)
	if _, err := answer(two, c, me, home); err != nil {
		t.Errorf("at a server whose clock is two seconds behind: %v", err)
	}
	w.clock = w.clock.Add(2 * time.Second)
	c = ask(t, one, group.ID, me)
	w.clock = w.clock.Add(exchange.ChallengeLife)
	if _, err := answer(one, c, me, home); access.AsError(err).Code != "challenge_expired" {
		t.Errorf("a minute later: %v", err)
	}
	w.clock = w.clock.Add(-2 * exchange.ChallengeLife)
	if _, err := answer(one, c, me, home); access.AsError(err).Code != "challenge_expired" {
		t.Errorf("with the clock set back before it was made: %v", err)
	}
}

// TestChallengePace: so many logins of one identity in a minute; the next minute is another.
func TestChallengePace(t *testing.T) {
	w := newWorld(t)
	w.clock = w.clock.Truncate(time.Minute).Add(time.Minute)
	group, node := w.groupKey(), w.node(w.sealer, 2)
	me, other := seeded(1), seeded(2)
	in := func(private ed25519.PrivateKey) error {
		_, err := answer(node, ask(t, node, group.ID, private), private, home)
		return err
	}
	for i := range 4 {
		err := in(me)
		if i < 2 && err != nil || i >= 2 && (access.AsError(err).Code != "too_many_logins" || access.AsError(err).RetryAfter != time.Minute) {
			t.Errorf("login %d: %v", i, err)
		}
	}
	if err := in(other); err != nil {
		t.Errorf("another identity: %v", err)
	}
	w.clock = w.clock.Add(time.Minute)
	if err := in(me); err != nil {
		t.Errorf("the next minute: %v", err)
	}
}

// TestChallengeNeedsAll: without a part of what it takes, nobody logs in.
func TestChallengeNeedsAll(t *testing.T) {
	w := newWorld(t)
	group, node := w.groupKey(), w.node(w.sealer, 0)
	me := seeded(1)
	c := ask(t, node, group.ID, me)
	for name, drop := range map[string]func(*exchange.Config){
		"identities": func(c *exchange.Config) { c.Identities = nil },
		"a MAC":      func(c *exchange.Config) { c.MAC = nil },
		"once":       func(c *exchange.Config) { c.Once = nil },
	} {
		config := node.Config
		drop(&config)
		if g, err := answer(exchange.New(config), c, me, home); err == nil {
			t.Errorf("without %s: %s", name, g.Payload)
		}
	}
	w.stale = true
	if _, err := answer(node, c, me, home); access.AsError(err).Code != "stale_view" {
		t.Errorf("without a view: %v", err)
	}
}

// BenchmarkLogin is one whole login of an identity that is known: both requests, without HTTP.
func BenchmarkLogin(b *testing.B) {
	w := newWorld(b)
	group, node := w.groupKey(), w.node(w.sealer, 1<<30)
	node.Once = meter.NewLoneOnce(context.Background(), nil, w.now)
	me := seeded(1)
	if _, err := answer(node, ask(b, node, group.ID, me), me, home); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := answer(node, ask(b, node, group.ID, me), me, home); err != nil {
			b.Fatal(err)
		}
		if i%1000 != 0 {
			continue
		}
		if err := w.journal.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
