package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
)

const (
	// CeremonyLife is how long a browser has to answer with a passkey.
	CeremonyLife = time.Minute
	// FreshLogin is how long after a login a passkey may be enrolled.
	FreshLogin = 5 * time.Minute
)

// PasskeyStore keeps passkeys. What does not exist is [access.ErrNotFound].
type PasskeyStore interface {
	PasskeyByCredential(ctx context.Context, credentialID []byte) (access.Passkey, error)
	PasskeysOfMember(ctx context.Context, organizationID, userID string) ([]access.Passkey, error)
	OpenPasskeySession(ctx context.Context, p access.Passkey, counter int64, hash [32]byte, n access.Session) error
}

// Passkeys is what logins by passkey need beside [Logins].
type Passkeys struct {
	store  PasskeyStore
	sealer *seal.Sealer
	rp     *webauthn.WebAuthn
}

// NewPasskeys makes passkeys of this server's public address: their relying party is
// its host, and pages of no other origin are believed. Nil where browsers have none:
// at an address that is no name, or without TLS and not of their own machine.
func NewPasskeys(publicURL string, store PasskeyStore, sealer *seal.Sealer) *Passkeys {
	u, err := url.Parse(publicURL)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	host := strings.ToLower(u.Hostname())
	_, notIP := netip.ParseAddr(host)
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if notIP == nil || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil
	}
	timeout := webauthn.TimeoutConfig{Timeout: CeremonyLife, TimeoutUVD: CeremonyLife}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Daypass", RPOrigins: []string{u.Scheme + "://" + strings.ToLower(u.Host)},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Some authenticators volunteer what they can do. Nothing here looks at it.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil
	}
	return &Passkeys{store: store, sealer: sealer, rp: rp}
}

// LogsInByPasskey reports whether anybody can.
func (s *Service) LogsInByPasskey() bool { return s.Passkeys != nil && s.Logins != nil }

// Ceremony is what a page hands to the browser, and what it sends back with the
// answer.
type Ceremony struct {
	Text    string // sealed: nobody but this server reads it
	Options []byte // JSON: options of navigator.credentials
}

var (
	errNoPasskeys   = access.New(access.NotFound, "passkeys_off", "nobody logs in with a passkey at this server: it needs logins, and a public_url with a name and https")
	errPasskey      = refute("passkey_invalid", "this passkey is not known here, or its answer is wrong or too late; try again")
	errPasskeyAgain = access.New(access.Unauthenticated, "passkey_counter", "the passkey's counter went back: a copy of it may be in use; log in another way, delete it and enrol another")
	errCeremony     = access.New(access.Invalid, "passkey_ceremony", "this answer is wrong, too late or was used before; begin again").At("/credential")
	errNotFresh     = access.New(access.Forbidden, "fresh_login_required", "log in again first: a passkey is enrolled within five minutes of a login, with the pass that it gave")
	errNotWhole     = access.New(access.Forbidden, "whole_login_required", "a passkey opens all that you may do here, so enrol it with a pass that may: of a login by password, or of a key of yours without end, networks and narrower scopes or roles")
)

// ceremony is what the server remembers of one that is under way, in its client's hands.
type ceremony struct {
	Challenge      string `json:"challenge"`
	OrganizationID string `json:"organization,omitempty"`
	UserID         string `json:"user,omitempty"`
	Until          int64  `json:"until"` // milliseconds
}

// The two kinds of ceremony, as they are sealed: an answer to one is none to the other.
const (
	enrolment = "passkey/enrol"
	login     = "passkey/login"
)

func (p *Passkeys) write(c ceremony, kind string, options any) (Ceremony, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return Ceremony{}, err
	}
	shown, err := json.Marshal(options)
	return Ceremony{Text: p.sealer.SealLetter(plain, kind), Options: shown}, err
}

// open reads a ceremony that is not over.
func (p *Passkeys) open(text, kind string, now time.Time) (c ceremony, ok bool) {
	plain, err := p.sealer.OpenLetter(text, kind)
	if err != nil || json.Unmarshal(plain, &c) != nil {
		return c, false
	}
	return c, now.Before(time.UnixMilli(c.Until))
}

