package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
)

// addLoginFlags makes a command one of those about a profile.
func addLoginFlags(c *cli, cmd *cobra.Command) {
	cmd.Flags().String("url", defaultURL, "address of the server (DAYPASS_URL)")
	cmd.Flags().String("profile", defaultProfile, "name of the login (DAYPASS_PROFILE)")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return c.loadSettings(cmd) }
}

func newLoginCommand(c *cli) *cobra.Command {
	var (
		scopes    []string
		noBrowser bool
	)
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in by the browser; no key is kept on this machine",
		Long: `Log in by the browser: this prints a code and an address, you look at both there and
decide what this machine may do. What is kept is a short pass, in a file that is yours
alone; the commands after it renew it. Whoever is logged in needs no DAYPASS_KEY.
Where one is set, it goes before.`,
		Example: "  daypass login --url https://pass.example.com\n  daypass login --scopes 'photos:*' --profile photos --no-browser",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.logIn(cmd.Context(), scopes, !noBrowser)
		},
	}
	addLoginFlags(c, cmd)
	listFlag(cmd.Flags(), &scopes, "scopes", "what it is to do, with commas or repeated; default: all that you may")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "open no browser here; the address is printed in any case")
	return cmd
}

func (c *cli) logIn(ctx context.Context, scopes []string, browse bool) error {
	client, err := c.clientAs("")
	if err != nil {
		return err
	}
	if u, err := url.Parse(c.settings.URL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		c.note("%s is without TLS: whoever is on the way can read the pass", c.settings.URL)
	}
	host, err := os.Hostname()
	if err != nil {
		host = runtime.GOOS
	}
	start := api.DeviceStart{Client: "daypass on " + host}
	if scopes != nil {
		start.Scopes = &scopes
	}
	began, err := daypass.Answer[api.DeviceStarted](client.API().StartDevice(ctx, start))
	if err != nil {
		return err
	}
	if began.DeviceCode == "" {
		return failed("unexpected_answer", "what answers at %s is not a Daypass server", c.settings.URL).advising(hints["unexpected_answer"])
	}
	c.note("Open   %s\nand compare the code\n\n       %s\n", line(began.VerificationURI), line(began.UserCode))
	if browse && isTerminal(c.err) {
		openBrowser(began.VerificationURIComplete)
	}
	token, err := c.awaitPass(ctx, client, began)
	if err != nil {
		return err
	}
	p := &profile{URL: c.settings.URL, Organization: token.Claims.Organization, User: token.Claims.UserID}
	p.take(token)
	if err := p.save(c.profileName()); err != nil {
		return err
	}
	if c.settings.Key != "" || c.settings.KeyFile != "" {
		c.note("DAYPASS_KEY or DAYPASS_KEY_FILE is set and goes before this login; --profile %s uses it all the same", c.profileName())
	}
	return c.show(loginJSON{c.profileName(), p.URL, p.Organization, p.User, p.Expires}, func() {
		c.say("%s logged in at %s as %s of %s; %s", c.paint.green("✓"), p.URL, line(p.User), line(p.Organization), c.lasting(p))
	})
}

// loginJSON is what is shown of a login: never its pass.
type loginJSON struct {
	Profile      string    `json:"profile"`
	URL          string    `json:"url"`
	Organization string    `json:"organization"`
	User         string    `json:"user"`
	Expires      time.Time `json:"expires"`
}

func (c *cli) lasting(p *profile) string {
	if p.Renewable {
		return "it ends when unused until " + c.moment(p.Expires)
	}
	return "it ends " + c.moment(p.Expires)
}

// pollFirst is how long to wait before the first question: nobody decides faster.
const (
	pollFirst   = time.Second
	pollSlower  = 5 * time.Second // RFC 8628, section 3.5
	pollSlowest = time.Minute
)

// awaitPass asks until somebody has decided. A server that does not answer is asked ever less often.
func (c *cli) awaitPass(ctx context.Context, client *daypass.Client, began *api.DeviceStarted) (*daypass.Token, error) {
	interval := min(max(time.Duration(began.Interval)*time.Second, pollFirst), pollSlowest)
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(began.ExpiresIn)*time.Second, errNobodyDecided)
	defer cancel()
	for wait := pollFirst; ; wait = interval {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
		token, err := client.AwaitDevice(ctx, began.DeviceCode)
		if err == nil {
			return token, nil
		}
		var refusal *daypass.Error
		answered := errors.As(err, &refusal)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !answered || refusal.Status >= http.StatusInternalServerError || refusal.Status == http.StatusTooManyRequests:
			interval = min(2*interval, pollSlowest)
		case refusal.Code == "slow_down":
			interval += pollSlower
		case refusal.Code != "authorization_pending":
			return nil, err
		}
	}
}

var errNobodyDecided = failed("expired_token", "nobody decided in time").advising("start again")

// openBrowser shows an address where there is somebody to see it. It is no matter if it does not.
func openBrowser(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return
	}
	var open *exec.Cmd
	switch {
	case runtime.GOOS == "darwin":
		open = exec.Command("open", u.String())
	case runtime.GOOS == "windows":
		open = exec.Command("rundll32", "url.dll,FileProtocolHandler", u.String())
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		open = exec.Command("xdg-open", u.String())
	default:
		return
	}
	if open.Start() == nil {
		go func() { _ = open.Wait() }()
	}
}

func newLogoutCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "logout",
		Short:   "End a login, on the server too",
		Long:    "End a login: its pass is revoked, with all that was made from it, and the file removed.",
		Example: "  daypass logout\n  daypass logout --profile photos",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, _, err := readProfile(c.profileName())
			if errors.Is(err, fs.ErrNotExist) {
				return c.showEnded("ended", c.profileName(), "nobody was logged in")
			}
			if err != nil {
				return err
			}
			c.settings.URL = p.URL
			client, err := c.clientAs("")
			if err != nil {
				return err
			}
			if err := client.Revoke(cmd.Context(), p.Token); err != nil {
				return err
			}
			if err := removeProfile(c.profileName()); err != nil {
				return err
			}
			return c.showEnded("ended", c.profileName(), "its pass is refused from now on")
		},
	}
	addLoginFlags(c, cmd)
	return cmd
}

func newWhoamiCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "whoami",
		Short:   "Show who you are to the server, and by what",
		Example: "  daypass whoami\n  daypass whoami --profile photos --json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			me, err := daypass.Answer[api.Me](client.API().GetMe(cmd.Context()))
			if err != nil {
				return err
			}
			return c.show(me, func() { c.showMe(me) })
		},
	}
	addClientFlags(c, cmd)
	return cmd
}

func (c *cli) showMe(me *api.Me) {
	by := "a key, " + me.Key
	switch {
	case c.login != nil:
		by = fmt.Sprintf("the login %q", c.profileName())
	case me.Token != nil:
		by = "a pass, " + *me.Token
	}
	name := me.User.ID
	if called := line(me.User.Name); called != "" {
		name = called + ", " + name
	}
	c.facts(
		fact{"server", c.settings.URL},
		fact{"organization", me.Organization.Slug},
		fact{"user", name},
		fact{"by", by},
		fact{"roles", strings.TrimSpace(words(me.Roles))},
		fact{"scopes", words(me.Scopes)},
		fact{"from", anywhere(value(me.Ips))},
		fact{"until", c.moment(value(me.Expires))},
	)
}
