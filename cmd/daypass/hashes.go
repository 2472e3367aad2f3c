package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/internal/seal"
)

const hashesName = "hash-passwords"

// hashCommand starts this program as a process that hashes; see [seal.NewHasher].
func hashCommand() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, hashesName}
}

// newHashesCommand is for the server, which starts it, and for nobody else.
func newHashesCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     hashesName,
		Short:   "Hash passwords for the server that started this",
		Example: "  daypass hash-passwords < questions.json",
		Hidden:  true,
		Args:    args(),
		RunE:    func(*cobra.Command, []string) error { return seal.ServeHashes(c.in, c.out) },
	}
}
