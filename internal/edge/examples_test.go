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
		// These two take all of them by pattern or by Daypass's answer, and only hide them from clients by name.
		"../../examples/traefik/daypass.yaml": {`NAME: ""`},
		"../../examples/envoy/envoy.yaml":     {"- name"},
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range identityHeaders {
			for _, setting := range settings {
				if want := strings.NewReplacer("NAME", name, "name", strings.ToLower(name)).Replace(setting); !strings.Contains(string(content), want) {
					t.Errorf("%s lacks %q", file, want)
				}
			}
		}
	}
}
