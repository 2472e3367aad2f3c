package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// holder has the key that tokens are bound to.
type holder struct {
	t          testing.TB
	key        *ecdsa.PrivateKey
	jwk        object
	thumbprint string
	now        func() time.Time
}

func newHolder(t testing.TB, now func() time.Time) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{t: t, key: key, now: now, jwk: object{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}}
	text, err := json.Marshal(h.jwk)
	if err != nil {
		t.Fatal(err)
	}
	if h.thumbprint, err = Thumbprint(text); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *holder) proof(method, url, token string, changes object) string {
	h.t.Helper()
	sum := sha256.Sum256([]byte(token))
	head, err := json.Marshal(object{"typ": TypDPoP, "alg": "ES256", "jwk": h.jwk})
	if err != nil {
		h.t.Fatal(err)
	}
	claims, err := json.Marshal(with(object{"jti": rand.Text(), "htm": method, "htu": url, "iat": h.now().Unix(), "ath": b64(sum[:])}, changes))
	if err != nil {
		h.t.Fatal(err)
	}
	input := b64(head) + "." + b64(claims)
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, h.key, digest[:])
	if err != nil {
		h.t.Fatal(err)
	}
	return input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// TestVerifyRequestBound: a bound token is good with a proof of its key, for this request, once, and in no other way; by
// itself and through the middleware.
func TestVerifyRequestBound(t *testing.T) {
	s := newShop(t)
	v, clock := newVerifier(t, publish(t, s.jwks))
	clock.advance(time.Second) // what was made in the second of its start may have been used
	h, thief := newHolder(t, clock.now), newHolder(t, clock.now)
	bound, plain := s.token(t, object{"cnf": object{"jkt": h.thumbprint}}), s.token(t, nil)
	const url = "http://photos.example.com/photos/7"
	good := func() string { return h.proof("GET", url, bound, nil) }
	used := good()
	served := 0
	door := v.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	for _, c := range []struct {
		name, authorization string
		proofs              []string
		want                *Error
	}{
		{"right", "DPoP " + bound, []string{used}, nil},
		{"right, in other letters", "dpop " + bound, []string{good()}, nil},
		{"with a nonce that nobody asked for", "DPoP " + bound, []string{h.proof("GET", url, bound, object{"nonce": "x"})}, nil},
		{"none", "DPoP " + bound, nil, ErrSender},
		{"empty", "DPoP " + bound, []string{""}, ErrDPoP},
		{"two", "DPoP " + bound, []string{good(), good()}, ErrDPoP},
		{"used", "DPoP " + bound, []string{used}, ErrDPoP},
		{"of another key", "DPoP " + bound, []string{thief.proof("GET", url, bound, nil)}, ErrSender},
		{"of another method", "DPoP " + bound, []string{h.proof("HEAD", url, bound, nil)}, ErrDPoP},
		{"of another path", "DPoP " + bound, []string{h.proof("GET", url+"1", bound, nil)}, ErrDPoP},
		{"of another host", "DPoP " + bound, []string{h.proof("GET", "http://evil.example/photos/7", bound, nil)}, ErrDPoP},
		{"of another scheme", "DPoP " + bound, []string{h.proof("GET", "https://photos.example.com/photos/7", bound, nil)}, ErrDPoP},
		{"of another token", "DPoP " + bound, []string{h.proof("GET", url, plain, nil)}, ErrDPoP},
		{"of no token", "DPoP " + bound, []string{h.proof("GET", url, bound, object{"ath": nil})}, ErrDPoP},
		{"of yesterday", "DPoP " + bound, []string{h.proof("GET", url, bound, object{"iat": clock.now().Unix() - 90})}, ErrDPoP},
		{"with the signature of another", "DPoP " + bound, []string{good()[:strings.LastIndexByte(used, '.')] + used[strings.LastIndexByte(used, '.'):]}, ErrDPoP},
		{"bound, as a bearer's", "Bearer " + bound, nil, ErrSender},
		{"bound, as a bearer's with a proof", "Bearer " + bound, []string{good()}, ErrSender},
		{"not bound, by DPoP", "DPoP " + plain, []string{h.proof("GET", url, plain, nil)}, ErrSender},
		{"not bound", "Bearer " + plain, nil, nil},
	} {
		r := httptest.NewRequest("GET", url+"?size=2", nil)
		r.Header["Authorization"], r.Header["Dpop"] = []string{c.authorization}, c.proofs
		w, before := httptest.NewRecorder(), served
		door.ServeHTTP(w, r)
		if c.want == nil {
			if served == before {
				t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
			}
			continue
		}
		challenge, code := w.Header().Get("WWW-Authenticate"), map[string]string{ErrSender.Code: "invalid_token"}[c.want.Code]
		if code == "" {
			code = c.want.Code
		}
		if served != before || w.Code != 401 || !strings.Contains(w.Body.String(), c.want.Code) || !strings.HasPrefix(challenge, "DPoP ") || !strings.Contains(challenge, `error="`+code+`"`) {
			t.Errorf("%s: %d %s, challenge %s", c.name, w.Code, w.Body, challenge)
		}
		if _, err := v.VerifyRequest(r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestProofMemory: the holder of one key fills its own part of the memory only, and gets it back.
func TestProofMemory(t *testing.T) {
	clock := &movable{}
	clock.at.Store(noon.UnixNano())
	m := newProofMemory(clock.now)
	greedy, other := strings.Repeat("g", thumbprintLength), strings.Repeat("o", thumbprintLength)
	first := func(id string) (bool, error) { return m.first(t.Context(), id, clock.now().Add(DPoPAge+Leeway)) }
	for i := range maxProofsOfKey {
		if ok, err := first(greedy + strconv.Itoa(i)); !ok || err != nil {
			t.Fatal(i, ok, err)
		}
	}
	if _, err := first(greedy + "more"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("one more: %v", err)
	}
	if ok, err := first(greedy + "0"); ok || err != nil {
		t.Errorf("one that was used: %v, %v", ok, err)
	}
	if ok, err := first(other + "0"); !ok || err != nil {
		t.Errorf("another's: %v, %v", ok, err)
	}
	clock.advance(DPoPAge + Leeway + time.Second)
	if ok, err := first(greedy + "more"); !ok || err != nil {
		t.Errorf("later: %v, %v", ok, err)
	}
	if len(m.used) != 1 || len(m.held) != 1 {
		t.Errorf("%d proofs of %d keys are remembered", len(m.used), len(m.held))
	}
}

// TestProofKeyMemory: it is bounded, and what is in use stays.
func TestProofKeyMemory(t *testing.T) {
	var m proofKeyMemory
	key := &proofKey{}
	m.put(strings.Repeat("x", maxProofKeyText+1), key)
	if len(m.young) > 0 {
		t.Error("a header of any length is remembered")
	}
	for i := range 5 * maxProofKeys {
		m.put(strconv.Itoa(i), &proofKey{})
		if i == 0 {
			m.put("busy", key)
		}
		if m.get("busy") != key {
			t.Fatalf("forgotten after %d others", i)
		}
		if len(m.young)+len(m.older) > 2*maxProofKeys {
			t.Fatalf("%d and %d are remembered", len(m.young), len(m.older))
		}
	}
	if m.get("0") != nil {
		t.Error("what nobody uses is kept")
	}
}
