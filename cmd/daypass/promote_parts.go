package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
	plans, _, err := pages(0, func(size *int, cursor *string) ([]api.Plan, *string, error) {
		page, err := daypass.Answer[api.PlanList](client.ListPlans(ctx, org, &api.ListPlansParams{Limit: size, Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
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

func writePlan(ctx context.Context, client *api.Client, org, name string, text []byte) error {
	var plan planYAML
	if err := strictYAML(text, &plan); err != nil {
		return err
	}
	put := api.PlanPut{Name: &plan.Name, Limits: []api.LimitRule{}}
	for _, l := range plan.Limits {
		put.Limits = append(put.Limits, api.LimitRule{
			Rate: unlessZero(l.Rate), Burst: unlessZero(l.Burst), Quota: unlessZero(l.Quota), Bytes: unlessZero(l.Bytes), Body: unlessZero(l.Body),
			Per: unlessZero(api.LimitRulePer(l.Per)),
		})
	}
	return daypass.Done(client.PutPlan(ctx, org, name, nil, put))
}

func removePlan(ctx context.Context, client *api.Client, org, name string) error {
	return daypass.Done(client.DeletePlan(ctx, org, name, nil))
}

// unlessZero leaves out what the file does not say.
func unlessZero[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

// networkYAML is one line of an application's list of networks. What ends by itself is not in the file: a ban of an hour
// is nobody's configuration.
type networkYAML struct {
	Network string `yaml:"network"`
	Action  string `yaml:"action"`
	Reason  string `yaml:"reason,omitempty"`
}

func networksOf(ctx context.Context, client *api.Client, org, app string) ([]api.NetworkEntry, error) {
	entries, _, err := pages(0, func(size *int, cursor *string) ([]api.NetworkEntry, *string, error) {
		page, err := daypass.Answer[api.NetworkList](client.ListNetworks(ctx, org, app, &api.ListNetworksParams{Limit: size, Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
	return entries, err
}

func readNetworks(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) {
	apps, _, err := applications(ctx, client, org, 0)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, a := range apps {
		entries, err := networksOf(ctx, client, org, a.Slug)
		if err != nil {
			return nil, err
		}
		var file []networkYAML
		for _, e := range entries {
			if e.Expires == nil {
				file = append(file, networkYAML{e.Network, string(e.Action), e.Reason})
			}
		}
		if len(file) == 0 {
			continue
		}
		if texts[a.Slug], err = asYAML(inOrder(file)); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func inOrder(file []networkYAML) []networkYAML {
	slices.SortFunc(file, func(a, b networkYAML) int { return strings.Compare(a.Network, b.Network) })
	return file
}

func checkNetworks(_, _ string, text []byte) ([]byte, error) {
	var file []networkYAML
	if err := strictYAML(text, &file); err != nil {
		return nil, err
	}
	for i, e := range file {
		network, err := access.ParseNetwork(e.Network)
		if err != nil {
			return nil, fmt.Errorf("%q: %s", e.Network, safeText(err))
		}
		file[i].Network = access.FormatNetwork(network)
		if e.Action == "" {
			file[i].Action = "deny"
		}
		if !slices.Contains([]string{"deny", "allow"}, file[i].Action) {
			return nil, fmt.Errorf("%q: an action is deny or allow", e.Network)
		}
	}
	return asYAML(inOrder(file))
}

// writeNetworks puts the whole list; entries with an end stay in it.
func writeNetworks(ctx context.Context, client *api.Client, org, app string, text []byte) error {
	var file []networkYAML
	if err := strictYAML(text, &file); err != nil {
		return err
	}
	now, err := networksOf(ctx, client, org, app)
	if err != nil {
		return err
	}
	list := api.NetworkItems{Items: []api.NetworkItem{}}
	for _, e := range file {
		action := api.NetworkAction(e.Action)
		list.Items = append(list.Items, api.NetworkItem{Network: e.Network, Action: &action, Reason: &e.Reason})
	}
	for _, e := range now {
		if e.Expires != nil && !slices.ContainsFunc(file, func(f networkYAML) bool { return f.Network == e.Network }) {
			list.Items = append(list.Items, api.NetworkItem{Network: e.Network, Action: &e.Action, Reason: &e.Reason, Expires: e.Expires})
		}
	}
	return daypass.Done(client.ReplaceNetworks(ctx, org, app, list))
}

func removeNetworks(ctx context.Context, client *api.Client, org, app string) error {
	return writeNetworks(ctx, client, org, app, []byte("[]"))
}
