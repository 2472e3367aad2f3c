package main

import (
	"cmp"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newMemberCommand(c *cli) *cobra.Command {
	return newGroup(c, "member", "Who is in an organization, as what",
		`  daypass member list
  daypass member set usr_01k8dmgzh5v9w2rbt7cx4ay6pq --roles developer --roles application_manager@photos
  daypass member remove usr_01k8dmgzh5v9w2rbt7cx4ay6pq`,
		newMemberList(c), newMemberSet(c), newMemberRemove(c))
}

func newMemberList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the members of the organization with their roles",
		Example: "  daypass member list --org acme",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			members, more, err := pages(limit, func(size *int, cursor *string) ([]api.Membership, *string, error) {
				page, err := daypass.Answer[api.MembershipList](client.ListMemberships(cmd.Context(), org, &api.ListMembershipsParams{Limit: size, Cursor: cursor}))
				if err != nil {
					return nil, nil, err
				}
				return page.Items, page.NextCursor, nil
			})
			if err != nil {
				return err
			}
			return showList(c, members, more, "no members yet", []string{"USER", "ROLES", "ACTIVE", "COMMENT", "LAST ACCESS"}, func(m api.Membership) []string {
				return []string{m.User, words(m.Roles), yesNo(m.Active), m.Comment, cmp.Or(c.lastUsed(m.LastAccess), "never")}
			})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

func newMemberSet(c *cli) *cobra.Command {
	var (
		roles   []string
		comment string
		plan    string
		active  bool
	)
	cmd := &cobra.Command{
		Use:   "set USER-ID --roles ROLE…",
		Short: "Give a user a place in the organization, or change it",
		Long: `Give a user, also one of another organization, a place in this one, or change it.
The roles given are all that it holds afterwards.`,
		Example: `  daypass member set usr_01k8dmgzh5v9w2rbt7cx4ay6pq --roles developer
  daypass member set usr_01k8dmgzh5v9w2rbt7cx4ay6pq --roles consumer@photos --active=false`,
		Args: args("USER-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			flags := cmd.Flags()
			if !flags.Changed("roles") {
				return usage(cmd, "--roles is missing: name all roles the user is to hold")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			response, err := client.PutMembership(cmd.Context(), org, arguments[0], nil, api.MembershipPut{
				Roles:   roles,
				Comment: given(flags, "comment", comment),
				Active:  given(flags, "active", active),
				Plan:    given(flags, "plan", plan),
			})
			m, err := daypass.Answer[api.Membership](response, err)
			if err != nil {
				return err
			}
			if m == nil { // 204: it was just so
				if m, err = daypass.Answer[api.Membership](client.GetMembership(cmd.Context(), org, arguments[0])); err != nil {
					return err
				}
			}
			return c.showMembership(m, response.StatusCode)
		},
	}
	flags := cmd.Flags()
	listFlag(flags, &roles, "roles", "roles, as developer or developer@photos, with commas or repeated")
	flags.StringVar(&comment, "comment", "", "note on the membership; stays as it is unless given")
	flags.StringVar(&plan, "plan", "", "the plan whose limits hold for its keys; stays as it is unless given")
	flags.BoolVar(&active, "active", true, "--active=false suspends the membership")
	return cmd
}

func (c *cli) showMembership(m *api.Membership, status int) error {
	done := map[int]string{http.StatusCreated: "is new here", http.StatusOK: "was changed", http.StatusNoContent: "was just so already"}[status]
	return c.show(m, func() {
		c.say("%s %s %s", c.paint.green("✓"), line(m.User), done)
		c.facts(
			fact{"organization", m.Organization},
			fact{"roles", words(m.Roles)},
			fact{"active", yesNo(m.Active)},
			fact{"plan", value(m.Plan)},
			fact{"comment", m.Comment},
		)
	})
}

func newMemberRemove(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "remove USER-ID",
		Short:   "End a user's place here, with its keys of this organization",
		Example: "  daypass member remove usr_01k8dmgzh5v9w2rbt7cx4ay6pq",
		Args:    args("USER-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeleteMembership(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("removed", arguments[0], "its passes for "+org+" are refused from now on")
		},
	}
}
