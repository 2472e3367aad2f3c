package e2e

import (
	"testing"
)

// TestAttack_ManagerMakesKeyForAdministrator: an account manager may not make or
// learn a key of an administrator, also not one without roles: by it the
// administrator's own keys could be deleted and its tokens ended.
func TestAttack_ManagerMakesKeyForAdministrator(t *testing.T) {
	w := newWorld(t, nil)
	manager := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})

	w.expect("a key for the administrator, made by the manager",
		w.send("POST", orgPath("acme", "/keys"), manager.key, object{"user": w.chief, "scopes": []string{"*"}}), 403, "role_exceeded")
	w.expect("a key without roles for the administrator",
		w.send("POST", orgPath("acme", "/keys"), manager.key, object{"user": w.chief, "scopes": []string{"*"}, "roles": []string{}}), 403, "role_exceeded")

	plain := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}, "roles": []string{}}).at("id")
	w.expect("an administrator's key without roles, rotated by the manager",
		w.send("POST", orgPath("acme", "/keys/"+plain+"/rotate"), manager.key, object{}), 403, "role_exceeded")
	w.must(200, "GET", "/v1/me", w.founder, nil)
}

// TestAttack_ClimbByOneself: no role below account manager hands out roles,
// learns or ends the keys of others, or makes keys beyond itself.
func TestAttack_ClimbByOneself(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	w.serve("acme", "music", music)
	w.must(201, "PUT", orgPath("acme", "/roles/viewer"), w.founder, object{"scopes": []string{"photos:read", "daypass:*"}})
	victim := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	for _, role := range []string{"application_manager", "application_manager@photos", "developer", "developer@photos", "consumer", "consumer@photos", "viewer"} {
		me := w.member("acme", object{"roles": []string{role}})
		for _, credential := range []string{me.key, w.pass(me.key, object{})} {
			for _, try := range []struct {
				method, path string
				body         any
			}{
				{"PUT", "/memberships/" + me.id, object{"roles": []string{"account_manager"}}},
				{"PUT", "/memberships/" + me.id, object{"roles": []string{"administrator"}}},
				{"PUT", "/memberships/" + victim.id, object{"roles": []string{"consumer"}}},
				{"DELETE", "/memberships/" + victim.id, nil},
				{"POST", "/users", object{"roles": []string{"consumer"}}},
				{"PATCH", "/users/" + victim.id, object{"active": false}},
				{"PATCH", "/users/" + me.id, object{"active": false}},
				{"DELETE", "/users/" + victim.id, nil},
				{"POST", "/keys", object{"scopes": []string{"photos:read"}, "roles": []string{"account_manager"}}},
				{"POST", "/keys", object{"scopes": []string{"photos:read"}, "roles": []string{"administrator"}}},
				{"POST", "/keys", object{"scopes": []string{"photos:read"}, "roles": []string{}, "may_name_subjects": true}},
				{"POST", "/keys", object{"scopes": []string{"photos:read"}, "user": victim.id}},
				{"GET", "/keys/" + victim.keyID, nil},
				{"POST", "/keys/" + victim.keyID + "/rotate", object{}},
				{"DELETE", "/keys/" + victim.keyID, nil},
				{"PUT", "/roles/viewer", object{"scopes": []string{"*"}}},
				{"PATCH", "", object{"name": "mine"}},
			} {
				w.expect(role+" "+try.method+" "+try.path, w.send(try.method, orgPath("acme", try.path), credential, try.body), 403, "")
			}
			for _, wish := range []object{
				{"roles": []string{"account_manager"}}, {"roles": []string{"administrator"}}, {"subject": victim.id},
				{"roles": []string{role + "x"}}, {"audience": []string{"globex"}},
			} {
				if a := w.send("POST", "/v1/tokens", credential, wish); a.status != 403 && a.status != 400 {
					t.Errorf("%s wishes %v: %d %s", role, wish, a.status, a.text)
				}
			}
		}
	}
	held := w.member("acme", object{"roles": []string{"developer@photos"}})
	w.expect("another application's file", w.send("PUT", orgPath("acme", "/applications/music"), held.key, "prefix: /x\nresources: []\n"), 403, "role_missing")
	w.expect("a new application", w.send("PUT", orgPath("acme", "/applications/new"), held.key, "prefix: /x\nresources: []\n"), 403, "role_missing")
}

