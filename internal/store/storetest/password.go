package storetest

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

func passwords(w *world) {
	var one, two, three [32]byte
	one[0], two[0], three[0] = 1, 2, 3
	p := access.Password{UserID: w.user.ID, OrganizationID: w.org.ID, Login: "ada@acme.example", Hash: "$argon2id$1", Changed: noon}
	w.change(func(tx *store.Tx) error { return tx.PutPassword(p) })
	got, err := w.Password(w.ctx, w.user.ID)
	equal(w, got, err, p)
	if list, err := w.PasswordsByLogin(w.ctx, "ada@acme.example"); err != nil || !slices.Equal(list, []access.Password{p}) {
		w.Error(list, err)
	}
	_, err = w.Password(w.ctx, "usr_none")
	refused(w, err, "not_found")
	if err := w.Rehash(w.ctx, w.user.ID, "another", "$argon2id$3"); err != nil {
		w.Error(err)
	}
	if err := w.Rehash(w.ctx, w.user.ID, p.Hash, "$argon2id$2"); err != nil {
		w.Error(err)
	}
	p.Hash = "$argon2id$2"
	got, err = w.Password(w.ctx, w.user.ID)
	equal(w, got, err, p)

	l := access.PasswordLink{UserID: w.user.ID, OrganizationID: w.org.ID, Kind: access.Invitation, Login: p.Login, Alone: true, Created: noon, Expires: noon.Add(time.Hour)}
	w.change(func(tx *store.Tx) error { return tx.InsertPasswordLink(one, l) })
	link, err := w.PasswordLink(w.ctx, one, noon)
	equal(w, link, err, l)
	_, err = w.PasswordLink(w.ctx, one, l.Expires)
	refused(w, err, "not_found")
	last, err := w.LatestPasswordLink(w.ctx, w.user.ID, noon)
	equal(w, last, err, noon)
	w.change(func(tx *store.Tx) error { return tx.TakePasswordLink(one) })
	_, err = w.Change(w.ctx, access.Actor{}, "", noon, func(tx *store.Tx) error { return tx.TakePasswordLink(one) })
	refused(w, err, "not_found")

	n := access.Session{
		ID: seal.NewID("ses"), OrganizationID: w.org.ID, UserID: w.user.ID, Created: noon, Idle: noon.Add(time.Hour), Expires: noon.Add(2 * time.Hour),
		Lives: noon.Add(time.Minute), LastUse: access.LastUse{Time: noon, Address: netip.MustParseAddr("203.0.113.7"), UserAgent: "curl"},
		Confirmation: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
	}
	refused(w, w.OpenSession(w.ctx, "another hash", one, n), "not_found")
	if err := w.OpenSession(w.ctx, p.Hash, one, n); err != nil {
		w.Fatal(err)
	}
	session, spent, err := w.SessionByRefresh(w.ctx, one)
	equal(w, session, err, n)
	if spent {
		w.Error("a fresh one is spent")
	}
	h, err := w.HolderOf(w.ctx, access.Source{Via: n.ID})
	if err != nil || h.Via != n.ID || h.User.ID != w.user.ID || h.Organization.ID != w.org.ID || h.Key.ID != "" || !h.Key.Expires.Equal(n.Expires) {
		w.Errorf("%+v %v", h, err)
	}
	places, err := w.Places(w.ctx, w.user.ID)
	if err != nil || !slices.Equal(places, []access.Place{{OrganizationID: w.org.ID, Organization: w.org.Slug, Active: true}}) {
		w.Error(places, err)
	}

	n.Confirmation = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" // bound as it is refreshed
	won := make([]bool, 8)
	var all sync.WaitGroup
	for i := range won {
		next := two
		next[1] = byte(i)
		all.Go(func() { won[i], _ = w.RotateSession(w.ctx, one, next, n) })
	}
	all.Wait()
	if wins := len(slices.DeleteFunc(won, func(b bool) bool { return !b })); wins != 1 {
		w.Errorf("%d exchange one refresh token", wins)
	}
	if _, spent, err := w.SessionByRefresh(w.ctx, one); !spent || err != nil {
		w.Error("the old one is not known", err)
	}
	_, _, err = w.SessionByRefresh(w.ctx, three)
	refused(w, err, "not_found")
	for at, want := range map[time.Time]int{noon: 1, n.Idle: 0} {
		list, err := w.SessionsOfMember(w.ctx, w.org.ID, w.user.ID, at, store.Page{})
		if len(list) != want || err != nil || want == 1 && list[0].Confirmation != n.Confirmation {
			w.Error(list, err)
		}
	}
	if err := w.PrunePasswords(w.ctx, n.Lives, noon); err != nil { // it is neither old nor idle
		w.Error(err)
	}
	w.change(func(tx *store.Tx) error { return tx.DeleteSession(n.ID) })
	_, err = w.HolderOf(w.ctx, access.Source{Via: n.ID})
	refused(w, err, "not_found")
	_, _, err = w.SessionByRefresh(w.ctx, one)
	refused(w, err, "not_found")
}

func guesses(w *world) {
	var a, b access.GuessAccount
	a[0], b[0] = 1, 2
	key := access.AttemptKey{OrganizationID: w.org.ID, UserID: w.user.ID, Account: "login:ada@acme.example", Address: netip.MustParseAddr("2001:db8::1"), Code: "login_invalid", Hour: noon.Unix() / 3600}
	write := func(at time.Time, g map[access.GuessAccount]access.Guesses) {
		w.Helper()
		batch := access.Batch{Guesses: g, At: at, Attempts: map[access.AttemptKey]access.Attempts{key: {AttemptKey: key, Count: 2, Last: at}}}
		if err := w.WriteBatch(w.ctx, batch); err != nil {
			w.Fatal(err)
		}
	}
	known := [][8]byte{{1, 2}, {3}}
	write(noon, map[access.GuessAccount]access.Guesses{a: {Strangers: 3, Last: noon, Known: known}, b: {Owners: 1, Last: noon}})
	write(noon.Add(time.Second), map[access.GuessAccount]access.Guesses{a: {Strangers: 4, Owners: 1, Last: noon.Add(time.Second)}})
	got, until, err := w.Guesses(w.ctx, noon, 10)
	if g := got[a]; err != nil || len(got) != 1 || g.Strangers != 7 || g.Owners != 1 || !g.Last.Equal(noon.Add(time.Second)) || !slices.Equal(g.Known, known) || !until.Equal(noon.Add(time.Second)) {
		w.Errorf("%+v %v %v", got, until, err)
	}
	write(noon.Add(2*time.Second), map[access.GuessAccount]access.Guesses{a: {Owners: 1, Last: noon.Add(2 * time.Second), Reset: true, Known: known[:1]}})
	got, _, err = w.Guesses(w.ctx, noon.Add(-time.Hour), 10)
	if g := got[a]; err != nil || len(got) != 2 || g.Strangers != 0 || g.Owners != 1 || len(g.Known) != 1 {
		w.Errorf("%+v %v", got, err)
	}
	list, err := w.Attempts(w.ctx, w.org.ID, noon, 10)
	if err != nil || len(list) != 1 || list[0].Count != 6 || list[0].AttemptKey != key {
		w.Errorf("%+v %v", list, err)
	}
	if err := w.PrunePasswords(w.ctx, noon, noon.Add(time.Hour)); err != nil {
		w.Error(err)
	}
	if got, _, err = w.Guesses(w.ctx, noon.Add(-time.Hour), 10); err != nil || len(got) != 0 {
		w.Errorf("%+v %v", got, err)
	}
}
