package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

// networkTarget is whose list of networks a command is about.
type networkTarget struct {
	app        string
	everywhere bool
}

func (t *networkTarget) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&t.app, "app", "", "the application; not needed where the organization has only one")
	flags.BoolVar(&t.everywhere, "everywhere", false, "for every application of the server (administrators)")
}

// networkList is one list on the server.
type networkList struct {
	client   *api.Client
	org, app string // app is empty for the platform's list
}

func (l networkList) name() string {
	if l.app == "" {
		return "every application"
	}
	return l.org + "/" + l.app
}

func (c *cli) networkList(cmd *cobra.Command, t networkTarget) (networkList, error) {
	if t.everywhere && t.app != "" {
		return networkList{}, usage(cmd, "--app and --everywhere exclude each other")
	}
	if t.everywhere {
		client, err := c.client()
		if err != nil {
			return networkList{}, err
		}
		return networkList{client: client.API()}, nil
	}
	client, org, err := c.session(cmd)
	if err != nil || t.app != "" {
		return networkList{client, org, t.app}, err
	}
	apps, _, err := listApplications(cmd.Context(), client, org, 2)
	if err != nil {
		return networkList{}, err
	}
	if len(apps) != 1 {
		return networkList{}, usage(cmd, "name the application with --app; 'daypass app list' shows which there are")
	}
	return networkList{client, org, apps[0].Slug}, nil
}

func (l networkList) add(ctx context.Context, items []api.NetworkItem) (*api.NetworkOutcome, error) {
	body := api.NetworkItems{Items: items}
	if l.app == "" {
		return daypass.Answer[api.NetworkOutcome](l.client.AddPlatformNetworks(ctx, nil, body))
	}
	return daypass.Answer[api.NetworkOutcome](l.client.AddNetworks(ctx, l.org, l.app, nil, body))
}

func (l networkList) remove(ctx context.Context, network string, tag *string) error {
	if l.app == "" {
		return daypass.Done(l.client.DeletePlatformNetwork(ctx, network, &api.DeletePlatformNetworkParams{IfMatch: tag}))
	}
	return daypass.Done(l.client.DeleteNetwork(ctx, l.org, l.app, network, &api.DeleteNetworkParams{IfMatch: tag}))
}

func (l networkList) page(ctx context.Context, address *string, size *int, cursor *string) (*api.NetworkList, error) {
	if l.app == "" {
		return daypass.Answer[api.NetworkList](l.client.ListPlatformNetworks(ctx, &api.ListPlatformNetworksParams{Limit: size, Cursor: cursor, Address: address}))
	}
	return daypass.Answer[api.NetworkList](l.client.ListNetworks(ctx, l.org, l.app, &api.ListNetworksParams{Limit: size, Cursor: cursor, Address: address}))
}

// entries are those of the list, or of them the ones that hold an address; limit as for [pages].
func (l networkList) entries(ctx context.Context, address *string, limit int) ([]api.NetworkEntry, bool, error) {
	return pages(limit, func(size *int, cursor *string) ([]api.NetworkEntry, *string, error) {
		page, err := l.page(ctx, address, size, cursor)
		if err != nil {
			return nil, nil, err
		}
		return page.Items, page.NextCursor, nil
	})
}

// networkBatch is how many entries go into one call: with reasons of any length, no more than the server takes.
const networkBatch = 2000

// addresses are the arguments, or for "-" the words of the standard input, without what follows a '#'.
func (c *cli) addresses(cmd *cobra.Command, arguments []string) ([]string, error) {
	if len(arguments) != 1 || arguments[0] != "-" {
		return arguments, nil
	}
	text, err := c.readInput("-")
	if err != nil {
		return nil, err
	}
	var list []string
	for _, l := range strings.Split(string(text), "\n") {
		l, _, _ = strings.Cut(l, "#")
		list = append(list, strings.Fields(l)...)
	}
	if len(list) == 0 {
		return nil, usage(cmd, "there is no address on the standard input")
	}
	return list, nil
}

func atLeastOneAddress(cmd *cobra.Command, arguments []string) error {
	if len(arguments) == 0 {
		return usage(cmd, "ADDRESS is missing: write an address (203.0.113.7) or a network (203.0.113.0/24), or '-' to read them from the standard input")
	}
	return nil
}

func newAppDeny(c *cli) *cobra.Command {
	return newNetworkPut(c, api.NetworkActionDeny, &cobra.Command{
		Use:   "deny ADDRESS…",
		Short: "Deny addresses and networks",
		Long: `Deny addresses and networks, from the next request on. Denial wins over everything that allows them. One that is
denied already gets the new end and reason, unless it would end sooner: 'daypass app undeny' ends it. With '-' they
are read from the standard input, one or more on a line.`,
		Example: `  daypass app deny 203.0.113.7 --for 1h --reason "password guessing"
  daypass app deny 203.0.113.0/24 2001:db8:bad::/48 --app photos
  daypass app deny - --everywhere --for 7d --reason botnet < addresses.txt`,
	})
}

