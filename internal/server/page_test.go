package server

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// TestPagesAddUp: whatever was published, in however many pulls, the pages lead through all of it, once, in order, with no
// revision torn apart.
func TestPagesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFeed("i", nil, nil, time.Now)
		var want []string
		revision := int64(0)
		for range rapid.IntRange(0, 4).Draw(t, "pulls") {
			var revoked []access.Revocation
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				revision += rapid.Int64Range(1, 3).Draw(t, "step")
				for n := range rapid.SampledFrom([]int{0, 1, 1, 7, pageEntries - 1, pageEntries, pageEntries + 1}).Draw(t, "entries") {
					revoked = append(revoked, access.Revocation{Subject: fmt.Sprintf("mem_%d_%d", revision, n), Revision: revision})
					want = append(want, revoked[len(revoked)-1].Subject)
				}
			}
			early := access.Revocation{Subject: "past the head", Revision: revision + 1}
			f.publish(append(revoked, early), revision)
		}
		var got []string
		for after := int64(0); ; {
			page := f.known.Load().page(after)
			for _, r := range page.Revocations {
				got = append(got, r.Subject)
			}
			if page.Complete {
				if page.Revision != revision {
					t.Fatalf("ends at revision %d, not %d", page.Revision, revision)
				}
				break
			}
			if page.Revision <= after {
				t.Fatalf("stays at revision %d", after)
			}
			after = page.Revision
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d entries, want %d", len(got), len(want))
		}
	})
}

func TestWireRevocation(t *testing.T) {
	at := time.UnixMilli(1_777_896_000_900)
	for _, c := range []struct {
		in   access.Revocation
		want verify.Revocation
	}{
		{access.Revocation{Subject: "key_1", Revision: 7, Reason: "key_deleted"}, verify.Revocation{Subject: "key_1", Below: 7, Reason: "key_deleted"}},
		{access.Revocation{Subject: "key_1/2", Revision: 7, Effective: at}, verify.Revocation{Subject: "key_1/2", Below: verify.MaxRevision, From: 1_777_896_000}},
	} {
		if got := wireRevocation(&c.in); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}
