package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	contract "github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/server"
)

var secretFields = regexp.MustCompile(`(?i)^(.*password|.*secret|.*token|.*assertion|apiKey|signature|token|public_key)$`)

// TestAttack_CanariesAtEveryRoute: every kind of secret, false by its last letter,
// is sent to every route of the contract in every place where one could stand. Not
// one is in the log, the answers, the metrics, mail or a file afterwards. A new
// route, or a new field of one, is tried without a line here.
func TestAttack_CanariesAtEveryRoute(t *testing.T) {
	t.Parallel()
	const sings = "a canary that sings at noon, unheard"
	w := newWorld(t, func(c *server.Config) { c.MailDir = filepath.Join(t.TempDir(), "mail") })
	user := w.member("acme", object{"name": "Ada", "email": "ada@acme.example", "roles": []string{"consumer"}})
	w.must(201, "POST", orgPath("acme", "/users/"+user.id+"/invitation"), w.founder, nil)
	link := linkIn.FindStringSubmatch(w.mail(1))[1]
	w.must(200, "POST", "/auth/password", "", object{"token": link, "password": sings})
	in := w.login("ada@acme.example", sings)
	client, hmac := w.oauthClient("ES256", nil), w.signingKey()
	proof, err := newSender(t, nil).Proof("POST", w.api+"/v1/tokens", "", "")
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{
		"password": sings, "key": user.key, "client secret": client.secret, "signing secret": hmac.at("secret"), "signing secret's other form": hmac.at("secret_multibase"),
		"refresh token": in.at("refresh_token"), "pass": in.at("token"), "link": "dpl_" + strings.Repeat("Kanarienvogel", 4)[:49],
		"assertion": w.assertion(client.signer, client.id, nil), "proof": proof, "encrypted pass": "eyJhbGciOiJFQ0RILUVTIn0..a2FuYXJpZW4.a2FuYXJpZW52b2dlbA.a2FuYXJpZW4",
		"signature": "uKanarienvogelKanarienvogelKanarienvogel",
	}
	doc, err := openapi3.NewLoader().LoadFromData(contract.Document)
	if err != nil {
		t.Fatal(err)
	}
	var answers strings.Builder
	sent := 0
	note := func(a answer) {
		sent++
		answers.WriteString(a.text)
		for _, values := range a.header {
			answers.WriteString(strings.Join(values, "\n"))
		}
	}
	for what, secret := range secrets {
		wrong := secret[:len(secret)-1] + "~"
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				op.Parameters = append(slices.Clone(op.Parameters), item.Parameters...)
				c := probe{w, method, path, op, wrong}
				c.everywhere(note, credentialInPath(what))
			}
		}
	}
	if sent < 5000 {
		t.Errorf("%d requests: the contract is not read", sent)
	}
	note(w.send("GET", w.ops+"/metrics", "", nil))
	note(w.send("GET", orgPath("acme", "/attempts"), w.founder, nil))
	note(w.send("GET", orgPath("acme", "/events?limit=200"), w.founder, nil))
	w.stop()
	traces := map[string]string{"the log": w.log.String(), "the answers": answers.String()}
	for _, pattern := range []string{filepath.Join(w.config.Data, "*"), filepath.Join(w.config.MailDir, "*")} {
		files, _ := filepath.Glob(pattern)
		for _, name := range files {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			traces[filepath.Base(name)] = string(raw)
		}
	}
	for where, text := range traces {
		for what, secret := range secrets {
			if i := strings.Index(text, secret[:len(secret)-1]); i >= 0 {
				t.Errorf("%s: in %s: …%s…", what, where, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// credentialInPath reports whether a secret can be told from any other part of a path.
func credentialInPath(what string) bool {
	return what != "password" && !strings.HasPrefix(what, "sign")
}

// probe is a secret on its way to a route.
type probe struct {
	w            *world
	method, path string
	op           *openapi3.Operation
	secret       string
}

func (c probe) everywhere(note func(answer), inPath bool) {
	w, s := c.w, c.secret
	target := c.at("x")
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s+":"+s))
	for _, headers := range [][]string{
		{"Authorization: Bearer " + s, "Cookie: session=" + s, "X-Request-Id: " + s, "Traceparent: " + s, "Idempotency-Key: " + s},
		{basic, "Origin: " + s}, {"Authorization: DPoP " + s, "DPoP: " + s},
		{"Api-Key: " + s, "X-Textile-Api-Key: " + s, "X-Textile-Api-Sig: " + s, "X-Textile-Api-Sig-Msg: " + s},
		{"Signature-Input: a=(\"@method\");keyid=\"" + s + "\"", "Signature: a=:" + s + ":"},
	} {
		note(w.send(c.method, target, "", nil, headers...))
	}
	if inPath {
		note(w.send(c.method, c.at(url.PathEscape(s)), "", nil))
	}
	query := url.Values{"access_token": {s}}
	for _, p := range c.op.Parameters {
		if p.Value.In == "query" {
			query.Set(p.Value.Name, s)
			note(w.send(c.method, target+"?"+url.Values{p.Value.Name: {s}}.Encode(), w.founder, nil))
		}
	}
	note(w.send(c.method, target+"?"+query.Encode(), "", nil))
	c.bodies(note, target)
}

// at is the route with this in each of its parameters.
func (c probe) at(part string) string {
	return regexp.MustCompile(`\{[^}]+\}`).ReplaceAllLiteralString(c.path, part)
}

func (c probe) bodies(note func(answer), target string) {
	if c.op.RequestBody == nil {
		return
	}
	w, s := c.w, c.secret
	all, secret := object{}, object{}
	for _, content := range c.op.RequestBody.Value.Content {
		for name := range content.Schema.Value.Properties {
			all[name] = s
			if secretFields.MatchString(name) {
				secret[name] = s
			} else if name == "username" || name == "id" {
				secret[name] = "ada@acme.example"
			}
		}
	}
	form := url.Values{s: {s}}
	for name := range all {
		form.Set(name, s)
	}
	unknown, _ := json.Marshal(object{s: s})
	whole, _ := json.Marshal(all)
	for media, body := range map[string]string{
		"application/json": string(whole), "application/JSON; charset=utf-8": string(unknown), "text/plain": s, "application/x-www-form-urlencoded": form.Encode(),
		"application/xml": "<x>" + s + "</x>", "multipart/form-data; boundary=x": "--x\r\nContent-Disposition: form-data; name=\"" + s + "\"\r\n\r\n" + s + "\r\n--x--", s: s,
		"application/json;x": string(whole[:len(whole)-1]),
	} {
		note(c.raw(target, media, body))
	}
	if len(secret) > 0 {
		form := url.Values{}
		for name, v := range secret {
			form.Set(name, v.(string))
		}
		part, _ := json.Marshal(secret)
		for _, credential := range []string{"", w.founder} {
			note(c.raw(target, "application/json", string(part), "Authorization: Bearer "+credential))
			note(c.raw(target, "application/x-www-form-urlencoded", form.Encode(), "Authorization: Bearer "+credential))
			for _, grant := range []string{"client_credentials", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer", s} {
				form.Set("grant_type", grant)
				form.Set("client_assertion_type", assertionType)
				note(c.raw(target, "application/x-www-form-urlencoded", form.Encode()))
			}
			form.Del("grant_type")
			form.Del("client_assertion_type")
		}
	}
}

func (c probe) raw(target, media, body string, headers ...string) answer {
	c.w.t.Helper()
	r, err := http.NewRequest(c.method, c.w.api+target, strings.NewReader(body))
	if err != nil {
		c.w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", media)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if value != "Bearer " {
			r.Header.Set(name, value)
		}
	}
	return c.w.do(r)
}
