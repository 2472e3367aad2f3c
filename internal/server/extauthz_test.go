package server_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/daypass/daypass/internal/server"
)

func withExtAuthz(c *server.Config) {
	c.ExtAuthz, c.TrustedProxies = "127.0.0.1:0", []string{"127.0.0.1"}
}

func (i *instance) dialExtAuthz(how credentials.TransportCredentials) *grpc.ClientConn {
	i.t.Helper()
	conn, err := grpc.NewClient(i.server.Addresses().ExtAuthz, grpc.WithTransportCredentials(how))
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestExtAuthzLimits: questions that are too large or never end are not waited for, and nothing but gRPC is spoken.
func TestExtAuthzLimits(t *testing.T) {
	i := start(t, func(c *server.Config) {
		withExtAuthz(c)
		c.RequestTimeout = 200 * time.Millisecond
	})
	client := authv3.NewAuthorizationClient(i.dialExtAuthz(insecure.NewCredentials()))
	large := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/", Body: strings.Repeat("x", 1<<20)},
	}}}
	if _, err := client.Check(t.Context(), large); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a question of a megabyte: %v", err)
	}
	if code := i.send([]byte{0, 0, 0, 1, 0, 'x'}, false); code != codes.DeadlineExceeded && code != codes.Canceled {
		t.Errorf("half a question: %v", code)
	}
	// attributes.context_extensions is not UTF-8: {1: {10: {1: "\xff"}}}
	if code := i.send([]byte{0, 0, 0, 0, 7, 0x0a, 5, 0x52, 3, 0x0a, 1, 0xff}, true); code != codes.Internal {
		t.Errorf("a question that is not UTF-8: %v", code)
	}
	if res, err := http.Get("http://" + i.server.Addresses().ExtAuthz + "/"); err == nil {
		res.Body.Close()
		t.Errorf("HTTP/1.1 is answered with %d", res.StatusCode)
	}
}

// send sends a question, or the beginning of one, byte for byte, and returns how the call ends.
func (i *instance) send(question []byte, whole bool) codes.Code {
	i.t.Helper()
	conn, err := net.Dial("tcp", i.server.Addresses().ExtAuthz)
	if err != nil {
		i.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write([]byte(http2.ClientPreface))
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", authv3.Authorization_Check_FullMethodName}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true})
	_ = framer.WriteData(1, whole, question)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			i.t.Fatalf("the call does not end: %v", err)
		}
		switch f := frame.(type) {
		case *http2.RSTStreamFrame:
			return codes.Canceled
		case *http2.MetaHeadersFrame:
			for _, field := range f.RegularFields() {
				if field.Name == "grpc-status" {
					code, _ := strconv.Atoi(field.Value)
					return codes.Code(code)
				}
			}
		}
	}
}

// TestExtAuthzOverTLS uses the certificate of the other listeners.
func TestExtAuthzOverTLS(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	i := start(t, func(c *server.Config) {
		withExtAuthz(c)
		c.TLSCert, c.TLSKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	})
	health := healthv1.NewHealthClient(i.dialExtAuthz(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if a, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "envoy.service.auth.v3.Authorization"}); err != nil || a.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("%v %v", a, err)
	}
	if _, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("another service: %v", err)
	}
	plain := healthv1.NewHealthClient(i.dialExtAuthz(insecure.NewCredentials()))
	if _, err := plain.Check(t.Context(), &healthv1.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("without TLS: %v", err)
	}
}
