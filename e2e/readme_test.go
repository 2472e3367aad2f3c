//go:build unix

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daypass/daypass/e2e"
)

const (
	repository = ".."
	patience   = 4 * time.Minute // a build on a cold cache is most of it
)

// ports are those that the pages name. They are used as they stand, since that is what a reader does.
var ports = []string{"8080", "8000", "9090", "9000"}

// TestReadme follows README.md in a copy of the repository, with a service at port 9000 as its reader has one.
func TestReadme(t *testing.T) {
	portsAreFree(t)
	folder := t.TempDir()
	if err := copyRepository(folder); err != nil {
		t.Fatal(err)
	}
	service, err := net.Listen("tcp", "127.0.0.1:9000")
	if err != nil {
		t.Fatal(err)
	}
	upstream := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "a photo\n")
	})}
	go func() { _ = upstream.Serve(service) }()
	defer upstream.Close()
	reader{folder: folder}.follow(t, filepath.Join(repository, "README.md"))
}

// TestQuickstart follows docs/quickstart.md in an empty folder, with daypass on the PATH.
func TestQuickstart(t *testing.T) {
	portsAreFree(t)
	reader{folder: t.TempDir(), begin: daypassOnPath(t)}.follow(t, filepath.Join(repository, "docs", "quickstart.md"))
}

// daypassOnPath is what a shell is told to find daypass, which is built first.
func daypassOnPath(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("export PATH='%s':\"$PATH\"\n", filepath.Dir(e2e.Program(t)))
}

func portsAreFree(t *testing.T) {
	t.Helper()
	areInstalled(t, "bash", "curl", "make")
	for _, port := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Skipf("port %s is in use, and the page names it: %v", port, err)
		}
		_ = l.Close()
	}
}

func areInstalled(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, and the page uses it", tool)
		}
	}
}

// block is one fenced block of a page. A block of text behind one of sh is what that prints.
type block struct {
	line       int
	info, text string
	compared   bool // what it prints is on the page
}

var fences = regexp.MustCompile("(?ms)^```([^\n]+)\n(.*?)^```$")

func blocksOf(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, at := range fences.FindAllSubmatchIndex(text, -1) {
		blocks = append(blocks, block{
			line: strings.Count(string(text[:at[0]]), "\n") + 1,
			info: string(text[at[2]:at[3]]),
			text: string(text[at[4]:at[5]]),
		})
	}
	return blocks
}

// reader does what a page says, in a folder.
type reader struct {
	folder string
	begin  string            // what was done before, in the same shell
	ports  *strings.Replacer // of the page, by others that are free; nil: as they stand
}

func (r reader) read(text string) string {
	if r.ports == nil {
		return text
	}
	return r.ports.Replace(text)
}

// follow saves the blocks that begin with a file's name in a comment, runs those
// of sh one after the other in one bash, and holds what they print against the text blocks behind them. Blocks marked
// "sh no-ci" are left out, those marked "sh until-ctrl-c" are run by themselves and interrupted when they ask for it.
func (r reader) follow(t *testing.T, page string) {
	t.Helper()
	blocks := blocksOf(t, page)
	var session []block
	for i := range blocks {
		b := &blocks[i]
		b.text = r.read(b.text)
		b.compared = i+1 < len(blocks) && blocks[i+1].info == "text"
		if fileName(*b) != "" {
			r.save(t, *b)
		}
		switch b.info {
		case "sh":
			session = append(session, *b)
		case "sh until-ctrl-c":
			interrupt(t, *b, r.folder)
		}
	}
	if len(session) == 0 {
		t.Fatal("the page has no blocks to run")
	}
	printed := r.runSession(t, session)
	for i, b := range blocks {
		if b.info == "text" && i > 0 && blocks[i-1].info == "sh" {
			compare(t, page, b, printed[blocks[i-1].line])
		}
	}
}

func (r reader) save(t *testing.T, b block) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.folder, fileName(b)), []byte(r.read(b.text)), 0o644); err != nil {
		t.Fatal(err)
	}
}

var firstComment = regexp.MustCompile(`^(?:#|//) ([a-z]+\.[a-z]+)(?:[:,].*)?\n`)

