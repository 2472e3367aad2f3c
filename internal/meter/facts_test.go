package meter_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/scope"
)

// archive is a sink of facts that adds up what it is given, and may be away.
type archive struct {
	away  bool
	facts map[access.FactKey]int64
	uses  map[access.ScopeUse]int64
}

func (a *archive) WriteFacts(_ context.Context, b access.FactBatch) error {
	if a.away {
		return errAway
	}
	for _, f := range b.Facts {
		a.facts[f.FactKey] += f.Count
	}
	for u, n := range b.Uses {
		a.uses[u] += n
	}
	return nil
}

func newArchive() *archive {
	return &archive{facts: map[access.FactKey]int64{}, uses: map[access.ScopeUse]int64{}}
}

func requestFact(app, path string) access.Fact {
	return access.Fact{First: at, Last: at, Count: 1, FactKey: access.FactKey{OrganizationID: "org_1", ApplicationID: app, Path: path, KeyID: "key_1"}}
}

// TestFactsAddUp: however often the sink is away, each request is in one fact or counted as dropped, and each use of a
// scope is counted once.
func TestFactsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sink := newArchive()
		facts := meter.NewFacts(sink, true)
		read := []scope.Pattern{scope.MustParse("photos:read")}
		want := map[string]int64{}
		n := rapid.IntRange(1, 60).Draw(t, "requests")
		for range n {
			path := rapid.SampledFrom([]string{"/a", "/b", "/c"}).Draw(t, "path")
			facts.Record(requestFact("app_1", path), read)
			want[path]++
			if rapid.IntRange(0, 5).Draw(t, "flush") == 0 {
				sink.away = rapid.Bool().Draw(t, "away")
				_ = facts.Flush(context.Background())
			}
		}
		facts.Used("org_1", "key_1", scope.MustParse("daypass:keys:read"), at)
		sink.away = false
		if err := facts.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		for path, count := range want {
			if got := sink.facts[requestFact("app_1", path).FactKey]; got != count {
				t.Fatalf("%s: %d, want %d", path, got, count)
			}
		}
		use := access.ScopeUse{OrganizationID: "org_1", KeyID: "key_1", Scope: "photos:read", Day: access.Day(at)}
		if sink.uses[use] != int64(n) || len(sink.uses) != 2 || facts.Dropped() != 0 {
			t.Fatalf("uses %v of %d, dropped %d", sink.uses, n, facts.Dropped())
		}
	})
}

// TestFactsAreBounded: what waits, what is kept and what one application may take has a limit, and what is beyond it is
// counted; the scopes that were used are not lost with it.
func TestFactsAreBounded(t *testing.T) {
	sink := newArchive()
	facts := meter.NewFacts(sink, true)
	read := []scope.Pattern{scope.MustParse("photos:read")}
	flush := func() {
		t.Helper()
		if err := facts.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range meter.MaxFactsOfApp + 10 {
		facts.Record(requestFact("app_1", fmt.Sprint("/", i)), read)
	}
	facts.Record(requestFact("app_2", "/"), nil)
	flush()
	if len(sink.facts) != meter.MaxFactsOfApp+1 || facts.Dropped() != 10 {
		t.Errorf("%d facts, %d dropped", len(sink.facts), facts.Dropped())
	}
	for _, n := range sink.uses {
		if n != meter.MaxFactsOfApp+10 {
			t.Errorf("%d uses", n)
		}
	}
	for range meter.MaxWaitingFacts + 7 {
		facts.Record(requestFact("app_1", "/"), nil)
	}
	flush()
	if facts.Dropped() != 17 {
		t.Errorf("%d dropped", facts.Dropped())
	}
}

// TestStraysDoNotFlood: of what is tried at random without a key, a few are told apart in an hour; all are counted, by why
// they were refused.
func TestStraysDoNotFlood(t *testing.T) {
	sink := newArchive()
	facts := meter.NewFacts(sink, true)
	stray := func(app string, n int, at time.Time) access.Fact {
		f := requestFact(app, fmt.Sprint("/", n))
		f.KeyID, f.Reason, f.Method, f.Stray, f.Last = "", "no_rule", "GET", true, at
		return f
	}
	const tried, perFlush = 5000, 200
	for i := range tried {
		facts.Record(stray("app_1", i, at), nil)
		if i%perFlush == perFlush-1 {
			if err := facts.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	facts.Record(stray("app_2", 0, at), nil)
	facts.Record(stray("app_1", 0, at.Add(time.Hour)), nil)
	if err := facts.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, second := stray("app_1", 0, at), stray("app_2", 0, at)
	all, blurred := int64(0), sink.facts[first.Blurred()]
	for _, n := range sink.facts {
		all += n
	}
	if len(sink.facts) != meter.MaxStrays+2 || all != tried+2 || blurred != tried-meter.MaxStrays || sink.facts[first.FactKey] != 2 || sink.facts[second.FactKey] != 1 {
		t.Errorf("%d facts of %d requests, %d blurred, %d dropped", len(sink.facts), all, blurred, facts.Dropped())
	}
}

// TestFactsOff: nothing is kept of requests, and still what keys use.
func TestFactsOff(t *testing.T) {
	sink := newArchive()
	facts := meter.NewFacts(sink, false)
	facts.Record(requestFact("app_1", "/"), []scope.Pattern{scope.MustParse("photos:read")})
	facts.Record(requestFact("app_1", "/"), nil)
	if err := facts.Flush(t.Context()); err != nil || len(sink.facts) != 0 || len(sink.uses) != 1 {
		t.Errorf("%v: %v %v", err, sink.facts, sink.uses)
	}
}

// TestFactsFromManySides: requests of many goroutines, with the folder running, all arrive.
func TestFactsFromManySides(t *testing.T) {
	sink := newArchive()
	facts := meter.NewFacts(sink, true)
	ctx, cancel := context.WithCancel(t.Context())
	var running, senders sync.WaitGroup
	running.Go(func() { facts.Run(ctx, time.Millisecond, func(err error) { t.Error(err) }) })
	const each, sides = 5000, 4
	for range sides {
		senders.Go(func() {
			for range each {
				facts.Record(requestFact("app_1", "/"), nil)
			}
		})
	}
	senders.Wait()
	cancel()
	running.Wait()
	if got := sink.facts[requestFact("app_1", "/").FactKey] + facts.Dropped(); got != each*sides {
		t.Errorf("%d of %d requests", got, each*sides)
	}
}

func BenchmarkRecord(b *testing.B) {
	facts := meter.NewFacts(newArchive(), true)
	go facts.Run(b.Context(), time.Second, func(error) {})
	fact, read := requestFact("app_1", "/"), []scope.Pattern{scope.MustParse("photos:read")}
	b.ReportAllocs()
	for b.Loop() {
		facts.Record(fact, read)
	}
}
