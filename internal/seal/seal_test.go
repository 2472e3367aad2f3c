package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMasterKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	made, err := NewMasterKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewMasterKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second key over the first: %v", err)
	}
	read, err := LoadMasterKey("", path)
	if err != nil || read != made {
		t.Fatalf("what was written is not what is read: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o, want 0600", info.Mode().Perm())
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadMasterKey("", path); !errors.Is(err, ErrMasterKeyMode) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestLoadMasterKeyRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := NewMasterKey().text()
	cases := []struct {
		name, text, file string
		want             error
	}{
		{"nothing", "", "", ErrNoMasterKey},
		{"both", good, file("good", good), ErrTwoMasterKeys},
		{"short", good[:40], "", ErrMasterKeyForm},
		{"long", good[:43] + "AAAA=", "", ErrMasterKeyForm},
		{"not base64", strings.Repeat("!", 44), "", ErrMasterKeyForm},
		{"empty file", "", file("empty", ""), ErrMasterKeyForm},
		{"file of two keys", "", file("two", good+"\n"+good), ErrMasterKeyForm},
		{"absent file", "", filepath.Join(dir, "absent"), fs.ErrNotExist},
	}
	for _, c := range cases {
		_, err := LoadMasterKey(c.text, c.file)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), good[:8]) {
			t.Errorf("%s: the error holds part of the key", c.name)
		}
	}
	if _, err := LoadMasterKey("", dir); err == nil {
		t.Error("a folder was read as a key file")
	}
}

func TestMasterKeyDoesNotPrint(t *testing.T) {
	k := NewMasterKey()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "in", struct{ K MasterKey }{k})
	asJSON, _ := json.Marshal(map[string]any{"k": k})
	all := fmt.Sprintf("%v %+v %#v %s %x %d %v", k, k, k, k, k, k, struct{ K MasterKey }{k}) + log.String() + string(asJSON)
	for _, form := range []string{k.text(), fmt.Sprintf("%x", k.bytes), fmt.Sprint(k.bytes), fmt.Sprintf("%x", k.bytes[:4])} {
		if strings.Contains(all, form) {
			t.Errorf("the key shows")
		}
	}
}

func TestSealOpens(t *testing.T) {
	sealer := NewSealer(NewMasterKey())
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		identity := rapid.StringN(1, 80, -1).Draw(t, "identity")
		box, err := sealer.Seal(plain, identity)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := sealer.Open(box, identity)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("sealed and opened differ: %v", err)
		}
		flipped := bytes.Clone(box)
		flipped[rapid.IntRange(0, len(box)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := sealer.Open(flipped, identity); err != ErrUnseal {
			t.Fatalf("a flipped bit: %v", err)
		}
		if _, err := sealer.Open(box[:rapid.IntRange(0, len(box)-1).Draw(t, "length")], identity); err != ErrUnseal {
			t.Fatalf("a shortened box: %v", err)
		}
	})
}

func TestOpenIsBoundToRowAndMasterKey(t *testing.T) {
	master := NewMasterKey()
	sealer := NewSealer(master)
	box, err := sealer.Seal([]byte("dps_x"), "keys/key_1/secret/org_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSealer(master).Open(box, "keys/key_1/secret/org_1"); err != nil {
		t.Errorf("the same master key in a new process: %v", err)
	}
	for _, identity := range []string{"keys/key_2/secret/org_1", "keys/key_1/secret/org_2", "keys/key_1/secret/org_", ""} {
		if _, err := sealer.Open(box, identity); err != ErrUnseal {
			t.Errorf("opened as %q: %v", identity, err)
		}
	}
	if _, err := NewSealer(NewMasterKey()).Open(box, "keys/key_1/secret/org_1"); err != ErrUnseal {
		t.Errorf("another master key: %v", err)
	}
	if _, err := sealer.Seal(nil, ""); err == nil {
		t.Error("sealed without an identity")
	}
	again, _ := sealer.Seal([]byte("dps_x"), "keys/key_1/secret/org_1")
	if bytes.Equal(box, again) {
		t.Error("two boxes of one secret are equal: the nonce is not random")
	}
}

