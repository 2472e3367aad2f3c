package exchange_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/sign"
)

var signingSecret = []byte("dps_a secret of thirty bytes or more")

// asking counts how often somebody is looked up.
type asking struct {
	w       *world
	public  ed25519.PublicKey
	lookups int
}

func (a *asking) SignersOf(ctx context.Context, keyID string, _ time.Time) ([]access.Signer, error) {
	a.lookups++
	h, err := a.w.store.HolderOf(ctx, access.Source{KeyID: keyID, KeyVersion: 1})
	if err != nil {
		return nil, err
	}
	if a.public != nil {
		return []access.Signer{{Holder: h, PublicKey: a.public}}, nil
	}
	return []access.Signer{{Holder: h, Secret: signingSecret}}, nil
}

// signs makes the world's desk take signatures.
func (w *world) signs(public ed25519.PublicKey) *asking {
	a := &asking{w: w, public: public}
	w.desk.Signers, w.desk.Once = a, meter.NewLoneOnce(context.Background(), nil, w.now)
	return a
}

func (w *world) signed(s *sign.Signer) exchange.MessageSignature {
	w.t.Helper()
	r, err := http.NewRequest("GET", "https://pass.example/v1/me", nil)
	if err == nil {
		err = s.Sign(r, w.clock)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return exchange.MessageSignature{Message: sign.MessageOf(r)}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return access.AsError(err).Code
}

func TestSignaturesProve(t *testing.T) {
	w := newWorld(t)
	_, key := w.key(func(k *access.Key) { k.RequireSignature = true })
	_, group := w.key(func(k *access.Key) { k.RequireSignature, k.Kind = true, access.KeyUserGroup })
	asked := w.signs(nil)
	prove := func(p exchange.Proof) string {
		_, err := w.desk.Authenticate(context.Background(), p, home)
		return code(err)
	}
	by := func(id string, secret []byte) *sign.Signer {
		s, err := sign.NewHMACSigner(id, secret)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := w.signed(by(key.ID, signingSecret))
	wide := good
	wide.HasBody = true
	withPass := good
	withPass.Pass = "a.b.c"
	wrong := []byte("dps_another secret of thirty bytes")
	for _, c := range []struct {
		what, want string
		proof      exchange.Proof
	}{
		{"a body that is not covered", "signature_incomplete", wide},
		{"a pass that is not covered", "signature_incomplete", withPass},
		{"good", "", good},
		{"again", "signature_replayed", good},
		{"a wrong secret", "signature_invalid", w.signed(by(key.ID, wrong))},
		{"an unknown key", "signature_invalid", w.signed(by("key_unknown", signingSecret))},
		{"no key's name", "signature_invalid", w.signed(by("usr_1", signingSecret))},
		{"a user-group key", "challenge_required", w.signed(by(group.ID, signingSecret))},
		{"a time", "", timed(key.ID, signingSecret, w.clock.Add(time.Minute))},
		{"the same time again", "", timed(key.ID, signingSecret, w.clock.Add(time.Minute))},
		{"the longest time", "", timed(key.ID, signingSecret, w.clock.Add(30*time.Minute))},
		{"a past time", "signature_expired", timed(key.ID, signingSecret, w.clock)},
		{"a time too far", "signature_expired", timed(key.ID, signingSecret, w.clock.Add(31*time.Minute))},
		{"a time by a wrong secret", "signature_invalid", timed(key.ID, wrong, w.clock.Add(time.Minute))},
		{"a time of an unknown key", "signature_invalid", timed("key_unknown", signingSecret, w.clock.Add(time.Minute))},
		{"a time in no base32", "signature_malformed", exchange.TextileSignature{KeyID: key.ID, Signature: "bA", Message: w.clock.Add(time.Minute).Format(time.RFC3339)}},
		{"no time", "signature_malformed", exchange.TextileSignature{KeyID: key.ID, Signature: "baa", Message: "tomorrow"}},
	} {
		if got := prove(c.proof); got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
	before := asked.lookups
	for range 3 {
		prove(w.signed(by("key_unknown", signingSecret)))
		prove(w.signed(by(key.ID, wrong)))
	}
	if asked.lookups != before {
		t.Errorf("%d more lookups: an unknown key and a wrong secret can be told apart by time", asked.lookups-before)
	}
	w.clock = w.clock.Add(2 * time.Minute)
	if got := prove(good); got != "signature_expired" {
		t.Errorf("after its time: %q", got)
	}
	if _, err := w.desk.Signed(context.Background(), w.signed(by(group.ID, signingSecret)), home); err != nil {
		t.Errorf("a user-group key signs for the passes of its users: %v", err)
	}
}

func timed(keyID string, secret []byte, until time.Time) exchange.Proof {
	s := sign.SignTime(keyID, secret, until)
	return exchange.TextileSignature{KeyID: s.KeyID, Signature: s.Signature, Message: s.Message}
}

// TestPublicKeysSign: a key that has only a public key is proved by that, and not by its text as a secret.
func TestPublicKeysSign(t *testing.T) {
	w := newWorld(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, key := w.key(nil)
	w.signs(public)
	signer, err := sign.NewSigner(key.ID, private)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Authenticate(context.Background(), w.signed(signer), home); err != nil {
		t.Error(err)
	}
	asSecret, err := sign.NewHMACSigner(key.ID, public)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Authenticate(context.Background(), w.signed(asSecret), home); code(err) != "signature_invalid" {
		t.Errorf("an HMAC with the public key: %v", err)
	}
}

func TestWithoutMemoryNothingSignedIsTaken(t *testing.T) {
	w := newWorld(t)
	_, key := w.key(nil)
	w.signs(nil)
	w.desk.Once = nil
	signer, err := sign.NewHMACSigner(key.ID, signingSecret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Authenticate(context.Background(), w.signed(signer), home); !errors.Is(err, access.New(access.Unauthenticated, "signature_replayed", "")) {
		t.Error(err)
	}
}

// still is a scene in which nothing changes, known from memory as in a server.
type still struct{ *world }

func (still) Revision(time.Time) (int64, error) { return 1, nil }
func (still) Changed(string) int64              { return 1 }

// BenchmarkSigned is what the gateway adds to the decision on a signed request.
func BenchmarkSigned(b *testing.B) {
	w := newWorld(b)
	_, key := w.key(nil)
	w.signs(nil)
	signer, err := sign.NewHMACSigner(key.ID, signingSecret)
	if err != nil {
		b.Fatal(err)
	}
	proofs := make([]exchange.MessageSignature, b.N)
	for i := range proofs {
		proofs[i] = w.signed(signer)
	}
	w.desk.Scene = still{w}
	b.ReportAllocs()
	b.ResetTimer()
	for _, p := range proofs {
		if _, err := w.desk.Signed(context.Background(), p, home); err != nil {
			b.Fatal(err)
		}
	}
}
