package admin_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/store"
)

var request = [32]byte{1}

// making makes a key and answers with its text.
func (w *world) making(c *access.Caller) func(ctx context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		k, err := w.CreateKey(ctx, c, "acme", admin.NewKey{Scopes: []string{"x"}})
		return []byte(k.Text), err
	}
}

func TestIdempotentUnderRaces(t *testing.T) {
	w := newWorldIn(t, store.Config{Path: filepath.Join(t.TempDir(), "daypass.db")})
	c := w.user("acme", "consumer")
	var ran atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, _, err := w.Idempotent(w.ctx, c, "once", request, func(ctx context.Context) ([]byte, error) {
				ran.Add(1)
				return w.making(c)(ctx)
			})
			if err != nil && !isCode(err, "idempotency_in_progress", "idempotency_lost") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	first, replayed, err := w.Idempotent(w.ctx, c, "once", request, w.making(c))
	keys := must(w.Keys(w.ctx, c, "acme", admin.KeyFilter{}, admin.Page{}))(t)
	if err != nil || !replayed || ran.Load() != 1 || len(keys.Items) != 2 {
		t.Errorf("ran %d times, %d keys, replayed %v, %v", ran.Load(), len(keys.Items), replayed, err)
	}
	if w.key(string(first)).UserID != c.UserID {
		t.Error("the answer is not the first one's")
	}

	_, _, err = w.Idempotent(w.ctx, c, "once", [32]byte{2}, w.making(c))
	w.refused(err, "idempotency_key_reused")
	for name, other := range map[string]*access.Caller{"another user": w.user("acme", "consumer"), "a narrower pass": w.token(c, "daypass:keys:write", "x")} {
		if got, replayed, err := w.Idempotent(w.ctx, other, "once", request, w.making(other)); err != nil || replayed || string(got) == string(first) {
			t.Errorf("%s meets the answer: %v %v", name, replayed, err)
		}
	}
	w.now = w.now.Add(24 * time.Hour)
	if _, replayed, err := w.Idempotent(w.ctx, c, "once", request, w.making(c)); err != nil || replayed {
		t.Errorf("after a day: %v %v", replayed, err)
	}
}

// A failure is not kept; a change whose answer was lost is not made again.
func TestIdempotentFailures(t *testing.T) {
	w := newWorld(t)
	c := w.user("acme", "consumer")
	refused := func(ctx context.Context) ([]byte, error) {
		_, err := w.CreateKey(ctx, c, "acme", admin.NewKey{Scopes: []string{"x"}, Roles: []string{"developer"}})
		return nil, err
	}
	_, _, err := w.Idempotent(w.ctx, c, "failed", request, refused)
	w.refused(err, "role_exceeded")
	if _, replayed, err := w.Idempotent(w.ctx, c, "failed", request, w.making(c)); err != nil || replayed {
		t.Errorf("after a failure: %v %v", replayed, err)
	}

	lost := errors.New("the line broke")
	_, _, err = w.Idempotent(w.ctx, c, "lost", request, func(ctx context.Context) ([]byte, error) {
		_, _ = w.making(c)(ctx)
		return nil, lost
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	before := w.head()
	w.now = w.now.Add(time.Hour) // long after any claim without a change would be given to another
	_, _, err = w.Idempotent(w.ctx, c, "lost", request, w.making(c))
	w.refused(err, "idempotency_lost")
	if w.head() != before {
		t.Error("the change was made twice")
	}

	// A request so slow that another took its key over changes nothing any more.
	_, _, err = w.Idempotent(w.ctx, c, "slow", request, func(ctx context.Context) ([]byte, error) {
		w.now = w.now.Add(store.IdempotencyLease + time.Second)
		if _, _, err := w.Idempotent(w.ctx, c, "slow", request, w.making(c)); err != nil {
			t.Error(err)
		}
		before = w.head()
		return w.making(c)(ctx)
	})
	w.refused(err, "idempotency_in_progress")
	if w.head() != before {
		t.Error("the slow request made its change too")
	}
	_, _, err = w.Idempotent(w.ctx, c, "line\nbreak", request, w.making(c))
	w.refused(err, "invalid_field")
}
