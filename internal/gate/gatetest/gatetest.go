package gatetest

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/strictjson"
	"github.com/daypass/daypass/scope"
)

// BadPath is the reason of a case whose target must be refused, with status 400,
// before anything is decided.
const BadPath gate.Reason = "bad_path"

// Garbled is the name of the token that cannot be read.
const Garbled = "garbled"

// Suite is one case file: a world, and requests made in it.
type Suite struct {
	Name  string // of the file, without its ending
	Now   time.Time
	View  *gate.View
	Cases []Case

	tokens map[string]*access.Token // by bearer text
}

// Case is one request and what must come of it.
type Case struct {
	Line        int // in the requests part, from 1
	Method      string
	Target      string // the request target, byte for byte
	Host        string
	From        netip.Addr
	Bearer      string        // text of the pass; empty: none
	Token       *access.Token // what Bearer reads as; nil: none, or garbled
	Application string        // "org/app" hint; empty: by host and path
	Query       string        // a GraphQL document; empty: none
	Operation   *catalog.Operation
	Want        Want
}

// Want is the verdict and what the upstream is told.
type Want struct {
	Reason   gate.Reason
	Status   int
	Missing  string
	Revoked  string
	Field    string // of GraphQL
	Identity gate.Identity
}

// String is "METHOD TARGET", for messages.
func (c Case) String() string {
	return fmt.Sprintf("line %d: %s %s", c.Line, c.Method, c.Target)
}

// ViewFacts is the view.json part of a case file. Times are RFC 3339.
type ViewFacts struct {
	Now         time.Time    `json:"now"`
	Confirmed   time.Time    `json:"confirmed"` // default: now
	MaxAge      int          `json:"max_age"`   // seconds; default: the gate's own
	Revocations []Revocation `json:"revocations"`
}

// Revocation is an [access.Revocation] in a case file.
type Revocation struct {
	Subject   string    `json:"subject"`
	Revision  int64     `json:"revision"`
	Reason    string    `json:"reason"`
	Effective time.Time `json:"effective"`
}

// Token describes a verified pass. Everything has a default: a token NAME of
// organization acme is tok_NAME, of subject NAME with usr_NAME, mem_NAME and
// key_NAME in its first version, good in the whole organization from everywhere,
// issued a minute before now for an hour at revision 1.
type Token struct {
	ID           string        `json:"id"`
	Subject      string        `json:"subject"`
	Organization string        `json:"organization"`
	User         string        `json:"user"`
	Membership   string        `json:"membership"`
	Key          string        `json:"key"`
	KeyVersion   int64         `json:"key_version"`
	Scopes       string        `json:"scopes"`   // separated by one space
	Roles        []string      `json:"roles"`    // "developer", "consumer@photos", "consumer@other/photos"
	Audience     []string      `json:"audience"` // "acme", "acme/photos"
	IPs          []string      `json:"ips"`
	Issued       time.Time     `json:"issued"`
	NotBefore    time.Time     `json:"not_before"`
	Expires      time.Time     `json:"expires"`
	Revision     int64         `json:"rev"`
	Family       []string      `json:"family"`
	Confirmation string        `json:"confirmation"`
	Identity     gate.Identity `json:"identity"` // what the upstream must be told
}

// Load reads every case file of a folder. The upstream takes the place of
// $UPSTREAM in resource files; empty stands for one that nobody may reach.
func Load(t testing.TB, dir, upstream string) []*Suite {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files in %s: %v", dir, err)
	}
	if upstream == "" {
		upstream = "http://upstream.invalid"
	}
	suites := make([]*Suite, 0, len(files))
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		suite, err := read(archive, upstream)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		suite.Name = strings.TrimSuffix(filepath.Base(file), ".txtar")
		suites = append(suites, suite)
	}
	return suites
}

// Gate returns a gate that stands in the suite's world: its clock, its view, and
// a reader that knows the suite's tokens by their bearer text.
func (s *Suite) Gate() *gate.Gate {
	g := gate.New(gate.Config{Read: s.read, Now: func() time.Time { return s.Now }})
	g.Swap(s.View)
	return g
}

func (s *Suite) read(text string) (*access.Token, error) {
	if t := s.tokens[text]; t != nil {
		return t, nil
	}
	return nil, errors.New("not a pass")
}

// Request is the case as the gate sees it. The error is that of
// [catalog.ParsePath].
func (c Case) Request() (*gate.Request, error) {
	path, err := catalog.ParsePath(c.Target)
	if err != nil {
		return nil, err
	}
	return &gate.Request{Method: c.Method, Host: c.Host, Path: path, Address: c.From, Application: c.Application, GraphQL: c.Operation}, nil
}