// spend uses up a ceremony: of any number of answers one counts. At a login that is a right one,
// for strangers can begin as many as they like, and each that is spent is kept for a while.
func (s *Service) spend(ctx context.Context, c ceremony, kind string) (first bool, err error) {
	if s.Once == nil {
		return false, access.New(access.Unavailable, "replay_memory_missing", "this server cannot tell whether an answer was used before")
	}
	until := time.UnixMilli(c.Until)
	return s.Once.First(ctx, kind, c.Challenge, until.Add(-CeremonyLife), until)
}

// member is a user of one organization as WebAuthn sees it. Its handle is the
// membership: of several in one authenticator none takes another's place.
type member struct {
	id, name, shown string
	passkeys        []webauthn.Credential
}

func (m *member) WebAuthnID() []byte                         { return []byte(m.id) }
func (m *member) WebAuthnName() string                       { return m.name }
func (m *member) WebAuthnDisplayName() string                { return m.shown }
func (m *member) WebAuthnCredentials() []webauthn.Credential { return m.passkeys }

func memberOf(h *access.Holder, passkeys []access.Passkey) (*member, error) {
	m := &member{id: h.Membership.ID, name: h.User.Email, shown: h.User.Name}
	if m.name == "" {
		m.name = h.User.ID
	}
	if m.shown == "" {
		m.shown = m.name
	}
	m.name += " (" + h.Organization.Slug + ")"
	for _, p := range passkeys {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(p.Credential), &c); err != nil {
			return nil, err
		}
		c.ID, c.Authenticator.SignCount = p.CredentialID, uint32(p.Counter)
		m.passkeys = append(m.passkeys, c)
	}
	return m, nil
}

