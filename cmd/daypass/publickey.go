package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/verify"
)

func publicKeyFlag(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "public-key", "", "file with a public key as a JWK, by whose signatures a client may prove to be this key")
}

// publicKeyFile reads the JWK that was named; nil where none was. An empty name is an empty key, which takes one away.
func publicKeyFile(flags *pflag.FlagSet, file string) (*api.PublicJWK, error) {
	if !flags.Changed("public-key") {
		return nil, nil
	}
	var out api.PublicJWK
	if file == "" {
		return &out, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := verify.ParsePublicKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &out, json.Unmarshal([]byte(key.String()), &out)
}

// publicKeyName tells which key it is by its thumbprint (RFC 7638).
func publicKeyName(k *api.PublicJWK) string {
	if k == nil {
		return ""
	}
	text, err := json.Marshal(k)
	if err != nil {
		return ""
	}
	name, err := verify.Thumbprint(text)
	if err != nil {
		return ""
	}
	return value(k.Alg) + " " + name
}
