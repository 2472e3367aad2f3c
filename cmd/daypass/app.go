package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newAppCommand(c *cli) *cobra.Command {
	return newGroup(c, "app", "Applications: the APIs that are protected",
		`  daypass app put photos.yaml
  daypass app list
  daypass app update photos --active=false
  daypass app deny 203.0.113.7 --for 1h --reason "password guessing"`,
		newPut(c, "app"), newShadow(c, "app"), newAppList(c), newAppShow(c), newAppUpdate(c), newAppDelete(c),
		newAppDeny(c), newAppAllow(c), newAppUndeny(c), newAppDenied(c))
}

func listApplications(ctx context.Context, client *api.Client, org string, limit int) ([]api.Application, bool, error) {
	return pages(limit, func(size *int, cursor *string) ([]api.Application, *string, error) {
		page, err := daypass.Answer[api.ApplicationList](client.ListApplications(ctx, org, &api.ListApplicationsParams{Limit: size, Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
}

func newAppList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the organization's applications",
		Example: "  daypass app list",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			apps, more, err := listApplications(cmd.Context(), client, org, limit)
			if err != nil {
				return err
			}
			return showList(c, apps, more, "no applications yet; 'daypass app put FILE' makes one",
				[]string{"APPLICATION", "AUDIENCE", "ACTIVE", "CREATED", "ID"}, func(a api.Application) []string {
					return []string{a.Slug, a.Audience, yesNo(a.Active), c.ago(a.Created), a.ID}
				})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

func (c *cli) describeApp(a *api.Application) {
	c.facts(
		fact{"application", a.Slug},
		fact{"audience", a.Audience},
		fact{"id", a.ID},
		fact{"active", yesNo(a.Active)},
		fact{"in shadow mode", shadowWords[value(a.Shadow)]},
		fact{"created", c.moment(a.Created)},
	)
}

func newAppShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show APPLICATION",
		Short:   "Show one application; 'daypass resource show' prints its file",
		Example: "  daypass app show photos",
		Args:    args("APPLICATION"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			apps, _, err := listApplications(cmd.Context(), client, org, 0)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(apps, func(a api.Application) bool { return a.Slug == arguments[0] || a.ID == arguments[0] })
			if at < 0 {
				return failed("not_found", "there is no application %q in %s", arguments[0], org).advising("'daypass app list' shows which there are")
			}
			return c.show(apps[at], func() { c.describeApp(&apps[at]) })
		},
	}
}

func newAppUpdate(c *cli) *cobra.Command {
	var active bool
	cmd := &cobra.Command{
		Use:     "update APPLICATION --active=BOOL",
		Short:   "Switch an application off or on",
		Example: "  daypass app update photos --active=false",
		Args:    args("APPLICATION"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if !cmd.Flags().Changed("active") {
				return usage(cmd, "nothing to change: give --active")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			app, err := daypass.Answer[api.Application](client.UpdateApplication(cmd.Context(), org, arguments[0], nil, api.ApplicationUpdate{Active: active}))
			if err != nil {
				return err
			}
			return c.show(app, func() { c.describeApp(app) })
		},
	}
	cmd.Flags().BoolVar(&active, "active", true, "--active=false switches it off: all its requests are denied")
	return cmd
}

func newAppDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete APPLICATION",
		Short:   "Delete an application; its requests are denied from then on",
		Example: "  daypass app delete photos",
		Args:    args("APPLICATION"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeleteApplication(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("deleted", arguments[0], "its requests are denied from now on")
		},
	}
}
