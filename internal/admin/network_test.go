package admin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

// deny puts networks into a list; without an application, into the platform's.
func (w *world) deny(org, app string, networks ...string) admin.NetworkOutcome {
	w.Helper()
	var in []admin.NewNetworkEntry
	for _, n := range networks {
		in = append(in, admin.NewNetworkEntry{Network: n, Reason: "scans"})
	}
	if app == "" {
		return must(w.AddPlatformNetworks(w.ctx, w.root, in))(w)
	}
	return must(w.AddNetworks(w.ctx, w.root, org, app, in))(w)
}

func (w *world) listed(f admin.NetworkFilter) (texts []string) {
	w.Helper()
	for page := (admin.Page{Limit: 2}); ; {
		list := must(w.Networks(w.ctx, w.root, "acme", "photos", f, page))(w)
		for _, e := range list.Items {
			texts = append(texts, string(e.Action)+" "+access.FormatNetwork(e.Network))
		}
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return texts
		}
	}
}

func TestListsOfNetworks(t *testing.T) {
	w := newWorld(t)
	w.application("acme", "photos")
	if did := w.deny("acme", "photos", "203.0.113.7", "::ffff:198.51.100.0/120", "203.0.113.0/24", "2001:db8::/32"); did.Added != 4 {
		t.Fatal(did)
	}
	if did := w.deny("acme", "photos", "203.0.113.7"); did.Unchanged != 1 || did.Added+did.Changed != 0 {
		t.Error("putting it again did", did)
	}
	hour := int64(3600)
	did := must(w.AddNetworks(w.ctx, w.root, "acme", "photos", []admin.NewNetworkEntry{{Network: "192.0.2.7/32", ExpiresIn: &hour}}))(t)
	if did.Added != 1 {
		t.Error("one that ends did", did)
	}
	if err := w.DeleteNetwork(w.ctx, w.root, "acme", "photos", "192.0.2.7", admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		filter admin.NetworkFilter
		want   []string
	}{
		{admin.NetworkFilter{}, []string{"deny 203.0.113.7", "deny 198.51.100.0/24", "deny 203.0.113.0/24", "deny 2001:db8::/32"}},
		{admin.NetworkFilter{Address: "::ffff:203.0.113.7"}, []string{"deny 203.0.113.7", "deny 203.0.113.0/24"}},
		{admin.NetworkFilter{Address: "2001:db8::7"}, []string{"deny 2001:db8::/32"}},
		{admin.NetworkFilter{Address: "203.0.113.7", Action: access.AllowNetwork}, nil},
		{admin.NetworkFilter{Action: access.AllowNetwork}, nil},
	} {
		if got := w.listed(c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%+v lists %q, want %q", c.filter, got, c.want)
		}
	}
	did = must(w.ReplaceNetworks(w.ctx, w.root, "acme", "photos", []admin.NewNetworkEntry{
		{Network: "2001:db8::/32", Reason: "scans"}, {Network: "10.0.0.0/8"}, {Network: "203.0.113.0/24", Reason: "another"},
	}))(t)
	if did != (admin.NetworkOutcome{Added: 1, Changed: 1, Unchanged: 1, Removed: 2}) {
		t.Error("replacing did", did)
	}
	if got := w.listed(admin.NetworkFilter{}); !slices.Equal(got, []string{"deny 203.0.113.0/24", "deny 2001:db8::/32", "deny 10.0.0.0/8"}) {
		t.Errorf("it lists %q", got)
	}
	if err := w.DeleteNetwork(w.ctx, w.root, "acme", "photos", "2001:0db8::/32", admin.AnyRevision); err != nil {
		t.Error(err)
	}
	w.refused(w.DeleteNetwork(w.ctx, w.root, "acme", "photos", "2001:db8::/32", admin.AnyRevision), "not_found")
	w.refused(w.DeletePlatformNetwork(w.ctx, w.root, "10.0.0.0/8", admin.AnyRevision), "not_found")

	events := must(w.Events(w.ctx, w.root, "acme", admin.EventFilter{}, admin.Page{Limit: 4}))(t)
	var told []string
	for _, e := range events.Items {
		told = append(told, e.Action)
	}
	if want := []string{"network.deleted", "network.replaced", "network.deleted", "network.added"}; !slices.Equal(told, want) {
		t.Errorf("events %q, want %q", told, want)
	}
	if detail := string(events.Items[3].Detail); !strings.Contains(detail, `"deny 192.0.2.7 until `+w.now.Add(time.Hour).Format(time.RFC3339)) || !strings.Contains(detail, `"application":"photos"`) {
		t.Errorf("the event says %s", detail)
	}
	// The list goes with its application.
	if err := w.DeleteApplication(w.ctx, w.root, "acme", "photos", admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	if rest := must(w.store.NetworksSince(w.ctx, 0))(t); len(rest) != 0 {
		t.Errorf("a deleted application leaves %v", rest)
	}
}

// TestADenialIsNotShortened: a ban of an hour must not end one for good an hour later.
func TestADenialIsNotShortened(t *testing.T) {
	const hour, day, good = int64(3600), int64(86400), int64(0)
	for _, c := range []struct {
		name        string
		first, then int64
		want        int64
		did         admin.NetworkOutcome
	}{
		{"for good, then an hour", good, hour, good, admin.NetworkOutcome{Unchanged: 1}},
		{"a day, then an hour", day, hour, day, admin.NetworkOutcome{Unchanged: 1}},
		{"an hour, then a day", hour, day, day, admin.NetworkOutcome{Changed: 1}},
		{"an hour, then for good", hour, good, good, admin.NetworkOutcome{Changed: 1}},
		{"for good, then for good", good, good, good, admin.NetworkOutcome{Changed: 1}}, // the reason is another
	} {
		for _, list := range []string{"photos", ""} {
			w := newWorld(t)
			w.application("acme", "photos")
			ban := func(life int64, reason string) admin.NetworkOutcome {
				in := []admin.NewNetworkEntry{{Network: "203.0.113.7", Reason: reason}}
				if life > 0 {
					in[0].ExpiresIn = &life
				}
				if list == "" {
					return must(w.AddPlatformNetworks(w.ctx, w.root, in))(t)
				}
				return must(w.AddNetworks(w.ctx, w.root, "acme", list, in))(t)
			}
			ban(c.first, "first")
			if did := ban(c.then, "then"); did != c.did {
				t.Errorf("%s, list %q: it did %+v, want %+v", c.name, list, did, c.did)
			}
			end := time.Time{}
			if c.want > 0 {
				end = w.now.Add(time.Duration(c.want) * time.Second)
			}
			filter := admin.NetworkFilter{Address: "203.0.113.7"}
			kept := must(w.PlatformNetworks(w.ctx, w.root, filter, admin.Page{}))(t).Items
			if list != "" {
				kept = must(w.Networks(w.ctx, w.root, "acme", list, filter, admin.Page{}))(t).Items
			}
			if len(kept) != 1 || !kept[0].Expires.Equal(end) {
				t.Errorf("%s, list %q: it holds %+v", c.name, list, kept)
			}
		}
	}
}

func TestAllowingDoesNotEndADenial(t *testing.T) {
	w := newWorld(t)
	file := append(document("photos"), "allow_networks: [10.0.0.0/8]\n"...)
	if _, _, err := w.PutApplication(w.ctx, w.root, "acme", "photos", file, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	minute := int64(60)
	must(w.AddNetworks(w.ctx, w.root, "acme", "photos", []admin.NewNetworkEntry{{Network: "203.0.113.7", ExpiresIn: &minute}}))(t)
	allow := []admin.NewNetworkEntry{{Network: "192.0.2.1", Action: access.AllowNetwork}, {Network: "203.0.113.7", Action: access.AllowNetwork}}
	_, err := w.AddNetworks(w.ctx, w.root, "acme", "photos", allow)
	w.refused(err, "network_denied")
	if got := w.listed(admin.NetworkFilter{}); !slices.Equal(got, []string{"deny 203.0.113.7"}) {
		t.Errorf("what was refused left %q", got)
	}
	w.now = w.now.Add(time.Minute) // it has ended
	if did := must(w.AddNetworks(w.ctx, w.root, "acme", "photos", allow))(t); did.Added != 1 || did.Changed != 1 {
		t.Error(did)
	}
}

func TestNetworksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.application("acme", "photos")
	closed := append(document("closed"), "allow_networks: [10.0.0.0/8]\n"...)
	if _, _, err := w.PutApplication(w.ctx, w.root, "acme", "closed", closed, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	before := w.head()
	zero, ok := int64(0), int64(60)
	many := make([]admin.NewNetworkEntry, admin.MaxNetworkBatch+1)
	for i := range many {
		many[i].Network = fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
	}
	for name, c := range map[string]struct {
		in   []admin.NewNetworkEntry
		code string
	}{
		"name":           {[]admin.NewNetworkEntry{{Network: "localhost"}}, "invalid_network"},
		"host bits":      {[]admin.NewNetworkEntry{{Network: "10.0.0.1"}, {Network: "192.0.2.5/24"}}, "invalid_network"},
		"zone":           {[]admin.NewNetworkEntry{{Network: "fe80::1%eth0"}}, "invalid_network"},
		"twice":          {[]admin.NewNetworkEntry{{Network: "10.0.0.1"}, {Network: "::ffff:10.0.0.1"}}, "invalid_field"},
		"action":         {[]admin.NewNetworkEntry{{Network: "10.0.0.1", Action: "drop"}}, "invalid_field"},
		"past":           {[]admin.NewNetworkEntry{{Network: "10.0.0.1", Expires: w.now}}, "invalid_field"},
		"no life":        {[]admin.NewNetworkEntry{{Network: "10.0.0.1", ExpiresIn: &zero}}, "invalid_field"},
		"two ends":       {[]admin.NewNetworkEntry{{Network: "10.0.0.1", ExpiresIn: &ok, Expires: w.now.Add(time.Hour)}}, "invalid_field"},
		"reason":         {[]admin.NewNetworkEntry{{Network: "10.0.0.1", Reason: "a\nb"}}, "invalid_field"},
		"too many":       {many, "invalid_field"},
		"nothing to add": {nil, ""},
		"no allow list":  {[]admin.NewNetworkEntry{{Network: "10.0.0.1"}, {Network: "10.0.0.2", Action: access.AllowNetwork}}, "no_allow_list"},
	} {
		_, err := w.AddNetworks(w.ctx, w.root, "acme", "photos", c.in)
		if codeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
	_, err := w.AddPlatformNetworks(w.ctx, w.root, []admin.NewNetworkEntry{{Network: "10.0.0.2", Action: access.AllowNetwork}})
	w.refused(err, "no_allow_list")
	if w.head() != before {
		t.Error("what was refused changed something")
	}
	did := must(w.AddNetworks(w.ctx, w.root, "acme", "closed", []admin.NewNetworkEntry{{Network: "192.0.2.0/24", Action: access.AllowNetwork}}))(t)
	if did.Added != 1 {
		t.Error(did)
	}
	did = must(w.AddNetworks(w.ctx, w.root, "acme", "photos", many[1:]))(t)
	if did.Added != admin.MaxNetworkBatch {
		t.Error(did)
	}
}
