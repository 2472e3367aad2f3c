package exchange

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/daypass/daypass/internal/access"
)

// readConfirmation binds the pass to the key that the sender proved to hold (RFC
// 9449, section 5), or to the one that the wish names: a backend exchanges for a
// client whose key it knows. Where both are there, they are one.
func (s *Service) readConfirmation(ask *access.Ask, _ *principal, w Wish, client Client) error {
	ask.Confirmation = client.Confirmation
	if w.Confirmation == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(w.Confirmation)
	if err != nil || len(raw) != sha256.Size || len(w.Confirmation) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return malformed("invalid_confirmation", "confirmation is the SHA-256 thumbprint of a key (RFC 7638): 43 characters of base64url", "/confirmation")
	}
	if client.Confirmation != "" && client.Confirmation != w.Confirmation {
		return malformed("confirmation_mismatch", "confirmation names another key than the DPoP header shows; leave one of them out", "/confirmation")
	}
	ask.Confirmation = w.Confirmation
	return nil
}
