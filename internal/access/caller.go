package access

import "net/netip"

// Caller is who makes a request of the server: a proven credential with the
// authority it has now. Authenticated by a key or by a token.
type Caller struct {
	Organization Organization
	UserID       string
	MembershipID string
	KeyID        string
	TokenID      string // empty: the key itself was presented
	// Via is the outside issuer (isr_…) through which somebody logged in who is no
	// user here, and Subject whom it says that is. UserID is empty then.
	Via, Subject string
	Authority    Authority
	Address      netip.Addr
	UserAgent    string
	RequestID    string
}

// Actor is how the caller is recorded in an [Event].
func (c *Caller) Actor() Actor {
	return Actor{UserID: c.UserID, KeyID: c.KeyID, TokenID: c.TokenID, Address: c.Address}
}

// IsAdministrator reports whether the caller holds the platform's role.
func (c *Caller) IsAdministrator() bool {
	return HoldsRole(c.Authority.Roles, Role{Name: Administrator})
}
