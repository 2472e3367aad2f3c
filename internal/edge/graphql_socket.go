package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/strictjson"
)

// graphqlSubprotocol is the one protocol of GraphQL over WebSocket that is understood here, message by message.
const graphqlSubprotocol = "graphql-transport-ws"

// Close codes of the protocol.
const (
	closeBadMessage     websocket.StatusCode = 4400
	closeUnauthorized   websocket.StatusCode = 4401
	closeForbidden      websocket.StatusCode = 4403
	closeInitTimeout    websocket.StatusCode = 4408
	closeDuplicateID    websocket.StatusCode = 4409
	closeTooManyInits   websocket.StatusCode = 4429
	closeTryLater                            = websocket.StatusTryAgainLater
	closeUpstreamFailed                      = websocket.StatusBadGateway
)

const (
	initWithin         = 10 * time.Second // for connection_init, and again for the upstream's connection_ack
	socketWriteTimeout = 10 * time.Second // for one message to be taken
	maxSubscriptions   = 100              // open at once on one connection
	maxOperationID     = 64               // bytes
	maxUpstreamMessage = 8 << 20          // bytes: a message is held in memory as a whole
)

var (
	errSubprotocol   = access.New(access.Malformed, "graphql_subprotocol", "GraphQL over WebSocket is spoken here in the subprotocol graphql-transport-ws only")
	errSubscriptions = access.New(access.TooMany, "graphql_too_many_subscriptions", fmt.Sprintf("one connection may have %d operations open at once", maxSubscriptions))
)

// socket is a GraphQL connection over WebSocket. Both ends of it are taken apart into messages: each subscribe is judged
// and written anew, and nothing that is not understood is passed on. It is closed when its pass, or the right to one of
// its open operations, ends.
type socket struct {
	gateway    *Gateway
	passage    *passage
	session    *session
	request    gate.Request // without an operation
	userAgent  string
	credential string
	client     *websocket.Conn
	upstream   *websocket.Conn // nil before the client has said who it is

	over   context.Context // ends with the connection
	stop   context.CancelFunc
	closed chan struct{} // when the client's end has been closed
	once   sync.Once
	slow   *time.Timer

	mu           sync.Mutex
	token        *access.Token // nil: anonymous, or not known yet
	opened       bool          // it is known who calls
	acknowledged bool          // by the upstream
	active       map[string]*catalog.Operation
	spend        func(bytes int) // counts messages under a limit; nil: there is none, or it is not known who calls
}

// socketMessage is a message of the protocol.
type socketMessage struct {
	Type    string         `json:"type"`
	ID      string         `json:"id,omitzero"`
	Payload jsontext.Value `json:"payload,omitzero"`
}

// serveSocket serves a GraphQL connection until it ends.
func (p *passage) serveSocket(w http.ResponseWriter, r *http.Request, credential string, sofar gate.Decision) {
	p.decision = sofar
	if err := p.admitsSocket(r); err != nil {
		p.note(&sofar, userAgent(r.Header))
		p.gateway.refuseGraphQL(w, r, err, nil)
		return
	}
	if credential != "" {
		if d := p.gateway.gate.Connect(&p.request, credential, p.gateway.now()); !d.Allow {
			p.note(&d, userAgent(r.Header))
			writeDenial(w, r, &d, credential)
			return
		}
	}
	client, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{graphqlSubprotocol},
		InsecureSkipVerify: true, // admitsSocket has looked at Origin
	})
	if err != nil {
		return // it has answered
	}
	client.SetReadLimit(sofar.Resource.GraphQL.MaxBody())
	s := &socket{
		gateway: p.gateway, passage: p, request: p.request, userAgent: userAgent(r.Header), credential: credential, client: client,
		closed: make(chan struct{}), active: make(map[string]*catalog.Operation),
	}
	s.over, s.stop = context.WithCancel(context.WithoutCancel(r.Context()))
	s.slow = time.AfterFunc(initWithin, func() { s.end(closeInitTimeout, "Connection initialisation timeout") })
	s.session = &session{request: s.request, application: sofar.Application.ID, socket: s, lasting: s}
	p.gateway.begin(s.session)
	s.serve(r)
	p.gateway.sessions.remove(s.session)
}

