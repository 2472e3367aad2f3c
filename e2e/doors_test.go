package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
)

func trusting(c *server.Config) { c.TrustedProxies = []string{"127.0.0.1"} }

// TestAttack_MixedForwardingFamilies: the method never comes from another family
// of headers than the target. A proxy that sends X-Original-URI alone passes on
// what the client says in X-Forwarded-Method.
func TestAttack_MixedForwardingFamilies(t *testing.T) {
	w := newWorld(t, trusting)
	w.serve("acme", "photos", photos)
	ask := func(headers ...string) answer {
		return w.send("POST", "/v1/forward-auth?application=acme/photos", "", nil, append(headers, "X-Forwarded-For: 203.0.113.5")...)
	}
	for _, headers := range [][]string{
		{"X-Original-Uri: /public/1", "X-Forwarded-Method: GET"},
		{"X-Forwarded-Uri: /public/1", "X-Original-Method: GET"},
		{"X-Original-Uri: /public/1"},
		{"X-Forwarded-Uri: /public/1"},
		{"X-Forwarded-Method: GET"},
		{"X-Original-Uri: /photos/1", "X-Original-Method: POST", "X-Forwarded-Method: GET"},
		{"X-Original-Uri: /photos/1", "X-Original-Method: GET", "X-Forwarded-Uri: /public/1"},
		{"X-Original-Uri: /photos/1", "X-Original-Method: GET", "X-Forwarded-Uri: /public/1", "X-Forwarded-Method: GET"},
		{"X-Original-Uri: /public/1", "X-Original-Method: GET", "X-Original-Method: POST"},
		{"X-Original-Uri: /public/1", "X-Original-Method: ", "X-Forwarded-Method: GET"},
	} {
		w.expect(strings.Join(headers, ", "), ask(headers...), 400, "bad_forwarded")
	}
	w.expect("both agree", ask("X-Original-Uri: /public/1", "X-Original-Method: GET", "X-Forwarded-Uri: /public/1", "X-Forwarded-Method: GET"), 204, "")
	w.expect("one whole, and a part that agrees", ask("X-Original-Uri: /public/1", "X-Original-Method: GET", "X-Forwarded-Method: GET"), 204, "")
}

// TestAttack_ForwardAuthClaims: what a client says beside the proxy's headers
// changes nothing, or is refused.
func TestAttack_ForwardAuthClaims(t *testing.T) {
	w := newWorld(t, trusting)
	w.serve("acme", "photos", photos)
	ask := func(hint, host, target string, headers ...string) answer {
		return w.send("GET", "/v1/forward-auth"+hint, "", nil, append(headers,
			"X-Forwarded-Method: GET", "X-Forwarded-Uri: "+target, "X-Forwarded-Host: "+host, "X-Forwarded-For: 203.0.113.5")...)
	}
	w.expect("plain", ask("", "photos.example", "/public/1"), 204, "")
	for _, host := range []string{"photos.example:443", "PHOTOS.example", "photos.example."} {
		w.expect("host "+host, ask("", host, "/public/1"), 204, "")
		w.expect("host "+host, ask("", host, "/photos/1"), 401, "token_missing")
	}
	for _, host := range []string{"photos.example, evil.example", "u@photos.example", "photos.example/x", "photos.example:x", "photos .example", "photos.example\\", "http://photos.example"} {
		w.expect("host "+host, ask("", host, "/public/1"), 400, "")
	}
	for _, target := range []string{"/public/../photos/1", "/public/%2e%2e/photos/1", "/public%2f..%2fphotos/1", "//public/1", "/public/1;x=/photos", "/public/1#/photos", "/public\\1", "/public/%252e%252e/photos/1", "public/1", "*", ""} {
		if a := ask("", "photos.example", target); a.status != 400 {
			t.Errorf("target %q: %d %s", target, a.status, a.text)
		}
	}
	for _, header := range []string{
		"X-Http-Method-Override: DELETE", "X-Original-Url: /admin", "X-Rewrite-Url: /admin", "X_Daypass_Subject: me", "X_forwarded_for: 127.0.0.1", "X_Http_Method_Override: PUT",
	} {
		if a := ask("", "photos.example", "/public/1", header); a.status != 400 {
			t.Errorf("%s: %d %s", header, a.status, a.text)
		}
	}
	for _, hint := range []string{"?application=acme/photos&application=acme/other", "?application=", "?x=1", "?application=acme%2Fphotos%26x", "?access_token=x"} {
		if a := ask(hint, "photos.example", "/public/1"); a.status == 204 {
			t.Errorf("hint %s: allowed", hint)
		}
	}
	got := ask("", "photos.example", "/public/1", "X-Daypass-Subject: admin", "X-Daypass-Org: acme")
	if got.status != 400 && got.header.Get("X-Daypass-Subject") != "" {
		t.Errorf("identity from the client: %d %v", got.status, got.header)
	}
	for _, name := range []string{"Subject", "Org", "Scopes", "Roles", "Token-Id", "Key-Id"} {
		a := ask("", "photos.example", "/public/1")
		if v, there := a.header["X-Daypass-"+name]; !there || len(v) != 1 || v[0] != "" {
			t.Errorf("X-Daypass-%s of an anonymous caller: %q", name, v)
		}
	}
}

