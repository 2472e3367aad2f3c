package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/verify"
)

// finding is one check of the doctor. Outcome is pass, fail, or skipped.
type finding struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
	Fix     string `json:"fix,omitempty"` // what to write into a proxy's configuration
}

func pass(name, format string, args ...any) finding {
	return finding{Name: name, Outcome: "pass", Detail: fmt.Sprintf(format, args...)}
}

func fail(name, format string, args ...any) finding {
	return finding{Name: name, Outcome: "fail", Detail: fmt.Sprintf(format, args...)}
}

func skipped(name, format string, args ...any) finding {
	return finding{Name: name, Outcome: "skipped", Detail: fmt.Sprintf(format, args...)}
}

// diagnosis is what 'doctor' prints with --json.
type diagnosis struct {
	OK      bool      `json:"ok"`
	Version string    `json:"version"`
	Proxy   string    `json:"proxy,omitempty"`
	Checks  []finding `json:"checks"`
}

func newDoctorCommand(c *cli) *cobra.Command {
	var data string
	var proxy proxyExam
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what is wrong",
		Long: `Check, one by one: that the server's address is right and safe, that it answers and is ready, that the clocks agree,
that its public keys can be read, that the key is good, and, with --data, that nobody else can read the data folder.

With --proxy, find out instead whether a running proxy lets anything past Daypass. --url is then a page behind the
proxy that needs a pass. Only GET requests and an upgrade are sent, and a request with a method that does not exist.
What the API is told can be seen with 'daypass doctor echo' in its place.`,
		Example: `  daypass doctor --url https://pass.example.com
  daypass doctor --data ./data
  daypass doctor --proxy nginx --url https://photos.example.com/photos/1 --public-path /public/1`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("proxy") {
				return c.examineProxy(cmd, &proxy)
			}
			d := diagnosis{OK: true, Version: versionText(), Checks: c.examine(cmd.Context())}
			if data != "" {
				d.Checks = append(d.Checks, examineFolder(data)...)
			}
			return c.conclude(&d, func() { c.describeDiagnosis(d) })
		},
	}
	cmd.AddCommand(newDoctorEcho(c))
	addClientFlags(c, cmd)
	proxy.define(cmd.Flags())
	cmd.Flags().StringVar(&data, "data", "", "data folder of a server on this machine")
	return cmd
}

// conclude shows a diagnosis. What failed anywhere makes it fail as a whole.
func (c *cli) conclude(d *diagnosis, human func()) error {
	for _, f := range d.Checks {
		d.OK = d.OK && f.Outcome != "fail"
	}
	if err := c.show(d, human); err != nil {
		return err
	}
	if !d.OK {
		return shown(exitFailed)
	}
	return nil
}

func (c *cli) describeDiagnosis(d diagnosis) {
	c.say("daypass %s, asking %s\n", d.Version, line(c.settings.URL))
	width := 0
	for _, f := range d.Checks {
		width = max(width, len(f.Name))
	}
	for _, f := range d.Checks {
		c.describeCheck(f.Name, f.Outcome, f.Detail, width)
	}
	c.say("")
	if d.OK {
		c.say("%s", c.paint.green("nothing is wrong"))
		return
	}
	c.say("%s", c.paint.red("something is wrong"))
}

// examine asks the server. What depends on a check that failed is skipped.
func (c *cli) examine(ctx context.Context) []finding {
	u, err := url.Parse(c.settings.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return []finding{fail("address", "%q is no address; write https://pass.example.com", c.settings.URL)}
	}
	all := []finding{examineTransport(u)}
	live, clock := c.examineLife(ctx)
	all = append(all, live)
	if live.Outcome == "fail" {
		for _, name := range []string{"ready", "clock", "public keys", "key"} {
			all = append(all, skipped(name, "the server does not answer"))
		}
		return all
	}
	return append(all, c.examineReadiness(ctx), clock, c.examinePublicKeys(ctx), c.examineKey(ctx))
}

func examineTransport(u *url.URL) finding {
	if u.Scheme == "https" {
		return pass("transport", "https")
	}
	if isLoopback(u.Hostname()) {
		return pass("transport", "http, but it does not leave this machine")
	}
	return fail("transport", "plain http: keys and passes can be read on the way; use https, or a proxy that speaks it")
}

