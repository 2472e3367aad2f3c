package server

import (
	"context"
	"time"

	"github.com/daypass/daypass/internal/gate"
)

// keepNetworks is how long entries stay in the store after they were deleted or
// have expired: long enough to be told to every follower, and to be looked at.
const keepNetworks = 24 * time.Hour

// catchUpNetworks brings the lists of networks level with the store. A view that
// is too old to have been told of every deletion begins anew: an allowing entry
// that is gone must not go on.
func (f *follower) catchUpNetworks(ctx context.Context, view *gate.View, deletedApplications []string) error {
	since := view.Revision
	if old := f.gate.View(); old == nil || view.Confirmed.Sub(old.Confirmed) > keepNetworks/2 {
		since, view.Networks = 0, nil
	}
	changes, err := f.store.NetworksSince(ctx, since)
	if err != nil {
		return err
	}
	view.Networks = view.Networks.With(changes...).Without(deletedApplications...)
	return nil
}

// pruneNetworks drops entries that are over, from the store and from memory.
func (f *follower) pruneNetworks(ctx context.Context) error {
	now := f.now()
	_, err := f.store.PruneNetworks(ctx, now.Add(-keepNetworks))
	f.pulling.Lock()
	defer f.pulling.Unlock()
	view := *f.gate.View()
	view.Networks = view.Networks.Live(now.Add(-keepNetworks))
	f.gate.Swap(&view)
	return err
}
