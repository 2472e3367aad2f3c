package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

func newExplainCommand(c *cli) *cobra.Command {
	var (
		pass, key            string
		address, application string
		query, operation     string
		anonymous            bool
	)
	cmd := &cobra.Command{
		Use:   "explain METHOD URL",
		Short: "Why a request would, or would not, be let through",
		Long: `Ask the gate about a request without sending it: every check in order, and the smallest change that would let it
through. The request is tried with --token, or as with a pass of the key that --pass-of names, or with --anonymous
without any; else with a pass made on the spot from your own key (all it may, for a minute). A path alone will do where
the application has no hosts. What is asked of a GraphQL resource stands in --query. A denied request gives exit code 3.`,
		Example: `  daypass explain GET https://photos.example.com/albums/7 --token "$PASS"
  daypass explain POST /albums --application acme/photos
  daypass explain POST /albums --pass-of key_01k8dn0002v5s8e1g4k7m0p3r6
  daypass explain GET https://photos.example.com/ --anonymous --from 203.0.113.7
  daypass explain POST /graphql --query 'mutation { CreatePerson(name: "Ada") { id } }'`,
		Args: args("METHOD", "URL"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if anonymous && pass != "" {
				return usage(cmd, "--token and --anonymous exclude each other")
			}
			if key != "" && (anonymous || pass != "") {
				return usage(cmd, "--pass-of excludes --token and --anonymous")
			}
			client, token, err := c.explainer(cmd, pass, anonymous || key != "")
			if err != nil {
				return err
			}
			request := api.ExplainRequest{
				Method:      strings.ToUpper(arguments[0]),
				URL:         withHost(arguments[1]),
				Key:         given(cmd.Flags(), "pass-of", key),
				Address:     given(cmd.Flags(), "from", address),
				Application: given(cmd.Flags(), "application", application),
			}
			if query == "" && operation != "" {
				return usage(cmd, "--operation names one of the operations of --query")
			}
			if query != "" {
				request.Graphql = &api.ExplainGraphQL{Query: query, OperationName: given(cmd.Flags(), "operation", operation)}
			}
			if token != "" {
				request.Token = &token
			}
			explanation, err := client.Explain(cmd.Context(), request)
			if err != nil {
				return err
			}
			if err := c.show(explanation, func() { c.describeDecision(request, explanation) }); err != nil {
				return err
			}
			if !explanation.Allow {
				return shown(exitDenied)
			}
			return nil
		},
	}
	addClientFlags(c, cmd)
	flags := cmd.Flags()
	flags.StringVar(&pass, "token", "", "pass to try the request with; '-' reads it from the standard input")
	flags.StringVar(&key, "pass-of", "", "id of a key: as with the pass that it would give")
	flags.BoolVar(&anonymous, "anonymous", false, "try the request without a pass")
	flags.StringVar(&address, "from", "", "address the request comes from; default: this machine's")
	flags.StringVar(&query, "query", "", "GraphQL document the request asks for")
	flags.StringVar(&operation, "operation", "", "name of the operation, where --query has several")
	flags.StringVar(&application, "application", "", "org/app, where the host of the URL does not tell")
	return cmd
}

// withHost completes a path: an application without hosts answers on any.
func withHost(url string) string {
	if strings.HasPrefix(url, "/") {
		return "http://localhost" + url
	}
	return url
}

// explainer is who asks, and the pass to try. Without a key the pass itself may ask.
func (c *cli) explainer(cmd *cobra.Command, pass string, none bool) (*daypass.Client, string, error) {
	text := pass
	if pass != "" {
		var err error
		if text, err = c.readPass(cmd, pass); err != nil {
			return nil, "", err
		}
	}
	credential, err := c.credential()
	if err != nil {
		return nil, "", err
	}
	if credential == "" && text != "" {
		client, err := c.clientAs(text)
		return client, text, err
	}
	client, err := c.client()
	if err != nil || text != "" || none {
		return client, text, err
	}
	token, err := client.Exchange(cmd.Context(), daypass.ExchangeRequest{Life: time.Minute})
	if err != nil {
		return nil, "", err
	}
	return client, token.Text, nil
}

func (c *cli) describeDecision(r api.ExplainRequest, e *api.Explanation) {
	c.say("%s", c.paint.bold(line(r.Method+" "+r.URL)))
	if e.Application != nil {
		rule := ""
		if e.Resource != nil {
			rule = " · " + *e.Resource
			if e.Line != nil {
				rule += fmt.Sprintf(" (line %d of its file)", *e.Line)
			}
		}
		c.say("%s", c.paint.dim(line(*e.Application+rule)))
	}
	c.say("")
	c.describeChecks(e.Checks)
	c.describeVerdict(e, "")
	if e.Shadow != nil {
		c.describeTried(e.Shadow)
	}
}

// describeTried tells what would be answered if what is in shadow mode were enforced.
func (c *cli) describeTried(e *api.ShadowExplanation) {
	verdict := c.paint.green(line(e.Reason))
	if !e.Allow {
		verdict = c.paint.red("denied") + "  " + line(e.Reason)
	}
	rule := ""
	if e.Resource != nil {
		rule = " by " + *e.Resource
		if e.Line != nil {
			rule += fmt.Sprintf(" (line %d)", *e.Line)
		}
	}
	c.say("")
	c.say("%s  %s, HTTP %d%s", c.paint.dim("in shadow mode"), verdict, e.Status, line(rule))
	c.say("   %s", c.paint.dim(shadowWords[api.ApplicationShadow(e.Tried)]))
	if fix := value(e.Fix); fix != "" {
		c.say("   %s     %s", c.paint.cyan("fix"), line(fix))
	}
}

func (c *cli) describeChecks(checks []api.Check) {
	width := 0
	for _, check := range checks {
		width = max(width, utf8.RuneCountInString(check.Name))
	}
	for _, check := range checks {
		c.describeCheck(check.Name, string(check.Outcome), value(check.Sentence), width)
	}
}

func (c *cli) describeVerdict(e *api.Explanation, indent string) {
	c.say("")
	if e.Allow {
		c.say("%s%s  HTTP %d", indent, c.paint.green(line(e.Reason)), e.Status)
		return
	}
	c.say("%s%s  %s, HTTP %d", indent, c.paint.red("denied"), line(e.Reason), e.Status)
	if fix := value(e.Fix); fix != "" {
		c.say("%s%s     %s", indent, c.paint.cyan("fix"), line(fix))
	}
}

// describeCheck prints one check with its mark: ✓ passed, ✗ failed, – not made.
func (c *cli) describeCheck(name, outcome, detail string, width int) {
	mark := map[string]string{"pass": c.paint.green("✓"), "fail": c.paint.red("✗")}[outcome]
	dim := func(s string) string { return s }
	if mark == "" {
		mark, dim = c.paint.dim("–"), c.paint.dim
	}
	const before, between = 5, 2 // characters
	for i, l := range wrap(line(detail), pageWidth-before-width-between) {
		if i > 0 {
			mark, name = " ", ""
		}
		c.say("   %s %s", mark, dim(strings.TrimRight(fmt.Sprintf("%-*s  %s", width, line(name), l), " ")))
	}
}
