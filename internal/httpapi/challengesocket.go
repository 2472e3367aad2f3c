package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/strictjson"
)

// ChallengeSocketPath is where users log in over WebSocket. Its connections last, and bound their time themselves.
const ChallengeSocketPath = "/v1/challenges/ws"

const (
	maxLoginFrame      = 8 << 10 // bytes
	maxLoginMembers    = 300     // a signature as numbers has 64
	loginFirstFrame    = 10 * time.Second
	loginWriteTimeout  = 10 * time.Second
	maxLoginSockets    = 1024
	maxSocketsOfClient = 32 // from one address, where no backend has proved itself
)

// loginSockets are the connections on which somebody is about to log in.
type loginSockets struct {
	mu     sync.Mutex
	closed bool
	open   int
	of     map[netip.Addr]int // by what [exchange.NetworkOf] says
	ends   map[*websocket.Conn]context.CancelFunc
	done   sync.WaitGroup
}

// admit takes a place, or says why there is none. Give it back with leave.
func (s *loginSockets) admit(from netip.Addr, bounded bool) error {
	from = exchange.NetworkOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of, s.ends = make(map[netip.Addr]int), make(map[*websocket.Conn]context.CancelFunc)
	}
	if s.closed {
		return access.New(access.Unavailable, "draining", "this server is shutting down; try again")
	}
	if s.open >= maxLoginSockets || bounded && s.of[from] >= maxSocketsOfClient {
		e := access.New(access.TooMany, "too_many_logins", "too many logins are under way; try again shortly")
		e.RetryAfter = time.Second
		return e
	}
	s.open++
	s.of[from]++
	s.done.Add(1)
	return nil
}

func (s *loginSockets) leave(from netip.Addr) {
	from = exchange.NetworkOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.of[from]--; s.of[from] == 0 {
		delete(s.of, from)
	}
	s.done.Done()
}

// watch has the connection end when the server does.
func (s *loginSockets) watch(conn *websocket.Conn, end context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends[conn] = end
	if s.closed {
		end()
	}
}

func (s *loginSockets) unwatch(conn *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ends, conn)
}

