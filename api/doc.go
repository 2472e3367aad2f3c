// Package api is the contract of the HTTP interface: openapi.yaml, and what is generated from it — the types of requests and
// answers, a client, and the interface the server implements.
//
// It owns names, limits and shapes. It refuses to know how anything is done: no rule, no storage, no defaults beyond those the
// contract states.
package api
