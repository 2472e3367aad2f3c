package admin_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/seal"
)

// Everything of another organization gives the very error of what does not exist.
func TestForeignIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.organization("globex")
	for _, org := range []string{"acme", "globex"} {
		w.application(org, org+"-app")
		w.plan(org, org+"-plan", access.LimitText{Rate: "1/s"})
		w.issuer(org, org+"-issuer")
		if _, _, err := w.PutRole(w.ctx, w.root, org, org+"_role", admin.RolePut{Scopes: []string{"x"}}, admin.AnyRevision); err != nil {
			t.Fatal(err)
		}
	}
	theirs := w.user("globex", "account_manager")
	foreign := things{org: "globex", user: theirs.UserID, key: theirs.KeyID, token: w.issued(theirs).ID, app: "globex-app", role: "globex_role", plan: "globex-plan", identity: w.identity(theirs).ID, issuer: "globex-issuer"}
	unknown := things{org: "nowhere", user: seal.NewID("usr"), key: seal.NewID("key"), token: seal.NewID("tok"), app: "nothing", role: "nothing", plan: "nothing", identity: seal.NewID("idn"), issuer: "nothing"}

	inAcme := func(on things) things { on.org = "acme"; return on }
	// These make what is not there, or take a user of another organization on purpose.
	makes := map[string]bool{"applications.put": true, "roles.put": true, "memberships.put": true, "plans.put": true, "issuers.put": true}

	for _, role := range []string{"account_manager", "application_manager", "developer", "consumer"} {
		ours := w.user("acme", role)
		for _, p := range admin.Permissions() {
			call := routes[string(p.Operation)]
			if !strings.Contains(p.Route, "{org}") {
				continue
			}
			before := w.head()
			if err := call(w, ours, foreign); !reflect.DeepEqual(err, error(access.ErrNotFound)) || !reflect.DeepEqual(err, call(w, ours, unknown)) {
				t.Errorf("%s as %s in another organization: %v, in none: %v", p.Operation, role, err, call(w, ours, unknown))
			}
			if makes[string(p.Operation)] || p.Operation == "usage.read" && role != "consumer" {
				continue
			}
			if a, b := call(w, ours, inAcme(foreign)), call(w, ours, inAcme(unknown)); !reflect.DeepEqual(a, b) {
				t.Errorf("%s as %s with another organization's id: %v, with an unknown one: %v", p.Operation, role, a, b)
			}
			if w.head() != before {
				t.Errorf("%s as %s changed something", p.Operation, role)
			}
		}
	}
	for slug, want := range map[string]int{"acme": 1, "globex": 1} {
		manager := w.user(slug, "account_manager")
		list := must(w.Organizations(w.ctx, manager, admin.Page{}))(t)
		if len(list.Items) != want || list.Items[0].Slug != slug {
			t.Errorf("the manager of %s sees %v", slug, list.Items)
		}
	}
	if all := must(w.Organizations(w.ctx, w.root, admin.Page{}))(t); len(all.Items) != 2 {
		t.Errorf("the administrator sees %v", all.Items)
	}
}

