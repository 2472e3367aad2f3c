package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/token"
)

func (h *Handler) livez(w http.ResponseWriter, _ *http.Request, _ *call) error {
	return healthy(w)
}

func (h *Handler) readyz(w http.ResponseWriter, r *http.Request, _ *call) error {
	if err := h.Ready(r.Context()); err != nil {
		return access.New(access.Unavailable, "not_ready", "this server cannot decide now; ask another, or wait").Because(err)
	}
	return healthy(w)
}

func (h *Handler) startupz(w http.ResponseWriter, _ *http.Request, _ *call) error {
	if !h.Started() {
		return access.New(access.Unavailable, "not_started", "this server is still starting")
	}
	return healthy(w)
}

func healthy(w http.ResponseWriter) error {
	return send(w, mediaJSON, []byte(`{"status":"ok"}`+"\n"))
}

func send(w http.ResponseWriter, media string, body []byte) error {
	values := []string{media, strconv.Itoa(len(body))} // one allocation for both
	header := w.Header()
	header["Content-Type"], header["Content-Length"] = values[0:1:1], values[1:2:2]
	w.Write(body)
	return nil
}

func (h *Handler) signingKeys(w http.ResponseWriter, _ *http.Request, _ *call) error {
	w.Header().Set("Cache-Control", "public, max-age="+strconv.FormatInt(int64(token.JWKSMaxAge/time.Second), 10))
	return send(w, mediaJSON, h.JWKS())
}

func (h *Handler) document(w http.ResponseWriter, _ *http.Request, _ *call) error {
	return send(w, mediaYAML, api.Document)
}

const homePageHead = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Daypass</title>
<h1>Daypass</h1>
<p>Keep the key. Hand out a day pass.</p>
<p>This is the API of a Daypass server: it exchanges long-lived keys for short, narrow, revocable passes.
What it answers is described in <a href="/openapi.yaml">openapi.yaml</a>; from a shell, <code>daypass --help</code> tells the rest.</p>
`

// What is said where there is no dashboard, and why.
const (
	notBuilt    = "<p>The dashboard is not part of this program: it was built without it. <code>make web</code> builds the dashboard with npm,\nand <code>make build</code> the program with the dashboard in it.</p>\n"
	withoutBase = "<p>This server runs without a database, from its environment alone: there is nothing for a dashboard to show.</p>\n"
)

// home is shown where there is no dashboard. It needs no script.
func (h *Handler) home(w http.ResponseWriter) error {
	why := notBuilt
	if h.Stateless {
		why = withoutBase
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	return send(w, "text/html; charset=utf-8", []byte(homePageHead+why))
}
