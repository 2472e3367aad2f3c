// Package sign makes and checks HTTP Message Signatures (RFC 9421) on requests,
// with the digest of their bodies (RFC 9530). It needs the standard library only.
//
// A client signs with a [Signer], most simply through [Signer.Transport]. Who
// receives requests reads a signature with [Parse], asks it what it covers and how
// old it is, and then holds it against the request with [Signature.Verify]. Which
// key a signature may be checked with, and whether it was seen before, is for the
// receiver to know: [Signature.Once] names it for that purpose.
//
// The algorithms are hmac-sha256, ed25519 and ecdsa-p256-sha256. A key has one of
// them, and a signature that names another is refused.
//
// It refuses what two programs could read differently: fields that are not written
// as RFC 8941 says, members or parameters that come twice, components it does not
// know, and values that a field cannot carry.
package sign
