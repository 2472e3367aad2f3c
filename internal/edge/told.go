package edge

import (
	"errors"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
)

// told is a request as a proxy tells of it. The proxy sends it on by itself, with the client's headers.
type told struct {
	method, host string
	target       string      // as the upstream will get it
	scheme       string      // http or https; empty: the proxy did not say
	header       http.Header // of the client, under canonical names
}

// understand reads what a proxy told into request, whose Address and Application are there already, and returns the
// credential. It refuses what is not plain.
func (d *door) understand(request *gate.Request, t told) (credential string, err error) {
	if !isPlainName(strings.ReplaceAll(t.method, "_", "-")) {
		return "", badForwarded("the forwarded method is not a method")
	}
	if t.method == http.MethodConnect {
		return "", errTunnel
	}
	request.Method = t.method
	if request.Host, err = hostname(t.host); err != nil {
		return "", err
	}
	if err = checkProto(t.header); err != nil {
		return "", err
	}
	if request.Path, err = sentPath(t.target); err != nil {
		return "", err
	}
	if err = checkHeaders(t.header); err != nil {
		return "", err
	}
	if err = checkClaims(t.header, t.method, t.target); err != nil {
		return "", err
	}
	if err = checkQuery(request.Path.Query(), d.isPass); err != nil {
		return "", err
	}
	return bearer(t.header)
}

// admit answers a proxy's question: 204 with every identity header, or the denial to hand on. It returns what was decided,
// and the error that was written where it is not the decision that stands in the way, but what this door cannot do.
func (d *door) admit(w http.ResponseWriter, r *http.Request, request *gate.Request, credential string, t told) (gate.Decision, error) {
	if err := d.confirm(r.Context(), w.Header(), request, credential, t.header, t.url, false); err != nil {
		WriteProblem(w, r, err)
		return gate.Decision{}, err
	}
	decision := d.judge(request, credential, userAgent(t.header))
	if decision.Reason == gate.GraphQLUnparsed {
		tellPage(w.Header(), t.header, decision.Application)
		WriteProblem(w, r, errGraphQLNeedsGateway)
		return decision, errGraphQLNeedsGateway
	}
	if decision.Reason == gate.SignatureRequired {
		tellPage(w.Header(), t.header, decision.Application)
		WriteProblem(w, r, errSignatureNeedsGateway)
		return decision, errSignatureNeedsGateway
	}
	if !decision.Allow {
		tellPage(w.Header(), t.header, decision.Application)
		writeDenial(w, r, &decision, credential)
		return decision, nil
	}
	identity := decision.Identity()
	err := errors.Join(checkIdentity(identity), checkOrigin(t.header, t.host, decision.Application))
	if decision.Resource.Shape != nil {
		err = errShapeNeedsGateway
	}
	if err != nil {
		tellPage(w.Header(), t.header, decision.Application)
		WriteProblem(w, r, err)
		return decision, err
	}
	setIdentity(w.Header(), identity)
	tellLimits(w.Header(), &decision)
	w.WriteHeader(http.StatusNoContent)
	return decision, nil
}

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
		case isPlainName(name) || mayPassAs(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))):
			continue
		}
		if want == "" || len(values) != 1 || values[0] != want {
			return badForwarded("the request has a header that would tell the upstream another path, method or caller; the proxy must remove it")
		}
	}
	return nil
}

// mayPassAs reports whether an upstream may take a header for the one of this name. A proxy that removes Api-Key leaves its twin
// with an underscore, and the key in it.
func mayPassAs(name string) bool { return mayPass(name) && name != "Api-Key" }
