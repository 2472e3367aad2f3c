package exchange

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/sign"
)

// Signers finds those who may sign as a key: not_found where there is no such key,
// and nobody where it cannot sign.
type Signers interface {
	SignersOf(ctx context.Context, keyID string, now time.Time) ([]access.Signer, error)
}

// signer is what is kept of an [access.Signer].
type signer struct {
	holder *holder
	by     map[sign.Algorithm]*sign.Verifier
}

// signers are those of one key; none: the key cannot sign, or there is none.
type signers struct {
	list   []signer
	loaded int64 // revision this node had seen before they were read
}

// maxKeyID is the greatest length of a key's id, in bytes.
const maxKeyID = 64

// whoSigned finds the signer whose key the signature is good by. Whether the key is
// unknown or the signature wrong makes no difference, in the answer nor in what is
// computed for it.
func (s *Service) whoSigned(ctx context.Context, keyID string, algorithm sign.Algorithm, now time.Time, good func(*sign.Verifier) bool) (*holder, error) {
	list, err := s.signersOf(ctx, keyID, now)
	if err != nil {
		return nil, err
	}
	tried := false
	for _, signer := range list {
		verifier := signer.by[algorithm]
		if verifier == nil {
			continue
		}
		if tried = true; good(verifier) {
			return signer.holder, nil
		}
	}
	if !tried {
		good(signatureDecoys()[algorithm])
	}
	return nil, refute("signature_invalid", "this is not a signature of this message by a key known here")
}

// signatureDecoys are keys that nobody has, checked where there is no other, so that the
// time it takes tells nothing.
var signatureDecoys = sync.OnceValue(func() map[sign.Algorithm]*sign.Verifier {
	secret := make([]byte, 49)
	rand.Read(secret)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return verifiers(access.Signer{Secret: secret}, access.Signer{PublicKey: public}, access.Signer{PublicKey: &private.PublicKey})
})

func must(err error) {
	if err != nil {
		panic(err) // only without a source of randomness
	}
}

// verifiers leaves out what is no key that can be used.
func verifiers(of ...access.Signer) map[sign.Algorithm]*sign.Verifier {
	by := make(map[sign.Algorithm]*sign.Verifier, 1)
	for _, s := range of {
		if v, err := sign.NewHMACVerifier(s.Secret); err == nil {
			by[v.Algorithm()] = v
		}
		if v, err := sign.NewVerifier(s.PublicKey); err == nil {
			by[v.Algorithm()] = v
		}
	}
	return by
}

func (s *Service) signersOf(ctx context.Context, keyID string, now time.Time) ([]signer, error) {
	if s.Signers == nil || len(keyID) > maxKeyID || !strings.HasPrefix(keyID, "key_") {
		return nil, nil
	}
	loaded, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	if c, ok := s.byKey.GetIfPresent(keyID); ok && s.stillSign(c, loaded) {
		return c.list, nil
	}
	found, err := s.Signers.SignersOf(ctx, keyID, now)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return nil, err
	}
	kept := signers{loaded: loaded}
	for _, f := range found {
		kept.list = append(kept.list, signer{s.keep(f.Holder), verifiers(f)})
	}
	s.byKey.Set(keyID, kept)
	return kept.list, nil
}

// stillSign is [Service.current] for signers. That there are none may change by
// anything that happens.
func (s *Service) stillSign(c signers, revision int64) bool {
	if len(c.list) == 0 {
		return c.loaded == revision
	}
	return s.Scene.Changed(c.list[0].holder.organization.Value().ID) <= c.loaded
}

// signature is a proof by what a key signed: a request, or a time.
type signature interface {
	Proof
	// verified is who signed, of all who may.
	verified(ctx context.Context, s *Service, now time.Time) (*holder, error)
	// pass is the one sent beside it; empty: none.
	pass() string
}

// proveSigned is the principal of a signature. With a pass beside it, which must be
// the key's own, it is the pass's.
func (s *Service) proveSigned(ctx context.Context, by signature, client Client, now time.Time) (*principal, error) {
	key, err := keyAlone{by}.prove(ctx, s, client, now)
	if err != nil {
		return nil, err
	}
	if pass := by.pass(); pass != "" {
		p, err := s.provePass(ctx, pass, client, now)
		if err == nil && p.parent.KeyID != key.holder.source.KeyID {
			return nil, access.New(access.Unauthenticated, "pass_of_another_key", "the request is signed by one key, and the pass beside it comes from another")
		}
		return p, err
	}
	if key.holder.userGroup {
		return nil, access.New(access.Unauthenticated, "challenge_required", "a user-group key lets an application's own users in by a challenge; send the user's pass beside its signature")
	}
	return key, nil
}

// keyAlone asks whose key signed, whatever that key may then do.
type keyAlone struct{ signature }

func (k keyAlone) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	h, err := k.verified(ctx, s, now)
	if err != nil {
		return nil, err
	}
	if err := h.usableKey(client, now); err != nil {
		return nil, err
	}
	return &principal{holder: h, subject: h.userID, authority: h.authority}, nil
}

// usableKey refuses a key that has ended, or may not be used from there.
func (h *holder) usableKey(client Client, now time.Time) error {
	if err := h.live(now); err != nil {
		return err
	}
	if !h.authority.Everywhere && !h.authority.Networks.Contains(client.Address) {
		return wrongAddress(client)
	}
	return nil
}
