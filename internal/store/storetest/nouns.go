package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

func nouns(w *world) {
	// Everything is written, read back, changed, and read back with its new revision.
	org := w.org
	org.Name, org.Active = "New name", false
	org.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateOrganization(org) })
	got, err := w.Organization(w.ctx, org.Slug)
	equal(w, got, err, org)
	got, err = w.Organization(w.ctx, org.ID)
	equal(w, got, err, org)

	user := w.user
	user.Name, user.Email, user.Active = "Sam", "", false
	user.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateUser(user) })
	gotUser, err := w.User(w.ctx, user.ID)
	equal(w, gotUser, err, user)

	m := w.member
	gotMember, err := w.Membership(w.ctx, m.OrganizationID, m.UserID)
	equal(w, gotMember, err, m)
	m.Roles = []access.Role{{Name: access.Administrator}, {Name: access.Consumer, OrganizationID: org.ID, ApplicationID: "app_1"}}
	m.Comment, m.Active = "", false
	m.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateMembership(m) })
	gotMember, err = w.Membership(w.ctx, m.OrganizationID, m.UserID)
	equal(w, gotMember, err, m)
	members, err := w.ListMemberships(w.ctx, org.ID, store.MemberFilter{}, store.Page{})
	equal(w, members, err, []store.Member{{Membership: m, User: user}})

	r := access.CustomRole{ID: seal.NewID("rol"), OrganizationID: org.ID, Name: "reviewer", Comment: "reads", Scopes: scopes("*:read")}
	w.change(func(tx *store.Tx) error { return tx.InsertRole(r) })
	r.Scopes, r.Comment = scopes("*:read", "reviews:*"), "reads and reviews"
	r.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateRole(r) })
	for _, name := range []string{r.ID, r.Name} {
		gotRole, err := w.Role(w.ctx, org.ID, name)
		equal(w, gotRole, err, r)
	}

	k, _ := w.newKey(m)
	gotKey, err := w.Key(w.ctx, org.ID, k.ID)
	equal(w, gotKey, err, k)
	secret, err := w.KeySecret(w.ctx, org.ID, k.ID)
	equal(w, secret, err, []byte("sealed"))
	k.Scopes, k.Roles, k.Networks, k.Comment = scopes("*"), nil, access.Networks{}, ""
	k.Expires, k.MaxTokenLife, k.RequireSignature, k.MayNameSubjects = time.Time{}, 0, false, false
	k.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateKey(k) })
	gotKey, err = w.Key(w.ctx, org.ID, k.ID)
	equal(w, gotKey, err, k)
	k.PublicKey = `{"kty":"OKP"}`
	k.Revision = w.change(func(tx *store.Tx) error { return tx.SetPublicKeyOfKey(org.ID, k.ID, k.PublicKey) })
	gotKey, err = w.Key(w.ctx, org.ID, k.ID)
	equal(w, gotKey, err, k)
	k.Version, k.OverlapUntil = 2, noon.Add(time.Hour)
	k.Revision = w.change(func(tx *store.Tx) error {
		return tx.RotateKey(k.ID, sha256.Sum256([]byte("2")), 2, k.OverlapUntil, []byte("sealed again"))
	})
	gotKey, err = w.Key(w.ctx, org.ID, k.ID)
	equal(w, gotKey, err, k)

	p := access.Plan{ID: seal.NewID("pln"), OrganizationID: org.ID, Slug: "gold", Name: "Gold", Created: noon,
		Limits: []access.Limit{{Rate: access.Rate{Count: 100, Window: time.Minute}, Burst: 5, Per: access.PerKey}, {Body: 1 << 20}}}
	w.change(func(tx *store.Tx) error { return tx.InsertPlan(p) })
	p.Name, p.Limits = "", []access.Limit{{Quota: access.Quota{Count: 7, Monthly: true}}}
	p.Revision = w.change(func(tx *store.Tx) error { return tx.UpdatePlan(p) })
	for _, name := range []string{p.ID, p.Slug} {
		gotPlan, err := w.Plan(w.ctx, org.ID, name)
		equal(w, gotPlan, err, p)
	}
	plans, err := w.Plans(w.ctx, org.ID, store.Page{})
	equal(w, plans, err, []access.Plan{p})
	plans, err = w.PlansSince(w.ctx, p.Revision-1)
	equal(w, plans, err, []access.Plan{p})
	holders, err := w.PlanHoldersSince(w.ctx, 0)
	equal(w, holders, err, []access.PlanHolder{})
	k.PlanID, m.PlanID = p.ID, p.ID
	k.Revision = w.change(func(tx *store.Tx) error { return tx.SetPlanOfKey(org.ID, k.ID, p.ID) })
	m.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateMembership(m) })
	gotKey, err = w.Key(w.ctx, org.ID, k.ID)
	equal(w, gotKey, err, k)
	gotMember, err = w.Membership(w.ctx, m.OrganizationID, m.UserID)
	equal(w, gotMember, err, m)
	held, err := w.CountPlanHolders(w.ctx, p.ID)
	equal(w, held, err, 2)
	holders, err = w.PlanHoldersSince(w.ctx, 0)
	equal(w, holders, err, []access.PlanHolder{{ID: k.ID, PlanID: p.ID}, {ID: m.ID, PlanID: p.ID}})
	k.PlanID = ""
	k.Revision = w.change(func(tx *store.Tx) error { return tx.SetPlanOfKey(org.ID, k.ID, "") })
	holders, err = w.PlanHoldersSince(w.ctx, k.Revision-1)
	equal(w, holders, err, []access.PlanHolder{{ID: k.ID}})

	a := w.newApplication(org, "photos")
	a.Document, a.Active = []byte{}, false
	a.Revision = w.change(func(tx *store.Tx) error { return tx.PutApplication(a) })
	for _, name := range []string{a.ID, a.Slug} {
		gotApplication, err := w.Application(w.ctx, org.ID, name)
		equal(w, gotApplication, err, a)
	}

	s := store.SigningKey{
		ID: seal.NewID("sgk"), Use: store.UseSignature, Algorithm: "ES256", Public: []byte("{}"), Sealed: []byte{0, 1, 255}, Created: noon, NotBefore: noon.Add(time.Hour),
	}
	w.change(func(tx *store.Tx) error { return tx.InsertSigningKey(s) })
	s.Retired = noon.Add(2 * time.Hour)
	s.Revision = w.change(func(tx *store.Tx) error { return tx.RetireSigningKey(s.ID, s.Retired) })
	signing, err := w.SigningKeys(w.ctx)
	equal(w, signing, err, []store.SigningKey{s})
	e := s
	e.ID, e.Use, e.Algorithm, e.Retired = seal.NewID("enk"), store.UseEncryption, "ECDH-ES", time.Time{}
	w.change(func(tx *store.Tx) error { return tx.InsertSigningKey(e) })
	e.NotBefore = noon.Add(time.Minute)
	e.Revision = w.change(func(tx *store.Tx) error { return tx.BeginSigningKey(e.ID, e.NotBefore) })
	encrypting, err := w.EncryptionKeys(w.ctx)
	equal(w, encrypting, err, []store.SigningKey{e})
	n, err := w.PruneSigningKeys(w.ctx, s.Retired)
	equal(w, n, err, 0)
	n, err = w.PruneSigningKeys(w.ctx, s.Retired.Add(time.Millisecond))
	equal(w, n, err, 1)
	signing, err = w.SigningKeys(w.ctx)
	equal(w, signing, err, nil)
	w.change(func(tx *store.Tx) error { return tx.DeleteSigningKey(e.ID) })
	encrypting, err = w.EncryptionKeys(w.ctx)
	equal(w, encrypting, err, nil)

	w.change(func(tx *store.Tx) error { return errors.Join(tx.SetSetting("a", "1"), tx.SetSetting("b", "")) })
	w.change(func(tx *store.Tx) error { return tx.SetSetting("a", "2") })
	settings, err := w.Settings(w.ctx)
	equal(w, settings, err, map[string]string{"a": "2", "b": ""})
}

