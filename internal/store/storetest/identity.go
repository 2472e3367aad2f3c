package storetest

import (
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// newGroup makes a user-group key.
func (w *world) newGroup() access.Key {
	w.Helper()
	k := access.Key{
		ID: seal.NewID("key"), OrganizationID: w.org.ID, UserID: w.user.ID, Kind: access.KeyUserGroup, Scopes: scopes("photos:read"),
		MayNameSubjects: true, Version: 1, Created: noon,
	}
	k.Revision = w.change(func(tx *store.Tx) error { return tx.InsertKey(k, [32]byte([]byte(k.ID[4:]+"......")), nil) })
	return k
}

func identities(w *world) {
	group, second := w.newGroup(), w.newGroup()
	plain, _ := w.newKey(w.member)
	other := w.newOrganization("other")
	insert := func(k access.Key, publicKey string, want int64) access.Identity {
		w.Helper()
		i := access.Identity{ID: seal.NewID("idn"), OrganizationID: k.OrganizationID, KeyID: k.ID, PublicKey: publicKey, Active: true, Created: noon}
		i.Revision = w.change(func(tx *store.Tx) error {
			n, err := tx.InsertIdentity(i)
			if n != want {
				w.Errorf("%d identities are counted, want %d", n, want)
			}
			return err
		})
		return i
	}
	one, two := insert(group, "did:key:z1", 1), insert(group, "did:key:z2", 2)
	three := insert(second, "did:key:z1", 1) // the same public key is somebody else under another key
	_, err := w.try(func(tx *store.Tx) error { _, err := tx.InsertIdentity(one); return err })
	refused(w, err, "already_exists")
	twice := one
	twice.ID = seal.NewID("idn")
	_, err = w.try(func(tx *store.Tx) error { _, err := tx.InsertIdentity(twice); return err })
	refused(w, err, "already_exists")

	got, err := w.Identity(w.ctx, w.org.ID, one.ID)
	equal(w, got, err, one)
	got, err = w.IdentityByPublicKey(w.ctx, second.ID, "did:key:z1")
	equal(w, got, err, three)
	_, err = w.Identity(w.ctx, other.ID, one.ID)
	refused(w, err, "not_found")
	_, err = w.IdentityByPublicKey(w.ctx, second.ID, "did:key:z2")
	refused(w, err, "not_found")
	all := store.IdentityFilter{OrganizationID: w.org.ID}
	list, err := w.Identities(w.ctx, all, store.Page{Limit: 2})
	equal(w, list, err, []access.Identity{one, two})
	list, err = w.Identities(w.ctx, all, store.Page{After: two.ID})
	equal(w, list, err, []access.Identity{three})
	list, err = w.Identities(w.ctx, store.IdentityFilter{OrganizationID: w.org.ID, KeyID: second.ID}, store.Page{})
	equal(w, list, err, []access.Identity{three})
	list, err = w.Identities(w.ctx, store.IdentityFilter{OrganizationID: w.org.ID, UserID: w.user.ID}, store.Page{After: one.ID})
	equal(w, list, err, []access.Identity{two, three})
	list, err = w.Identities(w.ctx, store.IdentityFilter{OrganizationID: other.ID}, store.Page{})
	equal(w, list, err, nil)

	// Its holder is that of its key, with what is its own.
	source := access.Source{KeyID: group.ID, KeyVersion: 1, Via: one.ID}
	h, err := w.HolderOf(w.ctx, source)
	if err != nil || h.Via != one.ID || h.Ended != "" || h.Key.ID != group.ID || h.Key.MayNameSubjects || h.User.ID != w.user.ID || h.Version != 1 {
		w.Fatalf("its holder is %+v (%v)", h, err)
	}
	for _, wrong := range []access.Source{
		{KeyID: second.ID, KeyVersion: 1, Via: one.ID}, {KeyID: group.ID, KeyVersion: 2, Via: one.ID}, {Via: one.ID}, {KeyID: group.ID, KeyVersion: 1, Via: seal.NewID("idn")},
	} {
		_, err := w.HolderOf(w.ctx, wrong)
		refused(w, err, "not_found")
	}
	h, err = w.GroupHolder(w.ctx, group.ID)
	if err != nil || h.Via != "" || h.Key.ID != group.ID || h.Version != 1 {
		w.Fatalf("the group's holder is %+v (%v)", h, err)
	}
	for _, id := range []string{plain.ID, seal.NewID("key")} {
		_, err := w.GroupHolder(w.ctx, id)
		refused(w, err, "not_found")
	}

	// The last pass tells the last use.
	last := access.LastUse{Time: noon.Add(time.Minute), UserAgent: "phone"}
	issued := access.IssuedToken{ID: seal.NewID("tok"), OrganizationID: w.org.ID, KeyID: group.ID, Via: one.ID, From: last}
	earlier := issued
	earlier.ID, earlier.From.Time = seal.NewID("tok"), noon
	if err := errors.Join(w.WriteBatch(w.ctx, access.Batch{Issued: []access.IssuedToken{issued, earlier}}), w.WriteBatch(w.ctx, access.Batch{Issued: []access.IssuedToken{earlier}})); err != nil {
		w.Fatal(err)
	}
	one.LastUse = last
	one.Active, one.Comment = false, "lost <金>"
	one.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateIdentity(one) })
	got, err = w.Identity(w.ctx, w.org.ID, one.ID)
	equal(w, got, err, one)
	if h, err = w.HolderOf(w.ctx, source); err != nil || h.Ended != "identity_disabled" || h.Revision != one.Revision {
		w.Fatalf("its holder is %+v (%v)", h, err)
	}

	foreign := two
	foreign.OrganizationID = other.ID
	_, err = w.try(func(tx *store.Tx) error { return tx.UpdateIdentity(foreign) })
	refused(w, err, "not_found")
	_, err = w.try(func(tx *store.Tx) error { return tx.DeleteIdentity(foreign) })
	refused(w, err, "not_found")
	w.change(func(tx *store.Tx) error { return tx.DeleteIdentity(one) })
	_, err = w.HolderOf(w.ctx, source)
	refused(w, err, "not_found")
	insert(group, "did:key:z1", 2) // there is room again

	// They go with their key.
	w.change(func(tx *store.Tx) error { return tx.DeleteKey(w.org.ID, group.ID) })
	_, err = w.Identity(w.ctx, w.org.ID, two.ID)
	refused(w, err, "not_found")
	list, err = w.Identities(w.ctx, all, store.Page{})
	equal(w, list, err, []access.Identity{three})
}
