package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newUserCommand(c *cli) *cobra.Command {
	return newGroup(c, "user", "People and machines",
		`  daypass user create --name "Photo backend" --roles developer
  daypass user list
  daypass user update usr_01k8dmgzh5v9w2rbt7cx4ay6pq --active=false`,
		newUserCreate(c), newUserList(c), newUserShow(c), newUserUpdate(c), newUserDelete(c),
		newUserInvite(c), newUserReset(c), newUserPassword(c))
}

func newUserCreate(c *cli) *cobra.Command {
	var (
		name, email, comment string
		roles                []string
	)
	cmd := &cobra.Command{
		Use:   "create --roles ROLE…",
		Short: "Make a user, its membership and its first key in one go",
		Long:  "Make a user, its membership and its first key in one go. The key's text is printed once, alone on the standard output.",
		Example: `  daypass user create --name "Photo backend" --roles developer
  daypass user create --name Ada --email ada@acme.example --roles application_manager@photos`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			if !flags.Changed("roles") {
				return usage(cmd, "--roles is missing: 'daypass role list' shows which there are")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			created, err := daypass.Answer[api.UserCreated](client.CreateUser(cmd.Context(), org, nil, api.UserCreate{
				Name:    given(flags, "name", name),
				Email:   given(flags, "email", email),
				Comment: given(flags, "comment", comment),
				Roles:   roles,
			}))
			if err != nil {
				return err
			}
			if c.json {
				return c.show(created, nil)
			}
			c.note("%s %s is %s in %s", paintFor(c.err, c.environ).green("✓"), created.User.ID, words(created.Membership.Roles), created.Membership.Organization)
			return c.showNewKey(&created.Key, "made for it")
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "of the person or machine")
	flags.StringVar(&email, "email", "", "address of the person")
	flags.StringVar(&comment, "comment", "", "note on the membership")
	listFlag(flags, &roles, "roles", "roles, as developer or developer@photos, with commas or repeated")
	return cmd
}

func newUserList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the users of the organization",
		Example: "  daypass user list",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			users, more, err := pages(limit, func(size *int, cursor *string) ([]api.User, *string, error) {
				page, err := daypass.Answer[api.UserList](client.ListUsers(cmd.Context(), org, &api.ListUsersParams{Limit: size, Cursor: cursor}))
				if err != nil {
					return nil, nil, err
				}
				return page.Items, page.NextCursor, nil
			})
			if err != nil {
				return err
			}
			return showList(c, users, more, "no users yet", []string{"USER", "NAME", "EMAIL", "ACTIVE", "CREATED"}, func(u api.User) []string {
				return []string{u.ID, u.Name, u.Email, yesNo(u.Active), c.ago(u.Created)}
			})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

func newUserShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show USER-ID",
		Short:   "Show one user",
		Example: "  daypass user show usr_01k8dmgzh5v9w2rbt7cx4ay6pq",
		Args:    args("USER-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			u, err := daypass.Answer[api.User](client.GetUser(cmd.Context(), org, arguments[0]))
			if err != nil {
				return err
			}
			return c.show(u, func() { c.describeUser(u) })
		},
	}
}

func (c *cli) describeUser(u *api.User) {
	c.facts(
		fact{"user", u.ID},
		fact{"name", cmp.Or(u.Name, "–")},
		fact{"email", u.Email},
		fact{"active", yesNo(u.Active)},
		fact{"created", c.moment(u.Created)},
	)
}

func newUserUpdate(c *cli) *cobra.Command {
	var (
		name, email string
		active      bool
	)
	cmd := &cobra.Command{
		Use:   "update USER-ID",
		Short: "Rename, disable or enable a user",
		Long:  "Rename, disable or enable a user. The keys and passes of a disabled user are refused from the next request on.",
		Example: `  daypass user update usr_01k8dmgzh5v9w2rbt7cx4ay6pq --name "Photo backend"
  daypass user update usr_01k8dmgzh5v9w2rbt7cx4ay6pq --active=false`,
		Args: args("USER-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			flags := cmd.Flags()
			body := api.UserUpdate{Name: given(flags, "name", name), Email: given(flags, "email", email), Active: given(flags, "active", active)}
			if body == (api.UserUpdate{}) {
				return usage(cmd, "nothing to change: give --name, --email or --active")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			u, err := daypass.Answer[api.User](client.UpdateUser(cmd.Context(), org, arguments[0], nil, body))
			if err != nil {
				return err
			}
			return c.show(u, func() { c.describeUser(u) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "of the person or machine")
	flags.StringVar(&email, "email", "", "address of the person")
	flags.BoolVar(&active, "active", true, "--active=false disables")
	return cmd
}

func newUserDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete USER-ID",
		Short:   "Delete a user with its memberships and keys",
		Example: "  daypass user delete usr_01k8dmgzh5v9w2rbt7cx4ay6pq",
		Args:    args("USER-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeleteUser(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("deleted", arguments[0], "its keys and passes are refused from now on")
		},
	}
}
