package token

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/verify"
)

func encrypted(t *testing.T, ks *Keyset) string {
	t.Helper()
	p := pass(t)
	p.Encrypted = true
	text, _, err := ks.Mint(p)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEncryptionKeysTakeTurns: a new key decrypts from its publication and encrypts from its moment on; the old one decrypts until it retires.
func TestEncryptionKeysTakeTurns(t *testing.T) {
	c := &clock{noon}
	ks := NewKeyset(issuer, c.now)
	signing, old, next := newKey(t, "ES256", noon), newEncryptionKey(t, noon), newEncryptionKey(t, noon)
	next.NotBefore, old.Retire = noon.Add(time.Hour), noon.Add(2*time.Hour)
	put := func() {
		t.Helper()
		if err := ks.Replace([]SigningKey{signing}, old, next); err != nil {
			t.Fatal(err)
		}
	}
	keyOf := func(text string) string { return kid(t, text) }
	put()
	first := encrypted(t, ks)
	c.Time = noon.Add(time.Hour)
	second := encrypted(t, ks)
	if keyOf(first) != old.ID || keyOf(second) != next.ID {
		t.Errorf("encrypted with %s and %s", keyOf(first), keyOf(second))
	}
	for _, text := range []string{first, second} {
		if got, err := ks.Token(text); err != nil || !got.Encrypted {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	c.Time = noon.Add(2 * time.Hour)
	put()
	if _, err := ks.Token(first); err != error(verify.ErrDecryption) {
		t.Errorf("the retired key still decrypts: %v", err)
	}
	if _, err := ks.Token(second); err != nil {
		t.Error(err)
	}
}

func TestWithoutEncryptionKey(t *testing.T) {
	ks := NewKeyset(issuer, (&clock{noon}).now)
	if err := ks.Replace([]SigningKey{newKey(t, "ES256", noon)}); err != nil {
		t.Fatal(err)
	}
	p := pass(t)
	p.Encrypted = true
	if _, _, err := ks.Mint(p); !errors.Is(err, ErrNoEncrypter) {
		t.Errorf("got %v", err)
	}
}

// TestEncryptedLimit: the limit is on the whole, so what fits signed may not fit encrypted.
func TestEncryptedLimit(t *testing.T) {
	ks := keyset(t, "ES256")
	p := pass(t)
	for text := ""; len(text) < verify.MaxTokenBytes*3/4; {
		p.Authority.Scopes = scopes(t, "a:"+strings.Repeat("b", 200), "c:"+strings.Repeat("d", len(text)%50+1))
		p.Subject += strings.Repeat("s", 100)
		var err error
		if text, _, err = ks.Mint(p); err != nil {
			t.Fatal(err)
		}
	}
	p.Encrypted = true
	if _, _, err := ks.Mint(p); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// TestEncryptedIsNothingElse: what is inside must be a signed token, not another encrypted one, nor a text of another kind.
func TestEncryptedIsNothingElse(t *testing.T) {
	ks := keyset(t, "ES256")
	page, err := ks.Sign(verify.TypFeed, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, inside := range map[string]string{"another": encrypted(t, ks), "the feed": page, "nothing": "", "text": "a.b.c"} {
		text := sealed(t, ks, inside)
		if got, err := ks.Token(text); err == nil {
			t.Errorf("%s was read as %+v", name, got)
		}
	}
}

func sealed(t *testing.T, ks *Keyset, inside string) string {
	t.Helper()
	e, err := ks.envelope()
	if err != nil {
		t.Fatal(err)
	}
	text, err := e.seal(inside)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEnvelopeIsPartOfTheToken: who got hold of a key that decrypts cannot strip the encryption off, renew it, or put it on.
func TestEnvelopeIsPartOfTheToken(t *testing.T) {
	c := &clock{noon}
	ks := NewKeyset(issuer, c.now)
	old, next := newEncryptionKey(t, noon), newEncryptionKey(t, noon.Add(time.Hour))
	if err := ks.Replace([]SigningKey{newKey(t, "ES256", noon)}, old, next); err != nil {
		t.Fatal(err)
	}
	whole := encrypted(t, ks)
	inside, err := ks.Open(whole)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ks.Token(whole)
	if err != nil || !got.Encrypted || got.EncryptionKey != old.ID || !slices.Contains(got.Lineage, old.ID) {
		t.Errorf("got %+v, %v", got, err)
	}
	signed := mint(t, ks)
	put := sealed(t, ks, signed)
	c.Time = noon.Add(time.Hour)
	for name, text := range map[string]string{"stripped": inside, "in another envelope": sealed(t, ks, inside), "signed, in an envelope": put} {
		if got, err := ks.Token(text); err != error(verify.ErrDecryption) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := ks.Token(signed); err != nil || got.Encrypted || got.EncryptionKey != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEncryptionKeyDoesNotPrint(t *testing.T) {
	k := newEncryptionKey(t, noon)
	for _, shown := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), k.LogValue().String()} {
		if shown != "encryption key "+k.ID {
			t.Errorf("printed as %s", shown)
		}
	}
}

// badTexts are refused, each at another point; the longest that there can be.
func badTexts(t testing.TB, ks *Keyset) map[string]string {
	p := pass(t)
	p.Subject = strings.Repeat("s", verify.MaxTokenBytes/3)
	signed, _, err := ks.Mint(p)
	if err != nil {
		t.Fatal(err)
	}
	bad := signed[:len(signed)-4] + "AAAA"
	e, err := ks.envelope()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := e.seal(signed)
	if err != nil {
		t.Fatal(err)
	}
	decryptable, err := e.seal(bad)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(whole, ".")
	return map[string]string{
		"signed":        bad,
		"no key":        strings.Repeat("A", len(head)) + "." + rest,
		"undecryptable": whole[:len(whole)-4] + "AAAA",
		"decryptable":   decryptable,
		"only dots":     strings.Repeat(".", verify.MaxTokenBytes),
		"too long":      whole + strings.Repeat("A", 1<<20),
	}
}

// TestBadTextsCostBoundedMemory: whatever is sent, and wherever it fails, reading it takes a small multiple of the longest token there can be, and
// nothing of it stays.
func TestBadTextsCostBoundedMemory(t *testing.T) {
	ks := keyset(t, "ES256")
	for name, text := range badTexts(t, ks) {
		const runs = 50
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := ks.Token(text); err == nil {
				t.Fatalf("%s was read", name)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / runs; each > 6*verify.MaxTokenBytes {
			t.Errorf("%s: %d bytes are allocated", name, each)
		}
	}
}

func BenchmarkRefuse(b *testing.B) {
	ks := keyset(b, "ES256")
	for name, text := range badTexts(b, ks) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ks.Token(text); err == nil {
					b.Fatal("read")
				}
			}
		})
	}
}

func BenchmarkReadEncrypted(b *testing.B) {
	ks := keyset(b, "ES256")
	p := pass(b)
	p.Encrypted = true
	text, _, err := ks.Mint(p)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ks.Token(text); err != nil {
			b.Fatal(err)
		}
	}
}
