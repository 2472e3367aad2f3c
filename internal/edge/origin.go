package edge

import (
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

var errOrigin = access.New(access.Forbidden, "origin_refused",
	"the application takes no WebSockets from pages of this origin; its resource file names those it takes in origins")

// checkOrigin refuses a WebSocket that a page of another site opens in the name of whoever looks at it (RFC 6455 section
// 10.2): browsers keep no page from trying, and tell its origin. What sends none is no browser.
func checkOrigin(h http.Header, host string, app *catalog.Application) error {
	origins := h["Origin"]
	// Some proxies ask without Upgrade. No page can send a Sec-WebSocket-Key otherwise (Fetch section 2.2.2).
	if len(origins) == 0 || !isWebSocket(h) && len(h["Sec-Websocket-Key"]) == 0 {
		return nil
	}
	if len(origins) > 1 || !app.TakesOrigin(origins[0], host) {
		return errOrigin
	}
	return nil
}

// tellPage lets a page of an origin that the resource file names read what a door answers in the upstream's stead (Fetch section
// 3.2); else a browser shows it nothing but that there was an answer. No such answer hangs on a cookie, so that it may be read
// also where the page asked with them. What the upstream itself answers is for the upstream to open.
func tellPage(answer, client http.Header, app *catalog.Application) {
	if app == nil || len(app.Document.Origins) == 0 {
		return
	}
	answer.Add("Vary", "Origin")
	origins := client["Origin"]
	if len(origins) != 1 || !app.NamesOrigin(origins[0]) {
		return
	}
	answer.Set("Access-Control-Allow-Origin", origins[0])
	answer.Set("Access-Control-Allow-Credentials", "true")
	answer.Set("Access-Control-Expose-Headers", "DPoP-Nonce, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate")
}

// isWebSocket reports whether a request asks to become a WebSocket, and nothing else.
func isWebSocket(h http.Header) bool {
	upgrade := h["Upgrade"]
	return len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket")
}

// askedHost is the host, with its port, of the request that a proxy asks about.
func askedHost(r *http.Request) string {
	for _, name := range []string{"X-Forwarded-Host", "X-Original-Host"} {
		if v := r.Header[name]; len(v) == 1 {
			return v[0]
		}
	}
	return r.Host
}
