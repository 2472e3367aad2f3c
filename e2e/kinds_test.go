package e2e

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/getkin/kin-openapi/openapi3"

	contract "github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/sign"
	"github.com/daypass/daypass/verify"
)

// thing is a signed or secret text, and what belongs to it.
type thing struct {
	text string
	key  string // id of the key that it is the text or a signature of
	with string // of a challenge: its other half; of a signature: what says what was signed; of a login: what its browser knows
}

type telling struct{ code, doors string }

// kind is a kind of such things.
type kind struct {
	name   string
	proofs string // the types of internal/exchange that it is a proof by, with blanks between
	make   func(k *kinds) thing
	doors  string // where it belongs
	// told are the doors that tell a good one from a false one in refusing it, with the code that a good one gets: who holds
	// it learns what it is for.
	told []telling
	// nowhere is why no door takes it.
	nowhere string
}

// door takes a text for one of the uses there are.
type door struct {
	name   string
	routes string // of the contract, that it stands for
	try    func(k *kinds, it thing) answer
	opens  func(answer) bool // nil: by the status
	silent bool              // it refuses without a code: {"active":false}
}

// kinds is a world in which each is made, and what stands ready in it.
type kinds struct {
	*world
	address string // of the caller, another for each attempt: so limits on guessing stay out of it
	attempt int

	client   client
	other    client // whose passes act for others
	group    string // id of a user-group key
	outside  *outsideIssuer
	stranger *signer
	provider *loginProvider
	login    string // id of the provider's issuer
	passkey  *passkey
	verifier *verify.Verifier
	envoy    authv3.AuthorizationClient
}

func newKinds(t *testing.T) *kinds {
	t.Helper()
	w := knownWorldWith(t, func(c *server.Config) {
		trusting(c)
		c.IssuerNetworks = []string{"127.0.0.0/8"}
		c.PublicURL = strings.Replace(c.PublicURL, "127.0.0.1", "localhost", 1) // where browsers have passkeys
		c.KeysPerUser = 100_000
		c.ExtAuthz, c.ReadyFile = "127.0.0.1:0", filepath.Join(t.TempDir(), "ready.json")
	})
	w.api = w.config.PublicURL
	w.serve("acme", "photos", photos)
	k := &kinds{world: w, provider: newLoginProvider(t), outside: newOutsideIssuer(t), stranger: newSigner(t, "ES256"), envoy: authv3.NewAuthorizationClient(w.dialExtAuthz())}
	k.client = w.oauthClient("ES256", object{"scopes": []string{"*"}})
	k.other = w.oauthClient("", object{"scopes": []string{"*"}})
	k.group, _, _ = w.group(w.founder, nil)
	w.person("acme", "ada@acme.example", "developer")
	w.must(201, "PUT", orgPath("acme", "/issuers/idp"), w.founder, k.outside.trust(nil))
	k.login = w.must(201, "PUT", orgPath("acme", "/issuers/staff"), w.founder, k.provider.loginTrust(nil)).at("id")
	k.passkey = w.enrol(w.founder)
	var err error
	k.verifier, err = verify.New(verify.Config{Issuer: w.api, Audience: []string{"acme/photos"}, JWKSURL: w.api + "/.well-known/jwks.json", HTTPClient: w.client})
	if err != nil {
		t.Fatal(err)
	}
	k.next()
	return k
}

// next has what comes sent from another address.
func (k *kinds) next() {
	k.attempt++
	k.address = fmt.Sprintf("198.18.%d.%d", k.attempt/250, k.attempt%250+1)
}

func (k *kinds) ask(method, target, credential string, body any, headers ...string) answer {
	return k.send(method, target, credential, body, append(headers, "X-Forwarded-For: "+k.address)...)
}

func (k *kinds) good(method, target, credential string, body any, headers ...string) answer {
	k.t.Helper()
	a := k.ask(method, target, credential, body, headers...)
	if a.status > 299 {
		k.t.Fatalf("%s %s: %d %s", method, target, a.status, a.text)
	}
	return a
}

func (k *kinds) oauth(path string, fields ...string) answer {
	form := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Add(name, value)
	}
	return k.sendForm(path, form.Encode(), "Content-Type: application/x-www-form-urlencoded", "X-Forwarded-For: "+k.address)
}

func (k *kinds) newKey(more object) answer {
	k.t.Helper()
	body := object{"scopes": []string{"*"}}
	for name, v := range more {
		body[name] = v
	}
	return k.good("POST", orgPath("acme", "/keys"), k.founder, body)
}

func (k *kinds) buy(key string, wish object, headers ...string) string {
	k.t.Helper()
	return k.good("POST", "/v1/tokens", key, wish, headers...).at("token")
}

