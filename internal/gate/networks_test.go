package gate

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

func change(app, network string, action access.NetworkAction, expires time.Time) access.NetworkChange {
	p, err := access.ParseNetwork(network)
	if err != nil {
		panic(err)
	}
	return access.NetworkChange{NetworkEntry: access.NetworkEntry{ApplicationID: app, Network: p, Action: action, Expires: expires, Reason: "because of " + network}}
}

func gone(c access.NetworkChange) access.NetworkChange { c.Deleted = true; return c }

// ask decides on a public resource from an address.
func ask(n *Networks, app *catalog.Application, from string, now time.Time) Decision {
	v := view(nil, app)
	v.Networks, v.MaxAge = n, 1000*time.Hour
	r := &Request{Method: "GET", Application: app.Name(), Address: netip.MustParseAddr(from)}
	r.Path, _ = catalog.ParsePath("/a")
	return Decide(r, nil, v, now)
}

const openToAll = "resources: [{match: GET /**, access: public}]\n"

func TestEntriesMatchLikeTheVectors(t *testing.T) {
	data, err := os.ReadFile("../catalog/testdata/ip-match.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Matches []struct {
			ID               int
			Network, Address string
			Match            bool
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors.Matches) == 0 {
		t.Fatal(err)
	}
	open := application(t, "app_1", "photos", openToAll)
	closed := application(t, "app_1", "photos", "allow_networks: [255.255.255.254]\n"+openToAll)
	var never time.Time
	for _, v := range vectors.Matches {
		if _, err := access.ParseNetwork(v.Network); err != nil {
			continue // has host bits, which are refused
		}
		for name, d := range map[string]struct {
			Decision
			want bool
		}{
			"denied":             {ask((*Networks)(nil).With(change("app_1", v.Network, access.DenyNetwork, never)), open, v.Address, noon), !v.Match},
			"denied to all":      {ask((*Networks)(nil).With(change("", v.Network, access.DenyNetwork, never)), open, v.Address, noon), !v.Match},
			"denied elsewhere":   {ask((*Networks)(nil).With(change("app_2", v.Network, access.DenyNetwork, never)), open, v.Address, noon), true},
			"allowed":            {ask((*Networks)(nil).With(change("app_1", v.Network, access.AllowNetwork, never)), closed, v.Address, noon), v.Match},
			"allowed, and needs": {ask((*Networks)(nil).With(change("app_1", v.Network, access.AllowNetwork, never)), open, v.Address, noon), true},
		} {
			if d.Allow != d.want || !d.want && d.Reason != AddressDenied {
				t.Errorf("%d, %s: %s from %s: %s", v.ID, name, v.Network, v.Address, d.Reason)
			}
		}
	}
}

