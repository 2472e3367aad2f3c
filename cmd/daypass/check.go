package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/internal/catalog"
)

// checked is what 'resource check' prints with --json.
type checked struct {
	Application  string            `json:"application,omitempty"`
	Organization string            `json:"organization,omitempty"`
	Resources    []checkedMatch    `json:"resources"`
	Findings     []catalog.Finding `json:"findings"`
	Warnings     []catalog.Warning `json:"warnings,omitempty"` // of the OpenAPI document
}

type checkedMatch struct {
	Line  int    `json:"line"`
	Match string `json:"match"`
	Needs string `json:"needs"`
}

func newResourceCheck(c *cli) *cobra.Command {
	var document, prefix string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a resource file here, without a server",
		Long: `Check a resource file here, without a server. What is wrong is named with line and column. '-' reads the
standard input.

What is allowed but hardly meant is found, too: resources that never match, and public ones that take
requests of protected ones. With --openapi the file is held against the API's description: operations
that are denied, that only a wider resource decides, or that need more or less than the description says.

The exit code is 0 if all is well, 1 if something was found, 2 if the command line is wrong.`,
		Example: `  daypass resource check photos.yaml
  daypass resource check photos.yaml --openapi openapi.yaml`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if prefix != "" && document == "" {
				return usage(cmd, "--prefix is for the paths of the document that --openapi names")
			}
			_, app, err := c.readApplication(arguments[0])
			if err != nil {
				return err
			}
			found := checked{Application: app.Document.Application, Organization: app.Document.Organization,
				Resources: []checkedMatch{}, Findings: append([]catalog.Finding{}, catalog.Inspect(app)...)}
			for _, r := range app.Document.Resources {
				m := checkedMatch{r.Line, r.Match, r.Needs()}
				if r.Mode == catalog.Shadow || app.Document.Mode == catalog.Shadow {
					m.Needs += "; in shadow mode"
				}
				found.Resources = append(found.Resources, m)
			}
			if document != "" {
				described, err := c.readOpenAPIFile(document, prefix)
				if err != nil {
					return err
				}
				found.Warnings = described.Warnings
				found.Findings = append(found.Findings, described.Inspect(app)...)
			}
			return c.showChecked(cmp.Or(found.Application, arguments[0]), &found)
		},
	}
	cmd.Flags().StringVar(&document, "openapi", "", "hold the file against this OpenAPI document")
	cmd.Flags().StringVar(&prefix, "prefix", "", "what the paths of that document begin with; default: what its server says")
	return cmd
}

func (c *cli) readOpenAPIFile(file, prefix string) (*catalog.OpenAPI, error) {
	data, err := c.readUpTo(file, catalog.MaxOpenAPI)
	if err != nil {
		return nil, err
	}
	described, err := catalog.ReadOpenAPI(data, prefix)
	if err != nil {
		return nil, wrongFile(file, err)
	}
	return described, nil
}

func (c *cli) showChecked(name string, found *checked) error {
	serious := slices.ContainsFunc(found.Findings, func(f catalog.Finding) bool { return !f.Note })
	err := c.show(found, func() {
		c.say("%s %s is right: the first of these that matches decides, everything else is denied", c.paint.green("✓"), line(name))
		var rows [][]string
		for _, m := range found.Resources {
			rows = append(rows, []string{m.Match, m.Needs})
		}
		c.table([]string{"MATCH", "NEEDS"}, rows)
		c.sayFindings(found.Findings)
	})
	if err == nil && serious {
		return shown(exitFailed)
	}
	return err
}

// sayFindings prints what was found, those alike together.
func (c *cli) sayFindings(findings []catalog.Finding) {
	for i, f := range findings {
		alike := func(g catalog.Finding) bool {
			return g.Code == f.Code && g.Match == f.Match && g.Message == f.Message
		}
		if slices.IndexFunc(findings, alike) < i {
			continue
		}
		mark := c.paint.red("✗")
		if f.Note {
			mark = c.paint.dim("·")
		}
		subject := f.Match
		if f.Line > 0 {
			subject = fmt.Sprintf("line %d, %s", f.Line, f.Match)
		}
		c.say("")
		c.say("%s %s", mark, line(strings.TrimLeft(strings.Join([]string{string(f.Code), subject}, "  "), " ")))
		for _, text := range wrap(f.Message, pageWidth-4) {
			c.say("    %s", line(text))
		}
		for _, g := range findings {
			if alike(g) {
				for _, operation := range g.Operations {
					c.say("    %s", line(operation))
				}
			}
		}
	}
}
