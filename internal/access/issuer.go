package access

import (
	"time"

	"github.com/daypass/daypass/scope"
)

// Issuer is an outside issuer of tokens that an organization trusts: whose tokens
// are accepted, as whom, and for what.
type Issuer struct {
	ID             string // isr_…
	OrganizationID string
	Organization   string // slug
	Slug           string

	URL        string   // the iss of its tokens, exactly
	JWKSURL    string   // where its keys are; empty: OpenID Connect discovery says
	Algorithms []string // pinned; never what discovery says
	// Authorities are the certificates, in PEM, of those that may have signed for the
	// servers of the keys and of discovery; empty: whom this machine trusts.
	Authorities string
	Audiences   []string // a token is for one of them

	MaxTokenAge  time.Duration // since iat
	MaxTokenLife time.Duration // of a pass; 0: it ends with the token it is for

	Claims  map[string]string // claim → pattern: all of them must match
	Subject string            // template

	// Scopes and Roles are the most that any token of the issuer gets.
	Scopes   scope.Set
	Roles    []Role
	Networks Networks // where its tokens may be used from; empty: anywhere

	// Grants are what a token gets of them: of every one whose When it meets. None:
	// all of Scopes and Roles.
	Grants []IssuerGrant

	// Login lets people log in at this server through the issuer; nil: they do not.
	Login *IssuerLogin

	Accept   IssuerDoor
	Active   bool
	Created  time.Time
	Revision int64
}

// IssuerLogin is this server as a client of an issuer (OpenID Connect Core 1.0,
// authorization code flow with PKCE).
type IssuerLogin struct {
	ClientID string
	Secret   []byte   // sealed; empty: a public client
	Scopes   []string // asked for beside openid
}

// LoginSecretIdentity is what an issuer's client secret is sealed for.
func (i *Issuer) LoginSecretIdentity() string {
	return "issuers/" + i.ID + "/login/" + i.OrganizationID
}

// IssuerGrant gives scopes, which may be templates, and roles to tokens whose
// claims match.
type IssuerGrant struct {
	When   map[string]string // claim → pattern; empty: every token
	Scopes []string
	Roles  []Role
}

// IssuerDoor is where an issuer's tokens are accepted.
type IssuerDoor string

const (
	AcceptExchange IssuerDoor = "exchange" // for a pass
	AcceptGate     IssuerDoor = "gate"     // in a pass's place
	AcceptBoth     IssuerDoor = "both"
)

// Takes reports whether tokens are accepted there.
func (d IssuerDoor) Takes(at IssuerDoor) bool { return d == at || d == AcceptBoth }