func TestEntriesExpire(t *testing.T) {
	app := application(t, "app_1", "photos", openToAll)
	closed := application(t, "app_1", "photos", "deny_networks: [10.9.9.9]\nallow_networks: [10.0.0.0/30]\n"+openToAll)
	hour := noon.Add(time.Hour)
	deny := (*Networks)(nil).With(
		change("app_1", "203.0.113.7", access.DenyNetwork, hour),
		change("app_1", "203.0.113.0/25", access.DenyNetwork, noon.Add(time.Minute)),
		change("app_1", "203.0.113.0/24", access.DenyNetwork, noon.Add(3*time.Hour)),
		change("", "198.51.100.0/24", access.DenyNetwork, hour),
	)
	allow := (*Networks)(nil).With(
		change("app_1", "192.0.2.0/24", access.AllowNetwork, hour),
		change("app_1", "10.9.0.0/16", access.AllowNetwork, time.Time{}),
		change("app_1", "192.0.2.66", access.DenyNetwork, hour),
		change("app_1", "192.0.2.66/31", access.AllowNetwork, time.Time{}),
	)
	for _, c := range []struct {
		name  string
		n     *Networks
		app   *catalog.Application
		from  string
		after time.Duration
		by    string // network of the entry that decided
		allow bool
	}{
		{"the narrowest is named", deny, app, "203.0.113.7", 0, "203.0.113.7/32", false},
		{"expired, and a wider one is not", deny, app, "203.0.113.7", time.Hour, "203.0.113.0/24", false},
		{"to the very moment", deny, app, "203.0.113.7", time.Hour - 1, "203.0.113.7/32", false},
		{"two of three expired", deny, app, "203.0.113.8", time.Hour, "203.0.113.0/24", false},
		{"all expired", deny, app, "203.0.113.7", 3 * time.Hour, "", true},
		{"beside it", deny, app, "203.0.112.7", 0, "", true},
		{"of the platform", deny, app, "198.51.100.1", 0, "198.51.100.0/24", false},
		{"of the platform, expired", deny, app, "198.51.100.1", time.Hour, "", true},
		{"let in by an entry", allow, closed, "192.0.2.1", 0, "192.0.2.0/24", true},
		{"no longer", allow, closed, "192.0.2.1", time.Hour, "", false},
		{"let in by the file", allow, closed, "10.0.0.1", 0, "", true},
		{"the file denies", allow, closed, "10.9.9.9", 0, "", false},
		{"an entry denies, a wider and a narrower allow", allow, closed, "192.0.2.66", 0, "192.0.2.66/32", false},
		{"that denial has expired", allow, closed, "192.0.2.66", time.Hour, "192.0.2.66/31", true},
		{"allowing closes nothing", allow, app, "8.8.8.8", 0, "", true},
	} {
		d := ask(c.n, c.app, c.from, noon.Add(c.after))
		by := ""
		if d.Network != nil {
			by = d.Network.Network.String()
		}
		if d.Allow != c.allow || by != c.by {
			t.Errorf("%s: %s by %q, want allowed %v by %q", c.name, d.Reason, by, c.allow, c.by)
		}
	}
	v := view(nil, app)
	v.Networks = deny
	if d := Decide(&Request{Method: "GET", Application: app.Name(), Path: mustPath(t, "/a")}, nil, v, noon); d.Reason != AddressDenied {
		t.Errorf("an unknown address with a list: %s", d.Reason)
	}
}

// Lists that came about by any changes decide like the entries one after the
// other, and what was taken from them before still does.
func TestNetworksAreTheirEntries(t *testing.T) {
	networks := rapid.SampledFrom([]string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "10.1.2.2/31", "::/0", "2001:db8::/32", "2001:db8::1"})
	times := rapid.SampledFrom([]time.Time{{}, {}, noon, noon.Add(-time.Hour), noon.Add(time.Hour)})
	addresses := []string{"10.1.2.3", "10.1.2.2", "10.1.9.9", "10.9.9.9", "8.8.8.8", "::ffff:10.1.2.3", "2001:db8::1", "2001:db8::2", "2002::1"}
	files := map[string]*catalog.Application{
		"open":   application(t, "app_1", "open", openToAll),
		"closed": application(t, "app_1", "closed", "deny_networks: [10.1.2.2]\nallow_networks: [10.9.0.0/16]\n"+openToAll),
	}
	rapid.Check(t, func(t *rapid.T) {
		type key struct{ app, network string }
		model := map[key]access.NetworkChange{}
		var lists *Networks
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			var step []access.NetworkChange
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				c := change(rapid.SampledFrom([]string{"", "app_1", "app_1", "app_2"}).Draw(t, "app"), networks.Draw(t, "network"),
					rapid.SampledFrom([]access.NetworkAction{access.DenyNetwork, access.AllowNetwork}).Draw(t, "action"), times.Draw(t, "expires"))
				c.Deleted = rapid.IntRange(0, 3).Draw(t, "deleted") == 0
				if c.ApplicationID == "" {
					c.Action = access.DenyNetwork
				}
				delete(model, key{c.ApplicationID, c.Network.String()})
				if !c.Deleted {
					model[key{c.ApplicationID, c.Network.String()}] = c
				}
				step = append(step, c)
			}
			before, was := lists, ask(lists, files["open"], "10.1.2.3", noon)
			lists = lists.With(step...)
			if now := ask(before, files["open"], "10.1.2.3", noon); now.Allow != was.Allow || now.Network != was.Network {
				t.Fatal("lists changed under a view")
			}
		}
		if lists.Len() != len(model) {
			t.Fatalf("%d entries, want %d", lists.Len(), len(model))
		}
		for _, n := range []*Networks{lists, lists.Live(noon)} {
			for name, app := range files {
				for _, from := range addresses {
					addr := netip.MustParseAddr(from).Unmap()
					denied, allowed := false, false
					for k, c := range model {
						if k.app == "app_2" || !c.Network.Contains(addr) || !c.Expires.IsZero() && !noon.Before(c.Expires) {
							continue
						}
						denied = denied || c.Action == access.DenyNetwork
						allowed = allowed || c.Action == access.AllowNetwork
					}
					fileDenies := name == "closed" && addr == netip.MustParseAddr("10.1.2.2")
					fileAllows := name == "open" || netip.MustParsePrefix("10.9.0.0/16").Contains(addr)
					want := !denied && !fileDenies && (fileAllows || allowed)
					if d := ask(n, app, from, noon); d.Allow != want {
						t.Fatalf("%s at %s: %s, want allowed %v by %v", from, name, d.Reason, want, model)
					}
				}
			}
		}
	})
}