// ask gets one of the server's own pages, without a credential.
func (c *cli) ask(ctx context.Context, path string) (*http.Response, string, error) {
	ctx, cancel := context.WithTimeout(ctx, daypass.DefaultTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.settings.URL, "/")+path, nil)
	if err != nil {
		return nil, "", err
	}
	response, err := (&http.Client{Transport: patientTransport()}).Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	return response, string(body), err
}

// examineLife checks that the server answers, and what time it has. An HTTP date has whole seconds.
func (c *cli) examineLife(ctx context.Context) (life, clock finding) {
	before := c.now()
	response, _, err := c.ask(ctx, "/livez")
	if err != nil {
		return fail("answers", "%s", explainTrouble(err).Message), finding{}
	}
	if response.StatusCode != http.StatusOK {
		return fail("answers", "%s answers %d to /livez, which no Daypass server does", c.settings.URL, response.StatusCode), finding{}
	}
	taken := c.now().Sub(before)
	life = pass("answers", "in %s", taken.Round(100*time.Microsecond))
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return life, skipped("clock", "the server does not tell its time")
	}
	off := date.Sub(before.Add(taken / 2)).Round(time.Second)
	if off.Abs() > verify.Leeway {
		return life, fail("clock", "the clocks are %s apart, more than the leeway of %s; set one of them right", off.Abs(), verify.Leeway)
	}
	return life, pass("clock", "the clocks agree within %s", max(off.Abs(), time.Second))
}

func (c *cli) examineReadiness(ctx context.Context) finding {
	err := daypass.Done(c.probe(ctx, "/readyz"))
	if err != nil {
		return fail("ready", "not ready: %s", explainTrouble(err).Message)
	}
	return pass("ready", "it decides requests")
}

// probe is [cli.ask] for an answer that may be a problem.
func (c *cli) probe(ctx context.Context, path string) (*http.Response, error) {
	response, body, err := c.ask(ctx, path)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(strings.NewReader(body))
	return response, nil
}

func (c *cli) examinePublicKeys(ctx context.Context) finding {
	_, body, err := c.ask(ctx, "/.well-known/jwks.json")
	if err != nil {
		return fail("public keys", "%s", explainTrouble(err).Message)
	}
	if _, err := verify.ParseKeySet([]byte(body)); err != nil {
		return fail("public keys", "/.well-known/jwks.json cannot be used: %v", err)
	}
	return pass("public keys", "others can verify passes with /.well-known/jwks.json")
}

func (c *cli) examineKey(ctx context.Context) finding {
	credential, err := c.credential()
	if err != nil {
		return fail("key", "%s", explainTrouble(err).Message)
	}
	if credential == "" {
		return skipped("key", "none given: set DAYPASS_KEY or --key-file")
	}
	client, err := c.clientAs(credential)
	if err != nil {
		return fail("key", "%s", explainTrouble(err).Message)
	}
	me, err := daypass.Answer[api.Me](client.API().GetMe(ctx))
	if err != nil {
		t := explainTrouble(err)
		return fail("key", "%s (%s)", t.Message, t.Code)
	}
	ends := ""
	if me.Expires != nil {
		ends = ", ends " + c.ago(*me.Expires)
	}
	return pass("key", "good in %s, with roles %s%s", me.Organization.Slug, cmp.Or(words(me.Roles), "none"), ends)
}

// examineFolder looks for files that others on the machine could read.
func examineFolder(folder string) []finding {
	master := filepath.Join(folder, "master.key")
	return []finding{
		examineMode("data folder", folder, 0o077, "chmod 700 "+folder),
		examineMode("master key", master, 0o077, "chmod 600 "+master),
		examineMode("database", filepath.Join(folder, "daypass.db"), 0o077, "chmod 600 "+filepath.Join(folder, "daypass.db*")),
	}
}

func examineMode(name, path string, forbidden fs.FileMode, remedy string) finding {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return skipped(name, "%s is not there", path)
	}
	if err != nil {
		return fail(name, "%v", err)
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return fail(name, "%s has mode %04o, so others can read it: %s", path, mode, remedy)
	}
	return pass(name, "only its owner can read %s", path)
}
