package verify

import (
	"encoding/json"
	"errors"
	"testing"
)

// parsed is the key of the shop by its kid, with changes.
func (s *shop) parsed(t *testing.T, kid string, changes object) PublicKey {
	t.Helper()
	raw, err := json.Marshal(with(s.jwk(t, kid), changes))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPublicKey(t *testing.T) {
	s := newShop(t)
	for _, test := range []struct {
		what, kid, header string
		changes           object
		types             []string
		want              error
	}{
		{"typed", "ec", `{"alg":"ES256","kid":"ec","typ":"JWT"}`, nil, []string{"JWT", ""}, nil},
		{"no typ", "ec", `{"alg":"ES256","kid":"ec"}`, nil, []string{"JWT", ""}, nil},
		{"no typ where one is asked for", "ec", `{"alg":"ES256","kid":"ec"}`, nil, []string{"JWT"}, ErrType},
		{"another typ", "ec", `{"alg":"ES256","typ":"at+jwt"}`, nil, []string{"JWT", ""}, ErrType},
		{"no kid", "ec", `{"alg":"ES256","typ":"JWT"}`, nil, []string{"JWT"}, nil},
		{"its other name", "ec", `{"alg":"ES256","kid":"key_1","typ":"JWT"}`, nil, []string{"JWT"}, nil},
		{"another kid", "ec", `{"alg":"ES256","kid":"other","typ":"JWT"}`, nil, []string{"JWT"}, ErrUnknownKey},
		{"a kid where the key has none", "ec", `{"alg":"ES256","kid":"ec","typ":"JWT"}`, object{"kid": nil}, []string{"JWT"}, ErrUnknownKey},
		{"alg implied", "ec", `{"alg":"ES256","typ":"JWT"}`, object{"alg": nil, "kid": nil}, []string{"JWT"}, nil},
		{"another alg", "ec", `{"alg":"HS256","typ":"JWT"}`, nil, []string{"JWT"}, ErrAlgorithm},
		{"alg none", "ec", `{"alg":"none","typ":"JWT"}`, nil, []string{"JWT"}, ErrAlgorithm},
		{"no alg", "ec", `{"typ":"JWT"}`, nil, []string{"JWT"}, ErrAlgorithm},
		{"a key in the header", "ec", `{"alg":"ES256","typ":"JWT","jwk":{}}`, nil, []string{"JWT"}, ErrHeader},
		{"Ed25519 by its old name", "ed", `{"alg":"EdDSA","typ":"JWT"}`, nil, []string{"JWT"}, nil},
		{"Ed25519 by its new name", "ed", `{"alg":"Ed25519","typ":"JWT"}`, nil, []string{"JWT"}, nil},
		{"Ed25519 named newly", "ed", `{"alg":"EdDSA","typ":"JWT"}`, object{"alg": "Ed25519"}, []string{"JWT"}, nil},
		{"that name for another key", "ec", `{"alg":"Ed25519","typ":"JWT"}`, nil, []string{"JWT"}, ErrAlgorithm},
		{"never the feed", "ec", `{"alg":"ES256","typ":"` + TypFeed + `"}`, nil, []string{TypFeed}, ErrType},
	} {
		token := s.sign(t, test.kid, test.header, `{"iss":"key_1"}`)
		payload, err := s.parsed(t, test.kid, test.changes).Verify(token, test.types, "key_1")
		if !errors.Is(err, test.want) || err == nil && string(payload) != `{"iss":"key_1"}` {
			t.Errorf("%s: %q, %v", test.what, payload, err)
		}
		if err == nil {
			before, last, _ := cutLast(token)
			if _, err := s.parsed(t, test.kid, test.changes).Verify(before+"A"+last[1:]+"A", test.types, "key_1"); err == nil {
				t.Errorf("%s: accepted with another signature", test.what)
			}
		}
	}
	if _, err := (PublicKey{}).Verify(s.good(t), []string{TypAccess}); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the zero key: %v", err)
	}
	key := s.parsed(t, "rsa", nil)
	if again, err := ParsePublicKey([]byte(key.String())); err != nil || again.String() != key.String() {
		t.Errorf("written and read: %v, %s", err, again)
	}
	raw, _ := json.Marshal(with(s.jwk(t, "rsa"), object{"alg": nil}))
	if _, err := ParsePublicKey(raw); !errors.Is(err, ErrKeySet) {
		t.Errorf("RSA without alg: %v", err)
	}
}

// TestWycheproofByItself: a key by itself accepts nothing that is not valid.
func TestWycheproofByItself(t *testing.T) {
	for _, file := range []string{"json_web_signature", "json_web_key"} {
		var vectors wycheproof
		readVectors(t, "wycheproof/"+file+"_test.json", &vectors)
		accepted := 0
		for _, group := range vectors.TestGroups {
			key, err := ParsePublicKey(group.Public)
			if err != nil {
				continue
			}
			for _, c := range group.Tests {
				if _, err := key.Verify(text(c.JWS), []string{""}, ""); err != nil {
					continue
				}
				accepted++
				if c.Result != "valid" {
					t.Errorf("#%d %s, %s: accepted", c.TcID, group.Comment, c.Comment)
				}
			}
		}
		if file == "json_web_signature" && accepted == 0 {
			t.Error("nothing was accepted at all")
		}
	}
}