func refusals(w *world) {
	k, hash := w.newKey(w.member)
	a := w.newApplication(w.org, "photos")
	other := w.newOrganization("other")
	stranger := k
	stranger.ID, stranger.OrganizationID = seal.NewID("key"), other.ID
	for _, test := range []struct {
		name string
		code string
		fn   func(*store.Tx) error
	}{
		{"slug taken", "already_exists", func(tx *store.Tx) error {
			return tx.InsertOrganization(access.Organization{ID: seal.NewID("org"), Slug: w.org.Slug})
		}},
		{"id taken", "already_exists", func(tx *store.Tx) error { return tx.InsertUser(w.user) }},
		{"no such plan", "not_found", func(tx *store.Tx) error { return tx.DeletePlan(w.org.ID, "pln_none") }},
		{"member already", "already_exists", func(tx *store.Tx) error {
			m := w.member
			m.ID = seal.NewID("mem")
			return tx.InsertMembership(m)
		}},
		{"secret taken", "already_exists", func(tx *store.Tx) error {
			twin := k
			twin.ID = seal.NewID("key")
			return tx.InsertKey(twin, hash, nil)
		}},
		{"application slug taken", "already_exists", func(tx *store.Tx) error {
			twin := a
			twin.ID = seal.NewID("app")
			return tx.PutApplication(twin)
		}},
		{"slug changed", "not_found", func(tx *store.Tx) error {
			moved := a
			moved.Slug = "videos"
			return tx.PutApplication(moved)
		}},
		{"key of no member", "still_referenced", func(tx *store.Tx) error { return tx.InsertKey(stranger, [32]byte{1}, nil) }},
		{"version skipped", "not_found", func(tx *store.Tx) error { return tx.RotateKey(k.ID, [32]byte{1}, 3, noon, nil) }},
		{"no such user", "not_found", func(tx *store.Tx) error { return tx.UpdateUser(access.User{ID: "usr_none"}) }},
	} {
		_, err := w.try(test.fn)
		var e *access.Error
		if !errors.As(err, &e) || e.Code != test.code {
			w.Errorf("%s: error is %v, want code %s", test.name, err, test.code)
		}
	}
}

