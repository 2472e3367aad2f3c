package sign_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/sign"
)

var secret = []byte("a secret of sixteen bytes or more")

type pair struct {
	signer   *sign.Signer
	verifier *sign.Verifier
}

func pairs(t testing.TB) map[string]pair {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]pair{}
	s, err := sign.NewHMACSigner("key_a", secret)
	must(err)
	v, err := sign.NewHMACVerifier(secret)
	must(err)
	out["hmac"] = pair{s, v}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(err)
	s, err = sign.NewSigner("key_a", private)
	must(err)
	v, err = sign.NewVerifier(public)
	must(err)
	out["ed25519"] = pair{s, v}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	s, err = sign.NewSigner("key_a", ec)
	must(err)
	v, err = sign.NewVerifier(&ec.PublicKey)
	must(err)
	out["p256"] = pair{s, v}
	return out
}

// TestTransport: what a client's transport signs, a server on the other side of real HTTP finds good, once; and every key only
// its own.
func TestTransport(t *testing.T) {
	all := pairs(t)
	for name, p := range all {
		var got error
		var seen []string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			m := sign.NewMessage(r.Method, "http", r.Host, r.RequestURI, r.Header)
			s, err := sign.Parse(r.Header)
			if err != nil {
				got = err
				return
			}
			got = errors.Join(s.CheckRequest(len(body) > 0, "authorization"), s.CheckTime(time.Now(), time.Minute, 0), s.Verify(&m, p.verifier))
			if len(body) > 0 {
				got = errors.Join(got, sign.CheckDigest(r.Header, body))
			}
			for other, q := range all {
				if other != name && s.Verify(&m, q.verifier) == nil {
					t.Errorf("%s's signature is good by the key of %s", name, other)
				}
			}
			seen = append(seen, s.Once(nil))
		}))
		client := &http.Client{Transport: p.signer.Transport(nil)}
		for _, body := range []string{"", `{"a":1}`} {
			r, _ := http.NewRequest("POST", server.URL+"/a%2Fb?x=1&y=", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer x")
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if got != nil {
				t.Errorf("%s, body %q: %v", name, body, got)
			}
		}
		if len(seen) != 2 || seen[0] == seen[1] {
			t.Errorf("%s: two requests are not told apart: %q", name, seen)
		}
		server.Close()
	}
}

