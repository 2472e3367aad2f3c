package gate

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/verify"
)

// Request is what a door knows of a request, free of its own wire.
type Request struct {
	Method  string // as sent; methods are case-sensitive (RFC 9110 section 9.1)
	Host    string // lower case, without port
	Path    catalog.Path
	Address netip.Addr // of the client; the zero Addr is unknown, and outside every network
	// Application is "organization/application" where the door knows it already;
	// host and path then play no part in finding it.
	Application string
	// Length of the body in bytes, as announced; -1: it is not.
	Length int64
	// GraphQL is the operation in the request, as the resource's
	// [catalog.GraphQL.Read] returned it; nil: there is none, or it was not read.
	GraphQL *catalog.Operation
	// Signed is who signed the request, as the door found out; nil: it did not look.
	Signed *Signed

	// Confirmation is the thumbprint (RFC 7638) of the key that the sender has
	// proved to hold, for this very request and pass; empty: none.
	Confirmation string
	// Disproof is why what was shown to prove a key proves nothing; nil: it does, or
	// nothing was shown.
	Disproof error

	then *Reason // in a replay: what kept the pass from being good then; empty: nothing
}

// Reason says why a request is allowed or denied. The texts are stable: they
// are metric labels, problem codes and what scripts match on.
type Reason string

const (
	Allowed           Reason = "allowed"
	Public            Reason = "public"
	NoApplication     Reason = "no_application"
	NoRule            Reason = "no_rule"
	TokenMissing      Reason = "token_missing"
	TokenInvalid      Reason = "token_invalid"
	TokenExpired      Reason = "token_expired"
	TokenNotYetValid  Reason = "token_not_yet_valid"
	TokenRevoked      Reason = "token_revoked"
	WrongAddress      Reason = "wrong_address"
	WrongOrganization Reason = "wrong_organization"
	WrongAudience     Reason = "wrong_audience"
	ScopeMissing      Reason = "scope_missing"
	RoleMissing       Reason = "role_missing"
	AddressDenied     Reason = "address_denied"
	SenderKeyMissing  Reason = "sender_key_missing"
	SenderKeyWrong    Reason = "sender_key_wrong"
	StaleView         Reason = "stale_view"

	// Said by a door, after everything else allowed.
	RateLimited   Reason = meter.RateLimited
	QuotaExceeded Reason = meter.QuotaExceeded
	BodyTooLarge  Reason = "body_too_large"

	// Of GraphQL resources.
	GraphQLUnparsed      Reason = "graphql_unparsed"
	FieldUnmapped        Reason = "field_unmapped"
	FieldRefused         Reason = "field_refused"
	IntrospectionRefused Reason = "introspection_refused"

	// Of resources that require signatures.
	SignatureRequired Reason = "signature_required"
	SignatureInvalid  Reason = "signature_invalid"
)

// Reasons lists every reason, those that allow first.
func Reasons() []Reason {
	return []Reason{
		Allowed, Public, NoApplication, NoRule, TokenMissing, TokenInvalid, TokenExpired, TokenNotYetValid, TokenRevoked,
		WrongAddress, WrongOrganization, WrongAudience, ScopeMissing, RoleMissing, AddressDenied, StaleView,
		SenderKeyMissing, SenderKeyWrong,
		RateLimited, QuotaExceeded, BodyTooLarge,
		GraphQLUnparsed, FieldUnmapped, FieldRefused, IntrospectionRefused,
		SignatureRequired, SignatureInvalid,
	}
}

