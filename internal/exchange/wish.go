package exchange

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// RequestIP stands in ips for the address the request came from.
const RequestIP = "request_ip"

// Limits of a wish, beside those of [Config].
const (
	MaxScopes    = 100
	MaxRoles     = 50
	MaxAudiences = 20
	MaxSubject   = 256 // bytes

	// Passes for subjects a backend names are short: this long by default, and
	// never longer than a day.
	NamedSubjectLife    = 15 * time.Minute
	NamedSubjectMaxLife = 24 * time.Hour
)

// Wish is what a caller asks for; nil and zero mean "the default".
type Wish struct {
	ExpiresIn      *int64 // seconds
	Scopes         *[]string
	Roles          *[]string // "developer", "developer@photos"
	Audience       *[]string // "photos", "acme/photos", "acme"
	IPs            *[]string // addresses, networks, "request_ip"
	NoIPProtection bool
	Renewable      *bool
	Subject        string
	Confirmation   string
	Encrypt        bool
}

// draft is a decided grant, not minted yet.
type draft struct {
	authority access.Authority
	subject   string
	origin    access.Origin
	encrypt   bool
}

// narrow decides the grant: the wish, read strictly, within the principal.
func (s *Service) narrow(p *principal, w Wish, client Client, now time.Time) (*draft, error) {
	ask, err := s.read(p, w, client)
	if err != nil {
		return nil, err
	}
	d := &draft{subject: p.subject, origin: p.holder.source.Origin()}
	if p.delegated {
		d.origin = access.FromExchange
	}
	if p.parent != nil {
		return s.narrowPass(p, ask, w, now, d)
	}
	if w.Subject != "" && w.Subject != d.subject {
		if err := nameSubject(p, w, &ask); err != nil {
			return nil, err
		}
		d.subject = w.Subject
	}
	parent := p.authority
	s.setLife(&ask, &parent, w, now)
	ask.Renewable = renewable(w, ask, parent) && !p.delegated && (w.Subject == "" || w.Subject == p.subject)
	d.authority, err = access.Narrow(parent, ask, now)
	return d, err
}

// narrowPass decides on a token as proof. If nothing but time would change it is
// a renewal, which only a renewable pass may have, and lasts at most what the
// first was granted. A narrower pass may be had of any, within its lifetime.
func (s *Service) narrowPass(p *principal, ask access.Ask, w Wish, now time.Time, d *draft) (*draft, error) {
	if w.Subject != "" && w.Subject != d.subject {
		return nil, access.New(access.Forbidden, "subject_not_allowed", "a pass keeps its subject; only a key that may name subjects can choose one").At("/subject")
	}
	parent := p.parent.Authority
	extend := parent
	extend.NotAfter = p.holder.authority.NotAfter
	if p.delegated { // who acts for another does so no longer than both passes last
		parent.NotAfter, parent.Renewable = p.authority.NotAfter, false
	}
	if parent.Renewable {
		parent = extend
	}
	s.boundLife(&parent, ask)
	ask.Renewable = parent.Renewable && wantsRenewable(w, p.parent.Authority.Renewable)
	if w.Renewable != nil && *w.Renewable && !parent.Renewable {
		return nil, access.New(access.Forbidden, "not_renewable", "this pass is not renewable").At("/renewable")
	}
	child, err := access.Narrow(parent, ask, now)
	if err != nil {
		return nil, err
	}
	d.authority = child
	if p.delegated {
		return d, nil
	}
	d.origin = access.FromNarrowing
	if p.parent.Authority.Within(child) {
		d.origin = access.FromRenewal
		if !parent.Renewable {
			return nil, access.New(access.Forbidden, "not_renewable", "this pass is not renewable: ask for one with renewable, or exchange the key again")
		}
		d.authority.MaxLife = parent.MaxLife
	}
	return d, nil
}

