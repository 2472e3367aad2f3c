package catalog

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// Limits of a resource file.
const (
	MaxDocument  = 1 << 20 // bytes
	MaxResources = 10_000
	MaxHosts     = 100
	MaxNetworks  = 10_000 // of each address list
	MaxRequired  = 64     // scopes, and roles, of one resource
)

// Document is a resource file, read. The zero value of a field is one that was
// left out.
type Document struct {
	Application  string // slug
	Organization string // slug
	// Hosts in lower case, without port; "*.example.com" is every host with one
	// label more. Empty: any host.
	Hosts []string
	// Prefix of the paths, as written, without a slash at its end.
	Prefix string
	// Upstream has the scheme http, https or h2c (HTTP/2 without TLS), and a host,
	// and nothing else. Nil: there is none. It must not be changed.
	Upstream      *url.URL
	Resources     []Resource
	DenyNetworks  access.Networks
	AllowNetworks access.Networks
	// Origins of web pages that may open WebSockets and read denials, beside the
	// host's own.
	Origins []string
	Tokens  TokenDefaults
	// Timeout is how long to wait for the upstream to begin its answer; zero: the
	// gateway's own.
	Timeout time.Duration
	// Mode says whether the file is enforced, or only tried.
	Mode Mode

	prefix string // decoded, without outer slashes
	// Where the names stand, for [Document.agrees].
	applicationAt, organizationAt problem
}

// TokenDefaults bounds the tokens that are issued for the application alone.
type TokenDefaults struct {
	DefaultLife time.Duration // where none is asked; zero: the server's
	MaxLife     time.Duration // zero: the server's
	Encrypt     bool          // every token that names the application is encrypted
}

// ParseDocument reads a resource file, YAML, or JSON where it begins with a
// brace: at most [MaxDocument] bytes and [MaxResources] resources. It is strict:
// unknown and repeated fields, YAML anchors, aliases and tags are refused.
//
// The error is an [*access.Error] of kind Invalid with code invalid_resources;
// its message has a line for each problem, up to ten, that gives line and column
// and says what to write instead.
func ParseDocument(data []byte) (*Document, error) {
	if len(data) > MaxDocument {
		return nil, invalid(problem{1, 1, "", fmt.Sprintf("a resource file may have at most %d bytes", MaxDocument)})
	}
	root, err := parseTree(data)
	if err != nil {
		return nil, err
	}
	var doc Document
	var r reader
	readObject(&r, root, &doc, documentFields)
	doc.check(&r, root)
	if len(r.problems) > 0 {
		return nil, invalid(r.problems...)
	}
	return &doc, nil
}

// agrees holds the names in the file against the application it is put at.
func (d *Document) agrees(app access.Application) error {
	var problems []problem
	for _, name := range []struct {
		what, written, put string
		at                 problem
	}{
		{"application", d.Application, app.Slug, d.applicationAt},
		{"organization", d.Organization, app.Organization, d.organizationAt},
	} {
		if name.written != "" && name.written != name.put {
			name.at.message = fmt.Sprintf("this names the %[1]s %[2]q, but the file is put at the %[1]s %[3]q; change one of them", name.what, name.written, name.put)
			problems = append(problems, name.at)
		}
	}
	if len(problems) > 0 {
		return invalid(problems...)
	}
	return nil
}

// reader collects what is wrong, so that one reading finds it all.
type reader struct{ problems []problem }

func (r *reader) report(n *node, message string, args ...any) {
	r.problems = append(r.problems, n.problem(message, args...))
}

// field reads one field of a T.
type field[T any] struct {
	name string
	read func(r *reader, into *T, n *node)
}

var documentFields = []field[Document]{
	{"application", func(r *reader, d *Document, n *node) { d.Application, d.applicationAt = r.slug(n), n.problem("") }},
	{"organization", func(r *reader, d *Document, n *node) { d.Organization, d.organizationAt = r.slug(n), n.problem("") }},
	{"hosts", func(r *reader, d *Document, n *node) { d.Hosts = r.hosts(n) }},
	{"prefix", func(r *reader, d *Document, n *node) { d.Prefix, d.prefix = r.prefix(n) }},
	{"upstream", func(r *reader, d *Document, n *node) { d.Upstream = r.upstream(n) }},
	{"resources", func(r *reader, d *Document, n *node) { d.Resources = r.resources(n) }},
	{"deny_networks", func(r *reader, d *Document, n *node) { d.DenyNetworks = r.networks(n) }},
	{"allow_networks", func(r *reader, d *Document, n *node) { d.AllowNetworks = r.allowNetworks(n) }},
	{"origins", func(r *reader, d *Document, n *node) { d.Origins = r.origins(n) }},
	{"tokens", func(r *reader, d *Document, n *node) { readObject(r, n, &d.Tokens, tokenFields); d.Tokens.check(r, n) }},
	{"timeout", func(r *reader, d *Document, n *node) { d.Timeout = r.duration(n, time.Hour) }},
	{"mode", func(r *reader, d *Document, n *node) { d.Mode = r.mode(n) }},
}

