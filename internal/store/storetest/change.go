package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

func rollback(w *world) {
	before := w.head()
	ghost := access.Organization{ID: seal.NewID("org"), Slug: "ghost", Active: true, Created: noon}
	mine := errors.New("mine")
	for name, fn := range map[string]func(*store.Tx) error{
		"own error": func(tx *store.Tx) error {
			_ = tx.InsertOrganization(ghost)
			_ = tx.Record("a.b", "", "", nil)
			return mine
		},
		"unrecorded": func(tx *store.Tx) error { return tx.InsertOrganization(ghost) },
		"recorded twice": func(tx *store.Tx) error {
			_ = tx.InsertOrganization(ghost)
			_ = tx.Record("a.b", "", "", nil)
			_ = tx.Record("a.b", "", "", nil)
			return nil
		},
		"failed write ignored": func(tx *store.Tx) error {
			_ = tx.InsertOrganization(ghost)
			_ = tx.UpdateUser(access.User{ID: "usr_none"})
			return tx.Record("a.b", "", "", nil)
		},
		"detail is no object": func(tx *store.Tx) error {
			_ = tx.InsertOrganization(ghost)
			return tx.Record("a.b", "", "", []string{"a"})
		},
	} {
		if _, err := w.Change(w.ctx, w.actor, "", noon, fn); err == nil || name == "own error" && !errors.Is(err, mine) {
			w.Fatalf("%s: error is %v", name, err)
		}
		_, err := w.Organization(w.ctx, "ghost")
		refused(w, err, "not_found")
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = w.Change(w.ctx, w.actor, "", noon, func(*store.Tx) error { panic("boom") })
	}()
	if after := w.head(); after != before {
		w.Fatalf("head is %d, was %d", after, before)
	}
	if next := w.change(func(*store.Tx) error { return nil }); next != before+1 {
		w.Fatalf("next revision is %d, want %d", next, before+1)
	}
}

