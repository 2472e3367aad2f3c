package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/daypass/daypass/web"
)

// dashboardPages are the addresses that the dashboard itself tells apart. No door of
// another system has them.
var dashboardPages = []string{"GET /{$}", "GET /login", "GET /setup", "GET /device", "GET /o/{page...}"}

// dashboardPolicy has no exception for what is inline: no script or style of a page
// is ever part of it.
const dashboardPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// asset is a file of the dashboard as it is sent.
type asset struct {
	media  string
	etag   string
	plain  []byte
	packed func() []byte // gzip, made when it is first asked for; it gives nil where that is not worth it
}

// assets are the files of the dashboard by name; nil: this program was built without it.
var assets = sync.OnceValues(func() (map[string]*asset, error) {
	files, built := web.Dashboard()
	if !built {
		return nil, nil
	}
	return readAssets(files)
})

func readAssets(files fs.FS) (map[string]*asset, error) {
	all := make(map[string]*asset)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		all[name] = newAsset(name, content)
		return nil
	})
	return all, err
}

// mediaOf are the types of a build's files: what the machine thinks of an ending is no matter.
var mediaOf = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".json": "application/json", ".woff2": "font/woff2",
}

func newAsset(name string, content []byte) *asset {
	sum := sha256.Sum256(content)
	a := &asset{media: mediaOf[path.Ext(name)], etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, plain: content}
	if a.media == "" {
		a.media = "application/octet-stream"
	}
	a.packed = sync.OnceValue(func() []byte { return packed(content) })
	return a
}

// packed is the content as gzip; nil where that saves less than a tenth.
func packed(content []byte) []byte {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // only for a wrong level
	}
	_, wrote := zip.Write(content)
	if errors.Join(wrote, zip.Close()) != nil || out.Len() > len(content)*9/10 {
		return nil
	}
	return out.Bytes()
}

// dashboardPage is the same for every address of the dashboard: its script finds out
// which page is meant.
func (h *Handler) dashboardPage(w http.ResponseWriter, r *http.Request, _ *call) error {
	return h.page(w, r, "index.html")
}

// referencePage shows openapi.yaml, and sends requests for whoever reads it.
func (h *Handler) referencePage(w http.ResponseWriter, r *http.Request, _ *call) error {
	return h.page(w, r, "docs.html")
}

func (h *Handler) page(w http.ResponseWriter, r *http.Request, name string) error {
	if !acceptsHTML(r) {
		return errNoRoute // a program that has lost its way
	}
	all, err := assets()
	if err != nil {
		return err
	}
	page := all[name]
	if h.Stateless || page == nil {
		return h.home(w)
	}
	header := w.Header()
	header.Set("Content-Security-Policy", dashboardPolicy)
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	header.Set("X-Frame-Options", "DENY")
	page.send(w, r)
	return nil
}

// acceptsHTML reports whether a page is any use as the answer (RFC 9110, section 12.5.1).
func acceptsHTML(r *http.Request) bool {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 {
		return true
	}
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/html", "text/*", "*/*":
			return true
		}
	}
	return false
}

// dashboardAsset sends a file whose name changes with its content.
func (h *Handler) dashboardAsset(w http.ResponseWriter, r *http.Request, _ *call) error {
	all, err := assets()
	if err != nil {
		return err
	}
	a := all[strings.TrimPrefix(r.URL.Path, "/")]
	if a == nil {
		return errNoRoute
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	a.send(w, r)
	return nil
}

func (a *asset) send(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", a.media)
	header.Set("ETag", a.etag)
	header.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if acceptsGzip(r) {
		if small := a.packed(); small != nil {
			header.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// acceptsGzip is true where gzip is named without a weight, as browsers do.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(part) == "gzip" {
			return true
		}
	}
	return false
}
