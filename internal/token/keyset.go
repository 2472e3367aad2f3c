package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/maypok86/otter/v2"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
	"github.com/daypass/daypass/verify"
)

// JWKSMaxAge is the Cache-Control max-age of the published key set: how long a verifier may not know of a new key.
const JWKSMaxAge = 5 * time.Minute

// ErrNoSigner is returned where there is no key that signs.
var ErrNoSigner = errors.New("there is no signing key that may be used now")

// ErrTooLarge is returned for a token that would be longer than [verify.MaxTokenBytes].
var ErrTooLarge = access.New(access.Invalid, "token_too_large", "the token would be longer than 8 KiB: ask for fewer or shorter scopes, roles, audiences or addresses")

// Keyset mints and reads the tokens of one issuer. Its keys are exchanged as a whole with Replace, while it is in use.
type Keyset struct {
	issuer string
	now    func() time.Time
	state  atomic.Pointer[state]
	scopes cache[string, scope.Set] // by text, for tokens to share: theirs is most of the memory of one that is kept
}

// cache is what is used of an otter.Cache. As an interface, it spares every package that sees a Keyset to compile one anew.
type cache[K comparable, V any] interface {
	GetIfPresent(K) (V, bool)
	Set(K, V) (V, bool)
}

type state struct {
	signers []signer // newest first
	set     verify.KeySet
	jwks    []byte

	envelopes []envelope // newest first
	decrypts  verify.DecryptionKeys
}

// signer has the part of the token that is the same every time.
type signer struct {
	key  SigningKey
	head []byte // base64url of a token's header, and the dot
}

// headOf is the base64url of a header, and the dot.
func headOf(k *SigningKey, typ string) ([]byte, error) {
	head, err := json.Marshal(map[string]string{"alg": k.Algorithm, "kid": k.ID, "typ": typ})
	if err != nil {
		return nil, err
	}
	return []byte(base64.RawURLEncoding.EncodeToString(head) + "."), nil
}

// sharedScopes is how many different lists of scopes are kept to be shared.
const sharedScopes = 1024

// NewKeyset returns a Keyset without keys: it mints and accepts nothing until Replace.
func NewKeyset(issuer string, now func() time.Time) *Keyset {
	ks := &Keyset{issuer: issuer, now: now, scopes: otter.Must(&otter.Options[string, scope.Set]{MaximumSize: sharedScopes})}
	ks.state.Store(&state{})
	return ks
}

// Replace puts keys in the place of all that were there. Those not retired are published and accepted at once, so a key that is left out
// is refused from here on. Of those whose NotBefore has come, the newest signs. The same holds for the keys that encrypt, of which there may be
// none. On an error nothing changes.
func (ks *Keyset) Replace(keys []SigningKey, encryption ...EncryptionKey) error {
	next := &state{}
	var published jose.JSONWebKeySet
	now := ks.now()
	for _, k := range newestFirst(keys) {
		if k.retiredAt(now) {
			continue
		}
		head, err := headOf(&k, verify.TypAccess)
		if err != nil {
			return err
		}
		next.signers = append(next.signers, signer{key: k, head: head})
		published.Keys = append(published.Keys, k.publicJWK())
	}
	if len(next.signers) == 0 {
		return ErrNoSigner
	}
	var err error
	if next.jwks, err = json.Marshal(published); err != nil {
		return fmt.Errorf("publish the signing keys: %w", err)
	}
	// What others will read is what we read: a key that our own reader refuses must not be used.
	set, err := verify.ParseKeySet(next.jwks)
	if err != nil {
		return fmt.Errorf("publish the signing keys: %w", err)
	}
	next.set = set.LowS()
	if next.envelopes, next.decrypts, err = readyEnvelopes(encryption, now); err != nil {
		return fmt.Errorf("take the encryption keys: %w", err)
	}
	ks.state.Store(next)
	return nil
}

// JWKS returns the published keys as a JWK set (RFC 7517), to be sent with a max-age of [JWKSMaxAge]. The caller must not change it.
func (ks *Keyset) JWKS() []byte { return ks.state.Load().jwks }

// Mint signs a token, encrypts it if it says so, and returns its text and its claims as JSON. Moments and lives are cut down to whole seconds. The token must be of
// this issuer and be such that Token can read it; its SigningKey and EncryptionKey are set to those that were used. Errors are [ErrTooLarge], [ErrNoSigner],
// [ErrNoEncrypter], or a fault of the caller.
func (ks *Keyset) Mint(t *access.Token) (text string, payload []byte, err error) {
	var outer *envelope
	if t.Encrypted {
		if outer, err = ks.envelope(); err != nil {
			return "", nil, err
		}
		t.EncryptionKey = outer.key.ID // so that it is good for nothing without
	}
	if payload, err = payloadOf(ks.issuer, t); err != nil {
		return "", nil, err
	}
	text, t.SigningKey, err = ks.sign(payload)
	if err == nil && outer != nil {
		text, err = outer.seal(text)
	}
	return text, payload, err
}

