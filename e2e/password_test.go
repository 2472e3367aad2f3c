package e2e

import (
	"crypto/elliptic"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

const umbrellas = "nine umbrellas in the rain"

var linkIn = regexp.MustCompile(`token=(?:3D)?(dpl_[0-9A-Za-z]{49})`)

// mails are those that were written so far.
func (w *world) mails() []string {
	w.t.Helper()
	files, _ := filepath.Glob(filepath.Join(w.config.MailDir, "*.eml"))
	texts := make([]string, len(files))
	for i, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			w.t.Fatal(err)
		}
		texts[i] = strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(string(raw)) // quoted-printable, as far as links go
	}
	return texts
}

// mail waits for the nth.
func (w *world) mail(n int) string {
	w.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if all := w.mails(); len(all) >= n {
			return all[n-1]
		}
	}
	w.t.Fatalf("there is no mail %d", n)
	return ""
}

// person is a user who can log in.
func (w *world) person(org, email string, roles ...string) member {
	w.t.Helper()
	m := w.member(org, object{"name": "Ada", "email": email, "roles": roles})
	made := w.must(201, "POST", orgPath(org, "/users/"+m.id+"/invitation"), w.founder, nil)
	secret := linkIn.FindStringSubmatch(made.at("link"))
	if secret == nil {
		w.t.Fatal(made.text)
	}
	w.must(200, "POST", "/auth/password", "", object{"token": secret[1], "password": umbrellas})
	return m
}

func (w *world) login(email, password string) answer {
	w.t.Helper()
	return w.send("POST", "/auth/token", "", object{"username": email, "password": password})
}

// fill sends a form.
func (w *world) fill(path string, fields url.Values, headers ...string) answer {
	w.t.Helper()
	return w.sendForm(path, fields.Encode(), append([]string{"Content-Type: application/x-www-form-urlencoded"}, headers...)...)
}

