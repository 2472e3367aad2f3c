package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/seal"
)

func payloadOf(t *testing.T, text string) object {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", text)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims object
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// granted is the pass of an answer of the token endpoint.
func (w *world) granted(a answer) string {
	w.t.Helper()
	if a.status != 200 {
		w.t.Fatalf("got %d %s", a.status, a.text)
	}
	return a.at("access_token")
}

func TestOAuthRefusesFalseClients(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	plain, other, signing := w.oauthClient("", nil), w.oauthClient("", nil), w.oauthClient("ES256", nil)
	mustSign := w.oauthClient("", object{"scopes": []string{"a"}, "require_signature": true})
	elsewhere := w.oauthClient("", object{"scopes": []string{"a"}, "ips": []string{"198.51.100.0/24"}})
	w.granted(w.token(&plain, "grant_type=client_credentials"))
	w.granted(w.token(&signing, "grant_type=client_credentials"))

	stranger := client{id: seal.NewID("key"), secret: seal.NewKeyText(seal.KindLive)}
	for name, c := range map[string]client{
		"unknown": stranger, "of another key": {id: plain.id, secret: other.secret}, "wrong": {id: plain.id, secret: stranger.secret},
		"no key": {id: plain.id, secret: "guess"}, "empty": {id: plain.id}, "checksum": {id: plain.id, secret: plain.secret[:len(plain.secret)-1] + "!"},
	} {
		w.refused("basic "+name, w.token(&c, "grant_type=client_credentials"), 401, "invalid_client", "")
		if c.secret != "" {
			w.refused("post "+name, w.token(nil, "grant_type=client_credentials", "client_id="+c.id, "client_secret="+c.secret), 401, "invalid_client", "")
		}
		w.refused("introspection "+name, w.form("/oauth2/introspect", &c, "token=x"), 401, "invalid_client", "")
		w.refused("revocation "+name, w.form("/oauth2/revoke", &c, "token=x"), 401, "invalid_client", "")
	}
	unknown, wrong := w.token(&stranger, "grant_type=client_credentials"), w.token(&client{id: plain.id, secret: seal.NewKeyText(seal.KindLive)}, "grant_type=client_credentials")
	if unknown.text != wrong.text || unknown.status != wrong.status {
		t.Errorf("an unknown id and a wrong secret differ: %s %s", unknown.text, wrong.text)
	}
	w.refused("a key that must sign", w.token(&mustSign, "grant_type=client_credentials"), 401, "invalid_client", "signature_required")
	w.refused("from elsewhere", w.token(&elsewhere, "grant_type=client_credentials"), 401, "invalid_client", "wrong_address")

	form := "Content-Type: application/x-www-form-urlencoded"
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(plain.id+":"+plain.secret))
	ask := "grant_type=client_credentials"
	for _, test := range []struct {
		what, body string
		headers    []string
		status     int
		name       string
	}{
		{"no client", ask, nil, 401, "invalid_client"},
		{"only its name", ask + "&client_id=" + plain.id, nil, 401, "invalid_client"},
		{"a secret without a name", ask + "&client_secret=" + plain.secret, nil, 400, "invalid_request"},
		{"two ways", ask + "&client_id=" + plain.id + "&client_secret=" + plain.secret, []string{basic}, 400, "invalid_request"},
		{"two names", ask + "&client_id=" + other.id, []string{basic}, 400, "invalid_request"},
		{"two headers", ask, []string{basic, basic}, 400, "invalid_request"},
		{"bearer", ask, []string{"Authorization: Bearer " + plain.secret}, 401, "invalid_client"},
		{"Api-Key", ask, []string{"Api-Key: " + plain.secret}, 401, "invalid_client"},
		{"Api-Key beside", ask, []string{basic, "Api-Key: " + plain.secret}, 400, "invalid_request"},
		{"no base64", ask, []string{"Authorization: Basic !"}, 401, "invalid_client"},
		{"no colon", ask, []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(plain.id))}, 401, "invalid_client"},
		{"another assertion type", ask + "&client_assertion=x&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer", nil, 401, "invalid_client"},
		{"an assertion without a type", ask + "&client_assertion=x", nil, 401, "invalid_client"},
		{"a type without an assertion", ask + "&client_assertion_type=" + assertionType, nil, 401, "invalid_client"},
		{"no grant type", "scope=photos:read", []string{basic}, 400, "invalid_request"},
		{"password", "grant_type=password&username=ada&password=secret", []string{basic}, 400, "unsupported_grant_type"},
		{"implicit", "grant_type=implicit", []string{basic}, 400, "unsupported_grant_type"},
		{"code", "grant_type=authorization_code&code=x", []string{basic}, 400, "unsupported_grant_type"},
		{"another case", "grant_type=Client_Credentials", []string{basic}, 400, "unsupported_grant_type"},
		{"twice", ask + "&" + ask, []string{basic}, 400, "invalid_request"},
		{"two scopes", ask + "&scope=a&scope=b", []string{basic}, 400, "invalid_request"},
		{"beyond", ask + "&scope=billing:write", []string{basic}, 400, "invalid_scope"},
		{"a scope that is none", ask + "&scope=a!", []string{basic}, 400, "invalid_scope"},
		{"two spaces", ask + "&scope=photos:a++photos:b", []string{basic}, 400, "invalid_scope"},
		{"unknown audience", ask + "&audience=nothing", []string{basic}, 400, "invalid_target"},
		{"relative resource", ask + "&resource=/acme/photos", []string{basic}, 400, "invalid_target"},
		{"resource with a fragment", ask + "&resource=" + w.api + "/acme/photos%23x", []string{basic}, 400, "invalid_target"},
		{"unknown resource", ask + "&resource=https://nowhere.example/", []string{basic}, 400, "invalid_target"},
		{"not UTF-8", ask + "&scope=%ff", []string{basic}, 400, "invalid_request"},
		{"not a form", ask + "&scope=%zz", []string{basic}, 400, "invalid_request"},
	} {
		w.refused(test.what, w.sendForm("/oauth2/token", test.body, append(test.headers, form)...), test.status, test.name, "")
	}
	if a := w.sendForm("/oauth2/token", `{"grant_type":"client_credentials"}`, basic, "Content-Type: application/json"); a.status != 415 || a.at("error") != "invalid_request" {
		t.Errorf("JSON: %d %s", a.status, a.text)
	}
	if a := w.sendForm("/oauth2/token?access_token="+plain.secret, ask, basic, form); a.status != 400 {
		t.Errorf("a secret in the query: %d %s", a.status, a.text)
	}
	named := w.token(nil, "grant_type=urn:example:odd")
	if !strings.Contains(named.at("error_description"), "urn:example:odd") {
		t.Errorf("the grant type is not named: %s", named.text)
	}
	for _, secret := range []string{plain.secret, other.secret, "secret&"} {
		if strings.Contains(w.log.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

func TestOAuthAssertions(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	c, other := w.oauthClient("ES256", nil), w.oauthClient("ES256", nil)
	none := w.oauthClient("", nil)
	ask := func(assertion string, more ...string) answer {
		return w.token(nil, append(more, "grant_type=client_credentials", "client_assertion_type="+assertionType, "client_assertion="+assertion)...)
	}
	grant := func(assertion string, more ...string) answer {
		return w.token(nil, append(more, "grant_type="+grantJWT, "assertion="+assertion)...)
	}
	good := func(edit func(h, c object)) string { return w.assertion(c.signer, c.id, edit) }
	w.granted(ask(good(nil)))
	w.granted(ask(good(nil), "client_id="+c.id))
	w.granted(ask(good(func(h, c object) { delete(h, "typ"); c["aud"] = []string{w.api + "/oauth2/token"} })))
	w.granted(grant(good(func(h, _ object) { h["kid"] = c.id })))

	now := time.Now().Unix()
	for what, edit := range map[string]func(h, c object){
		"no audience": func(_, c object) { delete(c, "aud") }, "another's": func(_, c object) { c["aud"] = "https://other.example" },
		"one audience too many": func(_, c object) { c["aud"] = []string{w.api, "https://other.example"} }, "no audiences": func(_, c object) { c["aud"] = []string{} },
		"an application": func(_, c object) { c["aud"] = "acme/photos" },
		"no exp":         func(_, c object) { delete(c, "exp") }, "long exp": func(_, c object) { c["exp"] = now + 3600 }, "expired": func(_, c object) { c["exp"] = now - 60 },
		"exp as text": func(_, c object) { c["exp"] = "soon" }, "exp null": func(_, c object) { c["exp"] = nil }, "huge exp": func(_, c object) { c["exp"] = json.Number("9e18") },
		"future iat": func(_, c object) { c["iat"] = now + 300 }, "future nbf": func(_, c object) { c["nbf"] = now + 300 }, "negative iat": func(_, c object) { c["iat"] = -5 },
		"no jti": func(_, c object) { delete(c, "jti") }, "empty jti": func(_, c object) { c["jti"] = "" }, "long jti": func(_, c object) { c["jti"] = strings.Repeat("x", 300) },
		"no sub": func(_, c object) { delete(c, "sub") }, "another sub": func(_, c object) { c["sub"] = w.chief }, "no iss": func(_, c object) { delete(c, "iss") },
		"another iss":   func(_, c object) { c["iss"], c["sub"] = other.id, other.id },
		"no public key": func(_, c object) { c["iss"], c["sub"] = none.id, none.id },
		"unknown iss":   func(_, c object) { id := seal.NewID("key"); c["iss"], c["sub"] = id, id },
		"a user":        func(_, c object) { c["iss"], c["sub"] = w.chief, w.chief },
		"pass":          func(h, _ object) { h["typ"] = "at+jwt" }, "feed": func(h, _ object) { h["typ"] = "daypass-feed+jwt" }, "dpop": func(h, _ object) { h["typ"] = "dpop+jwt" },
		"another case": func(h, _ object) { h["typ"] = "jwt" },
		"none":         func(h, _ object) { h["alg"] = "none" }, "another alg": func(h, _ object) { h["alg"] = "ES384" }, "no alg": func(h, _ object) { delete(h, "alg") },
		"HMAC": func(h, _ object) { h["alg"] = "HS256" }, "kid": func(h, _ object) { h["kid"] = other.id }, "crit": func(h, _ object) { h["crit"] = []string{"exp"} },
		"jwk": func(h, _ object) { h["jwk"] = other.signer.jwk() }, "jku": func(h, _ object) { h["jku"] = "http://127.0.0.1:1/" }, "b64": func(h, _ object) { h["b64"] = false },
	} {
		w.refused(what, ask(good(edit)), 401, "invalid_client", "")
		w.refused(what+" as grant", grant(good(edit)), 400, "invalid_grant", "")
	}
	forged := good(nil)
	head, rest, _ := strings.Cut(forged, ".")
	body, _, _ := strings.Cut(rest, ".")
	jwk, _ := json.Marshal(c.signer.jwk())
	mac := hmac.New(sha256.New, jwk)
	mac.Write([]byte(head + "." + body))
	for what, text := range map[string]string{
		"empty": "", "dots": "..", "two parts": head + "." + body, "no signature": head + "." + body + ".", "HMAC by the public key": head + "." + body + "." + encode(mac.Sum(nil)),
		"by another's key": w.assertion(other.signer, c.id, nil), "changed": head + "x." + body, "newline": forged + "\n", "padded": forged + "=", "long": strings.Repeat("x.", 5000),
		"a pass": w.pass(w.founder, object{}),
	} {
		if a := grant(text); a.status != 400 {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
		if a := ask(text); a.status != 401 {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	w.refused("of another client", ask(good(nil), "client_id="+other.id), 401, "invalid_client", "assertion_refused")

	// It is used once, whatever as, whoever asks, and over a restart. A false one uses nothing up.
	once := good(nil)
	w.refused("used wrongly", ask(once, "client_id="+other.id), 401, "invalid_client", "assertion_refused")
	w.granted(ask(once))
	w.refused("again", ask(once), 401, "invalid_client", "assertion_used")
	w.refused("as a grant", grant(once), 400, "invalid_grant", "assertion_used")
	w.refused("at introspection", w.form("/oauth2/introspect", nil, "token=x", "client_assertion_type="+assertionType, "client_assertion="+once), 401, "invalid_client", "assertion_used")
	w.restart()
	w.refused("after a restart", ask(once), 401, "invalid_client", "made_before_start")
	nextSecond()
	w.granted(ask(good(nil)))

	// What ends a key ends its assertions.
	w.must(200, "PATCH", orgPath("acme", "/keys/"+other.id), w.founder, object{"public_key": object{}})
	w.refused("without its public key", ask(w.assertion(other.signer, other.id, nil)), 401, "invalid_client", "assertion_invalid")
	w.must(200, "PATCH", orgPath("acme", "/keys/"+none.id), w.founder, object{"public_key": other.signer.jwk()})
	w.granted(ask(w.assertion(other.signer, none.id, nil)))
	w.must(204, "DELETE", orgPath("acme", "/keys/"+c.id), w.founder, nil)
	w.refused("of a deleted key", ask(good(nil)), 401, "invalid_client", "assertion_invalid")
	if strings.Contains(w.log.String(), once) {
		t.Error("an assertion is in the log")
	}
}

func TestPublicKeysAreHeldToTheRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := newSigner(t, "ES256")
	private := object{}
	_ = json.Unmarshal([]byte(s.privateJWK()), &private)
	make := func(credential string, jwk object) answer {
		return w.send("POST", orgPath("acme", "/keys"), credential, object{"scopes": []string{"photos:*"}, "public_key": jwk})
	}
	w.expect("a private key", make(w.founder, private), 400, "invalid_json")
	w.expect("a secret", make(w.founder, object{"kty": "oct", "k": "c2VjcmV0"}), 400, "invalid_json")
	for what, jwk := range map[string]object{
		"nothing known": {"kty": "XY"}, "off the curve": {"kty": "EC", "crv": "P-256", "x": s.jwk()["y"], "y": s.jwk()["x"]},
		"another alg": {"kty": "EC", "crv": "P-256", "x": s.jwk()["x"], "y": s.jwk()["y"], "alg": "RS256"},
		"RSA":         {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256"}, "small order": {"kty": "OKP", "crv": "Ed25519", "x": encode(append([]byte{1}, make0(31)...))},
		"to encrypt": {"kty": "EC", "crv": "P-256", "x": s.jwk()["x"], "y": s.jwk()["y"], "use": "enc"},
	} {
		w.expect(what, make(w.founder, jwk), 422, "invalid_public_key")
	}
	owner := w.member("acme", object{"roles": []string{"developer"}, "scopes": []string{"daypass:*"}})
	made := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"photos:*"}, "public_key": s.jwk(), "user": owner.id})
	if shown, _ := made.body["public_key"].(object); shown["x"] != s.jwk()["x"] || shown["alg"] != "ES256" {
		t.Errorf("the key is shown as %v", made.body["public_key"])
	}
	// Whose private half it is can do what the key can: who may not learn the key may not give it one.
	manager := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"daypass:*"}})
	w.expect("as it is", w.send("PATCH", orgPath("acme", "/keys/"+made.at("id")), manager.key, object{"public_key": s.jwk(), "plan": ""}), 200, "")
	w.expect("beyond the caller", w.send("PATCH", orgPath("acme", "/keys/"+made.at("id")), manager.key, object{"public_key": newSigner(t, "EdDSA").jwk()}), 403, "scope_exceeded")
	w.expect("nothing", w.send("PATCH", orgPath("acme", "/keys/"+made.at("id")), w.founder, object{}), 200, "")
}

