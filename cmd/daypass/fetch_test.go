package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/fetch"
)

func TestFetch(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/document", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Api-Key") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("it is sent %v", r.Header)
		}
		io.WriteString(w, "openapi: 3.0.0")
	})
	mux.Handle("/moved", http.RedirectHandler("/document", http.StatusFound))
	mux.Handle("/circle", http.RedirectHandler("/circle", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.Handle("/metadata", http.RedirectHandler("http://169.254.169.254/latest", http.StatusFound))
	mux.Handle("/mapped", http.RedirectHandler("http://[::ffff:169.254.169.254]/latest", http.StatusFound))
	mux.Handle("/translated", http.RedirectHandler("http://[64:ff9b::a9fe:a9fe]/latest", http.StatusFound))
	mux.Handle("/user", http.RedirectHandler("http://user:secret@127.0.0.1/", http.StatusFound))
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for chunk := make([]byte, 64<<10); r.Context().Err() == nil; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	at, _ := url.Parse(server.URL)
	_, port, _ := net.SplitHostPort(at.Host)

	mine := fetcher{allowPrivate: true}
	for _, path := range []string{"/document", "/moved"} {
		if data, err := mine.get(context.Background(), server.URL+path); err != nil || string(data) != "openapi: 3.0.0" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	refused := func(f fetcher, address, want string) {
		t.Helper()
		if data, err := f.get(context.Background(), address); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %q, %v", address, data, err)
		}
	}
	refused(mine, server.URL+"/none", "answers with 404")
	refused(mine, server.URL+"/circle", "more than 3 redirects")
	refused(mine, server.URL+"/file", "only http:// and https://")
	refused(mine, server.URL+"/metadata", fetch.ErrNotPublic.Error())
	refused(mine, server.URL+"/mapped", fetch.ErrNotPublic.Error())
	refused(mine, server.URL+"/translated", fetch.ErrNotPublic.Error())
	refused(mine, server.URL+"/user", "no user and password")
	refused(mine, server.URL+"/endless", "longer than 1048576 bytes")
	refused(mine, "http://user:secret@127.0.0.1/", "no user and password")
	refused(mine, "ftp://example.com/", "only http:// and https://")

	// Without --allow-private nothing here is reached, however it is written.
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "127.1.1.1", "10.0.0.1", "192.168.0.1", "[fd00::1]", "0.0.0.0", "[::]", "169.254.169.254", "100.64.0.1"} {
		refused(fetcher{}, "http://"+host+":"+port+"/document", fetch.ErrNotPublic.Error())
	}
}
