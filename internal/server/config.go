package server

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/httpapi"
	"github.com/daypass/daypass/verify"
)

// Config is everything a server can be told. Each field is a flag
// (--token-life), an environment variable (DAYPASS_TOKEN_LIFE; secrets also as
// DAYPASS_…_FILE) and a key of the YAML file (token_life); the flag wins over the
// environment, the environment over the file. The tags are the reference.
type Config struct {
	Data          string `koanf:"data" help:"folder of the embedded database and the master key"`
	DatabaseURL   string `koanf:"database_url" secret:"true" help:"PostgreSQL URL instead of the embedded database"`
	MasterKey     string `koanf:"master_key" secret:"true" help:"master key, base64 of 32 bytes; better a file"`
	MasterKeyFile string `koanf:"master_key_file" help:"file with the master key; default master.key in the data folder"`

	Listen    string `koanf:"listen" help:"address of the API: exchange, administration, forward-auth"`
	Gateway   string `koanf:"gateway" help:"address of the gateway; 'off' for none"`
	ExtAuthz  string `koanf:"extauthz" help:"address where Envoy asks by gRPC (ext_authz); 'off' for none"`
	Ops       string `koanf:"ops" help:"address of metrics and profiles; 'off' for none"`
	PublicURL string `koanf:"public_url" help:"issuer and base of links; default: what init was given"`
	TLSCert   string `koanf:"tls_cert" help:"certificate file (PEM) for --listen, --gateway and --extauthz; read again on SIGHUP"`
	TLSKey    string `koanf:"tls_key" help:"private key file of the certificate"`
	ReadyFile string `koanf:"ready_file" help:"written as JSON {listen, gateway, extauthz, ops} once the server answers"`

	TrustedProxies []string `koanf:"trusted_proxies" help:"addresses and networks whose X-Forwarded-* headers, and forward-auth and ext_authz calls, are believed"`

	UpstreamNetworks []string `koanf:"upstream_networks" help:"addresses and networks that upstreams may be reached at; none given: all but link-local, metadata and the server's own"`

	IssuerNetworks []string `koanf:"issuer_networks" help:"addresses and networks, beside the Internet, that the keys of outside issuers may be fetched from, there also over http; never link-local and metadata"`

	TokenLife      time.Duration `koanf:"token_life" help:"life of a pass when nothing is asked"`
	MaxTokenLife   time.Duration `koanf:"max_token_life" help:"longest life of any pass"`
	MaxIPs         int           `koanf:"max_ips" help:"entries of ips in one pass or key"`
	MaxIPAddresses int64         `koanf:"max_ip_addresses" help:"addresses that ips may cover; IPv6 counts /64 networks"`
	KeysPerUser    int           `koanf:"keys_per_user" help:"live keys of one user in one organization"`
	MaxIdentities  int           `koanf:"max_identities" help:"users who log in with a public key, under one user-group key"`
	IdentityLogins int           `koanf:"identity_logins" help:"logins of one such user in a minute, on one server"`
	AuditMode      string        `koanf:"audit.mode" help:"batched: the record of a pass is at most 1 s behind; strict: an exchange answers after it is durable"`
	DPoPNonce      string        `koanf:"dpop.nonce" help:"off: proofs of possession (DPoP) need no nonce of the server; required: they do, at the API and at every door"`
	StaleAfter     time.Duration `koanf:"stale_after" help:"refuse to decide (503) when revocations were not heard for so long"`

	SignedMessageLife time.Duration `koanf:"signed_message_life" help:"how far ahead the time may lie that a key signs in the Textile form"`

	Doors          []string      `koanf:"doors" help:"doors for the clients of other systems that are open, of jwt, rokka and auth; 'none': all are shut"`
	ResourcesFile  []string      `koanf:"resources_file" help:"without a database: resource files, one for each application"`
	SigningKeyFile string        `koanf:"signing_key_file" help:"without a database: file with the private key that signs passes (PEM, PKCS #8) instead of JWT_SECRET"`
	Logins         bool          `koanf:"logins" help:"users may log in with a password at /auth/token"`
	SessionPass    time.Duration `koanf:"session.pass" help:"life of a pass from a login; its refresh token gets the next"`
	SessionIdle    time.Duration `koanf:"session.idle" help:"a login ends when it is not refreshed for so long"`
	SessionLife    time.Duration `koanf:"session.life" help:"and after so long at the latest"`
	InviteLife     time.Duration `koanf:"link.invite" help:"how long an invitation to choose a password is good"`
	ResetLife      time.Duration `koanf:"link.reset" help:"how long a link to reset a password is good"`
	SMTPURL        string        `koanf:"smtp.url" help:"server that mail is sent through: smtp://user@host:587 (STARTTLS) or smtps://user@host:465"`
	SMTPPassword   string        `koanf:"smtp.password" secret:"true" help:"password of the user in smtp.url"`
	MailFrom       string        `koanf:"mail.from" help:"sender of mail, as in Daypass <daypass@example.com>"`
	MailDir        string        `koanf:"mail.dir" help:"folder that mail is written to as .eml files, instead of sending it"`
	RotateEvery    time.Duration `koanf:"keyset.rotate_every" help:"how old the signing key gets before the next one takes over by itself; 0: only when told to"`

	FactsKeep time.Duration `koanf:"facts_keep" help:"how long it is kept what was asked and answered, for shadow mode and replay; 0: not at all"`

	MaxBody         int64         `koanf:"max_body" help:"bytes of a request body at the API"`
	MaxHeader       int           `koanf:"max_header" help:"bytes of request headers on every listener"`
	HeaderTimeout   time.Duration `koanf:"header_timeout" help:"time to send request headers"`
	RequestTimeout  time.Duration `koanf:"request_timeout" help:"time to read a request and write its answer at the API"`
	IdleTimeout     time.Duration `koanf:"idle_timeout" help:"idle time of a kept-alive connection"`
	DrainTimeout    time.Duration `koanf:"drain_timeout" help:"time that open requests get at shutdown"`
	CachedTokens    int           `koanf:"cached_tokens" help:"verified passes kept in memory"`
	CachedKeys      int           `koanf:"cached_keys" help:"key holders kept in memory"`
	LogLevel        string        `koanf:"log_level" help:"debug, info, warn or error"`
	LogFormat       string        `koanf:"log_format" help:"json or text"`
	LogRequests     bool          `koanf:"log_requests" help:"log every request at the API and the gateway: method, path, status, time; never the query"`
	Dev             bool          `koanf:"dev" help:"development: everything in memory, permissive CORS; never for real use"`
	DevAnyway       bool          `koanf:"dev_anyway" help:"let --dev listen on an address that is not loopback"`
	trustedNetworks access.Networks

	upstreamNetworks access.Networks

	issuerNetworks access.Networks

	// Environment is a server without a database; nil: there is one. [LoadConfig] finds it in variables that are not
	// named DAYPASS_….
	Environment        *Environment `koanf:"-"`
	environmentIgnored bool
}

