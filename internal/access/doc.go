// Package access holds the nouns of Daypass and the pure rules between them.
//
// It owns what an organization, a user, a membership, a key, an application, a
// grant and a token are; what an [Authority] is; and [Narrow], the one law by
// which authority is handed on: it only ever shrinks. It also owns the one error
// type of the server, [Error], and the events that record every change.
//
// It refuses to know about storage, HTTP, cryptography or clocks: time comes in
// as an argument, and nothing here performs I/O.
package access
