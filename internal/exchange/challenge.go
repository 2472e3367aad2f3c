package exchange

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/verify"
)

// Limits of logins by a challenge.
const (
	ChallengeLife = 60 * time.Second

	// BrokerScope is what a key or pass must hold to let an owner's backend run
	// logins under the owner's user-group keys.
	BrokerScope = "daypass:challenges:write"
)

// Identities are the users of applications who are known by a public key.
// Lookups return [access.ErrNotFound] for what does not exist.
type Identities interface {
	// GroupHolder finds who holds a user-group key, by the key's id.
	GroupHolder(ctx context.Context, keyID string) (*access.Holder, error)
	IdentityByPublicKey(ctx context.Context, keyID, publicKey string) (access.Identity, error)
	// Enroll makes an identity, or returns the one there is.
	Enroll(ctx context.Context, organizationID, keyID, publicKey, requestID string, first access.LastUse) (access.Identity, error)
}

// ChallengeAsk is what a login begins with.
type ChallengeAsk struct {
	PublicKey string // in any form that [ParsePublicKey] reads
	Key       string // a user-group key: its id or its text
}

// Challenge is what has to be signed to log in: [ChallengeText] of it.
type Challenge struct {
	ID        string
	Value     string // 256 random bits, base64url
	ExpiresIn int64  // seconds
}

// ChallengeText is the message to be signed. It names what it is for and whose
// server asks, so that a signature made for one is worthless elsewhere.
func ChallengeText(issuer, id, value string) []byte {
	return []byte("daypass challenge v1\n" + issuer + "\n" + id + "\n" + value)
}

// challenge is what the id of one holds, so that no server has to remember it:
// the id comes back with the answer, and any server that shares the master key
// knows it by its MAC.
type challenge struct {
	keyID     string
	version   int64 // of the key's secret
	publicKey PublicKey
	expires   time.Time // whole milliseconds
	value     string
	brokered  bool
}

const (
	challengePrefix  = "chl_"
	challengePurpose = "challenge"
	maxChallengeID   = 512 // bytes
)

var brokeredText = map[bool]string{true: "1", false: "0"}

func (c *challenge) text() string {
	return challengePrefix + strings.Join([]string{
		c.keyID, strconv.FormatInt(c.version, 10), strings.TrimPrefix(c.publicKey.String(), didKey), strconv.FormatInt(c.expires.UnixMilli(), 10), brokeredText[c.brokered], c.value,
	}, ".")
}

// bindingOf is whom a challenge is for: who else sends an answer is refused.
func bindingOf(connection string, client Client) string {
	if connection != "" {
		return "connection " + connection
	}
	return "address " + client.Address.Unmap().String()
}

// mac covers the text and the binding, which is not in it, without ambiguity.
func (s *Service) challengeMAC(text, binding string) []byte {
	data := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(binding)+len(text)), uint32(len(binding)))
	return s.MAC(challengePurpose, append(append(data, binding...), text...))
}

var errChallenge = refute("challenge_unknown", "this challenge was not made here for you: it was altered, or another address or connection asked for it; ask for a new one")

// readChallenge reads an id. It refuses one that this installation did not make
// for this binding, whatever else it says.
func (s *Service) readChallenge(id, binding string) (*challenge, error) {
	end := strings.LastIndexByte(id, '.')
	if len(id) > maxChallengeID || end < 0 || s.MAC == nil || s.Identities == nil {
		return nil, errChallenge
	}
	text := id[:end]
	if !hmac.Equal([]byte(id[end+1:]), []byte(base64.RawURLEncoding.EncodeToString(s.challengeMAC(text, binding)))) {
		return nil, errChallenge
	}
	parts := strings.Split(strings.TrimPrefix(text, challengePrefix), ".")
	if len(parts) != 6 {
		return nil, errChallenge
	}
	c := &challenge{keyID: parts[0], brokered: parts[4] == brokeredText[true], value: parts[5]}
	version, err := strconv.ParseInt(parts[1], 10, 64)
	key, keyErr := ParsePublicKey(didKey + parts[2])
	expires, timeErr := strconv.ParseInt(parts[3], 10, 64)
	c.version, c.publicKey, c.expires = version, key, time.UnixMilli(expires)
	if errors.Join(err, keyErr, timeErr) != nil || c.text() != text {
		return nil, errChallenge
	}
	return c, nil
}

