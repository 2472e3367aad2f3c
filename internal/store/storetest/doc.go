// Package storetest is the conformance suite of the store: what every database
// under it must do, in one place ([Run]). It also lends tests a PostgreSQL of
// their own ([Postgres]).
//
// It refuses to touch any database server it has not started itself.
package storetest
