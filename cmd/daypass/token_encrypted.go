package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/verify"
)

// errEncrypted is for what cannot be told of an encrypted pass here.
var errEncrypted = failed("encrypted", "this pass is encrypted: only the server can read it, so leave out --offline")

// inspectEncrypted asks the server, with the key, what an encrypted pass says.
func (c *cli) inspectEncrypted(cmd *cobra.Command, text string, offline bool) error {
	if offline {
		return errEncrypted
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	answer, err := daypass.Answer[json.RawMessage](client.API().IntrospectToken(cmd.Context(), api.TokenText{Token: text}))
	if err != nil {
		return err
	}
	claims, err := verify.ReadClaims(*answer)
	found := inspection{Header: &passHeader{Algorithm: verify.EncryptionAlgorithm, Type: verify.TypEncrypted}, Claims: claims, Active: new(err == nil)}
	if err != nil { // of a pass that does not live nothing is told
		found.Claims = &verify.Claims{}
	}
	if err := c.show(found, func() { c.describePass(found) }); err != nil {
		return err
	}
	if !*found.Active {
		return shown(exitDenied)
	}
	return nil
}
