package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"mime"
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
	packed []byte // gzip; nil: not worth it
}

// assets are the files of the dashboard by name; nil: this program was built without it.
var assets = sync.OnceValues(func() (map[string]*asset, error) {
	files, built := web.Dashboard()
	if !built {
		return nil, nil
	}
	all := make(map[string]*asset)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		all[name], err = newAsset(name, content)
		return err
	})
	return all, err
})

func newAsset(name string, content []byte) (*asset, error) {
	sum := sha256.Sum256(content)
	a := &asset{media: mime.TypeByExtension(path.Ext(name)), etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, plain: content}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := zip.Write(content); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	if packed.Len() < len(content)*9/10 {
		a.packed = packed.Bytes()
	}
	return a, nil
}

// dashboardPage is the same for every address of the dashboard: its script finds out
// which page is meant.
func (h *Handler) dashboardPage(w http.ResponseWriter, r *http.Request, _ *call) error {
	all, err := assets()
	if err != nil {
		return err
	}
	page := all["index.html"]
	if h.Stateless || page == nil {
		return h.home(w, r, nil)
	}
	header := w.Header()
	header.Set("Content-Security-Policy", dashboardPolicy)
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-cache")
	page.send(w, r)
	return nil
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
	if a.packed != nil && acceptsGzip(r) {
		header.Set("Content-Encoding", "gzip")
		body = a.packed
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
