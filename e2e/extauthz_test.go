package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/daypass/daypass/internal/server"
)

// envoy is what Envoy says of a request to the photos application.
func envoy(method, path, pass string) *authv3.CheckRequest {
	headers := map[string]string{":method": method, ":path": path, ":authority": "photos.example", ":scheme": "https", "x-forwarded-proto": "https"}
	if pass != "" {
		headers["authorization"] = "Bearer " + pass
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
			SocketAddress: &corev3.SocketAddress{Address: "203.0.113.5", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 40000}},
		}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: method, Path: path, Host: "photos.example", Headers: headers}},
	}}
}

// dialExtAuthz connects to where the ready file says.
func (w *world) dialExtAuthz() *grpc.ClientConn {
	w.t.Helper()
	var ready struct{ ExtAuthz string }
	text, err := os.ReadFile(w.config.ReadyFile)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &ready); err != nil || ready.ExtAuthz == "" {
		w.t.Fatalf("ready file: %s %v", text, err)
	}
	conn, err := grpc.NewClient(ready.ExtAuthz, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// verdict is the status that Envoy's client gets and the problem's code, or 200.
func (w *world) verdict(client authv3.AuthorizationClient, question *authv3.CheckRequest) (int, string) {
	w.t.Helper()
	answer, err := client.Check(w.t.Context(), question)
	if err != nil {
		w.t.Fatal(err)
	}
	if answer.GetStatus().GetCode() == int32(codes.OK) {
		return http.StatusOK, ""
	}
	var problem struct{ Code string }
	if err := json.Unmarshal([]byte(answer.GetDeniedResponse().GetBody()), &problem); err != nil {
		w.t.Fatal(err)
	}
	return int(answer.GetDeniedResponse().GetStatus().GetCode()), problem.Code
}

// TestEnvoyAsks: allowed, denied with the reason, revoked on the next question, and let go at shutdown.
func TestEnvoyAsks(t *testing.T) {
	w := newWorld(t, func(c *server.Config) {
		trusting(c)
		c.ExtAuthz, c.ReadyFile = "127.0.0.1:0", filepath.Join(t.TempDir(), "ready.json")
	})
	w.serve("acme", "photos", photos)
	reader := w.member("acme", object{"name": "reader", "roles": []string{"consumer"}})
	pass := w.pass(reader.key, object{"scopes": []string{"photos:read"}})
	conn := w.dialExtAuthz()
	client, health := authv3.NewAuthorizationClient(conn), healthv1.NewHealthClient(conn)

	expect := func(what string, question *authv3.CheckRequest, status int, code string) {
		t.Helper()
		if gotStatus, gotCode := w.verdict(client, question); gotStatus != status || gotCode != code {
			t.Errorf("%s: %d %s, want %d %s", what, gotStatus, gotCode, status, code)
		}
	}
	expect("public", envoy("GET", "/public/1", ""), 200, "")
	expect("with a pass", envoy("GET", "/photos/1", pass), 200, "")
	expect("without", envoy("GET", "/photos/1", ""), 401, "token_missing")
	expect("scope missing", envoy("POST", "/photos/1", pass), 403, "scope_missing")
	if a, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil || a.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v %v", a, err)
	}
	w.must(204, "DELETE", orgPath("acme", "/keys/"+reader.keyID), w.founder, nil)
	expect("after its key's end", envoy("GET", "/photos/1", pass), 401, "token_revoked")

	metrics := w.must(200, "GET", w.ops+"/metrics", "", nil).text
	if !strings.Contains(metrics, `daypass_decisions_total{outcome="deny",reason="token_revoked"} 1`) {
		t.Error("the decision is not counted")
	}
	if log := w.log.String(); !strings.Contains(log, `"door":"extauthz"`) || strings.Contains(log, pass) {
		t.Error("the log lacks the questions, or tells the pass")
	}

	answered, left := make(chan int), make(chan error)
	go func() {
		n := 0
		for {
			if _, err := client.Check(t.Context(), envoy("GET", "/public/1", "")); err != nil {
				left <- err
				return
			}
			if n++; n == 20 {
				close(answered)
			}
		}
	}()
	<-answered
	w.stop()
	if err := <-left; status.Code(err) != codes.Unavailable {
		t.Errorf("after shutdown: %v", err)
	}
	if _, err := os.Stat(w.config.ReadyFile); err == nil {
		t.Error("the ready file is still there")
	}
}

// TestAttack_ExtAuthzFromAnywhere: who is no trusted proxy is not believed, whatever he says about himself.
func TestAttack_ExtAuthzFromAnywhere(t *testing.T) {
	w := newWorld(t, func(c *server.Config) {
		c.TrustedProxies = []string{"192.0.2.1"}
		c.ExtAuthz, c.ReadyFile = "127.0.0.1:0", filepath.Join(t.TempDir(), "ready.json")
	})
	w.serve("acme", "photos", photos)
	client := authv3.NewAuthorizationClient(w.dialExtAuthz())
	question := envoy("GET", "/public/1", "")
	question.Attributes.Request.Http.Headers["x-forwarded-for"] = "192.0.2.1"
	if status, code := w.verdict(client, question); status != 403 || code != "untrusted_proxy" {
		t.Errorf("%d %s", status, code)
	}
}
