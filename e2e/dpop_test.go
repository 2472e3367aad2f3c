package e2e

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/internal/store/storetest"
)

const bound = photos + `
  - match: GET /vault/**
    require: { scopes: [photos:read], sender_key: true }
`

// dpopWorld is a world with a member who may read photos, and a key to bind passes to.
type dpopWorld struct {
	*world
	owner  member
	sender *daypass.SenderKey
}

func newDPoPWorld(t *testing.T, edit func(*server.Config)) *dpopWorld {
	t.Helper()
	w := newWorld(t, edit)
	w.serve("acme", "photos", bound)
	return &dpopWorld{w, w.member("acme", object{"name": "Owner", "roles": []string{"consumer"}, "scopes": []string{"photos:*"}}), newSender(t, elliptic.P256())}
}

func newSender(t *testing.T, curve elliptic.Curve) *daypass.SenderKey {
	t.Helper()
	var key crypto.Signer
	var err error
	if curve == nil {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	} else {
		key, err = ecdsa.GenerateKey(curve, rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	sender, err := daypass.NewSenderKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// proof makes a header line.
func (w *dpopWorld) proof(key *daypass.SenderKey, method, url, token string) string {
	w.t.Helper()
	proof, err := key.Proof(method, url, token, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return "DPoP: " + proof
}

// boundPass exchanges the owner's key with a proof.
func (w *dpopWorld) boundPass(wish object) string {
	w.t.Helper()
	a := w.must(200, "POST", "/v1/tokens", w.owner.key, wish, w.proof(w.sender, "POST", w.api+"/v1/tokens", ""))
	if a.at("token_type") != "DPoP" || a.at("payload", "cnf", "jkt") != w.sender.Thumbprint() {
		w.t.Fatalf("not bound: %s", a.text)
	}
	return a.at("token")
}

const vault = "http://photos.example/vault/1"

func byDPoP(pass string) string { return "Authorization: DPoP " + pass }

// TestDPoPAtTheDoors: a bound pass is good with a proof of its key, for this very request, once, and in no other way.
func TestDPoPAtTheDoors(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, trusting)
	pass, plain := w.boundPass(object{}), w.pass(w.owner.key, object{})
	thief := newSender(t, elliptic.P256())
	proof := func(key *daypass.SenderKey, method, url, token string) string {
		return w.proof(key, method, url, token)
	}
	good := func() string { return proof(w.sender, "GET", vault, pass) }
	used := good()
	w.must(200, "GET", w.gateway+"/vault/1", "", nil, atPhotos, byDPoP(pass), used)
	for _, c := range []struct {
		name    string
		status  int
		code    string
		error   string // of the challenge
		headers []string
	}{
		{"another query", 200, "", "", []string{byDPoP(pass), good()}},
		{"without a proof", 401, "sender_key_missing", "invalid_token", []string{byDPoP(pass)}},
		{"as a bearer's", 401, "sender_key_missing", "invalid_token", []string{with(pass)}},
		{"as a bearer's, with a proof", 401, "sender_key_missing", "invalid_token", []string{with(pass), good()}},
		{"used before", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), used}},
		{"of another key", 401, "sender_key_wrong", "invalid_token", []string{byDPoP(pass), proof(thief, "GET", vault, pass)}},
		{"of another method", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), proof(w.sender, "POST", vault, pass)}},
		{"of another path", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), proof(w.sender, "GET", "http://photos.example/vault/2", pass)}},
		{"of another host", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), proof(w.sender, "GET", w.gateway+"/vault/1", pass)}},
		{"of another scheme", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), proof(w.sender, "GET", "https://photos.example/vault/1", pass)}},
		{"of another pass", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), proof(w.sender, "GET", vault, plain)}},
		{"of no pass", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), proof(w.sender, "GET", vault, "")}},
		{"two proofs", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), good(), good()}},
		{"the pass as its own proof", 401, "sender_key_wrong", "invalid_dpop_proof", []string{byDPoP(pass), "DPoP: " + pass}},
		{"the proof as the pass", 401, "token_invalid", "", []string{byDPoP(strings.TrimPrefix(good(), "DPoP: ")), good()}},
		{"a pass that is not bound, by DPoP", 401, "sender_key_wrong", "invalid_token", []string{byDPoP(plain), proof(w.sender, "GET", vault, plain)}},
		{"a pass that is not bound where it must be", 401, "sender_key_missing", "invalid_token", []string{with(plain)}},
		{"nothing", 401, "token_missing", "", nil},
	} {
		a := w.send("GET", w.gateway+"/vault/1?x=1", "", nil, append([]string{atPhotos}, c.headers...)...)
		w.expect(c.name, a, c.status, c.code)
		if got := a.header.Get("WWW-Authenticate"); c.error != "" && (!strings.HasPrefix(got, "DPoP ") || !strings.Contains(got, `error="`+c.error+`"`) || !strings.Contains(got, `algs="ES256`)) {
			t.Errorf("%s: challenge %s", c.name, got)
		}
	}
	a := w.must(200, "GET", w.gateway+"/vault/1", "", nil, atPhotos, byDPoP(pass), good())
	if strings.Contains(a.text, "Dpop") || strings.Contains(a.text, "Authorization") {
		t.Errorf("the upstream got the proof: %s", a.text)
	}
	w.expect("where it need not be bound", w.send("GET", w.gateway+"/photos/1", plain, nil, atPhotos), 200, "")
	w.expect("public, by a bound pass without proof", w.send("GET", w.gateway+"/public/1", pass, nil, atPhotos), 200, "")

	asked := []string{"X-Forwarded-Method: GET", "X-Forwarded-Uri: /vault/1?x", "X-Forwarded-Host: photos.example", "X-Forwarded-Proto: https"}
	forward := func(headers ...string) answer {
		return w.send("GET", "/v1/forward-auth", "", nil, append(asked[:len(asked):len(asked)], headers...)...)
	}
	secure := func() string { return proof(w.sender, "GET", "https://photos.example/vault/1", pass) }
	once := secure()
	w.expect("forward-auth", forward(byDPoP(pass), once), 204, "")
	w.expect("forward-auth, used before", forward(byDPoP(pass), once), 401, "sender_key_wrong")
	w.expect("forward-auth, another scheme", forward(byDPoP(pass), good()), 401, "sender_key_wrong")
	w.expect("forward-auth, bearer", forward(with(pass)), 401, "sender_key_missing")
	w.expect("forward-auth, a scheme that no proxy told", w.send("GET", "/v1/forward-auth", "", nil, append(asked[:3:3], byDPoP(pass), secure())...), 401, "sender_key_wrong")
	forwarded := w.send("GET", w.gateway+"/vault/1", "", nil, atPhotos, "X-Forwarded-Proto: https", byDPoP(pass), secure())
	w.expect("the scheme of a trusted proxy", forwarded, 200, "")

	explained := w.must(200, "POST", "/v1/tokens/explain", w.founder, object{"method": "GET", "url": vault, "token": pass})
	if explained.at("reason") != "sender_key_missing" || !strings.Contains(explained.at("fix"), w.sender.Thumbprint()) {
		t.Errorf("explained: %s", explained.text)
	}
}

