package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// pageWidth is what fits a terminal that nobody made wider, in characters.
const pageWidth = 100

// paint colours text where it is seen by a person.
type paint bool

// paintFor follows the terminal and https://no-color.org.
func paintFor(w io.Writer, environ []string) paint {
	plain := slices.ContainsFunc(environ, func(e string) bool {
		value, ok := strings.CutPrefix(e, "NO_COLOR=")
		return ok && value != "" || e == "TERM=dumb"
	})
	return paint(!plain && isTerminal(w))
}

func (p paint) wrap(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string   { return p.wrap("1", s) }
func (p paint) dim(s string) string    { return p.wrap("2", s) }
func (p paint) red(s string) string    { return p.wrap("31", s) }
func (p paint) green(s string) string  { return p.wrap("32", s) }
func (p paint) yellow(s string) string { return p.wrap("33", s) }
func (p paint) cyan(s string) string   { return p.wrap("36", s) }

// inert makes text of others harmless in a terminal: no control or direction characters but the line feed.
func inert(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029') {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// line is [inert] for text that has only one line to stand on.
func line(s string) string { return strings.ReplaceAll(inert(s), "\n", " ") }

// show prints a value: as JSON if that was asked for, else as human does.
func (c *cli) show(value any, human func()) error {
	if !c.json {
		human()
		return nil
	}
	out := json.NewEncoder(c.out)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(value)
}

// say prints a line for people; note one beside the output proper.
func (c *cli) say(format string, args ...any)  { fmt.Fprintf(c.out, format+"\n", args...) }
func (c *cli) note(format string, args ...any) { fmt.Fprintf(c.err, format+"\n", args...) }

// table prints rows under headers. Where it would be wider than the page, the widest columns are cut.
func (c *cli) table(headers []string, rows [][]string) {
	widths := make([]int, len(headers))
	for i, h := range headers {
		widths[i] = len(h)
	}
	for _, row := range rows {
		for i, cell := range row {
			row[i] = line(cmp.Or(cell, "–"))
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for sum(widths)+2*(len(widths)-1) > pageWidth {
		widest := slices.Index(widths, slices.Max(widths))
		widths[widest]--
	}
	c.say("%s", c.paint.dim(layOut(headers, widths)))
	for _, row := range rows {
		c.say("%s", layOut(row, widths))
	}
}

// manual prints rows whose last column is prose, wrapped rather than cut.
func (c *cli) manual(rows [][]string) {
	widths := make([]int, len(rows[0])-1)
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	indent := sum(widths) + 2*len(widths)
	for _, row := range rows {
		lines := wrap(row[len(widths)], pageWidth-indent)
		c.say("%s", layOut(append(slices.Clone(row[:len(widths)]), lines[0]), append(widths, pageWidth)))
		for _, l := range lines[1:] {
			c.say("%s%s", strings.Repeat(" ", indent), l)
		}
	}
}

func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		if *last != "" && utf8.RuneCountInString(*last+" "+word) > width {
			lines = append(lines, word)
			continue
		}
		*last = strings.TrimSpace(*last + " " + word)
	}
	return lines
}

func sum(list []int) (total int) {
	for _, n := range list {
		total += n
	}
	return total
}

func layOut(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		cell = shorten(cell, widths[i])
		b.WriteString(cell)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func shorten(s string, width int) string {
	runes := []rune(s)
	if len(runes) <= width {
		return s
	}
	return string(runes[:width-1]) + "…"
}

// fact is one line of a description; one without a value is left out.
type fact struct{ name, value string }

// facts prints names and values, aligned.
func (c *cli) facts(list ...fact) {
	width := 0
	for _, f := range list {
		if f.value != "" {
			width = max(width, utf8.RuneCountInString(f.name))
		}
	}
	for _, f := range list {
		if f.value != "" {
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(f.name))
			c.say("%s%s  %s", c.paint.dim(f.name), pad, line(f.value))
		}
	}
}

// ago says when, seen from now: "3 min ago", "in 2 days".
func (c *cli) ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := t.Sub(c.now())
	if d.Abs() < time.Second {
		return "now"
	}
	if d < 0 {
		return span(-d) + " ago"
	}
	return "in " + span(d)
}

// moment says exactly when, and when that is.
func (c *cli) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339) + " (" + c.ago(t) + ")"
}

// span words a duration in its largest unit, rounded.
func span(d time.Duration) string {
	units := []struct {
		size      time.Duration
		one, many string
	}{{365 * 24 * time.Hour, "year", "years"}, {24 * time.Hour, "day", "days"}, {time.Hour, "h", "h"}, {time.Minute, "min", "min"}, {time.Second, "s", "s"}}
	for _, u := range units {
		if d < u.size-u.size/100 { // 59.9 minutes are an hour
			continue
		}
		n := int64(d/(u.size/2)+1) / 2
		if n > 1 {
			return fmt.Sprintf("%d %s", n, u.many)
		}
		return fmt.Sprintf("%d %s", n, u.one)
	}
	return "less than 1 s"
}

// words joins a list for people.
func words(list []string) string { return strings.Join(list, " ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func anywhere(networks []string) string { return cmp.Or(words(networks), "anywhere") }

// value is what a pointer of the API points to, or zero.
func value[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// tail abbreviates an id in a table whose subject is another: usr_…4ay6pq.
func tail(id string) string {
	prefix, rest, found := strings.Cut(id, "_")
	if !found || len(rest) <= 6 {
		return id
	}
	return prefix + "_…" + rest[len(rest)-6:]
}
