package httpapi

import (
	"context"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
)

func planView(p admin.Plan) api.Plan {
	return api.Plan{ID: p.ID, Slug: p.Slug, Name: p.Name, Limits: views(p.Limits, limitView), Created: p.Created.UTC(), Revision: p.Revision}
}

func limitView(l access.LimitText) api.LimitRule {
	return api.LimitRule{
		Rate: optional(l.Rate), Burst: optional(l.Burst), Per: optional(api.LimitRulePer(l.Per)),
		Body: optional(l.Body), Bytes: optional(l.Bytes), Quota: optional(l.Quota),
	}
}

func limitText(l api.LimitRule) access.LimitText {
	return access.LimitText{
		Rate: value(l.Rate), Burst: value(l.Burst), Per: string(value(l.Per)), Body: value(l.Body), Bytes: value(l.Bytes), Quota: value(l.Quota),
	}
}

func (o operations) ListPlans(ctx context.Context, in api.ListPlansRequestObject) (api.ListPlansResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Plans(ctx, callerOf(ctx), in.Org, page)
	if err != nil {
		return nil, err
	}
	return api.ListPlans200JSONResponse{Items: views(list.Items, planView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) GetPlan(ctx context.Context, in api.GetPlanRequestObject) (api.GetPlanResponseObject, error) {
	plan, err := o.h.Admin.Plan(ctx, callerOf(ctx), in.Org, in.Plan)
	if err != nil {
		return nil, err
	}
	return api.GetPlan200JSONResponse{Body: planView(plan), Headers: api.GetPlan200ResponseHeaders{ETag: etag(plan.Revision)}}, nil
}

func (o operations) PutPlan(ctx context.Context, in api.PutPlanRequestObject) (api.PutPlanResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	put := admin.PlanPut{Name: value(in.Body.Name), Limits: views(in.Body.Limits, limitText)}
	plan, outcome, err := o.h.Admin.PutPlan(ctx, callerOf(ctx), in.Org, in.Plan, put, revision)
	if err != nil {
		return nil, err
	}
	if outcome == admin.Created {
		return api.PutPlan201JSONResponse{Body: planView(plan), Headers: api.PutPlan201ResponseHeaders{ETag: etag(plan.Revision)}}, nil
	}
	return api.PutPlan200JSONResponse{Body: planView(plan), Headers: api.PutPlan200ResponseHeaders{ETag: etag(plan.Revision)}}, nil
}

func (o operations) DeletePlan(ctx context.Context, in api.DeletePlanRequestObject) (api.DeletePlanResponseObject, error) {
	revision, err := ifRevision(in.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := o.h.Admin.DeletePlan(ctx, callerOf(ctx), in.Org, in.Plan, revision); err != nil {
		return nil, err
	}
	return api.DeletePlan204Response{}, nil
}
