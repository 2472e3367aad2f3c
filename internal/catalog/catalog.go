package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/daypass/daypass/internal/access"
)

// Catalog is every application, and the ways to find one. It is immutable; the
// zero value and nil are the empty catalog.
type Catalog struct {
	byID       map[string]*Application
	byName     map[string]*Application // "organization/application"
	byHost     map[string]*site
	byWildcard map[string]*site // by what follows the "*"
	anyHost    *site
}

// site is what is served under one host: at most one application per prefix.
type site struct {
	byPrefix map[string]*Application // decoded, without outer slashes; "": no prefix
	longest  int                     // of the prefixes, in bytes
	owners   []string                // ids of the organizations that have a place here
}

// With returns a catalog in which the applications have been added or, by id,
// replaced.
func (c *Catalog) With(apps ...*Application) *Catalog {
	byID := c.cloneByID()
	for _, a := range apps {
		byID[a.ID] = a
	}
	return newCatalog(byID)
}

// Without returns a catalog that lacks the applications of these ids.
func (c *Catalog) Without(ids ...string) *Catalog {
	byID := c.cloneByID()
	for _, id := range ids {
		delete(byID, id)
	}
	return newCatalog(byID)
}

func (c *Catalog) cloneByID() map[string]*Application {
	if c == nil || c.byID == nil {
		return map[string]*Application{}
	}
	return maps.Clone(c.byID)
}

func newCatalog(byID map[string]*Application) *Catalog {
	c := &Catalog{
		byID:       byID,
		byName:     map[string]*Application{},
		byHost:     map[string]*site{},
		byWildcard: map[string]*site{},
		anyHost:    &site{},
	}
	// In the order of their ids, so that where two want the same place the older
	// one keeps it.
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if a := byID[id]; a.Active {
			c.place(a)
		}
	}
	return c
}

func (c *Catalog) place(a *Application) {
	if c.byName[a.Name()] == nil {
		c.byName[a.Name()] = a
	}
	for _, host := range a.Document.Hosts {
		sites, name := c.sites(host)
		if sites[name] == nil {
			sites[name] = &site{}
		}
		sites[name].add(a.Document.prefix, a)
	}
	if len(a.Document.Hosts) == 0 {
		c.anyHost.add(a.Document.prefix, a)
	}
}

// sites are those of hosts like this, and the name that it has among them.
func (c *Catalog) sites(host string) (map[string]*site, string) {
	if strings.HasPrefix(host, "*") {
		return c.byWildcard, host[1:]
	}
	return c.byHost, host
}

// Taken returns a host of an active application whose requests go to another one,
// which was there first, and that one. The host is empty where neither names one.
// Nil: it has all its places.
func (c *Catalog) Taken(a *Application) (host string, by *Application) {
	if c == nil || !a.Active {
		return "", nil
	}
	if len(a.Document.Hosts) == 0 {
		if by = c.anyHost.byPrefix[a.Document.prefix]; by != nil && by.ID != a.ID {
			return "", by
		}
	}
	for _, host := range a.Document.Hosts {
		sites, name := c.sites(host)
		if s := sites[name]; s != nil {
			if by = s.byPrefix[a.Document.prefix]; by != nil && by.ID != a.ID {
				return host, by
			}
		}
	}
	return "", nil
}

func (s *site) add(prefix string, a *Application) {
	if s.byPrefix == nil {
		s.byPrefix = map[string]*Application{}
	}
	if s.byPrefix[prefix] == nil {
		s.byPrefix[prefix] = a
		s.longest = max(s.longest, len(prefix))
		s.owners = append(s.owners, a.OrganizationID)
	}
}

// admits reports whether what the site leaves over may go to an application of
// this organization: a host that somebody names is no one else's.
func (s *site) admits(a *Application) bool {
	return a == nil || s == nil || slices.Contains(s.owners, a.OrganizationID)
}

// find returns the application with the longest prefix of the segments, ending
// between two of them.
func (s *site) find(segments string) *Application {
	if s == nil {
		return nil
	}
	for segments != "" {
		if len(segments) <= s.longest {
			if a := s.byPrefix[segments]; a != nil {
				return a
			}
		}
		segments = segments[:max(strings.LastIndexByte(segments, '/'), 0)]
	}
	return s.byPrefix[""]
}

// Find returns the application a request belongs to, or nil. A hint, written
// "organization/application", decides alone. Otherwise, in this order: an
// application of exactly this host, of a wildcard that covers it, of no host,
// in each the one with the longest prefix of the path; an application without
// host and prefix takes what is left. What no application of a named host takes
// goes to the organizations that name it, and to nobody else. The host may be in
// any case and have a port. Find allocates nothing for a host in lower case.
func (c *Catalog) Find(host string, p Path, hint string) *Application {
	if c == nil || p.decoded == "" {
		return nil
	}
	if hint != "" {
		return c.byName[hint]
	}
	host, segments := normalHost(host), p.segments()
	exact, wildcard := c.byHost[host], (*site)(nil)
	if a := exact.find(segments); a != nil {
		return a
	}
	if dot := strings.IndexByte(host, '.'); dot > 0 {
		wildcard = c.byWildcard[host[dot:]]
	}
	a := wildcard.find(segments)
	if a == nil {
		a = c.anyHost.find(segments)
	}
	if !exact.admits(a) || !wildcard.admits(a) {
		return nil
	}
	return a
}

