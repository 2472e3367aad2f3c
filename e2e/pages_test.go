//go:build unix

package e2e_test

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// settings let a server listen where nothing else does, without a word of it on the page.
const settings = `
export DAYPASS_URL=http://localhost:8080 DAYPASS_PUBLIC_URL=http://localhost:8080
export DAYPASS_LISTEN=127.0.0.1:8080 DAYPASS_GATEWAY=127.0.0.1:8000 DAYPASS_OPS=127.0.0.1:9090
`

// TestPages follows the pages on proofs and doors, each with a server of its own that was just made.
func TestPages(t *testing.T) {
	t.Parallel()
	areInstalled(t, "bash", "curl", "jq", "openssl", "basenc")
	begin := daypassOnPath(t) + settings
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}\n") }))
	t.Cleanup(service.Close)
	for _, name := range []string{
		"doors", "dpop", "encrypted-passes", "issuers", "oauth", "passwords", "public-key-login", "signed-requests", "signing-keys", "stateless",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := filepath.Join(repository, "docs", name+".md")
			knownFences(t, page)
			r := reader{folder: t.TempDir(), begin: begin, ports: freePorts(t, service)}
			if name != "stateless" {
				r.beginAsQuickstart(t)
			}
			r.follow(t, page)
		})
	}
}

// beginAsQuickstart has done the steps of the quickstart that make a server and put its resource file.
func (r *reader) beginAsQuickstart(t *testing.T) {
	t.Helper()
	for _, b := range blocksOf(t, filepath.Join(repository, "docs", "quickstart.md")) {
		switch {
		case fileName(b) != "":
			r.save(t, b)
		case b.info == "sh" && strings.Contains(b.text, "daypass init"):
			r.begin += b.text + "answers 8080; answers 8000\n"
		case b.info == "sh" && strings.Contains(b.text, "daypass resource put"):
			r.begin += b.text
		}
	}
}

// knownFences holds that what a page gives to type is run: a block of another name would be passed over.
func knownFences(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "\n$ ") {
		t.Errorf("%s: commands are in blocks of sh, without a prompt, and what they print in blocks of text", page)
	}
	for _, b := range blocksOf(t, page) {
		switch b.info {
		case "sh", "sh no-ci", "text", "json", "yaml", "go", "js":
		default:
			t.Errorf("%s:%d: %q is no block that the reader of this test knows", page, b.line, b.info)
		}
	}
}

// freePorts replaces those that pages name, the service's among them, by some that no
// connection is given as its own: they lie below the range of these.
func freePorts(t *testing.T, service *httptest.Server) *strings.Replacer {
	t.Helper()
	_, at, _ := net.SplitHostPort(service.Listener.Addr().String())
	replaced := []string{"9000", at, "4000", at}
	for _, port := range []string{"8080", "8000", "9090"} {
		at := strconv.Itoa(20_000 + rand.IntN(12_000))
		free, err := net.Listen("tcp", "127.0.0.1:"+at)
		for ; err != nil; free, err = net.Listen("tcp", "127.0.0.1:"+at) {
			at = strconv.Itoa(20_000 + rand.IntN(12_000))
		}
		defer free.Close()
		replaced = append(replaced, port, at)
	}
	return strings.NewReplacer(replaced...)
}
