package exchange

import (
	"context"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/strictjson"
	"github.com/daypass/daypass/verify"
)

// MaxAssertionLife is how far ahead an assertion may end.
const MaxAssertionLife = 5 * time.Minute

// Kinds of assertion, by the typ that tells them apart. Signers may name none, or
// the one that says nothing.
var (
	ClientAssertion = []string{"client-authentication+jwt", "JWT", ""}
	GrantAssertion  = []string{"authorization-grant+jwt", "JWT", ""}
)

// Assertion is a JWT that a client signed for itself, with the public key that is
// registered at its key (RFC 7523): as proof of who it is, or as its grant.
type Assertion struct {
	Text     string
	Types    []string // [ClientAssertion] or [GrantAssertion]
	Audience []string // names of this server; aud is one of them
	ClientID string   // what the client said it is beside the assertion; empty: nothing
}

// account is empty: nobody guesses a signature.
func (Assertion) account() string { return "" }

// assertionClaims are those that are looked at (RFC 7523, section 3).
type assertionClaims struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  verify.Audience `json:"aud"`
	Expires   int64           `json:"exp"`
	NotBefore int64           `json:"nbf"`
	IssuedAt  int64           `json:"iat"`
	ID        string          `json:"jti"`
}

const (
	maxJTI  = 256
	maxDate = 1 << 40 // seconds, far beyond what makes sense
)

// prove finds the key by what the assertion says of itself, and believes it only
// once that key's signature has held. Of a false one it tells nothing, least of all
// whether there is such a key.
func (a Assertion) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	claimed, algorithm, err := readAssertion(a.Text)
	if err != nil {
		return nil, err
	}
	h, err := s.signer(ctx, claimed.Issuer, now)
	if err != nil {
		return nil, err
	}
	// A false algorithm is refused at once, and a false signature is not: of both
	// kinds there must be one, so the decoy stands in for a key of another algorithm too.
	key := decoy(algorithm)
	own := h != nil && h.publicKey != nil && h.publicKey.Serves(algorithm)
	if own {
		key = *h.publicKey
	}
	// The payload that was read before is the one that is signed: it is the same text.
	if _, err := key.Verify(a.Text, a.Types, claimed.Issuer); err != nil || !own {
		return nil, refute("assertion_invalid", "this is not an assertion signed with the public key of a key here: iss must be the key's id, and alg and kid those of the key")
	}
	if reason := claimed.wrong(a, now); reason != "" {
		return nil, access.New(access.Unauthenticated, "assertion_refused", "the assertion is refused: "+reason)
	}
	if err := h.usable(client, now); err != nil {
		return nil, err
	}
	if err := s.useAssertion(ctx, claimed, now); err != nil {
		return nil, err
	}
	return &principal{holder: h, subject: h.userID, authority: h.authority}, nil
}

func readAssertion(text string) (*assertionClaims, string, error) {
	malformed := refute("assertion_malformed", "an assertion is a JWT in compact form of at most 8 KiB, with alg, kid and typ alone in its header and claims of the right types")
	payload, algorithm, err := verify.Unverified(text)
	if err != nil {
		return nil, "", malformed
	}
	var c assertionClaims
	if err := strictjson.Unmarshal(payload, &c, strictjson.Limits{Bytes: verify.MaxTokenBytes, Depth: 8, Members: 200}); err != nil {
		return nil, "", malformed
	}
	return &c, algorithm, nil
}

