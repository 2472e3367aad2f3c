package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/sign"
)

// TestRokkaClient: npm rokka runs its token, key and membership flow.
func TestRokkaClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	runNode(t, "rokka.mjs", map[string]string{"DAYPASS_URL": w.api, "KEY": w.founder, "ORG": "acme", "USER": w.chief})
}

// TestRokkaAnswers holds what rokka's clients look at beside the body: the exact type, and none where there is nothing.
func TestRokkaAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	pass := w.pass(w.founder, object{})
	user := w.must(200, "GET", "/user", "", nil, "Api-Key: "+w.founder)
	if got := user.header["Content-Type"]; len(got) != 1 || got[0] != "application/json" {
		t.Errorf("type %q", got)
	}
	key := w.send("POST", "/user/apikeys", "", nil, "Api-Key: "+w.founder, "Content-Type: text/plain;charset=UTF-8")
	w.expect("a body that is not there", key, 201, "")
	gone := w.must(204, "DELETE", "/user/apikeys/"+key.at("id"), "", nil, "Api-Key: "+w.founder)
	if len(gone.header["Content-Type"]) != 0 || gone.text != "" {
		t.Errorf("%v %q", gone.header, gone.text)
	}
	// A pass goes before the key that came with it: also a dead one.
	w.expect("pass and key", w.send("GET", "/user", pass, nil, "Api-Key: "+w.founder), 200, "")
	bad := w.send("GET", "/user", pass[:len(pass)-4], nil, "Api-Key: "+w.founder)
	if bad.status != 401 || bad.body["invalid_authentication"] != true || bad.body["code"] != 401.0 {
		t.Errorf("%d %s", bad.status, bad.text)
	}
	w.expect("everywhere else two are too many", w.send("GET", "/v1/me", pass, nil, "Api-Key: "+w.founder), 400, "two_credentials")
	w.expect("a key that does not match the user", w.send("GET", "/user/apikeys/token?expires_in=x", "", nil, "Api-Key: "+w.founder), 400, "")
	// What is refused before the door is reached is refused in its words too.
	query := w.send("GET", "/user?api_key=x", pass, nil)
	if query.status != 400 || query.at("reason") != "token_in_query" || query.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", query.status, query.text)
	}
	other := w.member("acme", object{"roles": []string{"developer"}})
	w.expect("another's key, by who could delete it", w.send("DELETE", "/user/apikeys/"+other.keyID, w.founder, nil), 404, "")
	w.must(200, "GET", orgPath("acme", "/keys/"+other.keyID), w.founder, nil)
	// A key that signs is a key: what it buys is bound to the address.
	made := w.signingKey()
	signer, err := sign.NewHMACSigner(made.at("id"), []byte(made.at("secret")))
	if err != nil {
		t.Fatal(err)
	}
	bought := w.sendSigned(w.signed(signer, "GET", w.api+"/user/apikeys/token", "", time.Now(), nil))
	payload, _ := bought.body["payload"].(object)
	if bought.status != 200 || fmt.Sprint(payload["ips"]) != "[127.0.0.1]" || payload["rn"] != true {
		t.Errorf("%d %s", bought.status, bought.text)
	}
	w.expect("a second organization's members", w.send("GET", "/organizations/other/memberships", pass, nil), 404, "")
}

// TestJWTDoor: a key's id and text for a pass, with the answers that its clients know.
func TestJWTDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	writer := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"Mutation:Person:*"}})
	id, text := writer.at("id"), writer.at("key")
	other := w.must(201, "POST", orgPath("acme", "/keys"), w.founder, object{"scopes": []string{"*"}})
	for _, c := range []struct {
		what   string
		body   any
		status int
		says   string // of the message; of a pass, its scopes
	}{
		{"all of the key", object{"id": id, "apiKey": text}, 200, "Mutation:Person:*"},
		{"a list", object{"id": id, "apiKey": text, "scopes": []string{"Mutation:Person:Create"}}, 200, "Mutation:Person:Create"},
		{"a text", object{"id": id, "apiKey": text, "scopes": "Mutation:Person:Create Mutation:Person:Update"}, 200, "Mutation:Person:Create Mutation:Person:Update"},
		{"beyond the key", object{"id": id, "apiKey": text, "scopes": []string{"Mutation:Place:Create"}}, 403, "Mutation:Place:Create"},
		{"a pattern beyond it", object{"id": id, "apiKey": text, "scopes": []string{"*"}}, 403, `"*"`},
		{"another's id", object{"id": other.at("id"), "apiKey": text}, 403, "there is no key with this id and this apiKey"},
		{"another's text", object{"id": id, "apiKey": other.at("key")}, 403, "there is no key with this id and this apiKey"},
		{"no such text", object{"id": id, "apiKey": "guess"}, 403, "there is no key with this id and this apiKey"},
		{"no such id", object{"id": "key_nobody", "apiKey": "guess"}, 403, "there is no key with this id and this apiKey"},
		{"a pass is no key", object{"id": id, "apiKey": w.pass(w.founder, object{})}, 403, ""},
		{"no apiKey", object{"id": id}, 401, "required"},
		{"no id", object{"apiKey": text}, 401, "required"},
		{"nothing", nil, 401, "required"},
		{"null for what is missing", object{"id": id, "apiKey": nil}, 401, "required"},
		{"null for scopes is not all of them", object{"id": id, "apiKey": text, "scopes": nil}, 400, "list"},
		{"empty", object{}, 401, "required"},
		{"no text", object{"id": 1, "apiKey": text}, 400, ""},
		{"scopes of another type", object{"id": id, "apiKey": text, "scopes": 7}, 400, "list"},
		{"an unknown member", object{"id": id, "apiKey": text, "admin": true}, 400, ""},
		{"a bad scope", object{"id": id, "apiKey": text, "scopes": []string{"{a,b}"}}, 400, ""},
	} {
		a := w.send("POST", "/jwt", "", c.body)
		said := a.at("message")
		want := object{"success": false, "message": said}
		if c.status == 200 {
			want = object{"success": true, "jwt": a.at("jwt")}
			said = claimsOf(t, a.at("jwt")).at("scope")
		}
		if a.status != c.status || !strings.Contains(said, c.says) || len(a.body) != len(want) || a.body["success"] != want["success"] || said == "" {
			t.Errorf("%s: %d %s", c.what, a.status, a.text)
		}
		if strings.Contains(a.text, text) {
			t.Errorf("%s: the key is in the answer", c.what)
		}
	}
	w.expect("a form", w.formed("/jwt", "id="+id+"&apiKey="+text+"&scopes=Mutation:Person:Create"), 200, "")
	w.expect("a form with one field twice", w.formed("/jwt", "id="+id+"&id="+id+"&apiKey="+text), 400, "")
	// What else was sent proves nothing, and does not harm.
	w.expect("beside an old pass", w.send("POST", "/jwt", "old", object{"id": id, "apiKey": text}), 200, "")
	w.must(204, "DELETE", orgPath("acme", "/keys/"+id), w.founder, nil)
	w.expect("deleted", w.send("POST", "/jwt", "", object{"id": id, "apiKey": text}), 403, "")
}

