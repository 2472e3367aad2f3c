package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

// Key is a key without its secrets.
type Key struct {
	ID               string
	UserID           string
	Kind             access.KeyKind
	Comment          string
	Scopes           []string
	Roles            []string // "developer" or "developer@photos"
	IPs              []string // empty: any address
	Expires          time.Time
	MaxTokenLife     time.Duration // 0: the platform's
	RequireSignature bool
	MayNameSubjects  bool
	Version          int64     // of the current secret, from 1
	OverlapUntil     time.Time // the previous secret works until then; zero: it does not
	Created          time.Time
	LastUse          access.LastUse
	Plan             string // slug; empty: that of the owner's membership
	PublicKey        string // a JWK; empty: none
	Revision         int64
}

// IssuedKey is a key with its text, and its signing secret if it must sign.
// Both are shown this once; only a hash, or a sealed box, is kept.
type IssuedKey struct {
	Key
	Text   string // dp_…
	Secret string // dps_…; empty unless RequireSignature
}

// NewKey is a key to make.
type NewKey struct {
	User             string         // id; empty: the caller
	Kind             access.KeyKind // empty: live
	Comment          string         // at most 500 characters
	Scopes           []string       // 1 to 100
	Roles            []string       // nil: all of the owner's that the caller may hand on; at most 50
	IPs              []string       // at most 10; empty: any address
	ExpiresIn        *int64         // seconds, 1 to 10 years; nil: no end
	MaxTokenLife     *int64         // seconds, at most the platform's; nil: the platform's
	RequireSignature bool
	MayNameSubjects  bool
	Plan             string // slug or id; empty: none
	PublicKey        string // a JWK; empty: none
}

// KeyFilter narrows a list of keys.
type KeyFilter struct {
	User string // id; empty: every user's
	Text string // words in their order, in id, comment or scopes; empty: every key
}

func (n *names) key(k access.Key) (Key, error) {
	roles, err := n.write(k.Roles)
	if err != nil {
		return Key{}, err
	}
	plan, err := n.plan(k.PlanID)
	return Key{
		ID: k.ID, UserID: k.UserID, Kind: k.Kind, Comment: k.Comment, Scopes: k.Scopes.Strings(), Roles: roles,
		IPs: k.Networks.Strings(), Expires: k.Expires, MaxTokenLife: k.MaxTokenLife,
		RequireSignature: k.RequireSignature, MayNameSubjects: k.MayNameSubjects,
		Version: k.Version, OverlapUntil: k.OverlapUntil, Created: k.Created, LastUse: k.LastUse, Plan: plan, PublicKey: k.PublicKey, Revision: k.Revision,
	}, err
}

// Keys lists keys, the oldest first.
func (s *Service) Keys(ctx context.Context, caller *access.Caller, org string, filter KeyFilter, p Page) (List[Key], error) {
	g, err := s.authorize(ctx, s.store, caller, opListKeys, org)
	if err != nil {
		return List[Key]{}, err
	}
	user, err := s.onlyUser(ctx, g, filter.User)
	if err != nil {
		return List[Key]{}, err
	}
	var wrong faults
	if wrong.text("/q", filter.Text, maxSearch); wrong.err() != nil {
		return List[Key]{}, wrong.err()
	}
	n := namesIn(ctx, s.store, g.org.ID)
	return paged(s, listing{"keys", g.org.ID, user, filter.Text}, p,
		func(after string, limit int) ([]access.Key, error) {
			return s.store.ListKeys(ctx, g.org.ID, user, filter.Text, store.Page{After: after, Limit: limit})
		},
		func(k access.Key) string { return k.ID }, n.key)
}

// onlyUser is the user whose things a list shows; empty: everybody's.
func (s *Service) onlyUser(ctx context.Context, g *grant, asked string) (string, error) {
	if asked == "" {
		return g.only(), nil
	}
	_, _, err := s.member(ctx, s.store, g, asked)
	return asked, err
}

