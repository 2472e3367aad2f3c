package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// Plan is a named list of limits, for keys and memberships to hold.
type Plan struct {
	ID       string
	Slug     string
	Name     string
	Limits   []access.LimitText
	Created  time.Time
	Revision int64
}

// PlanPut is the whole of what a plan shall be.
type PlanPut struct {
	Name   string             // at most 200 characters
	Limits []access.LimitText // 1 to 8
}

func planView(p access.Plan) (Plan, error) {
	out := Plan{ID: p.ID, Slug: p.Slug, Name: p.Name, Created: p.Created, Revision: p.Revision}
	for i := range p.Limits {
		out.Limits = append(out.Limits, p.Limits[i].Text())
	}
	return out, nil
}

// Plans lists the plans of an organization, the oldest first.
func (s *Service) Plans(ctx context.Context, caller *access.Caller, org string, p Page) (List[Plan], error) {
	g, err := s.authorize(ctx, s.store, caller, opListPlans, org)
	if err != nil {
		return List[Plan]{}, err
	}
	return paged(s, listing{"plans", g.org.ID}, p, func(after string, limit int) ([]access.Plan, error) {
		return s.store.Plans(ctx, g.org.ID, store.Page{After: after, Limit: limit})
	}, func(p access.Plan) string { return p.ID }, planView)
}

// Plan returns one, by slug or id.
func (s *Service) Plan(ctx context.Context, caller *access.Caller, org, plan string) (Plan, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetPlan, org)
	if err != nil {
		return Plan{}, err
	}
	p, err := s.store.Plan(ctx, g.org.ID, plan)
	if err != nil {
		return Plan{}, err
	}
	return planView(p)
}

// PutPlan makes or changes a plan, by its slug. It holds from the next request on
// for whoever holds it; what was used already counts.
func (s *Service) PutPlan(ctx context.Context, caller *access.Caller, org, slug string, in PlanPut, ifRevision int64) (Plan, Outcome, error) {
	next, err := newPlan(slug, in)
	if err != nil {
		return Plan{}, "", err
	}
	created := false
	err = s.change(ctx, caller, opPutPlan, org, func(tx *store.Tx, g *grant) error {
		old, err := tx.Plan(ctx, g.org.ID, slug)
		created = errors.Is(err, access.ErrNotFound)
		if err != nil && !created {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		if created {
			next.ID, next.Created = seal.NewID("pln"), s.stamp()
		} else {
			next.ID, next.Created = old.ID, old.Created
		}
		next.OrganizationID, next.Revision = g.org.ID, old.Revision
		if !created && old.Name == next.Name && equalLimits(old.Limits, next.Limits) {
			return errSame
		}
		next.Revision = tx.Revision()
		write := tx.UpdatePlan
		if created {
			write = tx.InsertPlan
		}
		if err := write(next); err != nil {
			return err
		}
		shown, _ := planView(next)
		return tx.Record("plan."+verb(created), g.org.ID, next.ID, map[string]any{"slug": slug, "limits": shown.Limits})
	})
	did, err := outcome(err, created)
	if err != nil {
		return Plan{}, "", err
	}
	shown, err := planView(next)
	return shown, did, err
}

func newPlan(slug string, in PlanPut) (access.Plan, error) {
	var wrong faults
	wrong.slug("/plan", slug)
	wrong.text("/name", in.Name, maxName)
	if len(in.Limits) == 0 || len(in.Limits) > access.MaxLimits {
		wrong.invalid("/limits", "give 1 to %d limits", access.MaxLimits)
	}
	p := access.Plan{Slug: slug, Name: in.Name}
	for i, text := range in.Limits {
		l, err := text.Parse()
		if at := (*access.LimitError)(nil); errors.As(err, &at) {
			pointer := fmt.Sprintf("/limits/%d", i)
			if at.Member != "" {
				pointer += "/" + at.Member
			}
			wrong.invalid(pointer, "%s", at)
		}
		p.Limits = append(p.Limits, l)
	}
	return p, wrong.err()
}

func equalLimits(a, b []access.Limit) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// DeletePlan deletes a plan that nobody holds. Code plan_in_use (409).
func (s *Service) DeletePlan(ctx context.Context, caller *access.Caller, org, plan string, ifRevision int64) error {
	return s.change(ctx, caller, opDeletePlan, org, func(tx *store.Tx, g *grant) error {
		old, err := tx.Plan(ctx, g.org.ID, plan)
		if err != nil {
			return err
		}
		if err := expect(ifRevision, old.Revision); err != nil {
			return err
		}
		holders, err := tx.CountPlanHolders(ctx, old.ID)
		if err != nil {
			return err
		}
		if holders > 0 {
			return access.New(access.Conflict, "plan_in_use", fmt.Sprintf("%d keys and memberships hold this plan; give them another one first", holders))
		}
		if err := tx.DeletePlan(g.org.ID, old.ID); err != nil {
			return err
		}
		return tx.Record("plan.deleted", g.org.ID, old.ID, map[string]any{"slug": old.Slug})
	})
}

// mayGivePlan keeps limits from those whom they hold: a plan is given by who
// manages the organization.
func (g *grant) mayGivePlan() error {
	if g.manages() {
		return nil
	}
	return access.New(access.Forbidden, "role_exceeded", "a plan is for an account manager to give").At("/plan")
}

// planID finds a plan by slug or id; empty is none.
func (n *names) planID(plan string) (string, error) {
	if plan == "" {
		return "", nil
	}
	p, err := n.r.Plan(n.ctx, n.orgID, plan)
	if errors.Is(err, access.ErrNotFound) {
		return "", access.New(access.Invalid, "unknown_plan", "there is no plan of this name in this organization; see GET …/plans").At("/plan")
	}
	return p.ID, err
}

// plan is the slug of a plan by id; empty for none.
func (n *names) plan(id string) (string, error) {
	if id == "" {
		return "", nil
	}
	if slug, known := n.plans[id]; known {
		return slug, nil
	}
	p, err := n.r.Plan(n.ctx, n.orgID, id)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return "", err
	}
	n.plans[id] = p.Slug
	return p.Slug, nil
}
