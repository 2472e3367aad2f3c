package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/verify"
)

func newTokenCommand(c *cli) *cobra.Command {
	return newGroup(c, "token", "Make, inspect and end passes",
		`  PASS=$(daypass token create --scopes photos:read --audience photos --expires-in 1h)
  daypass token inspect "$PASS"
  echo "$PASS" | daypass token revoke -`,
		newTokenCreate(c), newTokenRenew(c), newTokenNarrow(c), newTokenRevoke(c), newTokenInspect(c), newTokenList(c), newTokenProof(c))
}

// passOnce tells how commands that make a pass treat its text.
const passOnce = "The pass is printed alone on the standard output, so that a script can take it."

// asking holds the flags that say what a pass is to be.
type asking struct {
	expires   seconds
	scopes    []string
	roles     []string
	audience  []string
	ips       []string
	anywhere  bool
	renewable bool
	encrypt   bool
	subject   string
}

// define adds the flags; proof is what is exchanged, life what the server grants if nothing is asked.
func (a *asking) define(flags *pflag.FlagSet, proof, life string) {
	flags.Var(&a.expires, "expires-in", "its life, such as 15m, 12h or 7d; default: "+life)
	listFlag(flags, &a.scopes, "scopes", "what it may do, with commas or repeated; default: all that the "+proof+" may; '' for nothing")
	listFlag(flags, &a.roles, "roles", "roles it holds; default: all of the "+proof+"'s; '' for none")
	listFlag(flags, &a.audience, "audience", "applications it is for, as photos or acme/photos; default: all that the "+proof+" is for")
	listFlag(flags, &a.ips, "ips", "addresses and networks it may be used from; request_ip is this machine's")
	flags.BoolVar(&a.anywhere, "no-ip-protection", false, "it may be used from anywhere")
	flags.BoolVar(&a.encrypt, "encrypt", false, "its bearer cannot read what it may do")
	flags.BoolVar(&a.renewable, "renewable", false, "it can be exchanged for a fresh one; default: if bound to addresses")
}

func (a *asking) request(flags *pflag.FlagSet) daypass.ExchangeRequest {
	return daypass.ExchangeRequest{
		Life:      time.Duration(a.expires) * time.Second,
		Scopes:    a.scopes,
		Roles:     a.roles,
		Audience:  a.audience,
		IPs:       a.ips,
		Anywhere:  a.anywhere,
		Renewable: given(flags, "renewable", a.renewable),
		Encrypt:   a.encrypt,
		Subject:   a.subject,
	}
}

// passJSON is what commands that make a pass print with --json: the shape of POST /v1/tokens.
type passJSON struct {
	Token     string         `json:"token"`
	TokenType string         `json:"token_type"`
	ExpiresIn int64          `json:"expires_in"`
	Payload   *verify.Claims `json:"payload"`
}

// showPass puts the pass alone on the standard output, and what it may do beside it.
func (c *cli) showPass(token *daypass.Token, err error) error {
	if err != nil {
		return err
	}
	return c.show(passJSON{token.Text, "Bearer", int64(token.Expires.Sub(token.Issued) / time.Second), token.Claims}, func() {
		claims := token.Claims
		p := paintFor(c.err, c.environ)
		c.note("%s pass for %s, ends %s, from %s%s", p.green("✓"), line(cmp.Or(words(claims.Audience), "?")), c.ago(token.Expires), anywhere(claims.IPs), map[bool]string{true: ", renewable"}[claims.Renewable])
		c.note("  %s %s", p.dim("scopes"), line(cmp.Or(claims.Scope, "none")))
		c.say("%s", token.Text)
	})
}

func newTokenCreate(c *cli) *cobra.Command {
	var ask asking
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Exchange the key for a pass",
		Long:  "Exchange the key for a pass. What is not asked for is taken from the key; what exceeds the key is refused.\n\n" + passOnce,
		Example: `  PASS=$(daypass token create --scopes photos:read --audience photos --expires-in 1h)
  daypass token create --ips request_ip --renewable
  daypass token create --subject customer-4711 --scopes photos:read --expires-in 15m`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			return c.showPass(client.Exchange(cmd.Context(), ask.request(cmd.Flags())))
		},
	}
	ask.define(cmd.Flags(), "key", "a day")
	cmd.Flags().StringVar(&ask.subject, "subject", "", "whom it speaks for; only with a key that may name subjects")
	return cmd
}

