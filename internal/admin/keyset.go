package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// Keyring makes and opens keys of the key set.
type Keyring interface {
	// Make makes a key that is used from begins on, sealed for its row. The algorithm
	// of a key that encrypts is fixed. Code invalid_field for one that cannot sign.
	Make(use, algorithm string, created, begins time.Time) (store.SigningKey, error)
	// Decryption opens the keys as the JWK set that decrypts.
	Decryption(keys []store.SigningKey) (jwks []byte, err error)
}

// KeyState is where a key of the key set is in its life.
type KeyState string

// The states. Of each use there is one current key, and at most one that comes next.
const (
	KeyNext     KeyState = "next"     // known to all and not used yet
	KeyCurrent  KeyState = "current"  // signs, or encrypts
	KeyPrevious KeyState = "previous" // verifies, or decrypts, what was made before
)

// KeysetKey is a key of the key set, without either half of it.
type KeysetKey struct {
	ID        string
	Use       string // [store.UseSignature] or [store.UseEncryption]
	Algorithm string
	State     KeyState
	Created   time.Time
	Begins    time.Time
	Ends      time.Time // of its verifying; zero: not decided
}

// KeysetRotation is what the new key is to be.
type KeysetRotation struct {
	Use       string // empty: signature
	Algorithm string // of a signature; empty: that of the current key
	Lead      *int64 // seconds that it is known before it is used; nil: the least there is
}

const (
	maxKeysOfUse = 64                  // of which each verifier reads the half that signs
	maxKeyLead   = 30 * 24 * time.Hour // of a rotation
	keySlack     = 5 * time.Minute     // for the leeway of readers and the clocks of other servers
)

// keysOf is those of one use that have not ended, in their order, with what each
// is now.
type keysOf struct {
	use     string
	live    []store.SigningKey
	next    *store.SigningKey // nil: none
	current *store.SigningKey
}

func sortKeys(use string, rows []store.SigningKey, now time.Time) keysOf {
	keys := keysOf{use: use}
	for _, k := range rows {
		if k.Retired.IsZero() || now.Before(k.Retired) {
			keys.live = append(keys.live, k)
		}
	}
	for i := range keys.live { // which begin with the first to be used
		// By a clock that was set back no key may have begun. The first is used then.
		if k := &keys.live[i]; i > 0 && now.Before(k.NotBefore) {
			keys.next = k
		} else {
			keys.current = k
		}
	}
	return keys
}

func (k *keysOf) state(id string) KeyState {
	switch {
	case k.next != nil && k.next.ID == id:
		return KeyNext
	case k.current != nil && k.current.ID == id:
		return KeyCurrent
	}
	return KeyPrevious
}

// keysetReader is the store, or the transaction of a change.
type keysetReader interface {
	SigningKeys(ctx context.Context) ([]store.SigningKey, error)
	EncryptionKeys(ctx context.Context) ([]store.SigningKey, error)
}

func readKeys(ctx context.Context, r keysetReader, use string, now time.Time) (keysOf, error) {
	read := r.SigningKeys
	if use == store.UseEncryption {
		read = r.EncryptionKeys
	}
	rows, err := read(ctx)
	return sortKeys(use, rows, now), err
}

func viewKey(keys *keysOf, k *store.SigningKey) KeysetKey {
	return KeysetKey{
		ID: k.ID, Use: k.Use, Algorithm: k.Algorithm, State: keys.state(k.ID), Created: k.Created, Begins: k.NotBefore, Ends: k.Retired,
	}
}

// Keyset lists the keys that sign and those that encrypt, each the first to be
// used first.
func (s *Service) Keyset(ctx context.Context, caller *access.Caller) ([]KeysetKey, error) {
	if _, err := s.authorize(ctx, s.store, caller, opListKeyset, caller.Organization.ID); err != nil {
		return nil, err
	}
	var list []KeysetKey
	for _, use := range []string{store.UseSignature, store.UseEncryption} {
		keys, err := readKeys(ctx, s.store, use, s.stamp())
		if err != nil {
			return nil, err
		}
		for i := range keys.live {
			list = append(list, viewKey(&keys, &keys.live[i]))
		}
	}
	return list, nil
}

