package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
	"github.com/daypass/daypass/scope"
)

// Issuer finds an outside issuer of an organization by slug or id.
func (s queries) Issuer(ctx context.Context, orgID, slugOrID string) (access.Issuer, error) {
	row, err := s.q.Issuer(ctx, gen.IssuerParams{OrganizationID: orgID, SlugOrID: slugOrID})
	return one(row, err, func(r gen.IssuerRow) (access.Issuer, error) { return issuer(r.Issuer, r.Organization) })
}

// Issuers returns a page of an organization's outside issuers by id, the oldest
// first.
func (s queries) Issuers(ctx context.Context, orgID string, page Page) ([]access.Issuer, error) {
	rows, err := s.q.Issuers(ctx, gen.IssuersParams{OrganizationID: orgID, After: page.After, Most: page.most()})
	return each(rows, err, func(r gen.IssuersRow) (access.Issuer, error) { return issuer(r.Issuer, r.Organization) })
}

// ActiveIssuers returns the outside issuers that are active, of every organization
// that is.
func (s queries) ActiveIssuers(ctx context.Context) ([]access.Issuer, error) {
	rows, err := s.q.ActiveIssuers(ctx)
	return each(rows, err, func(r gen.ActiveIssuersRow) (access.Issuer, error) { return issuer(r.Issuer, r.Organization) })
}

// IssuersChanged reports whether [queries.ActiveIssuers] may say something else than
// at a revision. It does not hear of one that was deleted: that one is revoked.
func (s queries) IssuersChanged(ctx context.Context, revision int64) (bool, error) {
	n, err := s.q.IssuersChanged(ctx, revision)
	return n > 0, translate(err)
}

// CountIssuers counts the outside issuers of an organization.
func (s queries) CountIssuers(ctx context.Context, orgID string) (int64, error) {
	n, err := s.q.CountIssuers(ctx, orgID)
	return n, translate(err)
}

// holderByIssuer is what an outside issuer's tokens are held to: no user, no key,
// and the issuer's own scopes and roles.
func (s queries) holderByIssuer(ctx context.Context, id string) (*access.Holder, error) {
	row, err := s.q.IssuerByID(ctx, id)
	if err != nil {
		return nil, translate(err)
	}
	i, err := issuer(row.Issuer, row.Organization.Slug)
	if err != nil {
		return nil, unreadable(err)
	}
	h := &access.Holder{
		Via: i.ID, RoleScopes: everything,
		Key:        access.Key{Scopes: i.Scopes, Roles: i.Roles, Networks: i.Networks, MaxTokenLife: i.MaxTokenLife},
		Membership: access.Membership{Roles: i.Roles}, // nobody's: the bound is the issuer's own
	}
	h.Organization, _ = organization(row.Organization)
	h.Revision = max(i.Revision, h.Organization.Revision)
	h.Administers = i.Login != nil
	if !i.Active {
		h.Ended = "issuer_disabled"
	}
	return h, s.addApplications(ctx, h)
}

// InsertIssuer adds an outside issuer; already_exists if its slug is taken.
func (t *Tx) InsertIssuer(i access.Issuer) error {
	return t.wrote(t.q.InsertIssuer(t.ctx, gen.InsertIssuerParams{
		ID: i.ID, OrganizationID: i.OrganizationID, Slug: i.Slug, Url: i.URL, Active: i.Active, Rules: issuerRulesText(&i), Created: millis(i.Created), Revision: t.Revision(),
	}))
}

// UpdateIssuer writes everything but the slug.
func (t *Tx) UpdateIssuer(i access.Issuer) error {
	return t.wroteOne(t.q.UpdateIssuer(t.ctx, gen.UpdateIssuerParams{
		ID: i.ID, OrganizationID: i.OrganizationID, Url: i.URL, Active: i.Active, Rules: issuerRulesText(&i), Revision: t.Revision(),
	}))
}

// DeleteIssuer deletes an outside issuer.
func (t *Tx) DeleteIssuer(orgID, id string) error {
	return t.wroteOne(t.q.DeleteIssuer(t.ctx, gen.DeleteIssuerParams{ID: id, OrganizationID: orgID}))
}

