package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestVolley holds what the generator says it did against what a server saw.
func TestVolley(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen[r.URL.Path+" "+string(body)+r.Header.Get("Authorization")]++
		mu.Unlock()
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/denied":
			w.WriteHeader(http.StatusForbidden)
		default:
			fmt.Fprintf(w, `{"token":"pass-for-%s","rest":%q}`, body, strings.Repeat("x", 1000))
		}
	}))
	defer server.Close()
	post := func(body string) []byte {
		return fmt.Appendf(nil, "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	target := server.Listener.Addr().String()
	ask := func(path string) []byte { return []byte("GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: ") }

	counted := volley{Target: target, Connections: 3, Requests: [][]byte{post("a"), post("b")}, Times: 9, Status: 200,
		Spend: [][]byte{ask("/none"), []byte("\r\n\r\n")}}
	if got := counted.send(); got.Error != "" || got.Requests != 9 {
		t.Fatalf("%+v", got)
	}
	if seen["/token a"]+seen["/token b"] != 9 || seen["/token a"] != seen["/none pass-for-a"] || seen["/none pass-for-b"] < 4 {
		t.Errorf("the server saw %v", seen)
	}

	clear(seen)
	timed := volley{Target: target, Connections: 2, Requests: [][]byte{[]byte("GET /none HTTP/1.1\r\nHost: x\r\n\r\n")}, Status: 204,
		Warm: 5 * time.Millisecond, For: 20 * time.Millisecond}
	got := timed.send()
	if got.Error != "" || got.Warming == 0 || got.Warming+got.Requests != seen["/none "] {
		t.Errorf("%+v, the server saw %v", got, seen)
	}
	if got.P50 <= 0 || got.P50 > got.P99 || got.P99 > got.Max || got.Took < timed.For {
		t.Errorf("%+v", got)
	}

	refused := timed
	refused.Requests = [][]byte{[]byte("GET /denied HTTP/1.1\r\nHost: x\r\n\r\n")}
	if got := refused.send(); !strings.Contains(got.Error, "403 Forbidden") {
		t.Errorf("an answer with another status was taken: %+v", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is written %s", n, got)
		}
	}
}
