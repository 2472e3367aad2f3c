package edge_test

import (
	"io"
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
		res, body, _ = exchange(t, w.Forward, head("GET", "/v1/forward-auth", line, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Authorization: Bearer pass.ws:open", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /ws/room"))
		if (res.StatusCode == http.StatusNoContent) != allowed {
			t.Errorf("forward-auth without Upgrade, origin %q: %d %s", origins, res.StatusCode, body)
		}
	}
	if res, _, _ := exchange(t, w.Gateway, head("GET", "/admin/x", "Origin: https://evil.example", "Connection: close")); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a plain request of another page: %d", res.StatusCode)
	}
}

// TestPagesReadDenials: those of origins that the resource file names, whichever answer of the door's own it is; and no other.
func TestPagesReadDenials(t *testing.T) {
	const page = "https://app.example.com"
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/public/broken" {
			panic(http.ErrAbortHandler)
		}
		io.Copy(io.Discard, r.Body)
	}))
	text := strings.Replace(rules, "  - match: ANY /admin/**\n", "  - match: ANY /admin/**\n    limit: { rate: 1/h, body: 10B }\n", 1)
	w.gate.Swap(w.viewOf(t, text))
	pass := "Authorization: Bearer pass.admin:read"
	exchange(t, w.Gateway, head("GET", "/admin/first", pass))
	for _, c := range []struct {
		name, raw string
		status    int
	}{
		{"no pass", head("GET", "/admin/x", "Origin: ORIGIN"), 401},
		{"no rule", head("GET", "/elsewhere", "Origin: ORIGIN"), 403},
		{"a limit", head("GET", "/admin/x", "Origin: ORIGIN", pass), 429},
		{"too long", head("POST", "/admin/x", "Origin: ORIGIN", pass, "Content-Length: 11") + "01234567890", 413},
		{"GraphQL, denied", head("POST", "/graphql/closed", "Origin: ORIGIN", asJSON, "Content-Length: 13") + `{"query":"{"}`, 401},
		{"GraphQL, not read", head("POST", "/graphql/open", "Origin: ORIGIN", asJSON, "Content-Length: 13") + `{"query":"{"}`, 400},
		{"no answer", head("GET", "/public/broken", "Origin: ORIGIN"), 502},
		{"allowed", head("GET", "/public/x", "Origin: ORIGIN"), 200},
	} {
		for _, origin := range []string{page, "https://evil.example", "null"} {
			for door, addr := range map[string]string{"gateway": w.Gateway, "forward-auth": w.Forward} {
				raw := strings.Replace(c.raw, "ORIGIN", origin, 1)
				if door == "forward-auth" {
					if c.status != 401 && c.status != 403 && c.status != 429 || strings.Contains(c.raw, "graphql") {
						continue
					}
					_, rest, _ := strings.Cut(raw, " ")
					target, _, _ := strings.Cut(rest, " ")
					raw = strings.Replace(raw, target, "/v1/forward-auth", 1)
					raw = strings.Replace(raw, "Origin:", "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: "+target+"\r\nOrigin:", 1)
				}
				res, body, _ := exchange(t, addr, raw)
				if res.StatusCode != c.status {
					t.Errorf("%s at %s: %d %s", c.name, door, res.StatusCode, body)
				}
				want := ""
				if origin == page && c.status != 200 {
					want = page
				}
				if got := res.Header.Values("Access-Control-Allow-Origin"); strings.Join(got, "|") != want {
					t.Errorf("%s at %s for %s: may be read by %q", c.name, door, origin, got)
				}
				if c.status != 200 && res.Header.Get("Vary") != "Origin" || want != "" && res.Header.Get("Access-Control-Expose-Headers") != "DPoP-Nonce, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate" {
					t.Errorf("%s at %s: %v", c.name, door, res.Header)
				}
			}
		}
	}
	w.gate.Swap(w.viewOf(t, strings.Replace(text, "origins:", "# none:", 1)))
	res, _, _ := exchange(t, w.Gateway, head("GET", "/admin/x", "Origin: "+page))
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			t.Errorf("without origins: %s", name)
		}
	}
}
