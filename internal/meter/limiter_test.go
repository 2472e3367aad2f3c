package meter_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/meter"
)

func limits(t testing.TB, texts ...access.LimitText) *access.Limits {
	t.Helper()
	var list []access.Limit
	for _, text := range texts {
		l, err := text.Parse()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	return access.NewLimits("app_1\x00GET /", "", list)
}

func caller(n int) *meter.Caller {
	return &meter.Caller{
		Key: fmt.Sprint("key_", n), Subject: fmt.Sprint("usr_", n), Organization: "org_1", Application: "app_1",
		Address: netip.MustParseAddr("192.0.2.1"),
	}
}

// TestRefill follows a rate with the clock of a bubble: all at once, then one by
// one as they come back, and never more than the rate in the long run.
func TestRefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, rule := meter.NewLimiter(), limits(t, access.LimitText{Rate: "60/m", Burst: 5, Per: "key"})
		admit := func() meter.Admission { return l.Admit(time.Now(), caller(1), rule, nil) }
		for i := range 5 {
			if a := admit(); a.Refused != "" || a.State != fmt.Sprintf(`"rate";r=%d;t=%d`, 4-i, i+1) {
				t.Fatalf("request %d: %+v", i, a)
			}
		}
		a := admit()
		if a.Refused != meter.RateLimited || a.Wait != time.Second || a.State != `"rate";r=0;t=5` || a.Policy != `"rate";q=60;w=60` {
			t.Fatalf("one more: %+v", a)
		}
		time.Sleep(a.Wait - time.Nanosecond)
		if a := admit(); a.Refused == "" {
			t.Fatal("it came back too early")
		}
		time.Sleep(time.Nanosecond)
		if a := admit(); a.Refused != "" {
			t.Fatalf("after the wait that was told: %+v", a)
		}
		if a := admit(); a.Refused == "" {
			t.Fatal("two came back for one")
		}
		time.Sleep(time.Hour)
		passed := 0
		for range 3600 {
			if admit().Refused == "" {
				passed++
			}
			time.Sleep(time.Second / 4)
		}
		if passed != 5+15*60-1 {
			t.Errorf("%d passed in a quarter of an hour", passed)
		}
	})
}

// TestExact: of many requests at once as many pass as the limit says, also where
// several limits and parties are mixed.
func TestExact(t *testing.T) {
	l := meter.NewLimiter()
	own := limits(t, access.LimitText{Rate: "40/h", Per: "key"}, access.LimitText{Rate: "100/h", Per: "organization"})
	plan := access.NewLimits("pln_1", "gold-", []access.Limit{{Quota: access.Quota{Count: 30}}})
	var passed [4]atomic.Int64
	var group sync.WaitGroup
	for i := range 800 {
		group.Go(func() {
			c, p := caller(i%4), (*access.Limits)(nil)
			if c.Holder = ""; i%4 == 0 {
				c.Holder, p = c.Key, plan
			}
			if l.Admit(at, c, own, p).Refused == "" {
				passed[i%4].Add(1)
			}
		})
	}
	group.Wait()
	all := int64(0)
	for i := range passed {
		n := passed[i].Load()
		if all += n; n > 40 || i == 0 && n > 30 {
			t.Errorf("caller %d passed %d times", i, n)
		}
	}
	if all != 100 {
		t.Errorf("%d passed, of 100", all)
	}
}

// TestWindow: whatever comes when, in no window more pass than the burst and what
// comes back meanwhile; and who waits as told is admitted.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := access.Rate{Count: rapid.Int64Range(1, 1000).Draw(t, "count"), Window: rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(t, "window")}
		rule := access.Limit{Per: access.PerKey, Rate: rate, Burst: rapid.Int64Range(0, 50).Draw(t, "burst")}
		var s meter.State
		now, passed := at, []time.Time{}
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(rate.Cost(3))).Draw(t, "pause")))
			refused, wait := meter.Judge(&rule, s, now, 1)
			if refused != "" {
				if late, _ := meter.Judge(&rule, s, now.Add(wait), 1); late != "" {
					t.Fatalf("refused after the wait of %v", wait)
				}
				if early, _ := meter.Judge(&rule, s, now.Add(wait-1), 1); early == "" {
					t.Fatalf("a wait of %v is too long", wait)
				}
				continue
			}
			s = s.After(&rule, now, 1, 0)
			passed = append(passed, now)
		}
		for i, from := range passed {
			for j := i; j < len(passed); j++ {
				most := rule.AtOnce() + int64(passed[j].Sub(from)/rate.Cost(1)) + 1
				if int64(j-i+1) > most {
					t.Fatalf("%d passed within %v", j-i+1, passed[j].Sub(from))
				}
			}
		}
	})
}

