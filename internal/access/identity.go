package access

import "time"

// Identity is one of an application's own users, known by a public key alone,
// under the user-group key through which it logs in.
type Identity struct {
	ID             string // idn_…, the subject of its passes
	OrganizationID string
	KeyID          string // the user-group key
	PublicKey      string // as did:key
	Active         bool
	Comment        string
	Created        time.Time // at its first login
	LastUse        LastUse
	Revision       int64
}
