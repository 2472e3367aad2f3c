package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/outside"
	"github.com/daypass/daypass/internal/seal"
)

// DefaultMaxBody is how many bytes of a request body are read; a resource file may have [MaxDocument].
const (
	DefaultMaxBody = 64 << 10
	MaxDocument    = 1 << 20
)

// Config wires a [Handler]. Admin, Exchange, Gate, JWKS, Open, ForwardAuth, Ready, Started and Now are required.
type Config struct {
	Admin    *admin.Service
	Exchange *exchange.Service
	Gate     *gate.Gate

	// JWKS is the published key set as JSON.
	JWKS func() []byte
	// Open returns the signed text inside an encrypted pass, and any other text as it is.
	Open func(text string) (string, error)
	// Feed publishes the revocations. Nil: this server publishes none.
	Feed Feed
	// ForwardAuth answers /v1/forward-auth, whatever the method.
	ForwardAuth http.Handler
	// Ready tells why the server cannot decide now; nil: it can.
	Ready func(ctx context.Context) error
	// Started reports whether it was ready once.
	Started func() bool

	// Sealer seals the cookies of the dashboard. Nil: it keeps none.
	Sealer *seal.Sealer
	// Gateway is the address that the gateway is asked at. Nil or empty: there is none.
	Gateway func() string
	// Version is this program's, as the dashboard shows it.
	Version string

	// Senders checks proofs of possession. Nil: every one is refused.
	Senders *edge.Senders
	// PublicURL is the address that clients know this server by, beside those they ask for.
	PublicURL string

	Now    func() time.Time
	Logger *slog.Logger // default: none

	// Facts are what is kept of requests, for FactsKeep. Nil: nothing is.
	Facts     Facts
	FactsKeep time.Duration

	// Issuers tries tokens of outside issuers. Nil: there are none.
	Issuers *outside.Directory

	// Origins are the web origins that may call from a browser, beside the server's own; "*" is any (development only).
	Origins []string
	// Doors are those that are open; nil: all of [Doors].
	Doors []string
	// Stateless is for a server without a database: Admin is nil, and what needs it answers that.
	Stateless bool
	// MaxBody bounds request bodies, in bytes; default [DefaultMaxBody].
	MaxBody int64
}

// Handler answers the public listener. The client of each request must be in its context ([edge.WithClient]).
type Handler struct {
	Config
	routes map[string]route
	mux    *http.ServeMux

	sockets loginSockets
}

// New makes the handler.
func New(c Config) *Handler {
	if c.MaxBody <= 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{Config: c, mux: http.NewServeMux()}
	h.routes = h.table()
	if at := h.ownMetadataPath(); at != "" {
		h.routes["GET "+at] = publicGet.by(h.oauthMetadata)
	}
	for pattern, rt := range h.routes {
		rt.closed = c.closed(pattern, rt)
		rt.plain = rt.handle != nil && !strings.Contains(pattern, "{")
		h.routes[pattern] = rt
	}
	strict := api.NewStrictHandlerWithOptions(operations{h}, nil, api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  h.unreadable,
		ResponseErrorHandlerFunc: h.fail,
	})
	api.HandlerWithOptions(strict, api.StdHTTPServerOptions{BaseRouter: h.mux, ErrorHandlerFunc: h.badParameter})
	for pattern, rt := range h.routes {
		if rt.handle != nil {
			h.mux.HandleFunc(pattern, h.own(rt.handle))
		}
	}
	return h
}

const forwardAuthPath = "/v1/forward-auth"

// Values of headers of every answer; nobody changes them.
var (
	nosniff = []string{"nosniff"}
	noStore = []string{"no-store"}
	inert   = []string{"default-src 'none'; frame-ancestors 'none'"} // no page; those have policies of their own
)

// ServeHTTP does what is the same for every route, then what the route is for.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.recovered(w, r)
	if r.URL.Path == forwardAuthPath {
		h.ForwardAuth.ServeHTTP(w, r)
		return
	}
	header := w.Header()
	header["X-Content-Type-Options"], header["Cache-Control"], header["Content-Security-Policy"] = nosniff, noStore, inert
	if rt, err := h.serve(w, r); err != nil {
		h.failAt(rt, w, r, err)
	}
}

// call is one request on its way through the checks.
type call struct {
	route      route
	client     exchange.Client
	credential string         // as sent; empty: none
	proof      exchange.Proof // what was sent to prove; nil: nothing
	caller     *access.Caller // nil on routes that need no credential
	media      string         // of the body
	raw        []byte         // the body
	body       any            // the body, read into the route's type; nil: there was none
	form       url.Values     // the body, where it was a form
}

