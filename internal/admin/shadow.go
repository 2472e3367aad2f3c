package admin

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/store"
)

// place gives an application its next file: a file in shadow mode goes beside one
// that is enforced, any other takes the place of both.
func place(a *Application, file []byte) error {
	doc, err := catalog.ParseDocument(file)
	if err != nil {
		return err
	}
	if doc.Mode == catalog.Shadow && enforces(a) {
		a.Shadow = file
		return nil
	}
	a.Document, a.Shadow = file, nil
	return nil
}

// enforces reports whether the application has a file that is enforced.
func enforces(a *Application) bool {
	if len(a.Document) == 0 {
		return false
	}
	doc, err := catalog.ParseDocument(a.Document)
	return err != nil || doc.Mode == catalog.Enforce
}

// placed is what is recorded of a file that was put.
func placed(a Application, file []byte) map[string]any {
	detail := map[string]any{"slug": a.Slug, "bytes": len(file)}
	if len(a.Shadow) > 0 {
		detail["shadow"] = true
	}
	return detail
}

var errNoShadow = access.New(access.NotFound, "not_found", "no file is tried beside the one that is enforced")

// Shadow returns an application that has a file in shadow mode beside the
// enforced one; else the error is not_found.
func (s *Service) Shadow(ctx context.Context, caller *access.Caller, org, app string) (Application, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetShadow, org)
	if err != nil {
		return Application{}, err
	}
	a, err := applicationOf(ctx, s.store, g, app)
	if err == nil && len(a.Shadow) == 0 {
		err = errNoShadow
	}
	return a, err
}

// DropShadow takes away the file in shadow mode that stands beside the enforced
// one.
func (s *Service) DropShadow(ctx context.Context, caller *access.Caller, org, app string, ifRevision int64) error {
	return s.change(ctx, caller, opDropShadow, org, func(tx *store.Tx, g *grant) error {
		a, err := applicationOf(ctx, tx, g, app)
		if err != nil {
			return err
		}
		if err := expect(ifRevision, a.Revision); err != nil {
			return err
		}
		if len(a.Shadow) == 0 {
			return errNoShadow
		}
		a.Shadow, a.Revision = nil, tx.Revision()
		if err := tx.PutApplication(a); err != nil {
			return err
		}
		return tx.Record("application.updated", g.org.ID, a.ID, map[string]any{"slug": a.Slug, "shadow": false})
	})
}

// MaxFacts is how many facts are kept, and how many one question looks at.
const MaxFacts = 200_000

// Facts are what is kept of an application's requests.
type Facts struct {
	Application Application
	Since       time.Time
	Oldest      time.Time // that are kept of the application; zero: none
	More        bool      // some were left out: there are more than were asked for
}

// FactFilter says which facts to look at.
type FactFilter struct {
	Since time.Time // zero: all that are kept
	Limit int       // the newest; 0: [MaxFacts]
}

// CompareShadow hands over the facts since the application's files were last
// changed, the newest first: those that tell what the present file in shadow mode
// would have said.
func (s *Service) CompareShadow(ctx context.Context, caller *access.Caller, org, app string, filter FactFilter, fn func(*access.Fact) error) (Facts, error) {
	return s.facts(ctx, caller, opCompare, org, app, filter, func(a *Application, f *access.Fact) error {
		if f.Revision != a.Revision {
			return nil
		}
		return fn(f)
	})
}

// ReplayFacts hands over the facts of an application, the newest first. begin is
// called with the application before the first.
func (s *Service) ReplayFacts(ctx context.Context, caller *access.Caller, org, app string, filter FactFilter, begin func(Application) error, fn func(*access.Fact) error) (Facts, error) {
	begun := false
	facts, err := s.facts(ctx, caller, opReplay, org, app, filter, func(a *Application, f *access.Fact) error {
		if !begun {
			begun = true
			if err := begin(*a); err != nil {
				return err
			}
		}
		return fn(f)
	})
	if err == nil && !begun {
		err = begin(facts.Application)
	}
	return facts, err
}

func (s *Service) facts(ctx context.Context, caller *access.Caller, op Operation, org, app string, filter FactFilter, fn func(*Application, *access.Fact) error) (Facts, error) {
	g, err := s.authorize(ctx, s.store, caller, op, org)
	if err != nil {
		return Facts{}, err
	}
	out := Facts{Since: filter.Since}
	if out.Application, err = applicationOf(ctx, s.store, g, app); err != nil {
		return Facts{}, err
	}
	most := filter.Limit
	if most <= 0 || most > MaxFacts {
		most = MaxFacts
	}
	if out.Oldest, err = s.store.OldestFact(ctx, g.org.ID, out.Application.ID); err != nil {
		return Facts{}, err
	}
	out.More, err = s.store.EachFact(ctx, g.org.ID, out.Application.ID, filter.Since, most, func(f *access.Fact) error {
		return fn(&out.Application, f)
	})
	return out, err
}
