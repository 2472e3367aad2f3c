package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/daypass/daypass/scope"
)

// OpenAPI is what an OpenAPI document says about who may do what: the resources
// it asks for, in the order in which they are right.
type OpenAPI struct {
	Title, Version string
	// Application and Organization are what the document says with our
	// extensions, or "".
	Application, Organization string
	// Prefix is the path of the document's first server, or what was asked for.
	Prefix string
	// Upstream is scheme and host of that server, or "".
	Upstream  string
	Resources []Resource
	// Warnings tell where the document says more than a resource file can, or
	// less than it should.
	Warnings []Warning

	operations []apiOperation
	remarks    map[int][]string // on the resource of this place
}

// Warning is a place in an OpenAPI document that deserves a look.
type Warning struct {
	Line      int    `json:"line,omitempty"`
	Operation string `json:"operation,omitempty"` // "GET /pets/{id}"; empty: the document
	Message   string `json:"message"`
}

// apiOperation is an operation of the document in our words. Its resources have
// the same requirement and differ in their paths.
type apiOperation struct {
	name      string // as in the document
	line      int
	resources []Resource
	order     int  // see extensionOrder; -1: none
	stated    bool // the document says what it needs
	ignored   bool
	remarks   []string
}

// ReadOpenAPI reads Swagger 2.0, OpenAPI 3.0 or 3.1, in YAML or JSON, of at most
// [MaxOpenAPI] bytes. The paths are those of the document behind prefix; if it is
// empty, behind the path of the document's server. References to other documents
// are not followed, and nothing but what says who may do what is looked at.
//
// What cannot be said in a resource file is said more strictly, with a warning.
// The error is an [*access.Error] of kind Invalid with code invalid_openapi; its
// message has a line for each problem, up to ten.
func ReadOpenAPI(data []byte, prefix string) (*OpenAPI, error) {
	tree, err := readAPITree(data)
	if err != nil {
		return nil, err
	}
	r := apiReader{tree: tree, asked: strings.TrimSuffix(prefix, "/"), api: &OpenAPI{Warnings: append([]Warning{}, tree.warnings...), remarks: map[int][]string{}}}
	r.read()
	if len(r.problems) > 0 {
		return nil, invalidOpenAPI(r.problems...)
	}
	return r.api, nil
}

type apiReader struct {
	tree     *apiTree
	asked    string // prefix
	api      *OpenAPI
	scopes   map[string]string // as in the document → as we write them
	problems []problem
}

func (r *apiReader) warn(operation, message string, args ...any) {
	r.api.Warnings = append(r.api.Warnings, Warning{r.tree.lines[operation], operation, fmt.Sprintf(message, args...)})
}

func (r *apiReader) report(operation, message string, args ...any) {
	r.problems = append(r.problems, problem{max(r.tree.lines[operation], 1), 1, "", shorten(operation) + ": " + fmt.Sprintf(message, args...)})
}

func (r *apiReader) read() {
	doc := r.tree.T
	if doc.Info != nil {
		r.api.Title, r.api.Version = shorten(doc.Info.Title), shorten(doc.Info.Version)
	}
	r.api.Application = extensionText(doc.Extensions, extensionApplication)
	r.api.Organization = extensionText(doc.Extensions, extensionOrganization)
	r.readServers()
	r.mapScopes()
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		operations := operationsOf(item)
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			r.operation(path, method, item, operations[method])
		}
	}
	if len(r.problems) == 0 {
		r.arrange()
	}
	slices.SortStableFunc(r.api.Warnings, func(a, b Warning) int { return cmp.Compare(a.Line, b.Line) })
}

func operationsOf(item *openapi3.PathItem) map[string]*openapi3.Operation {
	all := maps.Clone(item.AdditionalOperations)
	if all == nil {
		all = map[string]*openapi3.Operation{}
	}
	maps.Copy(all, item.Operations())
	return all
}

// readServers takes upstream and prefix from the first server that has them.
func (r *apiReader) readServers() {
	base, upstream := r.server(r.tree.Servers, "")
	r.api.Prefix, r.api.Upstream = cmp.Or(r.asked, base), upstream
}

