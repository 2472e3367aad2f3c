package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/sign"
)

const worldIssuer = "http://localhost:8080"

// group makes a user-group key of an owner and returns its id, text and secret.
func (w *world) group(owner string, more object) (id, text, secret string) {
	w.t.Helper()
	body := object{"kind": "ug", "scopes": []string{"photos:read"}}
	for name, value := range more {
		body[name] = value
	}
	a := w.must(201, "POST", orgPath("acme", "/keys"), owner, body)
	return a.at("id"), a.at("key"), a.at("secret")
}

func newIdentity(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func publicKeyOf(private ed25519.PrivateKey) string {
	return base64.RawURLEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
}

func (w *world) challenge(key string, private ed25519.PrivateKey, headers ...string) answer {
	w.t.Helper()
	return w.send("POST", "/v1/challenges", "", object{"public_key": publicKeyOf(private), "key": key}, headers...)
}

func signatureOf(c answer, private ed25519.PrivateKey) string {
	return signatureFor(worldIssuer, c, private)
}

func signatureFor(issuer string, c answer, private ed25519.PrivateKey) string {
	text := "daypass challenge v1\n" + issuer + "\n" + c.at("id") + "\n" + c.at("challenge")
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
}

func (w *world) answerTo(c answer, private ed25519.PrivateKey, headers ...string) answer {
	w.t.Helper()
	return w.send("POST", "/v1/challenges/"+c.at("id"), "", object{"signature": signatureOf(c, private)}, headers...)
}

// logIn is a whole login.
func (w *world) logIn(key string, private ed25519.PrivateKey, headers ...string) answer {
	w.t.Helper()
	c := w.challenge(key, private, headers...)
	if c.status != 200 {
		return c
	}
	return w.answerTo(c, private, headers...)
}

// TestChallengeClients: npm @textile/crypto and WebCrypto log in.
func TestChallengeClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key, _, _ := w.group(w.founder, nil)
	runNode(t, "challenge.mjs", map[string]string{
		"DAYPASS_URL": w.api, "ISSUER": worldIssuer, "GROUP": key, "NODE_OPTIONS": "--experimental-websocket --experimental-global-webcrypto --no-warnings",
	})
}

// TestChallengeLogin: an identity gets a pass that opens what its user-group key may, is the same each time, and no more.
func TestChallengeLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	key, text, _ := w.group(w.founder, object{"max_token_life": 600, "may_name_subjects": true})
	me := newIdentity(t)
	first := w.logIn(key, me)
	w.expect("a login", first, 200, "")
	pass, id := first.at("token"), first.at("payload", "sub")
	if first.at("payload", "via") != id || !strings.HasPrefix(id, "idn_") || first.at("payload", "scope") != "photos:read" || first.body["expires_in"] != 600.0 {
		t.Fatalf("the pass is %s", first.text)
	}
	if again := w.logIn(text, me); again.at("payload", "sub") != id {
		t.Errorf("the next time, by the key's text: %s", again.text)
	}
	seen := w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
	if headers, _ := seen.body["headers"].(object); fmt.Sprint(headers["X-Daypass-Subject"]) != "["+id+"]" {
		t.Errorf("the application is told of %v", headers["X-Daypass-Subject"])
	}
	w.expect("beyond the key", w.send("POST", w.gateway+"/photos/1", pass, object{}, atPhotos), 403, "scope_missing")
	c := w.challenge(key, me)
	wide := object{"signature": signatureOf(c, me), "scopes": []string{"photos:*"}}
	w.expect("a wish beyond the key", w.send("POST", "/v1/challenges/"+c.at("id"), "", wide), 403, "scope_exceeded")
	c = w.challenge(key, me)
	w.expect("a life beyond the key", w.send("POST", "/v1/challenges/"+c.at("id"), "", object{"signature": signatureOf(c, me), "expires_in": 601}), 403, "life_exceeded")
	c = w.challenge(key, me)
	w.expect("another subject", w.send("POST", "/v1/challenges/"+c.at("id"), "", object{"signature": signatureOf(c, me), "subject": w.chief}), 400, "")
	c = w.challenge(key, me)
	renewable := w.must(200, "POST", "/v1/challenges/"+c.at("id"), "", object{"signature": signatureOf(c, me), "renewable": true}).at("token")
	renewed := w.must(200, "POST", "/v1/tokens", renewable, nil)
	if renewed.at("payload", "sub") != id || renewed.at("payload", "via") != id {
		t.Errorf("renewed for %s", renewed.text)
	}
	w.expect("a pass for somebody else", w.send("POST", "/v1/tokens", renewable, object{"subject": "other"}), 403, "subject_not_allowed")
	w.expect("administration", w.send("GET", "/v1/me", pass, nil), 403, "named_subject")
	w.expect("the key's text alone", w.send("POST", "/v1/tokens", text, nil), 401, "challenge_required")
	if log := w.log.String(); strings.Contains(log, text) || strings.Contains(log, pass) {
		t.Error("the log has a credential in it")
	}
}

