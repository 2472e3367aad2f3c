package gate

import (
	"maps"

	"github.com/daypass/daypass/internal/access"
)

// Plans is which key and which membership holds which plan. It is immutable; nil
// is no plan at all.
type Plans struct {
	plans   map[string]*access.Limits // by plan id
	holders map[string]string         // key or membership id → plan id
}

// With returns the plans with those changed, and with holders that hold another
// plan now, or none. It copies, so it takes as long as there are holders.
func (p *Plans) With(plans []access.Plan, holders []access.PlanHolder) *Plans {
	if len(plans)+len(holders) == 0 {
		return p
	}
	next := &Plans{plans: map[string]*access.Limits{}, holders: map[string]string{}}
	if p != nil {
		next.plans, next.holders = maps.Clone(p.plans), p.holders
	}
	for _, plan := range plans {
		next.plans[plan.ID] = access.NewLimits(plan.ID, plan.Slug+"-", plan.Limits)
	}
	if len(holders) == 0 {
		return next
	}
	next.holders = maps.Clone(next.holders)
	for _, h := range holders {
		if h.PlanID == "" {
			delete(next.holders, h.ID)
			continue
		}
		next.holders[h.ID] = h.PlanID
	}
	return next
}

// Holders is how many keys and memberships are known to hold a plan; also deleted
// ones, until the plans are read anew.
func (p *Plans) Holders() int {
	if p == nil {
		return 0
	}
	return len(p.holders)
}

// of returns the limits of the plan of a token's key, or else of its membership,
// and which of the two holds it.
func (p *Plans) of(t *access.Token) (limits *access.Limits, holder string) {
	if p == nil || t == nil || len(p.holders) == 0 {
		return nil, ""
	}
	for _, id := range [2]string{t.KeyID, t.MembershipID} {
		if plan, ok := p.holders[id]; ok {
			return p.plans[plan], id
		}
	}
	return nil, ""
}

// Plan returns the limits of the plan that the caller of an allowed request
// holds, and by which key or membership; nil where there is none.
func (d *Decision) Plan() (limits *access.Limits, holder string) {
	if d.view == nil {
		return nil, ""
	}
	return d.view.Plans.of(d.Token)
}
