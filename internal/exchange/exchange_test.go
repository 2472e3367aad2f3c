package exchange_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/token"
	"github.com/daypass/daypass/scope"
)

const issuer = "https://pass.example"

var home = exchange.Client{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "test"}

// world is a real store and keyset with the exchange over them, and a clock that
// the test moves.
type world struct {
	t       testing.TB
	store   *store.Store
	sealer  *seal.Sealer
	desk    *exchange.Service
	journal *meter.Recorder
	clock   time.Time
	stale   bool
	org     access.Organization
	user    access.User
	member  access.Membership
	apps    *catalog.Catalog
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx := context.Background()
	st, err := store.Open(ctx, store.Config{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w := &world{t: t, store: st, sealer: seal.NewSealer(seal.NewMasterKey()), clock: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	w.org = access.Organization{ID: seal.NewID("org"), Slug: "acme", Name: "Acme", Active: true, Created: w.clock}
	w.user = access.User{ID: seal.NewID("usr"), Name: "ci", Active: true, Created: w.clock}
	photos := access.Application{ID: seal.NewID("app"), OrganizationID: w.org.ID, Organization: "acme", Slug: "photos", Active: true, Created: w.clock,
		Document: []byte("application: photos\nupstream: http://127.0.0.1:9\ntokens: { default_life: 600, max_life: 7200 }\nresources: [{match: GET /, access: public}]\n")}
	w.member = access.Membership{ID: seal.NewID("mem"), OrganizationID: w.org.ID, UserID: w.user.ID, Active: true, Created: w.clock,
		Roles: []access.Role{{Name: access.Developer, OrganizationID: w.org.ID}, {Name: access.Consumer, OrganizationID: w.org.ID, ApplicationID: photos.ID}}}
	w.change(func(tx *store.Tx) error {
		if err := tx.InsertOrganization(w.org); err != nil {
			return err
		}
		if err := tx.PutApplication(photos); err != nil {
			return err
		}
		if err := tx.InsertUser(w.user); err != nil {
			return err
		}
		return tx.InsertMembership(w.member)
	})
	app, err := catalog.Compile(photos)
	if err != nil {
		t.Fatal(err)
	}
	w.apps = w.apps.With(app)
	keys := token.NewKeyset(issuer, w.now)
	signing, err := token.GenerateKey("ES256", w.clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Replace([]token.SigningKey{signing}); err != nil {
		t.Fatal(err)
	}
	w.journal = meter.New(st)
	w.desk = exchange.New(exchange.Config{
		Holders: st, Tokens: keys, Scene: w, Journal: w.journal, KeyHash: w.sealer.KeyHash, NewID: seal.NewID, Now: w.now, Issuer: issuer,
	})
	return w
}

func (w *world) now() time.Time { return w.clock }

func (w *world) change(fn func(*store.Tx) error) {
	w.t.Helper()
	_, err := w.store.Change(context.Background(), access.Actor{}, "", w.clock, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Record("test.changed", w.org.ID, "", nil)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// The world is also the scene: a view that is always level with the store.

func (w *world) Revision(time.Time) (int64, error) {
	if w.stale {
		return 0, access.New(access.Unavailable, "stale_view", "stale")
	}
	return w.store.Head(context.Background())
}

func (w *world) Revoked(t *access.Token, now time.Time) (string, bool) {
	list, err := w.store.RevocationsSince(context.Background(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return gate.NewRevocations(list...).Revoked(t, now)
}

func (w *world) Changed(string) int64 {
	head, _ := w.store.Head(context.Background())
	return head
}

func (w *world) Application(org, slug string) (exchange.Application, bool) {
	app := w.apps.Named(org + "/" + slug)
	if app == nil {
		return exchange.Application{}, false
	}
	return exchange.Application{Audience: app.Audience(), DefaultLife: app.Document.Tokens.DefaultLife, MaxLife: app.Document.Tokens.MaxLife}, true
}

// key stores a key of the world's user and returns its text.
func (w *world) key(edit func(*access.Key)) (text string, k access.Key) {
	w.t.Helper()
	text = seal.NewKeyText("live")
	k = access.Key{ID: seal.NewID("key"), OrganizationID: w.org.ID, UserID: w.user.ID, Kind: access.KeyLive, Scopes: scopes("photos:*"),
		Roles: w.member.Roles, Version: 1, Created: w.clock}
	if edit != nil {
		edit(&k)
	}
	w.change(func(tx *store.Tx) error { return tx.InsertKey(k, w.sealer.KeyHash(text), nil) })
	return text, k
}

func scopes(list ...string) scope.Set {
	set, err := scope.ParseSet(list)
	if err != nil {
		panic(err)
	}
	return set
}

func (w *world) must(credential string, wish exchange.Wish) *exchange.Grant {
	w.t.Helper()
	g, err := w.desk.Exchange(context.Background(), exchange.Credential(credential), wish, home)
	if err != nil {
		w.t.Fatalf("exchange: %v", err)
	}
	return g
}

func (w *world) refused(code string, kind access.Kind, credential string, wish exchange.Wish, client exchange.Client) {
	w.t.Helper()
	g, err := w.desk.Exchange(context.Background(), exchange.Credential(credential), wish, client)
	if err == nil {
		w.t.Fatalf("want %s, got a token: %s", code, g.Payload)
	}
	if e := access.AsError(err); e.Code != code || e.Kind != kind {
		w.t.Fatalf("want %s (%d), got %v (%d)", code, kind, err, e.Kind)
	}
	if strings.Contains(err.Error(), credential) && credential != "" {
		w.t.Fatal("the error holds the credential")
	}
}

func ptr[T any](v T) *T { return &v }

func payload(t testing.TB, g *exchange.Grant) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(g.Payload, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDefaults(t *testing.T) {
	w := newWorld(t)
	text, k := w.key(nil)
	g := w.must(text, exchange.Wish{})
	p := payload(t, g)
	if g.ExpiresIn != 86400 || p["exp"].(float64)-p["iat"].(float64) != 86400 || p["expt"].(float64) != 86400 {
		t.Errorf("a pass lasts a day by default: %s", g.Payload)
	}
	if p["rn"] != false || p["ips"] != nil {
		t.Errorf("not bound to addresses, so not renewable by default: %s", g.Payload)
	}
	if p["sub"] != w.user.ID || p["key"] != k.ID || p["org"] != "acme" || p["aud"] != "acme" || p["iss"] != issuer || p["scope"] != "photos:*" {
		t.Errorf("claims: %s", g.Payload)
	}
}

func TestApplicationDefaults(t *testing.T) {
	w := newWorld(t)
	text, _ := w.key(nil)
	if g := w.must(text, exchange.Wish{Audience: &[]string{"photos"}}); g.ExpiresIn != 600 || payload(t, g)["aud"] != "acme/photos" {
		t.Errorf("the application's default life is 600 s: %s", g.Payload)
	}
	w.must(text, exchange.Wish{Audience: &[]string{"acme/photos"}, ExpiresIn: ptr(int64(7200))})
	w.refused("life_exceeded", access.Forbidden, text, exchange.Wish{Audience: &[]string{"photos"}, ExpiresIn: ptr(int64(7201))}, home)
	whole := w.must(text, exchange.Wish{IPs: &[]string{"request_ip"}})
	w.refused("life_exceeded", access.Forbidden, whole.Text, exchange.Wish{Audience: &[]string{"photos"}, ExpiresIn: ptr(int64(7201))}, home)
	if g := w.must(whole.Text, exchange.Wish{Audience: &[]string{"photos"}}); g.ExpiresIn != 7200 {
		t.Errorf("narrowed to an application, a pass lasts what that allows, not %d s", g.ExpiresIn)
	}
	w.refused("audience_exceeded", access.Forbidden, text, exchange.Wish{Audience: &[]string{"nope"}}, home)
	w.refused("audience_exceeded", access.Forbidden, text, exchange.Wish{Audience: &[]string{"other/photos"}}, home)
}

func TestAddresses(t *testing.T) {
	w := newWorld(t)
	text, _ := w.key(nil)
	g := w.must(text, exchange.Wish{IPs: &[]string{"request_ip", "10.0.0.0/24", "::ffff:192.0.2.9"}})
	p := payload(t, g)
	want := []any{"10.0.0.0/24", "192.0.2.7", "192.0.2.9"}
	if got, _ := p["ips"].([]any); !slices.Equal(got, want) || p["rn"] != true {
		t.Errorf("ips %v, renewable %v", p["ips"], p["rn"])
	}
	if p := payload(t, w.must(text, exchange.Wish{IPs: &[]string{"request_ip"}, Renewable: ptr(false)})); p["rn"] != false {
		t.Error("renewable: false was not kept")
	}
	if p := payload(t, w.must(text, exchange.Wish{NoIPProtection: true, Renewable: ptr(true)})); p["rn"] != true || p["ips"] != nil {
		t.Errorf("no_ip_protection: %v", p)
	}
	eleven := slices.Repeat([]string{"192.0.2.1"}, 11)
	for _, bad := range []struct {
		code string
		wish exchange.Wish
	}{
		{"ips_and_no_ip_protection", exchange.Wish{IPs: &[]string{"request_ip"}, NoIPProtection: true}},
		{"invalid_ips", exchange.Wish{IPs: &[]string{}}},
		{"invalid_ips", exchange.Wish{IPs: &eleven}},
		{"ips_too_wide", exchange.Wish{IPs: &[]string{"10.0.0.0/18"}}},
		{"ips_too_wide", exchange.Wish{IPs: &[]string{"2001:db8::/48"}}},
		{"ips_too_wide", exchange.Wish{IPs: &[]string{"::/0"}}},
		{"invalid_network", exchange.Wish{IPs: &[]string{"request-ip"}}},
		{"invalid_network", exchange.Wish{IPs: &[]string{"192.0.2.5/24"}}},
	} {
		w.refused(bad.code, access.Malformed, text, bad.wish, home)
	}
	w.must(text, exchange.Wish{IPs: &[]string{"10.0.0.0/19"}})
	bound, _ := w.key(func(k *access.Key) {
		k.Networks, _ = access.ParseNetworks([]string{"192.0.2.0/24"})
	})
	w.refused("network_exceeded", access.Forbidden, bound, exchange.Wish{NoIPProtection: true}, home)
	w.refused("network_exceeded", access.Forbidden, bound, exchange.Wish{IPs: &[]string{"198.51.100.1"}}, home)
	w.refused("wrong_address", access.Unauthenticated, bound, exchange.Wish{}, exchange.Client{Address: netip.MustParseAddr("198.51.100.1")})
	if p := payload(t, w.must(bound, exchange.Wish{})); p["ips"] == nil || p["rn"] != true {
		t.Errorf("a pass of a bound key is bound: %v", p)
	}
}

func TestRenewal(t *testing.T) {
	w := newWorld(t)
	text, _ := w.key(nil)
	first := w.must(text, exchange.Wish{IPs: &[]string{"request_ip"}, ExpiresIn: ptr(int64(1000))})
	w.clock = w.clock.Add(900 * time.Second)
	second := w.must(first.Text, exchange.Wish{})
	a, b := payload(t, first), payload(t, second)
	if b["exp"].(float64)-a["exp"].(float64) != 900 || b["expt"] != a["expt"] || b["rn"] != true {
		t.Errorf("a renewal lasts what the first was granted: %s then %s", first.Payload, second.Payload)
	}
	if b["fam"].([]any)[0] != a["jti"] || b["jti"] == a["jti"] {
		t.Errorf("a renewal stays in its family: %s", second.Payload)
	}
	if p := payload(t, w.must(second.Text, exchange.Wish{ExpiresIn: ptr(int64(10))})); p["expt"] != a["expt"] {
		t.Errorf("a shorter renewal may be followed by a full one: %v", p)
	}
	w.refused("life_exceeded", access.Forbidden, second.Text, exchange.Wish{ExpiresIn: ptr(int64(1001))}, home)
	w.refused("network_exceeded", access.Forbidden, second.Text, exchange.Wish{NoIPProtection: true}, home)
	w.refused("wrong_address", access.Unauthenticated, second.Text, exchange.Wish{}, exchange.Client{Address: netip.MustParseAddr("192.0.2.8")})
	w.clock = w.clock.Add(1030 * time.Second)
	w.refused("token_expired", access.Forbidden, second.Text, exchange.Wish{}, home)
	if _, err := w.desk.Authenticate(context.Background(), exchange.Credential(second.Text), home); access.AsError(err).Kind != access.Unauthenticated {
		t.Errorf("at the door an expired pass proves nobody: %v", err)
	}
}

func TestNotRenewable(t *testing.T) {
	w := newWorld(t)
	text, _ := w.key(nil)
	g := w.must(text, exchange.Wish{ExpiresIn: ptr(int64(1000))})
	for _, wish := range []exchange.Wish{
		{}, {ExpiresIn: ptr(int64(10))}, {Scopes: &[]string{"photos:*"}}, {Scopes: &[]string{"photos:**"}}, {Renewable: ptr(true)},
		{Renewable: ptr(true), Scopes: &[]string{"photos:read"}},
	} {
		w.refused("not_renewable", access.Forbidden, g.Text, wish, home)
	}
	w.clock = w.clock.Add(400 * time.Second)
	narrow := w.must(g.Text, exchange.Wish{Scopes: &[]string{"photos:read"}})
	p, parent := payload(t, narrow), payload(t, g)
	if p["exp"] != parent["exp"] || p["rn"] != false || p["scope"] != "photos:read" {
		t.Errorf("narrowed: %s", narrow.Payload)
	}
	w.refused("life_exceeded", access.Forbidden, g.Text, exchange.Wish{Scopes: &[]string{"photos:read"}, ExpiresIn: ptr(int64(601))}, home)
	w.refused("scope_exceeded", access.Forbidden, narrow.Text, exchange.Wish{Scopes: &[]string{"photos:write"}}, home)
}

func TestNarrowingHasAnEnd(t *testing.T) {
	w := newWorld(t)
	text, _ := w.key(func(k *access.Key) { k.Scopes = scopes("*") })
	wish := "a:b:c:d:e:f:g:h:i:j"
	g := w.must(text, exchange.Wish{Scopes: &[]string{"a:*"}})
	for depth := 2; depth <= access.MaxFamilyDepth; depth++ {
		g = w.must(g.Text, exchange.Wish{Scopes: &[]string{wish[:2*depth-1] + ":*"}})
	}
	w.refused("narrowed_too_often", access.Forbidden, g.Text, exchange.Wish{Scopes: &[]string{wish}}, home)
}

func TestScopesAndRoles(t *testing.T) {
	w := newWorld(t)
	text, _ := w.key(nil)
	p := payload(t, w.must(text, exchange.Wish{Scopes: &[]string{"photos:read", "photos:w*"}, Roles: &[]string{"consumer@photos"}}))
	roles := p["roles"].([]any)
	if p["scope"] != "photos:read photos:w*" || len(roles) != 1 || roles[0].(map[string]any)["role_name"] != "consumer" || roles[0].(map[string]any)["accid"] != w.org.ID {
		t.Errorf("%v", p)
	}
	if p := payload(t, w.must(text, exchange.Wish{Roles: &[]string{"developer@photos"}})); p["roles"].([]any)[0].(map[string]any)["appid"] == nil {
		t.Errorf("a role of the organization may be narrowed to an application: %v", p)
	}
	w.refused("scope_exceeded", access.Forbidden, text, exchange.Wish{Scopes: &[]string{"*"}}, home)
	w.refused("scope_exceeded", access.Forbidden, text, exchange.Wish{Scopes: &[]string{"photos"}}, home)
	w.refused("invalid_scope", access.Malformed, text, exchange.Wish{Scopes: &[]string{"!photos:read"}}, home)
	w.refused("role_exceeded", access.Forbidden, text, exchange.Wish{Roles: &[]string{"administrator"}}, home)
	w.refused("role_exceeded", access.Forbidden, text, exchange.Wish{Roles: &[]string{"consumer"}}, home)
	w.refused("role_exceeded", access.Forbidden, text, exchange.Wish{Roles: &[]string{"developer@unknown"}}, home)
	w.refused("invalid_role", access.Malformed, text, exchange.Wish{Roles: &[]string{"a b"}}, home)
	many := slices.Repeat([]string{"photos:read"}, exchange.MaxScopes+1)
	w.refused("too_many_scopes", access.Malformed, text, exchange.Wish{Scopes: &many}, home)
	w.refused("invalid_confirmation", access.Malformed, text, exchange.Wish{Confirmation: "x"}, home)
	w.refused("invalid_expires_in", access.Malformed, text, exchange.Wish{ExpiresIn: ptr(int64(0))}, home)
	w.refused("invalid_expires_in", access.Malformed, text, exchange.Wish{ExpiresIn: ptr(int64(-5))}, home)
	w.refused("life_exceeded", access.Forbidden, text, exchange.Wish{ExpiresIn: ptr(int64(31 * 86400))}, home)
}

func TestNamedSubjects(t *testing.T) {
	w := newWorld(t)
	plain, _ := w.key(nil)
	backend, _ := w.key(func(k *access.Key) { k.MayNameSubjects = true })
	w.refused("subject_not_allowed", access.Forbidden, plain, exchange.Wish{Subject: "alice"}, home)
	g := w.must(backend, exchange.Wish{Subject: "alice@example.com", IPs: &[]string{"198.51.100.0/24"}})
	p := payload(t, g)
	if p["sub"] != "alice@example.com" || p["rn"] != false || g.ExpiresIn != 900 || p["uid"] != w.user.ID {
		t.Errorf("%s", g.Payload)
	}
	w.must(backend, exchange.Wish{Subject: "alice", ExpiresIn: ptr(int64(3600))})
	w.refused("subject_not_renewable", access.Malformed, backend, exchange.Wish{Subject: "alice", Renewable: ptr(true)}, home)
	w.refused("life_exceeded", access.Forbidden, backend, exchange.Wish{Subject: "alice", ExpiresIn: ptr(int64(90000))}, home)
	w.refused("invalid_subject", access.Malformed, backend, exchange.Wish{Subject: "a\nb"}, home)
	open := w.must(backend, exchange.Wish{Subject: "alice"})
	if _, err := w.desk.Authenticate(context.Background(), exchange.Credential(open.Text), home); access.AsError(err).Code != "named_subject" {
		t.Errorf("a named subject must not administer as the backend: %v", err)
	}
	w.refused("subject_not_allowed", access.Forbidden, open.Text, exchange.Wish{Subject: "bob", Scopes: &[]string{"photos:read"}}, home)
	w.refused("not_renewable", access.Forbidden, open.Text, exchange.Wish{}, home)
	if p := payload(t, w.must(open.Text, exchange.Wish{Scopes: &[]string{"photos:read"}})); p["sub"] != "alice" {
		t.Errorf("a narrowed pass keeps its subject: %v", p)
	}
}

func TestCredentialsThatProveNobody(t *testing.T) {
	w := newWorld(t)
	text, _ := w.key(nil)
	unknown := seal.NewKeyText("live")
	g := w.must(text, exchange.Wish{})
	signer, _ := w.key(func(k *access.Key) { k.RequireSignature = true })
	group, _ := w.key(func(k *access.Key) { k.Kind = access.KeyUserGroup })
	ended, _ := w.key(func(k *access.Key) { k.Expires = w.clock.Add(time.Second) })
	w.clock = w.clock.Add(time.Second)
	for code, credential := range map[string]string{
		"credential_missing": "", "key_unknown": unknown, "key_malformed": text[:len(text)-1] + "_", "credential_invalid": "hello",
		"token_invalid": g.Text[:len(g.Text)-2] + "xx", "signature_required": signer, "challenge_required": group, "key_expired": ended,
	} {
		w.refused(code, access.Unauthenticated, credential, exchange.Wish{}, home)
	}
	w.stale = true
	w.refused("stale_view", access.Unavailable, text, exchange.Wish{}, home)
}

// TestWhateverEndsEndsTheExchange: each part of a holder, disabled, refuses both
// the key and a pass made before.
func TestWhateverEndsEndsTheExchange(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		end  func(*world, access.Key) func(*store.Tx) error
	}{
		"user disabled": {"user_disabled", func(w *world, _ access.Key) func(*store.Tx) error {
			return func(tx *store.Tx) error { w.user.Active = false; return tx.UpdateUser(w.user) }
		}},
		"membership inactive": {"membership_inactive", func(w *world, _ access.Key) func(*store.Tx) error {
			return func(tx *store.Tx) error { w.member.Active = false; return tx.UpdateMembership(w.member) }
		}},
		"organization disabled": {"organization_disabled", func(w *world, _ access.Key) func(*store.Tx) error {
			return func(tx *store.Tx) error { w.org.Active = false; return tx.UpdateOrganization(w.org) }
		}},
		"key deleted": {"key_unknown", func(w *world, k access.Key) func(*store.Tx) error {
			return func(tx *store.Tx) error { return tx.DeleteKey(w.org.ID, k.ID) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			text, k := w.key(nil)
			g := w.must(text, exchange.Wish{IPs: &[]string{"request_ip"}})
			w.change(c.end(w, k))
			w.refused(c.code, access.Unauthenticated, text, exchange.Wish{}, home)
			if _, err := w.desk.Exchange(context.Background(), exchange.Credential(g.Text), exchange.Wish{}, home); access.AsError(err).Kind != access.Unauthenticated {
				t.Errorf("renewal after it: %v", err)
			}
		})
	}
}

func TestRotationWithOverlap(t *testing.T) {
	w := newWorld(t)
	text, k := w.key(nil)
	before := w.must(text, exchange.Wish{IPs: &[]string{"request_ip"}})
	next := seal.NewKeyText("live")
	end := w.clock.Add(time.Hour)
	w.change(func(tx *store.Tx) error {
		if err := tx.RotateKey(k.ID, w.sealer.KeyHash(next), 2, end, nil); err != nil {
			return err
		}
		return tx.Revoke(access.KeyLineage(k.ID, 1), "key_rotated", end, end.Add(31*24*time.Hour))
	})
	during := w.must(text, exchange.Wish{ExpiresIn: ptr(int64(7200))})
	renewed := w.must(before.Text, exchange.Wish{})
	after := w.must(next, exchange.Wish{})
	if payload(t, after)["kv"] != float64(2) {
		t.Errorf("the new secret is version 2: %s", after.Payload)
	}
	w.clock = end
	w.refused("key_rotated", access.Unauthenticated, text, exchange.Wish{}, home)
	for _, dead := range []*exchange.Grant{before, during, renewed} {
		if reason, ok := w.Revoked(dead.Token, w.clock); !ok || reason != "key_rotated" {
			t.Errorf("a pass of the old secret lives past the overlap: %s", dead.Payload)
		}
	}
	if _, dead := w.Revoked(after.Token, w.clock); dead {
		t.Error("a pass of the new secret died with the old")
	}
}

// TestRecords: each token leaves a record and a use, without its text.
func TestRecords(t *testing.T) {
	w := newWorld(t)
	text, k := w.key(nil)
	g := w.must(text, exchange.Wish{Scopes: &[]string{"photos:read"}})
	if err := w.journal.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	record, err := w.store.IssuedToken(context.Background(), w.org.ID, g.Token.ID)
	if err != nil || record.Scopes != "photos:read" || record.KeyID != k.ID || record.Origin != access.FromKey || record.From.Address != home.Address {
		t.Fatalf("%+v %v", record, err)
	}
	stored, err := w.store.Key(context.Background(), w.org.ID, k.ID)
	if err != nil || !stored.LastUse.Time.Equal(w.clock) || stored.LastUse.UserAgent != "test" {
		t.Fatalf("%+v %v", stored.LastUse, err)
	}
}

// TestChainsOnlyShrink drives the law through the exchange itself: whatever a
// random chain of exchanges yields lies within every ancestor.
func TestChainsOnlyShrink(t *testing.T) {
	w := newWorld(t)
	scopeGen := rapid.SampledFrom([]string{"photos:*", "photos:read", "photos:w*", "*", "users:read"})
	ipGen := rapid.SampledFrom([]string{"request_ip", "192.0.2.0/28", "10.0.0.1"})
	rapid.Check(t, func(rt *rapid.T) {
		text, k := w.key(func(k *access.Key) {
			k.Scopes = scopes(rapid.SampledFrom([]string{"photos:*", "*", "photos:read"}).Draw(rt, "key scope"))
			k.MaxTokenLife = time.Duration(rapid.IntRange(60, 4000).Draw(rt, "max life")) * time.Second
			if rapid.Bool().Draw(rt, "key ends") {
				k.Expires = w.clock.Add(time.Duration(rapid.IntRange(60, 4000).Draw(rt, "key end")) * time.Second)
			}
		})
		credential, chain := text, []*access.Token(nil)
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			var wish exchange.Wish
			if rapid.Bool().Draw(rt, "scopes?") {
				s := rapid.SliceOfN(scopeGen, 0, 3).Draw(rt, "scopes")
				wish.Scopes = &s
			}
			if rapid.Bool().Draw(rt, "ips?") {
				s := rapid.SliceOfN(ipGen, 1, 2).Draw(rt, "ips")
				wish.IPs = &s
			}
			if rapid.Bool().Draw(rt, "audience?") {
				wish.Audience = &[]string{"photos"}
			}
			if rapid.Bool().Draw(rt, "life?") {
				wish.ExpiresIn = ptr(int64(rapid.IntRange(1, 5000).Draw(rt, "life")))
			}
			if rapid.Bool().Draw(rt, "renewable?") {
				wish.Renewable = ptr(rapid.Bool().Draw(rt, "renewable"))
			}
			g, err := w.desk.Exchange(context.Background(), exchange.Credential(credential), wish, home)
			if err != nil {
				if kind := access.AsError(err).Kind; kind == access.Internal {
					rt.Fatalf("an exchange broke: %v", err)
				}
				continue
			}
			credential, chain = g.Text, append(chain, g.Token)
			w.clock = w.clock.Add(time.Duration(rapid.IntRange(0, 300).Draw(rt, "wait")) * time.Second)
		}
		for i, child := range chain {
			a := child.Authority
			if !k.Expires.IsZero() && a.NotAfter.After(k.Expires) || a.NotAfter.Sub(child.IssuedAt) > k.MaxTokenLife {
				rt.Fatalf("a pass outlives its key: %v", a.NotAfter)
			}
			for _, ancestor := range chain[:i] {
				b := ancestor.Authority
				if !a.Within(b) || a.MaxLife > b.MaxLife || a.Renewable && !b.Renewable || !b.Renewable && a.NotAfter.After(b.NotAfter) {
					rt.Fatalf("a descendant exceeds its ancestor:\n%+v\n%+v", a, b)
				}
			}
		}
	})
}
