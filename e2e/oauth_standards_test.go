package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// trade is token exchange, of fields written as "name=value".
func (w *world) trade(fields ...string) answer {
	w.t.Helper()
	return w.token(nil, append(fields, "grant_type="+grantExchange)...)
}

func asSubject(pass string) []string {
	return []string{"subject_token=" + pass, "subject_token_type=" + typeAccess}
}

func asActor(pass string) []string {
	return []string{"actor_token=" + pass, "actor_token_type=" + typeAccess}
}

// TestOAuthActorsKeepTheirNames: nobody acts under another's name, neither by acting with a pass it has only to act for
// that other, nor as a subject that a backend calls like one.
func TestOAuthActorsKeepTheirNames(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	service, chief := w.member("acme", object{"roles": []string{"consumer"}, "scopes": []string{"x:y"}}), w.member("acme", object{"roles": []string{"consumer"}, "scopes": []string{"x:y"}})
	subject := w.pass(w.founder, object{"scopes": []string{"photos:read"}})
	acting := w.granted(w.trade(append(asSubject(w.pass(chief.key, object{})), asActor(w.pass(service.key, object{}))...)...))
	w.refused("an actor who acts for somebody", w.trade(append(asSubject(subject), asActor(acting)...)...), 400, "invalid_request", "actor_refused")

	backend := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}, "may_name_subjects": true}).at("key")
	for _, taken := range []string{chief.id, "key_01k8dn1x7m4c3h8j6k2p5r9t0v", "ses_01k8dn1x7m4c3h8j6k2p5r9t0v"} {
		w.expect("a subject called like one of ours: "+taken, w.send("POST", "/v1/tokens", backend, object{"subject": taken}), 400, "invalid_subject")
	}
	w.must(200, "POST", "/v1/tokens", backend, object{"subject": "usr_42"})
}

// TestOAuthTypesOfTokens: what is said to be an ID token is not taken as a pass.
func TestOAuthTypesOfTokens(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	pass := w.pass(w.founder, object{"scopes": []string{"photos:*"}})
	fields := []string{"subject_token=" + pass, "scope=photos:read"}
	w.granted(w.trade(append(fields, "subject_token_type="+typeAccess)...))
	w.refused("a pass as ID token", w.trade(append(fields, "subject_token_type=urn:ietf:params:oauth:token-type:id_token")...), 400, "invalid_request", "")
	w.refused("an actor's pass as ID token", w.trade(append(append(asSubject(pass), "scope=photos:read"),
		"actor_token="+pass, "actor_token_type=urn:ietf:params:oauth:token-type:id_token")...), 400, "invalid_request", "")
}

// TestOAuthResources: RFC 8707. A resource is found however its URL is spelt, several give a pass for all of them, and what a
// caller may not use looks like what does not exist, before and after it has proved anything.
func TestOAuthResources(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	w.serve("acme", "photos", photos)
	w.serve("acme", "albums", strings.Replace(photos, "photos.example", "albums.example", 1))
	w.organization("other")
	w.serve("other", "secret", strings.Replace(photos, "photos.example", "secret.example", 1))
	c := w.oauthClient("", nil)
	ask := func(resources ...string) answer {
		fields := []string{"grant_type=client_credentials"}
		for _, r := range resources {
			fields = append(fields, "resource="+r)
		}
		return w.token(&c, fields...)
	}
	for _, spelt := range []string{"http://photos.example/", "https://PHOTOS.example:8443/photos/7", "http://photos.example.", w.api + "/acme/photos", w.api + "/acme/photos/"} {
		if aud := payloadOf(t, w.granted(ask(spelt)))["aud"]; aud != "acme/photos" {
			t.Errorf("%s: %v", spelt, aud)
		}
	}
	both := w.granted(ask("http://photos.example/", "http://albums.example/", "http://photos.example/photos/7"))
	if aud := payloadOf(t, both)["aud"]; fmt.Sprint(aud) != "[acme/photos acme/albums]" {
		t.Errorf("of two: %v", aud)
	}
	for _, at := range []string{"photos.example", "albums.example"} {
		w.must(200, "GET", w.gateway+"/photos/7", both, nil, "Host: "+at)
	}
	one := w.granted(w.trade(append(asSubject(both), "resource=http://albums.example/")...))
	if aud := payloadOf(t, one)["aud"]; aud != "acme/albums" {
		t.Errorf("narrowed: %v", aud)
	}
	w.refused("wider again", w.trade(append(asSubject(one), "resource=http://photos.example/")...), 400, "invalid_target", "audience_exceeded")

	unknown := []string{"http://nowhere.example/", "http://secret.example/", w.api + "/other/secret", w.api + "/acme/nothing", w.api + "/none/none"}
	for _, client := range []*client{&c, {id: c.id, secret: "dp_wrong"}, nil} {
		var first answer
		for i, r := range unknown {
			a := w.token(client, "grant_type=client_credentials", "resource="+r)
			if i == 0 {
				first = a
			} else if a.status != first.status || a.text != first.text {
				t.Errorf("%s is told apart:\n%s%s", r, first.text, a.text)
			}
		}
	}
	w.refused("unknown", ask(unknown[0]), 400, "invalid_target", "audience_exceeded")
	w.expect("an audience without a name", w.send("POST", "/v1/tokens", c.secret, object{"audience": []string{""}}), 400, "invalid_audience")
}

