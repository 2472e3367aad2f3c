package httpapi

import (
	"encoding/base32"
	"net/http"
	"strings"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/sign"
)

// The headers of a signed time; what is signed by it is not the request.
const (
	textileKey       = "X-Textile-Api-Key"
	textileSignature = "X-Textile-Api-Sig"
	textileMessage   = "X-Textile-Api-Sig-Msg"
)

var (
	errTwoProofs  = access.New(access.Malformed, "two_credentials", "send one proof: a key, a signature of the request, or a signed time; beside a signature, only a pass")
	errHalfSigned = access.New(access.Malformed, "signature_malformed", "send x-textile-api-key, x-textile-api-sig and x-textile-api-sig-msg once each")
)

// signatureOf is the signature that a request came with, beside its credential; nil:
// none.
func signatureOf(r *http.Request, credential string) (exchange.Proof, error) {
	message := sign.Signed(r.Header)
	timed := len(r.Header[textileKey])+len(r.Header[textileSignature])+len(r.Header[textileMessage]) > 0
	switch {
	case !message && !timed:
		return nil, nil
	case message && timed, strings.HasPrefix(credential, "dp_"):
		return nil, errTwoProofs
	case message:
		return exchange.MessageSignature{Message: edge.MessageOf(r), HasBody: r.ContentLength != 0, Pass: credential}, nil
	}
	var values [3]string
	for i, name := range []string{textileKey, textileSignature, textileMessage} {
		sent := r.Header[name]
		if len(sent) != 1 {
			return nil, errHalfSigned
		}
		values[i] = sent[0]
	}
	return exchange.TextileSignature{KeyID: values[0], Signature: values[1], Message: values[2], UserToken: credential}, nil
}

// checkSignedBody holds the body against what was signed of it.
func (c *call) checkSignedBody() error {
	if m, ok := c.proof.(exchange.MessageSignature); ok {
		return exchange.CheckBody(&m.Message, c.raw)
	}
	return nil
}

// multibase is a secret for libraries that want it in that form: what they sign with
// is the secret's own text.
func multibase(secret string) string {
	if secret == "" {
		return ""
	}
	return "b" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(secret)))
}
