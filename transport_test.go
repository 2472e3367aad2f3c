package daypass_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/verify"
)

// guarded is an API that wants one certain pass, and the clients to reach it with.
type guarded struct {
	*httptest.Server
	wants string
	seen  []string // Authorization of each request, with what came in its body
}

func newGuarded(t *testing.T, wants string) *guarded {
	g := &guarded{wants: wants}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.seen = append(g.seen, strings.TrimSpace(r.Header.Get("Authorization")+" "+string(body)))
		if r.Header.Get("Authorization") != "Bearer "+g.wants {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// numbered gives pass-1, pass-2, …, each of an hour.
func numbered() *daypass.TokenSource {
	n := 0
	return daypass.NewTokenSource(func(context.Context, *daypass.Token) (*daypass.Token, error) {
		n++
		return &daypass.Token{Text: fmt.Sprintf("pass-%d", n), Claims: new(verify.Claims), Expires: time.Now().Add(time.Hour)}, nil
	})
}

func carrying(t *testing.T, source *daypass.TokenSource, origins ...string) *http.Client {
	t.Helper()
	transport, err := daypass.NewTransport(source, origins...)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: transport}
}

func send(t *testing.T, c *http.Client, url string, body io.Reader) int {
	t.Helper()
	response, err := c.Post(url, "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestTransportSendsThePass(t *testing.T) {
	g := newGuarded(t, "pass-1")
	c := carrying(t, numbered(), g.URL)
	for range 2 {
		if status := send(t, c, g.URL, nil); status != 200 {
			t.Errorf("got %d", status)
		}
	}
}

func TestTransportTriesOnceMoreWithAFreshPass(t *testing.T) {
	g := newGuarded(t, "pass-2")
	if status := send(t, carrying(t, numbered(), g.URL), g.URL, strings.NewReader("hello")); status != 200 {
		t.Errorf("got %d", status)
	}
	g.wants = "no pass at all"
	if status := send(t, carrying(t, numbered(), g.URL), g.URL, nil); status != 401 {
		t.Errorf("got %d", status)
	}
	want := "[Bearer pass-1 hello Bearer pass-2 hello Bearer pass-1 Bearer pass-2]"
	if got := fmt.Sprint(g.seen); got != want {
		t.Errorf("saw %s, want %s", got, want)
	}
}

func TestTransportDoesNotRepeatWhatItCannot(t *testing.T) {
	g := newGuarded(t, "pass-2")
	source := numbered()
	c := carrying(t, source, g.URL)
	if status := send(t, c, g.URL, io.MultiReader(strings.NewReader("once"))); status != 401 {
		t.Errorf("got %d", status)
	}
	if len(g.seen) != 1 {
		t.Errorf("saw %v", g.seen)
	}
	if token, _ := source.Token(t.Context()); token.Text != "pass-2" {
		t.Error("the refused pass is still in use")
	}
}

func TestTransportKeepsThePassFromOthers(t *testing.T) {
	other := newGuarded(t, "none")
	g := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer g.Close()
	c := carrying(t, numbered(), g.URL)
	send(t, c, g.URL, nil)                                                                             // is redirected
	send(t, c, other.URL, nil)                                                                         // was never allowed
	send(t, carrying(t, numbered(), strings.Replace(other.URL, "http:", "https:", 1)), other.URL, nil) // in the open
	if len(other.seen) != 3 || strings.Join(other.seen, "") != "" {
		t.Errorf("the other host saw %q", other.seen)
	}
}

func TestTransportLeavesTheCallersRequestAlone(t *testing.T) {
	g := newGuarded(t, "own")
	r, _ := http.NewRequest("GET", g.URL, nil)
	if _, err := carrying(t, numbered(), g.URL).Do(r); err != nil || r.Header.Get("Authorization") != "" {
		t.Errorf("got %v, %v", r.Header, err)
	}
	r.Header.Set("Authorization", "Bearer own")
	response, err := carrying(t, numbered(), g.URL).Do(r)
	if err != nil || response.StatusCode != 200 {
		t.Errorf("the caller's own credential was replaced: %v", g.seen)
	}
}

func TestTransportWithoutAPassSendsNothing(t *testing.T) {
	g := newGuarded(t, "x")
	down := daypass.NewTokenSource(func(context.Context, *daypass.Token) (*daypass.Token, error) { return nil, fmt.Errorf("no pass today") })
	body := &closed{Reader: strings.NewReader("hello")}
	_, err := carrying(t, down, g.URL).Post(g.URL, "text/plain", body)
	if err == nil || !strings.Contains(err.Error(), "no pass today") || len(g.seen) != 0 || !body.done {
		t.Errorf("got %v; the server saw %v; body closed: %v", err, g.seen, body.done)
	}
}

type closed struct {
	io.Reader
	done bool
}

func (c *closed) Close() error { c.done = true; return nil }

func TestNewTransportRefuses(t *testing.T) {
	for _, origins := range [][]string{{}, {""}, {"photos.example.com"}, {"https://photos.example.com/albums"}, {"https://a@b"}, {"https://a?b"}} {
		if _, err := daypass.NewTransport(numbered(), origins...); err == nil {
			t.Errorf("%q was accepted", origins)
		}
	}
	if _, err := daypass.NewTransport(numbered(), "https://Photos.example.com:443/"); err != nil {
		t.Error(err)
	}
}
