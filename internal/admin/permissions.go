package admin

import (
	"github.com/daypass/daypass/internal/access"
)

// Reach is how far a permission goes for one role.
type Reach uint8

// The reaches, the shortest first.
const (
	Nothing    Reach = iota
	Held             // the applications the role is held in; every one if it is held in the organization
	Everything       // everything of the organization
)

// Operation names one row of [Permissions].
type Operation string

// The operations, one for each route.
const (
	opMe = Operation("me")

	opListOrganizations  = Operation("organizations.list")
	opCreateOrganization = Operation("organizations.create")
	opGetOrganization    = Operation("organizations.get")
	opUpdateOrganization = Operation("organizations.update")

	opListUsers  = Operation("users.list")
	opCreateUser = Operation("users.create")
	opGetUser    = Operation("users.get")
	opUpdateUser = Operation("users.update")
	opDeleteUser = Operation("users.delete")

	opListMemberships  = Operation("memberships.list")
	opGetMembership    = Operation("memberships.get")
	opPutMembership    = Operation("memberships.put")
	opDeleteMembership = Operation("memberships.delete")

	opListRoles  = Operation("roles.list")
	opGetRole    = Operation("roles.get")
	opPutRole    = Operation("roles.put")
	opDeleteRole = Operation("roles.delete")

	opInviteUser    = Operation("users.invite")
	opResetPassword = Operation("passwords.reset")
	opSetPassword   = Operation("passwords.set")
	opListSessions  = Operation("sessions.list")
	opEndSession    = Operation("sessions.end")
	opEndSessions   = Operation("sessions.end_all")
	opListAttempts  = Operation("attempts.list")

	opListPasskeys  = Operation("passkeys.list")
	opEnrolPasskey  = Operation("passkeys.enrol")
	opDeletePasskey = Operation("passkeys.delete")

	opListKeys  = Operation("keys.list")
	opCreateKey = Operation("keys.create")
	opGetKey    = Operation("keys.get")
	opDeleteKey = Operation("keys.delete")
	opRotateKey = Operation("keys.rotate")
	opUpdateKey = Operation("keys.update")

	opListPlans  = Operation("plans.list")
	opGetPlan    = Operation("plans.get")
	opPutPlan    = Operation("plans.put")
	opDeletePlan = Operation("plans.delete")

	opSuggestKey = Operation("keys.suggest")
	opNarrowKey  = Operation("keys.narrow")

	opGetShadow  = Operation("applications.get_shadow")
	opDropShadow = Operation("applications.drop_shadow")
	opCompare    = Operation("applications.compare_shadow")
	opReplay     = Operation("applications.replay")

	opListApplications  = Operation("applications.list")
	opGetApplication    = Operation("applications.get")
	opPutApplication    = Operation("applications.put")
	opSetApplication    = Operation("applications.update")
	opDeleteApplication = Operation("applications.delete")

	opListNetworks            = Operation("networks.list")
	opAddNetworks             = Operation("networks.add")
	opReplaceNetworks         = Operation("networks.replace")
	opDeleteNetwork           = Operation("networks.delete")
	opListPlatformNetworks    = Operation("platform_networks.list")
	opAddPlatformNetworks     = Operation("platform_networks.add")
	opReplacePlatformNetworks = Operation("platform_networks.replace")
	opDeletePlatformNetwork   = Operation("platform_networks.delete")

	opListTokens      = Operation("tokens.list")
	opGetToken        = Operation("tokens.get")
	opRevokeToken     = Operation("tokens.revoke")
	opRevokePresented = Operation("tokens.revoke_presented")

	opListEvents = Operation("events.list")
	opReadUsage  = Operation("usage.read")

	opReadFeed = Operation("feed.read")

	opListKeyset       = Operation("keyset.list")
	opRotateKeyset     = Operation("keyset.rotate")
	opRetireKeyset     = Operation("keyset.retire")
	opExportDecryption = Operation("keyset.export")

	opListIdentities = Operation("identities.list")
	opGetIdentity    = Operation("identities.get")
	opUpdateIdentity = Operation("identities.update")
	opDeleteIdentity = Operation("identities.delete")

	opListIssuers  = Operation("issuers.list")
	opGetIssuer    = Operation("issuers.get")
	opPutIssuer    = Operation("issuers.put")
	opDeleteIssuer = Operation("issuers.delete")
	opTestIssuer   = Operation("issuers.test")
)

