package e2e

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

// TestAttack_TimingOfProofs: what does not exist takes as long as what is wrong,
// and gets the same answer.
func TestAttack_TimingOfProofs(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("times are measured without -short and -race, which make test does before all else")
	}
	w := newWorld(t, func(c *server.Config) { c.TrustedProxies, c.LogRequests = []string{"127.0.0.1"}, false })
	stranger := newWorld(t, nil)
	gone := w.member("acme", object{"roles": []string{"consumer"}})
	w.must(204, "DELETE", orgPath("acme", "/keys/"+gone.keyID), w.founder, nil)
	unknown, other := stranger.founder, stranger.member("acme", object{"roles": []string{"consumer"}}).key
	const noKey = "key_01k8dn0002v5s8e1g4k7m0p3r6"

	n := 0
	from := func() string { // each time from elsewhere, so that no limit comes in between
		n++
		return fmt.Sprintf("X-Forwarded-For: 10.%d.%d.%d", n>>16, n>>8&255, n&255)
	}
	key := func(text string) func() answer {
		return func() answer { return w.send("POST", "/v1/tokens", text, nil, from()) }
	}
	wrongSum := unknown[:len(unknown)-1] + map[bool]string{true: "a", false: "b"}[unknown[len(unknown)-1] != 'a']
	pair := func(id string) func() answer {
		return func() answer {
			return w.send("POST", "/jwt", "", object{"id": id, "apiKey": unknown, "scopes": []string{}}, from())
		}
	}
	form := func(path string, fields ...string) func() answer {
		values := url.Values{}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, "=")
			values.Set(name, value)
		}
		return func() answer { return w.fill(path, values, from()) }
	}
	grant := func(fields ...string) func() answer {
		return form("/oauth2/token", append(fields, "grant_type=client_credentials")...)
	}
	signing := w.oauthClient("ES256", nil)
	byAssertion := func(id string) func() answer {
		return grant("client_assertion_type="+assertionType, "client_assertion="+w.assertion(newSigner(t, "ES256"), id, nil))
	}
	hmac := w.signingKey()
	textile := func(id string) func() answer {
		until := time.Now().Add(20 * time.Minute).UTC().Format(time.RFC3339)
		return func() answer {
			return w.send("POST", "/v1/tokens", "", nil, from(), "X-Textile-Api-Key: "+id, "X-Textile-Api-Sig-Msg: "+until,
				"X-Textile-Api-Sig: b"+strings.Repeat("a", 52))
		}
	}
	ada := w.person("acme", "ada@acme.example", "developer")
	used := linkIn.FindStringSubmatch(w.must(201, "POST", orgPath("acme", "/users/"+ada.id+"/password-reset"), w.founder, nil).at("link"))[1]
	w.must(200, "POST", "/auth/password", "", object{"token": used, "password": umbrellas})
	usedToo := linkIn.FindStringSubmatch(stranger.must(201, "POST", orgPath("acme", "/users/"+stranger.person("acme", "ada@acme.example", "consumer").id+"/password-reset"), stranger.founder, nil).at("link"))[1]

	const cheap = 5000 // of each
	if !differ(t, key(wrongSum), key(unknown), cheap, false) {
		t.Error("that one is refused before it is looked up does not show: these times tell nothing")
	}
	for _, c := range []struct {
		what string
		a, b func() answer
	}{
		{"nothing at all", key(unknown), key(other)},
		{"an unknown key and a deleted one", key(unknown), key(gone.key)},
		{"the id of no key and the wrong one", pair(noKey), pair(signing.id)},
		{"an unknown client and a wrong secret", grant("client_id="+noKey, "client_secret="+unknown), grant("client_id="+signing.id, "client_secret="+unknown)},
		{"an unknown client and a wrong signature", byAssertion(noKey), byAssertion(signing.id)},
		{"an unknown key and a wrong MAC", textile(noKey), textile(hmac.at("id"))},
		{"an unknown link and a used one", form("/auth/password", "token="+usedToo, "password=x"), form("/auth/password", "token="+used, "password=x")},
	} {
		if differ(t, c.a, c.b, cheap, true) {
			t.Errorf("%s can be told apart", c.what)
		}
	}

	const people, each = 20, 20 // as many as one may guess at
	for i := range people {
		w.person("acme", fmt.Sprintf("user%02d@acme.example", i), "consumer")
	}
	login := func(name string) func() answer {
		i := 0
		return func() answer {
			i++
			return w.send("POST", "/auth/token", "", object{"username": fmt.Sprintf(name, i%people), "password": "a wrong one of sorts"}, from())
		}
	}
	if differ(t, login("nope%02d@acme.example"), login("user%02d@acme.example"), people*each, true) {
		t.Error("an unknown user and a wrong password can be told apart")
	}
}

// differ reports whether the times of two requests that are made in turn do: by t
// over 4.5 with the same sign, up to three times. A leak is there each time; what
// the machine does meanwhile is not. Where like is set, the answers are the same
// but for their times.
func differ(t *testing.T, a, b func() answer, samples int, like bool) bool {
	t.Helper()
	const bound, longest = 4.5, 20 * time.Second
	parts := 3
	if samples < 1000 {
		parts = 1 // each is dear, and steady
	}
	first := 0.0
	for n := range parts {
		score := paired(t, a, b, samples, longest, like)
		if n == 0 {
			first = score
		}
		if math.Abs(score) < bound || score*first < 0 {
			return false
		}
	}
	t.Logf("t = %.1f", first)
	return true
}

// paired is t of the differences between requests that follow each other, first
// the one, then the other. Those of which one took longer than nine tenths of all
// are left out: the machine made them.
func paired(t *testing.T, a, b func() answer, samples int, longest time.Duration, like bool) float64 {
	t.Helper()
	var times [2][]float64
	var shape [2]string
	for begin, i := time.Now(), 0; i < samples && time.Since(begin) < longest; i++ {
		for j := range 2 {
			which := (i + j) % 2
			from := time.Now()
			got := []func() answer{a, b}[which]()
			times[which] = append(times[which], float64(time.Since(from).Nanoseconds()))
			shape[which] = fmt.Sprint(got.status, got.code(), got.at("detail"), got.at("error"), got.at("message"), len(got.header))
			if got.status == 429 || got.status == 503 {
				t.Fatalf("%d: %s", i, got.text)
			}
		}
	}
	if like && shape[0] != shape[1] {
		t.Errorf("%s and %s", shape[0], shape[1])
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(times[0]), times[1]...)))
	most := all[len(all)*9/10]
	var kept []float64
	sum := 0.0
	for i, x := range times[0] {
		if y := times[1][i]; x <= most && y <= most {
			kept = append(kept, x-y)
			sum += x - y
		}
	}
	count := float64(len(kept))
	mean, squares := sum/count, 0.0
	for _, d := range kept {
		squares += (d - mean) * (d - mean)
	}
	score := mean / math.Sqrt(squares/(count-1)/count)
	t.Logf("%d pairs, %.1f µs apart, t = %.1f", len(times[0]), mean/1000, score)
	return score
}
