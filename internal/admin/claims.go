package admin

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/store"
)

// claims remembers which hosts and prefixes applications serve, so that putting
// one does not read the files of all others while every writer waits.
type claims struct {
	mu       sync.Mutex
	revision int64 // up to which byID is known
	byID     map[string]*catalog.Application
}

// claimed returns what every application serves as the transaction sees it.
func (s *Service) claimed(ctx context.Context, tx *store.Tx) ([]*catalog.Application, error) {
	c := &s.claims
	c.mu.Lock()
	defer c.mu.Unlock()
	live, gone, err := tx.ApplicationsSince(ctx, c.revision)
	if err != nil {
		return nil, err
	}
	if c.byID == nil {
		c.byID = map[string]*catalog.Application{}
	}
	for _, id := range gone {
		delete(c.byID, id)
	}
	for _, a := range live {
		delete(c.byID, a.ID)
		compiled, err := catalog.Compile(a)
		if err != nil { // accepted by an older version; it serves nothing
			s.log.WarnContext(ctx, "an application's resource file cannot be read", "application", a.ID, "error", err)
			continue
		}
		c.byID[a.ID] = compiled.Claim()
	}
	// Writers wait for each other, so that what was read is committed, and what
	// the transaction itself will write comes after it.
	c.revision = tx.Revision() - 1
	return slices.Collect(maps.Values(c.byID)), nil
}
