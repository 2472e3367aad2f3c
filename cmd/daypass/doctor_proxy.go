package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/daypass/daypass/internal/catalog"
)

// proxyExam is what 'doctor --proxy' was asked to look at.
type proxyExam struct {
	proxy     string
	public    string
	protected []string
}

var proxyNames = []string{"nginx", "caddy", "haproxy", "traefik", "envoy"}

func (e *proxyExam) define(flags *pflag.FlagSet) {
	flags.StringVar(&e.proxy, "proxy", "", "examine a proxy instead: "+strings.Join(proxyNames, ", "))
	flags.StringVar(&e.public, "public-path", "", "with --proxy: a path behind it that needs no pass")
	flags.StringArrayVar(&e.protected, "protected-path", nil, "with --proxy: a further path that needs a pass; may be repeated")
}

// examineProxy sends requests that should be refused, and a few that should not, and reads what comes back.
func (c *cli) examineProxy(cmd *cobra.Command, e *proxyExam) error {
	p, err := c.newProber(cmd, e)
	if err != nil {
		return err
	}
	d := diagnosis{OK: true, Version: versionText(), Proxy: e.proxy, Checks: p.examine(cmd.Context())}
	return c.conclude(&d, func() { c.describeProxy(&d, p) })
}

func (c *cli) newProber(cmd *cobra.Command, e *proxyExam) (*prober, error) {
	if !slices.Contains(proxyNames, e.proxy) {
		return nil, usage(cmd, "--proxy is one of %s", strings.Join(proxyNames, ", "))
	}
	if !cmd.Flags().Changed("url") {
		return nil, usage(cmd, "--proxy needs --url: a page behind the proxy that needs a pass, such as https://photos.example.com/photos/1")
	}
	u, err := url.Parse(c.settings.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage(cmd, "--url is written https://photos.example.com/photos/1")
	}
	p := &prober{proxy: e.proxy, site: u, public: e.public, protected: append([]string{u.EscapedPath()}, e.protected...)}
	if u.RawQuery != "" || len(u.Path) < 2 {
		return nil, usage(cmd, "--url names a page that needs a pass, with its path and without a query")
	}
	for _, path := range append(slices.Clone(p.protected), e.public) {
		if canonical, err := catalog.ParsePath(path); path != "" && (err != nil || canonical.Target() != path || canonical.Query() != "") {
			return nil, usage(cmd, "%q is no plain path", path)
		}
	}
	credential, err := c.credential()
	if err != nil {
		return nil, err
	}
	if p.withKey = strings.HasPrefix(credential, "dp_"); !p.withKey {
		p.pass = credential
	}
	return p, nil
}

func (c *cli) describeProxy(d *diagnosis, p *prober) {
	c.say("daypass %s, examining %s at %s", d.Version, d.Proxy, line(c.settings.URL))
	width, untold := 0, 0
	for _, f := range d.Checks {
		width = max(width, utf8.RuneCountInString(f.Name))
		if f.Outcome == "skipped" {
			untold++
		}
	}
	for _, f := range d.Checks {
		c.describeCheck(f.Name, f.Outcome, f.Detail, width)
		if f.Fix != "" {
			c.describeFix(f.Fix, width)
		}
	}
	c.say("")
	switch {
	case !d.OK:
		c.say("%s", c.paint.red("not safe"))
	case untold > 0:
		c.say("%s, as far as can be told; – could not be", c.paint.green("safe"))
	default:
		c.say("%s", c.paint.green("safe"))
	}
	if !p.echoing {
		c.say("%s", c.paint.dim("'daypass doctor echo' in place of the API shows what the API is told"))
	}
}

// describeFix prints what mends the check above, under its detail.
func (c *cli) describeFix(fix string, width int) {
	const before, between, label = 5, 2, len("fix ")
	mark := c.paint.cyan("fix")
	for _, l := range wrap(line(fix), pageWidth-before-width-between-label) {
		c.say("%*s%s %s", before+width+between, "", mark, l)
		mark = "   "
	}
}

// prober asks a proxy.
type prober struct {
	proxy     string
	site      *url.URL
	public    string   // a path; "" for none
	protected []string // paths
	pass      string   // "" for none
	withKey   bool     // a key was given, which is not sent anywhere here

	echoing  bool // an echo stands in for the API
	findings []finding
}

// reply is an answer to a probe. Status 0 is a connection that was closed without one.
type reply struct {
	status    int
	challenge string
	code      string // of a problem of Daypass
	echo      *echo  // nil: not from an echo
}

const (
	probeTimeout = 15 * time.Second
	maxReply     = 1 << 20 // bytes
)

// ask writes a request byte for byte as it is given, on a connection of its own. The header lines come as they are.
func (p *prober) ask(ctx context.Context, method, target string, lines ...string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := p.dial(ctx)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := method + " " + target + " HTTP/1.1\r\nHost: " + p.site.Host + "\r\nUser-Agent: daypass-doctor/" + versionText() + "\r\n" +
		strings.Join(append(lines, ""), "\r\n") + "\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return reply{}, nil // refused before it was read
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if ctx.Err() != nil {
		return reply{}, failed("unreachable", "the proxy does not answer within %s", probeTimeout)
	}
	if err != nil {
		return reply{}, nil
	}
	return readReply(response), nil
}

func readReply(response *http.Response) reply {
	r := reply{status: response.StatusCode, challenge: strings.Join(response.Header["Www-Authenticate"], ", ")}
	if r.status == http.StatusSwitchingProtocols {
		return r
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxReply)) // half an answer is as good
	var problem struct{ Type, Code string }
	if json.Unmarshal(body, &problem) == nil && problem.Type == "/docs/errors#"+problem.Code {
		r.code = problem.Code
	}
	var e echo
	if json.Unmarshal(body, &e) == nil && e.Echo == echoMark {
		r.echo = &e
	}
	return r
}

func (p *prober) dial(ctx context.Context) (net.Conn, error) {
	port := p.site.Port()
	secure := p.site.Scheme == "https"
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[secure]
	}
	address := net.JoinHostPort(p.site.Hostname(), port)
	if secure {
		return (&tls.Dialer{Config: &tls.Config{NextProtos: []string{"http/1.1"}}}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}
