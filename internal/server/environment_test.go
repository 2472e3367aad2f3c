package server_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

const (
	secret   = "JWT_SECRET=0123456789abcdef0123456789abcdef"
	authKeys = `JWT_AUTH_KEYS=[{"id":"videodock","apiKey":"jfBeQsMWo5y3AX1MaN8Vvzkk","scopes":["Mutation:Person:*"]},{"id":"public","apiKey":"readonly","scopes":"Query:* Mutation:Place:Create"}]`
)

func TestEnvironmentAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := load(t, "", []string{secret, authKeys, "JWT_EXPIRES=2 days", "JWT_ISSUER=https://ce.example"})
	if err != nil {
		t.Fatal(err)
	}
	e := c.Environment
	if e == nil || e.Life != 48*time.Hour || e.Issuer != "https://ce.example" || len(e.Keys) != 2 || e.Keys[1].Scopes.String() != "Mutation:Place:Create Query:*" {
		t.Fatalf("%+v", e)
	}
	for text, want := range map[string]time.Duration{"3600": time.Hour, "1d": 24 * time.Hour, "1.5s": time.Second} {
		if c, err := load(t, "", []string{secret, authKeys, "JWT_EXPIRES=" + text}); err != nil || c.Environment.Life != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(strings.TrimPrefix(authKeys, "JWT_AUTH_KEYS=")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := load(t, "", []string{secret, "JWT_AUTH_KEYS_FILE=" + path}); err != nil || len(c.Environment.Keys) != 2 || c.Environment.Life != c.TokenLife {
		t.Errorf("from a file: %v", err)
	}
}

// TestEnvironmentBesideADatabase: where there is a store, or one is named, the variables do not replace it.
func TestEnvironmentBesideADatabase(t *testing.T) {
	t.Chdir(t.TempDir())
	env := []string{secret, authKeys}
	for _, args := range [][]string{{"--data", "elsewhere"}, {"--dev"}} {
		if c, err := load(t, "", env, args...); err != nil || c.Environment != nil {
			t.Errorf("%v: %v %v", args, c.Environment, err)
		}
	}
	if c, err := load(t, "", append(env, "DAYPASS_DATABASE_URL=postgres://db/x")); err != nil || c.Environment != nil {
		t.Errorf("PostgreSQL: %v %v", c.Environment, err)
	}
	c := server.DefaultConfig()
	if _, err := server.Init(context.Background(), c, server.InitOptions{}); err != nil {
		t.Fatal(err)
	}
	if c, err := load(t, "", env); err != nil || c.Environment != nil {
		t.Errorf("a store in the default folder: %v %v", c.Environment, err)
	}
	if _, err := load(t, "", nil, "--signing-key-file", "key.pem"); err == nil {
		t.Error("a signing key file beside a database is taken")
	}
}

func TestEnvironmentIsStrict(t *testing.T) {
	t.Chdir(t.TempDir())
	keys := func(text string) []string { return []string{secret, "JWT_AUTH_KEYS=" + text} }
	with := func(lines ...string) []string { return append([]string{secret, authKeys}, lines...) }
	const good = `"apiKey":"CANARYcanaryCANARY","scopes":["*"]`
	for what, c := range map[string]struct {
		env  []string
		says string
	}{
		"no secret":          {[]string{authKeys}, "JWT_SECRET: is needed"},
		"short secret":       {[]string{"JWT_SECRET=CANARY", authKeys}, "JWT_SECRET: has 6 bytes"},
		"31 bytes":           {[]string{"JWT_SECRET=" + strings.Repeat("x", 31), authKeys}, "JWT_SECRET: has 31 bytes"},
		"secret and key":     {with("DAYPASS_SIGNING_KEY_FILE=key.pem"), "JWT_SECRET: excludes"},
		"no keys":            {[]string{secret}, "JWT_AUTH_KEYS: is needed"},
		"zero":               {with("JWT_EXPIRES=0"), "JWT_EXPIRES: must be a second or more"},
		"negative":           {with("JWT_EXPIRES=-1d"), "JWT_EXPIRES: must be a second or more"},
		"less than a second": {with("JWT_EXPIRES=999ms"), "JWT_EXPIRES: must be a second or more"},
		"unreadable":         {with("JWT_EXPIRES=1 fortnight"), "JWT_EXPIRES: write a number of seconds"},
		"empty":              {with("JWT_EXPIRES="), "JWT_EXPIRES: write a number of seconds"},
		"too long":           {with("JWT_EXPIRES=1y"), "JWT_EXPIRES: is longer than max_token_life"},
		"beyond counting":    {with("JWT_EXPIRES=99999999999999999999y"), "JWT_EXPIRES: is longer"},
		"no JSON":            {keys(`CANARY`), "JWT_AUTH_KEYS: is a JSON list"},
		"no list":            {keys(`{"id":"a",` + good + `}`), "JWT_AUTH_KEYS: is a JSON list"},
		"an empty list":      {keys(`[]`), "JWT_AUTH_KEYS: has 1 to"},
		"no id":              {keys(`[{` + good + `}]`), "key 1: it must have id, apiKey and scopes"},
		"an empty id":        {keys(`[{"id":"",` + good + `}]`), "key 1: id:"},
		"a broken id":        {keys(`[{"id":"a\nb",` + good + `}]`), "key 1: id:"},
		"an unknown member":  {keys(`[{"id":"a","admin":true,` + good + `}]`), "JWT_AUTH_KEYS: is a JSON list"},
		"a member twice":     {keys(`[{"id":"a","id":"b",` + good + `}]`), "JWT_AUTH_KEYS: is a JSON list"},
		"an empty apiKey":    {keys(`[{"id":"a","apiKey":"","scopes":["*"]}]`), "key 1: apiKey:"},
		"no scopes":          {keys(`[{"id":"a","apiKey":"CANARY","scopes":[]}]`), "key 1: scopes: name at least one"},
		"a bad scope":        {keys(`[{"id":"a",` + good + `},{"id":"b","apiKey":"x","scopes":["{a,b}"]}]`), "key 2: scopes: scope number 1"},
		"scopes of a number": {keys(`[{"id":"a","apiKey":"CANARY","scopes":1}]`), "key 1: scopes: write a list"},
		"an id twice":        {keys(`[{"id":"a",` + good + `},{"id":"a","apiKey":"x","scopes":["*"]}]`), "key 2: id: another key"},
		"an apiKey twice":    {keys(`[{"id":"a",` + good + `},{"id":"b",` + good + `}]`), "key 2: apiKey: another key"},
		"files not there":    {[]string{"JWT_SECRET_FILE=nowhere", "JWT_AUTH_KEYS_FILE=nowhere"}, "JWT_SECRET_FILE: cannot be read"},
		"a key file alone":   {[]string{"JWT_AUTH_KEYS_FILE=nowhere", "DAYPASS_SIGNING_KEY_FILE=key.pem"}, "JWT_AUTH_KEYS_FILE: cannot be read"},
		"a secret twice":     {with("JWT_SECRET_FILE=environment_test.go"), "JWT_SECRET: is set twice"},
		"a file not there":   {[]string{secret, "JWT_AUTH_KEYS_FILE=nowhere"}, "JWT_AUTH_KEYS_FILE: cannot be read"},
	} {
		_, err := load(t, "", c.env)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
