package edge

import (
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

// ForwardAuth answers a proxy that asks whether a request may pass: 204 with every identity header, or the denial to hand
// on. Any method does.
//
// Only proxies the server trusts may ask; anybody else gets 403. The request asked about is described by
// X-Forwarded-Method and -Uri, or by X-Original-Method and -URI; where both are there they must agree. Host, protocol and
// client are those of X-Forwarded-Host, -Proto and -For. The parameter application=org/app, from the proxy's own
// configuration, names the application instead of its host.
//
// A GraphQL resource is denied here: what is asked of it stands in the body, which only the gateway gets to see.
//
// The proxy sends the client's own headers on to the upstream, and this door cannot remove them. What would tell the
// upstream another path, method or caller than the one decided on is therefore refused with 400.
type ForwardAuth struct{ door }

// NewForwardAuth makes the door.
func NewForwardAuth(c Config) *ForwardAuth { return &ForwardAuth{newDoor(c)} }

var errUntrustedProxy = access.New(access.Forbidden, "untrusted_proxy",
	"only a trusted proxy may ask this; start the server with its address in --trusted-proxies")

var errNeedsGateway = access.New(access.Forbidden, "graphql_needs_gateway",
	"what a GraphQL request does stands in its body, which no proxy shows here; let the gateway serve this resource")

func (f *ForwardAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, credential, err := f.read(r)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	decision := f.judge(&request, credential, userAgent(r.Header))
	if decision.Reason == gate.GraphQLUnparsed {
		WriteProblem(w, r, errNeedsGateway)
		return
	}
	if !decision.Allow {
		writeDenial(w, r, &decision, credential)
		return
	}
	if decision.Resource.Shape != nil {
		WriteProblem(w, r, errShapeNeedsGateway)
		return
	}
	identity := decision.Identity()
	if err := checkIdentity(identity); err != nil {
		WriteProblem(w, r, err)
		return
	}
	setIdentity(w.Header(), identity)
	w.WriteHeader(http.StatusNoContent)
}

func userAgent(h http.Header) string {
	if v := h["User-Agent"]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// read finds out what is asked, and refuses what is not plain.
func (f *ForwardAuth) read(r *http.Request) (request gate.Request, credential string, err error) {
	client := ClientFrom(r.Context())
	switch {
	case !client.Address.IsValid():
		return request, "", errNoClient
	case !client.TrustedPeer:
		return request, "", errUntrustedProxy
	}
	request.Address = client.Address
	if request.Application, err = applicationHint(r.URL.RawQuery); err != nil {
		return request, "", err
	}
	target, err := f.described(r, &request)
	if err != nil {
		return request, "", err
	}
	if request.Path, err = sentPath(target); err != nil {
		return request, "", err
	}
	if err = checkClaims(r.Header, request.Method, target); err != nil {
		return request, "", err
	}
	if err = checkQuery(request.Path.Query(), f.isPass); err != nil {
		return request, "", err
	}
	credential, err = bearer(r.Header)
	return request, credential, err
}

// described reads the forwarded headers into request, save the target, which it returns.
func (f *ForwardAuth) described(r *http.Request, request *gate.Request) (target string, err error) {
	if request.Method, err = agreed(r.Header, "X-Forwarded-Method", "X-Original-Method"); err != nil {
		return "", err
	}
	if target, err = agreed(r.Header, "X-Forwarded-Uri", "X-Original-Uri"); err != nil {
		return "", err
	}
	// A half may be the client's: the proxy that sends the other half of its pair only hands it on.
	whole := has(r.Header, "X-Forwarded-Method", "X-Forwarded-Uri") || has(r.Header, "X-Original-Method", "X-Original-Uri")
	if !whole || request.Method == "" || target == "" {
		return "", badForwarded("the proxy must send X-Forwarded-Method and X-Forwarded-Uri, or X-Original-Method and X-Original-URI")
	}
	if !isPlainName(strings.ReplaceAll(request.Method, "_", "-")) {
		return "", badForwarded("the forwarded method is not a method")
	}
	host, err := agreed(r.Header, "X-Forwarded-Host", "X-Original-Host")
	if err != nil {
		return "", err
	}
	if host == "" {
		host = r.Host
	}
	if request.Host, err = hostname(host); err != nil {
		return "", err
	}
	return target, checkProto(r.Header)
}

func badForwarded(message string) error {
	return access.New(access.Malformed, "bad_forwarded", message)
}

// agreed is the one value that both headers give, or the one of them that is there; "" where neither is.
func agreed(h http.Header, name, other string) (string, error) {
	a, b := h[name], h[other]
	switch {
	case len(a) > 1 || len(b) > 1:
		return "", badForwarded(name + " and " + other + " may be sent once; the proxy must replace what the client sent")
	case len(a) == 0 && len(b) == 0:
		return "", nil
	case len(b) == 0:
		return a[0], nil
	case len(a) == 0 || a[0] == b[0]:
		return b[0], nil
	}
	return "", badForwarded(name + " and " + other + " do not agree; the proxy must remove what the client sent")
}

func has(h http.Header, name, other string) bool { return len(h[name]) > 0 && len(h[other]) > 0 }

func checkProto(h http.Header) error {
	switch v := h["X-Forwarded-Proto"]; {
	case len(v) == 0, len(v) == 1 && (v[0] == "http" || v[0] == "https" || v[0] == "ws" || v[0] == "wss"):
		return nil
	}
	return badForwarded("X-Forwarded-Proto must be http or https, once")
}

// sentPath reads a target that goes to the upstream as it stands. It must be in canonical form already, but for the case
// of hexadecimal digits, which makes no difference to anybody (RFC 3986 section 6.2.2.1).
func sentPath(target string) (catalog.Path, error) {
	path, err := catalog.ParsePath(target)
	if err != nil {
		return path, err
	}
	if canonical := path.Target(); len(canonical) != len(target) || !strings.EqualFold(canonical, target) {
		return path, access.New(access.Malformed, "bad_path", "the path is not in its canonical form; send characters as they are where they may stand in a path, and percent-encode all others")
	}
	return path, nil
}

// checkClaims refuses client headers that would tell the upstream something other than was decided on.
func checkClaims(h http.Header, method, target string) error {
	for name, values := range h {
		want := ""
		switch {
		case overridesMethod(name):
			want = method
		case name == "X-Original-Url", name == "X-Rewrite-Url", name == "X-Auth-Request-Redirect":
			want = target
		case strings.HasPrefix(name, identityPrefix):
		case isPlainName(name) || mayPass(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))):
			continue
		}
		if want == "" || len(values) != 1 || values[0] != want {
			return badForwarded("the request has a header that would tell the upstream another path, method or caller; the proxy must remove it")
		}
	}
	return nil
}

// applicationHint reads the only parameter there is.
func applicationHint(query string) (string, error) {
	if query == "" {
		return "", nil
	}
	name, value, _ := strings.Cut(query, "=")
	if hint := unescape(value); name == "application" && hint != "" && strings.IndexByte(value, '&') < 0 {
		return hint, nil
	}
	return "", access.New(access.Malformed, "bad_parameter", "the one parameter here is application=org/app")
}