var tokenFields = []field[TokenDefaults]{
	{"default_life", func(r *reader, t *TokenDefaults, n *node) { t.DefaultLife = r.duration(n, maxTokenLife) }},
	{"max_life", func(r *reader, t *TokenDefaults, n *node) { t.MaxLife = r.duration(n, maxTokenLife) }},
	{"encrypt", func(r *reader, t *TokenDefaults, n *node) { t.Encrypt = r.flag(n) }},
}

// maxTokenLife is the longest life any token of the platform has.
const maxTokenLife = 30 * 24 * time.Hour

func (t *TokenDefaults) check(r *reader, n *node) {
	if t.MaxLife > 0 && t.DefaultLife > t.MaxLife {
		r.report(n, "default_life is longer than max_life; make it shorter")
	}
}

// draft is a resource while it is read: what was written, and where.
type draft struct {
	Resource
	match, access, require, in, passToken, graphql *node
}

var resourceFields = []field[draft]{
	{"match", func(r *reader, d *draft, n *node) { d.match = n; d.Match = r.match(n, &d.pattern) }},
	{"access", func(r *reader, d *draft, n *node) {
		d.access = n
		d.Public = r.choice(n, "public", "authenticated") == "public"
	}},
	{"require", func(r *reader, d *draft, n *node) { d.require = n; readObject(r, n, d, requireFields) }},
	{"pass_token", (*reader).passToken},
	{"bearer_token", (*reader).passToken},
	{"pass_cookies", func(r *reader, d *draft, n *node) { d.PassCookies = r.flag(n) }},
	{"comment", func(r *reader, d *draft, n *node) { d.Comment = r.text(n) }},
	{"mode", func(r *reader, d *draft, n *node) { d.Mode = r.mode(n) }},
	{"limit", func(r *reader, d *draft, n *node) { d.limits = r.limits(n) }},
	{"graphql", (*reader).graphql},
	{"shape", func(r *reader, d *draft, n *node) { r.shape(d, n) }},
}

var requireFields = []field[draft]{
	{"scopes", func(r *reader, d *draft, n *node) { d.Scopes = r.scopes(n) }},
	{"roles", func(r *reader, d *draft, n *node) { d.Roles = r.roles(n) }},
	{"in", func(r *reader, d *draft, n *node) {
		d.in = n
		d.InAccount = r.choice(n, "application", "account") == "account"
	}},
	{"sender_key", func(r *reader, d *draft, n *node) {
		if d.SenderKey = r.flag(n); n.kind == boolean && !d.SenderKey {
			r.report(n, "write sender_key: true, or leave it out")
		}
	}},
	{"signature", func(r *reader, d *draft, n *node) { d.Signature = r.flag(n) }},
}

// readObject reads an object field by field.
func readObject[T any](r *reader, n *node, into *T, fields []field[T]) {
	if n.kind != object {
		r.report(n, "write fields here (%s), not %s", fieldNames(fields), n.kind)
		return
	}
	for i, value := range n.items {
		key := n.keys[i]
		at := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == key.text && key.kind == text })
		switch {
		case at < 0:
			r.report(key, "unknown field %q; known here are: %s", shorten(key.text), fieldNames(fields))
		case slices.ContainsFunc(n.keys[:i], func(k *node) bool { return k.text == key.text }):
			r.report(key, "field %q is written twice; leave one of them", key.text)
		case value.kind == nothing:
			r.report(key, "field %q has no value; write one, or leave the field out", key.text)
		default:
			fields[at].read(r, into, value)
		}
	}
}

func fieldNames[T any](fields []field[T]) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

func (d *Document) check(r *reader, root *node) {
	if d.prefix == "" {
		return
	}
	for i := range d.Resources {
		res := &d.Resources[i]
		if res.Match != "" && !res.pattern.reaches(d.prefix) {
			r.problems = append(r.problems, problem{res.Line, res.column, fmt.Sprintf("/resources/%d/match", i),
				fmt.Sprintf("this can never match: every path of the application begins with %s; a match is written with the whole path, as in %s%s", d.Prefix, d.Prefix, shorten(res.Path()))})
		}
	}
}

