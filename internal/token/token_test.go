package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/scope"
	"github.com/daypass/daypass/verify"
)

const issuer = "https://pass.example.com"

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func keyset(t testing.TB, algorithm string) *Keyset {
	t.Helper()
	ks := NewKeyset(issuer, (&clock{noon}).now)
	if err := ks.Replace([]SigningKey{newKey(t, algorithm, noon)}, newEncryptionKey(t, noon)); err != nil {
		t.Fatal(err)
	}
	return ks
}

func newEncryptionKey(t testing.TB, now time.Time) EncryptionKey {
	t.Helper()
	k, err := GenerateEncryptionKey(now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t testing.TB, algorithm string, now time.Time) SigningKey {
	t.Helper()
	k, err := GenerateKey(algorithm, now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// failer is a test of testing or of rapid.
type failer interface {
	Helper()
	Fatal(...any)
}

func scopes(t failer, list ...string) scope.Set {
	t.Helper()
	set, err := scope.ParseSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// pass is a token such as the exchange makes.
func pass(t failer) *access.Token {
	org, app := seal.NewID("org"), seal.NewID("app")
	p := &access.Token{
		ID:             seal.NewID("tok"),
		Issuer:         issuer,
		Subject:        "visitor-7",
		ClientID:       "key_1",
		Organization:   "acme",
		OrganizationID: org,
		UserID:         seal.NewID("usr"),
		MembershipID:   seal.NewID("mem"),
		Source:         access.Source{KeyID: seal.NewID("key"), KeyVersion: 1},
		Authority: access.Authority{
			Scopes: scopes(t, "photos:read", "Mutation:*:Create"),
			Roles: []access.Role{
				{Name: access.Administrator},
				{Name: access.Developer, OrganizationID: org},
				{Name: access.Consumer, OrganizationID: org, ApplicationID: app},
			},
			Audiences: []access.Audience{{Organization: "acme", OrganizationID: org, Application: "photos", ApplicationID: app}},
			Networks:  access.NewNetworks(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("203.0.113.7/32")),
			NotAfter:  noon.Add(time.Hour),
			MaxLife:   24 * time.Hour,
			Renewable: true,
		},
		IssuedAt:  noon,
		NotBefore: noon,
		Revision:  17,
	}
	p.Seal()
	return p
}

func everywhere(p *access.Token) *access.Token {
	p.Authority.Everywhere, p.Authority.Networks = true, access.Networks{}
	return p
}

func drawPass(t *rapid.T) *access.Token {
	p := pass(t)
	a := &p.Authority
	if rapid.Bool().Draw(t, "everywhere") {
		everywhere(p)
	}
	a.Scopes = scopes(t, rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9_.*-]{1,12}(:[a-z*]{1,8}){0,3}`), 0, 12).Draw(t, "scopes")...)
	a.Roles = a.Roles[:rapid.IntRange(0, len(a.Roles)).Draw(t, "roles")]
	a.Renewable = rapid.Bool().Draw(t, "renewable")
	a.MaxLife = time.Duration(rapid.Int64Range(1, 30*86400).Draw(t, "life")) * time.Second
	a.NotAfter = noon.Add(time.Duration(rapid.Int64Range(1, 30*86400).Draw(t, "exp")) * time.Second)
	a.Confirmation = rapid.SampledFrom([]string{"", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}).Draw(t, "cnf")
	if rapid.Bool().Draw(t, "whole organization too") {
		a.Audiences = append(a.Audiences, access.Audience{Organization: "acme", OrganizationID: p.OrganizationID})
	}
	p.Subject = rapid.StringN(1, 40, 100).Draw(t, "subject")
	p.KeyVersion = rapid.Int64Range(1, 9).Draw(t, "version")
	p.Revision = rapid.Int64Range(0, 1<<53).Draw(t, "revision")
	p.Family = nil
	for range rapid.IntRange(0, access.MaxFamilyDepth-1).Draw(t, "ancestors") {
		p.Family = append(p.Family, seal.NewID("tok"))
	}
	if len(p.Family) > 0 && rapid.Bool().Draw(t, "own head") {
		p.Family = append(p.Family, p.ID)
	}
	for i := range rapid.IntRange(0, access.MaxActors).Draw(t, "actors") {
		acting := access.Acting{Subject: rapid.StringN(1, 40, 100).Draw(t, "actor")}
		if i%2 == 0 {
			acting.Lineage = []string{seal.NewID("usr"), seal.NewID("key"), seal.NewID("tok")}
		}
		p.Actors = append(p.Actors, acting)
	}
	p.Seal()
	return p
}

func TestMintedIsRead(t *testing.T) {
	for _, algorithm := range Algorithms {
		t.Run(algorithm, func(t *testing.T) {
			ks := keyset(t, algorithm)
			public, err := verify.ParseKeySet(ks.JWKS())
			if err != nil {
				t.Fatal(err)
			}
			signer, err := ks.Signer()
			if err != nil {
				t.Fatal(err)
			}
			outer, err := ks.envelope()
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				want := drawPass(t)
				want.Encrypted = rapid.Bool().Draw(t, "encrypted")
				text, payload, err := ks.Mint(want)
				if err != nil {
					t.Fatal(err)
				}
				got, err := ks.Token(text)
				if err != nil {
					t.Fatal(err)
				}
				want.SigningKey = signer.ID
				if want.Encrypted {
					want.EncryptionKey = outer.key.ID
				}
				want.Seal()
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("minted and read differ:\n%s", diff)
				}
				claims, err := verify.ReadClaims(payload)
				if err != nil {
					t.Fatal(err)
				}
				if mine, theirs := sorted(got.Lineage), sorted(append(claims.Lineage(), signer.ID)); !slices.Equal(mine, theirs) {
					t.Fatalf("the lineages differ: %v, %v", mine, theirs)
				}
				if text, err = ks.Open(text); err != nil {
					t.Fatal(err)
				}
				if _, _, err := public.LowS().Verify(text, verify.TypAccess); err != nil {
					t.Fatalf("the published keys refuse it: %v", err)
				}
			})
		})
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// Any JOSE library must be able to read what we mint.
func TestMintedIsReadByOthers(t *testing.T) {
	for _, algorithm := range Algorithms {
		ks := keyset(t, algorithm)
		text, payload, err := ks.Mint(pass(t))
		if err != nil {
			t.Fatal(err)
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(ks.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := signed.Verify(set.Key(signed.Signatures[0].Header.KeyID)[0])
		if err != nil || string(got) != string(payload) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestClaimsAsWritten(t *testing.T) {
	p := everywhere(pass(t))
	p.ID, p.OrganizationID, p.UserID, p.MembershipID, p.KeyID, p.ClientID = "tok_1", "org_1", "usr_1", "mem_1", "key_1", "key_1"
	p.Authority.Roles = []access.Role{{Name: "administrator"}, {Name: "developer", OrganizationID: "org_1"}}
	p.Authority.Audiences = []access.Audience{{Organization: "acme", OrganizationID: "org_1"}}
	p.Family = nil
	p.Seal()
	_, payload, err := keyset(t, "ES256").Mint(p)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"iss":"https://pass.example.com","sub":"visitor-7","aud":"acme","exp":1777899600,"nbf":1777896000,"iat":1777896000,` +
		`"jti":"tok_1","client_id":"key_1","scope":"Mutation:*:Create photos:read","org":"acme","oid":"org_1","uid":"usr_1","mid":"mem_1",` +
		`"roles":[{"role_name":"administrator","accid":null,"appid":null},{"role_name":"developer","accid":"org_1","appid":null}],` +
		`"expt":86400,"rn":true,"rev":17,"key":"key_1"}`
	if string(payload) != want {
		t.Errorf("got  %s\nwant %s", payload, want)
	}
}

func TestMintRefuses(t *testing.T) {
	ks := keyset(t, "ES256")
	for name, spoil := range map[string]func(*access.Token){
		"another issuer":               func(p *access.Token) { p.Issuer = "https://evil.example" },
		"no audience":                  func(p *access.Token) { p.Authority.Audiences = nil },
		"another tenant's audience":    func(p *access.Token) { p.Authority.Audiences[0].OrganizationID = "org_2" },
		"an audience without its id":   func(p *access.Token) { p.Authority.Audiences[0].ApplicationID = "" },
		"an audience without its slug": func(p *access.Token) { p.Authority.Audiences[0].Application = "" },
		"good at no address":           func(p *access.Token) { p.Authority.Networks = access.Networks{} },
		"everywhere and yet bound":     func(p *access.Token) { p.Authority.Everywhere = true },
		"no end":                       func(p *access.Token) { p.Authority.NotAfter = time.Time{} },
		"ends before it begins":        func(p *access.Token) { p.Authority.NotAfter = noon.Add(-time.Second) },
		"no life":                      func(p *access.Token) { p.Authority.MaxLife = 0 },
		"no subject":                   func(p *access.Token) { p.Subject = "" },
		"no id":                        func(p *access.Token) { p.ID = "" },
		"no user":                      func(p *access.Token) { p.UserID = "" },
		"no key":                       func(p *access.Token) { p.KeyID = "" },
		"no key version":               func(p *access.Token) { p.KeyVersion = 0 },
	} {
		p := pass(t)
		spoil(p)
		if text, _, err := ks.Mint(p); err == nil || text != "" {
			t.Errorf("minted: %s", name)
		}
	}
}

func TestMintRefusesTooLarge(t *testing.T) {
	var list []string
	for i := range 200 {
		list = append(list, fmt.Sprintf("photos:%040d", i))
	}
	p := pass(t)
	p.Authority.Scopes = scopes(t, list...)
	if _, _, err := keyset(t, "ES256").Mint(p); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// A text signed with our key whose claims do not fit together must not be read generously.
func TestTokenRefusesClaimsThatDoNotFit(t *testing.T) {
	ks := keyset(t, "ES256")
	_, good, err := ks.Mint(pass(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]map[string]any{
		"another issuer":                 {"iss": "https://pass.example.com/"},
		"application without its id":     {"aids": []string{""}},
		"application, no ids at all":     {"aids": nil},
		"organization with an id":        {"aud": "acme"},
		"another organization":           {"aud": "other/photos"},
		"application with an empty name": {"aud": "acme/"},
		"fewer ids than audiences":       {"aud": []string{"acme/photos", "acme/b"}},
		"no organization id":             {"oid": nil},
		"no user":                        {"uid": nil},
		"no key":                         {"key": nil},
		"no life":                        {"expt": nil},
		"ips of nothing":                 {"ips": []string{}},
		"ips that are none":              {"ips": []string{"10.0.0.1/8"}},
		"too deep a family":              {"fam": strings.Split("a.b.c.d.e.f.g.h.i", ".")},
	} {
		t.Run(name, func(t *testing.T) {
			var claims map[string]any
			if err := json.Unmarshal(good, &claims); err != nil {
				t.Fatal(err)
			}
			for claim, value := range change {
				if claims[claim] = value; value == nil {
					delete(claims, claim)
				}
			}
			payload, _ := json.Marshal(claims)
			text, _, err := ks.sign(payload)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ks.Token(text); err == nil {
				t.Error("read")
			}
		})
	}
	if text, _, _ := ks.sign(good); text != "" {
		if _, err := ks.Token(text); err != nil {
			t.Errorf("the unchanged claims: %v", err)
		}
	}
}

// What is signed as one kind is read as no other, be its claims those of the other.
func TestOtherKindsAreNoTokens(t *testing.T) {
	ks := keyset(t, "ES256")
	text, claims, err := ks.Mint(pass(t))
	if err != nil {
		t.Fatal(err)
	}
	set := ks.state.Load().set
	page, err := ks.Sign(verify.TypFeed, claims)
	if err != nil {
		t.Fatal(err)
	}
	if payload, _, err := set.Verify(page, verify.TypFeed); err != nil || string(payload) != string(claims) {
		t.Errorf("the page where it belongs: %v", err)
	}
	if _, err := ks.Token(page); !errors.Is(err, verify.ErrType) {
		t.Errorf("a page of the feed as a token: %v", err)
	}
	if _, _, err := set.Verify(text, verify.TypFeed); !errors.Is(err, verify.ErrType) {
		t.Errorf("a token as a page of the feed: %v", err)
	}
	for _, typ := range []string{verify.TypAccess, ""} {
		if text, err := ks.Sign(typ, claims); err == nil || text != "" {
			t.Errorf("signed as %q without minting", typ)
		}
	}
	large := make([]byte, 2*verify.MaxTokenBytes)
	page, err = ks.Sign(verify.TypFeed, large)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := set.Verify(page, verify.TypFeed); err != nil {
		t.Errorf("a page longer than a token: %v", err)
	}
	if _, err := ks.Sign(verify.TypFeed, make([]byte, verify.MaxFeedBytes)); err == nil {
		t.Error("signed what no reader takes")
	}
}

func TestRotation(t *testing.T) {
	c := &clock{noon}
	ks := NewKeyset(issuer, c.now)
	if _, _, err := ks.Mint(pass(t)); !errors.Is(err, ErrNoSigner) {
		t.Errorf("minted without a key: %v", err)
	}
	old := newKey(t, "ES256", noon)
	next := newKey(t, "EdDSA", noon)
	next.NotBefore = noon.Add(JWKSMaxAge)
	if err := ks.Replace([]SigningKey{old, next}); err != nil {
		t.Fatal(err)
	}
	first := mint(t, ks)
	if kid(t, first) != old.ID || !strings.Contains(string(ks.JWKS()), next.ID) {
		t.Error("the next key must be published before it signs")
	}
	c.Time = noon.Add(JWKSMaxAge)
	if kid(t, mint(t, ks)) != next.ID {
		t.Error("the next key does not sign when its time has come")
	}
	if _, err := ks.Token(first); err != nil {
		t.Errorf("a token of the old key: %v", err)
	}
	old.Retire = c.Time
	if err := ks.Replace([]SigningKey{old, next}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(ks.JWKS()), old.ID) {
		t.Error("a retired key is published")
	}
	if _, err := ks.Token(first); !errors.Is(err, verify.ErrUnknownKey) {
		t.Errorf("a token of a retired key: %v", err)
	}
	if err := ks.Replace([]SigningKey{old}); !errors.Is(err, ErrNoSigner) {
		t.Errorf("a set of retired keys: %v", err)
	}
	if kid(t, mint(t, ks)) != next.ID {
		t.Error("a refused Replace changed the set")
	}
	if err := ks.Replace([]SigningKey{next, next}); err == nil {
		t.Error("two keys of one id")
	}
}

// TestClockSetBack: to before a key began, the one before it signs and encrypts again; to before any began, the oldest does.
func TestClockSetBack(t *testing.T) {
	c := &clock{noon}
	ks := NewKeyset(issuer, c.now)
	old, next := newKey(t, "ES256", noon), newKey(t, "ES256", noon.Add(time.Hour))
	outer, nextOuter := newEncryptionKey(t, noon), newEncryptionKey(t, noon.Add(time.Hour))
	old.Retire, outer.Retire = noon.Add(48*time.Hour), noon.Add(48*time.Hour)
	if err := ks.Replace([]SigningKey{old, next}, outer, nextOuter); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		to              time.Time
		signs, encrypts string
	}{
		{noon.Add(2 * time.Hour), next.ID, nextOuter.ID},
		{noon.Add(time.Minute), old.ID, outer.ID},
		{noon.Add(-24 * time.Hour), old.ID, outer.ID},
		{noon.Add(49 * time.Hour), next.ID, nextOuter.ID},
	} {
		c.Time = step.to
		if signs, encrypts := kid(t, mint(t, ks)), kid(t, encrypted(t, ks)); signs != step.signs || encrypts != step.encrypts {
			t.Errorf("at %s: %s signs and %s encrypts", step.to, signs, encrypts)
		}
	}
}

func mint(t *testing.T, ks *Keyset) string {
	t.Helper()
	text, _, err := ks.Mint(pass(t))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func kid(t *testing.T, text string) string {
	t.Helper()
	var h struct{ Kid string }
	head, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(raw, &h) != nil {
		t.Fatal("not a header")
	}
	return h.Kid
}

func TestKeyIsKept(t *testing.T) {
	for _, algorithm := range Algorithms {
		k := newKey(t, algorithm, noon)
		der, err := k.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		back, err := SigningKey{ID: k.ID, Algorithm: algorithm, NotBefore: noon}.UnmarshalPrivate(der)
		if err != nil {
			t.Fatal(err)
		}
		before, after := NewKeyset(issuer, (&clock{noon}).now), NewKeyset(issuer, (&clock{noon}).now)
		if err := errors.Join(before.Replace([]SigningKey{k}), after.Replace([]SigningKey{back})); err != nil {
			t.Fatal(err)
		}
		if _, err := after.Token(mint(t, before)); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		for _, other := range []string{"ES256", "EdDSA", "RS256", "ES384", "none", ""} {
			if other == algorithm || (algorithm == "PS256" && other == "RS256") {
				continue
			}
			if _, err := (SigningKey{Algorithm: other}).UnmarshalPrivate(der); err == nil {
				t.Errorf("a key of %s was taken for %q", algorithm, other)
			}
		}
	}
	if _, err := (SigningKey{Algorithm: "ES256"}).UnmarshalPrivate([]byte("x")); err == nil {
		t.Error("rubbish was taken for a key")
	}
	if _, err := GenerateKey("HS256", noon); err == nil {
		t.Error("made a symmetric key")
	}
}

func TestSigningKeyDoesNotPrint(t *testing.T) {
	k := newKey(t, "ES256", noon)
	der, err := k.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k)
	asJSON, _ := json.Marshal(k)
	all := fmt.Sprintf("%v %+v %#v %s %x %d %v", k, k, k, k, k, k, []SigningKey{k}) + log.String() + string(asJSON)
	scalar := der[36:68] // of the inner ECPrivateKey
	for _, form := range []string{fmt.Sprintf("%x", scalar), fmt.Sprint(scalar), base64.StdEncoding.EncodeToString(der)} {
		if strings.Contains(all, strings.Trim(form, "[]")) {
			t.Error("the private half shows")
		}
	}
	if all = strings.ReplaceAll(all, k.ID, ""); strings.Contains(all, "PublicKey") || strings.Contains(all, "0x") {
		t.Errorf("the fields show")
	}
}

// BenchmarkMint shows what our own composition of the text is worth beside its parts. It exists because go-jose's signer, which
// builds and parses the header for each token, gives either value of s and so two spellings of one token.
func BenchmarkMint(b *testing.B) {
	ks := keyset(b, "ES256")
	p := pass(b)
	s := ks.state.Load().signers[0]
	_, payload, err := ks.Mint(p)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("signature alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.key.sign(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("keyset", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := ks.Mint(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-jose", func(b *testing.B) {
		signer, err := jose.NewSigner(
			jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.key.private, KeyID: s.key.ID}},
			(&jose.SignerOptions{}).WithType(verify.TypAccess))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			signed, err := signer.Sign(payload)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := signed.CompactSerialize(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	ks := keyset(b, "ES256")
	text, _, err := ks.Mint(pass(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ks.Token(text); err != nil {
			b.Fatal(err)
		}
	}
}
