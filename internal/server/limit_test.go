package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestPlansHoldAtOnceAndQuotasSurvive: a plan holds from the next request on, also after a restart, with what was used of
// its quota.
func TestPlansHoldAtOnceAndQuotasSurvive(t *testing.T) {
	i := start(t, nil)
	i.protect()
	const org = "/v1/organizations/acme"
	i.must(201, "PUT", org+"/plans/gold", i.created.Key, object{"limits": []object{{"quota": "3/month"}}})
	key := i.must(201, "POST", org+"/keys", i.created.Key, object{"scopes": []string{"*"}})
	pass := i.must(200, "POST", "/v1/tokens", key.str("key"), object{"expires_in": 3600}).str("token")
	call := func(status int) { t.Helper(); i.must(status, "GET", i.gateway+"/photos/1", pass, nil) }

	call(200)
	i.must(200, "PATCH", org+"/keys/"+key.str("id"), i.created.Key, object{"plan": "gold"})
	call(200)
	call(200)
	i.restart()
	call(200)
	refused := i.must(429, "GET", i.gateway+"/photos/1", pass, nil)
	if refused.str("code") != "quota_exceeded" || refused.header.Get("Retry-After") == "" {
		t.Errorf("%s", refused.text)
	}
	i.must(200, "PUT", org+"/plans/gold", i.created.Key, object{"limits": []object{{"quota": "4/month"}}})
	call(200)
	call(http.StatusTooManyRequests)
	i.restart()
	call(http.StatusTooManyRequests)
	i.must(200, "PATCH", org+"/keys/"+key.str("id"), i.created.Key, object{"plan": ""})
	call(200)
	eventually(t, func() bool {
		usage := i.must(200, "GET", org+"/usage?outcome=quota_exceeded&limit=10", i.created.Key, nil)
		return strings.Contains(usage.text, `"count":3`)
	})
}