func newAppAllow(c *cli) *cobra.Command {
	return newNetworkPut(c, api.NetworkActionAllow, &cobra.Command{
		Use:   "allow ADDRESS…",
		Short: "Allow addresses beside the allow_networks of the resource file",
		Long: `Allow addresses and networks beside the allow_networks of the resource file, for a while or for good. Where the file
has none, everybody is let in who is not denied, and this is refused. What is denied stays denied until
'daypass app undeny'.`,
		Example: `  daypass app allow 198.51.100.7 --for 3d --reason "the auditor at home"
  daypass app allow 198.51.100.0/24 --app photos`,
	})
}

func newNetworkPut(c *cli, action api.NetworkAction, cmd *cobra.Command) *cobra.Command {
	var (
		target networkTarget
		life   seconds
		reason string
	)
	cmd.Args = atLeastOneAddress
	cmd.RunE = func(cmd *cobra.Command, arguments []string) error {
		networks, err := c.addresses(cmd, arguments)
		if err != nil {
			return err
		}
		list, err := c.networkList(cmd, target)
		if err != nil {
			return err
		}
		var did api.NetworkOutcome
		for batch := range slices.Chunk(networks, networkBatch) {
			items := make([]api.NetworkItem, len(batch))
			for i, network := range batch {
				items[i] = api.NetworkItem{
					Network: network, Action: &action,
					ExpiresIn: given(cmd.Flags(), "for", int64(life)), Reason: given(cmd.Flags(), "reason", reason),
				}
			}
			part, err := list.add(cmd.Context(), items)
			if err != nil {
				return err
			}
			did.Added, did.Changed, did.Unchanged = did.Added+part.Added, did.Changed+part.Changed, did.Unchanged+part.Unchanged
		}
		return c.show(did, func() {
			how := map[api.NetworkAction]string{api.NetworkActionDeny: "denied to", api.NetworkActionAllow: "allowed at"}[action]
			until := "until that is taken back"
			if life > 0 {
				until = "for " + span(time.Duration(life)*time.Second)
			}
			if did.Added+did.Changed == 0 {
				c.say("%s %s: on the list of %s already, for at least as long; nothing changes", c.paint.green("✓"), line(named(networks)), list.name())
				return
			}
			c.say("%s %s %s %s %s", c.paint.green("✓"), line(named(networks)), how, list.name(), until)
			if did.Unchanged > 0 {
				c.say("  %d of them: on the list already, for at least as long", did.Unchanged)
			}
		})
	}
	flags := cmd.Flags()
	target.addFlags(flags)
	flags.Var(&life, "for", "how long, such as 1h or 7d; default: until it is taken back")
	flags.StringVar(&reason, "reason", "", "why, for those who administer; callers are not told")
	return cmd
}

// named names a few, and counts many.
func named(list []string) string {
	const most = 3
	if len(list) > most {
		return fmt.Sprintf("%d networks", len(list))
	}
	return strings.Join(list, ", ")
}

func newAppUndeny(c *cli) *cobra.Command {
	var target networkTarget
	cmd := &cobra.Command{
		Use:   "undeny ADDRESS…",
		Short: "Take addresses and networks off the list again",
		Long: `Take addresses and networks off the list again, written as they were denied or allowed: an address inside a network
that is denied stays denied.`,
		Example: "  daypass app undeny 203.0.113.7\n  daypass app undeny 203.0.113.0/24 --everywhere",
		Args:    atLeastOneAddress,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			networks, err := c.addresses(cmd, arguments)
			if err != nil {
				return err
			}
			list, err := c.networkList(cmd, target)
			if err != nil {
				return err
			}
			for _, network := range networks {
				if err := list.remove(cmd.Context(), network, nil); err != nil {
					return err
				}
			}
			return c.showEnded("removed", named(networks), "the list of "+list.name()+" no longer has it")
		},
	}
	target.addFlags(cmd.Flags())
	return cmd
}

func newAppDenied(c *cli) *cobra.Command {
	var (
		target  networkTarget
		address string
		limit   int
	)
	cmd := &cobra.Command{
		Use:     "denied",
		Short:   "List the addresses and networks that are denied or allowed",
		Long:    "List the addresses and networks that are denied or allowed, beside those of the resource file.",
		Example: "  daypass app denied\n  daypass app denied --holding 203.0.113.7 --app photos\n  daypass app denied --everywhere --limit 0 --json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := c.networkList(cmd, target)
			if err != nil {
				return err
			}
			entries, more, err := list.entries(cmd.Context(), given(cmd.Flags(), "holding", address), limit)
			if err != nil {
				return err
			}
			return showList(c, entries, more, "nothing is denied or allowed beside the resource file",
				[]string{"NETWORK", "ACTION", "ENDS", "REASON", "SINCE", "BY"}, func(e api.NetworkEntry) []string {
					return []string{e.Network, string(e.Action), cmp.Or(c.ago(value(e.Expires)), "never"), e.Reason, c.ago(e.Created), tail(e.CreatedBy)}
				})
		},
	}
	flags := cmd.Flags()
	target.addFlags(flags)
	flags.StringVar(&address, "holding", "", "only what holds this address")
	limitFlag(flags, &limit)
	return cmd
}