// TestPassword is the story: invited by mail, logged in, refreshed, reset, logged out.
func TestPassword(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.MailDir = filepath.Join(t.TempDir(), "mail") })
	w.serve("acme", "photos", photos)
	ada := w.member("acme", object{"name": "Ada", "email": "Ada@Acme.Example", "roles": []string{"developer"}})
	w.expect("no password yet", w.login("ada@acme.example", umbrellas), 401, "login_invalid")
	invited := w.must(201, "POST", orgPath("acme", "/users/"+ada.id+"/invitation"), w.founder, nil)
	if invited.at("sent_to") != "ada@acme.example" || invited.at("link") != "" {
		t.Error(invited.text)
	}
	letter := w.mail(1)
	if !strings.Contains(letter, "http://localhost:8080/auth/password?token=dpl_") || !strings.Contains(letter, "To: <ada@acme.example>") {
		t.Error(letter)
	}
	secret := linkIn.FindStringSubmatch(letter)[1]
	page := w.must(200, "GET", "/auth/password?token="+secret, "", nil)
	if !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(page.text, secret) || strings.Contains(page.text, "<script") {
		t.Error(page.text, page.header)
	}
	weak := w.fill("/auth/password", url.Values{"token": {secret}, "password": {"acmeacmeacme1234"}}, "Origin: null")
	if weak.status != 422 || !strings.Contains(weak.text, "<form") {
		t.Error(weak.status, weak.text)
	}
	if done := w.fill("/auth/password", url.Values{"token": {secret}, "password": {umbrellas}}, "Origin: null"); done.status != 200 || !strings.Contains(done.text, "ada@acme.example") {
		t.Error(done.status, done.text)
	}
	w.expect("the link again", w.send("POST", "/auth/password", "", object{"token": secret, "password": umbrellas}), 401, "link_invalid")
	if again := w.send("GET", "/auth/password?token="+secret, "", nil); again.status != 401 || !strings.Contains(again.header.Get("Content-Type"), "html") {
		t.Error("the page again", again.status, again.text)
	}

	in := w.fill("/auth/token", url.Values{"username": {"ADA@acme.example"}, "password": {umbrellas}})
	if in.status != 200 || in.at("uid") != ada.id || in.body["expires_in"].(float64) != 3600 || !strings.HasPrefix(in.at("refresh_token"), "dpr_") {
		t.Fatal(in.text)
	}
	me := w.must(200, "GET", "/v1/me", in.at("token"), nil)
	if me.at("user", "id") != ada.id {
		t.Error(me.text)
	}
	w.must(200, "GET", w.gateway+"/photos/1", in.at("token"), nil, atPhotos)
	if claims := w.must(200, "POST", "/v1/tokens/introspect", w.founder, object{"token": in.at("token")}); claims.at("via") != in.at("session") || claims.body["uid"] != ada.id {
		t.Error(claims.text)
	}
	w.expect("a pass of a login does not renew itself", w.send("POST", "/v1/tokens", in.at("token"), nil), 403, "not_renewable")
	narrow := w.must(200, "POST", "/v1/tokens", in.at("token"), object{"scopes": []string{"photos:read"}, "audience": []string{"photos"}})

	next := w.fill("/auth/token/refresh", url.Values{"refresh_token": {in.at("refresh_token")}}, "Authorization: Bearer "+in.at("token"))
	if next.status != 200 || next.at("refresh_token") == in.at("refresh_token") || next.at("session") != in.at("session") {
		t.Fatal(next.text)
	}
	list := w.must(200, "GET", orgPath("acme", "/users/"+ada.id+"/sessions"), next.at("token"), nil)
	if items := list.body["items"].([]any); len(items) != 1 {
		t.Error(list.text)
	}
	other := w.login("ada@acme.example", umbrellas)
	w.must(204, "DELETE", orgPath("acme", "/users/"+ada.id+"/sessions/"+in.at("session")), other.at("token"), nil)
	for what, text := range map[string]string{"the pass": in.at("token"), "the next pass": next.at("token"), "a narrower one": narrow.at("token")} {
		w.expect(what+" of an ended session", w.send("GET", w.gateway+"/photos/1", text, nil, atPhotos), 401, "token_revoked")
	}
	w.expect("its refresh token", w.send("POST", "/auth/token/refresh", "", object{"refresh_token": next.at("refresh_token")}), 401, "refresh_token_invalid")
	w.must(200, "GET", "/v1/me", other.at("token"), nil)

	password := orgPath("acme", "/users/"+ada.id+"/password")
	w.expect("without the old one", w.send("PUT", password, other.at("token"), object{"old_password": "something else entirely", "password": "ten parasols under the sun"}), 403, "old_password_wrong")
	w.expect("by somebody else", w.send("PUT", password, w.founder, object{"old_password": umbrellas, "password": "ten parasols under the sun"}), 403, "own_password_only")
	w.must(204, "PUT", password, other.at("token"), object{"old_password": umbrellas, "password": "ten parasols under the sun"})
	w.expect("a session from before", w.send("GET", "/v1/me", other.at("token"), nil), 401, "token_revoked")
	w.expect("the old password", w.login("ada@acme.example", umbrellas), 401, "login_invalid")

	for _, name := range []string{"Ada@acme.example", "nobody@acme.example", "nonsense"} {
		if a := w.send("POST", "/auth/password/reset", "", object{"username": name}); a.status != 202 || a.text != "" {
			t.Error(a.status, a.text)
		}
	}
	reset := w.mail(2)
	if strings.Contains(reset, secret) || !strings.Contains(reset, "Subject: Set a new password for") {
		t.Error(reset)
	}
	w.send("POST", "/auth/password/reset", "", object{"username": "ada@acme.example"})
	link := linkIn.FindStringSubmatch(reset)[1]
	live := w.login("ada@acme.example", "ten parasols under the sun")
	w.must(200, "POST", "/auth/password", "", object{"token": link, "password": umbrellas})
	w.expect("a session from before the reset", w.send("GET", "/v1/me", live.at("token"), nil), 401, "token_revoked")
	w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas})
	if n := len(w.mails()); n != 2 {
		t.Errorf("%d mails: a user can be sent one after the other", n)
	}

	last := w.login("ada@acme.example", umbrellas)
	w.must(200, "PATCH", orgPath("acme", "/users/"+ada.id), w.founder, object{"active": false})
	w.expect("disabled", w.login("ada@acme.example", umbrellas), 401, "user_disabled")
	w.expect("disabled, wrong password", w.login("ada@acme.example", umbrellas+"x"), 401, "login_invalid")
	w.expect("disabled, refresh", w.send("POST", "/auth/token/refresh", "", object{"refresh_token": last.at("refresh_token")}), 401, "refresh_token_invalid")
	w.must(200, "PATCH", orgPath("acme", "/users/"+ada.id), w.founder, object{"active": true})
	w.expect("enabled again, an old refresh token", w.send("POST", "/auth/token/refresh", "", object{"refresh_token": last.at("refresh_token")}), 401, "refresh_token_invalid")
	events := w.must(200, "GET", orgPath("acme", "/events?limit=200"), w.founder, nil).text
	for _, action := range []string{"user.invited", "password.set", "password.changed", "password.reset_requested", "session.ended"} {
		if !strings.Contains(events, `"`+action+`"`) {
			t.Errorf("%s is not recorded", action)
		}
	}
}

