package meter_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/meter"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// ledger is a sink that adds up what it is given, and may be away.
type ledger struct {
	mu     sync.Mutex
	away   bool
	issued map[string]int
	keys   map[string]access.Use
	usage  map[access.UsageKey]int64
	quotas map[access.QuotaKey]int64
}

func newLedger() *ledger {
	return &ledger{issued: map[string]int{}, keys: map[string]access.Use{}, usage: map[access.UsageKey]int64{}, quotas: map[access.QuotaKey]int64{}}
}

var errAway = errors.New("away")

func (l *ledger) WriteBatch(_ context.Context, b access.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return errAway
	}
	for _, t := range b.Issued {
		l.issued[t.ID]++
	}
	for id, u := range b.Keys {
		l.keys[id] = access.Use{Count: l.keys[id].Count + u.Count, Last: u.Last}
	}
	for line, n := range b.Usage {
		l.usage[line] += n
	}
	for key, n := range b.Quotas {
		l.quotas[key] += n
	}
	return nil
}

func token(n int, key string) access.IssuedToken {
	return access.IssuedToken{ID: fmt.Sprint("tok_", n), OrganizationID: "org_1", KeyID: key, Origin: access.FromKey,
		From: access.LastUse{Time: at.Add(time.Duration(n) * time.Second), Address: netip.MustParseAddr("192.0.2.1")}}
}

// TestNothingIsLostOrDoubled: whatever comes, and however often the sink is away,
// in the end each record is stored once, counts add up, and the last use is the
// latest.
func TestNothingIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sink := newLedger()
		r := meter.New(sink)
		want := map[string]int64{}
		latest := map[string]time.Time{}
		n := rapid.IntRange(1, 40).Draw(t, "events")
		for i := range n {
			key := rapid.SampledFrom([]string{"key_1", "key_2"}).Draw(t, "key")
			record := token(i, key)
			if err := r.Issued(context.Background(), record, "mem_1", false); err != nil {
				t.Fatal(err)
			}
			want[key]++
			latest[key] = record.From.Time
			if rapid.Bool().Draw(t, "flush") {
				sink.away = rapid.Bool().Draw(t, "away")
				if err := r.Flush(context.Background()); (err != nil) != sink.away {
					t.Fatalf("flush: %v, away %v", err, sink.away)
				}
			}
		}
		sink.away = false
		if err := r.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(sink.issued) != n {
			t.Fatalf("%d of %d records", len(sink.issued), n)
		}
		for id, times := range sink.issued {
			if times != 1 {
				t.Fatalf("%s was stored %d times", id, times)
			}
		}
		for key, count := range want {
			if got := sink.keys[key]; got.Count != count || !got.Last.Time.Equal(latest[key]) {
				t.Fatalf("%s: %+v, want %d, last %v", key, got, count, latest[key])
			}
			if got := sink.usage[access.UsageKey{OrganizationID: "org_1", KeyID: key, Day: access.Day(at), Outcome: "issued"}]; got != count {
				t.Fatalf("%s: usage %d, want %d", key, got, count)
			}
		}
	})
}

// TestDurableWaits: with durable, the answer comes after the record, or with the
// error that kept it away.
func TestDurableWaits(t *testing.T) {
	sink := newLedger()
	r := meter.New(sink)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx, time.Hour, func(error) {}) // so that only the kick can flush
	}()
	if err := r.Issued(ctx, token(1, "key_1"), "", true); err != nil {
		t.Fatal(err)
	}
	sink.mu.Lock()
	if sink.issued["tok_1"] != 1 {
		t.Error("the answer came before the record")
	}
	sink.away = true
	sink.mu.Unlock()
	if err := r.Issued(ctx, token(2, "key_1"), "", true); !errors.Is(err, errAway) {
		t.Errorf("a record that was not stored was answered with %v", err)
	}
	sink.mu.Lock()
	sink.away = false
	sink.mu.Unlock()
	cancel()
	<-done
	if sink.issued["tok_2"] != 1 {
		t.Error("what was kept is not written at the end")
	}
}

// TestFullRefuses: with the sink away memory stays bounded, and no token goes
// unrecorded.
func TestFullRefuses(t *testing.T) {
	sink := newLedger()
	sink.away = true
	r := meter.New(sink)
	for i := range meter.MaxPending {
		if err := r.Issued(context.Background(), token(i, "key_1"), "", false); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	if err := r.Issued(context.Background(), token(0, "key_1"), "", false); !errors.Is(err, meter.ErrBehind) {
		t.Fatalf("one more: %v", err)
	}
	_ = r.Flush(context.Background())
	if err := r.Issued(context.Background(), token(0, "key_1"), "", false); !errors.Is(err, meter.ErrBehind) {
		t.Fatalf("after a flush that failed: %v", err)
	}
	sink.away = false
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := r.Issued(context.Background(), token(0, "key_1"), "", false); err != nil {
		t.Fatalf("room again: %v", err)
	}
}

// TestManyKeysFold: beyond the bound, requests are still counted, without their
// key.
func TestManyKeysFold(t *testing.T) {
	sink := newLedger()
	r := meter.New(sink)
	const extra = 10
	for i := range meter.MaxCounters + extra {
		r.Used(access.Counted{OrganizationID: "org_1", ApplicationID: "app_1", KeyID: fmt.Sprint("key_", i), Outcome: "allowed"}, access.LastUse{Time: at})
	}
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	rest := sink.usage[access.UsageKey{OrganizationID: "org_1", ApplicationID: "app_1", Day: access.Day(at), Outcome: "allowed"}]
	if rest != extra || len(sink.keys) != meter.MaxCounters {
		t.Errorf("%d requests without their key, %d keys", rest, len(sink.keys))
	}
}