// serve answers, or returns the route, as far as it was found, and what is to be
// answered there.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) (rt route, err error) {
	query, unread := readQuery(r.URL.RawQuery)
	rt, err = h.find(w, r)
	if unread != nil && !rt.answer {
		return rt, unread // also where there is no such route: a credential in a URL is to be replaced
	}
	if err != nil {
		return rt, err
	}
	if done, err := h.checkOrigin(w, r, rt); done || err != nil {
		return rt, err
	}
	if !rt.page {
		if err := query.only(rt.query); err != nil {
			return rt, err
		}
	}
	return rt, h.call(w, r, rt)
}

func (h *Handler) call(w http.ResponseWriter, r *http.Request, rt route) (err error) {
	c := &call{route: rt}
	if c.client, err = clientOf(r); err != nil {
		return err
	}
	if c.credential, err = rt.credentialOf(r); err != nil {
		return err
	}
	if c.credential != "" {
		c.proof = exchange.Credential(c.credential)
	}
	if c.client.Confirmation, err = h.confirmation(w, r, c.credential); err != nil {
		return err
	}
	if signature, err := signatureOf(r, c.credential); err != nil {
		return err
	} else if signature != nil {
		c.proof = signature
	}
	if c.media, err = h.checkBody(r, rt); err != nil {
		return err
	}
	if !rt.open {
		if c.caller, err = h.Exchange.Authenticate(r.Context(), c.proof, c.client); err != nil {
			return err
		}
	}
	if err := h.readBody(w, r, rt, c); err != nil {
		return err
	}
	if rt.plain {
		return rt.handle(w, r, c) // the mux would only say again which one it is
	}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	if rt.idempotent && r.Header["Idempotency-Key"] != nil {
		return h.idempotently(w, r, c)
	}
	h.mux.ServeHTTP(w, r)
	return nil
}

// find returns the route of a request. A path has one spelling: what would need cleaning is not
// found, save that a page may have a slash behind it.
func (h *Handler) find(w http.ResponseWriter, r *http.Request) (route, error) {
	miss, pattern := h.mux.Handler(r)
	if r.URL.Path != path.Clean(r.URL.Path) && (!h.routes[pattern].page || path.Clean(r.URL.Path)+"/" != r.URL.Path) {
		return route{}, errNoRoute
	}
	if rt, ok := h.routes[pattern]; ok && rt.closed != nil {
		return route{}, rt.closed
	} else if ok {
		return rt, nil
	}
	// The standard mux knows which methods would do; it says so only in its own answer.
	probe := &probe{header: make(http.Header)}
	miss.ServeHTTP(probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		return route{}, errNoRoute
	}
	allowed := probe.header.Get("Allow")
	if r.Method == http.MethodOptions && isPreflight(r) {
		return route{preflight: allowed, anyOrigin: h.isOpenToOrigins(r.URL.Path)}, nil
	}
	w.Header().Set("Allow", allowed)
	return route{}, access.New(access.NotAllowed, "method_not_allowed", "this route answers to "+allowed)
}

var errNoRoute = access.New(access.NotFound, "no_route", "there is no such route; /openapi.yaml lists them all")

// probe takes the header of an answer that is not sent.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }

// fail answers with an error in the form of the route. What is ours to mend goes to the log with its cause.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var rt route
	if c, ok := r.Context().Value(callKey{}).(*call); ok {
		rt = c.route
	}
	h.failAt(rt, w, r, err)
}

func (h *Handler) failAt(rt route, w http.ResponseWriter, r *http.Request, err error) {
	if e := access.AsError(err); e.Kind == access.Internal {
		h.Logger.ErrorContext(r.Context(), "request failed", "request_id", edge.ClientFrom(r.Context()).RequestID, "error", err.Error())
	}
	if rt.refuse != nil {
		rt.refuse(w, r, err)
		return
	}
	edge.WriteProblem(w, r, err)
}

// unreadable answers for a body that the generated decoder refuses. The body was read once already, so this is our fault.
func (h *Handler) unreadable(w http.ResponseWriter, r *http.Request, err error) {
	h.fail(w, r, fmt.Errorf("a body that was read strictly was refused: %w", err))
}

// recovered turns a panic into a problem; its stack goes to the log only.
func (h *Handler) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	h.Logger.ErrorContext(r.Context(), "panic", "request_id", edge.ClientFrom(r.Context()).RequestID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	edge.WriteProblem(w, r, access.New(access.Internal, "internal", "panic"))
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// callerOf is the caller of a request that went through [Handler.ServeHTTP].
func callerOf(ctx context.Context) *access.Caller { return callOf(ctx).caller }

// handler answers one route that is not generated.
type handler func(w http.ResponseWriter, r *http.Request, c *call) error

func (h *Handler) own(handle handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r, callOf(r.Context())); err != nil {
			h.fail(w, r, err)
		}
	}
}
