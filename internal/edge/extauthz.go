package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
)

// ExtAuthz answers Envoy, which asks by gRPC whether a request may pass (envoy.service.auth.v3.Authorization). It decides,
// and denies in the same words, as [ForwardAuth] does.
//
// Only proxies the server trusts may ask. The request is the one in attributes.request.http; its client is
// attributes.source.address, and what X-Forwarded-For says where that is itself a trusted proxy. The context extension
// application=org/app names the application instead of the host; there is no other.
//
// Allowed, the upstream gets every identity header, whatever the client sent under these names; no Api-Key, no
// Authorization unless the resource says pass_token, no Cookie unless it says pass_cookies; and nothing else of the
// client's that speaks for a proxy. What Envoy could not take away again is refused with 400.
//
// Every answer is a CheckResponse that allows or denies, also after a panic: an error of the call itself would let the
// request in where Envoy is told to go on without us.
type ExtAuthz struct {
	authv3.UnimplementedAuthorizationServer
	door
	trusted access.Networks
}

// NewExtAuthz makes the door. The networks are those of trusted proxies; whether the asker is one is for the server to
// say, by the context's [Client].
func NewExtAuthz(c Config, trusted access.Networks) *ExtAuthz {
	return &ExtAuthz{door: newDoor(c), trusted: trusted}
}

var errAskerLeft = access.New(access.Unavailable, "proxy_left", "the proxy did not wait for the decision; give it a longer timeout")

// Check implements the service. Its error is always nil.
func (x *ExtAuthz) Check(ctx context.Context, in *authv3.CheckRequest) (out *authv3.CheckResponse, _ error) {
	r := (&http.Request{}).WithContext(ctx)
	defer func() {
		if cause := recover(); cause != nil {
			out = x.broken(r, cause)
		}
	}()
	answer := newAuthzAnswer()
	question, err := x.read(ctx, in.GetAttributes())
	if err != nil {
		x.refuse(answer, r, err)
		return answer.denial(access.AsError(err).Code, nil), nil
	}
	decision, err := x.admit(answer, r, &question.request, question.credential, question.told(in.GetAttributes().GetRequest().GetHttp()))
	switch {
	case err != nil:
		return answer.denial(access.AsError(err).Code, &decision), nil
	case !decision.Allow:
		return answer.denial(string(decision.Reason), &decision), nil
	}
	return answer.permit(&question, &decision), nil
}

// broken denies after a panic.
func (x *ExtAuthz) broken(r *http.Request, cause any) *authv3.CheckResponse {
	x.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("cause", fmt.Sprint(cause)), slog.String("stack", string(debug.Stack())),
		slog.String("request_id", ClientFrom(r.Context()).RequestID))
	answer := newAuthzAnswer()
	WriteProblem(answer, r, errInternal)
	return answer.denial(access.AsError(errInternal).Code, nil)
}

// authzQuestion is what Envoy asks.
type authzQuestion struct {
	request    gate.Request
	credential string
	header     http.Header // of the client
}

// read finds out what is asked, and refuses what is not plain.
func (x *ExtAuthz) read(ctx context.Context, a *authv3.AttributeContext) (q authzQuestion, err error) {
	asker := ClientFrom(ctx)
	switch {
	case ctx.Err() != nil:
		return q, errAskerLeft
	case !asker.Address.IsValid():
		return q, errNoClient
	case !asker.TrustedPeer:
		return q, errUntrustedProxy
	}
	if q.request.Application, err = authzHint(a.GetContextExtensions()); err != nil {
		return q, err
	}
	asked := a.GetRequest().GetHttp()
	if asked.GetMethod() == "" || asked.GetPath() == "" || asked.GetQuery() != "" || asked.GetFragment() != "" {
		return q, badForwarded("the proxy must send the request's method, and its target in path alone")
	}
	if q.header, err = clientHeaders(asked); err != nil {
		return q, err
	}
	if q.request.Address, err = x.source(a.GetSource(), q.header["X-Forwarded-For"]); err != nil {
		return q, err
	}
	q.credential, err = x.understand(&q.request, told{method: asked.GetMethod(), host: asked.GetHost(), target: asked.GetPath(), header: q.header})
	return q, err
}

func authzHint(context map[string]string) (string, error) {
	hint := context["application"]
	if len(context) > 1 || len(context) == 1 && hint == "" {
		return "", access.New(access.Malformed, "bad_parameter", "the one context extension here is application: org/app")
	}
	return hint, nil
}

