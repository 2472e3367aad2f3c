package edge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/maypok86/otter/v2"
)

// persistedQueries remembers documents by their SHA-256, as Apollo's automatic persisted queries do: a client sends the
// text once with its hash, and from then on the hash alone. An application has its own. Only documents that somebody was
// allowed to execute are remembered, and each is judged anew for each caller.
type persistedQueries struct {
	texts cache
}

// cache is what is used of an otter.Cache. As an interface, it spares every package that sees a door to compile one anew.
type cache interface {
	GetIfPresent(persistedKey) (string, bool)
	Set(persistedKey, string) (string, bool)
}

type persistedKey struct{ application, hash string }

const (
	maxPersistedBytes = 16 << 20 // of all documents together
	maxPersistedText  = 64 << 10 // of one
	persistedOverhead = 256      // bytes that an entry costs beside its text
)

func newPersistedQueries() persistedQueries {
	return persistedQueries{otter.Must(&otter.Options[persistedKey, string]{
		MaximumWeight: maxPersistedBytes,
		Weigher:       func(_ persistedKey, text string) uint32 { return uint32(len(text)) + persistedOverhead },
	})}
}

// errPersistedUnknown asks the client to send the text.
var errPersistedUnknown = errors.New("edge: no document is known under this hash")

func isHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// resolve makes sure that a request has a text, and that it is the one its hash speaks of.
func (s *persistedQueries) resolve(application string, q *graphqlRequest) error {
	switch {
	case q.hash == "" && q.Query == nil:
		return errNoQuery
	case q.hash == "":
		return nil
	case q.Query == nil:
		text, ok := s.texts.GetIfPresent(persistedKey{application, q.hash})
		if !ok {
			return errPersistedUnknown
		}
		q.Query = &text
		return nil
	}
	if sum := sha256.Sum256([]byte(*q.Query)); hex.EncodeToString(sum[:]) != q.hash {
		return errPersisted
	}
	return nil
}

// keep remembers the document of a request that was allowed, if it was sent with its hash.
func (s *persistedQueries) keep(application string, q *graphqlRequest) {
	if q.hash != "" && len(*q.Query) <= maxPersistedText {
		s.texts.Set(persistedKey{application, q.hash}, *q.Query)
	}
}
