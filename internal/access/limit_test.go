package access_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
)

func TestLimitText(t *testing.T) {
	for _, test := range []struct {
		text  access.LimitText
		want  access.Limit
		wrong string // the member that is refused
	}{
		{text: access.LimitText{Rate: "100/m", Burst: 20, Per: "subject"},
			want: access.Limit{Per: access.PerSubject, Rate: access.Rate{Count: 100, Window: time.Minute}, Burst: 20}},
		{text: access.LimitText{Bytes: "1GiB/d", Body: "10MiB"},
			want: access.Limit{Bytes: access.Rate{Count: 1 << 30, Window: 24 * time.Hour}, Body: 10 << 20}},
		{text: access.LimitText{Quota: "10000/d"}, want: access.Limit{Quota: access.Quota{Count: 10_000}}},
		{text: access.LimitText{Quota: "3/month"}, want: access.Limit{Quota: access.Quota{Count: 3, Monthly: true}}},
		{text: access.LimitText{Body: "1500B"}, want: access.Limit{Body: 1500}},
		{text: access.LimitText{Body: "2kB"}, want: access.Limit{Body: 2000}},
		{text: access.LimitText{Rate: "1000000000/s"}, want: access.Limit{Rate: access.Rate{Count: 1_000_000_000, Window: time.Second}}},
		{text: access.LimitText{}, wrong: "all"},
		{text: access.LimitText{Per: "key"}, wrong: "all"},
		{text: access.LimitText{Rate: "1/m", Per: "everybody"}, wrong: "per"},
		{text: access.LimitText{Rate: "100"}, wrong: "rate"},
		{text: access.LimitText{Rate: "0/m"}, wrong: "rate"},
		{text: access.LimitText{Rate: "+1/m"}, wrong: "rate"},
		{text: access.LimitText{Rate: "1.5/m"}, wrong: "rate"},
		{text: access.LimitText{Rate: "1/month"}, wrong: "rate"},
		{text: access.LimitText{Rate: "1000000001/s"}, wrong: "rate"},
		{text: access.LimitText{Quota: "5/m"}, wrong: "quota"},
		{text: access.LimitText{Quota: "99999999999999999999/d"}, wrong: "quota"},
		{text: access.LimitText{Body: "10 MiB"}, wrong: "body"},
		{text: access.LimitText{Body: "0B"}, wrong: "body"},
		{text: access.LimitText{Body: "9999999GiB"}, wrong: "body"},
		{text: access.LimitText{Bytes: "1GiB"}, wrong: "bytes"},
		{text: access.LimitText{Burst: 5}, wrong: "all"},
		{text: access.LimitText{Burst: 5, Body: "1B"}, wrong: "burst"},
		{text: access.LimitText{Rate: "1/m", Burst: -1}, wrong: "burst"},
		{text: access.LimitText{Rate: "1/d", Burst: 401}, wrong: "burst"},
	} {
		got, err := test.text.Parse()
		var wrong *access.LimitError
		switch {
		case test.wrong == "" && (err != nil || got != test.want):
			t.Errorf("%+v: got %+v, %v", test.text, got, err)
		case test.wrong == "":
			if again, err := got.Text().Parse(); err != nil || again != got {
				t.Errorf("%+v written as %+v reads as %+v, %v", got, got.Text(), again, err)
			}
		case !errors.As(err, &wrong):
			t.Errorf("%+v: got %v, want an error at %s", test.text, err, test.wrong)
		case wrong.Member != test.wrong && !(wrong.Member == "" && test.wrong == "all"):
			t.Errorf("%+v: the error is at %q, want %s", test.text, wrong.Member, test.wrong)
		}
	}
}

// TestCost: a whole count costs the whole window, never less than its parts, and
// nothing overflows.
func TestCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := access.Rate{
			Count:  rapid.Int64Range(1, 1<<50).Draw(t, "count"),
			Window: rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "window"),
		}
		if r.Cost(r.Count) != r.Window {
			t.Fatalf("%+v: all of it costs %v", r, r.Cost(r.Count))
		}
		a, b := rapid.Int64Range(1, math.MaxInt64/2).Draw(t, "a"), rapid.Int64Range(1, math.MaxInt64/2).Draw(t, "b")
		if r.Cost(a) < 1 || r.Cost(a+b) < max(r.Cost(a), r.Cost(b)) {
			t.Fatalf("%+v: %d costs %v, %d costs %v, together %v", r, a, r.Cost(a), b, r.Cost(b), r.Cost(a+b))
		}
	})
}

func TestPolicy(t *testing.T) {
	limits := access.NewLimits("app_1", "", []access.Limit{
		{Rate: access.Rate{Count: 100, Window: time.Minute}, Quota: access.Quota{Count: 5}, Body: 100},
		{Bytes: access.Rate{Count: 1024, Window: time.Hour}, Quota: access.Quota{Count: 7, Monthly: true}, Body: 50},
	})
	const want = `"rate";q=100;w=60, "quota";q=5;w=86400, "bytes-2";q=1024;qu="content-bytes";w=3600, "quota-2";q=7`
	if limits.Policy != want || limits.Body != 50 {
		t.Errorf("got %s and a body of %d, want %s", limits.Policy, limits.Body, want)
	}
	if limits.List[0].ID == limits.List[1].ID || limits.List[0].ID == access.NewLimits("app_2", "", []access.Limit{{Body: 1}}).List[0].ID {
		t.Error("two limits have the same id")
	}
	if access.NewLimits("app_1", "", nil) != nil {
		t.Error("no limits are not nil")
	}
}
