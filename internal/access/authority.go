package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/scope"
)

// Audience is where a token is good: one application, or, with an empty
// ApplicationID, every application of the organization.
type Audience struct {
	Organization   string // slug
	Application    string // slug; empty: the whole organization
	OrganizationID string
	ApplicationID  string // empty: the whole organization
}

// String is the value of the aud claim: "acme" or "acme/photos".
func (a Audience) String() string {
	if a.Application == "" {
		return a.Organization
	}
	return a.Organization + "/" + a.Application
}

// Covers reports whether being good at a means being good at ask.
func (a Audience) Covers(ask Audience) bool {
	return a.OrganizationID == ask.OrganizationID &&
		(a.ApplicationID == "" || a.ApplicationID == ask.ApplicationID)
}

// Authority is what a credential may do:
// scopes × roles × networks × audiences × time × renewability × sender key.
// The zero value may do nothing.
type Authority struct {
	Scopes    scope.Set
	Roles     []Role
	Audiences []Audience

	// Everywhere lifts the address restriction; otherwise only Networks count.
	Everywhere bool
	Networks   Networks

	// NotAfter is the last moment anything of this authority may be used. The
	// zero time is no end (keys only; a token always ends).
	NotAfter time.Time
	// MaxLife bounds the life of one token made from it; for a token it is what
	// the first token was granted (the expt claim). Zero forbids tokens.
	MaxLife time.Duration
	// Renewable permits a token made from it to be exchanged for one that ends
	// later. Without it a token's descendants end when it does.
	Renewable bool

	// Confirmation binds to the sender's key (RFC 7638 thumbprint); empty: bearer.
	Confirmation string
}

// Ask is what a caller wants of an authority. A nil or zero field asks for what
// the parent has; anything else is asked exactly.
type Ask struct {
	Scopes       *scope.Set
	Roles        *[]Role
	Audiences    *[]Audience
	Everywhere   bool // ask for no address restriction
	Networks     *Networks
	Life         time.Duration // > 0
	Renewable    bool
	Confirmation string
}

// Exceeded is the error of [Narrow]: it names the first thing of the ask that
// lies outside the parent.
func exceeded(what, code, message string, args ...any) *Error {
	return New(Forbidden, code, fmt.Sprintf(message, args...)).At("/" + what)
}

// Narrow hands on authority. It returns exactly what was asked for, as it holds
// from now on, or an [*Error] of kind Forbidden naming the first thing that
// exceeds the parent; nothing is silently dropped or widened. Codes:
// scope_exceeded, role_exceeded, audience_exceeded, network_exceeded,
// life_exceeded, renewable_exceeded, confirmation_exceeded.
//
// The result's NotAfter is set: now + life, never past the parent's. Its MaxLife
// is its life. The law, property-tested: whatever a chain of narrowings allows,
// each ancestor allows.
func Narrow(parent Authority, ask Ask, now time.Time) (Authority, error) {
	child := parent
	child.Renewable = ask.Renewable
	for _, step := range []func(*Authority, Authority, Ask) error{
		narrowScopes, narrowRoles, narrowAudiences, narrowNetworks, narrowRenewable, narrowConfirmation,
	} {
		if err := step(&child, parent, ask); err != nil {
			return Authority{}, err
		}
	}
	if err := narrowTime(&child, parent, ask, now); err != nil {
		return Authority{}, err
	}
	return child, nil
}

func narrowScopes(child *Authority, parent Authority, ask Ask) error {
	if ask.Scopes == nil {
		return nil
	}
	if missing, ok := parent.Scopes.IncludesSet(*ask.Scopes); !ok {
		return exceeded("scopes", "scope_exceeded", "the credential does not hold scope %q; it holds: %s", missing, listed(parent.Scopes.Strings()))
	}
	child.Scopes = *ask.Scopes
	return nil
}

func narrowRoles(child *Authority, parent Authority, ask Ask) error {
	if ask.Roles == nil {
		return nil
	}
	for _, role := range *ask.Roles {
		if !HoldsRole(parent.Roles, role) {
			return exceeded("roles", "role_exceeded", "the credential does not hold role %q", role.Name)
		}
	}
	child.Roles = slices.Clone(*ask.Roles)
	return nil
}

