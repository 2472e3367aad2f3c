package catalog

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// GraphQL is the policy of a GraphQL resource: what each root field needs, and
// how large an operation may be. It is immutable, and may be used from many
// goroutines at once.
type GraphQL struct {
	number        uint64 // no other policy of this process has it
	batch         bool
	maxBody       int64
	limits        graphqlLimits
	introspection FieldPolicy
	rules         map[OperationKind]fieldRule
	fields        map[fieldName]FieldPolicy // of the table, and of the schema
	known         map[fieldName]bool        // of the schema; nil: there is none
	types         *schemaTypes              // of the schema; nil: there is none
	spoken        map[OperationKind]bool    // kinds with a rule, or a field that has one
}

// fieldName is a root field.
type fieldName struct {
	kind OperationKind
	name string
}

func (n fieldName) String() string {
	return strings.ToUpper(string(n.kind[:1])) + string(n.kind[1:]) + "." + n.name
}

// maxGraphQLBatch is how many operations one body may hold where batches are taken.
const maxGraphQLBatch = 10

// Batch reports whether a list of operations in one body is taken, each of them
// gated; else such a body is refused.
func (g *GraphQL) Batch() bool { return g.batch }

// MaxBatch is how many operations one body may hold: 1 without [GraphQL.Batch].
func (g *GraphQL) MaxBatch() int {
	if g.batch {
		return maxGraphQLBatch
	}
	return 1
}

// MaxBody is how many bytes one HTTP body, or one WebSocket message, may have.
func (g *GraphQL) MaxBody() int64 { return g.maxBody }

// GraphQLRequest is what a client asks to be executed. Its variables play no part:
// what is gated is every field that could execute, whatever they hold.
type GraphQLRequest struct {
	Query string
	// OperationName chooses one operation of the document. Nil: the client named
	// none (left out, or null). The empty name is a name, and none has it.
	OperationName *string
}

// OperationKind is the keyword of an operation.
type OperationKind string

const (
	Query        OperationKind = "query"
	Mutation     OperationKind = "mutation"
	Subscription OperationKind = "subscription"
)

// Operation is the one operation of a document that is to be executed. It is
// immutable and may be shared.
type Operation struct {
	Kind OperationKind
	Name string // empty: anonymous
	// Text is a document that holds this operation and the fragments it uses and
	// nothing else: what to send on.
	Text string
	// Fields are the root fields that could execute, each once, in the order of the
	// document. There is at least one. [GraphQL.Fields] has them as a
	// policy sees them now.
	Fields []RootField

	policy uint64 // the number of the one that Fields are of
}

// RootField is a field of a root type, and what it needs.
type RootField struct {
	Name string // in the schema, not its alias
	// Kind is of the root type: the operation's, save where the schema says that a
	// field of a field leads back to a root type.
	Kind OperationKind
	// Introspection marks a field that tells of the schema: __schema and the like.
	Introspection bool
	FieldPolicy
}

// FullName is how a resource file names the field: "Mutation.CreatePerson".
func (f *RootField) FullName() string { return fieldName{f.Kind, f.Name}.String() }

// FieldPolicy is what a root field needs. The zero value maps nothing: such a
// field is denied.
type FieldPolicy struct {
	Mapped    bool            // some part of the resource file speaks of the field
	Refused   bool            // nobody may ask for it
	Public    bool            // no pass is needed; Scopes and Roles are then empty
	Scopes    []scope.Pattern // all must be held
	Roles     []string        // any one of them; empty: none is needed
	InAccount bool            // as in [Resource.InAccount]
}

// RoleText names the roles for people, as [Resource.RoleText] does.
func (p *FieldPolicy) RoleText() string { return strings.Join(p.Roles, " or ") }

// Read parses the document and returns the operation that would execute. Errors
// are [*access.Error]: of kind Malformed where the text cannot be read
// (graphql_syntax), of kind TooLarge where it is longer than [GraphQL.MaxBody]
// (graphql_too_large), of kind Invalid where it breaks a rule or a limit
// (graphql_invalid, graphql_no_operation, graphql_too_deep, …). Their messages
// never repeat the document. What was read without error is remembered.
func (g *GraphQL) Read(r GraphQLRequest) (*Operation, error) {
	if int64(len(r.Query)) > g.maxBody {
		return nil, access.New(access.TooLarge, "graphql_too_large", fmt.Sprintf("a GraphQL document may have at most %d bytes here", g.maxBody))
	}
	key := operationKey{policy: g.number, query: r.Query}
	if r.OperationName != nil {
		key.name, key.named = *r.OperationName, true
	}
	if op, ok := operations().GetIfPresent(key); ok {
		return op, nil
	}
	op, err := g.read(r)
	if err != nil {
		return nil, err
	}
	if key.weight(op) <= maxRememberedOperation {
		key.query, key.name = strings.Clone(key.query), strings.Clone(key.name)
		operations().Set(key, op)
	}
	return op, nil
}

