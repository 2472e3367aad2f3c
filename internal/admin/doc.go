// Package admin is the office: one method per use case of the admin API.
//
// It owns who may do what (one table, [Permissions]), the rules a change must
// keep (no one hands on more than they hold, the last administrator stays, a key
// lies within its owner's membership), what each change revokes, and that a
// change and the event that records it are one transaction. A method returns
// only after the change is committed and this node's gate has applied it.
//
// It refuses to know about HTTP, to decide requests, and to mint or verify
// tokens. Whatever belongs to another organization does not exist here: unknown
// and foreign get the same [access.ErrNotFound].
package admin
