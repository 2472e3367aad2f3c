package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/daypass/daypass/verify"
)

const hidden = `
hosts: [photos.example]
upstream: UPSTREAM
tokens: { encrypt: true }
resources:
  - match: GET /photos/**
    require: { scopes: [photos:read] }
`

// TestEncryptedPass: what its bearer holds opens doors, and tells its bearer nothing.
func TestEncryptedPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	reader := w.member("acme", object{"name": "Reader", "roles": []string{"consumer"}, "scopes": []string{"photos:*", "daypass:*"}})
	wish := object{"audience": "photos", "scopes": []string{"photos:read", "daypass:tokens:read"}, "encrypt": true, "renewable": true}
	a := w.must(200, "POST", "/v1/tokens", reader.key, wish)
	pass := a.at("token")
	if !verify.IsEncrypted(pass) || strings.Contains(pass, base64.RawURLEncoding.EncodeToString([]byte("photos"))[:6]) {
		t.Fatalf("got %s", pass)
	}
	payload := a.body["payload"].(object)
	if payload["scope"] != "daypass:tokens:read photos:read" || payload["roles"] == nil {
		t.Errorf("the key's holder is told %v", payload)
	}

	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos) // from the cache
	if a := w.must(200, "POST", "/v1/tokens/introspect", w.founder, object{"token": pass}); a.body["active"] != true || a.at("scope") == "" {
		t.Errorf("introspection says %s", a.text)
	}
	if a := w.must(200, "POST", "/v1/tokens/explain", w.founder, object{"method": "GET", "url": "https://photos.example/photos/1", "token": pass}); a.body["allow"] != true {
		t.Errorf("explained as %s", a.text)
	}

	// The bearer learns nothing of it: not by asking, not by renewing, not by asking for more.
	w.expect("me", w.send("GET", "/v1/me", pass, nil), 403, "encrypted_pass")
	w.expect("introspecting itself", w.send("POST", "/v1/tokens/introspect", pass, object{"token": pass}), 403, "encrypted_pass")
	renewed := w.must(200, "POST", "/v1/tokens", pass, object{"encrypt": false})
	if next := renewed.at("token"); !verify.IsEncrypted(next) {
		t.Error("a renewal took the encryption off")
	} else {
		w.must(200, "GET", w.gateway+"/photos/1", next, nil, atPhotos)
	}
	narrowed := w.must(200, "POST", "/v1/tokens", pass, object{"scopes": []string{"photos:read"}, "renewable": false})
	bearer := &client{id: reader.keyID, secret: reader.key}
	exchanged := w.token(bearer, "grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "subject_token="+pass, "subject_token_type=urn:ietf:params:oauth:token-type:access_token")
	refreshed := w.token(bearer, "grant_type=refresh_token", "refresh_token="+pass)
	for what, a := range map[string]answer{"token exchange": exchanged, "refresh": refreshed} {
		if a.status != 200 || !verify.IsEncrypted(a.at("access_token")) || a.body["scope"] != nil {
			t.Errorf("%s answers %d %s", what, a.status, a.text)
		}
	}
	refused := w.send("POST", "/v1/tokens", pass, object{"scopes": []string{"photos:write"}})
	w.expect("asking for more", refused, 403, "scope_exceeded")
	for _, a := range []answer{renewed, narrowed, refused} {
		payload, _ := a.body["payload"].(object)
		if payload["scope"] != nil || payload["roles"] != nil || strings.Contains(a.text, "daypass:tokens") || strings.Contains(a.text, "consumer") {
			t.Errorf("its bearer is told %s", a.text)
		}
	}
	if narrowed.at("payload", "jti") == "" || !verify.IsEncrypted(narrowed.at("token")) {
		t.Errorf("narrowed to %s", narrowed.text)
	}

	// Nor does who gets hold of the key gain more than to read it.
	keys, err := verify.ParseDecryptionKeys([]byte(w.must(200, "POST", "/v1/keyset/decryption", w.founder, nil).text))
	if err != nil {
		t.Fatal(err)
	}
	inside, _, err := keys.Decrypt(pass)
	if err != nil {
		t.Fatal(err)
	}
	w.expect("stripped, at the gateway", w.send("GET", w.gateway+"/photos/1", inside, nil, atPhotos), 401, "token_invalid")
	w.expect("stripped, at the API", w.send("GET", "/v1/me", inside, nil), 401, "token_invalid")
	w.expect("stripped, as proof", w.send("POST", "/v1/tokens", inside, nil), 401, "token_invalid")

	w.must(204, "POST", "/v1/tokens/revoke", "", object{"token": pass})
	w.expect("revoked", w.send("GET", w.gateway+"/photos/1", pass, nil, atPhotos), 401, "token_revoked")
}

