package outside

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/fetch"
	"github.com/daypass/daypass/scope"
	"github.com/daypass/daypass/verify"
)

// Limits of what an issuer may say.
const (
	maxURL     = 500
	maxPEM     = 32 << 10
	maxRules   = 20
	maxGrants  = 50
	maxSubject = 256 // bytes, of a token's subject here

	// DefaultMaxTokenAge bounds the time since iat where the organization does not.
	DefaultMaxTokenAge = 24 * time.Hour
	// MaxTokenAge is the most that it may say.
	MaxTokenAge = 30 * 24 * time.Hour
)

// DefaultAlgorithms are those of an issuer for which none are named.
var DefaultAlgorithms = []string{"RS256", "ES256"}

// Rules is an issuer ready for use. It is immutable.
type Rules struct {
	access.Issuer
	authorities *x509.CertPool // nil: the machine's

	required []condition
	subject  template
	grants   []grant
	keys     *keys // nil: not in a directory
}

type grant struct {
	when   []condition
	scopes []template
	roles  []access.Role
}

// Compile checks an issuer and readies it. Errors are [*access.Error] of kind Invalid, code invalid_issuer.
func Compile(i access.Issuer) (*Rules, error) {
	if err := checkParts(&i); err != nil {
		return nil, err
	}
	r := &Rules{Issuer: i}
	var err error
	if r.authorities, err = parseAuthorities(i.Authorities); err != nil {
		return nil, invalid("/ca_certificates", err.Error())
	}
	if r.required, err = compileConditions("/claims", i.Claims); err != nil {
		return nil, err
	}
	if r.subject, err = compileTemplate(i.Subject); err != nil {
		return nil, invalid("/subject", err.Error())
	}
	if len(r.subject.claims) == 0 || r.subject.ambiguous() {
		return nil, invalid("/subject", "a subject names a claim, as in {sub}, and has text between two of them")
	}
	if len(i.Grants) > maxGrants {
		return nil, invalid("/grants", fmt.Sprintf("give at most %d grants", maxGrants))
	}
	for n, g := range i.Grants {
		compiled, err := compileGrant(fmt.Sprintf("/grants/%d", n), g, &i)
		if err != nil {
			return nil, err
		}
		r.grants = append(r.grants, compiled)
	}
	return r, r.checkEmail()
}

func checkParts(i *access.Issuer) error {
	if err := checkAddress(i.URL); err != nil || strings.ContainsAny(i.URL, "?#") {
		return invalid("/issuer", "an issuer is an absolute https:// URL without query and fragment, exactly as in the iss of its tokens")
	}
	if i.JWKSURL != "" && checkAddress(i.JWKSURL) != nil {
		return invalid("/jwks_url", "give the absolute https:// URL of the keys")
	}
	if len(i.Algorithms) == 0 || slices.ContainsFunc(i.Algorithms, func(a string) bool { return !slices.Contains(verify.ForeignAlgorithms, a) }) {
		return invalid("/algorithms", "there are "+strings.Join(verify.ForeignAlgorithms, ", "))
	}
	if len(i.Audiences) == 0 || len(i.Audiences) > maxRules || slices.ContainsFunc(i.Audiences, func(a string) bool { return a == "" || len(a) > maxURL }) {
		return invalid("/audiences", fmt.Sprintf("name 1 to %d audiences: without one, tokens made for others would be good here", maxRules))
	}
	if err := checkLogin(i); err != nil {
		return err
	}
	switch i.Accept {
	case access.AcceptExchange, access.AcceptGate, access.AcceptBoth:
	default:
		return invalid("/accept", "tokens are accepted at exchange, gate or both")
	}
	if i.MaxTokenAge <= 0 || i.MaxTokenAge > MaxTokenAge {
		return invalid("/max_token_age", fmt.Sprintf("give 1 to %d seconds", int64(MaxTokenAge/time.Second)))
	}
	if len(i.Claims) > maxRules {
		return invalid("/claims", fmt.Sprintf("give at most %d claims", maxRules))
	}
	return nil
}

