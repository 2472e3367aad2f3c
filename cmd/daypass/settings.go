package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

// clientSettings is where the server is and who we are there. Each is a flag (--key-file) and an environment variable
// (DAYPASS_KEY_FILE); the flag wins.
type clientSettings struct {
	URL     string `koanf:"url"`
	Key     string `koanf:"key"`
	KeyFile string `koanf:"key_file"`
	Org     string `koanf:"org"`
	Profile string `koanf:"profile"`
}

const defaultURL = "http://127.0.0.1:8080"

var settingNames = []string{"url", "key", "key_file", "org", "profile"}

// addClientFlags makes a command, with all below it, one that talks to a server.
func addClientFlags(c *cli, cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.String("url", defaultURL, "address of the server (DAYPASS_URL)")
	flags.String("key", "", "key or pass to use (better DAYPASS_KEY, which others cannot see)")
	flags.String("key-file", "", "file that holds the key (DAYPASS_KEY_FILE)")
	flags.String("profile", defaultProfile, "name of the login to use where there is no key (DAYPASS_PROFILE)")
	flags.String("org", "", "organization (DAYPASS_ORG); default: the key's own")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return c.loadSettings(cmd) }
}

// loadSettings reads the environment, then the flags. Of key, key file and login only that of the later layer counts, so that
// --key-file beats DAYPASS_KEY; of the same layer a key goes before a login.
func (c *cli) loadSettings(cmd *cobra.Command) error {
	flags := cmd.Flags()
	k := koanf.New(".")
	load := func(p koanf.Provider) error { return k.Load(p, nil) }
	err := load(env.Provider(".", env.Opt{Prefix: "DAYPASS_", TransformFunc: fromEnviron, EnvironFunc: func() []string { return c.environ }}))
	key, login := flags.Changed("key") || flags.Changed("key-file"), flags.Changed("profile")
	if key || login {
		k.Delete("key")
		k.Delete("key_file")
	}
	without := cmp.Or(k.String("url"), defaultURL)
	if login {
		k.Delete("url") // it knows its own
	}
	err = errors.Join(err, load(posflag.ProviderWithFlag(flags, ".", k, fromFlag)), k.Unmarshal("", &c.settings))
	if err != nil {
		return err
	}
	switch {
	case flags.Changed("key") && flags.Changed("key-file"):
		return usage(cmd, "--key and --key-file exclude each other")
	case key && login:
		return usage(cmd, "a key and --profile exclude each other")
	}
	if flags.Changed("key") && !c.json {
		c.note("others on this machine can see a key on the command line; DAYPASS_KEY or --key-file keep it to yourself")
	}
	return c.useLogin(without)
}

// useLogin takes the server and the pass of a login where no key was given, or the server at without where there is no login. A
// pass is never sent to a server other than its own.
func (c *cli) useLogin(without string) error {
	at, named := c.settings.URL, c.settings.Profile != ""
	c.settings.URL = cmp.Or(at, without)
	if c.settings.Key != "" || c.settings.KeyFile != "" {
		return nil
	}
	p, err := loadProfile(c.profileName())
	var unsaid *trouble
	switch {
	case err == nil && (at == "" || sameServer(at, p.URL)):
		c.login, c.settings.URL = p, p.URL
	case err == nil || errors.As(err, &unsaid) && !named && unsaid.Code == "profile": // there may be no home
	case errors.Is(err, fs.ErrNotExist):
	default:
		c.loginError = err
	}
	return nil
}

func fromEnviron(name, value string) (string, any) {
	key := strings.ToLower(strings.TrimPrefix(name, "DAYPASS_"))
	if value == "" || !slices.Contains(settingNames, key) {
		return "", nil
	}
	return key, value
}

func fromFlag(f *pflag.Flag) (string, any) {
	key := strings.ReplaceAll(f.Name, "-", "_")
	if !slices.Contains(settingNames, key) || !f.Changed {
		return "", nil
	}
	return key, f.Value.String()
}

// credential is the key or pass to use, or "".
func (c *cli) credential() (string, error) {
	switch {
	case c.settings.Key != "":
		return strings.TrimSpace(c.settings.Key), nil
	case c.login != nil:
		return c.pass(c.login)
	case c.settings.KeyFile == "":
		return "", c.loginError
	}
	raw, err := os.ReadFile(c.settings.KeyFile)
	if err != nil {
		return "", failed("key_file", "the key file cannot be read: %v", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// client is for commands that need to be somebody.
func (c *cli) client() (*daypass.Client, error) {
	credential, err := c.credential()
	if err != nil {
		return nil, err
	}
	if credential == "" {
		return nil, &trouble{Code: "credential_missing", Message: "this needs a key or a login", Hint: hints["credential_missing"], exit: exitUsage}
	}
	return c.clientAs(credential)
}

// clientAs takes a key, a pass, or "" for nobody.
func (c *cli) clientAs(credential string) (*daypass.Client, error) {
	options := []daypass.Option{
		daypass.WithUserAgent("daypass/" + versionText()),
		daypass.WithHTTPClient(&http.Client{Transport: patientTransport()}),
	}
	switch {
	case strings.HasPrefix(credential, "dp_"):
		options = append(options, daypass.WithKey(credential))
	case credential != "":
		options = append(options, daypass.WithToken(credential))
	}
	client, err := daypass.New(c.settings.URL, options...)
	if err != nil {
		return nil, &trouble{Code: "usage", Message: strings.TrimPrefix(err.Error(), "daypass: "), Hint: hints["unexpected_answer"], exit: exitUsage}
	}
	return client, nil
}

// organization is the one that was named, else the credential's own.
func (c *cli) organization(ctx context.Context, client *daypass.Client) (string, error) {
	if c.settings.Org != "" {
		return c.settings.Org, nil
	}
	me, err := daypass.Answer[api.Me](client.API().GetMe(ctx))
	if err != nil {
		return "", err
	}
	if me.Organization.Slug == "" {
		return "", failed("unexpected_answer", "what answers at %s is not a Daypass server", c.settings.URL).advising(hints["unexpected_answer"])
	}
	return me.Organization.Slug, nil
}

// session is what nearly every command begins with.
func (c *cli) session(cmd *cobra.Command) (*api.Client, string, error) {
	client, err := c.client()
	if err != nil {
		return nil, "", err
	}
	org, err := c.organization(cmd.Context(), client)
	return client.API(), org, err
}

// version is set by the linker for released binaries.
var version string

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.Trim(info.Main.Version, "()")
	}
	return "devel"
}
