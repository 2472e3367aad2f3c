package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const feedHeader = `{"alg":"ES256","kid":"ec","typ":"daypass-feed+jwt"}`

func (s *shop) page(t testing.TB, changes object) string {
	t.Helper()
	raw, err := json.Marshal(with(object{
		"iss": testIssuer, "iat": noon.Unix(), "exp": noon.Add(30 * time.Second).Unix(), "after": 0, "revision": 7, "complete": true, "revocations": []object{},
	}, changes))
	if err != nil {
		t.Fatal(err)
	}
	return s.sign(t, "ec", feedHeader, string(raw))
}

// newFollowing returns a Verifier whose feed the tests pull by hand.
func newFollowing(t *testing.T, s *shop) (v *Verifier, feed *publisher, clock *movable) {
	t.Helper()
	keys, feed, clock := publish(t, s.jwks), publish(t, nil), &movable{}
	clock.at.Store(noon.UnixNano())
	v, err := New(Config{
		Issuer: testIssuer, Audience: []string{"acme/photos"}, JWKSURL: keys.URL, Now: clock.now,
		FeedURL: feed.URL, FeedCredential: func() string { return "dp_live_x" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v, feed, clock
}

func revoked(subject string, below int64, more object) object {
	return with(object{"sub": subject, "below": below, "reason": "key_deleted"}, more)
}

func TestFeedEndsTokens(t *testing.T) {
	s := newShop(t)
	v, feed, clock := newFollowing(t, s)
	feed.do(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer dp_live_x" {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		pages := map[string]object{
			"0": {"complete": false, "revision": 5, "revocations": []object{revoked("key_1", 5, nil)}},
			"5": {"after": 5, "revocations": []object{
				revoked("key_2/1", MaxRevision, object{"from": noon.Unix() + 10}), revoked("usr_1", 7, object{"from": noon.Unix() + 10}), revoked("usr_1", 6, nil),
			}},
		}
		fmt.Fprint(w, s.page(t, pages[r.URL.Query().Get("after")]))
	})
	for range 2 {
		if _, err := v.feed.pull(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		claims object
		later  time.Duration
		want   error
	}{
		"of another key":              {object{"key": "key_3", "rev": 1}, 0, nil},
		"from before":                 {object{"key": "key_1", "rev": 4}, 0, ErrRevoked},
		"from after":                  {object{"key": "key_1", "rev": 5}, 0, nil},
		"within the overlap":          {object{"key": "key_2", "rev": 6}, 0, nil},
		"after the overlap":           {object{"key": "key_2", "rev": 1 << 50}, 10 * time.Second, ErrRevoked},
		"of the next secret":          {object{"key": "key_2", "kv": 2, "rev": 0}, 10 * time.Second, nil},
		"two entries, the one":        {object{"uid": "usr_1", "rev": 5}, 0, ErrRevoked},
		"two entries, not yet":        {object{"uid": "usr_1", "rev": 6}, 0, nil},
		"two entries, the other":      {object{"uid": "usr_1", "rev": 6}, 10 * time.Second, ErrRevoked},
		"good, at the end":            {nil, 30*time.Second - 1, nil},
		"good, but too long ago":      {nil, 30 * time.Second, ErrStale},
		"revoked, and too long ago":   {object{"key": "key_1", "rev": 4}, time.Minute, ErrRevoked},
		"expired, and not yet looked": {object{"key": "key_1", "rev": 4, "exp": noon.Unix() - 31}, 0, ErrExpired},
	} {
		t.Run(name, func(t *testing.T) {
			clock.at.Store(noon.Add(c.later).UnixNano())
			_, err := v.Verify(t.Context(), s.token(t, c.claims))
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if errors.Is(err, ErrRevoked) && !strings.Contains(err.Error(), "key_deleted") {
				t.Errorf("the reason is not told: %v", err)
			}
		})
	}
}

// The server's bound holds where it is shorter: a page says how long it is good for, whatever the clocks say.
func TestServersBound(t *testing.T) {
	s := newShop(t)
	v, feed, clock := newFollowing(t, s)
	feed.serve([]byte(s.page(t, object{"iat": noon.Unix() - 20, "exp": noon.Unix() - 10})))
	if _, err := v.feed.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.advance(10*time.Second - 1)
	if _, err := v.Verify(t.Context(), s.token(t, nil)); err != nil {
		t.Error(err)
	}
	clock.advance(1)
	if _, err := v.Verify(t.Context(), s.token(t, nil)); !errors.Is(err, ErrStale) {
		t.Errorf("got %v", err)
	}
}

// A bad page changes nothing: neither what is dead, nor how old the news is, nor where to go on.
func TestBadPages(t *testing.T) {
	s, forger := newShop(t), newShop(t)
	good := object{"revision": 7, "revocations": []object{revoked("key_1", 7, nil)}}
	next := func(changes object) string {
		return s.page(t, with(object{"after": 7, "revision": 9, "revocations": []object{revoked("key_2", 9, nil)}}, changes))
	}
	claims := func(text string) string { return strings.Split(text, ".")[1] }
	for name, text := range map[string]string{
		"signed by another":      forger.page(t, object{"after": 7, "revision": 9}),
		"a token":                s.token(t, nil),
		"signed as a token":      s.sign(t, "ec", goodHeader, string(decoded(t, claims(next(nil))))),
		"of another issuer":      next(object{"iss": testIssuer + "/"}),
		"expired":                next(object{"iat": noon.Unix() - 60, "exp": noon.Unix() - 30}),
		"from the future":        next(object{"iat": noon.Unix() + 32, "exp": noon.Unix() + 60}),
		"seen before":            s.page(t, good),
		"older than what we had": next(object{"revision": 6}),
		"from another revision":  next(object{"after": 8}),
		"that leads nowhere":     next(object{"revision": 7, "complete": false}),
		"no exp":                 next(object{"exp": 0}),
		"null":                   s.sign(t, "ec", feedHeader, strings.Replace(string(decoded(t, claims(next(nil)))), `"revocations":[`, `"more":null,"revocations":[`, 1)),
		"a revision too large":   next(object{"revision": MaxRevision + 1}),
		"no subject":             next(object{"revocations": []object{revoked("", 9, nil)}}),
		"no bound":               next(object{"revocations": []object{revoked("key_2", 0, nil)}}),
		"a reason with quotes":   next(object{"revocations": []object{revoked("key_2", 9, object{"reason": `a" b`})}}),
		"empty":                  "",
		"too long":               strings.Repeat("a", MaxFeedBytes+1),
	} {
		t.Run(name, func(t *testing.T) {
			v, feed, clock := newFollowing(t, s)
			feed.serve([]byte(s.page(t, good)))
			if _, err := v.feed.pull(t.Context()); err != nil {
				t.Fatal(err)
			}
			until := v.feed.until
			clock.advance(time.Second)
			feed.serve([]byte(text))
			if _, err := v.feed.pull(t.Context()); err == nil {
				t.Error("taken")
			}
			if v.feed.revision != 7 || v.feed.until != until || len(v.feed.dead) != 1 {
				t.Errorf("changed by it: %d, %v, %v", v.feed.revision, v.feed.until, v.feed.dead)
			}
		})
	}
	for name, answer := range map[string]http.HandlerFunc{
		"refused":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); fmt.Fprint(w, s.page(t, nil)) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
	} {
		v, feed, _ := newFollowing(t, s)
		feed.do(answer)
		if _, err := v.feed.pull(t.Context()); err == nil || feed.hits.Load() != 1 {
			t.Errorf("%s: %v after %d requests", name, err, feed.hits.Load())
		}
	}
}

func decoded(t *testing.T, part string) []byte {
	t.Helper()
	raw, ok := decode(part)
	if !ok {
		t.Fatal("not base64url")
	}
	return raw
}

func TestRun(t *testing.T) {
	s := newShop(t)
	v, feed, _ := newFollowing(t, s)
	failed := make(chan struct{})
	feed.do(func(w http.ResponseWriter, r *http.Request) { // once nothing, then the page
		feed.serve([]byte(s.page(t, nil)))
		w.WriteHeader(http.StatusBadGateway)
		close(failed)
	})
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := v.feed.check(gone, &Claims{}); !errors.Is(err, ErrStale) || !errors.Is(err, errNotHeard) {
		t.Errorf("before it runs: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	<-failed
	if _, err := v.Verify(t.Context(), s.token(t, nil)); err != nil { // waits for the first news
		t.Error(err)
	}
	if err := v.Run(ctx); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a second one: %v", err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	plain, _ := newVerifier(t, publish(t, s.jwks))
	if err := plain.Run(t.Context()); err == nil {
		t.Error("without a FeedURL there is nothing to run")
	}
}

func FuzzReadFeed(f *testing.F) {
	f.Add([]byte(`{"iss":"i","iat":1,"exp":2,"after":0,"revision":1,"complete":true,"revocations":[{"sub":"key_1/2","below":9,"reason":"x","from":3}]}`))
	f.Add([]byte(`{"iss":"i","iat":1,"exp":2,"after":0,"revision":1,"complete":true,"revocations":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		page, err := ReadFeed(payload)
		if err != nil {
			return
		}
		again, err := json.Marshal(page)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFeed(again); err != nil && page.Revocations != nil {
			t.Fatalf("what was read is refused when written: %v: %s", err, again)
		}
	})
}
