package daypasstest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/daypasstest"
	"github.com/daypass/daypass/verify"
)

func photosAPI(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "for "+r.Header.Get("X-Daypass-Key-Id"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func withPhotos(t *testing.T, d *daypasstest.Server) {
	d.Application(t, `
application: photos
upstream: `+photosAPI(t)+`
resources:
  - match: GET /albums/**
    require: { scopes: ["photos:read"] }
`)
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	response, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestKeyPassDoorAndTheKeysEnd(t *testing.T) {
	d := daypasstest.Start(t)
	withPhotos(t, d)
	key := d.MakeKey(t, api.KeyCreate{Scopes: []string{"photos:read"}})
	passes := d.ClientWith(t, daypass.WithKey(key.Key)).TokenSource(daypass.ExchangeRequest{Life: time.Hour})
	transport, err := daypass.NewTransport(passes, d.GatewayURL)
	if err != nil {
		t.Fatal(err)
	}
	photos := &http.Client{Transport: transport}

	if status, body := get(t, photos, d.GatewayURL+"/albums/7"); status != 200 || body != "for "+key.ID {
		t.Fatalf("the open door answered %d %q", status, body)
	}
	if err := daypass.Done(d.Client(t).API().DeleteKey(t.Context(), d.Organization, key.ID, nil)); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, photos, d.GatewayURL+"/albums/7"); status != 401 {
		t.Fatalf("after the key's end the door answered %d %q", status, body)
	}
	if _, err := passes.Token(t.Context()); !errors.Is(err, &daypass.Error{Code: "key_unknown"}) {
		t.Errorf("the dead key still gives %v", err)
	}
}

func TestTransportSurvivesARevokedPass(t *testing.T) {
	d := daypasstest.Start(t)
	withPhotos(t, d)
	client := d.ClientWith(t, daypass.WithKey(d.Key(t, "photos:read")))
	passes := client.TokenSource(daypass.ExchangeRequest{IPs: []string{"request_ip"}})
	transport, err := daypass.NewTransport(passes, d.GatewayURL)
	if err != nil {
		t.Fatal(err)
	}
	first, err := passes.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Revoke(t.Context(), first.Text); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, &http.Client{Transport: transport}, d.GatewayURL+"/albums/7"); status != 200 {
		t.Errorf("got %d %s", status, body)
	}
}

func TestRenewNarrowIntrospectExplain(t *testing.T) {
	d := daypasstest.Start(t)
	withPhotos(t, d)
	client := d.ClientWith(t, daypass.WithKey(d.Key(t, "photos:*")))
	pass, err := client.Exchange(t.Context(), daypass.ExchangeRequest{IPs: []string{"127.0.0.1"}, Life: time.Minute})
	if err != nil || !pass.Claims.Renewable || pass.ValidFor() > time.Minute {
		t.Fatalf("got %v, %v", pass, err)
	}
	renewed, err := client.Renew(t.Context(), pass)
	if err != nil || renewed.Claims.ID == pass.Claims.ID || !renewed.Claims.Renewable {
		t.Fatalf("got %v, %v", renewed, err)
	}
	narrow, err := client.Narrow(t.Context(), renewed, daypass.ExchangeRequest{Scopes: []string{"photos:read"}, Renewable: new(false)})
	if err != nil || narrow.Claims.Scope != "photos:read" || narrow.Claims.Renewable {
		t.Fatalf("got %v, %v", narrow, err)
	}
	if _, err := client.Narrow(t.Context(), narrow, daypass.ExchangeRequest{Scopes: []string{"photos:*"}}); !errors.Is(err, &daypass.Error{Code: "scope_exceeded"}) {
		t.Errorf("widening gave %v", err)
	}
	if _, err := client.Renew(t.Context(), narrow); !errors.Is(err, &daypass.Error{Code: "not_renewable"}) {
		t.Errorf("renewing gave %v", err)
	}
	admin := d.Client(t)
	if i, err := admin.Introspect(t.Context(), narrow.Text); err != nil || !i.Active || *i.Jti != narrow.Claims.ID {
		t.Errorf("introspection: %+v, %v", i, err)
	}
	if err := client.Revoke(t.Context(), renewed.Text); err != nil {
		t.Fatal(err)
	}
	if i, err := admin.Introspect(t.Context(), narrow.Text); err != nil || i.Active {
		t.Errorf("after the parent's end: %+v, %v", i, err)
	}
	e, err := admin.Explain(t.Context(), api.ExplainRequest{Method: "GET", URL: d.GatewayURL + "/albums/7", Token: &narrow.Text})
	if err != nil || e.Allow || e.Reason != "token_revoked" {
		t.Errorf("explained as %+v, %v", e, err)
	}
}

func TestPassesVerifyOffline(t *testing.T) {
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256", "PS256"} {
		t.Run(algorithm, func(t *testing.T) {
			d := daypasstest.Start(t, daypasstest.WithOrganization("globex"), daypasstest.WithAlgorithm(algorithm))
			pass, err := d.ClientWith(t, daypass.WithKey(d.Key(t, "photos:read"))).Exchange(t.Context(), daypass.ExchangeRequest{IPs: []string{"127.0.0.1"}})
			if err != nil {
				t.Fatal(err)
			}
			v, err := verify.New(verify.Config{Issuer: d.Issuer, Audience: []string{"globex/photos"}, JWKSURL: d.URL + "/.well-known/jwks.json"})
			if err != nil {
				t.Fatal(err)
			}
			claims, err := v.VerifyFrom(t.Context(), pass.Text, netip.MustParseAddr("127.0.0.1"))
			if err != nil || !claims.HasScope("photos:read") || claims.ID != pass.Claims.ID {
				t.Errorf("got %+v, %v", claims, err)
			}
		})
	}
}