// BeginEnrolment begins to enrol a passkey for the user of a pass, which must be
// fresh and whole. Codes: fresh_login_required, whole_login_required (403),
// passkeys_off (404).
func (s *Service) BeginEnrolment(ctx context.Context, t *access.Token) (Ceremony, error) {
	m, err := s.enrols(ctx, t)
	if err != nil {
		return Ceremony{}, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range m.passkeys {
		known = append(known, c.Descriptor())
	}
	creation, session, err := s.Passkeys.rp.BeginRegistration(m, webauthn.WithExclusions(known))
	if err != nil {
		return Ceremony{}, err
	}
	return s.Passkeys.write(ceremony{
		Challenge: session.Challenge, OrganizationID: t.OrganizationID, UserID: t.UserID, Until: s.Now().Add(CeremonyLife).UnixMilli(),
	}, enrolment, creation.Response)
}

// enrols is the user of a pass that may enrol a passkey, with those it has.
func (s *Service) enrols(ctx context.Context, t *access.Token) (*member, error) {
	if !s.LogsInByPasskey() {
		return nil, errNoPasskeys
	}
	now := s.Now()
	if err := s.freshLogin(ctx, t, now); err != nil {
		return nil, err
	}
	h, err := s.Logins.Sessions.HolderByLogin(ctx, access.Session{OrganizationID: t.OrganizationID, UserID: t.UserID})
	if err != nil {
		return nil, err
	}
	if err := s.wholeLogin(ctx, t, h, now); err != nil {
		return nil, err
	}
	passkeys, err := s.Passkeys.store.PasskeysOfMember(ctx, t.OrganizationID, t.UserID)
	if err != nil {
		return nil, err
	}
	return memberOf(h, passkeys)
}

// freshLogin holds that somebody proved to be the user a moment ago. A pass that was
// renewed, refreshed or narrowed says only that somebody did once.
func (s *Service) freshLogin(ctx context.Context, t *access.Token, now time.Time) error {
	since := t.IssuedAt
	switch {
	case t.UserID == "" || t.Subject != t.UserID || len(t.Actors) > 0 || len(t.Family) != 1 || t.Head() != t.ID:
		return errNotFresh
	case strings.HasPrefix(t.Via, "ses_"):
		n, err := s.Logins.Sessions.Session(ctx, t.Via)
		if errors.Is(err, access.ErrNotFound) {
			return errNotFresh
		}
		if err != nil {
			return err
		}
		since = n.Created
	case t.Via != "" || t.KeyID == "":
		return errNotFresh
	}
	if now.Sub(since) > FreshLogin {
		return errNotFresh
	}
	return nil
}

// wholeLogin holds that a pass, and what it was made of, may do whatever a login by
// passkey may: else a narrow key would get more than it has.
func (s *Service) wholeLogin(ctx context.Context, t *access.Token, user *access.Holder, now time.Time) error {
	all := s.authority(user)
	if _, ok := t.Authority.Scopes.IncludesSet(all.Scopes); !ok {
		return errNotWhole
	}
	if slices.ContainsFunc(all.Roles, func(r access.Role) bool { return !access.HoldsRole(t.Authority.Roles, r) }) {
		return errNotWhole
	}
	if !slices.ContainsFunc(t.Authority.Audiences, func(a access.Audience) bool {
		return a.OrganizationID == t.OrganizationID && a.ApplicationID == ""
	}) {
		return errNotWhole
	}
	if t.KeyID == "" {
		return nil
	}
	h, err := s.holderOf(ctx, t.Source, now)
	if err != nil {
		return err
	}
	if h.userGroup || h.signs || !h.expires.IsZero() || !h.authority.Everywhere {
		return errNotWhole
	}
	return nil
}

// FinishEnrolment checks a browser's answer and returns the passkey to be kept, which
// has no id yet. Codes: those of [Service.BeginEnrolment], passkey_ceremony (422).
func (s *Service) FinishEnrolment(ctx context.Context, t *access.Token, text string, answer []byte) (access.Passkey, error) {
	m, err := s.enrols(ctx, t)
	if err != nil {
		return access.Passkey{}, err
	}
	c, ok := s.Passkeys.open(text, enrolment, s.Now())
	if !ok {
		return access.Passkey{}, errCeremony
	}
	first, err := s.spend(ctx, c, enrolment)
	if err != nil {
		return access.Passkey{}, err
	}
	if !first || c.OrganizationID != t.OrganizationID || c.UserID != t.UserID {
		return access.Passkey{}, errCeremony
	}
	response, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return access.Passkey{}, errCeremony.Because(err)
	}
	made, err := s.Passkeys.rp.CreateCredential(m, webauthn.SessionData{
		Challenge: c.Challenge, UserID: m.WebAuthnID(), UserVerification: protocol.VerificationRequired, CredParams: webauthn.CredentialParametersDefault(),
	}, response)
	if err != nil {
		return access.Passkey{}, errCeremony.Because(err)
	}
	p := access.Passkey{OrganizationID: t.OrganizationID, UserID: t.UserID, CredentialID: made.ID, Counter: int64(made.Authenticator.SignCount)}
	if p.Credential, err = credentialText(*made); err != nil {
		return access.Passkey{}, err
	}
	if len(p.Credential) > maxCredential {
		return access.Passkey{}, errCeremony.Because(errors.New("the passkey is too long"))
	}
	return p, nil
}

// maxCredential bounds what is kept of a passkey, in bytes, and so how long it takes to check its signatures.
const maxCredential = 4 << 10

// credentialText is what is kept of a credential: who made the authenticator was not
// asked for.
func credentialText(c webauthn.Credential) (string, error) {
	c.Attestation = webauthn.CredentialAttestation{}
	text, err := json.Marshal(c)
	return string(text), err
}

// BeginPasskeyLogin begins a login by a passkey, whosever it is.
func (s *Service) BeginPasskeyLogin() (Ceremony, error) {
	if !s.LogsInByPasskey() {
		return Ceremony{}, errNoPasskeys
	}
	assertion, session, err := s.Passkeys.rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	return s.Passkeys.write(ceremony{Challenge: session.Challenge, Until: s.Now().Add(CeremonyLife).UnixMilli()}, login, assertion.Response)
}

