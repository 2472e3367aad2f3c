package sign

import (
	"encoding/base32"
	"net/http"
	"time"
)

// SignedTime proves a key until a time, for any request: it covers none. A backend
// makes it, short, for a browser that must not know the secret. It is what
// createUserAuth of the npm package @textile/security makes.
type SignedTime struct {
	KeyID     string `json:"key"`
	Signature string `json:"sig"` // multibase base32 of HMAC-SHA-256 over the text of Message
	Message   string `json:"msg"` // the time, as RFC 3339
	Token     string `json:"token,omitempty"`
}

var multibase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// SignTime signs the time until which the result is good, in milliseconds.
func SignTime(keyID string, secret []byte, until time.Time) SignedTime {
	message := until.UTC().Format("2006-01-02T15:04:05.000Z")
	return SignedTime{KeyID: keyID, Message: message, Signature: "b" + multibase32.EncodeToString(mac(secret, []byte(message)))}
}

// Set puts it into the header of a request.
func (s SignedTime) Set(h http.Header) {
	h.Set("X-Textile-Api-Key", s.KeyID)
	h.Set("X-Textile-Api-Sig", s.Signature)
	h.Set("X-Textile-Api-Sig-Msg", s.Message)
	if s.Token != "" {
		h.Set("Authorization", "Bearer "+s.Token)
	}
}
