// Package outside reads the tokens of issuers that are not Daypass.
//
// It owns which issuer of which organization a token is of, that issuer's keys, and
// what its claims come to: a subject, scopes and roles, never more than the issuer
// was given. Algorithms, audience and age are the organization's to say, not the
// token's and not the issuer's: of discovery only addresses are taken, of the keys and,
// where people log in through the issuer, of where they do.
//
// It refuses to guess: a token of an address that two organizations trust is of
// neither, until its audience or the caller says of which. Keys are fetched in the
// background, at most once a minute; the last good ones are kept for a day, and an
// issuer that is down or misbehaves harms its own tokens alone. Nobody is found by
// an e-mail address: a token's holder is never a user.
package outside
