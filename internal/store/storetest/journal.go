package storetest

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

func batches(w *world) {
	k, _ := w.newKey(w.member)
	use := func(at time.Time, agent string) access.LastUse {
		return access.LastUse{Time: at, Address: netip.MustParseAddr("2001:db8::7"), UserAgent: agent}
	}
	counter := access.UsageKey{OrganizationID: w.org.ID, ApplicationID: "app_1", KeyID: k.ID, Subject: "ada", Day: access.Day(noon), Outcome: "allowed"}
	spoken := access.UsageKey{OrganizationID: w.org.ID, ApplicationID: "app_1", Subject: w.user.ID, Day: access.Day(noon), Outcome: "no_rule"}
	exchange := access.UsageKey{OrganizationID: w.org.ID, Day: access.Day(noon) - 1, Outcome: "issued"}
	token := access.IssuedToken{
		ID: seal.NewID("tok"), Head: "tok_head", ParentID: "tok_parent", OrganizationID: w.org.ID, UserID: w.user.ID, KeyID: k.ID,
		Origin: access.FromRenewal, Subject: "nul\x00 and \xff", Scopes: "a b", Roles: "developer", Audience: "acme", Actors: []string{"ada", "a b"}, IPs: "10.0.0.0/8", Renewable: true,
		IssuedAt: noon, Expires: noon.Add(time.Hour), Revision: 3, From: use(noon, "curl"), Lineage: []string{w.org.ID, "tok_head"},
	}
	today := access.QuotaKey{OrganizationID: "org_1", Limit: [16]byte{0, 255}, Party: "=key_1", Until: access.Day(noon) + 1}
	month := access.QuotaKey{OrganizationID: "org_1", Limit: [16]byte{1}, Party: "@192.0.2.1", Until: access.Day(noon) + 20}
	other := access.QuotaKey{OrganizationID: "org_2", Limit: [16]byte{2}, Party: "=key_1", Until: access.Day(noon) + 1}
	odd := access.QuotaKey{Party: "=\xff\x00", Until: access.Day(noon)}
	write := func(b access.Batch) {
		w.Helper()
		if err := w.WriteBatch(w.ctx, b); err != nil {
			w.Fatal(err)
		}
	}
	before := w.head()
	write(access.Batch{})
	write(access.Batch{
		Issued:  []access.IssuedToken{token},
		Keys:    map[string]access.Use{k.ID: {Count: 2, Last: use(noon.Add(time.Minute), "odd \xff\x00 agent")}, "key_deleted": {Count: 1}},
		Members: map[string]access.LastUse{w.member.ID: use(noon.Add(time.Minute), strings.Repeat("é", 150)), "mem_deleted": {}},
		Usage:   map[access.UsageKey]int64{counter: 40, exchange: 1, spoken: 3},
		Quotas:  map[access.QuotaKey]int64{today: 4, month: 9, other: 1, odd: 1},
	})
	write(access.Batch{ // of another server, that lags
		Issued:  []access.IssuedToken{token},
		Keys:    map[string]access.Use{k.ID: {Count: 3, Last: use(noon, "older")}},
		Members: map[string]access.LastUse{w.member.ID: use(noon, "older")},
		Usage:   map[access.UsageKey]int64{counter: 2},
		Quotas:  map[access.QuotaKey]int64{today: 1},
	})
	if w.head() != before {
		w.Error("a batch moved the head: every gate would take it for a change")
	}
	got, err := w.Key(w.ctx, w.org.ID, k.ID)
	equal(w, got.LastUse, err, use(noon.Add(time.Minute), "odd \uFFFD\uFFFD agent"))
	equal(w, got.Revision, err, k.Revision)
	m, err := w.Membership(w.ctx, w.org.ID, w.user.ID)
	equal(w, m.LastAccess, err, use(noon.Add(time.Minute), strings.Repeat("é", 100)))
	token.Subject = "nul\uFFFD and \uFFFD"
	record, err := w.IssuedToken(w.ctx, w.org.ID, token.ID)
	equal(w, record, err, token)

	for _, test := range []struct {
		filter store.UsageFilter
		want   []store.UsageCount
	}{
		{store.UsageFilter{OrganizationID: w.org.ID}, []store.UsageCount{{UsageKey: exchange, Count: 1}, {UsageKey: spoken, Count: 3}, {UsageKey: counter, Count: 42}}},
		{store.UsageFilter{OrganizationID: w.org.ID, FromDay: counter.Day, Limit: 1}, []store.UsageCount{{UsageKey: spoken, Count: 3}}},
		{store.UsageFilter{OrganizationID: w.org.ID, After: store.UsageCount{UsageKey: spoken}}, []store.UsageCount{{UsageKey: counter, Count: 42}}},
		{store.UsageFilter{OrganizationID: w.org.ID, After: store.UsageCount{UsageKey: counter}}, nil},
		{store.UsageFilter{OrganizationID: w.org.ID, Subject: "ada"}, []store.UsageCount{{UsageKey: counter, Count: 42}}},
		{store.UsageFilter{OrganizationID: w.org.ID, Outcome: "no_rule"}, []store.UsageCount{{UsageKey: spoken, Count: 3}}},
		{store.UsageFilter{OrganizationID: w.org.ID, UserID: w.user.ID, ApplicationID: "app_1"}, []store.UsageCount{{UsageKey: spoken, Count: 3}, {UsageKey: counter, Count: 42}}},
		{store.UsageFilter{OrganizationID: w.org.ID, UserID: "usr_other"}, nil},
		{store.UsageFilter{OrganizationID: w.org.ID, Outcome: "issued", Bucket: 5}, []store.UsageCount{{UsageKey: monthly(exchange, 5), Count: 1}}},
		{store.UsageFilter{OrganizationID: w.org.ID, ToDay: exchange.Day}, []store.UsageCount{{UsageKey: exchange, Count: 1}}},
		{store.UsageFilter{OrganizationID: w.org.ID, KeyID: k.ID, ApplicationID: "app_1"}, []store.UsageCount{{UsageKey: counter, Count: 42}}},
		{store.UsageFilter{OrganizationID: "org_none"}, nil},
	} {
		got, err := w.Usage(w.ctx, test.filter)
		equal(w, got, err, test.want)
	}

	used, err := w.Quotas(w.ctx, noon, 10)
	equal(w, used, err, []access.QuotaCount{{QuotaKey: month, Count: 9}, {QuotaKey: other, Count: 1}, {QuotaKey: today, Count: 5}})
	used, err = w.Quotas(w.ctx, noon, 2) // one of each
	equal(w, used, err, []access.QuotaCount{{QuotaKey: month, Count: 9}, {QuotaKey: other, Count: 1}})
	n, err := w.PruneQuotas(w.ctx, noon.AddDate(0, 0, 1))
	equal(w, n, err, 3)
	used, err = w.Quotas(w.ctx, noon, 10)
	equal(w, used, err, []access.QuotaCount{{QuotaKey: month, Count: 9}})
}