// Decision is the verdict on one request. The zero value denies.
type Decision struct {
	Allow  bool
	Reason Reason

	Application *catalog.Application // nil: none was found, or it was not looked for
	Resource    *catalog.Resource    // nil: none matched, or none was looked for

	// Token is the pass that was judged. Allowed together with a Token means that
	// it passed every check; on a public resource a pass that did not is left out.
	Token *access.Token

	// Missing is the scope, or the roles any of which would do, that the token
	// lacks; else empty.
	Missing string
	// Field is the GraphQL root field the denial is about; else empty.
	Field string
	// Revoked is why the token was revoked ("key_deleted"); else empty.
	Revoked string
	// Disproof is why what was shown to prove a sender's key proves nothing; nil for
	// other reasons.
	Disproof error
	// Network is the entry that denied the address, or let it in where the
	// resource file alone does not; nil: the lists of the file decided. Callers
	// at the door are not told of it.
	Network *NetworkEntry

	// Fault is what is wrong with the request's signature; else empty.
	Fault string

	// Limited is what the limits say that apply; nil: none does.
	Limited *meter.Admission

	view       *View
	presented  *access.Token // good or not; nil: none, or none that can be read
	unreadable bool          // a pass was presented that cannot be read
}

// Status is the HTTP status of the verdict: 200, 401 (who are you), 403 (not
// that), 413 and 429 (not so much) or 503 (cannot decide safely).
func (d *Decision) Status() int {
	if d.Allow {
		return http.StatusOK
	}
	switch d.Reason {
	case TokenMissing, TokenInvalid, TokenExpired, TokenNotYetValid, TokenRevoked, WrongAddress, SenderKeyMissing, SenderKeyWrong, SignatureRequired, SignatureInvalid:
		return http.StatusUnauthorized
	case StaleView:
		return http.StatusServiceUnavailable
	case RateLimited, QuotaExceeded:
		return http.StatusTooManyRequests
	case BodyTooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusForbidden
}

// Decide judges a request with a verified token, nil for none, on a view. It is
// pure, so that the same arguments always give the same verdict, and allocates
// nothing. The order of its checks is in the package comment.
func Decide(r *Request, t *access.Token, v *View, now time.Time) Decision {
	d := Decision{view: v, presented: t}
	if !v.Fresh(now) {
		return d.deny(StaleView)
	}
	d.Application = v.Catalog.Find(r.Host, r.Path, r.Application)
	if d.Application == nil {
		return d.deny(NoApplication)
	}
	return d.within(r, t, v, now)
}

// within makes the checks from address on, in the application that was found.
func (d Decision) within(r *Request, t *access.Token, v *View, now time.Time) Decision {
	if !d.admits(r.Address, now) {
		return d.deny(AddressDenied)
	}
	d.Resource = d.Application.Match(r.Method, r.Path)
	if d.Resource == nil {
		return d.deny(NoRule)
	}
	if d.Resource.GraphQL != nil {
		return d.graphql(r, t, now)
	}
	if d.Resource.Public {
		return d.allowPublic(r, t, now)
	}
	d.Token = t
	if reason, ok := d.checkToken(r, now); !ok {
		return d.deny(reason)
	}
	return d.require(r)
}

func (d Decision) deny(reason Reason) Decision {
	d.Reason = reason
	return d
}

// allowPublic allows, and keeps the token where it is a good one: the upstream
// may greet its bearer.
func (d Decision) allowPublic(r *Request, t *access.Token, now time.Time) Decision {
	d.Token = t
	if _, ok := d.checkToken(r, now); !ok {
		d.Token, d.Revoked, d.Disproof = nil, "", nil
	}
	d.Allow, d.Reason = true, Public
	return d
}

// checkToken makes the checks from pass to audience.
func (d *Decision) checkToken(r *Request, now time.Time) (Reason, bool) {
	t := d.Token
	switch {
	case r.then != nil && *r.then == "" && d.lacksSenderKey():
		return SenderKeyMissing, false
	case r.then != nil:
		return *r.then, *r.then == ""
	case t == nil:
		return TokenMissing, false
	}
	switch verify.CheckTime(now, t.IssuedAt, t.NotBefore, t.Authority.NotAfter) {
	case nil:
	case verify.ErrNotYet:
		return TokenNotYetValid, false
	default:
		return TokenExpired, false
	}
	if d.view.Revocations.mayRefuse(t) {
		if e, revoked := d.view.Revocations.find(t, now); revoked {
			d.Revoked = e.Reason
			return TokenRevoked, false
		}
	}
	app := d.Application
	switch {
	case !t.Authority.Everywhere && !t.Authority.Networks.Contains(r.Address.WithZone("")):
		return WrongAddress, false
	}
	if reason := d.checkSender(r); reason != "" {
		return reason, false
	}
	switch {
	case t.OrganizationID != app.OrganizationID:
		return WrongOrganization, false
	case !goodFor(t.Authority.Audiences, app.Audience()):
		return WrongAudience, false
	}
	return "", true
}

func goodFor(held []access.Audience, app access.Audience) bool {
	for i := range held {
		if held[i].Covers(app) {
			return true
		}
	}
	return false
}

// require makes the checks that the resource asks for.
func (d Decision) require(r *Request) Decision {
	for _, required := range d.Resource.Scopes {
		if !d.Token.Authority.Scopes.Covers(required) {
			d.Missing = required.String()
			return d.deny(ScopeMissing)
		}
	}
	if len(d.Resource.Roles) > 0 && !holdsRole(d.Token.Authority.Roles, d.Resource.Roles, d.Resource.InAccount, d.Application) {
		d.Missing = d.Resource.RoleText()
		return d.deny(RoleMissing)
	}
	if d.Resource.Signature && r.then == nil {
		if reason, ok := d.checkSignature(r.Signed); !ok {
			return d.deny(reason)
		}
	}
	d.Allow, d.Reason = true, Allowed
	return d
}

// holdsRole reports whether any role is one that is asked for, held where it is
// asked for. Administrator is held on the platform, so anywhere; like any other
// role it counts only where it is asked for.
func holdsRole(held []access.Role, asked []string, inAccount bool, app *catalog.Application) bool {
	for i := range held {
		role := &held[i]
		if slices.Contains(asked, role.Name) && heldAt(role, inAccount, app) {
			return true
		}
	}
	return false
}

func heldAt(role *access.Role, inAccount bool, app *catalog.Application) bool {
	if role.Name == access.Administrator && role.OrganizationID == "" {
		return true
	}
	return role.OrganizationID == app.OrganizationID &&
		(inAccount || role.ApplicationID == "" || role.ApplicationID == app.ID)
}

// Identity is what the upstream is told of the caller. The zero value is an
// anonymous caller; every header is then sent empty.
type Identity struct {
	Subject      string `json:"subject"`
	Organization string `json:"organization"` // slug
	Scopes       string `json:"scopes"`       // separated by one space
	Roles        string `json:"roles"`        // separated by one space: "developer consumer@photos"
	TokenID      string `json:"token_id"`
	KeyID        string `json:"key_id"`
}

// Identity is the caller of an allowed request. It is the zero value for a
// denied one and for a caller without a good pass.
func (d *Decision) Identity() Identity {
	if !d.Allow || d.Token == nil {
		return Identity{}
	}
	t := d.Token
	return Identity{
		Subject:      t.Subject,
		Organization: t.Organization,
		Scopes:       t.ScopeText,
		Roles:        roleText(t, d.view.Catalog),
		TokenID:      t.ID,
		KeyID:        t.KeyID,
	}
}

// roleText is the token's own text of its roles with slugs for the ids of
// applications. An application that is gone keeps its id.
func roleText(t *access.Token, c *catalog.Catalog) string {
	if !strings.Contains(t.RoleText, "@") {
		return t.RoleText
	}
	var text strings.Builder
	for i, role := range t.Authority.Roles {
		if i > 0 {
			text.WriteByte(' ')
		}
		ref := access.RoleRef{Name: role.Name, Application: role.ApplicationID}
		if a := c.Application(role.ApplicationID); a != nil {
			ref.Application = a.Slug
		}
		text.WriteString(ref.String())
	}
	return text.String()
}
