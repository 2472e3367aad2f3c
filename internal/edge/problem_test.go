package edge_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
)

func TestWriteProblem(t *testing.T) {
	busy := access.New(access.TooMany, "too_many", "slow down")
	busy.RetryAfter = 1500 * time.Millisecond
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   string
		header map[string]string
	}{
		{"wrapped", fmt.Errorf("outer: %w", access.New(access.Invalid, "invalid_scope", "write it so").At("/scopes/0")), 422, "invalid_scope", nil},
		{"no credential", access.ErrUnauthenticated, 401, "credential_missing", map[string]string{"Www-Authenticate": `Bearer realm="daypass"`}},
		{"bad credential", access.New(access.Unauthenticated, "credential_invalid", "not \"valid\" …\n"), 401, "credential_invalid",
			map[string]string{"Www-Authenticate": `Bearer realm="daypass", error="invalid_token", error_description="not 'valid' .."`}},
		{"too many", busy, 429, "too_many", map[string]string{"Retry-After": "2"}},
		{"body", &http.MaxBytesError{Limit: 10}, 413, "body_too_large", nil},
		{"unknown", errors.New("password is hunter2"), 500, "internal", nil},
		{"internal", access.New(access.Internal, "store", "password is hunter2"), 500, "internal", nil},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r = r.WithContext(edge.WithClient(r.Context(), edge.Client{RequestID: "req-9"}))
		w := httptest.NewRecorder()
		edge.WriteProblem(w, r, c.err)
		body := w.Body.String()
		if code := problemCode(t, w.Result(), body); w.Code != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.name, w.Code, code, c.status, c.code)
		}
		for name, want := range c.header {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: %s, want %s", c.name, name, got, want)
			}
		}
		if strings.Contains(body, "hunter2") || !strings.Contains(body, "req-9") {
			t.Errorf("%s: %s", c.name, body)
		}
	}
	if edge.StatusOf(access.Kind(250)) != http.StatusInternalServerError {
		t.Error("an unknown kind is not an internal error")
	}
}
