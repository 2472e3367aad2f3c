package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

// recipes are what is the same for everybody who trusts such an issuer.
var recipes = map[string]issuerYAML{
	"auth0":    {Algorithms: []string{"RS256"}, MaxTokenAge: 86400},
	"keycloak": {Algorithms: []string{"RS256"}, MaxTokenAge: 3600},
	"github-actions": {
		Issuer: "https://token.actions.githubusercontent.com", Algorithms: []string{"RS256"}, MaxTokenAge: 600, MaxTokenLife: 3600, Subject: "github|{repository}",
	},
	"kubernetes": {
		Issuer: "https://kubernetes.default.svc.cluster.local", JWKSURL: "https://kubernetes.default.svc/openid/v1/jwks",
		Algorithms: []string{"RS256"}, MaxTokenAge: 86400, Subject: "kubernetes|{/kubernetes.io/namespace}|{/kubernetes.io/serviceaccount/name}",
	},
}

// maxAuthorities is the length of a --ca-file.
const maxAuthorities = 32 << 10

// recipeClaims are those that must be asked for, because the issuer makes tokens for everybody.
var recipeClaims = map[string]string{"github-actions": "repository", "kubernetes": "/kubernetes.io/namespace"}

func newIssuerCommand(c *cli) *cobra.Command {
	return newGroup(c, "issuer", "Outside issuers whose tokens are accepted",
		`  daypass issuer add github --recipe github-actions --audience https://pass.example.com \
    --claim repository=acme/photos --scope photos:read
  daypass issuer test github --token-file token.txt
  daypass issuer list`,
		newIssuerAdd(c), newIssuerList(c), newIssuerShow(c), newIssuerTest(c), newIssuerDelete(c))
}

func newIssuerAdd(c *cli) *cobra.Command {
	var (
		recipe, from, authorities string
		login                     issuerLoginYAML
		secretFrom                string
		given                     issuerYAML
		claims                    []string
		age, life                 time.Duration
	)
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Trust an outside issuer, or change how far",
		Long: `Trust an outside issuer, or change how far; a change ends the passes that were made of its tokens. What its
tokens get is at most --scope and --role, which lie within what you may hand on. --file reads all of it
from a file as 'daypass config export' writes them, with grants that depend on claims. Recipes fill in
what is the same for everybody: auth0, keycloak, github-actions, kubernetes.`,
		Example: `  daypass issuer add github --recipe github-actions --audience https://pass.example.com \
    --claim repository=acme/photos --scope photos:read
  daypass issuer add login --recipe auth0 --issuer https://acme.eu.auth0.com/ \
    --audience https://photos.example.com --scope 'photos:*' --accept both
  daypass issuer add staff --issuer https://login.acme.example --login-client-id daypass \
    --login-client-secret-file secret.txt --scope 'daypass:*' --role account_manager --max-token-life 8h
  daypass issuer add login --file issuer.yaml`,
		Args: args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			file, known := recipes[recipe]
			if recipe != "" && !known {
				return usage(cmd, "--recipe %q: there is %s", recipe, strings.Join(slices.Sorted(maps.Keys(recipes)), ", "))
			}
			if from != "" {
				text, err := c.readUpTo(from, maxConfiguration)
				if err != nil {
					return err
				}
				if err := strictYAML(text, &file); err != nil {
					return failed("invalid_issuer", "%s: %s", from, safeText(err))
				}
			}
			if authorities != "" {
				text, err := c.readUpTo(authorities, maxAuthorities)
				if err != nil {
					return err
				}
				if len(text) == 0 {
					return failed("invalid_issuer", "%s is empty: leave --ca-file out to trust whom the server's machine does", authorities)
				}
				given.Authorities = string(text)
			}
			if err := c.loginFlags(cmd, &file, login, secretFrom); err != nil {
				return err
			}
			given.MaxTokenAge, given.MaxTokenLife = int64(age/time.Second), int64(life/time.Second)
			if err := file.add(cmd, given, claims); err != nil {
				return err
			}
			if needed := recipeClaims[recipe]; needed != "" && file.Claims[needed] == "" {
				return usage(cmd, "--claim %s=… is missing: without it everybody whom this issuer serves would be let in", needed)
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			issuer, err := daypass.Answer[api.Issuer](client.PutIssuer(cmd.Context(), org, arguments[0], nil, file.put()))
			if err != nil {
				return err
			}
			return c.showIssuer(issuer)
		},
	}
	f := cmd.Flags()
	f.StringVar(&recipe, "recipe", "", "auth0, keycloak, github-actions or kubernetes")
	f.StringVar(&from, "file", "", "YAML file with all of it; - is standard input")
	f.StringVar(&given.Issuer, "issuer", "", "its URL, exactly as in the iss of its tokens")
	f.StringVar(&given.JWKSURL, "jwks-url", "", "where its keys are (default: by discovery)")
	f.StringVar(&authorities, "ca-file", "", "PEM file with the certificate authorities of its servers (default: those of the Daypass server's machine); - is standard input")
	f.StringArrayVar(&given.Algorithms, "algorithm", nil, "a signature algorithm; may be repeated (default RS256, ES256)")
	f.StringArrayVar(&given.Audiences, "audience", nil, "what its tokens must be for; may be repeated")
	f.StringVar(&given.Accept, "accept", "", "exchange, gate or both (default exchange)")
	f.StringArrayVar(&claims, "claim", nil, "a claim that tokens must have, as repository=acme/*; may be repeated")
	f.StringVar(&given.Subject, "subject", "", "whom a token speaks for (default NAME|{sub})")
	f.StringArrayVar(&given.Scopes, "scope", nil, "a scope its tokens may get; may be repeated")
	f.StringArrayVar(&given.Roles, "role", nil, "a role its tokens may get; may be repeated")
	f.StringArrayVar(&given.IPs, "ip", nil, "an address or network to use its tokens from; may be repeated")
	f.DurationVar(&age, "max-token-age", 0, "oldest token that is accepted (default 24h)")
	f.DurationVar(&life, "max-token-life", 0, "longest life of a pass (default: it ends with the token)")
	f.StringVar(&login.ClientID, "login-client-id", "", "let people log in at the dashboard through it, as this client of the issuer")
	f.StringVar(&secretFrom, "login-client-secret-file", "", "file with the client's secret (default: as it is, else a public client); - is standard input")
	f.StringArrayVar(&login.Scopes, "login-scope", nil, "a scope to ask the issuer for at a login, beside openid; may be repeated")
	f.BoolVar(&given.Inactive, "inactive", false, "trust it no more for now")
	return cmd
}

