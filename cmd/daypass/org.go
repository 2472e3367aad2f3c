package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newOrgCommand(c *cli) *cobra.Command {
	return newGroup(c, "org", "Organizations",
		`  daypass org list
  daypass org create globex --name "Globex Corporation"
  daypass org update globex --active=false`,
		newOrgCreate(c), newOrgList(c), newOrgShow(c), newOrgUpdate(c))
}

func newOrgCreate(c *cli) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "create SLUG",
		Short:   "Found an organization (administrators)",
		Long:    "Found an organization. Its slug (lower-case letters, digits, hyphens) is for good: it stands in audiences and addresses.",
		Example: `  daypass org create globex --name "Globex Corporation"`,
		Args:    args("SLUG"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			org, err := daypass.Answer[api.Organization](client.API().CreateOrganization(cmd.Context(), nil, api.OrganizationCreate{
				Slug: arguments[0],
				Name: given(cmd.Flags(), "name", name),
			}))
			if err != nil {
				return err
			}
			return c.show(org, func() { c.describeOrg(org) })
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "as people write it; default: the slug")
	return cmd
}

func (c *cli) describeOrg(o *api.Organization) {
	c.facts(
		fact{"organization", o.Slug},
		fact{"name", o.Name},
		fact{"id", o.ID},
		fact{"active", yesNo(o.Active)},
		fact{"created", c.moment(o.Created)},
	)
}

func listOrganizations(ctx context.Context, client *api.Client, limit int) ([]api.Organization, bool, error) {
	return pages(limit, func(size *int, cursor *string) ([]api.Organization, *string, error) {
		page, err := daypass.Answer[api.OrganizationList](client.ListOrganizations(ctx, &api.ListOrganizationsParams{Limit: size, Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
}

func newOrgList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the organizations you can see",
		Example: "  daypass org list",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			orgs, more, err := listOrganizations(cmd.Context(), client.API(), limit)
			if err != nil {
				return err
			}
			return showList(c, orgs, more, "no organizations", []string{"ORGANIZATION", "NAME", "ACTIVE", "CREATED", "ID"}, func(o api.Organization) []string {
				return []string{o.Slug, o.Name, yesNo(o.Active), c.ago(o.Created), o.ID}
			})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

// orgArgument is the organization that was named as an argument, else [cli.organization].
func (c *cli) orgArgument(cmd *cobra.Command, arguments []string) (*api.Client, string, error) {
	if len(arguments) == 1 {
		c.settings.Org = arguments[0]
	}
	return c.session(cmd)
}

func newOrgShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show [ORG]",
		Short:   "Show one organization; your own unless named",
		Example: "  daypass org show\n  daypass org show acme",
		Args:    optional,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, slug, err := c.orgArgument(cmd, arguments)
			if err != nil {
				return err
			}
			org, err := daypass.Answer[api.Organization](client.GetOrganization(cmd.Context(), slug))
			if err != nil {
				return err
			}
			return c.show(org, func() { c.describeOrg(org) })
		},
	}
}

func newOrgUpdate(c *cli) *cobra.Command {
	var (
		name   string
		active bool
	)
	cmd := &cobra.Command{
		Use:     "update [ORG]",
		Short:   "Rename, disable or enable an organization",
		Long:    "Rename, disable or enable an organization. All keys and passes of a disabled one are refused from the next request on.",
		Example: "  daypass org update acme --name 'Acme Photographs'\n  daypass org update globex --active=false",
		Args:    optional,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			body := api.OrganizationUpdate{Name: given(cmd.Flags(), "name", name), Active: given(cmd.Flags(), "active", active)}
			if body == (api.OrganizationUpdate{}) {
				return usage(cmd, "nothing to change: give --name or --active")
			}
			client, slug, err := c.orgArgument(cmd, arguments)
			if err != nil {
				return err
			}
			org, err := daypass.Answer[api.Organization](client.UpdateOrganization(cmd.Context(), slug, nil, body))
			if err != nil {
				return err
			}
			return c.show(org, func() { c.describeOrg(org) })
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "as people write it")
	cmd.Flags().BoolVar(&active, "active", true, "--active=false disables (administrators)")
	return cmd
}
