package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
)

// Sessions keeps logins. What does not exist is [access.ErrNotFound].
type Sessions interface {
	PasswordsByLogin(ctx context.Context, login string) ([]access.Password, error)
	Places(ctx context.Context, userID string) ([]access.Place, error)
	HolderByLogin(ctx context.Context, n access.Session) (*access.Holder, error)
	Rehash(ctx context.Context, userID, old, hash string) error
	Session(ctx context.Context, id string) (access.Session, error)
	OpenSession(ctx context.Context, passwordHash string, hash [32]byte, n access.Session) error
	SessionByRefresh(ctx context.Context, hash [32]byte) (n access.Session, spent bool, err error)
	RotateSession(ctx context.Context, old, next [32]byte, n access.Session) (won bool, err error)
}

// Logins is what logins by password need beside the rest. Zero lives mean the defaults.
type Logins struct {
	Sessions Sessions
	Hasher   *seal.Hasher

	// EndSession ends a session and its passes for good, in a change.
	EndSession func(ctx context.Context, n access.Session, reason string, client Client) error

	PassLife time.Duration // of one pass; 1 h
	Idle     time.Duration // a session ends when it is not used for so long; 30 days
	Life     time.Duration // and after so long at the latest; 90 days
}

// Login is a user's name and password, as typed.
type Login struct {
	Username     string // an e-mail address
	Password     string
	Organization string // slug or id; empty where the user is in one alone
}

// LoggedIn is the answer to a login or a refresh: a pass, and the text that gets
// the next one.
type LoggedIn struct {
	*Grant
	RefreshToken     string // shown this once
	RefreshExpiresIn int64  // seconds, unless it is used before
	SessionID        string
}

var (
	errNoLogins = access.New(access.NotFound, "logins_off", "nobody logs in with a password at this server; exchange a key instead")
	errLogin    = refute("login_invalid", "the user name or the password is wrong")
	errRefresh  = refute("refresh_token_invalid", "this refresh token is not valid, or its session has ended; log in again")
	errReused   = access.New(access.Unauthenticated, "refresh_token_reused", "this refresh token was used before, so somebody else may have it: the whole session has ended; log in again")
	errOver     = access.New(access.Unauthenticated, "session_expired", "this session has ended; log in again")
)

// busy is the error for passwords that cannot be checked now.
func busy(err error) error {
	if !errors.Is(err, seal.ErrBusy) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := access.New(access.Unavailable, "busy", "too many people log in at once; try again in a moment").Because(err)
	e.RetryAfter = 2 * time.Second
	return e
}

// loginProof proves by a password. It is made by [Service.Login] alone, which keeps
// the session that it names.
type loginProof struct {
	login    Login
	name     string          // as it is counted where nobody has it
	password access.Password // that it is held against; none where nobody has the name
	session  access.Session
	verified string // the hash that the password was right for
}

// account is whose password is guessed at, whatever the spelling of the name. Two
// organizations may have given one name to different users: a proof of the one's
// password forgives no guesses at the other's. Names that nobody has, or can have,
// are bounded alike.
func (p *loginProof) account() string {
	if p.password.UserID == "" {
		return loginName(p.name)
	}
	return userAccount(p.password.UserID)
}

func userAccount(userID string) string { return "user:" + userID }

func loginName(name string) string { return "login:" + name }

func (p *loginProof) prove(ctx context.Context, s *Service, _ Client, now time.Time) (_ *principal, err error) {
	found := p.password
	if p.verified, err = s.verify(ctx, p.login.Password, found); err != nil {
		return nil, err
	}
	place, err := s.place(ctx, found.UserID, p.login.Organization)
	if err != nil {
		return nil, err
	}
	p.session.UserID, p.session.OrganizationID = found.UserID, place.OrganizationID
	holder, err := s.Logins.Sessions.HolderByLogin(ctx, p.session)
	if err != nil {
		return nil, err
	}
	h := s.keep(holder)
	if err := h.live(now); err != nil {
		return nil, err
	}
	return &principal{holder: h, subject: h.userID, authority: h.authority}, nil
}

