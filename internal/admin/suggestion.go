package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

const (
	// KeepKeyScopes is for how many days it is known which scopes a key used.
	KeepKeyScopes = 90
	// foldAt is how many scopes must differ in one segment alone to become one
	// pattern.
	foldAt = 5
)

// Suggestion is what a key's scopes could be narrowed to.
type Suggestion struct {
	Key    Key
	Days   int
	Since  time.Time // 00:00 UTC of the first day looked at
	Used   []UsedScope
	Scopes []string // the narrowest that cover what was used; empty: nothing was
	Unused []string // scopes of the key under which nothing was used
	Beyond []string // used, and beyond the key's scopes by now
}

// UsedScope is a scope that requests of the key's passes were allowed for.
type UsedScope struct {
	Scope   string
	Count   int64
	LastDay time.Time // 00:00 UTC
}

// SuggestKey folds the scopes that a key, or a pass of it, made use of in the last
// days (1 to 90, today included) into the narrowest that cover them.
func (s *Service) SuggestKey(ctx context.Context, caller *access.Caller, org, key string, days int) (Suggestion, error) {
	var wrong faults
	if days < 1 || days > KeepKeyScopes {
		wrong.invalid("/days", "give 1 to %d days: no more is known", KeepKeyScopes)
		return Suggestion{}, wrong.err()
	}
	g, err := s.authorize(ctx, s.store, caller, opSuggestKey, org)
	if err != nil {
		return Suggestion{}, err
	}
	k, err := s.store.Key(ctx, g.org.ID, key)
	if err != nil {
		return Suggestion{}, err
	}
	if !g.mayUser(k.UserID) {
		return Suggestion{}, errNotYours
	}
	from := access.Day(s.now()) - int64(days) + 1
	counts, err := s.store.KeyScopes(ctx, g.org.ID, k.ID, from)
	if err != nil {
		return Suggestion{}, err
	}
	shown, err := namesIn(ctx, s.store, g.org.ID).key(k)
	if err != nil {
		return Suggestion{}, err
	}
	out := Suggestion{Key: shown, Days: days, Since: dayStart(from)}
	return out, out.fold(k.Scopes, counts)
}

func dayStart(day int64) time.Time { return time.Unix(day*24*60*60, 0).UTC() }

func (g *Suggestion) fold(ceiling scope.Set, counts []store.ScopeCount) error {
	var used []scope.Pattern
	for _, c := range counts {
		p, err := scope.Parse(c.Scope)
		if err != nil {
			return fmt.Errorf("scope that a key used: %w", err)
		}
		if !ceiling.Covers(p) {
			g.Beyond = append(g.Beyond, c.Scope)
			continue
		}
		used = append(used, p)
		g.Used = append(g.Used, UsedScope{Scope: c.Scope, Count: c.Count, LastDay: dayStart(c.LastDay)})
	}
	narrow := scope.Fold(used, ceiling, foldAt)
	if narrow.Len() > maxScopes {
		narrow = scope.Fold(used, ceiling, 2) // a key holds no more
	}
	g.Scopes = narrow.Strings()
	for _, p := range ceiling.Patterns() {
		if !matchesAny(p, used) {
			g.Unused = append(g.Unused, p.String())
		}
	}
	return nil
}

func matchesAny(p scope.Pattern, concrete []scope.Pattern) bool {
	for _, c := range concrete {
		if p.Match(c.String()) {
			return true
		}
	}
	return false
}

// NarrowKey takes scopes from a key: the new ones must lie within those it has
// (scope_exceeded). If it loses any, every pass made from it ends at once, since
// one may hold what the key no longer does; from then on the key makes narrower
// ones.
func (s *Service) NarrowKey(ctx context.Context, caller *access.Caller, org, key string, scopes []string, ifRevision int64) (Key, error) {
	var wrong faults
	narrow := wrong.scopes("/scopes", scopes)
	if err := wrong.err(); err != nil {
		return Key{}, err
	}
	var out Key
	err := s.change(ctx, caller, opNarrowKey, org, func(tx *store.Tx, g *grant) error {
		k, err := tx.Key(ctx, g.org.ID, key)
		if err != nil {
			return err
		}
		if !g.mayUser(k.UserID) {
			return errNotYours
		}
		if _, err := s.ownerOf(ctx, tx, g, k); err != nil {
			return err
		}
		if err := expect(ifRevision, k.Revision); err != nil {
			return err
		}
		if missing, ok := k.Scopes.IncludesSet(narrow); !ok {
			return access.New(access.Forbidden, "scope_exceeded", fmt.Sprintf("the key does not hold scope %q, and this only takes scopes away; make another key for more", missing)).At("/scopes")
		}
		old := k
		k.Scopes, k.Revision = narrow, tx.Revision()
		if out, err = namesIn(ctx, tx, g.org.ID).key(k); err != nil {
			return err
		}
		if old.Scopes.Equal(narrow) {
			out.Revision = old.Revision
			return errSame
		}
		if _, all := narrow.IncludesSet(old.Scopes); !all {
			if err := s.revoke(tx, k.ID, "key_narrowed", time.Time{}); err != nil {
				return err
			}
		}
		if err := tx.UpdateKey(k); err != nil {
			return err
		}
		return tx.Record("key.narrowed", g.org.ID, k.ID, map[string]any{"scopes": out.Scopes, "before": old.Scopes.Strings()})
	})
	return out, sameIsFine(err)
}

// noteUse tells which of its scopes a credential needed for an operation.
func (s *Service) noteUse(caller *access.Caller, op Operation) {
	if needed := permissionOf[op].Scope; s.used != nil && needed != "" && caller.KeyID != "" {
		s.used(caller.Organization.ID, caller.KeyID, scope.MustParse(needed), s.now())
	}
}
