package daypass_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

const someKey = "dp_live_0123456789"

// desk answers like POST /v1/tokens: it numbers its passes and remembers what it was sent.
type desk struct {
	*httptest.Server
	requests []*http.Request
	bodies   []string
	refuse   func(w http.ResponseWriter, r *http.Request) bool
}

func newDesk(t *testing.T) *desk {
	d := new(desk)
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.requests, d.bodies = append(d.requests, r), append(d.bodies, string(body))
	if d.refuse != nil && d.refuse(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(pass(len(d.requests)))
}

// pass is a grant of an hour.
func pass(n int) map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"token": fmt.Sprintf("pass-%d", n), "token_type": "Bearer", "expires_in": 3600,
		"payload": map[string]any{
			"iss": "http://localhost:8080", "sub": "usr_1", "aud": "acme/photos", "exp": now + 3600, "iat": now, "jti": fmt.Sprintf("tok_%d", n),
			"client_id": "key_1", "scope": "photos:read", "org": "acme", "expt": 3600, "rn": true, "rev": 3, "roles": []any{},
		},
	}
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "7")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": "do something else", "request_id": "r-1",
		"errors": []any{map[string]any{"pointer": "/scopes/0", "message": "not this"}},
	})
}

func newClient(t *testing.T, url string, options ...daypass.Option) *daypass.Client {
	t.Helper()
	c, err := daypass.New(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExchangeSendsExactlyWhatIsAsked(t *testing.T) {
	for name, test := range map[string]struct {
		ask  daypass.ExchangeRequest
		want string
	}{
		"nothing":       {daypass.ExchangeRequest{}, `{}`},
		"empty lists":   {daypass.ExchangeRequest{Scopes: []string{}, Roles: []string{}}, `{"roles":[],"scopes":[]}`},
		"one audience":  {daypass.ExchangeRequest{Audience: []string{"acme/photos"}}, `{"audience":"acme/photos"}`},
		"not renewable": {daypass.ExchangeRequest{IPs: []string{"request_ip"}, Renewable: new(false)}, `{"ips":["request_ip"],"renewable":false}`},
		"everything": {
			daypass.ExchangeRequest{Life: time.Hour, Scopes: []string{"a"}, Roles: []string{"b"}, Audience: []string{"c", "d"}, Anywhere: true, Renewable: new(true), Subject: "e", Confirmation: "f"},
			`{"audience":["c","d"],"confirmation":"f","expires_in":3600,"no_ip_protection":true,"renewable":true,"roles":["b"],"scopes":["a"],"subject":"e"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			token, err := newClient(t, d.URL, daypass.WithKey(someKey)).Exchange(t.Context(), test.ask)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(d.bodies[0]); got != test.want {
				t.Errorf("sent %s, want %s", got, test.want)
			}
			if got := d.requests[0].Header.Get("Api-Key"); got != someKey {
				t.Errorf("Api-Key: %q", got)
			}
			if token.Text != "pass-1" || !token.Claims.HasScope("photos:read") || token.ValidFor() < 59*time.Minute {
				t.Errorf("got %v with %v left", token, token.ValidFor())
			}
		})
	}
}

func TestTokenPrintsWithoutItsText(t *testing.T) {
	token, err := newClient(t, newDesk(t).URL).Exchange(t.Context(), daypass.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		if text := fmt.Sprintf(verb, token); strings.Contains(text, token.Text) || !strings.Contains(text, "tok_1") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

func TestRenewAndRevokeNeedNoKey(t *testing.T) {
	d := newDesk(t)
	c := newClient(t, d.URL, daypass.WithKey(someKey))
	token, err := c.Exchange(t.Context(), daypass.ExchangeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Renew(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if err := c.Revoke(t.Context(), token.Text); err != nil {
		t.Fatal(err)
	}
	if h := d.requests[1].Header; h.Get("Api-Key") != "" || h.Get("Authorization") != "Bearer pass-1" {
		t.Errorf("renewal went out with %v", h)
	}
	if h := d.requests[2].Header; h.Get("Api-Key")+h.Get("Authorization") != "" || d.bodies[2] != `{"token":"pass-1"}` {
		t.Errorf("revocation went out as %s with %v", d.bodies[2], h)
	}
}

func TestRefusalsAreErrors(t *testing.T) {
	d := newDesk(t)
	c := newClient(t, d.URL, daypass.WithKey(someKey))
	d.refuse = func(w http.ResponseWriter, _ *http.Request) bool { problem(w, 403, "scope_exceeded"); return true }
	_, err := c.Exchange(t.Context(), daypass.ExchangeRequest{Scopes: []string{"*"}})
	var refusal *daypass.Error
	if !errors.As(err, &refusal) || !errors.Is(err, &daypass.Error{Code: "scope_exceeded"}) {
		t.Fatalf("got %v", err)
	}
	if refusal.Status != 403 || refusal.Message != "do something else" || refusal.RequestID != "r-1" || refusal.RetryAfter != 7*time.Second || refusal.Fields[0].Pointer != "/scopes/0" {
		t.Errorf("got %+v", refusal)
	}
}

func TestWhatIsNoDaypassIsSaidSo(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page":          func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"a proxy's error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"somebody's JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"token":""}`) },
		"nothing at all":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"a JSON complaint": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			_, err := newClient(t, s.URL, daypass.WithKey(someKey)).Exchange(t.Context(), daypass.ExchangeRequest{})
			if !errors.Is(err, &daypass.Error{Code: "unexpected_answer"}) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	_, err := newClient(t, s.URL).Exchange(t.Context(), daypass.ExchangeRequest{})
	if !errors.Is(err, &daypass.Error{Code: "answer_too_large"}) {
		t.Errorf("got %v", err)
	}
}

func TestServerCannotSendCredentialsElsewhere(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer thief.Close()
	s := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	following := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	c := newClient(t, s.URL, daypass.WithHTTPClient(following), daypass.WithKey(someKey))
	_, err := c.Exchange(t.Context(), daypass.ExchangeRequest{})
	if !errors.Is(err, &daypass.Error{Code: "unexpected_answer"}) || !strings.Contains(err.Error(), "redirects") || strings.Contains(err.Error(), someKey) {
		t.Errorf("got %v", err)
	}
}

func TestAPIReadsEveryRoute(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/behind/v1/organizations/acme/keys" || r.URL.RawQuery != "limit=2" || r.Header.Get("Authorization") != "Bearer pass" || r.UserAgent() != "shop/1" {
			t.Errorf("asked %s %s with %v", r.Method, r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"items":[{"id":"key_1"}],"next_cursor":"c","later":"addition"}`)
	}))
	defer s.Close()
	c := newClient(t, s.URL+"/behind", daypass.WithToken("pass"), daypass.WithUserAgent("shop/1"))
	keys, err := daypass.Answer[api.KeyList](c.API().ListKeys(t.Context(), "acme", &api.ListKeysParams{Limit: new(2)}))
	if err != nil || keys.Items[0].ID != "key_1" || *keys.NextCursor != "c" {
		t.Errorf("got %+v, %v", keys, err)
	}
}

func TestSlowServerIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	_, err := newClient(t, s.URL, daypass.WithTimeout(20*time.Millisecond)).Exchange(context.Background(), daypass.ExchangeRequest{})
	if err == nil || !strings.Contains(err.Error(), "Client.Timeout") {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, address := range []string{"", "pass.example.com", "ftp://pass.example.com", "https://u:p@pass.example.com", "https://pass.example.com/?a=b", "https://"} {
		if _, err := daypass.New(address); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
	if _, err := daypass.New("http://localhost", daypass.WithKey("a"), daypass.WithToken("b")); err == nil {
		t.Error("two credentials were accepted")
	}
}
