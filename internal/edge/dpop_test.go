package edge_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/verify"
)

// sender holds a key, and makes proofs by the clock of the tests.
type sender struct {
	t          testing.TB
	key        *ecdsa.PrivateKey
	jwk        string
	thumbprint string
}

func newSender(t testing.TB) *sender {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{t: t, key: key, jwk: `{"crv":"P-256","kty":"EC","x":"` + base64url(point[1:33]) + `","y":"` + base64url(point[33:]) + `"}`}
	if s.thumbprint, err = verify.Thumbprint([]byte(s.jwk)); err != nil {
		t.Fatal(err)
	}
	return s
}

func base64url(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// proof is one for a request with a pass.
func (s *sender) proof(method, url, pass string) string {
	s.t.Helper()
	ath := sha256.Sum256([]byte(pass))
	claims := fmt.Sprintf(`{"jti":%q,"htm":%q,"htu":%q,"iat":%d,"ath":%q}`, rand.Text(), method, url, noon.Unix(), base64url(ath[:]))
	input := base64url([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+s.jwk+`}`)) + "." + base64url([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	r, sig, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		s.t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	sig.FillBytes(raw[32:])
	return input + "." + base64url(raw)
}

// bind makes every door of the world check proofs, and every pass bound to the sender's key.
func (w *world) bind(t testing.TB, s *sender) {
	read := func(text string) (*access.Token, error) {
		token, err := w.read(text)
		if err == nil {
			token.Authority.Confirmation = s.thumbprint
			token.Seal()
		}
		return token, err
	}
	view := *w.gate.View()
	app := view.Catalog.Named("acme/photos")
	claimed := app.Application
	claimed.Document = append([]byte("hosts: [photos.example.com]"), app.Application.Document...)
	app, err := catalog.Compile(claimed)
	if err != nil {
		t.Fatal(err)
	}
	view.Catalog = view.Catalog.With(app)
	w.gate = gate.New(gate.Config{Read: read, Now: w.Now})
	w.gate.Swap(&view)
	w.config.Gate, w.config.Senders = w.gate, &edge.Senders{Once: meter.NewLoneOnce(t.Context(), nil, w.Now), Now: w.Now}
	w.gateway = edge.NewGateway(w.config)
	w.Gateway = w.serve(t, w.gateway)
}

// boundCases are what is sent to a door that serves GET of one URL to a bound pass.
func boundCases(s *sender, url, pass string) []boundCase {
	good := func() string { return s.proof("GET", url, pass) }
	used, thief := good(), newSender(s.t)
	return []boundCase{
		{"a proof", "", "DPoP", []string{used}},
		{"a proof that was used", "sender_key_wrong", "DPoP", []string{used}},
		{"none", "sender_key_missing", "DPoP", nil},
		{"a bearer's", "sender_key_missing", "Bearer", nil},
		{"a bearer's with a proof", "sender_key_missing", "Bearer", []string{good()}},
		{"two", "sender_key_wrong", "DPoP", []string{good(), good()}},
		{"another key's", "sender_key_wrong", "DPoP", []string{thief.proof("GET", url, pass)}},
		{"another method's", "sender_key_wrong", "DPoP", []string{s.proof("POST", url, pass)}},
		{"another path's", "sender_key_wrong", "DPoP", []string{s.proof("GET", url+"/x", pass)}},
		{"another host's", "sender_key_wrong", "DPoP", []string{s.proof("GET", strings.Replace(url, "photos.", "evil.", 1), pass)}},
		{"another pass's", "sender_key_wrong", "DPoP", []string{s.proof("GET", url, pass+"x")}},
		{"a proof again", "", "DPoP", []string{good()}},
	}
}

type boundCase struct {
	name, code, scheme string // no code: it is let in
	proofs             []string
}

// TestExtAuthzBound: Envoy's question about a bound pass is answered as the other doors do, by gRPC.
func TestExtAuthzBound(t *testing.T) {
	w, s := newWorld(t, nil), newSender(t)
	w.bind(t, s)
	client := askEnvoy(t, w.extAuthz(), w.theClient)
	const pass = "pass.admin:read"
	for _, c := range boundCases(s, "https://photos.example.com/admin/x", pass) {
		lines := []string{"authorization: " + c.scheme + " " + pass}
		for _, proof := range c.proofs {
			lines = append(lines, "dpop: "+proof)
		}
		answer, err := client.Check(t.Context(), envoy("/admin/x?page=2", lines...))
		if err != nil {
			t.Fatal(err)
		}
		o := read(t, answer)
		if o.allowed != (c.code == "") || o.code != c.code {
			t.Errorf("%s: %d %s", c.name, o.status, o.code)
		}
		if o.allowed && !slices.Contains(o.removed, "dpop") {
			t.Errorf("%s: the upstream gets the proof", c.name)
		}
		if !o.allowed && !strings.HasPrefix(o.header.Get("Www-Authenticate"), "DPoP ") {
			t.Errorf("%s: challenge %v", c.name, o.header)
		}
	}
}

// TestWebSocketBound: the request that opens a WebSocket proves the key.
func TestWebSocketBound(t *testing.T) {
	w, s := newSocketWorld(t), newSender(t)
	w.bind(t, s)
	for path, protocol := range map[string]string{"/ws/room": "", "/graphql/closed": "graphql-transport-ws"} {
		const pass = "pass.ws:open"
		for _, c := range boundCases(s, "http://photos.example.com"+path, pass) {
			var protocols []string
			if protocol != "" {
				protocols = []string{protocol}
			}
			conn, res, err := w.tryDial(path, http.Header{"Authorization": {c.scheme + " " + pass}, "Dpop": c.proofs}, protocols...)
			if (err == nil) != (c.code == "") {
				t.Errorf("%s, %s: %v", path, c.name, err)
			}
			if err == nil {
				conn.CloseNow()
				continue
			}
			body, _ := io.ReadAll(res.Body)
			if !strings.Contains(string(body), c.code) || !strings.HasPrefix(res.Header.Get("Www-Authenticate"), "DPoP ") {
				t.Errorf("%s, %s: %d %s", path, c.name, res.StatusCode, body)
			}
		}
	}
	w.upstream.mu.Lock()
	defer w.upstream.mu.Unlock()
	for _, h := range w.upstream.headers {
		if h["Dpop"] != nil {
			t.Errorf("the upstream got the proof: %v", h)
		}
	}
}

// TestGraphQLSocketBoundInit: no proof fits into connection_init, so no bound pass is taken from there.
func TestGraphQLSocketBoundInit(t *testing.T) {
	w, s := newSocketWorld(t), newSender(t)
	w.bind(t, s)
	const pass = "pass.ws:open"
	for _, scheme := range []string{"Bearer ", "DPoP "} {
		for name, payload := range map[string]string{"alone": "", "with a proof": `,"DPoP":"` + s.proof("GET", "http://photos.example.com"+atOpen, pass) + `"`} {
			c := w.dial(t, atOpen, nil)
			c.send(`{"type":"connection_init","payload":{"Authorization":"` + scheme + pass + `"` + payload + `}}`)
			if _, _, err := c.Read(c.ctx); err == nil {
				t.Errorf("%s%s: acknowledged", scheme, name)
			}
		}
	}
	if got := w.upstream.told(); len(got) > 0 {
		t.Errorf("the upstream was told %v", got)
	}
}

// BenchmarkForwardAuthBound asks about a bound pass with a new proof each time.
func BenchmarkForwardAuthBound(b *testing.B) {
	w, s := newWorld(b, nil), newSender(b)
	w.bind(b, s)
	config := w.config
	config.Observer, config.Meter = discard{}, discard{}
	door := edge.NewForwardAuth(config)
	r := httptest.NewRequest("GET", "/v1/forward-auth", nil)
	r = r.WithContext(edge.WithClient(r.Context(), w.client))
	const pass = "pass.admin:read"
	for name, value := range map[string]string{
		"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/admin/x?page=2", "X-Forwarded-Host": "photos.example.com", "X-Forwarded-Proto": "https",
		"X-Forwarded-For": "192.0.2.7", "Authorization": "DPoP " + pass, "Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "bench",
	} {
		r.Header.Set(name, value)
	}
	proofs := make([][]string, b.N) // each is good once
	for i := range proofs {
		proofs[i] = []string{s.proof("GET", "https://photos.example.com/admin/x", pass)}
	}
	answer := bare{http.Header{}}
	b.ReportAllocs()
	b.ResetTimer()
	for _, proof := range proofs {
		r.Header["Dpop"] = proof
		door.ServeHTTP(answer, r)
	}
}