// TestAttack_Challenge: a challenge is good once, soon, for who asked, and for nothing else.
func TestAttack_Challenge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	key, _, _ := w.group(w.founder, nil)
	second, _, _ := w.group(w.founder, nil)
	me, other := newIdentity(t), newIdentity(t)

	c := w.challenge(key, me)
	w.expect("from another address", w.answerTo(c, me, "X-Forwarded-For: 203.0.113.9"), 401, "challenge_unknown")
	w.expect("by another key", w.answerTo(c, other), 401, "challenge_signature_invalid")
	for name, text := range map[string]string{
		"the challenge alone":    c.at("challenge"),
		"another issuer":         "daypass challenge v1\nhttps://evil.example\n" + c.at("id") + "\n" + c.at("challenge"),
		"a line break at an end": "daypass challenge v1\n" + worldIssuer + "\n" + c.at("id") + "\n" + c.at("challenge") + "\n",
		"nothing":                "",
	} {
		signature := base64.RawURLEncoding.EncodeToString(ed25519.Sign(me, []byte(text)))
		w.expect("signed "+name, w.send("POST", "/v1/challenges/"+c.at("id"), "", object{"signature": signature}), 401, "challenge_signature_invalid")
	}
	// Every part of the id is what it was.
	id := c.at("id")
	for i := range len(id) {
		changed := []byte(id)
		if changed[i] ^= 1; changed[i] == '/' || changed[i] == '?' || changed[i] == '#' || changed[i] == '%' {
			continue
		}
		if i%7 != 0 && i < len(id)-2 {
			continue
		}
		forged := answer{body: object{"id": string(changed), "challenge": c.at("challenge")}}
		if a := w.answerTo(forged, me); a.status != 401 || a.code() != "challenge_unknown" && a.code() != "too_many_attempts" {
			t.Errorf("with another character at %d: %d %s", i, a.status, a.text)
		}
	}
	for _, cut := range []string{id[:len(id)-1], id[:len(id)-44], id + "A", id + ".", "chl_", strings.Replace(id, key, second, 1), "x"} {
		forged := answer{body: object{"id": cut, "challenge": c.at("challenge")}}
		if a := w.answerTo(forged, me); a.status != 401 {
			t.Errorf("as %q: %d %s", cut, a.status, a.text)
		}
	}
	for name, body := range map[string]any{
		"no signature": object{}, "a short one": object{"signature": strings.Repeat("A", 85)}, "spare bits": object{"signature": signatureOf(c, me)[:85] + "B"},
		"a line break": object{"signature": signatureOf(c, me)[:85] + "\n"}, "a list": object{"signature": []int{1}},
	} {
		if a := w.send("POST", "/v1/challenges/"+id, "", body); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	w.expect("a credential beside it", w.send("POST", "/v1/challenges/"+id, w.founder, object{"signature": signatureOf(c, me)}), 400, "two_credentials")

	// In the end it is good, once, however many come at once.
	var all sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	for range 8 {
		all.Go(func() {
			a := w.answerTo(c, me)
			mu.Lock()
			defer mu.Unlock()
			codes[fmt.Sprint(a.status, a.code())]++
		})
	}
	all.Wait()
	if codes["200"] != 1 || codes["401challenge_used"] != 7 {
		t.Errorf("answered eight times at once: %v", codes)
	}

	late := w.challenge(key, me)
	w.offset.Add(int64(61 * time.Second))
	after := w.answerTo(late, me)
	for deadline := time.Now().Add(10 * time.Second); after.status == 503 && time.Now().Before(deadline); after = w.answerTo(late, me) {
		time.Sleep(50 * time.Millisecond) // until the server has heard of revocations at this time of its clock
	}
	w.expect("a minute later", after, 401, "challenge_expired")
	w.offset.Store(0)

	// A challenge for one kind of thing is no other: a pass, or a key.
	fresh := w.challenge(key, me)
	w.expect("as a credential", w.send("POST", "/v1/tokens", fresh.at("id"), nil), 401, "credential_invalid")
	w.expect("a pass as a challenge", w.send("POST", "/v1/challenges/"+w.pass(w.founder, object{}), "", object{"signature": signatureOf(c, me)}), 401, "challenge_unknown")

	w.restart()
	if a := w.answerTo(fresh, me); a.status != 401 {
		t.Errorf("made before a restart, when nobody knows whether it was used: %d %s", a.status, a.text)
	}
	for name, publicKey := range map[string]any{
		"the point of order one": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "zero": strings.Repeat("A", 43), "as did:key": "did:key:z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP",
		"a number": 7, "a number as long as a key": json.RawMessage(strings.Repeat("1", 42) + "0"), "null": nil, "a list": []string{"x"}, "nothing": "", "private": object{"kty": "OKP", "crv": "Ed25519", "x": publicKeyOf(me), "d": publicKeyOf(me)},
	} {
		if a := w.send("POST", "/v1/challenges", "", object{"public_key": publicKey, "key": key}); a.status != 400 {
			t.Errorf("%s for a public key: %d %s", name, a.status, a.text)
		}
	}
	w.expect("under an unknown key", w.challenge("key_01k8dn0003t6w9z2b5d8f1h4j7", me), 401, "key_unknown")
	w.expect("under a key of another kind", w.challenge(w.founder, me), 401, "user_group_required")
}

