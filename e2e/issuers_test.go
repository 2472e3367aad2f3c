package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/fetch"
	"github.com/daypass/daypass/internal/server"
)

// outsideIssuer is an issuer that is not Daypass.
type outsideIssuer struct {
	t       *testing.T
	server  *httptest.Server
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	fetches atomic.Int64
	answer  atomic.Pointer[http.HandlerFunc] // nil: as it should
}

func newOutsideIssuer(t *testing.T) *outsideIssuer {
	t.Helper()
	return newOutsideIssuerOver(t, (*httptest.Server).Start)
}

func newOutsideIssuerOver(t *testing.T, start func(*httptest.Server)) *outsideIssuer {
	t.Helper()
	i := &outsideIssuer{t: t}
	i.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	i.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/jwks") {
			i.fetches.Add(1)
		}
		if answer := i.answer.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		i.serve(w, r)
	}))
	start(i.server)
	t.Cleanup(i.server.Close)
	return i
}

func (i *outsideIssuer) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/.well-known/openid-configuration" {
		_ = json.NewEncoder(w).Encode(object{"issuer": i.server.URL, "jwks_uri": i.server.URL + "/jwks", "id_token_signing_alg_values_supported": []string{"none", "HS256"}})
		return
	}
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	point, _ := i.ec.PublicKey.Bytes()
	_ = json.NewEncoder(w).Encode(object{"keys": []object{
		{"kty": "RSA", "kid": "r1", "use": "sig", "n": number(i.rsa.N), "e": "AQAB"},
		{"kty": "RSA", "kid": "enc", "use": "enc", "alg": "RSA-OAEP", "n": number(i.rsa.N), "e": "AQAB"},
		{"kty": "EC", "kid": "e1", "crv": "P-256", "alg": "ES256", "x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])},
	}})
}

func (i *outsideIssuer) claims() object {
	now := time.Now().Unix()
	return object{"iss": i.server.URL, "sub": "ann", "aud": "daypass", "iat": now, "exp": now + 300, "jti": "j1", "repository": "acme/photos", "kind": "read"}
}

