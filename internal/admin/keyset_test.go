package admin_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// keyring makes rows whose private half nobody opens.
type keyring struct{}

func (keyring) Make(use, algorithm string, created, begins time.Time) (store.SigningKey, error) {
	prefix := map[string]string{store.UseSignature: "sgk", store.UseEncryption: "enk"}[use]
	return store.SigningKey{ID: seal.NewID(prefix), Use: use, Algorithm: algorithm, Public: []byte{}, Sealed: []byte{0}, Created: created, NotBefore: begins}, nil
}

func (keyring) Decryption(keys []store.SigningKey) ([]byte, error) {
	ids := []byte{}
	for _, k := range keys {
		ids = append(ids, k.ID...)
	}
	return ids, nil
}

// withKeys is a world with a key of each use.
func withKeys(t *testing.T) (w *world, signing, encryption string) {
	t.Helper()
	w = newWorld(t)
	s, _ := keyring{}.Make(store.UseSignature, "ES256", w.now, w.now)
	e, _ := keyring{}.Make(store.UseEncryption, "ECDH-ES", w.now, w.now)
	_, err := w.store.Change(w.ctx, access.Actor{}, "", w.now, func(tx *store.Tx) error {
		return errors.Join(tx.InsertSigningKey(s), tx.InsertSigningKey(e), tx.Record("keyset.created", "", s.ID, nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, s.ID, e.ID
}

// states is "id state" of each key of a use, in order.
func (w *world) states(use string) (list []string) {
	w.Helper()
	for _, k := range must(w.Keyset(w.ctx, w.root))(w) {
		if k.Use == use {
			list = append(list, k.ID+" "+string(k.State))
		}
	}
	return list
}

func (w *world) expectStates(use string, want ...string) {
	w.Helper()
	if got := w.states(use); !slices.Equal(got, want) {
		w.Errorf("the keys are %q, want %q", got, want)
	}
}

func TestKeysetRotation(t *testing.T) {
	w, old, _ := withKeys(t)
	next := must(w.RotateKeyset(w.ctx, w.root, admin.KeysetRotation{Algorithm: "RS256"}))(t)
	if next.Begins != w.now.Add(6*time.Minute) || next.Algorithm != "RS256" || next.State != admin.KeyNext {
		t.Errorf("made %+v", next)
	}
	w.expectStates("sig", old+" current", next.ID+" next")
	_, err := w.RotateKeyset(w.ctx, w.root, admin.KeysetRotation{})
	w.refused(err, "rotation_pending")
	w.refused(w.RetireKey(w.ctx, w.root, old, false), "signing_key_in_use")

	w.now = w.now.Add(6 * time.Minute)
	w.expectStates("sig", old+" previous", next.ID+" current")
	if err := w.RetireKey(w.ctx, w.root, old, false); err != nil {
		t.Errorf("a key that retires by itself: %v", err)
	}
	// The old one outlives the longest pass that it may have made a moment ago.
	w.now = w.now.Add(admin.DefaultMaxTokenLife + time.Minute)
	w.expectStates("sig", old+" previous", next.ID+" current")
	w.now = w.now.Add(5 * time.Minute)
	w.expectStates("sig", next.ID+" current")
	if third := must(w.RotateKeyset(w.ctx, w.root, admin.KeysetRotation{}))(t); third.Algorithm != "RS256" {
		t.Errorf("the algorithm changed to %s", third.Algorithm)
	}
}

// TestRotationWaitsForRecordedPasses: passes that were issued when they could live longer keep their key.
func TestRotationWaitsForRecordedPasses(t *testing.T) {
	w, old, _ := withKeys(t)
	expires := w.now.Add(100 * 24 * time.Hour)
	if err := w.store.WriteBatch(w.ctx, access.Batch{Issued: []access.IssuedToken{{ID: "tok_1", Head: "tok_1", OrganizationID: w.founded.Organization.ID, IssuedAt: w.now, Expires: expires}}}); err != nil {
		t.Fatal(err)
	}
	_ = must(w.RotateKeyset(w.ctx, w.root, admin.KeysetRotation{}))(t)
	for _, k := range must(w.Keyset(w.ctx, w.root))(t) {
		if k.ID == old && k.Ends.Before(expires) {
			t.Errorf("the key ends %s, before the pass that ends %s", k.Ends, expires)
		}
	}
}

func TestRotationRefusals(t *testing.T) {
	w, _, _ := withKeys(t)
	for name, in := range map[string]admin.KeysetRotation{
		"use":       {Use: "both"},
		"too short": {Lead: new(int64(359))},
		"too long":  {Lead: new(int64(31 * 24 * 3600))},
		"algorithm": {Use: "enc", Algorithm: "ES256"},
	} {
		if _, err := w.RotateKeyset(w.ctx, w.root, in); codeOf(err) != "invalid_field" {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.refused(w.RetireKey(w.ctx, w.root, "sgk_none", true), "not_found")
}

// TestANextKeyIsDropped: without it the current one has no successor, so it does not end.
func TestANextKeyIsDropped(t *testing.T) {
	for _, now := range []bool{false, true} {
		w, _, old := withKeys(t)
		next := must(w.RotateKeyset(w.ctx, w.root, admin.KeysetRotation{Use: "enc", Lead: new(int64(86400))}))(t)
		if err := w.RetireKey(w.ctx, w.root, next.ID, now); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(100 * 24 * time.Hour)
		w.expectStates("enc", old+" current")
	}
}

func TestEmergency(t *testing.T) {
	w, old, encryption := withKeys(t)
	if err := w.RetireKey(w.ctx, w.root, old, true); err != nil {
		t.Fatal(err)
	}
	got := w.states("sig")
	if len(got) != 1 || got[0][:len(old)] == old || got[0][len(old):] != " current" {
		t.Fatalf("the only key leaves %q", got)
	}
	revoked := must(w.store.RevocationsSince(w.ctx, 0))(t)
	if i := len(revoked) - 1; i < 0 || revoked[i].Subject != old || revoked[i].Below() < 1<<60 {
		t.Errorf("revoked: %+v", revoked)
	}
	// A key that is known already is better than one that nobody knows.
	second := got[0][:len(old)]
	next := must(w.RotateKeyset(w.ctx, w.root, admin.KeysetRotation{}))(t)
	if err := w.RetireKey(w.ctx, w.root, second, true); err != nil {
		t.Fatal(err)
	}
	w.expectStates("sig", next.ID+" current")
	// What a key encrypted may have been taken out of its encryption, so it is revoked too.
	if err := w.RetireKey(w.ctx, w.root, encryption, true); err != nil {
		t.Fatal(err)
	}
	if all := must(w.store.RevocationsSince(w.ctx, 0))(t); !slices.ContainsFunc(all, func(r access.Revocation) bool {
		return r.Subject == encryption && r.Reason == "encryption_key_retired" && r.Below() > 1<<60
	}) {
		t.Errorf("revoked: %+v", all)
	}
}

// TestKeysWithAClockSetBack: the first key is the current one, even if by this clock it begins later, and can be rotated and retired as such.
func TestKeysWithAClockSetBack(t *testing.T) {
	w, only, _ := withKeys(t)
	w.now = w.now.Add(-time.Hour)
	w.expectStates("sig", only+" current")
	w.refused(w.RetireKey(w.ctx, w.root, only, false), "signing_key_in_use")
	if err := w.RetireKey(w.ctx, w.root, only, true); err != nil {
		t.Fatal(err)
	}
	if left := w.states("sig"); len(left) != 1 || left[0] == only+" current" {
		t.Errorf("the only key leaves %q", left)
	}
}

func TestDecryptionIsExportedOnTheRecord(t *testing.T) {
	w, _, encryption := withKeys(t)
	if got := must(w.ExportDecryption(w.ctx, w.root))(t); string(got) != encryption {
		t.Errorf("exported %s", got)
	}
	events := must(w.store.EventsSince(w.ctx, 0, 1000))(t)
	if last := events[len(events)-1]; last.Action != "keyset.exported" || last.ObjectID != encryption || last.Actor.UserID == "" {
		t.Errorf("recorded %+v", last)
	}
}

// TestAutomaticRotationHappensOnce: however many servers find the key too old at once.
func TestAutomaticRotationHappensOnce(t *testing.T) {
	w, _, _ := withKeys(t)
	const every = 24 * time.Hour
	if rotated := must(w.RotateWhenDue(w.ctx, every))(t); rotated {
		t.Error("rotated a new key")
	}
	w.now = w.now.Add(every)
	var rotations atomic.Int64
	var servers sync.WaitGroup
	for range 8 {
		servers.Go(func() {
			rotated, err := w.RotateWhenDue(w.ctx, every)
			if err != nil {
				t.Error(err)
			}
			if rotated {
				rotations.Add(1)
			}
		})
	}
	servers.Wait()
	if n := rotations.Load(); n != 1 || len(w.states("sig")) != 2 {
		t.Errorf("rotated %d times to %q", n, w.states("sig"))
	}
}
