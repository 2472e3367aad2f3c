package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

// runBrowser runs a script of e2e/browser, which drives Chromium, and returns what it
// printed. The test is skipped where Node, Chromium or the packages are absent; `npm
// ci` at the root fetches them.
func runBrowser(t *testing.T, script string, env map[string]string) []byte {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node on PATH")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium on PATH")
	}
	if _, err := os.Stat("../node_modules/playwright-core"); err != nil {
		t.Skip("needs the packages of the workspace: npm ci")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = "browser"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CHROMIUM=" + chromium}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out.String(), problems.String())
	}
	return out.Bytes()
}

// atLocalhost has the server's public address be one that browsers take for safe.
func atLocalhost(t *testing.T) func(c *server.Config) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	return func(c *server.Config) {
		c.Listen = fmt.Sprintf("127.0.0.1:%d", port)
		c.PublicURL = fmt.Sprintf("http://localhost:%d", port)
	}
}

// TestPasskeys: a browser enrols passkeys and logs in by them; what is altered,
// replayed, copied, unverified, late or somebody else's is refused.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, atLocalhost(t))
	second := w.member("acme", object{"roles": []string{"developer"}})
	var left struct {
		Late  object `json:"late"`
		Token string `json:"token"`
	}
	if err := json.Unmarshal(runBrowser(t, "passkey.mjs", map[string]string{"DAYPASS_URL": w.config.PublicURL, "KEY": w.founder, "SECOND": second.key}), &left); err != nil {
		t.Fatal(err)
	}
	w.later(61 * time.Second)
	w.expect("an answer after a minute", w.send("POST", "/v1/login/passkey", "", left.Late), 401, "passkey_invalid")
	w.expect("a pass of a minute ago", w.send("POST", "/v1/passkeys/options", left.Token, nil), 200, "")
	w.later(5 * time.Minute)
	w.expect("a pass of six minutes ago", w.send("POST", "/v1/passkeys/options", left.Token, nil), 403, "fresh_login_required")
}

// TestPasskeys_PublicURL: where browsers have no passkeys none are offered.
func TestPasskeys_PublicURL(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"https://192.0.2.7", "http://pass.example.com", "http://127.0.0.1:8080"} {
		w := newWorld(t, func(c *server.Config) { c.PublicURL = address })
		if offer := w.must(200, "GET", "/v1/login", "", nil); offer.body["passkey"] != false {
			t.Errorf("%s: passkeys are offered", address)
		}
		w.expect(address, w.send("POST", "/v1/login/passkey/options", "", nil), 404, "passkeys_off")
		w.expect(address, w.send("POST", "/v1/passkeys/options", w.pass(w.founder, object{}), nil), 404, "passkeys_off")
	}
}