// Admission is leave to begin logins under a user-group key.
type Admission struct {
	group *holder

	// Brokered says that who holds the key's secret, or is its owner, has proved
	// to run the logins: it is not held to the bounds on strangers.
	Brokered bool
}

// Challenge begins a login. Nothing is kept of it, so asking costs no memory. The
// answer must come from the same address.
//
// Codes: public_key_invalid, public_key_weak, public_key_private (400), and those
// of [Service.Admit].
func (s *Service) Challenge(ctx context.Context, ask ChallengeAsk, proof Proof, client Client) (*Challenge, error) {
	if _, err := ParsePublicKey(ask.PublicKey); err != nil {
		return nil, err
	}
	admission, err := s.Admit(ctx, ask.Key, proof, client)
	if err != nil {
		return nil, err
	}
	return s.Begin(admission, ask.PublicKey, "", client)
}

// Admit says whether logins may begin under a user-group key, which is named by its
// id or its text.
//
// A user-group key that must sign lets nobody in by its id: its backend has to
// ask, with the proof of the key itself, or of the key's owner with a credential
// that holds [BrokerScope]. For other keys such a proof is welcome too.
//
// Codes: key_unknown, user_group_required, broker_required (401), and those of a key
// that has ended.
func (s *Service) Admit(ctx context.Context, key string, proof Proof, client Client) (*Admission, error) {
	now := s.Now()
	if _, err := s.Scene.Revision(now); err != nil {
		return nil, err
	}
	group, err := s.group(ctx, key, client, now)
	switch {
	case err != nil:
		return nil, err
	case proof != nil:
		return s.broker(ctx, proof, group, client, now)
	case group.signs:
		return nil, errBroker
	}
	return &Admission{group: group}, nil
}

// Begin makes the challenge of a login. Connection names the one connection on which
// the answer must come; if it is empty, the answer must come from the same address.
func (s *Service) Begin(admission *Admission, publicKey, connection string, client Client) (*Challenge, error) {
	key, err := ParsePublicKey(publicKey)
	if err != nil {
		return nil, err
	}
	now, source := s.Now(), admission.group.source
	c := &challenge{keyID: source.KeyID, version: source.KeyVersion, publicKey: key, expires: now.Add(ChallengeLife).Truncate(time.Millisecond), brokered: admission.Brokered}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	c.value = base64.RawURLEncoding.EncodeToString(random[:])
	text := c.text()
	mac := base64.RawURLEncoding.EncodeToString(s.challengeMAC(text, bindingOf(connection, client)))
	return &Challenge{ID: text + "." + mac, Value: c.value, ExpiresIn: int64(c.expires.Sub(now) / time.Second)}, nil
}

var (
	errNoGroup = refute("key_unknown", "there is no user-group key of this id or text")
	errBroker  = access.New(access.Unauthenticated, "broker_required",
		"logins under this key are run by its backend: sign the request with the key's secret, or send a key or pass of its owner that holds "+BrokerScope)
)

