package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// recipient is a key that decrypts, as a set and by itself.
func recipient(t testing.TB, kid string) (*ecdsa.PrivateKey, DecryptionKeys) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private, KeyID: kid, Algorithm: "ECDH-ES", Use: "enc"}}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseDecryptionKeys(raw)
	if err != nil {
		t.Fatal(err)
	}
	return private, keys
}

type sealing struct {
	alg  jose.KeyAlgorithm
	enc  jose.ContentEncryption
	opts jose.EncrypterOptions
	key  any
	kid  string
}

func encrypt(t testing.TB, s sealing, text string) string {
	t.Helper()
	encrypter, err := jose.NewEncrypter(s.enc, jose.Recipient{Algorithm: s.alg, Key: s.key, KeyID: s.kid}, &s.opts)
	if err != nil {
		t.Fatal(err)
	}
	object, err := encrypter.Encrypt([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func ours(key *ecdsa.PrivateKey) sealing {
	return sealing{
		alg: jose.ECDH_ES, enc: jose.A256GCM, key: &key.PublicKey, kid: "k",
		opts: *(&jose.EncrypterOptions{}).WithType(TypEncrypted).WithContentType("JWT"),
	}
}

func TestDecrypt(t *testing.T) {
	private, keys := recipient(t, "k")
	text := encrypt(t, ours(private), "a.b.c")
	if got, kid, err := keys.Decrypt(text); err != nil || got != "a.b.c" || kid != "k" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, _, err := (DecryptionKeys{}).Decrypt(text); err != ErrDecryption {
		t.Errorf("without keys: %v", err)
	}
	for i := range text { // every byte is authenticated
		other := byte('A')
		if text[i] == 'A' {
			other = 'B'
		}
		if _, _, err := keys.Decrypt(text[:i] + string(other) + text[i+1:]); err != ErrDecryption {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	secret, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", keys, keys, keys); strings.Contains(shown, fmt.Sprint(secret)) || len(shown) > 80 {
		t.Errorf("the keys print as %q", shown)
	}
}

// TestDecryptRefusesAlike: whatever is wrong, the error is the very same value, and nothing panics.
func TestDecryptRefusesAlike(t *testing.T) {
	private, keys := recipient(t, "k")
	other, _ := recipient(t, "k")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := encrypt(t, ours(private), "a.b.c")
	parts := strings.Split(good, ".")
	var head object
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0])
	if err := json.Unmarshal(raw, &head); err != nil {
		t.Fatal(err)
	}
	rewrite := func(edit func(h, epk object)) string {
		h, epk := maps.Clone(head), maps.Clone(head["epk"].(map[string]any))
		h["epk"] = epk
		edit(h, epk)
		raw, _ := json.Marshal(h)
		return strings.Join(append([]string{b64(raw)}, parts[1:]...), ".")
	}
	with := func(edit func(*sealing)) string {
		s := ours(private)
		s.opts.ExtraHeaders = maps.Clone(s.opts.ExtraHeaders)
		edit(&s)
		return encrypt(t, s, "a.b.c")
	}
	replace := func(i int, part string) string {
		p := slices.Clone(parts)
		p[i] = part
		return strings.Join(p, ".")
	}
	for name, text := range map[string]string{
		"RSA1_5":           with(func(s *sealing) { s.alg, s.key = jose.RSA1_5, &rsaKey.PublicKey }),
		"RSA-OAEP":         with(func(s *sealing) { s.alg, s.key = jose.RSA_OAEP, &rsaKey.PublicKey }),
		"PBES2":            with(func(s *sealing) { s.alg, s.key = jose.PBES2_HS256_A128KW, []byte("password") }),
		"A256KW":           with(func(s *sealing) { s.alg, s.key = jose.A256KW, make([]byte, 32) }),
		"A128GCMKW":        with(func(s *sealing) { s.alg, s.key = jose.A128GCMKW, make([]byte, 16) }),
		"dir":              with(func(s *sealing) { s.alg, s.key = jose.DIRECT, make([]byte, 32) }),
		"ECDH-ES+A128KW":   with(func(s *sealing) { s.alg = jose.ECDH_ES_A128KW }),
		"A128GCM":          with(func(s *sealing) { s.enc = jose.A128GCM }),
		"A256CBC-HS512":    with(func(s *sealing) { s.enc = jose.A256CBC_HS512 }),
		"zip":              with(func(s *sealing) { s.opts.Compression = jose.DEFLATE }),
		"another's key":    with(func(s *sealing) { s.key = &other.PublicKey }),
		"unknown kid":      with(func(s *sealing) { s.kid = "other" }),
		"no kid":           with(func(s *sealing) { s.kid = "" }),
		"typ of signed":    with(func(s *sealing) { s.opts.WithType(TypAccess) }),
		"cty of another":   with(func(s *sealing) { s.opts.WithContentType("json") }),
		"crit":             with(func(s *sealing) { s.opts.WithHeader("crit", []string{"exp"}) }),
		"jku":              with(func(s *sealing) { s.opts.WithHeader("jku", "https://evil.example") }),
		"apu":              with(func(s *sealing) { s.opts.WithHeader("apu", "QQ") }),
		"p2c":              with(func(s *sealing) { s.opts.WithHeader("p2c", 1<<30) }),
		"epk P-384":        rewrite(func(_, epk object) { epk["crv"] = "P-384" }),
		"epk off curve":    rewrite(func(_, epk object) { epk["y"] = epk["x"] }),
		"epk at infinity":  rewrite(func(_, epk object) { epk["x"], epk["y"] = b64(make([]byte, 32)), b64(make([]byte, 32)) }),
		"epk private":      rewrite(func(_, epk object) { epk["d"] = epk["x"] }),
		"epk kid":          rewrite(func(_, epk object) { epk["kid"] = "k" }),
		"epk missing":      rewrite(func(h, _ object) { delete(h, "epk") }),
		"epk null":         rewrite(func(h, _ object) { h["epk"] = nil }),
		"epk a string":     rewrite(func(h, _ object) { h["epk"] = "x" }),
		"epk RSA":          rewrite(func(_, epk object) { epk["kty"] = "RSA" }),
		"epk OKP":          rewrite(func(_, epk object) { epk["kty"], epk["crv"] = "OKP", "X25519" }),
		"alg none":         rewrite(func(h, _ object) { h["alg"] = "none" }),
		"alg lower":        rewrite(func(h, _ object) { h["alg"] = "ecdh-es" }),
		"encrypted key":    replace(1, "QQ"),
		"short nonce":      replace(2, b64([]byte("11 bytes .."))),
		"short tag":        replace(4, parts[4][:16]),
		"no tag":           replace(4, ""),
		"line end":         good + "\n",
		"padding":          replace(2, parts[2]+"="),
		"oversize":         replace(3, strings.Repeat("A", MaxTokenBytes)),
		"four parts":       strings.Join(parts[:4], "."),
		"six parts":        good + ".",
		"many dots":        strings.Repeat(".", MaxTokenBytes-1),
		"only dots":        "....",
		"JSON":             `{"protected":"` + parts[0] + `","iv":"` + parts[2] + `","ciphertext":"` + parts[3] + `","tag":"` + parts[4] + `"}`,
		"JSON with dots":   `{"a":"....","recipients":[{},{}]}`,
		"duplicate member": b64([]byte(`{"alg":"ECDH-ES","alg":"dir",`+string(raw[1:]))) + good[len(parts[0]):],
	} {
		if got, kid, err := keys.Decrypt(text); err != ErrDecryption || got != "" || kid != "" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestParseDecryptionKeys(t *testing.T) {
	private, _ := recipient(t, "k")
	raw, _ := json.Marshal(jose.JSONWebKey{Key: private, KeyID: "k", Algorithm: "ECDH-ES", Use: "enc"})
	edit := func(change func(object)) string {
		var k object
		_ = json.Unmarshal(raw, &k)
		change(k)
		out, _ := json.Marshal(object{"keys": []object{k}})
		return string(out)
	}
	for name, text := range map[string]string{
		"public":        edit(func(k object) { delete(k, "d") }),
		"for signing":   edit(func(k object) { k["use"] = "sig" }),
		"another alg":   edit(func(k object) { k["alg"] = "ES256" }),
		"wrapping":      edit(func(k object) { k["alg"] = "ECDH-ES+A256KW" }),
		"no kid":        edit(func(k object) { delete(k, "kid") }),
		"another curve": edit(func(k object) { k["crv"] = "P-384" }),
		"other halves":  edit(func(k object) { k["d"] = b64([]byte(strings.Repeat("x", 32))) }),
		"zero":          edit(func(k object) { k["d"] = b64(make([]byte, 32)) }),
		"off curve":     edit(func(k object) { k["x"] = k["y"] }),
		"empty":         `{"keys":[]}`,
		"twice":         `{"keys":[` + string(raw) + `,` + string(raw) + `]}`,
		"not JSON":      `keys`,
	} {
		_, err := ParseDecryptionKeys([]byte(text))
		if !errors.Is(err, ErrKeySet) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWycheproofEncryption: of all vectors one is of our algorithms. The rest, valid for others or not, is refused alike.
func TestWycheproofEncryption(t *testing.T) {
	var vectors wycheproof
	readVectors(t, "wycheproof/json_web_encryption_test.json", &vectors)
	seen, accepted := 0, 0
	for _, group := range vectors.TestGroups {
		for _, c := range group.Tests {
			seen++
			compact := text(c.JWE)
			sealed, err := readEnvelope(compact)
			supported := c.Result == "valid" && c.Comment == "acceptsEcdhEsA256Gcm"
			if err != nil {
				if err != ErrDecryption || supported {
					t.Errorf("#%d %s: %v", c.TcID, c.Comment, err)
				}
				continue
			}
			keys, err := ParseDecryptionKeys(asSet(withKeyID(t, group.Private, "k")))
			if err != nil {
				t.Errorf("#%d %s: %v", c.TcID, c.Comment, err)
				continue
			}
			plain, err := sealed.open(keys.keys["k"])
			if (err == nil) != supported || sealed.Type != "" {
				t.Errorf("#%d %s: got %q, %v", c.TcID, c.Comment, plain, err)
				continue
			}
			accepted++
		}
	}
	if seen != vectors.NumberOfTests || accepted != 1 {
		t.Errorf("ran %d of %d vectors and accepted %d", seen, vectors.NumberOfTests, accepted)
	}
}

func withKeyID(t *testing.T, key json.RawMessage, kid string) json.RawMessage {
	t.Helper()
	var k object
	if err := json.Unmarshal(key, &k); err != nil {
		t.Fatal(err)
	}
	k["kid"] = kid
	raw, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestRFC7520Encryption: no example of the cookbook uses the one algorithm that is taken here, so each is refused, in every form.
func TestRFC7520Encryption(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "vectors", "rfc7520", "jwe")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Skipf("the vectors are not here: %s", dir)
	}
	_, keys := recipient(t, "k")
	for _, file := range files {
		var c struct {
			Output struct {
				Compact  string
				JSON     json.RawMessage `json:"json"`
				JSONFlat json.RawMessage `json:"json_flat"`
			}
		}
		readVectors(t, "rfc7520/jwe/"+file.Name(), &c)
		for _, form := range []string{c.Output.Compact, string(c.Output.JSON), string(c.Output.JSONFlat)} {
			if _, err := readEnvelope(form); err != ErrDecryption {
				t.Errorf("%s: the header gave %v", file.Name(), err)
			}
			if _, _, err := keys.Decrypt(form); err != ErrDecryption {
				t.Errorf("%s: %v", file.Name(), err)
			}
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	private, keys := recipient(f, "k")
	good := encrypt(f, ours(private), "a.b.c")
	f.Add(good)
	f.Add("....")
	f.Add(strings.Replace(good, "..", ".QQ.", 1))
	f.Fuzz(func(t *testing.T, text string) {
		signed, _, err := keys.Decrypt(text)
		if err != nil && err != ErrDecryption {
			t.Errorf("got %v", err)
		}
		if err == nil && (text != good || signed != "a.b.c") {
			t.Errorf("%q was decrypted", text)
		}
	})
}
