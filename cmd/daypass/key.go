package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newKeyCommand(c *cli) *cobra.Command {
	return newGroup(c, "key", "Make, rotate and end keys",
		`  daypass key create --scopes 'photos:*' --comment "web shop"
  daypass key list
  daypass key rotate key_01k8dn1x7m4c3h8j6k2p5r9t0v --overlap 2d`,
		newKeyCreate(c), newKeyList(c), newKeyShow(c), newKeyUpdate(c), newKeyDelete(c), newKeyRotate(c), newKeySuggest(c), newKeyNarrow(c))
}

func newKeyCreate(c *cli) *cobra.Command {
	var (
		body                           api.KeyCreate
		user, kind, comment, plan      string
		publicKey                      string
		scopes, roles, ips             []string
		expires, maxLife               seconds
		requireSignature, nameSubjects bool
	)
	cmd := &cobra.Command{
		Use:   "create --scopes SCOPE…",
		Short: "Make a key",
		Long: `Make a key. Its text is printed once, alone on the standard output, and stored nowhere:

  KEY=$(daypass key create --scopes photos:read)

A key can do no more than its owner, and no more than the key that makes it.`,
		Example: `  daypass key create --scopes 'photos:*' --comment "web shop" --expires-in 365d
  daypass key create --user usr_01k8dmgzh5v9w2rbt7cx4ay6pq --scopes photos:read --roles consumer@photos
  daypass key create --scopes photos:read --ips 192.0.2.0/24 --max-token-life 15m`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			if !flags.Changed("scopes") {
				return usage(cmd, "--scopes is missing: name what the key may do, such as photos:read; '*' is everything its owner may")
			}
			jwk, err := publicKeyFile(flags, publicKey)
			if err != nil {
				return err
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			body = api.KeyCreate{
				Scopes:           scopes,
				User:             given(flags, "user", user),
				Kind:             given(flags, "kind", api.KeyKind(kind)),
				Comment:          given(flags, "comment", comment),
				Plan:             given(flags, "plan", plan),
				Roles:            given(flags, "roles", roles),
				Ips:              given(flags, "ips", ips),
				ExpiresIn:        given(flags, "expires-in", int64(expires)),
				MaxTokenLife:     given(flags, "max-token-life", int64(maxLife)),
				RequireSignature: given(flags, "require-signature", requireSignature),
				MayNameSubjects:  given(flags, "may-name-subjects", nameSubjects),
				PublicKey:        jwk,
			}
			key, err := daypass.Answer[api.KeyCreated](client.CreateKey(cmd.Context(), org, nil, body))
			if err != nil {
				return err
			}
			return c.showNewKey(key, "made")
		},
	}
	flags := cmd.Flags()
	listFlag(flags, &scopes, "scopes", "what it may do, with commas or repeated")
	listFlag(flags, &roles, "roles", "roles it holds, as developer or developer@photos; default: all of its owner's (user-group: of these consumer and custom ones)")
	listFlag(flags, &ips, "ips", "addresses and networks it may be used from; default: anywhere")
	flags.StringVar(&user, "user", "", "id of its owner; default: you")
	flags.StringVar(&kind, "kind", "live", "live, test, or ug for a user-group key")
	flags.StringVar(&comment, "comment", "", "what it is for")
	flags.StringVar(&plan, "plan", "", "the plan whose limits hold for it; default: that of its owner's membership")
	flags.Var(&expires, "expires-in", "when it ends, such as 365d; default: never")
	flags.Var(&maxLife, "max-token-life", "longest life of a pass made from it, such as 1h")
	flags.BoolVar(&requireSignature, "require-signature", false, "the text alone is not enough: requests are signed with its secret")
	publicKeyFlag(flags, &publicKey)
	flags.BoolVar(&nameSubjects, "may-name-subjects", false, "it may make passes that speak for its backend's own users")
	return cmd
}

// showNewKey puts the secret alone on the standard output, and the rest beside it.
func (c *cli) showNewKey(key *api.KeyCreated, done string) error {
	return c.show(key, func() {
		p := paintFor(c.err, c.environ)
		c.note("%s %s %s; this text is shown only now:", p.green("✓"), key.ID, done)
		c.say("%s", key.Key)
		if key.Secret != nil {
			c.note("its secret, for signing, also shown only now:")
			c.say("%s", *key.Secret)
		}
	})
}

