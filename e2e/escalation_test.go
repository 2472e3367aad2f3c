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
