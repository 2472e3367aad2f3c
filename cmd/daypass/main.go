package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{
		in:      os.Stdin,
		out:     os.Stdout,
		err:     os.Stderr,
		environ: os.Environ(),
		now:     time.Now,
	}
	code := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// cli is what every command shares.
type cli struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	now      func() time.Time

	json     bool
	paint    paint // of out
	settings clientSettings

	login      *profile // whose pass is used; nil: none
	loginError error    // why there is none
}

// run executes one command line and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	c.paint = paintFor(c.out, c.environ)
	out := &outlet{Writer: c.out}
	c.out = out
	root := newRootCommand(c)
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	err := root.ExecuteContext(ctx)
	if err == nil && out.err != nil {
		err = failed("output", "the output could not be written: %v", out.err)
	}
	if err != nil {
		return c.report(err)
	}
	return exitDone
}

// outlet remembers that something could not be written: a key that is shown once must not get lost in silence.
type outlet struct {
	io.Writer
	err error
}

func (o *outlet) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

func newRootCommand(c *cli) *cobra.Command {
	var versionAsked bool
	root := &cobra.Command{
		Use:   "daypass",
		Short: "Keep the key. Hand out a day pass.",
		Long: `Daypass exchanges long-lived keys for passes (short-lived, narrow, revocable tokens)
and stands at the door of your API to check them.

New here? 'daypass demo' shows the whole story with real requests.`,
		Example: `  daypass demo
  daypass init --data ./data --org acme && daypass serve --data ./data
  DAYPASS_KEY=dp_live_… daypass token create --scopes photos:read --expires-in 1h`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if versionAsked {
				return c.showVersion()
			}
			return cmd.Help()
		},
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON, for scripts")
	root.Flags().BoolVar(&versionAsked, "version", false, "show the version of this program")
	root.SetFlagErrorFunc(wrongFlag)
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run a server:"},
		&cobra.Group{ID: "use", Title: "Use one:"},
	)
	root.SetHelpCommandGroupID("use")
	root.SetCompletionCommandGroupID("use")
	for _, cmd := range []*cobra.Command{newDemoCommand(c), newInitCommand(c), newServeCommand(c), newHashesCommand(c), newConfigCommand(c), newDoctorCommand(c)} {
		cmd.GroupID = "run"
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{
		newLoginCommand(c), newLogoutCommand(c), newWhoamiCommand(c),
		newKeyCommand(c), newTokenCommand(c), newExplainCommand(c), newAppCommand(c), newResourceCommand(c),
		newUserCommand(c), newSessionCommand(c), newMemberCommand(c), newRoleCommand(c), newPlanCommand(c), newIssuerCommand(c), newIdentityCommand(c), newUsageCommand(c), newOrgCommand(c), newKeysetCommand(c), newVersionCommand(c),
	} {
		cmd.GroupID = "use"
		root.AddCommand(cmd)
	}
	root.SetGlobalNormalizationFunc(plural)
	return root
}

// plural lets --scope mean --scopes: one is as natural to write as the other.
func plural(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "scope", "role", "ip":
		name += "s"
	}
	return pflag.NormalizedName(name)
}

// newGroup makes a command that only holds others, all of which talk to a server.
func newGroup(c *cli, name, short, example string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use:     name,
		Short:   short,
		Example: example,
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addClientFlags(c, group)
	group.AddCommand(commands...)
	return group
}

// wrongFlag words a flag that cannot be read. Where a misspelt command was given flags, the word is what is wrong.
func wrongFlag(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
		return noSuchCommand(cmd, cmd.Flags().Args())
	}
	return usage(cmd, "%s", err)
}

// noSuchCommand refuses a word where a command was to stand, and suggests.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2 // typing errors apart
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "; did you mean '" + near[0] + "'?"
	}
	return usage(cmd, "there is no command %q%s", args[0], hint)
}

// args demands exactly these arguments, by the names the help gives them.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) < len(names) {
			return usage(cmd, "%s is missing", names[len(given)])
		}
		if len(given) > len(names) {
			return usage(cmd, "%q is one argument too many", given[len(names)])
		}
		return nil
	}
}

// optional allows one argument.
func optional(cmd *cobra.Command, given []string) error {
	if len(given) > 1 {
		return usage(cmd, "%q is one argument too many", given[1])
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
