// Package verify checks Daypass tokens without asking Daypass: offline, from the published keys.
//
// A service that wants its requests checked needs a [Verifier] and its Middleware:
//
//	v, err := verify.New(verify.Config{
//		Issuer:   "https://pass.example.com",
//		Audience: []string{"acme/photos"},
//		JWKSURL:  "https://pass.example.com/.well-known/jwks.json",
//	})
//	…
//	http.ListenAndServe(addr, v.Middleware(verify.RequireScope("photos:read")(photos)))
//
// The package owns the one reader of signed texts (JWS, RFC 7515) in Daypass, [KeySet], and the meaning of the claims,
// [Claims]. The server reads its own tokens with the same code.
//
// # What it refuses
//
// Key and algorithm come from the table of published keys and from nowhere else: the header's kid selects a row, and its
// alg must be the one algorithm of that row (RFC 8725, 3.1). A header may hold alg, kid and typ; every other
// parameter is refused by name, so nothing in a token can bring a key, an address or an extension with it. There is
// one spelling of a token: compact serialization, base64url without padding, newline or spare bits, and for tokens
// of Daypass the lower of the two values that an ECDSA signature can take. Keys that are no keys (short, weak, off their curve,
// duplicate, symmetric beside public) are refused when the set is read.
//
// # Encrypted tokens
//
// A token may be encrypted so that its bearer cannot read it. With Config.DecryptionKeys a Verifier takes those too: JWE in compact
// serialization, ECDH-ES on P-256 with A256GCM and nothing else, around a signed token that is checked like any other. Whatever is wrong with
// the encryption, the refusal is the same [ErrDecryption].
//
// # Revocation
//
// A signature outlives a revocation. By itself an offline check sees a deleted key or a disabled user when the token
// expires. With Config.FeedURL, and [Verifier.Run] in the background, the Verifier follows the signed feed of revocations:
// it refuses a revoked token within moments, and every token when it has not heard the feed for too long.
//
// # Tokens bound to a key
//
// A token with the cnf claim is good together with a proof that its sender holds the key (DPoP, RFC 9449). The Middleware and
// [Verifier.VerifyRequest] check it; [Verifier.Verify] sees no request, and refuses such tokens.
package verify
