package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/seal"
)

// identity logs somebody in under a new user-group key of the caller, and returns both ids.
func (h *house) identity(org, credential string) (key, identity string) {
	h.t.Helper()
	made := h.send("POST", org+"/keys", credential, `{"kind":"ug","scopes":["photos:read"]}`)
	if made.status != 201 {
		h.t.Fatalf("%d %s", made.status, made.body)
	}
	key = made.field(h.t, "id")
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(h.t, err)
	grant := h.logIn(key, private)
	if grant.status != 200 {
		h.t.Fatalf("%d %s", grant.status, grant.body)
	}
	return key, grant.field(h.t, "payload/sub")
}

func rawKey(private ed25519.PrivateKey) string {
	return base64.RawURLEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
}

func (h *house) challenge(key string, private ed25519.PrivateKey) reply {
	return h.send("POST", "/v1/challenges", "", map[string]string{"public_key": rawKey(private), "key": key})
}

func signed(t *testing.T, challenge reply, private ed25519.PrivateKey) map[string]any {
	text := exchange.ChallengeText(issuer, challenge.field(t, "id"), challenge.field(t, "challenge"))
	return map[string]any{"signature": base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, text))}
}

func (h *house) logIn(key string, private ed25519.PrivateKey) reply {
	h.t.Helper()
	challenge := h.challenge(key, private)
	if challenge.status != 200 {
		return challenge
	}
	return h.send("POST", "/v1/challenges/"+challenge.field(h.t, "id"), "", signed(h.t, challenge, private))
}

func (h *house) socket(query string, headers http.Header) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Second)
	defer cancel()
	return websocket.Dial(ctx, "ws"+strings.TrimPrefix(h.url, "http")+"/v1/challenges/ws"+query, &websocket.DialOptions{HTTPHeader: headers})
}

type frame map[string]any

func exchangeFrame(t *testing.T, conn *websocket.Conn, out any) (in frame) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	switch text := out.(type) {
	case string:
		must(t, conn.Write(ctx, websocket.MessageText, []byte(text)))
	case []byte:
		must(t, conn.Write(ctx, websocket.MessageBinary, text))
	default:
		must(t, wsjson.Write(ctx, conn, out))
	}
	must(t, wsjson.Read(ctx, conn, &in))
	return in
}

func bytesOf(t *testing.T, buffer any) []byte {
	t.Helper()
	b, _ := buffer.(map[string]any)
	list, _ := b["data"].([]any)
	if b["type"] != "Buffer" || len(list) == 0 {
		t.Fatalf("this is no Buffer of Node: %v", buffer)
	}
	raw := make([]byte, len(list))
	for i, n := range list {
		raw[i] = byte(n.(float64))
	}
	return raw
}

func bufferOf(raw []byte) frame {
	data := make([]int, len(raw))
	for i, c := range raw {
		data[i] = int(c)
	}
	return frame{"type": "Buffer", "data": data}
}

// TestChallengeSocket speaks as Textile's clients do.
func TestChallengeSocket(t *testing.T) {
	h := newHouse(t)
	key, _ := h.identity("/v1/organizations/main", h.founder)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	open := func() *websocket.Conn {
		t.Helper()
		conn, _, err := h.socket("?key="+key, nil)
		must(t, err)
		t.Cleanup(func() { conn.CloseNow() })
		return conn
	}
	conn := open()
	challenge := exchangeFrame(t, conn, frame{"type": "token", "pubkey": rawKey(private)})
	if challenge["type"] != "challenge" {
		t.Fatalf("got %v", challenge)
	}
	text := bytesOf(t, challenge["value"])
	if !strings.HasPrefix(string(text), "daypass challenge v1\n"+issuer+"\nchl_"+key) {
		t.Fatalf("what is to be signed does not say for what: %q", text)
	}
	answer := frame{"type": "challenge", "sig": bufferOf(ed25519.Sign(private, text))}

	// The challenge of one connection is worth nothing on another, and nothing over HTTP.
	other := open()
	exchangeFrame(t, other, frame{"type": "token", "pubkey": rawKey(private)})
	if got := exchangeFrame(t, other, answer); got["code"] != "challenge_signature_invalid" {
		t.Errorf("an answer from another connection: %v", got)
	}
	id := strings.Split(string(text), "\n")[2]
	over := h.send("POST", "/v1/challenges/"+id, "", map[string]string{"signature": base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, text))})
	if over.status != 401 || over.code() != "challenge_unknown" {
		t.Errorf("the challenge of a connection over HTTP: %d %s", over.status, over.body)
	}

	token := exchangeFrame(t, conn, answer)
	value, _ := token["value"].(map[string]any)
	if token["type"] != "token" || len(value) != 1 || strings.Count(value["token"].(string), ".") != 2 {
		t.Fatalf("got %v", token)
	}
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after a login the connection is not closed: %v", err)
	}
	if me := h.send("GET", "/v1/me", value["token"].(string), nil); me.status != 403 || me.code() != "named_subject" {
		t.Errorf("an identity's pass at the admin API: %d %s", me.status, me.body)
	}

	// Base64 is as good as a Buffer.
	conn = open()
	text = bytesOf(t, exchangeFrame(t, conn, frame{"type": "token", "pubkey": rawKey(private)})["value"])
	if got := exchangeFrame(t, conn, frame{"type": "challenge", "sig": base64.StdEncoding.EncodeToString(ed25519.Sign(private, text))}); got["type"] != "token" {
		t.Errorf("a signature in base64: %v", got)
	}
}