// errNotAPass is for text that no server needs to see.
var errNotAPass = failed("not_a_pass", "this is not the text of a pass: a pass has three parts, joined by dots, and begins with eyJ")

// withPass is a client that needs no key, and the pass from the argument.
func (c *cli) withPass(cmd *cobra.Command, argument string) (*daypass.Client, *daypass.Token, error) {
	text, err := c.readPass(cmd, argument)
	if err != nil {
		return nil, nil, err
	}
	if claims, _ := peek(text); claims == nil && !verify.IsEncrypted(text) {
		return nil, nil, errNotAPass
	}
	client, err := c.clientAs("")
	return client, &daypass.Token{Text: text}, err
}

func newTokenRenew(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "renew PASS",
		Short:   "Exchange a pass for a fresh one, without the key",
		Long:    "Exchange a renewable pass that has not ended for a fresh one, without the key.\n'-' reads the pass from the standard input.\n\n" + passOnce,
		Example: `  PASS=$(echo "$PASS" | daypass token renew -)`,
		Args:    args("PASS"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, token, err := c.withPass(cmd, arguments[0])
			if err != nil {
				return err
			}
			return c.showPass(client.Renew(cmd.Context(), token))
		},
	}
}

func newTokenNarrow(c *cli) *cobra.Command {
	var ask asking
	cmd := &cobra.Command{
		Use:     "narrow PASS",
		Short:   "Make, from a pass, one that may do less",
		Long:    "Make, from a pass, one that may do less, to hand it on. '-' reads the pass from the standard input.\n\n" + passOnce,
		Example: `  NARROW=$(echo "$PASS" | daypass token narrow - --scopes photos:read --expires-in 5m)`,
		Args:    args("PASS"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, token, err := c.withPass(cmd, arguments[0])
			if err != nil {
				return err
			}
			return c.showPass(client.Narrow(cmd.Context(), token, ask.request(cmd.Flags())))
		},
	}
	ask.define(cmd.Flags(), "pass", "until the pass ends, or a day")
	return cmd
}

func newTokenRevoke(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke PASS",
		Short: "End a pass, by its text or its id",
		Long: `End a pass, its renewals and everything narrowed from it, at the next request. Who has its text needs no key;
by its id (tok_…) it takes a key that may. '-' reads the text from the standard input.`,
		Example: `  echo "$PASS" | daypass token revoke -
  daypass token revoke tok_01k8dn3a0e9fq5s2v7w8x1y4zb`,
		Args: args("PASS"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if strings.HasPrefix(arguments[0], "tok_") {
				return c.revokeByID(cmd, arguments[0])
			}
			client, token, err := c.withPass(cmd, arguments[0])
			if err != nil {
				return err
			}
			if err := client.Revoke(cmd.Context(), token.Text); err != nil {
				return err
			}
			id := "the encrypted pass"
			if claims, _ := peek(token.Text); claims != nil {
				id = claims.ID
			}
			return c.showEnded("revoked", id, "it is refused from now on")
		},
	}
}

func (c *cli) revokeByID(cmd *cobra.Command, id string) error {
	client, org, err := c.session(cmd)
	if err != nil {
		return err
	}
	if err := daypass.Done(client.DeleteToken(cmd.Context(), org, id)); err != nil {
		return err
	}
	return c.showEnded("revoked", id, "it is refused from now on")
}

// passHeader is what the first part of a pass says.
type passHeader struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// peek reads a pass without checking its signature, which only a server's keys can.
func peek(text string) (*verify.Claims, *passHeader) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > verify.MaxTokenBytes {
		return nil, nil
	}
	var header passHeader
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || json.Unmarshal(raw, &header) != nil {
		return nil, nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, nil
	}
	claims, err := verify.ReadClaims(payload)
	if err != nil {
		return nil, nil
	}
	return claims, &header
}

// inspection is what 'token inspect' prints with --json. Active is absent when no server was asked.
type inspection struct {
	Header *passHeader    `json:"header"`
	Claims *verify.Claims `json:"claims"`
	Active *bool          `json:"active,omitempty"`
}

