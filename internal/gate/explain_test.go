package gate

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
)

const explained = `
hosts: [photos.example.com]
deny_networks: [203.0.113.0/24]
resources:
  - match: GET /photos/**
    access: public
  - match: GET /albums/{id}
    require: { scopes: [albums:read, albums:list], roles: [consumer, developer] }
  - match: POST /albums
    require: { roles: [developer], in: account }
  - match: GET /me
    access: authenticated
`

func TestExplainSaysWhatWouldAllow(t *testing.T) {
	app := application(t, "app_1", "photos", explained)
	inside := application(t, "app_2", "intranet", "prefix: /intranet\nallow_networks: [10.0.0.0/8, 192.168.0.0/16]\n")
	v := view(NewRevocations(access.Revocation{Subject: "usr_gone", Revision: 99, Reason: "user_disabled"}), app, inside)
	consumer := access.Role{Name: "consumer", OrganizationID: "org_1", ApplicationID: "app_1"}

	reading := mustScopes(t, "albums:read")
	changed := func(change func(*access.Token)) *access.Token {
		tok := token(mustScopes(t, "albums:*"), consumer)
		change(tok)
		tok.Seal()
		return tok
	}
	for _, c := range []struct {
		name, method, target string
		token                *access.Token
		reason               Reason
		failed, fix          string
	}{
		{"no host", "GET", "http://x/y", nil, NoApplication,
			"no application has host other.example.com or a prefix of /y, and none takes what is left",
			"add other.example.com to the hosts of an application"},
		{"denied network", "GET", "/photos/1", nil, AddressDenied,
			"deny_networks has 203.0.113.0/24, which holds 203.0.113.9",
			"take 203.0.113.0/24 out of deny_networks, or call from elsewhere"},
		{"not in allow_networks", "GET", "/intranet/wiki", nil, AddressDenied,
			"allow_networks does not hold 192.0.2.7",
			"call from 10.0.0.0/8 or 192.168.0.0/16, or add 192.0.2.7 to allow_networks"},
		{"other method", "DELETE", "/albums/7", nil, NoRule,
			"no resource of acme/photos matches DELETE /albums/7",
			"add a rule for DELETE /albums/{id}: line 7 has that path with other methods"},
		{"no rule at all", "GET", "/caf%c3%a9", nil, NoRule,
			"no resource of acme/photos matches GET /caf%C3%A9",
			"add a rule for GET /caf%C3%A9"},
		{"no pass", "GET", "/albums/7", nil, TokenMissing,
			"a pass is needed; send it as 'Authorization: Bearer …'",
			"ask for a pass with scopes albums:read albums:list and role consumer or developer in acme/photos or all of acme and send it as 'Authorization: Bearer …'"},
		{"no pass, and any would do", "GET", "/me", nil, TokenMissing,
			"a pass is needed; send it as 'Authorization: Bearer …'",
			"ask for a pass and send it as 'Authorization: Bearer …'"},
		{"bound to a key", "GET", "/me", changed(func(t *access.Token) { t.Authority.Confirmation = "x" }), SenderKeyMissing,
			"the pass is bound to its sender's key: send it as 'Authorization: DPoP …' with a DPoP header that proves the key",
			"send the pass as 'Authorization: DPoP …', with a DPoP header signed by the key whose thumbprint is x"},
		{"expired", "GET", "/me", changed(func(t *access.Token) { t.Authority.NotAfter = noon.Add(-time.Hour) }), TokenExpired,
			"it ended at 2026-01-15T11:00:00Z",
			"renew the pass before it ends, or ask for a new one"},
		{"not yet", "GET", "/me", changed(func(t *access.Token) { t.NotBefore = noon.Add(time.Hour) }), TokenNotYetValid,
			"it begins at 2026-01-15T13:00:00Z",
			"wait until 2026-01-15T13:00:00Z, or set the clocks right"},
		{"revoked", "GET", "/me", changed(func(t *access.Token) { t.UserID = "usr_gone" }), TokenRevoked,
			"it has been revoked: user_disabled",
			"ask for a new pass with a key that is still good"},
		{"wrong address", "GET", "/me", changed(func(t *access.Token) {
			t.Authority.Everywhere, t.Authority.Networks = false, access.NewNetworks(netip.MustParsePrefix("10.0.0.0/8"))
		}), WrongAddress,
			"it may only be used from 10.0.0.0/8, not from 192.0.2.7",
			"call from 10.0.0.0/8, or ask for a pass with ips 192.0.2.7"},
		{"wrong organization", "GET", "/me", changed(func(t *access.Token) { t.OrganizationID, t.Organization = "org_2", "globex" }), WrongOrganization,
			"it is of organization globex, the application of acme",
			"ask for a pass with a key of organization acme"},
		{"wrong audience", "GET", "/me", changed(func(t *access.Token) {
			t.Authority.Audiences = []access.Audience{{Organization: "acme", OrganizationID: "org_1", Application: "albums", ApplicationID: "app_9"}}
		}), WrongAudience,
			"it is good for acme/albums, not for acme/photos",
			"ask for a pass with audience acme/photos"},
		{"scope missing", "GET", "/albums/7", changed(func(t *access.Token) { t.Authority.Scopes = reading }), ScopeMissing,
			"albums:list is not covered: the nearest held scope, albums:read, agrees up to \"albums:\" and then needs \"read\"",
			"ask for a pass with scope albums:list"},
		{"role missing", "POST", "/albums", changed(func(*access.Token) {}), RoleMissing,
			"it must hold role developer anywhere in organization acme; it holds consumer@photos",
			"ask for a pass with role developer anywhere in organization acme"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Request{Method: c.method, Host: "photos.example.com", Path: mustPath(t, c.target), Address: netip.MustParseAddr("192.0.2.7")}
			switch c.name {
			case "no host", "not in allow_networks":
				r.Host = "other.example.com"
			case "denied network":
				r.Address = netip.MustParseAddr("203.0.113.9")
			}
			d := Decide(r, c.token, v, noon)
			e := Explain(&d, r, v)
			if e.Allow || e.Reason != c.reason || e.Fix != c.fix {
				t.Errorf("got %s, fix %q\nwant %s, fix %q", e.Reason, e.Fix, c.reason, c.fix)
			}
			for _, check := range e.Checks {
				if check.Outcome == Fail && check.Sentence != c.failed {
					t.Errorf("check %s: got %q\nwant %q", check.Name, check.Sentence, c.failed)
				}
			}
		})
	}
}