// TestDPoPAtExchange: what a bound pass gives rise to is bound to the same key, and given to its holder alone.
func TestDPoPAtExchange(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, nil)
	const route = "/v1/tokens"
	url := w.api + route
	renewable := w.boundPass(object{"renewable": true})
	thief := newSender(t, nil)
	renew := func(wish object, headers ...string) answer { return w.send("POST", route, "", wish, headers...) }

	a := renew(object{}, byDPoP(renewable), w.proof(w.sender, "POST", url, renewable))
	w.expect("renewal", a, 200, "")
	if a.at("payload", "cnf", "jkt") != w.sender.Thumbprint() || a.at("token_type") != "DPoP" {
		t.Errorf("the renewed pass: %s", a.text)
	}
	a = renew(object{"scopes": []string{"photos:read"}}, byDPoP(renewable), w.proof(w.sender, "POST", url, renewable))
	if w.expect("narrowing", a, 200, ""); a.at("payload", "cnf", "jkt") != w.sender.Thumbprint() {
		t.Errorf("the narrowed pass: %s", a.text)
	}
	used := w.proof(w.sender, "POST", url, renewable)
	renew(object{}, byDPoP(renewable), used)
	for _, c := range []struct {
		name, code string
		headers    []string
	}{
		{"without a proof", "sender_key_required", []string{byDPoP(renewable)}},
		{"as a bearer's", "sender_key_required", []string{with(renewable)}},
		{"as a bearer's with a proof", "sender_key_required", []string{with(renewable), w.proof(w.sender, "POST", url, renewable)}},
		{"by another key", "sender_key_required", []string{byDPoP(renewable), w.proof(thief, "POST", url, renewable)}},
		{"by a used proof", "invalid_dpop_proof", []string{byDPoP(renewable), used}},
		{"by a proof without ath", "invalid_dpop_proof", []string{byDPoP(renewable), w.proof(w.sender, "POST", url, "")}},
		{"by a proof for another route", "invalid_dpop_proof", []string{byDPoP(renewable), w.proof(w.sender, "POST", w.api+"/v1/me", renewable)}},
		{"a key by DPoP", "credential_scheme", []string{byDPoP(w.owner.key), w.proof(w.sender, "POST", url, w.owner.key)}},
		{"two proofs", "invalid_dpop_proof", []string{with(w.owner.key), w.proof(w.sender, "POST", url, ""), w.proof(w.sender, "POST", url, "")}},
	} {
		a := renew(object{}, c.headers...)
		w.expect(c.name, a, 401, c.code)
		if challenge := a.header.Get("WWW-Authenticate"); c.code != "credential_scheme" && !strings.HasPrefix(challenge, "DPoP ") {
			t.Errorf("%s: challenge %s", c.name, challenge)
		}
	}

	// A backend that knows its client's key mints for it.
	named := w.must(200, "POST", route, w.owner.key, object{"confirmation": thief.Thumbprint()})
	if named.at("payload", "cnf", "jkt") != thief.Thumbprint() || named.at("token_type") != "DPoP" {
		t.Errorf("a key that is named: %s", named.text)
	}
	w.expect("two keys", w.send("POST", route, w.owner.key, object{"confirmation": thief.Thumbprint()}, w.proof(w.sender, "POST", url, "")), 400, "confirmation_mismatch")
	w.expect("no thumbprint", w.send("POST", route, w.owner.key, object{"confirmation": strings.Repeat("_", 42) + "9"}), 400, "invalid_confirmation")
	rebind := renew(object{"confirmation": thief.Thumbprint()}, byDPoP(renewable), w.proof(w.sender, "POST", url, renewable))
	w.expect("another key for a bound pass", rebind, 400, "confirmation_mismatch")

	// A pass that is not bound becomes bound, not the other way round.
	plain := w.pass(w.owner.key, object{"renewable": true})
	a = renew(object{}, with(plain), w.proof(w.sender, "POST", url, ""))
	if w.expect("binding a pass", a, 200, ""); a.at("payload", "cnf", "jkt") != w.sender.Thumbprint() {
		t.Errorf("not bound: %s", a.text)
	}

	// Bound passes administer with a proof only.
	admin := w.must(200, "POST", route, w.founder, object{}, w.proof(w.sender, "POST", url, "")).at("token")
	w.expect("administration", w.send("GET", "/v1/me", "", nil, byDPoP(admin), w.proof(w.sender, "GET", w.api+"/v1/me", admin)), 200, "")
	w.expect("administration by a bearer", w.send("GET", "/v1/me", admin, nil), 401, "sender_key_required")
	w.expect("administration by a thief", w.send("GET", "/v1/me", "", nil, byDPoP(admin), w.proof(thief, "GET", w.api+"/v1/me", admin)), 401, "sender_key_required")
	seen := w.must(200, "POST", "/v1/tokens/introspect", w.founder, object{"token": renewable})
	if seen.at("token_type") != "DPoP" || seen.at("cnf", "jkt") != w.sender.Thumbprint() {
		t.Errorf("introspected: %s", seen.text)
	}
}

