package gate

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// issuer reads passes "good-…" and counts how often it is asked.
type issuer struct {
	asked atomic.Int64
	fails atomic.Bool
}

func (i *issuer) read(text string) (*access.Token, error) {
	i.asked.Add(1)
	if i.fails.Load() || len(text) < 5 || text[:5] != "good-" {
		return nil, errors.New("bad signature")
	}
	t := token(scope.Set{})
	t.ID = text
	return t, nil
}

func newGate(t failer, i *issuer, entries int) *Gate {
	g := New(Config{Read: i.read, Now: func() time.Time { return noon }, CacheEntries: entries})
	g.Swap(view(nil, application(t, "app_1", "photos", "resources:\n  - match: GET /public\n    access: public\n  - match: GET /private\n    access: authenticated\n")))
	return g
}

func TestOnlyGoodPassesAreRemembered(t *testing.T) {
	var i issuer
	g := newGate(t, &i, 0)
	for range 3 {
		if tok, err := g.Token("good-1"); err != nil || tok.ID != "good-1" {
			t.Fatalf("got %v, %v", tok, err)
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("a good pass was read %d times", n)
	}
	for range 3 {
		if _, err := g.Token("bad"); err == nil {
			t.Fatal("accepted")
		}
	}
	if n := i.asked.Load(); n != 4 {
		t.Errorf("a bad pass was read %d times", n-1)
	}
	if tok, _ := g.Token("good-2"); tok.ID != "good-2" {
		t.Errorf("got the token of another text: %s", tok.ID)
	}
}

func TestForgottenPassesAreReadAgain(t *testing.T) {
	var i issuer
	g := newGate(t, &i, 0)
	if _, err := g.Token("good-1"); err != nil {
		t.Fatal(err)
	}
	i.fails.Store(true) // its key was withdrawn
	if _, err := g.Token("good-1"); err != nil {
		t.Fatal("not remembered")
	}
	g.Forget()
	if _, err := g.Token("good-1"); err == nil {
		t.Error("still remembered")
	}
}

// A verification that began before Forget must not be remembered after it.
func TestForgetWhileReading(t *testing.T) {
	var g *Gate
	reads := 0
	g = New(Config{Read: func(string) (*access.Token, error) {
		if reads++; reads == 1 {
			g.Forget()
		}
		return token(scope.Set{}), nil
	}})
	for range 2 {
		if _, err := g.Token("pass"); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 2 {
		t.Errorf("read %d times, want 2", reads)
	}
}

func TestCacheIsBounded(t *testing.T) {
	var i issuer
	g := newGate(t, &i, 100)
	for n := range 10_000 {
		if _, err := g.Token(fmt.Sprintf("good-%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	tokens := g.tokens.(*otter.Cache[tokenKey, *access.Token])
	tokens.CleanUp()
	if n := tokens.EstimatedSize(); n > 100 {
		t.Errorf("%d tokens are remembered", n)
	}
}

func TestCheck(t *testing.T) {
	var i issuer
	g := newGate(t, &i, 0)
	for _, c := range []struct {
		path, bearer string
		want         Reason
		subject      string
	}{
		{"/public", "", Public, ""},
		{"/public", "bad", Public, ""},
		{"/public", "good-1", Public, "ada"},
		{"/private", "", TokenMissing, ""},
		{"/private", "bad", TokenInvalid, ""},
		{"/private", "good-1", Allowed, "ada"},
		{"/other", "bad", NoRule, ""},
	} {
		d := g.Check(&Request{Method: "GET", Path: mustPath(t, c.path)}, c.bearer)
		if d.Reason != c.want || d.Identity().Subject != c.subject {
			t.Errorf("%s with %q: got %s for %q", c.path, c.bearer, d.Reason, d.Identity().Subject)
		}
	}
}

func TestSwapIsSeenByTheNextRequest(t *testing.T) {
	var i issuer
	g := New(Config{Read: i.read, Now: func() time.Time { return noon }})
	r := &Request{Method: "GET", Path: mustPath(t, "/private")}
	if d := g.Check(r, "good-1"); d.Reason != StaleView || g.View() != nil {
		t.Errorf("before the first view: got %s", d.Reason)
	}
	open := newGate(t, &i, 0).View()
	g.Swap(open)
	if d := g.Check(r, "good-1"); !d.Allow {
		t.Errorf("got %s", d.Reason)
	}
	closed := *open
	closed.Revocations = open.Revocations.With(access.Revocation{Subject: "key_1", Revision: 11, Reason: "key_deleted"})
	g.Swap(&closed)
	if d := g.Check(r, "good-1"); d.Reason != TokenRevoked || d.Revoked != "key_deleted" {
		t.Errorf("got %+v", d)
	}
}

func TestGateIsForManyAtOnce(t *testing.T) {
	var i issuer
	g := newGate(t, &i, 50)
	v := g.View()
	r := &Request{Method: "GET", Path: mustPath(t, "/private")}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for n := range 200 {
				switch {
				case worker == 0:
					g.Swap(v)
				case worker == 1 && n%20 == 0:
					g.Forget()
				default:
					if d := g.Check(r, fmt.Sprintf("good-%d", n%70)); !d.Allow {
						t.Errorf("got %s", d.Reason)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCheckWarm(b *testing.B) {
	app, r := twoHundred(b)
	g := New(Config{Read: func(string) (*access.Token, error) { return twentyScopes(b), nil }, Now: func() time.Time { return noon }})
	g.Swap(view(nil, app))
	text := fmt.Sprintf("%0900d", 0)
	b.ReportAllocs()
	for b.Loop() {
		if d := g.Check(r, text); !d.Allow {
			b.Fatal(d.Reason)
		}
	}
}
