package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/access"
)

// An encrypted pass is for a bearer who must not read what it may do. So it stays
// encrypted when it is renewed or narrowed, it does not administer (which would
// tell its roles in many ways), and what is answered to its bearer leaves them out.
var errEncryptedPass = access.New(access.Forbidden, "encrypted_pass", "an encrypted pass opens applications; it does not administer: use a key, or a pass that is not encrypted")

// encrypts says whether the pass is to be encrypted: if that is wished, if an
// application it names wants it, or if the pass it comes from is.
func (s *Service) encrypts(p *principal, w Wish, d *draft) bool {
	if w.Encrypt || p.parent != nil && p.parent.Encrypted {
		return true
	}
	for _, a := range d.authority.Audiences {
		if a.ApplicationID == "" {
			continue
		}
		if app, ok := s.Scene.Application(a.Organization, a.Application); ok && app.Encrypt {
			return true
		}
	}
	return false
}

// mayRead says whether the one who asked may read the pass: who proved by a key
// may, for the key's own roles can be asked with it anyway.
func mayRead(p *principal) bool { return p.parent == nil && p.holder.source.Via == "" }

// conceal takes out of the answer what an encrypted pass keeps from its bearer.
func conceal(p *principal, g *Grant) error {
	if !g.Token.Encrypted || mayRead(p) {
		return nil
	}
	g.Concealed = true
	var claims map[string]jsontext.Value
	if err := json.Unmarshal(g.Payload, &claims); err != nil {
		return fmt.Errorf("read the claims of a pass just made: %w", err)
	}
	delete(claims, "scope")
	delete(claims, "roles")
	var err error
	g.Payload, err = json.Marshal(claims, json.Deterministic(true))
	return err
}

// discreet keeps a refusal from listing what an encrypted pass holds.
func discreet(p *principal, err error) error {
	var refused *access.Error
	if p.parent == nil || !p.parent.Encrypted || !errors.As(err, &refused) || !strings.HasSuffix(refused.Code, "_exceeded") {
		return err
	}
	hushed := *refused
	hushed.Message = "this is more than the pass holds"
	hushed.Fields = slices.Clone(refused.Fields)
	for i := range hushed.Fields {
		hushed.Fields[i].Message = hushed.Message
	}
	return &hushed
}