// TestAttack_OddRequests: what two programs could read differently does not
// reach the upstream.
func TestAttack_OddRequests(t *testing.T) {
	w := newWorld(t, nil)
	w.serve("acme", "photos", photos)
	const host = "Connection: close\r\nHost: photos.example\r\n"
	for name, request := range map[string]string{
		"CL and TE":            "GET /public/1 HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths":          "GET /public/1 HTTP/1.1\r\n" + host + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
		"bare LF":              "GET /public/1 HTTP/1.1\n" + host + "\n",
		"folded":               "GET /public/1 HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\n\r\n",
		"TE list":              "GET /public/1 HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"TE with a tab":        "GET /public/1 HTTP/1.1\r\n" + host + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
		"blank before colon":   "GET /public/1 HTTP/1.1\r\n" + host + "Content-Length : 0\r\n\r\n",
		"signed length":        "GET /public/1 HTTP/1.1\r\n" + host + "Content-Length: +0\r\n\r\n",
		"two hosts":            "GET /public/1 HTTP/1.1\r\n" + host + "Host: evil.example\r\n\r\n",
		"host with user":       "GET /public/1 HTTP/1.1\r\nHost: a@photos.example\r\n\r\n",
		"absolute with user":   "GET http://a@photos.example/public/1 HTTP/1.1\r\n" + host + "\r\n",
		"no host":              "GET /public/1 HTTP/1.1\r\n\r\n",
		"connect":              "CONNECT photos.example:443 HTTP/1.1\r\n" + host + "\r\n",
		"connect path":         "CONNECT /public/1 HTTP/1.1\r\n" + host + "\r\n",
		"star":                 "OPTIONS * HTTP/1.1\r\n" + host + "\r\n",
		"trace":                "TRACE /public/1 HTTP/1.1\r\n" + host + "\r\n",
		"lower case":           "get /public/1 HTTP/1.1\r\n" + host + "\r\n",
		"method with dot":      "GET.X /public/1 HTTP/1.1\r\n" + host + "\r\n",
		"preface":              "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/3.0":             "GET /public/1 HTTP/3.0\r\n" + host + "\r\n",
		"blank in target":      "GET /public/1 x HTTP/1.1\r\n" + host + "\r\n",
		"fragment":             "GET /public/1#x HTTP/1.1\r\n" + host + "\r\n",
		"raw high byte":        "GET /public/\xff HTTP/1.1\r\n" + host + "\r\n",
		"header not UTF-8":     "GET /public/1 HTTP/1.1\r\n" + host + "X-A: \xff\r\n\r\n",
		"NUL in header":        "GET /public/1 HTTP/1.1\r\n" + host + "X-A: a\x00b\r\n\r\n",
		"two authorizations":   "GET /public/1 HTTP/1.1\r\n" + host + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
		"two credentials":      "GET /public/1 HTTP/1.1\r\n" + host + "Authorization: Bearer a\r\nApi-Key: b\r\n\r\n",
		"token in query":       "GET /public/1?access_token=x HTTP/1.1\r\n" + host + "\r\n",
		"token in query, case": "GET /public/1?ACCESS%5fTOKEN=x HTTP/1.1\r\n" + host + "\r\n",
	} {
		before := w.reached.Load()
		got := w.raw(w.gateway, request)
		if w.reached.Load() != before {
			t.Errorf("%s: reached the upstream: %s", name, got)
		}
		if strings.HasPrefix(got, "2") || strings.HasPrefix(got, "5") && name != "HTTP/3.0" {
			t.Errorf("%s: %s", name, got)
		}
	}
	// The authority of an absolute target is the host, as RFC 9112 section 3.2.2 says: here, no application's.
	if got := w.raw(w.gateway, "GET http://evil.example/public/1 HTTP/1.1\r\n"+host+"\r\n"); !strings.HasPrefix(got, "403") {
		t.Errorf("absolute target of another host: %s", got)
	}
	// A pipelined request behind a refused one is not answered.
	if got := w.raw(w.gateway, "GET /x;y HTTP/1.1\r\nHost: photos.example\r\n\r\nGET /public/1 HTTP/1.1\r\n"+host+"\r\n"); strings.Contains(got, "200 OK") {
		t.Errorf("a request behind a refused one was answered: %s", got)
	}
}

