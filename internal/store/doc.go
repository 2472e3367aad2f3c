// Package store keeps everything Daypass must not forget, and owns all SQL.
//
// One schema and one set of queries run unchanged on SQLite (the default: a file
// beside the server) and PostgreSQL (several servers); dialect.go holds the few
// differences. What both do the same, by one conformance suite (storetest):
//
// [Store.Change] is the only way to change what anyone may do. It advances the
// head revision first, and that row's lock puts changes in one line: revisions
// commit in their order and without gaps, so whoever reads rows above the last
// revision it saw misses none. A change that was not recorded as exactly one
// event is rolled back. Events are chained by hash ([Store.VerifyChain]).
//
// Users, memberships, roles and keys are really deleted; an application leaves
// an emptied row that the feed needs. Events, revocations, records of tokens and
// usage refer to others by id without a foreign key, so they survive. Ids are
// made elsewhere from time and chance and never reused.
//
// The package refuses to know what a change is allowed to do, what a token is,
// or any secret: it sees keyed hashes and sealed boxes. It makes no decision
// from the clock: time comes in as an argument.
//
// Errors are [*access.Error]: not_found, already_exists, still_referenced,
// newer_database, store_damaged, invalid_text (PostgreSQL takes neither null
// characters nor invalid UTF-8), and store_unavailable of kind Unavailable for a
// disk that is full or read-only and a server that is away. Nothing needs a
// restart to recover from the last.
package store

//go:generate go -C ../.. tool -modfile=tools/go.mod sqlc generate -f internal/store/sqlc.yaml
