package catalog

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// Resource is one rule of an application: what it matches and what it requires.
type Resource struct {
	// Match is the pattern as it stands in the file: "GET /photos/{id}".
	Match string
	// Line is where the rule stands in the file, from 1.
	Line int
	// Public needs no pass; Scopes and Roles are then empty.
	Public bool
	// Scopes must all be held.
	Scopes []scope.Pattern
	// Roles: any one of them must be held; empty: none is needed.
	Roles []string
	// InAccount counts a role held anywhere in the organization. Without it the
	// role must be held in this application or in the whole organization.
	InAccount bool
	// SenderKey takes only passes that are bound to their sender's key (RFC 9449).
	SenderKey bool
	// Signature asks for a request that is signed by the key of its pass.
	Signature bool
	// PassToken leaves the caller's credential in the request to the upstream.
	PassToken bool
	// PassCookies leaves the caller's cookies in it.
	PassCookies bool
	// Shape changes the JSON of answers; nil: they are passed on as they come.
	Shape *Shape
	// Limits hold whoever calls; nil: there are none. They are set by [Compile].
	Limits  *access.Limits
	Comment string
	// GraphQL is what each root field needs, for a GraphQL resource; else nil.
	// Public, Scopes and Roles are then empty.
	GraphQL *GraphQL
	// Mode says whether the rule is enforced, or only tried.
	Mode Mode

	limits   []access.Limit
	column   int
	roleText string
	pattern  pattern
}

// RoleText names the roles for people: "consumer" or "consumer or developer".
func (r *Resource) RoleText() string { return r.roleText }

// Path is the path part of Match.
func (r *Resource) Path() string {
	_, path, _ := strings.Cut(r.Match, " ")
	return strings.TrimLeft(path, " ")
}

// Needs says in words what a resource requires.
func (r *Resource) Needs() string {
	if r.Public {
		return "nothing: it is public"
	}
	var parts []string
	for _, s := range r.Scopes {
		parts = append(parts, s.String())
	}
	if len(r.Roles) > 0 {
		where := " here"
		if r.InAccount {
			where = " anywhere in the organization"
		}
		parts = append(parts, r.RoleText()+where)
	}
	if r.SenderKey {
		parts = append(parts, "a pass bound to its sender's key")
	}
	if len(parts) == 0 {
		parts = append(parts, "any good pass")
	}
	if r.Signature {
		parts = append(parts, "a signature by the pass's own key")
	}
	return strings.Join(parts, " and ")
}

// Application is an application with its resource file, ready to be matched
// against. It is immutable.
type Application struct {
	access.Application
	Document *Document

	index       *index
	deny, allow addressList
	audience    access.Audience
	shadow      *Application
	tried       Tried
}

// Compile reads the application's resource file and indexes it, and with it what
// is in shadow mode. The files may name application and organization; they must
// then be app's. Errors are those of [ParseDocument].
func Compile(app access.Application) (*Application, error) {
	doc, err := ParseDocument(app.Document)
	if err != nil {
		return nil, err
	}
	a, err := indexed(app, doc, enforcedRules)
	if err != nil {
		return nil, err
	}
	return a, a.cast()
}

// indexed indexes those rules of a file that are wanted.
func indexed(app access.Application, doc *Document, wanted func(*Document, *Resource) bool) (*Application, error) {
	if err := doc.agrees(app); err != nil {
		return nil, err
	}
	a := &Application{
		Application: app,
		Document:    doc,
		index:       newIndex(),
		deny:        newAddressList(doc.DenyNetworks),
		allow:       newAddressList(doc.AllowNetworks),
		audience:    app.Audience(),
	}
	for i := range doc.Resources {
		r := &doc.Resources[i]
		if !wanted(doc, r) {
			continue
		}
		r.Limits = access.NewLimits(app.ID+"\x00"+r.Match, "", r.limits)
		if !a.index.add(int32(i), &r.pattern) {
			return nil, invalid(problem{r.Line, r.column, fmt.Sprintf("/resources/%d/match", i),
				fmt.Sprintf("more than %d different patterns with '*' inside a segment compete for one place; merge some of them", maxGlobs)})
		}
	}
	return a, nil
}

// Name is "organization/application", as in an audience.
func (a *Application) Name() string { return a.Organization + "/" + a.Slug }

// Audience is the audience of this application alone. It allocates nothing.
func (a *Application) Audience() access.Audience { return a.audience }

// Match returns the first resource that the method and path fall under, or nil.
// It allocates nothing.
func (a *Application) Match(method string, p Path) *Resource {
	if method == "" || p.decoded == "" {
		return nil
	}
	rule := a.index.find(p.segments(), methodOf(method), none)
	if rule == none {
		return nil
	}
	return &a.Document.Resources[rule]
}

// Nearest returns the first resource whose path matches, whatever its method, or
// nil: what to name when nothing matched. It looks at every rule that is enforced.
func (a *Application) Nearest(p Path) *Resource {
	for i := range a.Document.Resources {
		if r := &a.Document.Resources[i]; enforcedRules(a.Document, r) && r.pattern.matches(p) {
			return r
		}
	}
	return nil
}

// Admits reports whether the application's address lists let addr in:
// deny_networks must not hold it, and allow_networks, if there are any, must.
// An unknown address (the zero Addr) is let in only where there are no lists.
func (a *Application) Admits(addr netip.Addr) bool {
	if a.deny.isEmpty() && a.allow.isEmpty() {
		return true
	}
	addr = addr.Unmap().WithZone("")
	return addr.IsValid() && !a.deny.contains(addr) && (a.allow.isEmpty() || a.allow.contains(addr))
}

// LacksAllowance reports whether nothing but the want of an entry in
// allow_networks keeps addr out.
func (a *Application) LacksAllowance(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return addr.IsValid() && !a.deny.contains(addr) && !a.allow.isEmpty() && !a.allow.contains(addr)
}

// addressList is a set of networks: a few are looked through, many are put into
// a routing table.
type addressList struct {
	few  access.Networks
	many *bart.Lite
}

// maxLinear is where a routing table starts to be quicker.
const maxLinear = 16

func newAddressList(networks access.Networks) addressList {
	if networks.Len() <= maxLinear {
		return addressList{few: networks}
	}
	table := new(bart.Lite)
	for _, p := range networks.Prefixes() {
		table.Insert(p)
	}
	return addressList{many: table}
}

func (l *addressList) isEmpty() bool { return l.many == nil && l.few.IsEmpty() }

func (l *addressList) contains(addr netip.Addr) bool {
	if l.many != nil {
		return l.many.Contains(addr)
	}
	return l.few.Contains(addr)
}
