package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/store"
)

// revoked checks that a revocation of the subject was written after a revision.
func (w *world) revoked(since int64, subject, reason string, effective time.Time) {
	w.Helper()
	list := must(w.store.RevocationsSince(w.ctx, since))(w)
	if !slices.ContainsFunc(list, func(r access.Revocation) bool {
		return r.Subject == subject && r.Reason == reason && r.Effective.Equal(effective)
	}) {
		w.Errorf("no revocation of %s for %s from %v among %+v", subject, reason, effective, list)
	}
}

// Each kind of change that takes something away ends what descends from it, and
// none else does.
func TestWhatEndsAtOnce(t *testing.T) {
	w := newWorld(t)
	org := w.organization("globex")
	photos := w.application("globex", "photos")
	videos := w.application("globex", "videos")
	if _, _, err := w.PutRole(w.ctx, w.root, "globex", "reader", admin.RolePut{Scopes: []string{"photos:*"}}, 0); err != nil {
		t.Fatal(err)
	}
	put := func(c *access.Caller, in admin.MembershipPut) error {
		_, _, err := w.PutMembership(w.ctx, w.root, "globex", c.UserID, in, admin.AnyRevision)
		return err
	}
	role := func(scopes ...string) error {
		_, _, err := w.PutRole(w.ctx, w.root, "globex", "reader", admin.RolePut{Scopes: scopes}, admin.AnyRevision)
		return err
	}
	active := func(c *access.Caller, on bool) error {
		_, err := w.UpdateUser(w.ctx, w.root, "globex", c.UserID, admin.UserPatch{Active: &on}, admin.AnyRevision)
		return err
	}
	a, b, c, d := w.user("globex", "developer", "consumer"), w.user("globex", "reader"), w.user("globex", "consumer"), w.user("globex", "consumer@photos", "consumer@videos")
	token := w.issued(c)
	for _, step := range []struct {
		name    string
		do      func() error
		reason  string
		subject []string
	}{
		{"a role more", func() error { return put(a, admin.MembershipPut{Roles: []string{"developer", "consumer", "reader"}}) }, "", nil},
		{"a role less", func() error { return put(a, admin.MembershipPut{Roles: []string{"developer", "reader"}}) }, "role_removed", []string{a.MembershipID}},
		{"a role in less", func() error { return put(a, admin.MembershipPut{Roles: []string{"developer@photos", "reader"}}) }, "role_removed", []string{a.MembershipID}},
		{"membership deactivated", func() error { return put(b, admin.MembershipPut{Roles: []string{"reader"}, Active: ptr(false)}) }, "membership_inactive", []string{b.MembershipID}},
		{"membership reactivated", func() error { return put(b, admin.MembershipPut{Roles: []string{"reader"}, Active: ptr(true)}) }, "", nil},
		{"role widened", func() error { return role("*") }, "", nil},
		{"role narrowed", func() error { return role("photos:read") }, "role_narrowed", []string{a.MembershipID, b.MembershipID}},
		{"membership removed", func() error { return w.DeleteMembership(w.ctx, w.root, "globex", b.UserID, 0) }, "membership_removed", []string{b.MembershipID}},
		{"user renamed", func() error {
			_, err := w.UpdateUser(w.ctx, w.root, "globex", c.UserID, admin.UserPatch{Name: ptr("New")}, 0)
			return err
		}, "", nil},
		{"user disabled", func() error { return active(c, false) }, "user_disabled", []string{c.UserID}},
		{"user enabled", func() error { return active(c, true) }, "", nil},
		{"token revoked", func() error { return w.RevokeToken(w.ctx, w.root, "globex", token.ID) }, "pass_revoked", []string{token.Head}},
		{"token revoked by possession", func() error {
			return w.RevokePresented(w.ctx, nil, &access.Token{ID: "tok_b", OrganizationID: org.ID, Family: []string{"tok_a", "tok_b"}})
		}, "pass_revoked", []string{"tok_b"}},
		{"key deleted", func() error { return w.DeleteKey(w.ctx, w.root, "globex", c.KeyID, 0) }, "key_deleted", []string{c.KeyID}},
		{"user deleted", func() error { return w.DeleteUser(w.ctx, w.root, "globex", c.UserID, 0) }, "user_deleted", []string{c.UserID}},
		{"application deactivated", func() error {
			_, err := w.SetApplicationActive(w.ctx, w.root, "globex", "photos", false, 0)
			return err
		}, "application_disabled", []string{photos.ID}},
		{"application reactivated", func() error { _, err := w.SetApplicationActive(w.ctx, w.root, "globex", "photos", true, 0); return err }, "", nil},
		{"application deleted", func() error { return w.DeleteApplication(w.ctx, w.root, "globex", "videos", 0) }, "application_deleted", []string{videos.ID, d.MembershipID}},
		{"organization deactivated", func() error {
			_, err := w.UpdateOrganization(w.ctx, w.root, "globex", admin.OrganizationPatch{Active: ptr(false)}, 0)
			return err
		}, "organization_disabled", []string{org.ID}},
	} {
		since := w.head()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if w.head() != since+1 || w.applied.Load() != since+1 {
			t.Errorf("%s: revision %d, applied %d, want %d", step.name, w.head(), w.applied.Load(), since+1)
		}
		got := must(w.store.RevocationsSince(w.ctx, since))(t)
		if len(got) != len(step.subject) {
			t.Errorf("%s: revocations %+v, want %v", step.name, got, step.subject)
		}
		for _, subject := range step.subject {
			w.revoked(since, subject, step.reason, time.Time{})
		}
	}
	if m := must(w.Membership(w.ctx, w.root, "globex", d.UserID))(t); strings.Join(m.Roles, " ") != "consumer@photos" {
		t.Errorf("roles left after the application was deleted: %v", m.Roles)
	}
	_, err := w.UpdateOrganization(w.ctx, w.root, "acme", admin.OrganizationPatch{Active: ptr(false)}, 0)
	w.refused(err, "key_in_use")

	// They are kept until the last token they could end has ended, and a day more.
	all := len(must(w.store.RevocationsSince(w.ctx, 0))(t))
	until := w.now.Add(admin.DefaultMaxTokenLife + 24*time.Hour)
	if n := must(w.store.PruneRevocations(w.ctx, until.Add(-time.Millisecond)))(t); n != 0 {
		t.Errorf("%d revocations are dropped too early", n)
	}
	if n := must(w.store.PruneRevocations(w.ctx, until))(t); n != int64(all) {
		t.Errorf("%d of %d revocations are dropped", n, all)
	}
}

