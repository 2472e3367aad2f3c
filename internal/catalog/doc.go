// Package catalog owns the applications that Daypass protects: their resource
// files, which application a request belongs to, and which of its resources a
// method and path fall under.
//
// A resource file is read strictly by [ParseDocument], from YAML or JSON: what
// it does not know it refuses, naming line and column, because a rule that is
// silently ignored is a hole. [Compile] turns an application and its file into
// an [Application] with an index over path segments, and [Catalog] holds them
// all, immutable, so that a reader needs no lock.
//
// A path is read once, by [ParsePath], into one canonical form. Rules are
// matched against it decoded, and it is sent on as those same bytes, so that
// the rule and the upstream cannot mean different things. What could be read in
// two ways (dot segments, encoded slashes, backslashes, semicolons, double
// encoding) is refused, never repaired.
//
// A [GraphQL] resource goes further into a request: [GraphQL.Read] finds the root
// fields that could execute in a document, and what each of them needs. What is to
// be sent on is written by it too, for the same reason as with paths.
//
// [ReadOpenAPI] makes resources of an OpenAPI document, more strictly where a
// resource cannot say the same, and [ToOpenAPI] describes an application as one.
// [Compare] and [Inspect] find what a change or a file does to requests, by
// deciding how patterns lie to each other.
//
// First match wins, and what matches nothing is denied: catalog answers with
// nil and leaves the saying of no to package gate. It knows nothing of tokens,
// performs no I/O and has no clock.
package catalog