// Key returns one.
func (s *Service) Key(ctx context.Context, caller *access.Caller, org, key string) (Key, error) {
	g, err := s.authorize(ctx, s.store, caller, opGetKey, org)
	if err != nil {
		return Key{}, err
	}
	k, err := s.store.Key(ctx, g.org.ID, key)
	if err != nil {
		return Key{}, err
	}
	if !g.mayUser(k.UserID) {
		return Key{}, errNotYours
	}
	return namesIn(ctx, s.store, g.org.ID).key(k)
}

// draft is a new key as far as the request alone says what it is.
type draft struct {
	key       access.Key
	roles     []access.RoleRef // nil with byDefault
	byDefault bool
}

func (s *Service) draft(in NewKey) (draft, error) {
	var wrong faults
	d := draft{byDefault: in.Roles == nil}
	d.key = access.Key{
		ID: seal.NewID("key"), UserID: in.User, Kind: in.Kind, Comment: in.Comment,
		Scopes:           wrong.scopes("/scopes", in.Scopes),
		Networks:         wrong.networks("/ips", in.IPs, s.maxAddresses),
		MaxTokenLife:     wrong.life("/max_token_life", in.MaxTokenLife, s.maxTokenLife),
		RequireSignature: in.RequireSignature, MayNameSubjects: in.MayNameSubjects,
		Version: 1, Created: s.stamp(),
	}
	if life := wrong.life("/expires_in", in.ExpiresIn, maxKeyLife); life > 0 {
		d.key.Expires = d.key.Created.Add(life)
	}
	if d.key.Kind == "" {
		d.key.Kind = access.KeyLive
	}
	switch d.key.Kind {
	case access.KeyLive, access.KeyTest, access.KeyUserGroup:
	default:
		wrong.invalid("/kind", "a key is live, test or ug (user group)")
	}
	wrong.text("/comment", in.Comment, maxComment)
	var err error
	if d.key.PublicKey, err = readPublicKey(in.PublicKey); err != nil {
		wrong.found = append(wrong.found, access.AsError(err))
	}
	if len(in.Roles) > 0 {
		d.roles = wrong.roles("/roles", in.Roles)
	}
	return d, wrong.err()
}

// CreateKey makes a key. It lies within its owner's membership and within what
// the caller may hand on. Codes: scope_exceeded, role_exceeded (403),
// too_many_keys (409), not_found for an owner who is no member here.
func (s *Service) CreateKey(ctx context.Context, caller *access.Caller, org string, in NewKey) (IssuedKey, error) {
	d, err := s.draft(in)
	if err != nil {
		return IssuedKey{}, err
	}
	if d.key.UserID == "" {
		d.key.UserID = caller.UserID
	}
	var out IssuedKey
	err = s.change(ctx, caller, opCreateKey, org, func(tx *store.Tx, g *grant) error {
		key := d.key
		key.OrganizationID, key.Revision = g.org.ID, tx.Revision()
		owner, err := s.ownerOf(ctx, tx, g, key)
		if err != nil {
			return at(err, "/user")
		}
		n := namesIn(ctx, tx, g.org.ID)
		if key.Roles, err = n.resolve("/roles", d.roles); err != nil {
			return err
		}
		if in.Plan != "" {
			if err := g.mayGivePlan(); err != nil {
				return err
			}
		}
		if key.PlanID, err = n.planID(in.Plan); err != nil {
			return err
		}
		if d.byDefault {
			key.Roles = rolesByDefault(key.Kind, g.handable(owner.Roles))
		}
		widest, err := n.ceilingOf(owner)
		if err != nil {
			return err
		}
		if err := widest.holds(key.Scopes, key.Roles); err != nil {
			return err
		}
		if err := g.mayLearn(key); err != nil {
			return err
		}
		if err := s.roomForKey(ctx, tx, key); err != nil {
			return err
		}
		if out, err = s.insertKey(ctx, tx, key); err != nil {
			return err
		}
		detail := map[string]any{"user": key.UserID, "kind": key.Kind, "scopes": out.Scopes, "roles": out.Roles, "ips": out.IPs}
		if key.PublicKey != "" {
			detail["public_key"] = thumbprint(key.PublicKey)
		}
		return tx.Record("key.created", g.org.ID, key.ID, detail)
	})
	return out, err
}