// server is base path and origin of the first of the servers; of the same with
// and without TLS, the one with.
func (r *apiReader) server(servers openapi3.Servers, operation string) (base, origin string) {
	bases := map[string]bool{}
	for _, s := range servers {
		text := s.URL
		for name, v := range s.Variables {
			if v != nil && v.Default != "" {
				text = strings.ReplaceAll(text, "{"+name+"}", v.Default)
			}
		}
		path, from := splitServer(text)
		if gateway, _ := s.Extensions[extensionGateway].(bool); gateway {
			from = ""
		}
		if len(bases) == 0 {
			base, origin = path, from
		} else if path == base && strings.TrimPrefix(from, "https://") == strings.TrimPrefix(origin, "http://") {
			origin = from
		}
		bases[path] = true
	}
	if len(bases) > 1 {
		r.warn(operation, "the servers have different paths; the first counts: %q", shorten(base))
	}
	if origin != "" {
		if _, err := parseUpstream(origin); err != nil {
			r.warn(operation, "the server %q is no upstream: %s", shorten(origin), err)
			origin = ""
		}
	}
	return base, origin
}

// splitServer takes a server's address apart; variables that nothing stands for
// may be left in it.
func splitServer(text string) (path, origin string) {
	scheme, rest, absolute := strings.Cut(text, "://")
	if !absolute {
		path = text
	} else {
		host, after, _ := strings.Cut(rest, "/")
		path, origin = "/"+after, scheme+"://"+host
	}
	path, _, _ = strings.Cut(path, "?")
	if path = strings.Trim(path, "/"); path == "" || path == "." {
		return "", origin
	}
	if decoded, err := url.PathUnescape(path); err == nil && strings.ContainsAny(decoded, "{}") {
		path = decoded // a converter may have encoded them
	}
	return "/" + path, origin
}

// mapScopes writes each scope of the document in our language.
func (r *apiReader) mapScopes() {
	used := map[string]bool{}
	collect := func(list openapi3.SecurityRequirements) {
		for _, alternative := range list {
			for _, scopes := range alternative {
				for _, s := range scopes {
					used[s] = true
				}
			}
		}
	}
	collect(r.tree.Security)
	for _, item := range r.tree.Paths.Map() {
		for _, op := range operationsOf(item) {
			if op.Security != nil {
				collect(*op.Security)
			}
		}
	}
	r.scopes = scopeNames(slices.Sorted(maps.Keys(used)))
	for _, s := range slices.Sorted(maps.Keys(used)) {
		if r.scopes[s] != s {
			r.warn("", "the scope %q has characters that a scope may not have; it is written %s here and must be held by that name", shorten(s), r.scopes[s])
		}
	}
}

// scopeNames gives every text a scope of its own: itself if it is one.
func scopeNames(texts []string) map[string]string {
	names, takers := map[string]string{}, map[string]int{}
	for _, s := range texts {
		names[s] = scopeName(s)
		takers[names[s]]++
	}
	for _, s := range texts {
		if name := names[s]; name != s && takers[name] > 1 {
			hash := sha256.Sum256([]byte(s))
			names[s] = name[:min(len(name), scope.MaxLength-13)] + "-" + hex.EncodeToString(hash[:6])
		}
	}
	return names
}

func scopeName(s string) string {
	if p, err := scope.Parse(s); err == nil && p.Concrete() {
		return s
	}
	_, rest, found := strings.Cut(s, "://")
	if !found {
		rest = s
	}
	name := strings.Map(func(c rune) rune {
		switch {
		case c == '/' || c == ':':
			return ':'
		case c < 0x80 && isUnreserved(byte(c)) && c != '~':
			return c
		}
		return '-'
	}, rest)
	segments := slices.DeleteFunc(strings.Split(name, ":"), func(segment string) bool { return segment == "" })
	name = strings.Join(segments, ":")
	if len(name) > scope.MaxLength {
		hash := sha256.Sum256([]byte(s))
		name = name[:scope.MaxLength-13] + "-" + hex.EncodeToString(hash[:6])
	}
	return cmp.Or(name, "unnamed")
}

