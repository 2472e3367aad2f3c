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
		file    string
		options server.InitOptions
	)
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a server's store, its keys and the first administrator",
		Long: `Make the store (embedded in a folder, or in the PostgreSQL database of DAYPASS_DATABASE_URL), the master key and the
signing key, and the first organization with its administrator. The administrator's key is printed once, alone on the
standard output, and stored nowhere:

  export DAYPASS_KEY=$(daypass init --data ./data --org acme)

Keep a copy of the master key (master.key in the folder) apart from the data: without it the store cannot be read.`,
		Example: `  daypass init --data ./data --org acme
  daypass init --data ./data --org acme --public-url https://pass.example.com --json`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := server.LoadConfig(cmd.Flags(), cmp.Or(file, c.variable("DAYPASS_CONFIG")), c.environ)
			if err != nil {
				return err
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
	flags.StringVar(&options.Organization, "org", "main", "name of the first organization: lower-case letters, digits, hyphens")
	flags.StringVar(&options.Name, "name", "", "the organization's name as people write it")
	flags.StringVar(&options.User, "user", "administrator", "name of the first administrator")
	flags.StringVar(&options.Algorithm, "algorithm", "ES256", "of the signing key: ES256, EdDSA, RS256 or PS256")
	return cmd
}
