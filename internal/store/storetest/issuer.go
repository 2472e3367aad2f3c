package storetest

import (
	"errors"
	"reflect"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

func issuers(w *world) {
	networks, err := access.ParseNetworks([]string{"10.0.0.0/8"})
	if err != nil {
		w.Fatal(err)
	}
	role := access.Role{Name: access.Consumer, OrganizationID: w.org.ID}
	i := access.Issuer{
		ID: seal.NewID("isr"), OrganizationID: w.org.ID, Organization: w.org.Slug, Slug: "idp", URL: "https://issuer.example", JWKSURL: "https://issuer.example/keys",
		Algorithms: []string{"RS256"}, Audiences: []string{"a", "b"}, MaxTokenAge: time.Hour, MaxTokenLife: time.Minute,
		Claims: map[string]string{"azp": "web"}, Subject: "idp|{sub}", Scopes: scope.NewSet(scope.MustParse("photos:*")), Roles: []access.Role{role}, Networks: networks,
		Grants: []access.IssuerGrant{{When: map[string]string{"/a/b": "*"}, Scopes: []string{"photos:{kind}"}, Roles: []access.Role{role}}, {}},
		Accept: access.AcceptBoth, Active: true, Created: w.org.Created,
	}
	same := func(got access.Issuer, err error) {
		if err != nil || !reflect.DeepEqual(got, i) {
			w.Errorf("got %+v, %v, want %+v", got, err, i)
		}
	}
	before := w.change(func(tx *store.Tx) error { return tx.UpdateOrganization(w.org) })
	if changed, err := w.IssuersChanged(w.ctx, before); err != nil || changed {
		w.Errorf("nothing changed, and something did: %v", err)
	}
	i.Revision = w.change(func(tx *store.Tx) error { return tx.InsertIssuer(i) })
	same(w.Issuer(w.ctx, w.org.ID, "idp"))
	same(w.Issuer(w.ctx, w.org.ID, i.ID))
	if changed, err := w.IssuersChanged(w.ctx, before); err != nil || !changed {
		w.Errorf("a new one is no change: %v", err)
	}
	i.URL, i.Grants, i.Claims = "https://other.example", nil, nil
	i.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateIssuer(i) })
	list, err := w.Issuers(w.ctx, w.org.ID, store.Page{})
	if err != nil || len(list) != 1 {
		w.Fatalf("got %v, %v", list, err)
	}
	same(list[0], nil)
	if n, err := w.CountIssuers(w.ctx, w.org.ID); err != nil || n != 1 {
		w.Errorf("got %d, %v", n, err)
	}
	h, err := w.HolderOf(w.ctx, access.Source{Via: i.ID})
	if err != nil || h.Via != i.ID || h.Ended != "" || h.User.ID != "" || !reflect.DeepEqual(h.Key.Roles, i.Roles) || h.Organization.ID != w.org.ID {
		w.Errorf("got %+v, %v", h, err)
	}
	active := func(want int) {
		if list, err := w.ActiveIssuers(w.ctx); err != nil || len(list) != want {
			w.Errorf("active are %v, %v; want %d", list, err, want)
		}
	}
	active(1)
	off := w.org
	off.Active = false
	w.change(func(tx *store.Tx) error { return tx.UpdateOrganization(off) })
	active(0)
	w.change(func(tx *store.Tx) error { return tx.UpdateOrganization(w.org) })
	i.Active = false
	w.change(func(tx *store.Tx) error { return tx.UpdateIssuer(i) })
	active(0)
	if h, err := w.HolderOf(w.ctx, access.Source{Via: i.ID}); err != nil || h.Ended != "issuer_disabled" {
		w.Errorf("got %+v, %v", h, err)
	}
	if _, err := w.Issuer(w.ctx, "org_other", "idp"); !errors.Is(err, access.ErrNotFound) {
		w.Errorf("another organization's: %v", err)
	}
	w.change(func(tx *store.Tx) error { return tx.DeleteIssuer(w.org.ID, i.ID) })
	if _, err := w.HolderOf(w.ctx, access.Source{Via: i.ID}); !errors.Is(err, access.ErrNotFound) {
		w.Errorf("deleted: %v", err)
	}
}
