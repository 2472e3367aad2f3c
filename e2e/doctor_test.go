package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/daypass/daypass/internal/server"
)

// clinic is a server, an echo in place of the API, and the doctor.
type clinic struct {
	*world
	program string // daypass
	echo    string // host:port
	pass    string
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	program := Program(t)
	c := &clinic{world: newWorld(t, func(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} }), program: program, echo: freeAddress(t)}
	run(t, t.TempDir(), program, "doctor", "echo", "--listen", c.echo)
	waitFor(t, "daypass doctor echo", c.echo)
	c.serve("acme", "photos", "upstream: http://"+c.echo+`
resources:
  - match: GET /public/**
    access: public
  - match: GET /photos/**
    require: { scopes: [photos:read] }
`)
	c.pass = c.world.pass(c.founder, object{"scopes": []string{"photos:read"}, "no_ip_protection": true})
	return c
}

// examination is what the doctor said.
type examination struct {
	OK     bool
	Checks []struct{ Name, Outcome, Detail, Fix string }
	exit   int
}

func (e *examination) names(outcome string) (names []string) {
	for _, check := range e.Checks {
		if check.Outcome == outcome {
			names = append(names, check.Name)
		}
	}
	return names
}

// examine runs the doctor on a proxy that is started with the edits.
func (c *clinic) examine(t *testing.T, f front, pass string, edits ...func(string) string) *examination {
	t.Helper()
	at := place{strings.TrimPrefix(c.api, "http://"), strings.TrimPrefix(c.gateway, "http://"), c.echo}
	var certificates string
	inner := f.edit
	f.edit = func(folder, text string) string {
		certificates = filepath.Join(folder, "photos.example.com.pem")
		if inner != nil {
			return inner(folder, text)
		}
		return text
	}
	address, _ := startProxy(t, f, at, edits...)
	scheme := "http://"
	if f.gateway {
		scheme = "https://"
	}
	cmd := exec.Command(c.program, "doctor", "--json", "--proxy", f.program, "--url", scheme+address+"/photos/1", "--public-path", "/public/1", "--protected-path", "/photos/2/private")
	cmd.Env = append(os.Environ(), "DAYPASS_KEY="+pass, "SSL_CERT_FILE="+certificates)
	out, err := cmd.Output()
	var failure *exec.ExitError
	e := &examination{}
	if errors.As(err, &failure) {
		e.exit = failure.ExitCode()
	}
	if err := json.Unmarshal(out, e); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if e.OK != (e.exit == 0) {
		t.Errorf("ok is %v, the exit code %d", e.OK, e.exit)
	}
	for _, check := range e.Checks {
		if check.Outcome == "fail" && check.Fix == "" {
			t.Errorf("%s fails without a fix: %s", check.Name, check.Detail)
		}
	}
	return e
}

