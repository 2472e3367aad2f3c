package server

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// spans are the units that npm ms knows, and their aliases. A year is 365.25 days.
var spans = map[time.Duration]string{
	time.Millisecond:           "milliseconds millisecond msecs msec ms",
	time.Second:                "seconds second secs sec s",
	time.Minute:                "minutes minute mins min m",
	time.Hour:                  "hours hour hrs hr h",
	24 * time.Hour:             "days day d",
	7 * 24 * time.Hour:         "weeks week w",
	365*24*time.Hour + 21600e9: "years year yrs yr y",
}

var (
	spanPattern = regexp.MustCompile(`^(-?[0-9]*\.?[0-9]+) *([A-Za-z]*)$`)

	errSpan    = errors.New("write a number of seconds, or a time span such as 90s, 15m, 12h, 1d, '2 days', 1w")
	errTooLong = errors.New("is longer than can be counted")
)

const maxSpanText = 100

// parseSpan reads a time span as npm ms does, but for a bare number, which is seconds.
func parseSpan(text string) (time.Duration, error) {
	m := spanPattern.FindStringSubmatch(text)
	if m == nil || len(text) > maxSpanText {
		return 0, errSpan
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, errSpan
	}
	unit := unitOf(m[2])
	if unit == 0 {
		return 0, errSpan
	}
	span := n * float64(unit)
	if math.Abs(span) >= math.MaxInt64 {
		return 0, errTooLong
	}
	return time.Duration(math.Round(span)), nil
}

func unitOf(name string) time.Duration {
	if name == "" {
		return time.Second
	}
	for unit, names := range spans {
		for _, known := range strings.Fields(names) {
			if strings.EqualFold(name, known) {
				return unit
			}
		}
	}
	return 0
}