// However many try at once, an organization keeps an active administrator.
func TestLastAdministrator(t *testing.T) {
	w := newWorldIn(t, store.Config{Path: filepath.Join(t.TempDir(), "daypass.db")})
	for _, err := range []error{
		w.DeleteMembership(w.ctx, w.root, "acme", w.root.UserID, 0),
		w.DeleteUser(w.ctx, w.root, "acme", w.root.UserID, 0),
	} {
		w.refused(err, "last_administrator")
	}
	ways := map[string]func(by *access.Caller, user string) error{
		"demoted": func(by *access.Caller, user string) error {
			_, _, err := w.PutMembership(w.ctx, by, "acme", user, admin.MembershipPut{Roles: []string{"consumer"}}, 0)
			return err
		},
		"deactivated": func(by *access.Caller, user string) error {
			_, _, err := w.PutMembership(w.ctx, by, "acme", user, admin.MembershipPut{Roles: []string{"administrator"}, Active: ptr(false)}, 0)
			return err
		},
		"disabled": func(by *access.Caller, user string) error {
			_, err := w.UpdateUser(w.ctx, by, "acme", user, admin.UserPatch{Active: ptr(false)}, 0)
			return err
		},
		"removed": func(by *access.Caller, user string) error { return w.DeleteMembership(w.ctx, by, "acme", user, 0) },
		"deleted": func(by *access.Caller, user string) error { return w.DeleteUser(w.ctx, by, "acme", user, 0) },
	}
	last := w.root
	for name, end := range ways {
		second := w.again(last, "acme")
		var gone [2]error
		var both sync.WaitGroup
		for i, c := range []*access.Caller{last, second} { // each ends itself
			both.Go(func() { gone[i] = end(c, c.UserID) })
		}
		both.Wait()
		if (gone[0] == nil) == (gone[1] == nil) || !isCode(errors.Join(gone[:]...), "last_administrator") {
			t.Fatalf("%s: %v, %v", name, gone[0], gone[1])
		}
		if gone[0] == nil {
			last = second
		}
		if n := must(w.store.CountAdministrators(w.ctx, last.Organization.ID))(t); n != 1 {
			t.Fatalf("%s: %d administrators are left", name, n)
		}
	}
}

// again makes another administrator.
func (w *world) again(by *access.Caller, org string) *access.Caller {
	w.Helper()
	made := must(w.CreateUser(w.ctx, by, org, admin.NewUser{Roles: []string{"administrator"}}))(w)
	return w.key(made.Key.Text)
}

