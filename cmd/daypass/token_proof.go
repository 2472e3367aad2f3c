package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
)

func newTokenProof(c *cli) *cobra.Command {
	var file, pass, nonce string
	cmd := &cobra.Command{
		Use:   "proof --sender-key FILE METHOD URL",
		Short: "Prove the key that a pass is bound to, for one request",
		Long: `Make the value of a DPoP header (RFC 9449) for one request, good once and for a minute. Sent along to
POST /v1/tokens, it binds the pass to the key; with that pass, name it here too. Nothing is sent anywhere.

The file holds a private key in PEM: ECDSA on P-256, or Ed25519.`,
		Example: `  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out sender.pem
  daypass token proof --sender-key sender.pem POST https://pass.example.com/v1/tokens
  echo "$PASS" | daypass token proof --sender-key sender.pem --pass - GET https://photos.example.com/vault/1`,
		Args: args("METHOD", "URL"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if file == "" {
				return usage(cmd, "--sender-key is missing: name the file that holds the private key, in PEM")
			}
			key, err := readSenderKey(file)
			if err != nil {
				return failed("sender_key_file", "%s: %v", file, err)
			}
			if pass != "" {
				if pass, err = c.readPass(cmd, pass); err != nil {
					return err
				}
			}
			proof, err := key.Proof(arguments[0], arguments[1], pass, nonce)
			if err != nil {
				return usage(cmd, "%v", err)
			}
			return c.show(proofJSON{proof, key.Thumbprint()}, func() { c.say("%s", proof) })
		},
	}
	cmd.Flags().StringVar(&file, "sender-key", "", "file with the private key, in PEM")
	cmd.Flags().StringVar(&pass, "pass", "", "the pass that the proof goes with; - reads it from the standard input")
	cmd.Flags().StringVar(&nonce, "nonce", "", "what the server gave in the header DPoP-Nonce")
	return cmd
}

type proofJSON struct {
	Proof      string `json:"proof"`
	Thumbprint string `json:"thumbprint"`
}

// readSenderKey reads PKCS #8, or SEC 1 as openssl ecparam writes it. Other blocks, such as parameters, may come before.
func readSenderKey(file string) (*daypass.SenderKey, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("it holds no private key in PEM")
		}
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue
		}
		if err != nil {
			return nil, errors.New("its private key cannot be read")
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("a key of kind %T does not sign", key)
		}
		return daypass.NewSenderKey(signer)
	}
}