func TestAttack_ChallengeSocket(t *testing.T) {
	h := newHouse(t)
	key, _ := h.identity("/v1/organizations/main", h.founder)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	dial := func() *websocket.Conn {
		t.Helper()
		conn, _, err := h.socket("?key="+key, nil)
		must(t, err)
		t.Cleanup(func() { conn.CloseNow() })
		return conn
	}
	ask := frame{"type": "token", "pubkey": rawKey(private)}
	for name, first := range map[string]any{
		"nothing":             "",
		"no JSON":             "hello",
		"an answer first":     frame{"type": "challenge", "sig": bufferOf(make([]byte, 64))},
		"no public key":       frame{"type": "token"},
		"another member":      frame{"type": "token", "pubkey": rawKey(private), "admin": true},
		"a member twice":      `{"type":"token","type":"token","pubkey":"` + rawKey(private) + `"}`,
		"binary":              []byte(`{"type":"token","pubkey":"` + rawKey(private) + `"}`),
		"both at once":        frame{"type": "token", "pubkey": rawKey(private), "sig": bufferOf(make([]byte, 64))},
		"a number":            frame{"type": "token", "pubkey": 7},
		"a list":              "[]",
		"a small-order point": frame{"type": "token", "pubkey": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	} {
		conn := dial()
		got := exchangeFrame(t, conn, first)
		if got["type"] != "error" || got["value"] == "" || got["code"] != "challenge_frame" && got["code"] != "public_key_weak" {
			t.Errorf("%s: got %v", name, got)
		}
		if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%s: the connection stays: %v", name, err)
		}
	}
	for name, second := range map[string]any{
		"another login":    ask,
		"no signature":     frame{"type": "challenge"},
		"zeros":            frame{"type": "challenge", "sig": bufferOf(make([]byte, 64))},
		"short":            frame{"type": "challenge", "sig": bufferOf(make([]byte, 63))},
		"no bytes":         `{"type":"challenge","sig":{"type":"Buffer","data":[` + strings.TrimSuffix(strings.Repeat("256,", 64), ",") + `]}}`,
		"negative":         `{"type":"challenge","sig":{"type":"Buffer","data":[` + strings.TrimSuffix(strings.Repeat("-1,", 64), ",") + `]}}`,
		"with a key again": frame{"type": "challenge", "pubkey": rawKey(private), "sig": bufferOf(make([]byte, 64))},
		"null":             `{"type":"challenge","sig":null}`,
	} {
		conn := dial()
		exchangeFrame(t, conn, ask)
		if got := exchangeFrame(t, conn, second); got["type"] != "error" || got["value"] == nil {
			t.Errorf("%s: got %v", name, got)
		}
	}
	huge := dial()
	_ = huge.Write(t.Context(), websocket.MessageText, []byte(strings.Repeat(" ", 9<<10)))
	if _, _, err := huge.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a huge frame: %v", err)
	}
	for name, try := range map[string]struct {
		query  string
		header http.Header
		status int
	}{
		"a foreign page":     {"?key=" + key, http.Header{"Origin": {"https://evil.example"}}, 403},
		"no key":             {"", nil, 400},
		"a key's text":       {"?key=" + h.founder, nil, 400},
		"another parameter":  {"?key=" + key + "&token=1", nil, 400},
		"two keys":           {"?key=" + key + "&key=" + key, nil, 400},
		"two credentials":    {"?key=" + key, http.Header{"Api-Key": {h.founder}, "Authorization": {"Bearer " + h.founder}}, 400},
		"the wrong sort one": {"?key=" + key, http.Header{"Api-Key": {"none"}}, 401},
	} {
		conn, answer, err := h.socket(try.query, try.header)
		if err == nil {
			conn.CloseNow()
			t.Errorf("%s: let in", name)
			continue
		}
		if answer.StatusCode != try.status {
			t.Errorf("%s: %d, want %d", name, answer.StatusCode, try.status)
		}
	}
	if a := h.send("GET", "/v1/challenges/ws?key="+key, "", nil); a.status != 400 || a.code() != "websocket_required" {
		t.Errorf("plain HTTP: %d %s", a.status, a.body)
	}
}

// TestChallengeSocketsAreBounded: connections that say nothing are few from one address, and end with the server.
func TestChallengeSocketsAreBounded(t *testing.T) {
	h := newHouse(t)
	key, _ := h.identity("/v1/organizations/main", h.founder)
	var open []*websocket.Conn
	for range 40 {
		conn, answer, err := h.socket("?key="+key, nil)
		if err != nil {
			if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
				t.Fatalf("%d %v", answer.StatusCode, err)
			}
			break
		}
		open = append(open, conn)
	}
	if len(open) != 32 {
		t.Errorf("%d connections are let in from one address", len(open))
	}
	for _, madeUp := range []string{seal.NewKeyText(seal.KindLive), seal.NewKeyText(seal.KindUserGroup)} {
		if conn, answer, err := h.socket("?key="+key, http.Header{"Api-Key": {madeUp}}); err == nil || answer.StatusCode != 429 {
			open = append(open, conn)
			t.Errorf("a key that nobody has counts as a backend: %v", err)
		}
	}
	broker, _, err := h.socket("?key="+key, http.Header{"Api-Key": {h.founder}})
	must(t, err)
	open = append(open, broker)
	began := time.Now()
	h.handler.Close()
	if time.Since(began) > 5*time.Second {
		t.Error("the server waits for those who say nothing")
	}
	for _, conn := range open {
		conn.CloseNow()
	}
	if _, answer, err := h.socket("?key="+key, nil); err == nil || answer.StatusCode != 503 {
		t.Errorf("after the end: %v", err)
	}
}