// TestChallengeLineage: whatever stands behind an identity's pass ends it, and its renewal.
func TestChallengeLineage(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, owner member, key, identity string) (code string){
		"the identity is disabled": func(w *world, _ member, _, identity string) string {
			w.must(200, "PATCH", orgPath("acme", "/identities/"+identity), w.founder, object{"active": false})
			return "identity_disabled"
		},
		"the key is rotated": func(w *world, _ member, key, _ string) string {
			w.must(200, "POST", orgPath("acme", "/keys/"+key+"/rotate"), w.founder, nil)
			return ""
		},
		"the key is deleted": func(w *world, _ member, key, _ string) string {
			w.must(204, "DELETE", orgPath("acme", "/keys/"+key), w.founder, nil)
			return "key_unknown"
		},
		"the key's owner is disabled": func(w *world, owner member, _, _ string) string {
			w.must(200, "PATCH", orgPath("acme", "/users/"+owner.id), w.founder, object{"active": false})
			return "user_disabled"
		},
		"the key's owner leaves": func(w *world, owner member, _, _ string) string {
			w.must(204, "DELETE", orgPath("acme", "/memberships/"+owner.id), w.founder, nil)
			return "key_unknown"
		},
		"the identity is forgotten": func(w *world, _ member, _, identity string) string {
			w.must(204, "DELETE", orgPath("acme", "/identities/"+identity), w.founder, nil)
			return ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.serve("acme", "photos", photos)
			owner := w.member("acme", object{"roles": []string{"developer"}, "scopes": []string{"*"}})
			key, _, _ := w.group(owner.key, nil)
			me := newIdentity(t)
			pending := w.challenge(key, me)
			c := w.challenge(key, me)
			grant := w.must(200, "POST", "/v1/challenges/"+c.at("id"), "", object{"signature": signatureOf(c, me), "renewable": true})
			pass, id := grant.at("token"), grant.at("payload", "sub")
			w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
			code := end(w, owner, key, id)
			w.expect("at the gate", w.send("GET", w.gateway+"/photos/1", pass, nil, atPhotos), 401, "token_revoked")
			w.expect("renewed", w.send("POST", "/v1/tokens", pass, nil), 401, "token_revoked")
			if a := w.must(200, "POST", "/v1/tokens/introspect", w.founder, object{"token": pass}); strings.TrimSpace(a.text) != `{"active":false}` {
				t.Errorf("introspected: %s", a.text)
			}
			answered := w.answerTo(pending, me)
			if name == "the identity is forgotten" {
				if w.expect("a challenge from before", answered, 200, ""); answered.at("payload", "sub") == id {
					t.Error("who was forgotten is the same again")
				}
				return
			}
			if answered.status != 401 {
				t.Errorf("a challenge from before: %d %s", answered.status, answered.text)
			}
			if code == "" {
				if again := w.logIn(key, me); again.at("payload", "sub") != id {
					t.Errorf("a new login: %d %s", again.status, again.text)
				}
				return
			}
			w.expect("a new login", w.logIn(key, me), 401, code)
		})
	}
}

