package admin_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

// things is what one caller reaches for: somebody's user, key, token; an application.
type things struct{ org, user, key, token, app, role, plan, identity, issuer string }

const never = int64(1) << 40 // a revision nothing has: whoever is let through stops there

// routes calls each operation of the table on something. It must get as far as
// the thing itself and no further, so that the world stays as it is.
var routes = map[string]func(w *world, c *access.Caller, on things) error{
	"me": func(w *world, c *access.Caller, _ things) error { _, err := w.Me(w.ctx, c); return err },
	"organizations.list": func(w *world, c *access.Caller, _ things) error {
		_, err := w.Organizations(w.ctx, c, admin.Page{})
		return err
	},
	"organizations.create": func(w *world, c *access.Caller, _ things) error {
		_, err := w.CreateOrganization(w.ctx, c, admin.NewOrganization{Slug: "acme"})
		return err
	},
	"organizations.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Organization(w.ctx, c, on.org)
		return err
	},
	"organizations.update": func(w *world, c *access.Caller, on things) error {
		_, err := w.UpdateOrganization(w.ctx, c, on.org, admin.OrganizationPatch{Name: ptr("x")}, never)
		return err
	},
	"users.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Users(w.ctx, c, on.org, admin.MemberFilter{}, admin.Page{})
		return err
	},
	"users.create": func(w *world, c *access.Caller, on things) error {
		_, err := w.CreateUser(w.ctx, c, on.org, admin.NewUser{Roles: []string{"nosuch"}})
		return err
	},
	"users.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.User(w.ctx, c, on.org, on.user)
		return err
	},
	"users.update": func(w *world, c *access.Caller, on things) error {
		_, err := w.UpdateUser(w.ctx, c, on.org, on.user, admin.UserPatch{Name: ptr("x")}, never)
		return err
	},
	"users.delete": func(w *world, c *access.Caller, on things) error {
		return w.DeleteUser(w.ctx, c, on.org, on.user, never)
	},
	"memberships.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Memberships(w.ctx, c, on.org, admin.MemberFilter{}, admin.Page{})
		return err
	},
	"memberships.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Membership(w.ctx, c, on.org, on.user)
		return err
	},
	"memberships.put": func(w *world, c *access.Caller, on things) error {
		_, _, err := w.PutMembership(w.ctx, c, on.org, on.user, admin.MembershipPut{Roles: []string{"consumer"}}, never)
		return err
	},
	"memberships.delete": func(w *world, c *access.Caller, on things) error {
		return w.DeleteMembership(w.ctx, c, on.org, on.user, never)
	},
	"roles.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Roles(w.ctx, c, on.org, admin.Page{})
		return err
	},
	"roles.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Role(w.ctx, c, on.org, on.role)
		return err
	},
	"roles.put": func(w *world, c *access.Caller, on things) error {
		_, _, err := w.PutRole(w.ctx, c, on.org, on.role, admin.RolePut{Scopes: []string{"x"}}, never)
		return err
	},
	"roles.delete": func(w *world, c *access.Caller, on things) error {
		return w.DeleteRole(w.ctx, c, on.org, on.role, never)
	},
	"keys.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Keys(w.ctx, c, on.org, admin.KeyFilter{User: on.user}, admin.Page{})
		return err
	},
	"keys.create": func(w *world, c *access.Caller, on things) error {
		_, err := w.CreateKey(w.ctx, c, on.org, admin.NewKey{User: on.user, Scopes: []string{"x"}, Roles: []string{"nosuch"}})
		return err
	},
	"keys.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Key(w.ctx, c, on.org, on.key)
		return err
	},
	"keys.delete": func(w *world, c *access.Caller, on things) error { return w.DeleteKey(w.ctx, c, on.org, on.key, never) },
	"keys.rotate": func(w *world, c *access.Caller, on things) error {
		_, err := w.RotateKey(w.ctx, c, on.org, on.key, 0, never)
		return err
	},
	"keys.update": func(w *world, c *access.Caller, on things) error {
		_, err := w.UpdateKey(w.ctx, c, on.org, on.key, admin.KeyPatch{Plan: new("")}, never)
		return err
	},
	"plans.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Plans(w.ctx, c, on.org, admin.Page{})
		return err
	},
	"plans.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Plan(w.ctx, c, on.org, on.plan)
		return err
	},
	"plans.put": func(w *world, c *access.Caller, on things) error {
		_, _, err := w.PutPlan(w.ctx, c, on.org, on.plan, admin.PlanPut{Limits: []access.LimitText{{Quota: "1/d"}}}, never)
		return err
	},
	"plans.delete": func(w *world, c *access.Caller, on things) error {
		return w.DeletePlan(w.ctx, c, on.org, on.plan, never)
	},
	"issuers.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Issuers(w.ctx, c, on.org, admin.Page{})
		return err
	},
	"issuers.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Issuer(w.ctx, c, on.org, on.issuer)
		return err
	},
	"issuers.put": func(w *world, c *access.Caller, on things) error {
		_, _, err := w.PutIssuer(w.ctx, c, on.org, on.issuer, trusting, never)
		return err
	},
	"issuers.delete": func(w *world, c *access.Caller, on things) error {
		return w.DeleteIssuer(w.ctx, c, on.org, on.issuer, never)
	},
	"issuers.test": func(w *world, c *access.Caller, on things) error {
		_, err := w.TestedIssuer(w.ctx, c, on.org, on.issuer)
		return err
	},
	"applications.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Applications(w.ctx, c, on.org, admin.Page{})
		return err
	},
	"applications.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Application(w.ctx, c, on.org, on.app)
		return err
	},
	"applications.put": func(w *world, c *access.Caller, on things) error {
		_, _, err := w.PutApplication(w.ctx, c, on.org, on.app, document(on.app), never)
		return err
	},
	"applications.update": func(w *world, c *access.Caller, on things) error {
		_, err := w.SetApplicationActive(w.ctx, c, on.org, on.app, false, never)
		return err
	},
	"applications.delete": func(w *world, c *access.Caller, on things) error {
		return w.DeleteApplication(w.ctx, c, on.org, on.app, never)
	},
	"networks.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Networks(w.ctx, c, on.org, on.app, admin.NetworkFilter{}, admin.Page{})
		return err
	},
	"networks.add": func(w *world, c *access.Caller, on things) error {
		_, err := w.AddNetworks(w.ctx, c, on.org, on.app, allowing)
		return err
	},
	"networks.replace": func(w *world, c *access.Caller, on things) error {
		_, err := w.ReplaceNetworks(w.ctx, c, on.org, on.app, allowing)
		return err
	},
	"networks.delete": func(w *world, c *access.Caller, on things) error {
		return w.DeleteNetwork(w.ctx, c, on.org, on.app, "192.0.2.0/24", never)
	},
	"platform_networks.list": func(w *world, c *access.Caller, _ things) error {
		_, err := w.PlatformNetworks(w.ctx, c, admin.NetworkFilter{}, admin.Page{})
		return err
	},
	"platform_networks.add": func(w *world, c *access.Caller, _ things) error {
		_, err := w.AddPlatformNetworks(w.ctx, c, allowing)
		return err
	},
	"platform_networks.replace": func(w *world, c *access.Caller, _ things) error {
		_, err := w.ReplacePlatformNetworks(w.ctx, c, allowing)
		return err
	},
	"platform_networks.delete": func(w *world, c *access.Caller, _ things) error {
		return w.DeletePlatformNetwork(w.ctx, c, "192.0.2.0/24", never)
	},
	"users.invite": func(w *world, c *access.Caller, on things) error {
		_, err := w.LinkPassword(w.ctx, c, on.org, on.user, access.Invitation)
		return err
	},
	"passwords.reset": func(w *world, c *access.Caller, on things) error {
		_, err := w.LinkPassword(w.ctx, c, on.org, on.user, access.PasswordReset)
		return err
	},
	"passwords.set": func(w *world, c *access.Caller, on things) error {
		_, err := w.OwnPassword(w.ctx, c, on.org, on.user)
		if code := codeOf(err); code == "no_password" || code == "own_password_only" { // who asks may set one
			return nil
		}
		return err
	},
	"sessions.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Sessions(w.ctx, c, on.org, on.user, admin.Page{})
		return err
	},
	"sessions.end": func(w *world, c *access.Caller, on things) error {
		err := w.EndSession(w.ctx, c, on.org, on.user, "ses_none")
		if _, none := w.store.Membership(w.ctx, c.Organization.ID, on.user); none == nil && on.org == c.Organization.Slug && codeOf(err) == "not_found" {
			return nil // only the session is missing
		}
		return err
	},
	"sessions.end_all": func(w *world, c *access.Caller, on things) error {
		return w.EndSessions(w.ctx, c, on.org, on.user)
	},
	"attempts.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Attempts(w.ctx, c, on.org, w.now, 0)
		return err
	},
	"passkeys.list": func(w *world, c *access.Caller, _ things) error {
		_, err := w.Passkeys(w.ctx, c)
		return err
	},
	"passkeys.enrol": func(w *world, c *access.Caller, _ things) error { return w.MayEnrolPasskey(w.ctx, c) },
	"passkeys.delete": func(w *world, c *access.Caller, _ things) error {
		err := w.DeletePasskey(w.ctx, c, "psk_none")
		if codeOf(err) == "not_found" { // everybody may delete what is its own
			return nil
		}
		return err
	},
	"keys.suggest": func(w *world, c *access.Caller, on things) error {
		_, err := w.SuggestKey(w.ctx, c, on.org, on.key, 30)
		return err
	},
	"keys.narrow": func(w *world, c *access.Caller, on things) error {
		_, err := w.NarrowKey(w.ctx, c, on.org, on.key, []string{"x"}, never)
		return err
	},
	"applications.get_shadow": func(w *world, c *access.Caller, on things) error {
		_, err := w.Shadow(w.ctx, c, on.org, on.app)
		return orNoShadow(err)
	},
	"applications.drop_shadow": func(w *world, c *access.Caller, on things) error {
		return w.DropShadow(w.ctx, c, on.org, on.app, never)
	},
	"applications.compare_shadow": func(w *world, c *access.Caller, on things) error {
		_, err := w.CompareShadow(w.ctx, c, on.org, on.app, admin.FactFilter{}, func(*access.Fact) error { return nil })
		return err
	},
	"applications.replay": func(w *world, c *access.Caller, on things) error {
		_, err := w.ReplayFacts(w.ctx, c, on.org, on.app, admin.FactFilter{}, func(admin.Application) error { return nil }, func(*access.Fact) error { return nil })
		return err
	},
	"tokens.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Tokens(w.ctx, c, on.org, admin.TokenFilter{Key: on.key}, admin.Page{})
		return err
	},
	"tokens.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Token(w.ctx, c, on.org, on.token)
		return err
	},
	"tokens.revoke": func(w *world, c *access.Caller, on things) error { return w.RevokeToken(w.ctx, c, on.org, on.token) },
	"tokens.revoke_presented": func(w *world, c *access.Caller, on things) error {
		return w.RevokePresented(w.ctx, c, &access.Token{ID: on.token, Family: []string{on.token}})
	},
	"events.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Events(w.ctx, c, on.org, admin.EventFilter{}, admin.Page{})
		return err
	},
	"usage.read": func(w *world, c *access.Caller, on things) error {
		_, err := w.Usage(w.ctx, c, on.org, admin.UsageFilter{Key: on.key}, admin.Page{})
		return err
	},
	"identities.list": func(w *world, c *access.Caller, on things) error {
		_, err := w.Identities(w.ctx, c, on.org, admin.IdentityFilter{Key: on.key}, admin.Page{})
		return err
	},
	"identities.get": func(w *world, c *access.Caller, on things) error {
		_, err := w.Identity(w.ctx, c, on.org, on.identity)
		return err
	},
	"identities.update": func(w *world, c *access.Caller, on things) error {
		_, err := w.UpdateIdentity(w.ctx, c, on.org, on.identity, admin.IdentityPatch{Active: ptr(false)}, never)
		return err
	},
	"identities.delete": func(w *world, c *access.Caller, on things) error {
		return w.ForgetIdentity(w.ctx, c, on.org, on.identity, never)
	},
	"feed.read": func(w *world, c *access.Caller, _ things) error { return w.MayReadFeed(w.ctx, c) },
	"keyset.list": func(w *world, c *access.Caller, _ things) error {
		_, err := w.Keyset(w.ctx, c)
		return err
	},
	"keyset.rotate": func(w *world, c *access.Caller, _ things) error {
		_, err := w.RotateKeyset(w.ctx, c, admin.KeysetRotation{})
		return err
	},
	"keyset.retire": func(w *world, c *access.Caller, _ things) error { return w.RetireKey(w.ctx, c, "sgk_none", true) },
	"keyset.export": func(w *world, c *access.Caller, _ things) error {
		_, err := w.ExportDecryption(w.ctx, c)
		return err
	},
}

