package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLoginAtAnother: whatever a server says of itself and of who logged in is text to the terminal, and stays out of the profile's
// name and mode.
func TestLoginAtAnother(t *testing.T) {
	const red = `\u001b[31m\u202e\u0007`
	const claims = `{"iss":"x","sub":"u","aud":"acme","iat":1,"exp":4102444800,"jti":"tok_1","org":"acme` + red + `","uid":"usr_` + red + `","roles":[],"scope":"","rn":true}`
	answers := map[string]string{
		"/v1/device":       `{"device_code":"dpd_x","user_code":"WDJB-MJHT` + red + `","verification_uri":"http://localhost/` + red + `","verification_uri_complete":"file:///etc/passwd","expires_in":60,"interval":-9223372036854775808}`,
		"/v1/device/token": `{"token":"a.b.c","token_type":"Bearer","expires_in":3600,"payload":` + claims + `}`,
		"/v1/me":           `{"user":{"id":"usr_` + red + `","name":"` + red + `","revision":1},"organization":{"id":"org_1","slug":"acme` + red + `","name":"` + red + `"},"key":"key_` + red + `","roles":["` + red + `"],"scopes":["` + red + `"]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answers[r.URL.Path]))
	}))
	defer server.Close()
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("HOME", home)
	var out bytes.Buffer
	for _, command := range [][]string{{"login", "--no-browser", "--url", server.URL}, {"whoami", "--url", server.URL}} {
		c := &cli{in: strings.NewReader(""), out: &out, err: &out, now: time.Now}
		if code := c.run(t.Context(), command); code != 0 {
			t.Fatalf("%v: %d %s", command, code, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\u202e") || !strings.Contains(out.String(), "of acme") {
		t.Errorf("shown: %q", out.String())
	}
	if files, _ := filepath.Glob(filepath.Join(home, "*", "profiles", "*")); len(files) != 1 {
		t.Errorf("kept: %v", files)
	} else if info, _ := os.Stat(files[0]); info.Mode().Perm() != ownFile {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}