func TestQuota(t *testing.T) {
	l := meter.NewLimiter()
	rule := limits(t, access.LimitText{Quota: "2/d", Per: "key"}, access.LimitText{Quota: "3/month", Per: "key"})
	day := time.Date(2026, 1, 30, 23, 0, 0, 0, time.UTC)
	for i, test := range []struct {
		at      time.Time
		refused string
		wait    time.Duration
		state   string
	}{
		{day, "", 0, `"quota";r=1;t=3600, "quota-2";r=2;t=90000`},
		{day, "", 0, `"quota";r=0;t=3600, "quota-2";r=1;t=90000`},
		{day, meter.QuotaExceeded, time.Hour, `"quota";r=0;t=3600, "quota-2";r=1;t=90000`},
		{day.Add(time.Hour), "", 0, `"quota";r=1;t=86400, "quota-2";r=0;t=86400`},
		{day.Add(2 * time.Hour), meter.QuotaExceeded, 23 * time.Hour, `"quota";r=1;t=82800, "quota-2";r=0;t=82800`},
		{day.Add(25 * time.Hour), "", 0, `"quota";r=1;t=86400, "quota-2";r=2;t=2419200`},
	} {
		a := l.Admit(test.at, caller(1), rule, nil)
		if a.Refused != test.refused || a.Wait != test.wait || a.State != test.state {
			t.Errorf("request %d: %+v, want %+v", i, a, test)
		}
	}
}

// TestQuotaSurvives: what the sink was given is where the next process goes on.
func TestQuotaSurvives(t *testing.T) {
	sink := newLedger()
	rule := limits(t, access.LimitText{Quota: "5/d", Per: "subject"})
	anonymous := &meter.Caller{Organization: "org_1", Application: "app_1", Address: netip.MustParseAddr("2001:db8::1")}
	look := &meter.Caller{Subject: "2001:db8::", Organization: "org_1"} // a subject that looks like the address
	r := meter.New(sink)
	for range 3 {
		r.Limits.Admit(at, caller(1), rule, nil)
		r.Limits.Admit(at, anonymous, rule, nil)
	}
	sink.away = true
	if r.Flush(context.Background()) == nil {
		t.Fatal("the sink is away")
	}
	r.Limits.Admit(at, caller(1), rule, nil)
	sink.away = false
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	var stored []access.QuotaCount
	for key, n := range sink.quotas {
		stored = append(stored, access.QuotaCount{QuotaKey: key, Count: n})
	}
	next := meter.NewLimiter()
	next.Restore(stored)
	for _, test := range []struct {
		caller *meter.Caller
		left   int
	}{{caller(1), 0}, {anonymous, 1}, {look, 4}, {caller(2), 4}} {
		a := next.Admit(at, test.caller, rule, nil)
		if want := fmt.Sprintf(`"quota";r=%d;`, test.left); a.Refused != "" || !strings.HasPrefix(a.State, want) {
			t.Errorf("%+v: %+v, want %s", test.caller, a, want)
		}
	}
	if a := next.Admit(at.AddDate(0, 0, 1), caller(1), rule, nil); !strings.HasPrefix(a.State, `"quota";r=4`) {
		t.Errorf("the next day: %+v", a)
	}
}

func TestBytes(t *testing.T) {
	l, rule := meter.NewLimiter(), limits(t, access.LimitText{Bytes: "1000B/h", Per: "key"})
	admit := func(at time.Time) meter.Admission { return l.Admit(at, caller(1), rule, nil) }
	l.Spend(at, caller(1), rule, nil, 999)
	if a := admit(at); a.Refused != "" || a.State != `"bytes";r=1;t=3597` {
		t.Errorf("a byte is left: %+v", a)
	}
	l.Spend(at, caller(1), rule, nil, 501) // more than was left is known afterwards
	a := admit(at)
	if a.Refused != meter.RateLimited || a.State != `"bytes";r=0;t=5400` || a.Wait != 1803600*time.Millisecond {
		t.Errorf("nothing is left: %+v", a)
	}
	if a := admit(at.Add(a.Wait)); a.Refused != "" {
		t.Errorf("after the wait: %+v", a)
	}
	l.Spend(at, caller(2), rule, nil, 1<<60)
	if a := l.Admit(at, caller(2), rule, nil); a.Wait > 2*time.Hour {
		t.Errorf("an endless answer makes the caller wait %v", a.Wait)
	}
}

