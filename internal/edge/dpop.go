package edge

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/verify"
)

// dpopScheme is how Authorization begins where a pass comes with a proof (RFC 9449 section 7.1).
const dpopScheme = verify.DPoPScheme + " "

// IsDPoP reports whether the credential of a request was sent as one that is bound to a key.
func IsDPoP(h http.Header) bool {
	values := h["Authorization"]
	return len(values) == 1 && len(values[0]) > len(dpopScheme) && strings.EqualFold(values[0][:len(dpopScheme)], dpopScheme)
}

// Once remembers what may be used a single time, across nodes and restarts.
type Once interface {
	FirstWithin(ctx context.Context, shares []meter.Share, purpose, id string, made, until time.Time) (bool, error)
}

// What may be in the memory of used proofs at once. They are forgotten after 90 s, so that an organization may send 5,800
// in a second to one node, all who have proved no more than a key of their own making 2,900, and one address of these 180.
const (
	proofsOfOrganization = meter.MaxOnce / 2
	proofsOfStrangers    = meter.MaxOnce / 4
	proofsOfAddress      = meter.MaxOnce / 64
)

// ProofsOf is what the passes of an organization may fill of the memory of used proofs.
func ProofsOf(organizationID string) []meter.Share {
	return []meter.Share{{Holder: organizationID, Most: proofsOfOrganization}}
}

// ProofsFrom is what senders may fill of whom nothing is known but the address; one IPv6 network of 64 bits is one sender.
func ProofsFrom(address netip.Addr) []meter.Share {
	bits := 32
	if address = address.Unmap(); address.Is6() {
		bits = 64
	}
	network, _ := address.WithZone("").Prefix(bits)
	return []meter.Share{{Holder: network.String(), Most: proofsOfAddress}, {Holder: "strangers", Most: proofsOfStrangers}}
}

// Senders checks proofs of possession (RFC 9449), the same for the API and for every door: a proof that was used at one
// is used up at all.
type Senders struct {
	Once   Once
	Nonces *Nonces // nil: no nonce is asked for
	Now    func() time.Time
}

// Prove returns the thumbprint of the key that a proof is signed with. Bound is the key that is expected, empty for any: a proof of
// another key is not used up, and its thumbprint tells the caller. Shares are whose part of the memory it takes.
//
// Errors are [*access.Error]: invalid_dpop_proof and use_dpop_nonce (401), or kind Unavailable where nobody can tell
// whether the proof was used before.
func (s *Senders) Prove(ctx context.Context, proof string, want verify.DPoPRequest, bound string, shares []meter.Share) (thumbprint string, err error) {
	if s == nil {
		return "", access.New(access.Unauthenticated, verify.ErrDPoP.Code, "this server checks no proofs of possession")
	}
	if s.Nonces != nil {
		want.Nonce = s.Nonces.valid
	}
	p, err := verify.ReadDPoP(proof, want, s.Now())
	if err != nil {
		return "", disproof(err)
	}
	if bound != "" && p.Thumbprint != bound {
		return p.Thumbprint, nil
	}
	// The thumbprint has one length, so that the two are told apart, and nobody uses up another's jti.
	first, err := s.Once.FirstWithin(ctx, shares, "dpop", p.Thumbprint+p.ID, p.IssuedAt, p.Until)
	switch {
	case err != nil && access.AsError(err).Kind == access.Unauthenticated:
		return "", access.New(access.Unauthenticated, verify.ErrDPoP.Code, access.AsError(err).Message)
	case err != nil:
		return "", err
	case !first:
		return "", access.New(access.Unauthenticated, verify.ErrDPoP.Code, "this DPoP proof was used before; make one for each request")
	}
	return p.Thumbprint, nil
}

// disproof is a refusal of package verify as one of ours.
func disproof(err error) error {
	if e := (*verify.Error)(nil); errors.As(err, &e) {
		return access.New(access.Unauthenticated, e.Code, e.Message).Because(e)
	}
	return err
}

// Offer puts a fresh nonce into an answer, where nonces are asked for.
func (s *Senders) Offer(h http.Header) {
	if s != nil && s.Nonces != nil {
		h["Dpop-Nonce"] = []string{s.Nonces.Next()}
	}
}

// Nonces are handed out and known again without a memory: each is a time under a MAC.
type Nonces struct {
	mac func(purpose string, data []byte) []byte
	now func() time.Time
}

// NonceAge is for how long a nonce is good.
const NonceAge = 5 * time.Minute

const nonceMAC = 16 // bytes

// NewNonces takes a MAC of the server, so that all nodes know each other's.
func NewNonces(mac func(purpose string, data []byte) []byte, now func() time.Time) *Nonces {
	return &Nonces{mac, now}
}

// Next is a nonce that is good from now on.
func (n *Nonces) Next() string {
	made := binary.BigEndian.AppendUint64(make([]byte, 0, 8+nonceMAC), uint64(n.now().Unix()))
	return base64.RawURLEncoding.EncodeToString(append(made, n.mac("dpop nonce", made)[:nonceMAC]...))
}

func (n *Nonces) valid(nonce string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != 8+nonceMAC || subtle.ConstantTimeCompare(raw[8:], n.mac("dpop nonce", raw[:8])[:nonceMAC]) != 1 {
		return false
	}
	age := n.now().Unix() - int64(binary.BigEndian.Uint64(raw))
	return age < int64(NonceAge/time.Second) && age >= -int64(verify.Leeway/time.Second)
}