// TestChallengeBroker: under a key that signs, only its backend lets users in, and hands on what Textile's clients expect.
func TestChallengeBroker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	owner := w.member("acme", object{"roles": []string{"developer"}, "scopes": []string{"*"}})
	stranger := w.member("acme", object{"roles": []string{"developer"}, "scopes": []string{"*"}})
	key, text, secret := w.group(owner.key, object{"require_signature": true})
	me := newIdentity(t)
	narrow := w.must(201, "POST", orgPath("acme", "/keys"), owner.key, object{"scopes": []string{"daypass:challenges:write"}}).at("key")
	useless := w.must(201, "POST", orgPath("acme", "/keys"), owner.key, object{"scopes": []string{"photos:*"}}).at("key")
	for name, try := range map[string]struct {
		key, credential, code string
	}{
		"nobody":                      {key, "", "broker_required"},
		"nobody, by its text":         {text, "", "broker_required"},
		"somebody else":               {key, stranger.key, "broker_required"},
		"an administrator":            {key, w.founder, "broker_required"},
		"the owner without the scope": {key, useless, "broker_required"},
		"its text":                    {key, text, "challenge_required"},
		"an unknown key":              {key, strings.Replace(owner.key, owner.key[10:12], "zz", 1), "key_malformed"},
		"a pass without the scope":    {key, w.pass(owner.key, object{"scopes": []string{"photos:read"}}), "broker_required"},
	} {
		a := w.send("POST", "/v1/challenges", try.credential, object{"public_key": publicKeyOf(me), "key": try.key})
		w.expect(name, a, 401, try.code)
	}
	for name, credential := range map[string]string{"its key": owner.key, "its narrow key": narrow, "its pass": w.pass(owner.key, object{})} {
		c := w.must(200, "POST", "/v1/challenges", credential, object{"public_key": publicKeyOf(me), "key": key})
		w.expect("brokered by "+name, w.answerTo(c, me), 200, "")
	}

	conn, _, err := websocket.Dial(t.Context(), strings.Replace(w.api, "http", "ws", 1)+"/v1/challenges/ws?key="+key, &websocket.DialOptions{HTTPHeader: http.Header{"Api-Key": {owner.key}}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	var frame struct {
		Type  string
		Value json.RawMessage
	}
	talk := func(out any) {
		t.Helper()
		if err := wsjson.Write(t.Context(), conn, out); err != nil {
			t.Fatal(err)
		}
		if err := wsjson.Read(t.Context(), conn, &frame); err != nil {
			t.Fatal(err)
		}
	}
	talk(object{"type": "token", "pubkey": publicKeyOf(me)})
	var buffer struct{ Data []int }
	if err := json.Unmarshal(frame.Value, &buffer); err != nil {
		t.Fatal(err)
	}
	var message []byte
	for _, c := range buffer.Data {
		message = append(message, byte(c))
	}
	talk(object{"type": "challenge", "sig": base64.StdEncoding.EncodeToString(ed25519.Sign(me, message))})
	var auth struct{ Key, Sig, Msg, Token string }
	if err := json.Unmarshal(frame.Value, &auth); err != nil || frame.Type != "token" {
		t.Fatalf("%s %s", frame.Type, frame.Value)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(auth.Msg))
	until, err := time.Parse(time.RFC3339, auth.Msg)
	if want := "b" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil))); auth.Key != key || auth.Sig != want || err != nil {
		t.Errorf("got %+v, want the signature %s of %s", auth, want, key)
	}
	if ahead := time.Until(until); ahead < time.Minute || ahead > 30*time.Minute {
		t.Errorf("the signature holds for %s", ahead)
	}
	w.expect("the pass beside it, at the admin API", w.send("GET", "/v1/me", auth.Token, nil), 403, "named_subject")
}