// TestAttack_RefreshTwice: of any number that use one refresh token at once, a
// single one is answered, and the session ends for all; so it does when an old one
// comes back later, also after a restart.
func TestAttack_RefreshTwice(t *testing.T) {
	w := newWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	in := w.login("ada@acme.example", umbrellas)
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = w.send("POST", "/auth/token/refresh", "", object{"refresh_token": in.at("refresh_token")})
		})
	}
	all.Wait()
	won := 0
	for _, a := range answers {
		switch {
		case a.status == 200:
			won++
			w.expect("the winner's pass", w.send("GET", "/v1/me", a.at("token"), nil), 401, "token_revoked")
			w.expect("the winner's refresh token", w.send("POST", "/auth/token/refresh", "", object{"refresh_token": a.at("refresh_token")}), 401, "refresh_token_invalid")
		case a.status != 401:
			t.Error(a.status, a.text)
		}
	}
	if won > 1 {
		t.Errorf("%d win", won)
	}
	w.expect("the first pass", w.send("GET", "/v1/me", in.at("token"), nil), 401, "token_revoked")

	in = w.login("ada@acme.example", umbrellas)
	second := w.must(200, "POST", "/auth/token/refresh", "", object{"refresh_token": in.at("refresh_token")})
	w.restart()
	third := w.must(200, "POST", "/auth/token/refresh", "", object{"refresh_token": second.at("refresh_token")})
	w.expect("the first comes back", w.send("POST", "/auth/token/refresh", "", object{"refresh_token": in.at("refresh_token")}), 401, "refresh_token_reused")
	w.expect("the last one", w.send("POST", "/auth/token/refresh", "", object{"refresh_token": third.at("refresh_token")}), 401, "refresh_token_invalid")
	w.expect("the last pass", w.send("GET", "/v1/me", third.at("token"), nil), 401, "token_revoked")

	text := third.at("refresh_token")
	for n := range len(text) {
		if a := w.send("POST", "/auth/token/refresh", "", object{"refresh_token": text[:n]}); a.status != 401 {
			t.Fatal(n, a.status, a.text)
		}
	}
	for what, credential := range map[string]string{"as a pass": text, "as a key": strings.Replace(text, "dpr_", "dp_live_", 1)} {
		w.expect("a refresh token "+what, w.send("GET", "/v1/me", credential, nil), 401, "")
	}
}

// TestSessionsEnd: by rest and by age.
func TestSessionsEnd(t *testing.T) {
	w := newWorld(t, func(c *server.Config) {
		c.SessionPass, c.SessionIdle, c.SessionLife = 10*time.Minute, time.Hour, 90*time.Minute
	})
	w.person("acme", "ada@acme.example", "developer")
	a, b := w.login("ada@acme.example", umbrellas), w.login("ada@acme.example", umbrellas)
	refresh := func(in answer) answer {
		return w.send("POST", "/auth/token/refresh", "", object{"refresh_token": in.at("refresh_token")})
	}
	w.later(50 * time.Minute)
	if a = refresh(a); a.status != 200 || a.body["refresh_expires_in"].(float64) > 40*60 {
		t.Fatal(a.text)
	}
	w.later(15 * time.Minute)
	w.expect("after a rest", refresh(b), 401, "session_expired")
	if a = refresh(a); a.status != 200 {
		t.Fatal(a.text)
	}
	w.later(26 * time.Minute)
	w.expect("of age", refresh(a), 401, "session_expired")
}

// later moves the clock, and waits until the server has heard of revocations by it.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.offset.Add(int64(d))
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if w.send("GET", "/readyz", "", nil).status == 200 {
			return
		}
	}
	w.t.Fatal("the server does not get ready")
}

