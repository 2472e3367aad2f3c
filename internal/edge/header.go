package edge

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
)

const identityPrefix = "X-Daypass-"

// The headers by which an upstream learns who calls. All of them are always set, empty when the caller is anonymous.
var identityHeaders = [...]string{
	"X-Daypass-Subject", "X-Daypass-Org", "X-Daypass-Scopes", "X-Daypass-Roles", "X-Daypass-Token-Id", "X-Daypass-Key-Id",
}

// setIdentity sets every identity header, with one allocation for all of them.
func setIdentity(h http.Header, id gate.Identity) {
	values := [len(identityHeaders)]string{id.Subject, id.Organization, id.Scopes, id.Roles, id.TokenID, id.KeyID}
	list := values[:]
	for i, name := range identityHeaders {
		h[name] = list[i : i+1 : i+1]
	}
}

// checkIdentity refuses a subject that would not arrive as it is: a header's value loses blanks at its ends and may hold
// no control characters (RFC 9110 section 5.5). All other identity values are of our own making.
func checkIdentity(id gate.Identity) error {
	if isFieldValue(id.Subject) {
		return nil
	}
	return access.New(access.Forbidden, "subject_unsafe", "the pass names a subject that cannot be told to the upstream: it has a control character in it or a blank at an end")
}

func isFieldValue(s string) bool {
	if s == "" {
		return true
	}
	if s[0] == ' ' || s[len(s)-1] == ' ' || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// checkHeaders refuses values that are not UTF-8: two programs may read them differently.
func checkHeaders(h http.Header) error {
	for _, values := range h {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return access.New(access.Malformed, "bad_header", "a header is not UTF-8")
			}
		}
	}
	return nil
}

// stripClientHeaders removes what a client has no business telling an upstream. The names are in net/http's canonical
// form, so their case does not matter.
func stripClientHeaders(h http.Header) {
	for name := range h {
		if !mayPass(name) {
			delete(h, name)
		}
	}
}

// mayPass reports whether a client's header may go on to an upstream: its name is made of letters, digits and hyphens
// only, and it means nothing to a proxy.
func mayPass(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Content-Length", "Content-Type",
		"Cookie", "Host", "If-None-Match", "Origin", "Range", "Referer", "User-Agent":
		return true
	}
	return isPlainName(name) && !speaksForProxy(name) && !overridesMethod(name)
}

func isPlainName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// speaksForProxy reports whether some proxy or framework takes its word from a header of this name: who the client is,
// what it asked for, by which way it came. It goes by patterns, so that a new spelling of an old idea falls under it.
func speaksForProxy(name string) bool {
	switch name {
	case "Base-Url", "Front-End-Https", "Http-Url", "Proxy", "Request-Uri", "X-Backend-Host", "X-Host", "X-Http-Host-Override", "X-Http-Path",
		"X-Http-Url", "X-Override-Url", "X-Request-Id", "X-Request-Uri", "X-Scheme", "X-Script-Name", "X-Ssl", "X-Url-Scheme":
		return true
	}
	for _, prefix := range []string{
		identityPrefix, "X-Original-", "X-Rewrite-", "X-Remote-", "X-Real", "X-Auth-Request-", "X-Authenticated-", "X-Envoy-",
		"X-Proxy", "X-Ssl-", "Ssl-", "Remote-", "Tailscale-", "Cf-", "X-Arr-", "X-Azure-", "X-Appengine-",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.Contains(name, "Forward") || strings.Contains(name, "-Ip-") || strings.HasSuffix(name, "-Ip") || namesAddress(name) || strings.HasSuffix(name, "-Client-Cert")
}

// namesAddress reports whether a name ends as "ClientIP" and its like do.
func namesAddress(name string) bool {
	if !strings.HasSuffix(name, "ip") {
		return false
	}
	for _, whose := range []string{"client", "remote", "source", "user", "peer", "originating", "connecting"} {
		if strings.HasSuffix(strings.ToLower(name[:len(name)-len("ip")]), whose) {
			return true
		}
	}
	return false
}

// overridesMethod reports whether frameworks take the method from this header instead of the request line.
func overridesMethod(name string) bool {
	switch name {
	case "X-Http-Method", "X-Http-Method-Override", "X-Method", "X-Method-Override":
		return true
	}
	return false
}

// stripIdentity removes identity headers from an upstream's answer: they are told to upstreams only.
func stripIdentity(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, identityPrefix) || !isPlainName(name) && strings.HasPrefix(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")), identityPrefix) {
			delete(h, name)
		}
	}
}

// hostname is the host that was asked for, in lower case, without port and final dot. It is empty where the request named
// none, as HTTP/1.0 allows.
func hostname(host string) (string, error) {
	if host == "" {
		return "", nil
	}
	name, port := host, ""
	if bracket := strings.LastIndexByte(host, ']'); bracket >= 0 {
		name, port = host[:bracket+1], host[bracket+1:]
	} else if colon := strings.IndexByte(host, ':'); colon >= 0 {
		name, port = host[:colon], host[colon:]
	}
	name = strings.TrimSuffix(name, ".")
	if !isPort(port) || !isHost(name) {
		return "", access.New(access.Malformed, "bad_host", "the host is written as a name or an address, and a port")
	}
	return strings.ToLower(name), nil
}

func isPort(s string) bool {
	return s == "" || s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}

// isHost looks at the characters only: a host that is none is served by no application.
func isHost(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			continue
		}
		if strings.IndexByte("-._[]:", c) < 0 {
			return false
		}
	}
	return true
}
