package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/outside"
	"github.com/daypass/daypass/internal/store"
)

// follower keeps this node's view level with the feed. Everything that changed
// carries the revision of its last change, so catching up is reading the rows
// past the last revision seen; nothing has to be interpreted in order.
type follower struct {
	store   *store.Store
	gate    *gate.Gate
	feed    *feed
	issuers *outside.Directory // nil: none
	now     func() time.Time
	log     *slog.Logger

	maxAge   time.Duration               // of a view, before it refuses to decide
	keys     func(context.Context) error // takes the signing keys as they are now
	swapped  func()                      // after a view with changes is in place
	pending  time.Time                   // when the next revocation begins to hold; guarded by pulling
	pulling  sync.Mutex
	started  atomic.Bool
	lastOK   atomic.Bool
	changed  sync.Map     // organization id → revision of its last change
	platform atomic.Int64 // revision of the last change that concerns every organization
}

// pollEvery is the guarantee; a change made on this node is applied at once.
const pollEvery = time.Second

// pull reads what is new and swaps in a view that holds it.
func (f *follower) pull(ctx context.Context) error {
	f.pulling.Lock()
	defer f.pulling.Unlock()
	err := f.pullLocked(ctx)
	f.lastOK.Store(err == nil)
	return err
}

func (f *follower) pullLocked(ctx context.Context) error {
	asked := f.now() // the view is as old as the question, not as the answer
	head, err := f.store.Head(ctx)
	if err != nil {
		return err
	}
	view := gate.View{Confirmed: asked, MaxAge: f.maxAge}
	if old := f.gate.View(); old != nil {
		view = *old
		view.Confirmed = asked
	}
	news := head > view.Revision || !f.started.Load()
	if news {
		if err := f.catchUp(ctx, &view, head); err != nil {
			return err
		}
	}
	if !f.pending.IsZero() && !asked.Before(f.pending) {
		if err := f.settle(ctx, &view, asked); err != nil {
			return err
		}
		news = true
	}
	f.gate.Swap(&view)
	f.started.Store(true)
	if news && f.swapped != nil {
		f.swapped()
	}
	return nil
}

func (f *follower) catchUp(ctx context.Context, view *gate.View, head int64) error {
	since := view.Revision
	if f.keys != nil {
		if err := f.keys(ctx); err != nil {
			return err
		}
	}
	revoked, err := f.store.RevocationsSince(ctx, since)
	if err != nil {
		return err
	}
	f.notePending(revoked)
	live, gone, err := f.store.ApplicationsSince(ctx, since)
	if err != nil {
		return err
	}
	if err := f.catchUpNetworks(ctx, view, gone); err != nil {
		return err
	}
	if view.Plans, err = f.plans(ctx, view.Plans, since); err != nil {
		return err
	}
	if err := f.catchUpIssuers(ctx, since, head, revoked); err != nil {
		return err
	}
	if err := f.noteChanges(ctx, since, head); err != nil {
		return err
	}
	if since == 0 {
		view.Revocations = gate.NewRevocations(revoked...)
	} else {
		view.Revocations = view.Revocations.With(revoked...)
	}
	compiled := make([]*catalog.Application, 0, len(live))
	for _, app := range live {
		c, err := catalog.Compile(app)
		if err != nil && len(app.Shadow) > 0 {
			f.log.Error("resource file in shadow mode cannot be read; nothing is tried", "application", app.ID, "error", err)
			app.Shadow = nil
			c, err = catalog.Compile(app)
		}
		if err != nil {
			// Accepted once, so this binary reads resource files differently from the
			// one that accepted it. Without a rule everything of it is denied.
			f.log.Error("resource file cannot be read; the application denies everything", "application", app.ID, "error", err)
			gone = append(gone, app.ID)
			continue
		}
		compiled = append(compiled, c)
	}
	if len(gone) > 0 {
		view.Catalog = view.Catalog.Without(gone...)
	}
	if len(compiled) > 0 || view.Catalog == nil {
		view.Catalog = view.Catalog.With(compiled...)
	}
	view.Revision = head
	f.feed.publish(revoked, head)
	return nil
}

// notePending finds the next time at which a revocation begins to hold: the end
// of a rotation's overlap.
func (f *follower) notePending(list []access.Revocation) {
	for _, r := range list {
		if !r.Effective.IsZero() && (f.pending.IsZero() || r.Effective.Before(f.pending)) {
			f.pending = r.Effective
		}
	}
}