func monthly(k access.UsageKey, bucket int64) access.UsageKey {
	k.Day = bucket
	return k
}

func tokens(w *world) {
	k, _ := w.newKey(w.member)
	second, _ := w.newKey(w.member)
	issue := func(keyID string, expires time.Time, revision int64, lineage ...string) string {
		w.Helper()
		t := access.IssuedToken{
			ID: seal.NewID("tok"), OrganizationID: w.org.ID, UserID: w.user.ID, KeyID: keyID, IssuedAt: noon, Expires: expires, Revision: revision, Lineage: lineage,
		}
		t.Head = t.ID
		if err := w.WriteBatch(w.ctx, access.Batch{Issued: []access.IssuedToken{t}}); err != nil {
			w.Fatal(err)
		}
		return t.ID
	}
	head := w.head()
	lives := issue(k.ID, noon.Add(time.Hour), head)
	expired := issue(k.ID, noon, head)
	oldSecret := issue(second.ID, noon.Add(time.Hour), head, second.ID, access.KeyLineage(second.ID, 1))
	w.change(func(tx *store.Tx) error {
		return tx.Revoke(access.KeyLineage(second.ID, 1), "key_rotated", noon.Add(time.Minute), noon.Add(2*time.Hour))
	})
	newer := issue(second.ID, noon.Add(time.Hour), w.head(), second.ID, access.KeyLineage(second.ID, 1))

	for _, test := range []struct {
		name   string
		filter store.TokenFilter
		want   []string
	}{
		{"all records", store.TokenFilter{}, []string{newer, oldSecret, expired, lives}},
		{"live before the revocation takes effect", store.TokenFilter{LiveAt: noon}, []string{newer, oldSecret, lives}},
		{"live after", store.TokenFilter{LiveAt: noon.Add(time.Minute)}, []string{newer, lives}},
		{"of a key", store.TokenFilter{KeyID: k.ID, LiveAt: noon}, []string{lives}},
		{"of a user", store.TokenFilter{UserID: w.user.ID, LiveAt: noon.Add(time.Minute)}, []string{newer, lives}},
		{"of a key and a user that has it not", store.TokenFilter{KeyID: k.ID, UserID: "usr_none"}, nil},
	} {
		test.filter.OrganizationID = w.org.ID
		found, err := w.Tokens(w.ctx, test.filter, store.Page{})
		var got []string
		for _, t := range found {
			got = append(got, t.ID)
		}
		if err != nil || !slices.Equal(got, test.want) {
			w.Errorf("%s: got %v (%v), want %v", test.name, got, err, test.want)
		}
	}
}

