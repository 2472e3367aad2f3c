package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/daypass/daypass/internal/server"
)

func load(t *testing.T, file string, env []string, args ...string) (server.Config, error) {
	t.Helper()
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "daypass.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	server.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return server.LoadConfig(flags, path, env)
}

func TestFlagWinsOverEnvironmentOverFile(t *testing.T) {
	file := "listen: 127.0.0.1:1\ngateway: 127.0.0.1:1\nops: 127.0.0.1:1\naudit: { mode: strict }\ntrusted_proxies: [10.0.0.1]\ntoken_life: 1h\nmax_ips: 3\n"
	env := []string{"DAYPASS_GATEWAY=127.0.0.1:2", "DAYPASS_OPS=127.0.0.1:2", "DAYPASS_TRUSTED_PROXIES=10.0.0.2,10.0.0.3", "PATH=/bin", "DAYPASS_KEY=dp_live_x"}
	c, err := load(t, file, env, "--ops", "127.0.0.1:3", "--max-body", "100")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:1" || c.Gateway != "127.0.0.1:2" || c.Ops != "127.0.0.1:3" {
		t.Errorf("%s %s %s", c.Listen, c.Gateway, c.Ops)
	}
	if c.AuditMode != "strict" || c.TokenLife != time.Hour || c.MaxIPs != 3 || c.MaxBody != 100 || !slices.Equal(c.TrustedProxies, []string{"10.0.0.2", "10.0.0.3"}) {
		t.Errorf("%+v", c)
	}
	if c, err := load(t, file, []string{"DAYPASS_AUDIT__MODE=batched"}); err != nil || c.AuditMode != "batched" {
		t.Errorf("nested by __: %v %v", c.AuditMode, err)
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("postgres://db/daypass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, "", []string{"DAYPASS_DATABASE_URL_FILE=" + path})
	if err != nil || c.DatabaseURL != "postgres://db/daypass" {
		t.Errorf("%q %v", c.DatabaseURL, err)
	}
}

// TestEveryProblemIsNamed: all of them at once, by key, with a hint.
func TestEveryProblemIsNamed(t *testing.T) {
	for _, c := range []struct {
		file string
		env  []string
		args []string
		want []string
	}{
		{file: "lisen: x\ngatewya: y\n", want: []string{"lisen: is not a setting; did you mean listen?", "gatewya: is not a setting; did you mean gateway?"}},
		{file: "listen: [", want: []string{"line"}},
		{env: []string{"DAYPASS_LISTN=:1", "DAYPASS_DATABASE_URL_FILE=/nonexistent"}, want: []string{"DAYPASS_LISTN: is not a setting; did you mean listen?", "DAYPASS_DATABASE_URL_FILE: cannot be read"}},
		{file: "token_life: soon\n", want: []string{"token_life"}},
		{args: []string{"--listen", "8080", "--audit-mode", "loose", "--trusted-proxies", "10.0.0.1/8"}, want: []string{"listen: write host:port", "audit.mode: is batched or strict", "trusted_proxies: write an address"}},
		{args: []string{"--token-life", "48h", "--max-token-life", "24h"}, want: []string{"token_life: is longer than max_token_life"}},
		{args: []string{"--public-url", "https://user@example.com/?q"}, want: []string{"public_url"}},
		{args: []string{"--tls-cert", "x"}, want: []string{"tls_cert"}},
		{args: []string{"--stale-after", "0s"}, want: []string{"stale_after: must be more than zero"}},
		{args: []string{"--extauthz", "127.0.0.1:1"}, want: []string{"extauthz: believes only proxies in trusted_proxies"}},
		{args: []string{"--extauthz", "x"}, want: []string{"extauthz: write host:port"}},
		{args: []string{"--dev", "--extauthz", "0.0.0.0:1"}, want: []string{"extauthz: development mode listens on loopback only"}},
		{args: []string{"--dev", "--gateway", "0.0.0.0:1"}, want: []string{"gateway: development mode listens on loopback only"}},
	} {
		_, err := load(t, c.file, c.env, c.args...)
		var bad *server.ConfigError
		if !errors.As(err, &bad) {
			t.Errorf("%v: no problem found: %v", c, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("want %q in %q", want, err)
			}
		}
	}
	if _, err := load(t, "", nil, "--dev", "--dev-anyway", "--gateway", "0.0.0.0:1"); err != nil {
		t.Errorf("--dev-anyway: %v", err)
	}
}

func TestReferenceIsComplete(t *testing.T) {
	for _, s := range server.Reference() {
		if s.Help == "" || s.Flag == "" || !strings.HasPrefix(s.Env, "DAYPASS_") {
			t.Errorf("%+v", s)
		}
	}
}
