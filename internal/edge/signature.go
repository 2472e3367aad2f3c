package edge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/sign"
)

// Signatures finds out whose key signed a request.
type Signatures interface {
	Signed(ctx context.Context, m exchange.MessageSignature, client exchange.Client) (keyID string, err error)
}

// MaxSignedBody is the greatest length of the body of a signed request, in bytes,
// where no limit says less: it is read before anything of it is passed on.
const MaxSignedBody = 1 << 20

// errSignatureNeedsGateway is the answer of doors that do not see bodies, nor the
// request line as it was signed.
var errSignatureNeedsGateway = access.New(access.Unavailable, "signature_needs_gateway",
	"the resource takes signed requests only, which only the gateway can check; send these requests through it")

// MessageOf is what a signature may cover of a request that came in: its target as it
// was sent, and its scheme as a trusted proxy says.
func MessageOf(r *http.Request) sign.Message {
	return sign.NewMessage(r.Method, proto(r, ClientFrom(r.Context())), r.Host, r.RequestURI, r.Header)
}

// awaitsSignature reports whether the decision hangs on a signature that nobody has
// looked at yet.
func (d *door) awaitsSignature(r *gate.Request, decision *gate.Decision) bool {
	return d.readsSignature && decision.Reason == gate.SignatureRequired && r.Signed == nil
}

// sign looks at the signature of the request and at its body. An error is one that
// says nothing of the signature.
func (p *passage) sign(w http.ResponseWriter, r *http.Request, credential string) error {
	p.request.Signed = &gate.Signed{}
	if !sign.Signed(r.Header) {
		return nil
	}
	m := exchange.MessageSignature{Message: MessageOf(r), HasBody: r.ContentLength != 0, Pass: credential}
	keyID, err := p.gateway.signatures.Signed(r.Context(), m, exchange.Client{Address: p.client.Address, UserAgent: userAgent(r.Header), RequestID: p.client.RequestID})
	if err == nil && m.HasBody {
		err = p.readSigned(w, r, &m.Message)
	}
	if err == nil {
		p.request.Signed.KeyID = keyID
		return nil
	}
	e := access.AsError(err)
	if e.Kind == access.Unauthenticated || e.Code == "signature_malformed" {
		p.request.Signed.Fault = e.Message
		return nil
	}
	return err
}

// readSigned reads the whole body, and puts in its place what was read.
func (p *passage) readSigned(w http.ResponseWriter, r *http.Request, m *sign.Message) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxSignedBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return err
		}
		return access.New(access.Malformed, "incomplete_body", "the body ended before it was complete").Because(err)
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	return exchange.CheckBody(m, body)
}

// stripSignature removes what proves to this server: a signed time, which could be
// used again, and the signature that the resource asked for, which is of another
// request than the upstream gets. One that it did not ask for is the upstream's own.
func stripSignature(h http.Header, asked bool) {
	delete(h, "X-Textile-Api-Key")
	delete(h, "X-Textile-Api-Sig")
	delete(h, "X-Textile-Api-Sig-Msg")
	if asked {
		delete(h, sign.FieldInput)
		delete(h, sign.FieldSignature)
	}
}