// HoldsRole reports whether any of the held roles covers ask.
func HoldsRole(held []Role, ask Role) bool {
	return slices.ContainsFunc(held, func(r Role) bool { return r.Covers(ask) })
}

func narrowAudiences(child *Authority, parent Authority, ask Ask) error {
	if ask.Audiences == nil {
		return nil
	}
	if len(*ask.Audiences) == 0 {
		return exceeded("audience", "audience_exceeded", "a token needs at least one audience")
	}
	for _, want := range *ask.Audiences {
		if !slices.ContainsFunc(parent.Audiences, func(held Audience) bool { return held.Covers(want) }) {
			return exceeded("audience", "audience_exceeded", "the credential is not good for audience %q", want)
		}
	}
	child.Audiences = slices.Clone(*ask.Audiences)
	return nil
}

func narrowNetworks(child *Authority, parent Authority, ask Ask) error {
	if ask.Everywhere && !parent.Everywhere {
		return exceeded("no_ip_protection", "network_exceeded", "the credential is bound to addresses, so no_ip_protection is refused; it may be used from: %s", listed(parent.Networks.Strings()))
	}
	if ask.Networks == nil {
		return nil
	}
	if !parent.Everywhere {
		for _, p := range ask.Networks.Prefixes() {
			if !parent.Networks.Includes(p) {
				return exceeded("ips", "network_exceeded", "the credential is not good at %s; it may be used from: %s", FormatNetwork(p), listed(parent.Networks.Strings()))
			}
		}
	}
	child.Everywhere, child.Networks = false, *ask.Networks
	return nil
}

func narrowRenewable(_ *Authority, parent Authority, ask Ask) error {
	if ask.Renewable && !parent.Renewable {
		return exceeded("renewable", "renewable_exceeded", "the credential may not make renewable tokens")
	}
	return nil
}

func narrowConfirmation(child *Authority, parent Authority, ask Ask) error {
	if ask.Confirmation == "" {
		return nil
	}
	if parent.Confirmation != "" && parent.Confirmation != ask.Confirmation {
		return exceeded("confirmation", "confirmation_exceeded", "the credential is bound to another sender key")
	}
	child.Confirmation = ask.Confirmation
	return nil
}

func narrowTime(child *Authority, parent Authority, ask Ask, now time.Time) error {
	life := ask.Life
	if life <= 0 {
		life = parent.MaxLife
		if !parent.NotAfter.IsZero() {
			life = min(life, parent.NotAfter.Sub(now))
		}
	}
	if life > parent.MaxLife {
		return exceeded("expires_in", "life_exceeded", "expires_in may be at most %d seconds here", int64(parent.MaxLife/time.Second))
	}
	if life <= 0 {
		return exceeded("expires_in", "life_exceeded", "the credential has no time left")
	}
	end := now.Add(life)
	if !parent.NotAfter.IsZero() && end.After(parent.NotAfter) {
		return exceeded("expires_in", "life_exceeded", "the credential ends in %d seconds; ask for no more", int64(parent.NotAfter.Sub(now)/time.Second))
	}
	child.NotAfter, child.MaxLife = end, life
	return nil
}

// Within reports whether child allows nothing that parent does not, time aside.
// With the parent not within the child too, child is strictly narrower.
func (child Authority) Within(parent Authority) bool {
	ask := Ask{Scopes: &child.Scopes, Roles: &child.Roles, Audiences: &child.Audiences, Everywhere: child.Everywhere, Confirmation: child.Confirmation}
	if !child.Everywhere {
		ask.Networks = &child.Networks
	}
	if child.Confirmation == "" && parent.Confirmation != "" {
		return false
	}
	var out Authority
	for _, step := range []func(*Authority, Authority, Ask) error{narrowScopes, narrowRoles, narrowAudiences, narrowNetworks, narrowConfirmation} {
		if step(&out, parent, ask) != nil {
			return false
		}
	}
	return true
}

func listed(items []string) string {
	const most = 12
	if len(items) == 0 {
		return "nothing"
	}
	if len(items) > most {
		return strings.Join(items[:most], ", ") + fmt.Sprintf(" and %d more", len(items)-most)
	}
	return strings.Join(items, ", ")
}