// parseAuthorities reads certificates in PEM; nil of the empty text.
func parseAuthorities(text string) (*x509.CertPool, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxPEM {
		return nil, fmt.Errorf("certificates have at most %d bytes", maxPEM)
	}
	pool := x509.NewCertPool()
	for rest := []byte(text); len(rest) > 0; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("give certificates in PEM, from BEGIN CERTIFICATE on, and nothing else")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("one of the certificates cannot be read")
		}
		pool.AddCert(certificate)
		rest = bytes.TrimSpace(rest)
	}
	return pool, nil
}

func checkAddress(text string) error {
	u, err := url.Parse(text)
	if err == nil && len(text) > maxURL {
		err = fmt.Errorf("an address has at most %d bytes", maxURL)
	}
	if err != nil {
		return err
	}
	return fetch.CheckURL(u)
}

// compileGrant also holds that what a grant always gives lies within the issuer's
// own scopes and roles. What a claim completes is looked at in each token.
func compileGrant(pointer string, g access.IssuerGrant, i *access.Issuer) (grant, error) {
	var out grant
	var err error
	if len(g.When) > maxRules {
		return out, invalid(pointer+"/when", fmt.Sprintf("give at most %d claims", maxRules))
	}
	if out.when, err = compileConditions(pointer+"/when", g.When); err != nil {
		return out, err
	}
	for n, text := range g.Scopes {
		at := fmt.Sprintf("%s/scopes/%d", pointer, n)
		t, err := compileTemplate(text)
		if err != nil {
			return out, invalid(at, err.Error())
		}
		probe, _ := scope.Parse(strings.Join(t.literals, strings.Repeat("x", min(1, len(t.claims)))))
		switch {
		case probe == (scope.Pattern{}):
			return out, invalid(at, "this is not a scope, also with a word in the place of its claims")
		case len(t.claims) == 0 && !i.Scopes.Includes(probe):
			return out, invalid(at, "this is beyond the issuer's own scopes, which are the most that its tokens get")
		}
		out.scopes = append(out.scopes, t)
	}
	for n, role := range g.Roles {
		if !access.HoldsRole(i.Roles, role) {
			return out, invalid(fmt.Sprintf("%s/roles/%d", pointer, n), "this is beyond the issuer's own roles, which are the most that its tokens get")
		}
	}
	out.roles = g.Roles
	return out, nil
}

// checkEmail keeps an address that nobody verified from deciding anything.
func (r *Rules) checkEmail() error {
	isEmail := func(name string) bool { return isClaim(name, "email") }
	decides := func(c condition) bool { return isEmail(c.claim) }
	uses := slices.ContainsFunc(r.subject.claims, isEmail) || slices.ContainsFunc(r.required, decides)
	for _, g := range r.grants {
		uses = uses || slices.ContainsFunc(g.when, decides)
		for _, t := range g.scopes {
			uses = uses || slices.ContainsFunc(t.claims, isEmail)
		}
	}
	verified := slices.ContainsFunc(sortedKeys(r.Claims), func(name string) bool { return isClaim(name, "email_verified") && r.Claims[name] == "true" })
	if uses && !verified {
		return invalid("/claims", `an e-mail address counts only where it is verified: require "email_verified": "true" too`)
	}
	return nil
}

// refused is a token whose signature holds and whose claims do not do.
func refused(reason string) error {
	return access.New(access.Unauthenticated, "issuer_token_refused", "the token of the outside issuer is refused: "+reason)
}