// admitsSocket looks at what comes before the first message.
func (p *passage) admitsSocket(r *http.Request) error {
	if r.Method != http.MethodGet {
		return errGraphQLMethod
	}
	spoken := false
	for _, line := range r.Header["Sec-Websocket-Protocol"] {
		for name := range strings.SplitSeq(line, ",") {
			spoken = spoken || strings.TrimSpace(name) == graphqlSubprotocol
		}
	}
	if !spoken {
		return errSubprotocol
	}
	return checkOrigin(r.Header, r.Host, p.decision.Application)
}

func (s *socket) serve(r *http.Request) {
	defer func() {
		s.end(websocket.StatusNormalClosure, "")
		if s.upstream != nil {
			s.upstream.CloseNow()
		}
		<-s.closed
	}()
	if !s.open(r) {
		return
	}
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		s.fromUpstream()
	}()
	s.fromClient()
	s.stop()
	<-relayed
}

// end closes both ends, with a reason for the client. It does not wait for the client to agree.
func (s *socket) end(code websocket.StatusCode, reason string) {
	s.once.Do(func() {
		s.slow.Stop()
		s.stop()
		go func() {
			defer close(s.closed)
			s.client.Close(code, reason)
		}()
	})
}

func (s *socket) ended() bool { return s.over.Err() != nil }

func (s *socket) finish(why *gate.Decision) {
	if why == nil {
		s.end(websocket.StatusGoingAway, "")
		return
	}
	s.deny(why)
}

// deny ends the connection because of a decision.
func (s *socket) deny(d *gate.Decision) {
	code := closeForbidden
	switch d.Status() {
	case http.StatusUnauthorized:
		code = closeUnauthorized
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		code = closeTryLater
	}
	s.end(code, string(d.Reason))
}

// judge decides anew on the pass and on every operation that is open.
func (s *socket) judge(view *gate.View, now time.Time) (d gate.Decision, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.opened {
		return d, false // the timer sees to it that this does not last
	}
	d = gate.Connect(&s.request, s.token, view, now)
	bind(&d, s.session.application)
	for _, operation := range s.active {
		if !d.Allow {
			break
		}
		one := s.request
		one.GraphQL = operation
		d = gate.Decide(&one, s.token, view, now)
	}
	return d, true
}

// count counts the bytes of a message. Only the goroutine that opens the connection, and those it starts, may call it.
func (s *socket) count(text []byte) {
	if s.spend != nil {
		s.spend(len(text))
	}
}

// read reads one message of the client; false: the connection has ended, or does now.
func (s *socket) read() (m socketMessage, ok bool) {
	kind, text, err := s.client.Read(context.WithoutCancel(s.over)) // else its end could not be told to the client
	if err != nil || s.ended() {
		return m, err == nil
	}
	s.count(text)
	limits := strictjson.Limits{Bytes: max(len(text), 1), Depth: maxVariableDepth, Members: max(len(text), 1), Strict: true}
	if kind != websocket.MessageText || strictjson.Unmarshal(text, &m, limits) != nil {
		s.end(closeBadMessage, "Invalid message received")
		return m, true
	}
	return m, true
}

