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

// passkeys: a login by passkey moves its counter and opens its session at once or
// not at all, and nothing is left of a passkey without its membership.
func passkeys(w *world) {
	p := access.Passkey{
		ID: seal.NewID("psk"), OrganizationID: w.org.ID, UserID: w.user.ID, CredentialID: []byte{0, 1, 255}, Name: "laptop",
		Credential: `{"publicKey":"pQ"}`, Counter: 7, Created: noon,
	}
	p.Revision = w.change(func(tx *store.Tx) error { return tx.InsertPasskey(p) })
	found, err := w.PasskeyByCredential(w.ctx, p.CredentialID)
	equal(w, found, err, p)
	_, err = w.PasskeyByCredential(w.ctx, []byte{0, 1})
	refused(w, err, "not_found")
	twice := p
	twice.ID = seal.NewID("psk")
	_, err = w.Change(w.ctx, access.Actor{}, "", noon, func(tx *store.Tx) error { return tx.InsertPasskey(twice) })
	refused(w, err, "already_exists")

	session := func() access.Session {
		return access.Session{
			ID: seal.NewID("ses"), OrganizationID: w.org.ID, UserID: w.user.ID, Created: noon, Idle: noon.Add(time.Hour), Expires: noon.Add(time.Hour), Lives: noon.Add(time.Minute),
			LastUse: access.LastUse{Time: noon, Address: netip.MustParseAddr("203.0.113.7"), UserAgent: "browser"},
		}
	}
	next := p
	next.Counter, next.Credential = 8, `{"publicKey":"pQ","flags":{}}`
	won := make([]bool, 8)
	var all sync.WaitGroup
	for i := range won {
		all.Go(func() { won[i] = w.OpenPasskeySession(w.ctx, next, p.Counter, [32]byte{9, byte(i)}, session()) == nil })
	}
	all.Wait()
	if wins := len(slices.DeleteFunc(won, func(b bool) bool { return !b })); wins != 1 {
		w.Errorf("%d logins count from one counter", wins)
	}
	list, err := w.PasskeysOfMember(w.ctx, w.org.ID, w.user.ID)
	if err != nil || len(list) != 1 || list[0].Counter != 8 || list[0].Credential != next.Credential || !list[0].LastUse.Time.Equal(noon) {
		w.Errorf("%+v %v", list, err)
	}
	if sessions, err := w.SessionsOfMember(w.ctx, w.org.ID, w.user.ID, noon, store.Page{}); err != nil || len(sessions) != 1 {
		w.Errorf("%d sessions, %v", len(sessions), err)
	}

	_, err = w.Change(w.ctx, access.Actor{}, "", noon, func(tx *store.Tx) error { return tx.DeletePasskey(w.org.ID, "usr_another", p.ID) })
	refused(w, err, "not_found")
	w.change(func(tx *store.Tx) error { return tx.DeletePasskey(w.org.ID, w.user.ID, p.ID) })
	refused(w, w.OpenPasskeySession(w.ctx, next, 8, [32]byte{10}, session()), "not_found")
	w.change(func(tx *store.Tx) error { return tx.InsertPasskey(p) })
	w.change(func(tx *store.Tx) error { return tx.DeleteMembership(w.org.ID, w.user.ID) })
	_, err = w.PasskeyByCredential(w.ctx, p.CredentialID)
	refused(w, err, "not_found")
}
