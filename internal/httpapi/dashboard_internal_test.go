package httpapi

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// TestAssetIsSentAsAsked: packed where that is understood and worth it, once by its tag, and as the type its name says.
func TestAssetIsSentAsAsked(t *testing.T) {
	script := strings.Repeat("export const pass = 1\n", 200)
	all, err := readAssets(fstest.MapFS{
		".gitignore": {Data: []byte("*")}, "assets/a-1.js": {Data: []byte(script)}, "assets/b-2.woff2": {Data: []byte("wOF2")},
	})
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %d files", err, len(all))
	}
	get := func(name string, headers ...string) *http.Response {
		r := httptest.NewRequest("GET", "/"+name, nil)
		for _, h := range headers {
			key, value, _ := strings.Cut(h, ": ")
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		all[name].send(w, r)
		return w.Result()
	}
	plain := get("assets/a-1.js")
	if body, _ := io.ReadAll(plain.Body); string(body) != script || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("plain: %v", plain.Header)
	}
	if got := plain.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("the type is %s", got)
	}
	small := get("assets/a-1.js", "Accept-Encoding: br, gzip")
	reader, err := gzip.NewReader(small.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(reader); string(body) != script || small.ContentLength >= plain.ContentLength {
		t.Errorf("packed: %d bytes of %d", small.ContentLength, plain.ContentLength)
	}
	if got := get("assets/a-1.js", "If-None-Match: "+plain.Header.Get("ETag")); got.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", got.StatusCode)
	}
	if got := get("assets/b-2.woff2", "Accept-Encoding: gzip"); got.Header.Get("Content-Encoding") != "" {
		t.Error("what does not shrink is packed")
	}
}
