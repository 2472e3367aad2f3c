package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestAttack_DeniedNetworks: what is denied is refused from the next request on,
// at every door and in whatever spelling of the address, and is told nothing.
func TestAttack_DeniedNetworks(t *testing.T) {
	w := newWorld(t, trusting)
	w.serve("acme", "photos", photos)
	list := orgPath("acme", "/applications/photos/networks")
	from := func(address string) []answer {
		return []answer{
			w.send("GET", w.gateway+"/public/1", "", nil, "Host: photos.example", "X-Forwarded-For: "+address),
			w.send("GET", "/v1/forward-auth?application=acme/photos", "", nil, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /public/1", "X-Forwarded-For: "+address),
		}
	}
	allowed := func(what, address string) {
		t.Helper()
		for _, a := range from(address) {
			if a.status != 200 && a.status != 204 {
				t.Errorf("%s: %s: %d %s", what, address, a.status, a.text)
			}
		}
	}
	denied := func(what, address string) {
		t.Helper()
		for _, a := range from(address) {
			w.expect(what+" "+address, a, http.StatusForbidden, "address_denied")
			if strings.Contains(a.text, "guess") || strings.Contains(a.text, "203.0.113") {
				t.Errorf("the denied caller is told %s", a.text)
			}
		}
	}
	allowed("before", "203.0.113.7")
	for range 3 {
		w.expect("deny", w.send("POST", list, w.founder, `{"items":[{"network":"203.0.113.0/24","reason":"guessing","expires_in":3600},{"network":"2001:db8:bad::/48"}]}`), 200, "")
		denied("denied", "203.0.113.7")
		denied("mapped", "::ffff:203.0.113.7")
		denied("IPv6", "2001:DB8:BAD::1")
		denied("behind a trusted proxy", "203.0.113.7, 127.0.0.1")
		allowed("what the client says of itself", "203.0.113.7, 198.51.100.1")
		allowed("beside it", "203.0.114.7")
		w.expect("undeny", w.send("DELETE", list+"/203.0.113.0%2F24", w.founder, nil), 204, "")
		w.expect("clear", w.send("PUT", list, w.founder, `{"items":[]}`), 200, "")
		allowed("after", "203.0.113.7")
		allowed("after", "2001:db8:bad::1")
	}
	w.expect("deny everywhere", w.send("POST", "/v1/networks", w.founder, `{"items":[{"network":"203.0.113.7","reason":"guessing"}]}`), 200, "")
	denied("everywhere", "203.0.113.7")
	w.expect("take it back", w.send("DELETE", "/v1/networks/203.0.113.7", w.founder, nil), 204, "")
	allowed("after", "203.0.113.7")

	// A whole batch at once, and a replacement that keeps one of them.
	var items []string
	for i := range 10_000 {
		items = append(items, fmt.Sprintf(`{"network":"10.%d.%d.0/25","reason":"batch"}`, i>>8, i&255))
	}
	batch := w.send("POST", list, w.founder, `{"items":[`+strings.Join(items, ",")+`]}`)
	if batch.status != 200 || !strings.Contains(batch.text, `"added":10000`) {
		t.Fatalf("a batch: %d %s", batch.status, batch.text)
	}
	denied("of a batch", "10.5.5.5")
	w.expect("replace", w.send("PUT", list, w.founder, `{"items":[{"network":"10.5.6.0/25"}]}`), 200, "")
	allowed("replaced", "10.5.5.5")
	denied("kept", "10.5.6.5")
	w.expect("one too many", w.send("POST", list, w.founder, `{"items":[`+strings.Join(append(items, `{"network":"::1"}`), ",")+`]}`), 422, "invalid_field")
	w.expect("too long", w.send("POST", list, w.founder, `{"items":[`+strings.Repeat(" ", 4<<20)+`]}`), 413, "")
}
