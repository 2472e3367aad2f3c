package e2e

import (
	"os"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/req_without_query/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/encoding/protojson"
)

// TestEnvoyExample holds the example, which nothing here can start, against the types that Envoy publishes: it has no
// field that Envoy does not know, and no value that Envoy refuses.
func TestEnvoyExample(t *testing.T) {
	text, err := os.ReadFile("../examples/envoy/envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var configuration bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(asJSON, &configuration); err != nil {
		t.Fatal(err)
	}
	if err := configuration.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	var manager managerv3.HttpConnectionManager
	filters := configuration.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()
	if err := filters[0].GetTypedConfig().UnmarshalTo(&manager); err != nil {
		t.Fatal(err)
	}
	if err := manager.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	var asks extauthzv3.ExtAuthz
	if err := manager.GetHttpFilters()[0].GetTypedConfig().UnmarshalTo(&asks); err != nil {
		t.Fatal(err)
	}
	if err := asks.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	if asks.GetFailureModeAllow() || asks.GetGrpcService() == nil || asks.GetAllowedHeaders() != nil || strings.Contains(string(text), "failure_mode_allow: true") {
		t.Error("the example lets requests in that nobody decided on")
	}
}
