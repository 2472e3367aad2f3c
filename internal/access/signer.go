package access

import "crypto"

// Signer is a holder with what the signatures of its key are checked by. A key
// whose secret was rotated is several, for as long as the old secret works.
type Signer struct {
	Holder    *Holder
	Secret    []byte           // shared with the signer; nil: none
	PublicKey crypto.PublicKey // registered for the key; nil: none
}