// TestLeakedEncryptionKey: when it is retired, whatever it encrypted is over at once, also at services that still hold it and follow the feed.
func TestLeakedEncryptionKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	held, err := verify.ParseDecryptionKeys([]byte(w.must(200, "POST", "/v1/keyset/decryption", w.founder, nil).text))
	if err != nil {
		t.Fatal(err)
	}
	following := w.verifier(verify.Config{
		FeedURL: w.api + "/v1/feed", FeedCredential: func() string { return w.founder }, DecryptionKeys: func() verify.DecryptionKeys { return held },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = following.Run(ctx) }()
	defer func() { cancel(); <-done }()
	read := w.pass(w.founder, object{"audience": "photos", "encrypt": true})
	plain := w.pass(w.founder, object{"audience": "photos"})
	w.must(200, "GET", w.gateway+"/photos/1", read, nil, atPhotos)
	if _, err := following.Verify(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	w.must(204, "POST", "/v1/keyset/"+kidOf(t, read)+"/retire", w.founder, object{"now": true})
	w.expect("at the gateway", w.send("GET", w.gateway+"/photos/1", read, nil, atPhotos), 401, "token_invalid")
	w.expect("as proof", w.send("POST", "/v1/tokens", read, nil), 401, "token_invalid")
	eventually(t, func() bool { _, err := following.Verify(t.Context(), read); return err != nil })
	w.must(200, "GET", w.gateway+"/photos/1", plain, nil, atPhotos)
	w.must(200, "GET", w.gateway+"/photos/1", w.pass(w.founder, object{"audience": "photos", "encrypt": true}), nil, atPhotos)
}

// TestApplicationEncrypts: every pass that names the application, without being asked to.
func TestApplicationEncrypts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", hidden)
	if pass := w.pass(w.founder, object{"audience": "photos"}); !verify.IsEncrypted(pass) {
		t.Error("a pass for the application is not encrypted")
	} else {
		w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
	}
	if pass := w.pass(w.founder, object{}); verify.IsEncrypted(pass) {
		t.Error("a pass for the organization is encrypted, though no one asked")
	}
}

