package main

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newPlanCommand(c *cli) *cobra.Command {
	return newGroup(c, "plan", "Plans: named limits that keys and members hold",
		`  daypass plan set gold --limit rate=100/m,burst=20 --limit quota=10000/d
  daypass key update key_01k8dn1x7m4c3h8j6k2p5r9t0v --plan gold
  daypass plan list`,
		newPlanSet(c), newPlanList(c), newPlanShow(c), newPlanDelete(c))
}

func newPlanSet(c *cli) *cobra.Command {
	var (
		name   string
		limits []string
	)
	cmd := &cobra.Command{
		Use:   "set NAME --limit LIMIT…",
		Short: "Make a plan, or change it",
		Long: `Make a plan, or change it; it holds from the next request on. A limit is written as in a resource file:

  rate=100/m     requests per s, m, h or d       burst=20       how many of them at once
  quota=10000/d  requests per UTC day or month   bytes=1GiB/d   of bodies, to and fro
  body=10MiB     longest body of a request       per=key        or member, subject, organization, address, application

Without per, the key or the member that holds the plan is counted.`,
		Example: `  daypass plan set gold --limit rate=100/m,burst=20 --limit quota=10000/d
  daypass plan set trial --name "Trial month" --limit quota=1000/month,per=organization`,
		Args: args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if len(limits) == 0 {
				return usage(cmd, "--limit is missing: write one as rate=100/m")
			}
			put := api.PlanPut{Name: given(cmd.Flags(), "name", name)}
			for _, text := range limits {
				rule, err := parseLimit(cmd, text)
				if err != nil {
					return err
				}
				put.Limits = append(put.Limits, rule)
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			plan, err := daypass.Answer[api.Plan](client.PutPlan(cmd.Context(), org, arguments[0], nil, put))
			if err != nil {
				return err
			}
			return c.showPlan(plan)
		},
	}
	cmd.Flags().StringArrayVar(&limits, "limit", nil, "a limit, as rate=100/m,burst=20,per=key; may be repeated")
	cmd.Flags().StringVar(&name, "name", "", "for people")
	return cmd
}

// parseLimit reads members with commas between them; what they may be is the server's to say.
func parseLimit(cmd *cobra.Command, text string) (rule api.LimitRule, err error) {
	members := map[string]**string{"rate": &rule.Rate, "body": &rule.Body, "bytes": &rule.Bytes, "quota": &rule.Quota}
	for _, member := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		into, known := members[name]
		switch {
		case value == "":
			return rule, usage(cmd, "--limit %q: write each part as rate=100/m", text)
		case known:
			*into = &value
		case name == "per":
			per := api.LimitRulePer(value)
			rule.Per = &per
		case name == "burst":
			burst, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return rule, usage(cmd, "--limit %q: burst is a number, as in burst=20", text)
			}
			rule.Burst = &burst
		default:
			return rule, usage(cmd, "--limit %q: there is rate, burst, per, body, bytes and quota, not %q", text, name)
		}
	}
	return rule, nil
}

func limitWords(l api.LimitRule) string {
	var parts []string
	for _, part := range []struct{ name, value string }{
		{"rate", value(l.Rate)}, {"burst", cmp.Or(strings.TrimPrefix(strconv.FormatInt(value(l.Burst), 10), "0"), "")}, {"quota", value(l.Quota)},
		{"bytes", value(l.Bytes)}, {"body", value(l.Body)}, {"per", string(value(l.Per))},
	} {
		if part.value != "" {
			parts = append(parts, part.name+"="+part.value)
		}
	}
	return strings.Join(parts, ",")
}

func planWords(p api.Plan) string {
	var limits []string
	for _, l := range p.Limits {
		limits = append(limits, limitWords(l))
	}
	return words(limits)
}

func (c *cli) showPlan(p *api.Plan) error {
	return c.show(p, func() {
		c.facts(fact{"plan", p.Slug}, fact{"name", p.Name}, fact{"limits", planWords(*p)})
	})
}

func listPlans(ctx context.Context, client *api.Client, org string, limit int) ([]api.Plan, bool, error) {
	return pages(limit, func(size *int, cursor *string) ([]api.Plan, *string, error) {
		page, err := daypass.Answer[api.PlanList](client.ListPlans(ctx, org, &api.ListPlansParams{Limit: size, Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
}

func newPlanList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the organization's plans",
		Example: "  daypass plan list",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			plans, more, err := listPlans(cmd.Context(), client, org, limit)
			if err != nil {
				return err
			}
			return showList(c, plans, more, "no plans yet; 'daypass plan set NAME --limit rate=100/m' makes one", []string{"PLAN", "NAME", "LIMITS"}, func(p api.Plan) []string {
				return []string{p.Slug, p.Name, planWords(p)}
			})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

func newPlanShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show one plan",
		Example: "  daypass plan show gold",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			plan, err := daypass.Answer[api.Plan](client.GetPlan(cmd.Context(), org, arguments[0]))
			if err != nil {
				return err
			}
			return c.showPlan(plan)
		},
	}
}

func newPlanDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a plan that nobody holds",
		Example: "  daypass plan delete gold",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeletePlan(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("deleted", arguments[0], "nobody held it")
		},
	}
}

func newKeyUpdate(c *cli) *cobra.Command {
	var plan, publicKey string
	cmd := &cobra.Command{
		Use:   "update KEY-ID",
		Short: "Give a key another plan or public key; an empty one takes it away",
		Example: "  daypass key update key_01k8dn1x7m4c3h8j6k2p5r9t0v --plan gold\n  daypass key update key_01k8dn1x7m4c3h8j6k2p5r9t0v --plan ''\n" +
			"  daypass key update key_01k8dn1x7m4c3h8j6k2p5r9t0v --public-key jwk.json",
		Args: args("KEY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			flags := cmd.Flags()
			if !flags.Changed("plan") && !flags.Changed("public-key") {
				return usage(cmd, "say what to change: --plan NAME, which 'daypass plan list' shows, or --public-key FILE")
			}
			jwk, err := publicKeyFile(flags, publicKey)
			if err != nil {
				return err
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			k, err := daypass.Answer[api.Key](client.UpdateKey(cmd.Context(), org, arguments[0], nil, api.KeyUpdate{Plan: given(flags, "plan", plan), PublicKey: jwk}))
			if err != nil {
				return err
			}
			return c.show(k, func() { c.describeKey(k) })
		},
	}
	cmd.Flags().StringVar(&plan, "plan", "", "the plan it is to hold")
	publicKeyFlag(cmd.Flags(), &publicKey)
	return cmd
}
