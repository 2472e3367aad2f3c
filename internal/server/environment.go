package server

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/strictjson"
	"github.com/daypass/daypass/internal/token"
	"github.com/daypass/daypass/scope"
)

// Environment is a whole server told by variables alone (JWT_SECRET, JWT_EXPIRES, JWT_ISSUER, JWT_AUTH_KEYS): it has no
// database.
type Environment struct {
	Secret string // signs with HS256; empty: the signing key file signs
	Issuer string // empty: the public URL, or else [DefaultIssuer]
	Life   time.Duration
	Keys   []EnvironmentKey
}

// EnvironmentKey is one that may buy passes at /jwt.
type EnvironmentKey struct {
	ID, APIKey string
	Scopes     scope.Set
}

// Limits of JWT_AUTH_KEYS.
const (
	maxEnvironmentKeys  = 10_000
	maxEnvironmentBytes = 4 << 20
	maxEnvironmentID    = 256
	maxEnvironmentText  = 1024
)

// variables are those of [Environment]; each may also end in _FILE and then name a file.
var variables = []string{"JWT_SECRET", "JWT_EXPIRES", "JWT_ISSUER", "JWT_AUTH_KEYS"}

// environment reads the variables that are set.
func environment(environ []string) (set map[string]string, problems []Problem) {
	set = make(map[string]string)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		known := strings.TrimSuffix(name, "_FILE")
		if !slices.Contains(variables, known) {
			continue
		}
		if _, twice := set[known]; twice {
			problems = append(problems, Problem{known, "is set twice, here and as " + known + "_FILE; unset one"})
		}
		if known != name {
			raw, err := os.ReadFile(value)
			if err != nil {
				problems = append(problems, Problem{name, "cannot be read: " + reason(err)})
			}
			value = strings.TrimSpace(string(raw))
		}
		set[known] = value
	}
	return set, problems
}

// readEnvironment makes the server that the variables tell, where they are meant: without a database that is configured or
// already there.
func (c *Config) readEnvironment(environ []string, stored bool) []Problem {
	set, problems := environment(environ)
	if len(set) == 0 {
		return nil
	}
	if _, err := os.Stat(c.databasePath()); stored || c.Dev || err == nil {
		c.environmentIgnored = set["JWT_AUTH_KEYS"] != ""
		return nil
	}
	if len(problems) > 0 || set["JWT_AUTH_KEYS"] == "" && set["JWT_SECRET"] == "" {
		return problems
	}
	add := func(name string, err error) { problems = append(problems, Problem{name, err.Error()}) }
	e := &Environment{Secret: set["JWT_SECRET"], Issuer: set["JWT_ISSUER"], Life: c.TokenLife}
	if err := c.checkSigner(e); err != nil {
		add("JWT_SECRET", err)
	}
	var err error
	if text, ok := set["JWT_EXPIRES"]; ok {
		if e.Life, err = c.readExpires(text); err != nil {
			add("JWT_EXPIRES", err)
		}
	}
	if e.Keys, err = readAuthKeys(set["JWT_AUTH_KEYS"]); err != nil {
		add("JWT_AUTH_KEYS", err)
	}
	c.Environment = e
	return problems
}

func (c *Config) checkSigner(e *Environment) error {
	switch n := len(e.Secret); {
	case c.SigningKeyFile != "" && n > 0:
		return fmt.Errorf("excludes signing_key_file: a pass is signed with the one or the other; unset one")
	case c.SigningKeyFile == "" && n == 0:
		return fmt.Errorf("is needed: 'openssl rand -base64 48' makes one; or name a private key with DAYPASS_SIGNING_KEY_FILE")
	case n > 0 && n < token.MinSecretBytes:
		return fmt.Errorf("has %d bytes and can be guessed; it needs %d or more: 'openssl rand -base64 48' makes one", n, token.MinSecretBytes)
	}
	return nil
}