// token signs claims; edit changes them, nil values leave one out.
func (i *outsideIssuer) token(header, edit object) string {
	claims := i.claims()
	maps.Copy(claims, edit)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	head := object{"alg": "RS256", "kid": "r1", "typ": "JWT"}
	maps.Copy(head, header)
	part := func(v any) string {
		raw, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	input := part(head) + "." + part(claims)
	sum := sha256.Sum256([]byte(input))
	var signature []byte
	switch head["alg"] {
	case "ES256":
		r, s, err := ecdsa.Sign(rand.Reader, i.ec, sum[:])
		if err != nil {
			i.t.Fatal(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "HS256": // with the public key, as if it were a secret
		m := hmac.New(sha256.New, i.rsa.N.Bytes())
		m.Write([]byte(input))
		signature = m.Sum(nil)
	case "PS256":
		signature, _ = rsa.SignPSS(rand.Reader, i.rsa, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: 32})
	case "none":
	default:
		signature, _ = rsa.SignPKCS1v15(rand.Reader, i.rsa, crypto.SHA256, sum[:])
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// trust is what organizations put in the tests.
func (i *outsideIssuer) trust(edit object) object {
	o := object{
		"issuer": i.server.URL, "audiences": []string{"daypass"}, "accept": "both", "scopes": []string{"photos:*"}, "roles": []string{"consumer@photos"},
		"claims": object{"repository": "acme/*"},
		"grants": []object{{"scopes": []string{"photos:{kind}"}}, {"when": object{"kind": "write"}, "roles": []string{"consumer@photos"}}},
	}
	maps.Copy(o, edit)
	return o
}

func trustingWorld(t *testing.T) (*world, *outsideIssuer) {
	w := newWorld(t, func(c *server.Config) { c.IssuerNetworks = []string{"127.0.0.0/8"} })
	w.serve("acme", "photos", photos)
	return w, newOutsideIssuer(t)
}

func (w *world) atGate(token string) answer {
	return w.send("GET", w.gateway+"/photos/1", token, nil, atPhotos)
}

// TestOutsideIssuer: a token of a trusted issuer is exchanged, and opens what its claims give and no more, until the
// issuer is changed, disabled or deleted, at once.
func TestOutsideIssuer(t *testing.T) {
	w, i := trustingWorld(t)
	at := orgPath("acme", "/issuers/idp")
	w.expect("before anybody trusts it", w.send("POST", "/v1/tokens", i.token(nil, nil), object{}), 401, "issuer_untrusted")
	w.expect("at the gate", w.atGate(i.token(nil, nil)), 401, "token_invalid")
	w.must(201, "PUT", at, w.founder, i.trust(nil))

	token := i.token(nil, nil)
	made := w.must(200, "POST", "/v1/tokens", token, object{"expires_in": 60})
	if made.at("payload", "sub") != "idp|ann" || made.at("payload", "scope") != "photos:read" || !strings.HasPrefix(made.at("payload", "via"), "isr_") {
		t.Errorf("got %s", made.text)
	}
	pass := made.at("token")
	w.expect("the pass at the gate", w.atGate(pass), 200, "")
	w.expect("the token at the gate", w.atGate(token), 200, "")
	w.expect("an ES256 token", w.atGate(i.token(object{"alg": "ES256", "kid": "e1", "typ": "at+jwt"}, nil)), 200, "")
	post := func(credential string) answer {
		return w.send("POST", w.gateway+"/photos/1", credential, object{}, atPhotos)
	}
	w.expect("beyond its scope", post(token), 403, "scope_missing")
	w.expect("what another claim gives", post(i.token(nil, object{"kind": "write"})), 200, "")
	w.expect("a claim that is a pattern", w.atGate(i.token(nil, object{"kind": "*"})), 403, "scope_missing")
	w.expect("a longer life than the token's", w.send("POST", "/v1/tokens", token, object{"expires_in": 3600}), 403, "life_exceeded")
	w.expect("renewable", w.send("POST", "/v1/tokens", token, object{"renewable": true}), 403, "renewable_exceeded")
	w.must(200, "POST", "/v1/tokens", token, object{"ips": []string{"127.0.0.1"}})
	w.expect("a wider scope", w.send("POST", "/v1/tokens", token, object{"scopes": []string{"photos:write"}}), 403, "scope_exceeded")
	w.expect("the pass in administration", w.send("GET", at, pass, nil), 403, "named_subject")
	w.expect("the token in administration", w.send("GET", at, token, nil), 401, "token_invalid")
	if a := w.must(200, "POST", "/v1/tokens/introspect", w.founder, object{"token": token}); a.text != "{\"active\":false}\n" {
		t.Errorf("introspection of an outside token: %s", a.text)
	}
	w.must(204, "POST", "/v1/tokens/revoke", "", object{"token": token}) // no pass of ours: nothing happens
	w.expect("after a revocation that is not ours to make", w.atGate(token), 200, "")
	oauth := w.form("/oauth2/token", nil, "grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "subject_token="+token, "subject_token_type=urn:ietf:params:oauth:token-type:jwt")
	if oauth.status != 200 || oauth.at("access_token") == "" {
		t.Errorf("RFC 8693: %d %s", oauth.status, oauth.text)
	}
	tested := w.must(200, "POST", at+"/test", w.founder, object{"token": i.token(nil, object{"repository": "evil/photos"})})
	if tested.body["accepted"] != false || tested.code() != "issuer_token_refused" {
		t.Errorf("test: %s", tested.text)
	}

	gone := func(what string) {
		t.Helper()
		w.expect(what+": the token at the gate", w.atGate(token), 401, "")
		w.expect(what+": the token", w.send("POST", "/v1/tokens", token, object{}), 401, "")
		w.expect(what+": the pass at the gate", w.atGate(pass), 401, "token_revoked")
		w.expect(what+": the pass exchanged", w.send("POST", "/v1/tokens", pass, object{"expires_in": 1}), 401, "token_revoked")
	}
	w.must(200, "PUT", at, w.founder, i.trust(object{"active": false}))
	gone("disabled")
	w.must(200, "PUT", at, w.founder, i.trust(nil))
	w.expect("active again", w.atGate(token), 200, "")
	w.expect("active again: the old pass", w.atGate(pass), 401, "token_revoked")
	w.must(200, "PUT", at, w.founder, i.trust(object{"claims": object{"repository": "other/*"}}))
	w.expect("changed", w.atGate(token), 401, "")
	w.must(200, "PUT", at, w.founder, i.trust(nil))
	pass = w.pass(token, object{})

	second := orgPath("beta", "")
	w.organization("beta")
	w.must(200, "PATCH", second, w.founder, object{"active": false})
	w.expect("another organization is disabled", w.atGate(token), 200, "")
	w.must(204, "DELETE", at, w.founder, nil)
	gone("deleted")
	if n := i.fetches.Load(); n > 3 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// TestAttack_OutsideTokens: forged, stretched and misdirected tokens are refused at the exchange and at the gate, and the good
// one goes on working.
func TestAttack_OutsideTokens(t *testing.T) {
	w, i := trustingWorld(t)
	w.must(201, "PUT", orgPath("acme", "/issuers/idp"), w.founder, i.trust(object{"max_token_age": 600}))
	now := time.Now().Unix()
	other := newOutsideIssuer(t)
	good := i.token(nil, nil)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"none":                      i.token(object{"alg": "none"}, nil),
		"None without a kid":        i.token(object{"alg": "none", "kid": nil}, nil),
		"HMAC under the key":        i.token(object{"alg": "HS256"}, nil),
		"an algorithm not pinned":   i.token(object{"alg": "PS256"}, nil),
		"another key's algorithm":   i.token(object{"kid": "e1"}, nil),
		"an encryption key":         i.token(object{"kid": "enc"}, nil),
		"an unknown key":            i.token(object{"kid": "x"}, nil),
		"a path for a kid":          i.token(object{"kid": "../../r1"}, nil),
		"a key of its own":          i.token(object{"jwk": object{"kty": "RSA"}}, nil),
		"an address of keys":        i.token(object{"jku": other.server.URL + "/jwks"}, nil),
		"crit":                      i.token(object{"crit": []string{"b64"}}, nil),
		"a logout token":            i.token(object{"typ": "logout+jwt"}, nil),
		"a DPoP proof":              i.token(object{"typ": "dpop+jwt"}, nil),
		"an event":                  i.token(nil, object{"events": object{}}),
		"another's signature":       other.token(nil, object{"iss": i.server.URL}),
		"another issuer":            other.token(nil, nil),
		"a claim swapped in":        parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+i.server.URL+`","aud":"daypass"}`)) + "." + parts[2],
		"cut short":                 good[:len(good)-4],
		"no iss":                    i.token(nil, object{"iss": nil}),
		"no aud":                    i.token(nil, object{"aud": nil}),
		"another aud":               i.token(nil, object{"aud": "someone-else"}),
		"no exp":                    i.token(nil, object{"exp": nil}),
		"no iat":                    i.token(nil, object{"iat": nil}),
		"exp as a text":             i.token(nil, object{"exp": "9999999999"}),
		"expired":                   i.token(nil, object{"iat": now - 300, "exp": now - 60}),
		"too old, far end":          i.token(nil, object{"iat": now - 3600, "exp": now + 1e9}),
		"iat to come":               i.token(nil, object{"iat": now + 600, "exp": now + 900}),
		"nbf to come":               i.token(nil, object{"nbf": now + 600}),
		"nbf as a text":             i.token(nil, object{"nbf": "0"}),
		"no sub":                    i.token(nil, object{"sub": nil}),
		"a foreign claim":           i.token(nil, object{"repository": "evil/acme"}),
		"a claim behind the glob":   i.token(nil, object{"repository": "acme/photos/../x"}),
		"a line in the subject":     i.token(nil, object{"sub": "ann\nX-Evil: 1"}),
		"bound to a certificate":    i.token(nil, object{"cnf": object{"x5t#S256": "abc"}}),
		"bound to an absent sender": i.token(nil, object{"cnf": object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
	} {
		if a := w.send("POST", "/v1/tokens", token, object{}); a.status != 401 {
			t.Errorf("%s: exchanged: %d %s", name, a.status, a.text)
		}
		if a := w.atGate(token); a.status != 401 {
			t.Errorf("%s: at the gate: %d %s", name, a.status, a.text)
		}
	}
	w.expect("the good one", w.atGate(good), 200, "")
	if n := i.fetches.Load() + other.fetches.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	// A subject that would be a user's id is nobody's.
	w.must(200, "PUT", orgPath("acme", "/issuers/idp"), w.founder, i.trust(object{"subject": "{sub}"}))
	w.expect("a user's id", w.send("POST", "/v1/tokens", i.token(nil, object{"sub": w.chief}), object{}), 401, "issuer_token_refused")
}

// TestOutsideIssuer_TwoOrganizations: the audience, the caller or the application says whose trust is meant; where neither does it is nobody's.
func TestOutsideIssuer_TwoOrganizations(t *testing.T) {
	w, i := trustingWorld(t)
	w.organization("beta")
	w.serve("beta", "music", music)
	plain := func(audience string) object {
		return i.trust(object{"roles": []string{}, "grants": []object{}, "scopes": []string{"photos:read"}, "audiences": []string{audience, "shared"}})
	}
	w.must(201, "PUT", orgPath("acme", "/issuers/idp"), w.founder, plain("for-acme"))
	w.must(201, "PUT", orgPath("beta", "/issuers/idp"), w.founder, plain("for-beta"))
	for audience, org := range map[string]string{"for-acme": "acme", "for-beta": "beta"} {
		if a := w.must(200, "POST", "/v1/tokens", i.token(nil, object{"aud": audience}), object{}); a.at("payload", "org") != org {
			t.Errorf("%s: %s", audience, a.text)
		}
	}
	shared := i.token(nil, object{"aud": "shared"})
	w.expect("of either", w.send("POST", "/v1/tokens", shared, object{}), 401, "issuer_ambiguous")
	w.expect("of either, at the door of one", w.atGate(shared), 200, "")
	if a := w.must(200, "POST", "/v1/tokens", shared, object{"audience": []string{"beta/music"}}); a.at("payload", "org") != "beta" {
		t.Errorf("named: %s", a.text)
	}
	w.expect("one's token at the other", w.send("GET", w.gateway+"/", i.token(nil, object{"aud": "for-acme"}), nil, atMusic), 403, "wrong_organization")
	w.must(200, "PATCH", orgPath("beta", ""), w.founder, object{"active": false})
	if a := w.must(200, "POST", "/v1/tokens", shared, object{}); a.at("payload", "org") != "acme" {
		t.Errorf("one is left: %s", a.text)
	}
	w.expect("of the disabled", w.send("POST", "/v1/tokens", i.token(nil, object{"aud": "for-beta"}), object{}), 401, "issuer_untrusted")
}

// TestAttack_OutsideIssuerMisbehaves: an issuer that redirects, sends too much or the wrong thing, is slow, down, or at an
// address of this machine, harms its own tokens alone, and nothing is asked of where it leads.
func TestAttack_OutsideIssuerMisbehaves(t *testing.T) {
	w, good := trustingWorld(t)
	w.must(201, "PUT", orgPath("acme", "/issuers/good"), w.founder, good.trust(nil))
	inside := newOutsideIssuer(t)
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(out http.ResponseWriter, r *http.Request) {
			http.Redirect(out, r, inside.server.URL+r.URL.Path, http.StatusFound)
		},
		"huge": func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Type", "application/json")
			for range 3 << 10 {
				if _, err := out.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		},
		"html":   func(out http.ResponseWriter, _ *http.Request) { _, _ = out.Write([]byte("<html>")) },
		"broken": func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(500) },
		"other": func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Type", "application/json")
			_, _ = out.Write([]byte(`{"issuer":"` + inside.server.URL + `","jwks_uri":"` + inside.server.URL + `/jwks"}`))
		},
	} {
		bad := newOutsideIssuer(t)
		bad.answer.Store(&answer)
		w.must(201, "PUT", orgPath("acme", "/issuers/"+name), w.founder, bad.trust(nil))
		w.expect(name, w.send("POST", "/v1/tokens", bad.token(nil, nil), object{}), 503, "issuer_unavailable")
		w.expect(name+" at the gate", w.atGate(bad.token(nil, nil)), 401, "token_invalid")
		w.expect(name+": the good issuer's", w.atGate(good.token(nil, nil)), 200, "")
	}
	if inside.fetches.Load() > 0 {
		t.Error("another address than the configured was asked")
	}

	// The last good keys serve while the issuer is down, for a day; unknown keys ask at most once a minute.
	down := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(503) })
	good.answer.Store(&down)
	before := good.fetches.Load()
	for range 20 {
		w.expect("an unknown key", w.atGate(good.token(object{"kid": "x"}, nil)), 401, "token_invalid")
	}
	w.expect("a known key", w.atGate(good.token(nil, object{"jti": "j2"})), 200, "")
	if n := good.fetches.Load() - before; n > 1 {
		t.Errorf("unknown keys made %d fetches", n)
	}
	w.offset.Add(int64(25 * time.Hour))
	for w.atGate("").code() == "stale_view" { // until it has heard the feed at the new time
		time.Sleep(50 * time.Millisecond)
	}
	late := time.Now().Add(25 * time.Hour).Unix()
	w.expect("a day later", w.send("POST", "/v1/tokens", good.token(nil, object{"iat": late, "exp": late + 60}), object{}), 503, "issuer_unavailable")

	// Without being allowed, no network of this machine is asked.
	closed := newWorld(t, nil)
	for name, address := range map[string]string{
		"loopback": good.server.URL + "/jwks", "a name for it": strings.Replace(good.server.URL, "127.0.0.1", "localhost", 1) + "/jwks",
		"a number": strings.Replace(good.server.URL, "127.0.0.1", "2130706433", 1) + "/jwks",
		"mapped":   strings.Replace(good.server.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1) + "/jwks",
		"metadata": "http://169.254.169.254/latest", "private": "https://10.0.0.1/jwks",
	} {
		slug := strings.ReplaceAll(name, " ", "-")
		closed.must(201, "PUT", orgPath("acme", "/issuers/"+slug), closed.founder, good.trust(object{"jwks_url": address, "audiences": []string{slug}, "roles": []string{}, "grants": []object{}}))
		began := good.fetches.Load()
		closed.expect(name, closed.send("POST", "/v1/tokens", good.token(nil, object{"aud": slug}), object{}), 503, "issuer_unavailable")
		if good.fetches.Load() != began {
			t.Errorf("%s was asked", name)
		}
	}
}