const maxClientSecret = 1024

// loginFlags puts in how people log in through an issuer, whose ID tokens are for the
// client.
func (c *cli) loginFlags(cmd *cobra.Command, file *issuerYAML, login issuerLoginYAML, secretFrom string) error {
	if login.ClientID == "" && file.Login == nil {
		if secretFrom != "" || len(login.Scopes) > 0 {
			return usage(cmd, "--login-client-id is missing")
		}
		return nil
	}
	if file.Login == nil {
		file.Login = &issuerLoginYAML{}
	}
	if login.ClientID != "" {
		file.Login.ClientID = login.ClientID
	}
	if login.Scopes != nil {
		file.Login.Scopes = login.Scopes
	}
	if secretFrom == "" {
		return nil
	}
	text, err := c.readUpTo(secretFrom, maxClientSecret)
	if err != nil {
		return err
	}
	secret := strings.TrimSpace(string(text))
	file.Login.secret = &secret
	return nil
}

// add lets what was given by flags go before what a recipe or a file says.
func (f *issuerYAML) add(cmd *cobra.Command, given issuerYAML, claims []string) error {
	for _, text := range []struct{ into, from *string }{{&f.Issuer, &given.Issuer}, {&f.JWKSURL, &given.JWKSURL}, {&f.Authorities, &given.Authorities}, {&f.Accept, &given.Accept}, {&f.Subject, &given.Subject}} {
		if *text.from != "" {
			*text.into = *text.from
		}
	}
	if given.Issuer != "" && given.JWKSURL == "" && !cmd.Flags().Changed("file") {
		f.JWKSURL = "" // a recipe's is of the issuer that it names
	}
	if f.Login != nil && !slices.Contains(f.Audiences, f.Login.ClientID) && !slices.Contains(given.Audiences, f.Login.ClientID) {
		if given.Audiences == nil {
			given.Audiences = slices.Clone(f.Audiences)
		}
		given.Audiences = append(given.Audiences, f.Login.ClientID)
	}
	for _, list := range []struct{ into, from *[]string }{
		{&f.Algorithms, &given.Algorithms}, {&f.Audiences, &given.Audiences}, {&f.Scopes, &given.Scopes}, {&f.Roles, &given.Roles}, {&f.IPs, &given.IPs},
	} {
		if *list.from != nil {
			*list.into = *list.from
		}
	}
	if given.MaxTokenAge > 0 {
		f.MaxTokenAge = given.MaxTokenAge
	}
	if given.MaxTokenLife > 0 {
		f.MaxTokenLife = given.MaxTokenLife
	}
	f.Inactive = f.Inactive || given.Inactive
	f.Claims = maps.Clone(f.Claims)
	for _, text := range claims {
		name, pattern, ok := strings.Cut(text, "=")
		if !ok || name == "" || pattern == "" {
			return usage(cmd, "--claim %q: write it as name=pattern", text)
		}
		if f.Claims == nil {
			f.Claims = map[string]string{}
		}
		f.Claims[name] = pattern
	}
	for _, missing := range []struct {
		flag  string
		there bool
	}{{"issuer", f.Issuer != ""}, {"audience", len(f.Audiences) > 0}, {"scope", len(f.Scopes) > 0}} {
		if !missing.there {
			return usage(cmd, "--%s is missing", missing.flag)
		}
	}
	return nil
}

