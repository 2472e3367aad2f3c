package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

// TestBrowserLists: ten thousand members, keys and events stay smooth in the dashboard.
func TestBrowserLists(t *testing.T) {
	if raceDetector {
		t.Skip("ten thousand rows are scrolled through without the race detector, which would be what is measured")
	}
	const rows = 10_000
	w := newWorld(t, nil)
	browse(t, w, "lists.mjs", fmt.Sprintf("ROWS=%d", w.crowd(rows)))
}

// crowd writes so many members with a key each straight into the stopped server's
// database, an event with each, and returns how many.
func (w *world) crowd(count int) int {
	w.t.Helper()
	w.stop()
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Path: filepath.Join(w.config.Data, "daypass.db")})
	if err != nil {
		w.t.Fatal(err)
	}
	org, err := db.Organization(ctx, "acme")
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	chief := access.Actor{UserID: w.chief, Address: netip.MustParseAddr("192.0.2.1")}
	roles := []access.Role{{Name: access.Consumer, OrganizationID: org.ID}}
	scopes, err := scope.ParseSet([]string{"photos:read"})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range count {
		_, err := db.Change(ctx, chief, "req_crowd", now, func(tx *store.Tx) error {
			user := access.User{ID: seal.NewID("usr"), Name: fmt.Sprintf("Client %05d", i), Active: true, Created: now, Revision: tx.Revision()}
			comment := fmt.Sprintf("Machine %05d", i)
			_ = tx.InsertUser(user)
			_ = tx.InsertMembership(access.Membership{ID: seal.NewID("mem"), OrganizationID: org.ID, UserID: user.ID, Roles: roles, Comment: comment, Active: true, Created: now})
			key := access.Key{ID: seal.NewID("key"), OrganizationID: org.ID, UserID: user.ID, Kind: access.KeyLive, Comment: comment, Scopes: scopes, Roles: roles, Version: 1, Created: now}
			var hash [32]byte
			_, _ = rand.Read(hash[:])
			_ = tx.InsertKey(key, hash, nil)
			return tx.Record("user.created", org.ID, user.ID, nil) // the change fails with the first write that did
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.run()
	return count
}