// open takes the first message, finds out who calls, and connects to the upstream.
func (s *socket) open(r *http.Request) bool {
	m, ok := s.read()
	switch {
	case !ok || s.ended():
		return false
	case m.Type == "subscribe":
		s.end(closeUnauthorized, "Unauthorized")
		return false
	case m.Type != "connection_init" || m.ID != "":
		s.end(closeBadMessage, "Invalid message received")
		return false
	}
	payload, err := s.identify(m.Payload)
	if err != nil {
		s.end(closeBadMessage, err.Error())
		return false
	}
	now := s.gateway.now()
	decision := s.gateway.gate.Connect(&s.request, s.credential, now)
	bind(&decision, s.session.application)
	s.gateway.limit(&s.request, &decision, now, 1)
	if !decision.Allow {
		s.passage.note(&decision, s.userAgent)
		s.deny(&decision)
		return false
	}
	s.passage.decision, s.passage.identity = decision, decision.Identity()
	if checkIdentity(s.passage.identity) != nil {
		s.end(closeForbidden, "subject_unsafe")
		return false
	}
	s.mu.Lock()
	s.token, s.opened = decision.Token, true
	s.mu.Unlock()
	if a, limited := allowanceOf(&decision, s.request.Address); limited {
		s.spend = s.gateway.spending(&a)
		s.count(m.Payload)
	}
	if s.gateway.recheck(s.session, s.gateway.gate.View(), s.gateway.now()); s.ended() { // something changed in the meantime
		return false
	}
	return s.connect(r, payload)
}

var (
	errInitPayload    = errors.New("connection_init takes an object")
	errTwoCredentials = errors.New("send one credential")
	errStrayedPass    = errors.New("a credential belongs in Authorization")
)

// identify takes the credential out of the payload of connection_init, where browsers have to put it: they cannot set
// headers on a WebSocket. What it returns is for the upstream.
func (s *socket) identify(payload jsontext.Value) (jsontext.Value, error) {
	switch payload.Kind() {
	case 'n', 0:
		return nil, nil
	case '{':
	default:
		return nil, errInitPayload
	}
	var members map[string]jsontext.Value
	if json.Unmarshal(payload, &members) != nil {
		return nil, errInitPayload
	}
	found := false
	for name, value := range members {
		if !strings.EqualFold(name, "authorization") {
			if s.hidesCredential(value) {
				return nil, errStrayedPass
			}
			continue
		}
		var text string
		if found || json.Unmarshal(value, &text) != nil {
			return nil, errTwoCredentials
		}
		found = true
		credential, _ := bearer(http.Header{"Authorization": {text}}) // one value is never two credentials
		if s.credential != "" && s.credential != credential {
			return nil, errTwoCredentials
		}
		s.credential = credential
		if !s.passage.decision.Resource.PassToken {
			delete(members, name)
		}
	}
	if !found {
		return payload, nil
	}
	return json.Marshal(members, json.Deterministic(true))
}

// hidesCredential reports whether a value has one of our keys or passes in it.
func (s *socket) hidesCredential(value jsontext.Value) bool {
	tokens := jsontext.NewDecoder(strings.NewReader(string(value)))
	for {
		token, err := tokens.ReadToken()
		if err != nil {
			return false
		}
		if token.Kind() != '"' {
			continue
		}
		text := token.String()
		if credential, _ := bearer(http.Header{"Authorization": {text}}); isKey(credential) || looksLikePass(credential) && s.gateway.isPass(credential) {
			return true
		}
	}
}

// connect opens the upstream's end as the caller that is now known, and hands on connection_init.
func (s *socket) connect(r *http.Request, payload jsontext.Value) bool {
	document := s.passage.decision.Application.Document
	if document.Upstream == nil {
		s.end(closeUpstreamFailed, "no_upstream")
		return false
	}
	kind := kindOf(document)
	kind.h2c = false // there is no WebSocket in it
	ctx, cancel := context.WithTimeout(s.over, kind.timeout)
	defer cancel()
	target := url.URL{Scheme: document.Upstream.Scheme, Host: document.Upstream.Host}
	if target.Scheme == schemeH2C {
		target.Scheme = "http"
	}
	upstream, _, err := websocket.Dial(ctx, target.String()+s.request.Path.String(), &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     s.gateway.transports.get(kind),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader:   s.headers(r),
		Host:         r.Host,
		Subprotocols: []string{graphqlSubprotocol},
	})
	if err == nil {
		s.upstream = upstream
		upstream.SetReadLimit(maxUpstreamMessage)
		if upstream.Subprotocol() != graphqlSubprotocol {
			err = errors.New("it does not speak " + graphqlSubprotocol)
		}
	}
	if err == nil {
		s.slow.Reset(initWithin)
		err = s.toUpstream(socketMessage{Type: "connection_init", Payload: payload})
	}
	if err != nil {
		s.failed(err)
		return false
	}
	return true
}

