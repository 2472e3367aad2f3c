package edge_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
)

func TestResolveClientVectors(t *testing.T) {
	var cases []struct {
		ID       int
		Peer     string
		Trusted  []string
		XFF      string
		Expected string
	}
	readVectors(t, "client-ip.json", &cases)
	for _, c := range cases {
		trusted, err := access.ParseNetworks(c.Trusted)
		if err != nil {
			t.Fatal(err)
		}
		got, err := edge.ResolveClient(netip.MustParseAddr(c.Peer), trusted, []string{c.XFF})
		if c.Expected == "refuse-or-peer" {
			if e := access.AsError(err); err == nil || e.Code != "bad_forwarded" || e.Kind != access.Malformed {
				t.Errorf("case %d: %q from %s gave %v, %v, want bad_forwarded", c.ID, c.XFF, c.Peer, got, err)
			}
			continue
		}
		if err != nil || got != netip.MustParseAddr(c.Expected) {
			t.Errorf("case %d: %q from %s gave %v, %v, want %s", c.ID, c.XFF, c.Peer, got, err, c.Expected)
		}
	}
}

func TestResolveClientReadsLinesAsOneList(t *testing.T) {
	trusted, _ := access.ParseNetworks([]string{"10.0.0.0/8"})
	proxy := netip.MustParseAddr("10.0.0.1")
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{nil, "10.0.0.1"},
		{[]string{""}, "10.0.0.1"},
		{[]string{"192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
		{[]string{"no address", "192.0.2.1, 10.0.0.2", "10.0.0.3"}, "192.0.2.1"},
		{[]string{"192.0.2.9", ",", "10.0.0.3"}, "192.0.2.9"},
	} {
		got, err := edge.ResolveClient(proxy, trusted, c.lines)
		if err != nil || got.String() != c.want {
			t.Errorf("%q gave %v, %v, want %s", c.lines, got, err, c.want)
		}
	}
	_, err := edge.ResolveClient(proxy, trusted, []string{"192.0.2.1%eth0"})
	if !errors.Is(err, &access.Error{Code: "bad_forwarded"}) {
		t.Errorf("an address with a zone gave %v", err)
	}
}

// readVectors reads a sample of shared vectors, kept in testdata.
func readVectors(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile("testdata/network/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}
