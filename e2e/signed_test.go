package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/sign"
)

// signingKey makes a key that signs.
func (w *world) signingKey() answer {
	w.t.Helper()
	return w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}, "require_signature": true})
}

// TestClientsTextile: npm @textile/security proves a key unchanged.
func TestClientsTextile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := w.signingKey()
	runNode(t, "textile.mjs", map[string]string{"DAYPASS_URL": w.api, "KEY": key.at("id"), "SECRET": key.at("secret_multibase")})
}

// signed is a request that is ready to be sent, once.
type signed struct {
	method, url, body string
	header            http.Header
}

func (w *world) signed(signer *sign.Signer, method, url, body string, at time.Time, header http.Header) signed {
	w.t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if err := signer.Sign(r, at); err != nil {
		w.t.Fatal(err)
	}
	return signed{method, url, body, r.Header}
}

func (w *world) sendSigned(s signed) answer {
	w.t.Helper()
	var body io.Reader
	if s.body != "" {
		body = strings.NewReader(s.body)
	}
	r, err := http.NewRequest(s.method, s.url, body)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header = s.header.Clone()
	return w.do(r)
}

// TestSignedRequests: a signature is good for the request it was made for, once, for a minute, by its key.
func TestSignedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := w.signingKey()
	id, secret := key.at("id"), key.at("secret")
	signer, err := sign.NewHMACSigner(id, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := sign.NewHMACSigner(id, []byte("dps_another secret of the same length"))
	nobody, _ := sign.NewHMACSigner("key_00000000000000000000000000", []byte(secret))
	now := time.Now()
	tokens, me := w.api+"/v1/tokens", w.api+"/v1/me"

	w.expect("the key's text alone", w.send("POST", "/v1/tokens", key.at("key"), nil), 401, "signature_required")
	good := w.signed(signer, "POST", tokens, `{"expires_in":60}`, now, nil)
	w.expect("signed", w.sendSigned(good), 200, "")
	w.expect("replayed", w.sendSigned(good), 401, "signature_replayed")
	w.expect("an API route", w.sendSigned(w.signed(signer, "GET", me, "", now, nil)), 200, "")

	alter := func(what, code string, edit func(*signed)) {
		s := w.signed(signer, "POST", tokens, `{"expires_in":60}`, now, nil)
		edit(&s)
		w.expect(what, w.sendSigned(s), 401, code)
	}
	alter("another path", "signature_invalid", func(s *signed) { s.url = w.api + "/v1/tokens/introspect"; s.body = `{"token":"x"}` })
	alter("another method", "signature_invalid", func(s *signed) { s.method, s.url = "GET", me })
	alter("another body", "digest_mismatch", func(s *signed) { s.body = `{"expires_in":61}` })
	alter("another digest", "signature_invalid", func(s *signed) {
		s.body = `{"expires_in":61}`
		s.header.Set(sign.FieldDigest, sign.Digest([]byte(s.body)))
	})
	s := w.signed(signer, "POST", tokens, `{"expires_in":60}`, now, nil)
	s.header.Del(sign.FieldDigest)
	w.expect("no digest", w.sendSigned(s), 400, "signature_malformed")
	alter("the body taken away", "digest_mismatch", func(s *signed) { s.body = "" })
	alter("another key's name", "signature_invalid", func(s *signed) {
		s.header.Set(sign.FieldInput, strings.Replace(s.header.Get(sign.FieldInput), id, "key_00000000000000000000000000", 1))
	})
	alter("another algorithm", "signature_invalid", func(s *signed) {
		s.header.Set(sign.FieldInput, strings.Replace(s.header.Get(sign.FieldInput), "hmac-sha256", "ed25519", 1))
	})
	w.expect("two minutes old", w.sendSigned(w.signed(signer, "GET", me, "", now.Add(-2*time.Minute), nil)), 401, "signature_expired")
	w.expect("of in twenty years", w.sendSigned(w.signed(signer, "GET", me, "", now.AddDate(20, 0, 0), nil)), 401, "signature_expired")
	w.expect("a key beside it", w.sendSigned(w.signed(signer, "GET", me, "", now, http.Header{"Api-Key": {w.founder}})), 400, "two_credentials")
	w.expect("a pass of another key beside it", w.sendSigned(w.signed(signer, "GET", me, "", now,
		http.Header{"Authorization": {"Bearer " + w.pass(w.founder, object{})}})), 401, "pass_of_another_key")

	wrong, unknown := w.sendSigned(w.signed(stranger, "GET", me, "", now, nil)), w.sendSigned(w.signed(nobody, "GET", me, "", now, nil))
	for _, a := range []answer{wrong, unknown} {
		w.expect("no good secret", a, 401, "signature_invalid")
		delete(a.body, "instance")
		delete(a.body, "request_id")
	}
	if wrong.at("detail") != unknown.at("detail") || len(wrong.body) != len(unknown.body) || len(wrong.header) != len(unknown.header) {
		t.Errorf("an unknown key and a wrong secret differ:\n%s\n%s", wrong.text, unknown.text)
	}

	client, err := daypass.New(w.api, daypass.WithSigningKey(id, secret))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Exchange(t.Context(), daypass.ExchangeRequest{}); err != nil {
		t.Errorf("the SDK: %v", err)
	}
	if strings.Contains(w.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

// TestSigningSecretRotates: while the old secret works, signatures by it do; then, and without an overlap, they do not.
func TestSigningSecretRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := w.signingKey()
	id := key.at("id")
	try := func(secret string) answer {
		signer, err := sign.NewHMACSigner(id, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return w.sendSigned(w.signed(signer, "GET", w.api+"/v1/me", "", time.Now().Add(time.Duration(w.offset.Load())), nil))
	}
	w.expect("first", try(key.at("secret")), 200, "")
	second := w.must(200, "POST", orgPath("acme", "/keys/"+id+"/rotate"), w.founder, object{"overlap": 600})
	w.expect("old, in the overlap", try(key.at("secret")), 200, "")
	w.expect("new", try(second.at("secret")), 200, "")
	third := w.must(200, "POST", orgPath("acme", "/keys/"+id+"/rotate"), w.founder, nil)
	w.expect("old, without overlap", try(second.at("secret")), 401, "")
	w.expect("oldest", try(key.at("secret")), 401, "")
	w.expect("newest", try(third.at("secret")), 200, "")
	w.must(204, "DELETE", orgPath("acme", "/keys/"+id), w.founder, nil)
	w.expect("deleted", try(third.at("secret")), 401, "signature_invalid")
}

// TestGatewayTakesSignedRequests: the pass alone does not open the resource, nor does another key's signature, and the
// upstream gets neither signature nor a body that was not signed.
func TestGatewayTakesSignedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", `
application: photos
upstream: UPSTREAM
hosts: [photos.test]
resources:
  - match: ANY /**
    require: { signature: true }
`)
	key, other := w.signingKey(), w.signingKey()
	signers := map[string]*sign.Signer{}
	for _, k := range []answer{key, other} {
		s, err := sign.NewHMACSigner(k.at("id"), []byte(k.at("secret")))
		if err != nil {
			t.Fatal(err)
		}
		signers[k.at("id")] = s
	}
	signer := signers[key.at("id")]
	pass := w.sendSigned(w.signed(signer, "POST", w.api+"/v1/tokens", "", time.Now(), nil)).at("token")
	bearer := http.Header{"Authorization": {"Bearer " + pass}}
	send := func(s *sign.Signer, edit func(r *http.Request)) answer {
		r, _ := http.NewRequest("POST", w.gateway+"/a%20b?x=1", strings.NewReader("hello"))
		r.Host = "photos.test"
		r.Header = bearer.Clone()
		if s != nil {
			if err := s.Sign(r, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if edit != nil {
			edit(r)
		}
		return w.do(r)
	}
	w.expect("the pass alone", send(nil, nil), 401, "signature_required")
	w.expect("another key's signature", send(signers[other.at("id")], nil), 401, "signature_invalid")
	w.expect("another body", send(signer, func(r *http.Request) { r.Body, r.GetBody = io.NopCloser(strings.NewReader("jello")), nil }), 401, "signature_invalid")
	w.expect("the body taken away", send(signer, func(r *http.Request) { r.Body, r.GetBody, r.ContentLength = nil, nil, 0 }), 401, "signature_invalid")
	w.expect("another path", send(signer, func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/c", "" }), 401, "signature_invalid")
	w.expect("another pass", send(signer, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+w.pass(w.founder, object{})) }), 401, "signature_invalid")
	if n := w.reached.Load(); n != 0 {
		t.Fatalf("%d requests reached the upstream", n)
	}
	a := send(signer, nil)
	w.expect("signed", a, 200, "")
	headers, _ := a.body["headers"].(object)
	for _, name := range []string{"Signature", "Signature-Input", "Authorization"} {
		if headers[name] != nil {
			t.Errorf("the upstream gets %s", name)
		}
	}
	proxy := w.send("GET", "/v1/forward-auth", pass, nil, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /", "X-Forwarded-Host: photos.test")
	if proxy.status == 204 {
		t.Error("forward-auth lets an unsigned request through")
	}
}

// TestRegisteredPublicKeySigns: a key with a public key is proved by signatures of that, where it takes no secret's.
func TestRegisteredPublicKeySigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := object{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
	key := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}, "public_key": jwk})
	signer, err := sign.NewSigner(key.at("id"), private)
	if err != nil {
		t.Fatal(err)
	}
	s := w.signed(signer, "GET", w.api+"/v1/me", "", time.Now(), nil)
	w.expect("signed", w.sendSigned(s), 200, "")
	w.expect("replayed", w.sendSigned(s), 401, "signature_replayed")
	byText, err := sign.NewHMACSigner(key.at("id"), public)
	if err != nil {
		t.Fatal(err)
	}
	w.expect("an HMAC by the public key", w.sendSigned(w.signed(byText, "GET", w.api+"/v1/me", "", time.Now(), nil)), 401, "signature_invalid")
}

// TestSignerBrokersLogins: a user-group key that signs runs its users' logins by its signature, which proves nobody elsewhere.
func TestSignerBrokersLogins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"kind": "ug", "scopes": []string{"photos:read"}, "require_signature": true})
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ask := `{"public_key":"` + base64.RawURLEncoding.EncodeToString(public) + `","key":"` + key.at("id") + `"}`
	signer, err := sign.NewHMACSigner(key.at("id"), []byte(key.at("secret")))
	if err != nil {
		t.Fatal(err)
	}
	if a := w.sendSigned(w.signed(signer, "POST", w.api+"/v1/challenges", ask, time.Now(), nil)); a.status/100 != 2 || a.at("challenge") == "" {
		t.Errorf("signed: %d %s", a.status, a.text)
	}
	proof := http.Header{}
	sign.SignTime(key.at("id"), []byte(key.at("secret")), time.Now().Add(time.Minute)).Set(proof)
	proof.Set("Content-Type", "application/json")
	if a := w.sendSigned(signed{"POST", w.api + "/v1/challenges", ask, proof}); a.status/100 != 2 {
		t.Errorf("a signed time: %d %s", a.status, a.text)
	}
	w.expect("elsewhere", w.sendSigned(w.signed(signer, "POST", w.api+"/v1/tokens", "", time.Now(), nil)), 401, "challenge_required")
	other := w.signingKey()
	stranger, _ := sign.NewHMACSigner(key.at("id"), []byte(other.at("secret")))
	w.expect("another key's secret", w.sendSigned(w.signed(stranger, "POST", w.api+"/v1/challenges", ask, time.Now(), nil)), 401, "signature_invalid")
}

// TestSignaturesAreGoodOnceOverARestart: in the very second of it too, and where the client's clock is ahead.
func TestSignaturesAreGoodOnceOverARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := w.signingKey()
	signer, err := sign.NewHMACSigner(key.at("id"), []byte(key.at("secret")))
	if err != nil {
		t.Fatal(err)
	}
	me := func(ahead time.Duration) signed {
		s := w.signed(signer, "GET", "http://same.test/v1/me", "", time.Now().Add(ahead), nil)
		return s
	}
	send := func(s signed) answer {
		r, err := http.NewRequest(s.method, w.api+"/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header, r.Host = s.header.Clone(), "same.test"
		return w.do(r)
	}
	now, ahead := me(0), me(20*time.Second)
	w.expect("now", send(now), 200, "")
	w.expect("ahead", send(ahead), 200, "")
	w.restart()
	w.expect("now, after a restart", send(now), 401, "made_before_start")
	w.expect("ahead, after a restart", send(ahead), 401, "signature_replayed")
	w.restart()
	w.expect("ahead, after another", send(ahead), 401, "signature_replayed")
	nextSecond()
	w.expect("new", send(me(0)), 200, "")
}

// TestSignedFeed: the feed is read by signed requests too, one for each page; there is no waiting, since a signature is good
// once.
func TestSignedFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := w.signingKey()
	signer, err := sign.NewHMACSigner(key.at("id"), []byte(key.at("secret")))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, events := range []bool{false, true} {
		for _, query := range []string{"", fmt.Sprint("?wait=25&after=", key.body["revision"])} {
			header := http.Header{}
			if events {
				header.Set("Accept", "text/event-stream")
			}
			a := w.sendSigned(w.signed(signer, "GET", w.api+"/v1/feed"+query, "", time.Now(), header))
			if a.status != 200 || strings.Count(a.text, ".") != 2 {
				t.Errorf("%s, as events: %v: %d %s", query, events, a.status, a.text)
			}
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
