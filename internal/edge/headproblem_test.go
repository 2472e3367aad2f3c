package edge_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// A proxy that asks by HEAD hears the same as one that asks by GET, but for where the problem is.
func TestForwardAuthAskedByHead(t *testing.T) {
	w := newWorld(t, nil)
	for _, lines := range [][]string{
		{"X-Forwarded-Uri: /public/x"},
		{"X-Forwarded-Uri: /admin/x"},
		{"X-Forwarded-Uri: /admin/x", "Authorization: Bearer pass.other"},
		{"X-Forwarded-Uri: /public/../admin/x"},
		{"X-Forwarded-Uri: /public/x?access_token=x"},
	} {
		lines = append(lines, "X-Forwarded-Method: GET")
		get, body, _ := exchange(t, w.Forward, asked("/v1/forward-auth", lines...))
		head, none, _ := exchange(t, w.Forward, strings.Replace(asked("/v1/forward-auth", lines...), "GET ", "HEAD ", 1))
		if head.StatusCode != get.StatusCode || head.Header.Get("Www-Authenticate") != get.Header.Get("Www-Authenticate") || none != "" {
			t.Errorf("%v: %s %q, want %s", lines, head.Status, none, get.Status)
		}
		if get.StatusCode == http.StatusNoContent {
			hasEveryIdentity(t, head.Header)
			continue
		}
		var told, want map[string]any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(head.Header.Get("Problem")), &told); err != nil || told["code"] != want["code"] || told["detail"] != want["detail"] {
			t.Errorf("%v: the header says %v, the body %v (%v)", lines, told, want, err)
		}
		if get.Header.Get("Problem") != "" {
			t.Errorf("%v: the problem is there twice", lines)
		}
	}
}