// headers are the client's own, as the gateway sends them on, without those of its own connection.
func (s *socket) headers(r *http.Request) http.Header {
	h := r.Header.Clone()
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for name := range h {
		if strings.HasPrefix(name, "Sec-Websocket-") || strings.HasPrefix(name, "Content-") || isHopByHop(name) {
			delete(h, name)
		}
	}
	s.passage.setHeaders(h, r)
	return h
}

// isHopByHop reports whether a header is about one connection only (RFC 9110 section 7.6.1).
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

func (s *socket) failed(err error) {
	if s.ended() {
		return
	}
	s.gateway.log.LogAttrs(s.over, slog.LevelWarn, "upstream failed", slog.Any("error", err),
		slog.String("application", s.passage.decision.Application.Name()), slog.String("request_id", s.passage.client.RequestID))
	s.end(closeUpstreamFailed, "upstream_unreachable")
}

// fromClient hands on what the client may say, until the connection ends.
func (s *socket) fromClient() {
	for {
		m, ok := s.read()
		if !ok {
			return
		}
		if s.ended() {
			continue // until the client has read why
		}
		if err := s.take(m); err != nil {
			s.failed(err)
		}
	}
}

// take takes one message of the client. Its error is one of the upstream.
func (s *socket) take(m socketMessage) error {
	switch {
	case m.Type == "connection_init":
		s.end(closeTooManyInits, "Too many initialisation requests")
	case m.Type == "ping" && m.ID == "", m.Type == "pong" && m.ID == "":
		return s.toUpstream(m)
	case m.Type == "subscribe" && m.ID != "" && len(m.ID) <= maxOperationID:
		return s.subscribe(m)
	case m.Type == "complete" && m.ID != "" && m.Payload == nil:
		if s.finished(m.ID) {
			return s.toUpstream(m)
		}
	default:
		s.end(closeBadMessage, "Invalid message received")
	}
	return nil
}

// finished forgets an operation, and reports whether it was open.
func (s *socket) finished(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, open := s.active[id]
	delete(s.active, id)
	return open
}

// subscribe judges an operation of any kind, and sends on what was judged.
func (s *socket) subscribe(m socketMessage) error {
	s.mu.Lock()
	_, taken := s.active[m.ID]
	acknowledged, open := s.acknowledged, len(s.active)
	s.mu.Unlock()
	switch {
	case !acknowledged:
		s.end(closeUnauthorized, "Unauthorized")
		return nil
	case taken:
		s.end(closeDuplicateID, "Subscriber for "+m.ID+" already exists")
		return nil
	case open >= maxSubscriptions:
		s.sendError(m.ID, graphqlErrorOf(errSubscriptions))
		return nil
	}
	one := new(graphqlRequest)
	if err := one.read(m.Payload); err != nil {
		s.sendError(m.ID, graphqlErrorOf(Shown(err)))
		return nil
	}
	return s.ask(m.ID, one, int64(len(m.Payload)))
}

