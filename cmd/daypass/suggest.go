package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newKeySuggest(c *cli) *cobra.Command {
	var days int
	var apply bool
	cmd := &cobra.Command{
		Use:   "suggest KEY-ID",
		Short: "The narrowest scopes that cover what a key used",
		Long: `Fold what requests with passes of a key were allowed for, and what it administered, into the narrowest scopes that
cover it, and show what it holds and did not use. --apply narrows the key to them: every pass made from it ends, and
it makes narrower ones from then on. What is checked offline, by 'verify', is not seen here.`,
		Example: `  daypass key suggest key_01k8dn1x7m4c3h8j6k2p5r9t0v
  daypass key suggest key_01k8dn1x7m4c3h8j6k2p5r9t0v --days 90 --apply`,
		Args: args("KEY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			response, err := client.SuggestKey(cmd.Context(), org, arguments[0], &api.SuggestKeyParams{Days: given(cmd.Flags(), "days", days)})
			found, err := daypass.Answer[api.KeySuggestion](response, err)
			if err != nil {
				return err
			}
			if !apply {
				return c.show(found, func() { c.describeSuggestion(found) })
			}
			if len(found.Suggested) == 0 {
				return failed("nothing_used", "the key used nothing in %d days, so there is nothing to narrow it to", found.Days).advising("'daypass key delete' ends it")
			}
			tag := response.Header.Get("ETag")
			key, err := daypass.Answer[api.Key](client.NarrowKey(cmd.Context(), org, found.Key, &api.NarrowKeyParams{IfMatch: &tag}, api.KeyNarrow{Scopes: found.Suggested}))
			if err != nil {
				return err
			}
			return c.showNarrowed(key)
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "how many days to look back, at most 90")
	cmd.Flags().BoolVar(&apply, "apply", false, "narrow the key to what is suggested")
	return cmd
}

func (c *cli) describeSuggestion(found *api.KeySuggestion) {
	rows := [][]string{}
	for _, u := range found.Used {
		rows = append(rows, []string{u.Scope, fmt.Sprint(u.Count), u.LastDay})
	}
	if len(rows) > 0 {
		c.table([]string{"USED", "TIMES", "LAST"}, rows)
		c.say("")
	}
	c.facts(
		fact{"key", found.Key},
		fact{"looked back", fmt.Sprintf("%d days", found.Days)},
		fact{"holds", cmp.Or(words(found.Scopes), "nothing")},
		fact{"unused", cmp.Or(words(found.Unused), "nothing of it")},
		fact{"used before", words(found.Beyond)},
		fact{"would do", cmp.Or(words(found.Suggested), "nothing: it was not used")},
	)
	if len(found.Suggested) > 0 {
		c.note("--apply narrows the key to that, and ends the passes it made so far")
	}
}

func (c *cli) showNarrowed(key *api.Key) error {
	return c.show(key, func() {
		c.say("%s %s holds %s from now on; passes that held more are refused", c.paint.green("✓"), line(key.ID), line(words(key.Scopes)))
	})
}

func newKeyNarrow(c *cli) *cobra.Command {
	var scopes []string
	cmd := &cobra.Command{
		Use:   "narrow KEY-ID --scopes SCOPE…",
		Short: "Take scopes from a key",
		Long: `Take scopes from a key: the new ones must lie within those it has. If it loses any, every pass made from it ends at
once; its text stays, and makes narrower passes from then on. There is no way back: more takes another key.`,
		Example: "  daypass key narrow key_01k8dn1x7m4c3h8j6k2p5r9t0v --scopes photos:read",
		Args:    args("KEY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if len(scopes) == 0 {
				return usage(cmd, "--scopes is missing: name what the key may still do")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			key, err := daypass.Answer[api.Key](client.NarrowKey(cmd.Context(), org, arguments[0], nil, api.KeyNarrow{Scopes: scopes}))
			if err != nil {
				return err
			}
			return c.showNarrowed(key)
		},
	}
	listFlag(cmd.Flags(), &scopes, "scopes", "what it may still do, with commas or repeated")
	return cmd
}
