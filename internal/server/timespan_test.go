package server

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"regexp"
	"testing"
	"time"
)

// TestSpansAsNPM holds parseSpan against npm ms: equal milliseconds, or refused. A bare number is seconds here.
func TestSpansAsNPM(t *testing.T) {
	raw, err := os.ReadFile("testdata/durations.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Input string
		MS    any
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	bare := regexp.MustCompile(`^-?[0-9.]+$`)
	read := 0
	for _, v := range vectors {
		have, err := parseSpan(v.Input)
		want, known := v.MS.(float64)
		switch {
		case !known && err == nil:
			t.Errorf("%q is taken as %s", v.Input, have)
		case !known || err != nil && errors.Is(err, errTooLong):
		case err != nil:
			t.Errorf("%q: %v", v.Input, err)
		default:
			if bare.MatchString(v.Input) {
				want *= 1000
			}
			read++
			if got := float64(have) / float64(time.Millisecond); math.Abs(got-want) > 1e-9*math.Abs(want) {
				t.Errorf("%q is %v ms, want %v", v.Input, got, want)
			}
		}
	}
	if read < 20 {
		t.Errorf("only %d of %d were read", read, len(vectors))
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3600": time.Hour, "1d": 24 * time.Hour, "2 DAYS": 48 * time.Hour, ".5h": 30 * time.Minute, "1y": 31557600 * time.Second, "0": 0, "-1d": -24 * time.Hour,
		"1.5s": 1500 * time.Millisecond, "90": 90 * time.Second,
	} {
		if have, err := parseSpan(text); err != nil || have != want {
			t.Errorf("%q: %s %v, want %s", text, have, err, want)
		}
	}
	for _, text := range []string{"", " ", "d", "1 day ago", "1d ", " 1d", "1mo", "1e3", "0x10", "1_000", "5.", "１d", "1\td", "1d\x00", "9999999999y", "1d1h"} {
		if have, err := parseSpan(text); err == nil {
			t.Errorf("%q is taken as %s", text, have)
		}
	}
}
