package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
)

// passwordPage is what the page of a mailed link shows. It works without a script.
type passwordPage struct {
	Secret  string // ask for a password
	Name    string // to log in by
	Problem string // with the one that was sent
	Done    string // it is set, for this name
	Refused string // nothing can be set
}

const passwordPageStyle = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:4rem auto;padding:0 1rem}label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}input{padding:.5rem;margin:.25rem 0 1rem}input{border:1px solid #7d8888;border-radius:6px}button{padding:.6rem;border:0;border-radius:6px;background:#0b6b63;color:#fff;cursor:pointer}[role=alert]{border-left:4px solid #b60;padding-left:.8rem}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}button{background:#4fd1c1;color:#04211d}}`

var passwordTemplate = template.Must(template.New("password").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Daypass: choose a password</title>
<style>` + passwordPageStyle + `</style>
{{if .Done}}<h1>Done</h1>
<p>The password is set. <a href="/login">Log in</a> as <strong>{{.Done}}</strong>. You were logged out everywhere else.</p>
{{else if .Refused}}<h1>This does not work</h1>
<p role="alert">{{.Refused}}</p>
{{else}}<h1>Choose a password</h1>
{{if .Name}}<p>For <strong>{{.Name}}</strong>.</p>{{end}}
{{if .Problem}}<p role="alert">{{.Problem}}</p>{{end}}
<form method="post" action="?">
<input type="hidden" name="token" value="{{.Secret}}">
{{if .Name}}<input type="hidden" autocomplete="username" value="{{.Name}}">{{end}}
<label for="password">At least 15 characters. A sentence does well; so does what a password manager makes.</label>
<input id="password" type="password" name="password" autocomplete="new-password" minlength="15" maxlength="512" required autofocus>
<button>Set the password</button>
</form>
{{end}}</html>
`))

// passwordPagePolicy lets in the style by its hash, and the form to this server.
var passwordPagePolicy = func() string {
	sum := sha256.Sum256([]byte(passwordPageStyle))
	return "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

func writePasswordPage(w http.ResponseWriter, status int, p passwordPage) error {
	var page bytes.Buffer
	if err := passwordTemplate.Execute(&page, p); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", passwordPagePolicy)
	h.Set("Referrer-Policy", "no-referrer") // the address of the page has the secret
	w.WriteHeader(status)
	_, err := w.Write(page.Bytes())
	return err
}

func sendJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaJSON)
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
