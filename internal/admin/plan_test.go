package admin_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func (w *world) plan(org, slug string, limits ...access.LimitText) admin.Plan {
	w.Helper()
	p, _, err := w.PutPlan(w.ctx, w.root, org, slug, admin.PlanPut{Limits: limits}, admin.AnyRevision)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// TestPlanLife: a plan is made, given, changed, taken away and deleted; never
// deleted while somebody holds it, and never given by whom it holds.
func TestPlanLife(t *testing.T) {
	w := newWorld(t)
	gold := w.plan("acme", "gold", access.LimitText{Rate: "100/m", Burst: 20, Per: "key"}, access.LimitText{Quota: "10000/d"})
	if _, did, err := w.PutPlan(w.ctx, w.root, "acme", "gold", admin.PlanPut{Limits: gold.Limits}, gold.Revision); did != admin.Same || err != nil {
		t.Errorf("the same again: %v, %v", did, err)
	}
	_, _, err := w.PutPlan(w.ctx, w.root, "acme", "tin", admin.PlanPut{Limits: []access.LimitText{{Rate: "1/s"}, {Rate: "often"}, {Per: "key"}}}, admin.AnyRevision)
	if e := access.AsError(err); e.Kind != access.Invalid || len(e.Fields) != 2 || e.Fields[0].Pointer != "/limits/1/rate" || e.Fields[1].Pointer != "/limits/2" {
		t.Errorf("a plan that cannot be read: %+v", e)
	}

	user := w.user("acme", "consumer")
	key := must(w.CreateKey(w.ctx, w.root, "acme", admin.NewKey{User: user.UserID, Scopes: []string{"x"}, Plan: "gold"}))(t)
	if key.Plan != "gold" {
		t.Errorf("%+v", key)
	}
	_, err = w.CreateKey(w.ctx, user, "acme", admin.NewKey{Scopes: []string{"x"}, Plan: "gold"})
	w.refused(err, "role_exceeded")
	_, err = w.CreateKey(w.ctx, w.root, "acme", admin.NewKey{User: user.UserID, Scopes: []string{"x"}, Plan: "platinum"})
	w.refused(err, "unknown_plan")
	w.refused(w.DeletePlan(w.ctx, w.root, "acme", "gold", admin.AnyRevision), "plan_in_use")

	changed := must(w.UpdateKey(w.ctx, w.root, "acme", key.ID, admin.KeyPatch{Plan: new("")}, key.Revision))(t)
	if changed.Plan != "" || changed.Revision == key.Revision {
		t.Errorf("%+v", changed)
	}
	_, err = w.UpdateKey(w.ctx, user, "acme", key.ID, admin.KeyPatch{Plan: new("gold")}, admin.AnyRevision)
	w.refused(err, "role_missing")
	slug := "gold"
	m, _, err := w.PutMembership(w.ctx, w.root, "acme", user.UserID, admin.MembershipPut{Roles: []string{"consumer"}, Plan: &slug}, admin.AnyRevision)
	if err != nil || m.Plan != "gold" {
		t.Fatalf("%+v, %v", m, err)
	}
	m, did, err := w.PutMembership(w.ctx, w.root, "acme", user.UserID, admin.MembershipPut{Roles: []string{"consumer"}}, admin.AnyRevision)
	if err != nil || did != admin.Same || m.Plan != "gold" {
		t.Fatalf("a plan that is not spoken of stays: %+v, %v, %v", m, did, err)
	}
	slug = ""
	if m, _, err = w.PutMembership(w.ctx, w.root, "acme", user.UserID, admin.MembershipPut{Roles: []string{"consumer"}, Plan: &slug}, admin.AnyRevision); err != nil || m.Plan != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	if err := w.DeletePlan(w.ctx, w.root, "acme", "gold", gold.Revision); err != nil {
		t.Fatal(err)
	}
}

// TestUsageReaches: a manager sees all lines, a consumer those of its keys and of
// itself; pages follow each other without gap, and months add up.
func TestUsageReaches(t *testing.T) {
	w := newWorld(t)
	user, other := w.user("acme", "consumer"), w.user("acme", "consumer")
	today := access.Day(w.now)
	line := func(day int64, key, subject, outcome string) access.UsageKey {
		return access.UsageKey{OrganizationID: user.Organization.ID, ApplicationID: "app_1", KeyID: key, Subject: subject, Day: day, Outcome: outcome}
	}
	batch := access.Batch{Usage: map[access.UsageKey]int64{
		line(today, user.KeyID, "somebody", "allowed"):      1,
		line(today-1, user.KeyID, "somebody", "allowed"):    2,
		line(today, other.KeyID, user.UserID, "allowed"):    4,
		line(today, other.KeyID, other.UserID, "allowed"):   8,
		line(today, "", "", "rate_limited"):                 16,
		line(today-40, user.KeyID, user.UserID, "no_scope"): 32,
	}}
	if err := w.store.WriteBatch(w.ctx, batch); err != nil {
		t.Fatal(err)
	}
	sum := func(c *access.Caller, f admin.UsageFilter) int64 {
		t.Helper()
		total, page := int64(0), admin.Page{Limit: 1}
		for {
			list := must(w.Usage(w.ctx, c, "acme", f, page))(t)
			for _, u := range list.Items {
				total += u.Count
			}
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				return total
			}
		}
	}
	long := w.now.AddDate(0, 0, -60)
	for i, c := range []struct {
		caller *access.Caller
		filter admin.UsageFilter
		want   int64
	}{
		{w.root, admin.UsageFilter{}, 31},
		{w.root, admin.UsageFilter{Since: long}, 63},
		{w.root, admin.UsageFilter{Since: long, Bucket: admin.ByMonth}, 63},
		{w.root, admin.UsageFilter{Subject: user.UserID}, 4},
		{w.root, admin.UsageFilter{Outcome: "rate_limited"}, 16},
		{w.root, admin.UsageFilter{Key: other.KeyID}, 12},
		{user, admin.UsageFilter{}, 7},
		{user, admin.UsageFilter{Since: long, Bucket: admin.ByMonth}, 39},
		{user, admin.UsageFilter{Subject: other.UserID}, 0},
		{other, admin.UsageFilter{}, 12},
	} {
		if got := sum(c.caller, c.filter); got != c.want {
			t.Errorf("%d: %d, want %d", i, got, c.want)
		}
	}
	months := must(w.Usage(w.ctx, w.root, "acme", admin.UsageFilter{Since: long, Bucket: admin.ByMonth, Key: user.KeyID}, admin.Page{}))(t)
	for _, u := range months.Items {
		if u.Begins.Day() != 1 || u.Begins.Hour() != 0 {
			t.Errorf("a month begins on %v", u.Begins)
		}
	}
	_, err := w.Usage(w.ctx, user, "acme", admin.UsageFilter{Key: other.KeyID}, admin.Page{})
	w.refused(err, "role_missing")
	_, err = w.Usage(w.ctx, w.root, "acme", admin.UsageFilter{Bucket: "hour"}, admin.Page{})
	w.refused(err, "invalid_field")
	_, err = w.Usage(w.ctx, w.root, "acme", admin.UsageFilter{Since: w.now.Add(time.Hour * 24 * 30)}, admin.Page{})
	w.refused(err, "invalid_field")
	first := must(w.Usage(w.ctx, w.root, "acme", admin.UsageFilter{}, admin.Page{Limit: 1}))(t)
	_, err = w.Usage(w.ctx, w.root, "acme", admin.UsageFilter{Outcome: "allowed"}, admin.Page{Cursor: first.NextCursor})
	w.refused(err, "invalid_cursor")
}

func TestRolesArePaged(t *testing.T) {
	w := newWorld(t)
	all := must(w.Roles(w.ctx, w.root, "acme", admin.Page{}))(t)
	var got []admin.Role
	page := admin.Page{Limit: 2}
	for {
		list := must(w.Roles(w.ctx, w.root, "acme", page))(t)
		if got = append(got, list.Items...); list.NextCursor == "" {
			break
		}
		page.Cursor = list.NextCursor
	}
	if !reflect.DeepEqual(got, all.Items) {
		t.Errorf("page by page %v, at once %v", got, all.Items)
	}
}