// TestAttack_ResetLinks: a Host header makes no link, and a link is used once by
// any number at once, dies with its address, and with its successor.
func TestAttack_ResetLinks(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.person("acme", "ada@acme.example", "developer")
	reset := func(headers ...string) string {
		made := w.must(201, "POST", orgPath("acme", "/users/"+ada.id+"/password-reset"), w.founder, nil, headers...)
		if !strings.HasPrefix(made.at("link"), "http://localhost:8080/auth/password?token=dpl_") {
			t.Errorf("the link is %s", made.at("link"))
		}
		return linkIn.FindStringSubmatch(made.at("link"))[1]
	}
	first := reset("Host: evil.example", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-Proto: https")
	second := reset()
	set := func(secret string) answer {
		return w.send("POST", "/auth/password", "", object{"token": secret, "password": "ten parasols under the sun"})
	}
	w.expect("an earlier link", set(first), 401, "link_invalid")
	answers := make([]answer, 6)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = set(second) })
	}
	all.Wait()
	won := 0
	for _, a := range answers {
		if a.status == 200 {
			won++
		} else if a.code() != "link_invalid" {
			t.Error(a.text)
		}
	}
	if won != 1 {
		t.Errorf("%d use one link", won)
	}
	third := reset()
	w.must(200, "PATCH", orgPath("acme", "/users/"+ada.id), w.founder, object{"email": "other@acme.example"})
	if a := set(third); a.status != 200 { // it is still the name that ada logs in by
		t.Error(a.text)
	}
	fresh := w.member("acme", object{"email": "typo@acme.example", "roles": []string{"consumer"}})
	made := w.must(201, "POST", orgPath("acme", "/users/"+fresh.id+"/invitation"), w.founder, nil)
	w.must(200, "PATCH", orgPath("acme", "/users/"+fresh.id), w.founder, object{"email": "right@acme.example"})
	w.expect("an invitation to a corrected address", set(linkIn.FindStringSubmatch(made.at("link"))[1]), 401, "link_invalid")
	fourth := reset()
	w.later(2 * time.Hour)
	w.expect("an old link", set(fourth), 401, "link_invalid")
}

// TestAttack_PasswordAcrossOrganizations: who manages a user in one organization
// gets no password that opens another.
func TestAttack_PasswordAcrossOrganizations(t *testing.T) {
	w := newWorld(t, nil)
	w.organization("globex")
	manager := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	ada := w.person("acme", "ada@acme.example", "developer")
	pending := w.must(201, "POST", orgPath("acme", "/users/"+ada.id+"/password-reset"), manager.key, nil)
	w.must(201, "PUT", orgPath("globex", "/memberships/"+ada.id), w.founder, object{"roles": []string{"account_manager"}})
	w.expect("a link from before", w.send("POST", "/auth/password", "", object{"token": linkIn.FindStringSubmatch(pending.at("link"))[1], "password": umbrellas}), 401, "link_invalid")
	w.expect("a new link", w.send("POST", orgPath("acme", "/users/"+ada.id+"/password-reset"), manager.key, nil), 403, "profile_foreign")
	w.expect("for an administrator", w.send("POST", orgPath("acme", "/users/"+w.chief+"/password-reset"), manager.key, nil), 403, "role_exceeded")

	w.expect("two organizations", w.login("ada@acme.example", umbrellas), 400, "organization_required")
	for _, org := range []string{"acme", "globex"} {
		in := w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas, "organization": org})
		if me := w.must(200, "GET", "/v1/me", in.at("token"), nil); me.at("organization", "slug") != org {
			t.Error(me.text)
		}
	}
	w.expect("another one", w.send("POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas, "organization": "nowhere"}), 403, "not_a_member")

	// Another organization may have a user by the same name; it shuts nobody out.
	w.person("globex", "ada@acme.example", "consumer")
	w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas, "organization": "acme"})
}

