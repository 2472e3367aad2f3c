package main

import (
	"context"
	"fmt"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
)

// planYAML is a plan's file; its limits are written as in a resource file.
type planYAML struct {
	Name   string      `yaml:"name,omitempty"`
	Limits []limitYAML `yaml:"limits"`
}

type limitYAML struct {
	Rate  string `yaml:"rate,omitempty"`
	Burst int64  `yaml:"burst,omitempty"`
	Quota string `yaml:"quota,omitempty"`
	Bytes string `yaml:"bytes,omitempty"`
	Body  string `yaml:"body,omitempty"`
	Per   string `yaml:"per,omitempty"`
}

func readPlans(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) {
	plans, _, err := listPlans(ctx, client, org, 0)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, p := range plans {
		file := planYAML{Name: p.Name}
		for _, l := range p.Limits {
			file.Limits = append(file.Limits, limitYAML{value(l.Rate), value(l.Burst), value(l.Quota), value(l.Bytes), value(l.Body), string(value(l.Per))})
		}
		if texts[p.Slug], err = asYAML(file); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func checkPlan(_, name string, text []byte) ([]byte, error) {
	var plan planYAML
	if err := strictYAML(text, &plan); err != nil {
		return nil, err
	}
	if !access.ValidSlug(name) {
		return nil, fmt.Errorf("%q is no name of a plan", name)
	}
	for i, l := range plan.Limits {
		limit, err := access.LimitText{Rate: l.Rate, Burst: l.Burst, Quota: l.Quota, Bytes: l.Bytes, Body: l.Body, Per: l.Per}.Parse()
		if err != nil {
			return nil, err
		}
		t := limit.Text()
		plan.Limits[i] = limitYAML{t.Rate, t.Burst, t.Quota, t.Bytes, t.Body, t.Per}
	}
	return asYAML(plan)
}

func writePlan(ctx context.Context, e *edit) error {
	var plan planYAML
	if err := strictYAML(e.after, &plan); err != nil {
		return err
	}
	put := api.PlanPut{Name: &plan.Name, Limits: []api.LimitRule{}}
	for _, l := range plan.Limits {
		put.Limits = append(put.Limits, api.LimitRule{
			Rate: unlessZero(l.Rate), Burst: unlessZero(l.Burst), Quota: unlessZero(l.Quota), Bytes: unlessZero(l.Bytes), Body: unlessZero(l.Body),
			Per: unlessZero(api.LimitRulePer(l.Per)),
		})
	}
	return daypass.Done(e.client.PutPlan(ctx, e.org, e.name, nil, put))
}

func removePlan(ctx context.Context, e *edit) error {
	return daypass.Done(e.client.DeletePlan(ctx, e.org, e.name, nil))
}

// unlessZero leaves out what the file does not say.
func unlessZero[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}
