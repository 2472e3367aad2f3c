package e2e

import (
	"fmt"
	"testing"
)

// device begins the login of a device and returns the code that a person types.
func (w *world) device() string {
	w.t.Helper()
	return w.must(200, "POST", "/v1/device", "", object{"client": "daypass on build-7"}).at("user_code")
}

// TestAttack_DeviceByNarrowedLogin: whoever was handed a short pass, narrowed from a login, makes no longer one of it by letting a
// device in.
func TestAttack_DeviceByNarrowedLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	login := w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas}).at("token")
	narrow := w.pass(login, object{"scopes": []string{"photos:read"}, "expires_in": 60})
	w.expect("a narrowed pass", w.send("POST", "/v1/device/approve", narrow, object{"user_code": w.device(), "scopes": []string{"photos:read"}}), 403, "not_renewable")
	w.expect("the login's own pass", w.send("POST", "/v1/device/approve", login, object{"user_code": w.device()}), 204, "")
}

// TestAttack_DeviceGuessing: a code of one's own, which is right, does not buy more guesses at those of others; and of people who
// are no users here none uses up what another may try.
func TestAttack_DeviceGuessing(t *testing.T) {
	t.Parallel()
	w, p, id := loginWorld(t)
	own := "/v1/device?user_code=" + w.device()
	guesses := func(pass string) {
		t.Helper()
		for n := range 60 {
			wrong := "/v1/device?user_code=BCDF-GHJ" + "BCDFGHJKLMNPQRSTVWXZ"[n%20:n%20+1]
			if w.send("GET", wrong, pass, nil).code() == "too_many_attempts" {
				return
			}
			if n%4 == 3 {
				w.expect("a code of one's own", w.send("GET", own, pass, nil), 200, "")
			}
		}
		t.Error("whoever has a code of its own guesses without end")
	}
	visitor := func(name string) string {
		p.mu.Lock()
		p.claims = object{"sub": name}
		p.mu.Unlock()
		n := w.navigator()
		n.finish("acme/staff", "state="+n.begin(p, id, "").Get("state"), "code=good")
		return n.session().at("token")
	}
	guesses(w.member("acme", object{"roles": []string{"developer"}}).key)
	ann, bob := visitor("ann"), visitor("bob")
	guesses(ann)
	w.expect("another of the same issuer", w.send("GET", own, bob, nil), 200, "")
}

// TestLoginOfSeveralOrganizations: strangers learn the services of an organization only by naming it, save where it is alone.
func TestLoginOfSeveralOrganizations(t *testing.T) {
	t.Parallel()
	w, p, id := loginWorld(t)
	listed := func(query string) string {
		w.t.Helper()
		a := w.must(200, "GET", "/v1/login"+query, "", nil)
		return fmt.Sprint(a.body["by_organization"], " ", a.body["issuers"])
	}
	mine := fmt.Sprintf("[map[id:%s name:staff organization:acme]]", id)
	if got := listed(""); got != "false "+mine {
		t.Errorf("alone: %s", got)
	}
	w.organization("globex")
	w.must(201, "PUT", orgPath("globex", "/issuers/partners"), w.founder, p.loginTrust(nil))
	for query, want := range map[string]string{"": "true []", "?organization=nobody": "true []", "?organization=acme": "true " + mine} {
		if got := listed(query); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
}

// TestRevokeRefreshToken: whoever holds a refresh token may end its login, as with a pass.
func TestRevokeRefreshToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	login := w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas})
	w.expect("the refresh token", w.send("POST", "/v1/tokens/revoke", "", object{"token": login.at("refresh_token")}), 204, "")
	w.expect("its pass", w.send("GET", "/v1/me", login.at("token"), nil), 401, "token_revoked")
	w.expect("once more", w.send("POST", "/auth/token/refresh", "", object{"refresh_token": login.at("refresh_token")}), 401, "refresh_token_invalid")
	w.expect("a refresh token that is over", w.send("POST", "/v1/tokens/revoke", "", object{"token": login.at("refresh_token")}), 204, "")
	w.expect("a key", w.send("POST", "/v1/tokens/revoke", "", object{"token": w.founder}), 422, "unsupported_token_type")
}

// TestEventsOfANoun: the noun of an action selects all that was done to its kind, and nothing that only begins like it.
func TestEventsOfANoun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"x"}}).at("id")
	w.must(200, "POST", orgPath("acme", "/keys/"+key+"/rotate"), w.founder, nil)
	count := func(action string) int {
		w.t.Helper()
		items, _ := w.must(200, "GET", orgPath("acme", "/events?object="+key+"&action="+action), w.founder, nil).body["items"].([]any)
		all, _ := w.must(200, "GET", orgPath("acme", "/events?action="+action), w.founder, nil).body["items"].([]any)
		if len(all) < len(items) {
			t.Errorf("%q: %d of the organization, %d of the key", action, len(all), len(items))
		}
		return len(items)
	}
	for action, want := range map[string]int{"key": 2, "key.created": 1, "key.rotated": 1, "ke": 0, "k_y": 0, "%25": 0, "key.": 0, "key.create": 0} {
		if got := count(action); got != want {
			t.Errorf("action %q: %d events, want %d", action, got, want)
		}
	}
}