// passkeyProof proves by a passkey's answer to a challenge. It is made by
// [Service.PasskeyLogin] alone, which keeps the session that it names.
type passkeyProof struct {
	ceremony string
	answer   []byte
	session  access.Session

	passkey access.Passkey // as it is after the proof
	counter int64          // as it was before
}

// account is empty: nobody guesses a signature.
func (p *passkeyProof) account() string { return "" }

func (p *passkeyProof) prove(ctx context.Context, s *Service, _ Client, now time.Time) (*principal, error) {
	c, ok := s.Passkeys.open(p.ceremony, login, now)
	response, malformed := protocol.ParseCredentialRequestResponseBytes(p.answer)
	if !ok || malformed != nil {
		return nil, errPasskey
	}
	known, err := s.Passkeys.store.PasskeyByCredential(ctx, response.RawID)
	if errors.Is(err, access.ErrNotFound) {
		return nil, errPasskey
	}
	if err != nil {
		return nil, err
	}
	p.session.OrganizationID, p.session.UserID = known.OrganizationID, known.UserID
	holder, err := s.Logins.Sessions.HolderByLogin(ctx, p.session)
	if err != nil {
		return nil, err
	}
	used, err := p.check(s.Passkeys.rp, c, response, holder, known)
	if err != nil {
		return nil, err
	}
	first, err := s.spend(ctx, c, login)
	if err == nil && !first {
		err = errPasskey
	}
	if err == nil {
		err = p.recount(used, known)
	}
	if err != nil {
		return nil, err
	}
	h := s.keep(holder)
	if err := h.live(now); err != nil {
		return nil, err
	}
	return &principal{holder: h, subject: h.userID, authority: h.authority}, nil
}

func (p *passkeyProof) check(rp *webauthn.WebAuthn, c ceremony, response *protocol.ParsedCredentialAssertionData, holder *access.Holder, known access.Passkey) (*webauthn.Credential, error) {
	m, err := memberOf(holder, []access.Passkey{known})
	if err != nil {
		return nil, err
	}
	used, err := rp.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return m, nil }, webauthn.SessionData{
		Challenge: c.Challenge, UserVerification: protocol.VerificationRequired,
	}, response)
	if err != nil {
		return nil, errPasskey.(*access.Error).Because(&falseProof{organizationID: known.OrganizationID, userID: known.UserID, name: known.ID})
	}
	return used, nil
}

// recount notes how often the passkey has signed by now, which a copy of it does not know.
func (p *passkeyProof) recount(used *webauthn.Credential, known access.Passkey) (err error) {
	if used.Authenticator.CloneWarning {
		return errPasskeyAgain.Because(&falseProof{organizationID: known.OrganizationID, userID: known.UserID, name: known.ID})
	}
	p.counter, p.passkey = known.Counter, known
	p.passkey.Counter = int64(used.Authenticator.SignCount)
	p.passkey.Credential, err = credentialText(*used)
	return err
}

// PasskeyLogin takes a browser's answer to [Service.BeginPasskeyLogin] for a pass and
// a refresh token, as [Service.Login] does a password. Codes: passkey_invalid,
// passkey_counter (401), passkeys_off (404).
func (s *Service) PasskeyLogin(ctx context.Context, text string, answer []byte, client Client) (*LoggedIn, error) {
	if !s.LogsInByPasskey() {
		return nil, errNoPasskeys
	}
	proof := &passkeyProof{ceremony: text, answer: answer, session: s.newSession(client)}
	return s.openLogin(ctx, proof, &proof.session, func(hash [32]byte, n access.Session) error {
		err := s.Passkeys.store.OpenPasskeySession(ctx, proof.passkey, proof.counter, hash, n)
		if errors.Is(err, access.ErrNotFound) {
			return errPasskey // it was deleted, or used elsewhere, this very moment
		}
		return err
	}, client)
}
