package admin

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/outside"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// maxIssuers is how many outside issuers an organization may trust.
const maxIssuers = 50

// Issuer is an outside issuer as people write it.
type Issuer struct {
	ID       string
	Slug     string
	Created  time.Time
	Revision int64
	IssuerPut
}

// IssuerPut is the whole of what an outside issuer shall be.
type IssuerPut struct {
	URL          string
	JWKSURL      string   // empty: by discovery
	Authorities  string   // PEM; empty: whom this machine trusts
	Algorithms   []string // nil: RS256 and ES256
	Audiences    []string
	Accept       access.IssuerDoor // empty: exchange
	MaxTokenAge  *int64            // seconds; nil: a day
	MaxTokenLife *int64            // seconds; nil: a pass ends with the token it is for
	Claims       map[string]string
	Subject      string // empty: SLUG|{sub}
	Scopes       []string
	Roles        []string
	IPs          []string
	Grants       []IssuerGrant
	Login        *IssuerLogin // nil: nobody logs in through it
	Active       bool
}

// IssuerLogin is this server as a client of the issuer. The secret is never shown.
type IssuerLogin struct {
	ClientID string
	Secret   *string // nil: as it is (new: a public client); empty: none
	Scopes   []string
	Secured  bool // shown: there is a secret
}

// IssuerGrant gives scopes and roles to tokens whose claims match.
type IssuerGrant struct {
	When   map[string]string
	Scopes []string
	Roles  []string
}

func (n *names) issuer(i access.Issuer) (Issuer, error) {
	age := int64(i.MaxTokenAge / time.Second)
	out := Issuer{ID: i.ID, Slug: i.Slug, Created: i.Created, Revision: i.Revision, IssuerPut: IssuerPut{
		URL: i.URL, JWKSURL: i.JWKSURL, Authorities: i.Authorities, Algorithms: i.Algorithms, Audiences: i.Audiences, Accept: i.Accept, MaxTokenAge: &age,
		Claims: i.Claims, Subject: i.Subject, Scopes: i.Scopes.Strings(), IPs: i.Networks.Strings(), Active: i.Active,
	}}
	if life := int64(i.MaxTokenLife / time.Second); life > 0 {
		out.MaxTokenLife = &life
	}
	if i.Login != nil {
		out.Login = &IssuerLogin{ClientID: i.Login.ClientID, Scopes: i.Login.Scopes, Secured: len(i.Login.Secret) > 0}
	}
	var err error
	if out.Roles, err = n.write(i.Roles); err != nil {
		return out, err
	}
	for _, g := range i.Grants {
		roles, err := n.write(g.Roles)
		if err != nil {
			return out, err
		}
		out.Grants = append(out.Grants, IssuerGrant{g.When, g.Scopes, roles})
	}
	return out, nil
}

// Issuers lists the outside issuers of an organization, the oldest first.
func (s *Service) Issuers(ctx context.Context, caller *access.Caller, org string, p Page) (List[Issuer], error) {
	g, err := s.authorize(ctx, s.store, caller, opListIssuers, org)
	if err != nil {
		return List[Issuer]{}, err
	}
	return paged(s, listing{"issuers", g.org.ID}, p, func(after string, limit int) ([]access.Issuer, error) {
		return s.store.Issuers(ctx, g.org.ID, store.Page{After: after, Limit: limit})
	}, func(i access.Issuer) string { return i.ID }, namesIn(ctx, s.store, g.org.ID).issuer)
}

// Issuer returns one, by slug or id.
func (s *Service) Issuer(ctx context.Context, caller *access.Caller, org, issuer string) (Issuer, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetIssuer, org)
	if err != nil {
		return Issuer{}, err
	}
	i, err := s.store.Issuer(ctx, g.org.ID, issuer)
	if err != nil {
		return Issuer{}, err
	}
	return namesIn(ctx, s.store, g.org.ID).issuer(i)
}

// TestedIssuer returns one for a token to be tried on.
func (s *Service) TestedIssuer(ctx context.Context, caller *access.Caller, org, issuer string) (access.Issuer, error) {
	g, err := s.authorize(ctx, s.store, caller, opTestIssuer, org)
	if err != nil {
		return access.Issuer{}, err
	}
	return s.store.Issuer(ctx, g.org.ID, issuer)
}

