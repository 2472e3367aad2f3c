package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one line of the table.
type row struct {
	What, Ours, Floor, Ratio string
	Required                 string // empty: shown for its own sake
	Met                      bool
}

func (r row) cells() []string {
	ok := ""
	if r.Required != "" {
		ok = "yes"
		if !r.Met {
			ok = "NO"
		}
	}
	return []string{r.What, r.Ours, r.Floor, r.Ratio, r.Required, ok}
}

var titles = []string{"what", "ours", "floor", "ratio", "required", "ok"}

// table writes rows as Markdown that is also aligned to be read as it stands.
func table(w io.Writer, rows []row) {
	lines := [][]string{titles}
	for _, r := range rows {
		lines = append(lines, r.cells())
	}
	widths := make([]int, len(titles))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			fmt.Fprintf(w, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(w, "|")
		if n > 0 {
			continue
		}
		for _, width := range widths {
			fmt.Fprintf(w, "|%s", strings.Repeat("-", width+2))
		}
		fmt.Fprintln(w, "|")
	}
}

func perSecond(n float64) string { return thousands(int(n)) + "/s" }

func micros(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return thousands(int(d/time.Microsecond)) + " µs"
}

func nanos(n float64) string { return fmt.Sprintf("%.0f ns", n) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// thousands writes a number that is not negative with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var grouped []string
	for len(digits) > 3 {
		grouped = append([]string{digits[len(digits)-3:]}, grouped...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, grouped...), ",")
}

// writeResults writes the file that is committed.
func writeResults(file string, rows []row, took time.Duration) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, `# Results

Made by `+"`go run ./bench -write`"+` on %s, in %s, with %s on %s (%d processors, shared by the servers and the
generator). [doc.go](doc.go) says how it is measured.

Throughputs are medians over interleaved rounds at 32 connections; a ratio is the median of the ratios of neighbouring
rounds, with its quartiles in parentheses. Only ratios compare from one machine to another. Latencies at 32
connections include the queue for the processors.

`, time.Now().UTC().Format(time.DateOnly), took.Round(time.Second), runtime.Version(), processor(), runtime.NumCPU())
	table(&out, rows)
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// processor is the name of the machine's processor, as the kernel knows it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
