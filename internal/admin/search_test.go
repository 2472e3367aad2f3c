package admin_test

import (
	"slices"
	"testing"

	"github.com/daypass/daypass/internal/admin"
)

// A list is searched for words in their order, whatever their case; what a pattern
// of the database would mean is plain text; a profile of elsewhere is not found out.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	w.organization("globex")
	make := func(org string, in admin.NewUser) admin.CreatedUser {
		in.Roles = append(in.Roles, "consumer")
		return must(w.CreateUser(w.ctx, w.root, org, in))(t)
	}
	backend := make("acme", admin.NewUser{Name: "Photo Backend", Comment: "100% of_uploads!", Scopes: []string{"photos:write"}})
	shop := make("acme", admin.NewUser{Name: "Shop", Email: "shop@acme.example", Comment: "100 of uploads", Roles: []string{"developer"}, Scopes: []string{"orders:read"}})
	guest := make("globex", admin.NewUser{Name: "Hidden Guest", Email: "guest@globex.example"})
	_, _, err := w.PutMembership(w.ctx, w.root, "acme", guest.User.ID, admin.MembershipPut{Roles: []string{"consumer"}, Comment: ptr("from elsewhere")}, admin.AnyRevision)
	if err != nil {
		t.Fatal(err)
	}
	manager := w.user("acme", "account_manager")
	consumer := w.user("acme", "consumer")

	members := func(f admin.MemberFilter, want ...string) {
		t.Helper()
		users := ids(must(w.Users(w.ctx, manager, "acme", f, admin.Page{}))(t).Items, func(u admin.User) string { return u.ID })
		places := ids(must(w.Memberships(w.ctx, manager, "acme", f, admin.Page{}))(t).Items, func(m admin.Membership) string { return m.UserID })
		if !slices.Equal(users, want) || !slices.Equal(places, want) {
			t.Errorf("%+v finds users %v and memberships of %v, not %v", f, users, places, want)
		}
	}
	members(admin.MemberFilter{Text: "  photo BACK"}, backend.User.ID)
	members(admin.MemberFilter{Text: "back photo"})
	members(admin.MemberFilter{Text: "100%"}, backend.User.ID)
	members(admin.MemberFilter{Text: "of_up"}, backend.User.ID)
	members(admin.MemberFilter{Text: "uploads!"}, backend.User.ID)
	members(admin.MemberFilter{Text: "uploads"}, backend.User.ID, shop.User.ID)
	members(admin.MemberFilter{Text: "shop@acme"}, shop.User.ID)
	members(admin.MemberFilter{Text: shop.User.ID}, shop.User.ID)
	members(admin.MemberFilter{Role: "developer"}, shop.User.ID)
	members(admin.MemberFilter{Role: "developer", Text: "photo"})
	members(admin.MemberFilter{Text: "from elsewhere"}, guest.User.ID)
	members(admin.MemberFilter{Text: "hidden"})
	members(admin.MemberFilter{Text: "globex"})
	if all := must(w.Users(w.ctx, w.root, "acme", admin.MemberFilter{Text: "hidden"}, admin.Page{}))(t); len(all.Items) != 1 {
		t.Errorf("an administrator, who sees every profile, finds %v", all.Items)
	}
	if others := must(w.Users(w.ctx, consumer, "acme", admin.MemberFilter{Text: "shop"}, admin.Page{}))(t); len(others.Items) != 0 {
		t.Errorf("a consumer finds %v", others.Items)
	}

	keys := func(text string, want ...string) {
		t.Helper()
		for _, user := range []string{"", shop.User.ID} {
			of := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return user != "" && id != shop.Key.ID })
			found := ids(must(w.Keys(w.ctx, manager, "acme", admin.KeyFilter{User: user, Text: text}, admin.Page{}))(t).Items, func(k admin.Key) string { return k.ID })
			if !slices.Equal(found, of) {
				t.Errorf("%q of user %q finds keys %v, not %v", text, user, found, of)
			}
		}
	}
	keys("Uploads", backend.Key.ID, shop.Key.ID)
	keys("orders:", shop.Key.ID)
	keys("100%", backend.Key.ID)
	keys(shop.Key.ID, shop.Key.ID)
	keys("nothing")

	page := admin.Page{Limit: 1}
	page.Cursor = must(w.Keys(w.ctx, manager, "acme", admin.KeyFilter{Text: "uploads"}, page))(t).NextCursor
	if page.Cursor == "" {
		t.Fatal("the second key is not there")
	}
	_, err = w.Keys(w.ctx, manager, "acme", admin.KeyFilter{Text: "upload"}, page)
	w.refused(err, "invalid_cursor")
	_, err = w.Keys(w.ctx, manager, "acme", admin.KeyFilter{Text: "a\x00b"}, admin.Page{})
	w.refused(err, "invalid_field")
}