// Differs compares a decision with what was wanted: empty, or what differs.
func (c Case) Differs(d *gate.Decision) string {
	got := Want{Reason: d.Reason, Status: d.Status(), Missing: d.Missing, Revoked: d.Revoked, Field: d.Field, Identity: d.Identity()}
	if got != c.Want {
		return fmt.Sprintf("%v:\n got %+v\nwant %+v", c, got, c.Want)
	}
	return ""
}

func read(archive *txtar.Archive, upstream string) (*Suite, error) {
	parts := map[string][]byte{}
	var apps []*catalog.Application
	for _, f := range archive.Files {
		if !strings.HasSuffix(f.Name, ".yaml") {
			parts[f.Name] = f.Data
			continue
		}
		app, err := application(f, upstream)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		apps = append(apps, app)
	}
	var facts ViewFacts
	if err := strictjson.Unmarshal(parts["view.json"], &facts, strictjson.Limits{Strict: true}); err != nil {
		return nil, fmt.Errorf("view.json: %w", err)
	}
	tokens := map[string]Token{}
	if err := strictjson.Unmarshal(parts["tokens.json"], &tokens, strictjson.Limits{Strict: true}); err != nil {
		return nil, fmt.Errorf("tokens.json: %w", err)
	}
	suite := &Suite{Now: facts.Now, View: facts.view(apps), tokens: map[string]*access.Token{}}
	return suite, suite.readRequests(string(parts["requests"]), tokens)
}

func application(f txtar.File, upstream string) (*catalog.Application, error) {
	org, slug, ok := strings.Cut(strings.TrimSuffix(f.Name, ".yaml"), "/")
	if !ok {
		return nil, errors.New("name it ORG/APP.yaml")
	}
	return catalog.Compile(access.Application{
		ID:             applicationID(org, slug),
		OrganizationID: organizationID(org),
		Organization:   org,
		Slug:           slug,
		Document:       []byte(strings.ReplaceAll(string(f.Data), "$UPSTREAM", upstream)),
		Active:         true,
	})
}

func organizationID(slug string) string { return "org_" + slug }

func applicationID(org, slug string) string { return "app_" + org + "_" + slug }

func (f ViewFacts) view(apps []*catalog.Application) *gate.View {
	var c *catalog.Catalog
	var list []access.Revocation
	for _, r := range f.Revocations {
		list = append(list, access.Revocation{Subject: r.Subject, Revision: r.Revision, Reason: r.Reason, Effective: r.Effective})
	}
	if f.Confirmed.IsZero() {
		f.Confirmed = f.Now
	}
	return &gate.View{
		Catalog:     c.With(apps...),
		Revocations: gate.NewRevocations(list...),
		Confirmed:   f.Confirmed,
		MaxAge:      time.Duration(f.MaxAge) * time.Second,
	}
}

func (s *Suite) readRequests(text string, tokens map[string]Token) error {
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		c, err := s.readCase(line, tokens)
		if err != nil {
			return fmt.Errorf("requests line %d: %w", i+1, err)
		}
		c.Line = i + 1
		s.Cases = append(s.Cases, c)
	}
	return nil
}

func (s *Suite) readCase(line string, tokens map[string]Token) (Case, error) {
	c := Case{Host: "localhost", From: netip.MustParseAddr("192.0.2.7")}
	left, right, ok := strings.Cut(line, " => ")
	request, verdict := strings.Fields(left), strings.Fields(right)
	if !ok || len(request) < 2 || len(verdict) < 2 {
		return c, errors.New("write METHOD TARGET … => REASON STATUS …")
	}
	c.Method, c.Target = request[0], request[1]
	for _, option := range request[2:] {
		if err := s.readOption(&c, option, tokens); err != nil {
			return c, err
		}
	}
	return c, c.Want.read(verdict)
}

func (s *Suite) readOption(c *Case, option string, tokens map[string]Token) (err error) {
	name, value, _ := strings.Cut(option, "=")
	switch name {
	case "host":
		c.Host = value
	case "from":
		c.From, err = netip.ParseAddr(value)
	case "app":
		c.Application = value
	case "token":
		err = s.readToken(c, value, tokens)
	case "graphql":
		c.Query = strings.ReplaceAll(value, "+", " ")
		c.Operation, err = s.readOperation(c)
	default:
		err = fmt.Errorf("unknown option %q", option)
	}
	return err
}

// readOperation reads the case's document under the resource it falls under.
func (s *Suite) readOperation(c *Case) (*catalog.Operation, error) {
	r, err := c.Request()
	if err != nil {
		return nil, err
	}
	app := s.View.Catalog.Find(r.Host, r.Path, r.Application)
	if app == nil {
		return nil, errors.New("a document needs an application")
	}
	resource := app.Match(r.Method, r.Path)
	if resource == nil || resource.GraphQL == nil {
		return nil, errors.New("a document needs a GraphQL resource")
	}
	return resource.GraphQL.Read(catalog.GraphQLRequest{Query: c.Query})
}