// TestAttack_OutsideIssuerHangs: while issuers that accept a connection and say nothing, or say a byte at a time, are waited for,
// nobody else waits with them.
func TestAttack_OutsideIssuerHangs(t *testing.T) {
	t.Parallel()
	w, good := trustingWorld(t)
	w.must(201, "PUT", orgPath("acme", "/issuers/good"), w.founder, good.trust(nil))
	own := w.pass(w.founder, object{})
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	drip := func(piece string) http.HandlerFunc {
		return func(out http.ResponseWriter, r *http.Request) {
			out.Header().Set("Content-Type", "application/json")
			for {
				if _, err := out.Write([]byte(piece)); err != nil || http.NewResponseController(out).Flush() != nil {
					return
				}
				select {
				case <-time.After(20 * time.Millisecond):
				case <-released:
					return
				case <-r.Context().Done():
					return
				}
			}
		}
	}
	type outcome struct {
		what   string
		status int
		code   string
		took   time.Duration
	}
	outcomes := make(chan outcome, 1000)
	waiting := 0
	for name, answer := range map[string]http.HandlerFunc{
		"says-nothing": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-released:
			case <-r.Context().Done():
			}
		},
		"drips": drip(" "), "drips-json": drip(`{"a":`),
	} {
		bad := newOutsideIssuer(t)
		bad.answer.Store(&answer)
		w.must(201, "PUT", orgPath("acme", "/issuers/"+name), w.founder, bad.trust(nil))
		token := bad.token(nil, nil)
		for range 20 {
			waiting += 2
			go func() {
				began := time.Now()
				a := w.send("POST", "/v1/tokens", token, object{})
				outcomes <- outcome{name, a.status, a.code(), time.Since(began)}
			}()
			go func() {
				began := time.Now()
				a := w.atGate(token)
				outcomes <- outcome{name + " at the gate", a.status, a.code(), time.Since(began)}
			}()
		}
	}
	const bound = 2 * time.Second // less than half of what a fetch may take
	served := 0
	for until := time.Now().Add(2 * time.Second); time.Now().Before(until); served++ {
		for what, ask := range map[string]func() answer{
			"our own pass":                     func() answer { return w.atGate(own) },
			"our own key":                      func() answer { return w.send("POST", "/v1/tokens", w.founder, object{}) },
			"another issuer's token":           func() answer { return w.atGate(good.token(nil, nil)) },
			"another issuer's token, exchange": func() answer { return w.send("POST", "/v1/tokens", good.token(nil, nil), object{}) },
			"a change of the issuers":          func() answer { return w.send("GET", orgPath("acme", "/issuers"), w.founder, nil) },
		} {
			began := time.Now()
			w.expect(what, ask(), 200, "")
			if took := time.Since(began); took > bound {
				t.Errorf("%s took %v while others wait", what, took)
			}
		}
	}
	if served == 0 {
		t.Error("nothing was served meanwhile")
	}
	for range waiting {
		o := <-outcomes
		if o.status != 503 && o.status != 401 || o.took > 3*fetch.Timeout {
			t.Errorf("%s: %d %s after %v", o.what, o.status, o.code, o.took)
		}
	}
}

