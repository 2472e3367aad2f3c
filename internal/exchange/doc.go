// Package exchange turns a proof into a pass: prove → narrow → mint.
//
// It owns who a credential turns out to be, what of its authority may be handed
// on, and the record that a token was issued. Each kind of proof has its own file
// and ends in the same principal; the steps after it are shared, so that a new
// kind cannot forget one. An unknown kind of proof is denied.
//
// It refuses to widen anything: every token is made by [access.Narrow]. It does
// no I/O once warm: holders are cached and are read again only after the feed
// says that something of their organization changed.
package exchange
