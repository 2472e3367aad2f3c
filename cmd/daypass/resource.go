package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
)

func newResourceCommand(c *cli) *cobra.Command {
	return newGroup(c, "resource", "Check, put, show, import and export the resource file of an application",
		`  daypass resource check photos.yaml
  daypass resource put photos.yaml
  daypass resource show photos > photos.yaml
  daypass resource import openapi.yaml --application photos --dry-run`,
		newResourceCheck(c), newPut(c, "resource"), newResourceShow(c), newResourceImport(c), newResourceExport(c),
		newShadow(c, "resource"), newResourcePromote(c), newResourceReplay(c))
}

// readResources reads a resource file and checks it as a server would.
func (c *cli) readResources(file string) ([]byte, *catalog.Document, error) {
	data, app, err := c.readApplication(file)
	if err != nil {
		return nil, nil, err
	}
	return data, app.Document, nil
}

// readApplication is [cli.readResources] for those who match against the file.
func (c *cli) readApplication(file string) ([]byte, *catalog.Application, error) {
	data, err := c.readInput(file)
	if err != nil {
		return nil, nil, err
	}
	name := file
	if name == "-" {
		name = "standard input"
	}
	app, err := applicationOf(name, data)
	return data, app, err
}

// applicationOf reads a resource file for whatever application it names.
func applicationOf(name string, data []byte) (*catalog.Application, error) {
	app := access.Application{Document: data}
	doc, err := catalog.ParseDocument(data)
	if err == nil {
		app.Slug, app.Organization = doc.Application, doc.Organization
		var compiled *catalog.Application
		if compiled, err = catalog.Compile(app); err == nil {
			return compiled, nil
		}
	}
	return nil, wrongFile(name, err)
}

// compileResources refuses a resource file that the server would not take for this application.
func compileResources(data []byte, app access.Application) error {
	app.Document = data
	_, err := catalog.Compile(app)
	return err
}

// wrongFile names the file that an error is about.
func wrongFile(name string, err error) error {
	var wrong *access.Error
	if errors.As(err, &wrong) {
		return &trouble{Code: wrong.Code, Message: name + ":\n" + wrong.Message, Fields: wrong.Fields, exit: exitFailed}
	}
	return err
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
			text, err := resourceFile(cmd.Context(), client, org, arguments[0], accept)
			if err != nil {
				return err
			}
			_, err = c.out.Write(append(bytes.TrimRight(text, "\n"), '\n'))
			return err
		},
	}
}

// resourceFile asks the server for the resource file of an application.
func resourceFile(ctx context.Context, client *api.Client, org, name, accept string) ([]byte, error) {
	return daypass.Text(client.GetApplication(ctx, org, name, accepting(accept)))
}

// accepting asks for a form of the answer.
func accepting(mediaType string) api.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Accept", mediaType)
		return nil
	}
}
