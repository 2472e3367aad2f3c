package admin_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/scope"
)

func (w *world) usedScopes(key string, daysAgo int64, scopes ...string) {
	w.Helper()
	uses := map[access.ScopeUse]int64{}
	for _, s := range scopes {
		uses[access.ScopeUse{OrganizationID: w.root.Organization.ID, KeyID: key, Scope: s, Day: access.Day(w.now) - daysAgo}] = 2
	}
	if err := w.store.WriteFacts(w.ctx, access.FactBatch{Uses: uses}); err != nil {
		w.Fatal(err)
	}
}

func TestSuggestion(t *testing.T) {
	w := newWorld(t)
	made := must(w.CreateKey(w.ctx, w.root, "acme", admin.NewKey{Scopes: []string{"photos:*", "albums:read", "videos:*:read"}}))(t)
	w.usedScopes(made.ID, 40, "albums:read")
	w.usedScopes(made.ID, 29, "photos:list")
	w.usedScopes(made.ID, 0, "videos:1:read", "videos:2:read", "videos:3:read", "videos:4:read", "videos:5:read", "photos:list", "lost:read")

	got := must(w.SuggestKey(w.ctx, w.root, "acme", made.ID, 30))(t)
	if strings.Join(got.Scopes, " ") != "photos:list videos:*:read" || strings.Join(got.Unused, " ") != "albums:read" || strings.Join(got.Beyond, " ") != "lost:read" {
		t.Errorf("%+v", got)
	}
	if got.Days != 30 || len(got.Used) != 6 || got.Used[0].Scope != "photos:list" || got.Used[0].Count != 4 || !got.Used[0].LastDay.Equal(w.now.Truncate(24*time.Hour)) {
		t.Errorf("%+v", got)
	}
	if got := must(w.SuggestKey(w.ctx, w.root, "acme", made.ID, 41))(t); len(got.Unused) != 0 {
		t.Errorf("of 41 days: %+v", got)
	}
	_, err := w.SuggestKey(w.ctx, w.root, "acme", made.ID, 91)
	w.refused(err, "invalid_field")
	other := w.user("acme", "consumer")
	_, err = w.SuggestKey(w.ctx, other, "acme", made.ID, 30)
	w.refused(err, "role_missing")
}

// A narrowed key can do what was left to it and no more, and takes with it every pass that could do more.
func TestNarrowKey(t *testing.T) {
	w := newWorld(t)
	made := must(w.CreateKey(w.ctx, w.root, "acme", admin.NewKey{Scopes: []string{"photos:*"}}))(t)
	ended := func() bool {
		list := must(w.store.RevocationsSince(w.ctx, 0))(t)
		return slices.ContainsFunc(list, func(r access.Revocation) bool { return r.Subject == made.ID && r.Reason == "key_narrowed" })
	}
	narrow := func(scopes ...string) error {
		_, err := w.NarrowKey(w.ctx, w.root, "acme", made.ID, scopes, admin.AnyRevision)
		return err
	}
	w.refused(narrow("photos:read", "albums:read"), "scope_exceeded")
	w.refused(narrow("*"), "scope_exceeded")
	w.refused(narrow(), "invalid_field")
	before := w.head()
	if err := narrow("photos:*"); err != nil || w.head() != before {
		t.Errorf("the same scopes are a change: %v", err)
	}
	if err := narrow("photos:*", "photos:read"); err != nil || ended() {
		t.Errorf("passes end though the key lost nothing: %v", err)
	}
	key, err := w.NarrowKey(w.ctx, w.root, "acme", made.ID, []string{"photos:read"}, w.head())
	if err != nil || strings.Join(key.Scopes, " ") != "photos:read" || !ended() || w.applied.Load() != w.head() {
		t.Errorf("%+v, %v", key, err)
	}
	_, err = w.NarrowKey(w.ctx, w.root, "acme", made.ID, []string{"photos:read"}, 1)
	w.refused(err, "precondition_failed")
	stored := must(w.store.Key(w.ctx, w.root.Organization.ID, made.ID))(t)
	if stored.Scopes.String() != "photos:read" || stored.Version != 1 || len(stored.Roles) == 0 {
		t.Errorf("%+v", stored)
	}
	manager := w.user("acme", "account_manager")
	_, err = w.NarrowKey(w.ctx, manager, "acme", made.ID, []string{"photos:read"}, admin.AnyRevision)
	w.refused(err, "role_exceeded") // the key is an administrator's
}

// What a key administers counts as use, once for each request.
func TestAdministrationIsUse(t *testing.T) {
	w := newWorld(t)
	var used []string
	office := admin.New(admin.Config{Store: w.store, Sealer: w.sealer, Now: func() time.Time { return w.now },
		Committed: func(context.Context, int64) error { return nil },
		Used: func(org, key string, s scope.Pattern, at time.Time) {
			used = append(used, fmt.Sprint(org == w.root.Organization.ID, key == w.root.KeyID, s, at.Equal(w.now)))
		}})
	must(office.CreateKey(w.ctx, w.root, "acme", admin.NewKey{Scopes: []string{"x"}}))(t)
	must(office.Me(w.ctx, w.root))(t)
	must(office.Organization(w.ctx, w.root, "acme"))(t)
	if got := strings.Join(used, ", "); got != "true true daypass:keys:write true, true true daypass:organizations:read true" {
		t.Errorf("used: %s", got)
	}
}