// TestOAuthTellsNothingOfEncryptedPasses: what their bearer makes of them here, it can read as little as the pass.
func TestOAuthTellsNothingOfEncryptedPasses(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	key := w.member("acme", object{"roles": []string{"consumer"}, "scopes": []string{"hidden:read", "hidden:write"}}).key
	pass := w.pass(key, object{"encrypt": true, "renewable": true})
	actor := w.pass(w.founder, object{})
	for what, a := range map[string]answer{
		"renewed":   w.token(nil, "grant_type=refresh_token", "refresh_token="+pass),
		"narrowed":  w.trade(append(asSubject(pass), "scope=hidden:read")...),
		"delegated": w.trade(append(asSubject(pass), asActor(actor)...)...),
		"refused":   w.trade(append(asSubject(pass), "scope=hidden:delete")...),
	} {
		if strings.Contains(a.text, "hidden:write") || strings.Contains(a.text, `"scope"`) || (a.status == 200) != (what != "refused") {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
	if a := w.form("/oauth2/introspect", nil, "token="+pass); a.status != 401 {
		t.Errorf("introspected by nobody: %d %s", a.status, a.text)
	}
}

// TestOAuthIntrospectsPassesAlone: RFC 7662. Of whatever else there is, no client is told that it lives.
func TestOAuthIntrospectsPassesAlone(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	c := w.oauthClient("ES256", nil)
	ada := w.member("acme", object{"name": "Ada", "email": "ada@acme.example", "roles": []string{"developer"}})
	invited := w.must(201, "POST", orgPath("acme", "/users/"+ada.id+"/invitation"), w.founder, nil)
	w.must(200, "POST", "/auth/password", "", object{"token": linkIn.FindStringSubmatch(invited.at("link"))[1], "password": umbrellas})
	session := w.login("ada@acme.example", umbrellas)
	w.organization("other")
	foreigner := w.member("other", object{"roles": []string{"consumer"}, "scopes": []string{"x:y"}})
	gone := w.pass(c.secret, object{})
	w.must(204, "POST", "/v1/tokens/revoke", "", object{"token": gone})
	for what, text := range map[string]string{
		"a refresh token": session.at("refresh_token"), "a key": c.secret, "an assertion": w.assertion(c.signer, c.id, nil), "revoked": gone,
		"another organization's": w.pass(foreigner.key, object{}), "another's, encrypted": w.pass(foreigner.key, object{"encrypt": true}),
		"a key's id": c.id, "long": strings.Repeat("x", 20000), "five parts": "a.b.c.d.e",
	} {
		for _, hint := range []string{"access_token", "refresh_token", "unknown"} {
			if a := w.form("/oauth2/introspect", &c, "token="+text, "token_type_hint="+hint); a.status != 200 || a.text != "{\"active\":false}\n" {
				t.Errorf("%s, as %s: %d %s", what, hint, a.status, a.text)
			}
		}
	}
	for what, text := range map[string]string{"plain": w.pass(c.secret, object{}), "encrypted": w.pass(c.secret, object{"encrypt": true}), "a session's": session.at("token")} {
		if a := w.form("/oauth2/introspect", &c, "token="+text); a.body["active"] != true || a.at("scope") == "" || a.at("iss") != w.api {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}

	// A client is no session's: it neither goes on with one, nor, from another organization, ends it.
	text := session.at("refresh_token")
	w.refused("a key as the session's client", w.token(&c, "grant_type=refresh_token", "refresh_token="+text), 400, "invalid_grant", "client_mismatch")
	w.refused("a session for one audience", w.token(nil, "grant_type=refresh_token", "refresh_token="+text, "audience=photos"), 400, "invalid_target", "audience_exceeded")
	w.refused("ended by another organization", w.form("/oauth2/revoke", &client{id: foreigner.keyID, secret: foreigner.key}, "token="+text), 400, "unauthorized_client", "client_mismatch")
	next := w.token(nil, "grant_type=refresh_token", "refresh_token="+text)
	w.granted(next)
	if a := w.form("/oauth2/revoke", &c, "token="+next.at("refresh_token")); a.status != 200 {
		t.Errorf("ended: %d %s", a.status, a.text)
	}
	w.refused("ended", w.token(nil, "grant_type=refresh_token", "refresh_token="+next.at("refresh_token")), 400, "invalid_grant", "refresh_token_invalid")
}

// TestChallengesNameTheScopes: RFC 6750, section 3. What a pass lacks is said with all that the rule asks for, in the scheme
// that the next pass is to be sent by.
func TestChallengesNameTheScopes(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, trusting)
	w.serve("acme", "photos", photos+`
  - match: GET /both/**
    require: { scopes: [photos:read, photos:print] }
`)
	const bearer, dpop = `Bearer realm="daypass"`, `DPoP realm="daypass", algs="`
	challenge := func(what string, a answer, scheme, rest string) {
		t.Helper()
		got := a.header.Get("WWW-Authenticate")
		if a.status != 403 || a.code() != "scope_missing" || !strings.HasPrefix(got, scheme) || !strings.HasSuffix(got, rest) {
			t.Errorf("%s: %d %s: %s", what, a.status, a.code(), got)
		}
	}
	needed := `, error="insufficient_scope", scope="photos:read photos:print"`
	narrow := w.pass(w.founder, object{"scopes": []string{"photos:read"}})
	challenge("gateway", w.send("GET", w.gateway+"/both/1", narrow, nil, atPhotos), bearer, needed)
	challenge("forward-auth", w.send("GET", "/v1/forward-auth", narrow, nil, "X-Forwarded-Method: GET", "X-Forwarded-Uri: /both/1",
		"X-Forwarded-Host: photos.example", "X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1"), bearer, needed)
	challenge("administration", w.send("GET", orgPath("acme", "/keys"), narrow, nil), bearer, `, error="insufficient_scope", scope="daypass:keys:read"`)

	bound := w.boundPass(object{"scopes": []string{"photos:read"}})
	at := "http://photos.example/both/1"
	challenge("of a bound pass", w.send("GET", w.gateway+"/both/1", "", nil, atPhotos, byDPoP(bound), w.proof(w.sender, "GET", at, bound)), dpop, needed)
	keys := orgPath("acme", "/keys")
	challenge("administration by a bound pass", w.send("GET", keys, "", nil, byDPoP(bound), w.proof(w.sender, "GET", w.api+keys, bound)), dpop, `scope="daypass:keys:read"`)
	if a := w.send("GET", w.gateway+"/both/1", "", nil, atPhotos); a.status != 401 || a.header.Get("WWW-Authenticate") != bearer {
		t.Errorf("nobody is told %s", a.header.Get("WWW-Authenticate"))
	}
}

// TestPassesAreAccessTokens: RFC 9068, section 2. Every grant makes a pass with the header and claims that it asks for.
func TestPassesAreAccessTokens(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	w.serve("acme", "photos", photos)
	c := w.oauthClient("ES256", nil)
	owner := payloadOf(t, w.pass(w.founder, object{}))["sub"].(string)
	first := w.pass(c.secret, object{"renewable": true})
	begun := time.Now().Add(-time.Second).Unix()
	for grant, a := range map[string]answer{
		"client_credentials": w.token(&c, "grant_type=client_credentials", "resource="+w.api+"/acme/photos", "resource="+w.api+"/acme/photos/"),
		"refresh_token":      w.token(&c, "grant_type=refresh_token", "refresh_token="+first, "audience=photos"),
		"jwt-bearer":         w.token(nil, "grant_type="+grantJWT, "assertion="+w.assertion(c.signer, c.id, nil), "audience=photos"),
		"token-exchange":     w.trade(append(asSubject(first), "audience=photos")...),
		"delegation":         w.trade(append(append(asSubject(first), asActor(w.pass(w.founder, object{}))...), "audience=photos")...),
	} {
		pass := w.granted(a)
		head, _, _ := strings.Cut(pass, ".")
		raw, err := base64.RawURLEncoding.DecodeString(head)
		var header object
		if err != nil || json.Unmarshal(raw, &header) != nil || header["typ"] != "at+jwt" || header["alg"] != "ES256" || header["kid"] == "" || len(header) != 3 {
			t.Errorf("%s: header %s", grant, raw)
		}
		claims := payloadOf(t, pass)
		for claim, want := range map[string]any{"iss": w.api, "aud": "acme/photos", "sub": owner, "client_id": c.id, "scope": a.at("scope")} {
			if claims[claim] != want {
				t.Errorf("%s: %s is %v, want %v", grant, claim, claims[claim], want)
			}
		}
		issued, expires := claims["iat"].(float64), claims["exp"].(float64)
		if int64(issued) < begun || expires-issued != a.body["expires_in"] || !strings.HasPrefix(claims["jti"].(string), "tok_") || claims["jti"] == payloadOf(t, first)["jti"] {
			t.Errorf("%s: %v", grant, claims)
		}
	}
}