// socketLogin is a whole login over WebSocket: the last frame.
func (w *world) socketLogin(query string, private ed25519.PrivateKey, header http.Header) (kind string, value json.RawMessage) {
	w.t.Helper()
	conn, _, err := websocket.Dial(w.t.Context(), strings.Replace(w.api, "http", "ws", 1)+"/v1/challenges/ws?"+query, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.CloseNow()
	var frame struct {
		Type  string
		Value json.RawMessage
	}
	talk := func(out object) {
		w.t.Helper()
		_ = wsjson.Write(w.t.Context(), conn, out) // the error frame may have come before
		if err := wsjson.Read(w.t.Context(), conn, &frame); err != nil {
			w.t.Fatal(err)
		}
	}
	talk(object{"type": "token", "pubkey": publicKeyOf(private)})
	if frame.Type != "challenge" {
		return frame.Type, frame.Value
	}
	var buffer struct{ Data []int }
	if err := json.Unmarshal(frame.Value, &buffer); err != nil {
		w.t.Fatal(err)
	}
	var message []byte
	for _, c := range buffer.Data {
		message = append(message, byte(c))
	}
	talk(object{"type": "challenge", "sig": base64.StdEncoding.EncodeToString(ed25519.Sign(private, message))})
	return frame.Type, frame.Value
}

type handed struct{ Key, Sig, Msg, Token string }

func (h handed) headers() []string {
	return []string{"x-textile-api-key: " + h.Key, "x-textile-api-sig: " + h.Sig, "x-textile-api-sig-msg: " + h.Msg}
}

func headerOf(lines []string) http.Header {
	header := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		header.Set(name, value)
	}
	return header
}

// TestAttack_ChallengeHandedSignature: what a user is handed at its login lets nobody else in, nor the same user for ever.
func TestAttack_ChallengeHandedSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key, _, secret := w.group(w.founder, object{"require_signature": true})
	me, friend := newIdentity(t), newIdentity(t)
	var user handed
	kind, value := w.socketLogin("key="+key, me, http.Header{"Api-Key": {w.founder}})
	if err := json.Unmarshal(value, &user); err != nil || kind != "token" || user.Sig == "" {
		t.Fatalf("%s %s", kind, value)
	}
	beside := append(user.headers(), "Authorization: Bearer "+user.Token)
	narrowed := w.must(200, "POST", "/v1/tokens", "", object{"expires_in": 60, "scopes": []string{}}, beside...)
	if narrowed.at("payload", "via") == "" {
		t.Errorf("the signature beside its pass: %s", narrowed.text)
	}
	for name, headers := range map[string][]string{"a handed signature": user.headers(), "with the pass": beside} {
		w.expect(name+" lets a friend in", w.challenge(key, friend, headers...), 401, "broker_required")
		if kind, value := w.socketLogin("key="+key, friend, headerOf(headers)); kind != "error" {
			t.Errorf("%s over WebSocket: %s %s", name, kind, value)
		}
	}

	// The backend's own begins logins, as before, but frees nobody from the bound on new identities.
	made := sign.SignTime(key, []byte(secret), time.Now().Add(time.Minute))
	own := handed{Key: made.KeyID, Sig: made.Signature, Msg: made.Message}
	refused := 0
	for range 61 {
		private := newIdentity(t)
		if a := w.answerTo(w.challenge(key, private, own.headers()...), private); a.code() == "too_many_new_identities" {
			refused++
		} else if a.status != 200 {
			t.Fatalf("%d %s", a.status, a.text)
		}
	}
	if refused == 0 {
		t.Error("who was handed a signature brings any number of new identities")
	}
}