// Close ends the logins over WebSocket that are under way, lets no more begin, and returns when they have ended.
func (h *Handler) Close() {
	s := &h.sockets
	s.mu.Lock()
	s.closed = true
	for _, end := range s.ends {
		end()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// loginFrame is a message of either side, as Textile's clients write it.
type loginFrame struct {
	Type   string         `json:"type"`
	PubKey string         `json:"pubkey,omitzero"`
	Sig    jsontext.Value `json:"sig,omitzero"`
	Value  any            `json:"value,omitzero"`
	Code   string         `json:"code,omitzero"` // of an error; beside what Textile has
}

// nodeBuffer is the JSON of a Node Buffer.
type nodeBuffer struct {
	Type string `json:"type"`
	Data []int  `json:"data"` // [encoding/json] would write bytes as base64
}

// loginResult is what a client gets: the pass and, where the key signs, what signs for it for a while.
type loginResult struct {
	Key   string `json:"key,omitzero"`
	Sig   string `json:"sig,omitzero"`
	Msg   string `json:"msg,omitzero"`
	Token string `json:"token"`
}

// login is one login over one connection.
type login struct {
	h    *Handler
	call *call
	name string // of the connection: challenges are bound to it
	conn *websocket.Conn

	admission *exchange.Admission // under the user-group key
}

var (
	errFrame       = access.New(access.Malformed, "challenge_frame", `the frame cannot be read here: first {"type":"token","pubkey":"…"}, then {"type":"challenge","sig":{"type":"Buffer","data":[…]}}, as text`)
	errNoUpgrade   = access.New(access.Malformed, "websocket_required", "this is a WebSocket; over plain HTTP, POST /v1/challenges")
	errNoSocketKey = badQuery("key", "name the user-group key by its id, as ?key=key_…; its text does not belong into a URL")
)

// challengeSocket lets one user in over WebSocket: one login, then the connection closes.
func (h *Handler) challengeSocket(w http.ResponseWriter, r *http.Request, c *call) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return errNoUpgrade
	}
	key := r.URL.Query().Get("key")
	if !strings.HasPrefix(key, "key_") {
		return errNoSocketKey
	}
	admission, refused := h.Exchange.Admit(r.Context(), key, c.proof, c.client) // said by a frame: a page does not see how a handshake fails
	if err := h.sockets.admit(c.client.Address, refused != nil || !admission.Brokered); err != nil {
		return err
	}
	defer h.sockets.leave(c.client.Address)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // checkOrigin has looked at Origin
	if err != nil {
		return nil // it has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxLoginFrame)
	ctx, end := context.WithTimeout(context.WithoutCancel(r.Context()), loginFirstFrame+exchange.ChallengeLife+loginWriteTimeout)
	defer end()
	h.sockets.watch(conn, end)
	defer h.sockets.unwatch(conn)
	l := &login{h: h, call: c, name: rand.Text(), conn: conn, admission: admission}
	if refused == nil {
		refused = l.run(ctx)
	}
	l.finish(ctx, refused)
	return nil
}

func (l *login) run(ctx context.Context) error {
	first, err := l.read(ctx, loginFirstFrame)
	if err != nil {
		return err
	}
	if first.Type != "token" || first.PubKey == "" || first.Sig != nil {
		return errFrame
	}
	exchanges, issuer := l.h.Exchange, l.h.Exchange.Issuer
	challenge, err := exchanges.Begin(l.admission, first.PubKey, l.name, l.call.client)
	if err != nil {
		return err
	}
	if err := l.write(ctx, loginFrame{Type: "challenge", Value: bufferOf(exchange.ChallengeText(issuer, challenge.ID, challenge.Value))}); err != nil {
		return err
	}
	second, err := l.read(ctx, exchange.ChallengeLife)
	if err != nil {
		return err
	}
	if second.Type != "challenge" || second.PubKey != "" {
		return errFrame
	}
	signature, err := second.signature()
	if err != nil {
		return err
	}
	grant, err := exchanges.Exchange(ctx, exchange.Answer{Challenge: challenge.ID, Signature: signature, Connection: l.name}, exchange.Wish{}, l.call.client)
	if err != nil {
		return err
	}
	result := loginResult{Token: grant.Text}
	auth, err := exchanges.UserAuth(ctx, grant)
	if err != nil {
		return err
	}
	if auth != nil {
		result.Key, result.Sig, result.Msg = auth.Key, auth.Sig, auth.Msg
	}
	return l.write(ctx, loginFrame{Type: "token", Value: result})
}

// read reads one frame of a client.
func (l *login) read(ctx context.Context, within time.Duration) (f loginFrame, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	kind, text, err := l.conn.Read(ctx)
	if err != nil {
		return f, gone{err}
	}
	var in struct {
		Type   string         `json:"type"`
		PubKey string         `json:"pubkey"`
		Sig    jsontext.Value `json:"sig"`
	}
	limits := strictjson.Limits{Bytes: maxLoginFrame, Depth: 4, Members: maxLoginMembers, Strict: true}
	if kind != websocket.MessageText || strictjson.Unmarshal(text, &in, limits) != nil {
		return f, errFrame
	}
	return loginFrame{Type: in.Type, PubKey: in.PubKey, Sig: in.Sig}, nil
}

// gone is the end of a connection, with nobody left to tell.
type gone struct{ error }

func (f *loginFrame) signature() ([]byte, error) {
	if f.Sig.Kind() == '"' {
		var text string
		if json.Unmarshal(f.Sig, &text) != nil {
			return nil, errSignatureForm
		}
		return readSignature(text)
	}
	var b nodeBuffer
	if json.Unmarshal(f.Sig, &b, json.RejectUnknownMembers(true)) != nil || b.Type != "Buffer" || len(b.Data) != 64 {
		return nil, errSignatureForm
	}
	signature := make([]byte, len(b.Data))
	for i, n := range b.Data {
		if n < 0 || n > 255 {
			return nil, errSignatureForm
		}
		signature[i] = byte(n)
	}
	return signature, nil
}

func bufferOf(raw []byte) nodeBuffer {
	b := nodeBuffer{Type: "Buffer", Data: make([]int, len(raw))}
	for i, c := range raw {
		b.Data[i] = int(c)
	}
	return b
}

func (l *login) write(ctx context.Context, f loginFrame) error {
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write a frame: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, loginWriteTimeout)
	defer cancel()
	if err := l.conn.Write(ctx, websocket.MessageText, text); err != nil {
		return gone{err}
	}
	return nil
}

// finish tells the client how it ended, and closes.
func (l *login) finish(ctx context.Context, err error) {
	var left gone
	switch {
	case err == nil:
		_ = l.conn.Close(websocket.StatusNormalClosure, "")
	case errors.As(err, &left):
		// The connection is broken, or is closed by the deferred CloseNow.
	default:
		e := access.AsError(err)
		if e.Kind == access.Internal {
			l.h.Logger.ErrorContext(ctx, "login failed", "request_id", l.call.client.RequestID, "error", err.Error())
		}
		if l.write(ctx, loginFrame{Type: "error", Value: e.Message, Code: e.Code}) == nil {
			_ = l.conn.Close(websocket.StatusPolicyViolation, e.Code)
		}
	}
}
