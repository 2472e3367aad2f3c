package e2e

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAttack_MalformedJSON: what cannot be read strictly is refused at once, with
// a problem that repeats nothing of it.
func TestAttack_MalformedJSON(t *testing.T) {
	w := newWorld(t, nil)
	canary := "canary5f1e"
	for name, body := range map[string]string{
		"duplicate":       `{"expires_in":60,"expires_in":61}`,
		"duplicate, case": `{"expires_in":60,"Expires_In":61}`,
		"escaped name":    `{"expires_in":60,"expires\u005fin":61}`,
		"unknown":         `{"ip":"` + canary + `"}`,
		"trailing":        `{} {}`,
		"not UTF-8":       "{\"subject\":\"\xff\"}",
		"lone surrogate":  `{"subject":"\ud800"}`,
		"array":           `{"scopes":"a"}`,
		"null":            `{"scopes":null}`,
		"deep":            `{"scopes":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`,
		"deep, long":      `{"scopes":` + strings.Repeat("[", 30_000),
		"many members":    `{"scopes":[` + strings.Repeat(`"a",`, 15_000) + `"a"]}`,
		"huge number":     `{"expires_in":1e400}`,
		"exponent":        `{"expires_in":1e30}`,
		"fraction":        `{"expires_in":60.5}`,
		"minus nothing":   `{"expires_in":-0}`,
		"negative":        `{"expires_in":-1}`,
		"beyond int64":    `{"expires_in":9223372036854775808}`,
		"int64":           `{"expires_in":9223372036854775807}`,
		"text":            `{"expires_in":"` + canary + `"}`,
		"leading zero":    `{"expires_in":060}`,
		"NaN":             `{"expires_in":NaN}`,
		"comment":         `{/**/"expires_in":60}`,
		"BOM":             "{\ufeff}",
		"nothing":         " ",
		"bad scope":       `{"scopes":["a!"]}`,
		"long scope":      `{"scopes":["` + strings.Repeat("a", 257) + `"]}`,
		"bad ips":         `{"ips":["0x7f.1"]}`,
		"no ips":          `{"ips":[]}`,
		"no audience":     `{"audience":[]}`,
		"NUL":             `{"subject":"a\u0000"}`,
	} {
		began := time.Now()
		if !strings.HasPrefix(body, "{") {
			body = "{" + body
		}
		a := w.send("POST", "/v1/tokens", w.founder, body)
		if a.status != 400 && a.status != 403 || a.code() == "" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
		if strings.Contains(a.text, canary) || len(a.text) > 2000 {
			t.Errorf("%s is repeated: %s", name, a.text)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if a := w.send("POST", "/v1/tokens", w.founder, `{"subject":"`+strings.Repeat("a", 70_000)+`"}`); a.status != 413 {
		t.Errorf("oversized: %d %s", a.status, a.text)
	}
	if a := w.send("POST", "/v1/tokens", w.founder, `{"expires_in":1e2}`); a.status != 400 && (a.status != 200 || a.body["expires_in"] != 100.0) {
		t.Errorf("1e2: %d %s", a.status, a.text)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{}`))
	_ = z.Close()
	for _, headers := range [][]string{{"Content-Encoding: gzip", "Content-Type: application/json"}, {"Content-Type: text/plain"}, {"Content-Type: application/json; charset=utf-16"}, {}, {"Content-Type: application/x-www-form-urlencoded"}} {
		req, _ := http.NewRequest("POST", w.api+"/v1/tokens", bytes.NewReader(zipped.Bytes()))
		req.Header.Set("Authorization", "Bearer "+w.founder)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		res, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 415 {
			t.Errorf("%v: %d", headers, res.StatusCode)
		}
	}
}

// TestAttack_BadCredentials: what is no credential is refused quickly, wherever
// it is sent, and is not remembered.
func TestAttack_BadCredentials(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	good := w.pass(w.founder, object{})
	parts := strings.Split(good, ".")
	bad := []string{
		strings.Repeat(".", 20_000), "..", "a.b.c", "dp_live_", "dp_live_" + strings.Repeat("a", 49), w.founder[:len(w.founder)-1], w.founder + "a",
		strings.ToUpper(w.founder), parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1], good + "=", good + ".", "." + good,
		parts[0] + "=." + parts[1] + "." + parts[2], parts[0] + "." + parts[1] + "." + parts[2][:80], strings.Repeat("a", 9000) + ".b.c", "eyJhbGciOiJub25lIn0." + parts[1] + ".",
	}
	for i := range 12 {
		bad = append(bad, good[:len(good)-1-i])
	}
	for _, credential := range bad {
		if len(credential) > 25_000 {
			continue
		}
		began := time.Now()
		for _, target := range []string{"/v1/me", "/v1/tokens"} {
			method := "GET"
			if target == "/v1/tokens" {
				method = "POST"
			}
			if a := w.send(method, target, credential, nil); a.status != 401 {
				t.Errorf("%.20s… (%d) at %s: %d %s", credential, len(credential), target, a.status, a.text)
			}
		}
		if a := w.send("GET", w.gateway+"/photos/1", credential, nil, atPhotos); a.status != 401 {
			t.Errorf("%.20s… at the gateway: %d %s", credential, a.status, a.text)
		}
		if a := w.send("POST", "/v1/tokens/introspect", w.founder, object{"token": credential}); a.status != 200 || strings.TrimSpace(a.text) != `{"active":false}` {
			t.Errorf("%.20s… introspected: %d %s", credential, a.status, a.text)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.20s… took %v", credential, took)
		}
	}
	if got := w.raw(w.gateway, "GET /photos/1 HTTP/1.1\r\nHost: photos.example\r\nAuthorization: Bearer "+strings.Repeat(".", 1<<20)+"\r\n\r\n"); !strings.HasPrefix(got, "431") && got != "" {
		t.Errorf("a megabyte of dots: %.100s", got)
	}
	w.must(200, "GET", w.gateway+"/photos/1", good, nil, atPhotos)
}

// TestAttack_TextInNames: line breaks, controls and turned writing stay out of
// what is stored, and what is stored is inert where it is shown.
func TestAttack_TextInNames(t *testing.T) {
	w := newWorld(t, nil)
	for _, text := range []string{"a\r\nb", "a\nb", "a\x00b", "a\x1b[31mb", "a\u202eb", "a\u2066b", "a\u2028b", "a\u0085b", "a\x7fb"} {
		for _, try := range []struct {
			method, path string
			body         object
		}{
			{"POST", orgPath("acme", "/users"), object{"name": text, "roles": []string{"consumer"}}},
			{"POST", orgPath("acme", "/users"), object{"email": text + "@b.example", "roles": []string{"consumer"}}},
			{"POST", orgPath("acme", "/users"), object{"comment": text, "roles": []string{"consumer"}}},
			{"POST", orgPath("acme", "/keys"), object{"comment": text, "scopes": []string{"a"}}},
			{"PUT", orgPath("acme", "/roles/x"), object{"comment": text, "scopes": []string{"a"}}},
			{"PUT", orgPath("acme", "/memberships/"+w.chief), object{"comment": text, "roles": []string{"administrator"}}},
			{"PATCH", orgPath("acme", ""), object{"name": text}},
			{"POST", "/v1/organizations", object{"slug": "x", "name": text}},
			{"POST", "/v1/organizations", object{"slug": "a" + text}},
			{"PUT", orgPath("acme", "/roles/x"), object{"scopes": []string{"a" + text}}},
			{"POST", orgPath("acme", "/users"), object{"roles": []string{"consumer" + text}}},
		} {
			if a := w.send(try.method, try.path, w.founder, try.body); a.status != 422 && a.status != 400 {
				t.Errorf("%q in %s %v: %d %s", text, try.path, try.body, a.status, a.text)
			}
		}
	}
	agent := strings.Repeat("ä", 150) // cut in the middle of a character, were it cut by bytes
	w.must(200, "POST", "/v1/tokens", w.founder, object{}, "User-Agent: "+agent)
	w.must(200, "GET", "/v1/me", w.founder, nil, "User-Agent: "+"<script>\u202e")
	w.must(200, "GET", "/v1/me", w.founder, nil, "User-Agent: \xff\xfe"+strings.Repeat("\xc3", 300))
}

// TestAttack_ResourceFiles: a resource file costs no more than its size allows.
func TestAttack_ResourceFiles(t *testing.T) {
	w := newWorld(t, nil)
	const size = 1<<20 - 100
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	for name, file := range map[string]string{
		"bomb":        bomb,
		"alias":       "application: &a x\norganization: *a\n",
		"merge":       "<<: {application: x}\n",
		"tag":         "application: !!binary eA==\n",
		"two":         "application: x\n---\napplication: y\n",
		"brackets":    strings.Repeat("[", size),
		"braces":      strings.Repeat("{a: ", size/4),
		"dashes":      strings.Repeat("- ", size/2),
		"keys":        strings.Repeat("? ", size/2),
		"colons":      strings.Repeat("a: ", size/3),
		"quotes":      "application: \"" + strings.Repeat("\\n", size/2),
		"comments":    strings.Repeat("#\n", size/2),
		"anchors":     strings.Repeat("&a ", size/3),
		"stars":       "resources: [{match: 'GET /" + strings.Repeat("*", 10_000) + "', access: public}]\n",
		"globs":       "resources: [{match: 'GET /" + strings.Repeat("*a", 2000) + "', access: public}]\n",
		"doublestars": "resources: [{match: 'GET " + strings.Repeat("/**", 3000) + "', access: public}]\n",
		"NUL":         "application: a\x00\n",
		"tabs":        strings.Repeat("\t", size),
		"json deep":   "{\"resources\":" + strings.Repeat("[", size/2),
		"json twice":  `{"prefix":"/a","prefix":"/b"}`,
		"not a map":   "x",
		"empty":       "#",
	} {
		began := time.Now()
		a := w.send("PUT", orgPath("acme", "/applications/x"), w.founder, file)
		if a.status != 422 && a.status != 400 || len(a.text) > 10_000 {
			t.Errorf("%s: %d %.300s", name, a.status, a.text)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if a := w.send("PUT", orgPath("acme", "/applications/x"), w.founder, "#"+strings.Repeat("x", 1<<20)); a.status != 413 {
		t.Errorf("oversized: %d %.300s", a.status, a.text)
	}
}
