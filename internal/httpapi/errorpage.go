package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/daypass/daypass/docs"
)

// elsewhere are links to pages that a server does not show.
var elsewhere = regexp.MustCompile(`\[([^\]]+)\]\([a-z-]+\.md[^)]*\)`)

// errorPage is docs/errors.md as HTML: where the type of a problem leads.
var errorPage = sync.OnceValues(func() ([]byte, error) {
	var page bytes.Buffer
	page.WriteString(errorPageHead)
	// The page is ours, and its anchors are HTML.
	writer := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithRendererOptions(html.WithUnsafe()))
	err := writer.Convert([]byte(elsewhere.ReplaceAllString(docs.Errors, "$1")), &page)
	return page.Bytes(), err
})

// errorPagePolicy lets in the style by its hash, and nothing else.
var errorPagePolicy = func() string {
	sum := sha256.Sum256([]byte(errorPageStyle))
	return "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

const (
	errorPageStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #8884;padding:.4rem .6rem;text-align:left;vertical-align:top}code,pre{font:14px/1.4 ui-monospace,monospace}pre{padding:1rem;overflow:auto;border:1px solid #8884}:target+code{outline:2px solid #b60}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}`
	errorPageHead  = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Daypass: errors</title>
<style>` + errorPageStyle + `</style>
`
)

func (h *Handler) errors(w http.ResponseWriter, _ *http.Request, _ *call) error {
	page, err := errorPage()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", errorPagePolicy)
	return send(w, "text/html; charset=utf-8", page)
}
