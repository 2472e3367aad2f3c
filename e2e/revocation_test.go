package e2e

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

const music = "hosts: [music.example]\nupstream: UPSTREAM\nresources: [{match: GET /**, access: authenticated}]\n"

const atMusic = "Host: music.example"

// TestAttack_PassOutlivesItsOnlyRole: a role held in an application goes with
// the application, and the scopes it gave with it; a pass that names neither
// must not keep them.
func TestAttack_PassOutlivesItsOnlyRole(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	w.serve("acme", "music", music)
	w.must(201, "PUT", orgPath("acme", "/roles/viewer"), w.founder, object{"scopes": []string{"nothing:read"}})
	user := w.member("acme", object{"roles": []string{"developer@photos", "viewer"}})
	pass := w.pass(user.key, object{"roles": []string{}, "scopes": []string{"*"}, "renewable": true})
	w.must(200, "GET", w.gateway+"/", pass, nil, atMusic)
	w.must(204, "DELETE", orgPath("acme", "/applications/photos"), w.founder, nil)

	w.expect("the pass at another application", w.send("GET", w.gateway+"/", pass, nil, atMusic), 401, "token_revoked")
	w.expect("its renewal", w.send("POST", "/v1/tokens", pass, object{}), 401, "token_revoked")
	w.expect("the key, beyond what is left", w.send("POST", "/v1/tokens", user.key, object{"scopes": []string{"photos:read"}}), 403, "scope_exceeded")
	w.must(200, "POST", "/v1/tokens", user.key, object{"scopes": []string{"nothing:read"}})
}

