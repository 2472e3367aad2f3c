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

// TestDeletedHoldersAreDropped: keys that held a plan and are gone take up no memory for ever.
func TestDeletedHoldersAreDropped(t *testing.T) {
	i := start(t, nil)
	i.protect()
	const org = "/v1/organizations/acme"
	i.must(201, "PUT", org+"/plans/gold", i.created.Key, object{"limits": []object{{"quota": "1/d"}}})
	key := i.must(201, "POST", org+"/keys", i.created.Key, object{"scopes": []string{"*"}, "plan": "gold"})
	stays := i.must(201, "POST", org+"/keys", i.created.Key, object{"scopes": []string{"*"}, "plan": "gold"})
	i.must(204, "DELETE", org+"/keys/"+key.str("id"), i.created.Key, nil)
	if left, err := i.server.PrunePlans(t.Context()); err != nil || left != 1 {
		t.Errorf("%d holders are left (%v)", left, err)
	}
	pass := i.must(200, "POST", "/v1/tokens", stays.str("key"), object{}).str("token")
	i.must(200, "GET", i.gateway+"/photos/1", pass, nil)
	i.must(429, "GET", i.gateway+"/photos/1", pass, nil)
}

// TestNewKeysBeginNoNewQuota: a consumer that may make keys does not get its quota again with each of them.
func TestNewKeysBeginNoNewQuota(t *testing.T) {
	i := start(t, nil)
	i.protect()
	file := strings.ReplaceAll(photos, "UPSTREAM", i.upstream.URL) + "  - match: GET /dear/*\n    access: authenticated\n    limit: {quota: 2/month}\n"
	i.must(200, "PUT", "/v1/organizations/acme/applications/photos", i.created.Key, file)
	for _, status := range []int{200, 200, 429} {
		key := i.must(201, "POST", "/v1/organizations/acme/keys", i.created.Key, object{"scopes": []string{"*"}}).str("key")
		pass := i.must(200, "POST", "/v1/tokens", key, object{}).str("token")
		i.must(status, "GET", i.gateway+"/dear/1", pass, nil)
	}
}