func TestParties(t *testing.T) {
	pass := meter.Caller{Key: "key_1", Member: "mem_1", Subject: "ada", Organization: "org_1", Application: "app_1", Address: netip.MustParseAddr("192.0.2.1")}
	with := func(change func(*meter.Caller)) *meter.Caller {
		c := pass
		change(&c)
		return &c
	}
	nobody := meter.Caller{Organization: "org_1", Application: "app_1", Address: netip.MustParseAddr("2001:db8::1")}
	for _, test := range []struct {
		per    string
		second *meter.Caller
		shared bool
	}{
		{"key", with(func(c *meter.Caller) { c.Subject, c.Address = "bob", netip.MustParseAddr("192.0.2.2") }), true},
		{"key", with(func(c *meter.Caller) { c.Key = "key_2" }), false},
		{"member", with(func(c *meter.Caller) { c.Key, c.Subject = "key_2", "bob" }), true},
		{"member", with(func(c *meter.Caller) { c.Member = "mem_2" }), false},
		{"subject", with(func(c *meter.Caller) { c.Key = "key_2" }), true},
		{"subject", with(func(c *meter.Caller) { c.Subject = "bob" }), false},
		{"organization", with(func(c *meter.Caller) { c.Key, c.Subject, c.Application = "key_2", "bob", "app_2" }), true},
		{"application", with(func(c *meter.Caller) { c.Key, c.Subject = "", "" }), true},
		{"address", with(func(c *meter.Caller) { c.Key = ""; c.Address = netip.MustParseAddr("::ffff:192.0.2.1") }), true},
		{"address", with(func(c *meter.Caller) { c.Address = netip.MustParseAddr("192.0.2.2") }), false},
	} {
		l, rule := meter.NewLimiter(), limits(t, access.LimitText{Rate: "1/h", Per: test.per})
		l.Admit(at, &pass, rule, nil)
		if shared := l.Admit(at, test.second, rule, nil).Refused != ""; shared != test.shared {
			t.Errorf("per %s: %+v shares: %v", test.per, test.second, shared)
		}
	}
	// Without a pass a key's limit is the address's, and of IPv6 the network's.
	l, rule := meter.NewLimiter(), limits(t, access.LimitText{Rate: "1/h", Per: "key"})
	l.Admit(at, &nobody, rule, nil)
	neighbour, stranger := nobody, nobody
	neighbour.Address, stranger.Address = netip.MustParseAddr("2001:db8::ffff"), netip.MustParseAddr("2001:db8:0:1::1")
	if l.Admit(at, &neighbour, rule, nil).Refused == "" || l.Admit(at, &stranger, rule, nil).Refused != "" {
		t.Error("an address of IPv6 is not counted by its /64")
	}
}

// TestBounded: a flood of parties fills a limit's part of the table, then shares;
// other limits and other organizations have room all the same; and the table
// empties when they have gone.
func TestBounded(t *testing.T) {
	l, rule := meter.NewLimiter(), limits(t, access.LimitText{Rate: "10/m", Per: "key"})
	refused := 0
	for i := range meter.MaxPartiesOfLimit + 10_000 {
		if l.Admit(at, caller(i), rule, nil).Refused != "" {
			refused++
		}
	}
	if refused < 9_000 || l.Parties() > meter.MaxPartiesOfLimit+64 {
		t.Errorf("%d refused, %d parties", refused, l.Parties())
	}
	if l.Admit(at, caller(1), rule, nil).Refused != "" {
		t.Error("a party that is in the table suffers")
	}
	plan := access.NewLimits("pln_1", "gold-", []access.Limit{{Per: access.PerKey, Quota: access.Quota{Count: 1}}})
	for i := range 100 {
		if a := l.Admit(at, caller(-1-i), nil, plan); a.Refused != "" {
			t.Fatalf("key %d shares a count of a plan: %+v", i, a)
		}
	}
	later := at.AddDate(0, 0, 1)
	for range 32 {
		l.Sweep(later)
	}
	if l.Parties() != 0 {
		t.Errorf("%d parties are left", l.Parties())
	}
}