// confirm finds out which key the sender of a bound pass proved to hold. What is sent as a bearer's costs nothing: whatever
// else is shown with it, it proves nothing (RFC 9449 section 7.2). The error is for what cannot be decided; all else is for
// the gate to judge. Listener says that the host is an address of this server.
func (d *door) confirm(ctx context.Context, answer http.Header, request *gate.Request, credential string, h http.Header, url func() string, listener bool) error {
	if !IsDPoP(h) {
		return nil
	}
	d.senders.Offer(answer)
	t, err := d.gate.Token(credential)
	if err != nil {
		return nil // the gate says what is wrong with it
	}
	bound := t.Authority.Confirmation
	if bound == "" {
		request.Disproof = errNotBound
		return nil
	}
	proof, err := verify.DPoPHeader(h)
	if err != nil {
		request.Disproof = disproof(err)
		return nil
	}
	if proof == "" {
		return nil
	}
	if !listener && !d.isNamed(request) {
		request.Disproof = errHostUnnamed
		return nil
	}
	want := verify.DPoPRequest{Method: request.Method, URL: url(), AccessToken: credential}
	request.Confirmation, err = d.senders.Prove(ctx, proof, want, bound, ProofsOf(t.OrganizationID))
	if err != nil && access.AsError(err).Kind != access.Unauthenticated {
		return err
	}
	if err != nil {
		request.Disproof = access.AsError(err)
	}
	return nil
}

// isNamed reports whether the host is one that the application's file names, or this machine's loopback. Any other is the
// client's to choose: who is sent a proof for a host of its own could use it here.
func (d *door) isNamed(request *gate.Request) bool {
	view := d.gate.View()
	if view == nil || isLoopback(request.Host) {
		return true // without a view the gate denies everything
	}
	app := view.Catalog.Find(request.Host, request.Path, request.Application)
	return app == nil || app.Document.Names(request.Host)
}

// IsListener reports whether a request was sent to an address that is nobody else's: this machine's loopback, or the one
// that the connection has at this end.
func IsListener(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if isLoopback(host) {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return err == nil && ok && address == local.AddrPort().Addr().Unmap()
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}

var errHostUnnamed = access.New(access.Unauthenticated, verify.ErrDPoP.Code,
	"a proof is for a host, and the application names none such; its administrator must name it under hosts in the resource file")

var errNotBound = access.New(access.Unauthenticated, string(gate.SenderKeyWrong), "the pass is not bound to a key: send it as 'Authorization: Bearer …'")

// URLOf is the URL that a client asked this server for, as far as the server can know it.
func URLOf(r *http.Request) string {
	return proto(r, ClientFrom(r.Context())) + "://" + r.Host + r.URL.EscapedPath()
}

// url is the URL that the client asked the proxy for.
func (t told) url() string {
	path, _, _ := strings.Cut(t.target, "?")
	return t.scheme + "://" + t.host + path
}

// forwardedScheme is the scheme that a trusted proxy tells; a WebSocket is asked for by HTTP. Empty: it does not.
func forwardedScheme(h http.Header) string {
	v := h["X-Forwarded-Proto"]
	if len(v) != 1 {
		return ""
	}
	return webScheme(v[0])
}

func webScheme(s string) string {
	switch s {
	case "ws":
		return "http"
	case "wss":
		return "https"
	}
	return s
}

func (q *authzQuestion) told(asked *authv3.AttributeContext_HttpRequest) told {
	t := told{host: asked.GetHost(), target: asked.GetPath(), scheme: forwardedScheme(q.header), header: q.header}
	if t.scheme == "" {
		t.scheme = webScheme(asked.GetScheme())
	}
	return t
}

var dpopRealm = verify.DPoPScheme + ` realm="daypass", algs="` + strings.Join(verify.DPoPAlgorithms(), " ") + `"`

// dpopChallenge is RFC 9449 section 7.1.
func dpopChallenge(code, message string) string {
	if code == "" {
		return dpopRealm
	}
	return dpopRealm + `, error="` + code + `", error_description="` + challengeText(message) + `"`
}

const invalidToken = "invalid_token"

// challengeOf asks for what would have helped: a proof, where one is needed, else a pass.
func challengeOf(d *gate.Decision, detail string) string {
	switch {
	case !d.SendersOnly():
		return bearerChallenge(string(d.Reason), detail)
	case d.Reason == gate.TokenMissing:
		return dpopChallenge("", "")
	}
	return dpopChallenge(errorCode(d.Disproof), detail)
}

// errorCode is what a refused proof is called in a challenge.
func errorCode(disproof error) string {
	if disproof == nil {
		return invalidToken
	}
	switch code := access.AsError(disproof).Code; code {
	case verify.ErrDPoP.Code, verify.ErrDPoPNonce.Code:
		return code
	}
	return invalidToken
}

// challengeFor is the challenge of an error outside the doors.
func challengeFor(e *access.Error) string {
	switch e.Code {
	case verify.ErrDPoP.Code, verify.ErrDPoPNonce.Code:
		return dpopChallenge(e.Code, e.Message)
	case SenderKeyRequired, string(gate.SenderKeyWrong):
		return dpopChallenge(invalidToken, e.Message)
	}
	return bearerChallenge(e.Code, e.Message)
}

// SenderKeyRequired is the code of the refusal of a bound credential that came without proof.
const SenderKeyRequired = "sender_key_required"