// TestAttack_Guessing: whatever the spelling, the form and the organization, an
// account is guessed at a few times, while others get in; so it is after a restart.
func TestAttack_Guessing(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	w.person("acme", "ada@acme.example", "developer")
	from := func(i int) string { return fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", i) }
	ok := w.send("POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas}, from(1))
	if ok.status != 200 {
		t.Fatal(ok.text)
	}
	spellings := []string{"ada@acme.example", "ADA@ACME.EXAMPLE", "ａｄａ@acme.example", "Ada@Acme.example"}
	checked := 0
	for i := range 120 {
		body := object{"username": spellings[i%len(spellings)], "password": fmt.Sprintf("wrong password number %d", i)}
		if i%3 == 1 {
			body["organization"] = []string{"acme", "globex"}[i%2]
		}
		switch a := w.send("POST", "/auth/token", "", body, from(2+i)); a.status {
		case 401:
			checked++
		case 429:
			if a.code() != "too_many_attempts" || a.header.Get("Retry-After") == "" {
				t.Error(a.text, a.header)
			}
		default:
			t.Fatal(a.status, a.text)
		}
	}
	if checked < 10 || checked > 40 {
		t.Errorf("%d guesses were made", checked)
	}
	right := func(addr int) answer {
		return w.send("POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas}, from(addr))
	}
	w.expect("the owner from elsewhere", right(200), 429, "too_many_attempts")
	w.restart()
	w.expect("after a restart", right(201), 429, "too_many_attempts")
	if a := right(1); a.status != 200 {
		t.Errorf("the owner is locked out: %d %s", a.status, a.text)
	}
	if a := right(202); a.status != 200 {
		t.Errorf("the owner's proof opens nothing: %d %s", a.status, a.text)
	}
	tried := w.must(200, "GET", orgPath("acme", "/attempts"), w.founder, nil)
	if !strings.Contains(tried.text, "login:ada@acme.example") || !strings.Contains(tried.text, "198.51.100.2") || strings.Contains(tried.text, "wrong password") {
		t.Error(tried.text)
	}
}

// TestAttack_GuessingByAnothersProof: a tenant that has given one of its users the
// name of a stranger's does not win guesses at the stranger's password by proving
// its own in between.
func TestAttack_GuessingByAnothersProof(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	w.organization("evil")
	w.person("acme", "ada@acme.example", "developer")
	w.person("evil", "ada@acme.example", "consumer")
	const guesses = 40
	made := 0
	for i := range guesses {
		from := fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", i)
		if a := w.send("POST", "/auth/token", "", object{"username": "ada@acme.example", "organization": "acme", "password": "wrong, whatever it is"}, from); a.status == 401 {
			made++
		}
		if i%8 == 7 {
			w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "organization": "evil", "password": umbrellas}, from)
		}
	}
	if made > 35 { // 30, and on a slow machine those that waited their time
		t.Errorf("%d of %d guesses were made", made, guesses)
	}
}

// TestAttack_GuessingAtNoName: a text that cannot be a name is bounded like any
// other, so that it does not keep the server hashing.
func TestAttack_GuessingAtNoName(t *testing.T) {
	w := newWorld(t, nil)
	made := 0
	for range 20 {
		if w.login("no name at all", "wrong, whatever it is").status == 401 {
			made++
		}
	}
	if made > 11 {
		t.Errorf("%d passwords were checked", made)
	}
}

// TestAttack_BoundSession: a login with a proof of a key (RFC 9449) binds what it
// gives: without that key its refresh token is worth nothing, and stays good.
func TestAttack_BoundSession(t *testing.T) {
	w := newDPoPWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	thief := newSender(t, elliptic.P256())
	at := func(path string) string { return w.api + path }
	in := w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas}, w.proof(w.sender, "POST", at("/auth/token"), ""))
	if in.at("token_type") != "DPoP" {
		t.Error(in.text)
	}
	const path = "/auth/token/refresh"
	refresh := func(path string, headers ...string) answer {
		return w.fill(path, url.Values{"refresh_token": {in.at("refresh_token")}}, headers...)
	}
	w.restart() // it is kept
	nextSecond()
	w.expect("without a proof", refresh(path), 401, "sender_key_required")
	w.expect("by another key", refresh(path, w.proof(thief, "POST", at(path), "")), 401, "sender_key_required")
	for range 2 {
		in = refresh(path, w.proof(w.sender, "POST", at(path), ""))
		if in.status != 200 || in.at("token_type") != "DPoP" {
			t.Fatal(in.status, in.text)
		}
	}
	w.expect("the pass without a proof", w.send("GET", "/v1/me", in.at("token"), nil), 401, "sender_key_required")
	const oauth = "/oauth2/token"
	grant := func(headers ...string) answer {
		return w.fill(oauth, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {in.at("refresh_token")}}, headers...)
	}
	if a := grant(); a.status == 200 {
		t.Error("by OAuth without a proof:", a.text)
	}
	if a := grant(w.proof(w.sender, "POST", at(oauth), "")); a.status != 200 || a.at("token_type") != "DPoP" {
		t.Error(a.status, a.text)
	}
}

