package catalog

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Finding is something in a resource file that is allowed, and probably not
// what was meant.
type Finding struct {
	Code FindingCode `json:"code"`
	// Note marks what is worth knowing and needs no change.
	Note    bool   `json:"note"`
	Line    int    `json:"line,omitempty"`
	Match   string `json:"match,omitempty"`
	Message string `json:"message"`
	// Operations of an OpenAPI document that it is about.
	Operations []string `json:"operations,omitempty"`
}

// FindingCode names a kind of [Finding]; scripts may rely on it.
type FindingCode string

// What [Inspect] finds.
const (
	NoResources   FindingCode = "no_resources"   // everything is denied
	NoUpstream    FindingCode = "no_upstream"    // a note: the gateway cannot serve it
	NeverMatches  FindingCode = "never_matches"  // resources before it take all its requests
	PublicOverlap FindingCode = "public_overlap" // a public resource takes requests of a protected one behind it
	AroundGraphQL FindingCode = "around_graphql" // other methods of a GraphQL resource's path are let through unread
)

// What [OpenAPI.Inspect] finds besides.
const (
	Uncovered      FindingCode = "uncovered"       // an operation that is denied
	PartlyCovered  FindingCode = "partly_covered"  // an operation of which some paths are denied
	CaughtByGlob   FindingCode = "caught_by_glob"  // an operation that only a wider resource decides
	WeakerThanSaid FindingCode = "weaker_than_api" // a resource lets in whom the document does not
	OtherThanSaid  FindingCode = "other_than_api"  // a resource keeps out whom the document lets in
	Undescribed    FindingCode = "undescribed"     // a resource that no operation falls under
	OpenEnded      FindingCode = "open_ended"      // a note: operations to come fall under it too
)

// asWritten is the application as if everything in its file were enforced, also
// what is in shadow mode.
func (a *Application) asWritten() *Application {
	whole, err := indexed(a.Application, a.Document, everyRule)
	if err != nil {
		return a // too many globs: what is enforced then
	}
	return whole
}

// Inspect looks for resources that do not do what they look like, were the whole
// file enforced. The order is that of the file.
func Inspect(a *Application) []Finding {
	a = a.asWritten()
	doc := a.Document
	var found []Finding
	if len(doc.Resources) == 0 {
		found = append(found, Finding{Code: NoResources, Message: "there are no resources: every request is denied"})
	}
	if doc.Upstream == nil {
		found = append(found, Finding{Code: NoUpstream, Note: true, Message: "there is no upstream: the gateway cannot serve this application, only forward-auth can decide for it"})
	}
	methods, depth := methodsNamed(doc), depthOf(doc.Resources)
	var public []*Resource
	for i := range doc.Resources {
		r := &doc.Resources[i]
		if r.pattern.reaches(doc.prefix) {
			found = append(found, a.inspect(r, methods, depth, public)...)
			found = append(found, a.aroundGraphQL(r, methods, depth)...)
		}
		if r.Public {
			public = append(public, r)
		}
	}
	return found
}

// aroundGraphQL finds resources that let requests through to the path of a GraphQL
// resource without reading what they ask: by GET a server may take a query, or a
// WebSocket, and with it any operation.
func (a *Application) aroundGraphQL(r *Resource, methods []string, depth int) []Finding {
	if r.GraphQL == nil {
		return nil
	}
	var around []*Resource
	p := r.pattern.within(a.Document.prefix)
	for _, path := range p.generic(max(depth, len(p.segments)+1)) {
		for _, m := range methods {
			if m == http.MethodOptions {
				continue // a preflight
			}
			if taker := a.Match(m, path); taker != nil && taker.GraphQL == nil && !slices.Contains(around, taker) {
				around = append(around, taker)
			}
		}
	}
	if len(around) == 0 {
		return nil
	}
	slices.SortFunc(around, func(a, b *Resource) int { return cmp.Compare(a.Line, b.Line) })
	return []Finding{{Code: AroundGraphQL, Line: r.Line, Match: r.Match, Message: fmt.Sprintf(
		"%s (line %s) %s requests for the same path, in which nobody reads what they ask the API for; write ANY %s here and move it up, unless the API executes nothing that comes so",
		wordPlural(len(around), "another resource", "other resources"), linesOf(around), wordPlural(len(around), "takes", "take"), r.Path())}}
}

func (a *Application) inspect(r *Resource, methods []string, depth int, public []*Resource) []Finding {
	if takers := a.takers(r, methods, depth); !slices.Contains(takers, r) {
		message := fmt.Sprintf("no request ever gets here: %s before it (line %s) %s all of them", wordPlural(len(takers), "the resource", "the resources"), linesOf(takers), wordPlural(len(takers), "takes", "take"))
		if !r.Public && slices.ContainsFunc(takers, func(t *Resource) bool { return t.Public }) {
			message += ", and is public: what this resource requires is not asked for"
		}
		return []Finding{{Code: NeverMatches, Line: r.Line, Match: r.Match, Message: message + "; move it up, or take it out"}}
	}
	var found []Finding
	for _, p := range public {
		// A public resource that lies within a protected one is an exception, and
		// an exception stands before the rule.
		if r.Public || r.pattern.subsumes(&p.pattern) || !p.pattern.meets(&r.pattern) || !sharesMethod(&p.pattern, &r.pattern, methods) {
			continue
		}
		found = append(found, Finding{Code: PublicOverlap, Line: r.Line, Match: r.Match, Message: fmt.Sprintf(
			"%s before it (line %d) is public and matches some of the same requests: for those, what this resource requires is not asked for; move this one up if that is not meant", p.Match, p.Line)})
	}
	return found
}

// takers are the resources that decide requests which the resource matches, in
// the order of the file.
func (a *Application) takers(r *Resource, methods []string, depth int) []*Resource {
	var takers []*Resource
	p := r.pattern.within(a.Document.prefix)
	for _, path := range p.generic(max(depth, len(p.segments)+1)) {
		for _, m := range methods {
			if !p.allows(m) {
				continue
			}
			if taker := a.Match(m, path); taker != nil && !slices.Contains(takers, taker) {
				takers = append(takers, taker)
			}
		}
	}
	slices.SortFunc(takers, func(a, b *Resource) int { return cmp.Compare(a.Line, b.Line) })
	return takers
}

func sharesMethod(p, q *pattern, methods []string) bool {
	return slices.ContainsFunc(methods, func(m string) bool { return p.allows(m) && q.allows(m) })
}

func linesOf(resources []*Resource) string {
	lines := make([]string, len(resources))
	for i, r := range resources {
		lines[i] = fmt.Sprint(r.Line)
	}
	return strings.Join(lines, ", ")
}

func wordPlural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
