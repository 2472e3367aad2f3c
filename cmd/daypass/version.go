package main

import (
	"runtime"

	"github.com/spf13/cobra"
)

// versionJSON is what 'version' prints with --json.
type versionJSON struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

func newVersionCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		Example: "  daypass version --json",
		Args:    args(),
		RunE:    func(*cobra.Command, []string) error { return c.showVersion() },
	}
}

func (c *cli) showVersion() error {
	v := versionJSON{versionText(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	return c.show(v, func() { c.say("daypass %s (%s, %s)", v.Version, v.Go, v.System) })
}
