package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/access"
)

// A browser says in Origin which page is behind a request. No cookie is a credential here, so a foreign page has nothing to
// abuse; it is refused all the same, so that a page cannot make use of whatever stands between it and this server.

var errOrigin = access.New(access.Forbidden, "origin_refused", "this server does not take calls from pages of that origin")

// checkOrigin refuses foreign pages, lets known ones read the answer (CORS, Fetch section 3.2), and answers preflights: done.
func (h *Handler) checkOrigin(w http.ResponseWriter, r *http.Request, rt route) (done bool, err error) {
	header, origins := w.Header(), r.Header["Origin"]
	switch {
	case rt.anyOrigin:
		header.Set("Access-Control-Allow-Origin", "*") // also without an Origin: caches may give the answer to a page
	case len(origins) == 0:
		return false, nil
	case len(origins) > 1:
		return false, errOrigin
	case isOwn(r, origins[0]):
		return false, nil
	case !h.knows(origins[0]):
		return false, errOrigin
	default:
		header.Set("Access-Control-Allow-Origin", origins[0])
		header.Add("Vary", "Origin")
	}
	if rt.preflight == "" {
		header.Set("Access-Control-Expose-Headers", "DPoP-Nonce, ETag, Location, Retry-After, WWW-Authenticate")
		return false, nil
	}
	header.Set("Access-Control-Allow-Methods", rt.preflight)
	header.Set("Access-Control-Allow-Headers", "Authorization, Api-Key, Content-Type, DPoP, Idempotency-Key, If-Match, Content-Digest, Signature, Signature-Input, X-Textile-Api-Key, X-Textile-Api-Sig, X-Textile-Api-Sig-Msg")
	header.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true, nil
}

func (h *Handler) knows(origin string) bool {
	return slices.Contains(h.Origins, origin) || slices.Contains(h.Origins, "*")
}

// isOwn reports whether the page came from this server. The scheme is left out: behind a proxy it may differ.
func isOwn(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

func isPreflight(r *http.Request) bool {
	return r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// isOpenToOrigins reports whether any origin may read a path, whatever the method.
func (h *Handler) isOpenToOrigins(path string) bool {
	rt, ok := h.routes["GET "+path]
	return ok && rt.anyOrigin
}