// token makes of verified claims what the gate judges. It ends when the token does,
// or when it is too old.
func (r *Rules) token(text string, c claims, now time.Time) (*access.Token, error) {
	issued, isIssued := c.date("iat")
	expires, hasEnd := c.date("exp")
	begin, hasBegin := c.date("nbf")
	if !hasBegin {
		begin = issued
	}
	early := now.Add(verify.Leeway).Unix()
	end := min(expires, issued+int64(r.MaxTokenAge/time.Second))
	switch {
	case c.text("iss") != r.URL:
		return nil, refused("it is of another issuer")
	case !r.isFor(c):
		return nil, refused("its audience is not one that the organization asks for")
	case !isIssued || !hasEnd || c["nbf"] != nil && !hasBegin:
		return nil, refused("it needs iat and exp, and its dates must be seconds since 1970")
	case expires <= issued:
		return nil, refused("it ended before it began")
	case issued > early || begin > early:
		return nil, refused("it is not valid yet; check the clocks")
	case now.Unix() >= expires+int64(verify.Leeway/time.Second):
		return nil, refused("it has expired")
	case now.Unix() >= end+int64(verify.Leeway/time.Second):
		return nil, refused("it is older than the organization accepts")
	case c.text("sub") == "":
		return nil, refused("it names no subject")
	case c["events"] != nil:
		return nil, refused("it tells of an event (RFC 8417) and is no token")
	}
	for i := range r.required {
		if !r.required[i].met(c) {
			return nil, refused("its claim " + r.required[i].claim + " is not what the organization asks for")
		}
	}
	subject, ok := r.subject.fill(c, soundSubject)
	if !ok || len(subject) > maxSubject || access.IsID(subject) {
		return nil, refused("no subject can be made of its claims")
	}
	confirmation, ok := c.confirmation()
	if !ok {
		return nil, refused("it is bound to its sender in a way that is not known here")
	}
	scopes, roles := r.given(c)
	id := c.text("jti")
	if id == "" {
		id = text
	}
	sum := sha256.Sum256([]byte(r.ID + " " + id))
	t := &access.Token{
		ID: "ext_" + base64.RawURLEncoding.EncodeToString(sum[:16]), Issuer: r.URL, Subject: subject, ClientID: r.ID,
		Organization: r.Organization, OrganizationID: r.OrganizationID, Source: access.Source{Via: r.ID},
		Authority: access.Authority{
			Scopes: scopes, Roles: roles, Audiences: []access.Audience{{Organization: r.Organization, OrganizationID: r.OrganizationID}},
			Everywhere: r.Networks.IsEmpty(), Networks: r.Networks, NotAfter: time.Unix(end, 0).UTC(), MaxLife: time.Duration(end-issued) * time.Second,
			Confirmation: confirmation,
		},
		IssuedAt: time.Unix(issued, 0).UTC(), NotBefore: time.Unix(begin, 0).UTC(),
	}
	t.Seal()
	return t, nil
}

func (r *Rules) isFor(c claims) bool {
	return slices.ContainsFunc(c.audience(), func(a string) bool { return slices.Contains(r.Audiences, a) })
}

// confirmation is the key the token is bound to (RFC 9449, 6.1), empty: none.
func (c claims) confirmation() (thumbprint string, ok bool) {
	if c["cnf"] == nil {
		return "", true
	}
	cnf, _ := c["cnf"].(map[string]any)
	thumbprint, _ = cnf["jkt"].(string)
	return thumbprint, thumbprint != "" && len(cnf) == 1
}

func soundSubject(s string) bool {
	return s != "" && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}

var scopeWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// given is what the grants come to, within the issuer's own. A scope that a claim
// would carry beyond that, or whose claim is no single word, is left out.
func (r *Rules) given(c claims) (scope.Set, []access.Role) {
	if len(r.grants) == 0 {
		return r.Scopes, r.Roles
	}
	var patterns []scope.Pattern
	var roles []access.Role
	for i := range r.grants {
		g := &r.grants[i]
		if !allMet(g.when, c) {
			continue
		}
		for n := range g.scopes {
			text, ok := g.scopes[n].fill(c, scopeWord.MatchString)
			if !ok {
				continue
			}
			if p, err := scope.Parse(text); err == nil && r.Scopes.Includes(p) {
				patterns = append(patterns, p)
			}
		}
		for _, role := range g.roles {
			if !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
		}
	}
	return scope.NewSet(patterns...), roles
}
