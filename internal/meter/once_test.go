package meter_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/meter"
)

// clock is a time that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// shelf is a ledger that two servers share.
type shelf struct {
	mu   sync.Mutex
	used map[[32]byte]bool
	down error
}

func (s *shelf) UseOnce(_ context.Context, id [32]byte, _ time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return false, s.down
	}
	first := !s.used[id]
	s.used[id] = true
	return first, nil
}

func TestOnce(t *testing.T) {
	ctx := context.Background()
	c := &clock{time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)}
	o := meter.NewLoneOnce(context.Background(), nil, c.now)
	use := func(o *meter.Once, purpose, id string) bool {
		t.Helper()
		first, err := o.First(ctx, purpose, id, c.t, c.t.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if !use(o, "nonce", "a") || use(o, "nonce", "a") {
		t.Fatal("an id is good once")
	}
	if !use(o, "nonc", "ea") || !use(o, "other", "a") {
		t.Error("purposes are told apart")
	}
	for range 62 {
		c.t = c.t.Add(time.Second)
		if !use(o, "filler", c.t.String()) {
			t.Fatal("new ids are new")
		}
	}
	if !use(o, "nonce", "a") {
		t.Error("what is worthless is forgotten")
	}
	c.t = c.t.Add(24 * time.Hour)
	if !use(o, "nonce", "a") || use(o, "nonce", "a") {
		t.Error("after a long rest")
	}

	shared := &shelf{used: map[[32]byte]bool{}}
	one, two := meter.NewOnce(shared, c.now), meter.NewOnce(shared, c.now)
	if !use(one, "nonce", "c") || use(two, "nonce", "c") {
		t.Error("an id is good once among all servers")
	}
	shared.down = errors.New("gone")
	if first, err := two.First(ctx, "nonce", "d", c.t, c.t.Add(time.Minute)); first || err == nil {
		t.Error("without the ledger nobody can tell")
	}
}

// TestOnceAfterRestart: a server that is alone takes nothing twice that was made before its restart, in the very second
// of it, or by a clock that is ahead; and on a store where none ran before, it takes what was made in the second it starts.
func TestOnceAfterRestart(t *testing.T) {
	ctx := context.Background()
	disk := &shelf{used: map[[32]byte]bool{}}
	c := &clock{time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)}
	start := func() *meter.Once { return meter.NewLoneOnce(ctx, disk, c.now) }
	second := func(ahead time.Duration) time.Time { return c.t.Add(ahead).Truncate(time.Second) }
	use := func(o *meter.Once, id string, made time.Time) (bool, error) {
		return o.First(ctx, "signature", id, made, made.Add(time.Minute))
	}
	first := start()
	if ok, err := use(first, "in the first second", second(0)); !ok || err != nil {
		t.Fatalf("nothing ran before: %v", err)
	}
	c.t = c.t.Add(time.Hour)
	written := len(disk.used)
	made := map[string]time.Time{"now": second(0), "earlier": second(-20 * time.Second), "ahead": second(20 * time.Second), "by the next second": second(time.Second)}
	for id, at := range made {
		if ok, err := use(first, id, at); !ok || err != nil {
			t.Fatalf("%s: %v, %v", id, ok, err)
		}
	}
	if n := len(disk.used) - written; n != 2 {
		t.Errorf("%d uses were written down, not the 2 by clocks that are ahead", n)
	}
	fresh := second(20 * time.Second)
	for _, later := range []time.Duration{0, 300 * time.Millisecond, 20 * time.Second} {
		c.t = c.t.Add(later)
		again := start()
		for id, at := range made {
			if ok, err := use(again, id, at); ok {
				t.Errorf("%s: taken again, %s after", id, later)
			} else if err != nil && access.AsError(err).Code != "made_before_start" {
				t.Error(err)
			}
		}
		if later > time.Second {
			continue
		}
		if ok, err := use(again, "new "+later.String(), fresh); !ok || err != nil {
			t.Errorf("a new one, %s after: %v", later, err)
		}
	}
	disk.down = errors.New("gone")
	if ok, err := use(start(), "in the very second", second(0)); ok || access.AsError(err).Code != "made_before_start" {
		t.Errorf("who cannot tell whether a server ran before takes it that one did: %v", err)
	}
}

func TestOnceInParallel(t *testing.T) {
	c := &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o := meter.NewLoneOnce(context.Background(), nil, c.now)
	var first atomic.Int64
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			if ok, _ := o.First(context.Background(), "p", fmt.Sprint(i%8), c.t, c.t.Add(time.Minute)); ok {
				first.Add(1)
			}
		})
	}
	group.Wait()
	if first.Load() != 8 {
		t.Errorf("8 ids were good %d times", first.Load())
	}
}

// TestOnceShares: who has filled a share of the memory is refused until something of it is worthless; others are not.
func TestOnceShares(t *testing.T) {
	ctx := context.Background()
	c := &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o := meter.NewLoneOnce(ctx, nil, c.now)
	use := func(id string, holders ...string) error {
		t.Helper()
		var shares []meter.Share
		for i, holder := range holders {
			shares = append(shares, meter.Share{Holder: holder, Most: 3 * (i + 1)})
		}
		first, err := o.FirstWithin(ctx, shares, "dpop", id, c.t, c.t.Add(time.Minute))
		if err == nil && !first {
			t.Errorf("%s was not used before", id)
		}
		return err
	}
	full := func(err error) bool { return access.AsError(err).Code == "replay_memory_full" }
	for i := range 3 {
		if err := use(fmt.Sprint("a", i), "a", "strangers"); err != nil {
			t.Fatal(err)
		}
	}
	if !full(use("a3", "a", "strangers")) || use("b0", "b", "strangers") != nil {
		t.Error("a share is full for its holder alone")
	}
	if use("c0", "c", "strangers") != nil || use("c1", "c", "strangers") != nil || !full(use("c2", "c", "strangers")) {
		t.Error("the strangers' share is full for every one of them")
	}
	if use("d0", "acme") != nil || use("d1") != nil {
		t.Error("others have room")
	}
	c.t = c.t.Add(62 * time.Second)
	if err := use("a3", "a", "strangers"); err != nil {
		t.Errorf("what is worthless takes no room: %v", err)
	}
}
