package admin_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func TestIdentities(t *testing.T) {
	w := newWorld(t)
	owner, stranger := w.user("acme", "developer"), w.user("acme", "developer")
	one := w.identity(owner)
	w.identity(stranger)
	enroll := func(name string) (access.Identity, error) {
		return w.Enroll(w.ctx, one.OrganizationID, one.KeyID, name, "req", access.LastUse{Time: w.now})
	}
	// However many log in first at once, they are one.
	var all sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for range 8 {
		all.Go(func() {
			i, err := enroll("did:key:twice")
			mu.Lock()
			defer mu.Unlock()
			if ids[i.ID] = true; err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(ids) != 1 {
		t.Fatalf("one public key is %d identities", len(ids))
	}
	own := must(w.Identities(w.ctx, owner, "acme", admin.IdentityFilter{}, admin.Page{}))(t)
	of := must(w.Identities(w.ctx, w.root, "acme", admin.IdentityFilter{Key: one.KeyID}, admin.Page{}))(t)
	every := must(w.Identities(w.ctx, w.root, "acme", admin.IdentityFilter{}, admin.Page{}))(t)
	if len(own.Items) != 2 || !slices.Equal(own.Items, of.Items) || len(every.Items) != 3 {
		t.Errorf("own %v, of the key %v, all %v", own.Items, of.Items, every.Items)
	}
	_, err := w.Identities(w.ctx, stranger, "acme", admin.IdentityFilter{Key: one.KeyID}, admin.Page{})
	w.refused(err, "role_missing")

	changed := must(w.UpdateIdentity(w.ctx, owner, "acme", one.ID, admin.IdentityPatch{Active: ptr(false), Comment: ptr("lost")}, one.Revision))(t)
	if read := must(w.Identity(w.ctx, owner, "acme", one.ID))(t); read != changed || read.Active || read.Comment != "lost" || read.Revision != w.head() {
		t.Errorf("changed %+v, read %+v", changed, read)
	}
	_, err = w.UpdateIdentity(w.ctx, owner, "acme", one.ID, admin.IdentityPatch{Active: ptr(true)}, one.Revision)
	w.refused(err, "precondition_failed")
	if again := must(enroll(one.PublicKey))(t); again.ID != one.ID || again.Active {
		t.Errorf("to log in anew brings a disabled identity back: %+v", again)
	}
	if err := w.ForgetIdentity(w.ctx, owner, "acme", one.ID, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	if again := must(enroll(one.PublicKey))(t); again.ID == one.ID {
		t.Error("an id is used twice")
	}
	var ended []string
	for _, r := range must(w.store.RevocationsSince(w.ctx, 0))(t) {
		if r.Subject == one.ID {
			ended = append(ended, r.Reason)
		}
	}
	if !slices.Equal(ended, []string{"identity_disabled", "identity_forgotten"}) {
		t.Errorf("its passes were ended because of %v", ended)
	}
}

// TestIdentitiesAreBounded: there are so many under a key and no more, and forgetting makes room.
func TestIdentitiesAreBounded(t *testing.T) {
	w := newWorld(t)
	small := admin.New(admin.Config{Store: w.store, Sealer: w.sealer, Now: func() time.Time { return w.now }, Committed: func(context.Context, int64) error { return nil }, MaxIdentities: 3})
	one := w.identity(w.root)
	for i := range 5 {
		_, err := small.Enroll(w.ctx, one.OrganizationID, one.KeyID, fmt.Sprint("did:key:", i), "req", access.LastUse{Time: w.now})
		if i < 2 != (err == nil) {
			t.Fatalf("identity %d: %v", i, err)
		}
		if err != nil {
			w.refused(err, "too_many_identities")
		}
	}
	if err := w.ForgetIdentity(w.ctx, w.root, "acme", one.ID, admin.AnyRevision); err != nil {
		t.Fatal(err)
	}
	must(small.Enroll(w.ctx, one.OrganizationID, one.KeyID, "did:key:late", "req", access.LastUse{Time: w.now}))(t)
	_, err := small.Enroll(w.ctx, one.OrganizationID, w.root.KeyID, "did:key:other", "req", access.LastUse{Time: w.now})
	w.refused(err, "not_found") // a key that is for no group of users
}

// TestGroupKeysManageNothing: what is not asked for by name is not handed to strangers.
func TestGroupKeysManageNothing(t *testing.T) {
	w := newWorld(t)
	owner := w.user("acme", "account_manager", "developer", "consumer")
	key := must(w.CreateKey(w.ctx, owner, "acme", admin.NewKey{Kind: access.KeyUserGroup, Scopes: []string{"x"}}))(t)
	if !slices.Equal(key.Roles, []string{"consumer"}) {
		t.Errorf("a user-group key has the roles %v", key.Roles)
	}
}