func TestManyNetworks(t *testing.T) {
	app := application(t, "app_1", "photos", openToAll)
	list := make([]access.NetworkChange, 20_000)
	for i := range list {
		list[i] = change("app_1", fmt.Sprintf("10.%d.%d.0/25", i/256, i%256), access.DenyNetwork, noon.Add(time.Duration(i%2)*time.Hour))
	}
	many := (*Networks)(nil).With(list...)
	one := many.With(gone(list[0]), change("app_1", "10.0.1.7", access.DenyNetwork, noon))
	if many.Len() != len(list) || one.Len() != len(list) || one.Without("app_1").Len() != 0 {
		t.Fatal(many.Len(), one.Len())
	}
	if live := one.Live(noon).Len(); live != len(list)/2 {
		t.Errorf("%d are left, want %d", live, len(list)/2)
	}
	for from, want := range map[string]bool{"10.0.0.1": true, "10.0.1.7": false, "10.0.2.1": true, "10.0.1.200": true} {
		v := view(nil, app)
		v.Networks = one
		r := &Request{Method: "GET", Application: app.Name(), Address: netip.MustParseAddr(from), Path: mustPath(t, "/a")}
		if d := Decide(r, nil, v, noon); d.Allow != want {
			t.Errorf("%s: %s", from, d.Reason)
		}
		if n := testing.AllocsPerRun(100, func() { Decide(r, nil, v, noon) }); n != 0 {
			t.Errorf("%s: %v allocations", from, n)
		}
	}
	// One more must not cost what all of them do.
	bytes := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			many.With(change("app_1", "192.0.2.1", access.DenyNetwork, noon))
		}
	}).AllocedBytesPerOp()
	if bytes > 100_000 {
		t.Errorf("adding one to %d entries takes %d bytes", many.Len(), bytes)
	}
}

func TestEntriesAreExplainedButNotTold(t *testing.T) {
	app := application(t, "app_1", "photos", "allow_networks: [10.0.0.0/8]\n"+openToAll)
	n := (*Networks)(nil).With(
		change("app_1", "203.0.113.0/24", access.DenyNetwork, noon.Add(time.Hour)),
		change("", "198.51.100.7", access.DenyNetwork, time.Time{}),
		change("app_1", "192.0.2.0/24", access.AllowNetwork, time.Time{}),
	)
	for from, want := range map[string][2]string{
		"203.0.113.9": {"203.0.113.0/24 is denied to the application until 2026-01-15T13:00:00Z (because of 203.0.113.0/24), and holds 203.0.113.9",
			"take 203.0.113.0/24 off the application's list of networks, wait until 2026-01-15T13:00:00Z, or call from elsewhere"},
		"198.51.100.7": {"198.51.100.7 is denied to every application of this server (because of 198.51.100.7), and holds 198.51.100.7",
			"take 198.51.100.7 off the server's list of networks, or call from elsewhere"},
		"192.0.2.1": {"the application's address lists admit 192.0.2.1: 192.0.2.0/24 is allowed (because of 192.0.2.0/24)", ""},
	} {
		v := view(nil, app)
		v.Networks = n
		r := &Request{Method: "GET", Application: app.Name(), Address: netip.MustParseAddr(from), Path: mustPath(t, "/a")}
		d := Decide(r, nil, v, noon)
		e := Explain(&d, r, v)
		if e.Checks[2].Sentence != want[0] || e.Fix != want[1] {
			t.Errorf("%s: %q, fix %q", from, e.Checks[2].Sentence, e.Fix)
		}
		if refusal := d.Refusal(); refusal != nil && (strings.Contains(refusal.Message, "because") || strings.Contains(refusal.Message, "203.")) {
			t.Errorf("the caller is told %q", refusal.Message)
		}
	}
}