// source is the client's address: that of the connection to Envoy, unless a trusted proxy is at its other end.
func (x *ExtAuthz) source(peer *authv3.AttributeContext_Peer, forwarded []string) (netip.Addr, error) {
	address, err := netip.ParseAddr(peer.GetAddress().GetSocketAddress().GetAddress())
	if err != nil {
		return address, badForwarded("the proxy must send the IP address of the connection in source.address")
	}
	return ResolveClient(address.WithZone(""), x.trusted, forwarded)
}

// clientHeaders returns the headers of the request under their canonical names. Pseudo-headers are left out; they must say
// what the attributes say.
func clientHeaders(asked *authv3.AttributeContext_HttpRequest) (http.Header, error) {
	merged, raw := asked.GetHeaders(), asked.GetHeaderMap().GetHeaders()
	if len(merged) > 0 && len(raw) > 0 {
		return nil, badForwarded("the proxy must send the headers in headers or in header_map, not in both")
	}
	h := make(http.Header, len(merged)+len(raw))
	values := make([]string, 0, len(merged)+len(raw)) // so that there is one allocation, of all lists
	add := func(name, value string) error {
		if strings.HasPrefix(name, ":") || strings.EqualFold(name, "Host") {
			return checkPseudo(name, value, asked)
		}
		name = http.CanonicalHeaderKey(name)
		if h[name] != nil {
			h[name] = append(h[name], value)
			return nil
		}
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
		return nil
	}
	for name, value := range merged {
		if err := add(name, value); err != nil {
			return nil, err
		}
	}
	// Headers that were sent twice are merged by commas here, which no pass and no key has in it.
	for _, name := range []string{"Authorization", "Api-Key"} {
		if v := h[name]; len(v) == 1 && strings.IndexByte(v[0], ',') >= 0 {
			h[name] = strings.Split(v[0], ",")
		}
	}
	for _, header := range raw {
		value := header.GetValue()
		if bytes := header.GetRawValue(); len(bytes) > 0 {
			value = string(bytes)
		}
		if err := add(header.GetKey(), value); err != nil {
			return nil, err
		}
	}
	return h, checkConnection(h["Connection"])
}

// checkPseudo holds a header of the request line (RFC 9113 section 8.3.1), or Host, against the attributes.
func checkPseudo(name, value string, asked *authv3.AttributeContext_HttpRequest) error {
	want, known := value, true // nothing is decided by a scheme or a protocol
	switch strings.ToLower(name) {
	case ":method":
		want = asked.GetMethod()
	case ":path":
		want = asked.GetPath()
	case ":authority", "host":
		want = asked.GetHost()
	case ":scheme", ":protocol":
	default:
		known = false
	}
	if !known || value != want {
		return badForwarded("the headers and the attributes of the request do not agree")
	}
	return nil
}

// checkConnection keeps a client from having the next proxy drop headers: those that Connection names. Envoy passes it on
// with requests to upgrade.
func checkConnection(values []string) error {
	for _, list := range values {
		for option := range strings.SplitSeq(list, ",") {
			switch strings.ToLower(strings.Trim(option, " \t")) {
			case "", "close", "keep-alive", "upgrade", "te":
			default:
				return badForwarded("the Connection header names another header")
			}
		}
	}
	return nil
}

// ofEnvoy are headers that speak for a proxy, and that Envoy itself writes or removes before it asks.
var ofEnvoy = map[string]bool{
	"X-Forwarded-For": true, "X-Forwarded-Proto": true, "X-Forwarded-Client-Cert": true, "X-Request-Id": true,
	"X-Envoy-External-Address": true, "X-Envoy-Internal": true,
}

// withheld are the headers that the upstream must not get.
func (q *authzQuestion) withheld(d *gate.Decision) []string {
	list := append(make([]string, 0, 5), "api-key", "dpop") // also where Envoy does not send it to us
	if !d.Resource.PassToken {
		list = append(list, "authorization")
	}
	if !d.Resource.PassCookies {
		list = append(list, "cookie")
	}
	for name := range q.header {
		if speaksBesideEnvoy(name) {
			list = append(list, strings.ToLower(name))
		}
	}
	return list
}

// speaksBesideEnvoy reports whether a client's header is none of an upstream's business. Names with an underscore are among
// them, because an upstream may read it as a hyphen.
func speaksBesideEnvoy(name string) bool {
	return !isPlainName(name) || name == "Proxy-Authorization" || speaksForProxy(name) && !ofEnvoy[name]
}