// allowing is refused where no file has allow_networks: none here.
var allowing = []admin.NewNetworkEntry{{Network: "192.0.2.0/24", Action: access.AllowNetwork}}

// letThrough are the errors of who was let through and stopped at the thing.
func letThrough(err error) bool {
	return err == nil || isCode(err, "precondition_failed", "unknown_role", "slug_taken", "key_in_use", "scope_exceeded", "no_allow_list", "rotation_pending", "not_found")
}

func (w *world) thingsOf(c *access.Caller, app string) things {
	return things{org: "acme", user: c.UserID, key: c.KeyID, token: w.issued(c).ID, app: app, role: "auditor", plan: "gold", identity: w.identity(c).ID, issuer: "auth0"}
}

// Every route, with every role, by key and by pass, on one's own and on others'
// things, does what the table says and nothing else.
func TestTable(t *testing.T) {
	w := newWorld(t)
	w.application("acme", "photos")
	w.application("acme", "videos")
	if _, _, err := w.PutRole(w.ctx, w.root, "acme", "auditor", admin.RolePut{Scopes: []string{"*"}}, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	w.deny("acme", "photos", "192.0.2.0/24")
	w.deny("acme", "videos", "192.0.2.0/24")
	w.deny("", "", "192.0.2.0/24")
	w.plan("acme", "gold", access.LimitText{Rate: "100/m"})
	w.issuer("acme", "auth0")
	other := w.user("acme", "consumer")
	for _, role := range []string{"administrator", "account_manager", "application_manager", "application_manager@photos", "developer", "developer@photos", "consumer", "consumer@photos", "auditor"} {
		caller := w.user("acme", role)
		for _, p := range admin.Permissions() {
			call := routes[string(p.Operation)]
			if call == nil {
				t.Fatalf("%s is in the table and not tested", p.Operation)
			}
			pass := w.token(caller, "photos:read", "daypass:other:read")
			if p.Scope != "" {
				if err := call(w, pass, w.thingsOf(caller, "photos")); codeOf(err) != "scope_missing" {
					t.Errorf("%s by a pass without %s: %v", p.Operation, p.Scope, err)
				}
				pass = w.token(caller, p.Scope)
			}
			for _, c := range []*access.Caller{caller, pass} {
				for _, on := range []struct {
					things
					own bool
				}{
					{w.thingsOf(caller, "photos"), true},
					{w.thingsOf(other, "photos"), false},
					{w.thingsOf(other, "videos"), false},
				} {
					// Lists without a filter show what is in reach; there is nothing of others to ask for.
					own := on.own || strings.HasSuffix(string(p.Operation), ".list") && p.Operation != "keys.list" && p.Operation != "identities.list" && p.Operation != "sessions.list" && p.Operation != "tokens.list" && p.Operation != "networks.list" ||
						p.Operation == "me" || strings.HasPrefix(string(p.Operation), "passkeys.") || p.Operation == "tokens.revoke_presented"
					want := expected(p, role, own, on.app)
					err := call(w, c, on.things)
					if want != letThrough(err) || (!want && codeOf(err) != "role_missing") {
						t.Errorf("%s as %s (token %q, own %v, app %s): want allowed %v, got %v", p.Operation, role, c.TokenID, own, on.app, want, err)
					}
				}
			}
		}
	}
	if len(routes) != len(admin.Permissions()) {
		t.Errorf("%d calls for %d rows", len(routes), len(admin.Permissions()))
	}
}

func expected(p admin.Permission, role string, own bool, app string) bool {
	name, in, _ := strings.Cut(role, "@")
	reach := map[string]admin.Reach{
		"administrator": admin.Everything, "account_manager": p.AccountManager,
		"application_manager": p.ApplicationManager, "developer": p.Developer,
	}[name]
	switch {
	case reach == admin.Everything, p.Self && own:
		return true
	case reach == admin.Held:
		return in == "" || in == app || p.Operation == "applications.list"
	}
	return false
}

// What the roles are for, in words that do not come from the table.
func TestRolesInWords(t *testing.T) {
	w := newWorld(t)
	w.application("acme", "photos")
	w.application("acme", "videos")

	developer := w.user("acme", "developer@photos")
	if apps := must(w.Applications(w.ctx, developer, "acme", admin.Page{}))(t); len(apps.Items) != 1 || apps.Items[0].Slug != "photos" {
		t.Errorf("a developer of photos lists %v", apps.Items)
	}
	_, _, err := w.PutApplication(w.ctx, developer, "acme", "third", document("third"), admin.AnyRevision)
	w.refused(err, "role_missing")

	consumer := w.user("acme", "consumer")
	if users := must(w.Users(w.ctx, consumer, "acme", admin.MemberFilter{}, admin.Page{}))(t); len(users.Items) != 1 || users.Items[0].ID != consumer.UserID {
		t.Errorf("a consumer lists users %v", users.Items)
	}
	if keys := must(w.Keys(w.ctx, consumer, "acme", admin.KeyFilter{}, admin.Page{}))(t); len(keys.Items) != 1 || keys.Items[0].ID != consumer.KeyID {
		t.Errorf("a consumer lists keys %v", keys.Items)
	}
	_, err = w.UpdateUser(w.ctx, consumer, "acme", consumer.UserID, admin.UserPatch{Active: ptr(false)}, admin.AnyRevision)
	w.refused(err, "role_missing")

	// A pass for one application may be in the hands of that application's server.
	manager := w.token(w.user("acme", "account_manager"), "*")
	photos := must(w.Application(w.ctx, w.root, "acme", "photos"))(t)
	manager.Authority.Audiences = []access.Audience{photos.Audience()}
	_, err = w.CreateKey(w.ctx, manager, "acme", admin.NewKey{Scopes: []string{"x"}})
	w.refused(err, "audience_exceeded")
	_ = must(w.Application(w.ctx, manager, "acme", "photos"))(t)
	_, err = w.Application(w.ctx, manager, "acme", "videos")
	w.refused(err, "role_missing")
}

// A right that was taken away after the credential was proven is gone.
func TestStandingIsCheckedInTheChange(t *testing.T) {
	w := newWorld(t)
	manager := w.user("acme", "account_manager")
	if _, _, err := w.PutMembership(w.ctx, w.root, "acme", manager.UserID, admin.MembershipPut{Roles: []string{"consumer"}}, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	_, err := w.CreateUser(w.ctx, manager, "acme", admin.NewUser{Roles: []string{"consumer"}})
	w.refused(err, "role_missing")
	if _, err := w.UpdateUser(w.ctx, w.root, "acme", manager.UserID, admin.UserPatch{Active: ptr(false)}, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	_, err = w.Me(w.ctx, manager)
	w.refused(err, access.ErrBadCredential.Code)
}

var update = flag.Bool("update", false, "write the table into docs/roles.md")

func TestDocsShowTheTable(t *testing.T) {
	const path, begin, end = "../../docs/roles.md", " -update) -->\n", "<!-- /table -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/roles.md has no place for the table")
	}
	want := table()
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("docs/roles.md does not show the table; run this test with -update")
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| Route | Scope | account_manager | application_manager | developer | your own |\n|---|---|---|---|---|---|\n")
	reach := map[admin.Reach]string{admin.Nothing: "", admin.Held: "held", admin.Everything: "all"}
	for _, p := range admin.Permissions() {
		scope, self := "any credential", ""
		if p.Scope != "" {
			scope = "`" + p.Scope + "`"
		}
		if p.Self {
			self = "yes"
		}
		b.WriteString("| `" + p.Method + " " + p.Route + "` | " + strings.Join([]string{scope, reach[p.AccountManager], reach[p.ApplicationManager], reach[p.Developer], self}, " | ") + " |\n")
	}
	return b.String()
}
