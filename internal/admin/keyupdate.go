package admin

import (
	"context"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/verify"
)

// KeyPatch is what may change of a key; nil: it stays.
type KeyPatch struct {
	Plan      *string // slug or id; empty: none, so that of its owner's membership holds
	PublicKey *string // a JWK; empty: none
}

// UpdateKey changes a key. Passes go on; what a plan lets them do changes with the
// next request. Who has the private half of a public key can do all that the key
// can, so the key must lie within what the caller may hand on. Codes: unknown_plan,
// invalid_public_key (422), scope_exceeded, role_exceeded (403).
func (s *Service) UpdateKey(ctx context.Context, caller *access.Caller, org, key string, patch KeyPatch, ifRevision int64) (Key, error) {
	var publicKey string
	if patch.PublicKey != nil {
		var err error
		if publicKey, err = readPublicKey(*patch.PublicKey); err != nil {
			return Key{}, err
		}
	}
	var out Key
	err := s.change(ctx, caller, opUpdateKey, org, func(tx *store.Tx, g *grant) error {
		k, err := tx.Key(ctx, g.org.ID, key)
		if err != nil {
			return err
		}
		if _, err := s.ownerOf(ctx, tx, g, k); err != nil {
			return err
		}
		if err := expect(ifRevision, k.Revision); err != nil {
			return err
		}
		n := namesIn(ctx, tx, g.org.ID)
		changed := map[string]any{}
		if patch.Plan != nil {
			if err := setPlan(tx, n, &k, *patch.Plan, changed); err != nil {
				return err
			}
		}
		if patch.PublicKey != nil && publicKey != k.PublicKey {
			if err := setPublicKey(tx, g, &k, publicKey); err != nil {
				return err
			}
			changed["public_key"] = thumbprint(publicKey)
		}
		if len(changed) > 0 {
			k.Revision = tx.Revision()
		}
		if out, err = n.key(k); err != nil {
			return err
		}
		if len(changed) == 0 {
			return errSame
		}
		return tx.Record("key.updated", g.org.ID, k.ID, changed)
	})
	return out, sameIsFine(err)
}

func setPlan(tx *store.Tx, n *names, k *access.Key, plan string, changed map[string]any) error {
	id, err := n.planID(plan)
	if err != nil || id == k.PlanID {
		return err
	}
	if err := tx.SetPlanOfKey(k.OrganizationID, k.ID, id); err != nil {
		return err
	}
	k.PlanID = id
	changed["plan"], err = n.plan(id)
	return err
}

func setPublicKey(tx *store.Tx, g *grant, k *access.Key, publicKey string) error {
	itself := g.caller.KeyID == k.ID && g.caller.TokenID == ""
	if !itself && publicKey != "" {
		if err := g.mayLearn(*k); err != nil {
			return err
		}
	}
	k.PublicKey = publicKey
	return tx.SetPublicKeyOfKey(k.OrganizationID, k.ID, publicKey)
}

// readPublicKey holds that it is a sound key for signatures, and returns it in the
// form it is kept in.
func readPublicKey(jwk string) (string, error) {
	if jwk == "" {
		return "", nil
	}
	key, err := verify.ParsePublicKey([]byte(jwk))
	if err != nil {
		return "", access.New(access.Invalid, "invalid_public_key", "this is not a public key that can be used for signatures: "+err.Error()).At("/public_key")
	}
	return key.String(), nil
}

// thumbprint names a key in the audit trail (RFC 7638); empty for none.
func thumbprint(jwk string) string {
	if jwk == "" {
		return ""
	}
	sum, err := verify.Thumbprint([]byte(jwk))
	if err != nil {
		return ""
	}
	return sum
}
