package admin

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

// Defaults of the zero [Config].
const (
	DefaultKeysPerUser  = 5
	DefaultMaxTokenLife = 30 * 24 * time.Hour
	DefaultMaxAddresses = 10_000
)

// Config is what a [Service] works with. Store, Sealer, Now and Committed are required.
type Config struct {
	Store  *store.Store
	Sealer *seal.Sealer
	Now    func() time.Time

	// Committed is called after each committed change and returns when this
	// node's gate has applied it. The change stands even if it fails.
	Committed func(ctx context.Context, revision int64) error

	KeysPerUser  int           // live keys of one user in one organization; default 5
	MaxTokenLife time.Duration // of the platform; default 30 days
	MaxAddresses int64         // a key's ips may cover; IPv6 counted in /64; default 10,000
	Logger       *slog.Logger

	MaxIdentities int // of one user-group key; default 100,000
	// Passwords: nil where nobody logs in with one.
	Passwords *Passwords

	// Used is told which scope of a key an operation made use of, also from within
	// a transaction, so it must not wait. Nil: nobody is.
	Used func(organizationID, keyID string, used scope.Pattern, at time.Time)
}

// Service carries out the use cases of the admin API. It is safe for concurrent use.
type Service struct {
	store        *store.Store
	sealer       *seal.Sealer
	now          func() time.Time
	committed    func(ctx context.Context, revision int64) error
	keysPerUser  int
	maxTokenLife time.Duration
	maxAddresses int64
	log          *slog.Logger
	used         func(organizationID, keyID string, used scope.Pattern, at time.Time)
	claims       claims

	maxIdentities int
	passwords     *Passwords
	resets        chan resetRequest
}

// New makes a service, filling in defaults.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, sealer: c.Sealer, now: c.Now, committed: c.Committed,
		keysPerUser: c.KeysPerUser, maxTokenLife: c.MaxTokenLife, maxAddresses: c.MaxAddresses,
		log: c.Logger, used: c.Used, maxIdentities: c.MaxIdentities, resets: make(chan resetRequest, 100),
	}
	if s.maxIdentities <= 0 {
		s.maxIdentities = DefaultMaxIdentities
	}
	if c.Passwords != nil {
		p := *c.Passwords
		p.Invite, p.Reset = cmp.Or(p.Invite, 7*24*time.Hour), cmp.Or(p.Reset, time.Hour)
		s.passwords = &p
	}
	if s.keysPerUser <= 0 {
		s.keysPerUser = DefaultKeysPerUser
	}
	if s.maxTokenLife <= 0 {
		s.maxTokenLife = DefaultMaxTokenLife
	}
	if s.maxAddresses <= 0 {
		s.maxAddresses = DefaultMaxAddresses
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Page asks for a part of a list.
type Page struct {
	Limit  int    // 0: 50; at most 200, more is refused
	Cursor string // NextCursor of the list before; empty: from the start
}

// List is a part of a list.
type List[T any] struct {
	Items      []T
	NextCursor string // empty: this was the last part
}

// Outcome tells what a put did.
type Outcome string

// The outcomes. Same wrote nothing and recorded no event.
const (
	Created Outcome = "created" // 201
	Changed Outcome = "changed" // 200
	Same    Outcome = "same"    // 204
)

// AnyRevision as an ifRevision argument sets no condition. Any other number must
// be the Revision of what is changed (the ETag a client sent as If-Match), else
// the error is of kind Precondition, code precondition_failed. Where nothing
// exists yet, a number other than AnyRevision fails alike.
const AnyRevision int64 = 0