func (c *cli) showIssuer(i *api.Issuer) error {
	return c.show(i, func() {
		var claims []string
		for _, name := range slices.Sorted(maps.Keys(value(i.Claims))) {
			claims = append(claims, name+"="+value(i.Claims)[name])
		}
		state := "active"
		if !i.Active {
			state = "inactive"
		}
		authorities := ""
		if i.CaCertificates != nil {
			authorities = "its own"
		}
		c.facts(fact{"issuer", i.Slug}, fact{"url", i.Issuer}, fact{"audiences", words(i.Audiences)}, fact{"algorithms", words(i.Algorithms)}, fact{"authorities", authorities},
			fact{"claims", words(claims)}, fact{"subject", i.Subject}, fact{"scopes", words(i.Scopes)}, fact{"roles", words(i.Roles)}, fact{"accept", string(i.Accept)}, fact{"login", loginText(i.Login)}, fact{"state", state})
	})
}

func loginText(l *api.IssuerLogin) string {
	switch {
	case l == nil:
		return ""
	case l.Secured:
		return "as " + l.ClientID + ", with a secret"
	}
	return "as " + l.ClientID + ", a public client"
}

func newIssuerList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the outside issuers that the organization trusts",
		Example: "  daypass issuer list",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			issuers, more, err := listIssuers(cmd.Context(), client, org, limit)
			if err != nil {
				return err
			}
			return showList(c, issuers, more, "no outside issuers yet; 'daypass issuer add NAME' trusts one", []string{"ISSUER", "URL", "ACCEPT", "SCOPES"}, func(i api.Issuer) []string {
				return []string{i.Slug, i.Issuer, string(i.Accept), words(i.Scopes)}
			})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}

func newIssuerShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show one outside issuer",
		Example: "  daypass issuer show github",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			issuer, err := daypass.Answer[api.Issuer](client.GetIssuer(cmd.Context(), org, arguments[0]))
			if err != nil {
				return err
			}
			return c.showIssuer(issuer)
		},
	}
}

func newIssuerTest(c *cli) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:     "test NAME --token-file FILE",
		Short:   "Show what would come of a token, and issue nothing",
		Example: "  daypass issuer test github --token-file token.txt",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if from == "" {
				return usage(cmd, "--token-file is missing; - is standard input")
			}
			text, err := c.readUpTo(from, 1<<16)
			if err != nil {
				return err
			}
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			result, err := daypass.Answer[api.IssuerTest](client.TestIssuer(cmd.Context(), org, arguments[0], api.TokenText{Token: strings.TrimSpace(string(text))}))
			if err != nil {
				return err
			}
			if !result.Accepted && !c.json {
				return failed(value(result.Code), "%s", value(result.Message))
			}
			return c.show(result, func() {
				c.facts(fact{"subject", value(result.Subject)}, fact{"scopes", words(value(result.Scopes))}, fact{"roles", words(value(result.Roles))})
			})
		},
	}
	cmd.Flags().StringVar(&from, "token-file", "", "file with the token; - is standard input")
	return cmd
}

func newIssuerDelete(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Trust an outside issuer no more",
		Example: "  daypass issuer delete github",
		Args:    args("NAME"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			if err := daypass.Done(client.DeleteIssuer(cmd.Context(), org, arguments[0], nil)); err != nil {
				return err
			}
			return c.showEnded("deleted", arguments[0], "its tokens, and the passes that were made of them, are refused from now on")
		},
	}
}
