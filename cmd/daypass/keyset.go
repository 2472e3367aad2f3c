package main

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/verify"
)

func newKeysetCommand(c *cli) *cobra.Command {
	return newGroup(c, "keyset", "The keys that sign and encrypt passes (administrators)",
		`  daypass keyset list
  daypass keyset rotate
  daypass keyset retire sgk_01k8dn1x7m4c3h8j6k2p5r9t0v --now`,
		newKeysetList(c), newKeysetRotate(c), newKeysetRetire(c), newKeysetExport(c))
}

func newKeysetList(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the keys and what each is now",
		Example: "  daypass keyset list",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			list, err := daypass.Answer[api.KeysetKeyList](client.API().ListKeyset(cmd.Context()))
			if err != nil {
				return err
			}
			return showList(c, list.Items, false, "there are no keys", []string{"KEY", "USE", "ALGORITHM", "STATE", "BEGINS", "ENDS"}, func(k api.KeysetKey) []string {
				return []string{k.ID, string(k.Use), k.Algorithm, string(k.State), c.ago(k.Begins), cmp.Or(c.ago(value(k.Ends)), "–")}
			})
		},
	}
}

func newKeysetRotate(c *cli) *cobra.Command {
	var (
		use, algorithm string
		lead           seconds
	)
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Let a new key take over",
		Long: `Make the next key. It is published at once and takes over after the lead (6 minutes), when everyone who checks passes
has heard of it; the key before it stays until the last pass it made has ended. No pass is refused on the way.

With --use enc it is the key that encrypts. Where others hold it ('daypass keyset export-decryption'), give a --lead
that is long enough to hand them the new one.`,
		Example: `  daypass keyset rotate
  daypass keyset rotate --algorithm RS256
  daypass keyset rotate --use enc --lead 7d`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			ask := api.KeysetRotate{
				Use: given(cmd.Flags(), "use", use), Algorithm: given(cmd.Flags(), "algorithm", algorithm), Lead: given(cmd.Flags(), "lead", int64(lead)),
			}
			key, err := daypass.Answer[api.KeysetKey](client.API().RotateKeyset(cmd.Context(), ask))
			if err != nil {
				return err
			}
			return c.show(key, func() {
				c.say("%s %s (%s) takes over %s", c.paint.green("✓"), line(key.ID), line(key.Algorithm), c.ago(key.Begins))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&use, "use", "sig", "sig for the key that signs, enc for the one that encrypts")
	flags.StringVar(&algorithm, "algorithm", "", "ES256, EdDSA, RS256 or PS256; default: as before")
	flags.Var(&lead, "lead", "how long it is known before it is used, such as 1h or 7d; default and least: 6m")
	return cmd
}

func newKeysetRetire(c *cli) *cobra.Command {
	var now bool
	cmd := &cobra.Command{
		Use:   "retire KEY",
		Short: "End a key",
		Long: `End a key. One that a rotation replaced ends by itself, and is left to; one that was not used yet is dropped.

With --now, for a key that leaked: every pass it made is refused from the next request on, on other servers within
seconds, and its holders must get new ones. If it was the one in use, the next key begins at once, or a new one is made.
Services that check passes offline meet a key they do not know: they fetch the keys anew, at most once a minute.`,
		Example: `  daypass keyset retire sgk_01k8dn1x7m4c3h8j6k2p5r9t0v --now`,
		Args:    args("KEY"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if err := daypass.Done(client.API().RetireKeysetKey(cmd.Context(), arguments[0], api.KeysetRetire{Now: &now})); err != nil {
				return err
			}
			consequence := "what it made works until it ends"
			if now {
				consequence = "whatever it made is refused from now on"
			}
			return c.showEnded("retired", arguments[0], consequence)
		},
	}
	cmd.Flags().BoolVar(&now, "now", false, "it leaked: refuse whatever it made, at once")
	return cmd
}

func newKeysetExport(c *cli) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export-decryption --out FILE",
		Short: "Write the private keys that decrypt passes",
		Long: `Write the private keys that decrypt passes, for a service that checks encrypted passes by itself. Who has the file reads
every encrypted pass of this server, of all organizations; it cannot make one. Keep it like a password. That it was
exported is recorded.`,
		Example: "  daypass keyset export-decryption --out decryption.json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usage(cmd, "--out is missing: private keys are written to a file, never to the screen")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			response, err := client.API().ExportDecryption(cmd.Context())
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if response.StatusCode != 200 {
				return daypass.Done(response, nil)
			}
			jwks, err := io.ReadAll(io.LimitReader(response.Body, verify.MaxKeySetBytes))
			if err != nil {
				return err
			}
			keys, err := verify.ParseDecryptionKeys(jwks)
			if err != nil {
				return failed("unexpected_answer", "the server's answer holds no decryption keys: %v", err)
			}
			if err := writeSecret(file, jwks); err != nil {
				return err
			}
			c.note("%s whoever has this file reads every encrypted pass; keep it like a password", c.paint.yellow("!"))
			return c.show(map[string]any{"file": file, "keys": keys.Len()}, func() {
				c.say("%s wrote %d keys to %s", c.paint.green("✓"), keys.Len(), line(file))
			})
		},
	}
	cmd.Flags().StringVar(&file, "out", "", "file to write, which only its owner can read; it must not exist")
	return cmd
}

// writeSecret makes a file that only its owner can read, and nothing in the place of one that is there.
func writeSecret(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed("output", "the file cannot be made: %v", err)
	}
	_, err = f.Write(append(text, '\n'))
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