// wrong says what is wrong with the claims of an assertion whose signature holds.
func (c *assertionClaims) wrong(a Assertion, now time.Time) string {
	latest := now.Add(MaxAssertionLife + verify.Leeway).Unix()
	early := now.Add(verify.Leeway).Unix()
	switch {
	case c.Subject != c.Issuer:
		return "sub must be iss, the id of the key that signs"
	case a.ClientID != "" && a.ClientID != c.Issuer:
		return "client_id is another key than the one that signs"
	case len(c.Audience) == 0 || slices.ContainsFunc(c.Audience, func(aud string) bool { return !slices.Contains(a.Audience, aud) }):
		return "aud must be this server's issuer or token endpoint, and nothing else"
	case c.ID == "" || len(c.ID) > maxJTI:
		return fmt.Sprintf("jti must have 1 to %d bytes", maxJTI)
	case c.Expires <= 0 || c.IssuedAt < 0 || c.NotBefore < 0 || c.IssuedAt > maxDate || c.NotBefore > maxDate:
		return "exp is required, and dates are whole seconds since 1970"
	case now.Unix() >= c.Expires+int64(verify.Leeway/time.Second):
		return "it has expired"
	case c.Expires > latest:
		return fmt.Sprintf("it may last %d seconds at most", int64(MaxAssertionLife/time.Second))
	case c.IssuedAt > early || c.NotBefore > early:
		return "it is not valid yet; check the clocks"
	}
	return ""
}

// useAssertion spends the jti. Grants and proofs of a client share one ledger, so
// that none can be used as the other afterwards.
func (s *Service) useAssertion(ctx context.Context, c *assertionClaims, now time.Time) error {
	if s.Once == nil {
		return access.New(access.Unavailable, "replay_memory_missing", "this server cannot tell whether an assertion was used before")
	}
	end := time.Unix(c.Expires, 0)
	made := end.Add(-MaxAssertionLife)
	if c.IssuedAt > 0 {
		made = time.Unix(c.IssuedAt, 0)
	}
	first, err := s.Once.First(ctx, "assertion", c.Issuer+" "+c.ID, made, end.Add(verify.Leeway))
	if err == nil && !first {
		err = access.New(access.Unauthenticated, "assertion_used", "this assertion was used before; sign a new one with a jti of its own")
	}
	return err
}

// signer is the holder of a key by its id, nil for none.
func (s *Service) signer(ctx context.Context, keyID string, now time.Time) (*holder, error) {
	if !strings.HasPrefix(keyID, "key_") || len(keyID) > 64 {
		return nil, nil
	}
	revision, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	// That there is none is remembered too: else the time a lookup takes would tell.
	if seen, ok := s.absent.GetIfPresent(keyID); ok && seen == revision {
		return nil, nil
	}
	h, err := s.holderOf(ctx, access.Source{KeyID: keyID, KeyVersion: access.CurrentSecret}, now)
	if errors.Is(err, access.ErrNotFound) {
		s.absent.Set(keyID, revision)
		return nil, nil
	}
	return h, err
}

func publicKeyOf(k access.Key) *verify.PublicKey {
	if k.PublicKey == "" {
		return nil
	}
	key, err := verify.ParsePublicKey([]byte(k.PublicKey))
	if err != nil {
		return nil // was accepted by another version; it proves nobody
	}
	return &key
}

// decoy is a key to check a signature against where there is none, so that it takes
// as long. Whether it holds is never asked.
func decoy(algorithm string) verify.PublicKey { return decoys()[algorithm] }

var decoys = sync.OnceValue(func() map[string]verify.PublicKey {
	text := base64.RawURLEncoding.EncodeToString
	keys := make(map[string]verify.PublicKey)
	add := func(algorithm, members string) {
		if key, err := verify.ParsePublicKey([]byte(`{"alg":"` + algorithm + `",` + members + `}`)); err == nil {
			keys[algorithm] = key
		}
	}
	for algorithm, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		p := curve.Params()
		size := (p.BitSize + 7) / 8
		x, y := p.Gx.FillBytes(make([]byte, size)), p.Gy.FillBytes(make([]byte, size))
		add(algorithm, `"kty":"EC","crv":"`+p.Name+`","x":"`+text(x)+`","y":"`+text(y)+`"`)
	}
	// The base points of the curves are keys as good as any here.
	base := slices.Repeat([]byte{0x66}, 32)
	base[0] = 0x58
	add("EdDSA", `"kty":"OKP","crv":"Ed25519","x":"`+text(base)+`"`)
	keys["Ed25519"] = keys["EdDSA"]
	modulus := text(slices.Repeat([]byte{0xff}, 256))
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		add(algorithm, `"kty":"RSA","e":"AQAB","n":"`+modulus+`"`)
	}
	return keys
})
