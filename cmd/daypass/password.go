package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newUserInvite(c *cli) *cobra.Command {
	return newPasswordLink(c, &cobra.Command{
		Use:     "invite USER-ID",
		Short:   "Invite a user to choose a password",
		Long:    "Invite a user to choose a password and log in by its e-mail address.\nThe link is mailed there; where the server has no mail set up, it is printed once,\nalone on the standard output.",
		Example: "  daypass user invite usr_01k8dmgzh5v9w2rbt7cx4ay6pq",
	}, "invitation", func(cmd *cobra.Command, client *api.Client, org, user string) (*api.PasswordLink, error) {
		return daypass.Answer[api.PasswordLink](client.InviteUser(cmd.Context(), org, user))
	})
}

func newUserReset(c *cli) *cobra.Command {
	return newPasswordLink(c, &cobra.Command{
		Use:     "reset USER-ID",
		Short:   "Send a user a link to set a new password",
		Long:    "Send a user a link to set a new password. The one there is works until the\nlink is used; then every session of the user ends.",
		Example: "  daypass user reset usr_01k8dmgzh5v9w2rbt7cx4ay6pq",
	}, "reset", func(cmd *cobra.Command, client *api.Client, org, user string) (*api.PasswordLink, error) {
		return daypass.Answer[api.PasswordLink](client.ResetPassword(cmd.Context(), org, user))
	})
}

func newPasswordLink(c *cli, cmd *cobra.Command, what string, ask func(cmd *cobra.Command, client *api.Client, org, user string) (*api.PasswordLink, error)) *cobra.Command {
	cmd.Args = args("USER-ID")
	cmd.RunE = func(cmd *cobra.Command, arguments []string) error {
		client, org, err := c.session(cmd)
		if err != nil {
			return err
		}
		link, err := ask(cmd, client, org, arguments[0])
		if err != nil {
			return err
		}
		return c.show(link, func() {
			ok := paintFor(c.err, c.environ).green("✓")
			if link.SentTo != nil {
				c.note("%s %s sent to %s, good until %s", ok, what, *link.SentTo, c.moment(link.Expires))
				return
			}
			c.note("%s %s made, good once until %s; hand this link to the user:", ok, what, c.moment(link.Expires))
			c.say("%s", *link.Link)
		})
	}
	return cmd
}

func newUserPassword(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "password",
		Short: "Change your own password",
		Long:  "Change your own password. The old and the new one are read from the standard input,\na line each. Every session of yours ends.",
		Example: `  printf '%s\n' "$OLD" "$NEW" | daypass user password
  daypass user password < both-passwords`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := c.readUpTo("-", 16<<10)
			if err != nil {
				return err
			}
			old, next, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), "\n")
			old, next = strings.TrimSuffix(old, "\r"), strings.TrimSuffix(next, "\r")
			if old == "" || next == "" || strings.Contains(next, "\n") {
				return usage(cmd, "write the old password and the new one to the standard input, a line each")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			me, err := daypass.Answer[api.Me](client.GetMe(cmd.Context()))
			if err != nil {
				return err
			}
			if err := daypass.Done(client.SetPassword(cmd.Context(), org, me.User.ID, api.PasswordPut{OldPassword: old, Password: next})); err != nil {
				return err
			}
			return c.showEnded("changed", "password", "every session from before is over")
		},
	}
}

func newSessionCommand(c *cli) *cobra.Command {
	return newGroup(c, "session", "Where users are logged in",
		`  daypass session list usr_01k8dmgzh5v9w2rbt7cx4ay6pq
  daypass session end usr_01k8dmgzh5v9w2rbt7cx4ay6pq`,
		newSessionList(c), newSessionEnd(c))
}

func newSessionList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list USER-ID",
		Short:   "List the sessions of a user",
		Example: "  daypass session list usr_01k8dmgzh5v9w2rbt7cx4ay6pq",
		Args:    args("USER-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			sessions, more, err := pages(limit, func(size *int, cursor *string) ([]api.Session, *string, error) {
				page, err := daypass.Answer[api.SessionList](client.ListSessions(cmd.Context(), org, arguments[0], &api.ListSessionsParams{Limit: size, Cursor: cursor}))
				if err != nil {
					return nil, nil, err
				}
				return page.Items, page.NextCursor, nil
			})
			if err != nil {
				return err
			}
			return showList(c, sessions, more, "not logged in anywhere", []string{"SESSION", "SINCE", "LAST USED", "FROM"}, func(n api.Session) []string {
				from := ""
				if n.Used.Address != nil {
					from = *n.Used.Address
				}
				return []string{n.ID, c.ago(n.Created), c.ago(n.Used.Time), cmp.Or(from, "–")}
			})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

func newSessionEnd(c *cli) *cobra.Command {
	var session string
	cmd := &cobra.Command{
		Use:   "end USER-ID",
		Short: "End all sessions of a user, or one",
		Example: `  daypass session end usr_01k8dmgzh5v9w2rbt7cx4ay6pq
  daypass session end usr_01k8dmgzh5v9w2rbt7cx4ay6pq --session ses_01k8dmh0c3x7p2t5v8w1y4z6ab`,
		Args: args("USER-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			const over = "their passes are refused from now on"
			if session == "" {
				if err := daypass.Done(client.EndSessions(cmd.Context(), org, arguments[0])); err != nil {
					return err
				}
				return c.showEnded("ended", "all sessions of "+arguments[0], over)
			}
			if err := daypass.Done(client.EndSession(cmd.Context(), org, arguments[0], session)); err != nil {
				return err
			}
			return c.showEnded("ended", session, over)
		},
	}
	cmd.Flags().StringVar(&session, "session", "", "id of the one to end")
	return cmd
}