func fileName(b block) string {
	if m := firstComment.FindStringSubmatch(b.text); m != nil && !strings.HasPrefix(b.info, "sh") {
		return m[1]
	}
	return ""
}

// Between two blocks a reader takes a breath; servers that a block has started answer by then.
const answers = `answers() { for _ in {1..200}; do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.05; done; echo "nothing answers at port $1"; return 1; }`

// Where the page does not say what is printed, what the server refuses ends the session: curl alone takes that for success.
const refusals = `curl() { if [ -n "${compared:-}" ]; then command curl -sS "$@"; else command curl -sS --fail-with-body "$@"; fi; }`

// runSession runs blocks in one bash and returns what each printed, by its line.
func (r reader) runSession(t *testing.T, session []block) map[int]string {
	t.Helper()
	script := []string{"set -euo pipefail", answers, refusals, r.read(r.begin)}
	for _, b := range session {
		compared := ""
		if b.compared {
			compared = "yes"
		}
		script = append(script, mark(b), "compared="+compared, b.text)
		for line := range strings.Lines(b.text) {
			switch line = strings.TrimSpace(line); {
			case !strings.HasSuffix(line, "&"):
			case strings.HasPrefix(line, "daypass serve"):
				script = append(script, r.read("answers 8080; answers 8000"))
			default:
				script = append(script, r.read("answers 9000"))
			}
		}
	}
	out, err := run(t, strings.Join(script, "\n"), r.folder, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	printed := make(map[int]string)
	for _, part := range strings.Split(out, "@@")[1:] {
		var line int
		_, text, _ := strings.Cut(part, "\n")
		if _, err := fmt.Sscanf(part, "line %d", &line); err != nil {
			t.Fatalf("%v: %q", err, part)
		}
		printed[line] = text
	}
	return printed
}

func mark(b block) string { return fmt.Sprintf("printf '\\n@@line %d\\n'", b.line) }

// run runs a script in a process group of its own. If what it prints comes to hold until, the group is interrupted, as
// Ctrl-C does. Nothing of the group outlives it.
func run(t *testing.T, script, folder, until string) (output string, err error) {
	t.Helper()
	// A file, not a pipe: what runs on in the background would keep a pipe open.
	log, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, log, log
	cmd.Env = readersEnvironment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	group := -cmd.Process.Pid
	defer func() { _ = syscall.Kill(group, syscall.SIGKILL) }() // there may be none of it left
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	read := func() string {
		text, readErr := os.ReadFile(log.Name())
		if readErr != nil {
			t.Fatal(readErr)
		}
		return string(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return read(), err
		case <-ctx.Done():
			return read(), errors.New("it takes too long")
		case <-tick.C:
			if until != "" && strings.Contains(read(), until) {
				until = ""
				if err := syscall.Kill(group, syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// readersEnvironment is ours without settings of Daypass, and without what a test run puts into it.
func readersEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "DAYPASS_") || strings.HasPrefix(e, "MAKE") })
}

const invitation = "Ctrl-C ends it"

// interrupt runs a block that goes on until Ctrl-C. How make ends then is its own affair.
func interrupt(t *testing.T, b block, folder string) {
	t.Helper()
	out, _ := run(t, b.text, folder, invitation)
	for _, want := range []string{"200 OK", "403 Forbidden", "token_revoked", invitation} {
		if !strings.Contains(out, want) {
			t.Fatalf("the block at line %d does not print %q:\n%s", b.line, want, out)
		}
	}
}

// compare looks for each line of want in what was printed, in order. "…" stands for anything.
func compare(t *testing.T, page string, want block, printed string) {
	t.Helper()
	rest := printed
	for line := range strings.Lines(want.text) {
		line = strings.TrimSpace(line)
		pattern := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
		at := pattern.FindStringIndex(rest)
		if at == nil {
			t.Errorf("%s, block at line %d: %q is not (next) in what is printed:\n%s", filepath.Base(page), want.line, line, printed)
			return
		}
		rest = rest[at[1]:]
	}
}

// copyRepository copies the sources: make writes into its folder, and readers have their own.
func copyRepository(into string) error {
	return filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(repository, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "bin", "dist", "daypass-data", "node_modules"}, name) {
			return filepath.SkipDir
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(into, name), 0o755)
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(into, name), text, 0o644)
	})
}