func tenancy(w *world) {
	other := w.newOrganization("other")
	k, _ := w.newKey(w.member)
	a := w.newApplication(w.org, "photos")
	r := access.CustomRole{ID: seal.NewID("rol"), OrganizationID: w.org.ID, Name: "reviewer"}
	w.change(func(tx *store.Tx) error { return tx.InsertRole(r) })
	batch := access.Batch{Issued: []access.IssuedToken{{ID: seal.NewID("tok"), OrganizationID: w.org.ID, KeyID: k.ID, UserID: k.UserID}}}
	if err := w.WriteBatch(w.ctx, batch); err != nil {
		w.Fatal(err)
	}
	moved := func(tx *store.Tx) map[string]error {
		foreignKey, foreignRole, foreignMember, foreignApplication := k, r, w.member, a
		foreignKey.OrganizationID, foreignRole.OrganizationID = other.ID, other.ID
		foreignMember.OrganizationID, foreignApplication.OrganizationID = other.ID, other.ID
		_, err := tx.Key(w.ctx, other.ID, k.ID)
		_, errSecret := tx.KeySecret(w.ctx, other.ID, k.ID)
		_, errApplication := tx.Application(w.ctx, other.ID, a.ID)
		_, errRole := tx.Role(w.ctx, other.ID, r.ID)
		_, errMembership := tx.Membership(w.ctx, other.ID, w.user.ID)
		_, errToken := tx.IssuedToken(w.ctx, other.ID, batch.Issued[0].ID)
		return map[string]error{
			"Key": err, "KeySecret": errSecret, "Application": errApplication, "Role": errRole, "Membership": errMembership, "IssuedToken": errToken,
			"UpdateKey": tx.UpdateKey(foreignKey), "SetPublicKeyOfKey": tx.SetPublicKeyOfKey(foreignKey.OrganizationID, foreignKey.ID, ""), "UpdateRole": tx.UpdateRole(foreignRole), "UpdateMembership": tx.UpdateMembership(foreignMember),
			"PutApplication": tx.PutApplication(foreignApplication), "DeleteKey": tx.DeleteKey(other.ID, k.ID), "DeleteRole": tx.DeleteRole(other.ID, r.ID),
			"DeleteMembership": tx.DeleteMembership(other.ID, w.user.ID), "DeleteApplication": tx.DeleteApplication(other.ID, a.ID),
		}
	}
	_, _ = w.try(func(tx *store.Tx) error {
		for name, err := range moved(tx) {
			if !errors.Is(err, access.ErrNotFound) {
				w.Errorf("%s under another organization: error is %v, want not_found", name, err)
			}
		}
		return access.ErrNotFound
	})
	found, err := w.Tokens(w.ctx, store.TokenFilter{OrganizationID: other.ID, KeyID: k.ID}, store.Page{})
	equal(w, found, err, nil)
	found, err = w.Tokens(w.ctx, store.TokenFilter{OrganizationID: other.ID, UserID: k.UserID}, store.Page{})
	equal(w, found, err, nil)
}