// TestDPoPOnceAfterRestart: a proof made before a restart is refused after it, used or not.
func TestDPoPOnceAfterRestart(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, nil)
	pass := w.boundPass(object{})
	proof := w.proof(w.sender, "GET", vault, pass)
	w.must(200, "GET", w.gateway+"/vault/1", "", nil, atPhotos, byDPoP(pass), proof)
	w.restart()
	w.expect("after a restart", w.send("GET", w.gateway+"/vault/1", "", nil, atPhotos, byDPoP(pass), proof), 401, "sender_key_wrong")
	nextSecond()
	w.must(200, "GET", w.gateway+"/vault/1", "", nil, atPhotos, byDPoP(pass), w.proof(w.sender, "GET", vault, pass))
}

// TestDPoPOnceOnTwoNodes: of servers that share a database, one accepts a proof, whichever it is and whatever door it came to.
func TestDPoPOnceOnTwoNodes(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	w := newDPoPWorld(t, func(c *server.Config) { c.DatabaseURL = url })
	other := &world{t: t, config: w.config, founder: w.founder, log: &lockedBuffer{}, client: w.client, upstream: w.upstream}
	other.run()
	defer func() { other.stop() }()
	pass := w.boundPass(object{})
	proof := w.proof(w.sender, "GET", vault, pass)
	eventually(t, func() bool { // the other may be yet to hear of the application
		status := other.send("GET", other.gateway+"/public/1", "", nil, atPhotos).status
		return status == 200
	})
	w.must(200, "GET", w.gateway+"/vault/1", "", nil, atPhotos, byDPoP(pass), proof)
	w.expect("at the other node", other.send("GET", other.gateway+"/vault/1", "", nil, atPhotos, byDPoP(pass), proof), 401, "sender_key_wrong")

	for range 10 {
		proof := w.proof(w.sender, "GET", vault, pass)
		statuses := make(chan int, 8)
		for i := range cap(statuses) {
			at := []string{w.gateway, other.gateway}[i%2]
			go func() { statuses <- w.send("GET", at+"/vault/1", "", nil, atPhotos, byDPoP(pass), proof).status }()
		}
		accepted := 0
		for range cap(statuses) {
			if <-statuses == 200 {
				accepted++
			}
		}
		if accepted != 1 {
			t.Fatalf("one proof was accepted %d times", accepted)
		}
	}
}

