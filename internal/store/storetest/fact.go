package storetest

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

func facts(w *world) {
	key := access.FactKey{
		OrganizationID: w.org.ID, ApplicationID: "app_1", Revision: 7, Method: "PO\xffST", Host: "h\x00st", Path: "/albums/%C3%A9",
		Fields: "Mutation.CreatePerson", From: netip.MustParseAddr("2001:db8::7"), KeyID: "key_1", Subject: "ada", MembershipID: "mem_1",
		Scopes: "photos:read photos:write", RoleText: "developer", Reason: "scope_missing", Rule: "POST /albums/*", Missing: "photos:admin",
		ShadowReason: "allowed", ShadowRule: "ANY /**",
	}
	roles := []access.Role{{Name: "developer", OrganizationID: w.org.ID}, {Name: "consumer", OrganizationID: w.org.ID, ApplicationID: "app_1"}}
	full := access.Fact{FactKey: key, First: noon, Last: noon.Add(time.Second), Count: 3, Roles: roles}
	bare := access.Fact{FactKey: access.FactKey{OrganizationID: w.org.ID, ApplicationID: "app_1", Method: "GET", Path: "/", Standing: "token_missing", Reason: "public", ShadowMissing: "a"},
		First: noon.Add(-time.Hour), Last: noon.Add(-time.Hour), Count: 1}
	other := full
	other.ApplicationID = "app_2"
	write := func(b access.FactBatch) {
		w.Helper()
		if err := w.WriteFacts(w.ctx, b); err != nil {
			w.Fatal(err)
		}
	}
	read := func(appID string, since time.Time, most int) (list []access.Fact, more bool) {
		w.Helper()
		more, err := w.EachFact(w.ctx, w.org.ID, appID, since, most, func(f *access.Fact) error {
			f.ID = ""
			list = append(list, *f)
			return nil
		})
		if err != nil {
			w.Fatal(err)
		}
		return list, more
	}
	before := w.head()
	write(access.FactBatch{})
	write(access.FactBatch{Facts: []access.Fact{bare, other, full}})
	if w.head() != before {
		w.Error("facts moved the head: every gate would take them for a change")
	}
	full.Method, full.Host, full.RoleText = "PO\uFFFDST", "h\uFFFDst", "" // storable; the text of roles is made anew from them
	got, more := read("app_1", time.Time{}, 10)
	equal(w, got, nil, []access.Fact{full, bare})
	equal(w, more, nil, false)
	got, more = read("app_1", time.Time{}, 1)
	equal(w, got, nil, []access.Fact{full})
	equal(w, more, nil, true)
	got, _ = read("app_1", noon, 10)
	equal(w, got, nil, []access.Fact{full})
	if _, err := w.EachFact(w.ctx, "org_none", "app_1", time.Time{}, 10, func(*access.Fact) error { return fmt.Errorf("read") }); err != nil {
		w.Error("facts are read by another organization")
	}

	many := make([]access.Fact, 5000)
	for i := range many {
		many[i] = bare
		many[i].Path, many[i].ApplicationID = fmt.Sprint("/", i), "app_3"
	}
	write(access.FactBatch{Facts: many})
	got, more = read("app_3", time.Time{}, 4500)
	equal(w, len(got), nil, 4500)
	equal(w, more, nil, true)
	equal(w, got[0].Path, nil, "/4999")
	equal(w, got[4499].Path, nil, "/500")

	oldest, err := w.OldestFact(w.ctx, w.org.ID, "app_1")
	equal(w, oldest.Equal(bare.First), err, true)
	oldest, err = w.OldestFact(w.ctx, w.org.ID, "app_none")
	equal(w, oldest.IsZero(), err, true)
	n, err := w.PruneFacts(w.ctx, time.Time{}, 4000) // 5003 there: the oldest of the one that has the most go
	equal(w, n, err, 1003)
	got, _ = read("app_3", time.Time{}, 5000)
	equal(w, len(got), nil, 3997)
	equal(w, got[3996].Path, nil, "/1003")
	got, _ = read("app_1", time.Time{}, 10)
	equal(w, got, nil, []access.Fact{full, bare})
	n, err = w.PruneFacts(w.ctx, time.Time{}, 4) // two parts of one, one of two
	equal(w, n, err, 3996)
	got, _ = read("app_1", time.Time{}, 10)
	equal(w, got, nil, []access.Fact{full})
	n, err = w.PruneFacts(w.ctx, noon.Add(time.Minute), 10)
	equal(w, n, err, 4)
	write(access.FactBatch{Facts: []access.Fact{full}}) // what its pass may do is written anew
	got, _ = read("app_1", time.Time{}, 10)
	equal(w, len(got), nil, 1)
}

func keyScopes(w *world) {
	day := access.Day(noon)
	use := func(key, scope string, day int64) access.ScopeUse {
		return access.ScopeUse{OrganizationID: w.org.ID, KeyID: key, Scope: scope, Day: day}
	}
	for range 2 {
		err := w.WriteFacts(w.ctx, access.FactBatch{Uses: map[access.ScopeUse]int64{
			use("key_1", "photos:read", day): 2, use("key_1", "photos:read", day-1): 3, use("key_1", "photos:write", day-40): 1, use("key_2", "photos:admin", day): 1,
		}})
		if err != nil {
			w.Fatal(err)
		}
	}
	got, err := w.KeyScopes(w.ctx, w.org.ID, "key_1", day-1)
	equal(w, got, err, []store.ScopeCount{{Scope: "photos:read", Count: 10, LastDay: day}})
	got, err = w.KeyScopes(w.ctx, w.org.ID, "key_1", day)
	equal(w, got, err, []store.ScopeCount{{Scope: "photos:read", Count: 4, LastDay: day}})
	got, err = w.KeyScopes(w.ctx, w.org.ID, "key_1", 0)
	equal(w, got, err, []store.ScopeCount{{Scope: "photos:read", Count: 10, LastDay: day}, {Scope: "photos:write", Count: 2, LastDay: day - 40}})
	got, err = w.KeyScopes(w.ctx, "org_none", "key_1", 0)
	equal(w, got, err, nil)
	n, err := w.PruneKeyScopes(w.ctx, day-39)
	equal(w, n, err, 1)
}
