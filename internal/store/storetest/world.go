package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

// noon is the time of every test: the store never looks at a clock.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an open store and an organization in it with one member.
type world struct {
	*testing.T
	*store.Store
	ctx    context.Context
	actor  access.Actor
	org    access.Organization
	user   access.User
	member access.Membership
}

func newWorld(t *testing.T, s *store.Store) *world {
	w := &world{T: t, Store: s, ctx: t.Context(), actor: access.Actor{
		UserID: seal.NewID("usr"), KeyID: seal.NewID("key"), TokenID: seal.NewID("tok"), Address: netip.MustParseAddr("192.0.2.7"),
	}}
	w.org = w.newOrganization("acme")
	w.user, w.member = w.newMember(w.org, access.Role{Name: access.Developer, OrganizationID: w.org.ID})
	return w
}

// change makes one change and fails the test if it does not commit.
func (w *world) change(fn func(*store.Tx) error) int64 {
	w.Helper()
	revision, err := w.try(fn)
	if err != nil {
		w.Fatal(err)
	}
	return revision
}

// try makes one recorded change.
func (w *world) try(fn func(*store.Tx) error) (int64, error) {
	return w.Change(w.ctx, w.actor, "req-1", noon, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Record("test.changed", w.org.ID, "obj", nil)
	})
}

func (w *world) newOrganization(slug string) access.Organization {
	o := access.Organization{ID: seal.NewID("org"), Slug: slug, Name: "The " + slug, Active: true, Created: noon}
	o.Revision = w.change(func(tx *store.Tx) error { return tx.InsertOrganization(o) })
	return o
}

func (w *world) newMember(o access.Organization, roles ...access.Role) (access.User, access.Membership) {
	u := access.User{ID: seal.NewID("usr"), Name: "Kim 金", Email: "kim@example.org", Active: true, Created: noon}
	m := access.Membership{
		ID: seal.NewID("mem"), OrganizationID: o.ID, UserID: u.ID, Roles: roles, Comment: "builds", Active: true, Created: noon,
	}
	u.Revision = w.change(func(tx *store.Tx) error { return errors.Join(tx.InsertUser(u), tx.InsertMembership(m)) })
	m.Revision = u.Revision
	return u, m
}

func (w *world) newKey(m access.Membership) (access.Key, [32]byte) {
	k := access.Key{
		ID: seal.NewID("key"), OrganizationID: m.OrganizationID, UserID: m.UserID, Kind: access.KeyLive, Comment: "ci",
		Scopes: scopes("photos:*", "albums:read"), Roles: m.Roles,
		Networks: access.NewNetworks(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")),
		Expires:  noon.Add(time.Hour), MaxTokenLife: 15 * time.Minute, RequireSignature: true, MayNameSubjects: true,
		Version: 1, Created: noon,
	}
	hash := sha256.Sum256([]byte(k.ID))
	k.Revision = w.change(func(tx *store.Tx) error { return tx.InsertKey(k, hash, []byte("sealed")) })
	return k, hash
}

func (w *world) newApplication(o access.Organization, slug string) access.Application {
	a := access.Application{
		ID: seal.NewID("app"), OrganizationID: o.ID, Organization: o.Slug, Slug: slug,
		Document: []byte("application: " + slug + "\n\x00\xff"), Shadow: []byte("mode: shadow\n\xff"), Active: true, Created: noon,
	}
	a.Revision = w.change(func(tx *store.Tx) error { return tx.PutApplication(a) })
	return a
}

func (w *world) head() int64 {
	w.Helper()
	head, err := w.Head(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	return head
}

func scopes(list ...string) scope.Set {
	patterns := make([]scope.Pattern, len(list))
	for i, s := range list {
		patterns[i] = scope.MustParse(s)
	}
	return scope.NewSet(patterns...)
}

// equal compares what a read gave.
func equal[T any](t testing.TB, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

// refused checks the code of an error.
func refused(t testing.TB, err error, code string) {
	t.Helper()
	var e *access.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error is %v, want code %s", err, code)
	}
}