// TestChallengeRotation: while both secrets of a key are good, its backend runs logins with either, and they end with theirs.
func TestChallengeRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key, _, old := w.group(w.founder, object{"require_signature": true})
	next := w.must(200, "POST", orgPath("acme", "/keys/"+key+"/rotate"), w.founder, object{"overlap": 600}).at("secret")
	me := newIdentity(t)
	for version, secret := range []string{old, next} {
		made := sign.SignTime(key, []byte(secret), time.Now().Add(time.Minute))
		kind, value := w.socketLogin("key="+key, me, headerOf(handed{Key: made.KeyID, Sig: made.Signature, Msg: made.Message}.headers()))
		var user handed
		if err := json.Unmarshal(value, &user); err != nil || kind != "token" {
			t.Fatalf("with secret %d: %s %s", version+1, kind, value)
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(user.Msg))
		if want := "b" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil))); user.Sig != want {
			t.Errorf("with secret %d: signed %s, want %s", version+1, user.Sig, want)
		}
		seen := w.must(200, "POST", "/v1/tokens/introspect", w.founder, object{"token": user.Token})
		if kv := fmt.Sprint(seen.body["kv"]); (version == 1) != (kv == "2") {
			t.Errorf("with secret %d: %s", version+1, seen.text)
		}
	}
}

// TestAttack_ChallengeLockOut: who shares an address with strangers can log in, whatever they try.
func TestAttack_ChallengeLockOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key, _, _ := w.group(w.founder, nil)
	limited := false
	for range 1500 {
		if limited = w.challenge("key_01k8dn0003t6w9z2b5d8f1h4j7", newIdentity(t)).status == 429; limited {
			break
		}
	}
	if !limited {
		t.Error("guesses are not bounded")
	}
	w.expect("a login from the same address", w.logIn(key, newIdentity(t)), 200, "")
}

// TestChallengeSocketsOfANetwork: connections are bounded for who has one address of a network of IPv6, and so all.
func TestChallengeSocketsOfANetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} })
	key, _, _ := w.group(w.founder, nil)
	open := 0
	for i := range 40 {
		header := http.Header{"X-Forwarded-For": {fmt.Sprintf("2001:db8::%x", i+1)}}
		conn, _, err := websocket.Dial(t.Context(), strings.Replace(w.api, "http", "ws", 1)+"/v1/challenges/ws?key="+key, &websocket.DialOptions{HTTPHeader: header})
		if err == nil {
			open++
			defer conn.CloseNow()
		}
	}
	if open != 32 {
		t.Errorf("%d connections are open from one network", open)
	}
}

// TestTokensSayWhereTheyCameFrom: the list tells a login from a key, and leaves out what a leaked signing key made.
func TestTokensSayWhereTheyCameFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key, _, _ := w.group(w.founder, nil)
	w.expect("a login", w.logIn(key, newIdentity(t)), 200, "")
	pass := w.pass(w.founder, object{"renewable": true})
	w.must(200, "POST", "/v1/tokens", pass, nil)
	origins := func() (list []string) {
		items, _ := w.must(200, "GET", orgPath("acme", "/tokens"), w.founder, nil).body["items"].([]any)
		for _, item := range items {
			list = append(list, fmt.Sprint(item.(object)["origin"]))
		}
		slices.Sort(list)
		return list
	}
	want := []string{"challenge", "key", "renewed"}
	for deadline := time.Now().Add(10 * time.Second); len(origins()) < len(want) && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	if got := origins(); !slices.Equal(got, want) {
		t.Errorf("passes came from %v, want %v", got, want)
	}
	w.must(204, "POST", "/v1/keyset/"+kidOf(t, pass)+"/retire", w.founder, object{"now": true})
	if got := origins(); len(got) > 0 {
		t.Errorf("passes of a retired key are listed as living: %v", got)
	}
}

