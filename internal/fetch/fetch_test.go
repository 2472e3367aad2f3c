package fetch

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/daypass/daypass/internal/access"
)

func TestRedirectsDoNotLoseTLS(t *testing.T) {
	to, _ := http.NewRequest(http.MethodGet, "http://api.example.com/", nil)
	from, _ := http.NewRequest(http.MethodGet, "https://api.example.com/", nil)
	if err := (&Client{Redirects: 3, HTTP: true}).checkRedirect(to, []*http.Request{from}); err == nil {
		t.Error("a redirect from https to http is followed")
	}
	if err := (&Client{}).checkRedirect(from, []*http.Request{from}); err != http.ErrUseLastResponse {
		t.Errorf("a redirect is followed where none may be: %v", err)
	}
}

func TestMayDial(t *testing.T) {
	networks, err := access.ParseNetworks([]string{"10.1.0.0/16", "169.254.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		client Client
		to     string
		plain  bool
		want   bool
	}{
		{Client{}, "8.8.8.8", false, true},
		{Client{}, "8.8.8.8", true, false},
		{Client{HTTP: true}, "8.8.8.8", true, true},
		{Client{}, "127.0.0.1", false, false},
		{Client{}, "::ffff:10.1.0.1", false, false},
		{Client{Networks: networks}, "10.1.0.1", true, true},
		{Client{Networks: networks}, "::ffff:10.1.0.1", false, true},
		{Client{Networks: networks}, "64:ff9b::a01:1", false, true},
		{Client{Networks: networks}, "10.2.0.1", false, false},
		{Client{Networks: networks}, "169.254.169.254", false, false},
		{Client{Private: true}, "192.168.0.1", false, true},
		{Client{Private: true}, "169.254.169.254", false, false},
	} {
		if got := test.client.mayDial(netip.MustParseAddr(test.to), test.plain) == nil; got != test.want {
			t.Errorf("%+v to %s, plain %v: got %v", test.client, test.to, test.plain, got)
		}
	}
}

func TestMaxAge(t *testing.T) {
	for header, want := range map[string]float64{"public, max-age=600": 600, "Max-Age=\"5\"": 5, "max-age=-1": 0, "max-age=1m30": 0, "max-age=99999999999": 0, "no-store": 0, "": 0, "max-age=x": 0} {
		if got := maxAge(http.Header{"Cache-Control": {header}}).Seconds(); got != want {
			t.Errorf("%q: got %v", header, got)
		}
	}
}