// named reads the name of a login, and finds its password. A text that is no name
// stays as it is.
func (s *Service) named(ctx context.Context, login Login) (name string, found access.Password, err error) {
	name, err = seal.CanonicalLogin(login.Username)
	if err != nil {
		return login.Username, access.Password{}, nil
	}
	found, err = s.passwordOf(ctx, name, login.Organization)
	return name, found, err
}

// passwordOf finds the password that a name goes with. Several organizations may
// have given one name to different users: then the organization tells which is
// meant, or else the first one is. Where there is none, the hash is empty.
func (s *Service) passwordOf(ctx context.Context, name, organization string) (access.Password, error) {
	list, err := s.Logins.Sessions.PasswordsByLogin(ctx, name)
	if err != nil || len(list) == 0 {
		return access.Password{}, err
	}
	if len(list) == 1 || organization == "" {
		return list[0], nil
	}
	for _, p := range list {
		places, err := s.Logins.Sessions.Places(ctx, p.UserID)
		if err != nil {
			return access.Password{}, err
		}
		if slices.ContainsFunc(places, func(at access.Place) bool { return isPlace(at, organization) }) {
			return p, nil
		}
	}
	return list[0], nil
}

func isPlace(at access.Place, organization string) bool {
	return at.Organization == organization || at.OrganizationID == organization
}

// verify checks a password at the same cost whether or not there is one to check
// it against, and tells nothing but right or wrong. It returns the hash that is
// kept of it from now on.
func (s *Service) verify(ctx context.Context, password string, against access.Password) (hash string, err error) {
	right, stale, err := s.Logins.Hasher.Verify(ctx, password, against.Hash)
	if err != nil {
		return "", busy(err)
	}
	if !right {
		return "", errLogin.(*access.Error).Because(&falseProof{organizationID: against.OrganizationID, userID: against.UserID, name: loginName(against.Login)})
	}
	if !stale {
		return against.Hash, nil
	}
	// The cost was raised since. If that cannot be done now, the next login tries again.
	raised, err := s.Logins.Hasher.Hash(ctx, password)
	if err != nil || s.Logins.Sessions.Rehash(ctx, against.UserID, against.Hash, raised) != nil {
		return against.Hash, nil
	}
	return raised, nil
}

// place is where a user who has proved itself logs in.
func (s *Service) place(ctx context.Context, userID, organization string) (access.Place, error) {
	places, err := s.Logins.Sessions.Places(ctx, userID)
	if err != nil {
		return access.Place{}, err
	}
	if organization != "" {
		for _, at := range places {
			if isPlace(at, organization) {
				return at, nil
			}
		}
		return access.Place{}, access.New(access.Forbidden, "not_a_member", "you are no member of this organization").At("/organization")
	}
	active := slices.DeleteFunc(slices.Clone(places), func(at access.Place) bool { return !at.Active })
	switch {
	case len(active) == 1:
		return active[0], nil
	case len(places) == 0:
		return access.Place{}, access.New(access.Forbidden, "not_a_member", "you are no member of any organization")
	case len(active) == 0:
		return places[0], nil // which says what is not active
	}
	slugs := make([]string, len(active))
	for i, at := range active {
		slugs[i] = at.Organization
	}
	return access.Place{}, malformed("organization_required", fmt.Sprintf("you are in several organizations; name one as organization: %s", strings.Join(slugs, ", ")), "/organization")
}

