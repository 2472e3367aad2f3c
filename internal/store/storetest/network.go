package storetest

import (
	"net/netip"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

func networks(w *world) {
	app, other := w.newApplication(w.org, "photos"), w.newOrganization("other")
	mine, foreign := access.NetworkList{OrganizationID: w.org.ID, ApplicationID: app.ID}, access.NetworkList{OrganizationID: other.ID, ApplicationID: app.ID}
	start := w.head()
	put := func(list access.NetworkList, network string, expires time.Time) access.NetworkEntry {
		w.Helper()
		e := access.NetworkEntry{
			ID: seal.NewID("net"), OrganizationID: list.OrganizationID, ApplicationID: list.ApplicationID, Network: netip.MustParsePrefix(network),
			Action: access.DenyNetwork, Reason: "scans <ports> 金", Expires: expires, Created: noon, CreatedBy: w.user.ID,
		}
		e.Revision = w.change(func(tx *store.Tx) error { return tx.PutNetworks(list, []access.NetworkEntry{e}) })
		return e
	}
	count := func(list access.NetworkList, at time.Time, want int64) {
		w.Helper()
		n, err := w.CountNetworks(w.ctx, list, at)
		equal(w, n, err, want)
	}
	find := func(e access.NetworkEntry) {
		w.Helper()
		for _, name := range []string{e.ID, access.FormatNetwork(e.Network)} {
			got, err := w.Network(w.ctx, access.NetworkList{OrganizationID: e.OrganizationID, ApplicationID: e.ApplicationID}, name)
			sameEntries(w, []access.NetworkEntry{got}, err, e)
		}
	}

	one := put(mine, "203.0.113.7/32", time.Time{})
	soon := put(mine, "203.0.113.0/24", noon.Add(time.Hour))
	global := put(access.NetworkList{}, "203.0.113.7/32", time.Time{}) // the same network in another list
	six := put(mine, "2001:db8::/32", time.Time{})
	find(one)
	find(soon)
	find(global)
	count(mine, noon, 3)
	count(mine, noon.Add(time.Hour), 2)
	count(access.NetworkList{}, noon, 1)
	count(foreign, noon, 0)

	// Putting a network again changes its entry and adds none.
	one.Action, one.Reason, one.Expires = access.AllowNetwork, "", noon.Add(time.Minute)
	one.Revision = w.change(func(tx *store.Tx) error { return tx.PutNetworks(mine, []access.NetworkEntry{one}) })
	find(one)
	got, err := w.Networks(w.ctx, store.NetworkFilter{List: mine}, store.Page{Limit: 2})
	sameEntries(w, got, err, one, soon)
	got, err = w.Networks(w.ctx, store.NetworkFilter{List: mine}, store.Page{After: soon.ID})
	sameEntries(w, got, err, six)
	got, err = w.Networks(w.ctx, store.NetworkFilter{List: mine, Action: access.AllowNetwork}, store.Page{})
	sameEntries(w, got, err, one)
	got, err = w.Networks(w.ctx, store.NetworkFilter{List: foreign}, store.Page{})
	sameEntries(w, got, err)
	among := []netip.Prefix{six.Network, netip.MustParsePrefix("192.0.2.0/24")}
	got, err = w.NetworksAmong(w.ctx, mine, among)
	sameEntries(w, got, err, six)
	got, err = w.NetworksAmong(w.ctx, foreign, among)
	sameEntries(w, got, err)
	_, err = w.Network(w.ctx, foreign, one.ID)
	refused(w, err, "not_found")

	// A deletion is told, once, and is no entry any more.
	_, err = w.try(func(tx *store.Tx) error { return tx.DeleteNetworks(foreign, one.Network) })
	refused(w, err, "not_found")
	_, err = w.try(func(tx *store.Tx) error {
		return tx.DeleteNetworks(mine, six.Network, netip.MustParsePrefix("192.0.2.0/24"))
	})
	refused(w, err, "not_found")
	find(six)
	seen := w.head()
	w.change(func(tx *store.Tx) error { return tx.DeleteNetworks(mine, one.Network) })
	_, err = w.try(func(tx *store.Tx) error { return tx.DeleteNetworks(mine, one.Network) })
	refused(w, err, "not_found")
	_, err = w.Network(w.ctx, mine, one.ID)
	refused(w, err, "not_found")
	count(mine, noon, 2)
	news, err := w.NetworksSince(w.ctx, seen)
	if err != nil || len(news) != 1 || !news[0].Deleted || news[0].Network != one.Network || news[0].ApplicationID != app.ID {
		w.Fatalf("the feed tells %+v (%v)", news, err)
	}
	again := put(mine, "203.0.113.7/32", time.Time{}) // as another entry
	find(again)
	news, err = w.NetworksSince(w.ctx, start)
	if err != nil || len(news) != 4 || news[3].Deleted || news[3].ID != again.ID {
		w.Fatalf("the feed tells %+v (%v)", news, err)
	}

	// Many at once, in more than one statement.
	var many []access.NetworkEntry
	var theirs []netip.Prefix
	for i := range 2500 {
		e := again
		e.ID, e.Network = seal.NewID("net"), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)
		many, theirs = append(many, e), append(theirs, e.Network)
	}
	w.change(func(tx *store.Tx) error { return tx.PutNetworks(mine, many) })
	count(mine, noon, 2503)
	if got, err = w.NetworksAmong(w.ctx, mine, theirs); err != nil || len(got) != len(theirs) {
		w.Fatalf("of many %d are there (%v)", len(got), err)
	}
	w.change(func(tx *store.Tx) error { return tx.DeleteNetworks(mine, theirs...) })
	count(mine, noon, 3)
	_, err = w.PruneNetworks(w.ctx, noon)
	if err != nil {
		w.Fatal(err)
	}

	// What is over goes when its time has come; what is not stays.
	w.change(func(tx *store.Tx) error { return tx.DeleteNetworks(mine, six.Network) })
	for _, prune := range []struct {
		before time.Time
		want   int64
	}{{noon.Add(-time.Second), 0}, {noon, 1}, {noon.Add(time.Hour), 1}, {noon.Add(time.Hour), 0}} {
		n, err := w.PruneNetworks(w.ctx, prune.before)
		equal(w, n, err, prune.want)
	}
	got, err = w.Networks(w.ctx, store.NetworkFilter{List: mine}, store.Page{})
	sameEntries(w, got, err, again)

	// One that is renewed while it is dropped stays.
	again.Expires = noon.Add(time.Hour)
	w.change(func(tx *store.Tx) error { return tx.PutNetworks(mine, []access.NetworkEntry{again}) })
	dropped := make(chan error, 1)
	w.change(func(tx *store.Tx) error {
		again.Expires, again.Revision = noon.Add(time.Hour*24), tx.Revision()
		err := tx.PutNetworks(mine, []access.NetworkEntry{again})
		go func() {
			_, err := w.PruneNetworks(w.ctx, noon.Add(time.Hour))
			dropped <- err
		}()
		time.Sleep(100 * time.Millisecond) // long enough to wait for the row, where there is one to wait for
		return err
	})
	if err := <-dropped; err != nil {
		w.Fatal(err)
	}
	find(again)

	w.change(func(tx *store.Tx) error { return tx.DropNetworks(app.ID) })
	count(mine, noon, 0)
	find(global)
}

func sameEntries(w *world, got []access.NetworkEntry, err error, want ...access.NetworkEntry) {
	w.Helper()
	if err != nil || len(got) != len(want) {
		w.Fatalf("got %+v (%v), want %+v", got, err, want)
	}
	for i := range got {
		if got[i] != want[i] {
			w.Fatalf("got %+v, want %+v", got[i], want[i])
		}
	}
}
