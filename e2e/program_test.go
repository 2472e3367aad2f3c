package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Program builds daypass in a folder of its own and returns its path. The flags are
// those of the Makefile, so that what 'make build' compiled is not compiled again.
func Program(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "daypass")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "../cmd/daypass")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}