// settle makes the revocations whose time has come hold for good, in the store
// and in the view, so that a clock set back does not undo them.
func (f *follower) settle(ctx context.Context, view *gate.View, now time.Time) error {
	if _, err := f.store.SettleRevocations(ctx, now); err != nil {
		f.log.Error("revocations could not be settled; they hold all the same", "error", err)
	}
	return f.reload(ctx, view, now)
}

// prune drops revocations that no living pass can need any more, from the store
// and from memory.
func (f *follower) prune(ctx context.Context) error {
	now := f.now()
	if n, err := f.store.PruneRevocations(ctx, now); n == 0 || err != nil {
		return err
	}
	f.pulling.Lock()
	defer f.pulling.Unlock()
	view := *f.gate.View()
	if err := f.reload(ctx, &view, now); err != nil {
		return err
	}
	f.gate.Swap(&view)
	return nil
}

// reload reads every revocation anew.
func (f *follower) reload(ctx context.Context, view *gate.View, now time.Time) error {
	list, err := f.store.RevocationsSince(ctx, 0)
	if err != nil {
		return err
	}
	for i := range list {
		if !list[i].Effective.After(now) {
			list[i].Effective = time.Time{}
		}
	}
	f.pending = time.Time{}
	f.notePending(list)
	view.Revocations = gate.NewRevocations(list...)
	f.feed.replace(list, view.Revision)
	return nil
}

// noteChanges remembers which organizations changed, for the holders that
// exchange keeps. A user may be a member anywhere, so a change to one concerns
// every organization.
func (f *follower) noteChanges(ctx context.Context, since, head int64) error {
	if since == 0 {
		return nil // nothing was cached before the first view
	}
	for since < head {
		events, err := f.store.EventsSince(ctx, since, 1000)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return nil
		}
		for _, e := range events {
			switch {
			case strings.HasPrefix(e.Action, "network."): // no part of what a key may do
			case e.Action == "identity.created": // nobody kept what was not there
			case e.OrganizationID == "" || strings.HasPrefix(e.Action, "user."):
				f.platform.Store(e.Revision)
			default:
				f.changed.Store(e.OrganizationID, e.Revision)
			}
			since = e.Revision
		}
	}
	return nil
}

// committed applies a change of this node before its answer is sent.
func (f *follower) committed(ctx context.Context, revision int64) error {
	if view := f.gate.View(); view != nil && view.Revision >= revision {
		return nil
	}
	return f.pull(ctx)
}

// run polls until ctx ends.
func (f *follower) run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, 10*pollEvery)
		err := f.pull(within)
		cancel()
		if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			f.log.Error("feed not heard", "error", err, "view_age", f.now().Sub(f.gate.View().Confirmed).String())
		}
	}
}

// errStale is what cannot be decided safely.
var errStale = access.New(access.Unavailable, string(gate.StaleView), "this server has not heard of revocations for too long to decide safely; try again shortly")

// Revision implements [exchange.Scene].
func (f *follower) Revision(now time.Time) (int64, error) {
	view := f.gate.View()
	if !view.Fresh(now) {
		return 0, errStale
	}
	return view.Revision, nil
}

// Revoked implements [exchange.Scene].
func (f *follower) Revoked(t *access.Token, now time.Time) (string, bool) {
	return f.gate.View().Revocations.Revoked(t, now)
}

// Changed implements [exchange.Scene].
func (f *follower) Changed(organizationID string) int64 {
	latest := f.platform.Load()
	if r, ok := f.changed.Load(organizationID); ok {
		latest = max(latest, r.(int64))
	}
	return latest
}

// Application implements [exchange.Scene].
func (f *follower) Application(organization, slug string) (exchange.Application, bool) {
	return applicationIn(f.gate.View(), organization, slug)
}

func applicationIn(view *gate.View, organization, slug string) (exchange.Application, bool) {
	app := view.Catalog.Named(organization + "/" + slug)
	if app == nil {
		return exchange.Application{}, false
	}
	return exchange.Application{Audience: app.Audience(), DefaultLife: app.Document.Tokens.DefaultLife, MaxLife: app.Document.Tokens.MaxLife, Encrypt: app.Document.Tokens.Encrypt}, true
}
