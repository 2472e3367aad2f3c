package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// publisher serves a key set, and can be told to misbehave.
type publisher struct {
	*httptest.Server
	hits   atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func publish(t *testing.T, jwks []byte) *publisher {
	t.Helper()
	p := &publisher{}
	p.serve(jwks)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.hits.Add(1)
		(*p.answer.Load())(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) do(f http.HandlerFunc) { p.answer.Store(&f) }

func (p *publisher) serve(jwks []byte) {
	p.do(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(jwks) })
}

// movable is a clock that tests set; fetches read it from their own goroutine.
type movable struct{ at atomic.Int64 }

func (m *movable) now() time.Time          { return time.Unix(0, m.at.Load()) }
func (m *movable) advance(d time.Duration) { m.at.Add(int64(d)) }

const testIssuer = "https://pass.example.com"

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func newVerifier(t *testing.T, p *publisher) (*Verifier, *movable) {
	t.Helper()
	clock := &movable{}
	clock.at.Store(noon.UnixNano())
	v, err := New(Config{Issuer: testIssuer, Audience: []string{"acme/photos"}, JWKSURL: p.URL, HTTPClient: p.Client(), Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	return v, clock
}

func (s *shop) token(t testing.TB, changes object) string {
	t.Helper()
	claims := with(object{
		"iss": testIssuer, "sub": "visitor-7", "aud": "acme/photos", "iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(), "jti": "tok_1", "scope": "photos:read",
	}, changes)
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return s.sign(t, "ec", goodHeader, string(raw))
}

func TestVerifier(t *testing.T) {
	s := newShop(t)
	v, _ := newVerifier(t, publish(t, s.jwks))
	home := netip.MustParseAddr("192.0.2.7")
	for name, c := range map[string]struct {
		claims object
		from   netip.Addr
		want   error
	}{
		"good":                       {nil, home, nil},
		"good, from nowhere":         {nil, netip.Addr{}, nil},
		"whole organization":         {object{"aud": []string{"other", "acme"}}, home, nil},
		"bound to this address":      {object{"ips": []string{"192.0.2.0/24"}}, home, nil},
		"within the leeway":          {object{"exp": noon.Unix() - 29, "iat": noon.Unix() - 100}, home, nil},
		"another issuer":             {object{"iss": testIssuer + "/"}, home, ErrIssuer},
		"another audience":           {object{"aud": "acme/videos"}, home, ErrAudience},
		"expired":                    {object{"exp": noon.Unix() - 30}, home, ErrExpired},
		"not yet":                    {object{"nbf": noon.Unix() + 31}, home, ErrNotYet},
		"issued in the future":       {object{"iat": noon.Unix() + 31}, home, ErrNotYet},
		"bound to another address":   {object{"ips": []string{"198.51.100.1"}}, home, ErrAddress},
		"bound, from nowhere":        {object{"ips": []string{"192.0.2.0/24", "::/0"}}, netip.Addr{}, ErrAddress},
		"bound to a sender's key":    {object{"cnf": object{"jkt": "x"}}, home, ErrSender},
		"an incomplete one":          {object{"exp": nil}, home, ErrClaims},
		"an ID token's audience too": {object{"aud": nil}, home, ErrClaims},
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := v.VerifyFrom(t.Context(), s.token(t, c.claims), c.from)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || (claims == nil) == (err == nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := v.Verify(t.Context(), s.token(t, object{"ips": []string{"192.0.2.7"}})); !errors.Is(err, ErrAddress) {
		t.Errorf("Verify of a bound token: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	none := func() string { return "" }
	good := Config{Issuer: "i", Audience: []string{"a"}, JWKSURL: "https://pass.example.com/jwks.json"}
	for name, spoil := range map[string]func(*Config){
		"no issuer":          func(c *Config) { c.Issuer = "" },
		"no audience":        func(c *Config) { c.Audience = nil },
		"an empty audience":  func(c *Config) { c.Audience = []string{""} },
		"no URL":             func(c *Config) { c.JWKSURL = "" },
		"plain http":         func(c *Config) { c.JWKSURL = "http://pass.example.com/jwks.json" },
		"a host that begins": func(c *Config) { c.JWKSURL = "http://localhost.example.com/" },
		"a file":             func(c *Config) { c.JWKSURL = "file:///etc/jwks.json" },
		"a user in it":       func(c *Config) { c.JWKSURL = "https://u:p@pass.example.com/" },
		"a feed in the open": func(c *Config) { c.FeedURL, c.FeedCredential = "http://pass.example.com/v1/feed", none },
		"a feed for nobody":  func(c *Config) { c.FeedURL = "https://pass.example.com/v1/feed" },
		"an instant bound": func(c *Config) {
			c.FeedURL, c.FeedCredential, c.MaxStale = "https://pass.example.com/v1/feed", none, time.Second
		},
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("accepted: %s", name)
		}
	}
	plain := good
	plain.JWKSURL, plain.AllowHTTP = "http://daypass:8080/.well-known/jwks.json", true
	if _, err := New(plain); err != nil {
		t.Error(err)
	}
}

func TestUnknownKidsFetchOnceAMinute(t *testing.T) {
	s := newShop(t)
	p := publish(t, s.jwks)
	v, clock := newVerifier(t, p)
	unknown := s.sign(t, "ec", `{"alg":"ES256","kid":"new","typ":"at+jwt"}`, goodPayload)
	flood := func() {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := v.Verify(context.Background(), unknown); !errors.Is(err, ErrUnknownKey) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
	}
	flood()
	if n := p.hits.Load(); n != 1 {
		t.Errorf("%d fetches for the first flood, want 1", n)
	}
	clock.advance(fetchInterval)
	flood()
	flood()
	if n := p.hits.Load(); n != 2 {
		t.Errorf("%d fetches a minute later, want 2", n)
	}
	for _, rubbish := range []string{"", "a.b.c", strings.Repeat(".", 1000), s.sign(t, "ec", `{"alg":"none"}`, "")} {
		clock.advance(fetchInterval)
		_, _ = v.Verify(t.Context(), rubbish)
	}
	if n := p.hits.Load(); n != 2 {
		t.Errorf("rubbish made %d fetches", n-2)
	}
}

func TestRotatedKeyIsFound(t *testing.T) {
	before, after := newShop(t), newShop(t)
	p := publish(t, jwks(t, with(before.jwk(t, "ec"), object{"kid": "old"})))
	v, clock := newVerifier(t, p)
	if _, err := v.Verify(t.Context(), after.token(t, nil)); !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("got %v", err)
	}
	p.serve(after.jwks)
	clock.advance(fetchInterval)
	if _, err := v.Verify(t.Context(), after.token(t, nil)); err != nil {
		t.Errorf("the new key: %v", err)
	}
	old := before.sign(t, "ec", `{"alg":"ES256","kid":"old","typ":"at+jwt"}`, goodPayload)
	if _, err := v.Verify(t.Context(), old); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the withdrawn key: %v", err)
	}
}

func TestLastGoodKeysAreKeptForABoundedTime(t *testing.T) {
	s := newShop(t)
	p := publish(t, s.jwks)
	v, clock := newVerifier(t, p)
	verify := func() error {
		_, err := v.Verify(t.Context(), s.token(t, object{"exp": noon.Add(24 * time.Hour).Unix()}))
		return err
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	p.do(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for range 11 {
		clock.advance(refreshAfter)
		if err := verify(); err != nil {
			t.Fatalf("the last good keys are not used: %v", err)
		}
		settle(t, v.keys)
	}
	if n := p.hits.Load(); n < 10 {
		t.Errorf("only %d fetches in an hour", n)
	}
	clock.advance(refreshAfter)
	if err := verify(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("after an hour without keys: %v", err)
	}
	p.serve(s.jwks)
	clock.advance(fetchInterval)
	if err := verify(); err != nil {
		t.Errorf("the keys are back: %v", err)
	}
}

// TestAWithdrawnKeyIsBelievedForABoundedTime: also where nobody came in the meantime, the first who comes is checked with the keys as they are now.
func TestAWithdrawnKeyIsBelievedForABoundedTime(t *testing.T) {
	for _, c := range []struct {
		idle     time.Duration
		believed bool
	}{{refreshAfter - time.Second, true}, {refreshAfter, false}, {40 * time.Minute, false}} {
		s := newShop(t)
		p := publish(t, s.jwks)
		v, clock := newVerifier(t, p)
		leaked := s.token(t, object{"exp": noon.Add(24 * time.Hour).Unix()})
		if _, err := v.Verify(t.Context(), leaked); err != nil {
			t.Fatal(err)
		}
		p.serve(newShop(t).jwks)
		clock.advance(c.idle)
		if _, err := v.Verify(t.Context(), leaked); (err == nil) != c.believed {
			t.Errorf("after %s: %v", c.idle, err)
		}
		settle(t, v.keys)
		if _, err := v.Verify(t.Context(), leaked); err == nil {
			t.Errorf("after %s and a fetch it is believed", c.idle)
		}
	}
}

// settle waits for a fetch in the background, if one is under way.
func settle(t *testing.T, c *keyCache) {
	t.Helper()
	c.mu.Lock()
	running := c.running
	c.mu.Unlock()
	if err := wait(t.Context(), running); err != nil {
		t.Fatal(err)
	}
}

func TestBadKeySources(t *testing.T) {
	s := newShop(t)
	elsewhere := publish(t, s.jwks)
	for name, answer := range map[string]http.HandlerFunc{
		"redirect":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"error":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); _, _ = w.Write(s.jwks) },
		"not found": http.NotFound,
		"not JSON":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"no keys":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) },
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat(" ", MaxKeySetBytes), string(s.jwks))
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9999")
			_, _ = w.Write(s.jwks)
		},
		"with a secret": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[{"kty":"oct","kid":"ec","alg":"HS256","k":"AAAA"}]}`)
		},
		"connection lost": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			p := publish(t, s.jwks)
			p.do(answer)
			v, _ := newVerifier(t, p)
			if _, err := v.Verify(t.Context(), s.token(t, nil)); !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	}
	if elsewhere.hits.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestACallerWhoLeavesDoesNotEndTheFetch(t *testing.T) {
	s := newShop(t)
	p := publish(t, s.jwks)
	release := make(chan struct{})
	p.do(func(w http.ResponseWriter, _ *http.Request) { <-release; _, _ = w.Write(s.jwks) })
	v, _ := newVerifier(t, p)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := v.Verify(gone, s.token(t, nil)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	close(release)
	if _, err := v.Verify(t.Context(), s.token(t, nil)); err != nil {
		t.Error(err)
	}
	if n := p.hits.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestMiddleware(t *testing.T) {
	s := newShop(t)
	v, _ := newVerifier(t, publish(t, s.jwks))
	handler := v.Middleware(RequireScope("photos:read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := FromContext(r.Context())
		fmt.Fprint(w, claims.Subject)
	})))
	good := s.token(t, nil)
	for name, c := range map[string]struct {
		authorization []string
		status        int
		code          string
		challenge     string
	}{
		"good":                 {[]string{"Bearer " + good}, 200, "", ""},
		"scheme in any case":   {[]string{"bEARER " + good}, 200, "", ""},
		"none":                 {nil, 401, "token_missing", `Bearer realm="daypass"`},
		"basic":                {[]string{"Basic dTpw"}, 401, "token_missing", `Bearer realm="daypass"`},
		"no scheme":            {[]string{good}, 401, "token_missing", `Bearer realm="daypass"`},
		"empty":                {[]string{"Bearer "}, 401, "token_missing", `Bearer realm="daypass"`},
		"two":                  {[]string{"Bearer " + good, "Bearer " + good}, 401, "token_malformed", `error="invalid_token"`},
		"rubbish":              {[]string{"Bearer canary"}, 401, "token_malformed", `error="invalid_token"`},
		"expired":              {[]string{"Bearer " + s.token(t, object{"exp": noon.Unix() - 60})}, 401, "token_expired", `error="invalid_token"`},
		"from this peer":       {[]string{"Bearer " + s.token(t, object{"ips": []string{"192.0.2.1"}})}, 200, "", ""},
		"from another peer":    {[]string{"Bearer " + s.token(t, object{"ips": []string{"192.0.2.2"}})}, 401, "token_address", `error="invalid_token"`},
		"a scope too few":      {[]string{"Bearer " + s.token(t, object{"scope": "photos:write"})}, 403, "scope_missing", `error="insufficient_scope"`},
		"no scope":             {[]string{"Bearer " + s.token(t, object{"scope": nil})}, 403, "scope_missing", `scope="photos:read"`},
		"a header with canary": {[]string{"Bearer " + s.sign(t, "ec", `{"alg":"canary","kid":"ec"}`, goodPayload)}, 401, "token_algorithm", `error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/?access_token="+good, nil) // comes from 192.0.2.1
			r.Header["Authorization"] = c.authorization
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Header().Get("WWW-Authenticate"), c.challenge) {
				t.Errorf("got %d, %q", w.Code, w.Header().Get("WWW-Authenticate"))
			}
			if c.code == "" {
				return
			}
			var problem struct{ Code string }
			if json.Unmarshal(w.Body.Bytes(), &problem) != nil || problem.Code != c.code || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %s", w.Body)
			}
			if strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), "canary") {
				t.Error("the answer repeats the token")
			}
		})
	}
}

func TestMiddlewareWithoutKeys(t *testing.T) {
	s := newShop(t)
	p := publish(t, s.jwks)
	p.do(http.NotFound)
	v, _ := newVerifier(t, p)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+s.token(t, nil))
	w := httptest.NewRecorder()
	v.Middleware(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
}

func TestRequireScopeAlone(t *testing.T) {
	w := httptest.NewRecorder()
	RequireScope("a:b")(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 401 {
		t.Errorf("without a middleware: %d", w.Code)
	}
	for _, wrong := range []string{"", "a:*", "a b", "a!"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("RequireScope(%q) does not panic", wrong)
				}
			}()
			RequireScope(wrong)
		}()
	}
}