func newKeyList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the organization's keys",
		Example: "  daypass key list\n  daypass key list --json | jq -r '.items[] | select(.accessed == null) | .id'",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			keys, more, err := pages(limit, func(size *int, cursor *string) ([]api.Key, *string, error) {
				page, err := daypass.Answer[api.KeyList](client.ListKeys(cmd.Context(), org, &api.ListKeysParams{Limit: size, Cursor: cursor}))
				if err != nil {
					return nil, nil, err
				}
				return page.Items, page.NextCursor, nil
			})
			if err != nil {
				return err
			}
			return showList(c, keys, more, "no keys yet; 'daypass key create --scopes …' makes one",
				[]string{"KEY", "OWNER", "SCOPES", "COMMENT", "USED", "ENDS"}, func(k api.Key) []string {
					return []string{k.ID, tail(k.User), words(k.Scopes), k.Comment, cmp.Or(c.lastUsed(k.Accessed), "never"), cmp.Or(c.ago(value(k.Expires)), "never")}
				})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

func (c *cli) lastUsed(u *api.LastUse) string {
	if u == nil {
		return ""
	}
	return c.ago(u.Time)
}

// usedHow tells the last use in full.
func (c *cli) usedHow(u *api.LastUse) string {
	if u == nil {
		return "never"
	}
	text := c.moment(u.Time)
	if u.Address != nil {
		text += " from " + *u.Address
	}
	if u.UserAgent != nil && *u.UserAgent != "" {
		text += " with " + *u.UserAgent
	}
	return text
}

func newKeyShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show KEY-ID",
		Short:   "Show one key, without its text",
		Example: "  daypass key show key_01k8dn1x7m4c3h8j6k2p5r9t0v",
		Args:    args("KEY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			k, err := daypass.Answer[api.Key](client.GetKey(cmd.Context(), org, arguments[0]))
			if err != nil {
				return err
			}
			return c.show(k, func() { c.describeKey(k) })
		},
	}
}

func (c *cli) describeKey(k *api.Key) {
	longest := "as the server allows"
	if k.MaxTokenLife > 0 {
		longest = span(time.Duration(k.MaxTokenLife) * time.Second)
	}
	c.facts(
		fact{"key", k.ID},
		fact{"comment", k.Comment},
		fact{"kind", string(k.Kind)},
		fact{"owner", k.User},
		fact{"scopes", cmp.Or(words(k.Scopes), "none")},
		fact{"roles", cmp.Or(words(k.Roles), "none")},
		fact{"used from", anywhere(k.Ips)},
		fact{"plan", value(k.Plan)},
		fact{"ends", cmp.Or(c.moment(value(k.Expires)), "never")},
		fact{"longest pass", longest},
		fact{"signed requests", yesNo(k.RequireSignature)},
		fact{"names subjects", yesNo(k.MayNameSubjects)},
		fact{"public key", publicKeyName(k.PublicKey)},
		fact{"version", strconv.FormatInt(k.Version, 10)},
		fact{"old text until", c.moment(value(k.OverlapUntil))},
		fact{"created", c.moment(k.Created)},
		fact{"last used", c.usedHow(k.Accessed)},
	)
}

// showEnded tells what was deleted, removed or revoked. Its JSON form is {"deleted": "key_…"}.
func (c *cli) showEnded(done, id, consequence string) error {
	return c.show(map[string]string{done: id}, func() { c.say("%s %s %s; %s", c.paint.green("✓"), done, line(id), consequence) })
}

func newKeyDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete KEY-ID",
		Short:   "Delete a key; every pass made from it dies with it",
		Example: "  daypass key delete key_01k8dn1x7m4c3h8j6k2p5r9t0v",
		Args:    args("KEY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeleteKey(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("deleted", arguments[0], "every pass made from it is refused from now on")
		},
	}
}

func newKeyRotate(c *cli) *cobra.Command {
	var overlap seconds
	cmd := &cobra.Command{
		Use:   "rotate KEY-ID",
		Short: "Give a key a new text",
		Long: `Give a key a new text; its id stays. The old text and the passes made from it end at once,
or, with --overlap, work on for that long, so that nothing breaks while the new text is rolled out.`,
		Example: "  daypass key rotate key_01k8dn1x7m4c3h8j6k2p5r9t0v --overlap 2d",
		Args:    args("KEY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			body := api.KeyRotate{Overlap: given(cmd.Flags(), "overlap", int64(overlap))}
			key, err := daypass.Answer[api.KeyCreated](client.RotateKey(cmd.Context(), org, arguments[0], nil, body))
			if err != nil {
				return err
			}
			old := "the old text is dead"
			if overlap > 0 {
				old = "the old text works for " + span(time.Duration(overlap)*time.Second)
			}
			return c.showNewKey(key, fmt.Sprintf("rotated to version %d, %s", key.Version, old))
		},
	}
	cmd.Flags().Var(&overlap, "overlap", "how long the old text works on, such as 2d; default: not at all")
	return cmd
}
