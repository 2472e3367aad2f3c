package server

import (
	"context"

	"github.com/daypass/daypass/internal/gate"
)

// plans returns known plans, and who holds which, with what changed above a
// revision. Holders are read first: who was given a plan a moment ago holds one
// that is read after, never one that is not known yet.
func (f *follower) plans(ctx context.Context, known *gate.Plans, since int64) (*gate.Plans, error) {
	holders, err := f.store.PlanHoldersSince(ctx, since)
	if err != nil {
		return nil, err
	}
	plans, err := f.store.PlansSince(ctx, since)
	if err != nil {
		return nil, err
	}
	return known.With(plans, holders), nil
}

// prunePlans drops plans, and keys and memberships that held one, that have been
// deleted since: nothing is left of them to be told.
func (f *follower) prunePlans(ctx context.Context) error {
	f.pulling.Lock()
	defer f.pulling.Unlock()
	view := *f.gate.View()
	plans, err := f.plans(ctx, nil, 0)
	if err != nil {
		return err
	}
	view.Plans = plans
	f.gate.Swap(&view)
	return nil
}
