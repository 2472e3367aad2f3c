package admin_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

// world is a service on a real store, with a first organization, acme.
type world struct {
	*testing.T
	*admin.Service
	ctx     context.Context
	store   *store.Store
	sealer  *seal.Sealer
	now     time.Time
	applied atomic.Int64 // the revision last given to Committed
	root    *access.Caller
	founded admin.Founded
	texts   map[string]string // key id → text
}

func newWorld(t *testing.T) *world { return newWorldIn(t, store.Config{Memory: true}) }

func newWorldIn(t *testing.T, c store.Config) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), sealer: seal.NewSealer(seal.NewMasterKey()), now: time.Now().UTC().Truncate(time.Millisecond), texts: map[string]string{}}
	var err error
	if w.store, err = store.Open(w.ctx, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.Service = admin.New(admin.Config{
		Store: w.store, Sealer: w.sealer, Now: func() time.Time { return w.now },
		Passwords: &admin.Passwords{Hasher: seal.NewHasher(w.sealer), URL: "https://daypass.example"},
		Committed: func(_ context.Context, revision int64) error { w.applied.Store(revision); return nil },
	})
	if w.founded, err = w.Bootstrap(w.ctx, admin.Founding{Slug: "acme", UserName: "Root"}); err != nil {
		t.Fatal(err)
	}
	w.root = w.key(w.founded.Key.Text)
	return w
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) refused(err error, code string) {
	w.Helper()
	if got := codeOf(err); got != code {
		w.Fatalf("error %v, want code %q", err, code)
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return access.AsError(err).Code
}

// key is the caller behind the text of a key, as the exchange proves it.
func (w *world) key(text string) *access.Caller {
	w.Helper()
	h := must(w.store.HolderByHash(w.ctx, w.sealer.KeyHash(text), w.now))(w)
	a := h.Authority(admin.DefaultMaxTokenLife)
	a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(r access.Role) bool { return !access.HoldsRole(h.Membership.Roles, r) })
	return &access.Caller{Organization: h.Organization, UserID: h.User.ID, MembershipID: h.Membership.ID, KeyID: h.Key.ID, Authority: a, RequestID: "req"}
}

// token is a caller with a pass of a key, narrowed to the scopes.
func (w *world) token(of *access.Caller, scopes ...string) *access.Caller {
	w.Helper()
	c := *of
	c.TokenID = seal.NewID("tok")
	set := must(scope.ParseSet(scopes))(w)
	c.Authority.Scopes = set
	return &c
}

// user makes a user with the roles in an organization and is its key.
func (w *world) user(org string, roles ...string) *access.Caller {
	w.Helper()
	made := must(w.CreateUser(w.ctx, w.root, org, admin.NewUser{Name: "Somebody", Email: "some@example.com", Roles: roles}))(w)
	w.texts[made.Key.ID] = made.Key.Text
	return w.key(made.Key.Text)
}

func (w *world) organization(slug string) access.Organization {
	w.Helper()
	return must(w.CreateOrganization(w.ctx, w.root, admin.NewOrganization{Slug: slug}))(w)
}

func (w *world) application(org, slug string) admin.Application {
	w.Helper()
	app, _, err := w.PutApplication(w.ctx, w.root, org, slug, document(slug), admin.AnyRevision)
	if err != nil {
		w.Fatal(err)
	}
	return app
}

func document(slug string) []byte {
	return []byte("application: " + slug + "\nhosts: [" + slug + ".example.com]\nupstream: http://127.0.0.1:9000\nresources:\n  - match: GET /**\n    access: public\n")
}

// issued records a token of a caller, as the journal does.
func (w *world) issued(of *access.Caller) access.IssuedToken {
	w.Helper()
	id := seal.NewID("tok")
	t := access.IssuedToken{
		ID: id, Head: id, OrganizationID: of.Organization.ID, UserID: of.UserID, KeyID: of.KeyID, Origin: access.FromKey,
		Subject: of.UserID, IssuedAt: w.now, Expires: w.now.Add(time.Hour), Revision: w.head(),
		Lineage: []string{of.Organization.ID, of.UserID, of.MembershipID, of.KeyID, id},
	}
	if err := w.store.WriteBatch(w.ctx, access.Batch{Issued: []access.IssuedToken{t}}); err != nil {
		w.Fatal(err)
	}
	return t
}

// identity is one under a user-group key of a caller's user, made where there is none.
func (w *world) identity(of *access.Caller) access.Identity {
	w.Helper()
	org := of.Organization
	list := must(w.store.Identities(w.ctx, store.IdentityFilter{OrganizationID: org.ID, UserID: of.UserID}, store.Page{}))(w)
	if len(list) > 0 {
		return list[0]
	}
	key := must(w.CreateKey(w.ctx, w.root, org.Slug, admin.NewKey{User: of.UserID, Kind: access.KeyUserGroup, Scopes: []string{"x"}, Roles: []string{}}))(w)
	return must(w.Enroll(w.ctx, org.ID, key.ID, "did:key:"+key.ID, "req", access.LastUse{Time: w.now}))(w)
}

func (w *world) head() int64 {
	w.Helper()
	return must(w.store.Head(w.ctx))(w)
}

func ptr[T any](v T) *T { return &v }

func isCode(err error, codes ...string) bool {
	var e *access.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}
