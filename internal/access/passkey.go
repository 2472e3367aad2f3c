package access

import "time"

// MaxPasskeys is how many passkeys a member may have.
const MaxPasskeys = 20

// Passkey is a public key by which a member logs in, of an authenticator that made
// sure of who uses it (WebAuthn). It opens the one organization that it was
// enrolled in.
type Passkey struct {
	ID             string // psk_…
	OrganizationID string
	UserID         string
	CredentialID   []byte // as the authenticator names it
	Name           string // as its owner calls it; may be empty
	Credential     string // JSON: the public key and what else the authenticator said of itself
	Counter        int64  // of its signatures; 0: it counts none
	Created        time.Time
	LastUse        LastUse // zero time: never
	Revision       int64
}
