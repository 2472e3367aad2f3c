package admin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// Mail sends one message in plain text, later.
type Mail interface {
	Send(to, subject, text string) error
}

// Passwords is what passwords and the links that set them need beside the rest.
type Passwords struct {
	Hasher *seal.Hasher
	Mail   Mail   // nil: links are shown to whoever makes them
	URL    string // of this server, as people reach it; links are made from it alone

	Invite time.Duration // how long an invitation is good; 7 days
	Reset  time.Duration // how long a reset is; 1 h
}

// MadeLink is a link to set a password, on its way.
type MadeLink struct {
	Kind    access.LinkKind
	SentTo  string // the address it was mailed to; empty: no mail is set up
	Link    string // shown this once, and only where no mail is set up
	Expires time.Time
}

var (
	errNoPasswords   = access.New(access.NotFound, "logins_off", "nobody logs in with a password at this server")
	errLinkInvalid   = access.New(access.Unauthenticated, "link_invalid", "this link is not valid: it was used, has expired, or was replaced by a newer one; ask for another")
	errNoPassword    = access.New(access.Conflict, "no_password", "you have no password yet: ask who manages your organization for an invitation")
	errNotYourOwn    = access.New(access.Forbidden, "own_password_only", "a password is set by its user alone; send an invitation or a reset instead")
	errMemberships   = access.New(access.Forbidden, "profile_foreign", "this user is a member of other organizations too, where the password would open doors as well: let the user ask for a reset, or an administrator send one")
	errStalePassword = access.New(access.Conflict, "password_changed", "the password was changed in the meantime; try again")
)

// badPassword is the error for a password that breaks a rule.
func badPassword(err error) error {
	if why := seal.PasswordError(""); errors.As(err, &why) {
		return access.New(access.Invalid, "password_unsuitable", why.Error()).At("/password")
	}
	return err
}

// hashError is the error for a password that cannot be hashed now.
func hashError(err error) error {
	if !errors.Is(err, seal.ErrBusy) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := access.New(access.Unavailable, "busy", "too many passwords are being checked; try again in a moment").Because(err)
	e.RetryAfter = 2 * time.Second
	return e
}

// expected are words that the user's password must not be made of.
func expected(user access.User, login string, places []access.Place) []string {
	words := []string{user.Name, user.Email, login, "daypass"}
	for _, at := range places {
		words = append(words, at.Organization)
	}
	return words
}

// hash checks a new password and makes what is kept of it.
func (s *Service) hash(ctx context.Context, user access.User, login, password string) (string, error) {
	places, err := s.store.Places(ctx, user.ID)
	if err != nil {
		return "", err
	}
	if err := seal.CheckPassword(password, expected(user, login, places)...); err != nil {
		return "", badPassword(err)
	}
	hash, err := s.passwords.Hasher.Hash(ctx, password)
	return hash, hashError(err)
}

// OwnPassword is what is kept of the caller's own password, to be checked before
// [Service.SetPassword]. Code no_password (409).
func (s *Service) OwnPassword(ctx context.Context, caller *access.Caller, org, user string) (access.Password, error) {
	if s.passwords == nil {
		return access.Password{}, errNoPasswords
	}
	g, err := s.authorize(ctx, s.store, caller, opSetPassword, org)
	if err != nil {
		return access.Password{}, err
	}
	if _, _, err := s.member(ctx, s.store, g, user); err != nil {
		return access.Password{}, err
	}
	if user != caller.UserID {
		return access.Password{}, errNotYourOwn
	}
	p, err := s.store.Password(ctx, user)
	if errors.Is(err, access.ErrNotFound) {
		return p, errNoPassword
	}
	return p, err
}