// ownerOf finds whose a key is. A key of an administrator, also one without
// roles, reaches the administrator's other keys, so it is for administrators.
func (s *Service) ownerOf(ctx context.Context, tx *store.Tx, g *grant, key access.Key) (access.Membership, error) {
	_, owner, err := s.member(ctx, tx, g, key.UserID)
	if err == nil && key.UserID != g.caller.UserID {
		err = g.mayTouch(owner.Roles)
	}
	return owner, err
}

func at(err error, pointer string) error {
	if e := access.AsError(err); errors.Is(err, access.ErrNotFound) {
		return e.At(pointer)
	}
	return err
}

// handable are those roles of an owner that the caller may hand on.
func (g *grant) handable(roles []access.Role) []access.Role {
	var some []access.Role
	for _, role := range roles {
		if g.mayHandOnRole(role) {
			some = append(some, role)
		}
	}
	return some
}

// mayLearn holds that whoever sees a key's text could do by itself all that the
// key can.
func (g *grant) mayLearn(key access.Key) error {
	if err := g.handOnScopes(key.Scopes); err != nil {
		return err
	}
	if err := g.handOnRoles(key.Roles); err != nil {
		return err
	}
	if key.MayNameSubjects && !g.manages() {
		return access.New(access.Forbidden, "role_exceeded", "a key that may name subjects is for an account manager to make and rotate").At("/may_name_subjects")
	}
	return nil
}

// roomForKey holds that a user may have one more key that has not expired.
func (s *Service) roomForKey(ctx context.Context, tx *store.Tx, key access.Key) error {
	live, err := tx.CountLiveKeys(ctx, key.OrganizationID, key.UserID, key.Created)
	if err == nil && live >= int64(s.keysPerUser) {
		return access.New(access.Conflict, "too_many_keys", fmt.Sprintf("a user holds at most %d keys in an organization; delete one first", s.keysPerUser))
	}
	return err
}

// insertKey gives a key its text, and its signing secret, and writes it.
func (s *Service) insertKey(ctx context.Context, tx *store.Tx, key access.Key) (IssuedKey, error) {
	secrets, err := s.newSecrets(key)
	if err != nil {
		return IssuedKey{}, err
	}
	if err := tx.InsertKey(key, s.sealer.KeyHash(secrets.text), secrets.sealed); err != nil {
		return IssuedKey{}, err
	}
	shown, err := namesIn(ctx, tx, key.OrganizationID).key(key)
	return IssuedKey{Key: shown, Text: secrets.text, Secret: secrets.secret}, err
}

type secrets struct {
	text   string
	secret string // empty: the key does not sign
	sealed []byte
}

func (s *Service) newSecrets(key access.Key) (secrets, error) {
	out := secrets{text: seal.NewKeyText(seal.Kind(key.Kind))}
	if !key.RequireSignature {
		return out, nil
	}
	out.secret = seal.NewSigningSecret()
	var err error
	out.sealed, err = s.sealer.Seal([]byte(out.secret), SecretIdentity(key.OrganizationID, key.ID, key.Version))
	return out, err
}

// SecretIdentity is what a key's sealed signing secret is bound to: the row, its
// owner and the version of the secret, so that no box opens in another place.
func SecretIdentity(orgID, keyID string, version int64) string {
	return "keys/" + orgID + "/" + access.KeyLineage(keyID, version) + "/secret"
}

