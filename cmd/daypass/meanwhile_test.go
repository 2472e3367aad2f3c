package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/daypasstest"
)

// TestMeanwhile: what somebody changed after the differences were worked out, and before they were made, stays.
func TestMeanwhile(t *testing.T) {
	const (
		first     = "application: photos\nresources: [{match: GET /a, access: public}]\n"
		meanwhile = "application: photos\nresources: [{match: GET /b, access: authenticated}]\n"
		wanted    = "application: photos\nresources: [{match: GET /c, access: public}]\n"
		described = "openapi: 3.1.0\ninfo: {title: photos, version: '1'}\npaths: {/c: {get: {responses: {}}}}\n"
	)
	for name, arguments := range map[string][]string{
		"resource import": {"resource", "import", "openapi.yaml", "--application", "photos", "--yes"},
		"config import":   {"config", "import", "configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			d := daypasstest.Start(t)
			d.Application(t, first)
			dir := t.TempDir()
			for at, text := range map[string]string{"openapi.yaml": described, "configuration/organizations/acme/applications/photos.yaml": wanted} {
				at = filepath.Join(dir, at)
				if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			arguments[2] = filepath.Join(dir, arguments[2])

			server, err := url.Parse(d.URL)
			if err != nil {
				t.Fatal(err)
			}
			var once sync.Once
			onTheWay := httputil.NewSingleHostReverseProxy(server)
			onTheWay.ModifyResponse = func(r *http.Response) error {
				if r.Request.Method == "GET" && strings.HasSuffix(r.Request.URL.Path, "/applications/photos") {
					once.Do(func() { d.Application(t, meanwhile) })
				}
				return nil
			}
			proxy := httptest.NewServer(onTheWay)
			defer proxy.Close()
			var out, complaint bytes.Buffer
			c := &cli{in: strings.NewReader(""), out: &out, err: &complaint, environ: []string{"DAYPASS_KEY=" + d.AdminKey, "DAYPASS_URL=" + proxy.URL}, now: time.Now}
			if code := c.run(t.Context(), arguments); code != exitFailed || !strings.Contains(complaint.String(), "changed in the meantime") || !strings.Contains(complaint.String(), "--dry-run") {
				t.Errorf("exit code %d, %s", code, complaint.String())
			}
			now, err := resourceFile(t.Context(), d.Client(t).API(), "acme", "photos", "application/yaml")
			if err != nil || string(now) != meanwhile {
				t.Errorf("the server has %s (%v)", now, err)
			}
		})
	}
}