func deletion(w *world) {
	k, hash := w.newKey(w.member)
	a := w.newApplication(w.org, "photos")
	start := w.head()

	w.change(func(tx *store.Tx) error { return tx.DeleteApplication(w.org.ID, a.ID) })
	_, err := w.Application(w.ctx, w.org.ID, "photos")
	refused(w, err, "not_found")
	live, deleted, err := w.ApplicationsSince(w.ctx, start)
	if len(live) != 0 {
		w.Fatal("a deleted application is in the feed as live")
	}
	equal(w, deleted, err, []string{a.ID})
	_, err = w.try(func(tx *store.Tx) error { return tx.PutApplication(a) })
	refused(w, err, "not_found") // an id is never used again
	again := w.newApplication(w.org, "photos")
	found, err := w.Application(w.ctx, w.org.ID, "photos")
	equal(w, found, err, again)

	w.change(func(tx *store.Tx) error {
		return errors.Join(tx.Revoke(w.user.ID, "user_deleted", time.Time{}, noon.Add(time.Hour)), tx.DeleteUser(w.user.ID))
	})
	_, err = w.Membership(w.ctx, w.org.ID, w.user.ID)
	refused(w, err, "not_found")
	_, err = w.Key(w.ctx, w.org.ID, k.ID)
	refused(w, err, "not_found")
	_, err = w.HolderByHash(w.ctx, hash, noon)
	refused(w, err, "not_found")
	revocations, err := w.RevocationsSince(w.ctx, 0)
	equal(w, revocations, err, []access.Revocation{{Subject: w.user.ID, Revision: w.head(), Reason: "user_deleted", Created: noon}})
	w.change(func(tx *store.Tx) error {
		return tx.Revoke("key_1/1", "key_rotated", noon.Add(time.Minute), noon.Add(time.Hour))
	})
	for _, settled := range []struct {
		at   time.Time
		want int64
	}{{noon, 0}, {noon.Add(time.Minute), 1}, {noon.Add(time.Hour), 0}} {
		n, err := w.SettleRevocations(w.ctx, settled.at)
		equal(w, n, err, settled.want)
	}
	kept, err := w.Events(w.ctx, store.EventFilter{ActorUserID: w.actor.UserID}, 0)
	if err != nil || int64(len(kept)) != w.head() {
		w.Fatalf("%d events for %d revisions (%v)", len(kept), w.head(), err)
	}
}

// collect reads a list to its end in pages of two.
func collect[T any](w *world, list func(store.Page) ([]T, error), id func(T) string) (ids []string) {
	w.Helper()
	for page := (store.Page{Limit: 2}); ; {
		rows, err := list(page)
		if err != nil {
			w.Fatal(err)
		}
		for _, row := range rows {
			page.After = id(row)
			ids = append(ids, page.After)
		}
		if len(rows) < page.Limit {
			return ids
		}
	}
}