func TestPutTellsWhatItDid(t *testing.T) {
	w := newWorld(t)
	w.organization("globex")
	guest := w.user("globex", "consumer")
	w.application("acme", "photos")
	for i, step := range []struct {
		roles []string
		want  admin.Outcome
	}{
		{[]string{"developer", "consumer"}, admin.Created},
		{[]string{"consumer", "developer", "developer@photos"}, admin.Same}, // the same in other words
		{[]string{"consumer"}, admin.Changed},
		{[]string{"consumer"}, admin.Same},
	} {
		before := w.head()
		m, did, err := w.PutMembership(w.ctx, w.root, "acme", guest.UserID, admin.MembershipPut{Roles: step.roles}, admin.AnyRevision)
		if err != nil || did != step.want || m.ID == "" {
			t.Errorf("step %d: %v %v %v", i, m, did, err)
		}
		if changed := w.head() != before; changed == (did == admin.Same) {
			t.Errorf("step %d: %s, and an event %v", i, did, changed)
		}
	}
	_, did, err := w.PutApplication(w.ctx, w.root, "acme", "photos", document("photos"), admin.AnyRevision)
	if err != nil || did != admin.Same {
		t.Error(did, err)
	}
	other := bytes.Replace(document("videos"), []byte("videos.example.com"), []byte("photos.example.com"), 1)
	_, _, err = w.PutApplication(w.ctx, w.root, "globex", "videos", other, admin.AnyRevision)
	w.refused(err, "route_taken")
	_, _, err = w.PutApplication(w.ctx, w.root, "acme", "photos", []byte("nonsense: ["), admin.AnyRevision)
	w.refused(err, "invalid_resources")
	w.refused(w.DeleteRole(w.ctx, w.root, "acme", "consumer", 0), "role_builtin")
}

