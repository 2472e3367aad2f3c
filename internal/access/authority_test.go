package access_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

var (
	start    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	scopeGen = rapid.SampledFrom([]string{"*", "photos:*", "photos:read", "photos:write", "*:read", "a:*:c", "a:b:c", "a*", "Mutation:*:Create"})
	concrete = []string{"photos:read", "photos:write", "a:b:c", "a:x:c", "ab", "Mutation:Person:Create", "users:read", "z"}
	nets     = rapid.SampledFrom([]string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.1.2.0/25", "10.1.2.128/25", "::/0", "2001:db8::/32", "2001:db8::1"})
	addrs    = []string{"10.1.2.3", "10.1.2.200", "10.200.0.1", "192.0.2.1", "2001:db8::1", "2001:db8:1::", "2002::1"}
	roleGen  = rapid.Custom(func(t *rapid.T) access.Role {
		return access.Role{
			Name:           rapid.SampledFrom([]string{"developer", "consumer", "administrator"}).Draw(t, "role"),
			OrganizationID: rapid.SampledFrom([]string{"org_1", "org_2"}).Draw(t, "org"),
			ApplicationID:  rapid.SampledFrom([]string{"", "app_1", "app_2"}).Draw(t, "app"),
		}
	})
	audienceGen = rapid.Custom(func(t *rapid.T) access.Audience {
		return access.Audience{
			OrganizationID: rapid.SampledFrom([]string{"org_1", "org_2"}).Draw(t, "aud org"),
			ApplicationID:  rapid.SampledFrom([]string{"", "app_1", "app_2"}).Draw(t, "aud app"),
		}
	})
)

func mustScopes(t interface{ Fatal(...any) }, list []string) scope.Set {
	set, err := scope.ParseSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func mustNetworks(t interface{ Fatal(...any) }, list []string) access.Networks {
	n, err := access.ParseNetworks(list)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func drawKey(t *rapid.T) access.Authority {
	a := access.Authority{
		Scopes:     mustScopes(t, rapid.SliceOfN(scopeGen, 0, 4).Draw(t, "held scopes")),
		Roles:      rapid.SliceOfN(roleGen, 0, 3).Draw(t, "held roles"),
		Audiences:  rapid.SliceOfN(audienceGen, 1, 2).Draw(t, "held audiences"),
		Everywhere: rapid.Bool().Draw(t, "everywhere"),
		MaxLife:    time.Duration(rapid.IntRange(1, 5000).Draw(t, "max life")) * time.Second,
		Renewable:  rapid.Bool().Draw(t, "may renew"),
	}
	if !a.Everywhere {
		a.Networks = mustNetworks(t, rapid.SliceOfN(nets, 0, 4).Draw(t, "held networks"))
	}
	if rapid.Bool().Draw(t, "ends") {
		a.NotAfter = start.Add(time.Duration(rapid.IntRange(1, 9000).Draw(t, "key end")) * time.Second)
	}
	if rapid.Bool().Draw(t, "bound") {
		a.Confirmation = rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "sender key")
	}
	return a
}

func drawAsk(t *rapid.T) access.Ask {
	ask := access.Ask{Renewable: rapid.Bool().Draw(t, "ask renewable"), Everywhere: rapid.Bool().Draw(t, "ask everywhere")}
	if rapid.Bool().Draw(t, "ask scopes?") {
		s := mustScopes(t, rapid.SliceOfN(scopeGen, 0, 3).Draw(t, "ask scopes"))
		ask.Scopes = &s
	}
	if rapid.Bool().Draw(t, "ask roles?") {
		r := rapid.SliceOfN(roleGen, 0, 2).Draw(t, "ask roles")
		ask.Roles = &r
	}
	if rapid.Bool().Draw(t, "ask audiences?") {
		a := rapid.SliceOfN(audienceGen, 1, 2).Draw(t, "ask audiences")
		ask.Audiences = &a
	}
	if !ask.Everywhere && rapid.Bool().Draw(t, "ask networks?") {
		n := mustNetworks(t, rapid.SliceOfN(nets, 1, 3).Draw(t, "ask networks"))
		ask.Networks = &n
	}
	if rapid.Bool().Draw(t, "ask life?") {
		ask.Life = time.Duration(rapid.IntRange(1, 6000).Draw(t, "ask life")) * time.Second
	}
	if rapid.Bool().Draw(t, "ask binding?") {
		ask.Confirmation = rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "ask sender key")
	}
	return ask
}

// allows is what an authority permits, written independently of Narrow: one
// concrete use at one moment.
func allows(a access.Authority, sc, addr string, role access.Role, aud access.Audience, key string, at time.Time) bool {
	in := a.Everywhere || a.Networks.Contains(netip.MustParseAddr(addr))
	good := false
	for _, held := range a.Audiences {
		good = good || held.Covers(aud)
	}
	ended := !a.NotAfter.IsZero() && at.After(a.NotAfter)
	return in && good && !ended && a.Scopes.Match(sc) && access.HoldsRole(a.Roles, role) &&
		(a.Confirmation == "" || a.Confirmation == key)
}

// TestAuthorityOnlyShrinks walks random chains key → token → narrowed → renewed …
// and holds each descendant against every ancestor.
func TestAuthorityOnlyShrinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := start
		chain := []access.Authority{drawKey(t)}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			parent := chain[len(chain)-1]
			child, err := access.Narrow(parent, drawAsk(t), now)
			if err != nil {
				var e *access.Error
				if !errors.As(err, &e) || e.Kind != access.Forbidden || len(e.Fields) == 0 {
					t.Fatalf("a refusal must name what exceeds: %v", err)
				}
				continue
			}
			chain = append(chain, child)
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait")) * time.Second)
		}
		last := chain[len(chain)-1]
		at := start.Add(time.Duration(rapid.IntRange(0, 12000).Draw(t, "when")) * time.Second)
		sc := rapid.SampledFrom(concrete).Draw(t, "use scope")
		addr := rapid.SampledFrom(addrs).Draw(t, "use address")
		role, aud := roleGen.Draw(t, "use role"), audienceGen.Draw(t, "use audience")
		key := rapid.SampledFrom([]string{"", "k1", "k2"}).Draw(t, "use sender key")
		for i, ancestor := range chain {
			if allows(last, sc, addr, role, aud, key, at) && !allows(ancestor, sc, addr, role, aud, key, at) {
				t.Fatalf("link %d denied what its descendant allows: %s %s %v %v %q at +%v", i, sc, addr, role, aud, key, at.Sub(start))
			}
			if last.Renewable && !ancestor.Renewable {
				t.Fatalf("link %d was not renewable, its descendant is", i)
			}
			if last.MaxLife > ancestor.MaxLife {
				t.Fatalf("link %d grants %v, its descendant %v", i, ancestor.MaxLife, last.MaxLife)
			}
			if i > 0 && !last.Within(ancestor) {
				t.Fatalf("Within disagrees with Narrow at link %d", i)
			}
		}
	})
}

