package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// startDevice begins the login of a device that asks for these scopes, nil for all.
func (h *house) startDevice(scopes []string) (deviceCode, userCode string) {
	h.t.Helper()
	ask := map[string]any{"client": "daypass on build-7"}
	if scopes != nil {
		ask["scopes"] = scopes
	}
	started := h.send("POST", "/v1/device", "", ask)
	return started.field(h.t, "device_code"), started.field(h.t, "user_code")
}

func (h *house) pollDevice(code string) reply {
	return h.send("POST", "/v1/device/token", "", map[string]any{"device_code": code})
}

func (h *house) approve(pass string, body map[string]any) reply {
	return h.send("POST", "/v1/device/approve", pass, body)
}

func TestDeviceGetsAPassOfItsOwn(t *testing.T) {
	h := newHouse(t)
	pass := h.send("POST", "/v1/tokens", h.founder, map[string]any{"ips": []string{"request_ip"}}).field(t, "token")
	code, user := h.startDevice(nil)
	if got := h.pollDevice(code); got.status != 400 || got.code() != "authorization_pending" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := h.pollDevice(code); got.code() != "slow_down" {
		t.Errorf("asked at once again: %d %s", got.status, got.body)
	}
	typed := " " + strings.ToLower(strings.ReplaceAll(user, "-", " "))
	if got := h.approve(pass, map[string]any{"user_code": typed, "scopes": []string{"daypass:*:read"}, "expires_in": 3600}); got.status != http.StatusNoContent {
		t.Fatalf("%d %s", got.status, got.body)
	}
	given := h.pollDevice(code)
	device := given.field(t, "token")
	if again := h.pollDevice(code); again.code() != "expired_token" {
		t.Errorf("the pass is given twice: %d %s", again.status, again.body)
	}
	if got := h.approve(pass, map[string]any{"user_code": user}); got.status != http.StatusNotFound || got.code() != "user_code_unknown" {
		t.Errorf("a code counts twice: %d %s", got.status, got.body)
	}
	if got := h.send("GET", "/v1/organizations/main/keys", device, nil); got.status != http.StatusOK {
		t.Errorf("the device may not do what it was let do: %d %s", got.status, got.body)
	}
	if got := h.send("POST", "/v1/organizations/main/keys", device, map[string]any{"scopes": []string{"x"}}); got.code() != "scope_missing" {
		t.Errorf("the device may do more: %d %s", got.status, got.body)
	}
	if got := h.send("DELETE", "/v1/session", pass, nil); got.status != http.StatusNoContent {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := h.send("POST", "/v1/tokens", device, nil); got.status != http.StatusOK {
		t.Errorf("the device's pass does not outlive the one that let it in, or cannot be renewed: %d %s", got.status, got.body)
	}
	must(t, h.records.Flush(t.Context()))
	events := string(h.send("GET", "/v1/organizations/main/events?action=device.approved", h.founder, nil).body)
	if !strings.Contains(events, "daypass on build-7") || strings.Contains(events, user) || strings.Contains(events, device) {
		t.Errorf("the record says %s", events)
	}
}

func TestDeviceGetsNoMoreThanItsApprover(t *testing.T) {
	h := newHouse(t)
	buy := func(wish map[string]any) string {
		return h.send("POST", "/v1/tokens", h.founder, wish).field(t, "token")
	}
	narrow := buy(map[string]any{"scopes": []string{"photos:*"}, "renewable": true, "ips": []string{"request_ip"}})
	final := buy(map[string]any{"renewable": false})
	for name, c := range map[string]struct {
		pass string
		body map[string]any
		code string
	}{
		"wider scopes":           {narrow, map[string]any{"scopes": []string{"*"}}, "scope_exceeded"},
		"what it asked for":      {narrow, map[string]any{}, "scope_exceeded"},
		"a role it has not":      {narrow, map[string]any{"scopes": []string{"photos:read"}, "roles": []string{"consumer"}}, "role_exceeded"},
		"a life beyond the most": {narrow, map[string]any{"scopes": []string{"photos:read"}, "expires_in": 31 * 24 * 3600}, "life_exceeded"},
		"a pass that ends":       {final, map[string]any{}, "not_renewable"},
		"a key":                  {h.founder, map[string]any{}, "session_pass_required"},
		"nobody":                 {"", map[string]any{}, "credential_missing"},
	} {
		code, user := h.startDevice([]string{"billing:read"})
		c.body["user_code"] = user
		if got := h.approve(c.pass, c.body); got.code() != c.code {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		if got := h.pollDevice(code); got.code() != "authorization_pending" {
			t.Errorf("%s: the device is told %d %s", name, got.status, got.body)
		}
	}
}

func TestDeviceIsRefused(t *testing.T) {
	h := newHouse(t)
	pass, _ := h.keepLogin()
	code, user := h.startDevice(nil)
	if got := h.send("POST", "/v1/device/deny", pass, map[string]any{"user_code": user}); got.status != http.StatusNoContent {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := h.pollDevice(code); got.code() != "access_denied" {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, bad := range []string{"", "dpd_none", user, code + "0", strings.ToUpper(code)} {
		if got := h.pollDevice(bad); got.code() != "expired_token" {
			t.Errorf("%q: %d %s", bad, got.status, got.body)
		}
	}
}

// TestDeviceCodesCannotBeGuessed: nor are names of devices anything but text.
func TestDeviceCodesCannotBeGuessed(t *testing.T) {
	h := newHouse(t)
	pass, _ := h.keepLogin()
	for _, name := range []string{"", "build\n7", "a\u202eb", "\x1b[31mred", strings.Repeat("x", 201)} {
		if got := h.send("POST", "/v1/device", "", map[string]any{"client": name}); got.status != 422 {
			t.Errorf("a device may be called %q: %d", name, got.status)
		}
	}
	for n := 0; ; n++ {
		got := h.send("GET", fmt.Sprintf("/v1/device?user_code=BCDF-GHJ%c", "BCDFGHJKLMNPQRSTVWXZ"[n%20]), pass, nil)
		if got.code() == "too_many_attempts" {
			break
		}
		if got.status != http.StatusNotFound || n > 100 {
			t.Fatalf("guess %d: %d %s", n, got.status, got.body)
		}
	}
	for n := 0; ; n++ {
		got := h.send("POST", "/v1/device", "", map[string]any{"client": "daypass"})
		if got.code() == "too_many_devices" {
			break
		}
		if n > 20 {
			t.Fatal("one address starts as many as it likes")
		}
	}
}
