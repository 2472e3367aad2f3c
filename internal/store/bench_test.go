package store_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

var manyKeys = flag.Int("keys", 20_000, "keys in the database of BenchmarkHolderByHash")

// BenchmarkHolderByHash looks up random keys of many, each by another member.
// Its p99 is for one lookup at a time. Run it with -keys 1000000 for the full size.
func BenchmarkHolderByHash(b *testing.B) {
	s := open(b, file(b))
	defer closed(b, s)
	fill(b, s, *manyKeys)
	var took []time.Duration
	for b.Loop() {
		hash := keyHash(rand.IntN(*manyKeys))
		start := time.Now()
		if _, err := s.HolderByHash(b.Context(), hash, noon); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkWriteBatch writes what a busy second leaves behind.
func BenchmarkWriteBatch(b *testing.B) {
	s := open(b, file(b))
	defer closed(b, s)
	fill(b, s, 1000)
	for b.Loop() {
		batch := access.Batch{Usage: map[access.UsageKey]int64{}}
		for i := range 1000 {
			batch.Issued = append(batch.Issued, access.IssuedToken{ID: seal.NewID("tok"), OrganizationID: "org_bench", Expires: noon})
			batch.Usage[access.UsageKey{OrganizationID: "org_bench", KeyID: fmt.Sprint(i)}] = 1
		}
		if err := s.WriteBatch(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/token")
}

func keyHash(i int) [32]byte { return sha256.Sum256(fmt.Append(nil, i)) }

// fill makes an organization with members of one key each.
func fill(b *testing.B, s *store.Store, keys int) {
	b.Helper()
	role := access.Role{Name: access.Developer, OrganizationID: "org_bench"}
	scopes := scope.NewSet(scope.MustParse("photos:*"))
	const piece = 10_000
	for from := 0; from < keys; from += piece {
		_, err := s.Change(b.Context(), access.Actor{}, "", noon, func(tx *store.Tx) error {
			if from == 0 {
				if err := tx.InsertOrganization(access.Organization{ID: "org_bench", Slug: "bench", Active: true}); err != nil {
					return err
				}
			}
			for i := from; i < min(from+piece, keys); i++ {
				u := access.User{ID: seal.NewID("usr"), Active: true}
				m := access.Membership{ID: seal.NewID("mem"), OrganizationID: "org_bench", UserID: u.ID, Roles: []access.Role{role}, Active: true}
				k := access.Key{
					ID: seal.NewID("key"), OrganizationID: "org_bench", UserID: u.ID, Kind: access.KeyLive,
					Scopes: scopes, Roles: m.Roles, Version: 1,
				}
				for _, err := range []error{tx.InsertUser(u), tx.InsertMembership(m), tx.InsertKey(k, keyHash(i), nil)} {
					if err != nil {
						return err
					}
				}
			}
			return tx.Record("bench.filled", "org_bench", "", nil)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
