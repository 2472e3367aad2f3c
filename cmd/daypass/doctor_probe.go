package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// madeUp marks what no client should be able to tell anybody.
const madeUp = "daypass-doctor-made-this-up"

// examine makes all probes. Where requests are not even refused without a pass, or nothing is, the others tell nothing.
func (p *prober) examine(ctx context.Context) []finding {
	p.noPass(ctx)
	if slices.ContainsFunc(p.findings, func(f finding) bool { return f.Outcome == "fail" }) {
		p.add(skipped("all else", "cannot be told before each path that needs a pass is refused without one"))
		return p.findings
	}
	open, lines := p.wayIn(ctx)
	p.badPasses(ctx)
	p.spellings(ctx)
	p.claims(ctx)
	p.upgrade(ctx, cmp.Or(open, p.protected[0]), lines)
	if open == "" {
		p.add(skipped("what the API gets", "nothing reaches it: give --public-path, or a pass by DAYPASS_KEY"))
		return p.findings
	}
	p.methods(ctx)
	p.arrivals(ctx, open, lines)
	return p.findings
}

func (p *prober) add(f finding) { p.findings = append(p.findings, f) }

// wrong adds a failure with what mends it in this proxy.
func (p *prober) wrong(t topic, f finding) {
	f.Fix = fixes[t][p.proxy]
	p.add(f)
}

// probe is ask for a check: where there is no answer, that is what the check says.
func (p *prober) probe(ctx context.Context, name, method, target string, lines ...string) (reply, bool) {
	r, err := p.ask(ctx, method, target, lines...)
	if err != nil {
		p.add(fail(name, "%s", explainTrouble(err).Message))
		return r, false
	}
	p.echoing = p.echoing || r.echo != nil
	return r, true
}

// verdict is what an answer says about whether a request was let through.
type verdict int

const (
	denied    verdict = iota
	letIn             // it reached the API
	ambiguous         // the API may have answered, or the proxy
)

// judge reads an answer to a request that must not reach the API. A refusal counts if it is in Daypass's words, or if an
// echo stands in for the API, which refuses nothing: an API that was reached may well refuse by itself.
func (p *prober) judge(r reply) verdict {
	switch {
	case r.echo != nil, r.status == http.StatusSwitchingProtocols:
		return letIn
	case r.status == 0, r.code != "", p.echoing, r.status == http.StatusUnauthorized && strings.HasPrefix(r.challenge, challenge):
		return denied
	case r.status < 300:
		return letIn
	}
	return ambiguous
}

// must reports a request that had to be denied.
func (p *prober) must(name string, t topic, r reply, what string) {
	switch p.judge(r) {
	case denied:
		p.add(pass(name, "refused%s", statusOf(r)))
	case letIn:
		p.wrong(t, fail(name, "%s is let in%s", what, statusOf(r)))
	default:
		p.add(skipped(name, "not let in, or by an API that refuses it: these are not Daypass's words%s", statusOf(r)))
	}
}

func statusOf(r reply) string {
	switch {
	case r.status == 0:
		return ": the connection is closed"
	case r.code != "":
		return fmt.Sprintf(": %d %s", r.status, line(r.code))
	}
	return fmt.Sprintf(": %d", r.status)
}

const challenge = `Bearer realm="daypass"`

// noPass holds each path that needs a pass against being asked without one.
func (p *prober) noPass(ctx context.Context) {
	for _, path := range p.protected {
		name := "no pass: " + path
		r, ok := p.probe(ctx, name, "GET", path)
		switch {
		case !ok:
		case r.status == http.StatusUnauthorized && strings.HasPrefix(r.challenge, challenge):
			p.add(pass(name, "refused with Daypass's challenge"))
		case r.code == "untrusted_proxy":
			p.wrong(noDecision, fail(name, "Daypass does not believe the proxy, so that nobody is let in"))
		case r.code == "no_application", r.code == "no_rule", r.code == "address_denied":
			p.wrong(pathChanged, fail(name, "refused, but not for want of a pass%s: no rule covers this path, or Daypass is told another one", statusOf(r)))
		case r.status == 0 || r.status >= 500:
			p.wrong(noDecision, fail(name, "nobody is let in, but nothing is decided either%s", statusOf(r)))
		case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
			p.wrong(noDecision, fail(name, "refused, but not with Daypass's challenge%s; Daypass may not believe the proxy, or it is the API that refuses", statusOf(r)))
		default:
			p.wrong(notAsked, fail(name, "not refused%s: Daypass is not asked", statusOf(r)))
		}
	}
}

