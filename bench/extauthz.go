package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// measureExtAuthz asks as Envoy does, with passes that were seen before, and asks a server that decides nothing the same.
func (b *bench) measureExtAuthz(ctx context.Context) (rows []row, err error) {
	h, err := b.newHouse(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	bare, err := spawn(ctx, "floor-grpc")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	passes, err := h.passes(manyPasses)
	if err != nil {
		return nil, err
	}
	questions, err := extAuthzQuestions(passes)
	if err != nil {
		return nil, err
	}
	v := b.brief(volley{Connections: connections, Requests: questions, GRPC: true})
	d := duel{ours: side{server: h.child, volley: v.at(h.Ready.ExtAuthz)}, floor: side{server: bare, volley: v.at(bare.Ready.Listen)}, rounds: b.rounds}
	if err := b.profile(h, "ext-authz", d.ours.volley); err != nil {
		return nil, err
	}
	o, err := b.fight(d)
	if err != nil {
		return nil, err
	}
	return []row{
		o.rateRow("ext_authz, warm pass, 200 resources, beside a bare gRPC server of the same messages", 0.50),
		o.timeRow("— median", p50),
		o.timeRow("— p99 at 32 connections", p99),
		o.processorRow("— processor time of one question"),
	}, nil
}

// extAuthzQuestions are what Envoy says of the requests that [gatewayRequests] makes, as messages of gRPC.
func extAuthzQuestions(passes []string) ([][]byte, error) {
	var list [][]byte
	for i := range scopes {
		for _, pass := range passes {
			message, err := proto.Marshal(extAuthzQuestion(target(area(i)), pass))
			if err != nil {
				return nil, err
			}
			list = append(list, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...))
		}
	}
	return list, nil
}

func extAuthzQuestion(path, pass string) *authv3.CheckRequest {
	socket := &corev3.SocketAddress{Address: "198.51.100.7", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 40000}}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: socket}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: "GET", Path: path, Host: host, Scheme: "https", Protocol: "HTTP/2",
			Headers: map[string]string{
				":method": "GET", ":path": path, ":authority": host, ":scheme": "https",
				"user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept": "application/json", "accept-encoding": "gzip", "authorization": "Bearer " + pass,
				"x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https", "x-request-id": "00000000-0000-0000-0000-000000000000",
			},
		}},
	}}
}

// bareAuthorization answers as Daypass does to a good pass, and looks at nothing.
type bareAuthorization struct {
	authv3.UnimplementedAuthorizationServer
	answer *authv3.CheckResponse
}

func (b bareAuthorization) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return b.answer, nil
}

// serveGRPCFloor runs a bare gRPC server until the parent is done with it.
func serveGRPCFloor(ctx context.Context) error {
	list := make([]string, scopes)
	for i := range list {
		list[i] = fmt.Sprintf("area%d:read", area(i))
	}
	allowed := &authv3.OkHttpResponse{HeadersToRemove: []string{"api-key", "authorization", "cookie"}}
	id := "00000000000000000000000000"
	for name, value := range map[string]string{
		"subject": "usr_" + id, "org": organization, "scopes": strings.Join(list, " "), "roles": "consumer", "token-id": "tok_" + id, "key-id": "key_" + id,
	} {
		allowed.Headers = append(allowed.Headers, &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: "x-daypass-" + name, Value: value}, AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		})
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, bareAuthorization{answer: &authv3.CheckResponse{HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: allowed}}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		<-untilClosed(ctx).Done()
		server.Stop()
	}()
	if err := announce(ready{Listen: l.Addr().String()}); err != nil {
		return err
	}
	return server.Serve(l)
}

// caller makes calls over one connection, one after the other. It knows just enough HTTP/2 for that.
type caller struct {
	conn   net.Conn
	framer *http2.Framer
	out    bytes.Buffer // frames to send in one write
	head   []byte       // of every call
	stream uint32
	unread uint32 // bytes that the server was not told of yet
}

// window is how much the server may send before it is told that it arrived.
const window = 1 << 24

func newCaller(conn net.Conn) (*caller, error) {
	c := &caller{conn: conn, stream: 1}
	c.framer = http2.NewFramer(&c.out, conn)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.framer.SetReuseFrames()
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	encoder.SetMaxDynamicTableSize(0) // so that it is the same for every call
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: authv3.Authorization_Check_FullMethodName},
		{Name: ":authority", Value: "daypass"}, {Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	} {
		_ = encoder.WriteField(f) // into memory
	}
	c.head = head.Bytes()
	c.out.WriteString(http2.ClientPreface)
	err := errors.Join(c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}), c.framer.WriteWindowUpdate(0, window))
	return c, errors.Join(err, c.flush())
}

func (c *caller) flush() error {
	_, err := c.out.WriteTo(c.conn)
	return err
}

// call sends a message, and holds the answer to be one that allows.
func (c *caller) call(message []byte) error {
	if c.unread > window/2 {
		if err := c.framer.WriteWindowUpdate(0, c.unread); err != nil {
			return err
		}
		c.unread = 0
	}
	err := errors.Join(
		c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: c.head, EndHeaders: true}),
		c.framer.WriteData(c.stream, true, message), c.flush())
	if err != nil {
		return err
	}
	told := false
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			c.unread += f.Length
			told = told || bytes.Contains(f.Data(), []byte("x-daypass-subject"))
		case *http2.MetaHeadersFrame:
			if f.StreamEnded() {
				c.stream += 2
				return allowedBy(f, told)
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = errors.Join(c.framer.WritePing(true, f.Data), c.flush())
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = errors.Join(c.framer.WriteSettingsAck(), c.flush())
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			err = fmt.Errorf("the server ends it: %v", f)
		}
		if err != nil {
			return err
		}
	}
}

func allowedBy(trailer *http2.MetaHeadersFrame, told bool) error {
	ok := slices.ContainsFunc(trailer.RegularFields(), func(f hpack.HeaderField) bool { return f.Name == "grpc-status" && f.Value == "0" })
	if !ok || !told {
		return fmt.Errorf("the answer does not allow: %v", trailer.RegularFields())
	}
	return nil
}