// TestAttack_UpstreamInside: an application cannot point the gateway at the
// server itself or at what serves a machine's own secrets.
func TestAttack_UpstreamInside(t *testing.T) {
	w := newWorld(t, nil)
	for _, upstream := range []string{w.ops, w.api, w.gateway, strings.Replace(w.ops, "127.0.0.1", "localhost", 1), strings.Replace(w.ops, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		w.serve("acme", "inside", strings.Replace("hosts: [inside.example]\nupstream: UPSTREAM\nresources: [{match: ANY /**, access: public}]\n", "UPSTREAM", upstream, 1))
		for _, path := range []string{"/metrics", "/debug/pprof/cmdline", "/livez"} {
			w.expect(upstream+path, w.send("GET", w.gateway+path, "", nil, "Host: inside.example"), http.StatusBadGateway, "upstream_unreachable")
		}
	}
	for _, host := range []string{"169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "0.0.0.0:" + port(w.ops), "[::]:" + port(w.ops), "100.100.100.200", "168.63.129.16", "192.0.0.192", "[64:ff9b::a9fe:a9fe]"} {
		file := "hosts: [inside.example]\nupstream: http://" + host + "\ntimeout: 2s\nresources: [{match: ANY /**, access: public}]\n"
		a := w.send("PUT", orgPath("acme", "/applications/inside"), w.founder, file)
		if a.status != 200 && a.status != 204 {
			continue // refused in the file is as good
		}
		began := time.Now()
		w.expect(host, w.send("GET", w.gateway+"/latest/meta-data", "", nil, "Host: inside.example"), http.StatusBadGateway, "upstream_unreachable")
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: was dialled, for %v", host, took)
		}
	}
}

// TestAttack_UpstreamOutside: where the operator says what upstreams may be,
// nothing else is dialled, whatever name or spelling leads there.
func TestAttack_UpstreamOutside(t *testing.T) {
	for networks, status := range map[string]int{"127.0.0.1/32": 200, "10.0.0.0/8": 502, "::1": 502, "169.254.0.0/16": 502} {
		w := newWorld(t, func(c *server.Config) { c.UpstreamNetworks = []string{networks} })
		for _, upstream := range []string{"UPSTREAM", strings.Replace(w.upstream.URL, "127.0.0.1", "localhost", 1), strings.Replace(w.upstream.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
			w.serve("acme", "photos", strings.Replace(photos, "UPSTREAM", upstream, 1))
			w.expect(networks+" "+upstream, w.send("GET", w.gateway+"/public/1", "", nil, atPhotos), status, "")
		}
		if (w.reached.Load() > 0) != (status == 200) {
			t.Errorf("%s: %d requests came through", networks, w.reached.Load())
		}
	}
	w := newWorld(t, func(c *server.Config) { c.UpstreamNetworks = []string{"169.254.0.0/16"} })
	w.serve("acme", "photos", strings.Replace(photos, "UPSTREAM", "http://169.254.169.254", 1))
	w.expect("what is never dialled", w.send("GET", w.gateway+"/public/1", "", nil, atPhotos), 502, "upstream_unreachable")
}

func port(base string) string {
	u, _ := url.Parse(base)
	return u.Port()
}
