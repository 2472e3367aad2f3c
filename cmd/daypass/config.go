package main

import (
	"cmp"
	"io"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/internal/server"
)

//go:generate sh -c "go run . config reference --markdown > ../../docs/configuration.md"

func newConfigCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check a server's settings; export and import what it serves",
		Example: "  daypass config check daypass.yaml\n  daypass config export ./configuration\n  daypass config import ./configuration --dry-run",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigCheck(c), newConfigReference(c), newConfigExport(c), newConfigImport(c))
	return cmd
}

func newConfigCheck(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Check the environment and a configuration file; name every wrong or unknown key",
		Example: "  daypass config check daypass.yaml\n  DAYPASS_LISTEN=:8080 daypass config check",
		Args:    optional,
		RunE: func(_ *cobra.Command, arguments []string) error {
			file := c.variable("DAYPASS_CONFIG")
			if len(arguments) == 1 {
				file = arguments[0]
			}
			if _, err := server.LoadConfig(nil, file, c.environ); err != nil {
				return err
			}
			checked := "the environment"
			if file != "" {
				checked = file + ", with the environment,"
			}
			return c.show(map[string]bool{"ok": true}, func() { c.say("%s %s is right", c.paint.green("✓"), checked) })
		},
	}
}

// settingJSON is one setting in 'config reference --json'.
type settingJSON struct {
	Key         string `json:"key"`
	Flag        string `json:"flag,omitempty"`
	Environment string `json:"environment"`
	Type        string `json:"type"`
	Default     string `json:"default"`
	Help        string `json:"help"`
	Secret      bool   `json:"secret"`
}

func newConfigReference(c *cli) *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:     "reference",
		Short:   "List every setting of the server",
		Example: "  daypass config reference\n  daypass config reference --markdown > configuration.md",
		Args:    args(),
		RunE: func(*cobra.Command, []string) error {
			settings := []settingJSON{}
			for _, s := range server.Reference() {
				flag := s.Flag
				if s.Secret {
					flag = ""
				}
				settings = append(settings, settingJSON{s.Key, flag, s.Env, s.Type, s.Default, s.Help, s.Secret})
			}
			if markdown {
				_, err := io.WriteString(c.out, server.ReferenceMarkdown())
				return err
			}
			return c.show(settings, func() {
				rows := make([][]string, len(settings))
				for i, s := range settings {
					rows[i] = []string{cmp.Or(s.Flag, s.Environment), s.Default, s.Help}
				}
				c.manual(rows)
			})
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the page of the documentation")
	return cmd
}
