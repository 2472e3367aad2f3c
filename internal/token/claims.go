package token

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// claimsOf writes a token's claims. It refuses what tokenOf would not read back the same.
func claimsOf(t *access.Token) (*verify.Claims, error) {
	a := &t.Authority
	c := &verify.Claims{
		Issuer:         t.Issuer,
		Subject:        t.Subject,
		Expires:        a.NotAfter.Unix(),
		NotBefore:      t.NotBefore.Unix(),
		IssuedAt:       t.IssuedAt.Unix(),
		ID:             t.ID,
		ClientID:       t.ClientID,
		Scope:          a.Scopes.String(),
		Organization:   t.Organization,
		OrganizationID: t.OrganizationID,
		UserID:         t.UserID,
		MembershipID:   t.MembershipID,
		Roles:          rolesOf(a.Roles),
		IPs:            a.Networks.Strings(),
		Life:           int64(a.MaxLife / time.Second),
		Renewable:      a.Renewable,
		Revision:       t.Revision,
		KeyID:          t.KeyID,
		Via:            t.Via,
		EncryptionKey:  t.EncryptionKey,
	}
	if t.KeyVersion > 1 {
		c.KeyVersion = t.KeyVersion
	}
	if len(t.Family) != 1 || t.Family[0] != t.ID {
		c.Family = t.Family
	}
	if a.Confirmation != "" {
		c.Confirmation = &verify.Confirmation{JKT: a.Confirmation}
	}
	for _, actor := range slices.Backward(t.Actors) {
		c.Actor = &verify.Actor{Subject: actor.Subject, Lineage: actor.Lineage, Actor: c.Actor}
	}
	if err := addAudience(c, t); err != nil {
		return nil, err
	}
	return c, mintable(t, c)
}

func mintable(t *access.Token, c *verify.Claims) error {
	switch {
	case t.NotBefore.IsZero() || c.Expires <= c.IssuedAt:
		return errors.New("mint: the token must have iat, nbf, and an exp after them")
	case t.Authority.Everywhere != t.Authority.Networks.IsEmpty():
		return errors.New("mint: the token must be good everywhere, or at some address")
	case len(t.Actors) > access.MaxActors || slices.ContainsFunc(t.Actors, func(a access.Acting) bool { return a.Subject == "" }):
		return errors.New("mint: too many act for the subject, or one without a name")
	case slices.ContainsFunc(t.Actors, func(a access.Acting) bool { return len(a.Lineage) > verify.MaxActorLineage }):
		return ErrTooLarge
	case (t.KeyVersion < 1) != (t.KeyID == ""):
		return errors.New("mint: a key has a version of its secret, and no key has none")
	}
	if claim := missing(c); claim != "" {
		return errors.New("mint: the token lacks " + claim)
	}
	return nil
}

func addAudience(c *verify.Claims, t *access.Token) error {
	bound := false
	for _, a := range t.Authority.Audiences {
		if a.OrganizationID != t.OrganizationID || a.Organization != t.Organization {
			return errors.New("mint: an audience is another organization's")
		}
		if (a.Application == "") != (a.ApplicationID == "") {
			return errors.New("mint: an audience has a slug or an id, but not both")
		}
		c.Audience = append(c.Audience, a.String())
		c.ApplicationIDs = append(c.ApplicationIDs, a.ApplicationID)
		bound = bound || a.ApplicationID != ""
	}
	if !bound {
		c.ApplicationIDs = nil
	}
	return nil
}

func rolesOf(roles []access.Role) []verify.Role {
	out := make([]verify.Role, len(roles))
	for i, r := range roles {
		out[i] = verify.Role{RoleName: r.Name, AccID: orNull(r.OrganizationID), AppID: orNull(r.ApplicationID)}
	}
	return out
}