func make0(n int) []byte { return make([]byte, n) }

func TestOAuthExchange(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	w.serve("acme", "photos", photos)
	c := w.oauthClient("", nil)
	service := w.member("acme", object{"roles": []string{"consumer"}, "scopes": []string{"x:y"}})
	subject := w.granted(w.token(&c, "grant_type=client_credentials", "scope=photos:read photos:write"))
	actor := w.pass(service.key, object{"expires_in": 600})
	trade := func(fields ...string) answer { return w.token(nil, append(fields, "grant_type="+grantExchange)...) }
	of := func(name, text string) []string { return []string{name + "=" + text, name + "_type=" + typeAccess} }
	both := append(of("subject_token", subject), of("actor_token", actor)...)

	a := trade(both...)
	delegated := w.granted(a)
	claims := payloadOf(t, delegated)
	if act, _ := claims["act"].(object); act["sub"] != service.id || claims["sub"] != payloadOf(t, subject)["sub"] || a.at("issued_token_type") != typeAccess || a.at("scope") != "photos:read photos:write" {
		t.Errorf("delegated: %v %s", claims, a.text)
	}
	if claims["exp"].(float64) > payloadOf(t, actor)["exp"].(float64) || claims["rn"] != false {
		t.Errorf("it outlives the actor's pass: %v", claims)
	}
	w.must(200, "GET", w.gateway+"/photos/7", delegated, nil, atPhotos)
	if a := trade(append(both, "requested_token_type=urn:ietf:params:oauth:token-type:jwt")...); a.at("issued_token_type") != "urn:ietf:params:oauth:token-type:jwt" {
		t.Errorf("a jwt: %s", a.text)
	}

	for what, fields := range map[string][]string{
		"scope":         append(of("subject_token", subject), "scope=photos:*"),
		"actor's scope": append(both, "scope=x:y"),
	} {
		w.refused("wider by "+what, trade(fields...), 400, "invalid_scope", "scope_exceeded")
	}
	w.refused("wider by audience", trade(append(of("subject_token", w.granted(w.token(&c, "grant_type=client_credentials", "audience=photos"))), "audience=acme")...), 400, "invalid_target", "audience_exceeded")
	w.refused("no narrower", trade(of("subject_token", subject)...), 400, "invalid_request", "not_renewable")
	for what, fields := range map[string][]string{
		"nothing": nil, "no type": {"subject_token=" + subject}, "another type": {"subject_token=" + subject, "subject_token_type=urn:ietf:params:oauth:token-type:saml2"},
		"an ID token": {"subject_token=" + subject, "subject_token_type=urn:ietf:params:oauth:token-type:id_token"},
		"a key":       of("subject_token", c.secret), "a key as actor": append(of("subject_token", subject), of("actor_token", c.secret)...),
		"an actor's type alone": append(of("subject_token", subject), "actor_token_type="+typeAccess),
		"an ID token asked for": append(both, "requested_token_type=urn:ietf:params:oauth:token-type:id_token"),
		"a refresh token":       append(both, "requested_token_type=urn:ietf:params:oauth:token-type:refresh_token"),
		"a false subject":       append(of("subject_token", subject+"x"), of("actor_token", actor)...), "a false actor": append(of("subject_token", subject), of("actor_token", actor+"x")...),
	} {
		w.refused(what, trade(fields...), 400, "invalid_request", "")
	}
	w.refused("a false client", w.token(&client{id: c.id, secret: service.key}, append(both, "grant_type="+grantExchange)...), 401, "invalid_client", "client_invalid")

	w.organization("other")
	foreign := w.pass(w.member("other", object{"roles": []string{"consumer"}, "scopes": []string{"x:y"}}).key, object{})
	w.refused("an actor of another organization", trade(append(of("subject_token", subject), of("actor_token", foreign)...)...), 400, "invalid_request", "actor_refused")

	// A chain is kept whole, by narrowing too, and has an end.
	chain := delegated
	for range 3 {
		chain = w.granted(trade(append(of("subject_token", chain), of("actor_token", actor)...)...))
	}
	narrowed := w.granted(trade(append(of("subject_token", chain), "scope=photos:read")...))
	depth := 0
	for act, ok := payloadOf(t, narrowed)["act"].(object); ok; act, ok = act["act"].(object) {
		depth++
	}
	if depth != 4 {
		t.Errorf("the chain has %d actors", depth)
	}
	w.refused("one too many", trade(append(of("subject_token", chain), of("actor_token", actor)...)...), 400, "invalid_request", "too_many_actors")

	// What ends the actor ends what it does for others; the subject's own pass goes on.
	w.must(200, "PATCH", orgPath("acme", "/users/"+service.id), w.founder, object{"active": false})
	w.expect("of a disabled actor", w.send("GET", w.gateway+"/photos/7", delegated, nil, atPhotos), 401, "token_revoked")
	w.expect("of a disabled actor, narrowed", w.send("GET", w.gateway+"/photos/7", narrowed, nil, atPhotos), 401, "token_revoked")
	w.refused("of a disabled actor, again", trade(of("subject_token", delegated)...), 400, "invalid_request", "token_revoked")
	w.must(200, "GET", w.gateway+"/photos/7", subject, nil, atPhotos)
	listed := w.until(func() answer {
		return w.send("GET", orgPath("acme", "/tokens/"+claims["jti"].(string)), w.founder, nil)
	}, 404)
	if listed.at("origin") != "exchanged" || fmt.Sprint(listed.body["actors"]) != "["+service.id+"]" {
		t.Errorf("the record: %s", listed.text)
	}
}