func (k *kinds) plain() thing {
	return thing{text: k.buy(k.client.secret, object{"renewable": true, "audience": "photos"})}
}

// begun is a challenge, and the signature that answers it.
func (k *kinds) begun() (id, text, signature string) {
	k.t.Helper()
	me := newIdentity(k.t)
	c := k.good("POST", "/v1/challenges", "", object{"public_key": publicKeyOf(me), "key": k.group})
	return c.at("id"), c.at("challenge"), signatureFor(k.api, c, me)
}

// signedRequest signs a request for /v1/tokens without a body.
func (k *kinds) signedRequest() (key, signature, input string) {
	k.t.Helper()
	made := k.newKey(object{"require_signature": true})
	signer, err := sign.NewHMACSigner(made.at("id"), []byte(made.at("secret")))
	if err != nil {
		k.t.Fatal(err)
	}
	s := k.signed(signer, "POST", k.api+"/v1/tokens", "", time.Now(), nil)
	return made.at("id"), s.header.Get("Signature"), s.header.Get("Signature-Input")
}

func (k *kinds) signedTime() (key string, proof sign.SignedTime) {
	k.t.Helper()
	made := k.newKey(object{"require_signature": true})
	return made.at("id"), sign.SignTime(made.at("id"), []byte(made.at("secret")), time.Now().Add(time.Minute))
}

func (k *kinds) link(path string) thing {
	k.t.Helper()
	user := k.good("POST", orgPath("acme", "/users"), k.founder, object{"name": "Eve", "email": fmt.Sprintf("eve%d@acme.example", k.attempt), "roles": []string{"developer"}})
	invited := k.good("POST", orgPath("acme", "/users/"+user.at("user", "id")+"/invitation"), k.founder, nil)
	link := linkIn.FindStringSubmatch(invited.at("link"))[1]
	if path == "invitation" {
		return thing{text: link}
	}
	k.good("POST", "/auth/password", "", object{"token": link, "password": umbrellas})
	reset := k.good("POST", orgPath("acme", "/users/"+user.at("user", "id")+"/password-reset"), k.founder, nil)
	return thing{text: linkIn.FindStringSubmatch(reset.at("link"))[1]}
}

func (k *kinds) loggedIn() answer {
	k.t.Helper()
	return k.good("POST", "/auth/token", "", object{"username": "ada@acme.example", "password": umbrellas})
}

func typed(typ string) func(k *kinds) thing {
	return func(k *kinds) thing {
		return thing{text: k.assertion(k.client.signer, k.client.id, func(h, _ object) { h["typ"] = typ }), key: k.client.id}
	}
}

