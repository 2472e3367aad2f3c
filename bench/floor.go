package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// floor204 answers 204 and looks at nothing.
func floor204([]string) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), nil
}

// floorUpstream is the application behind the gateway: a small JSON answer.
func floorUpstream([]string) (http.Handler, error) {
	body := []byte(`{"items":["` + strings.Repeat("photo ", 80) + `"]}`)
	length := []string{strconv.Itoa(len(body))}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Content-Length"] = []string{"application/json"}, length
		_, _ = w.Write(body)
	}), nil
}

// floorProxy passes everything on, with connections and buffers kept as the gateway keeps them.
func floorProxy(args []string) (http.Handler, error) {
	return newFloorProxy(args, func(http.Header) {})
}

// floorTelling also sets as many headers as the gateway does, and takes the credential away.
func floorTelling(args []string) (http.Handler, error) {
	value := []string{"00000000-0000-0000-0000-000000000000"}
	return newFloorProxy(args, func(h http.Header) {
		delete(h, "Authorization")
		for _, name := range []string{"Subject", "Org", "Scopes", "Roles", "Token-Id", "Key-Id"} {
			h["X-Daypass-"+name] = value
		}
		h["X-Forwarded-For"], h["X-Forwarded-Host"], h["X-Forwarded-Proto"], h["X-Request-Id"] = value, value, value, value
	})
}

func newFloorProxy(args []string, tell func(http.Header)) (http.Handler, error) {
	if len(args) != 1 {
		return nil, errors.New("name the upstream")
	}
	upstream := &url.URL{Scheme: "http", Host: args[0]}
	return &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(upstream); tell(r.Out.Header) },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true},
		BufferPool: new(buffers),
	}, nil
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[32 << 10]byte); ok {
		return buffer[:]
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put((*[32 << 10]byte)(buffer)) }

// floorSign makes one ES256 signature and sends it.
func floorSign([]string) (http.Handler, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte("the claims of a pass"))
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h["Content-Type"] = []string{"application/json"}
		_, _ = w.Write([]byte(`{"token":"` + base64.RawURLEncoding.EncodeToString(signature) + `"}`))
	}), nil
}

// serveFloor runs a bare net/http server until the parent is done with it.
func serveFloor(ctx context.Context, make func([]string) (http.Handler, error), args []string) error {
	h, err := make(args)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h}
	go func() {
		<-untilClosed(ctx).Done()
		_ = server.Close()
	}()
	if err := announce(ready{Listen: l.Addr().String()}); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