// SetPassword replaces the caller's own password, of which the old one was checked
// against the given hash, and ends all its sessions. Codes: password_unsuitable
// (422), password_changed (409), busy (503).
func (s *Service) SetPassword(ctx context.Context, caller *access.Caller, org, user, checked, password string) error {
	old, err := s.OwnPassword(ctx, caller, org, user)
	if err != nil {
		return err
	}
	owner, err := s.store.User(ctx, user)
	if err != nil {
		return err
	}
	hash, err := s.hash(ctx, owner, old.Login, password)
	if err != nil {
		return err
	}
	return s.change(ctx, caller, opSetPassword, org, func(tx *store.Tx, g *grant) error {
		now, err := tx.Password(ctx, user)
		if err != nil {
			return err
		}
		if now.Hash != checked {
			return errStalePassword
		}
		now.Hash, now.Changed = hash, s.stamp()
		ended, err := s.putPassword(ctx, tx, now)
		if err != nil {
			return err
		}
		return tx.Record("password.changed", g.org.ID, user, map[string]any{"sessions_ended": ended})
	})
}

// putPassword writes a password, and ends every session and link of its user.
func (s *Service) putPassword(ctx context.Context, tx *store.Tx, p access.Password) (ended int, err error) {
	if err := tx.PutPassword(p); err != nil {
		return 0, taken(err, "login_taken", "another user of this organization logs in by this name", "/email")
	}
	if err := tx.DeletePasswordLinks(p.UserID); err != nil {
		return 0, err
	}
	return s.endSessions(ctx, tx, p.UserID, "password_changed")
}

// LinkPassword makes a link by which a user sets a password, once, and mails it to
// the address in its profile; without mail it is shown to the caller. Earlier links
// of the user end. Codes: email_missing (422), profile_foreign, role_exceeded (403).
func (s *Service) LinkPassword(ctx context.Context, caller *access.Caller, org, user string, kind access.LinkKind) (MadeLink, error) {
	if s.passwords == nil {
		return MadeLink{}, errNoPasswords
	}
	op := opInviteUser
	if kind == access.PasswordReset {
		op = opResetPassword
	}
	var link draftLink
	err := s.change(ctx, caller, op, org, func(tx *store.Tx, g *grant) error {
		owner, _, err := s.member(ctx, tx, g, user)
		if err != nil {
			return err
		}
		if err := s.mayManageUser(ctx, tx, g, user); err != nil {
			return err
		}
		places, err := tx.Places(ctx, user)
		if err != nil {
			return err
		}
		if len(places) > 1 && !g.isAdministrator() {
			return errMemberships
		}
		if owner.Email == "" {
			return access.New(access.Invalid, "email_missing", "this user has no e-mail address to log in by; give it one first").At("/email")
		}
		login, err := seal.CanonicalLogin(owner.Email)
		if err != nil {
			return access.New(access.Invalid, "email_missing", "the user's e-mail address cannot be a login name: "+err.Error()).At("/email")
		}
		link = s.draftLink(owner, access.PasswordLink{
			UserID: user, OrganizationID: g.org.ID, Kind: kind, Login: login, Alone: !g.isAdministrator(),
		}, shownName(g.org))
		if err := s.putLink(tx, link); err != nil {
			return err
		}
		action := "user.invited"
		if kind == access.PasswordReset {
			action = "password.reset_sent"
		}
		return tx.Record(action, g.org.ID, user, map[string]any{"expires": link.Expires, "mailed": s.passwords.Mail != nil})
	})
	if err != nil {
		return MadeLink{}, err
	}
	return s.sendLink(link)
}

func shownName(org access.Organization) string {
	if org.Name != "" {
		return org.Name
	}
	return org.Slug
}

// draftLink is a link with its secret.
type draftLink struct {
	access.PasswordLink
	secret string
	name   string // of the user
	org    string // shown
}

func (s *Service) draftLink(owner access.User, l access.PasswordLink, org string) draftLink {
	l.Created = s.stamp()
	l.Expires = l.Created.Add(s.passwords.Invite)
	if l.Kind == access.PasswordReset {
		l.Expires = l.Created.Add(s.passwords.Reset)
	}
	return draftLink{PasswordLink: l, secret: seal.NewLinkSecret(), name: owner.Name, org: org}
}

