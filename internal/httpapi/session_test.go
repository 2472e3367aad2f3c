package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/httpapi"
)

// ownPage are the headers of a request that a page of this server makes.
func ownPage(cookie string) []string {
	return []string{"Sec-Fetch-Site: same-origin", "Daypass-Session: 1", "Cookie: " + cookie}
}

// keepLogin exchanges the founder's key, keeps the pass as a session, and returns it with its cookie.
func (h *house) keepLogin() (pass, cookie string) {
	h.t.Helper()
	pass = h.send("POST", "/v1/tokens", h.founder, nil).field(h.t, "token")
	kept := h.send("PUT", "/v1/session", pass, nil)
	if kept.status != http.StatusNoContent {
		h.t.Fatalf("the session is not kept: %d %s", kept.status, kept.body)
	}
	cookie, attributes, _ := strings.Cut(kept.header.Get("Set-Cookie"), ";")
	for _, want := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age="} {
		if !strings.Contains(attributes, want) {
			h.t.Errorf("the cookie lacks %s: %s", want, attributes)
		}
	}
	if strings.Contains(attributes, "Domain") || strings.Contains(cookie, pass) {
		h.t.Errorf("the cookie shows the pass, or is for a whole domain: %s", cookie)
	}
	return pass, cookie
}

func TestSessionIsGivenBackToOwnPagesAlone(t *testing.T) {
	h := newHouse(t)
	pass, cookie := h.keepLogin()
	if got := h.send("GET", "/v1/session", "", nil, ownPage(cookie)...); got.status != http.StatusOK || got.field(t, "token") != pass {
		t.Fatalf("a reload gets %d %s", got.status, got.body)
	}
	for name, headers := range map[string][]string{
		"no header at all":    {"Cookie: " + cookie},
		"a link":              {"Sec-Fetch-Site: none", "Daypass-Session: 1", "Cookie: " + cookie},
		"a sister host":       {"Sec-Fetch-Site: same-site", "Daypass-Session: 1", "Cookie: " + cookie},
		"a form or an image":  {"Sec-Fetch-Site: same-origin", "Cookie: " + cookie},
		"a foreign page":      append(ownPage(cookie), "Origin: https://evil.example"),
		"a page, cross-site":  {"Sec-Fetch-Site: cross-site", "Daypass-Session: 1", "Cookie: " + cookie},
		"another header text": {"Sec-Fetch-Site: same-origin", "Daypass-Session: yes", "Cookie: " + cookie},
	} {
		if got := h.send("GET", "/v1/session", "", nil, headers...); got.status != http.StatusForbidden || strings.Contains(string(got.body), pass) {
			t.Errorf("%s gets %d %s", name, got.status, got.body)
		}
	}
	for name, bad := range map[string]string{
		"none": "theme=dark", "cut": cookie[:len(cookie)-2], "changed": cookie[:40] + "A" + cookie[41:] + "A",
		"a pass in clear": "__Host-daypass=" + pass, "a key in clear": "__Host-daypass=" + h.founder,
	} {
		if got := h.send("GET", "/v1/session", "", nil, ownPage(bad)...); got.status != 204 {
			t.Errorf("a cookie that is %s gets %d %s", name, got.status, got.body)
		}
	}
}

// TestSessionIsNoCredential: the cookie opens no route, whatever the headers, also not those of the session itself.
func TestSessionIsNoCredential(t *testing.T) {
	h := newHouse(t)
	_, cookie := h.keepLogin()
	sealed := strings.TrimPrefix(cookie, "__Host-daypass=")
	for _, target := range []string{
		"GET /v1/me", "GET /v1/organizations", "GET /v1/organizations/main/keys", "POST /v1/tokens", "PUT /v1/session",
		"DELETE /v1/session", "GET /user", "GET /v1/keyset", "POST /v1/organizations",
	} {
		method, path, _ := strings.Cut(target, " ")
		body := any(nil)
		if method == "POST" {
			body = map[string]any{}
		}
		if got := h.send(method, path, "", body, ownPage(cookie)...); got.status != http.StatusUnauthorized && got.status != http.StatusForbidden {
			t.Errorf("%s with the cookie alone: %d %s", target, got.status, got.body)
		}
		if got := h.send(method, path, sealed, body); got.status != http.StatusUnauthorized && got.status != http.StatusForbidden {
			t.Errorf("%s with the cookie as bearer: %d %s", target, got.status, got.body)
		}
	}
}

func TestSessionKeepsPassesOnly(t *testing.T) {
	h := newHouse(t)
	if got := h.send("PUT", "/v1/session", h.founder, nil); got.code() != "session_pass_required" {
		t.Errorf("a key is kept: %d %s", got.status, got.body)
	}
	if got := h.send("PUT", "/v1/session", "", nil); got.status != http.StatusUnauthorized {
		t.Errorf("nothing is kept: %d %s", got.status, got.body)
	}
}

