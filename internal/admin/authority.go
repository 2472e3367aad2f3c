package admin

import (
	"fmt"
	"slices"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// grant is what a caller may do by one operation in one organization.
type grant struct {
	caller *access.Caller
	org    access.Organization
	roles  []access.Role // of the credential, as far as its owner's membership still has them

	everything bool
	whole      bool            // every application
	apps       map[string]bool // single applications, by id
	self       bool
}

// decide is the whole of authorisation: scope, audience, then the table. Whether
// the organization may be seen at all was decided before.
func decide(op Operation, caller *access.Caller, org access.Organization, roles []access.Role) (*grant, error) {
	p := permissionOf[op]
	if p.Scope != "" && !caller.Authority.Scopes.Match(p.Scope) {
		e := access.New(access.Forbidden, "scope_missing", fmt.Sprintf("this needs a credential with scope %s", p.Scope))
		e.Scope = p.Scope
		return nil, e
	}
	g := &grant{caller: caller, org: org, roles: roles, apps: map[string]bool{}, self: p.Self && (caller.UserID != "" || op == opMe)}
	for _, role := range roles {
		if role.Name != access.Administrator && role.OrganizationID != org.ID {
			continue
		}
		switch reach := p.reach(role); {
		case reach == Everything:
			g.everything, g.whole = true, true
		case reach == Held && role.ApplicationID == "":
			g.whole = true
		case reach == Held:
			g.apps[role.ApplicationID] = true
		}
	}
	if !g.everything && !g.whole && len(g.apps) == 0 && !g.self {
		return nil, access.New(access.Forbidden, "role_missing", fmt.Sprintf("none of your roles may do this (%s); docs/roles.md shows which may", op))
	}
	return g, g.holdAudience(p)
}

// holdAudience keeps a pass for one application at that application: it may be
// read by the application's own server, which must not administer with it.
func (g *grant) holdAudience(p Permission) error {
	if p.Scope == "" {
		return nil
	}
	home := g.caller.Organization.ID
	audiences := g.caller.Authority.Audiences
	if slices.ContainsFunc(audiences, func(a access.Audience) bool {
		return a.OrganizationID == home && a.ApplicationID == ""
	}) {
		return nil
	}
	if p.ApplicationManager != Held || g.org.ID != home || len(audiences) == 0 {
		return errAudience
	}
	good := map[string]bool{}
	for _, a := range audiences {
		if a.OrganizationID == home && (g.whole || g.apps[a.ApplicationID]) {
			good[a.ApplicationID] = true
		}
	}
	g.everything, g.whole, g.apps = false, false, good
	return nil
}

var errAudience = access.New(access.Forbidden, "audience_exceeded", "this pass is for one application; use one for the whole organization")

// mayUser reports whether the operation reaches what belongs to a user.
func (g *grant) mayUser(userID string) bool {
	return g.everything || g.self && userID != "" && userID == g.caller.UserID
}

// mayApplication reports whether the operation reaches an application.
func (g *grant) mayApplication(id string) bool { return g.whole || g.apps[id] }

// only is the user to whom lists are narrowed; empty: everybody's.
func (g *grant) only() string {
	if g.everything {
		return ""
	}
	if g.caller.UserID == "" {
		return nobody
	}
	return g.caller.UserID
}

// nobody is a user that there is not: what is its own is nothing.
const nobody = "usr_nobody"

func (g *grant) isAdministrator() bool {
	return access.HoldsRole(g.roles, access.Role{Name: access.Administrator})
}

// manages reports whether the caller is the organization's account manager or more.
func (g *grant) manages() bool {
	return g.isAdministrator() || access.HoldsRole(g.roles, access.Role{Name: access.AccountManager, OrganizationID: g.org.ID})
}

// mayHandOnRole is the rule against escalation: administrator comes from an
// administrator, any other role from who manages the organization or holds it.
func (g *grant) mayHandOnRole(role access.Role) bool {
	switch {
	case g.isAdministrator():
		return true
	case role.Name == access.Administrator:
		return false
	}
	return g.manages() || access.HoldsRole(g.roles, role)
}

func (g *grant) handOnRoles(roles []access.Role) error {
	for _, role := range roles {
		if !g.mayHandOnRole(role) {
			return access.New(access.Forbidden, "role_exceeded", fmt.Sprintf("you may not hand on role %q: it exceeds your own", role.Name)).At("/roles")
		}
	}
	return nil
}

func (g *grant) handOnScopes(scopes scope.Set) error {
	if missing, ok := g.caller.Authority.Scopes.IncludesSet(scopes); !ok {
		return scopeExceeded(missing)
	}
	return nil
}

func scopeExceeded(missing scope.Pattern) error {
	return access.New(access.Forbidden, "scope_exceeded", fmt.Sprintf("your credential does not hold scope %q, so it cannot hand it on", missing)).At("/scopes")
}

// mayTouch keeps an administrator's membership, user and keys from everyone but
// administrators.
func (g *grant) mayTouch(roles []access.Role) error {
	if holdsAdministrator(roles) && !g.isAdministrator() {
		return access.New(access.Forbidden, "role_exceeded", "only an administrator may change an administrator")
	}
	return nil
}

func holdsAdministrator(roles []access.Role) bool {
	return access.HoldsRole(roles, access.Role{Name: access.Administrator})
}

var everyScope = scope.NewSet(scope.MustParse("*"))

// ceiling is the widest a key of a membership may be.
type ceiling struct {
	roles  []access.Role
	scopes scope.Set
}

// holds refuses what lies outside the ceiling.
func (c ceiling) holds(scopes scope.Set, roles []access.Role) error {
	if missing, ok := c.scopes.IncludesSet(scopes); !ok {
		return access.New(access.Forbidden, "scope_exceeded", fmt.Sprintf("the owner's roles do not give scope %q", missing)).At("/scopes")
	}
	for _, role := range roles {
		if !access.HoldsRole(c.roles, role) {
			return access.New(access.Forbidden, "role_exceeded", fmt.Sprintf("the owner does not hold role %q there", role.Name)).At("/roles")
		}
	}
	return nil
}

// coversRoles reports whether whoever holds the held roles has each of ask.
func coversRoles(held, ask []access.Role) bool {
	return !slices.ContainsFunc(ask, func(r access.Role) bool { return !access.HoldsRole(held, r) })
}
