package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newIdentityCommand(c *cli) *cobra.Command {
	return newGroup(c, "identity", "Users of an application who log in with a public key",
		`  daypass identity list --group key_01k8dn1x7m4c3h8j6k2p5r9t0v
  daypass identity disable idn_01k8dn1x7m4c3h8j6k2p5r9t0v --comment "lost its phone"
  daypass identity forget idn_01k8dn1x7m4c3h8j6k2p5r9t0v`,
		newIdentityList(c), newIdentityShow(c), newIdentitySwitch(c, false), newIdentitySwitch(c, true), newIdentityForget(c))
}

func newIdentityList(c *cli) *cobra.Command {
	var (
		limit int
		key   string
	)
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List who has logged in with a public key",
		Example: "  daypass identity list\n  daypass identity list --group key_01k8dn1x7m4c3h8j6k2p5r9t0v --json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			list, more, err := pages(limit, func(size *int, cursor *string) ([]api.Identity, *string, error) {
				params := &api.ListIdentitiesParams{Limit: size, Cursor: cursor, Key: given(cmd.Flags(), "group", key)}
				page, err := daypass.Answer[api.IdentityList](client.ListIdentities(cmd.Context(), org, params))
				if err != nil {
					return nil, nil, err
				}
				return page.Items, page.NextCursor, nil
			})
			if err != nil {
				return err
			}
			return showList(c, list, more, "nobody has logged in with a public key yet; 'daypass key create --kind ug --scopes …' makes the key under which they do",
				[]string{"IDENTITY", "KEY", "ACTIVE", "COMMENT", "USED", "PUBLIC KEY"}, func(i api.Identity) []string {
					return []string{i.ID, tail(i.Key), yesNo(i.Active), i.Comment, cmp.Or(c.lastUsed(i.Accessed), "never"), i.PublicKey}
				})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	cmd.Flags().StringVar(&key, "group", "", "only those under the user-group key with this id")
	return cmd
}

func (c *cli) showIdentity(i *api.Identity) error {
	return c.show(i, func() {
		c.facts(
			fact{"identity", i.ID},
			fact{"public key", i.PublicKey},
			fact{"logs in under", i.Key},
			fact{"active", yesNo(i.Active)},
			fact{"comment", i.Comment},
			fact{"first login", c.moment(i.Created)},
			fact{"last pass", c.usedHow(i.Accessed)},
		)
	})
}

func newIdentityShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show IDENTITY-ID",
		Short:   "Show one",
		Example: "  daypass identity show idn_01k8dn1x7m4c3h8j6k2p5r9t0v",
		Args:    args("IDENTITY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			i, err := daypass.Answer[api.Identity](client.GetIdentity(cmd.Context(), org, arguments[0]))
			if err != nil {
				return err
			}
			return c.showIdentity(i)
		},
	}
}

func newIdentitySwitch(c *cli, active bool) *cobra.Command {
	var comment string
	cmd := &cobra.Command{
		Use:     "disable IDENTITY-ID",
		Short:   "Keep one out; its passes end at once",
		Example: "  daypass identity disable idn_01k8dn1x7m4c3h8j6k2p5r9t0v --comment \"lost its phone\"",
		Args:    args("IDENTITY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			body := api.IdentityUpdate{Active: &active, Comment: given(cmd.Flags(), "comment", comment)}
			i, err := daypass.Answer[api.Identity](client.UpdateIdentity(cmd.Context(), org, arguments[0], nil, body))
			if err != nil {
				return err
			}
			return c.showIdentity(i)
		},
	}
	if active {
		cmd.Use, cmd.Short = "enable IDENTITY-ID", "Let one in again; it has to log in anew"
		cmd.Example = "  daypass identity enable idn_01k8dn1x7m4c3h8j6k2p5r9t0v"
	}
	cmd.Flags().StringVar(&comment, "comment", "", "why, for those who administer")
	return cmd
}

func newIdentityForget(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "forget IDENTITY-ID",
		Short:   "Forget one; its passes end at once",
		Long:    "Forget one; its passes end at once. Its public key may log in again, as a new identity: to keep it out, disable it.",
		Example: "  daypass identity forget idn_01k8dn1x7m4c3h8j6k2p5r9t0v",
		Args:    args("IDENTITY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeleteIdentity(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("forgotten", arguments[0], "every pass of it is refused from now on")
		},
	}
}
