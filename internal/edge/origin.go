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
	if len(origins) == 0 || !isWebSocket(h) {
		return nil
	}
	if len(origins) > 1 || !app.TakesOrigin(origins[0], host) {
		return errOrigin
	}
	return nil
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
