package edge_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestWebSocketOrigins: a page of another site opens no WebSocket, at neither
// door and in no spelling, and a plain request of it is none of this.
func TestWebSocketOrigins(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	view := *w.gate.View()
	app := view.Catalog.Named("acme/photos")
	document := *app.Document
	document.Origins = []string{"https://www.example.net", "http://localhost:3000"}
	changed := *app
	changed.Document = &document
	view.Catalog = view.Catalog.With(&changed)
	w.gate.Swap(&view)
	const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	for origins, allowed := range map[string]bool{
		"":                                  true, // no browser
		"http://photos.example.com":         true,
		"https://photos.example.com":        true, // the proxy before us may have ended TLS
		"https://PHOTOS.example.com:443":    true,
		"https://www.example.net":           true,
		"http://localhost:3000":             true,
		"http://photos.example.com:8080":    false,
		"http://www.example.net":            false,
		"https://www.example.net:8443":      false,
		"http://localhost":                  false,
		"https://evil.example":              false,
		"https://photos.example.com.evil":   false,
		"https://evil-photos.example.com":   false,
		"https://sub.photos.example.com":    false,
		"https://photos.example.com@evil":   false,
		"https://photos.example.com/":       false,
		"https://photos.example.com https:": false,
		"null":                              false,
		" ":                                 false,
		"photos.example.com":                false,
		"ws://photos.example.com":           false,
		"https://photos.example.com\r\nOrigin: https://evil.example": false,
	} {
		line := "X-Plain: 1"
		if origins != "" {
			line = "Origin: " + origins
		}
		res, body, _ := exchange(t, w.Gateway, head("GET", "/ws/room", line, upgrade, "Authorization: Bearer pass.ws:open"))
		if refused := strings.Contains(body, "origin_refused"); refused == allowed || refused && res.StatusCode != http.StatusForbidden {
			t.Errorf("gateway, origin %q: %d %s", origins, res.StatusCode, body)
		}
		res, body, _ = exchange(t, w.Forward, head("GET", "/v1/forward-auth", line, upgrade, "Authorization: Bearer pass.ws:open", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /ws/room"))
		if (res.StatusCode == http.StatusNoContent) != allowed {
			t.Errorf("forward-auth, origin %q: %d %s", origins, res.StatusCode, body)
		}
	}
	if res, _, _ := exchange(t, w.Gateway, head("GET", "/admin/x", "Origin: https://evil.example", "Connection: close")); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a plain request of another page: %d", res.StatusCode)
	}
}