func (s *Suite) readToken(c *Case, name string, tokens map[string]Token) error {
	c.Bearer = "pass." + name
	if name == Garbled {
		return nil
	}
	described, ok := tokens[name]
	if !ok {
		return fmt.Errorf("no token %q", name)
	}
	if s.tokens[c.Bearer] == nil {
		t, err := described.token(name, s.Now)
		if err != nil {
			return fmt.Errorf("token %q: %w", name, err)
		}
		s.tokens[c.Bearer] = t
	}
	c.Token, c.Want.Identity = s.tokens[c.Bearer], described.Identity
	return nil
}

func (w *Want) read(fields []string) (err error) {
	w.Reason = gate.Reason(fields[0])
	if w.Status, err = strconv.Atoi(fields[1]); err != nil {
		return err
	}
	if w.Status != 200 {
		w.Identity = gate.Identity{}
	}
	for _, field := range fields[2:] {
		switch name, value, _ := strings.Cut(field, "="); name {
		case "missing":
			w.Missing = strings.ReplaceAll(value, "+", " ")
		case "revoked":
			w.Revoked = value
		case "field":
			w.Field = value
		case "anonymous":
			w.Identity = gate.Identity{}
		default:
			return fmt.Errorf("unknown expectation %q", field)
		}
	}
	return nil
}

func (d Token) token(name string, now time.Time) (*access.Token, error) {
	d.defaults(name, now)
	scopes, err := scope.ParseList(d.Scopes)
	if err != nil {
		return nil, err
	}
	networks, err := access.ParseNetworks(d.IPs)
	if err != nil {
		return nil, err
	}
	t := &access.Token{
		ID:             d.ID,
		Subject:        d.Subject,
		Organization:   d.Organization,
		OrganizationID: organizationID(d.Organization),
		UserID:         d.User,
		MembershipID:   d.Membership,
		Source:         access.Source{KeyID: d.Key, KeyVersion: d.KeyVersion},
		Authority: access.Authority{
			Scopes:       scopes,
			Everywhere:   len(d.IPs) == 0,
			Networks:     networks,
			NotAfter:     d.Expires,
			MaxLife:      d.Expires.Sub(d.Issued),
			Confirmation: d.Confirmation,
		},
		IssuedAt:  d.Issued,
		NotBefore: d.NotBefore,
		Revision:  d.Revision,
		Family:    d.Family,
	}
	for _, text := range d.Roles {
		role, err := d.role(text)
		if err != nil {
			return nil, err
		}
		t.Authority.Roles = append(t.Authority.Roles, role)
	}
	for _, text := range d.Audience {
		t.Authority.Audiences = append(t.Authority.Audiences, audience(text))
	}
	t.Seal()
	return t, nil
}

func (d *Token) defaults(name string, now time.Time) {
	for field, value := range map[*string]string{
		&d.ID: "tok_" + name, &d.Subject: name, &d.Organization: "acme",
		&d.User: "usr_" + name, &d.Membership: "mem_" + name, &d.Key: "key_" + name,
	} {
		if *field == "" {
			*field = value
		}
	}
	d.KeyVersion, d.Revision = max(d.KeyVersion, 1), max(d.Revision, 1)
	if d.Audience == nil {
		d.Audience = []string{d.Organization}
	}
	if d.Issued.IsZero() {
		d.Issued = now.Add(-time.Minute)
	}
	if d.NotBefore.IsZero() {
		d.NotBefore = d.Issued
	}
	if d.Expires.IsZero() {
		d.Expires = d.Issued.Add(time.Hour)
	}
}

func (d *Token) role(text string) (access.Role, error) {
	name, app, _ := strings.Cut(text, "@")
	org, slug, foreign := strings.Cut(app, "/")
	if !foreign {
		org, slug = d.Organization, app
	}
	ref, err := access.ParseRoleRef(name)
	if err != nil || ref.Name == access.Administrator {
		return access.Role{Name: ref.Name}, err
	}
	role := access.Role{Name: ref.Name, OrganizationID: organizationID(org)}
	if slug != "" {
		role.ApplicationID = applicationID(org, slug)
	}
	return role, nil
}

func audience(text string) access.Audience {
	org, app, one := strings.Cut(text, "/")
	a := access.Audience{Organization: org, Application: app, OrganizationID: organizationID(org)}
	if one {
		a.ApplicationID = applicationID(org, app)
	}
	return a
}
