package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// runNode runs a script of e2e/clients, which drives a client of others against
// the server, and returns what it printed. The script fails by exiting non-zero.
// The test is skipped where Node or the packages are absent; `npm ci --prefix
// e2e/clients` fetches them.
func runNode(t *testing.T, script string, env map[string]string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node on PATH")
	}
	if _, err := os.Stat("clients/node_modules"); err != nil {
		t.Skip("needs the packages of e2e/clients: npm ci --prefix e2e/clients")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = "clients"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NODE_ENV=production"}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out.String(), problems.String())
	}
	return strings.TrimSpace(out.String())
}

// TestClientsVerify: npm jose, and jwks-rsa with jsonwebtoken, verify our tokens.
func TestClientsVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	runNode(t, "verify.mjs", map[string]string{"DAYPASS_URL": w.api, "TOKEN": w.pass(w.founder, object{}), "SUBJECT": w.chief})
}
