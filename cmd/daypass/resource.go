package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

func newResourceCommand(c *cli) *cobra.Command {
	return newGroup(c, "resource", "Check, put and show the resource file of an application",
		`  daypass resource check photos.yaml
  daypass resource put photos.yaml
  daypass resource show photos > photos.yaml`,
		newResourceCheck(c), newPut(c, "resource"), newResourceShow(c), newShadow(c, "resource"), newResourcePromote(c), newResourceReplay(c))
}

// readResources reads a resource file and checks it as a server would.
func (c *cli) readResources(file string) ([]byte, *catalog.Document, error) {
	data, err := c.readInput(file)
	if err != nil {
		return nil, nil, err
	}
	doc, err := catalog.ParseDocument(data)
	if err == nil {
		err = compileResources(data, access.Application{Slug: doc.Application, Organization: doc.Organization})
	}
	var wrong *access.Error
	if errors.As(err, &wrong) {
		name := file
		if name == "-" {
			name = "standard input"
		}
		return nil, nil, &trouble{Code: wrong.Code, Message: name + ":\n" + wrong.Message, Fields: wrong.Fields, exit: exitFailed}
	}
	return data, doc, err
}

// compileResources refuses a resource file that the server would not take for this application.
func compileResources(data []byte, app access.Application) error {
	app.Document = data
	_, err := catalog.Compile(app)
	return err
}

// checked is what 'resource check' prints with --json.
type checked struct {
	Application  string         `json:"application,omitempty"`
	Organization string         `json:"organization,omitempty"`
	Resources    []checkedMatch `json:"resources"`
}

type checkedMatch struct {
	Line  int    `json:"line"`
	Match string `json:"match"`
	Needs string `json:"needs"`
}

func newResourceCheck(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Check a resource file here, without a server",
		Long:    "Check a resource file here, without a server. What is wrong is named with line and column. '-' reads the standard input.",
		Example: "  daypass resource check photos.yaml",
		Args:    args("FILE"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			_, doc, err := c.readResources(arguments[0])
			if err != nil {
				return err
			}
			found := checked{Application: doc.Application, Organization: doc.Organization, Resources: []checkedMatch{}}
			rows := [][]string{}
			for _, r := range doc.Resources {
				m := checkedMatch{r.Line, r.Match, needs(r)}
				if r.Mode == catalog.Shadow || doc.Mode == catalog.Shadow {
					m.Needs += "; in shadow mode"
				}
				found.Resources = append(found.Resources, m)
				rows = append(rows, []string{m.Match, m.Needs})
			}
			return c.show(found, func() {
				c.say("%s %s is right: the first of these that matches decides, everything else is denied", c.paint.green("✓"), line(cmp.Or(doc.Application, arguments[0])))
				c.table([]string{"MATCH", "NEEDS"}, rows)
			})
		},
	}
}

// needs says in words what a resource requires.
func needs(r catalog.Resource) string {
	if r.Public {
		return "nothing: it is public"
	}
	var parts []string
	for _, s := range r.Scopes {
		parts = append(parts, s.String())
	}
	if len(r.Roles) > 0 {
		where := " here"
		if r.InAccount {
			where = " anywhere in the organization"
		}
		parts = append(parts, r.RoleText()+where)
	}
	return cmp.Or(strings.Join(parts, " and "), "any good pass")
}

// newPut makes 'app put' and 'resource put': they are the same, and people look in both places.
func newPut(c *cli, noun string) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "put FILE",
		Short: "Make or change an application from its resource file",
		Long: `Make or change an application from its resource file (YAML or JSON). The file is checked here first;
the gate has applied it when this returns. '-' reads the standard input. A file with 'mode: shadow' is tried beside
the one that is enforced; 'daypass ` + noun + ` shadow' tells what it would change.`,
		Example: "  daypass " + noun + " put photos.yaml\n  daypass " + noun + " put - --name photos < photos.yaml",
		Args:    args("FILE"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			data, doc, err := c.readResources(arguments[0])
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
			return c.putApplication(cmd.Context(), client, org, name, data)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the application; default: what the file says")
	return cmd
}

func (c *cli) putApplication(ctx context.Context, client *api.Client, org, name string, data []byte) error {
	response, err := client.PutApplicationWithBody(ctx, org, name, nil, mediaType(data), bytes.NewReader(data))
	app, err := daypass.Answer[api.Application](response, err)
	if err != nil {
		return err
	}
	done := map[bool]string{true: "is new", false: "is as in the file now"}[response.StatusCode == http.StatusCreated]
	return c.show(app, func() {
		c.sayPut(app, done)
	})
}

// mediaType tells JSON from YAML as the server does.
func mediaType(data []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return "application/json"
	}
	return "application/yaml"
}

func newResourceShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show APPLICATION",
		Short:   "Print the resource file of an application",
		Example: "  daypass resource show photos > photos.yaml",
		Args:    args("APPLICATION"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			accept := "application/yaml"
			if c.json {
				accept = "application/json"
			}
			text, err := daypass.Text(client.GetApplication(cmd.Context(), org, arguments[0], accepting(accept)))
			if err != nil {
				return err
			}
			_, err = c.out.Write(append(bytes.TrimRight(text, "\n"), '\n'))
			return err
		},
	}
}

// accepting asks for a form of the answer.
func accepting(mediaType string) api.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Accept", mediaType)
		return nil
	}
}
