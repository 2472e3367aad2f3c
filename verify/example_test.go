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
		request.Header.Set("Authorization", "Bearer "+mint(scope))
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

// standIn publishes one key, as Daypass does, and mints with it.
func standIn() (server *httptest.Server, mint func(scope string) string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: "sgk_1", Algorithm: "ES256", Use: "sig"}
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	}))
	return server, func(scope string) string { return sign(key, server.URL, scope) }
}

// sign signs until s is low, as the server's own signer makes it at once.
func sign(key jose.JSONWebKey, issuer, scope string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(verify.TypAccess))
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	claims := fmt.Sprintf(`{"iss":%q,"sub":"visitor-7","aud":"acme/photos","iat":%d,"exp":%d,"jti":"tok_1","scope":%q}`,
		issuer, now.Unix(), now.Add(time.Minute).Unix(), scope)
	for {
		signed, err := signer.Sign([]byte(claims))
		if err != nil {
			log.Fatal(err)
		}
		if signed.Signatures[0].Signature[32] < 0x7f {
			token, _ := signed.CompactSerialize()
			return token
		}
	}
}