func TestExplainAllowed(t *testing.T) {
	app := application(t, "app_1", "photos", explained)
	v := view(nil, app)
	r := &Request{Method: "GET", Host: "photos.example.com", Path: mustPath(t, "/albums/7?x=1"), Address: netip.MustParseAddr("192.0.2.7")}
	d := Decide(r, token(mustScopes(t, "albums:*"), access.Role{Name: "consumer", OrganizationID: "org_1"}), v, noon)
	got, err := json.MarshalIndent(Explain(&d, r, v), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "allow": true,
 "reason": "allowed",
 "status": 200,
 "application": "acme/photos",
 "resource": "GET /albums/{id}",
 "line": 7,
 "checks": [
  {
   "name": "view",
   "outcome": "pass",
   "sentence": "what is known was confirmed at 2026-01-15T12:00:00Z, within the last 30s"
  },
  {
   "name": "application",
   "outcome": "pass",
   "sentence": "this is for application acme/photos"
  },
  {
   "name": "address",
   "outcome": "pass",
   "sentence": "the application's address lists admit 192.0.2.7"
  },
  {
   "name": "rule",
   "outcome": "pass",
   "sentence": "the first resource that matches GET /albums/7 is GET /albums/{id} (line 7)"
  },
  {
   "name": "pass",
   "outcome": "pass",
   "sentence": "the pass tok_1 is one of ours"
  },
  {
   "name": "time",
   "outcome": "pass",
   "sentence": "it is good until 2026-01-15T13:00:00Z"
  },
  {
   "name": "revocation",
   "outcome": "pass",
   "sentence": "nothing it descends from has been revoked since it was issued"
  },
  {
   "name": "binding",
   "outcome": "pass",
   "sentence": "it may be used from any address"
  },
  {
   "name": "sender",
   "outcome": "pass",
   "sentence": "it is not bound to a sender's key, and need not be"
  },
  {
   "name": "organization",
   "outcome": "pass",
   "sentence": "it is of organization acme"
  },
  {
   "name": "audience",
   "outcome": "pass",
   "sentence": "it is good for acme"
  },
  {
   "name": "scopes",
   "outcome": "pass",
   "sentence": "albums:read is covered by albums:*; albums:list is covered by albums:*"
  },
  {
   "name": "roles",
   "outcome": "pass",
   "sentence": "it holds role consumer or developer in acme/photos or all of acme"
  }
 ]
}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

func TestExplainPublic(t *testing.T) {
	v := view(nil, application(t, "app_1", "photos", explained))
	r := &Request{Method: "HEAD", Host: "photos.example.com", Path: mustPath(t, "/photos")}
	r.Address = netip.MustParseAddr("192.0.2.7")
	d := Decide(r, nil, v, noon)
	e := Explain(&d, r, v)
	if rule := e.Checks[3]; !e.Allow || e.Fix != "" || rule.Sentence != "the first resource that matches HEAD /photos is GET /photos/** (line 5); it is public and needs no pass" || e.Checks[4].Outcome != Skipped {
		t.Errorf("got %+v", e)
	}
}