func newTokenInspect(c *cli) *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "inspect PASS",
		Short: "Show what a pass says, and whether it lives",
		Long: `Decode a pass here, and ask the server whether it lives (with the key, or else with the pass itself).
'-' reads the pass from the standard input. A pass that does not live gives exit code 3.`,
		Example: `  echo "$PASS" | daypass token inspect -
  daypass token inspect "$PASS" --offline`,
		Args: args("PASS"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			text, err := c.readPass(cmd, arguments[0])
			if err != nil {
				return err
			}
			if verify.IsEncrypted(text) {
				return c.inspectEncrypted(cmd, text, offline)
			}
			claims, header := peek(text)
			if claims == nil {
				return errNotAPass
			}
			found := inspection{Header: header, Claims: claims}
			if !offline {
				active, err := c.isActive(cmd.Context(), text)
				if err != nil {
					return err
				}
				found.Active = &active
			}
			if err := c.show(found, func() { c.describePass(found) }); err != nil {
				return err
			}
			if found.Active != nil && !*found.Active {
				return shown(exitDenied)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "only decode; ask no server and believe nothing")
	return cmd
}

// isActive asks with the key if there is one. A dead pass cannot ask about itself, which is an answer too.
func (c *cli) isActive(ctx context.Context, pass string) (bool, error) {
	credential, err := c.credential()
	if err != nil {
		return false, err
	}
	client, err := c.clientAs(cmp.Or(credential, pass))
	if err != nil {
		return false, err
	}
	answer, err := client.Introspect(ctx, pass)
	var refusal *daypass.Error
	if credential == "" && errors.As(err, &refusal) && refusal.Status == http.StatusUnauthorized {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return answer.Active, nil
}

func (c *cli) describePass(i inspection) {
	claims := i.Claims
	verdict := c.paint.yellow("not checked: anybody could have written this")
	if i.Active != nil {
		verdict = c.paint.green("✓ lives")
		if !*i.Active {
			verdict = c.paint.red("✗ does not live: expired, revoked, or not of this server or organization")
		}
	}
	c.say("%s", verdict)
	roles := make([]string, len(claims.Roles))
	for n, r := range claims.Roles {
		roles[n] = r.RoleName
		if r.AppID != nil {
			roles[n] += "@" + *r.AppID
		}
	}
	subject := claims.Subject
	if claims.UserID != "" && claims.UserID != subject && claims.Via != subject {
		subject += " (named by " + claims.UserID + ")"
	}
	c.facts(
		fact{"pass", claims.ID},
		fact{"issuer", claims.Issuer},
		fact{"subject", subject},
		fact{"organization", claims.Organization},
		fact{"audience", words(claims.Audience)},
		fact{"scopes", cmp.Or(claims.Scope, "none")},
		fact{"roles", cmp.Or(words(roles), "none")},
		fact{"used from", anywhere(claims.IPs)},
		fact{"issued", c.moment(time.Unix(claims.IssuedAt, 0))},
		fact{"expires", c.moment(time.Unix(claims.Expires, 0))},
		fact{"renewable", yesNo(claims.Renewable)},
		fact{"key", claims.KeyID},
		fact{"families", words(claims.Family)},
		fact{"signed with", i.Header.Algorithm + " " + i.Header.KeyID},
	)
}

func newTokenList(c *cli) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the passes that live",
		Example: "  daypass token list --limit 20",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, org, err := c.session(cmd)
			if err != nil {
				return err
			}
			tokens, more, err := pages(limit, func(size *int, cursor *string) ([]api.Token, *string, error) {
				page, err := daypass.Answer[api.TokenList](client.ListTokens(cmd.Context(), org, &api.ListTokensParams{Limit: size, Cursor: cursor}))
				if err != nil {
					return nil, nil, err
				}
				return page.Items, page.NextCursor, nil
			})
			if err != nil {
				return err
			}
			return showList(c, tokens, more, "no pass lives", []string{"PASS", "ORIGIN", "SUBJECT", "SCOPES", "KEY", "AUDIENCE", "ENDS"}, func(t api.Token) []string {
				return []string{t.ID, string(t.Origin), tail(t.Subject), cmp.Or(words(t.Scopes), "none"), tail(t.Key), words(t.Audience), c.ago(t.Expires)}
			})
		},
	}
	limitFlag(cmd.Flags(), &limit)
	return cmd
}
