package e2e

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/daypass/daypass/internal/server"
)

const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantJWT      = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// knownWorld is a world whose issuer is where it listens, as clients of OAuth expect.
func knownWorld(t *testing.T) *world {
	t.Helper()
	return knownWorldWith(t, nil)
}

func knownWorldWith(t *testing.T, edit func(*server.Config)) *world {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	return newWorld(t, func(c *server.Config) {
		c.Listen, c.PublicURL, c.KeysPerUser = address, "http://"+address, 50
		if edit != nil {
			edit(c)
		}
	})
}

// signer is a key pair of a client.
type signer struct {
	private crypto.Signer
	alg     string
}

func newSigner(t *testing.T, alg string) *signer {
	t.Helper()
	var private crypto.Signer
	var err error
	if alg == "EdDSA" {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &signer{private, alg}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (s *signer) jwk() object {
	switch public := s.private.Public().(type) {
	case ed25519.PublicKey:
		return object{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}
	case *ecdsa.PublicKey:
		raw, _ := public.Bytes()
		return object{"kty": "EC", "crv": "P-256", "x": encode(raw[1:33]), "y": encode(raw[33:])}
	}
	return nil
}

func (s *signer) privateJWK() string {
	jwk := s.jwk()
	switch private := s.private.(type) {
	case ed25519.PrivateKey:
		jwk["d"] = encode(private.Seed())
	case *ecdsa.PrivateKey:
		raw, _ := private.Bytes()
		jwk["d"] = encode(raw)
	}
	text, _ := json.Marshal(jwk)
	return string(text)
}

// sign makes a JWS of whatever header and claims.
func (s *signer) sign(header, claims object) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	input := encode(h) + "." + encode(c)
	var signature []byte
	switch private := s.private.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		r, v, _ := ecdsa.Sign(rand.Reader, private, digest[:])
		signature = append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	}
	return input + "." + encode(signature)
}

// assertion is a good one for a client, but for what edit changes.
func (w *world) assertion(s *signer, id string, edit func(header, claims object)) string {
	now := time.Now().Add(time.Duration(w.offset.Load())).Unix()
	header := object{"alg": s.alg, "typ": "JWT"}
	claims := object{"iss": id, "sub": id, "aud": w.api, "iat": now, "exp": now + 60, "jti": fmt.Sprint("jti-", time.Now().UnixNano(), randomText())}
	if edit != nil {
		edit(header, claims)
	}
	return s.sign(header, claims)
}

func randomText() string {
	raw := make([]byte, 9)
	_, _ = rand.Read(raw)
	return encode(raw)
}

// until asks again for as long as the answer is one that will pass.
func (w *world) until(ask func() answer, passing int) answer {
	w.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if a := ask(); a.status != passing || time.Now().After(end) {
			return a
		}
	}
}

// client is a key that a client of OAuth has.
type client struct {
	id, secret string
	signer     *signer
}

func (w *world) oauthClient(alg string, body object) client {
	w.t.Helper()
	c := client{}
	if body == nil {
		body = object{"scopes": []string{"photos:*"}}
	}
	if alg != "" {
		c.signer = newSigner(w.t, alg)
		body["public_key"] = c.signer.jwk()
	}
	a := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, body)
	c.id, c.secret = a.at("id"), a.at("key")
	return c
}

// form sends fields, written as "name=value", to a route of OAuth.
func (w *world) form(path string, basic *client, fields ...string) answer {
	w.t.Helper()
	values := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values.Add(name, value)
	}
	headers := []string{"Content-Type: application/x-www-form-urlencoded"}
	if basic != nil {
		headers = append(headers, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(basic.id+":"+basic.secret)))
	}
	return w.sendForm(path, values.Encode(), headers...)
}