// feed writes from several goroutines while another follows, as a gate does.
func feed(w *world) {
	const writers, each = 6, 12
	start := w.head()
	seen := map[string]int64{}
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := range each {
				_, err := w.try(func(tx *store.Tx) error {
					return tx.Revoke(fmt.Sprintf("key_%d_%d", writer, i), "key_deleted", time.Time{}, noon.Add(time.Hour))
				})
				if err != nil {
					w.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	for last, finished := start, false; !finished; {
		select {
		case <-done:
			finished = true // and look once more
		default:
		}
		head := w.head()
		revocations, err := w.RevocationsSince(w.ctx, last)
		if err != nil {
			w.Fatal(err)
		}
		for _, r := range revocations {
			seen[r.Subject] = r.Revision
		}
		last = head
	}
	if len(seen) != writers*each {
		w.Fatalf("the follower saw %d of %d", len(seen), writers*each)
	}
	var revisions []int64
	for _, r := range seen {
		revisions = append(revisions, r)
	}
	slices.Sort(revisions)
	for i, r := range revisions {
		if r != start+int64(i)+1 {
			w.Fatalf("revision %d is %d, want %d", i, r, start+int64(i)+1)
		}
	}
	if err := w.VerifyChain(w.ctx); err != nil {
		w.Fatal(err)
	}
}

func chain(w *world) {
	for i := range 5 {
		_, err := w.Change(w.ctx, w.actor, "", noon.Add(time.Duration(i)*time.Hour), func(tx *store.Tx) error {
			return tx.Record("a.b", "", "ünïcode", map[string]any{"z": i, "a": `"\u0000 <>`})
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	if err := w.VerifyChain(w.ctx); err != nil {
		w.Fatal(err)
	}
}

func abandoned(w *world) {
	ctx, cancel := context.WithCancel(w.ctx)
	_, err := w.Change(ctx, w.actor, "", noon, func(tx *store.Tx) error {
		if err := tx.SetSetting("color", "red"); err != nil {
			return err
		}
		cancel()
		return tx.Record("a.b", "", "", nil)
	})
	refused(w, err, "store_unavailable")
	_, err = w.Setting(w.ctx, "color")
	refused(w, err, "not_found")
	w.change(func(tx *store.Tx) error { return tx.SetSetting("color", "blue") })
	got, err := w.Setting(w.ctx, "color")
	equal(w, got, err, "blue")
	if err := w.CheckIntegrity(w.ctx); err != nil {
		w.Fatal(err)
	}
	if err := w.Healthy(w.ctx); err != nil {
		w.Fatal(err)
	}
}

func events(w *world) {
	at := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Minute) }
	other := access.Actor{UserID: seal.NewID("usr")}
	start := w.head()
	for i := range 6 {
		actor, action := w.actor, "key.created"
		if i%2 == 1 {
			actor, action = other, "key.deleted"
		}
		_, err := w.Change(w.ctx, actor, "req", at(i), func(tx *store.Tx) error {
			return tx.Record(action, w.org.ID, fmt.Sprint("key_", i/2), map[string]int{"i": i})
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	for _, test := range []struct {
		name   string
		filter store.EventFilter
		limit  int
		want   []int64 // revisions above start
	}{
		{"newest first", store.EventFilter{}, 2, []int64{6, 5}},
		{"read on", store.EventFilter{BeforeRevision: start + 5}, 2, []int64{4, 3}},
		{"organization", store.EventFilter{OrganizationID: w.org.ID, Since: at(0).Add(time.Millisecond)}, 0, []int64{6, 5, 4, 3, 2}},
		{"another organization", store.EventFilter{OrganizationID: "org_none"}, 0, nil},
		{"object", store.EventFilter{ObjectID: "key_1"}, 0, []int64{4, 3}},
		{"object elsewhere", store.EventFilter{ObjectID: "key_1", OrganizationID: "org_none"}, 0, nil},
		{"action", store.EventFilter{OrganizationID: w.org.ID, Action: "key.created"}, 0, []int64{5, 3, 1}},
		{"noun", store.EventFilter{OrganizationID: w.org.ID, Action: "key", Since: at(1)}, 0, []int64{6, 5, 4, 3, 2}},
		{"noun of an object", store.EventFilter{ObjectID: "key_1", Action: "key"}, 0, []int64{4, 3}},
		{"noun, of the platform", store.EventFilter{Action: "key"}, 2, []int64{6, 5}},
		{"no noun", store.EventFilter{OrganizationID: w.org.ID, Action: "ke"}, 0, nil},
		{"no pattern", store.EventFilter{OrganizationID: w.org.ID, Action: "k_y"}, 0, nil},
		{"nor that", store.EventFilter{OrganizationID: w.org.ID, Action: "%"}, 0, nil},
		{"actor", store.EventFilter{ActorUserID: other.UserID}, 0, []int64{6, 4, 2}},
		{"time", store.EventFilter{Since: at(1), Until: at(3)}, 0, []int64{3, 2}},
	} {
		found, err := w.Events(w.ctx, test.filter, test.limit)
		var got []int64
		for _, e := range found {
			got = append(got, e.Revision-start)
		}
		if err != nil || !slices.Equal(got, test.want) {
			w.Errorf("%s: got %v (%v), want %v", test.name, got, err, test.want)
		}
	}
	found, err := w.EventsSince(w.ctx, start+5, 10)
	if err != nil || len(found) != 1 {
		w.Fatal(found, err)
	}
	e := found[0]
	if len(e.Chain) != 32 || !seal.ValidID("evt", e.ID) {
		w.Fatalf("event %+v", e)
	}
	equal(w, e, nil, access.Event{
		Revision: start + 6, ID: e.ID, Time: at(5), OrganizationID: w.org.ID, Actor: other,
		Action: "key.deleted", ObjectID: "key_2", Detail: []byte(`{"i":5}`), RequestID: "req", Chain: e.Chain,
	})
}