func orNull(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

// missing names a claim that every token of Daypass has, beyond those of RFC 9068, or returns "".
func missing(c *verify.Claims) string {
	for _, required := range [...]struct{ claim, value string }{
		{"sub", c.Subject}, {"jti", c.ID}, {"org", c.Organization}, {"oid", c.OrganizationID},
	} {
		if required.value == "" {
			return required.claim
		}
	}
	switch {
	case c.KeyID == "" && c.Via == "":
		return "key"
	case c.UserID == "" && c.Via == "":
		return "uid"
	case (c.MembershipID == "") != (c.UserID == ""):
		return "mid"
	case c.KeyID == "" && c.KeyVersion != 0:
		return "kv"
	}
	if len(c.Audience) == 0 {
		return "aud"
	}
	if c.Life <= 0 {
		return "expt"
	}
	return ""
}

// tokenOf reads claims as the noun. What a signed text of ours cannot say is refused: its parts would not fit together.
func tokenOf(c *verify.Claims, signingKey string) (*access.Token, error) {
	if missing(c) != "" {
		return nil, verify.ErrClaims
	}
	c.Issuer, c.Organization, c.OrganizationID = shared(c.Issuer), shared(c.Organization), shared(c.OrganizationID)
	audiences, ok := audiencesOf(c)
	if !ok {
		return nil, verify.ErrClaims
	}
	networks, err := access.ParseNetworks(c.IPs)
	if err != nil {
		return nil, verify.ErrClaims
	}
	t := &access.Token{
		ID:             c.ID,
		Issuer:         c.Issuer,
		Subject:        c.Subject,
		ClientID:       c.ClientID,
		Organization:   c.Organization,
		OrganizationID: c.OrganizationID,
		UserID:         c.UserID,
		MembershipID:   c.MembershipID,
		Source:         access.Source{KeyID: c.KeyID, Via: shared(c.Via)},
		SigningKey:     shared(signingKey),
		Encrypted:      c.EncryptionKey != "",
		EncryptionKey:  shared(c.EncryptionKey),
		Authority: access.Authority{
			Scopes:     c.Scopes(),
			Roles:      heldRoles(c.Roles),
			Audiences:  audiences,
			Everywhere: len(c.IPs) == 0,
			Networks:   networks,
			NotAfter:   time.Unix(c.Expires, 0).UTC(),
			MaxLife:    time.Duration(c.Life) * time.Second,
			Renewable:  c.Renewable,
		},
		IssuedAt:  time.Unix(c.IssuedAt, 0).UTC(),
		NotBefore: time.Unix(c.NotBefore, 0).UTC(),
		Revision:  c.Revision,
		Family:    slices.Clone(c.Family),
	}
	for a := c.Actor; a != nil; a = a.Actor {
		t.Actors = append(t.Actors, access.Acting{Subject: a.Subject, Lineage: a.Lineage})
	}
	if t.KeyID != "" {
		t.KeyVersion = max(c.KeyVersion, 1)
	}
	if c.Confirmation != nil {
		t.Authority.Confirmation = c.Confirmation.JKT
	}
	if t.Subject == t.UserID {
		t.Subject = t.UserID
	}
	if t.ClientID == t.KeyID {
		t.ClientID = t.KeyID
	}
	t.Seal()
	return t, nil
}

// shared is the same text in the same place for all that have it: very many tokens are kept, of few organizations.
func shared(s string) string { return unique.Make(s).Value() }

// audiencesOf joins aud and aids. An application without its id would read as the whole organization, so the two must match exactly.
func audiencesOf(c *verify.Claims) ([]access.Audience, bool) {
	audiences := make([]access.Audience, len(c.Audience))
	for i, text := range c.Audience {
		a := access.Audience{Organization: c.Organization, OrganizationID: c.OrganizationID}
		_, slug, _ := strings.Cut(text, "/")
		a.Application = shared(slug)
		if len(c.ApplicationIDs) > 0 {
			a.ApplicationID = shared(c.ApplicationIDs[i])
		}
		if a.String() != text || (a.Application == "") != (a.ApplicationID == "") {
			return nil, false
		}
		audiences[i] = a
	}
	return audiences, true
}

func heldRoles(roles []verify.Role) []access.Role {
	out := make([]access.Role, len(roles))
	for i, r := range roles {
		out[i] = access.Role{Name: shared(r.RoleName), OrganizationID: shared(orEmpty(r.AccID)), ApplicationID: shared(orEmpty(r.AppID))}
	}
	return out
}

func orEmpty(id *string) string {
	if id == nil {
		return ""
	}
	return *id
}