// readExpires reads a life in whole seconds; what is left over is cut off, as it is in a token.
func (c *Config) readExpires(text string) (time.Duration, error) {
	span, err := parseSpan(text)
	switch {
	case err != nil:
		return 0, err
	case span < time.Second:
		return 0, fmt.Errorf("must be a second or more: a pass of it would be over at once")
	case span > c.MaxTokenLife:
		return 0, fmt.Errorf("is longer than max_token_life, %s; passes cannot be revoked here, so choose a shorter life, or raise that", shortDuration(c.MaxTokenLife))
	}
	return span.Truncate(time.Second), nil
}

type authKey struct {
	ID     *string        `json:"id,omitempty"`
	APIKey *string        `json:"apiKey,omitempty"`
	Scopes jsontext.Value `json:"scopes,omitempty"`
}

// readAuthKeys reads the list, and names what is wrong by its place: never a value.
func readAuthKeys(text string) ([]EnvironmentKey, error) {
	if text == "" {
		return nil, fmt.Errorf(`is needed: a JSON list of {"id", "apiKey", "scopes"}`)
	}
	var list []authKey
	limits := strictjson.Limits{Bytes: maxEnvironmentBytes, Depth: 4, Members: 100 * maxEnvironmentKeys, Strict: true}
	if err := strictjson.Unmarshal([]byte(text), &list, limits); err != nil {
		return nil, fmt.Errorf(`is a JSON list of {"id", "apiKey", "scopes"}: %w`, err)
	}
	if len(list) == 0 || len(list) > maxEnvironmentKeys {
		return nil, fmt.Errorf("has 1 to %d keys", maxEnvironmentKeys)
	}
	ids, texts := make(map[string]bool), make(map[string]bool)
	keys := make([]EnvironmentKey, len(list))
	for i, in := range list {
		key, err := in.read()
		switch {
		case err != nil:
		case ids[key.ID]:
			err = fmt.Errorf("id: another key has it too")
		case texts[key.APIKey]:
			err = fmt.Errorf("apiKey: another key has it too; each needs its own")
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		ids[key.ID], texts[key.APIKey], keys[i] = true, true, key
	}
	return keys, nil
}

func (in authKey) read() (key EnvironmentKey, err error) {
	if in.ID == nil || in.APIKey == nil || in.Scopes == nil {
		return key, fmt.Errorf("it must have id, apiKey and scopes")
	}
	key.ID, key.APIKey = *in.ID, *in.APIKey
	switch {
	case key.ID == "" || len(key.ID) > maxEnvironmentID || strings.TrimSpace(key.ID) != key.ID || strings.ContainsFunc(key.ID, func(r rune) bool { return !unicode.IsPrint(r) }):
		return key, fmt.Errorf("id: write 1 to %d printable bytes, without a space at either end", maxEnvironmentID)
	case key.APIKey == "" || len(key.APIKey) > maxEnvironmentText:
		return key, fmt.Errorf("apiKey: write 1 to %d bytes; 'openssl rand -base64 32' makes a good one", maxEnvironmentText)
	}
	key.Scopes, err = readAuthScopes(in.Scopes)
	return key, err
}

// readAuthScopes takes a list, or one text with spaces between.
func readAuthScopes(raw jsontext.Value) (scope.Set, error) {
	var list []string
	var text string
	limits := strictjson.Limits{Bytes: maxEnvironmentBytes, Depth: 2, Members: maxEnvironmentKeys, Strict: true}
	if strictjson.Unmarshal(raw, &text, limits) == nil {
		list = strings.Fields(text)
	} else if strictjson.Unmarshal(raw, &list, limits) != nil {
		return scope.Set{}, fmt.Errorf("scopes: write a list of texts, or one text")
	}
	if len(list) == 0 {
		return scope.Set{}, fmt.Errorf(`scopes: name at least one; ["*"] is all`)
	}
	set, err := scope.ParseSet(list)
	if err != nil {
		return set, fmt.Errorf("scopes: %w", err)
	}
	return set, nil
}

// weak names the keys whose texts are short enough to be guessed.
func (e *Environment) weak() []string {
	const enough = 16
	var ids []string
	for _, k := range e.Keys {
		if len(k.APIKey) < enough {
			ids = append(ids, strconv.Quote(k.ID))
		}
	}
	return ids
}
