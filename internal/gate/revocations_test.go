package gate

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/daypass/daypass/internal/access"
)

// refuses defines what the tables must find.
func refuses(list []access.Revocation, t *access.Token, now time.Time) bool {
	for _, r := range list {
		for _, subject := range t.Lineage {
			if r.Subject == subject && t.Revision < r.Below() && !now.Before(r.Effective) {
				return true
			}
		}
	}
	return false
}

func TestRevocationsAreAllFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []access.Revocation
		var r *Revocations
		for range rapid.IntRange(0, 6).Draw(t, "steps") {
			added := drawRevocations(t)
			all = append(all, added...)
			r = r.With(added...)
			if rapid.IntRange(0, 3).Draw(t, "fill") == 0 {
				r = r.With(strangers(maxLatest)...) // pours the latest into the settled
			}
		}
		tok := token(mustScopes(t, "a"))
		tok.Revision = rapid.Int64Range(7, 13).Draw(t, "rev")
		now := noon.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "hours")) * time.Hour)
		if _, got := r.find(tok, now); got != refuses(all, tok, now) {
			t.Fatalf("%+v, rev %d at %v: got %v", all, tok.Revision, now, got)
		}
	})
}

func TestRevocationsAreImmutable(t *testing.T) {
	tok := token(mustScopes(t, "a"))
	mine := access.Revocation{Subject: tok.KeyID, Revision: 11, Reason: "key_deleted"}
	empty := NewRevocations()
	some := empty.With(strangers(10)...)
	with := some.With(mine)
	later := with.With(access.Revocation{Subject: tok.KeyID, Revision: 12, Effective: noon.Add(time.Hour), Reason: "key_rotated"})
	for name, c := range map[string]struct {
		set    *Revocations
		size   int
		reason string
	}{
		"nil": {nil, 0, ""}, "zero": {&Revocations{}, 0, ""}, "zero with": {(&Revocations{}).With(mine), 1, "key_deleted"}, "empty": {empty, 0, ""}, "some": {some, 10, ""},
		"with": {with, 11, "key_deleted"}, "later": {later, 11, "key_deleted"},
	} {
		e, found := c.set.find(tok, noon)
		if c.set.Len() != c.size || found != (c.reason != "") || e.Reason != c.reason {
			t.Errorf("%s: %d entries, %v %+v", name, c.set.Len(), found, e)
		}
	}
	if some.With() != some {
		t.Error("adding nothing makes another set")
	}
}

func TestManyRevocations(t *testing.T) {
	const n = 5 * maxLatest / 2
	var r *Revocations
	list := strangers(n)
	for _, one := range list {
		r = r.With(one)
	}
	if r.Len() != n || len(r.latest) > maxLatest || len(r.settled) == 0 {
		t.Fatalf("%d entries, %d of them latest", r.Len(), len(r.latest))
	}
	for _, one := range list {
		tok := token(mustScopes(t, "a"))
		tok.Lineage = []string{"org_1", one.Subject}
		tok.Revision = one.Revision - 1
		if _, found := r.find(tok, noon); !found {
			t.Fatalf("%+v is lost", one)
		}
		tok.Revision = one.Revision
		if e, found := r.find(tok, noon); found {
			t.Fatalf("a token that is not older is refused by %+v", e)
		}
	}
}

func BenchmarkRevocationsWith(b *testing.B) {
	list := strangers(101_000)
	base := NewRevocations(list[:100_000]...)
	for _, latest := range []int{0, 500} {
		r := base.With(list[100_000 : 100_000+latest]...)
		b.Run(fmt.Sprintf("settled=100000/latest=%d", latest), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.With(list[100_999])
			}
		})
	}
}
