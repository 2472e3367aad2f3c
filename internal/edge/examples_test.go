package edge

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
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

// TestEnvoyConfigurationIsOne reads the one of docs/ext-authz.md as Envoy does: strictly, by its own definitions.
func TestEnvoyConfigurationIsOne(t *testing.T) {
	page, err := os.ReadFile("../../docs/ext-authz.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	block, _, _ := strings.Cut(rest, "```")
	var tree any
	if err := yaml.Unmarshal([]byte(block), &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var bootstrap bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(text, &bootstrap); err != nil {
		t.Fatal(err)
	}
	if err := bootstrap.ValidateAll(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(block, "failure_mode_allow: false") || strings.Count(string(page), "failure_mode_allow: true") != 1 {
		t.Error("the page must tell to fail closed, and warn once of the other")
	}
}