// issuerRules is an issuer as it is written in a column.
type issuerRules struct {
	JWKSURL      string            `json:"jwks_url,omitempty"`
	Authorities  string            `json:"ca_certificates,omitempty"`
	Algorithms   []string          `json:"algorithms"`
	Audiences    []string          `json:"audiences"`
	MaxTokenAge  int64             `json:"max_token_age"`            // seconds
	MaxTokenLife int64             `json:"max_token_life,omitempty"` // seconds
	Claims       map[string]string `json:"claims,omitempty"`
	Subject      string            `json:"subject"`
	Scopes       []string          `json:"scopes"`
	Roles        []heldRole        `json:"roles,omitempty"`
	Networks     []string          `json:"networks,omitempty"`
	Grants       []issuerGrant     `json:"grants,omitempty"`
	Accept       access.IssuerDoor `json:"accept"`
	Login        *issuerLogin      `json:"login,omitempty"`
}

type issuerLogin struct {
	ClientID string   `json:"client_id"`
	Secret   []byte   `json:"secret,omitempty"` // sealed
	Scopes   []string `json:"scopes,omitempty"`
}

type issuerGrant struct {
	When   map[string]string `json:"when,omitempty"`
	Scopes []string          `json:"scopes,omitempty"`
	Roles  []heldRole        `json:"roles,omitempty"`
}

func issuerRulesText(i *access.Issuer) string {
	r := issuerRules{
		JWKSURL: i.JWKSURL, Authorities: i.Authorities, Algorithms: i.Algorithms, Audiences: i.Audiences,
		MaxTokenAge: int64(i.MaxTokenAge / time.Second), MaxTokenLife: int64(i.MaxTokenLife / time.Second),
		Claims: i.Claims, Subject: i.Subject, Scopes: i.Scopes.Strings(), Roles: writeRoles(i.Roles), Networks: i.Networks.Strings(), Accept: i.Accept,
	}
	if i.Login != nil {
		r.Login = (*issuerLogin)(i.Login)
	}
	for _, g := range i.Grants {
		r.Grants = append(r.Grants, issuerGrant{g.When, g.Scopes, writeRoles(g.Roles)})
	}
	column, _ := json.Marshal(r) // texts and numbers always marshal
	return string(column)
}

func writeRoles(roles []access.Role) []heldRole {
	var held []heldRole
	for _, r := range roles {
		held = append(held, heldRole(r))
	}
	return held
}

func readRoles(held []heldRole) []access.Role {
	var roles []access.Role
	for _, r := range held {
		roles = append(roles, access.Role(r))
	}
	return roles
}

func issuer(row gen.Issuer, slug string) (access.Issuer, error) {
	var r issuerRules
	if err := json.Unmarshal([]byte(row.Rules), &r); err != nil {
		return access.Issuer{}, err
	}
	i := access.Issuer{
		ID: row.ID, OrganizationID: row.OrganizationID, Organization: slug, Slug: row.Slug, URL: row.Url, JWKSURL: r.JWKSURL, Authorities: r.Authorities,
		Algorithms: r.Algorithms, Audiences: r.Audiences,
		MaxTokenAge: time.Duration(r.MaxTokenAge) * time.Second, MaxTokenLife: time.Duration(r.MaxTokenLife) * time.Second,
		Claims: r.Claims, Subject: r.Subject, Roles: readRoles(r.Roles), Accept: r.Accept,
		Active: row.Active, Created: fromMillis(row.Created), Revision: row.Revision,
	}
	if r.Login != nil {
		i.Login = (*access.IssuerLogin)(r.Login)
	}
	for _, g := range r.Grants {
		i.Grants = append(i.Grants, access.IssuerGrant{When: g.When, Scopes: g.Scopes, Roles: readRoles(g.Roles)})
	}
	var err error
	if i.Scopes, err = scope.ParseSet(r.Scopes); err != nil {
		return i, err
	}
	i.Networks, err = access.ParseNetworks(r.Networks)
	return i, err
}