func (r *reader) resources(n *node) []Resource {
	items, ok := r.list(n, MaxResources, "resources")
	if !ok {
		return nil
	}
	resources := make([]Resource, 0, len(items))
	for _, item := range items {
		var d draft
		d.Line, d.column = item.line, item.column
		readObject(r, item, &d, resourceFields)
		if item.kind == object {
			d.check(r, item)
		}
		d.roleText = strings.Join(d.Roles, " or ")
		resources = append(resources, d.Resource)
	}
	return resources
}

// check holds the parts of a resource against each other. A resource must say
// what it needs: leaving it out must never make it public.
func (d *draft) check(r *reader, n *node) {
	if d.match == nil {
		r.report(n, "a resource needs a match; write match: GET /path")
	} else {
		d.Line, d.column = d.match.line, d.match.column
	}
	switch {
	case d.graphql != nil && (d.access != nil || d.require != nil):
		r.report(d.graphql, "graphql says itself what each field needs; take out access and require")
	case d.graphql != nil && d.Shape != nil:
		r.report(d.graphql, "answers of a GraphQL resource cannot be shaped, since not all of them are JSON in one piece; take out shape")
	case d.graphql != nil:
	case d.access == nil && d.require == nil:
		r.report(n, "a resource must say what it needs; write access: public, access: authenticated, require: {scopes: […]}, or graphql")
	case d.require == nil:
	case d.Public:
		r.report(d.require, "a public resource cannot require anything; take out access: public or require")
	case d.require.kind == object && !d.requiresSomething():
		r.report(d.require, "require must name scopes or roles, or say sender_key: true or signature: true; for any good pass write access: authenticated")
	case d.in != nil && !hasKey(d.require, "roles"):
		r.report(d.in, "in says where roles must be held; add roles, or take it out")
	}
}

// requiresSomething reports whether require names more than where roles are held.
func (d *draft) requiresSomething() bool {
	return d.require.kind != object || hasKey(d.require, "scopes") || hasKey(d.require, "roles") || d.SenderKey || d.Signature
}

func hasKey(n *node, name string) bool {
	return slices.ContainsFunc(n.keys, func(k *node) bool { return k.text == name })
}

func (r *reader) passToken(d *draft, n *node) {
	if d.passToken != nil {
		r.report(n, "pass_token and bearer_token are the same; leave one of them")
	}
	d.passToken, d.PassToken = n, r.flag(n)
}

func (r *reader) flag(n *node) bool {
	if n.kind != boolean {
		r.report(n, "write true or false, not %s", n.kind)
	}
	return n.text == "true"
}

func (r *reader) text(n *node) string {
	if n.kind != text {
		r.report(n, "write text here, not %s; put it in quotes if it is meant as text", n.kind)
		return ""
	}
	return n.text
}

func (r *reader) choice(n *node, allowed ...string) string {
	if s := r.text(n); n.kind == text && !slices.Contains(allowed, s) {
		r.report(n, "write %s here", strings.Join(allowed, " or "))
	}
	return n.text
}

func (r *reader) list(n *node, most int, what string) ([]*node, bool) {
	if n.kind != list {
		r.report(n, "write a list of %s here, as in [a, b], not %s", what, n.kind)
		return nil, false
	}
	if len(n.items) > most {
		r.report(n, "there may be at most %d %s, not %d", most, what, len(n.items))
		return nil, false
	}
	return n.items, true
}

// texts reads a list of texts with a function that refuses what is wrong.
func texts[T any](r *reader, n *node, most int, what string, parse func(string) (T, error)) []T {
	items, _ := r.list(n, most, what)
	out := make([]T, 0, len(items))
	for _, item := range items {
		s := r.text(item)
		if item.kind != text {
			continue
		}
		v, err := parse(s)
		if err != nil {
			r.report(item, "%s", safeMessage(err))
			continue
		}
		out = append(out, v)
	}
	return out
}

func (r *reader) slug(n *node) string {
	s := r.text(n)
	if n.kind == text && !access.ValidSlug(s) {
		r.report(n, "write a name of 1 to 63 lower-case letters, digits and inner hyphens")
	}
	return s
}

var hostPattern = regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

func parseHost(s string) (string, error) {
	s = strings.ToLower(s)
	if len(s) > 253 || !hostPattern.MatchString(s) || s == "*" {
		return "", errors.New("write a host name without scheme and port, as in photos.example.com, or *.example.com for all names one label below")
	}
	return s, nil
}