// ask judges a request under the rules of now, which need not be those of when the connection began.
func (s *socket) ask(id string, one *graphqlRequest, length int64) error {
	connection := s.gateway.gate.Connect(&s.request, s.credential, s.gateway.now())
	if bind(&connection, s.session.application); !connection.Allow {
		s.passage.note(&connection, s.userAgent)
		s.deny(&connection)
		return nil
	}
	application := connection.Application.ID
	err := s.gateway.persisted.resolve(application, one)
	if err == nil {
		one.operation, err = connection.Resource.GraphQL.Read(catalog.GraphQLRequest{Query: *one.Query, OperationName: one.OperationName})
	}
	if err != nil {
		connection.Allow, connection.Reason = false, gate.GraphQLUnparsed
		s.passage.note(&connection, s.userAgent)
		s.sendError(id, unread(err))
		return nil
	}
	request := s.request
	request.GraphQL, request.Length = one.operation, length
	decision := s.gateway.judge(&request, s.credential, s.userAgent)
	if !decision.Allow {
		if decision.Status() == http.StatusUnauthorized {
			s.deny(&decision)
			return nil
		}
		s.sendError(id, graphqlDenial(&decision, s.credential))
		return nil
	}
	s.gateway.persisted.keep(application, one)
	payload, err := one.append(nil)
	if err != nil {
		s.sendError(id, graphqlErrorOf(Shown(err)))
		return nil
	}
	s.mu.Lock()
	s.active[id] = one.operation
	s.mu.Unlock()
	if d, _ := s.judge(s.gateway.gate.View(), s.gateway.now()); !d.Allow { // the view may have changed before the operation was known
		s.deny(&d)
		return nil
	}
	return s.toUpstream(socketMessage{Type: "subscribe", ID: id, Payload: payload})
}

// fromUpstream hands on what the upstream says, until the connection ends.
func (s *socket) fromUpstream() {
	for {
		kind, text, err := s.upstream.Read(s.over)
		if err != nil {
			s.upstreamEnded(err)
			return
		}
		var m socketMessage
		if kind == websocket.MessageText {
			err = json.Unmarshal(text, &m)
		}
		if kind != websocket.MessageText || err != nil || !s.tell(m, text) {
			s.failed(errors.Join(errors.New("it sent a message that graphql-transport-ws does not have"), err))
			return
		}
	}
}

// tell hands one message of the upstream on; false: there is no such message.
func (s *socket) tell(m socketMessage, text []byte) bool {
	wanted := true
	switch m.Type {
	case "connection_ack":
		s.mu.Lock()
		wanted, s.acknowledged = !s.acknowledged, true
		s.mu.Unlock()
		s.slow.Stop()
	case "ping", "pong":
	case "next":
		s.mu.Lock()
		_, wanted = s.active[m.ID]
		s.mu.Unlock()
	case "error", "complete":
		wanted = s.finished(m.ID)
	default:
		return false
	}
	if wanted {
		s.toClient(text)
	}
	return true
}

// upstreamEnded tells the client how the upstream ended, where that is the protocol's own word.
func (s *socket) upstreamEnded(err error) {
	var closed websocket.CloseError
	if errors.As(err, &closed) && (closed.Code >= 4000 || closed.Code == websocket.StatusNormalClosure ||
		closed.Code == websocket.StatusGoingAway || closed.Code == websocket.StatusServiceRestart || closed.Code == websocket.StatusTryAgainLater) {
		s.end(closed.Code, closed.Reason)
		return
	}
	s.failed(err)
}

func (s *socket) toUpstream(m socketMessage) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.over, socketWriteTimeout)
	defer cancel()
	return s.upstream.Write(ctx, websocket.MessageText, text)
}

// toClient sends a message, unless the connection has ended.
func (s *socket) toClient(text []byte) {
	if s.ended() {
		return
	}
	s.count(text)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.over), socketWriteTimeout)
	defer cancel()
	if s.client.Write(ctx, websocket.MessageText, text) != nil {
		s.end(websocket.StatusNormalClosure, "")
	}
}

// sendError refuses one operation.
func (s *socket) sendError(id string, e graphqlError) {
	e.Extensions.RequestID = s.passage.client.RequestID
	payload, err := json.Marshal([]graphqlError{e})
	if err == nil {
		payload, err = json.Marshal(socketMessage{Type: "error", ID: id, Payload: payload})
	}
	if err != nil {
		s.end(websocket.StatusInternalError, "")
		return
	}
	s.toClient(payload)
}
