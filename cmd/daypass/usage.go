package main

import (
	"bytes"
	"cmp"
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newUsageCommand(c *cli) *cobra.Command {
	var (
		asked        api.ListUsageParams
		since, until string
		bucket       string
		limit        int
		asCSV        bool
	)
	filters := map[string]**string{"application": &asked.Application, "key-id": &asked.Key, "subject": &asked.Subject, "outcome": &asked.Outcome}
	values := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Show how often what was called, and how that ended",
		Long: `Show how often what was called, by day or month, application, key, subject and outcome.
Who may not read the organization's usage sees its own.`,
		Example: `  daypass usage
  daypass usage --application photos --since 2026-01-01 --bucket month
  daypass usage --outcome rate_limited --json
  daypass usage --csv --limit 0 > usage.csv`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			if asCSV && c.json {
				return usage(cmd, "--csv and --json exclude each other")
			}
			for name, into := range filters {
				*into = given(flags, name, *values[name])
			}
			for _, t := range []struct {
				name, text string
				into       **time.Time
			}{{"since", since, &asked.Since}, {"until", until, &asked.Until}} {
				if !flags.Changed(t.name) {
					continue
				}
				day, err := time.Parse(time.DateOnly, t.text)
				if err != nil {
					return usage(cmd, "--%s is a day, as in 2026-01-31", t.name)
				}
				*t.into = &day
			}
			asked.Bucket = given(flags, "bucket", api.ListUsageParamsBucket(bucket))
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if asCSV {
				return c.writeUsage(cmd.Context(), client, org, &asked, limit)
			}
			lines, more, err := pages(limit, func(size *int, cursor *string) ([]api.Usage, *string, error) {
				asked.Limit, asked.Cursor = size, cursor
				page, err := daypass.Answer[api.UsageList](client.ListUsage(cmd.Context(), org, &asked))
				if err != nil {
					return nil, nil, err
				}
				return page.Items, page.NextCursor, nil
			})
			if err != nil {
				return err
			}
			return showList(c, lines, more, "nothing was counted in this time", []string{"DAY", "APPLICATION", "KEY", "SUBJECT", "OUTCOME", "COUNT"}, func(u api.Usage) []string {
				return []string{
					u.Day, cmp.Or(tail(value(u.Application)), "–"), cmp.Or(tail(value(u.Key)), "–"), cmp.Or(tail(value(u.Subject)), "–"),
					u.Outcome, strconv.FormatInt(u.Count, 10),
				}
			})
		},
	}
	addClientFlags(c, cmd)
	flags := cmd.Flags()
	for name, help := range map[string]string{
		"application": "slug or id of an application", "key-id": "id of a key", "subject": "whom passes speak for", "outcome": "allowed, rate_limited, issued, …",
	} {
		values[name] = flags.String(name, "", "only this: "+help)
	}
	flags.StringVar(&since, "since", "", "first day, UTC, as 2026-01-31; default: 30 days ago")
	flags.StringVar(&until, "until", "", "last day, UTC; default: today")
	flags.StringVar(&bucket, "bucket", "day", "day or month")
	flags.BoolVar(&asCSV, "csv", false, "print CSV, for a spreadsheet")
	limitFlag(flags, &limit)
	return cmd
}

// writeUsage prints usage as the server writes it in CSV, page after page, with one line of headings.
func (c *cli) writeUsage(ctx context.Context, client *api.Client, org string, asked *api.ListUsageParams, limit int) error {
	format := api.ListUsageParamsFormatCsv
	asked.Format = &format
	first := true
	_, more, err := pages(limit, func(size *int, cursor *string) ([]struct{}, *string, error) {
		asked.Limit, asked.Cursor = size, cursor
		response, err := client.ListUsage(ctx, org, asked)
		page, err := daypass.Text(response, err)
		if err != nil {
			return nil, nil, err
		}
		if !first {
			_, page, _ = bytes.Cut(page, []byte("\n"))
		}
		first = false
		if _, err := c.out.Write(page); err != nil {
			return nil, nil, err
		}
		// A page that another follows is full.
		return make([]struct{}, *size), nextCursor(response.Header.Get("Link")), nil
	})
	if more {
		c.note("there are more; --limit 0 shows all")
	}
	return err
}

// nextCursor reads where the next page begins from a Link header (RFC 8288), as the server writes it; nil: there is none.
func nextCursor(link string) *string {
	target, found := strings.CutSuffix(link, `>; rel="next"`)
	if !found {
		return nil
	}
	next, err := url.Parse(strings.TrimPrefix(target, "<"))
	if err != nil {
		return nil
	}
	cursor := next.Query().Get("cursor")
	return &cursor
}
