package verify

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

func newEd25519(t testing.TB) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func fullClaims() object {
	return object{
		"iss": "https://pass.example.com", "sub": "visitor-7", "aud": []string{"acme/photos", "acme"}, "exp": 2000, "nbf": 1000, "iat": 1000,
		"jti": "tok_1", "client_id": "key_1", "scope": "photos:read Mutation:*:Create", "org": "acme", "oid": "org_1", "uid": "usr_1", "mid": "mem_1",
		"aids": []string{"app_1", ""}, "roles": []object{{"role_name": "consumer", "accid": "org_1", "appid": "app_2"}, {"role_name": "administrator", "accid": nil, "appid": nil}},
		"ips": []string{"10.0.0.0/8", "2001:db8::7"}, "expt": 86400, "rn": true, "rev": 17, "key": "key_1", "kv": 3, "fam": []string{"tok_0", "tok_1"},
		"cnf": object{"jkt": "x"}, "act": object{"sub": "usr_2"}, "unknown": object{"x": []int{1}},
	}
}

func text64(t *testing.T, claims object) []byte {
	t.Helper()
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestReadClaims(t *testing.T) {
	c, err := ReadClaims(text64(t, fullClaims()))
	if err != nil {
		t.Fatal(err)
	}
	if !c.HasScope("photos:read") || !c.HasScope("Mutation:Person:Create") || c.HasScope("photos:write") || c.HasScope("Mutation:*:Create") {
		t.Errorf("scopes: %v", c.Scopes())
	}
	want := []string{"org_1", "usr_1", "mem_1", "key_1", "key_1/3", "app_1", "app_2", "tok_0", "tok_1"}
	if !slices.Equal(c.Lineage(), want) {
		t.Errorf("lineage %v, want %v", c.Lineage(), want)
	}
	if *c.Roles[0].AppID != "app_2" || c.Roles[1].AccID != nil || c.Actor.Subject != "usr_2" || !c.Renewable || c.Life != 86400 {
		t.Errorf("claims: %+v", c)
	}
	// Written and read again they are the same, so that nothing is lost between us and another reader in Go.
	raw, err := jsonv2.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadClaims(raw)
	if err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("written and read: %+v, %v", again, err)
	}
}