func TestOAuthRefreshIntrospectRevoke(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	w.serve("acme", "photos", photos)
	c, other := w.oauthClient("", nil), w.oauthClient("", nil)
	renewable := w.pass(c.secret, object{"renewable": true, "expires_in": 600, "scopes": []string{"photos:read"}})
	refresh := func(basic *client, text string, more ...string) answer {
		return w.token(basic, append(more, "grant_type=refresh_token", "refresh_token="+text)...)
	}
	a := refresh(&c, renewable)
	next := w.granted(a)
	if a.at("refresh_token") != next || payloadOf(t, next)["rn"] != true || a.at("scope") != "photos:read" {
		t.Errorf("renewed: %s", a.text)
	}
	w.granted(refresh(nil, next))
	w.refused("by another client", refresh(&other, next), 400, "invalid_grant", "client_mismatch")
	w.refused("wider", refresh(&c, next, "scope=photos:*"), 400, "invalid_scope", "scope_exceeded")
	w.refused("not renewable", refresh(&c, w.pass(c.secret, object{"renewable": false})), 400, "invalid_grant", "not_renewable")
	for what, text := range map[string]string{"unknown": "dpr_unknown", "a key": c.secret, "nothing": "x"} {
		w.refused(what, refresh(nil, text), 400, "invalid_grant", "")
	}
	w.refused("none", refresh(nil, ""), 400, "invalid_request", "")

	introspect := func(basic *client, text string) answer {
		return w.form("/oauth2/introspect", basic, "token="+text, "token_type_hint=refresh_token")
	}
	inactive := func(what string, a answer) {
		t.Helper()
		if a.status != 200 || a.text != "{\"active\":false}\n" {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	if a := introspect(&other, next); a.body["active"] != true || a.at("scope") != "photos:read" || a.at("client_id") != c.id {
		t.Errorf("introspection: %s", a.text)
	}
	w.refused("without a client", introspect(nil, next), 401, "invalid_client", "client_missing")
	w.refused("without a token", introspect(&c, ""), 400, "invalid_request", "")
	w.organization("other")
	foreign := w.pass(w.member("other", object{"roles": []string{"consumer"}, "scopes": []string{"x:y"}}).key, object{})
	brief := w.pass(c.secret, object{"expires_in": 1})
	for what, text := range map[string]string{"another's": foreign, "a key": c.secret, "nothing": "x", "changed": next + "x"} {
		inactive(what, introspect(&c, text))
	}

	w.refused("a key", w.form("/oauth2/revoke", &c, "token="+c.secret), 400, "unsupported_token_type", "")
	w.refused("another's", w.form("/oauth2/revoke", &c, "token="+foreign), 400, "unauthorized_client", "client_mismatch")
	for range 2 {
		if a := w.form("/oauth2/revoke", &c, "token="+next, "token_type_hint=x"); a.status != 200 || a.text != "" {
			t.Errorf("revocation: %d %s", a.status, a.text)
		}
	}
	w.expect("revoked", w.send("GET", w.gateway+"/photos/7", renewable, nil, atPhotos), 401, "token_revoked")
	inactive("revoked", introspect(&c, next))
	w.refused("revoked", refresh(&c, next), 400, "invalid_grant", "token_revoked")

	living := w.pass(c.secret, object{"renewable": true})
	w.must(204, "DELETE", orgPath("acme", "/keys/"+c.id), w.founder, nil)
	w.refused("of a deleted key", refresh(nil, living), 400, "invalid_grant", "token_revoked")
	inactive("of a deleted key", introspect(&other, living))
	w.offset.Add(int64(time.Minute))
	inactive("expired", w.until(func() answer { return introspect(&other, brief) }, 503))
}