// nonceRequired is the one other value of dpop.nonce.
const nonceRequired = "required"

// DefaultConfig is what a server does when told nothing.
func DefaultConfig() Config {
	return Config{
		Data:           "daypass-data",
		Listen:         "127.0.0.1:8080",
		Gateway:        "127.0.0.1:8000",
		ExtAuthz:       "off",
		Ops:            "127.0.0.1:9090",
		TokenLife:      24 * time.Hour,
		MaxTokenLife:   30 * 24 * time.Hour,
		MaxIPs:         10,
		MaxIPAddresses: 10_000,
		KeysPerUser:    5,
		MaxIdentities:  100_000,
		IdentityLogins: 10,
		Doors:          httpapi.Doors(),
		AuditMode:      "batched",
		DPoPNonce:      "off",
		StaleAfter:     30 * time.Second,
		Logins:         true,
		SessionPass:    time.Hour,
		SessionIdle:    30 * 24 * time.Hour,
		SessionLife:    90 * 24 * time.Hour,
		InviteLife:     7 * 24 * time.Hour,
		ResetLife:      time.Hour,
		RotateEvery:    90 * 24 * time.Hour,
		FactsKeep:      24 * time.Hour,
		MaxBody:        64 << 10,
		MaxHeader:      32 << 10,
		HeaderTimeout:  5 * time.Second,
		RequestTimeout: 30 * time.Second,
		IdleTimeout:    2 * time.Minute,
		DrainTimeout:   10 * time.Second,
		CachedTokens:   16_384,
		CachedKeys:     16_384,
		LogLevel:       "info",
		LogFormat:      "json",

		SignedMessageLife: 30 * time.Minute,
	}
}