// TestBadEncryptionIsAllAlike: who tampers with an encrypted pass learns from no answer what was wrong.
func TestBadEncryptionIsAllAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	pass := w.pass(w.founder, object{"audience": "photos", "encrypt": true})
	parts := strings.Split(pass, ".")
	head := func(edit func(object)) string {
		raw, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		var h object
		if err := json.Unmarshal(raw, &h); err != nil {
			t.Fatal(err)
		}
		edit(h)
		raw, _ = json.Marshal(h)
		return strings.Join(append([]string{base64.RawURLEncoding.EncodeToString(raw)}, parts[1:]...), ".")
	}
	flip := func(i int) string {
		p := strings.Split(pass, ".")
		c := byte('A')
		if p[i][0] == 'A' {
			c = 'B'
		}
		p[i] = string(c) + p[i][1:]
		return strings.Join(p, ".")
	}
	bad := map[string]string{
		"tag":       flip(4),
		"text":      flip(3),
		"nonce":     flip(2),
		"RSA1_5":    head(func(h object) { h["alg"] = "RSA1_5" }),
		"PBES2":     head(func(h object) { h["alg"], h["p2c"] = "PBES2-HS256+A128KW", 1<<31 }),
		"dir":       head(func(h object) { h["alg"] = "dir" }),
		"zip":       head(func(h object) { h["zip"] = "DEF" }),
		"crit":      head(func(h object) { h["crit"] = []string{"exp"} }),
		"no kid":    head(func(h object) { h["kid"] = "enk_none" }),
		"epk moved": head(func(h object) { e := h["epk"].(object); e["x"], e["y"] = e["y"], e["x"] }),
		"epk curve": head(func(h object) { h["epk"].(object)["crv"] = "P-521" }),
		"no epk":    head(func(h object) { delete(h, "epk") }),
		"oversize":  strings.Join([]string{parts[0], parts[1], parts[2], parts[3] + strings.Repeat("A", 9000), parts[4]}, "."),
		"nothing":   "eyJ....",
	}
	for door, ask := range map[string]func(string) answer{
		"gateway":  func(text string) answer { return w.send("GET", w.gateway+"/photos/1", text, nil, atPhotos) },
		"exchange": func(text string) answer { return w.send("POST", "/v1/tokens", text, nil) },
		"API":      func(text string) answer { return w.send("GET", "/v1/me", text, nil) },
	} {
		bodies := map[string]bool{}
		for name, text := range bad {
			a := ask(text)
			w.expect(door+", "+name, a, 401, "token_invalid")
			delete(a.body, "request_id")
			raw, _ := json.Marshal(a.body)
			bodies[string(raw)+a.header.Get("Www-Authenticate")] = true
		}
		if len(bodies) != 1 {
			t.Errorf("%s answers in %d ways: %v", door, len(bodies), bodies)
		}
	}
	w.must(200, "GET", w.gateway+"/photos/1", pass, nil, atPhotos)
}

// TestEncryptedPassOffline: a resource server that was given the keys reads it, also after they were rotated; one without them refuses.
func TestEncryptedPassOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.serve("acme", "photos", hidden)
	export := func() verify.DecryptionKeys {
		keys, err := verify.ParseDecryptionKeys([]byte(w.must(200, "POST", "/v1/keyset/decryption", w.founder, nil).text))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	keys := export()
	v := w.verifier(verify.Config{DecryptionKeys: func() verify.DecryptionKeys { return keys }})
	old := w.pass(w.founder, object{"audience": "photos", "scopes": []string{"photos:read"}, "expires_in": 3600})
	if claims, err := v.Verify(t.Context(), old); err != nil || !claims.HasScope("photos:read") {
		t.Errorf("got %+v, %v", claims, err)
	}
	if _, err := w.verifier(verify.Config{}).Verify(t.Context(), old); err != error(verify.ErrDecryption) {
		t.Errorf("without keys: %v", err)
	}
	w.must(200, "POST", "/v1/keyset/rotate", w.founder, object{"use": "enc", "lead": 600})
	keys = export()
	w.forward(601e9)
	fresh := w.pass(w.founder, object{"audience": "photos", "expires_in": 3600})
	if kidOf(t, fresh) == kidOf(t, old) {
		t.Error("the next key does not encrypt")
	}
	for _, text := range []string{old, fresh} {
		if _, err := v.Verify(t.Context(), text); err != nil {
			t.Error(err)
		}
		w.must(200, "GET", w.gateway+"/photos/1", text, nil, atPhotos)
	}
	jwks := w.must(200, "POST", "/v1/keyset/decryption", w.founder, nil).text
	runNode(t, "encrypted.mjs", map[string]string{"DAYPASS_URL": w.api, "TOKEN": fresh, "KEYS": jwks, "SUBJECT": w.chief, "AHEAD": "601"})
	if w.log.String() == "" || strings.Contains(w.log.String(), `"d":"`) {
		t.Error("a private key is in the log")
	}
	manager := w.member("acme", object{"name": "Manager", "roles": []string{"account_manager"}, "scopes": []string{"*"}})
	w.expect("for who is no administrator", w.send("POST", "/v1/keyset/decryption", manager.key, nil), 403, "role_missing")
}
