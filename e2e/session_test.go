package e2e

import (
	"strings"
	"testing"
	"time"
)

// kept is a browser's login at the dashboard: its cookie.
type kept struct {
	*world
	cookie string
}

// keep has a browser log in by password, and the dashboard keep it.
func (w *world) keep(email string) (k *kept, in answer) {
	w.t.Helper()
	in = w.login(email, umbrellas)
	k = &kept{world: w}
	k.take(w.must(204, "PUT", "/v1/session", in.at("token"), object{"refresh_token": in.at("refresh_token")}))
	return k, in
}

// take does with the cookie what a browser does, and returns its Max-Age.
func (k *kept) take(a answer) (age string) {
	set := a.header.Get("Set-Cookie")
	if set == "" {
		return ""
	}
	k.cookie, _, _ = strings.Cut(set, ";")
	_, age, _ = strings.Cut(set, "Max-Age=")
	age, _, _ = strings.Cut(age, ";")
	if age == "0" {
		k.cookie = "other=1"
	}
	return age
}

// ask is what a page of the dashboard asks of its session.
func (k *kept) ask(method string) answer {
	k.t.Helper()
	return k.send(method, "/v1/session", "", nil, "Sec-Fetch-Site: same-origin", "Daypass-Session: 1", "Cookie: "+k.cookie)
}

// threeDays is the age of a cookie, which is told in whole seconds.
func threeDays(age string) bool { return age == "259200" || age == "259199" }

// TestLoginOutlivesItsPass: the browser of somebody who logged in by password was
// closed for longer than a pass lasts.
func TestLoginOutlivesItsPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	k, in := w.keep("ada@acme.example")
	if strings.Contains(k.cookie, in.at("refresh_token")) {
		t.Error("the cookie shows the refresh token")
	}
	first := k.ask("GET")
	w.expect("a reload", first, 200, "")
	if first.at("token") != in.at("token") || first.body["renews"] != true || strings.Contains(first.text, "dpr_") {
		t.Error(first.text)
	}
	again := k.ask("POST")
	if k.take(again) != "" || again.at("token") != in.at("token") {
		t.Errorf("a young pass is renewed: %d %s", again.status, again.text)
	}

	w.later(40 * time.Minute)
	next := k.ask("POST")
	if age := k.take(next); next.status != 200 || next.at("token") == in.at("token") || !threeDays(age) {
		t.Errorf("an old pass is not renewed for three days: %d %s %s", next.status, age, next.text)
	}
	w.expect("the next pass", w.send("GET", "/v1/me", next.at("token"), nil), 200, "")

	w.later(2 * 24 * time.Hour)
	due := k.ask("GET")
	w.expect("a reload after two days", due, 401, "session_due")
	if k.take(due) != "" {
		t.Error("a login that goes on loses its cookie")
	}
	copied := *k
	late := k.ask("POST")
	w.expect("it goes on", late, 200, "")
	k.take(late)
	w.expect("a reload", k.ask("GET"), 200, "")

	w.later(3*24*time.Hour + time.Second)
	w.expect("a reload after three days", k.ask("GET"), 204, "")
	w.expect("a renewal after three days", k.ask("POST"), 401, "session_missing")
	w.expect("a copy of the cookie", copied.ask("POST"), 401, "session_missing")
}

// TestStolenCookie: a copy of the cookie and the browser's own spend the same refresh
// token; whoever comes second ends the login for both.
func TestStolenCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	k, _ := w.keep("ada@acme.example")
	thief := *k
	w.later(2 * time.Hour)
	robbed := thief.ask("POST")
	w.expect("the thief is first", robbed, 200, "")
	thief.take(robbed)
	w.expect("the browser", k.ask("POST"), 401, "refresh_token_reused")
	w.expect("the thief's pass", w.send("GET", "/v1/me", robbed.at("token"), nil), 401, "token_revoked")
	w.expect("the thief's next", thief.ask("POST"), 401, "token_revoked")
}

// TestKeptLoginEnds: whoever ends the pass or the login, the cookie gets no other pass, and is dropped.
func TestKeptLoginEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada := w.person("acme", "ada@acme.example", "developer")
	for name, end := range map[string]func(pass, session string){
		"logout":    func(pass, _ string) { w.must(204, "DELETE", "/v1/session", pass, nil) },
		"a revoked": func(pass, _ string) { w.must(204, "POST", "/v1/tokens/revoke", "", object{"token": pass}) },
		"ended by another": func(_, session string) {
			w.must(204, "DELETE", orgPath("acme", "/users/"+ada.id+"/sessions/"+session), w.founder, nil)
		},
	} {
		k, in := w.keep("ada@acme.example")
		end(in.at("token"), in.at("session"))
		refused := k.ask("POST")
		w.expect(name, refused, 401, "token_revoked")
		if k.take(refused) != "0" {
			t.Errorf("%s: the cookie stays", name)
		}
	}
}

// TestOnlyItsOwnRefreshTokenIsKept with a pass.
func TestOnlyItsOwnRefreshTokenIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	one, two := w.login("ada@acme.example", umbrellas), w.login("ada@acme.example", umbrellas)
	for name, text := range map[string]string{"another login's": two.at("refresh_token"), "no": "dpr_no", "a key": w.founder, "an empty": ""} {
		w.expect(name+" refresh token", w.send("PUT", "/v1/session", one.at("token"), object{"refresh_token": text}), 422, "refresh_token_invalid")
	}
	w.expect("a key's pass", w.send("PUT", "/v1/session", w.pass(w.founder, object{}), object{"refresh_token": one.at("refresh_token")}), 422, "refresh_token_invalid")
	w.must(200, "POST", "/auth/token/refresh", "", object{"refresh_token": one.at("refresh_token")})
	w.expect("a spent one", w.send("PUT", "/v1/session", one.at("token"), object{"refresh_token": one.at("refresh_token")}), 422, "refresh_token_reused")
	w.expect("that ends the login", w.send("GET", "/v1/me", one.at("token"), nil), 401, "token_revoked")
	w.expect("and no other", w.send("GET", "/v1/me", two.at("token"), nil), 200, "")
}

// TestKeptKeyLoginIsRenewed by its pass, which must be renewable; and only for a page of this server.
func TestKeptKeyLoginIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, renewable := range []bool{true, false} {
		k := &kept{world: w}
		pass := w.pass(w.founder, object{"expires_in": 259_200, "renewable": renewable, "ips": []string{"request_ip"}})
		k.take(w.must(204, "PUT", "/v1/session", pass, nil))
		if got := k.ask("GET"); got.body["renews"] != renewable {
			t.Errorf("renews: %v", got.text)
		}
		w.later(30 * time.Hour)
		for _, header := range []string{"Sec-Fetch-Site: same-site", "Daypass-Session: 1", "Sec-Fetch-Site: none"} {
			w.expect(header, w.send("POST", "/v1/session", "", nil, header, "Cookie: "+k.cookie), 403, "session_same_origin")
		}
		next := k.ask("POST")
		if !renewable {
			w.expect("a pass that may not be renewed", next, 403, "not_renewable")
			continue
		}
		if age := k.take(next); next.status != 200 || next.at("token") == pass || !threeDays(age) {
			t.Errorf("not renewed: %d %s %s", next.status, age, next.text)
		}
	}
}