func (w *world) formed(target, form string) answer {
	w.t.Helper()
	res, err := w.client.Post(w.api+target, "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	_ = json.NewDecoder(res.Body).Decode(&a.body)
	return a
}

func claimsOf(t *testing.T, text string) answer {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no pass", text)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	a := answer{text: string(raw)}
	_ = json.Unmarshal(raw, &a.body)
	return a
}

// TestDoorsShut: a door that is not named does not exist.
func TestDoorsShut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *server.Config) { c.Doors = []string{"jwt"} })
	w.expect("rokka", w.send("GET", "/user", w.founder, nil), http.StatusNotFound, "no_route")
	w.expect("rokka's members", w.send("GET", "/organizations/acme/memberships", w.founder, nil), http.StatusNotFound, "no_route")
	w.expect("jwt", w.send("POST", "/jwt", "", object{}), http.StatusUnauthorized, "")
	w.config.Doors = []string{"none"}
	w.restart()
	w.expect("jwt", w.send("POST", "/jwt", "", object{}), http.StatusNotFound, "no_route")
	w.expect("the native API", w.send("GET", "/v1/me", w.founder, nil), http.StatusOK, "")
}

// TestAttack_RokkaDoor: the door gives nobody more than the native API does.
func TestAttack_RokkaDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	manager := w.member("acme", object{"roles": []string{"account_manager"}, "scopes": []string{"daypass:*", "photos:*"}})
	w.organization("globex")
	stranger := w.member("globex", object{"roles": []string{"account_manager"}})
	members := "/organizations/acme/memberships"

	w.expect("an administrator by another name", w.send("POST", members, manager.key, object{"roles": []string{"administrator"}}), 403, "")
	w.expect("oneself as administrator", w.send("PUT", members+"/"+manager.id, manager.key, object{"roles": []string{"admin", "administrator"}}), 403, "")
	w.expect("an administrator made less", w.send("PUT", members+"/"+w.chief, manager.key, object{"roles": []string{"read"}}), 403, "")
	w.expect("an administrator taken out", w.send("DELETE", members+"/"+w.chief, manager.key, nil), 403, "")
	w.expect("a role of scopes that its maker lacks", w.send("POST", members, manager.key, object{"roles": []string{"write"}}), 403, "")
	w.expect("the role was not made", w.send("GET", orgPath("acme", "/roles/write"), w.founder, nil), 404, "")

	narrow := w.pass(manager.key, object{"scopes": []string{"photos:read", "daypass:keys:*"}})
	key := w.must(201, "POST", "/user/apikeys", narrow, nil, "Content-Type: text/plain")
	if scopes := w.must(200, "GET", orgPath("acme", "/keys/"+key.at("id")), w.founder, nil).text; strings.Contains(scopes, "photos:*") {
		t.Errorf("a key wider than the pass that made it: %s", scopes)
	}
	onlyRead := w.pass(manager.key, object{"scopes": []string{"photos:read"}})
	w.expect("keys by a pass that may not read them", w.send("GET", "/user/apikeys", onlyRead, nil), 403, "")
	if a := w.send("GET", "/user", onlyRead, nil); a.status != 200 || !strings.Contains(a.text, `"api_keys":[]`) {
		t.Errorf("who am I: %d %s", a.status, a.text)
	}

	for _, route := range []string{
		"GET " + members, "GET " + members + "/" + manager.id, "DELETE " + members + "/" + manager.id, "DELETE /user/apikeys/" + manager.keyID,
	} {
		method, path, _ := strings.Cut(route, " ")
		a := w.send(method, path, stranger.key, nil)
		if a.status != 404 || a.body["invalid_authentication"] != nil {
			t.Errorf("%s of another organization: %d %s", route, a.status, a.text)
		}
	}
	w.expect("a member of another organization", w.send("PUT", members+"/"+manager.id, stranger.key, object{"roles": []string{"read"}}), 404, "")
	w.expect("a user there", w.send("POST", "/users", stranger.key, object{"organization": "acme"}), 404, "")
	w.expect("a user by nobody", w.send("POST", "/users", "", object{"email": "a@b.example"}), 401, "")
	w.expect("a key in the query", w.send("GET", "/user?api_key=x", manager.key, nil), 400, "")
	w.expect("a member that is not known", w.send("PUT", members+"/"+manager.id, w.founder, object{"roles": []string{"admin"}, "owner": true}), 400, "")
}