func (p *prober) badPasses(ctx context.Context) {
	path, bad := p.protected[0], "Authorization: Bearer "+madeUp
	if r, ok := p.probe(ctx, "made-up pass", "GET", path, bad); ok {
		switch {
		case p.judge(r) != denied:
			p.must("made-up pass", notAsked, r, "a pass that is none")
		case !strings.Contains(r.challenge, "invalid_token") && r.code != "token_invalid":
			p.wrong(passNotTold, fail("made-up pass", "refused as if there were none%s: Daypass is not told the pass", statusOf(r)))
		default:
			p.add(pass("made-up pass", "refused by Daypass"))
		}
	}
	if r, ok := p.probe(ctx, "two passes", "GET", path, bad, "Authorization: Bearer "+madeUp+"-too"); ok {
		p.must("two passes", twoCredentials, r, "a request with two passes")
	}
	if r, ok := p.probe(ctx, "pass in the URL", "GET", path+"?access_token="+madeUp); ok {
		if r.status == http.StatusUnauthorized {
			p.wrong(pathChanged, fail("pass in the URL", "refused only for want of a pass: Daypass is not told the query"))
		} else {
			p.must("pass in the URL", notAsked, r, "a pass in the URL")
		}
	}
}

const encodedLetter = "encoded letter"