func nameSubject(p *principal, w Wish, ask *access.Ask) error {
	if !p.holder.mayNameSubjects {
		return access.New(access.Forbidden, "subject_not_allowed", "this key may not name subjects; make one with may_name_subjects").At("/subject")
	}
	if len(w.Subject) > MaxSubject || strings.TrimSpace(w.Subject) != w.Subject || strings.ContainsFunc(w.Subject, unprintable) {
		return malformed("invalid_subject", fmt.Sprintf("a subject has at most %d bytes, no line breaks or control characters and no space at either end", MaxSubject), "/subject")
	}
	if access.IsID(w.Subject) { // RFC 9068, section 5: nobody is called like somebody else
		return malformed("invalid_subject", "a subject must not look like an id of this server (usr_…, key_…): it would be taken for the one who has it", "/subject")
	}
	if w.Renewable != nil && *w.Renewable {
		return malformed("subject_not_renewable", "a pass for a named subject is short and not renewable: its backend mints the next one", "/renewable")
	}
	if ask.Life > NamedSubjectMaxLife {
		return access.New(access.Forbidden, "life_exceeded", fmt.Sprintf("a pass for a named subject lasts at most %d seconds", int64(NamedSubjectMaxLife/time.Second))).At("/expires_in")
	}
	if ask.Life == 0 {
		ask.Life = NamedSubjectLife
	}
	return nil
}