// PutIssuer makes or changes an outside issuer, by its slug. What its tokens may
// get lies within what the caller may hand on. A change ends every pass that came
// of it before. Codes: invalid_issuer (422), scope_exceeded, role_exceeded (403),
// client_secret_required (422), too_many_issuers (409).
func (s *Service) PutIssuer(ctx context.Context, caller *access.Caller, org, slug string, in IssuerPut, ifRevision int64) (Issuer, Outcome, error) {
	begun, roles, err := s.newIssuer(slug, in)
	if err != nil {
		return Issuer{}, "", err
	}
	var shown Issuer
	created := false
	err = s.change(ctx, caller, opPutIssuer, org, func(tx *store.Tx, g *grant) error {
		next := begun
		old, err := tx.Issuer(ctx, g.org.ID, slug)
		created = errors.Is(err, access.ErrNotFound)
		if err != nil && !created {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		n := namesIn(ctx, tx, g.org.ID)
		if err := n.resolveIssuer(&next, roles, in); err != nil {
			return err
		}
		if err := g.mayTrust(&next); err != nil {
			return err
		}
		next.OrganizationID, next.Organization = g.org.ID, g.org.Slug
		next.ID, next.Created, next.Revision = old.ID, old.Created, old.Revision
		if created {
			next.ID, next.Created = seal.NewID("isr"), s.stamp()
			if err := roomForIssuer(ctx, tx, g.org.ID); err != nil {
				return err
			}
		}
		if _, err := outside.Compile(next); err != nil {
			return err
		}
		if err := s.sealLogin(&next, old, in.Login); err != nil {
			return err
		}
		if shown, err = n.issuer(next); err != nil {
			return err
		}
		before, err := n.issuer(old)
		if err != nil {
			return err
		}
		renewed := in.Login != nil && in.Login.Secret != nil
		if !created && !renewed && reflect.DeepEqual(before, shown) {
			return errSame
		}
		shown.Revision = tx.Revision()
		if created {
			err = tx.InsertIssuer(next)
		} else if err = s.revoke(tx, next.ID, issuerEnd(next), time.Time{}); err == nil {
			err = tx.UpdateIssuer(next)
		}
		if err != nil {
			return err
		}
		return tx.Record("issuer."+verb(created), g.org.ID, next.ID, map[string]any{
			"slug": slug, "issuer": next.URL, "accept": next.Accept, "login": next.Login != nil, "scopes": shown.Scopes, "roles": shown.Roles, "active": next.Active,
		})
	})
	did, err := outcome(err, created)
	if err != nil {
		return Issuer{}, "", err
	}
	return shown, did, nil
}

func issuerEnd(i access.Issuer) string {
	if i.Active {
		return "issuer_changed"
	}
	return "issuer_disabled"
}

func roomForIssuer(ctx context.Context, tx *store.Tx, orgID string) error {
	count, err := tx.CountIssuers(ctx, orgID)
	if err == nil && count >= maxIssuers {
		return access.New(access.Conflict, "too_many_issuers", fmt.Sprintf("an organization trusts at most %d outside issuers; delete one first", maxIssuers))
	}
	return err
}

// newIssuer reads what can be read without looking anything up.
func (s *Service) newIssuer(slug string, in IssuerPut) (access.Issuer, []access.RoleRef, error) {
	var wrong faults
	wrong.slug("/issuer", slug)
	i := access.Issuer{
		Slug: slug, URL: in.URL, JWKSURL: in.JWKSURL, Authorities: in.Authorities, Algorithms: in.Algorithms, Audiences: in.Audiences, Accept: in.Accept,
		MaxTokenAge:  wrong.life("/max_token_age", in.MaxTokenAge, outside.MaxTokenAge),
		MaxTokenLife: wrong.life("/max_token_life", in.MaxTokenLife, s.maxTokenLife),
		Claims:       in.Claims, Login: in.Login.draft(), Subject: in.Subject, Active: in.Active,
		Scopes:   wrong.scopes("/scopes", in.Scopes),
		Networks: wrong.networks("/ips", in.IPs, s.maxAddresses),
	}
	if len(i.Claims) == 0 {
		i.Claims = nil
	}
	if len(i.Algorithms) == 0 {
		i.Algorithms = outside.DefaultAlgorithms
	}
	if i.Accept == "" {
		i.Accept = access.AcceptExchange
	}
	if in.MaxTokenAge == nil {
		i.MaxTokenAge = outside.DefaultMaxTokenAge
	}
	if i.Subject == "" {
		i.Subject = slug + "|{sub}"
	}
	var roles []access.RoleRef
	if len(in.Roles) > 0 {
		roles = wrong.roles("/roles", in.Roles)
	}
	return i, roles, wrong.err()
}

func (n *names) resolveIssuer(i *access.Issuer, roles []access.RoleRef, in IssuerPut) (err error) {
	if i.Roles, err = n.resolve("/roles", roles); err != nil {
		return err
	}
	for at, g := range in.Grants {
		pointer := fmt.Sprintf("/grants/%d/roles", at)
		var wrong faults
		var refs []access.RoleRef
		if len(g.Roles) > 0 {
			refs = wrong.roles(pointer, g.Roles)
		}
		if err := wrong.err(); err != nil {
			return err
		}
		held, err := n.resolve(pointer, refs)
		if err != nil {
			return err
		}
		i.Grants = append(i.Grants, access.IssuerGrant{When: g.When, Scopes: g.Scopes, Roles: held})
	}
	return nil
}

// mayTrust holds that nobody lets in more than it could hand on by itself. The
// platform's own role is never anybody's from outside.
func (g *grant) mayTrust(i *access.Issuer) error {
	if holdsAdministrator(i.Roles) {
		return access.New(access.Forbidden, "role_exceeded", "no outside issuer makes administrators of the platform").At("/roles")
	}
	if err := g.handOnScopes(i.Scopes); err != nil {
		return err
	}
	return g.handOnRoles(i.Roles)
}

func (l *IssuerLogin) draft() *access.IssuerLogin {
	if l == nil {
		return nil
	}
	draft := &access.IssuerLogin{ClientID: l.ClientID}
	if len(l.Scopes) > 0 {
		draft.Scopes = l.Scopes
	}
	return draft
}

const maxClientSecret = 1024 // bytes

// sealLogin puts the client's secret in. One that is kept goes only where it went
// before: whoever may change an issuer must not have the secret sent elsewhere.
func (s *Service) sealLogin(next *access.Issuer, old access.Issuer, in *IssuerLogin) (err error) {
	switch {
	case in == nil:
		return nil
	case in.Secret == nil && (old.Login == nil || len(old.Login.Secret) == 0):
		return nil
	case in.Secret == nil && (next.URL != old.URL || next.Login.ClientID != old.Login.ClientID || next.Authorities != old.Authorities):
		return access.New(access.Invalid, "client_secret_required", "the issuer or the client is another than before: give the client's secret again, or an empty one for a public client").At("/login/client_secret")
	case in.Secret == nil:
		next.Login.Secret = old.Login.Secret
		return nil
	case len(*in.Secret) > maxClientSecret:
		return access.New(access.Invalid, "invalid_issuer", fmt.Sprintf("a client secret has at most %d bytes", maxClientSecret)).At("/login/client_secret")
	case *in.Secret == "":
		return nil
	}
	next.Login.Secret, err = s.sealer.Seal([]byte(*in.Secret), next.LoginSecretIdentity())
	return err
}

// DeleteIssuer ends the trust in an outside issuer, and every pass that came of it.
func (s *Service) DeleteIssuer(ctx context.Context, caller *access.Caller, org, issuer string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteIssuer, org, func(tx *store.Tx, g *grant) error {
		old, err := tx.Issuer(ctx, g.org.ID, issuer)
		if err != nil {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		if err := s.revoke(tx, old.ID, "issuer_deleted", time.Time{}); err != nil {
			return err
		}
		if err := tx.DeleteIssuer(g.org.ID, old.ID); err != nil {
			return err
		}
		return tx.Record("issuer.deleted", g.org.ID, old.ID, map[string]any{"slug": old.Slug, "issuer": old.URL})
	})
}

// RoleNames writes roles of an organization whose issuers the caller may read.
func (s *Service) RoleNames(ctx context.Context, caller *access.Caller, org string, roles []access.Role) ([]string, error) {
	g, err := s.authorize(ctx, s.store, caller, opTestIssuer, org)
	if err != nil {
		return nil, err
	}
	return namesIn(ctx, s.store, g.org.ID).write(roles)
}
