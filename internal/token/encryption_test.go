package token

import (
	"errors"
	"fmt"
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
		text, err := ks.encrypt(inside)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ks.Token(text); err == nil {
			t.Errorf("%s was read as %+v", name, got)
		}
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