// TestOutsideIssuer_JWTBearer: a token of an outside issuer is a grant by itself (RFC 7523, section 2.1).
func TestOutsideIssuer_JWTBearer(t *testing.T) {
	t.Parallel()
	w, i := trustingWorld(t)
	at := orgPath("acme", "/issuers/idp")
	ask := func(assertion string, fields ...string) answer {
		return w.form("/oauth2/token", nil, append([]string{"grant_type=" + grantJWT, "assertion=" + assertion}, fields...)...)
	}
	refused := func(what string, a answer, status int, name, code string) {
		t.Helper()
		if a.status != status || a.at("error") != name || a.code() != code {
			t.Errorf("%s: got %d %s", what, a.status, a.text)
		}
	}
	refused("before anybody trusts it", ask(i.token(nil, nil)), 400, "invalid_grant", "issuer_untrusted")
	w.must(201, "PUT", at, w.founder, i.trust(object{"accept": "exchange"}))
	// Many issuers write thumbprints of a certificate into the header, which an assertion of a key here may not have.
	a := ask(i.token(object{"x5t": "HyqXe_u6qVRSg7lPuvC2zxkBtEY"}, nil), "scope=photos:read")
	if a.status != 200 || a.at("token_type") != "Bearer" || a.at("scope") != "photos:read" {
		t.Fatalf("got %d %s", a.status, a.text)
	}
	w.expect("the pass", w.atGate(a.at("access_token")), 200, "")
	if a := ask(i.token(nil, nil), "audience=acme/photos"); a.status != 200 {
		t.Errorf("for one application: %d %s", a.status, a.text)
	}
	refused("beyond it", ask(i.token(nil, nil), "scope=photos:write"), 400, "invalid_scope", "scope_exceeded")
	refused("forged", ask(i.token(object{"alg": "HS256"}, nil)), 400, "invalid_grant", "issuer_token_invalid")
	refused("another audience", ask(i.token(nil, object{"aud": "x"})), 400, "invalid_grant", "issuer_untrusted")
	refused("a false claim", ask(i.token(nil, object{"repository": "evil/x"})), 400, "invalid_grant", "issuer_token_refused")
	refused("with a key's name", ask(i.token(nil, object{"iss": "key_0000000000000000000000000"})), 400, "invalid_grant", "assertion_invalid")
	w.must(200, "PUT", at, w.founder, i.trust(object{"accept": "gate"}))
	refused("trusted at the gate alone", ask(i.token(nil, nil)), 400, "invalid_grant", "issuer_untrusted")
	down := newOutsideIssuer(t)
	broken := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(500) })
	down.answer.Store(&broken)
	w.must(201, "PUT", orgPath("acme", "/issuers/down"), w.founder, down.trust(nil))
	refused("its keys cannot be had", ask(down.token(nil, nil)), 503, "temporarily_unavailable", "issuer_unavailable")
}