// A user may belong to several organizations; its profile stays with the first,
// and a key made by the second opens nothing of it.
func TestForeignMember(t *testing.T) {
	w := newWorld(t)
	w.organization("globex")
	manager := w.user("acme", "account_manager")
	guest := w.user("globex", "developer")

	_, _, err := w.PutMembership(w.ctx, manager, "acme", seal.NewID("usr"), admin.MembershipPut{Roles: []string{"consumer"}}, admin.AnyRevision)
	if !errors.Is(err, access.ErrNotFound) {
		t.Errorf("an unknown user: %v", err)
	}
	if _, did, err := w.PutMembership(w.ctx, manager, "acme", guest.UserID, admin.MembershipPut{Roles: []string{"consumer"}}, admin.AnyRevision); err != nil || did != admin.Created {
		t.Fatal(did, err)
	}
	made := must(w.CreateKey(w.ctx, manager, "acme", admin.NewKey{User: guest.UserID, Scopes: []string{"*"}}))(t)
	lent := w.key(made.Text)
	for name, caller := range map[string]*access.Caller{"manager": manager, "the guest's key": lent} {
		u := must(w.User(w.ctx, caller, "acme", guest.UserID))(t)
		if !u.Foreign || u.Name != "" || u.Email != "" {
			t.Errorf("%s sees %+v", name, u)
		}
		_, err := w.UpdateUser(w.ctx, caller, "acme", guest.UserID, admin.UserPatch{Name: ptr("stolen")}, admin.AnyRevision)
		w.refused(err, "profile_foreign")
	}
	_, err = w.UpdateUser(w.ctx, manager, "acme", guest.UserID, admin.UserPatch{Active: ptr(false)}, admin.AnyRevision)
	w.refused(err, "profile_foreign")
	w.refused(w.DeleteUser(w.ctx, manager, "acme", guest.UserID, admin.AnyRevision), "profile_foreign")
	if me := must(w.Me(w.ctx, lent))(t); me.User.Name != "" {
		t.Errorf("me by the guest's key: %+v", me.User)
	}
	if u := must(w.User(w.ctx, guest, "globex", guest.UserID))(t); u.Name != "Somebody" {
		t.Errorf("at home: %+v", u)
	}
	if err := w.DeleteMembership(w.ctx, manager, "acme", guest.UserID, admin.AnyRevision); err != nil {
		t.Error(err)
	}
}