// Setting is one entry of the configuration reference.
type Setting struct {
	Key, Flag, Env, Type, Default, Help string
	Secret                              bool
}

// Reference lists every setting, in the order of [Config].
func Reference() []Setting {
	defaults := reflect.ValueOf(DefaultConfig())
	var list []Setting
	for i, f := range reflect.VisibleFields(defaults.Type()) {
		key := f.Tag.Get("koanf")
		if key == "" || key == "-" {
			continue
		}
		list = append(list, Setting{
			Key:     key,
			Flag:    "--" + flagName(key),
			Env:     envName(key),
			Type:    typeName(f.Type),
			Default: defaultText(defaults.Field(i)),
			Help:    f.Tag.Get("help"),
			Secret:  f.Tag.Get("secret") == "true",
		})
	}
	return list
}

func flagName(key string) string { return strings.NewReplacer("_", "-", ".", "-").Replace(key) }

func envName(key string) string {
	return "DAYPASS_" + strings.ToUpper(strings.ReplaceAll(key, ".", "__"))
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[[]string]():
		return "list"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "number"
	}
	return "text"
}

func defaultText(v reflect.Value) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return shortDuration(d)
	}
	if v.IsZero() && v.Kind() != reflect.Bool {
		return ""
	}
	if list, ok := v.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v.Interface())
}

// shortDuration drops the zero tail of Go's form: 24h, not 24h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// AddFlags defines a flag for every setting that is not a secret.
func AddFlags(flags *pflag.FlagSet) {
	defaults := DefaultConfig()
	v := reflect.ValueOf(defaults)
	for i, f := range reflect.VisibleFields(v.Type()) {
		key := f.Tag.Get("koanf")
		if key == "" || key == "-" || f.Tag.Get("secret") == "true" {
			continue
		}
		name, help := flagName(key), f.Tag.Get("help")
		switch d := v.Field(i).Interface().(type) {
		case string:
			flags.String(name, d, help)
		case bool:
			flags.Bool(name, d, help)
		case int:
			flags.Int(name, d, help)
		case int64:
			flags.Int64(name, d, help)
		case time.Duration:
			flags.Duration(name, d, help)
		case []string:
			flags.StringSlice(name, d, help)
		}
	}
}

// Problem is one thing wrong with a configuration.
type Problem struct {
	Key     string `json:"key"`
	Message string `json:"message"`
}

// ConfigError lists every problem found, not just the first.
type ConfigError struct{ Problems []Problem }

func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Key + ": " + p.Message
	}
	return "configuration: " + strings.Join(lines, "; ")
}

// LoadConfig reads file (may be empty), then the environment ("NAME=value"),
// then the flags that were given, and checks the whole. The error is a
// [*ConfigError] that names every wrong or unknown key.
func LoadConfig(flags *pflag.FlagSet, file string, environ []string) (Config, error) {
	c := DefaultConfig()
	k := koanf.New(".")
	var problems []Problem
	add := func(key, message string) { problems = append(problems, Problem{key, message}) }

	known := make(map[string]Setting)
	for _, s := range Reference() {
		known[s.Key] = s
	}
	if file != "" {
		problems = append(problems, loadFile(k, file, known)...)
	}
	fromEnv, envProblems := readEnviron(environ, known)
	problems = append(problems, envProblems...)
	_ = k.Load(confmap.Provider(fromEnv, "."), nil) // a map cannot fail to load
	if flags != nil {
		_ = k.Load(confmap.Provider(readFlags(flags), "."), nil)
	}
	if len(problems) == 0 {
		if err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{FlatPaths: true}); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if line = strings.TrimLeft(strings.TrimSpace(line), "* "); line != "" && !strings.HasSuffix(line, "decoding:") && !strings.Contains(line, "error(s) decoding") {
					add("file or environment", line)
				}
			}
		}
	}
	if len(problems) == 0 {
		problems = append(c.readEnvironment(environ, k.Exists("data") || k.Exists("database_url")), c.validate()...)
	}
	if len(problems) > 0 {
		return Config{}, &ConfigError{problems}
	}
	return c, nil
}

