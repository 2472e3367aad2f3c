package seal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestMain is also the process that hashes for [TestHashProcess].
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "hashes" {
		if err := ServeHashes(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestHashProcess(t *testing.T) {
	sealer := NewSealer(NewMasterKey())
	hash, err := NewHasher(sealer).Hash(t.Context(), "nine umbrellas")
	if err != nil {
		t.Fatal(err)
	}
	h := NewHasher(sealer, os.Args[0], "hashes")
	defer h.Close()
	right := func() {
		t.Helper()
		if right, stale, err := h.Verify(t.Context(), "nine umbrellas", hash); !right || stale || err != nil {
			t.Error("another process makes other hashes", right, stale, err)
		}
		if right, _, err := h.Verify(t.Context(), "ten umbrellas", hash); right || err != nil {
			t.Error("the wrong password", right, err)
		}
	}
	right()
	if len(h.idle) != 1 {
		t.Fatal("no process was started")
	}
	p := <-h.idle
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	h.idle <- p
	right() // while it is dead, and with the next one
	if p := <-h.idle; p.cmd.ProcessState != nil {
		t.Error("the dead process was kept")
	} else if _, err := p.ask(derivation{Key: []byte("k"), Salt: []byte("saltsalt"), Cost: cost{Memory: 1 << 30, Passes: 1, Threads: 1}, Size: 32}); err == nil {
		t.Error("a cost without bounds")
	} else {
		p.end()
	}
	h = NewHasher(sealer, filepath.Join(t.TempDir(), "absent"))
	defer h.Close()
	right()
}

func TestPasswordHash(t *testing.T) {
	ctx := t.Context()
	h := NewHasher(NewSealer(NewMasterKey()))
	hash, err := h.Hash(ctx, "Käse schließt den Magen")
	if err != nil || strings.Contains(hash, "Magen") || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s %v", hash, err)
	}
	for password, want := range map[string]bool{
		"Käse schließt den Magen":       true,
		"Ka\u0308se schließt den Magen": true, // the same in another normal form
		"Kase schließt den Magen":       false,
		"käse schließt den magen":       false,
		"Käse schließt den Magen ":      false,
		"":                              false,
	} {
		right, stale, err := h.Verify(ctx, password, hash)
		if right != want || stale || err != nil {
			t.Errorf("%q: %v %v %v", password, right, stale, err)
		}
	}
	if right, _, err := h.Verify(ctx, "", ""); right || err != nil {
		t.Error("nobody's password is right", err)
	}
	other := NewHasher(NewSealer(NewMasterKey()))
	if right, _, _ := other.Verify(ctx, "Käse schließt den Magen", hash); right {
		t.Error("a hash is checked without its master key")
	}
	other = NewHasher(&Sealer{password: h.pepper})
	other.cost.Memory += 1 << 10
	if right, stale, err := other.Verify(ctx, "Käse schließt den Magen", hash); !right || !stale || err != nil {
		t.Error("a hash of a lower cost", right, stale, err)
	}
	for _, broken := range []string{"x", strings.Replace(hash, "m=19456", "m=99999999", 1), strings.Replace(hash, "argon2id", "argon2i", 1), hash + "$", strings.Replace(hash, "t=2", "t=0", 1)} {
		if right, _, err := h.Verify(ctx, "Käse schließt den Magen", broken); right || err == nil {
			t.Errorf("%s is read", broken)
		}
	}
}

func TestHasherIsBounded(t *testing.T) {
	h := NewHasher(NewSealer(NewMasterKey()))
	for range cap(h.slots) {
		h.slots <- struct{}{}
		h.waiting.Add(1)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(gone, "x"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	h.waiting.Add(int64(cap(h.slots) * maxWaiting))
	if _, _, err := h.Verify(t.Context(), "x", ""); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}

func TestCanonicalLogin(t *testing.T) {
	for in, want := range map[string]string{
		"Ada@Acme.Example": "ada@acme.example", "ada@acme.example": "ada@acme.example", "ＡＤＡ@acme.example": "ada@acme.example",
		"straße@acme.example": "straße@acme.example", "İ@acme.example": "i@acme.example",
		"": "", "ada": "", "a@b@c": "", "@b": "", "a@": "", "a b@c": "", "a\n@c": "", "a@b＠c": "", "a\u200b@c": "", "<a@b>": "", "a@b,c@d": "",
		strings.Repeat("a", 250) + "@b.example": "", "\xff@b": "", "a@.b": "", "a@b.": "",
	} {
		got, err := CanonicalLogin(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q %v, want %q", in, got, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		once, err := CanonicalLogin(rapid.String().Draw(t, "text") + "@" + rapid.String().Draw(t, "domain"))
		if err != nil {
			return
		}
		if twice, err := CanonicalLogin(once); twice != once || err != nil {
			t.Fatalf("%q becomes %q", once, twice)
		}
	})
}

func TestCheckPassword(t *testing.T) {
	words := []string{"acme", "Ada Lovelace", "ada.lovelace@acme.example"}
	for _, bad := range []string{
		"", "short", "fourteen chars", "passwordpassword", "Password1234567890", "P@ssw0rdP@ssw0rd!", "aaaaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabc",
		"123456789012345", "qwertyuiopasdfghjkl", "acmeacmeacme2026!", "AdaLovelace12345", "correct horse battery staple", "correcthorsebatterystaple1",
		"Welcome2Acme!!!!", "xyxyxyxyxyxyxyxy", "ada.lovelace@acme", "1qaz2wsx3edc4rfv", "!!!!!!!!!!!!!!!!", "zyxwvutsrqponmlkj", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		strings.Repeat("ab1 ", 200),
	} {
		if CheckPassword(bad, words...) == nil {
			t.Errorf("%q is let pass", bad)
		}
	}
	for _, good := range []string{
		"the fisherman sold nine wet umbrellas", "kruemelmonster tanzt", "Sieben Schwaben!", "長い秘密の合言葉はこれでよろしいですか", "🎈🎉🎁🍰🕯🎂🥳🪅🎊✨🎀🧁🍭🍬🎆🪩",
		"gX7vQ2mL9pR4tZ8", strings.Repeat("the fisherman sold nine wet umbrellas ", 8), "password to the fisherman's castle",
	} {
		if err := CheckPassword(good, words...); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		_ = CheckPassword(rapid.String().Draw(t, "password"), rapid.String().Draw(t, "word"))
	})
}

func TestOpaqueTexts(t *testing.T) {
	refresh, link := NewRefreshToken(), NewLinkSecret()
	if !IsRefreshToken(refresh) || !IsLinkSecret(link) || IsRefreshToken(link) || IsLinkSecret(refresh) {
		t.Error("texts are taken for each other", refresh, link)
	}
	for n := range len(refresh) {
		if IsRefreshToken(refresh[:n]) {
			t.Error("a shortened text is whole")
		}
	}
}