func (s *Service) putLink(tx *store.Tx, l draftLink) error {
	return errors.Join(tx.DeletePasswordLinks(l.UserID), tx.InsertPasswordLink(s.sealer.KeyHash(l.secret), l.PasswordLink))
}

// sendLink mails a link, or shows it where no mail is set up.
func (s *Service) sendLink(l draftLink) (MadeLink, error) {
	made := MadeLink{Kind: l.Kind, Expires: l.Expires}
	where := s.passwords.URL + PasswordPath + "?token=" + url.QueryEscape(l.secret)
	if s.passwords.Mail == nil {
		made.Link = where
		return made, nil
	}
	made.SentTo = l.Login
	subject, text := l.letter(where)
	return made, s.passwords.Mail.Send(l.Login, subject, text)
}

// PasswordPath is where a link leads.
const PasswordPath = "/auth/password"

// letter is what a link is sent with. Names were checked to have no line breaks.
func (l draftLink) letter(where string) (subject, text string) {
	greeting := "Hello,"
	if l.name != "" {
		greeting = "Hello " + l.name + ","
	}
	until := l.Expires.UTC().Format("2 January 2006, 15:04 UTC")
	if l.Kind == access.Invitation {
		return "Your invitation to " + l.org, strings.Join([]string{
			greeting, "", "you were invited to " + l.org + ". Choose a password here to log in:", "", where, "",
			"The link works once, until " + until + ". Your user name is " + l.Login + ".", "",
			"If you did not expect this, do nothing: without the link nothing happens.", "",
		}, "\n")
	}
	return "Set a new password for " + l.org, strings.Join([]string{
		greeting, "", "somebody, probably you, asked for a new password for " + l.org + ". Choose it here:", "", where, "",
		"The link works once, until " + until + ". Setting a password logs you out everywhere.", "",
		"If it was not you, do nothing: your password stays as it is.", "",
	}, "\n")
}

// resetPause is how long a user waits for the next reset that it asked for itself.
const resetPause = 5 * time.Minute

// QueueReset has [Service.RunResets] make a reset. The answer tells nothing of whether there is such a user, and neither
// does the time it takes. Code busy (503).
func (s *Service) QueueReset(name, requestID string) error {
	if s.passwords == nil {
		return errNoPasswords
	}
	login, err := seal.CanonicalLogin(name)
	if err != nil || s.passwords.Mail == nil {
		return nil
	}
	select {
	case s.resets <- resetRequest{login, requestID}:
		return nil
	default:
		return hashError(seal.ErrBusy)
	}
}

type resetRequest struct{ login, requestID string }

// RunResets makes the resets that users asked for themselves, until ctx ends.
func (s *Service) RunResets(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-s.resets:
			if err := s.RequestReset(ctx, r.login, r.requestID); err != nil && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "a reset could not be made", "request_id", r.requestID, "error", err.Error())
			}
		}
	}
}

