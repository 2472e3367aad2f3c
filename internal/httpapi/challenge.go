package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
)

// CreateChallenge begins a login by a public key. A credential, where one was sent, is the proof of a backend that runs it.
func (o operations) CreateChallenge(ctx context.Context, in api.CreateChallengeRequestObject) (api.CreateChallengeResponseObject, error) {
	c := callOf(ctx)
	text := string(in.Body.PublicKey)
	if !strings.HasPrefix(text, "{") && json.Unmarshal(in.Body.PublicKey, &text) != nil {
		text = "" // the digits of a number could be taken for a key
	}
	made, err := o.h.Exchange.Challenge(ctx, exchange.ChallengeAsk{PublicKey: text, Key: in.Body.Key}, c.proof, c.client)
	if err != nil {
		return nil, err
	}
	return api.CreateChallenge200JSONResponse{ID: made.ID, Challenge: made.Value, ExpiresIn: made.ExpiresIn}, nil
}

var errSignatureForm = access.New(access.Malformed, "challenge_signature_form", "send the 64 bytes of the signature in base64url or base64").At("/signature")

// answerChallenge ends a login. The answer is that of an exchange.
func (h *Handler) answerChallenge(w http.ResponseWriter, r *http.Request, c *call) error {
	in := c.body.(*api.ChallengeAnswer)
	if c.proof != nil {
		return access.New(access.Malformed, "two_credentials", "the signature is the credential here; send no other")
	}
	signature, err := readSignature(in.Signature)
	if err != nil {
		return err
	}
	wish := exchange.Wish{
		ExpiresIn: in.ExpiresIn, Scopes: in.Scopes, Roles: in.Roles, Audience: (*[]string)(in.Audience), IPs: in.Ips,
		NoIPProtection: value(in.NoIPProtection), Renewable: in.Renewable, Confirmation: value(in.Confirmation), Encrypt: value(in.Encrypt),
	}
	grant, err := h.Exchange.Exchange(r.Context(), exchange.Answer{Challenge: r.PathValue("challenge"), Signature: signature}, wish, c.client)
	if err != nil {
		return err
	}
	return sendGrant(w, grant)
}

func readSignature(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	encoding := base64.RawURLEncoding
	if strings.ContainsAny(text, "+/") {
		encoding = base64.RawStdEncoding
	}
	signature, err := encoding.DecodeString(text)
	if err != nil || len(signature) != 64 || encoding.EncodeToString(signature) != text {
		return nil, errSignatureForm
	}
	return signature, nil
}