// readFlags takes the flags that were given, by the key of their setting.
func readFlags(flags *pflag.FlagSet) map[string]any {
	values := make(map[string]any)
	for _, s := range Reference() {
		f := flags.Lookup(strings.TrimPrefix(s.Flag, "--"))
		if f == nil || !f.Changed {
			continue
		}
		values[s.Key] = f.Value.String()
		if s.Type == "list" {
			values[s.Key], _ = flags.GetStringSlice(f.Name)
		}
	}
	return values
}

func loadFile(k *koanf.Koanf, file string, known map[string]Setting) []Problem {
	raw, err := os.ReadFile(file)
	if err != nil {
		return []Problem{{file, "cannot be read: " + reason(err)}}
	}
	if err := k.Load(rawbytes.Provider(raw), yaml.Parser()); err != nil {
		return []Problem{{file, strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	var problems []Problem
	for key := range k.All() {
		if _, ok := known[key]; !ok {
			problems = append(problems, Problem{key, "is not a setting" + nearest(key, known)})
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.Key, b.Key) })
	return slices.Compact(problems)
}

// clientEnv are variables of the command line's own, not of the server.
var clientEnv = []string{"DAYPASS_URL", "DAYPASS_KEY", "DAYPASS_KEY_FILE", "DAYPASS_TOKEN", "DAYPASS_ORG", "DAYPASS_CONFIG", "DAYPASS_PROFILE"}

func readEnviron(environ []string, known map[string]Setting) (map[string]any, []Problem) {
	values := make(map[string]any)
	var problems []Problem
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "DAYPASS_") || slices.Contains(clientEnv, name) {
			continue
		}
		key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "DAYPASS_")), "__", ".")
		setting, ok := known[key]
		if base, isFile := strings.CutSuffix(key, "_file"); !ok && isFile && known[base].Secret {
			raw, err := os.ReadFile(value)
			if err != nil {
				problems = append(problems, Problem{name, "cannot be read: " + reason(err)})
				continue
			}
			values[base] = strings.TrimSpace(string(raw))
			continue
		}
		if !ok {
			problems = append(problems, Problem{name, "is not a setting" + nearest(key, known)})
			continue
		}
		if setting.Type == "list" {
			values[key] = splitList(value)
			continue
		}
		values[key] = value
	}
	return values, problems
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