// TestAttack_DPoPRelay: who is sent a proof for a host of its own cannot use it at the API by naming that host.
func TestAttack_DPoPRelay(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, func(c *server.Config) { c.PublicURL = "https://pass.example" })
	admin := w.must(200, "POST", "/v1/tokens", w.founder, object{}, w.proof(w.sender, "POST", "https://pass.example/v1/tokens", "")).at("token")
	for host, status := range map[string]int{"evil.example": 401, "localhost.evil.example": 401, "203.0.113.9:8080": 401, "localhost": 200, "[::1]:8080": 200} {
		a := w.send("GET", "/v1/me", "", nil, "Host: "+host, byDPoP(admin), w.proof(w.sender, "GET", "http://"+host+"/v1/me", admin))
		w.expect(host, a, status, map[int]string{401: "invalid_dpop_proof"}[status])
	}
	w.must(200, "GET", "/v1/me", "", nil, "Host: evil.example", byDPoP(admin), w.proof(w.sender, "GET", "https://pass.example/v1/me", admin))
}

// TestAttack_DPoPRelayAtTheDoors: an application that names no hosts answers to every one, and so does one that the proxy
// names; who is sent a proof for a host of its own cannot use it there by naming that host.
func TestAttack_DPoPRelayAtTheDoors(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, trusting)
	w.serve("acme", "anywhere", strings.NewReplacer("hosts: [photos.example]", "prefix: /any", " /", " /any/").Replace(bound))
	pass := w.boundPass(object{})
	at := func(host string, forwarded ...string) answer {
		url := "http://" + host
		if len(forwarded) == 0 {
			url += "/any/vault/1"
			return w.send("GET", w.gateway+"/any/vault/1", "", nil, "Host: "+host, byDPoP(pass), w.proof(w.sender, "GET", url, pass))
		}
		url += forwarded[1]
		headers := []string{"X-Forwarded-Method: GET", "X-Forwarded-Uri: " + forwarded[1], "X-Forwarded-Host: " + host, "X-Forwarded-Proto: http"}
		return w.send("GET", "/v1/forward-auth"+forwarded[0], "", nil, append(headers, byDPoP(pass), w.proof(w.sender, "GET", url, pass))...)
	}
	self := strings.TrimPrefix(w.gateway, "http://")
	w.expect("the gateway's own address", at(self), 200, "")
	w.expect("localhost", at("localhost:8000"), 200, "")
	for _, host := range []string{"evil.example", "localhost.evil.example", "203.0.113.9:8000"} {
		a := at(host)
		w.expect("gateway, "+host, a, 401, "sender_key_wrong")
		if !strings.Contains(a.text, "hosts") {
			t.Errorf("it does not say what to do: %s", a.text)
		}
		w.expect("forward-auth, "+host, at(host, "", "/any/vault/1"), 401, "sender_key_wrong")
		w.expect("forward-auth, named without hosts, "+host, at(host, "?application=acme/anywhere", "/any/vault/1"), 401, "sender_key_wrong")
		w.expect("forward-auth, named with hosts, "+host, at(host, "?application=acme/photos", "/vault/1"), 401, "sender_key_wrong")
	}
	w.expect("forward-auth, named with its host", at("photos.example", "?application=acme/photos", "/vault/1"), 204, "")
}