// TestEmptyBody: it is sent as none, and no digest of another request is left beside it.
func TestEmptyBody(t *testing.T) {
	r, err := http.NewRequest("POST", "http://pass.example/", io.NopCloser(strings.NewReader("")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(sign.FieldDigest, sign.Digest([]byte("of before")))
	if err := pairs(t)["hmac"].signer.Sign(r, time.Now()); err != nil {
		t.Fatal(err)
	}
	if r.Body != http.NoBody || r.ContentLength != 0 || len(r.Header[sign.FieldDigest]) != 0 {
		t.Errorf("%v, %d bytes, %v", r.Body, r.ContentLength, r.Header)
	}
}

func TestTime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	for name, c := range map[string]struct {
		signature sign.Signature
		good      bool
	}{
		"now":                  {sign.Signature{Created: now}, true},
		"within":               {sign.Signature{Created: at(-80 * time.Second)}, true},
		"clocks apart":         {sign.Signature{Created: at(20 * time.Second)}, true},
		"no created":           {sign.Signature{Expires: at(time.Minute)}, false},
		"too old":              {sign.Signature{Created: at(-91 * time.Second)}, false},
		"too old, said to be":  {sign.Signature{Created: at(-time.Hour), Expires: at(20 * 365 * 24 * time.Hour)}, false},
		"in the future":        {sign.Signature{Created: at(31 * time.Second)}, false},
		"of year 33658":        {sign.Signature{Created: time.Unix(999_999_999_999, 0)}, false},
		"expired":              {sign.Signature{Created: at(-50 * time.Second), Expires: at(-40 * time.Second)}, false},
		"not expired":          {sign.Signature{Created: now, Expires: at(time.Second)}, true},
		"expires in 20 years":  {sign.Signature{Created: now, Expires: at(20 * 365 * 24 * time.Hour)}, true}, // the age bounds it
		"created 20 years off": {sign.Signature{Created: at(20 * 365 * 24 * time.Hour)}, false},
	} {
		if err := c.signature.CheckTime(now, time.Minute, 30*time.Second); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWeakKeys(t *testing.T) {
	if _, err := sign.NewHMACVerifier(secret[:15]); err == nil {
		t.Error("a short secret is taken")
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if _, err := sign.NewVerifier(&p384.PublicKey); err == nil {
		t.Error("P-384 is taken for P-256")
	}
	one := make(ed25519.PublicKey, 32)
	one[0] = 1
	if !ed25519.Verify(one, []byte("any message"), append(append([]byte(nil), one...), make([]byte, 32)...)) {
		t.Error("the key of order one is no longer a danger; is the check of small orders needed?")
	}
	for _, first := range []byte{0, 1, 0xec, 0xed, 0xee} {
		for _, last := range []byte{0, 0x80} {
			key := make(ed25519.PublicKey, 32)
			if first > 1 {
				for i := range key {
					key[i] = 0xff
				}
				key[31] = 0x7f
			}
			key[0], key[31] = first, key[31]|last
			if _, err := sign.NewVerifier(key); err == nil {
				t.Errorf("a key of small order is taken: %x", key)
			}
		}
	}
}

// malformed are fields that must not be read, each good but for one thing.
var malformed = map[string][2]string{
	"two signatures":      {`a=("@method");created=1, b=();created=1`, `a=:AA==:, b=:AA==:`},
	"two members":         {`a=("@method");created=1, a=("@path");created=1`, `a=:AA==:`},
	"two values":          {`a=();created=1`, `a=:AA==:, a=:AB==:`},
	"other label":         {`a=();created=1`, `b=:AA==:`},
	"component twice":     {`a=("date" "date")`, `a=:AA==:`},
	"parameter twice":     {`a=();created=1;created=2`, `a=:AA==:`},
	"unknown parameter":   {`a=();future=1`, `a=:AA==:`},
	"created as text":     {`a=();created="1"`, `a=:AA==:`},
	"created as decimal":  {`a=();created=1.5`, `a=:AA==:`},
	"created too long":    {`a=();created=1000000000000000`, `a=:AA==:`},
	"keyid as token":      {`a=();keyid=key`, `a=:AA==:`},
	"nonce as boolean":    {`a=();nonce`, `a=:AA==:`},
	"upper case":          {`a=("Date")`, `a=:AA==:`},
	"unknown derived":     {`a=("@request-target")`, `a=:AA==:`},
	"component of bytes":  {`a=("date";bs)`, `a=:AA==:`},
	"component of itself": {`a=("@signature-params")`, `a=:AA==:`},
	"of the request":      {`a=("@method";req)`, `a=:AA==:`},
	"no parentheses":      {`a="date"`, `a=:AA==:`},
	"not closed":          {`a=("date"`, `a=:AA==:`},
	"not separated":       {`a=("date""host")`, `a=:AA==:`},
	"trailing comma":      {`a=(),`, `a=:AA==:`},
	"trailing text":       {`a=() x`, `a=:AA==:`},
	"empty":               {``, ``},
	"not base64":          {`a=()`, `a=:A*==:`},
	"base64 not padded":   {`a=()`, `a=:AA:`},
	"base64 with bits":    {`a=()`, `a=:AB==:`},
	"base64 with breaks":  {`a=()`, "a=:AA\n==:"},
	"empty signature":     {`a=()`, `a=::`},
	"line break in text":  {"a=();nonce=\"\n\"", `a=:AA==:`},
	"not ASCII":           {`a=();nonce="ü"`, `a=:AA==:`},
	"wrong escape":        {`a=();nonce="\n"`, `a=:AA==:`},
	"query without name":  {`a=("@query-param")`, `a=:AA==:`},
}

func TestMalformed(t *testing.T) {
	good := http.Header{sign.FieldInput: {`  a=("@method"  "date" );created=1;  nonce="\"\\"`}, sign.FieldSignature: {`a=:AA==:`}}
	s, err := sign.Parse(good)
	if err != nil || s.Nonce != `"\` || len(s.Components) != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	for name, fields := range malformed {
		if _, err := sign.Parse(http.Header{sign.FieldInput: {fields[0]}, sign.FieldSignature: {fields[1]}}); !errors.Is(err, sign.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, h := range map[string]http.Header{
		"no signature": {sign.FieldInput: {`a=()`}},
		"no input":     {sign.FieldSignature: {`a=:AA==:`}},
		"two fields":   {sign.FieldInput: {`a=()`, `b=()`}, sign.FieldSignature: {`a=:AA==:`}},
		"too long":     {sign.FieldInput: {`a=();nonce="` + strings.Repeat("x", sign.MaxFieldBytes) + `"`}, sign.FieldSignature: {`a=:AA==:`}},
	} {
		if _, err := sign.Parse(h); !errors.Is(err, sign.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBaseHasOneReading: a value with a line break could say that something else was covered.
func TestBaseHasOneReading(t *testing.T) {
	s := sign.Signature{Components: []sign.Component{{Name: "x-a"}}}
	for _, m := range []sign.Message{
		{Header: http.Header{"X-A": {"1\n\"@method\": GET"}}},
		{Header: http.Header{}},
	} {
		if _, err := s.Base(&m); !errors.Is(err, sign.ErrCoverage) {
			t.Errorf("%v: %v", m.Header, err)
		}
	}
	s.Components[0] = sign.Component{Name: "@query-param", Parameter: "a"}
	if _, err := s.Base(&sign.Message{Target: "/?a=1&a=2"}); !errors.Is(err, sign.ErrCoverage) {
		t.Error("a parameter that comes twice is covered")
	}
}

func TestDigest(t *testing.T) {
	body := []byte("hello")
	good := sign.Digest(body)
	for field, ok := range map[string]bool{
		good: true, "md5=:AA==:, " + good: true,
		"md5=:AA==:": false, "": false, good + ", sha-512=:AAAA:": false, "sha-256=:AAAA:": false, good + "x": false, good + ", " + good: false,
	} {
		if err := sign.CheckDigest(http.Header{sign.FieldDigest: {field}}, body); (err == nil) != ok {
			t.Errorf("%q: %v", field, err)
		}
	}
}

// FuzzParse: whatever is read has one canonical form, which is read the same.
func FuzzParse(f *testing.F) {
	f.Add(`sig=("@method" "@target-uri");created=1;keyid="a";nonce="b"`, `sig=:AA==:`)
	f.Add(`sig=("@query-param";name="a");created=-1`, `sig=:AAAA:`)
	for _, fields := range malformed {
		f.Add(fields[0], fields[1])
	}
	m := sign.Message{Method: "GET", Scheme: "https", Authority: "a", Target: "/?a=b", Header: http.Header{}}
	f.Fuzz(func(t *testing.T, input, value string) {
		s, err := sign.Parse(http.Header{sign.FieldInput: {input}, sign.FieldSignature: {value}})
		if err != nil {
			if !errors.Is(err, sign.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		base, err := s.Base(&m)
		if err != nil {
			return
		}
		_, params, ok := strings.Cut(string(base), "\"@signature-params\": ")
		if i := strings.LastIndex(string(base), "\"@signature-params\": "); ok {
			params = string(base)[i+len("\"@signature-params\": "):]
		}
		again, err := sign.Parse(http.Header{sign.FieldInput: {s.Label + "=" + params}, sign.FieldSignature: {value}})
		if err != nil {
			t.Fatalf("%q, made from %q, is not read: %v", params, input, err)
		}
		if twice, err := again.Base(&m); err != nil || string(twice) != string(base) {
			t.Fatalf("%q is read in two ways: %v", input, err)
		}
	})
}