// asPass has another signer say all that a pass says.
func asPass(signer func(k *kinds) (by *signer, kid string), iss func(k *kinds) string) func(k *kinds) thing {
	return func(k *kinds) thing {
		by, kid := signer(k)
		claims := payloadOf(k.t, k.plain().text)
		if iss != nil {
			claims["iss"] = iss(k)
		}
		return thing{text: by.sign(object{"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims)}
	}
}

// Where a pass opens what it is for, and where it is a proof.
const (
	gates    = "gateway forward-auth ext_authz "
	renewals = "exchange rokka_token refresh_token subject_token subject_jwt actor_token "
	reads    = "introspect oauth_introspect "
	admins   = "admin rokka "
	gets     = "exchange rokka_token refresh_token subject_token subject_jwt " // of renewals, those by the text alone
)

// byKey is where a key's text is the whole proof, but for the door /jwt, whose refusals have no code.
const byKey = "exchange api_key admin admin_api_key rokka rokka_api_key rokka_token client_secret_post client_secret_basic "

// allKinds are the kinds there are. A proof that none of them is by fails the test.
var allKinds = []kind{
	{name: "pass", proofs: "Credential Pass", make: (*kinds).plain, doors: gates + renewals + reads + admins + "verifier"},
	{name: "pass of a login", proofs: "loginProof", make: func(k *kinds) thing { return thing{text: k.loggedIn().at("token")} },
		doors: gates + reads + admins + "actor_token verifier", told: []telling{{"not_renewable", gets}}},
	{name: "pass of an identity", proofs: "Answer", make: func(k *kinds) thing {
		id, _, signature := k.begun()
		return thing{text: k.good("POST", "/v1/challenges/"+id, "", object{"signature": signature, "audience": []string{"photos"}, "renewable": true}).at("token")}
	}, doors: gates + renewals + reads + "verifier", told: []telling{{"named_subject", admins}}},
	{name: "pass of an outside token", proofs: "ExternalToken", make: func(k *kinds) thing {
		return thing{text: k.buy(k.outside.token(nil, nil), object{"audience": "photos"})}
	}, doors: gates + reads + "actor_token verifier", told: []telling{{"not_renewable", gets}, {"named_subject", admins}}},
	{name: "act pass", proofs: "Delegation", make: func(k *kinds) thing {
		a := k.oauth("/oauth2/token", "grant_type="+grantExchange, "subject_token_type="+typeAccess, "actor_token_type="+typeAccess,
			"subject_token="+k.plain().text, "actor_token="+k.buy(k.other.secret, object{}))
		return thing{text: k.granted(a)}
	}, doors: gates + reads + admins + "verifier", told: []telling{{"not_renewable", gets}, {"actor_refused", "actor_token"}}},
	{name: "bound pass", make: func(k *kinds) thing {
		sender := newSender(k.t, elliptic.P256())
		proof, err := sender.Proof("POST", k.api+"/v1/tokens", "", "")
		if err != nil {
			k.t.Fatal(err)
		}
		return thing{text: k.buy(k.client.secret, object{"audience": "photos"}, "Dpop: "+proof)}
	}, doors: reads, told: []telling{
		{"sender_key_missing", gates}, {"sender_key_required", renewals + admins}, {"token_sender", "verifier"},
	}},
	{name: "encrypted pass", make: func(k *kinds) thing {
		return thing{text: k.buy(k.client.secret, object{"renewable": true, "audience": "photos", "encrypt": true})}
	}, doors: gates + renewals + reads, told: []telling{{"encrypted_pass", admins}}},
	{name: "pass of a device", proofs: "Device", make: func(k *kinds) thing {
		return thing{text: k.good("POST", "/v1/device/token", "", object{"device_code": k.letIn()}).at("token")}
	}, doors: gates + renewals + reads + admins + "verifier"},
	{name: "device code", make: func(k *kinds) thing { return thing{text: k.letIn()} }, doors: "device_code"},
	{name: "cookie of the dashboard", make: func(k *kinds) thing {
		kept := k.good("PUT", "/v1/session", k.buy(k.client.secret, object{}), nil)
		cookie, _, _ := strings.Cut(kept.header.Get("Set-Cookie"), ";")
		return thing{text: strings.TrimPrefix(cookie, "__Host-daypass=")}
	}, doors: "session_cookie session_renewal"},
	{name: "passkey's answer", proofs: "passkeyProof", make: func(k *kinds) thing {
		ceremony, credential := k.passkey.answer(k)
		return thing{text: k.passkey.signatureIn(credential), with: ceremony + " " + credential}
	}, doors: "passkey"},
	{name: "ceremony of a passkey", make: func(k *kinds) thing {
		ceremony, credential := k.passkey.answer(k)
		return thing{text: ceremony, with: ceremony + " " + credential}
	}, doors: "ceremony"},
	{name: "cookie of a login under way", make: func(k *kinds) thing {
		n, state := k.begins()
		return thing{text: n.cookies[loginCookie], with: state}
	}, doors: "login_cookie"},
	{name: "ID token of a login", proofs: "OutsideLogin", make: func(k *kinds) thing {
		n, state := k.begins()
		return thing{text: k.provider.outsideIssuer.token(nil, object{"aud": "dashboard", "nonce": k.provider.nonce, "jti": nil}), with: n.cookies[loginCookie] + " " + state}
	}, doors: "login_answer exchange subject_token subject_jwt subject_id assertion"},
	{name: "key", proofs: "Pair Secret", make: func(k *kinds) thing {
		a := k.newKey(nil)
		return thing{text: a.at("key"), key: a.at("id")}
	}, doors: byKey + "jwt", told: []telling{{"user_group_required", "challenge_key"}}},
	{name: "text of a user-group key", make: func(k *kinds) thing {
		a := k.newKey(object{"kind": "ug", "scopes": []string{"photos:read"}})
		return thing{text: a.at("key"), key: a.at("id")}
	}, doors: "challenge_key", told: []telling{{"challenge_required", byKey}, {"its text alone proves nobody", "jwt"}}},
	{name: "text of a key that signs", make: func(k *kinds) thing {
		a := k.newKey(object{"require_signature": true})
		return thing{text: a.at("key"), key: a.at("id")}
	}, nowhere: "it only names the key", told: []telling{
		{"signature_required", byKey}, {"its text alone proves nothing", "jwt"}, {"user_group_required", "challenge_key"},
	}},
	{name: "secret of a key that signs", make: func(k *kinds) thing {
		a := k.newKey(object{"require_signature": true})
		return thing{text: a.at("secret"), key: a.at("id")}
	}, nowhere: "it is never sent"},
	{name: "request signature", proofs: "MessageSignature keyAlone", make: func(k *kinds) thing {
		key, signature, input := k.signedRequest()
		return thing{signature, key, input}
	}, doors: "signature"},
	{name: "signed time", proofs: "TextileSignature", make: func(k *kinds) thing {
		key, proof := k.signedTime()
		return thing{proof.Signature, key, proof.Message}
	}, doors: "signed_time"},
	{name: "password", make: func(*kinds) thing { return thing{text: umbrellas} }, doors: "password"},
	{name: "refresh token", proofs: "refreshProof", make: func(k *kinds) thing { return thing{text: k.loggedIn().at("refresh_token")} }, doors: "refresh refresh_token"},
	{name: "invitation", make: func(k *kinds) thing { return k.link("invitation") }, doors: "link link_page"},
	{name: "password reset", make: func(k *kinds) thing { return k.link("reset") }, doors: "link link_page"},
	{name: "challenge's id", make: func(k *kinds) thing {
		id, _, signature := k.begun()
		return thing{text: id, with: signature}
	}, doors: "challenge_id"},
	{name: "challenge's text", make: func(k *kinds) thing {
		_, text, _ := k.begun()
		return thing{text: text}
	}, nowhere: "it is what is signed"},
	{name: "challenge's signature", make: func(k *kinds) thing {
		id, _, signature := k.begun()
		return thing{text: signature, with: id}
	}, doors: "challenge_signature"},
	{name: "DPoP proof", make: func(k *kinds) thing {
		proof, err := newSender(k.t, elliptic.P256()).Proof("POST", k.api+"/v1/tokens", "", "")
		if err != nil {
			k.t.Fatal(err)
		}
		return thing{text: proof}
	}, doors: "dpop"},
	{name: "assertion of no declared kind", proofs: "Assertion", make: typed("JWT"), doors: "client_assertion assertion"},
	{name: "client assertion", make: typed("client-authentication+jwt"), doors: "client_assertion"},
	{name: "grant assertion", make: typed("authorization-grant+jwt"), doors: "assertion"},
	{name: "assertion that says it is a pass", make: typed("at+jwt"), nowhere: "no client makes passes"},
	{name: "assertion that says it is a proof", make: typed("dpop+jwt"), nowhere: "it has no key in its header"},
	{name: "used assertion", make: func(k *kinds) thing {
		it := typed("JWT")(k)
		k.granted(k.oauth("/oauth2/token", "grant_type="+grantJWT, "assertion="+it.text))
		return it
	}, nowhere: "it is good once", told: []telling{{"assertion_used", "client_assertion assertion"}}},
	{name: "page of the feed", make: func(k *kinds) thing { return thing{text: k.good("GET", "/v1/feed", k.founder, nil).text} },
		nowhere: "who follows the feed reads it; package verify holds that they read nothing else"},
	{name: "token of a trusted issuer", make: func(k *kinds) thing { return thing{text: k.outside.token(nil, nil)} },
		doors: gates + "exchange subject_token subject_jwt subject_id assertion"},
	{name: "logout token of a trusted issuer", make: func(k *kinds) thing { return thing{text: k.outside.token(object{"typ": "logout+jwt"}, nil)} },
		nowhere: "it opens nothing"},
	{name: "token of an issuer nobody trusts", make: func(k *kinds) thing {
		return thing{text: k.assertion(k.stranger, "https://other.example", func(h, _ object) { h["kid"] = "1" })}
	}, nowhere: "nobody trusts it"},
	{name: "pass of an issuer nobody trusts", make: asPass(func(k *kinds) (*signer, string) { return k.stranger, "1" }, func(*kinds) string { return "https://other.example" }),
		nowhere: "nobody trusts it"},
	{name: "pass signed by a client", make: asPass(func(k *kinds) (*signer, string) { return k.client.signer, k.client.id }, nil), nowhere: "no client makes passes"},
	{name: "key's id", make: func(k *kinds) thing { return thing{text: k.client.id, key: k.client.id} }, nowhere: "it is no secret"},
}

// letIn is the code of a device that was let in and has not asked for its pass yet.
func (k *kinds) letIn() string {
	started := k.good("POST", "/v1/device", "", object{"client": "daypass"})
	pass := k.buy(k.client.secret, object{"audience": "photos", "renewable": true})
	k.good("POST", "/v1/device/approve", pass, object{"user_code": started.at("user_code")})
	return started.at("device_code")
}

const loginCookie = "__Host-daypass-login"

// browser has a login under way, if its cookie says so.
func (k *kinds) browser(cookie string) *navigator {
	n := k.navigator()
	n.address = k.address
	if cookie != "" {
		n.cookies[loginCookie] = cookie
	}
	return n
}

// begins is a browser that was sent to the provider, and the state that the answer is to name.
func (k *kinds) begins() (n *navigator, state string) {
	n = k.browser("")
	return n, n.begin(k.provider, k.login, "").Get("state")
}

// comesBack is what a browser gets that comes from the provider, which has idToken for it; empty: the right one.
func (k *kinds) comesBack(n *navigator, state, idToken string) answer {
	k.provider.mu.Lock()
	k.provider.idToken = idToken
	k.provider.mu.Unlock()
	to := n.finish("acme/staff", "state="+state, "code=good")
	if _, in := n.cookies["__Host-daypass"]; in {
		return answer{status: 200}
	}
	_, code, _ := strings.Cut(to, "error=")
	return answer{status: 401, body: object{"code": code}}
}

func bearer(method, target string, headers ...string) func(*kinds, thing) answer {
	return func(k *kinds, it thing) answer {
		return k.ask(method, strings.ReplaceAll(target, "GATEWAY", k.gateway), it.text, nil, headers...)
	}
}

func header(method, target, name string) func(*kinds, thing) answer {
	return func(k *kinds, it thing) answer { return k.ask(method, target, "", nil, name+": "+it.text) }
}

func field(name string, more ...string) func(*kinds, thing) answer {
	return func(k *kinds, it thing) answer { return k.oauth("/oauth2/token", append(more, name+"="+it.text)...) }
}

func inBody(path, name string) func(*kinds, thing) answer {
	return func(k *kinds, it thing) answer { return k.ask("POST", path, "", object{name: it.text}) }
}

// named is the id of the key that a text is offered as that of: its own, or that of a key made for this, whose owner's
// limit on guessing it counts against.
func (k *kinds) named(it thing) string {
	if it.key != "" && strings.HasPrefix(it.text, "dp") {
		return it.key
	}
	return k.newKey(nil).at("id")
}

func isActive(a answer) bool { return a.body["active"] == true }

var allDoors = []door{
	{name: "gateway", try: bearer("GET", "GATEWAY/photos/7", atPhotos)},
	{name: "forward-auth", routes: "GET /v1/forward-auth", try: bearer("GET", "/v1/forward-auth",
		"X-Forwarded-Method: GET", "X-Forwarded-Uri: /photos/7", "X-Forwarded-Host: photos.example", "X-Forwarded-Proto: https")},
	{name: "ext_authz", try: func(k *kinds, it thing) answer {
		status, code := k.verdict(k.envoy, envoy("GET", "/photos/7", it.text))
		return answer{status: status, body: object{"code": code}}
	}},
	{name: "exchange", routes: "POST /v1/tokens", try: bearer("POST", "/v1/tokens")},
	{name: "api_key", try: header("POST", "/v1/tokens", "Api-Key")},
	{name: "admin", try: bearer("GET", "/v1/me")},
	{name: "admin_api_key", try: header("GET", "/v1/me", "Api-Key")},
	{name: "rokka", try: bearer("GET", "/user")},
	{name: "rokka_api_key", try: header("GET", "/user", "Api-Key")},
	{name: "rokka_token", routes: "GET /user/apikeys/token", try: bearer("GET", "/user/apikeys/token")},
	{name: "jwt", routes: "POST /jwt", try: func(k *kinds, it thing) answer {
		return k.ask("POST", "/jwt", "", object{"id": k.named(it), "apiKey": it.text})
	}},
	{name: "introspect", silent: true, opens: isActive, try: func(k *kinds, it thing) answer {
		return k.ask("POST", "/v1/tokens/introspect", k.founder, object{"token": it.text})
	}},
	{name: "oauth_introspect", silent: true, opens: isActive, routes: "POST /oauth2/introspect", try: func(k *kinds, it thing) answer {
		return k.oauth("/oauth2/introspect", "client_id="+k.client.id, "client_secret="+k.client.secret, "token="+it.text)
	}},
	{name: "client_secret_post", routes: "POST /oauth2/token client_credentials", try: func(k *kinds, it thing) answer {
		return k.oauth("/oauth2/token", "grant_type=client_credentials", "client_id="+k.named(it), "client_secret="+it.text)
	}},
	{name: "client_secret_basic", try: func(k *kinds, it thing) answer {
		basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(k.named(it)) + ":" + url.QueryEscape(it.text)))
		return k.sendForm("/oauth2/token", "grant_type=client_credentials",
			"Content-Type: application/x-www-form-urlencoded", "X-Forwarded-For: "+k.address, "Authorization: Basic "+basic)
	}},
	{name: "client_assertion", try: field("client_assertion", "grant_type=client_credentials", "client_assertion_type="+assertionType)},
	{name: "assertion", routes: "POST /oauth2/token " + grantJWT, try: field("assertion", "grant_type="+grantJWT)},
	{name: "refresh_token", routes: "POST /oauth2/token refresh_token", try: field("refresh_token", "grant_type=refresh_token")},
	{name: "subject_token", routes: "POST /oauth2/token " + grantExchange, try: field("subject_token", "grant_type="+grantExchange, "subject_token_type="+typeAccess)},
	{name: "subject_jwt", try: field("subject_token", "grant_type="+grantExchange, "subject_token_type=urn:ietf:params:oauth:token-type:jwt")},
	{name: "subject_id", try: field("subject_token", "grant_type="+grantExchange, "subject_token_type=urn:ietf:params:oauth:token-type:id_token")},
	{name: "actor_token", try: func(k *kinds, it thing) answer {
		return field("actor_token", "grant_type="+grantExchange, "subject_token_type="+typeAccess, "actor_token_type="+typeAccess, "subject_token="+k.plain().text)(k, it)
	}},
	{name: "password", routes: "POST /auth/token", try: func(k *kinds, it thing) answer {
		a := k.ask("POST", "/auth/token", "", object{"username": "ada@acme.example", "password": it.text})
		k.loggedIn() // which forgives the false one before
		return a
	}},
	{name: "refresh", routes: "POST /auth/token/refresh", try: inBody("/auth/token/refresh", "refresh_token")},
	{name: "link", routes: "POST /auth/password", try: func(k *kinds, it thing) answer {
		return k.ask("POST", "/auth/password", "", object{"token": it.text, "password": umbrellas})
	}},
	{name: "link_page", silent: true, routes: "GET /auth/password", try: func(k *kinds, it thing) answer {
		return k.ask("GET", "/auth/password?token="+url.QueryEscape(it.text), "", nil)
	}},
	{name: "challenge_key", routes: "POST /v1/challenges", try: func(k *kinds, it thing) answer {
		return k.ask("POST", "/v1/challenges", "", object{"public_key": publicKeyOf(newIdentity(k.t)), "key": it.text})
	}},
	{name: "challenge_id", routes: "POST /v1/challenges/{challenge}", try: func(k *kinds, it thing) answer {
		signature := it.with
		if len(signature) != 86 {
			_, _, signature = k.begun()
		}
		return k.ask("POST", "/v1/challenges/"+url.PathEscape(it.text), "", object{"signature": signature})
	}},
	{name: "challenge_signature", try: func(k *kinds, it thing) answer {
		id := it.with
		if !strings.HasPrefix(id, "chl_") {
			id, _, _ = k.begun()
		}
		return k.ask("POST", "/v1/challenges/"+id, "", object{"signature": it.text})
	}},
	{name: "signature", try: func(k *kinds, it thing) answer {
		_, signature, input := k.signedRequest()
		if strings.HasPrefix(it.with, "sig") {
			input = it.with
		}
		if name, _, ok := strings.Cut(signature, "="); ok && !strings.HasPrefix(it.text, "sig") {
			it.text = name + "=:" + base64.StdEncoding.EncodeToString([]byte(it.text)) + ":"
		}
		return k.do(k.request("POST", "/v1/tokens", "Signature: "+it.text, "Signature-Input: "+input))
	}},
	{name: "signed_time", try: func(k *kinds, it thing) answer {
		key, proof := k.signedTime()
		if strings.HasPrefix(it.with, "20") {
			key, proof.Message = it.key, it.with
		}
		return k.do(k.request("POST", "/v1/tokens", "X-Textile-Api-Key: "+key, "X-Textile-Api-Sig: "+it.text, "X-Textile-Api-Sig-Msg: "+proof.Message))
	}},
	{name: "device_code", routes: "POST /v1/device/token", try: inBody("/v1/device/token", "device_code")},
	{name: "passkey", routes: "POST /v1/login/passkey", try: func(k *kinds, it thing) answer {
		ceremony, credential, ours := strings.Cut(it.with, " {")
		if credential = "{" + credential; !ours {
			ceremony, credential = k.passkey.answer(k)
		}
		credential = strings.Replace(credential, k.passkey.signatureIn(credential), it.text, 1)
		return k.ask("POST", "/v1/login/passkey", "", object{"ceremony": ceremony, "credential": json.RawMessage(credential)})
	}},
	{name: "ceremony", try: func(k *kinds, it thing) answer {
		_, credential, ours := strings.Cut(it.with, " {")
		if credential = "{" + credential; !ours {
			_, credential = k.passkey.answer(k)
		}
		return k.ask("POST", "/v1/login/passkey", "", object{"ceremony": it.text, "credential": json.RawMessage(credential)})
	}},
	{name: "login_cookie", routes: "GET /v1/login/oidc/{issuer}", try: func(k *kinds, it thing) answer {
		if strings.Contains(it.with, " ") || it.with == "" { // no state of a login
			_, it.with = k.begins()
		}
		return k.comesBack(k.browser(it.text), it.with, "")
	}},
	{name: "login_answer", try: func(k *kinds, it thing) answer {
		if cookie, state, ours := strings.Cut(it.with, " "); ours {
			return k.comesBack(k.browser(cookie), state, it.text)
		}
		n, state := k.begins()
		return k.comesBack(n, state, it.text)
	}},
	{name: "session_cookie", routes: "GET /v1/session", silent: true, opens: func(a answer) bool { return a.status == 200 }, try: func(k *kinds, it thing) answer {
		return k.ask("GET", "/v1/session", "", nil, "Sec-Fetch-Site: same-origin", "Daypass-Session: 1", "Cookie: __Host-daypass="+it.text)
	}},
	{name: "session_renewal", routes: "POST /v1/session", try: func(k *kinds, it thing) answer {
		return k.ask("POST", "/v1/session", "", nil, "Sec-Fetch-Site: same-origin", "Daypass-Session: 1", "Cookie: __Host-daypass="+it.text)
	}},
	{name: "dpop", try: func(k *kinds, it thing) answer {
		return k.ask("POST", "/v1/tokens", k.client.secret, nil, "Dpop: "+it.text)
	}},
	{name: "verifier", try: func(k *kinds, it thing) answer {
		if _, err := k.verifier.Verify(k.t.Context(), it.text); err != nil {
			return answer{status: 401, body: object{"code": codeOf(err)}}
		}
		return answer{status: 200}
	}},
}

func (k *kinds) request(method, path string, headers ...string) *http.Request {
	k.t.Helper()
	r, err := http.NewRequest(method, k.api+path, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, h := range append(headers, "X-Forwarded-For: "+k.address) {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func codeOf(err error) string {
	if e := (*verify.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// refusal is all that an answer tells of why.
func (d *door) refusal(a answer) string {
	if d.silent {
		return fmt.Sprint(a.status, " ", a.body["active"])
	}
	for _, name := range []string{"reason", "code"} {
		if code := a.at(name); code != "" {
			return fmt.Sprint(a.status, " ", code)
		}
	}
	return fmt.Sprint(a.status, " ", a.at("message")) // of the door /jwt, whose clients know no code
}

func (d *door) accepts(a answer) bool {
	if d.opens != nil {
		return d.opens(a)
	}
	return a.status < 300
}

// falsified is one that looks the same, and that nobody made.
func falsified(it thing) thing {
	switch prefix, _, _ := strings.Cut(it.text, "_"); {
	case strings.HasPrefix(it.text, "dp_ug_"):
		it.text = seal.NewKeyText(seal.KindUserGroup)
	case strings.HasPrefix(it.text, "dp_"):
		it.text = seal.NewKeyText(seal.KindLive)
	case prefix == "dps":
		it.text = seal.NewSigningSecret()
	case prefix == "dpr":
		it.text = seal.NewRefreshToken()
	case prefix == "dpd":
		it.text = seal.NewDeviceCode()
	case prefix == "dpl":
		it.text = seal.NewLinkSecret()
	case prefix == "key":
		it.text = seal.NewID("key")
	default: // the last part is what nobody else can make; its last symbols may hold spare bits
		at := len(it.text) - 20
		other := "A"
		if it.text[at] == 'A' {
			other = "B"
		}
		it.text = it.text[:at] + strings.ToLower(other) + it.text[at+1:]
	}
	return it
}

// TestEachKindIsAcceptedOnlyWhereItBelongs tries every kind at every door. Where one does not belong it is refused as one
// that nobody made is, so that a door tells nothing of what is good elsewhere. A kind belongs somewhere, or says why not;
// a door opens to something.
func TestEachKindIsAcceptedOnlyWhereItBelongs(t *testing.T) {
	t.Parallel()
	k := newKinds(t)
	opened := map[string]bool{}
	var texts []string
	for _, kind := range allKinds {
		belongs := strings.Fields(kind.doors)
		if len(belongs) == 0 && kind.nowhere == "" {
			t.Errorf("%s: nobody said where it belongs", kind.name)
		}
		for _, name := range belongs {
			if !slices.ContainsFunc(allDoors, func(d door) bool { return d.name == name }) {
				t.Errorf("%s: there is no door %s", kind.name, name)
			}
		}
		for _, d := range allDoors {
			k.next()
			it := kind.make(k)
			got := d.try(k, it)
			if d.name != "challenge_id" { // a path is logged; what is known for a secret there is struck out
				texts = append(texts, it.text)
			}
			want := slices.Contains(belongs, d.name)
			if d.accepts(got) != want {
				t.Errorf("%s at %s: accepted is %v: %d %s", kind.name, d.name, !want, got.status, got.text)
				continue
			}
			if want {
				opened[d.name] = true
				continue
			}
			k.wellRefused(kind, d, it, got)
		}
	}
	for _, d := range allDoors {
		if !opened[d.name] {
			t.Errorf("%s: nothing opens it", d.name)
		}
	}
	log := k.log.String()
	for _, text := range texts {
		if len(text) > 30 && strings.Contains(log, text) && !strings.HasPrefix(text, "key_") && !strings.HasPrefix(text, "chl_") {
			t.Errorf("the log has %s", text)
		}
	}
}

// wellRefused: with a code, without a word of what was sent, and as a false one is.
func (k *kinds) wellRefused(kind kind, d door, it thing, got answer) {
	k.t.Helper()
	what := kind.name + " at " + d.name
	said := d.refusal(got)
	if !d.silent && (got.status < 400 || got.status >= 500 || len(said) < len("400 x")) {
		k.t.Errorf("%s: %d %s", what, got.status, got.text)
	}
	if len(it.text) > 30 && strings.Contains(got.text, it.text) {
		k.t.Errorf("%s: the answer repeats it: %s", what, got.text)
	}
	for _, told := range kind.told {
		if slices.Contains(strings.Fields(told.doors), d.name) {
			if !strings.HasSuffix(said, " "+told.code) {
				k.t.Errorf("%s: %s, want %s", what, said, told.code)
			}
			return
		}
	}
	k.next()
	if false := d.refusal(d.try(k, falsified(it))); false != said {
		k.t.Errorf("%s: %s, but a false one: %s", what, said, false)
	}
}

// TestEveryProofAndDoorIsInTheMatrix: a proof that no kind is by, a grant, a door for others' clients, or a route that
// proves who asks by itself cannot come without being tried.
func TestEveryProofAndDoorIsInTheMatrix(t *testing.T) {
	t.Parallel()
	var by, doors []string
	for _, kind := range allKinds {
		by = append(by, strings.Fields(kind.proofs)...)
	}
	for _, d := range allDoors {
		doors = append(doors, d.routes)
	}
	for _, proof := range proofTypes(t) {
		if !slices.Contains(by, proof) {
			t.Errorf("exchange.%s is a proof by which no kind is", proof)
		}
	}
	routes := openRoutes(t)
	w := newWorld(t, nil)
	grants, _ := w.must(200, "GET", "/.well-known/oauth-authorization-server", "", nil).body["grant_types_supported"].([]any)
	if len(grants) == 0 {
		t.Error("the server names no grants")
	}
	for _, grant := range grants {
		routes = append(routes, fmt.Sprint("POST /oauth2/token ", grant))
	}
	for _, route := range routes {
		if !slices.Contains(doors, route) && otherwise[route] == "" {
			t.Errorf("%s is no door of the matrix", route)
		}
	}
}

// proofTypes are the types of internal/exchange that prove.
func proofTypes(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../internal/exchange/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || f.Name.Name != "prove" || f.Recv == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if pointer, ok := of.(*ast.StarExpr); ok {
				of = pointer.X
			}
			if name := of.(*ast.Ident).Name; name != "Service" {
				names = append(names, name)
			}
		}
	}
	return names
}

// openRoutes are those of the contract where no credential is proved before the route's own work.
func openRoutes(t *testing.T) (routes []string) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(contract.Document)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security == nil || len(*op.Security) > 0 && !slices.ContainsFunc(*op.Security, func(s openapi3.SecurityRequirement) bool { return len(s) == 0 }) {
				continue
			}
			if path != "/oauth2/token" {
				routes = append(routes, method+" "+path)
			}
		}
	}
	return routes
}

// otherwise are the routes that take nothing to prove, and those that are held elsewhere.
var otherwise = map[string]string{
	"GET /.well-known/jwks.json":                  "public",
	"GET /.well-known/oauth-authorization-server": "public",
	"GET /docs/errors":                            "public",
	"GET /livez":                                  "public",
	"GET /openapi.yaml":                           "public",
	"GET /readyz":                                 "public",
	"GET /startupz":                               "public",
	"GET /v1/login":                               "public",
	"POST /v1/login/passkey/options":              "answers all alike",
	"POST /v1/device":                             "takes a name and answers all alike",
	"GET /v1/challenges/ws":                       "the proofs of POST /v1/challenges, in frames",
	"POST /auth/password/reset":                   "takes a name and answers all alike",
	"POST /oauth2/revoke":                         "whoever holds a text may end it",
	"POST /v1/tokens/revoke":                      "whoever holds a text may end it",
}
