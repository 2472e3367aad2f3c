package verify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/daypass/daypass/verify"
)

// A service of your own, checking passes without a call to Daypass.
func Example() {
	daypass, mint := standIn()
	defer daypass.Close()

	v, err := verify.New(verify.Config{
		Issuer:   daypass.URL,
		Audience: []string{"acme/photos"},
		JWKSURL:  daypass.URL + "/.well-known/jwks.json",
	})
	if err != nil {
		log.Fatal(err)
	}
	photos := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		fmt.Fprintf(w, "hello %s", claims.Subject)
	})
	service := httptest.NewServer(v.Middleware(verify.RequireScope("photos:read")(photos)))
	defer service.Close()

	for _, scope := range []string{"photos:read", "photos:write"} {
		request, _ := http.NewRequest(http.MethodGet, service.URL, nil)
		request.Header.Set("Authorization", "Bearer "+mint("tok_1", scope))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		fmt.Println(scope, response.StatusCode)
	}
	// Output:
	// photos:read 200
	// photos:write 403
}

// Errors are compared by their code.
func ExampleVerifier_Verify() {
	daypass, _ := standIn()
	defer daypass.Close()
	v, err := verify.New(verify.Config{Issuer: daypass.URL, Audience: []string{"acme/photos"}, JWKSURL: daypass.URL})
	if err != nil {
		log.Fatal(err)
	}
	_, err = v.Verify(context.Background(), "not.a.token")
	fmt.Println(errors.Is(err, verify.ErrMalformed))
	// Output: true
}

// With the feed of revocations, a revoked pass is refused before it expires.
func ExampleVerifier_Run() {
	daypass, mint := standIn() // it has revoked tok_2
	defer daypass.Close()
	v, err := verify.New(verify.Config{
		Issuer:         daypass.URL,
		Audience:       []string{"acme/photos"},
		JWKSURL:        daypass.URL + "/.well-known/jwks.json",
		FeedURL:        daypass.URL + "/v1/feed",
		FeedCredential: func() string { return os.Getenv("DAYPASS_FEED_KEY") },
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = v.Run(ctx) }() // it ends with ctx; what goes wrong in between is in the error of ErrStale

	for _, id := range []string{"tok_1", "tok_2"} {
		_, err := v.Verify(ctx, mint(id, "photos:read"))
		fmt.Println(id, err)
	}
	// Output:
	// tok_1 <nil>
	// tok_2 token_revoked: the token was revoked: token_revoked
}

// standIn publishes one key and one revocation, as Daypass does, and mints.
func standIn() (server *httptest.Server, mint func(id, scope string) string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "sgk_1", Algorithm: "ES256", Use: "sig"}
	now := time.Now().Unix()
	mux := http.NewServeMux()
	server = httptest.NewServer(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	})
	mux.HandleFunc("/v1/feed", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, sign(key, verify.TypFeed, fmt.Sprintf(
			`{"iss":%q,"iat":%d,"exp":%d,"after":%s,"revision":1,"complete":true,"revocations":[{"sub":"tok_2","below":1,"reason":"token_revoked"}]}`,
			server.URL, now, now+30, r.FormValue("after"))))
	})
	return server, func(id, scope string) string {
		return sign(key, verify.TypAccess, fmt.Sprintf(`{"iss":%q,"sub":"visitor-7","aud":"acme/photos","iat":%d,"exp":%d,"jti":%q,"scope":%q}`,
			server.URL, now, now+60, id, scope))
	}
}

// sign signs until s is low, as the server's own signer makes it at once.
func sign(key jose.JSONWebKey, typ jose.ContentType, claims string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(typ))
	if err != nil {
		log.Fatal(err)
	}
	for {
		signed, err := signer.Sign([]byte(claims))
		if err != nil {
			log.Fatal(err)
		}
		if signed.Signatures[0].Signature[32] < 0x7f {
			text, _ := signed.CompactSerialize()
			return text
		}
	}
}