// RotateKey gives the key a new text, and a new signing secret if it signs. The
// old text works for overlapSeconds longer (0 to 7 days), then everything made
// with it ends; one still older ends now. Whoever rotates learns the new text,
// so the key must lie within what the caller may hand on; only the key itself
// may always be rotated with itself. Code key_expired (409).
func (s *Service) RotateKey(ctx context.Context, caller *access.Caller, org, key string, overlapSeconds int64, ifRevision int64) (IssuedKey, error) {
	if overlapSeconds < 0 || overlapSeconds > int64(maxOverlap/time.Second) {
		var wrong faults
		wrong.invalid("/overlap", "give 0 to %d seconds", int64(maxOverlap/time.Second))
		return IssuedKey{}, wrong.err()
	}
	overlap := time.Duration(overlapSeconds) * time.Second
	var out IssuedKey
	err := s.change(ctx, caller, opRotateKey, org, func(tx *store.Tx, g *grant) error {
		k, err := s.rotatable(ctx, tx, g, key)
		if err != nil {
			return err
		}
		if err := expect(ifRevision, k.Revision); err != nil {
			return err
		}
		if out, err = s.rotate(ctx, tx, k, overlap); err != nil {
			return err
		}
		return tx.Record("key.rotated", g.org.ID, k.ID, map[string]any{"version": out.Version, "overlap": overlapSeconds})
	})
	return out, err
}

func (s *Service) rotatable(ctx context.Context, tx *store.Tx, g *grant, id string) (access.Key, error) {
	k, err := tx.Key(ctx, g.org.ID, id)
	if err != nil {
		return k, err
	}
	if _, err := s.ownerOf(ctx, tx, g, k); err != nil {
		return k, err
	}
	itself := g.caller.KeyID == k.ID && g.caller.TokenID == ""
	if !itself {
		if err := g.mayLearn(k); err != nil {
			return k, err
		}
	}
	if !k.Expires.IsZero() && !k.Expires.After(tx.Now()) {
		return k, access.New(access.Conflict, "key_expired", "this key has expired; make a new one")
	}
	return k, nil
}

func (s *Service) rotate(ctx context.Context, tx *store.Tx, k access.Key, overlap time.Duration) (IssuedKey, error) {
	var until time.Time
	if overlap > 0 {
		until = s.stamp().Add(overlap)
	}
	if k.Version > 1 && k.OverlapUntil.After(tx.Now()) {
		if err := s.revoke(tx, access.KeyLineage(k.ID, k.Version-1), "key_rotated", time.Time{}); err != nil {
			return IssuedKey{}, err
		}
	}
	if err := s.revoke(tx, access.KeyLineage(k.ID, k.Version), "key_rotated", until); err != nil {
		return IssuedKey{}, err
	}
	k.Version, k.OverlapUntil, k.Revision = k.Version+1, until, tx.Revision()
	secrets, err := s.newSecrets(k)
	if err != nil {
		return IssuedKey{}, err
	}
	if err := tx.RotateKey(k.ID, s.sealer.KeyHash(secrets.text), k.Version, until, secrets.sealed); err != nil {
		return IssuedKey{}, err
	}
	shown, err := namesIn(ctx, tx, k.OrganizationID).key(k)
	return IssuedKey{Key: shown, Text: secrets.text, Secret: secrets.secret}, err
}

// DeleteKey deletes a key; every token made with it ends at once. The key in use
// cannot delete itself, also not by a token made with it (409 key_in_use).
func (s *Service) DeleteKey(ctx context.Context, caller *access.Caller, org, key string, ifRevision int64) error {
	return s.change(ctx, caller, opDeleteKey, org, func(tx *store.Tx, g *grant) error {
		k, err := tx.Key(ctx, g.org.ID, key)
		if err != nil {
			return err
		}
		if err := s.mayDeleteKey(ctx, tx, g, k); err != nil {
			return err
		}
		if err := expect(ifRevision, k.Revision); err != nil {
			return err
		}
		if err := s.revoke(tx, k.ID, "key_deleted", time.Time{}); err != nil {
			return err
		}
		if err := tx.DeleteKey(g.org.ID, k.ID); err != nil {
			return err
		}
		return tx.Record("key.deleted", g.org.ID, k.ID, map[string]any{"user": k.UserID})
	})
}

func (s *Service) mayDeleteKey(ctx context.Context, tx *store.Tx, g *grant, k access.Key) error {
	if _, err := s.ownerOf(ctx, tx, g, k); err != nil {
		return err
	}
	if k.ID == g.caller.KeyID {
		return access.New(access.Conflict, "key_in_use", "the key in use cannot delete itself; use another one")
	}
	return nil
}