// monthly is a quota of two a month for each subject, at a resource of an
// organization.
func monthly(organization string) (*access.Limits, func(subject int) *meter.Caller) {
	rule := access.NewLimits(organization, "", []access.Limit{{Per: access.PerSubject, Quota: access.Quota{Count: 2, Monthly: true}}})
	return rule, func(subject int) *meter.Caller {
		return &meter.Caller{Subject: fmt.Sprint("ada-", subject), Organization: organization, Application: "app_" + organization}
	}
}

// TestOrganizationsDoNotCrowd: quotas of a month, which are not whole again for
// weeks, fill one organization's room and not that of another; not after a restart
// either.
func TestOrganizationsDoNotCrowd(t *testing.T) {
	r := meter.New(newLedger())
	l := r.Limits
	flood := func(organization string, parties int) {
		rule, subject := monthly(organization)
		for i := range parties {
			l.Admit(at, subject(i), rule, nil)
		}
	}
	quiet, subject := monthly("org_quiet")
	counted := func(when string) {
		t.Helper()
		for i := range 200 {
			if a := l.Admit(at, subject(i), quiet, nil); a.Refused != "" {
				t.Fatalf("%s: subject %d of another organization is refused: %+v", when, i, a)
			}
		}
	}
	for i := range 2 * meter.MaxParties / meter.MaxPartiesOfLimit {
		flood(fmt.Sprint("org_", i), meter.MaxPartiesOfLimit+100)
	}
	full := l.Parties()
	counted("the table is full")
	for range 32 {
		l.Sweep(at)
	}
	counted("what is too much was given back")
	if full > 2*meter.MaxParties || l.Parties() > meter.MaxParties+1000 {
		t.Errorf("%d parties, then %d", full, l.Parties())
	}

	var stored []access.QuotaCount
	for i := range meter.MaxPartiesOfLimit + 100 {
		rule, _ := monthly("org_0")
		stored = append(stored, access.QuotaCount{Count: 2, QuotaKey: access.QuotaKey{
			OrganizationID: "org_0", Limit: rule.List[0].ID, Party: fmt.Sprint("=ada-", i), Until: access.Day(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)),
		}})
	}
	stored = append(stored, access.QuotaCount{Count: 1, QuotaKey: access.QuotaKey{
		OrganizationID: "org_quiet", Limit: quiet.List[0].ID, Party: "=ada-1", Until: stored[0].Until,
	}})
	l = meter.NewLimiter()
	l.Restore(stored)
	if a := l.Admit(at, subject(1), quiet, nil); !strings.HasPrefix(a.State, `"quota";r=0;`) {
		t.Errorf("what was used before the restart: %+v", a)
	}
}

// TestSharedSurvives: those that share go on, together, where they were.
func TestSharedSurvives(t *testing.T) {
	rule, subject := monthly("org_1")
	l := meter.NewLimiter()
	l.Restore([]access.QuotaCount{{Count: 64, QuotaKey: access.QuotaKey{
		OrganizationID: "org_1", Limit: rule.List[0].ID, Party: "=", Until: access.Day(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)),
	}}})
	for i := range meter.MaxPartiesOfLimit + 100 {
		if refused := l.Admit(at, subject(i), rule, nil).Refused != ""; refused != (i >= meter.MaxPartiesOfLimit-32) {
			t.Fatalf("subject %d is refused: %v", i, refused)
		}
	}
}

// TestFullTableForgetsNothing: what a request is counted under stays in the table
// while another of its limits looks for room.
func TestFullTableForgetsNothing(t *testing.T) {
	l := meter.NewLimiter()
	once := access.Limit{Per: access.PerKey, Rate: access.Rate{Count: 1, Window: time.Minute}}
	first := access.NewLimits("first", "", []access.Limit{once})
	both := [2]*access.Limits{first, access.NewLimits("second", "", []access.Limit{once})}
	l.Admit(at, caller(0), first, nil)
	for i := range meter.MaxParties {
		c := caller(i)
		c.Organization = fmt.Sprint("org_", i%8)
		rule := access.NewLimits(c.Organization, "", []access.Limit{once})
		l.Admit(at.Add(2*time.Minute), c, rule, nil)
	}
	later := at.Add(4 * time.Minute)
	if a := l.Admit(later, caller(0), both[0], both[1]); a.Refused != "" {
		t.Fatalf("%+v", a)
	}
	if a := l.Admit(later, caller(0), first, nil); a.Refused == "" {
		t.Error("the request before is forgotten")
	}
}