func pages(w *world) {
	var organizations, members, keys, applications, issued []string
	organizations = append(organizations, w.org.ID)
	members = append(members, w.member.ID)
	for i := range 5 {
		organizations = append(organizations, w.newOrganization(fmt.Sprint("org", i)).ID)
		_, m := w.newMember(w.org)
		members = append(members, m.ID)
		k, _ := w.newKey(w.member)
		keys = append(keys, k.ID)
		applications = append(applications, w.newApplication(w.org, fmt.Sprint("app", i)).ID)
		issued = append(issued, seal.NewID("tok"))
		token := access.IssuedToken{ID: issued[i], OrganizationID: w.org.ID, UserID: w.user.ID, KeyID: keys[0], Expires: noon.Add(time.Hour)}
		if err := w.WriteBatch(w.ctx, access.Batch{Issued: []access.IssuedToken{token}}); err != nil {
			w.Fatal(err)
		}
	}
	// A revoked one in between must not end a page early.
	w.change(func(tx *store.Tx) error {
		return tx.Revoke(issued[3], "pass_revoked", time.Time{}, noon.Add(time.Hour))
	})
	alive := slices.Clone(issued)
	slices.Reverse(alive)
	alive = slices.Delete(alive, 1, 2)

	for _, test := range []struct {
		name string
		got  []string
		want []string
	}{
		{"organizations", collect(w, func(p store.Page) ([]access.Organization, error) { return w.ListOrganizations(w.ctx, p) },
			func(o access.Organization) string { return o.ID }), organizations},
		{"members", collect(w, func(p store.Page) ([]store.Member, error) {
			return w.ListMemberships(w.ctx, w.org.ID, store.MemberFilter{}, p)
		},
			func(m store.Member) string { return m.Membership.ID }), members},
		{"memberships of a user", collect(w, func(p store.Page) ([]access.Membership, error) { return w.MembershipsOfUser(w.ctx, w.user.ID, p) },
			func(m access.Membership) string { return m.ID }), members[:1]},
		{"keys", collect(w, func(p store.Page) ([]access.Key, error) { return w.ListKeys(w.ctx, w.org.ID, "", "", p) },
			func(k access.Key) string { return k.ID }), keys},
		{"keys of a user", collect(w, func(p store.Page) ([]access.Key, error) { return w.ListKeys(w.ctx, w.org.ID, w.user.ID, "", p) },
			func(k access.Key) string { return k.ID }), keys},
		{"applications", collect(w, func(p store.Page) ([]access.Application, error) { return w.Applications(w.ctx, w.org.ID, p) },
			func(a access.Application) string { return a.ID }), applications},
		{"tokens", collect(w, func(p store.Page) ([]access.IssuedToken, error) {
			return w.Tokens(w.ctx, store.TokenFilter{OrganizationID: w.org.ID, LiveAt: noon}, p)
		}, func(t access.IssuedToken) string { return t.ID }), alive},
	} {
		if !slices.Equal(test.got, test.want) {
			w.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
}

func roles(w *world) {
	count := func(orgID string, want int64) {
		w.Helper()
		n, err := w.CountAdministrators(w.ctx, orgID)
		equal(w, n, err, want)
	}
	count("", 0)
	administrator := access.Role{Name: access.Administrator}
	u, m := w.newMember(w.org, administrator, access.Role{Name: "reviewer", OrganizationID: w.org.ID})
	other := w.newOrganization("other")
	w.newMember(other, administrator)
	count(w.org.ID, 1)
	count("", 2)
	other.Active = false
	w.change(func(tx *store.Tx) error { return tx.UpdateOrganization(other) })
	count("", 1)

	u.Active = false
	w.change(func(tx *store.Tx) error { return tx.UpdateUser(u) })
	count(w.org.ID, 0)
	u.Active, m.Active = true, false
	w.change(func(tx *store.Tx) error { return errors.Join(tx.UpdateUser(u), tx.UpdateMembership(m)) })
	count(w.org.ID, 0)
	m.Active = true
	m.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateMembership(m) })
	count(w.org.ID, 1)
	holding, err := w.MembershipsWithRole(w.ctx, w.org.ID, "reviewer", store.Page{})
	equal(w, holding, err, []access.Membership{m})
	m.Roles = m.Roles[1:]
	w.change(func(tx *store.Tx) error { return tx.UpdateMembership(m) })
	count(w.org.ID, 0)
	w.change(func(tx *store.Tx) error { return tx.DeleteMembership(w.org.ID, u.ID) })
	holding, err = w.MembershipsWithRole(w.ctx, w.org.ID, "reviewer", store.Page{})
	equal(w, holding, err, nil)
}

