package catalog

import (
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// GraphQL is the policy of a GraphQL resource: what each root field needs, and
// how large an operation may be. It is immutable, save for the documents it
// remembers, and may be used from many goroutines at once.
type GraphQL struct {
	batch    bool
	maxBatch int
	maxBody  int64
}

// Batch reports whether a list of operations in one body is taken, each of them
// gated; else such a body is refused.
func (g *GraphQL) Batch() bool { return g.batch }

// MaxBatch is how many operations one body may hold: 1 without [GraphQL.Batch].
func (g *GraphQL) MaxBatch() int { return g.maxBatch }

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
	// Fields are the root fields that could execute, each name once, in the order
	// of the document. There is at least one.
	Fields []RootField
}

// RootField is a field of the operation's root type, and what it needs.
type RootField struct {
	Name string // in the schema, not its alias
	// Introspection marks a field that tells of the schema: __schema and the like.
	Introspection bool
	FieldPolicy
}

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

// Read parses the document and returns the operation that would execute. Errors
// are [*access.Error]: of kind Malformed where the text cannot be read
// (graphql_syntax), of kind Invalid where it breaks a rule or a limit
// (graphql_invalid, graphql_no_operation, graphql_too_deep, …). Their messages
// never repeat the document.
func (g *GraphQL) Read(r GraphQLRequest) (*Operation, error) {
	return nil, access.New(access.Malformed, "graphql_syntax", "this is not a GraphQL document")
}
