package main

import (
	"cmp"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daypass/daypass/internal/server"
)

// initSettings are the settings of the server that matter to the making of its store.
var initSettings = []string{"data", "master-key-file", "public-url"}

func newInitCommand(c *cli) *cobra.Command {
	var (
		file     string
		restored bool
		options  server.InitOptions
	)
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a server's store, its keys and the first administrator",
		Long: `Make the store (embedded in a folder, or in the PostgreSQL database of DAYPASS_DATABASE_URL), the master key and the
signing key, and the first organization with its administrator. The administrator's key is printed once, alone on the
standard output, and stored nowhere:

  export DAYPASS_KEY=$(daypass init --data ./data --org acme)

Keep a copy of the master key (master.key in the folder) apart from the data: without it the store cannot be read.

--restored is for a store that was brought back from a backup: it makes a new signing key instead, which ends every
pass, also those that were revoked after the backup was made. Run it before the server.`,
		Example: `  daypass init --data ./data --org acme
  daypass init --data ./data --restored
  daypass init --data ./data --org acme --public-url https://pass.example.com --json`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := server.LoadConfig(cmd.Flags(), cmp.Or(file, c.variable("DAYPASS_CONFIG")), c.environ)
			if err != nil {
				return err
			}
			if restored {
				return c.initRestored(cmd, config)
			}
			made, err := server.Init(cmd.Context(), config, options)
			if err != nil {
				return err
			}
			return c.show(made, func() {
				p := paintFor(c.err, c.environ)
				c.note("%s organization %s is there; %s is its administrator, with this key, shown only now:", p.green("✓"), made.Organization, made.User)
				c.say("%s", made.Key)
				c.note("next: %s", p.bold("daypass serve --data "+config.Data))
			})
		},
	}
	flags := cmd.Flags()
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	server.AddFlags(all)
	for _, name := range initSettings {
		flags.AddFlag(all.Lookup(name))
	}
	flags.StringVar(&file, "config", "", "configuration file, YAML (DAYPASS_CONFIG)")
	flags.BoolVar(&restored, "restored", false, "end every pass of a store that was brought back from a backup")
	flags.StringVar(&options.Organization, "org", "main", "name of the first organization: lower-case letters, digits, hyphens")
	flags.StringVar(&options.Name, "name", "", "the organization's name as people write it")
	flags.StringVar(&options.User, "user", "administrator", "name of the first administrator")
	flags.StringVar(&options.Algorithm, "algorithm", "ES256", "of the signing key: ES256, EdDSA, RS256 or PS256")
	return cmd
}

func (c *cli) initRestored(cmd *cobra.Command, config server.Config) error {
	for _, name := range []string{"org", "name", "user", "algorithm"} {
		if cmd.Flags().Changed(name) {
			return usage(cmd, "--restored and --%s exclude each other: a restored store has all it needs", name)
		}
	}
	key, err := server.Restored(cmd.Context(), config)
	if err != nil {
		return err
	}
	return c.show(map[string]string{"signing_key": key}, func() {
		c.say("%s every pass made so far has ended; new ones are signed with %s", c.paint.green("✓"), key)
		c.say("Delete again what was deleted after the backup: keys, users, memberships. Then start the server.")
	})
}