// spellings are ways to write a path that some program behind the proxy may read as the one that needs a pass.
func (p *prober) spellings(ctx context.Context) {
	open, up := "/x", "/.."
	if p.public != "" {
		open, up = p.public, strings.Repeat("/..", strings.Count(p.public, "/"))
	}
	path := p.protected[0]
	for _, s := range []struct{ name, target string }{
		{"dot segments", open + up + path},
		{"encoded dots", open + strings.ReplaceAll(up, "..", "%2e%2e") + path},
		{"encoded slash", open + strings.ReplaceAll(up, "/", "%2f") + path},
		{"encoded twice", open + strings.ReplaceAll(up, "..", "%252e%252e") + path},
		{"backslash", open + strings.ReplaceAll(up, "/", `\`) + path},
		{"semicolon", open + strings.ReplaceAll(up, "..", "..;") + path},
		{"double slash", "/" + path},
		{encodedLetter, path[:1] + fmt.Sprintf("%%%02x", path[1]) + path[2:]},
	} {
		name := "path, " + s.name
		r, ok := p.probe(ctx, name, "GET", s.target)
		if !ok {
			continue
		}
		// These clean a path up before anybody is asked, and send on what they asked about; so does Daypass's gateway with
		// letters that need no encoding.
		cleans := p.proxy == "traefik" || p.proxy == "envoy" || p.proxy == "haproxy" && s.name == encodedLetter
		if r.status == http.StatusUnauthorized && !cleans {
			p.wrong(pathChanged, fail(name, "Daypass is told a cleaned-up path, and so cannot refuse what the API might read otherwise"))
			continue
		}
		p.must(name, pathChanged, r, s.target)
	}
}

// claims are headers by which a client says that something else was asked, or by somebody else.
func (p *prober) claims(ctx context.Context) {
	open := cmp.Or(p.public, "/")
	for _, c := range []struct {
		name  string
		lines []string
	}{
		{"X-Forwarded-Uri", []string{"X-Forwarded-Uri: " + open, "X-Forwarded-Method: GET"}},
		{"X-Original-URI", []string{"X-Original-URI: " + open, "X-Original-Method: GET"}},
		{"X-Original-URL", []string{"X-Original-URL: " + open, "X-Rewrite-URL: " + open}},
		{"X-Forwarded-Host", []string{"X-Forwarded-Host: " + madeUp + ".example", "X-Original-Host: " + madeUp + ".example"}},
		{"X-Forwarded-For", []string{"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"}},
		{"X-HTTP-Method-Override", []string{"X-HTTP-Method-Override: OPTIONS", "X-HTTP-Method: OPTIONS"}},
		{"X-Daypass-Subject", []string{"X-Daypass-Subject: " + madeUp, "X-Daypass-Scopes: *", "X-Daypass-Roles: administrator"}},
		{"X_Daypass_Subject", []string{"X_Daypass_Subject: " + madeUp, "X.Daypass.Subject: " + madeUp}},
		{"Connection", []string{"Connection: close, X-Forwarded-Uri, X-Forwarded-Method, X-Original-URI, X-Original-Method, X-Forwarded-For"}},
	} {
		name := "client's " + c.name
		if r, ok := p.probe(ctx, name, "GET", p.protected[0], c.lines...); ok {
			p.must(name, headerBelieved, r, "a request without a pass, but with this header,")
		}
	}
}

// wayIn finds a request that reaches the API: a public one, or one with a pass.
func (p *prober) wayIn(ctx context.Context) (path string, lines []string) {
	if p.withKey {
		p.add(skipped("good pass", "a key is for Daypass alone and was not sent to the proxy; give a pass, which 'daypass token create' makes"))
	}
	if p.pass != "" {
		with := "Authorization: Bearer " + p.pass
		r, ok := p.probe(ctx, "good pass", "GET", p.protected[0], with)
		switch {
		case ok && !reached(r):
			p.add(skipped("good pass", "it is not let in%s %s", statusOf(r), line(r.challenge)))
		case ok:
			p.add(pass("good pass", "let in%s", statusOf(r)))
			path, lines = p.protected[0], []string{with}
		}
	}
	if p.public != "" {
		r, ok := p.probe(ctx, "public path", "GET", p.public)
		switch {
		case ok && !reached(r):
			p.add(skipped("public path", "it does not reach the API%s; name one whose rule says 'access: public'", statusOf(r)))
		case ok:
			p.add(pass("public path", "let in%s", statusOf(r)))
			if path == "" {
				path = p.public
			}
		}
	}
	return path, lines
}

// reached reports whether it is likely that the API answered.
func reached(r reply) bool {
	return r.code == "" && r.status != 0 && r.status != http.StatusUnauthorized && r.status != http.StatusForbidden && r.status < 500
}

// upgrade tries to turn the connection into one for requests that nobody asks about.
func (p *prober) upgrade(ctx context.Context, path string, lines []string) {
	const name = "upgrade to h2c"
	r, ok := p.probe(ctx, name, "GET", path, append([]string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"}, lines...)...)
	switch {
	case !ok:
	case r.status == http.StatusSwitchingProtocols:
		p.wrong(upgradePassed, fail(name, "the connection is upgraded: what follows on it is asked of nobody"))
	case r.echo != nil && len(r.echo.Headers["Upgrade"]) > 0:
		p.wrong(upgradePassed, fail(name, "the API gets 'Upgrade: h2c' and could agree"))
	case r.echo != nil || p.judge(r) == denied:
		p.add(pass(name, "not passed on"))
	default:
		p.add(skipped(name, "this API does not agree; whether it was asked cannot be told"))
	}
}

// methods finds out whether Daypass is told the method, by one that no rule names.
func (p *prober) methods(ctx context.Context) {
	const name = "method"
	if p.public == "" {
		return
	}
	r, ok := p.probe(ctx, name, "PROBE", p.public)
	if !ok {
		return
	}
	if p.judge(r) == letIn {
		p.add(skipped(name, "the public path takes any method%s; that may be what its rule says", statusOf(r)))
		return
	}
	p.must(name, notAsked, r, "a method that no rule names")
	for _, line := range []string{"X-Forwarded-Method: GET", "X-Original-Method: GET", "X-HTTP-Method-Override: GET"} {
		header, _, _ := strings.Cut(line, ":")
		if r, ok := p.probe(ctx, "method, "+header, "PROBE", p.public, line); ok {
			p.must("method, "+header, headerBelieved, r, "a request that this header calls a GET")
		}
	}
}

// arrivals sees what reaches the API, where an echo stands in for it.
func (p *prober) arrivals(ctx context.Context, path string, lines []string) {
	if !p.echoing {
		p.add(skipped("what the API gets", "cannot be told: run 'daypass doctor echo' in place of the API"))
		return
	}
	with := func(more ...string) []string { return append(more, lines...) }
	for _, c := range []struct {
		name   string
		topic  topic
		target string
		lines  []string
	}{
		{"identity, plain", identityLost, path, with()},
		{"identity, forged", identityForged, path, with("X-Daypass-Subject: "+madeUp, "X-Daypass-Org: "+madeUp, "X-Daypass-Scopes: "+madeUp, "X-Daypass-Roles: "+madeUp, "X-Daypass-Token-Id: "+madeUp, "X-Daypass-Key-Id: "+madeUp)},
		{"identity, lower case", identityForged, path, with("x-daypass-subject: "+madeUp, "x-daypass-other: "+madeUp)},
		{"identity, underscores", aliasPassed, path, with("X_Daypass_Subject: " + madeUp)},
		{"identity, dots", aliasPassed, path, with("X.Daypass.Subject: " + madeUp)},
		{"identity, Connection", identityLost, path, with("Connection: close, X-Daypass-Subject, X-Daypass-Org, X-Daypass-Scopes")},
		{"API's X-Forwarded-For", claimPassed, path, with("X-Forwarded-For: 192.0.2.123", "X-Real-IP: 192.0.2.123", "Forwarded: for=192.0.2.123", "True-Client-IP: 192.0.2.123")},
		{"API's X-Original-URL", claimPassed, path, with("X-Original-URL: /"+madeUp, "X-Rewrite-URL: /"+madeUp)},
		{"API's X-Forwarded-Prefix", claimPassed, path, with("X-Forwarded-Prefix: /"+madeUp, "X-Forwarded-User: "+madeUp)},
		{"API's method override", claimPassed, path, with("X-HTTP-Method-Override: "+madeUp, "X-HTTP-Method: "+madeUp)},
		{"API's target", pathChanged, path + "%2Bx?a=%2e%2e%2f&b", with()},
	} {
		r, ok := p.probe(ctx, c.name, "GET", c.target, c.lines...)
		switch {
		case !ok:
		case r.echo == nil && p.judge(r) == denied:
			p.add(pass(c.name, "refused%s", statusOf(r)))
		case r.echo == nil:
			p.add(skipped(c.name, "the echo does not answer%s", statusOf(r)))
		default:
			p.arrived(c.name, c.topic, c.target, len(lines) > 0, r.echo)
		}
	}
}

var identityNames = []string{"X-Daypass-Subject", "X-Daypass-Org", "X-Daypass-Scopes", "X-Daypass-Roles", "X-Daypass-Token-Id", "X-Daypass-Key-Id"}

// arrived holds what the API got against what was sent and by whom: with a pass, or nobody.
func (p *prober) arrived(name string, t topic, target string, withPass bool, got *echo) {
	for header, values := range got.Headers {
		for _, v := range values {
			if strings.Contains(v, madeUp) || strings.Contains(v, "192.0.2.123") {
				p.wrong(t, fail(name, "the API gets what the client made up in %s", line(header)))
				return
			}
		}
	}
	if got.Target != target {
		p.wrong(pathChanged, fail(name, "the API gets another target than was sent: %s", line(got.Target)))
		return
	}
	for _, header := range identityNames {
		values := got.Headers[header]
		empty := len(values) == 0 || len(values) == 1 && values[0] == ""
		switch {
		case len(values) > 1:
			p.wrong(identityForged, fail(name, "the API gets %s twice", header))
			return
		case !withPass && !empty:
			p.wrong(identityForged, fail(name, "the API gets %s, though nobody calls", header))
			return
		case withPass && empty && (header == "X-Daypass-Subject" || header == "X-Daypass-Org"):
			p.wrong(identityLost, fail(name, "the API does not get %s, though a pass was sent", header))
			return
		}
	}
	for _, header := range []string{"Authorization", "Api-Key", "Cookie"} {
		if len(got.Headers[header]) > 0 {
			p.add(skipped(name, "as it should be, but the API gets the client's %s; take it away unless the API needs it", header))
			return
		}
	}
	p.add(pass(name, "the API gets what it should"))
}