// group finds a user-group key that lives and may be used from here. Its text is
// a secret, so a wrong one counts as a guess.
func (s *Service) group(ctx context.Context, key string, client Client, now time.Time) (h *holder, err error) {
	err = s.guarded("", client, now, func() error {
		h, err = s.findGroup(ctx, key, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, h.usableKey(client, now)
}

func (s *Service) findGroup(ctx context.Context, key string, now time.Time) (*holder, error) {
	var h *holder
	var err error
	switch _, malformed := seal.ParseKeyText(key); {
	case s.Identities == nil || s.MAC == nil:
		return nil, errNoGroup
	case malformed == nil:
		h, err = s.holderByHash(ctx, s.KeyHash(key), now)
	case seal.ValidID("key", key):
		h, err = s.holderOfGroup(ctx, key, now)
	default:
		return nil, errNoGroup
	}
	if errors.Is(err, access.ErrNotFound) {
		return nil, errNoGroup
	}
	if err == nil && !h.userGroup {
		return nil, access.New(access.Unauthenticated, "user_group_required", "users log in under a user-group key (dp_ug_…), not under one that acts as its owner")
	}
	return h, err
}

// holderOfGroup keeps what it finds under the version 0, which no secret has.
func (s *Service) holderOfGroup(ctx context.Context, keyID string, now time.Time) (*holder, error) {
	return s.cachedHolder(access.Source{KeyID: keyID}, now, func() (*access.Holder, error) { return s.Identities.GroupHolder(ctx, keyID) })
}

// broker holds that a proof is of the group itself, or of its owner. By the secret
// from before a rotation, logins are of that secret, and end with it.
func (s *Service) broker(ctx context.Context, proof Proof, group *holder, client Client, now time.Time) (*Admission, error) {
	t, timed := proof.(TextileSignature) // whoever was handed it may send it
	// Where a user-group key proves nobody, it still shows who runs its logins. A pass
	// beside the signature says that it is somebody else's request.
	if by, ok := proof.(signature); ok && by.pass() == "" {
		proof = keyAlone{by}
	}
	p, err := s.prove(ctx, proof, client, now)
	if errors.Is(err, errExpired) {
		err = expiredAtTheDoor
	}
	if err == nil && timed && t.UserToken == "" && t.handed() {
		err = errHanded
	}
	if err != nil {
		return nil, err
	}
	h := p.holder
	if h.userGroup {
		if p.parent == nil && h.source.KeyID == group.source.KeyID {
			return &Admission{group: h, Brokered: !timed}, nil
		}
		return nil, errBroker
	}
	owner := h.userID != "" && h.userID == group.userID && p.subject == h.userID && h.organization == group.organization
	if !owner || !p.authority.Scopes.Match(BrokerScope) {
		return nil, errBroker
	}
	return &Admission{group: group, Brokered: !timed}, nil
}

// Answer is a challenge with the signature that answers it.
type Answer struct {
	Challenge  string
	Signature  []byte
	Connection string // as in [Service.Begin]
}

// A signature cannot be guessed, and whoever tries must not lock its owner out.
func (Answer) account() string { return "" }

var (
	errChallengeExpired = access.New(access.Unauthenticated, "challenge_expired", fmt.Sprintf("a challenge has to be answered within %d seconds; ask for a new one", int64(ChallengeLife/time.Second)))
	errChallengeUsed    = refute("challenge_used", "this challenge was answered before, and each logs in once; ask for a new one")
)

// prove takes what is cheap first; a challenge is used up only by the signature
// that it asked for, so that no stranger can fill the memory of used ones.
func (a Answer) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	c, err := s.readChallenge(a.Challenge, bindingOf(a.Connection, client))
	if err != nil {
		return nil, err
	}
	if !now.Before(c.expires) || c.expires.Sub(now) > ChallengeLife+verify.Leeway { // the clock of who made it may be ahead
		return nil, errChallengeExpired
	}
	group, err := s.holderOf(ctx, access.Source{KeyID: c.keyID, KeyVersion: c.version}, now)
	if errors.Is(err, access.ErrNotFound) {
		return nil, errNoGroup
	}
	if err == nil {
		err = group.usableKey(client, now)
	}
	if err != nil {
		return nil, err
	}
	if !c.publicKey.Verify(ChallengeText(s.Issuer, a.Challenge, c.value), a.Signature) {
		return nil, refute("challenge_signature_invalid", fmt.Sprintf(
			"the signature does not fit: with the key that asked, sign four lines without a line break at the end: 'daypass challenge v1', %q, the id, the challenge; ECDSA as 64 bytes, not DER", s.Issuer))
	}
	if err := s.useOnce(ctx, c); err != nil {
		return nil, err
	}
	return s.logIn(ctx, c, group, client, now)
}

func (s *Service) useOnce(ctx context.Context, c *challenge) error {
	if s.Once == nil {
		return errChallengeUsed
	}
	first, err := s.Once.First(ctx, challengePurpose, c.value, c.expires.Add(-ChallengeLife), c.expires)
	if err == nil && !first {
		err = errChallengeUsed
	}
	return err
}