// operation adds one operation of the document.
func (r *apiReader) operation(path, method string, item *openapi3.PathItem, op *openapi3.Operation) {
	o := apiOperation{name: method + " " + path, order: -1}
	o.line = r.tree.lines[o.name]
	levels := []apiLevel{{op.Extensions, op.Security != nil, pointed(op.Security)}, {extensions: item.Extensions}, {r.tree.Extensions, len(r.tree.Security) > 0, r.tree.Security}}
	for _, l := range levels {
		if ignore, said := l.extensions[extensionIgnore].(bool); said {
			o.ignored = ignore
			break
		}
	}
	need := r.requirement(&o, levels)
	need.Comment = cmp.Or(op.Summary, op.OperationID)
	for _, l := range levels {
		need.PassToken = need.PassToken || extensionFlag(l.extensions, extensionPassToken)
		need.PassCookies = need.PassCookies || extensionFlag(l.extensions, extensionPassCookies)
		need.SenderKey = need.SenderKey || extensionFlag(l.extensions, extensionSenderKey)
	}
	if need.SenderKey && need.Public {
		r.report(o.name, "what is public cannot need a sender's key; take out %s, or say what it needs", extensionSenderKey)
	}
	if number, said := op.Extensions[extensionOrder]; said {
		o.order, _ = strconv.Atoi(fmt.Sprint(number)) // checked
	}
	base := r.base(&o, item.Servers, pointed(op.Servers))
	paths, remarks, err := templatePaths(base + "/" + strings.TrimPrefix(path, "/"))
	o.remarks = append(o.remarks, remarks...)
	if !strings.HasPrefix(path, "/") {
		o.remarks = append(o.remarks, "the path does not begin with '/'; one is put before it")
	}
	for _, p := range paths {
		one := need
		one.Match = method + " " + p
		if one.pattern, err = parsePattern(one.Match); err != nil {
			break
		}
		o.resources = append(o.resources, one)
	}
	if err != nil {
		o.remarks = append(o.remarks, "left out, so it is denied: "+safeMessage(err))
		o.resources, o.ignored = nil, true
	}
	for _, remark := range o.remarks {
		r.warn(o.name, "%s", remark)
	}
	r.api.operations = append(r.api.operations, o)
}

