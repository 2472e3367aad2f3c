package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daypass/daypass/internal/catalog"
)

// seconds is a flag for a duration: whole seconds, or numbers with s, m, h, d, w.
type seconds int64

var (
	durationPattern = regexp.MustCompile(`^(\d{1,9}[smhdw])+$`)
	durationPart    = regexp.MustCompile(`\d+[smhdw]`)
	unitSeconds     = map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
)

// Set implements [pflag.Value].
func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		*s = seconds(n)
		return nil
	}
	if !durationPattern.MatchString(text) {
		return errors.New("write seconds (900) or a number with a unit (15m, 12h, 7d)")
	}
	var total int64
	for _, part := range durationPart.FindAllString(text, -1) {
		n, _ := strconv.ParseInt(part[:len(part)-1], 10, 64) // at most nine digits
		total += n * unitSeconds[part[len(part)-1]]
	}
	*s = seconds(total)
	return nil
}

func (s *seconds) String() string {
	if *s == 0 {
		return ""
	}
	return (time.Duration(*s) * time.Second).String()
}

// Type is what the help shows for the value.
func (*seconds) Type() string { return "duration" }

// given returns the flag's value if it was given, else nil: the server then decides.
func given[T any](flags *pflag.FlagSet, name string, value T) *T {
	if !flags.Changed(name) {
		return nil
	}
	return &value
}

// listFlag defines a flag that may be repeated, or hold several values with commas. An empty value gives the empty list.
func listFlag(flags *pflag.FlagSet, into *[]string, name, help string) {
	flags.StringSliceVar(into, name, nil, help)
}

// readInput reads a file, or the standard input for "-".
func (c *cli) readInput(name string) ([]byte, error) { return c.readUpTo(name, catalog.MaxDocument) }

// readUpTo is [cli.readInput] with another limit, in bytes. What is longer is refused, for half of it may say something else.
func (c *cli) readUpTo(name string, most int) ([]byte, error) {
	from := c.in
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, failed("file", "%v", err)
		}
		defer file.Close()
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, int64(most)+1))
	if err != nil {
		return nil, failed("file", "%v", err)
	}
	if len(data) > most {
		return nil, failed("input_too_long", "%s is too long: it may have at most %d bytes", cmp.Or(strings.TrimPrefix(name, "-"), "the standard input"), most)
	}
	return data, nil
}

// readPass takes the text of a pass from an argument, or from the standard input for "-", where no other user sees it.
func (c *cli) readPass(cmd *cobra.Command, argument string) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	text, err := c.readInput("-")
	if err != nil {
		return "", err
	}
	if pass := strings.TrimSpace(string(text)); pass != "" {
		return pass, nil
	}
	return "", usage(cmd, "there is no pass on the standard input")
}

// limitFlag is how many items of a list are shown.
func limitFlag(flags *pflag.FlagSet, into *int) {
	flags.IntVar(into, "limit", 200, "how many to show at most; 0 for all")
}

// pageSize is the most the server gives at once.
const pageSize = 200

// pages collects the items of a list page by page, limit at most, or all for 0. More tells that there were more.
func pages[T any](limit int, page func(size *int, cursor *string) ([]T, *string, error)) (all []T, more bool, err error) {
	all = []T{}
	var cursor *string
	for {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-len(all))
		}
		items, next, err := page(&size, cursor)
		if err != nil {
			return nil, false, err
		}
		all = append(all, items...)
		if next == nil || *next == "" {
			return all, false, nil
		}
		if limit > 0 && len(all) >= limit {
			return all, true, nil
		}
		cursor = next
	}
}

// listing is the JSON form of a list.
type listing[T any] struct {
	Items []T `json:"items"`
}

// showList prints a list: a table, or a word when it is empty.
func showList[T any](c *cli, items []T, more bool, none string, headers []string, row func(T) []string) error {
	err := c.show(listing[T]{items}, func() {
		if len(items) == 0 {
			c.say("%s", none)
			return
		}
		rows := make([][]string, len(items))
		for i, item := range items {
			rows[i] = row(item)
		}
		c.table(headers, rows)
	})
	if more {
		c.note("there are more; --limit 0 shows all")
	}
	return err
}
