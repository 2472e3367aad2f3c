package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Inspect holds the resources of an application against the document: operations
// that are denied, or decided by a resource that was not written for them, and
// resources that let in others than the document says. The order is that of the
// document, then that of the file.
func (a *OpenAPI) Inspect(app *Application) []Finding {
	app = app.asWritten()
	c := apiCoverage{app: app, met: map[*Resource]bool{}}
	c.methods, c.depth = methodsNamed(app.Document), depthOf(app.Document.Resources, a.Resources)
	for i := range a.operations {
		if o := &a.operations[i]; !o.ignored {
			c.look(o)
		}
	}
	for i := range app.Document.Resources {
		c.resource(&app.Document.Resources[i])
	}
	return c.found
}

type apiCoverage struct {
	app     *Application
	methods []string
	depth   int
	met     map[*Resource]bool
	found   []Finding
}

// look asks who decides an operation.
func (c *apiCoverage) look(o *apiOperation) {
	var deciders []*Resource
	decided, denied := false, false
	for i := range o.resources {
		p := &o.resources[i].pattern
		for _, path := range p.generic(c.depth) {
			for _, m := range operationMethods(p) {
				r := c.app.Match(m, path)
				if r == nil {
					denied = true
					continue
				}
				if decided = true; !slices.Contains(deciders, r) {
					deciders = append(deciders, r)
				}
			}
		}
	}
	for i := range c.app.Document.Resources { // narrower than the operation: they decide a part of it
		r := &c.app.Document.Resources[i]
		for j := range o.resources {
			p := &o.resources[j].pattern
			if !slices.Contains(deciders, r) && r.pattern.meets(p) && sharesMethod(p, &r.pattern, operationMethods(p)) && c.decides(r, p) {
				deciders = append(deciders, r)
			}
		}
	}
	for _, r := range deciders {
		c.met[r] = true
		c.compare(o, r)
	}
	switch {
	case len(deciders) == 0:
		c.found = append(c.found, Finding{Code: Uncovered, Message: "no resource covers it: it is denied", Operations: []string{o.name}})
	case denied || !decided:
		c.found = append(c.found, Finding{Code: PartlyCovered, Line: deciders[0].Line, Match: deciders[0].Match, Message: "no resource covers all of its paths: the others are denied", Operations: []string{o.name}})
	}
}

// operationMethods are the methods of an operation; GET alone, where HEAD goes
// with it, as that is all the document speaks of.
func operationMethods(p *pattern) []string {
	switch {
	case p.methods == nil:
		return []string{fresh}
	case slices.Contains(p.methods, "GET"):
		return []string{"GET"}
	}
	return p.methods
}

// decides reports whether a request that both match is decided by r.
func (c *apiCoverage) decides(r *Resource, p *pattern) bool {
	for _, path := range r.pattern.meeting(p, c.depth) {
		for _, m := range operationMethods(p) {
			if c.app.Match(m, path) == r {
				return true
			}
		}
	}
	return false
}

func (c *apiCoverage) compare(o *apiOperation, r *Resource) {
	said := &o.resources[0]
	f := Finding{Line: r.Line, Match: r.Match, Operations: []string{o.name}}
	wider := !slices.ContainsFunc(o.resources, func(one Resource) bool { return one.pattern.shape() == r.pattern.shape() })
	switch {
	case o.stated && !r.admitsOnly(said):
		f.Code, f.Message = WeakerThanSaid, fmt.Sprintf("the resource asks for %s, the document for %s", r.Needs(), said.Needs())
	case o.stated && !said.admitsOnly(r):
		f.Code, f.Message = OtherThanSaid, fmt.Sprintf("the resource asks for %s, the document for %s only", r.Needs(), said.Needs())
	case wider && r.isGlob():
		// Where the document says the same, the glob does no harm.
		f.Code, f.Note = CaughtByGlob, o.stated
		f.Message = fmt.Sprintf("no resource is written for it; this wider one decides, and asks for %s", r.Needs())
	default:
		return
	}
	c.found = append(c.found, f)
}

// isGlob reports whether the resource matches more than paths of one form.
func (r *Resource) isGlob() bool {
	return r.pattern.open || slices.ContainsFunc(r.pattern.segments, func(s segment) bool { return s.glob != nil }) || strings.Contains(r.Path(), "*")
}

func (c *apiCoverage) resource(r *Resource) {
	switch {
	case !c.met[r] && slices.Equal(r.pattern.methods, []string{"OPTIONS"}):
		// What browsers ask before a request is hardly ever described.
	case !c.met[r]:
		c.found = append(c.found, Finding{Code: Undescribed, Line: r.Line, Match: r.Match, Message: "no operation of the document falls under it"})
	case r.pattern.open:
		c.found = append(c.found, Finding{Code: OpenEnded, Note: true, Line: r.Line, Match: r.Match, Message: "operations that the document gets later fall under it too, with " + r.Needs()})
	}
}
