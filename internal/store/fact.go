package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store/gen"
)

// WriteFacts writes what was gathered of requests since the last time, in one
// transaction.
func (s *Store) WriteFacts(ctx context.Context, b access.FactBatch) error {
	if b.IsEmpty() {
		return nil
	}
	return s.inTx(ctx, func(q *gen.Queries) error {
		// A context that can end costs the SQLite driver a goroutine for every row;
		// it still ends the transaction.
		return translate(writeFacts(context.WithoutCancel(ctx), q, b))
	})
}

// writeFacts touches rows that other servers touch too in one order for all.
func writeFacts(ctx context.Context, q *gen.Queries, b access.FactBatch) error {
	uses := slices.SortedFunc(maps.Keys(b.Uses), func(a, b access.ScopeUse) int {
		return cmp.Or(cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Day, b.Day))
	})
	for _, u := range uses {
		err := q.AddKeyScope(ctx, gen.AddKeyScopeParams{KeyID: u.KeyID, Scope: u.Scope, Day: u.Day, OrganizationID: u.OrganizationID, Count: b.Uses[u]})
		if err != nil {
			return err
		}
	}
	authorities := map[string]gen.PutFactAuthorityParams{}
	rows := make([]gen.InsertFactParams, len(b.Facts))
	for i := range b.Facts {
		a := factAuthority(&b.Facts[i])
		a.Seen = max(a.Seen, authorities[string(a.ID)].Seen)
		authorities[string(a.ID)] = a
		rows[i] = factRow(&b.Facts[i], a.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(authorities)) {
		if err := q.PutFactAuthority(ctx, authorities[id]); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := q.InsertFact(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

func factAuthority(f *access.Fact) gen.PutFactAuthorityParams {
	roles := roleList(f.Roles)
	id := sha256.Sum256([]byte(f.Scopes + "\n" + roles)) // no scope has a line feed
	return gen.PutFactAuthorityParams{ID: id[:], Scopes: f.Scopes, Roles: roles, Seen: millis(f.Last)}
}

func factRow(f *access.Fact, authority []byte) gen.InsertFactParams {
	return gen.InsertFactParams{
		ID: seal.NewID("fct"), OrganizationID: f.OrganizationID, ApplicationID: f.ApplicationID, Revision: f.Revision,
		First: millis(f.First), Last: millis(f.Last), Count: f.Count,
		Method: storable(f.Method), Host: storable(f.Host), Path: f.Path, Fields: f.Fields, Address: addressText(f.From),
		KeyID: f.KeyID, Subject: storable(f.Subject), MembershipID: f.MembershipID, AuthorityID: authority,
		Standing: f.Standing, Reason: f.Reason, Rule: f.Rule, Missing: f.Missing,
		ShadowReason: f.ShadowReason, ShadowRule: f.ShadowRule, ShadowMissing: f.ShadowMissing,
	}
}

// factsAtOnce is how many rows are in memory while facts are read.
const factsAtOnce = 2000

// EachFact hands over what is kept of an application's requests since a time, the
// newest first, until fn fails or most facts were read; more tells that some were
// left.
func (s queries) EachFact(ctx context.Context, orgID, appID string, since time.Time, most int, fn func(*access.Fact) error) (more bool, err error) {
	for before := "fct_z"; ; {
		rows, err := s.q.Facts(ctx, gen.FactsParams{
			OrganizationID: orgID, ApplicationID: appID, Since: millis(since), Before: before, Most: int32(min(factsAtOnce, most+1)),
		})
		facts, err := each(rows, err, fact)
		if err != nil {
			return false, err
		}
		for i := range facts {
			if most == 0 {
				return true, nil
			}
			before = facts[i].ID
			if err := fn(&facts[i]); err != nil {
				return false, err
			}
			most--
		}
		if len(facts) < factsAtOnce {
			return false, nil
		}
	}
}

func fact(row gen.FactsRow) (access.Fact, error) {
	f := row.Fact
	out := access.Fact{ID: f.ID, First: fromMillis(f.First), Last: fromMillis(f.Last), Count: f.Count, FactKey: access.FactKey{
		OrganizationID: f.OrganizationID, ApplicationID: f.ApplicationID, Revision: f.Revision,
		Method: f.Method, Host: f.Host, Path: f.Path, Fields: f.Fields,
		KeyID: f.KeyID, Subject: f.Subject, MembershipID: f.MembershipID, Scopes: row.Scopes,
		Standing: f.Standing, Reason: f.Reason, Rule: f.Rule, Missing: f.Missing,
		ShadowReason: f.ShadowReason, ShadowRule: f.ShadowRule, ShadowMissing: f.ShadowMissing,
	}}
	var err error
	if out.From, err = parseAddress(f.Address); err != nil {
		return out, err
	}
	out.Roles, err = parseRoles(row.Roles)
	return out, err
}

// OldestFact tells since when facts of an application are kept: of what came
// before, some or all is gone. Zero: there are none.
func (s queries) OldestFact(ctx context.Context, orgID, appID string) (time.Time, error) {
	first, err := s.q.OldestFact(ctx, gen.OldestFactParams{OrganizationID: orgID, ApplicationID: appID})
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return fromMillis(first), translate(err)
}

// PruneFacts drops facts that ended before a time. Of those beyond most, the
// applications that have the most of them lose their oldest: one that has no more
// than an equal part loses none, however busy the others are.
func (s *Store) PruneFacts(ctx context.Context, before time.Time, most int) (dropped int64, err error) {
	err = s.inTx(ctx, func(q *gen.Queries) error {
		old, err := q.PruneFacts(ctx, millis(before))
		if err != nil {
			return translate(err)
		}
		more, err := dropCrowd(ctx, q, int64(most))
		if err != nil {
			return translate(err)
		}
		dropped = old + more
		_, err = q.PruneFactAuthorities(ctx, millis(before))
		return translate(err)
	})
	return dropped, err
}

func dropCrowd(ctx context.Context, q *gen.Queries, most int64) (dropped int64, err error) {
	counts, err := q.CountFacts(ctx)
	if err != nil {
		return 0, err
	}
	slices.SortFunc(counts, func(a, b gen.CountFactsRow) int { return cmp.Compare(a.Facts, b.Facts) })
	for i, c := range counts {
		part := most / int64(len(counts)-i)
		if c.Facts <= part {
			most -= c.Facts
			continue
		}
		// All that follow have more than this part too.
		most -= part
		last, err := q.FactBeyond(ctx, gen.FactBeyondParams{ApplicationID: c.ApplicationID, Most: int32(part)})
		if errors.Is(err, sql.ErrNoRows) {
			continue // another server has dropped them
		}
		if err != nil {
			return dropped, err
		}
		n, err := q.DropFactsTo(ctx, gen.DropFactsToParams{ApplicationID: c.ApplicationID, ID: last})
		if err != nil {
			return dropped, err
		}
		dropped += n
	}
	return dropped, nil
}

// ScopeCount is how often a key used a scope, and on which day last.
type ScopeCount struct {
	Scope   string
	Count   int64
	LastDay int64 // as [access.Day]
}

// KeyScopes returns the scopes a key made use of since a day, that day included.
func (s queries) KeyScopes(ctx context.Context, orgID, keyID string, fromDay int64) ([]ScopeCount, error) {
	rows, err := s.q.KeyScopes(ctx, gen.KeyScopesParams{KeyID: keyID, OrganizationID: orgID, FromDay: fromDay})
	return each(rows, err, func(row gen.KeyScopesRow) (ScopeCount, error) {
		return ScopeCount{Scope: row.Scope, Count: row.Count, LastDay: row.Day}, nil
	})
}

// PruneKeyScopes drops the scopes used before a day.
func (s *Store) PruneKeyScopes(ctx context.Context, beforeDay int64) (int64, error) {
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	n, err := q.PruneKeyScopes(ctx, beforeDay)
	return n, translate(err)
}
