package exchange

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Outside reads the tokens of issuers that are not this server.
type Outside interface {
	// Foreign reports whether a text is a JWT that names another issuer. Nothing
	// else of it is checked.
	Foreign(text string) bool
	// Token checks one: who signed it, when, for whom, and what its claims come to
	// for the organization (a slug or id; empty: its audience tells).
	Token(ctx context.Context, text, organization string, at access.IssuerDoor) (*access.Token, error)
	// Login checks the ID token of a login through the issuer of an id.
	Login(ctx context.Context, text, issuerID, nonce string) (*access.Token, error)
}

// ExternalToken is the token of an outside issuer that an organization trusts. Its
// subject is no user here, whatever it is called.
type ExternalToken struct {
	Text string
	// Organization is whose trust is meant, a slug or id. Empty: the token's
	// audience tells.
	Organization string
}

// account is empty: nobody guesses a signature.
func (ExternalToken) account() string { return "" }

func (e ExternalToken) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	if s.Outside == nil {
		return nil, access.ErrBadCredential.Because(errFalse)
	}
	t, err := s.Outside.Token(ctx, e.Text, e.Organization, access.AcceptExchange)
	return s.admitOutside(ctx, t, err, client, now)
}

// OutsideLogin is the ID token by which somebody logs in through an outside issuer.
type OutsideLogin struct {
	Text   string
	Issuer string // isr_…
	Nonce  string // of this login
}

// account is empty: nobody guesses a signature.
func (OutsideLogin) account() string { return "" }

func (l OutsideLogin) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	if s.Outside == nil {
		return nil, access.ErrBadCredential.Because(errFalse)
	}
	t, err := s.Outside.Login(ctx, l.Text, l.Issuer, l.Nonce)
	return s.admitOutside(ctx, t, err, client, now)
}

// admitOutside makes a principal of what an outside token came to, or of why it did
// not.
func (s *Service) admitOutside(ctx context.Context, t *access.Token, err error, client Client, now time.Time) (*principal, error) {
	if err != nil {
		if known := access.AsError(err); known.Kind == access.Unauthenticated && (known.Code == "issuer_token_invalid" || known.Code == "issuer_untrusted") {
			return nil, known.Because(errors.Join(errFalse, known.Err))
		}
		return nil, err
	}
	if reason, dead := s.Scene.Revoked(t, now); dead {
		return nil, access.New(access.Unauthenticated, "token_revoked", "what this token came from was revoked: "+reason)
	}
	if !t.Authority.Everywhere && !t.Authority.Networks.Contains(client.Address) {
		return nil, wrongAddress(client)
	}
	h, err := s.holderOf(ctx, t.Source, now)
	if errors.Is(err, access.ErrNotFound) {
		return nil, access.New(access.Unauthenticated, "issuer_disabled", "the issuer of this token is not trusted any more")
	}
	if err != nil {
		return nil, err
	}
	if err := h.live(now); err != nil {
		return nil, err
	}
	authority := h.authority
	authority.Scopes, authority.Roles = commonScopes(t.Authority.Scopes, authority.Scopes), commonRoles(t.Authority.Roles, authority.Roles)
	authority.Renewable = false // the next one is made of the issuer's next token
	authority.Confirmation = t.Authority.Confirmation
	if !h.outlives {
		authority.NotAfter = t.Authority.NotAfter
	}
	return &principal{holder: h, subject: t.Subject, authority: authority}, nil
}

// Presented is the proof that a credential is which came with a wish: of an outside
// issuer, if it names one, for the organization that the wish's audiences name.
func (s *Service) Presented(text string, wish Wish) Proof {
	if s.Outside == nil || strings.Count(text, ".") != 2 || !s.Outside.Foreign(text) {
		return Credential(text)
	}
	return ExternalToken{Text: text, Organization: wish.organization()}
}

// organization is the one that all audiences name; empty: none, or several.
func (w Wish) organization() string {
	if w.Audience == nil {
		return ""
	}
	named := ""
	for _, audience := range *w.Audience {
		slug, _, full := strings.Cut(audience, "/")
		if !full || named != "" && named != slug {
			return ""
		}
		named = slug
	}
	return named
}