func (r *reader) hosts(n *node) []string {
	hosts := texts(r, n, MaxHosts, "hosts", parseHost)
	if n.kind == list && len(n.items) == 0 {
		r.report(n, "an empty list of hosts would match none; name one, or leave hosts out for all")
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

func (r *reader) prefix(n *node) (written, decoded string) {
	written = strings.TrimSuffix(r.text(n), "/")
	if n.kind != text {
		return "", ""
	}
	p, err := ParsePath(written)
	switch {
	case err != nil && written != "":
		r.report(n, "a prefix is the beginning of a path, as in /photos: %s", safeMessage(err))
	case written == "" || p.asked || strings.ContainsAny(written, "*{}"):
		r.report(n, "a prefix is the beginning of a path in plain characters, as in /photos; for all paths leave it out")
	default:
		return written, p.segments()
	}
	return "", ""
}

func (r *reader) upstream(n *node) *url.URL {
	s := r.text(n)
	if n.kind != text {
		return nil
	}
	u, err := parseUpstream(s)
	if err != nil {
		r.report(n, "%s", err)
	}
	return u
}

// parseUpstream allows an origin and nothing more: requests keep their own path
// and query, byte for byte.
func parseUpstream(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "h2c"}, u.Scheme):
		return nil, errors.New("write the upstream as http://host:port, https://host:port, or h2c://host:port for HTTP/2 without TLS")
	case u.User != nil:
		return nil, errors.New("an upstream has no user and password in it; use pass_token, or let the upstream trust the identity headers")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return nil, errors.New("an upstream is scheme, host and port alone; requests keep their own path and query")
	}
	if !validUpstreamHost(u.Hostname()) || !validPort(u) {
		return nil, errors.New("the upstream's host or port cannot be read; write http://host:port, an IPv6 address in brackets")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func validUpstreamHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	lower := strings.ToLower(strings.TrimSuffix(host, "."))
	return hostPattern.MatchString(lower) && !strings.HasPrefix(lower, "*")
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

func (r *reader) networks(n *node) access.Networks {
	return access.NewNetworks(texts(r, n, MaxNetworks, "networks", access.ParseNetwork)...)
}

// allowNetworks refuses the empty list: it reads as "nobody", and would mean
// "everybody".
func (r *reader) allowNetworks(n *node) access.Networks {
	if n.kind == list && len(n.items) == 0 {
		r.report(n, "an empty allow_networks lets nobody in; name a network, or leave it out")
	}
	return r.networks(n)
}

func (r *reader) match(n *node, into *pattern) string {
	s := r.text(n)
	if n.kind != text {
		return ""
	}
	p, err := parsePattern(s)
	if err != nil {
		r.report(n, "%s", err)
		return ""
	}
	*into = p
	return s
}

func (r *reader) scopes(n *node) []scope.Pattern {
	if n.kind == list && len(n.items) == 0 {
		r.report(n, "name a scope, or leave scopes out")
	}
	return texts(r, n, MaxRequired, "scopes", requiredScope)
}

func requiredScope(s string) (scope.Pattern, error) {
	p, err := scope.Parse(s)
	if err == nil && !p.Concrete() {
		err = errors.New("a required scope has no '*'; name each scope that is needed")
	}
	return p, err
}

func (r *reader) roles(n *node) []string {
	if n.kind == list && len(n.items) == 0 {
		r.report(n, "name a role, or leave roles out")
	}
	return texts(r, n, MaxRequired, "roles", func(s string) (string, error) {
		if !access.ValidRoleName(s) {
			return "", errors.New("write the name of a role alone, as in consumer; in: application or in: account says where it must be held")
		}
		return s, nil
	})
}

var durationPattern = regexp.MustCompile(`^([1-9][0-9]{0,7})([smhd]?)$`)

// duration reads seconds, or a number with s, m, h or d.
func (r *reader) duration(n *node, most time.Duration) time.Duration {
	parts := durationPattern.FindStringSubmatch(n.text)
	if parts == nil || n.kind != text && n.kind != number {
		r.report(n, "write a time in whole seconds (90) or with a unit (90s, 15m, 8h, 30d)")
		return 0
	}
	count, _ := strconv.Atoi(parts[1]) // at most eight digits
	unit := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[parts[2]]
	if time.Duration(count) > most/unit {
		r.report(n, "this may be at most %d seconds", int64(most/time.Second))
		return 0
	}
	return time.Duration(count) * unit
}