func TestLetters(t *testing.T) {
	s := NewSealer(NewMasterKey())
	letter := s.SealLetter([]byte("a pass"), "cookie/dashboard")
	if plain, err := s.OpenLetter(letter, "cookie/dashboard"); err != nil || string(plain) != "a pass" {
		t.Fatalf("%q %v", plain, err)
	}
	if s.SealLetter([]byte("a pass"), "cookie/dashboard") == letter {
		t.Error("two letters are alike")
	}
	box, err := s.Seal([]byte("a pass"), "cookie/dashboard")
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]string{
		"nothing": "", "a salt alone": letter[:32], "cut": letter[:len(letter)-1], "longer": letter + "A",
		"with a line feed": letter[:10] + "\n" + letter[10:], "padded": letter + "==", "a box of the store": base64.RawURLEncoding.EncodeToString(box),
		"of another master key": NewSealer(NewMasterKey()).SealLetter([]byte("a pass"), "cookie/dashboard"),
		"of another purpose":    s.SealLetter([]byte("a pass"), "cookie/login"),
	}
	for at := range letter {
		other := []byte(letter)
		other[at] ^= 3 // another letter, or none of base64
		wrong[fmt.Sprintf("changed at %d", at)] = string(other)
	}
	for name, text := range wrong {
		if plain, err := s.OpenLetter(text, "cookie/dashboard"); !errors.Is(err, ErrUnseal) {
			t.Errorf("%s: %q %v", name, plain, err)
		}
	}
	raw, _ := base64.RawURLEncoding.DecodeString(letter)
	if _, err := s.Open(raw, "cookie/dashboard"); !errors.Is(err, ErrUnseal) {
		t.Errorf("a letter is opened as a box of the store: %v", err)
	}
}

func TestFingerprintTellsMasterKeysApart(t *testing.T) {
	master := NewMasterKey()
	a, b := NewSealer(master).Fingerprint(), NewSealer(NewMasterKey()).Fingerprint()
	if a == b || a != NewSealer(master).Fingerprint() || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(a) {
		t.Errorf("fingerprints %q and %q", a, b)
	}
}

func TestKeyHash(t *testing.T) {
	master := NewMasterKey()
	s := NewSealer(master)
	text := NewKeyText(KindLive)
	if s.KeyHash(text) != NewSealer(master).KeyHash(text) {
		t.Error("the hash changes between processes")
	}
	if s.KeyHash(text) == s.KeyHash(NewKeyText(KindLive)) || s.KeyHash(text) == NewSealer(NewMasterKey()).KeyHash(text) {
		t.Error("the hash does not depend on the text and on the master key")
	}
}

func TestMAC(t *testing.T) {
	s := NewSealer(NewMasterKey())
	mac := s.MAC("events", []byte("cursor"))
	if !s.VerifyMAC("events", []byte("cursor"), mac) {
		t.Error("the right one is refused")
	}
	for name, ok := range map[string]bool{
		"other purpose":   s.VerifyMAC("keys", []byte("cursor"), mac),
		"moved boundary":  s.VerifyMAC("event", []byte("scursor"), mac),
		"other data":      s.VerifyMAC("events", []byte("cursos"), mac),
		"cut off":         s.VerifyMAC("events", []byte("cursor"), mac[:16]),
		"nothing":         s.VerifyMAC("events", []byte("cursor"), nil),
		"other key":       NewSealer(NewMasterKey()).VerifyMAC("events", []byte("cursor"), mac),
		"used as keyhash": func() bool { h := s.KeyHash("cursor"); return s.VerifyMAC("", []byte("cursor"), h[:]) }(),
	} {
		if ok {
			t.Errorf("accepted: %s", name)
		}
	}
}

func TestKeyText(t *testing.T) {
	pattern := regexp.MustCompile(KeyPattern)
	for _, kind := range []Kind{KindLive, KindTest, KindUserGroup} {
		text := NewKeyText(kind)
		if got, err := ParseKeyText(text); got != kind || err != nil {
			t.Fatalf("%s: %q, %v", kind, got, err)
		}
		if pattern.FindString("key = \""+text+"\"") != text {
			t.Errorf("%s: the published pattern does not find it", kind)
		}
		for i := range text {
			for _, c := range []byte("0Zz_-\n") {
				if text[i] == c {
					continue
				}
				if _, err := ParseKeyText(text[:i] + string(c) + text[i+1:]); err != ErrKeyText {
					t.Fatalf("character %d changed to %q: %v", i, c, err)
				}
			}
			if _, err := ParseKeyText(text[:i]); err != ErrKeyText {
				t.Fatalf("cut to %d characters: %v", i, err)
			}
		}
		for _, wrong := range []string{text + "0", " " + text, text + "\n", strings.ToUpper(text), NewSigningSecret()} {
			if _, err := ParseKeyText(wrong); err != ErrKeyText {
				t.Errorf("accepted a wrong form of it")
			}
		}
	}
	if a, b := NewSigningSecret(), NewSigningSecret(); a == b || !strings.HasPrefix(a, "dps_") || len(a) != 4+49 {
		t.Error("signing secrets have the wrong form")
	}
}

