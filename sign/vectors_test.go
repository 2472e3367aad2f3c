package sign_test

import (
	"bufio"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/daypass/daypass/sign"
)

// vectors are the examples of RFC 9421, appendix B, with mutations to refuse.
type vectors struct {
	Keys map[string]struct {
		Public string
		Base64 string
	}
	Cases []struct {
		ID, Kind, KeyID, Alg, Message, SignatureBase string
	}
	Mutations []struct{ From, What, Message string }
	// Of these the signature is good, but covers too little.
	DigestOnly []struct{ From, What, Message string }
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/rfc9421.json")
	var v vectors
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// message reads the text of a vector.
func message(t testing.TB, text string) (sign.Message, []byte) {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	wire := bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body))
	if strings.HasPrefix(text, "HTTP/") {
		res, err := http.ReadResponse(wire, nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Header.Set("Content-Length", sentLength(head))
		return sign.Message{Status: res.StatusCode, Header: res.Header}, []byte(body)
	}
	r, err := http.ReadRequest(wire)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Length", sentLength(head))
	sent, _ := io.ReadAll(r.Body)
	return sign.NewMessage(r.Method, "https", r.Host, r.RequestURI, r.Header), sent
}

// sentLength is the Content-Length that net/http takes out of the header.
func sentLength(head string) string {
	_, length, _ := strings.Cut(head, "Content-Length: ")
	length, _, _ = strings.Cut(length, "\n")
	return length
}

// verify is how a strict receiver would: nil for a signature that is good.
func (v vectors) verify(t testing.TB, keyID string, m sign.Message) error {
	s, err := sign.Parse(m.Header)
	if err != nil {
		return err
	}
	base, err := s.Base(&m)
	if err != nil {
		return err
	}
	if s.KeyID != keyID {
		return sign.ErrInvalid
	}
	key := v.Keys[keyID]
	if secret, err := base64.StdEncoding.DecodeString(key.Base64); key.Base64 != "" {
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := sign.NewHMACVerifier(secret)
		if err != nil {
			t.Fatal(err)
		}
		return s.VerifyBase(base, verifier)
	}
	block, _ := pem.Decode([]byte(strings.ReplaceAll(key.Public, " ", "\n")))
	if block == nil {
		block, _ = pem.Decode([]byte(key.Public))
	}
	if block == nil {
		t.Fatalf("key %s cannot be read", keyID)
	}
	if strings.HasPrefix(keyID, "test-key-rsa") { // an algorithm not taken here: the base alone is ours
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			public, err = x509.ParsePKCS1PublicKey(block.Bytes)
		}
		if err != nil {
			t.Fatal(err)
		}
		hash := sha512.Sum512(base)
		return rsa.VerifyPSS(public.(*rsa.PublicKey), crypto.SHA512, hash[:], s.Value, nil)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := sign.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s.VerifyBase(base, verifier)
}

func TestRFC9421(t *testing.T) {
	v := readVectors(t)
	keyOf := map[string]string{}
	for _, c := range v.Cases {
		keyOf[c.ID] = c.KeyID
		m, body := message(t, c.Message)
		s, err := sign.Parse(m.Header)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		if base, err := s.Base(&m); err != nil || string(base) != c.SignatureBase {
			t.Errorf("%s: base, %v:\n%s\nwant\n%s", c.ID, err, base, c.SignatureBase)
		}
		if c.Kind == "request" {
			if err := v.verify(t, c.KeyID, m); err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
			if err := sign.CheckDigest(m.Header, body); err != nil {
				t.Errorf("%s: digest: %v", c.ID, err)
			}
		}
	}
	for _, c := range v.Mutations {
		m, body := message(t, c.Message)
		signature, digest := v.verify(t, keyOf[c.From], m), sign.CheckDigest(m.Header, body)
		if signature == nil && digest == nil {
			t.Errorf("%s, %s: accepted", c.From, c.What)
		}
	}
	for _, c := range v.DigestOnly {
		m, body := message(t, c.Message)
		s, err := sign.Parse(m.Header)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CheckRequest(true); !errors.Is(err, sign.ErrCoverage) {
			t.Errorf("%s, %s: %v", c.From, c.What, err)
		}
		if err := sign.CheckDigest(m.Header, body); !errors.Is(err, sign.ErrDigest) {
			t.Errorf("%s, %s: digest: %v", c.From, c.What, err)
		}
	}
}
