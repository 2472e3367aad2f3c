package server

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/httpapi"
	"github.com/daypass/daypass/verify"
)

// pageEntries is how many revocations a page of the feed holds. A page ends
// between revisions, so one change that revokes more makes a longer page.
const pageEntries = 5000

// feed publishes the revocations that the follower has seen, signed. It answers
// from memory: whoever reads the feed costs the database nothing.
type feed struct {
	issuer string
	sign   func(typ string, payload []byte) (string, error)
	view   func() *gate.View
	now    func() time.Time

	known  atomic.Pointer[published]
	mu     sync.Mutex // of those that change known
	closed atomic.Bool
}

// published is what was seen up to a revision. It is immutable but for the end
// of changed.
type published struct {
	revision int64
	entries  []entry       // by revision
	changed  chan struct{} // closed when there are newer entries, or the server shuts down
}

type entry struct {
	revision int64
	verify.Revocation
}

func newFeed(issuer string, sign func(typ string, payload []byte) (string, error), view func() *gate.View, now func() time.Time) *feed {
	f := &feed{issuer: issuer, sign: sign, view: view, now: now}
	f.known.Store(&published{changed: make(chan struct{})})
	return f
}

// publish adds what a pull has read. Entries past the revision are left out: the
// next pull reads them again, as it begins there.
func (f *feed) publish(revoked []access.Revocation, revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.known.Load()
	next := &published{revision: revision, entries: old.entries, changed: old.changed}
	for i := range revoked {
		if r := &revoked[i]; r.Revision <= revision {
			// Appending leaves what older values can see as it is.
			next.entries = append(next.entries, entry{r.Revision, wireRevocation(r)})
		}
	}
	if len(next.entries) == len(old.entries) || f.closed.Load() {
		f.known.Store(next)
		return
	}
	next.changed = make(chan struct{})
	f.known.Store(next)
	close(old.changed)
}

// replace puts what is still kept in the place of all that was.
func (f *feed) replace(kept []access.Revocation, revision int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := &published{revision: max(revision, f.known.Load().revision), changed: f.known.Load().changed}
	for i := range kept {
		if r := &kept[i]; r.Revision <= next.revision {
			next.entries = append(next.entries, entry{r.Revision, wireRevocation(r)})
		}
	}
	f.known.Store(next)
}

// close ends the publishing and lets those go who wait for news.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed.Swap(true) {
		close(f.known.Load().changed)
	}
}

func wireRevocation(r *access.Revocation) verify.Revocation {
	w := verify.Revocation{Subject: r.Subject, Below: min(r.Below(), verify.MaxRevision), Reason: r.Reason}
	if !r.Effective.IsZero() {
		w.From = r.Effective.Unix() // a part of a second early, never late
	}
	return w
}

// News implements [httpapi.Feed].
func (f *feed) News(after int64) (news bool, changed <-chan struct{}) {
	known := f.known.Load()
	return known.past(after) < len(known.entries), known.changed
}

// past is the index of the first entry above a revision.
func (p *published) past(revision int64) int {
	i, _ := slices.BinarySearchFunc(p.entries, revision+1, func(e entry, r int64) int { return int(e.revision - r) })
	return i
}

var (
	errFeedBehind = access.New(access.Unavailable, "feed_behind", "this server has not seen that revision yet; ask again shortly")
	errDraining   = access.New(access.Unavailable, "draining", "the server is shutting down")
)

// Page implements [httpapi.Feed].
func (f *feed) Page(after int64) (httpapi.FeedPage, error) {
	if f.closed.Load() {
		return httpapi.FeedPage{}, errDraining
	}
	// The view is looked at first: it may be older than the entries, not newer.
	view, now := f.view(), f.now()
	if !view.Fresh(now) {
		return httpapi.FeedPage{}, errStale
	}
	known := f.known.Load()
	if after > known.revision {
		return httpapi.FeedPage{}, errFeedBehind
	}
	page := known.page(after)
	page.Issuer, page.IssuedAt, page.Expires = f.issuer, now.Unix(), view.Confirmed.Add(view.MaxAge).Unix()
	payload, err := json.Marshal(page)
	if err != nil {
		return httpapi.FeedPage{}, err
	}
	text, err := f.sign(verify.TypFeed, payload)
	return httpapi.FeedPage{Text: text, Revision: page.Revision, Complete: page.Complete}, err
}

func (p *published) page(after int64) *verify.Feed {
	rest := p.entries[p.past(after):]
	page := &verify.Feed{After: after, Revision: p.revision, Complete: true}
	if len(rest) > pageEntries {
		page.Revision = rest[pageEntries-1].revision
		rest = p.entries[p.past(after):p.past(page.Revision)]
		page.Complete = page.Revision == p.revision
	}
	page.Revocations = make([]verify.Revocation, len(rest))
	for i := range rest {
		page.Revocations[i] = rest[i].Revocation
	}
	return page
}
