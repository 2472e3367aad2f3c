package edge

import (
	"os"
	"strings"
	"testing"
)

// TestExamplesNameEveryIdentityHeader: one that is left out of a proxy's configuration is one that clients can write.
func TestExamplesNameEveryIdentityHeader(t *testing.T) {
	for file, settings := range map[string][]string{
		"../../examples/nginx/nginx.conf": {"proxy_set_header NAME $daypass_"},
		"../../examples/caddy/Caddyfile":  {" NAME", "header_up NAME {http.request.header.NAME}"},
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range identityHeaders {
			for _, setting := range settings {
				if want := strings.ReplaceAll(setting, "NAME", name); !strings.Contains(string(content), want) {
					t.Errorf("%s lacks %q", file, want)
				}
			}
		}
	}
}
