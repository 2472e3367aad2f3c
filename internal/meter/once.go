package meter

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/verify"
)

// MaxOnce is how many used ids a node remembers; beyond it none is accepted until
// some are worthless.
const MaxOnce = 1 << 20

// Ledger remembers used ids on disk, for every node.
type Ledger interface {
	UseOnce(ctx context.Context, id [32]byte, until time.Time) (first bool, err error)
}

// Share is how much of the memory somebody may fill, so that nobody fills it for
// everybody else.
type Share struct {
	Holder string
	Most   int // ids that are not worthless yet
}

var (
	errShareFull   = access.New(access.Unavailable, "replay_memory_full", "too many of your proofs are in use to tell a replay; try again shortly")
	errOnceFull    = access.New(access.Unavailable, "replay_memory_full", "too many proofs are in use to tell a replay; try again shortly")
	errBeforeStart = access.New(access.Unauthenticated, "made_before_start", "this proof was made before the server last started, which cannot tell whether it was used; make a new one")
)

// Once lets things be used a single time: a nonce, a proof's jti, an assertion.
//
// Servers that share a database ask that, after their own memory. A server that is
// alone remembers in memory. After a restart it cannot know what was used before, so
// it refuses whatever was made before. Clocks may differ, so something may have been
// used before a restart that says it was made after: such things it writes down too,
// and looks them up for as long as any of them can come again.
type Once struct {
	born   time.Time // what was made before this may have been used; zero: nothing was
	ledger Ledger    // nil: there is memory alone
	shared bool      // others use the ledger as well
	now    func() time.Time

	mu    sync.Mutex
	used  map[[32]byte]int64  // the second after which it is worthless
	byEnd map[int64][]onceUse // the same by that second
	held  map[string]*onceHolder
	swept int64 // everything until this second is gone
}

type onceUse struct {
	key     [32]byte
	holders []*onceHolder
}

// onceHolder counts what somebody has in the memory.
type onceHolder struct {
	name string
	uses int
}

// NewOnce makes a memory of a server that shares its ledger with others.
func NewOnce(ledger Ledger, now func() time.Time) *Once {
	return &Once{ledger: ledger, shared: true, now: now, used: make(map[[32]byte]int64), byEnd: make(map[int64][]onceUse), held: make(map[string]*onceHolder), swept: now().Unix()}
}

// NewLoneOnce makes that of a server that is alone. A nil ledger is for one without a
// disk: after its restart it takes once more what a client with a fast clock had used.
func NewLoneOnce(ctx context.Context, ledger Ledger, now func() time.Time) *Once {
	o := NewOnce(ledger, now)
	o.shared = false
	if ledger != nil {
		if first, err := ledger.UseOnce(ctx, onceKey("once", "there was a memory"), forever); err == nil && first {
			return o
		}
	}
	o.born = now()
	return o
}

var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// First reports whether the id was not used before for this purpose. It was made
// at the given time by its maker's clock, at most [verify.Leeway] ahead of ours, and
// is worthless after until, which should be minutes away at most. Times in whole
// seconds are good: after a restart, what was made in its very second is refused.
// Codes: made_before_start (401), replay_memory_full, store_unavailable (503).
func (o *Once) First(ctx context.Context, purpose, id string, made, until time.Time) (bool, error) {
	return o.FirstWithin(ctx, nil, purpose, id, made, until)
}

// FirstWithin is [Once.First] for who may fill no more than these shares of the
// memory. One that is full gives replay_memory_full (503).
func (o *Once) FirstWithin(ctx context.Context, shares []Share, purpose, id string, made, until time.Time) (bool, error) {
	if made.Before(o.born) {
		return false, errBeforeStart
	}
	key := onceKey(purpose, id)
	first, err := o.remember(key, shares, until)
	if err != nil || !first || !o.asks(made) {
		return first, err
	}
	return o.ledger.UseOnce(ctx, key, until)
}

// asks reports whether memory does not know enough, or would not after a restart.
func (o *Once) asks(made time.Time) bool {
	switch {
	case o.shared:
		return true
	case o.ledger == nil:
		return false
	}
	return made.After(o.now()) || !made.After(o.born.Add(verify.Leeway))
}

// onceKey joins the two without ambiguity.
func onceKey(purpose, id string) [32]byte {
	const usual = 128 // on the stack
	joined := binary.BigEndian.AppendUint32(make([]byte, 0, usual), uint32(len(purpose)))
	return sha256.Sum256(append(append(joined, purpose...), id...))
}

func (o *Once) remember(key [32]byte, shares []Share, until time.Time) (bool, error) {
	end := until.Unix() + 1
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sweep(o.now().Unix())
	if _, used := o.used[key]; used {
		return false, nil
	}
	if len(o.used) >= MaxOnce {
		return false, errOnceFull
	}
	for _, share := range shares {
		if h := o.held[share.Holder]; h != nil && h.uses >= share.Most {
			return false, errShareFull
		}
	}
	o.used[key] = end
	o.byEnd[end] = append(o.byEnd[end], onceUse{key, o.hold(shares)})
	return true, nil
}

// hold counts one more use of each holder.
func (o *Once) hold(shares []Share) []*onceHolder {
	if len(shares) == 0 {
		return nil
	}
	holders := make([]*onceHolder, len(shares))
	for i, share := range shares {
		h := o.held[share.Holder]
		if h == nil {
			h = &onceHolder{name: share.Holder}
			o.held[share.Holder] = h
		}
		h.uses++
		holders[i] = h
	}
	return holders
}

// sweep forgets second by second, so that no call does it all at once.
func (o *Once) sweep(now int64) {
	if now-o.swept > int64(len(o.byEnd)) { // a long rest: look at what there is instead
		for end, uses := range o.byEnd {
			if end < now {
				o.forget(end, uses)
			}
		}
		o.swept = now
		return
	}
	for ; o.swept < now; o.swept++ {
		if uses, ok := o.byEnd[o.swept]; ok {
			o.forget(o.swept, uses)
		}
	}
}

func (o *Once) forget(end int64, uses []onceUse) {
	for _, use := range uses {
		delete(o.used, use.key)
		for _, h := range use.holders {
			if h.uses--; h.uses == 0 {
				delete(o.held, h.name)
			}
		}
	}
	delete(o.byEnd, end)
}