// TestNarrowGivesExactlyTheAsk: what is granted is what was asked, never a part.
func TestNarrowGivesExactlyTheAsk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent, ask := drawKey(t), drawAsk(t)
		child, err := access.Narrow(parent, ask, start)
		if err != nil {
			return
		}
		switch {
		case ask.Scopes != nil && !child.Scopes.Equal(*ask.Scopes):
			t.Fatal("scopes differ from the ask")
		case ask.Roles != nil && len(child.Roles) != len(*ask.Roles):
			t.Fatal("roles differ from the ask")
		case ask.Networks != nil && (child.Everywhere || !child.Networks.Equal(*ask.Networks)):
			t.Fatal("networks differ from the ask")
		case ask.Everywhere && !child.Everywhere:
			t.Fatal("no_ip_protection was dropped")
		case ask.Life > 0 && child.NotAfter != start.Add(ask.Life):
			t.Fatal("the end differs from the ask")
		case ask.Renewable != child.Renewable:
			t.Fatal("renewability differs from the ask")
		case ask.Confirmation != "" && child.Confirmation != ask.Confirmation:
			t.Fatal("the binding differs from the ask")
		}
	})
}

func TestNarrowNamesTheFirstExcess(t *testing.T) {
	held := access.Authority{
		Scopes:    mustScopes(t, []string{"photos:*"}),
		Audiences: []access.Audience{{Organization: "acme", OrganizationID: "org_1"}},
		Networks:  mustNetworks(t, []string{"10.0.0.0/8"}),
		MaxLife:   time.Hour,
	}
	wide, roles := mustScopes(t, []string{"photos:read", "users:read"}), []access.Role{{Name: "developer", OrganizationID: "org_1"}}
	foreign := []access.Audience{{Organization: "other", OrganizationID: "org_2"}}
	outside := mustNetworks(t, []string{"192.0.2.0/24"})
	for code, ask := range map[string]access.Ask{
		"scope_exceeded":     {Scopes: &wide},
		"role_exceeded":      {Roles: &roles},
		"audience_exceeded":  {Audiences: &foreign},
		"network_exceeded":   {Networks: &outside},
		"life_exceeded":      {Life: 2 * time.Hour},
		"renewable_exceeded": {Renewable: true},
	} {
		_, err := access.Narrow(held, ask, start)
		if e := access.AsError(err); err == nil || e.Code != code || e.Kind != access.Forbidden {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	if _, err := access.Narrow(held, access.Ask{Everywhere: true}, start); access.AsError(err).Code != "network_exceeded" {
		t.Errorf("no_ip_protection on a bound key: %v", err)
	}
}