// TestAttack_ExchangeRacesDeletion: passes that are being made, renewed and used
// while their key is deleted are all dead once the deletion is answered.
func TestAttack_ExchangeRacesDeletion(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "music", music)
	for range 4 {
		user := w.member("acme", object{"roles": []string{"developer"}})
		first := w.pass(user.key, object{"renewable": true})
		var mu sync.Mutex
		var minted []string
		var racing sync.WaitGroup
		halt := make(chan struct{})
		for _, credential := range []string{user.key, first} {
			racing.Go(func() {
				for {
					select {
					case <-halt:
						return
					default:
					}
					if a := w.send("POST", "/v1/tokens", credential, object{"renewable": true}); a.status == http.StatusOK {
						mu.Lock()
						minted = append(minted, a.at("token"))
						mu.Unlock()
					}
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		w.must(204, "DELETE", orgPath("acme", "/keys/"+user.keyID), w.founder, nil)
		mu.Lock()
		soFar := slices.Clone(minted)
		mu.Unlock()
		for _, pass := range soFar {
			w.expect("a pass of the race", w.send("GET", w.gateway+"/", pass, nil, atMusic), 401, "token_revoked")
		}
		close(halt)
		racing.Wait()
		for _, pass := range minted {
			w.expect("a pass answered after the deletion", w.send("GET", w.gateway+"/", pass, nil, atMusic), 401, "token_revoked")
			w.expect("its renewal", w.send("POST", "/v1/tokens", pass, object{}), 401, "")
		}
	}
}

// TestAttack_WaitForReactivation: what is switched off and on again stays off for
// every pass made before, and works for those made after.
func TestAttack_WaitForReactivation(t *testing.T) {
	w := newWorld(t, nil)
	w.organization("globex")
	w.serve("globex", "music", music)
	user := w.member("globex", object{"roles": []string{"developer"}})
	role := func(roles ...string) object { return object{"roles": roles} }
	switches := map[string][2]func(){
		"organization": {
			func() { w.must(200, "PATCH", orgPath("globex", ""), w.founder, object{"active": false}) },
			func() { w.must(200, "PATCH", orgPath("globex", ""), w.founder, object{"active": true}) },
		},
		"user": {
			func() { w.must(200, "PATCH", orgPath("globex", "/users/"+user.id), w.founder, object{"active": false}) },
			func() { w.must(200, "PATCH", orgPath("globex", "/users/"+user.id), w.founder, object{"active": true}) },
		},
		"role": {
			func() { w.must(200, "PUT", orgPath("globex", "/memberships/"+user.id), w.founder, role("consumer")) },
			func() { w.must(200, "PUT", orgPath("globex", "/memberships/"+user.id), w.founder, role("developer")) },
		},
		"application": {
			func() {
				w.must(200, "PATCH", orgPath("globex", "/applications/music"), w.founder, object{"active": false})
			},
			func() {
				w.must(200, "PATCH", orgPath("globex", "/applications/music"), w.founder, object{"active": true})
			},
		},
		"application made anew": {
			func() { w.must(204, "DELETE", orgPath("globex", "/applications/music"), w.founder, nil) },
			func() { w.serve("globex", "music", music) },
		},
	}
	for name, s := range switches {
		old := w.pass(user.key, object{"audience": []string{"music"}})
		renewable := w.pass(user.key, object{"audience": []string{"music"}, "renewable": true})
		w.must(200, "GET", w.gateway+"/", old, nil, atMusic)
		s[0]()
		if a := w.send("GET", w.gateway+"/", old, nil, atMusic); a.status == 200 {
			t.Errorf("%s off: the pass works", name)
		}
		if a := w.send("POST", "/v1/tokens", renewable, object{}); a.status == 200 {
			t.Errorf("%s off: the pass is renewed", name)
		}
		s[1]()
		w.expect(name+" on again, the old pass", w.send("GET", w.gateway+"/", old, nil, atMusic), 401, "token_revoked")
		w.expect(name+" on again, its renewal", w.send("POST", "/v1/tokens", renewable, object{}), 401, "token_revoked")
		fresh := w.pass(user.key, object{"audience": []string{"music"}})
		w.must(200, "GET", w.gateway+"/", fresh, nil, atMusic)
		w.offset.Store(int64(-10 * time.Minute))
		w.restart()
		w.expect(name+" after a restart with the clock set back", w.send("GET", w.gateway+"/", old, nil, atMusic), 401, "")
		w.offset.Store(0)
		w.restart()
	}
}

// TestAttack_DisabledElsewhere: a user of two organizations, disabled by the one
// that manages the profile, is out in both; the other cannot switch it on again.
func TestAttack_DisabledElsewhere(t *testing.T) {
	w := newWorld(t, nil)
	w.organization("globex")
	w.serve("globex", "music", music)
	boss := w.member("globex", object{"roles": []string{"account_manager"}, "scopes": []string{"*"}})
	user := w.member("acme", object{"roles": []string{"developer"}})
	w.must(201, "PUT", orgPath("globex", "/memberships/"+user.id), boss.key, object{"roles": []string{"developer"}})
	there := w.must(201, "POST", orgPath("globex", "/keys"), boss.key, object{"user": user.id, "scopes": []string{"*"}, "roles": []string{"developer"}}).at("key")
	pass := w.pass(there, object{"renewable": true})
	w.must(200, "GET", w.gateway+"/", pass, nil, atMusic)

	seen := w.must(200, "GET", orgPath("globex", "/users/"+user.id), boss.key, nil)
	if seen.at("name") != "" || seen.at("email") != "" {
		t.Errorf("a foreign profile is shown: %s", seen.text)
	}
	for _, patch := range []object{{"name": "mine"}, {"email": "a@b.example"}, {"active": false}} {
		w.expect("a foreign profile is changed", w.send("PATCH", orgPath("globex", "/users/"+user.id), boss.key, patch), 403, "profile_foreign")
		w.expect("by a key made for its user", w.send("PATCH", orgPath("globex", "/users/"+user.id), there, patch), 403, "")
	}
	w.expect("a foreign user is deleted", w.send("DELETE", orgPath("globex", "/users/"+user.id), boss.key, nil), 403, "profile_foreign")

	w.must(200, "PATCH", orgPath("acme", "/users/"+user.id), w.founder, object{"active": false})
	w.expect("the pass elsewhere", w.send("GET", w.gateway+"/", pass, nil, atMusic), 401, "token_revoked")
	w.expect("the renewal elsewhere", w.send("POST", "/v1/tokens", pass, object{}), 401, "")
	w.expect("the key elsewhere", w.send("POST", "/v1/tokens", there, object{}), 401, "user_disabled")
	w.expect("switched on by the other", w.send("PATCH", orgPath("globex", "/users/"+user.id), boss.key, object{"active": true}), 403, "profile_foreign")
}

// TestAttack_NarrowedRole: a custom role that loses a scope takes it from every
// pass at once, and from what those would be renewed to.
func TestAttack_NarrowedRole(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	w.must(201, "PUT", orgPath("acme", "/roles/viewer"), w.founder, object{"scopes": []string{"photos:*"}})
	user := w.member("acme", object{"roles": []string{"viewer"}})
	pass := w.pass(user.key, object{"renewable": true})
	narrow := w.pass(pass, object{"scopes": []string{"photos:read"}})
	w.must(200, "GET", w.gateway+"/photos/1", narrow, nil, atPhotos)
	w.must(200, "PUT", orgPath("acme", "/roles/viewer"), w.founder, object{"scopes": []string{"photos:write"}})
	for _, old := range []string{pass, narrow} {
		w.expect("the old pass", w.send("GET", w.gateway+"/photos/1", old, nil, atPhotos), 401, "token_revoked")
		w.expect("its renewal", w.send("POST", "/v1/tokens", old, object{}), 401, "token_revoked")
	}
	w.expect("the lost scope", w.send("POST", "/v1/tokens", user.key, object{"scopes": []string{"photos:read"}}), 403, "scope_exceeded")
}

// TestAttack_RestoredBackup: a pass that was revoked after a backup was made stays dead when the backup is brought back,
// and one that knows of a later revision than the store does cannot be out of the reach of a revocation.
func TestAttack_RestoredBackup(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "music", music)
	user := w.member("acme", object{"roles": []string{"developer"}})
	revoked := w.pass(user.key, object{})
	w.stop()
	backup, err := os.ReadFile(filepath.Join(w.config.Data, "daypass.db"))
	if err != nil {
		t.Fatal(err)
	}
	w.run()
	w.must(204, "POST", "/v1/tokens/revoke", w.founder, object{"token": revoked})
	w.expect("before the restore", w.send("GET", w.gateway+"/", revoked, nil, atMusic), 401, "token_revoked")
	later := w.pass(user.key, object{})
	w.stop()

	for _, old := range []string{"daypass.db-wal", "daypass.db-shm"} {
		if err := os.Remove(filepath.Join(w.config.Data, old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.config.Data, "daypass.db"), backup, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Restored(t.Context(), w.config); err != nil {
		t.Fatal(err)
	}
	w.run()
	w.expect("the revoked pass", w.send("GET", w.gateway+"/", revoked, nil, atMusic), 401, "token_invalid")
	w.expect("the later pass", w.send("GET", w.gateway+"/", later, nil, atMusic), 401, "token_invalid")
	fresh := w.pass(user.key, object{})
	w.must(200, "GET", w.gateway+"/", fresh, nil, atMusic)
	w.must(204, "DELETE", orgPath("acme", "/keys/"+user.keyID), w.founder, nil)
	w.expect("a fresh pass of a deleted key", w.send("GET", w.gateway+"/", fresh, nil, atMusic), 401, "token_revoked")
}
