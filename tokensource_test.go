package daypass_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/verify"
)

// mill makes passes of an hour, each a second after it was asked for.
type mill struct {
	made    atomic.Int32
	running atomic.Int32
	fail    error
	last    *daypass.Token
}

func (m *mill) fetch(ctx context.Context, last *daypass.Token) (*daypass.Token, error) {
	if m.running.Add(1) > 1 {
		return nil, errors.New("two at once")
	}
	defer m.running.Add(-1)
	m.last = last
	time.Sleep(time.Second)
	if m.fail != nil {
		return nil, m.fail
	}
	n := m.made.Add(1)
	now := time.Now()
	return &daypass.Token{Text: fmt.Sprintf("pass-%d", n), Claims: &verify.Claims{ID: fmt.Sprintf("tok_%d", n)}, Issued: now, Expires: now.Add(time.Hour)}, ctx.Err()
}

func mustGive(t *testing.T, s *daypass.TokenSource, want string) *daypass.Token {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil || token.Text != want {
		t.Fatalf("got %v, %v, want %s", token, err, want)
	}
	return token
}

func TestSourceAsksOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(mill)
		s := daypass.NewTokenSource(m.fetch)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { mustGive(t, s, "pass-1") })
		}
		all.Wait()
	})
}

func TestSourceRenewsBeforeTheEndWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(mill)
		s := daypass.NewTokenSource(m.fetch)
		first := mustGive(t, s, "pass-1")
		time.Sleep(41 * time.Minute) // 70 % are 42
		mustGive(t, s, "pass-1")
		synctest.Wait()
		if m.made.Load() != 1 {
			t.Fatal("it was renewed too early")
		}
		time.Sleep(14 * time.Minute) // 90 % are 54
		before := time.Now()
		mustGive(t, s, "pass-1")
		if time.Since(before) > 0 {
			t.Error("a caller waited although the pass lives")
		}
		time.Sleep(2 * time.Second)
		mustGive(t, s, "pass-2")
		if m.last != first {
			t.Errorf("renewed from %v", m.last)
		}
	})
}

func TestSourcesDoNotRenewTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mills := make([]mill, 100)
		var sources []*daypass.TokenSource
		for i := range mills {
			s := daypass.NewTokenSource(mills[i].fetch)
			go s.Token(t.Context())
			sources = append(sources, s)
		}
		time.Sleep(48 * time.Minute)
		renewed := int32(-len(mills))
		for i, s := range sources {
			mustGive(t, s, "pass-1")
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			renewed += mills[i].made.Load() + mills[i].running.Load()
		}
		if renewed < 20 || renewed > 80 {
			t.Errorf("%d of 100 renewed at 80 %% of their life", renewed)
		}
		time.Sleep(time.Minute)
	})
}

func TestSourceOutlivesItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(mill)
		s := daypass.NewTokenSource(m.fetch)
		mustGive(t, s, "pass-1")
		m.fail = errors.New("down")
		time.Sleep(55 * time.Minute)
		for range 20 { // a caller each 10 seconds is no reason to ask each 10 seconds
			mustGive(t, s, "pass-1")
			time.Sleep(10 * time.Second)
		}
		time.Sleep(5 * time.Minute)
		if _, err := s.Token(t.Context()); !errors.Is(err, m.fail) {
			t.Errorf("got %v after the end", err)
		}
		m.fail = nil
		mustGive(t, s, "pass-2")
		if m.last != nil {
			t.Error("a dead pass was offered for renewal")
		}
	})
}

func TestSourceDiscardsDeadPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(mill)
		s := daypass.NewTokenSource(m.fetch)
		dead := mustGive(t, s, "pass-1")
		s.Discard(dead)
		mustGive(t, s, "pass-2")
		s.Discard(dead) // by a caller that was slower
		mustGive(t, s, "pass-2")
		if m.last != nil {
			t.Error("the discarded pass was offered for renewal")
		}
	})
}

func TestOneCallersEndIsNotTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := daypass.NewTokenSource(new(mill).fetch)
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Token(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		mustGive(t, s, "pass-1")
	})
}

func TestSourceOfNothingIsAnError(t *testing.T) {
	s := daypass.NewTokenSource(func(context.Context, *daypass.Token) (*daypass.Token, error) { return nil, nil })
	if _, err := s.Token(t.Context()); err == nil {
		t.Error("no pass and no error")
	}
}

func TestClientSourceRenewsOrExchanges(t *testing.T) {
	d := newDesk(t)
	source := newClient(t, d.URL, daypass.WithKey(someKey)).TokenSource(daypass.ExchangeRequest{Scopes: []string{"photos:read"}})
	first, err := source.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := daypass.Fetch(t.Context(), source, first); err != nil {
		t.Fatal(err)
	}
	d.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Api-Key") != "" {
			return false
		}
		problem(w, 401, "token_revoked")
		return true
	}
	if _, err := daypass.Fetch(t.Context(), source, first); err != nil {
		t.Fatal(err)
	}
	var used []string
	for i, r := range d.requests {
		used = append(used, strings.TrimSpace(r.Header.Get("Api-Key")+r.Header.Get("Authorization")+" "+d.bodies[i]))
	}
	want := []string{someKey + ` {"scopes":["photos:read"]}`, "Bearer pass-1 {}", "Bearer pass-1 {}", someKey + ` {"scopes":["photos:read"]}`}
	if !slices.Equal(used, want) {
		t.Errorf("it asked with %q, want %q", used, want)
	}
}

func TestClientSourceWaitsOutTrouble(t *testing.T) {
	d := newDesk(t)
	source := newClient(t, d.URL, daypass.WithKey(someKey)).TokenSource(daypass.ExchangeRequest{})
	first, err := source.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.refuse = func(w http.ResponseWriter, _ *http.Request) bool { problem(w, 503, "stale_view"); return true }
	if _, err := daypass.Fetch(t.Context(), source, first); !errors.Is(err, &daypass.Error{Code: "stale_view"}) || len(d.requests) != 2 {
		t.Errorf("got %v after %d requests; a server in trouble is not asked twice", err, len(d.requests))
	}
}
