package edge

import (
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
)

// ForwardAuth answers a proxy that asks whether a request may pass: 204 with every identity header, or the denial to hand
// on. Any method does; by HEAD, the body of a denial comes in the header Problem.
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

func (f *ForwardAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w = &headWriter{ResponseWriter: w}
	}
	request, credential, err := f.read(r)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	target, _ := agreed(r.Header, "X-Forwarded-Uri", "X-Original-Uri") // which read has found to be one
	f.admit(w, r, &request, credential, told{host: askedHost(r), target: target, scheme: forwardedScheme(r.Header), header: r.Header})
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
	told, err := described(r)
	if err != nil {
		return request, "", err
	}
	credential, err = f.understand(&request, told)
	return request, credential, err
}

// described reads the forwarded headers.
func described(r *http.Request) (t told, err error) {
	t.header = r.Header
	if t.method, err = agreed(r.Header, "X-Forwarded-Method", "X-Original-Method"); err != nil {
		return t, err
	}
	if t.target, err = agreed(r.Header, "X-Forwarded-Uri", "X-Original-Uri"); err != nil {
		return t, err
	}
	// A half may be the client's: the proxy that sends the other half of its pair only hands it on.
	whole := has(r.Header, "X-Forwarded-Method", "X-Forwarded-Uri") || has(r.Header, "X-Original-Method", "X-Original-Uri")
	if !whole || t.method == "" || t.target == "" {
		return t, badForwarded("the proxy must send X-Forwarded-Method and X-Forwarded-Uri, or X-Original-Method and X-Original-URI")
	}
	if t.host, err = agreed(r.Header, "X-Forwarded-Host", "X-Original-Host"); err == nil && t.host == "" {
		t.host = r.Host
	}
	return t, err
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