// unprintable is what a log or a page would not show as it stands: controls,
// line separators, and what turns the direction of writing.
func unprintable(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// setLife fills in the default life: the application's, else the server's,
// within what the key has. Only a default is ever shortened, never a wish.
func (s *Service) setLife(ask *access.Ask, parent *access.Authority, w Wish, now time.Time) {
	life := min(s.DefaultLife, s.boundLife(parent, *ask))
	if ask.Life > 0 && w.ExpiresIn != nil {
		return
	}
	if ask.Life > 0 {
		life = ask.Life
	}
	life = min(life, parent.MaxLife)
	if !parent.NotAfter.IsZero() {
		life = min(life, parent.NotAfter.Sub(now))
	}
	ask.Life = life
}

// boundLife holds the parent to the longest life that each application the pass
// will be for allows, and returns the shortest of their defaults.
func (s *Service) boundLife(parent *access.Authority, ask access.Ask) (fallback time.Duration) {
	audiences := parent.Audiences
	if ask.Audiences != nil {
		audiences = *ask.Audiences
	}
	fallback = s.MaxLife
	for _, a := range audiences {
		app, ok := s.Scene.Application(a.Organization, a.Application)
		if !ok {
			continue
		}
		if app.DefaultLife > 0 {
			fallback = min(fallback, app.DefaultLife)
		}
		if app.MaxLife > 0 {
			parent.MaxLife = min(parent.MaxLife, app.MaxLife)
		}
	}
	return fallback
}

// renewable is the wish, or by default whether the pass is bound to addresses.
func renewable(w Wish, ask access.Ask, parent access.Authority) bool {
	bound := parent.Renewable && (ask.Networks != nil || !parent.Everywhere)
	return wantsRenewable(w, bound)
}

func wantsRenewable(w Wish, fallback bool) bool {
	if w.Renewable == nil {
		return fallback
	}
	return *w.Renewable
}

// read turns the wish into an ask, refusing what is malformed with 400 and what
// names things that are not the holder's with 403.
func (s *Service) read(p *principal, w Wish, client Client) (access.Ask, error) {
	ask := access.Ask{Everywhere: w.NoIPProtection}
	for _, step := range []func(*access.Ask, *principal, Wish, Client) error{s.readLife, s.readScopes, s.readRoles, s.readAudience, s.readNetworks, s.readConfirmation} {
		if err := step(&ask, p, w, client); err != nil {
			return access.Ask{}, err
		}
	}
	return ask, nil
}

func malformed(code, message, pointer string) error {
	e := access.New(access.Malformed, code, message)
	if pointer == "" {
		return e
	}
	return e.At(pointer)
}

func (s *Service) readLife(ask *access.Ask, _ *principal, w Wish, _ Client) error {
	if w.ExpiresIn == nil {
		return nil
	}
	const most = int64(100 * 365 * 24 * 60 * 60)
	if *w.ExpiresIn < 1 || *w.ExpiresIn > most {
		return malformed("invalid_expires_in", "expires_in is a whole number of seconds, at least 1", "/expires_in")
	}
	ask.Life = time.Duration(*w.ExpiresIn) * time.Second
	return nil
}

func (s *Service) readScopes(ask *access.Ask, _ *principal, w Wish, _ Client) error {
	if w.Scopes == nil {
		return nil
	}
	if len(*w.Scopes) > MaxScopes {
		return malformed("too_many_scopes", fmt.Sprintf("a pass holds at most %d scopes", MaxScopes), "/scopes")
	}
	set, err := scope.ParseSet(*w.Scopes)
	if err != nil {
		return malformed("invalid_scope", err.Error(), "/scopes")
	}
	ask.Scopes = &set
	return nil
}

func (s *Service) readRoles(ask *access.Ask, p *principal, w Wish, _ Client) error {
	if w.Roles == nil {
		return nil
	}
	if len(*w.Roles) > MaxRoles {
		return malformed("too_many_roles", fmt.Sprintf("a pass holds at most %d roles", MaxRoles), "/roles")
	}
	roles := make([]access.Role, 0, len(*w.Roles))
	for i, text := range *w.Roles {
		ref, err := access.ParseRoleRef(text)
		if err != nil {
			return malformed("invalid_role", err.(*access.Error).Message, fmt.Sprintf("/roles/%d", i))
		}
		role := access.Role{Name: ref.Name, OrganizationID: p.holder.organization.Value().ID}
		if ref.Name == access.Administrator {
			role.OrganizationID = ""
		}
		if ref.Application != "" {
			app, ok := s.Scene.Application(p.holder.organization.Value().Slug, ref.Application)
			if !ok {
				return access.New(access.Forbidden, "role_exceeded", fmt.Sprintf("the credential does not hold role %q", ref)).At(fmt.Sprintf("/roles/%d", i))
			}
			role.ApplicationID = app.Audience.ApplicationID
		}
		if !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	ask.Roles = &roles
	return nil
}

func (s *Service) readAudience(ask *access.Ask, p *principal, w Wish, _ Client) error {
	if w.Audience == nil {
		return nil
	}
	if n := len(*w.Audience); n == 0 || n > MaxAudiences {
		return malformed("invalid_audience", fmt.Sprintf("name 1 to %d audiences", MaxAudiences), "/audience")
	}
	audiences := make([]access.Audience, 0, len(*w.Audience))
	for _, text := range *w.Audience {
		a, err := s.audience(p.holder.organization.Value(), text)
		if err != nil {
			return err
		}
		if !slices.Contains(audiences, a) {
			audiences = append(audiences, a)
		}
	}
	ask.Audiences = &audiences
	return nil
}

func (s *Service) audience(org access.Organization, text string) (access.Audience, error) {
	slug, app, full := strings.Cut(text, "/")
	if !full && text != org.Slug {
		slug, app = org.Slug, text
	}
	if text == "" || !access.ValidSlug(slug) || (app != "" || full) && !access.ValidSlug(app) {
		return access.Audience{}, malformed("invalid_audience", "an audience is an application ('photos', 'acme/photos') or the organization ('acme')", "/audience")
	}
	whole := access.Audience{Organization: org.Slug, OrganizationID: org.ID}
	if slug == org.Slug && app == "" {
		return whole, nil
	}
	if slug == org.Slug {
		if found, ok := s.Scene.Application(org.Slug, app); ok {
			return found.Audience, nil
		}
	}
	return access.Audience{}, access.New(access.Forbidden, "audience_exceeded", fmt.Sprintf("there is no application %q in organization %q", text, org.Slug)).At("/audience")
}

func (s *Service) readNetworks(ask *access.Ask, _ *principal, w Wish, client Client) error {
	if w.IPs == nil {
		return nil
	}
	if w.NoIPProtection {
		return malformed("ips_and_no_ip_protection", "ips and no_ip_protection exclude each other; send one of them", "/no_ip_protection")
	}
	if n := len(*w.IPs); n == 0 || n > s.MaxNetworks {
		return malformed("invalid_ips", fmt.Sprintf("ips lists 1 to %d addresses or networks", s.MaxNetworks), "/ips")
	}
	prefixes := make([]netip.Prefix, 0, len(*w.IPs))
	for i, text := range *w.IPs {
		if text == RequestIP {
			addr := client.Address.Unmap()
			prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		prefix, err := access.ParseNetwork(text)
		if err != nil {
			return malformed("invalid_network", err.(*access.Error).Message, fmt.Sprintf("/ips/%d", i))
		}
		prefixes = append(prefixes, prefix)
	}
	networks := access.NewNetworks(prefixes...)
	if networks.Size() > s.MaxAddresses {
		return malformed("ips_too_wide", fmt.Sprintf("ips may cover at most %d addresses (IPv6: /64 networks)", s.MaxAddresses), "/ips")
	}
	ask.Networks = &networks
	return nil
}

func joinAudiences(list []access.Audience) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}

func joinNetworks(n access.Networks) string { return strings.Join(n.Strings(), " ") }
