// Package gate owns the verdict: may this request, with this pass, go through?
//
// [Decide] is a pure function of a request, a verified token, a [View] and the
// time. Every door (the gateway, forward-auth) calls it through a [Gate], and
// [Explain] puts into words what it returned, so that what is explained is what
// was decided.
//
// The checks are made in a fixed order, and the first that fails is the answer:
//
//	view          the view was confirmed within its bound, else nothing is decided
//	application   an application serves this host and path
//	address       its address lists admit the caller
//	rule          one of its resources matches method and path
//	pass          a pass is presented, and one that this server issued and can check
//	time          it has begun and not ended, give or take [verify.Leeway]
//	revocation    nothing it descends from has been revoked since it was issued
//	binding       it may be used from the caller's address
//	organization  it was issued in the application's organization
//	audience      it is good for the application
//	scopes        it holds every scope required
//	roles         it holds one of the roles required
//
// A public resource needs none of the checks from pass on; a pass that fails
// one of them is then as good as none, and one that passes names its bearer to
// the upstream.
//
// On a GraphQL resource the rule is one for every root field of the operation: what
// no field may be asked for is denied there, though only to those whose pass is
// good: others are told what is wrong with it. Scopes and roles are those of all
// fields together, and a request without an operation is denied. A public resource
// is then an operation of public fields alone.
//
// A [View] is immutable and is replaced as a whole: what a request is decided
// on never changes under it. Revocation needs no lookup elsewhere: a token
// carries the revision its issuer had seen, and [Revocations] knows from which
// revision on each key, user, membership, application and token family is over.
//
// It refuses to guess: without a fresh view, an application, a rule or a token
// it understands, the answer is no. It performs no I/O, and it does not check
// signatures: it is given a function that does.
package gate