// RequestReset mails a reset to everyone who logs in by a canonical name, at that
// very address, which had proved to be theirs when they set their password. Of a
// name nobody has, nothing comes. Call it where nobody waits for it.
func (s *Service) RequestReset(ctx context.Context, login, requestID string) error {
	if s.passwords == nil || s.passwords.Mail == nil {
		return nil
	}
	found, err := s.store.PasswordsByLogin(ctx, login)
	if err != nil {
		return err
	}
	for _, p := range found {
		if err := s.requestReset(ctx, p, requestID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) requestReset(ctx context.Context, p access.Password, requestID string) error {
	owner, err := s.store.User(ctx, p.UserID)
	if err != nil || !owner.Active {
		return ignoreGone(err)
	}
	org, err := s.store.Organization(ctx, p.OrganizationID)
	if err != nil || !org.Active {
		return ignoreGone(err)
	}
	last, err := s.store.LatestPasswordLink(ctx, p.UserID, s.now())
	if err != nil || s.now().Sub(last) < resetPause {
		return err
	}
	link := s.draftLink(owner, access.PasswordLink{UserID: p.UserID, OrganizationID: p.OrganizationID, Kind: access.PasswordReset, Login: p.Login}, shownName(org))
	err = s.commit(ctx, access.Actor{}, requestID, func(tx *store.Tx) error {
		if err := s.putLink(tx, link); err != nil {
			return err
		}
		return tx.Record("password.reset_requested", p.OrganizationID, p.UserID, map[string]any{"expires": link.Expires})
	})
	if err != nil {
		return err
	}
	_, err = s.sendLink(link)
	return err
}

func ignoreGone(err error) error {
	if errors.Is(err, access.ErrNotFound) {
		return nil
	}
	return err
}

// PasswordLink tells what a link is for, without using it up. Code link_invalid (401).
func (s *Service) PasswordLink(ctx context.Context, secret string) (access.PasswordLink, error) {
	if s.passwords == nil {
		return access.PasswordLink{}, errNoPasswords
	}
	var hash [32]byte
	if seal.IsLinkSecret(secret) { // else the hash of nothing, which is nobody's
		hash = s.sealer.KeyHash(secret)
	}
	l, err := s.store.PasswordLink(ctx, hash, s.now())
	if errors.Is(err, access.ErrNotFound) {
		return l, errLinkInvalid
	}
	return l, err
}

// UsePasswordLink sets the password of whoever a link is for, and ends all the
// user's sessions. Of any number who use it at once, one does. A password that
// breaks a rule leaves the link good. Codes: link_invalid (401),
// password_unsuitable (422), login_taken (409), busy (503).
func (s *Service) UsePasswordLink(ctx context.Context, secret, password string, from access.Actor, requestID string) (access.PasswordLink, error) {
	l, err := s.PasswordLink(ctx, secret)
	if err != nil {
		return l, err
	}
	owner, err := s.store.User(ctx, l.UserID)
	if err != nil {
		return l, voidIfGone(err)
	}
	hash, err := s.hash(ctx, owner, l.Login, password)
	if err != nil {
		return l, err
	}
	from.UserID = l.UserID
	return l, s.commit(ctx, from, requestID, func(tx *store.Tx) error {
		if err := tx.TakePasswordLink(s.sealer.KeyHash(secret)); err != nil {
			return voidIfGone(err)
		}
		home, err := s.mayUseLink(ctx, tx, l)
		if err != nil {
			return err
		}
		ended, err := s.putPassword(ctx, tx, access.Password{UserID: l.UserID, OrganizationID: home, Login: l.Login, Hash: hash, Changed: s.stamp()})
		if err != nil {
			return err
		}
		return tx.Record("password.set", l.OrganizationID, l.UserID, map[string]any{"by": l.Kind, "sessions_ended": ended})
	})
}

// voidIfGone says of a link whose row or user is gone that it is not valid. Of a
// store that fails it says nothing: the link may be good.
func voidIfGone(err error) error {
	if errors.Is(err, access.ErrNotFound) {
		return errLinkInvalid.Because(err)
	}
	return err
}

// mayUseLink holds a link against what its user is now: an address that is the
// user's no more, and a place in another organization that was given since, void
// it. It returns the organization that manages the user.
func (s *Service) mayUseLink(ctx context.Context, tx *store.Tx, l access.PasswordLink) (home string, err error) {
	user, err := tx.User(ctx, l.UserID)
	if err != nil {
		return "", voidIfGone(err)
	}
	if !user.Active {
		return "", errLinkInvalid
	}
	places, err := tx.Places(ctx, l.UserID)
	if err != nil {
		return "", err
	}
	if len(places) == 0 || l.Alone && len(places) > 1 {
		return "", errLinkInvalid
	}
	email, _ := seal.CanonicalLogin(user.Email)
	old, err := tx.Password(ctx, l.UserID)
	if ignoreGone(err) != nil {
		return "", err
	}
	if l.Login != email && l.Login != old.Login {
		return "", errLinkInvalid.Because(fmt.Errorf("the user's address was changed"))
	}
	return places[0].OrganizationID, nil
}