// Login takes a user's name and password for a pass and a refresh token. Errors
// are as of [Service.Exchange], and: login_invalid (401) for a wrong name or
// password, which is not told apart; organization_required (400), not_a_member
// (403); busy (503); logins_off (404).
func (s *Service) Login(ctx context.Context, login Login, client Client) (*LoggedIn, error) {
	if s.Logins == nil {
		return nil, errNoLogins
	}
	if s.Logins.Hasher.Full() {
		return nil, busy(seal.ErrBusy)
	}
	name, found, err := s.named(ctx, login)
	if err != nil {
		return nil, err
	}
	proof := &loginProof{login: login, name: name, password: found, session: s.newSession(client)}
	return s.openLogin(ctx, proof, &proof.session, func(hash [32]byte, n access.Session) error {
		err := s.Logins.Sessions.OpenSession(ctx, proof.verified, hash, n)
		if errors.Is(err, access.ErrNotFound) {
			return errLogin // the password was changed this very moment
		}
		return err
	}, client)
}

// newSession is the session of a login that is about to be proved.
func (s *Service) newSession(client Client) access.Session {
	now := s.Now()
	return access.Session{
		ID: s.NewID("ses"), Created: now, Expires: now.Add(s.Logins.Life), Idle: now.Add(min(s.Logins.Idle, s.Logins.Life)), LastUse: client.use(now),
		Confirmation: client.Confirmation, // RFC 9449, section 5: its refresh tokens are bound like its passes
	}
}

// openLogin exchanges the proof of a login, which completes the session, and has that
// opened with the hash of its first refresh token.
func (s *Service) openLogin(ctx context.Context, proof Proof, session *access.Session, open func(hash [32]byte, n access.Session) error, client Client) (*LoggedIn, error) {
	grant, err := s.Exchange(ctx, proof, sessionWish(), client)
	if err != nil {
		return nil, err
	}
	n, text := *session, seal.NewRefreshToken()
	n.Lives = grant.Token.Authority.NotAfter
	if err := open(s.KeyHash(text), n); err != nil {
		return nil, err
	}
	return loggedIn(grant, text, n, n.Created), nil
}

// sessionWish asks for all that the session may: what is narrower is had of the
// pass. It is not renewable: its refresh token is what gets the next.
func sessionWish() Wish {
	never := false
	return Wish{Renewable: &never}
}

func loggedIn(grant *Grant, text string, n access.Session, now time.Time) *LoggedIn {
	return &LoggedIn{Grant: grant, RefreshToken: text, SessionID: n.ID, RefreshExpiresIn: int64(earlier(n.Idle, n.Expires).Sub(now) / time.Second)}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// CheckPassword checks a user's own password once more, within the limits on
// guessing. It returns the hash that it was checked against.
func (s *Service) CheckPassword(ctx context.Context, p access.Password, password string, client Client) (string, error) {
	if s.Logins == nil {
		return "", errNoLogins
	}
	hash := ""
	err := s.Guarded(userAccount(p.UserID), client, func() (err error) {
		hash, err = s.verify(ctx, password, p)
		return err
	})
	return hash, err
}

// Guarded runs what checks a secret of an account, empty for a secret that names
// its owner and is too long to be guessed, within the limits on guessing. An error
// of kind Unauthenticated counts as a guess.
func (s *Service) Guarded(account string, client Client, check func() error) error {
	now := s.Now()
	return s.guarded(account, client, now, func() error {
		err := check()
		if err != nil && access.AsError(err).Kind == access.Unauthenticated && !errors.Is(err, errFalse) {
			return &blamed{err}
		}
		return err
	})
}

// GuardedCode is [Service.Guarded] for what anybody can have a right answer to: that
// one forgives no wrong ones.
func (s *Service) GuardedCode(account string, client Client, check func() error) error {
	err := s.Guarded(account, client, func() error {
		if err := check(); err != nil {
			return err
		}
		return errRightCode
	})
	if errors.Is(err, errRightCode) {
		return nil
	}
	return err
}

var errRightCode = errors.New("the code is right")

// Vouch notes that a user was proved by other means than the password, as by a link
// that was sent to it: it may go on from there.
func (s *Service) Vouch(userID string, client Client) {
	if s.Guesses != nil {
		s.Guesses.Vouched(userAccount(userID), client.Address)
	}
}
