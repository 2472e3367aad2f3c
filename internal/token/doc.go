// Package token mints the passes of Daypass and reads them back.
//
// It owns the signing keys while they are in memory, and signs with them what else the server says, each kind under a typ of its own. It owns the choice of the one that signs now, the published key set, and the
// translation between the noun [access.Token] and the claims of a token. Reading is package verify's strict reader with
// the published keys, so that the server and an offline verifier accept the same texts.
//
// It refuses to mint what it could not read back or what is longer than 8 KiB, to sign with a key that is not in the
// published set, and to read a token of another issuer. It does not look at time, address or revocation: these hold at a moment, so
// the gate asks about them at every use.
package token