// TestAttack_NarrowPassAdministers: a pass without the scope, for one
// application, or for a named subject does not administer, whoever it came from.
func TestAttack_NarrowPassAdministers(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	backend := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}, "may_name_subjects": true}).at("key")
	for name, pass := range map[string]string{
		"narrow":          w.pass(w.founder, object{"scopes": []string{"photos:*"}}),
		"one application": w.pass(w.founder, object{"audience": []string{"photos"}}),
		"named subject":   w.pass(backend, object{"subject": "somebody"}),
		"without roles":   w.pass(w.founder, object{"roles": []string{}, "scopes": []string{"daypass:users:*"}}),
	} {
		for _, try := range []struct{ method, path string }{
			{"GET", "/users"}, {"GET", "/keys"}, {"GET", "/events"}, {"GET", "/tokens"}, {"POST", "/keys"}, {"PATCH", ""},
		} {
			var body any
			switch try.method {
			case "POST":
				body = object{"scopes": []string{"*"}}
			case "PATCH":
				body = object{"name": "mine"}
			}
			a := w.send(try.method, orgPath("acme", try.path), pass, body)
			if name == "without roles" && try.path == "/users" { // its own
				continue
			}
			w.expect(name+" "+try.method+" "+try.path, a, 403, "")
		}
	}
	named := w.pass(backend, object{"subject": "somebody"})
	w.expect("a named pass renewed", w.send("POST", "/v1/tokens", named, object{}), 403, "not_renewable")
	w.expect("a named pass for another", w.send("POST", "/v1/tokens", named, object{"subject": "another"}), 403, "subject_not_allowed")
	for _, subject := range []string{"a\r\nX-Daypass-Org: b", " a", "a\u0000", "a\u202eb", "a\u2028b", "a\u0085b"} {
		w.expect("a subject that is not plain", w.send("POST", "/v1/tokens", backend, object{"subject": subject}), 400, "invalid_subject")
	}
}

// TestAttack_BorrowedAddress: an address in X-Forwarded-For counts for nothing
// but from a trusted proxy, and there the nearest untrusted one counts.
func TestAttack_BorrowedAddress(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	bound := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}, "ips": []string{"203.0.113.7"}}).at("key")
	here := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}, "ips": []string{"127.0.0.1"}}).at("key")
	elsewhere := w.pass(w.founder, object{"ips": []string{"203.0.113.7"}})
	for _, header := range []string{"X-Forwarded-For: 203.0.113.7", "X-Real-Ip: 203.0.113.7", "Forwarded: for=203.0.113.7", "X-Forwarded-For: 203.0.113.7, 203.0.113.7"} {
		w.expect("a key, "+header, w.send("POST", "/v1/tokens", bound, object{}, header), 401, "wrong_address")
		w.expect("a key that administers, "+header, w.send("GET", orgPath("acme", "/users"), bound, nil, header), 401, "wrong_address")
		w.expect("a pass, "+header, w.send("GET", w.gateway+"/photos/1", elsewhere, nil, atPhotos, header), 401, "wrong_address")
		w.expect("a pass that is renewed, "+header, w.send("POST", "/v1/tokens", elsewhere, object{}, header), 401, "wrong_address")
		w.expect("a pass that administers, "+header, w.send("GET", "/v1/me", elsewhere, nil, header), 401, "wrong_address")
	}
	w.expect("no address wished from a bound key", w.send("POST", "/v1/tokens", here, object{"no_ip_protection": true}), 403, "network_exceeded")
	w.expect("another address wished", w.send("POST", "/v1/tokens", here, object{"ips": []string{"127.0.0.0/30"}}), 403, "")
}