func (g *GraphQL) read(r GraphQLRequest) (*Operation, error) {
	d, err := parseGraphQL(r, g.limits.tokens)
	if err != nil {
		return nil, err
	}
	extent, err := d.measure(g.limits)
	if err != nil {
		return nil, err
	}
	op := &Operation{
		Kind:   OperationKind(d.operation.Operation),
		Name:   strings.Clone(d.operation.Name),
		Text:   d.text(),
		policy: g.number,
	}
	fields := fieldCollector{seen: map[fieldName]bool{}}
	d.addRootFields(&fields)
	for _, name := range extent.introspects.hidden() {
		fields.add(fieldName{op.Kind, name})
	}
	if g.types != nil {
		g.types.addReturns(&fields, op.Kind, d)
	}
	op.Fields = fields.list
	g.judge(op.Fields)
	return op, nil
}

// fieldCollector keeps each root field once, in the order they come.
type fieldCollector struct {
	seen map[fieldName]bool
	list []RootField
}

func (c *fieldCollector) add(field fieldName) {
	if c.seen[field] {
		return
	}
	c.seen[field] = true
	name := strings.Clone(field.name) // not to keep the document
	c.list = append(c.list, RootField{Name: name, Kind: field.kind, Introspection: tellsOfSchema(name)})
}

// hidden names the introspection fields: they count as root fields wherever they
// stand, since a field may lead back to the root type.
func (f schemaFields) hidden() []string {
	var names []string
	if f.schema {
		names = append(names, "__schema")
	}
	if f.typ {
		names = append(names, "__type")
	}
	return names
}

// Fields are the root fields of an operation and what this policy says of them,
// be it that another policy read it: a resource file may change in between. It is
// then read anew, since a schema may lead back to the root where the other did
// not; none are returned where it breaks a rule or a limit of this policy.
func (g *GraphQL) Fields(op *Operation) []RootField {
	if op.policy == g.number {
		return op.Fields
	}
	if op.Text != "" {
		again, err := g.Read(GraphQLRequest{Query: op.Text})
		if err != nil {
			return nil
		}
		return again.Fields
	}
	fields := make([]RootField, len(op.Fields))
	copy(fields, op.Fields)
	g.judge(fields)
	return fields
}

func (g *GraphQL) judge(fields []RootField) {
	for i := range fields {
		fields[i].FieldPolicy = g.policy(fieldName{fields[i].Kind, fields[i].Name})
	}
}

// tellsOfSchema reports whether a field is introspection: those of the
// specification (section 4), and the one by which subgraphs of a federation
// tell their schema.
func tellsOfSchema(name string) bool {
	return name == "__schema" || name == "__type" || name == "_service"
}

// policy says what a root field needs: by the table or the schema, which never
// both speak of one field, else by the rule for its kind of operation.
func (g *GraphQL) policy(field fieldName) FieldPolicy {
	if p, ok := g.fields[field]; ok {
		return p
	}
	rule, ruled := g.rules[field.kind]
	switch {
	case tellsOfSchema(field.name):
		return g.introspection
	case field.name == "__typename":
		// It names the root type and executes nothing.
		return FieldPolicy{Mapped: g.spoken[field.kind], Public: rule.Public, Refused: rule.Refused}
	case !ruled || strings.HasPrefix(field.name, "__") || g.known != nil && !g.known[field]:
		return FieldPolicy{}
	}
	return rule.of(field.name)
}

// operationKey is everything the reading of a document depends on.
type operationKey struct {
	policy      uint64
	query, name string
	named       bool
}

// weight is how many bytes it takes to remember an operation, roughly.
func (k operationKey) weight(op *Operation) uint32 {
	const entry, field = 400, 200
	return uint32(min(len(k.query)+len(k.name)+len(op.Text)+entry+field*len(op.Fields), maxRememberedOperations))
}

// How much is remembered of the documents that were read, over all policies, so
// that their number does not matter. A document that would take much of it is
// read each time.
const (
	maxRememberedOperations = 32 << 20 // bytes
	maxRememberedOperation  = 64 << 10
)

var operations = sync.OnceValue(func() *otter.Cache[operationKey, *Operation] {
	return otter.Must(&otter.Options[operationKey, *Operation]{
		MaximumWeight: maxRememberedOperations,
		Weigher:       operationKey.weight,
	})
})

var policies atomic.Uint64
