package edge

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

// Gateway is the reverse proxy: it judges each request and passes it on to its application's upstream.
//
// The upstream gets the method, exactly the path that was decided on, the query byte for byte, the Host that was asked
// for, and the client's headers without those that are hop-by-hop, speak for a proxy or override the method. It gets
// X-Forwarded-For, -Host and -Proto with one value each, every identity header, and no Authorization, Api-Key or Cookie;
// a resource may say pass_token and pass_cookies to let the first and the last through. Trailers of a request are not passed on, and of the
// protocols to upgrade to, WebSocket alone.
//
// Of a GraphQL resource the body is read first, and each operation in it is judged. The upstream gets a request made anew
// from what was judged, never the client's own text. GraphQL over WebSocket is taken apart message by message.
//
// Run [Gateway.Run] beside it, and call [Gateway.Recheck] when the gate's view changes.
type Gateway struct {
	door
	errorLog   *log.Logger
	transports transports
	buffers    bufferPool
	sessions   sessions
	persisted  persistedQueries
}

// NewGateway makes the door.
func NewGateway(c Config) *Gateway {
	g := &Gateway{door: newDoor(c), errorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug), persisted: newPersistedQueries()}
	g.readsGraphQL, g.readsSignature = true, c.Signatures != nil
	return g
}

// Avoid names the server's own listeners, which no upstream may be. Call it before the first request.
func (g *Gateway) Avoid(own ...netip.AddrPort) { g.transports.own = own }

// Confine lets upstreams have addresses in these networks only; the empty set, any. What [Gateway.Avoid] names, and what no
// upstream may be, stays refused. Call it before the first request.
func (g *Gateway) Confine(networks access.Networks) { g.transports.only = networks }

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := &passage{gateway: g, client: ClientFrom(r.Context())}
	credential, err := p.read(r)
	if err != nil {
		g.refuse(w, r, err)
		return
	}
	if err := g.confirm(r.Context(), w.Header(), &p.request, credential, r.Header, func() string { return URLOf(r) }, IsListener(r)); err != nil {
		WriteProblem(w, r, err)
		return
	}
	decision := g.judge(&p.request, credential, userAgent(r.Header))
	if g.awaitsOperation(&p.request, &decision) {
		var judged bool
		if decision, judged = p.graphql(w, r, credential, decision); !judged {
			return
		}
	}
	if g.awaitsSignature(&p.request, &decision) {
		if err := p.sign(w, r, credential); err != nil {
			g.refuse(w, r, err)
			return
		}
		decision = g.judge(&p.request, credential, userAgent(r.Header))
	}
	if !decision.Allow {
		tellPage(w.Header(), r.Header, decision.Application)
		writeDenial(w, r, &decision, credential)
		return
	}
	p.decision, p.identity = decision, decision.Identity()
	if decision.Application.Document.Upstream == nil {
		tellPage(w.Header(), r.Header, decision.Application)
		writeProblem(w, r, Problem{Status: http.StatusBadGateway, Code: "no_upstream", Detail: "the application names no upstream; its resource file needs one to be served here"})
		return
	}
	if err := errors.Join(checkIdentity(p.identity), checkOrigin(r.Header, r.Host, decision.Application)); err != nil {
		tellPage(w.Header(), r.Header, decision.Application)
		WriteProblem(w, r, err)
		return
	}
	tellLimits(w.Header(), &p.decision)
	p.serve(p.bound(w, r), r)
}

// passage is one request on its way through the gateway.
type passage struct {
	gateway  *Gateway
	client   Client
	request  gate.Request
	decision gate.Decision
	identity gate.Identity
	body     clientBody
	replaced bool // the body is not the client's own any more, which had request.Length bytes
	interim  interimWriter
	spend    func(bytes int) // counts them under a limit; nil: there is none
}

// read finds out what is asked, and refuses what is not plain.
func (p *passage) read(r *http.Request) (credential string, err error) {
	if !p.client.Address.IsValid() {
		return "", errNoClient
	}
	if r.Method == http.MethodConnect {
		return "", errTunnel
	}
	p.request.Method, p.request.Address, p.request.Length = r.Method, p.client.Address, r.ContentLength
	if p.request.Path, err = catalog.ParsePath(r.RequestURI); err != nil {
		return "", err
	}
	if p.request.Host, err = hostname(r.Host); err != nil {
		return "", err
	}
	if err = checkHeaders(r.Header); err != nil {
		return "", err
	}
	if err = checkQuery(p.request.Path.Query(), p.gateway.isPass); err != nil {
		return "", err
	}
	return bearer(r.Header)
}

func (p *passage) serve(w http.ResponseWriter, r *http.Request) {
	p.interim.around(w)
	w = &p.interim
	shaped := p.decision.Resource.Shape != nil
	if !shaped && isWebSocket(r.Header) {
		w = &upgradeWriter{ResponseWriter: w, passage: p}
	} else {
		// Any other protocol, h2c above all, would carry further requests past the gate.
		delete(r.Header, "Upgrade")
	}
	p.body.wrap(r)
	document := p.decision.Application.Document
	proxy := httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      p.gateway.transports.get(kindOf(document)),
		ModifyResponse: p.answer,
		ErrorHandler:   p.fail,
		ErrorLog:       p.gateway.errorLog,
		BufferPool:     &p.gateway.buffers,
	}
	proxy.ServeHTTP(w, r)
}

