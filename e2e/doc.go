// Package e2e attacks the real server over HTTP, from outside, one named attack
// to a test: across tenants, upwards in authority, against revocation, by
// malformed input, at the doors, and for secrets in what the server writes.
//
// It owns no code of the product and mocks nothing: every test starts
// internal/server on ports of its own, with its store on disk.
package e2e
