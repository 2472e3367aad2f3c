package storetest

import (
	"testing"

	"github.com/daypass/daypass/internal/store"
)

// Run holds a database to everything the store promises. open returns a fresh,
// empty store each time; Run closes it.
func Run(t *testing.T, open func(*testing.T) *store.Store) {
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"nouns are read back as they were written", nouns},
		{"writes that must be refused are", refusals},
		{"nothing is found under another organization", tenancy},
		{"a change that fails leaves no trace", rollback},
		{"revisions have no gaps and the feed misses nothing", feed},
		{"the chain covers every event", chain},
		{"events are filtered and paged", events},
		{"deletion", deletion},
		{"lists come in pages", pages},
		{"holders", holders},
		{"roles and administrators are counted", roles},
		{"batches", batches},
		{"tokens that live", tokens},
		{"pruning", pruning},
		{"idempotency", idempotency},
		{"lists of networks", networks},
		{"outside issuers", issuers},
		{"identities", identities},
		{"facts", facts},
		{"scopes that keys used", keyScopes},
		{"passwords, links and sessions", passwords},
		{"passkeys", passkeys},
		{"devices that wait to log in", devices},
		{"guesses and attempts", guesses},
		{"an abandoned change does not stop the next", abandoned},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			test.run(newWorld(t, s))
		})
	}
}
