package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/internal/server"
)

func newServeCommand(c *cli) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is told to stop (Ctrl-C, SIGTERM); open requests may finish first. SIGHUP reads certificates
again.

Every flag is also an environment variable (--token-life: DAYPASS_TOKEN_LIFE) and a key of the configuration file
(token_life). A flag wins over the environment, the environment over the file. Port 0 picks a free port.`,
		Example: `  daypass serve --data ./data
  daypass serve --config daypass.yaml --listen :8443 --tls-cert cert.pem --tls-key key.pem
  daypass serve --dev`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := server.LoadConfig(cmd.Flags(), cmp.Or(file, c.variable("DAYPASS_CONFIG")), c.environ)
			if err != nil {
				return err
			}
			s, err := server.New(cmd.Context(), config, server.Options{Version: versionText(), Log: c.err, Hashes: hashCommand()})
			if err != nil {
				return err
			}
			server.TuneHeap()
			c.announceDev(s.Made())
			return s.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file, YAML (DAYPASS_CONFIG)")
	server.AddFlags(cmd.Flags())
	return cmd
}

// announceDev prints the key that development mode made: there is no other way to get one.
func (c *cli) announceDev(made server.Created) {
	if made.Key != "" {
		_ = c.show(made, func() { c.say("%s", made.Key) })
	}
}

// variable is a variable of the environment, or "".
func (c *cli) variable(name string) string {
	at := slices.IndexFunc(c.environ, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	if at < 0 {
		return ""
	}
	return c.environ[at][len(name)+1:]
}
