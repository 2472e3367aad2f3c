package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

// shadowWords say what of an application is tried and not enforced.
var shadowWords = map[api.ApplicationShadow]string{
	api.ApplicationShadowBeside: "another file, beside the enforced one",
	api.ApplicationShadowRules:  "single rules of the file",
	api.ApplicationShadowAlone:  "the only file there is: nothing is enforced, everything is denied",
}

// sayPut tells what a file that was put is good for.
func (c *cli) sayPut(app *api.Application, done string) {
	switch value(app.Shadow) {
	case api.ApplicationShadowBeside:
		c.say("%s %s is tried beside the enforced file, which stays", c.paint.green("✓"), line(app.Audience))
	case api.ApplicationShadowAlone:
		c.say("%s %s %s, in shadow mode", c.paint.green("✓"), line(app.Audience), done)
	default:
		c.say("%s %s %s; the gate has applied it", c.paint.green("✓"), line(app.Audience), done)
	}
	if app.Warning != nil {
		c.note("%s %s", c.paint.yellow("warning:"), line(*app.Warning))
	}
}

// newShadow makes 'app shadow' and 'resource shadow': they are the same, and people look in both places.
func newShadow(c *cli, noun string) *cobra.Command {
	var since seconds
	var file, drop bool
	cmd := &cobra.Command{
		Use:   "shadow APPLICATION",
		Short: "What would change if what is in shadow mode were enforced",
		Long: `Compare the answers that were given with those that the file, or the rules, with 'mode: shadow' would have given,
as recorded at the time. Newly denied requests come first. --file prints the file that is tried beside the enforced
one, --drop takes it away; 'daypass resource promote' enforces it.`,
		Example: fmt.Sprintf("  daypass %[1]s shadow photos\n  daypass %[1]s shadow photos --since 1h --json\n  daypass %[1]s shadow photos --drop", noun),
		Args:    args("APPLICATION"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if file && drop {
				return usage(cmd, "--file and --drop exclude each other")
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			switch app := arguments[0]; {
			case drop:
				if err := daypass.Done(client.DropShadow(cmd.Context(), org, app, nil)); err != nil {
					return err
				}
				return c.showEnded("dropped", app, "the enforced file stays")
			case file:
				text, err := daypass.Text(client.GetShadow(cmd.Context(), org, app))
				if err != nil {
					return err
				}
				_, err = c.out.Write(append(bytes.TrimRight(text, "\n"), '\n'))
				return err
			default:
				from := c.before(since)
				found, err := daypass.Answer[api.Comparison](client.CompareShadow(cmd.Context(), org, app, &api.CompareShadowParams{Since: from}))
				if err != nil {
					return err
				}
				return c.show(found, func() { c.describeComparison(found, from, "if it were enforced") })
			}
		},
	}
	flags := cmd.Flags()
	flags.Var(&since, "since", "look back this far, such as 1h; default: all that is kept")
	flags.BoolVar(&file, "file", false, "print the file that is tried beside the enforced one")
	flags.BoolVar(&drop, "drop", false, "take that file away")
	return cmd
}

// before is the time so long ago; nil for none.
func (c *cli) before(ago seconds) *time.Time {
	if ago == 0 {
		return nil
	}
	at := c.now().Add(-time.Duration(ago) * time.Second).UTC().Truncate(time.Second)
	return &at
}

func newResourceReplay(c *cli) *cobra.Command {
	var since seconds
	var against, name string
	var limit int
	cmd := &cobra.Command{
		Use:   "replay --against FILE",
		Short: "Who would be denied or allowed if this file were enforced",
		Long: `Decide the requests of late again, by another resource file, without changing anything. What lies outside the file is
taken as it was then: whether a pass was good, and what it held. Newly denied requests come first. '-' reads the file
from the standard input. Requests are kept for as long as the server's facts_keep says.`,
		Example: "  daypass resource replay --against photos.yaml --since 24h\n  daypass resource replay --against new.yaml --name photos --json | jq .newly_denied",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if against == "" {
				return usage(cmd, "--against is missing: name the resource file to try")
			}
			data, doc, err := c.readResources(against)
			if err != nil {
				return err
			}
			if name = cmp.Or(name, doc.Application); name == "" {
				return usage(cmd, "the file names no application: give --name, or write 'application: …' in it")
			}
			if c.settings.Org == "" {
				c.settings.Org = doc.Organization
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			params := &api.ReplayApplicationParams{Since: c.before(since), Limit: given(cmd.Flags(), "limit", limit)}
			found, err := daypass.Answer[api.Comparison](client.ReplayApplicationWithBody(cmd.Context(), org, name, params, mediaType(data), bytes.NewReader(data)))
			if err != nil {
				return err
			}
			return c.show(found, func() { c.describeComparison(found, params.Since, "by "+cmp.Or(against, "this file")) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&against, "against", "", "the resource file to try")
	flags.StringVar(&name, "name", "", "name of the application; default: what the file says")
	flags.Var(&since, "since", "look back this far, such as 24h; default: all that is kept")
	flags.IntVar(&limit, "limit", 0, "kept facts to look at, the newest; default: 200000")
	return cmd
}

// describeComparison tells how two files differ. since is how far back was asked for; nil: all that is kept.
func (c *cli) describeComparison(found *api.Comparison, since *time.Time, how string) {
	p := c.paint
	switch {
	case found.Kept == 0:
		c.say("%s this server keeps nothing of requests: facts_keep is 0", p.yellow("!"))
		return
	case found.Requests == 0:
		c.say("%s no requests are kept that this could be held against", p.yellow("!"))
		return
	case len(found.Differences) == 0:
		c.say("%s none of %d requests would be answered differently %s", p.green("✓"), found.Requests, line(how))
	default:
		c.say("of %d requests %s: %s newly denied, %d newly allowed, %d denied for another reason", found.Requests, line(how),
			p.red(fmt.Sprint(found.NewlyDenied)), found.NewlyAllowed, found.DeniedOtherwise)
	}
	for _, d := range found.Differences {
		c.say("\n%s", p.bold(strings.ToUpper(strings.ReplaceAll(string(d.Change), "_", " "))))
		c.facts(
			fact{"requests", fmt.Sprintf("%d, the last %s", d.Requests, c.ago(d.Last))},
			fact{"was", verdictWords(d.Was)},
			fact{"would be", verdictWords(d.Is)},
			fact{"keys", keyWords(d)},
			fact{"such as", strings.Join(d.Samples, ", ")},
		)
	}
	if found.MoreDifferences > 0 {
		c.note("there are %d more kinds of differences", found.MoreDifferences)
	}
	if found.NotToldApart > 0 {
		c.note("%d of them had no key and were refused, too many to keep what they asked for; they are not decided again", found.NotToldApart)
	}
	if since != nil && found.Oldest != nil && found.Oldest.After(*since) {
		c.note("requests are kept since %s (%s), not as far back as --since reaches", found.Oldest.UTC().Format(time.RFC3339), c.ago(*found.Oldest))
	}
	if found.More {
		c.note("there are older requests that were not looked at; --since and --limit say which are")
	}
}

func verdictWords(v api.Verdict) string {
	text := v.Reason
	if v.Rule != nil {
		text += " by " + *v.Rule
	}
	if v.Missing != nil {
		text += ", lacking " + *v.Missing
	}
	return text
}

func keyWords(d api.Difference) string {
	var parts []string
	for _, k := range d.Keys {
		parts = append(parts, fmt.Sprintf("%s (%d)", k.Key, k.Requests))
	}
	if d.MoreKeys > 0 {
		parts = append(parts, fmt.Sprintf("%d more", d.MoreKeys))
	}
	if d.Anonymous > 0 {
		parts = append(parts, fmt.Sprintf("none (%d)", d.Anonymous))
	}
	return strings.Join(parts, ", ")
}

func newResourcePromote(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "promote APPLICATION",
		Short: "Enforce what is in shadow mode",
		Long: `Put the file that is tried beside the enforced one in its place, or, where only rules are in shadow mode, enforce them:
every 'mode: shadow' becomes 'mode: enforce', and nothing else of the file changes.`,
		Example: "  daypass resource promote photos",
		Args:    args("APPLICATION"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			file, tag, err := c.triedFile(cmd.Context(), client, org, arguments[0])
			if err != nil {
				return err
			}
			promoted, err := catalog.Promote(file)
			var wrong *access.Error
			if errors.As(err, &wrong) {
				return &trouble{Code: wrong.Code, Message: wrong.Message, Fields: wrong.Fields, exit: exitFailed}
			}
			if err != nil {
				return err
			}
			if bytes.Equal(promoted, file) {
				return failed("nothing_in_shadow", "nothing of %q is in shadow mode", arguments[0])
			}
			app, err := daypass.Answer[api.Application](client.PutApplicationWithBody(cmd.Context(), org, arguments[0],
				&api.PutApplicationParams{IfMatch: &tag}, mediaType(promoted), bytes.NewReader(promoted)))
			if err != nil {
				return err
			}
			return c.show(app, func() { c.sayPut(app, "is enforced as it was tried") })
		},
	}
}

// triedFile is the file that is tried, or else the enforced one, whose rules may be; with its entity tag.
func (c *cli) triedFile(ctx context.Context, client *api.Client, org, app string) (file []byte, tag string, err error) {
	for _, get := range []func() (*http.Response, error){
		func() (*http.Response, error) { return client.GetShadow(ctx, org, app) },
		func() (*http.Response, error) { return client.GetApplication(ctx, org, app) },
	} {
		response, sent := get()
		file, err = daypass.Text(response, sent)
		if !errors.Is(err, &daypass.Error{Code: "not_found"}) {
			if err == nil {
				tag = response.Header.Get("ETag")
			}
			return file, tag, err
		}
	}
	return nil, "", err
}