// without removes every line that contains the text.
func without(text string) func(string) string {
	return func(configuration string) string {
		var kept []string
		for _, line := range strings.SplitAfter(configuration, "\n") {
			if !strings.Contains(line, text) {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
}

func replaced(old, by string) func(string) string {
	return func(configuration string) string { return strings.ReplaceAll(configuration, old, by) }
}

// lastReplaced is for what stands twice: for the question first, for the API last.
func lastReplaced(old, by string) func(string) string {
	return func(configuration string) string {
		at := strings.LastIndex(configuration, old)
		if at < 0 {
			return configuration
		}
		return configuration[:at] + by + configuration[at+len(old):]
	}
}

type edits = []func(string) string

// TestDoctorProxy: the shipped configurations are safe, and ones with a mistake in them are not.
func TestDoctorProxy(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	for _, patient := range []struct {
		front
		mistakes map[string]struct {
			edits edits
			found string // a check that must fail
		}
	}{
		{nginx, map[string]struct {
			edits edits
			found string
		}{
			"nobody is asked":               {edits{without("auth_request /_daypass;")}, "no pass: /photos/1"},
			"one location asks nobody":      {edits{replaced("location / {", "location /photos/2/ { proxy_pass http://api; }\nlocation / {")}, "no pass: /photos/2/private"},
			"a file type asks nobody":       {edits{replaced("location / {", "location ~ private$ { proxy_pass http://api; }\nlocation / {")}, "no pass: /photos/2/private"},
			"asked about its own location":  {edits{replaced("X-Original-URI $request_uri", "X-Original-URI $uri")}, "no pass: /photos/1"},
			"asked about the cleaned path":  {edits{replaced("X-Original-URI $request_uri", "X-Original-URI $asked$is_args$args"), replaced("auth_request /_daypass;", "set $asked $uri; auth_request /_daypass;")}, "path, dot segments"},
			"asked without the query":       {edits{replaced("X-Original-URI $request_uri", "X-Original-URI $asked"), replaced("auth_request /_daypass;", "set $asked $uri; auth_request /_daypass;")}, "pass in the URL"},
			"the API gets the cleaned path": {edits{replaced("proxy_pass http://api;", "proxy_pass http://api/;")}, "API's target"},
			"the client's headers":          {edits{lastReplaced("proxy_pass_request_headers off;", "")}, "API's X-Forwarded-Prefix"},
			"the client's identity":         {edits{lastReplaced("proxy_pass_request_headers off;", ""), without("proxy_set_header X-Daypass-Subject")}, "identity, forged"},
			"underscores":                   {edits{lastReplaced("proxy_pass_request_headers off;", ""), replaced("underscores_in_headers off", "underscores_in_headers on")}, "identity, underscores"},
			"dots":                          {edits{lastReplaced("proxy_pass_request_headers off;", ""), replaced("ignore_invalid_headers on", "ignore_invalid_headers off")}, "identity, dots"},
			"no identity":                   {edits{without("proxy_set_header X-Daypass-Org")}, "identity, plain"},
			"added to X-Forwarded-For":      {edits{lastReplaced("X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for")}, "API's X-Forwarded-For"},
			"any upgrade":                   {edits{replaced(`default   "";`, "default   $http_upgrade;")}, "upgrade to h2c"},
			"the pass is not told":          {edits{without("proxy_set_header Authorization")}, "made-up pass"},
			"the client says the method":    {edits{replaced("X-Original-Method $request_method", "X-Original-Method $told"), replaced("map $http_upgrade $upgrade {", `map $http_x_original_method $told { "" $request_method; default $http_x_original_method; }`+"\nmap $http_upgrade $upgrade {")}, "method, X-Original-Method"},
			"the client says the path":      {edits{replaced("X-Original-URI $request_uri", "X-Original-URI $told"), replaced("map $http_upgrade $upgrade {", `map $http_x_original_uri $told { "" $request_uri; default $http_x_original_uri; }`+"\nmap $http_upgrade $upgrade {")}, "client's X-Original-URI"},
			"Daypass is elsewhere":          {edits{replaced("http://daypass/v1/forward-auth", "http://daypass/nowhere")}, "no pass: /photos/1"},
		}},
		{caddy, map[string]struct {
			edits edits
			found string
		}{
			"nobody is asked":         {edits{replaced("forward_auth 127", "reverse_proxy /never 127"), without("uri /v1/forward-auth"), without("copy_headers")}, "no pass: /photos/1"},
			"one path asks nobody":    {edits{replaced("forward_auth 127", "reverse_proxy /photos/2/* "+c.echo+"\nforward_auth 127")}, "no pass: /photos/2/private"},
			"the path is rewritten":   {edits{lastReplaced("reverse_proxy 127", "rewrite * /photos/elsewhere\nreverse_proxy 127")}, "API's target"},
			"rewritten before":        {edits{replaced("forward_auth 127", "uri path_regexp /+ /\nuri replace /.. /\nforward_auth 127")}, "path, double slash"},
			"identity can be removed": {edits{without("header_up X-Daypass-")}, "identity, Connection"},
			"identity is left out":    {edits{replaced("X-Daypass-Subject X-Daypass-Org", "X-Daypass-Subject")}, "identity, plain"},
			"any upgrade":             {edits{without("request_header @other_upgrade")}, "upgrade to h2c"},
			"the client's headers":    {edits{without("request_header -*Forwarded*")}, "API's X-Forwarded-Prefix"},
			"the pass is not told":    {edits{replaced("forward_auth 127", "request_header -Authorization\nforward_auth 127")}, "made-up pass"},
			"Daypass is elsewhere":    {edits{replaced("uri /v1/forward-auth", "uri /v1/nowhere")}, "no pass: /photos/1"},
		}},
		{haproxy, map[string]struct {
			edits edits
			found string
		}{
			"past the gateway": {edits{replaced("    default_backend gateways", "    use_backend api if { path_beg /photos/2/ }\n    default_backend gateways"), func(s string) string {
				return s + fmt.Sprintf("\nbackend api\n    server api %s\n", c.echo)
			}}, "no pass: /photos/2/private"},
			"the path is decoded": {edits{replaced("    default_backend gateways", "    http-request set-path %[path,url_dec]\n    default_backend gateways")}, "API's target"},
		}},
	} {
		t.Run(patient.program, func(t *testing.T) {
			if _, err := exec.LookPath(patient.program); err != nil {
				t.Skipf("%s is not installed", patient.program)
			}
			for who, pass := range map[string]string{"with a pass": c.pass, "without": ""} {
				if e := c.examine(t, patient.front, pass); e.exit != 0 || pass != "" && len(e.names("skipped")) > 0 {
					t.Errorf("as shipped, %s: exit code %d: %+v", who, e.exit, e.Checks)
				}
			}
			for name, mistake := range patient.mistakes {
				e := c.examine(t, patient.front, c.pass, mistake.edits...)
				if e.exit != 1 || !slices.Contains(e.names("fail"), mistake.found) {
					t.Errorf("%s: exit code %d, failed are %q, want %s among them\n%+v", name, e.exit, e.names("fail"), mistake.found, e.Checks)
				}
			}
		})
	}
}