// TestAttack_SessionBoundLater: a session that is first bound at a refresh stays bound (RFC 9449, section 5), whichever
// route it was and whichever comes next.
func TestAttack_SessionBoundLater(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, nil)
	w.person("acme", "ada@acme.example", "developer")
	thief := newSender(t, elliptic.P256())
	const login, oauth = "/auth/token/refresh", "/oauth2/token"
	for _, first := range []string{login, oauth} {
		in := w.must(200, "POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas})
		refresh := func(path string, headers ...string) answer {
			form := url.Values{"refresh_token": {in.at("refresh_token")}}
			if path == oauth {
				form.Set("grant_type", "refresh_token")
			}
			return w.fill(path, form, headers...)
		}
		if in = refresh(first); in.status != 200 || in.at("token_type") != "Bearer" {
			t.Fatal("before:", in.status, in.text)
		}
		if in = refresh(first, w.proof(w.sender, "POST", w.api+first, "")); in.status != 200 || in.at("token_type") != "DPoP" {
			t.Fatal("binding:", in.status, in.text)
		}
		for _, path := range []string{login, oauth} {
			if a := refresh(path); a.status == 200 {
				t.Fatalf("bound by %s, refreshed by %s without a proof: %s", first, path, a.text)
			}
			if a := refresh(path, w.proof(thief, "POST", w.api+path, "")); a.status == 200 {
				t.Fatalf("bound by %s, refreshed by %s with another key: %s", first, path, a.text)
			}
		}
		for _, path := range []string{login, oauth} {
			if in = refresh(path, w.proof(w.sender, "POST", w.api+path, "")); in.status != 200 || in.at("token_type") != "DPoP" {
				t.Fatal(path, in.status, in.text)
			}
		}
	}
}

// TestClientsPassword: fetch alone logs in and refreshes, and npm oauth4webapi goes on.
func TestClientsPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ada := w.person("acme", "ada@acme.example", "developer")
	runNode(t, "password.mjs", map[string]string{"DAYPASS_URL": w.api, "USERNAME": "Ada@Acme.Example", "PASSWORD": umbrellas, "SUBJECT": ada.id})
}

// TestAttack_GuessedKeys: an address that tries keys is told to wait, and its
// neighbour with a good one is not.
func TestAttack_GuessedKeys(t *testing.T) {
	w := newWorld(t, nil)
	limited := 0
	for range 1200 {
		if a := w.send("POST", "/v1/tokens", "dp_live_"+strings.Repeat("a", 49), nil); a.status == 429 {
			limited++
		}
	}
	if limited == 0 {
		t.Error("nobody is told to wait")
	}
	w.must(200, "POST", "/v1/tokens", w.founder, nil)
}

// TestPasswordByOAuth: a login goes on, and ends, by the routes of OAuth too.
func TestPasswordByOAuth(t *testing.T) {
	w := newWorld(t, nil)
	ada := w.member("acme", object{"name": "Ada", "email": "ada@acme.example", "roles": []string{"developer"}})
	invited := w.must(201, "POST", orgPath("acme", "/users/"+ada.id+"/invitation"), w.founder, nil)
	w.must(200, "POST", "/auth/password", "", object{"token": linkIn.FindStringSubmatch(invited.at("link"))[1], "password": umbrellas})
	first := w.login("ada@acme.example", umbrellas)

	w.expect("narrower", w.form("/oauth2/token", nil, "grant_type=refresh_token", "refresh_token="+first.at("refresh_token"), "scope=photos:read"), 400, "scope_exceeded")
	next := w.form("/oauth2/token", nil, "grant_type=refresh_token", "refresh_token="+first.at("refresh_token"))
	if next.status != 200 || !strings.HasPrefix(next.at("refresh_token"), "dpr_") || next.at("token_type") != "Bearer" {
		t.Fatal(next.status, next.text)
	}
	w.must(200, "GET", "/v1/me", next.at("access_token"), nil)
	if done := w.form("/oauth2/revoke", nil, "token="+next.at("refresh_token"), "token_type_hint=refresh_token"); done.status != 200 {
		t.Fatal(done.status, done.text)
	}
	w.expect("the session's pass", w.send("GET", "/v1/me", next.at("access_token"), nil), 401, "token_revoked")
	w.expect("its refresh token", w.form("/oauth2/token", nil, "grant_type=refresh_token", "refresh_token="+next.at("refresh_token")), 400, "refresh_token_invalid")
}