// TestDPoPNonce: where nonces are required, the SDK's client gets through by itself, and nothing does without.
func TestDPoPNonce(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, func(c *server.Config) { c.DPoPNonce = "required" })
	a := w.send("POST", "/v1/tokens", w.owner.key, object{}, w.proof(w.sender, "POST", w.api+"/v1/tokens", ""))
	w.expect("without a nonce", a, 401, "use_dpop_nonce")
	nonce := a.header.Get("DPoP-Nonce")
	if challenge := a.header.Get("WWW-Authenticate"); nonce == "" || !strings.Contains(challenge, `error="use_dpop_nonce"`) {
		t.Fatalf("nonce %q, challenge %s", nonce, challenge)
	}
	forged, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil {
		t.Fatal(err)
	}
	forged[0] ^= 1
	for _, wrong := range []string{base64.RawURLEncoding.EncodeToString(forged), nonce + "A", "x"} {
		proof, err := w.sender.Proof("POST", w.api+"/v1/tokens", "", wrong)
		if err != nil {
			t.Fatal(err)
		}
		w.expect("a forged nonce", w.send("POST", "/v1/tokens", w.owner.key, object{}, "DPoP: "+proof), 401, "use_dpop_nonce")
	}

	client, err := daypass.New(w.api, daypass.WithKey(w.owner.key), daypass.WithDPoP(w.sender), daypass.WithHTTPClient(w.client))
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	source := client.TokenSource(daypass.ExchangeRequest{Renewable: &yes})
	pass, err := source.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if pass, err = client.Renew(context.Background(), pass); err != nil || pass.Claims.Confirmation == nil {
		t.Fatalf("renewed: %v, %v", pass, err)
	}
	resource, err := daypass.NewTransport(source, w.gateway)
	if err != nil {
		t.Fatal(err)
	}
	resource.Base = w.sender.Transport(w.client.Transport)
	w.serve("acme", "vaults", strings.Replace(strings.Replace(bound, "hosts: [photos.example]", "hosts: [127.0.0.1]", 1), "/vault/", "/safe/", 1))
	for range 2 {
		res, err := (&http.Client{Transport: resource}).Get(w.gateway + "/safe/1")
		if err != nil {
			t.Fatal(err)
		}
		var told object
		if err := json.NewDecoder(res.Body).Decode(&told); err != nil || res.StatusCode != 200 {
			t.Errorf("got %d, %v: %v", res.StatusCode, err, told)
		}
		res.Body.Close()
	}
}

// TestClientsDPoP: proofs as npm jose and oauth4webapi make them are good, at the exchange and at the gateway.
func TestClientsDPoP(t *testing.T) {
	t.Parallel()
	w := newDPoPWorld(t, nil)
	w.serve("acme", "vaults", strings.Replace(bound, "hosts: [photos.example]", "hosts: [127.0.0.1]", 1))
	runNode(t, "dpop.mjs", map[string]string{"DAYPASS_URL": w.api, "DAYPASS_GATEWAY": w.gateway, "KEY": w.owner.key})
}