func TestRoleInUse(t *testing.T) {
	w := newWorld(t)
	if _, did, err := w.PutRole(w.ctx, w.root, "acme", "reader", admin.RolePut{Scopes: []string{"a"}}, 0); err != nil || did != admin.Created {
		t.Fatal(did, err)
	}
	c := w.user("acme", "reader")
	w.refused(w.DeleteRole(w.ctx, w.root, "acme", "reader", 0), "role_in_use")
	if err := w.DeleteUser(w.ctx, w.root, "acme", c.UserID, 0); err != nil {
		t.Fatal(err)
	}
	giving := trusting
	giving.Roles = []string{"reader"}
	if _, _, err := w.PutIssuer(w.ctx, w.root, "acme", "idp", giving, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	w.refused(w.DeleteRole(w.ctx, w.root, "acme", "reader", 0), "role_in_use")
	if err := w.DeleteIssuer(w.ctx, w.root, "acme", "idp", 0); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteRole(w.ctx, w.root, "acme", "reader", 0); err != nil {
		t.Error(err)
	}
}

// The events of a busy day hold no secret.
func TestEventsHoldNoSecret(t *testing.T) {
	w := newWorld(t)
	c := w.user("acme", "consumer")
	key := must(w.CreateKey(w.ctx, c, "acme", admin.NewKey{Scopes: []string{"x"}, RequireSignature: true}))(t)
	next := must(w.RotateKey(w.ctx, c, "acme", key.ID, 60, 0))(t)
	for _, e := range must(w.store.EventsSince(w.ctx, 0, 1000))(t) {
		for _, secret := range []string{w.founded.Key.Text, w.texts[c.KeyID], key.Text, key.Secret, next.Text, next.Secret} {
			if bytes.Contains(e.Detail, []byte(secret)) {
				t.Errorf("%s tells a secret", e.Action)
			}
		}
	}
	if err := w.store.VerifyChain(w.ctx); err != nil {
		t.Error(err)
	}
}

// A change that this node's gate could not apply is not reported as done.
func TestNotApplied(t *testing.T) {
	w := newWorld(t)
	broken := admin.New(admin.Config{Store: w.store, Sealer: w.sealer, Now: func() time.Time { return w.now },
		Committed: func(context.Context, int64) error { return errors.New("no feed") }})
	c := w.user("acme", "consumer")
	w.refused(broken.DeleteKey(w.ctx, w.root, "acme", c.KeyID, 0), "change_not_applied")
}

func TestBootstrapWorksOnce(t *testing.T) {
	w := newWorld(t)
	_, err := w.Bootstrap(w.ctx, admin.Founding{Slug: "second"})
	w.refused(err, "already_founded")
	me := must(w.Me(w.ctx, w.root))(t)
	if fmt.Sprintf("%v %v %s %s", me.Scopes, me.Roles, me.User.Name, me.Organization.Slug) != "[*] [administrator] Root acme" {
		t.Errorf("the founder: %+v", me)
	}
}

func TestInput(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("é", 201)
	key := func(change func(*admin.NewKey)) func() error {
		return func() error {
			in := admin.NewKey{Scopes: []string{"x"}}
			change(&in)
			_, err := w.CreateKey(w.ctx, w.root, "acme", in)
			return err
		}
	}
	user := func(in admin.NewUser) func() error {
		return func() error {
			in.Roles = append(in.Roles, "consumer")
			_, err := w.CreateUser(w.ctx, w.root, "acme", in)
			return err
		}
	}
	for pointer, do := range map[string][]func() error{
		"/name":           {user(admin.NewUser{Name: long}), user(admin.NewUser{Name: "a\nb"}), user(admin.NewUser{Name: "\x1b[31m"}), user(admin.NewUser{Name: "\xff"}), user(admin.NewUser{Name: "a\u202eb"})},
		"/email":          {user(admin.NewUser{Email: "a@b@c"}), user(admin.NewUser{Email: "a"}), user(admin.NewUser{Email: "@b"}), user(admin.NewUser{Email: "a b@c"}), user(admin.NewUser{Email: strings.Repeat("a", 250) + "@b.cd"})},
		"/comment":        {user(admin.NewUser{Comment: strings.Repeat("x", 501)}), key(func(k *admin.NewKey) { k.Comment = "a\rb" })},
		"/roles/0":        {user(admin.NewUser{Roles: []string{"Bad"}}), user(admin.NewUser{Roles: []string{"nosuch"}}), user(admin.NewUser{Roles: []string{"developer@nosuch"}})},
		"/roles":          {user(admin.NewUser{Roles: slices.Repeat([]string{"consumer"}, 50)})},
		"/scopes/1":       {key(func(k *admin.NewKey) { k.Scopes = []string{"x", "!"} })},
		"/scopes":         {key(func(k *admin.NewKey) { k.Scopes = nil }), key(func(k *admin.NewKey) { k.Scopes = slices.Repeat([]string{"x"}, 101) })},
		"/ips/0":          {key(func(k *admin.NewKey) { k.IPs = []string{"192.0.2.5/24"} })},
		"/ips":            {key(func(k *admin.NewKey) { k.IPs = []string{"10.0.0.0/8"} }), key(func(k *admin.NewKey) { k.IPs = slices.Repeat([]string{"192.0.2.1"}, 11) })},
		"/expires_in":     {key(func(k *admin.NewKey) { k.ExpiresIn = ptr(int64(0)) }), key(func(k *admin.NewKey) { k.ExpiresIn = ptr(int64(1) << 60) }), key(func(k *admin.NewKey) { k.ExpiresIn = ptr(int64(-1)) })},
		"/max_token_life": {key(func(k *admin.NewKey) { k.MaxTokenLife = ptr(int64(30*24*3600 + 1)) })},
		"/kind":           {key(func(k *admin.NewKey) { k.Kind = "root" })},
		"/user":           {key(func(k *admin.NewKey) { k.User = "usr_nobody" })},
		"/slug": {func() error {
			_, err := w.CreateOrganization(w.ctx, w.root, admin.NewOrganization{Slug: "Not A Slug"})
			return err
		}, func() error {
			_, err := w.CreateOrganization(w.ctx, w.root, admin.NewOrganization{Slug: "acme"})
			return err
		}},
		"/application": {func() error {
			_, _, err := w.PutApplication(w.ctx, w.root, "acme", "a_b", document("x"), 0)
			return err
		}},
	} {
		for i, call := range do {
			before := w.head()
			e := access.AsError(call())
			if len(e.Fields) == 0 || e.Fields[0].Pointer != pointer || e.Kind == access.Internal {
				t.Errorf("%s, %d: %+v", pointer, i, e)
			}
			if w.head() != before {
				t.Errorf("%s, %d left a change", pointer, i)
			}
		}
	}
	_, err := w.CreateUser(w.ctx, w.root, "acme", admin.NewUser{Name: "a\n", Email: "b", Roles: []string{"consumer"}, Scopes: []string{"?"}})
	if e := access.AsError(err); len(e.Fields) != 3 || e.Kind != access.Malformed {
		t.Errorf("all faults at once: %+v", e)
	}
}