// Permission is one row: who may use a route. The administrator may use every
// row in every organization and has no column.
type Permission struct {
	Operation Operation
	Method    string
	Route     string
	Scope     string // the credential must hold it; empty: any credential will do

	AccountManager     Reach
	ApplicationManager Reach
	Developer          Reach
	Self               bool // every member, for what belongs to its own user
}

const (
	orgs  = "/v1/organizations"
	inOrg = "/v1/organizations/{org}"
	ofApp = inOrg + "/applications/{app}"
)

// permissions is the one table of who may do what. docs/roles.md shows it.
var permissions = []Permission{
	{opMe, "GET", "/v1/me", "", Nothing, Nothing, Nothing, true},

	{opListOrganizations, "GET", orgs, "daypass:organizations:read", Everything, Nothing, Nothing, false},
	{opCreateOrganization, "POST", orgs, "daypass:organizations:write", Nothing, Nothing, Nothing, false},
	{opGetOrganization, "GET", inOrg, "daypass:organizations:read", Everything, Nothing, Nothing, false},
	{opUpdateOrganization, "PATCH", inOrg, "daypass:organizations:write", Everything, Nothing, Nothing, false},

	{opListUsers, "GET", inOrg + "/users", "daypass:users:read", Everything, Everything, Nothing, true},
	{opCreateUser, "POST", inOrg + "/users", "daypass:users:write", Everything, Nothing, Nothing, false},
	{opGetUser, "GET", inOrg + "/users/{user}", "daypass:users:read", Everything, Everything, Nothing, true},
	{opUpdateUser, "PATCH", inOrg + "/users/{user}", "daypass:users:write", Everything, Nothing, Nothing, true},
	{opDeleteUser, "DELETE", inOrg + "/users/{user}", "daypass:users:write", Everything, Nothing, Nothing, false},

	{opInviteUser, "POST", inOrg + "/users/{user}/invitation", "daypass:users:write", Everything, Nothing, Nothing, false},
	{opResetPassword, "POST", inOrg + "/users/{user}/password-reset", "daypass:users:write", Everything, Nothing, Nothing, false},
	{opSetPassword, "PUT", inOrg + "/users/{user}/password", "daypass:passwords:write", Nothing, Nothing, Nothing, true},
	{opListSessions, "GET", inOrg + "/users/{user}/sessions", "daypass:sessions:read", Everything, Nothing, Nothing, true},
	{opEndSession, "DELETE", inOrg + "/users/{user}/sessions/{session}", "daypass:sessions:write", Everything, Nothing, Nothing, true},
	{opEndSessions, "DELETE", inOrg + "/users/{user}/sessions", "daypass:sessions:write", Everything, Nothing, Nothing, true},
	{opListAttempts, "GET", inOrg + "/attempts", "daypass:events:read", Everything, Nothing, Nothing, false},

	{opListPasskeys, "GET", "/v1/passkeys", "daypass:passkeys:read", Nothing, Nothing, Nothing, true},
	{opEnrolPasskey, "POST", "/v1/passkeys", "daypass:passkeys:write", Nothing, Nothing, Nothing, true},
	{opDeletePasskey, "DELETE", "/v1/passkeys/{passkey}", "daypass:passkeys:write", Nothing, Nothing, Nothing, true},

	{opListMemberships, "GET", inOrg + "/memberships", "daypass:memberships:read", Everything, Everything, Nothing, true},
	{opGetMembership, "GET", inOrg + "/memberships/{user}", "daypass:memberships:read", Everything, Everything, Nothing, true},
	{opPutMembership, "PUT", inOrg + "/memberships/{user}", "daypass:memberships:write", Everything, Nothing, Nothing, false},
	{opDeleteMembership, "DELETE", inOrg + "/memberships/{user}", "daypass:memberships:write", Everything, Nothing, Nothing, false},

	{opListRoles, "GET", inOrg + "/roles", "daypass:roles:read", Everything, Everything, Nothing, false},
	{opGetRole, "GET", inOrg + "/roles/{role}", "daypass:roles:read", Everything, Everything, Nothing, false},
	{opPutRole, "PUT", inOrg + "/roles/{role}", "daypass:roles:write", Everything, Nothing, Nothing, false},
	{opDeleteRole, "DELETE", inOrg + "/roles/{role}", "daypass:roles:write", Everything, Nothing, Nothing, false},

	{opListKeys, "GET", inOrg + "/keys", "daypass:keys:read", Everything, Nothing, Nothing, true},
	{opCreateKey, "POST", inOrg + "/keys", "daypass:keys:write", Everything, Nothing, Nothing, true},
	{opGetKey, "GET", inOrg + "/keys/{key}", "daypass:keys:read", Everything, Nothing, Nothing, true},
	{opDeleteKey, "DELETE", inOrg + "/keys/{key}", "daypass:keys:write", Everything, Nothing, Nothing, true},
	{opRotateKey, "POST", inOrg + "/keys/{key}/rotate", "daypass:keys:write", Everything, Nothing, Nothing, true},

	{opUpdateKey, "PATCH", inOrg + "/keys/{key}", "daypass:keys:write", Everything, Nothing, Nothing, false},

	{opListPlans, "GET", inOrg + "/plans", "daypass:plans:read", Everything, Everything, Everything, false},
	{opGetPlan, "GET", inOrg + "/plans/{plan}", "daypass:plans:read", Everything, Everything, Everything, false},
	{opPutPlan, "PUT", inOrg + "/plans/{plan}", "daypass:plans:write", Everything, Nothing, Nothing, false},
	{opDeletePlan, "DELETE", inOrg + "/plans/{plan}", "daypass:plans:write", Everything, Nothing, Nothing, false},

	{opListApplications, "GET", inOrg + "/applications", "daypass:applications:read", Everything, Held, Held, false},
	{opGetApplication, "GET", inOrg + "/applications/{app}", "daypass:applications:read", Everything, Held, Held, false},
	{opPutApplication, "PUT", inOrg + "/applications/{app}", "daypass:applications:write", Everything, Held, Held, false},
	{opSetApplication, "PATCH", inOrg + "/applications/{app}", "daypass:applications:write", Everything, Held, Nothing, false},
	{opDeleteApplication, "DELETE", inOrg + "/applications/{app}", "daypass:applications:write", Everything, Held, Nothing, false},

	{opListNetworks, "GET", ofApp + "/networks", "daypass:networks:read", Everything, Held, Held, false},
	{opAddNetworks, "POST", ofApp + "/networks", "daypass:networks:write", Everything, Held, Held, false},
	{opReplaceNetworks, "PUT", ofApp + "/networks", "daypass:networks:write", Everything, Held, Held, false},
	{opDeleteNetwork, "DELETE", ofApp + "/networks/{network}", "daypass:networks:write", Everything, Held, Held, false},
	{opListPlatformNetworks, "GET", "/v1/networks", "daypass:networks:read", Nothing, Nothing, Nothing, false},
	{opAddPlatformNetworks, "POST", "/v1/networks", "daypass:networks:write", Nothing, Nothing, Nothing, false},
	{opReplacePlatformNetworks, "PUT", "/v1/networks", "daypass:networks:write", Nothing, Nothing, Nothing, false},
	{opDeletePlatformNetwork, "DELETE", "/v1/networks/{network}", "daypass:networks:write", Nothing, Nothing, Nothing, false},
	{opSuggestKey, "GET", inOrg + "/keys/{key}/suggestion", "daypass:keys:read", Everything, Nothing, Nothing, true},
	{opNarrowKey, "POST", inOrg + "/keys/{key}/narrow", "daypass:keys:write", Everything, Nothing, Nothing, true},
	{opGetShadow, "GET", inOrg + "/applications/{app}/shadow", "daypass:applications:read", Everything, Held, Held, false},
	{opDropShadow, "DELETE", inOrg + "/applications/{app}/shadow", "daypass:applications:write", Everything, Held, Held, false},
	{opCompare, "GET", inOrg + "/applications/{app}/shadow/differences", "daypass:facts:read", Everything, Held, Held, false},
	{opReplay, "POST", inOrg + "/applications/{app}/replay", "daypass:facts:read", Everything, Held, Held, false},

	{opListTokens, "GET", inOrg + "/tokens", "daypass:tokens:read", Everything, Everything, Nothing, true},
	{opGetToken, "GET", inOrg + "/tokens/{token}", "daypass:tokens:read", Everything, Everything, Nothing, true},
	{opRevokeToken, "DELETE", inOrg + "/tokens/{token}", "daypass:tokens:write", Everything, Nothing, Nothing, true},
	{opRevokePresented, "POST", "/v1/tokens/revoke", "", Nothing, Nothing, Nothing, true},

	{opListEvents, "GET", inOrg + "/events", "daypass:events:read", Everything, Everything, Nothing, false},
	{opReadUsage, "GET", inOrg + "/usage", "daypass:usage:read", Everything, Everything, Everything, true},

	{opReadFeed, "GET", "/v1/feed", "daypass:feed:read", Nothing, Nothing, Nothing, false},

	{opListKeyset, "GET", "/v1/keyset", "daypass:keyset:read", Nothing, Nothing, Nothing, false},
	{opRotateKeyset, "POST", "/v1/keyset/rotate", "daypass:keyset:write", Nothing, Nothing, Nothing, false},
	{opRetireKeyset, "POST", "/v1/keyset/{id}/retire", "daypass:keyset:write", Nothing, Nothing, Nothing, false},
	{opExportDecryption, "POST", "/v1/keyset/decryption", "daypass:decryption:read", Nothing, Nothing, Nothing, false},
	{opListIdentities, "GET", inOrg + "/identities", "daypass:identities:read", Everything, Nothing, Nothing, true},
	{opGetIdentity, "GET", inOrg + "/identities/{identity}", "daypass:identities:read", Everything, Nothing, Nothing, true},
	{opUpdateIdentity, "PATCH", inOrg + "/identities/{identity}", "daypass:identities:write", Everything, Nothing, Nothing, true},
	{opDeleteIdentity, "DELETE", inOrg + "/identities/{identity}", "daypass:identities:write", Everything, Nothing, Nothing, true},

	{opListIssuers, "GET", inOrg + "/issuers", "daypass:issuers:read", Everything, Nothing, Nothing, false},
	{opGetIssuer, "GET", inOrg + "/issuers/{issuer}", "daypass:issuers:read", Everything, Nothing, Nothing, false},
	{opPutIssuer, "PUT", inOrg + "/issuers/{issuer}", "daypass:issuers:write", Everything, Nothing, Nothing, false},
	{opDeleteIssuer, "DELETE", inOrg + "/issuers/{issuer}", "daypass:issuers:write", Everything, Nothing, Nothing, false},
	{opTestIssuer, "POST", inOrg + "/issuers/{issuer}/test", "daypass:issuers:read", Everything, Nothing, Nothing, false},
}

var permissionOf = func() map[Operation]Permission {
	index := make(map[Operation]Permission, len(permissions))
	for _, p := range permissions {
		index[p.Operation] = p
	}
	return index
}()

// Permissions returns a copy of the table.
func Permissions() []Permission { return append([]Permission(nil), permissions...) }

// reach is how far one role goes here, and whether that takes holding it in the
// whole organization. Custom roles and consumer reach nothing beyond Self.
func (p Permission) reach(role access.Role) Reach {
	switch role.Name {
	case access.Administrator:
		return Everything
	case access.AccountManager:
		if role.ApplicationID != "" {
			return Nothing // the role is of an organization; in one application it means nothing
		}
		return p.AccountManager
	case access.ApplicationManager:
		return p.ApplicationManager
	case access.Developer:
		return p.Developer
	}
	return Nothing
}