// rewrite makes the request that is sent on. Hop-by-hop headers, and those that Connection names, are gone by now, so
// that nothing set here can be removed by the client.
func (p *passage) rewrite(pr *httputil.ProxyRequest) {
	out, upstream := pr.Out, p.decision.Application.Document.Upstream
	out.URL.Scheme, out.URL.Host, out.URL.User = upstream.Scheme, upstream.Host, nil
	if upstream.Scheme == schemeH2C {
		out.URL.Scheme = "http"
	}
	p.request.Path.Apply(out.URL)
	out.Trailer = nil
	p.setHeaders(out.Header, pr.In)
}

// setHeaders makes the client's headers those that the upstream gets.
func (p *passage) setHeaders(h http.Header, in *http.Request) {
	stripClientHeaders(h)
	delete(h, "Api-Key")
	delete(h, "Dpop")
	if !p.decision.Resource.PassToken {
		delete(h, "Authorization")
	}
	if !p.decision.Resource.PassCookies {
		delete(h, "Cookie")
	}
	if p.decision.Resource.Shape != nil {
		askWhole(h)
	}
	stripSignature(h, p.decision.Resource.Signature)
	setIdentity(h, p.identity)
	own := []string{p.client.Address.String(), in.Host, proto(in, p.client), p.client.RequestID}
	h["X-Forwarded-For"], h["X-Forwarded-Host"], h["X-Forwarded-Proto"] = own[0:1:1], own[1:2:2], own[2:3:3]
	if p.client.RequestID != "" {
		h["X-Request-Id"] = own[3:4:4]
	}
}

// proto is the listener's, unless a trusted proxy says which one the client used.
func proto(r *http.Request, client Client) string {
	if v := r.Header["X-Forwarded-Proto"]; client.TrustedPeer && len(v) == 1 && (v[0] == "http" || v[0] == "https") {
		return v[0]
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

var errNoStatus = errors.New("edge: the upstream's answer has a status that is none")

// answer looks after what comes back.
func (p *passage) answer(res *http.Response) error {
	if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
		return errNoStatus
	}
	stripIdentity(res.Header)
	if p.decision.Resource.Shape != nil {
		return p.shape(res)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	if p.lasts() || isEventStream(res.Header["Content-Type"]) {
		stream := &eventStream{ReadCloser: res.Body}
		stream.end = p.begin(stream)
		res.Body = stream
	}
	return nil
}

func isEventStream(types []string) bool {
	const eventStream = "text/event-stream"
	if len(types) == 0 || len(types[0]) < len(eventStream) || !strings.EqualFold(types[0][:len(eventStream)], eventStream) {
		return false // without the price of parsing, for nearly every answer
	}
	kind, _, _ := mime.ParseMediaType(types[0])
	return kind == eventStream
}

// begin makes a session of what lasts, and returns what to call when it has ended.
func (p *passage) begin(l lasting) (end func()) {
	s := &session{request: p.request, token: p.decision.Token, application: p.decision.Application.ID, lasting: l}
	p.gateway.begin(s)
	return func() { p.gateway.sessions.remove(s) }
}

// fail answers where the upstream did not. The cause goes to the log alone.
func (p *passage) fail(w http.ResponseWriter, r *http.Request, err error) {
	tellPage(w.Header(), r.Header, p.decision.Application)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		WriteProblem(w, r, err)
		return
	}
	if errors.Is(err, errFraming) || p.body.broken.Load() {
		w.Header().Set("Connection", "close")
		WriteProblem(w, r, access.New(access.Malformed, "bad_framing", "the body is not framed as HTTP says"))
		return
	}
	if errors.Is(err, context.Canceled) {
		panic(http.ErrAbortHandler) // the client has gone: there is nobody to answer
	}
	p.gateway.log.LogAttrs(r.Context(), slog.LevelWarn, "upstream failed", slog.Any("error", err),
		slog.String("application", p.decision.Application.Name()), slog.String("request_id", p.client.RequestID))
	if shape := (*errShape)(nil); errors.As(err, &shape) {
		writeProblem(w, r, Problem{Status: http.StatusBadGateway, Code: "shape_failed", Detail: "the application's answer could not be reduced to what may be passed on; its operator finds the cause in the log by the request id"})
		return
	}
	problem := Problem{Status: http.StatusBadGateway, Code: "upstream_unreachable", Detail: "the application behind this door did not answer properly; its operator finds the cause in the log by the request id"}
	if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() {
		problem = Problem{Status: http.StatusGatewayTimeout, Code: "upstream_timeout", Detail: "the application behind this door did not answer in time"}
	}
	writeProblem(w, r, problem)
}