// TestClockSetBack: nobody waits longer than a whole burst.
func TestClockSetBack(t *testing.T) {
	l, rule := meter.NewLimiter(), limits(t, access.LimitText{Rate: "10/m", Per: "key"})
	l.Admit(at, caller(1), rule, nil)
	if a := l.Admit(at.AddDate(-1, 0, 0), caller(1), rule, nil); a.Wait > time.Minute {
		t.Errorf("%+v", a)
	}
}

func TestNothingAllocates(t *testing.T) {
	r := meter.New(newLedger())
	line := access.Counted{OrganizationID: "org_1", ApplicationID: "app_1", KeyID: "key_1", MembershipID: "mem_1", Subject: "usr_1", Outcome: "allowed"}
	use := access.LastUse{Time: at}
	r.Used(line, use)
	if n := testing.AllocsPerRun(100, func() { r.Used(line, use) }); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}

// TestManySubjects: subjects that a backend names without end are folded.
func TestManySubjects(t *testing.T) {
	sink := newLedger()
	r := meter.New(sink)
	for i := range meter.MaxSubjectsOfKey + 10 {
		r.Used(access.Counted{OrganizationID: "org_1", KeyID: "key_1", Subject: fmt.Sprint("user ", i), Outcome: "allowed"}, access.LastUse{Time: at})
	}
	r.Used(access.Counted{OrganizationID: "org_1", KeyID: "key_2", Subject: "user", Outcome: "allowed"}, access.LastUse{Time: at})
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	line := access.UsageKey{OrganizationID: "org_1", KeyID: "key_1", Day: access.Day(at), Outcome: "allowed"}
	if sink.usage[line] != 10 || len(sink.usage) != meter.MaxSubjectsOfKey+2 || sink.keys["key_1"].Count != meter.MaxSubjectsOfKey+10 {
		t.Errorf("%d without subject, %d lines, %d uses", sink.usage[line], len(sink.usage), sink.keys["key_1"].Count)
	}
}

// TestMidnight: what was counted before is of the day before.
func TestMidnight(t *testing.T) {
	sink := newLedger()
	r := meter.New(sink)
	line := access.Counted{OrganizationID: "org_1", KeyID: "key_1", Outcome: "allowed"}
	midnight := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	for range 3 {
		r.Used(line, access.LastUse{Time: midnight.Add(-time.Second)})
	}
	r.Used(line, access.LastUse{Time: midnight})
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	key := access.UsageKey{OrganizationID: "org_1", KeyID: "key_1", Day: access.Day(midnight), Outcome: "allowed"}
	today := sink.usage[key]
	key.Day--
	if today != 1 || sink.usage[key] != 3 || sink.keys["key_1"].Count != 4 {
		t.Errorf("%d today, %d yesterday, %+v", today, sink.usage[key], sink.keys["key_1"])
	}
}

func BenchmarkUsed(b *testing.B) {
	r := meter.New(newLedger())
	lines := make([]access.Counted, 64)
	for i := range lines {
		id := fmt.Sprintf("%026d", i)
		lines[i] = access.Counted{
			OrganizationID: "org_01k8dn0002qnrphr9v05w9sdzg", ApplicationID: "app_01k8dn0001qdm0p000ecd4mqay",
			KeyID: "key_" + id, MembershipID: "mem_" + id, Subject: "usr_" + id, Outcome: "allowed",
		}
	}
	use := access.LastUse{Time: at, Address: netip.MustParseAddr("192.0.2.1"), UserAgent: "curl/8"}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			r.Used(lines[i%len(lines)], use)
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	rule := limits(b, access.LimitText{Rate: "1000000000/s", Per: "key"})
	l := meter.NewLimiter()
	callers := make([]*meter.Caller, 64)
	for i := range callers {
		callers[i] = caller(i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			l.Admit(at, callers[i%len(callers)], rule, nil)
		}
	})
}
