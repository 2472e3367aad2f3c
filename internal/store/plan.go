package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// Plan finds a plan of an organization by slug or id.
func (s queries) Plan(ctx context.Context, orgID, slugOrID string) (access.Plan, error) {
	row, err := s.q.Plan(ctx, gen.PlanParams{OrganizationID: orgID, SlugOrID: slugOrID})
	return one(row, err, plan)
}

// Plans returns a page of an organization's plans by id, the oldest first.
func (s queries) Plans(ctx context.Context, orgID string, page Page) ([]access.Plan, error) {
	rows, err := s.q.Plans(ctx, gen.PlansParams{OrganizationID: orgID, After: page.After, Most: page.most()})
	return each(rows, err, plan)
}

// PlansSince returns the plans that changed above a revision (0: all). One that
// was deleted has no holders left, so nobody needs to hear of it.
func (s queries) PlansSince(ctx context.Context, revision int64) ([]access.Plan, error) {
	rows, err := s.q.PlansSince(ctx, revision)
	return each(rows, err, plan)
}

// PlanHoldersSince returns the keys and memberships that changed above a
// revision, also those that hold no plan; with 0, those that hold one.
func (s queries) PlanHoldersSince(ctx context.Context, revision int64) ([]access.PlanHolder, error) {
	if revision == 0 {
		rows, err := s.q.PlanHolders(ctx)
		return each(rows, err, func(row gen.PlanHoldersRow) (access.PlanHolder, error) {
			return access.PlanHolder{ID: row.ID, PlanID: row.PlanID}, nil
		})
	}
	rows, err := s.q.PlanHoldersSince(ctx, revision)
	return each(rows, err, func(row gen.PlanHoldersSinceRow) (access.PlanHolder, error) {
		return access.PlanHolder{ID: row.ID, PlanID: row.PlanID}, nil
	})
}

// CountPlanHolders counts the keys and memberships that hold a plan.
func (s queries) CountPlanHolders(ctx context.Context, planID string) (int64, error) {
	n, err := s.q.CountPlanHolders(ctx, planID)
	return int64(n), translate(err)
}

// InsertPlan adds a plan; already_exists if its slug is taken.
func (t *Tx) InsertPlan(p access.Plan) error {
	return t.wrote(t.q.InsertPlan(t.ctx, gen.InsertPlanParams{
		ID: p.ID, OrganizationID: p.OrganizationID, Slug: p.Slug, Name: p.Name, Limits: limitList(p.Limits), Created: millis(p.Created), Revision: t.Revision(),
	}))
}

// UpdatePlan writes name and limits. A slug never changes.
func (t *Tx) UpdatePlan(p access.Plan) error {
	return t.wroteOne(t.q.UpdatePlan(t.ctx, gen.UpdatePlanParams{
		ID: p.ID, OrganizationID: p.OrganizationID, Name: p.Name, Limits: limitList(p.Limits), Revision: t.Revision(),
	}))
}

// DeletePlan deletes a plan that nobody holds; that is for the caller to see to.
func (t *Tx) DeletePlan(orgID, id string) error {
	return t.wroteOne(t.q.DeletePlan(t.ctx, gen.DeletePlanParams{ID: id, OrganizationID: orgID}))
}

func limitList(limits []access.Limit) string {
	texts := make([]access.LimitText, len(limits))
	for i := range limits {
		texts[i] = limits[i].Text()
	}
	column, _ := json.Marshal(texts) // strings and numbers always marshal
	return string(column)
}

func plan(row gen.Plan) (access.Plan, error) {
	p := access.Plan{
		ID: row.ID, OrganizationID: row.OrganizationID, Slug: row.Slug, Name: row.Name, Created: fromMillis(row.Created), Revision: row.Revision,
	}
	var texts []access.LimitText
	if err := json.Unmarshal([]byte(row.Limits), &texts); err != nil {
		return p, err
	}
	for _, text := range texts {
		l, err := text.Parse()
		if err != nil {
			return p, err
		}
		p.Limits = append(p.Limits, l)
	}
	return p, nil
}

// Quotas returns what has been used of quotas whose time had not ended at now, at
// most so many: where there are more, equally many of each organization, those of
// which most was used.
func (s queries) Quotas(ctx context.Context, now time.Time, most int) ([]access.QuotaCount, error) {
	rows, err := s.q.Quotas(ctx, gen.QuotasParams{Day: access.Day(now), Most: int32(most)})
	return each(rows, err, func(row gen.Quota) (access.QuotaCount, error) {
		c := access.QuotaCount{Count: row.Count, QuotaKey: access.QuotaKey{OrganizationID: row.OrganizationID, Party: row.Party, Until: row.PeriodEnd}}
		id, err := hex.DecodeString(row.LimitID)
		copy(c.Limit[:], id)
		return c, err
	})
}

// PruneQuotas drops the counts of quotas whose time has ended.
func (s *Store) PruneQuotas(ctx context.Context, now time.Time) (int64, error) {
	q, err := s.direct(ctx)
	if err != nil {
		return 0, err
	}
	n, err := q.PruneQuotas(ctx, access.Day(now))
	return n, translate(err)
}
