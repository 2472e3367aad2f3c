package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// measureOAuth turns a key into passes as a client of OAuth 2.0 does, each with 20 scopes and an audience.
func (b *bench) measureOAuth(ctx context.Context) ([]row, error) {
	return b.exchangeDuel(ctx, "oauth", "/oauth2/token, client_credentials with a key as secret, beside one bare ES256 signature", 0.55, clientRequest)
}

// clientRequest is what a client sends that has the house's key as its secret.
func clientRequest(h *house) ([]byte, error) {
	id, err := h.keyID()
	if err != nil {
		return nil, err
	}
	list := make([]string, scopes)
	for i := range list {
		list[i] = fmt.Sprintf("area%d:read", area(i))
	}
	body := url.Values{"grant_type": {"client_credentials"}, "audience": {application}, "scope": {strings.Join(list, " ")}}.Encode()
	basic := base64.StdEncoding.EncodeToString([]byte(id + ":" + h.key))
	return fmt.Appendf(nil, "POST /oauth2/token HTTP/1.1\r\nHost: daypass.example.com\r\nUser-Agent: bench/1\r\nAccept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s", basic, len(body), body), nil
}

// keyID asks which key the house's is: the one that its passes name.
func (h *house) keyID() (string, error) {
	pass, err := h.pass("{}")
	if err != nil {
		return "", err
	}
	var claims struct {
		ClientID string `json:"client_id"`
	}
	return claims.ClientID, readClaims(pass, &claims)
}

func readClaims(pass string, into any) error {
	_, rest, _ := strings.Cut(pass, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