// TestChallengeBounds: one identity logs in so often, and one address brings so many new ones.
func TestChallengeBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) {
		c.TrustedProxies, c.IdentityLogins, c.MaxIdentities = []string{"127.0.0.1"}, 3, 35
	})
	key, _, _ := w.group(w.founder, nil)
	me := newIdentity(t)
	var codes []int
	for range 5 {
		codes = append(codes, w.logIn(key, me, "X-Forwarded-For: 198.51.100.1").status)
	}
	if !slices.Contains(codes, 429) || codes[2] != 200 {
		t.Errorf("logins of one identity: %v", codes)
	}
	other, refused := 0, 0
	for i := range 40 {
		from := fmt.Sprintf("X-Forwarded-For: 2001:db8::%x", i+1) // one network
		switch a := w.logIn(key, newIdentity(t), from); {
		case a.status == 200:
			other++
		case a.status == 429 && a.code() == "too_many_new_identities" && a.header.Get("Retry-After") != "":
			refused++
		default:
			t.Fatalf("%d %s", a.status, a.text)
		}
	}
	if other < 30 || other+refused != 40 || refused == 0 {
		t.Errorf("%d new identities from one network are let in, %d not", other, refused)
	}
	last := ""
	for range 36 { // a backend is not held to that, but to what the key may have
		private := newIdentity(t)
		c := w.must(200, "POST", "/v1/challenges", w.founder, object{"public_key": publicKeyOf(private), "key": key}, "X-Forwarded-For: 2001:db8::1")
		last = w.answerTo(c, private, "X-Forwarded-For: 2001:db8::1").code()
	}
	if last != "too_many_identities" {
		t.Errorf("beyond what a key may have: %s", last)
	}
}

// TestChallengeSDK: the Go client logs in, with Ed25519 and with P-256, and through a backend.
func TestChallengeSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key, _, _ := w.group(w.founder, nil)
	signing, _, _ := w.group(w.founder, object{"require_signature": true})
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	device, err := daypass.New(w.api)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := daypass.New(w.api, daypass.WithKey(w.founder))
	if err != nil {
		t.Fatal(err)
	}
	subjects := map[string]bool{}
	for _, signer := range []crypto.Signer{newIdentity(t), p256} {
		for range 3 {
			token, err := device.LogIn(t.Context(), daypass.Login{Issuer: worldIssuer, Group: key, Signer: signer}, daypass.ExchangeRequest{Life: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			subjects[token.Claims.Subject] = true
		}
		brokered := daypass.Login{Issuer: worldIssuer, Group: signing, Signer: signer}
		if _, err := device.LogIn(t.Context(), brokered, daypass.ExchangeRequest{}); err == nil {
			t.Error("past the backend")
		}
		if _, err := backend.LogIn(t.Context(), brokered, daypass.ExchangeRequest{}); err != nil {
			t.Error(err)
		}
	}
	if len(subjects) != 2 {
		t.Errorf("two keys are %d subjects", len(subjects))
	}
	for name, wrong := range map[string]daypass.Login{
		"no key": {Issuer: worldIssuer, Group: key}, "P-384": {Issuer: worldIssuer, Group: key, Signer: p384},
		"another issuer": {Issuer: "https://evil.example", Group: key, Signer: p256},
	} {
		if token, err := device.LogIn(t.Context(), wrong, daypass.ExchangeRequest{}); err == nil {
			t.Errorf("%s: %v", name, token)
		}
	}
}
