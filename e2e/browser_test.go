package e2e

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/web"
)

// browse tells a story of e2e/browser in Chromium. SCREENSHOTS in the environment
// names a folder for its pictures. The test is skipped where the browser, Node, the
// packages ('npm ci') or the build of the dashboard ('make web') are absent.
func browse(t *testing.T, w *world, story string, env ...string) {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium on PATH")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node on PATH")
	}
	if _, err := os.Stat("../node_modules/playwright-core"); err != nil {
		t.Skip("needs the packages of the dashboard: npm ci")
	}
	if _, built := web.Dashboard(); !built {
		t.Skip("needs the dashboard: make web")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, story)
	cmd.Dir = "browser"
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CHROMIUM=" + browser, "SCREENSHOTS=" + os.Getenv("SCREENSHOTS"), "TOUR=" + os.Getenv("TOUR"),
		"DAYPASS_URL=" + strings.Replace(w.api, "127.0.0.1", "localhost", 1), "DAYPASS_GATEWAY=" + w.gateway, "DAYPASS_KEY=" + w.founder, "UPSTREAM=" + w.upstream.URL,
	}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", story, err, out.String())
	}
	if out.Len() > 0 {
		t.Log("\n" + out.String())
	}
}

func TestBrowserPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	browse(t, w, "pages.mjs")
}

func TestBrowserSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	clock := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		minutes, _ := strconv.Atoi(r.FormValue("minutes"))
		w.later(time.Duration(minutes) * time.Minute)
	}))
	t.Cleanup(clock.Close)
	browse(t, w, "session.mjs", "EMAIL=ada@acme.example", "PASSWORD="+umbrellas, "LATER="+clock.URL)
}

// TestBrowserLife: from nothing to a key that is used, rolled and deleted, by clicking.
func TestBrowserLife(t *testing.T) {
	t.Parallel()
	browse(t, newWorld(t, nil), "life.mjs")
}

func TestBrowserPasskeys(t *testing.T) {
	t.Parallel()
	browse(t, newWorld(t, atLocalhost(t)), "passkey-pages.mjs")
}

func TestBrowserIssuerLogin(t *testing.T) {
	t.Parallel()
	at := atLocalhost(t)
	w := newWorld(t, func(c *server.Config) {
		at(c)
		c.IssuerNetworks = []string{"127.0.0.0/8"}
	})
	p := newLoginProvider(t)
	browse(t, w, "issuer-login.mjs", "ISSUER="+p.server.URL, "CLIENT_SECRET="+clientSecret)
	if len(p.secrets) != 3 || slices.ContainsFunc(p.secrets, func(s string) bool { return s != clientSecret }) {
		t.Errorf("the issuer was shown the client secrets %q", p.secrets)
	}
}

func TestBrowserInvitation(t *testing.T) {
	t.Parallel()
	at := atLocalhost(t)
	mails := filepath.Join(t.TempDir(), "mail")
	w := newWorld(t, func(c *server.Config) {
		at(c)
		c.MailDir = mails
	})
	browse(t, w, "invitation.mjs", "MAIL_DIR="+mails)
}

func TestBrowserDevice(t *testing.T) {
	t.Parallel()
	browse(t, newWorld(t, atLocalhost(t)), "device.mjs", "DAYPASS="+Program(t))
}

func TestBrowserReference(t *testing.T) {
	t.Parallel()
	browse(t, newWorld(t, nil), "reference.mjs")
}

// TestBrowserKeyboard: the life of a key without a mouse.
func TestBrowserKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	browse(t, w, "keyboard.mjs")
}