func pointed[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// base is the path before the operation's own.
func (r *apiReader) base(o *apiOperation, servers ...openapi3.Servers) string {
	base := r.api.Prefix
	for _, list := range servers {
		if len(list) == 0 {
			continue
		}
		path, origin := r.server(list, o.name)
		if r.asked == "" {
			base = path
		}
		if origin != "" && origin != r.api.Upstream {
			o.remarks = append(o.remarks, "it has a server of its own, "+shorten(origin)+"; an application has one upstream, so this operation may belong to another")
		}
	}
	return base
}

// apiLevel is what an operation, its path or the whole document says.
type apiLevel struct {
	extensions map[string]any
	secured    bool // security is there
	security   openapi3.SecurityRequirements
}

// requirement finds what an operation needs: the nearest level that says
// something counts, and on one level our extensions before security.
func (r *apiReader) requirement(o *apiOperation, levels []apiLevel) Resource {
	var need Resource
	for _, l := range levels {
		if r.stated(o, l, &need) {
			o.stated = true
			break
		}
	}
	for _, l := range levels {
		if roles := extensionTexts(l.extensions, extensionRoles); roles != nil {
			need.Roles, need.roleText = roles, strings.Join(roles, " or ")
			need.InAccount = extensionText(l.extensions, extensionIn) == "account"
			if l.extensions[extensionAccess] == "public" {
				r.report(o.name, "what is public cannot need roles; take out %s or %s", extensionAccess, extensionRoles)
			} else if need.Public {
				o.remarks = append(o.remarks, "it is said to be public and to need roles; the roles are asked for")
			}
			need.Public, o.stated = false, true
			break
		}
		if extensionText(l.extensions, extensionAccess) != "" {
			break
		}
	}
	if !o.stated && !o.ignored {
		o.remarks = append(o.remarks, "the document does not say what it needs; any good pass will do here. Write security: [] for a public operation")
	}
	return need
}

// stated reads what one level says of scopes and access.
func (r *apiReader) stated(o *apiOperation, l apiLevel, need *Resource) bool {
	scopes, how := extensionTexts(l.extensions, extensionScopes), extensionText(l.extensions, extensionAccess)
	switch {
	case scopes != nil:
		if how == "public" {
			r.report(o.name, "what is public cannot need scopes; take out %s or %s", extensionAccess, extensionScopes)
		}
		need.Scopes = parseScopes(scopes)
	case how != "":
		need.Public = how == "public"
	case l.secured:
		r.secured(o, l.security, need)
	default:
		return false
	}
	return true
}

func parseScopes(texts []string) []scope.Pattern {
	var out []scope.Pattern
	for _, s := range texts {
		if p, err := scope.Parse(s); err == nil && !slices.Contains(out, p) { // checked
			out = append(out, p)
		}
	}
	return out
}

// secured reads a security of OpenAPI: alternatives, of which a resource can ask
// for one. Whoever meets that one would be let in by the document too.
func (r *apiReader) secured(o *apiOperation, alternatives openapi3.SecurityRequirements, need *Resource) {
	var ways [][]string
	optional := false
	for _, alternative := range alternatives {
		if optional = optional || len(alternative) == 0; len(alternative) > 0 {
			ways = append(ways, r.alternative(o, alternative))
		}
	}
	if len(ways) == 0 {
		need.Public = true
		return
	}
	if optional {
		o.remarks = append(o.remarks, "the document lets in those who have no pass, too; here one is needed. Write x-daypass-access: public to open it")
	}
	chosen := ways[0]
	for _, way := range ways[1:] {
		if len(way) > len(chosen) {
			chosen = way
		}
	}
	if slices.ContainsFunc(ways, func(way []string) bool { return !slices.Equal(way, chosen) }) {
		o.remarks = append(o.remarks, fmt.Sprintf("the document has %d ways to get in, of which a resource can ask for one: %s. Choose another with x-daypass-scopes", len(ways), cmp.Or(strings.Join(chosen, " and "), "any good pass")))
	}
	if len(chosen) > MaxRequired {
		r.report(o.name, "it needs more than %d scopes", MaxRequired)
		return
	}
	need.Scopes = parseScopes(chosen)
}

// alternative is the scopes of one alternative, sorted.
func (r *apiReader) alternative(o *apiOperation, schemes openapi3.SecurityRequirement) []string {
	var scopes []string
	for _, scheme := range slices.Sorted(maps.Keys(schemes)) {
		if r.tree.Components == nil || r.tree.Components.SecuritySchemes[scheme] == nil {
			o.remarks = append(o.remarks, "the document does not define the security scheme "+shorten(scheme)+"; its scopes are asked for all the same")
		}
		for _, s := range schemes[scheme] {
			scopes = append(scopes, r.scopes[s])
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// arrange puts the resources of all operations in order.
func (r *apiReader) arrange() {
	var all, loose []*placed
	byKey := map[string]*placed{}
	for i := range r.api.operations {
		o := &r.api.operations[i]
		for j, res := range o.resources {
			if o.ignored {
				continue
			}
			res.Line = o.line
			method, _, _ := strings.Cut(res.Match, " ")
			p := &placed{Resource: res, order: o.order, operation: o.name}
			if j == 0 {
				p.remarks = o.remarks
			}
			key := method + " " + res.pattern.shape()
			if twin := byKey[key]; twin != nil {
				r.join(twin, p)
				continue
			}
			byKey[key] = p
			if p.order >= 0 {
				all = append(all, p)
			} else {
				loose = append(loose, p)
			}
		}
	}
	slices.SortFunc(loose, (*placed).before)
	slices.SortFunc(all, func(a, b *placed) int { return cmp.Or(cmp.Compare(a.order, b.order), a.before(b)) })
	all = insertLoose(all, loose)
	all = slices.DeleteFunc(all, func(p *placed) bool {
		shape := " " + p.pattern.shape()
		every, get := byKey[anyMethod+shape], byKey["GET"+shape]
		// GET takes HEAD with it where it stays.
		return p.within(every) && (!strings.HasPrefix(p.Match, "HEAD ") || get == nil || get.within(every))
	})
	for _, p := range all {
		if len(p.remarks) > 0 {
			r.api.remarks[len(r.api.Resources)] = p.remarks
		}
		r.api.Resources = append(r.api.Resources, p.Resource)
	}
	if len(all) > MaxResources {
		r.problems = append(r.problems, problem{1, 1, "", fmt.Sprintf("this makes more than %d resources; take the document apart into several applications", MaxResources)})
	}
	r.lookForCaught()
	r.readPrefix()
}

// placed is a resource on its way to its place.
type placed struct {
	Resource
	order     int
	remarks   []string
	operation string
}

// before orders by path, narrower ones first, and then by method: HEAD before
// GET, which covers it, and ANY last.
func (p *placed) before(q *placed) int {
	return cmp.Or(p.pattern.before(&q.pattern), cmp.Compare(methodRank(p.Match), methodRank(q.Match)), strings.Compare(p.Match, q.Match))
}

func methodRank(match string) int {
	method, _, _ := strings.Cut(match, " ")
	switch method {
	case "HEAD":
		return -1
	case anyMethod:
		return len(commonMethods) + 1
	}
	return methodOf(method).known
}

// within reports whether the resource says no more than the one for all methods
// of its path does.
func (p *placed) within(all *placed) bool {
	return all != nil && p != all && p.order == all.order && p.requiresSame(&all.Resource) &&
		p.PassToken == all.PassToken && p.PassCookies == all.PassCookies
}

// insertLoose puts resources without an order among those that have one: each
// before the first that it would stand before by itself.
func insertLoose(ordered, loose []*placed) []*placed {
	if len(ordered) == 0 {
		return loose
	}
	for _, p := range loose {
		at := slices.IndexFunc(ordered, func(q *placed) bool { return p.before(q) < 0 })
		if at < 0 {
			at = len(ordered)
		}
		ordered = slices.Insert(ordered, at, p)
	}
	return ordered
}

// join makes one of two operations that no resource can tell apart, such as
// those that differ in their query: both must then be met.
func (r *apiReader) join(p, twin *placed) {
	r.warn(twin.operation, "a match cannot tell it from %s; what both need is needed for either", p.operation)
	p.remarks = slices.Concat(p.remarks, []string{"a match cannot tell it from " + shorten(twin.operation) + "; what both need is needed for either"})
	p.SenderKey = p.SenderKey || twin.SenderKey
	if p.Public {
		p.Public, p.Scopes, p.Roles, p.roleText, p.InAccount = twin.Public, twin.Scopes, twin.Roles, twin.roleText, twin.InAccount
		return
	}
	for _, s := range twin.Scopes {
		if !slices.Contains(p.Scopes, s) {
			p.Scopes = append(p.Scopes, s)
		}
	}
	if len(p.Roles) == 0 {
		p.Roles, p.roleText, p.InAccount = twin.Roles, twin.roleText, twin.InAccount
	} else if len(twin.Roles) > 0 && !slices.Equal(p.Roles, twin.Roles) {
		r.report(twin.operation, "it needs other roles than %s, from which a match cannot tell it", p.operation)
	}
	if len(p.Scopes) > MaxRequired {
		r.report(twin.operation, "with %s it needs more than %d scopes", p.operation, MaxRequired)
	}
}

// lookForCaught warns where an operation that is to be denied is not.
func (r *apiReader) lookForCaught() {
	for i := range r.api.operations {
		o := &r.api.operations[i]
		if !o.ignored {
			continue
		}
		for j := range o.resources {
			p := &o.resources[j].pattern
			at := slices.IndexFunc(r.api.Resources, func(c Resource) bool {
				return c.pattern.meets(p) && sharesMethod(p, &c.pattern, append(p.methods, fresh))
			})
			if at >= 0 {
				r.warn(o.name, "it is ignored, but not denied: it falls under %s", r.api.Resources[at].Match)
				break
			}
		}
	}
}

// readPrefix keeps the prefix only if it is one: plain, and above every path.
func (r *apiReader) readPrefix() {
	p, err := ParsePath(r.api.Prefix)
	plain := err == nil && !strings.ContainsAny(r.api.Prefix, "*{}?")
	for i := range r.api.Resources {
		plain = plain && r.api.Resources[i].pattern.below(p.segments())
	}
	if r.asked != "" && !plain {
		r.problems = append(r.problems, problem{1, 1, "", "the prefix is the beginning of a path in plain characters, as in /photos"})
	}
	if !plain {
		r.api.Prefix = ""
	}
}

// below reports whether every path of the pattern lies at or below the prefix.
func (p *pattern) below(prefix string) bool {
	for i := 0; prefix != ""; i++ {
		var text string
		if text, prefix, _ = strings.Cut(prefix, "/"); i >= len(p.segments) || p.segments[i].literal != text {
			return false
		}
	}
	return true
}
