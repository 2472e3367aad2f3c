package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpctls "google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/daypass/daypass/internal/edge"
)

// Limits of one connection to the ext_authz listener. Envoy has one for each of its threads, and sends the head of a
// request, 60 KiB unless it is told otherwise.
const (
	maxQuestion      = 1 << 20 // bytes
	maxQuestions     = 1024    // at once
	maxConnectionAge = 30 * time.Minute
	probeAfter       = time.Minute // of silence
	minProbeGap      = 10 * time.Second
)

// extAuthzListener is where Envoy asks. A nil one is off.
type extAuthzListener struct {
	net    net.Listener
	server *grpc.Server
}

// addExtAuthz binds the listener, if there is to be one.
func (s *Server) addExtAuthz(door *edge.ExtAuthz) (string, error) {
	c := &s.config
	if c.ExtAuthz == "off" {
		return "", nil
	}
	l, err := net.Listen("tcp", c.ExtAuthz)
	if err != nil {
		return "", listenError("extauthz", c.ExtAuthz, err)
	}
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxQuestion),
		grpc.MaxConcurrentStreams(maxQuestions),
		grpc.MaxHeaderListSize(uint32(c.MaxHeader)),
		grpc.ConnectionTimeout(c.HeaderTimeout),
		grpc.InTapHandle(s.boundQuestion),
		grpc.ChainUnaryInterceptor(s.introduceAsker(newFront(c.trustedNetworks, nil)), s.logQuestion),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: c.IdleTimeout, MaxConnectionAge: maxConnectionAge, MaxConnectionAgeGrace: c.DrainTimeout, Time: probeAfter, Timeout: c.HeaderTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minProbeGap, PermitWithoutStream: true}),
	}
	if s.cert != nil {
		options = append(options, grpc.Creds(grpctls.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.cert.config().GetCertificate})))
	}
	s.extAuthz = &extAuthzListener{net: l, server: grpc.NewServer(options...)}
	authv3.RegisterAuthorizationServer(s.extAuthz.server, door)
	healthv1.RegisterHealthServer(s.extAuthz.server, health{ready: s.ready})
	return l.Addr().String(), nil
}

func (l *extAuthzListener) serve() error { return l.server.Serve(l.net) }

// shutdown lets open questions be answered while ctx lasts.
func (l *extAuthzListener) shutdown(ctx context.Context) {
	if l == nil {
		return
	}
	defer context.AfterFunc(ctx, l.server.Stop)()
	l.server.GracefulStop()
}

// close gives up a listener that never served.
func (l *extAuthzListener) close() {
	if l != nil {
		_ = l.net.Close()
	}
}

// boundQuestion bounds the time to send a question and to read its answer, which the asker's own deadline may not.
func (s *Server) boundQuestion(ctx context.Context, _ *tap.Info) (context.Context, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.RequestTimeout)
	_ = cancel // the context it came from ends with the call, and this one, timer and all, with that
	return ctx, nil
}

// introduceAsker does for gRPC what [front] does for HTTP.
func (s *Server) introduceAsker(f *front) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		return next(edge.WithClient(ctx, f.client(peerOf(ctx))), in)
	}
}

func peerOf(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	if tcp, ok := p.Addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// logQuestion writes the line of [logRequests] for a question; the status is what Envoy's client gets, or 200.
func (s *Server) logQuestion(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	question, isQuestion := in.(*authv3.CheckRequest)
	if !s.config.LogRequests || !isQuestion {
		return next(ctx, in)
	}
	start := time.Now()
	out, err := next(ctx, in)
	code := http.StatusOK
	if answer, ok := out.(*authv3.CheckResponse); ok && answer.GetDeniedResponse() != nil {
		code = int(answer.GetDeniedResponse().GetStatus().GetCode())
	}
	asked, client := question.GetAttributes().GetRequest().GetHttp(), edge.ClientFrom(ctx)
	path, _, _ := strings.Cut(asked.GetPath(), "?")
	s.log.LogAttrs(ctx, slog.LevelInfo, "request",
		slog.String("door", "extauthz"), slog.String("method", printable(asked.GetMethod())), slog.String("path", printable(path)), slog.Int("status", code),
		slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000), slog.String("address", client.Address.String()), slog.String("request_id", client.RequestID))
	return out, err
}

// health tells whether the server can decide (grpc.health.v1), as /readyz does, and whoever asks.
type health struct {
	healthv1.UnimplementedHealthServer
	ready func(context.Context) error
}

func (h health) Check(ctx context.Context, in *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	if name := in.GetService(); name != "" && name != authv3.Authorization_ServiceDesc.ServiceName {
		return nil, status.Error(codes.NotFound, "no such service here")
	}
	if h.ready(ctx) != nil {
		return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_NOT_SERVING}, nil
	}
	return &healthv1.HealthCheckResponse{Status: healthv1.HealthCheckResponse_SERVING}, nil
}