var (
	errRotationPending = access.New(access.Conflict, "rotation_pending", "the next key is known already and not used yet: wait until it begins, or retire it first")
	errTooManyKeys     = access.New(access.Conflict, "too_many_keys", fmt.Sprintf("there are %d keys that passes may still depend on: wait until one has ended", maxKeysOfUse))
	errKeyInUse        = access.New(access.Conflict, "signing_key_in_use", "this key is the one in use: rotate it, and it retires by itself; or, if it leaked, retire it now")
	errNoKeyring       = access.New(access.Unavailable, "keyset_unavailable", "this server cannot administer its keys")
)

// RotateKeyset makes the next key, which all servers publish at once and use when
// they have had time to become known. The current one then retires after the last
// pass it may have made has ended. Codes: invalid_field (422), rotation_pending,
// too_many_keys (409).
func (s *Service) RotateKeyset(ctx context.Context, caller *access.Caller, in KeysetRotation) (KeysetKey, error) {
	lead, err := s.readRotation(&in)
	if err != nil {
		return KeysetKey{}, err
	}
	var made KeysetKey
	err = s.change(ctx, caller, opRotateKeyset, caller.Organization.ID, func(tx *store.Tx, _ *grant) error {
		keys, err := readKeys(ctx, tx, in.Use, s.stamp())
		if err != nil {
			return err
		}
		made, err = s.succession(ctx, tx, keys, in.Algorithm, lead)
		return err
	})
	return made, err
}

func (s *Service) readRotation(in *KeysetRotation) (lead time.Duration, err error) {
	if s.keyring == nil {
		return 0, errNoKeyring
	}
	var wrong faults
	if in.Use == "" {
		in.Use = store.UseSignature
	}
	if in.Use != store.UseSignature && in.Use != store.UseEncryption {
		wrong.invalid("/use", "a key is for sig or enc")
	}
	if in.Use == store.UseEncryption && in.Algorithm != "" {
		wrong.invalid("/algorithm", "only keys that sign have a choice of algorithms")
	}
	lead = s.keyLead
	if in.Lead != nil {
		least := int64(s.keyLead / time.Second)
		if *in.Lead < least || *in.Lead > int64(maxKeyLead/time.Second) {
			wrong.invalid("/lead", "a new key is known %d seconds before it is used at least, so that nobody who checks passes meets it unprepared, and %d at most", least, int64(maxKeyLead/time.Second))
		} else {
			lead = time.Duration(*in.Lead) * time.Second
		}
	}
	return lead, wrong.err()
}

// succession puts the next key beside the current one. It is the same for those who ask and for the clock.
func (s *Service) succession(ctx context.Context, tx *store.Tx, keys keysOf, algorithm string, lead time.Duration) (KeysetKey, error) {
	switch {
	case keys.next != nil:
		return KeysetKey{}, errRotationPending
	case len(keys.live) >= maxKeysOfUse:
		return KeysetKey{}, errTooManyKeys
	case algorithm == "" && keys.current != nil:
		algorithm = keys.current.Algorithm
	}
	begins := s.stamp().Add(lead)
	made, err := s.keyring.Make(keys.use, algorithm, s.stamp(), begins)
	if err != nil {
		return KeysetKey{}, err
	}
	ends, err := s.lastUse(ctx, tx, begins)
	if err != nil {
		return KeysetKey{}, err
	}
	detail := map[string]any{"use": keys.use, "algorithm": made.Algorithm, "begins": begins.Format(time.RFC3339)}
	if keys.current != nil {
		if err := tx.RetireSigningKey(keys.current.ID, ends); err != nil {
			return KeysetKey{}, err
		}
		detail["previous"], detail["previous_ends"] = keys.current.ID, ends.Format(time.RFC3339)
	}
	if err := tx.InsertSigningKey(made); err != nil {
		return KeysetKey{}, err
	}
	return KeysetKey{ID: made.ID, Use: keys.use, Algorithm: made.Algorithm, State: KeyNext, Created: made.Created, Begins: begins},
		tx.Record("keyset.rotated", "", made.ID, detail)
}