func holders(w *world) {
	photos, videos := w.newApplication(w.org, "photos"), w.newApplication(w.org, "videos")
	in := func(name, applicationID string) access.Role {
		return access.Role{Name: name, OrganizationID: w.org.ID, ApplicationID: applicationID}
	}
	reviewer := access.CustomRole{ID: seal.NewID("rol"), OrganizationID: w.org.ID, Name: "reviewer", Scopes: scopes("*:read")}
	uploader := access.CustomRole{ID: seal.NewID("rol"), OrganizationID: w.org.ID, Name: "uploader", Scopes: scopes("photos:write")}
	w.change(func(tx *store.Tx) error { return errors.Join(tx.InsertRole(reviewer), tx.InsertRole(uploader)) })
	u, m := w.newMember(w.org, in("reviewer", photos.ID), in("uploader", ""), in("deleted", videos.ID), in("reviewer", "app_gone"))
	k, first := w.newKey(m)

	want := &access.Holder{
		Key: k, Version: 1, User: u, Membership: m, Organization: w.org, RoleScopes: scopes("*:read", "photos:write"),
		Applications: map[string]string{photos.ID: "photos", videos.ID: "videos"}, Revision: k.Revision,
	}
	got, err := w.HolderByHash(w.ctx, first, noon)
	equal(w, got, err, want)
	for _, version := range []int64{access.CurrentSecret, 1} {
		got, err = w.HolderOf(w.ctx, access.Source{KeyID: k.ID, KeyVersion: version})
		equal(w, got, err, want)
	}

	// Each part moves the holder's revision and shows at once, inactive ones too.
	reviewer.Scopes = scopes("none")
	want.RoleScopes = scopes("none", "photos:write")
	want.Revision = w.change(func(tx *store.Tx) error { return tx.UpdateRole(reviewer) })
	got, err = w.HolderByHash(w.ctx, first, noon)
	equal(w, got, err, want)
	m.Roles, m.Active, u.Active = append(m.Roles, in(access.Consumer, photos.ID)), false, false
	u.Revision = w.change(func(tx *store.Tx) error { return errors.Join(tx.UpdateMembership(m), tx.UpdateUser(u)) })
	m.Revision = u.Revision
	want.Membership, want.User, want.RoleScopes, want.Revision = m, u, scopes("*"), u.Revision
	got, err = w.HolderByHash(w.ctx, first, noon)
	equal(w, got, err, want)

	// Rotation: the old secret works until the overlap ends, then the new alone.
	second, third := sha256.Sum256([]byte("second")), sha256.Sum256([]byte("third"))
	end := noon.Add(time.Hour)
	rotated := w.change(func(tx *store.Tx) error { return tx.RotateKey(k.ID, second, 2, end, nil) })
	for _, test := range []struct {
		hash    [32]byte
		at      time.Time
		version int64 // 0: not found
	}{
		{first, noon, 1},
		{first, end.Add(-time.Millisecond), 1},
		{first, end, 0},
		{second, noon, 2},
		{second, end, 2},
		{third, noon, 0},
	} {
		h, err := w.HolderByHash(w.ctx, test.hash, test.at)
		if test.version == 0 {
			refused(w, err, "not_found")
			continue
		}
		if err != nil || h.Version != test.version || h.Key.Version != 2 || h.Revision != rotated {
			w.Fatalf("%+v: %+v (%v)", test, h, err)
		}
	}
	h, err := w.HolderOf(w.ctx, access.Source{KeyID: k.ID, KeyVersion: 1})
	if err != nil || h.Version != 1 || !h.Key.OverlapUntil.Equal(end) {
		w.Fatal(h, err)
	}
	w.change(func(tx *store.Tx) error { return tx.RotateKey(k.ID, third, 3, time.Time{}, nil) })
	for _, version := range []int64{0, 1, 2, 4} {
		_, err := w.HolderOf(w.ctx, access.Source{KeyID: k.ID, KeyVersion: version})
		refused(w, err, "not_found")
	}
	for _, hash := range [][32]byte{first, second} {
		_, err := w.HolderByHash(w.ctx, hash, noon)
		refused(w, err, "not_found")
	}
}
