package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0:                      "less than 1 s",
		900 * time.Millisecond: "less than 1 s",
		time.Second:            "1 s",
		59 * time.Second:       "59 s",
		3599 * time.Second:     "1 h", // the half second a request takes is not worth 59 minutes
		50 * time.Minute:       "50 min",
		89 * time.Minute:       "1 h",
		day - time.Minute:      "1 day",
		30 * day:               "30 days",
		365 * day:              "1 year",
		730 * day:              "2 years",
		1<<63 - 1:              "292 years",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// What others wrote, such as the name of a user, must not play with the terminal of who reads it.
func TestTextOfOthersIsInert(t *testing.T) {
	var out bytes.Buffer
	c := &cli{out: &out, now: time.Now}
	evil := "\x1b[2J\x1b]0;owned\x07a\r\nb\u202Ec\u2028d"
	c.table([]string{"NAME"}, [][]string{{evil}})
	c.facts(fact{"name", evil})
	(&trouble{Code: evil, Message: evil}).print(&out, false)
	if strings.ContainsAny(out.String(), "\x1b\x07\r\u202E\u2028") {
		t.Errorf("printed %q", out.String())
	}
	if lines := strings.Count(out.String(), "\n"); lines != 6 {
		t.Errorf("printed %d lines: %q", lines, out.String())
	}
}

func TestTableFitsThePage(t *testing.T) {
	var out bytes.Buffer
	c := &cli{out: &out}
	long := strings.Repeat("wörter ", 40)
	c.table([]string{"ID", "FIRST", "SECOND"}, [][]string{{"key_01k8dn1x7m4c3h8j6k2p5r9t0v", long, long}, {"", "a", "b"}})
	for l := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimRight(l, "\n"))); n > pageWidth {
			t.Errorf("%d characters: %s", n, l)
		}
	}
	if !strings.Contains(out.String(), "key_01k8dn1x7m4c3h8j6k2p5r9t0v  ") || !strings.Contains(out.String(), "…") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]seconds{"900": 900, "15m": 900, "1h30m": 5400, "7d": 604800, "2w": 1209600, "0": 0} {
		var s seconds
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%s: %d, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5h", "h", "1y", "soon", "99999999999", "1 h"} {
		var s seconds
		if s.Set(text) == nil {
			t.Errorf("%q was accepted as %d", text, s)
		}
	}
}

func TestColourOnlyForPeople(t *testing.T) {
	if paintFor(new(bytes.Buffer), nil) {
		t.Error("a buffer is no terminal")
	}
	if got := paint(true).red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
	if got := paint(false).red("x"); got != "x" {
		t.Errorf("got %q", got)
	}
}