// TestOutsideIssuer_Authority: an issuer whose certificate no authority of this machine has signed is believed on the word of the one
// that its entry names, and of no other.
func TestOutsideIssuer_Authority(t *testing.T) {
	t.Parallel()
	w, _ := trustingWorld(t)
	i := newOutsideIssuerOver(t, (*httptest.Server).StartTLS)
	pemOf := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	authority := pemOf("CERTIFICATE", i.server.Certificate().Raw)
	certFile, _ := certificate(t)
	other, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	at := orgPath("acme", "/issuers/cluster")
	try := func() answer { return w.send("POST", "/v1/tokens", i.token(nil, nil), object{}) }
	w.must(201, "PUT", at, w.founder, i.trust(nil))
	w.expect("nobody's word", try(), 503, "issuer_unavailable")
	w.must(200, "PUT", at, w.founder, i.trust(object{"ca_certificates": string(other)}))
	w.expect("another's word", try(), 503, "issuer_unavailable")
	if i.fetches.Load() > 0 {
		t.Error("keys were asked of a server that nobody vouched for")
	}
	w.must(200, "PUT", at, w.founder, i.trust(object{"ca_certificates": string(other) + authority}))
	w.expect("its authority's word", try(), 200, "")
	w.expect("at the gate", w.atGate(i.token(nil, nil)), 200, "")
	if a := w.must(200, "GET", at, w.founder, nil); a.at("ca_certificates") != string(other)+authority {
		t.Errorf("got %s", a.text)
	}
	w.restart()
	w.expect("after a restart", try(), 200, "")
	for what, text := range map[string]string{
		"no PEM": "MIIB", "a private key": pemOf("PRIVATE KEY", []byte("x")), "no certificate in it": pemOf("CERTIFICATE", []byte("x")), "text behind it": authority + "x",
	} {
		w.expect(what, w.send("PUT", at, w.founder, i.trust(object{"ca_certificates": text})), 422, "invalid_issuer")
	}
}

