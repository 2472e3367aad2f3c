package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

// No one hands on more than they hold.
func TestNoEscalation(t *testing.T) {
	w := newWorld(t)
	w.organization("globex")
	w.application("acme", "photos")
	if _, _, err := w.PutRole(w.ctx, w.root, "acme", "reader", admin.RolePut{Scopes: []string{"photos:read", "videos:*"}}, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	manager := w.user("acme", "account_manager")
	second := w.user("acme", "account_manager", "consumer")
	developer := w.user("acme", "developer@photos", "consumer")
	reader := w.user("acme", "reader")
	put := func(c *access.Caller, user string, roles ...string) error {
		_, _, err := w.PutMembership(w.ctx, c, "acme", user, admin.MembershipPut{Roles: roles}, admin.AnyRevision)
		return err
	}
	create := func(c *access.Caller, in admin.NewKey) error { _, err := w.CreateKey(w.ctx, c, "acme", in); return err }
	rotate := func(c *access.Caller, key string) error {
		_, err := w.RotateKey(w.ctx, c, "acme", key, 0, admin.AnyRevision)
		return err
	}
	narrow := func(c *access.Caller) *access.Caller { return w.token(c, "daypass:*", "photos:read") }
	noRoles := w.token(developer, "*")
	noRoles.Authority.Roles = nil
	naming := must(w.CreateKey(w.ctx, manager, "acme", admin.NewKey{User: developer.UserID, Scopes: []string{"photos:read", "daypass:keys:*"}, MayNameSubjects: true}))(t)
	consumer := w.user("acme", "consumer")

	for name, c := range map[string]struct {
		do   func() error
		code string
	}{
		"manager makes an administrator":     {func() error { return put(manager, developer.UserID, "administrator") }, "role_exceeded"},
		"manager makes itself administrator": {func() error { return put(manager, manager.UserID, "administrator") }, "role_exceeded"},
		"manager demotes an administrator":   {func() error { return put(manager, w.root.UserID, "consumer") }, "role_exceeded"},
		"manager removes an administrator":   {func() error { return w.DeleteMembership(w.ctx, manager, "acme", w.root.UserID, 0) }, "role_exceeded"},
		"manager disables an administrator": {func() error {
			_, err := w.UpdateUser(w.ctx, manager, "acme", w.root.UserID, admin.UserPatch{Active: ptr(false)}, 0)
			return err
		}, "role_exceeded"},
		"manager deletes an administrator":       {func() error { return w.DeleteUser(w.ctx, manager, "acme", w.root.UserID, 0) }, "role_exceeded"},
		"manager deletes an administrator's key": {func() error { return w.DeleteKey(w.ctx, manager, "acme", w.root.KeyID, 0) }, "role_exceeded"},
		"manager rotates an administrator's key": {func() error { return rotate(manager, w.root.KeyID) }, "role_exceeded"},
		"manager makes an administrator's key": {func() error {
			return create(manager, admin.NewKey{User: w.root.UserID, Scopes: []string{"*"}, Roles: []string{"administrator"}})
		}, "role_exceeded"},
		"manager creates a user as administrator": {func() error {
			_, err := w.CreateUser(w.ctx, manager, "acme", admin.NewUser{Roles: []string{"administrator"}})
			return err
		}, "role_exceeded"},
		"manager makes an organization": {func() error {
			_, err := w.CreateOrganization(w.ctx, manager, admin.NewOrganization{Slug: "own"})
			return err
		}, "role_missing"},
		"account_manager in one application": {func() error { return put(w.root, developer.UserID, "account_manager@photos") }, "invalid_role"},
		"developer makes a key beyond its place": {func() error {
			return create(developer, admin.NewKey{Scopes: []string{"x"}, Roles: []string{"developer"}})
		}, "role_exceeded"},
		"manager makes a key beyond the owner's place": {func() error {
			return create(manager, admin.NewKey{User: developer.UserID, Scopes: []string{"x"}, Roles: []string{"developer"}})
		}, "role_exceeded"},
		"reader makes a key beyond its role": {func() error {
			return create(manager, admin.NewKey{User: reader.UserID, Scopes: []string{"photos:write"}})
		}, "scope_exceeded"},
		"reader makes a key with every scope":           {func() error { return create(manager, admin.NewKey{User: reader.UserID, Scopes: []string{"*"}}) }, "scope_exceeded"},
		"a narrow pass makes a wide key":                {func() error { return create(narrow(developer), admin.NewKey{Scopes: []string{"photos:*"}}) }, "scope_exceeded"},
		"a narrow pass rotates its wide key":            {func() error { return rotate(narrow(developer), developer.KeyID) }, "scope_exceeded"},
		"a narrow manager's pass rotates another's key": {func() error { return rotate(narrow(manager), second.KeyID) }, "scope_exceeded"},
		"a pass without roles makes a key with one":     {func() error { return create(noRoles, admin.NewKey{Scopes: []string{"x"}, Roles: []string{"consumer"}}) }, "role_exceeded"},
		"a pass without roles rotates a key with one":   {func() error { return rotate(noRoles, developer.KeyID) }, "role_exceeded"},
		"developer makes a key that names subjects":     {func() error { return create(developer, admin.NewKey{Scopes: []string{"x"}, MayNameSubjects: true}) }, "role_exceeded"},
		"developer rotates a key that names subjects":   {func() error { return rotate(developer, naming.ID) }, "role_exceeded"},
		"consumer rotates another's key":                {func() error { return rotate(consumer, developer.KeyID) }, "role_missing"},
		"a narrow pass widens a role": {func() error {
			_, _, err := w.PutRole(w.ctx, narrow(manager), "acme", "reader", admin.RolePut{Scopes: []string{"photos:*"}}, 0)
			return err
		}, "scope_exceeded"},
		"a narrow pass makes a user with wide scopes": {func() error {
			_, err := w.CreateUser(w.ctx, narrow(manager), "acme", admin.NewUser{Roles: []string{"consumer"}, Scopes: []string{"*"}})
			return err
		}, "scope_exceeded"},
		"a narrow pass makes a user of a role beyond it": {func() error {
			_, err := w.CreateUser(w.ctx, w.token(manager, "daypass:users:write"), "acme", admin.NewUser{Roles: []string{"reader"}})
			return err
		}, "scope_exceeded"},
	} {
		before := w.head()
		if err := c.do(); codeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if w.head() != before {
			t.Errorf("%s left a change", name)
		}
	}

	// What is allowed stays allowed.
	own := must(w.CreateKey(w.ctx, narrow(developer), "acme", admin.NewKey{Scopes: []string{"photos:read"}}))(t)
	if got := strings.Join(own.Roles, " "); got != "consumer developer@photos" {
		t.Errorf("roles of a key by default: %s", got)
	}
	limited := w.token(developer, "*")
	limited.Authority.Roles = limited.Authority.Roles[:1] // consumer
	if k := must(w.CreateKey(w.ctx, limited, "acme", admin.NewKey{Scopes: []string{"x"}}))(t); strings.Join(k.Roles, " ") != "consumer" {
		t.Errorf("roles that a narrowed pass hands on by default: %v", k.Roles)
	}
	if err := rotate(w.key(naming.Text), naming.ID); err != nil {
		t.Errorf("a key that rotates itself: %v", err)
	}
	fresh := must(w.CreateUser(w.ctx, narrow(manager), "acme", admin.NewUser{Roles: []string{"consumer"}}))(t)
	if got := strings.Join(fresh.Key.Scopes, " "); got != "daypass:* photos:read" {
		t.Errorf("scopes of a first key by default: %s", got)
	}
	if k := must(w.CreateUser(w.ctx, manager, "acme", admin.NewUser{Roles: []string{"reader"}}))(t).Key; strings.Join(k.Scopes, " ") != "photos:read videos:*" {
		t.Errorf("scopes of a first key of a custom role: %v", k.Scopes)
	}
}

func TestKeyLimitAndUse(t *testing.T) {
	w := newWorld(t)
	c := w.user("acme", "consumer")
	one := admin.NewKey{Scopes: []string{"photos:read"}}
	brief := one
	brief.ExpiresIn = ptr(int64(60))
	for range 3 {
		must(w.CreateKey(w.ctx, c, "acme", one))(t)
	}
	must(w.CreateKey(w.ctx, c, "acme", brief))(t)
	_, err := w.CreateKey(w.ctx, c, "acme", one)
	w.refused(err, "too_many_keys")
	w.now = w.now.Add(time.Minute) // the brief one ends
	must(w.CreateKey(w.ctx, c, "acme", one))(t)

	w.refused(w.DeleteKey(w.ctx, c, "acme", c.KeyID, admin.AnyRevision), "key_in_use")
	w.refused(w.DeleteKey(w.ctx, w.token(c, "*"), "acme", c.KeyID, admin.AnyRevision), "key_in_use")
	if err := w.DeleteKey(w.ctx, w.root, "acme", c.KeyID, admin.AnyRevision); err != nil {
		t.Error(err)
	}
}

func TestRotation(t *testing.T) {
	w := newWorld(t)
	c := w.user("acme", "consumer")
	key := must(w.CreateKey(w.ctx, c, "acme", admin.NewKey{Scopes: []string{"x"}, RequireSignature: true}))(t)
	if !strings.HasPrefix(key.Text, "dp_live_") || !strings.HasPrefix(key.Secret, "dps_") {
		t.Fatalf("a key that signs: %+v", key)
	}
	works := func(text string) bool {
		_, err := w.store.HolderByHash(w.ctx, w.sealer.KeyHash(text), w.now)
		return err == nil
	}
	since := w.head()
	next := must(w.RotateKey(w.ctx, c, "acme", key.ID, 3600, admin.AnyRevision))(t)
	if next.ID != key.ID || next.Version != 2 || next.Text == key.Text || next.Secret == key.Secret || !next.OverlapUntil.Equal(w.now.Add(time.Hour)) {
		t.Errorf("rotated: %+v", next)
	}
	if !works(key.Text) || !works(next.Text) {
		t.Error("both texts work in the overlap")
	}
	w.revoked(since, access.KeyLineage(key.ID, 1), "key_rotated", w.now.Add(time.Hour))
	sealed := must(w.store.KeySecret(w.ctx, c.Organization.ID, key.ID))(t)
	if plain, err := w.sealer.Open(sealed, admin.SecretIdentity(c.Organization.ID, key.ID, 2)); err != nil || string(plain) != next.Secret {
		t.Errorf("the sealed secret: %v", err)
	}

	// Rotated again within the overlap: the oldest ends now, the one before at its time.
	since = w.head()
	third := must(w.RotateKey(w.ctx, c, "acme", key.ID, 60, admin.AnyRevision))(t)
	w.revoked(since, access.KeyLineage(key.ID, 1), "key_rotated", time.Time{})
	w.revoked(since, access.KeyLineage(key.ID, 2), "key_rotated", w.now.Add(time.Minute))
	if works(key.Text) || !works(next.Text) || !works(third.Text) {
		t.Error("only the last two texts work")
	}
	since = w.head()
	must(w.RotateKey(w.ctx, c, "acme", key.ID, 0, admin.AnyRevision))(t)
	w.revoked(since, access.KeyLineage(key.ID, 3), "key_rotated", time.Time{})
	if works(third.Text) {
		t.Error("a text rotated without overlap works on")
	}
	_, err := w.RotateKey(w.ctx, c, "acme", key.ID, 7*24*3600+1, admin.AnyRevision)
	w.refused(err, "invalid_field")
	_, err = w.RotateKey(w.ctx, c, "acme", key.ID, 0, key.Revision)
	w.refused(err, "precondition_failed")
}
