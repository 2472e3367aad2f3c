package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestPatience: a server that was started on the line before is waited for.
func TestPatience(t *testing.T) {
	for range 10 {
		if answersLate(t) {
			return
		}
	}
	t.Error("somebody else took each port that was free")
}

// answersLate asks an address where nobody listens yet. False: somebody else took it meanwhile.
func answersLate(t *testing.T) bool {
	t.Helper()
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := reserved.Addr().String()
	if err := reserved.Close(); err != nil {
		t.Fatal(err)
	}
	late := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "late") })}
	defer late.Close()
	asked := make(chan error, 1)
	go func() {
		response, err := (&http.Client{Transport: patientTransport()}).Get("http://" + address)
		if err == nil {
			err = response.Body.Close()
		}
		asked <- err
	}()
	time.Sleep(2 * pause)
	l, err := net.Listen("tcp", address)
	if err != nil {
		<-asked
		return false
	}
	go func() { _ = late.Serve(l) }()
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	return true
}

// TestStrangerAnswers: what speaks JSON but is not Daypass is called that, not an empty organization.
func TestStrangerAnswers(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"hello":"world"}`) }))
	defer stranger.Close()
	var out, errors bytes.Buffer
	c := &cli{in: strings.NewReader(""), out: &out, err: &errors, environ: []string{"DAYPASS_KEY=dp_live_any"}, now: time.Now}
	if code := c.run(context.Background(), []string{"key", "list", "--url", stranger.URL}); code != exitFailed || !strings.Contains(errors.String(), "code:  unexpected_answer") {
		t.Errorf("exit code %d\n%s%s", code, &out, &errors)
	}
}