func (w *world) sendForm(path, body string, headers ...string) answer {
	w.t.Helper()
	req, err := http.NewRequest("POST", w.api+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	return w.do(req)
}

func (w *world) token(basic *client, fields ...string) answer {
	w.t.Helper()
	return w.form("/oauth2/token", basic, fields...)
}

// refused expects an error of OAuth, complete and not to be kept.
func (w *world) refused(what string, a answer, status int, name, code string) {
	w.t.Helper()
	if a.status != status || a.at("error") != name || code != "" && a.code() != code {
		w.t.Errorf("%s: got %d %s, want %d %s %s", what, a.status, a.text, status, name, code)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" || a.header.Get("Content-Type") != "application/json" {
		w.t.Errorf("%s: headers %v", what, a.header)
	}
	if description := a.at("error_description"); description == "" || strings.ContainsAny(description, "\"\\\n") {
		w.t.Errorf("%s: description %q", what, description)
	}
	if (a.status == 401) != (a.header.Get("WWW-Authenticate") != "") {
		w.t.Errorf("%s: a challenge belongs to 401 alone", what)
	}
}

// TestOAuthClients: npm openid-client and oauth4webapi, and Go's clientcredentials, run unchanged.
func TestOAuthClients(t *testing.T) {
	t.Parallel()
	w := knownWorld(t)
	w.serve("acme", "photos", photos)
	w.organization("other")
	foreign := w.pass(w.member("other", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}}).key, object{})
	plain, es, ed := w.oauthClient("", nil), w.oauthClient("ES256", nil), w.oauthClient("EdDSA", nil)
	actor := w.pass(w.member("acme", object{"roles": []string{"consumer"}, "scopes": []string{"x:y"}}).key, object{})

	t.Run("npm", func(t *testing.T) {
		runNode(t, "oauth.mjs", map[string]string{
			"ISSUER": w.api, "CLIENT_ID": plain.id, "CLIENT_SECRET": plain.secret, "KEY_ID": es.id, "PRIVATE_JWK": es.signer.privateJWK(),
			"ED_ID": ed.id, "ED_JWK": ed.signer.privateJWK(), "ACTOR": actor, "RESOURCE": w.api + "/acme/photos", "FOREIGN": foreign,
		})
	})
	for name, style := range map[string]oauth2.AuthStyle{"header": oauth2.AuthStyleInHeader, "form": oauth2.AuthStyleInParams, "detect": oauth2.AuthStyleAutoDetect} {
		t.Run("go "+name, func(t *testing.T) {
			config := clientcredentials.Config{
				ClientID: plain.id, ClientSecret: plain.secret, TokenURL: w.api + "/oauth2/token", Scopes: []string{"photos:read"}, AuthStyle: style,
				EndpointParams: url.Values{"resource": {"http://photos.example/albums"}},
			}
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, w.client)
			token, err := config.Token(ctx)
			if err != nil {
				t.Fatal(err)
			}
			w.t = t
			w.must(200, "GET", w.gateway+"/photos/7", token.AccessToken, nil, atPhotos)
			config.ClientSecret = plain.secret[:len(plain.secret)-1] + "0"
			if _, err := config.Token(ctx); err == nil || !strings.Contains(err.Error(), "invalid_client") {
				t.Errorf("a wrong secret: %v", err)
			}
		})
	}
}

// TestOAuthClientsDPoP: npm openid-client and oauth4webapi bind passes to keys, with and without a nonce of the server.
func TestOAuthClientsDPoP(t *testing.T) {
	t.Parallel()
	for name, nonce := range map[string]string{"no nonce": "", "nonce": "required"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := knownWorldWith(t, func(c *server.Config) { c.DPoPNonce = cmp.Or(nonce, c.DPoPNonce) })
			w.serve("acme", "vaults", strings.Replace(bound, "hosts: [photos.example]", "hosts: [127.0.0.1]", 1))
			plain, es := w.oauthClient("", nil), w.oauthClient("ES256", nil)
			runNode(t, "oauthdpop.mjs", map[string]string{
				"ISSUER": w.api, "GATEWAY": w.gateway, "CLIENT_ID": plain.id, "CLIENT_SECRET": plain.secret, "KEY_ID": es.id, "PRIVATE_JWK": es.signer.privateJWK(),
				"REFRESH": w.pass(plain.secret, object{"renewable": true}), "NONCE": nonce,
			})
		})
	}
}