func TestListsGoOn(t *testing.T) {
	w := newWorld(t)
	w.organization("globex")
	for range 5 {
		w.issued(w.user("acme", "consumer"))
	}
	w.application("acme", "one")
	w.application("acme", "two")
	walk := func(name string, want int, part func(admin.Page) ([]string, string, error)) {
		t.Helper()
		seen := map[string]bool{}
		for cursor := ""; ; {
			ids, next, err := part(admin.Page{Limit: 2, Cursor: cursor})
			if err != nil || len(ids) > 2 {
				t.Fatal(name, ids, err)
			}
			for _, id := range ids {
				if seen[id] {
					t.Fatalf("%s shows %s twice", name, id)
				}
				seen[id] = true
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%s shows %d, want %d", name, len(seen), want)
		}
	}
	walk("organizations", 2, func(p admin.Page) ([]string, string, error) {
		l, err := w.Organizations(w.ctx, w.root, p)
		return ids(l.Items, func(o access.Organization) string { return o.ID }), l.NextCursor, err
	})
	walk("users", 6, func(p admin.Page) ([]string, string, error) {
		l, err := w.Users(w.ctx, w.root, "acme", admin.MemberFilter{}, p)
		return ids(l.Items, func(u admin.User) string { return u.ID }), l.NextCursor, err
	})
	walk("memberships", 6, func(p admin.Page) ([]string, string, error) {
		l, err := w.Memberships(w.ctx, w.root, "acme", admin.MemberFilter{}, p)
		return ids(l.Items, func(m admin.Membership) string { return m.ID }), l.NextCursor, err
	})
	walk("keys", 6, func(p admin.Page) ([]string, string, error) {
		l, err := w.Keys(w.ctx, w.root, "acme", admin.KeyFilter{}, p)
		return ids(l.Items, func(k admin.Key) string { return k.ID }), l.NextCursor, err
	})
	walk("applications", 2, func(p admin.Page) ([]string, string, error) {
		l, err := w.Applications(w.ctx, w.root, "acme", p)
		return ids(l.Items, func(a admin.Application) string { return a.ID }), l.NextCursor, err
	})
	walk("tokens", 5, func(p admin.Page) ([]string, string, error) {
		l, err := w.Tokens(w.ctx, w.root, "acme", admin.TokenFilter{}, p)
		return ids(l.Items, func(t access.IssuedToken) string { return t.ID }), l.NextCursor, err
	})
	walk("events", 8, func(p admin.Page) ([]string, string, error) {
		l, err := w.Events(w.ctx, w.root, "acme", admin.EventFilter{}, p)
		return ids(l.Items, func(e access.Event) string { return e.ID }), l.NextCursor, err
	})
}

func ids[T any](items []T, id func(T) string) []string {
	var out []string
	for _, item := range items {
		out = append(out, id(item))
	}
	return out
}

// A cursor is good for the list that gave it and for no other.
func TestCursorsAreBound(t *testing.T) {
	w := newWorld(t)
	w.organization("globex")
	for range 3 {
		w.user("acme", "consumer")
		w.user("globex", "consumer")
	}
	two := admin.Page{Limit: 2}
	keys := must(w.Keys(w.ctx, w.root, "acme", admin.KeyFilter{}, two))(t).NextCursor
	users := must(w.Users(w.ctx, w.root, "acme", admin.MemberFilter{}, two))(t).NextCursor
	events := must(w.Events(w.ctx, w.root, "acme", admin.EventFilter{}, two))(t).NextCursor
	manager := w.user("globex", "account_manager")

	for name, use := range map[string]func() error{
		"another organization": func() error {
			_, err := w.Keys(w.ctx, manager, "globex", admin.KeyFilter{}, admin.Page{Cursor: keys})
			return err
		},
		"another list": func() error {
			_, err := w.Keys(w.ctx, w.root, "acme", admin.KeyFilter{}, admin.Page{Cursor: users})
			return err
		},
		"another filter": func() error {
			_, err := w.Events(w.ctx, w.root, "acme", admin.EventFilter{Action: "key.created"}, admin.Page{Cursor: events})
			return err
		},
		"changed": func() error {
			_, err := w.Keys(w.ctx, w.root, "acme", admin.KeyFilter{}, admin.Page{Cursor: keys[:len(keys)-2] + "AA"})
			return err
		},
		"a bare id": func() error {
			_, err := w.Keys(w.ctx, w.root, "acme", admin.KeyFilter{}, admin.Page{Cursor: "a2V5XzAx"})
			return err
		},
		"re-spelled": func() error {
			_, err := w.Keys(w.ctx, w.root, "acme", admin.KeyFilter{}, admin.Page{Cursor: keys + "\n"})
			return err
		},
	} {
		if err := use(); !isCode(err, "invalid_cursor") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.Keys(w.ctx, w.root, "acme", admin.KeyFilter{}, admin.Page{Limit: 201})
	w.refused(err, "invalid_field")
}

func TestEventsAndUsage(t *testing.T) {
	w := newWorld(t)
	mine, other := w.user("acme", "consumer"), w.user("acme", "consumer")
	day := access.Day(w.now)
	batch := access.Batch{Usage: map[access.UsageKey]int64{}}
	for i, c := range []*access.Caller{mine, other} {
		batch.Usage[access.UsageKey{OrganizationID: c.Organization.ID, KeyID: c.KeyID, Day: day, Outcome: "issued"}] = int64(i + 1)
	}
	if err := w.store.WriteBatch(w.ctx, batch); err != nil {
		t.Fatal(err)
	}
	if all := must(w.Usage(w.ctx, w.root, "acme", admin.UsageFilter{}, admin.Page{}))(t).Items; len(all) != 2 {
		t.Errorf("all: %v", all)
	}
	own := must(w.Usage(w.ctx, mine, "acme", admin.UsageFilter{}, admin.Page{}))(t).Items
	if len(own) != 1 || own[0].KeyID != mine.KeyID || own[0].Count != 1 {
		t.Errorf("own: %v", own)
	}
	list := must(w.Events(w.ctx, w.root, "acme", admin.EventFilter{Action: "user.created", Object: other.UserID}, admin.Page{}))(t)
	if len(list.Items) != 1 || list.Items[0].Actor.KeyID != w.root.KeyID || list.Items[0].RequestID != "req" {
		t.Errorf("events: %+v", list.Items)
	}
}