func reason(err error) string {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// nearest suggests the setting whose name shares the longest beginning.
func nearest(key string, known map[string]Setting) string {
	best, length := "", 2
	for name := range known {
		n := 0
		for n < len(name) && n < len(key) && name[n] == key[n] {
			n++
		}
		if n > length || n == length && best != "" && name < best {
			best, length = name, n
		}
	}
	if best == "" {
		return "; 'daypass config reference' lists them"
	}
	return "; did you mean " + best + "?"
}

func (c *Config) validate() []Problem {
	var problems []Problem
	add := func(key, message string) { problems = append(problems, Problem{key, message}) }

	networks, err := access.ParseNetworks(c.TrustedProxies)
	if err != nil {
		add("trusted_proxies", access.AsError(err).Message)
	}
	c.trustedNetworks = networks
	if c.upstreamNetworks, err = access.ParseNetworks(c.UpstreamNetworks); err != nil {
		add("upstream_networks", access.AsError(err).Message)
	}
	if c.issuerNetworks, err = access.ParseNetworks(c.IssuerNetworks); err != nil {
		add("issuer_networks", access.AsError(err).Message)
	}
	for _, a := range []struct{ key, value string }{{"listen", c.Listen}, {"gateway", c.Gateway}, {"extauthz", c.ExtAuthz}, {"ops", c.Ops}} {
		if a.value == "off" && a.key != "listen" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.value); err != nil {
			add(a.key, "write host:port, as in 127.0.0.1:8080")
		}
	}
	if c.ExtAuthz != "off" && len(c.TrustedProxies) == 0 {
		add("extauthz", "believes only proxies in trusted_proxies; name the addresses there from which Envoy connects")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		add("tls_cert", "tls_cert and tls_key go together")
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(c.PublicURL, "/") {
			add("public_url", "write an http or https URL without query, fragment or trailing slash")
		}
	}
	if !slices.Contains([]string{"batched", "strict"}, c.AuditMode) {
		add("audit.mode", "is batched or strict")
	}
	if !slices.Contains([]string{"off", nonceRequired}, c.DPoPNonce) {
		add("dpop.nonce", "is off or required")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		add("log_level", "is debug, info, warn or error")
	}
	if !slices.Contains([]string{"json", "text"}, c.LogFormat) {
		add("log_format", "is json or text")
	}
	for _, p := range []struct {
		key   string
		value int64
	}{
		{"token_life", int64(c.TokenLife)}, {"max_token_life", int64(c.MaxTokenLife)}, {"max_ips", int64(c.MaxIPs)},
		{"max_ip_addresses", c.MaxIPAddresses}, {"keys_per_user", int64(c.KeysPerUser)}, {"stale_after", int64(c.StaleAfter)},
		{"max_body", c.MaxBody}, {"max_header", int64(c.MaxHeader)}, {"header_timeout", int64(c.HeaderTimeout)},
		{"request_timeout", int64(c.RequestTimeout)}, {"idle_timeout", int64(c.IdleTimeout)}, {"drain_timeout", int64(c.DrainTimeout)},
		{"cached_tokens", int64(c.CachedTokens)}, {"cached_keys", int64(c.CachedKeys)},
		{"signed_message_life", int64(c.SignedMessageLife)},
		{"max_identities", int64(c.MaxIdentities)}, {"identity_logins", int64(c.IdentityLogins)},
	} {
		if p.value <= 0 {
			add(p.key, "must be more than zero")
		}
	}
	for _, door := range c.Doors {
		if !slices.Contains(httpapi.Doors(), door) && (door != "none" || len(c.Doors) > 1) {
			add("doors", "are "+strings.Join(httpapi.Doors(), ", ")+", or none")
		}
	}
	if c.Environment == nil && (len(c.ResourcesFile) > 0 || c.SigningKeyFile != "") {
		add("resources_file", "and signing_key_file are for a server without a database, told by JWT_AUTH_KEYS; with one, 'daypass resource put' and 'daypass init' do it")
	}
	problems = append(problems, c.validateLogins()...)
	if c.RotateEvery != 0 && c.RotateEvery < 24*time.Hour {
		add("keyset.rotate_every", "must be a day (24h) at least, or 0 for never")
	}
	if c.FactsKeep < 0 {
		add("facts_keep", "must be zero or more")
	}
	if c.TokenLife > c.MaxTokenLife {
		add("token_life", "is longer than max_token_life")
	}
	if c.MaxTokenLife < 2*verify.Leeway {
		add("max_token_life", "is too short to be useful")
	}
	if c.Dev {
		problems = append(problems, c.validateDev()...)
	}
	return problems
}

// validateDev keeps a development server off the network unless told twice.
func (c *Config) validateDev() []Problem {
	var problems []Problem
	if c.DatabaseURL != "" {
		problems = append(problems, Problem{"dev", "keeps everything in memory and cannot use database_url"})
	}
	if c.DevAnyway {
		return problems
	}
	for _, a := range []struct{ key, value string }{{"listen", c.Listen}, {"gateway", c.Gateway}, {"extauthz", c.ExtAuthz}, {"ops", c.Ops}} {
		if a.value != "off" && !isLoopback(a.value) {
			problems = append(problems, Problem{a.key, "development mode listens on loopback only; use 127.0.0.1, or --dev-anyway if you know why"})
		}
	}
	return problems
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// databasePath is the file of the embedded database.
func (c *Config) databasePath() string { return filepath.Join(c.Data, "daypass.db") }

func (c *Config) masterKeyPath() string {
	if c.MasterKeyFile != "" {
		return c.MasterKeyFile
	}
	return filepath.Join(c.Data, "master.key")
}