func pruning(w *world) {
	w.change(func(tx *store.Tx) error { return tx.Revoke("tok_1", "pass_revoked", time.Time{}, noon.Add(time.Hour)) })
	w.change(func(tx *store.Tx) error {
		return tx.Revoke("tok_2", "pass_revoked", time.Time{}, noon.Add(2*time.Hour))
	})
	n, err := w.PruneRevocations(w.ctx, noon.Add(time.Hour-time.Millisecond))
	equal(w, n, err, 0)
	n, err = w.PruneRevocations(w.ctx, noon.Add(time.Hour))
	equal(w, n, err, 1)
	kept, err := w.RevocationsSince(w.ctx, 0)
	if err != nil || len(kept) != 1 || kept[0].Subject != "tok_2" {
		w.Fatal(kept, err)
	}

	var issued []access.IssuedToken
	for i := range 2500 {
		issued = append(issued, access.IssuedToken{ID: seal.NewID("tok"), OrganizationID: w.org.ID, Expires: noon.Add(time.Duration(i) * time.Second)})
	}
	if err := w.WriteBatch(w.ctx, access.Batch{Issued: issued}); err != nil {
		w.Fatal(err)
	}
	n, err = w.PruneTokens(w.ctx, noon.Add(2199*time.Second))
	equal(w, n, err, 2200)
	left, err := w.Tokens(w.ctx, store.TokenFilter{OrganizationID: w.org.ID}, store.Page{Limit: 1000})
	equal(w, len(left), err, 300)
}

func idempotency(w *world) {
	id, request := [32]byte{1}, [32]byte{2}
	var winners atomic.Pointer[store.IdempotencyClaim]
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			claim, answer, err := w.IdempotencyBegin(w.ctx, id, request, noon)
			switch {
			case claim != nil:
				if !winners.CompareAndSwap(nil, claim) {
					w.Error("two requests got the claim")
				}
			case answer != nil:
				w.Error("an answer before there is one")
			default:
				refused(w, err, "idempotency_in_progress")
			}
		})
	}
	group.Wait()
	claim := winners.Load()
	if claim == nil {
		w.Fatal("nobody got the claim")
	}
	_, _, err := w.IdempotencyBegin(w.ctx, id, [32]byte{3}, noon)
	refused(w, err, "idempotency_key_reused")

	answer := store.IdempotencyAnswer{Status: 201, Body: []byte("sealed")}
	if err := w.IdempotencyFinish(w.ctx, claim, answer); err != nil {
		w.Fatal(err)
	}
	refused(w, w.IdempotencyFinish(w.ctx, claim, answer), "not_found")
	if err := w.IdempotencyAbandon(w.ctx, claim); err != nil { // too late to take back
		w.Fatal(err)
	}
	_, again, err := w.IdempotencyBegin(w.ctx, id, request, noon.Add(store.IdempotencyLife-time.Millisecond))
	equal(w, again, err, &answer)
	claim, _, err = w.IdempotencyBegin(w.ctx, id, [32]byte{3}, noon.Add(store.IdempotencyLife))
	if err != nil || claim == nil {
		w.Fatal("a key is free again after its life: ", err)
	}

	// A claim whose holder is gone passes on after the lease, and the late one loses.
	second := [32]byte{9}
	lost, _, err := w.IdempotencyBegin(w.ctx, second, request, noon)
	if err != nil {
		w.Fatal(err)
	}
	later := noon.Add(store.IdempotencyLease)
	taken, _, err := w.IdempotencyBegin(w.ctx, second, request, later)
	if err != nil || taken == nil {
		w.Fatal(err)
	}
	refused(w, w.IdempotencyFinish(w.ctx, lost, answer), "not_found")
	_, err = w.try(func(tx *store.Tx) error { return tx.FinishIdempotency(lost, answer) })
	refused(w, err, "not_found")
	w.change(func(tx *store.Tx) error { return tx.FinishIdempotency(taken, answer) })
	_, again, err = w.IdempotencyBegin(w.ctx, second, request, later)
	equal(w, again, err, &answer)

	third := [32]byte{10}
	abandoned, _, err := w.IdempotencyBegin(w.ctx, third, request, noon)
	if err != nil {
		w.Fatal(err)
	}
	if err := w.IdempotencyAbandon(w.ctx, abandoned); err != nil {
		w.Fatal(err)
	}
	if retry, _, err := w.IdempotencyBegin(w.ctx, third, request, noon); err != nil || retry == nil {
		w.Fatal("an abandoned request may be tried again: ", err)
	}
	n, err := w.PruneIdempotency(w.ctx, later.Add(store.IdempotencyLife))
	equal(w, n, err, 2)
}