// TestSessionEndsOnTheServer: a copy of the cookie is worthless once its pass has ended, whoever ended it.
func TestSessionEndsOnTheServer(t *testing.T) {
	for name, end := range map[string]func(h *house, pass string) reply{
		"logout":          func(h *house, pass string) reply { return h.send("DELETE", "/v1/session", pass, nil) },
		"logout anywhere": func(h *house, pass string) reply { return h.send("DELETE", "/v1/session?everywhere=true", pass, nil) },
		"a revoked pass": func(h *house, pass string) reply {
			return h.send("POST", "/v1/tokens/revoke", "", map[string]any{"token": pass})
		},
		"a logout of kin ": func(h *house, pass string) reply {
			kin := h.send("POST", "/v1/tokens", h.founder, nil).field(h.t, "token")
			return h.send("DELETE", "/v1/session?everywhere=true", kin, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			pass, cookie := h.keepLogin()
			if got := end(h, pass); got.status != http.StatusNoContent {
				t.Fatalf("not ended: %d %s", got.status, got.body)
			}
			got := h.send("GET", "/v1/session", "", nil, ownPage(cookie)...)
			if got.code() != "token_revoked" || !strings.Contains(got.header.Get("Set-Cookie"), "Max-Age=0") {
				t.Errorf("the cookie still counts: %d %s %s", got.status, got.body, got.header.Get("Set-Cookie"))
			}
			if got := h.send("GET", "/v1/me", pass, nil); got.status != http.StatusUnauthorized {
				t.Errorf("the pass still counts: %d", got.status)
			}
		})
	}
}

// TestLogoutIsAsWideAsAsked: others' passes of the key live on, unless everywhere is said; and that takes the scope to end them.
func TestLogoutIsAsWideAsAsked(t *testing.T) {
	h := newHouse(t)
	pass, _ := h.keepLogin()
	other, cookie := h.keepLogin()
	narrow := h.send("POST", "/v1/tokens", h.founder, map[string]any{"scopes": []string{"photos:read"}}).field(t, "token")
	if got := h.send("DELETE", "/v1/session?everywhere=true", narrow, nil); got.code() != "scope_missing" {
		t.Errorf("a narrow pass ends all others: %d %s", got.status, got.body)
	}
	if got := h.send("DELETE", "/v1/session", pass, nil); got.status != http.StatusNoContent {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := h.send("GET", "/v1/session", "", nil, ownPage(cookie)...); got.status != http.StatusOK {
		t.Errorf("another login ended with it: %d %s", got.status, got.body)
	}
	if got := h.send("DELETE", "/v1/session?everywhere=perhaps", other, nil); got.code() != "invalid_parameter" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := h.send("GET", "/v1/me", h.founder, nil); got.status != http.StatusOK {
		t.Errorf("the key itself ended: %d", got.status)
	}
}

// TestSessionIsNotPlanted: a page of another origin cannot log a browser in as somebody else, nor can a cookie that a sister host
// set beside the right one.
func TestSessionIsNotPlanted(t *testing.T) {
	h := newHouse(t, func(c *httpapi.Config) { c.Origins = []string{"https://app.example"} })
	pass, cookie := h.keepLogin()
	for _, site := range []string{"same-site", "cross-site", "none"} {
		got := h.send("PUT", "/v1/session", pass, nil, "Sec-Fetch-Site: "+site, "Origin: https://app.example")
		if got.code() != "session_same_origin" || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", site, got.status, got.body)
		}
	}
	if got := h.send("PUT", "/v1/session", pass, nil, "Sec-Fetch-Site: same-origin"); got.status != http.StatusNoContent {
		t.Errorf("a page of this origin: %d %s", got.status, got.body)
	}
	_, other := h.keepLogin()
	if got := h.send("GET", "/v1/session", "", nil, ownPage(other+"; "+cookie)...); got.status != http.StatusNoContent {
		t.Errorf("one of two cookies counts: %d %s", got.status, got.body)
	}
}

// asked counts what it is asked.
type asked struct {
	exchange.Once
	times atomic.Int64
}

func (a *asked) First(ctx context.Context, kind, id string, from, until time.Time) (bool, error) {
	a.times.Add(1)
	return a.Once.First(ctx, kind, id, from, until)
}

// TestPasskeyAnswersLeaveNothing: strangers begin as many ceremonies as they like; what is kept of them is kept of right answers only.
func TestPasskeyAnswersLeaveNothing(t *testing.T) {
	kept := &asked{}
	h := newHouse(t, func(c *httpapi.Config) {
		kept.Once, c.Exchange.Once = c.Exchange.Once, kept
		c.Exchange.Passkeys = exchange.NewPasskeys("http://localhost:8080", nil, c.Sealer)
	})
	for range 3 {
		ceremony := h.send("POST", "/v1/login/passkey/options", "", nil).field(t, "ceremony")
		if got := h.send("POST", "/v1/login/passkey", "", map[string]any{"ceremony": ceremony, "credential": map[string]any{}}); got.code() != "passkey_invalid" {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if n := kept.times.Load(); n != 0 {
		t.Errorf("%d wrong answers are kept", n)
	}
}
