package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

// importing is one run of 'resource import'.
type importing struct {
	application, upstream, prefix, output string
	dryRun, yes, allowPrivate             bool

	client *api.Client
	org    string
	tag    *string // of the resources that the differences were worked out from; nil: there are none
}

// imported is what it prints with --json.
type imported struct {
	Application string            `json:"application,omitempty"`
	New         bool              `json:"new"`
	Applied     bool              `json:"applied"`
	Warnings    []catalog.Warning `json:"warnings"`
	Changes     []importedChange  `json:"changes"`
	Diff        string            `json:"diff"`
}

// importedChange is a change of who gets in where.
type importedChange struct {
	Effect  catalog.Effect `json:"effect"`
	Loosens bool           `json:"loosens"`
	Methods []string       `json:"methods"`
	Path    string         `json:"path"`
	Before  string         `json:"before"`
	After   string         `json:"after"`
}

func newResourceImport(c *cli) *cobra.Command {
	var i importing
	cmd := &cobra.Command{
		Use:   "import FILE|URL",
		Short: "Make the resources of an application from an OpenAPI document",
		Long: `Make the resources of an application from an OpenAPI document (Swagger 2.0, OpenAPI 3.0 or 3.1).
They take the place of those that are there; hosts, upstream, address lists and tokens stay. What changes
for requests is shown first, loudly where somebody gets in who did not. '-' reads the standard input.

By URL, only addresses of the Internet are asked, for at most 5 seconds and 1 MiB.`,
		Example: `  daypass resource import openapi.yaml --application photos --dry-run
  daypass resource import openapi.yaml --application photos --yes
  daypass resource import https://api.example.com/openapi.json --output photos.yaml`,
		Args: args("FILE|URL"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return c.importResources(cmd, &i, arguments[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&i.application, "application", "", "application to change or make; default: what x-daypass-application says")
	flags.StringVar(&i.upstream, "upstream", "", "where the gateway sends requests; default: what is there, else the document's server")
	flags.StringVar(&i.prefix, "prefix", "", "what the paths begin with; default: the path of the document's server")
	flags.StringVar(&i.output, "output", "", "write this resource file instead of asking the server; '-' prints it")
	flags.BoolVar(&i.dryRun, "dry-run", false, "show what would change, and change nothing")
	flags.BoolVar(&i.yes, "yes", false, "do not ask before changing")
	flags.BoolVar(&i.allowPrivate, "allow-private", false, "fetch from this machine and from private networks, too")
	return cmd
}

func (c *cli) importResources(cmd *cobra.Command, i *importing, source string) error {
	described, err := c.readDescription(cmd.Context(), i, source)
	if err != nil {
		return err
	}
	i.application = cmp.Or(i.application, described.Application)
	if i.application == "" && i.output == "" {
		return usage(cmd, "the document does not say which application it is for: give --application")
	}
	current, err := c.currentFile(cmd, i, described)
	if err != nil {
		return err
	}
	file, err := described.ResourceFile(current, i.application, i.upstream)
	if err != nil {
		return err
	}
	after, err := applicationOf("the resources made of "+source, file)
	if err != nil {
		return err
	}
	var before *catalog.Application
	if current != nil {
		if before, err = applicationOf("the resources that are there", current); err != nil {
			return err
		}
	}
	result := i.result(described, current, file, catalog.Compare(before, after))
	if i.output == "-" && !i.dryRun {
		c.warnAbout(described.Warnings)
		_, err = c.out.Write(file)
		return err
	}
	return c.applyImport(cmd, i, result, file)
}

func (c *cli) readDescription(ctx context.Context, i *importing, source string) (*catalog.OpenAPI, error) {
	if !isURL(source) {
		return c.readOpenAPIFile(source, i.prefix)
	}
	f := fetcher{allowPrivate: i.allowPrivate}
	data, err := f.get(ctx, source)
	if err != nil {
		return nil, err
	}
	described, err := catalog.ReadOpenAPI(data, i.prefix)
	if err != nil {
		return nil, wrongFile(source, err)
	}
	return described, nil
}

// currentFile is the resource file that is there, or nil.
func (c *cli) currentFile(cmd *cobra.Command, i *importing, described *catalog.OpenAPI) ([]byte, error) {
	if i.output == "-" {
		return nil, nil
	}
	if i.output != "" {
		if _, err := os.Stat(i.output); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return c.readInput(i.output)
	}
	if c.settings.Org == "" {
		c.settings.Org = described.Organization
	}
	var err error
	if i.client, i.org, err = c.session(cmd); err != nil {
		return nil, err
	}
	response, err := i.client.GetApplication(cmd.Context(), i.org, i.application, accepting("application/yaml"))
	text, err := daypass.Text(response, err)
	if errors.Is(err, &daypass.Error{Code: access.ErrNotFound.Code}) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tag := response.Header.Get("ETag")
	i.tag = &tag
	return text, nil
}

func (i *importing) result(described *catalog.OpenAPI, current, file []byte, changes []catalog.Change) *imported {
	result := &imported{Application: i.application, New: current == nil, Warnings: described.Warnings, Changes: []importedChange{}}
	for _, change := range changes {
		result.Changes = append(result.Changes, importedChange{
			Effect: change.Effect, Loosens: change.Effect.Loosens(), Methods: change.Methods, Path: change.Path,
			Before: needsOf(change.Before), After: needsOf(change.After),
		})
	}
	result.Diff = string(diff.Diff("as it is", current, "as it would be", file))
	return result
}

func needsOf(r *catalog.Resource) string {
	if r == nil {
		return "denied"
	}
	return r.Needs()
}

func (c *cli) applyImport(cmd *cobra.Command, i *importing, result *imported, file []byte) error {
	if !c.json {
		c.sayImport(result, i.dryRun)
	}
	if i.dryRun || result.Diff == "" {
		if c.json {
			return c.show(result, nil)
		}
		return nil
	}
	if err := c.confirm(cmd, i); err != nil {
		return err
	}
	if i.output != "" {
		if err := os.WriteFile(i.output, file, 0o644); err != nil {
			return err
		}
	} else {
		e := edit{client: i.client, org: i.org, name: i.application}
		if err := e.put(cmd.Context(), file, i.tag); err != nil {
			return err
		}
	}
	result.Applied = true
	return c.show(result, func() {
		if i.output != "" {
			c.say("%s %s is written; 'daypass resource put %s' applies it", c.paint.green("✓"), line(i.output), line(i.output))
			return
		}
		c.say("%s %s is as in the document now; the gate has applied it", c.paint.green("✓"), line(i.application))
	})
}

// sayImport prints warnings and what changes; the text of the file only where nothing else is done.
func (c *cli) sayImport(result *imported, text bool) {
	c.warnAbout(result.Warnings)
	if result.Diff == "" {
		c.say("%s nothing changes", c.paint.green("✓"))
		return
	}
	if text {
		c.sayDiff(result.Diff)
		c.say("")
	}
	if len(result.Changes) == 0 {
		c.say("who gets in where stays the same; only the text changes")
		return
	}
	var rows [][]string
	loosened, public := 0, 0
	for _, change := range result.Changes {
		effect := string(change.Effect)
		if change.Loosens {
			effect = strings.ToUpper(effect)
			loosened++
		}
		if change.Effect == catalog.Opened || change.Effect == catalog.Published {
			public++
		}
		methods := slices.DeleteFunc(slices.Clone(change.Methods), func(m string) bool { return m == "HEAD" && slices.Contains(change.Methods, "GET") })
		rows = append(rows, []string{effect, strings.Join(methods, ",") + " " + change.Path, change.Before, change.After})
	}
	c.table([]string{"EFFECT", "REQUESTS", "BEFORE", "AFTER"}, rows)
	if loosened > 0 {
		c.say("%s %s", c.paint.red("✗"), c.paint.bold(fmt.Sprintf("in %d of these somebody gets in who did not before; in %d of these anybody does, without a pass", loosened, public)))
	}
}

// sayDiff prints a unified diff.
func (c *cli) sayDiff(text string) {
	for _, l := range strings.Split(strings.TrimRight(inert(text), "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "+"):
			l = c.paint.green(l)
		case strings.HasPrefix(l, "-"):
			l = c.paint.red(l)
		}
		c.say("%s", l)
	}
}

// warnAbout prints warnings beside the output, those alike together.
func (c *cli) warnAbout(warnings []catalog.Warning) {
	count := map[string]int{}
	for _, w := range warnings {
		count[w.Message]++
	}
	for _, w := range warnings {
		n := count[w.Message]
		if n == 0 {
			continue
		}
		count[w.Message] = 0
		where := ""
		if w.Operation != "" {
			where = fmt.Sprintf("line %d, %s: ", w.Line, w.Operation)
		}
		if n > 1 {
			where = fmt.Sprintf("line %d, %s, and %d more: ", w.Line, w.Operation, n-1)
		}
		c.note("%s %s%s", paintFor(c.err, c.environ).yellow("warning:"), line(where), line(w.Message))
	}
}

// confirm asks whether to go on; where nobody can be asked, --yes must have been given.
func (c *cli) confirm(cmd *cobra.Command, i *importing) error {
	if i.yes {
		return nil
	}
	if !c.asksPeople() {
		return failed("not_confirmed", "nothing was changed").advising("--yes goes on without asking; --dry-run only shows")
	}
	fmt.Fprint(c.err, "Apply this? [y/N] ")
	var answer string
	if _, err := fmt.Fscanln(cmd.InOrStdin(), &answer); err == nil && slices.Contains([]string{"y", "yes"}, strings.ToLower(answer)) {
		return nil
	}
	return failed("not_confirmed", "nothing was changed")
}

// asksPeople reports whether somebody sits at the terminal who can answer.
func (c *cli) asksPeople() bool {
	in, ok := c.in.(*os.File)
	return ok && !c.json && isTerminal(in) && isTerminal(c.err)
}

func newResourceExport(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "export APPLICATION",
		Short: "Print an OpenAPI document of an application",
		Long: `Print an OpenAPI 3.1 document of an application, as YAML or with --json as JSON: its paths and methods, and
the scopes that each needs. 'daypass resource import' makes the same resources of it.`,
		Example: `  daypass resource export photos > openapi.yaml
  daypass resource export photos --json > openapi.json`,
		Args: args("APPLICATION"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			text, err := resourceFile(cmd.Context(), client, org, arguments[0], "application/yaml")
			if err != nil {
				return err
			}
			doc, err := catalog.ParseDocument(text)
			if err != nil {
				return err
			}
			compiled, err := catalog.Compile(access.Application{Slug: cmp.Or(doc.Application, arguments[0]), Organization: cmp.Or(doc.Organization, org), Document: text})
			if err != nil {
				return err
			}
			document, err := catalog.ToOpenAPI(compiled)
			if err == nil && !c.json {
				document, err = catalog.ToYAML(document)
			}
			if err != nil {
				return err
			}
			_, err = c.out.Write(document)
			return err
		},
	}
}