func TestLineageOfTheLeast(t *testing.T) {
	c, err := ReadClaims([]byte(`{"iss":"i","sub":"s","aud":"a","exp":2,"iat":1,"jti":"tok_9","key":"key_1"}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"key_1", "key_1/1", "tok_9"}; !slices.Equal(c.Lineage(), want) {
		t.Errorf("lineage %v, want %v", c.Lineage(), want)
	}
}

func TestReadClaimsRefuses(t *testing.T) {
	for name, change := range map[string]object{
		"no iss":                {"iss": nil},
		"empty iss":             {"iss": ""},
		"iss an array":          {"iss": []string{"a"}},
		"no sub":                {"sub": nil},
		"sub a number":          {"sub": 7},
		"no aud":                {"aud": nil},
		"aud empty":             {"aud": ""},
		"aud an empty array":    {"aud": []string{}},
		"aud with an empty one": {"aud": []string{"a", ""}},
		"aud a number":          {"aud": 1},
		"aud an object":         {"aud": object{"a": true}},
		"aud mixed":             {"aud": []any{"a", 1}},
		"no exp":                {"exp": nil},
		"exp zero":              {"exp": 0},
		"exp a string":          {"exp": "2000"},
		"exp a fraction":        {"exp": 2000.5},
		"exp an exponent":       {"exp": json.RawMessage("2e3")},
		"exp negative":          {"exp": -1},
		"exp in milliseconds":   {"exp": 1777896000000000},
		"exp beyond 64 bits":    {"exp": json.RawMessage("99999999999999999999999")},
		"exp NaN":               {"exp": "NaN"},
		"exp true":              {"exp": true},
		"exp null":              {"exp": json.RawMessage("null")},
		"nbf negative":          {"nbf": -1},
		"nbf a string":          {"nbf": "1"},
		"nbf null":              {"nbf": json.RawMessage("null")},
		"no iat":                {"iat": nil},
		"iat a string":          {"iat": "1000"},
		"no jti":                {"jti": nil},
		"jti a number":          {"jti": 1},
		"scope an array":        {"scope": []string{"a"}},
		"scope not a scope":     {"scope": "a b!"},
		"scope, two spaces":     {"scope": "a  b"},
		"scope null":            {"scope": json.RawMessage("null")},
		"ips null":              {"ips": json.RawMessage("null")},
		"ips empty":             {"ips": []string{}},
		"ips a string":          {"ips": "10.0.0.1"},
		"ips not an address":    {"ips": []string{"localhost"}},
		"ips half an address":   {"ips": []string{"10.0/8"}},
		"roles null":            {"roles": json.RawMessage("null")},
		"roles of strings":      {"roles": []string{"administrator"}},
		"role without a name":   {"roles": []object{{"accid": "org_1"}}},
		"rn a string":           {"rn": "true"},
		"rn null":               {"rn": json.RawMessage("null")},
		"rev negative":          {"rev": -1},
		"rev null":              {"rev": json.RawMessage("null")},
		"expt negative":         {"expt": -1},
		"expt beyond reason":    {"expt": 1 << 40},
		"fam too deep":          {"fam": strings.Split("a,b,c,d,e,f,g,h,i", ",")},
		"fam with an empty one": {"fam": []string{""}},
		"aids of another count": {"aids": []string{"app_1"}},
		"cnf null":              {"cnf": json.RawMessage("null")},
		"cnf of another kind":   {"cnf": object{"x5t#S256": "x"}},
		"cnf a string":          {"cnf": "x"},
		"act a string":          {"act": "x"},
		"too deep":              {"unknown": json.RawMessage(strings.Repeat("[", 9) + strings.Repeat("]", 9))},
		"too many members":      {"unknown": json.RawMessage("[0" + strings.Repeat(",0", 4001) + "]")},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := ReadClaims(text64(t, with(fullClaims(), change))); !errors.Is(err, ErrClaims) || c != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, payload := range map[string]string{
		"empty":                   "",
		"null":                    "null",
		"array":                   "[]",
		"string":                  `"x"`,
		"duplicate exp":           strings.Replace(goodPayload, `"exp":2`, `"exp":2,"exp":9999999999`, 1),
		"duplicate sub, escaped":  strings.Replace(goodPayload, `"sub":"s"`, `"sub":"s","\u0073ub":"root"`, 1),
		"duplicate unknown":       strings.Replace(goodPayload, `{`, `{"x":1,"x":2,`, 1),
		"duplicate deep":          strings.Replace(goodPayload, `{`, `{"x":{"y":1,"y":2},`, 1),
		"required in other case":  strings.Replace(goodPayload, `"exp"`, `"EXP"`, 1),
		"trailing object":         goodPayload + goodPayload,
		"byte order mark":         "\ufeff" + goodPayload,
		"invalid UTF-8":           strings.Replace(goodPayload, `"s"`, "\"\xff\"", 1),
		"longer than a token":     strings.Replace(goodPayload, `{`, `{`+strings.Repeat(" ", MaxTokenBytes), 1),
		"a million open brackets": strings.Repeat("[", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := ReadClaims([]byte(payload)); !errors.Is(err, ErrClaims) || c != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCaseVariantsAreOtherClaims(t *testing.T) {
	c, err := ReadClaims([]byte(strings.Replace(goodPayload, `{`, `{"SUB":"root","Scope":"*","EXP":9999999999,`, 1)))
	if err != nil || c.Subject != "s" || c.Scope != "" || c.Expires != 2 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAudienceCovers(t *testing.T) {
	for _, c := range []struct {
		audience Audience
		want     string
		covers   bool
	}{
		{Audience{"acme/photos"}, "acme/photos", true},
		{Audience{"acme"}, "acme/photos", true},
		{Audience{"other", "acme"}, "acme/photos", true},
		{Audience{"acme/photos"}, "acme", false},
		{Audience{"acme/photos"}, "acme/videos", false},
		{Audience{"acme/photo"}, "acme/photos", false},
		{Audience{"acm"}, "acme/photos", false},
		{Audience{"ACME"}, "acme/photos", false},
		{nil, "acme/photos", false},
	} {
		if got := c.audience.Covers(c.want); got != c.covers {
			t.Errorf("%v covers %s: %v", c.audience, c.want, got)
		}
	}
}

func TestCheckTime(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	const issued, begins, ends = 1000, 1100, 2000
	leeway := int64(Leeway / time.Second)
	for _, c := range []struct {
		now  int64
		want error
	}{
		{begins - leeway - 1, ErrNotYet},
		{begins - leeway, nil},
		{begins, nil},
		{ends, nil},
		{ends + leeway - 1, nil},
		{ends + leeway, ErrExpired},
	} {
		if err := CheckTime(at(c.now), at(issued), at(begins), at(ends)); err != c.want {
			t.Errorf("at %d: %v, want %v", c.now, err, c.want)
		}
	}
	if err := CheckTime(at(issued-leeway-1), at(issued), time.Time{}, at(ends)); err != ErrNotYet {
		t.Errorf("issued in the future: %v", err)
	}
}

func TestAllowsAddress(t *testing.T) {
	c, err := ReadClaims(text64(t, fullClaims()))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "2001:db8::7": true, "2001:db8::7%eth0": true, "11.0.0.1": false, "2001:db8::8": false, "::a01:203": false,
	} {
		if got := c.AllowsAddress(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if c.AllowsAddress(netip.Addr{}) {
		t.Error("an unknown address is allowed")
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add([]byte(goodPayload))
	raw, _ := json.Marshal(fullClaims())
	f.Add(raw)
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := ReadClaims(payload)
		if err != nil {
			return
		}
		raw, err := jsonv2.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadClaims(raw)
		if len(raw) > MaxTokenBytes {
			return // escapes may take fewer bytes in the other's spelling
		}
		if err != nil {
			t.Fatalf("what was read is refused when written: %v\n%s", err, raw)
		}
		if c.Scope != again.Scope || !slices.Equal(c.Lineage(), again.Lineage()) || c.Expires != again.Expires {
			t.Fatalf("what was read changed when written: %s", raw)
		}
	})
}