// TestOutsideIssuer_Discovery: an issuer with a path is found as OpenID Connect has it, or as RFC 8414 has it. Another Daypass, which
// publishes itself as RFC 8414 has it, is an issuer too.
func TestOutsideIssuer_Discovery(t *testing.T) {
	t.Parallel()
	w, _ := trustingWorld(t)
	for name, test := range map[string]struct{ issuer, metadata string }{
		"openid":         {"/realms/acme", "/realms/acme/.well-known/openid-configuration"},
		"openid-slash":   {"/realms/acme/", "/realms/acme/.well-known/openid-configuration"},
		"rfc8414":        {"/realms/acme", "/.well-known/oauth-authorization-server/realms/acme"},
		"rfc8414-slash":  {"/realms/acme/", "/.well-known/oauth-authorization-server/realms/acme"},
		"rfc8414-nopath": {"", "/.well-known/oauth-authorization-server"},
	} {
		i := newOutsideIssuer(t)
		answer := http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case test.metadata:
				out.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(out).Encode(object{"issuer": i.server.URL + test.issuer, "jwks_uri": i.server.URL + "/jwks"})
			case "/jwks":
				i.serve(out, r)
			default:
				http.NotFound(out, r)
			}
		})
		i.answer.Store(&answer)
		w.must(201, "PUT", orgPath("acme", "/issuers/"+name), w.founder, i.trust(object{"issuer": i.server.URL + test.issuer}))
		w.expect(name, w.send("POST", "/v1/tokens", i.token(nil, object{"iss": i.server.URL + test.issuer}), object{}), 200, "")
	}

	other := knownWorld(t)
	w.must(201, "PUT", orgPath("acme", "/issuers/daypass"), w.founder, object{"issuer": other.api, "audiences": []string{"acme"}, "scopes": []string{"photos:read"}, "accept": "both"})
	pass := other.pass(other.founder, object{})
	if a := w.must(200, "POST", "/v1/tokens", pass, object{}); a.at("payload", "sub") != "daypass|"+other.chief {
		t.Errorf("got %s", a.text)
	}
	w.expect("at the gate", w.atGate(pass), 200, "")
}

