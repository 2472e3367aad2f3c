package main

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/sign"
)

func newKeySign(c *cli) *cobra.Command {
	var (
		file string
		life = seconds(600)
	)
	cmd := &cobra.Command{
		Use:   "sign KEY-ID --secret-file FILE",
		Short: "Sign a time, so that a key is proved without its secret",
		Long: `Sign a time in the future with the secret of a key made with --require-signature. Until then, whoever has
{key, sig, msg} may use the key, for any request: hand it to a browser, and make it short. Servers take at most 30
minutes unless they were told otherwise. Nothing is sent anywhere.`,
		Example: "  daypass key sign key_01k8dn1x7m4c3h8j6k2p5r9t0v --secret-file web.secret --for 10m",
		Args:    args("KEY-ID"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if file == "" {
				return usage(cmd, "--secret-file is missing: name the file that holds the key's secret (dps_…)")
			}
			if life <= 0 {
				return usage(cmd, "--for is a time to come, such as 10m")
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				return failed("secret_file", "the secret file cannot be read: %v", err)
			}
			secret := strings.TrimSpace(string(raw))
			if !strings.HasPrefix(secret, "dps_") {
				return failed("secret_file", "the file holds no secret: that begins with dps_, and was shown when the key was made")
			}
			out := json.NewEncoder(c.out)
			return out.Encode(sign.SignTime(arguments[0], []byte(secret), time.Now().Add(time.Duration(life)*time.Second)))
		},
	}
	cmd.Flags().StringVar(&file, "secret-file", "", "file that holds the key's secret")
	cmd.Flags().Var(&life, "for", "how long it is good, such as 10m")
	return cmd
}
