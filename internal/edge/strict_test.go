package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// cut feeds a stream in pieces of n bytes, and returns how much of it is passed on.
func cut(stream []byte, n int) int {
	var f framing
	passed := 0
	for len(stream) > 0 {
		piece := stream[:min(n, len(stream))]
		good := f.feed(piece)
		passed += good
		if good < len(piece) {
			return passed
		}
		stream = stream[len(piece):]
	}
	return passed
}

const twoRequests = "POST /a HTTP/1.1\r\nHost: a\r\ncontent-length: 3\r\n\r\nGET" +
	"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1F;x=y\r\n0123456789012345678901234567890\r\n2\r\n\r\n\r\n0\r\nX-T: z\r\n\r\n" +
	"\r\nGET /c HTTP/1.0\r\nHost: a\r\n\r\n"

func TestFramingPassesWhatIsPlain(t *testing.T) {
	for _, stream := range []string{
		twoRequests,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\n\n anything",
		"GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\n",
	} {
		for n := 1; n <= len(stream); n++ {
			if got := cut([]byte(stream), n); got != len(stream) {
				t.Errorf("in pieces of %d bytes only %d of %d are passed on: %q", n, got, len(stream), stream[:got])
				break
			}
		}
	}
}

// FuzzFraming holds two things: how a stream is cut into reads makes no difference, and every request that net/http makes
// of what is passed on has a head that can be read in one way only.
func FuzzFraming(f *testing.F) {
	f.Add([]byte(twoRequests), uint8(7))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), uint8(1))
	f.Add([]byte("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\nGET / HTTP/1.1\r\n\r\n"), uint8(3))
	f.Add([]byte("GET / HTTP/1.1\nHost: a\n\n"), uint8(2))
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), uint8(9))
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		whole, pieces := cut(stream, len(stream)+1), cut(stream, int(n)+1)
		if whole != pieces {
			t.Fatalf("%d bytes pass in one read, %d in pieces of %d", whole, pieces, int(n)+1)
		}
		if bytes.Contains(stream, []byte("PRI * HTTP/2.0")) {
			return
		}
		for _, head := range headsOf(stream[:whole]) {
			lines := bytes.ToLower(head)
			lengths, codings := bytes.Count(lines, []byte("\ncontent-length:")), bytes.Count(lines, []byte("\ntransfer-encoding:"))
			if lengths+codings > 1 || bytes.Contains(lines, []byte("\n ")) || bytes.Contains(lines, []byte("\n\t")) ||
				bytes.Count(lines, []byte("\n")) != bytes.Count(lines, []byte("\r\n")) {
				t.Fatalf("this head is passed on, and understood: %q", head)
			}
		}
	})
}

// headsOf returns the heads of the requests that net/http reads from a stream.
func headsOf(stream []byte) (heads [][]byte) {
	source := bytes.NewReader(stream)
	reader := bufio.NewReader(source)
	at := func() int { return len(stream) - source.Len() - reader.Buffered() }
	for {
		begin := at()
		r, err := http.ReadRequest(reader)
		if err != nil {
			return heads
		}
		heads = append(heads, stream[begin:at()])
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return heads
		}
	}
}

func TestStrictListenerDoesTLS(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// A server that is never started lends its certificate, and a client that trusts it.
	lender := httptest.NewUnstartedServer(nil)
	lender.EnableHTTP2 = true
	lender.StartTLS()
	defer lender.Close()
	config := lender.TLS.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}

	server := &http.Server{
		ConnState: TrackHijack,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.TLS == nil || !r.TLS.HandshakeComplete {
				t.Error("the handler does not know of TLS")
			}
			io.WriteString(w, r.Proto)
		}),
	}
	go server.Serve(StrictListener(inner, config))
	defer server.Shutdown(context.Background())

	roots := lender.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for _, h2 := range []bool{true, false} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, ForceAttemptHTTP2: h2}
		res, err := (&http.Client{Transport: transport}).Get("https://" + inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		transport.CloseIdleConnections()
		if want := map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"}[h2]; string(body) != want {
			t.Errorf("spoke %s, want %s", body, want)
		}
	}

	conn, err := tls.Dial("tcp", inner.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	answer, _ := io.ReadAll(conn)
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
		t.Errorf("two lengths over TLS gave %q", answer)
	}
}