// TestMetadataOfAnIssuerWithAPath: that path follows the well-known one (RFC 8414, section 3.1).
func TestMetadataOfAnIssuerWithAPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) { c.PublicURL = "https://api.example.com/pass" })
	for _, path := range []string{"/pass", ""} { // a proxy may take the path off
		if a := w.must(200, "GET", "/.well-known/oauth-authorization-server"+path, "", nil); a.at("issuer") != "https://api.example.com/pass" {
			t.Errorf("%s: got %s", path, a.text)
		}
	}
	w.must(404, "GET", "/.well-known/oauth-authorization-server/other", "", nil)
	w.must(405, "POST", "/.well-known/oauth-authorization-server/pass", "", object{})
}

// TestAttack_OutsideIssuerOfAnotherTenant: who trusts the same issuer for the same audience as another organization does not shut
// that one's door, nor open it.
func TestAttack_OutsideIssuerOfAnotherTenant(t *testing.T) {
	t.Parallel()
	w, i := trustingWorld(t)
	w.organization("beta")
	w.serve("beta", "music", music)
	w.must(201, "PUT", orgPath("acme", "/issuers/idp"), w.founder, i.trust(nil))
	token := i.token(nil, nil)
	w.expect("before", w.atGate(token), 200, "")
	at := orgPath("beta", "/issuers/squatter")
	w.must(201, "PUT", at, w.founder, i.trust(object{"roles": []string{}, "grants": []object{}, "scopes": []string{"**"}}))
	w.expect("the door", w.atGate(token), 200, "")
	w.expect("with another's authority", w.send("POST", w.gateway+"/photos/1", token, object{}, atPhotos), 403, "scope_missing")
	w.expect("the exchange of who says where", w.send("POST", "/v1/tokens", token, object{"audience": []string{"acme/photos"}}), 200, "")
	w.must(200, "PUT", orgPath("acme", "/issuers/idp"), w.founder, i.trust(object{"active": false}))
	w.expect("trusted by the other alone", w.atGate(token), 403, "wrong_organization")
}

