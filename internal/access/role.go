package access

import (
	"regexp"
	"slices"
	"strings"

	"github.com/daypass/daypass/scope"
)

// The built-in roles. Administrator is the platform's: it reaches every
// organization. The others are held in one organization or one application.
const (
	Administrator      = "administrator"
	AccountManager     = "account_manager"
	ApplicationManager = "application_manager"
	Developer          = "developer"
	Consumer           = "consumer"
)

// BuiltinRoles lists the built-in roles, the strongest first.
var BuiltinRoles = []string{Administrator, AccountManager, ApplicationManager, Developer, Consumer}

// IsBuiltinRole reports whether name is one of [BuiltinRoles].
func IsBuiltinRole(name string) bool { return slices.Contains(BuiltinRoles, name) }

var (
	slugPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	rolePattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	idPattern   = regexp.MustCompile(`^[a-z]{3}_[0-9a-z]{26}$`)
)

// ValidSlug reports whether s may name an organization or an application:
// 1 to 63 lower-case letters, digits and inner hyphens (a DNS label).
func ValidSlug(s string) bool { return slugPattern.MatchString(s) }

// IsID reports whether s has the form of an id of this server's, such as usr_….
func IsID(s string) bool { return idPattern.MatchString(s) }

// ValidRoleName reports whether s may name a role: a lower-case letter, then up
// to 62 letters, digits, '_' or '-'.
func ValidRoleName(s string) bool { return rolePattern.MatchString(s) }

// Role is a role held in a whole organization, or in one application of it.
// Administrator has neither: it is the platform's.
type Role struct {
	Name           string
	OrganizationID string // empty for administrator
	ApplicationID  string // empty: the whole organization
}

// Covers reports whether holding r means holding ask: the same role in the same
// organization, there in the whole of it or in the same application.
func (r Role) Covers(ask Role) bool {
	return r.Name == ask.Name && r.OrganizationID == ask.OrganizationID &&
		(r.ApplicationID == "" || r.ApplicationID == ask.ApplicationID)
}

// RoleRef is a role as people write it: "developer", or "developer@photos" for
// one application. It is resolved to a [Role] inside one organization.
type RoleRef struct {
	Name        string
	Application string // slug; empty: the whole organization
}

// ParseRoleRef reads "name" or "name@application". It does not look up either.
func ParseRoleRef(s string) (RoleRef, error) {
	name, app, scoped := strings.Cut(s, "@")
	if !ValidRoleName(name) || (scoped && !ValidSlug(app)) {
		return RoleRef{}, New(Invalid, "invalid_role", "a role is written 'name' or 'name@application', as in developer@photos")
	}
	if scoped && name == Administrator {
		return RoleRef{}, New(Invalid, "invalid_role", "administrator is held on the whole platform, not in one application")
	}
	return RoleRef{Name: name, Application: app}, nil
}

func (r RoleRef) String() string {
	if r.Application == "" {
		return r.Name
	}
	return r.Name + "@" + r.Application
}

// CustomRole is a named scope set of an organization.
type CustomRole struct {
	ID             string
	OrganizationID string
	Name           string
	Comment        string
	Scopes         scope.Set
	Revision       int64
}
