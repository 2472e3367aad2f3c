package edge_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// rawUpstream listens, reads the head of one request from each connection, and lets answer say what it likes.
func rawUpstream(t *testing.T, answer func(conn net.Conn, path string)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				answer(conn, r.URL.Path)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// endless writes until it cannot.
func endless(w io.Writer, text string) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

// TestUpstreamsThatMisbehave: the client gets 502 or 504 with the request's id, soon, and learns nothing of what stands behind.
func TestUpstreamsThatMisbehave(t *testing.T) {
	const secret = "internal-secret"
	answers := map[string]struct {
		status int
		answer func(net.Conn)
	}{
		"closes at once":    {502, func(net.Conn) {}},
		"never answers":     {504, func(c net.Conn) { io.Copy(io.Discard, c) }},
		"drips headers":     {504, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\n"); drip(c, "X-"+secret+": 1\r\n") }},
		"endless headers":   {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\n"); endless(c, "X-"+secret+": 1\r\n") }},
		"endless header":    {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX-A: "); endless(c, secret) }},
		"endless status":    {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 "); endless(c, secret) }},
		"another protocol":  {502, func(c net.Conn) { io.WriteString(c, "SSH-2.0-"+secret+"\r\n") }},
		"binary":            {502, func(c net.Conn) { io.WriteString(c, "\x00\x16\x03\x01"+secret+"\r\n\r\n") }},
		"another version":   {502, func(c net.Conn) { io.WriteString(c, "HTTP/9.9x 200 "+secret+"\r\n\r\n") }},
		"no status":         {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 "+secret+"\r\n\r\n") }},
		"status 000":        {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 000 "+secret+"\r\n\r\n") }},
		"half a head":       {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX-"+secret+": 1\r\n") }},
		"header of no form": {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\n"+secret+"\r\n\r\n") }},
		"negative length":   {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n") }},
		"two lengths": {502, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
		}},
		"unknown coding": {502, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+secret+"\r\n\r\n") }},
		"switches unasked": {502, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 101 "+secret+"\r\nConnection: Upgrade\r\nUpgrade: "+secret+"\r\n\r\n")
		}},
		"hints without end": {504, func(c net.Conn) {
			endless(c, "HTTP/1.1 103 Early Hints\r\nX-Daypass-Subject: "+secret+"\r\nLink: </a>\r\n\r\n")
		}},
		"hints, then rubbish": {502, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+secret+"\r\n\r\n")
		}},
	}
	w := newWorld(t, nil)
	url := rawUpstream(t, func(conn net.Conn, path string) {
		answers[strings.ReplaceAll(strings.TrimPrefix(path, "/public/"), "_", " ")].answer(conn)
	})
	w.gate.Swap(w.viewOf(t, strings.Replace(strings.Replace(rules, "$UPSTREAM", url, 1), "    access: public\n", "    access: public\n    limit: { rate: 1000/h }\n", 1)))
	check := func(t *testing.T, path string, status int) {
		res, hints, body := finalAnswer(t, w.Gateway, head("GET", path, "Connection: close"))
		code := map[int]string{502: "upstream_unreachable", 504: "upstream_timeout"}[status]
		if got := problemCode(t, res, body); res.StatusCode != status || got != code || !strings.Contains(body, `"request_id":"req-1"`) {
			t.Errorf("%d %s", res.StatusCode, body)
		}
		all := fmt.Sprint(res.Header, body)
		for _, leak := range []string{secret, "127.0.0.1", strings.TrimPrefix(url, "http://"), "malformed", "EOF", "transport", "net/http", "dial", "refused"} {
			if strings.Contains(all, leak) {
				t.Errorf("it tells %q: %s", leak, all)
			}
		}
		if res.Header.Get("RateLimit") == "" {
			t.Error("what is left of a limit got lost")
		}
		for _, hint := range hints {
			if hint.Get("X-Daypass-Subject") != "" {
				t.Fatal("an interim answer tells an identity")
			}
		}
		if len(hints) > 10 {
			t.Errorf("%d interim answers were handed on", len(hints))
		}
	}
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, "/public/"+strings.ReplaceAll(name, " ", "_"), c.status)
		})
	}
	t.Run("after them all", func(t *testing.T) {
		down := newWorld(t, nil)
		down.gate.Swap(down.view(t, "http://127.0.0.1:1"))
		res, _, body := finalAnswer(t, down.Gateway, head("GET", "/public/x", "Connection: close"))
		if code := problemCode(t, res, body); res.StatusCode != 502 || code != "upstream_unreachable" || strings.Contains(body, "127.0.0.1") {
			t.Errorf("down: %d %s", res.StatusCode, body)
		}
	})
}

// drip writes a little from time to time.
func drip(w io.Writer, text string) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// finalAnswer sends bytes, and reads the answer and the interim ones before it.
func finalAnswer(t *testing.T, addr, raw string) (res *http.Response, interim []http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, raw)
	reader := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("after %d interim answers: %v", len(interim), err)
		}
		if res.StatusCode >= 200 {
			content, _ := io.ReadAll(res.Body)
			return res, interim, string(content)
		}
		interim = append(interim, res.Header)
	}
}

// TestBrokenBodies: once an answer has begun, all that is left is to break it off, so that nobody takes it for whole.
func TestBrokenBodies(t *testing.T) {
	for name, text := range map[string]string{
		"bad chunk":      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
		"chunk too long": "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" + strings.Repeat("f", 20) + "\r\n",
		"chunks cut off": "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"body cut off":   "Content-Length: 10\r\n\r\nabc",
	} {
		w := newWorld(t, nil)
		w.gate.Swap(w.view(t, rawUpstream(t, func(conn net.Conn, _ string) { io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+text) })))
		res, err := http.Get("http://" + w.Gateway + "/public/x")
		if err != nil {
			continue // broken off before anything was seen
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil || !strings.HasPrefix("abc", string(body)) {
			t.Errorf("%s: %q, %v", name, body, err)
		}
	}
}

// TestHugeAnswerIsNotHeld: what goes through takes no memory.
func TestHugeAnswerIsNotHeld(t *testing.T) {
	const size, piece = 1 << 30, 1 << 20
	block := make([]byte, piece)
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for range size / piece {
			if _, err := rw.Write(block); err != nil {
				return
			}
		}
	}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	res, err := http.Get("http://" + w.Gateway + "/public/x")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	runtime.ReadMemStats(&after)
	if err != nil || n != size {
		t.Errorf("%d bytes, %v", n, err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
		t.Errorf("%d bytes of memory were taken on the way", taken)
	}
}