// TestAttack_OutsideKeyWithdrawn: a key that its issuer withdraws stops opening doors, also for tokens that were seen before.
func TestAttack_OutsideKeyWithdrawn(t *testing.T) {
	t.Parallel()
	w, i := trustingWorld(t)
	w.must(201, "PUT", orgPath("acme", "/issuers/idp"), w.founder, i.trust(nil))
	end := time.Now().Add(time.Hour).Unix()
	bad, good := i.token(nil, object{"exp": end}), i.token(object{"alg": "ES256", "kid": "e1"}, object{"exp": end})
	w.expect("before", w.atGate(bad), 200, "")
	w.expect("before, the other key", w.atGate(good), 200, "")
	withdrawn := http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		i.serve(recorded, r)
		out.Header().Set("Content-Type", "application/json")
		_, _ = out.Write([]byte(strings.Replace(recorded.Body.String(), `"r1"`, `"r2"`, 1)))
	})
	i.answer.Store(&withdrawn)
	fetched := i.fetches.Load()
	later := func(d time.Duration) {
		w.offset.Add(int64(d))
		for w.atGate("").code() == "stale_view" {
			time.Sleep(20 * time.Millisecond)
		}
	}
	later(6 * time.Minute)
	for w.atGate(bad); i.fetches.Load() == fetched; w.atGate(bad) {
		time.Sleep(20 * time.Millisecond)
	}
	later(2 * time.Minute)
	w.expect("afterwards", w.atGate(bad), 401, "token_invalid")
	w.expect("afterwards, the other key", w.atGate(good), 200, "")
}

// TestAttack_OutsideIssuerIsNotAHammer: trying tokens on an issuer that is not active fetches no more often than others do.
func TestAttack_OutsideIssuerIsNotAHammer(t *testing.T) {
	t.Parallel()
	w, i := trustingWorld(t)
	at := orgPath("acme", "/issuers/idp")
	w.must(201, "PUT", at, w.founder, i.trust(object{"active": false}))
	for n := range 10 {
		token := i.token(nil, nil)
		if n%2 == 1 {
			token = i.token(object{"kid": "x"}, nil)
		}
		if a := w.must(200, "POST", at+"/test", w.founder, object{"token": token}); a.body["accepted"] != (n%2 == 0) {
			t.Errorf("got %s", a.text)
		}
	}
	if n := i.fetches.Load(); n > 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// TestClientsOIDC: npm oidc-provider is an outside issuer.
func TestClientsOIDC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) { c.IssuerNetworks = []string{"127.0.0.0/8"} })
	w.serve("acme", "photos", strings.Replace(photos, "hosts: [photos.example]", "hosts: [127.0.0.1]", 1))
	runNode(t, "oidc.mjs", map[string]string{"DAYPASS_URL": w.api, "GATEWAY": w.gateway, "KEY": w.founder})
}
