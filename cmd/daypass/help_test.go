package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func everyCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		everyCommand(sub, visit)
	}
}

// Each command shows an example that is a command line of this program, in words that fit a terminal.
func TestEveryCommandIsExplained(t *testing.T) {
	const widest = 120
	root := newRootCommand(&cli{out: new(bytes.Buffer)})
	everyCommand(root, func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s has no short help, or no example", path)
		}
		if strings.HasSuffix(cmd.Short, ".") && cmd != root {
			t.Errorf("%s: the short help is no sentence and needs no full stop", path)
		}
		if !strings.Contains(cmd.Example, path) {
			t.Errorf("%s: the example shows another command:\n%s", path, cmd.Example)
		}
		for _, l := range strings.Split(cmd.Long+"\n"+cmd.Example, "\n") {
			if len([]rune(l)) > widest {
				t.Errorf("%s: this line of the help is too long: %s", path, l)
			}
		}
		if cmd.Args == nil {
			t.Errorf("%s takes any argument", path)
		}
	})
}