func TestKeyPatternIsPublished(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "tokens.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "\n"+KeyPattern+"\n") {
		t.Error("docs/tokens.md does not publish the pattern that the code has")
	}
}

// The checksum is part of the published format, so it may never change.
func TestKeyTextChecksumIsFixed(t *testing.T) {
	const body = "dp_live_0000000000000000000000000000000000000000000"
	if got := withChecksum(body); got != body+"462Ttl" {
		t.Errorf("got %s", got)
	}
}

func TestRandomBase62IsFair(t *testing.T) {
	var counts [128]int
	const texts = 4000
	for range texts {
		for _, c := range []byte(randomBase62()) {
			counts[c]++
		}
	}
	expected := float64(texts*secretLength) / 62
	for _, c := range []byte(base62) {
		if diff := float64(counts[c]) - expected; diff > expected/6 || diff < -expected/6 {
			t.Errorf("%q came %d times, expected about %.0f", c, counts[c], expected)
		}
	}
}

func TestIDs(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	id := NewID("org")
	if !regexp.MustCompile(`^org_[0-7][0-9a-hjkmnp-tv-z]{25}$`).MatchString(id) || !ValidID("org", id) {
		t.Fatalf("form: %s", id)
	}
	if at, ok := IDTime(id); !ok || at.Before(before) || at.After(time.Now()) {
		t.Errorf("made at %v", at)
	}
	for _, wrong := range []string{
		"", "org", "org_", id[:len(id)-1], id + "0", "usr" + id[3:], strings.ToUpper(id), "org-" + id[4:],
		"org_8" + id[5:], id[:10] + "u" + id[11:], id[:10] + "\n" + id[11:], "xorg" + id[3:],
	} {
		if ValidID("org", wrong) {
			t.Errorf("valid: %q", wrong)
		}
	}
	for _, wrong := range []string{"", "_", id[3:], id[:12], "org_" + strings.Repeat("!", 26)} {
		if _, ok := IDTime(wrong); ok {
			t.Errorf("has a time: %q", wrong)
		}
	}
}

func TestIDsIncrease(t *testing.T) {
	clock := time.UnixMilli(1_750_000_000_000)
	g := &idSource{now: func() time.Time { return clock }}
	last := g.next()
	step := func(what string) {
		t.Helper()
		if next := g.next(); next <= last {
			t.Fatalf("%s: %s after %s", what, next, last)
		} else {
			last = next
		}
	}
	for range 1000 {
		step("within a millisecond")
	}
	clock = clock.Add(-10 * time.Minute)
	step("clock set back")
	clock = clock.Add(20 * time.Minute)
	step("clock goes on")
	for i := 6; i < 16; i++ {
		g.last[i] = 0xff
	}
	last = encodeID(g.last)
	step("random part used up")
}

func TestIDsAreUniqueAcrossGoroutines(t *testing.T) {
	var wg sync.WaitGroup
	var seen sync.Map
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				if _, twice := seen.LoadOrStore(NewID("tok"), true); twice {
					t.Error("an id came twice")
				}
			}
		})
	}
	wg.Wait()
}

func TestIDCodingIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "raw"))
		back, ok := decodeID(encodeID(raw))
		if !ok || back != raw {
			t.Fatalf("%x became %x", raw, back)
		}
	})
}

func FuzzParseKeyText(f *testing.F) {
	f.Add(NewKeyText(KindLive))
	f.Add("dp_ug_")
	pattern := regexp.MustCompile(`^` + KeyPattern + `$`)
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := ParseKeyText(s); err == nil && !pattern.MatchString(s) {
			t.Fatalf("accepted what the published pattern does not match: %q", s)
		}
	})
}