// payloadOf is a token's claims as JSON.
func payloadOf(issuer string, t *access.Token) ([]byte, error) {
	if t.Issuer != issuer {
		return nil, errors.New("mint: the token is of another issuer")
	}
	claims, err := claimsOf(t)
	if err != nil {
		return nil, err
	}
	payload, err := jsonv2.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("mint: %w", err)
	}
	return payload, nil
}

// sign signs a token's claims, and says with which key.
func (ks *Keyset) sign(payload []byte) (text, keyID string, err error) {
	s, err := ks.signer()
	if err != nil {
		return "", "", err
	}
	text, err = compact(s.head, payload, verify.MaxTokenBytes, s.key.sign)
	return text, s.key.ID, err
}

// Sign signs a text of another kind than a token, such as [verify.TypFeed]. Such a text is never read as a token, nor a token as such.
func (ks *Keyset) Sign(typ string, payload []byte) (string, error) {
	if typ == verify.TypAccess || typ == "" {
		return "", errors.New("sign: tokens are minted, and everything else has a kind of its own")
	}
	s, err := ks.signer()
	if err != nil {
		return "", err
	}
	head, err := headOf(&s.key, typ)
	if err != nil {
		return "", err
	}
	text, err := compact(head, payload, verify.MaxFeedBytes, s.key.sign)
	if errors.Is(err, ErrTooLarge) {
		return "", fmt.Errorf("sign: a text of typ %s would be longer than %d bytes", typ, verify.MaxFeedBytes)
	}
	return text, err
}

// compact composes a JWS in compact serialization (RFC 7515, section 7.1) of at most limit bytes.
func compact(head, payload []byte, limit int, sign func(input []byte) ([]byte, error)) (string, error) {
	text := make([]byte, 0, len(head)+base64.RawURLEncoding.EncodedLen(len(payload))+1+base64.RawURLEncoding.EncodedLen(rsaBits/8))
	text = append(text, head...)
	text = base64.RawURLEncoding.AppendEncode(text, payload)
	if len(text) > limit {
		return "", ErrTooLarge // before the price of a signature is paid
	}
	signature, err := sign(text)
	if err != nil {
		return "", fmt.Errorf("mint: %w", err)
	}
	text = base64.RawURLEncoding.AppendEncode(append(text, '.'), signature)
	if len(text) > limit {
		return "", ErrTooLarge
	}
	return string(text), nil
}

func (ks *Keyset) signer() (*signer, error) {
	signers := ks.state.Load().signers
	if i := begun(ks.now(), len(signers), func(i int) (begins, ends time.Time) { return signers[i].key.NotBefore, signers[i].key.Retire }); i >= 0 {
		return &signers[i], nil
	}
	return nil, ErrNoSigner
}

// begun is the place of the key to use now, among n whose newest is first: the newest that has begun, and where none has, the oldest. For then
// the clock was set back, or another server's is ahead, by which the only key began: to wait for it would refuse all in the meantime. It is −1
// where all have ended.
func begun(now time.Time, n int, times func(int) (begins, ends time.Time)) int {
	at := -1
	for i := range n {
		begins, ends := times(i)
		if !ends.IsZero() && !now.Before(ends) {
			continue
		}
		if at = i; !now.Before(begins) {
			break
		}
	}
	return at
}

// Signer returns the key that signs now.
func (ks *Keyset) Signer() (SigningKey, error) {
	s, err := ks.signer()
	if err != nil {
		return SigningKey{}, err
	}
	return s.key, nil
}

// Token reads a token's text: encryption, form, signature, kind, issuer and claims. Time, address and revocation are not looked at. Errors are
// [*verify.Error].
func (ks *Keyset) Token(text string) (*access.Token, error) {
	keys := ks.state.Load()
	signed, envelope, err := keys.open(text)
	if err != nil {
		return nil, err
	}
	t, err := read(keys.set, ks.issuer, signed, envelope)
	if err != nil {
		return nil, err
	}
	t.Authority.Scopes = ks.shared(t.ScopeText, t.Authority.Scopes)
	return t, nil
}

func read(set verify.KeySet, issuer, text, envelope string) (*access.Token, error) {
	payload, kid, err := set.Verify(text, verify.TypAccess)
	if err != nil {
		return nil, err
	}
	claims, err := verify.ReadClaims(payload)
	if err != nil {
		return nil, err
	}
	if claims.Issuer != issuer {
		return nil, verify.ErrIssuer
	}
	if err := claims.CheckEnvelope(envelope); err != nil {
		return nil, err
	}
	return tokenOf(claims, kid)
}

// shared returns the set that another token with this text has, or else the given one for others to share.
func (ks *Keyset) shared(text string, set scope.Set) scope.Set {
	if known, ok := ks.scopes.GetIfPresent(text); ok {
		return known
	}
	ks.scopes.Set(text, set)
	return set
}
