package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newRoleCommand(c *cli) *cobra.Command {
	return newGroup(c, "role", "Roles: the built-in ones and the organization's own",
		`  daypass role list
  daypass role set viewer --scopes photos:read --comment "Looks only"
  daypass role delete viewer`,
		newRoleList(c), newRoleSet(c), newRoleDelete(c))
}

func listRoles(ctx context.Context, client *api.Client, org string, limit int) ([]api.Role, bool, error) {
	return pages(limit, func(size *int, cursor *string) ([]api.Role, *string, error) {
		page, err := daypass.Answer[api.RoleList](client.ListRoles(ctx, org, &api.ListRolesParams{Limit: size, Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
}

func newRoleList(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the roles there are",
		Example: "  daypass role list",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			roles, _, err := listRoles(cmd.Context(), client, org, 0)
			if err != nil {
				return err
			}
			return showList(c, roles, false, "no roles", []string{"ROLE", "BUILT IN", "SCOPES", "COMMENT"}, func(r api.Role) []string {
				return []string{r.Name, yesNo(r.Builtin), words(r.Scopes), r.Comment}
			})
		},
	}
}

func newRoleSet(c *cli) *cobra.Command {
	var (
		scopes  []string
		comment string
	)
	cmd := &cobra.Command{
		Use:     "set NAME --scopes SCOPE…",
		Short:   "Define a role of the organization's own, or change it",
		Long:    "Define a role of the organization's own: a named set of scopes. Taking scopes away ends the passes of its holders.",
		Example: `  daypass role set viewer --scopes photos:read --scopes albums:read --comment "Looks only"`,
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			flags := cmd.Flags()
			if !flags.Changed("scopes") {
				return usage(cmd, "--scopes is missing: name all that the role may do")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			role, err := daypass.Answer[api.Role](client.PutRole(cmd.Context(), org, arguments[0], nil, api.RolePut{
				Scopes:  scopes,
				Comment: given(flags, "comment", comment),
			}))
			if err != nil {
				return err
			}
			return c.show(role, func() {
				c.facts(fact{"role", role.Name}, fact{"scopes", cmp.Or(words(role.Scopes), "none")}, fact{"comment", role.Comment})
			})
		},
	}
	listFlag(cmd.Flags(), &scopes, "scopes", "what its holders may do, with commas or repeated")
	cmd.Flags().StringVar(&comment, "comment", "", "what it is for")
	return cmd
}

func newRoleDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a role of the organization's own that nobody holds",
		Example: "  daypass role delete viewer",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeleteRole(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("deleted", arguments[0], "nobody held it")
		},
	}
}