// Names reports whether the application's file names the host. One without hosts
// answers to every host, and names none.
func (d *Document) Names(host string) bool {
	host = normalHost(host)
	if slices.Contains(d.Hosts, host) {
		return true
	}
	dot := strings.IndexByte(host, '.')
	return dot > 0 && slices.Contains(d.Hosts, "*"+host[dot:])
}

// normalHost drops port and final dot, and turns to lower case.
func normalHost(host string) string {
	colon := strings.LastIndexByte(host, ':')
	alone := strings.IndexByte(host, ':') == colon || strings.HasPrefix(host, "[") // else a bare IPv6 address
	if colon > strings.LastIndexByte(host, ']') && alone {
		host = host[:colon]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Application returns the application of this id, active or not, or nil.
func (c *Catalog) Application(id string) *Application {
	if c == nil {
		return nil
	}
	return c.byID[id]
}

// Named returns the active application named "organization/application", or nil.
func (c *Catalog) Named(name string) *Application {
	if c == nil {
		return nil
	}
	return c.byName[name]
}

// Len is the number of applications, active or not.
func (c *Catalog) Len() int {
	if c == nil {
		return 0
	}
	return len(c.byID)
}

// Claim is as much of an application as [Conflict] and [Intrusion] look at, to
// be kept where all of it would be too much. It matches nothing.
func (a *Application) Claim() *Application {
	return &Application{
		Application: access.Application{ID: a.ID, OrganizationID: a.OrganizationID, Organization: a.Organization, Slug: a.Slug, Active: a.Active},
		Document:    &Document{Hosts: a.Document.Hosts, Prefix: a.Document.Prefix, prefix: a.Document.prefix},
		index:       newIndex(),
	}
}

// Conflict reports, as an [*access.Error] of kind Conflict with code
// route_taken, that another active application already has one of the hosts
// with the same prefix, or the same prefix for every host. Several applications
// without host and prefix do not clash: the oldest takes what no other does, the
// rest are found by name. The other application is not named, since it may be
// another organization's.
func Conflict(apps []*Application, candidate *Application) error {
	for _, a := range apps {
		if a.ID == candidate.ID || !a.Active || a.Document.prefix != candidate.Document.prefix {
			continue
		}
		if host, ok := sharedHost(a.Document, candidate.Document); ok {
			return access.New(access.Conflict, "route_taken",
				fmt.Sprintf("another application already serves %s; choose another host or prefix", placeName(host, candidate.Document.Prefix))).At("/hosts")
		}
	}
	return nil
}

func sharedHost(a, b *Document) (string, bool) {
	if len(a.Hosts) == 0 && len(b.Hosts) == 0 {
		return "", a.prefix != ""
	}
	for _, host := range b.Hosts {
		if slices.Contains(a.Hosts, host) {
			return host, true
		}
	}
	return "", false
}

// Intrusion reports, like [Conflict], that the candidate would come to decide
// for what is in the hands of another organization: under a host that one of its
// applications names or covers by a wildcard, or, where both name no host, under
// its prefix. Only who answers for all organizations may share a host out.
func Intrusion(apps []*Application, candidate *Application) error {
	rest := takesTheRest(apps)
	for _, a := range apps {
		if a.ID == candidate.ID || a.OrganizationID == candidate.OrganizationID || !a.Active || !intrudes(candidate.Document, a.Document, a == rest) {
			continue
		}
		return access.New(access.Conflict, "route_taken",
			"another organization already serves these hosts, or paths around these; choose other hosts, or ask an administrator to share them out").At("/hosts")
	}
	return nil
}

// takesTheRest is the application that serves what no other does, or nil.
func takesTheRest(apps []*Application) *Application {
	var oldest *Application
	for _, a := range apps {
		if a.Active && len(a.Document.Hosts) == 0 && a.Document.prefix == "" && (oldest == nil || a.ID < oldest.ID) {
			oldest = a
		}
	}
	return oldest
}

func intrudes(candidate, on *Document, takesTheRest bool) bool {
	if len(candidate.Hosts) == 0 && len(on.Hosts) == 0 {
		within := on.prefix != "" && strings.HasPrefix(candidate.prefix+"/", on.prefix+"/")
		return candidate.prefix != "" && (takesTheRest || within)
	}
	return slices.ContainsFunc(candidate.Hosts, func(mine string) bool {
		return slices.ContainsFunc(on.Hosts, func(theirs string) bool {
			return mine == theirs || covers(mine, theirs) || covers(theirs, mine)
		})
	})
}

// covers reports whether a wildcard stands for the host.
func covers(wildcard, host string) bool {
	dot := strings.IndexByte(host, '.')
	return dot > 0 && strings.HasPrefix(wildcard, "*") && wildcard[1:] == host[dot:]
}

func placeName(host, prefix string) string {
	switch {
	case host == "":
		return "prefix " + prefix + " on every host"
	case prefix == "":
		return "host " + host
	}
	return "host " + host + " with prefix " + prefix
}