// lastUse is when no pass can live any more that was made before a key's
// successor began. Passes that are recorded may live longer than new ones may.
func (s *Service) lastUse(ctx context.Context, tx *store.Tx, begins time.Time) (time.Time, error) {
	ends := begins.Add(s.maxTokenLife)
	recorded, err := tx.LatestTokenExpiry(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if recorded.After(ends) {
		ends = recorded
	}
	return ends.Add(keySlack), nil
}

// RotateWhenDue rotates the key that signs if it, and all others, were made
// longer ago than every. Any number of servers may ask at once: the age is looked
// at in the change, and changes come one after another.
func (s *Service) RotateWhenDue(ctx context.Context, every time.Duration) (rotated bool, err error) {
	due := func(keys keysOf) bool {
		return keys.current != nil && keys.next == nil && len(keys.live) < maxKeysOfUse && s.stamp().Sub(keys.current.Created) >= every
	}
	keys, err := readKeys(ctx, s.store, store.UseSignature, s.stamp())
	if err != nil || !due(keys) {
		return false, err
	}
	err = s.commit(ctx, access.Actor{}, "", func(tx *store.Tx) error {
		keys, err := readKeys(ctx, tx, store.UseSignature, s.stamp())
		if err != nil {
			return err
		}
		if !due(keys) {
			return errSame
		}
		_, err = s.succession(ctx, tx, keys, "", s.keyLead)
		return err
	})
	return err == nil, sameIsFine(err)
}

// RetireKey ends a key. One that has a successor ends by itself, and is left to;
// one that was not used yet is dropped. With now, for a key that leaked, whatever
// it made is refused when this returns, and on other servers when they hear of it;
// if it was in use the next one begins, or a new one. Codes: key_in_use (409), 404.
func (s *Service) RetireKey(ctx context.Context, caller *access.Caller, id string, now bool) error {
	if s.keyring == nil {
		return errNoKeyring
	}
	use := store.UseSignature
	if strings.HasPrefix(id, "enk_") {
		use = store.UseEncryption
	}
	return sameIsFine(s.change(ctx, caller, opRetireKeyset, caller.Organization.ID, func(tx *store.Tx, _ *grant) error {
		keys, err := readKeys(ctx, tx, use, s.stamp())
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(keys.live, func(k store.SigningKey) bool { return k.ID == id }) {
			return access.ErrNotFound
		}
		state := keys.state(id)
		if !now && state == KeyCurrent {
			return errKeyInUse
		}
		if !now && state == KeyPrevious {
			return errSame
		}
		return s.retire(tx, keys, id, state, now)
	}))
}

// retiredReasons say, by a key's use, why what it made is revoked.
var retiredReasons = map[string]string{store.UseSignature: "signing_key_retired", store.UseEncryption: "encryption_key_retired"}

func (s *Service) retire(tx *store.Tx, keys keysOf, id string, state KeyState, now bool) error {
	detail := map[string]any{"use": keys.use, "state": string(state), "now": now}
	if state == KeyNext && keys.current != nil { // which has no successor then
		if err := tx.RetireSigningKey(keys.current.ID, time.Time{}); err != nil {
			return err
		}
	}
	if state == KeyCurrent {
		successor, err := s.succeed(tx, keys)
		if err != nil {
			return err
		}
		detail["successor"] = successor
	}
	var revoked error
	if now { // verifiers that follow the feed have the key a while longer
		revoked = s.revoke(tx, id, retiredReasons[keys.use], time.Time{})
	}
	return errors.Join(revoked, tx.DeleteSigningKey(id), tx.Record("keyset.retired", "", id, detail))
}

// succeed puts a key in the place of the current one at once: the one that is
// known already, or a new one.
func (s *Service) succeed(tx *store.Tx, keys keysOf) (id string, err error) {
	if keys.next != nil {
		return keys.next.ID, tx.BeginSigningKey(keys.next.ID, s.stamp())
	}
	made, err := s.keyring.Make(keys.use, keys.current.Algorithm, s.stamp(), s.stamp())
	if err != nil {
		return "", err
	}
	return made.ID, tx.InsertSigningKey(made)
}

// ExportDecryption returns, as a JWK set, the private keys that decrypt passes.
// That it was done is recorded first.
func (s *Service) ExportDecryption(ctx context.Context, caller *access.Caller) (jwks []byte, err error) {
	if s.keyring == nil {
		return nil, errNoKeyring
	}
	err = s.change(ctx, caller, opExportDecryption, caller.Organization.ID, func(tx *store.Tx, _ *grant) error {
		keys, err := readKeys(ctx, tx, store.UseEncryption, s.stamp())
		if err != nil {
			return err
		}
		ids := make([]string, len(keys.live))
		for i := range keys.live {
			ids[i] = keys.live[i].ID
		}
		if jwks, err = s.keyring.Decryption(keys.live); err != nil {
			return err
		}
		return tx.Record("keyset.exported", "", strings.Join(ids, " "), map[string]any{"keys": ids})
	})
	if err != nil {
		return nil, err
	}
	return jwks, nil
}
