package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/server"
)

const (
	organization = "acme"
	application  = "photos"
	host         = "photos.example.com"
	resources    = 200
	scopes       = 20
)

// settings are the defaults, with free ports and this machine as the proxy that may ask.
func settings(folder string) server.Config {
	c := server.DefaultConfig()
	c.Data = folder
	c.Listen, c.Gateway, c.ExtAuthz, c.Ops = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.TrustedProxies = []string{"127.0.0.1"}
	return c
}

// serveDaypass runs the server on a folder that was made before, until the parent is done with it.
func serveDaypass(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("name the data folder")
	}
	log, err := os.Create(filepath.Join(args[0], "log.json"))
	if err != nil {
		return err
	}
	defer log.Close()
	s, err := server.New(ctx, settings(args[0]), server.Options{Version: "bench", Log: log, Hashes: []string{os.Args[0], "hashes"}})
	if err != nil {
		return err
	}
	server.TuneHeap() // as 'daypass serve' does
	at := s.Addresses()
	if err := announce(ready{Listen: at.Listen, Gateway: at.Gateway, ExtAuthz: at.ExtAuthz, Ops: at.Ops}); err != nil {
		return err
	}
	return s.Run(untilClosed(ctx))
}

// initDaypass makes a store and returns the first administrator's key.
func initDaypass(ctx context.Context, folder string) (key string, err error) {
	made, err := server.Init(ctx, settings(folder), server.InitOptions{Organization: organization})
	return made.Key, err
}

// house is a server with an organization, an application of many resources, and a key of one of its consumers.
type house struct {
	*child
	admin string
	key   string
}

func (b *bench) newHouse(ctx context.Context, upstream string) (*house, error) {
	folder, err := os.MkdirTemp(b.folder, "data-")
	if err != nil {
		return nil, err
	}
	admin, err := initDaypass(ctx, folder)
	if err != nil {
		return nil, err
	}
	return b.open(ctx, folder, admin, upstream)
}

// open starts a server on a folder and makes sure that application and consumer are there.
func (b *bench) open(ctx context.Context, folder, admin, upstream string) (*house, error) {
	server, err := spawn(ctx, "serve-daypass", folder)
	if err != nil {
		return nil, err
	}
	h := &house{child: server, admin: admin}
	if err := h.furnish(upstream); err != nil {
		return nil, errors.Join(err, h.stop())
	}
	return h, nil
}

func (h *house) furnish(upstream string) error {
	if err := h.put(resourceFile(upstream, resources)); err != nil {
		return err
	}
	var user struct{ Key struct{ Key string } }
	if err := h.call("POST", organizationPath+"/users", `{"name":"consumer","roles":["consumer"],"scopes":["*"]}`, &user); err != nil {
		return err
	}
	h.key = user.Key.Key
	return nil
}

const organizationPath = "/v1/organizations/" + organization

// put gives the application another resource file.
func (h *house) put(file string) error {
	return h.call("PUT", organizationPath+"/applications/"+application, file, nil)
}

// call makes one request to the API as the administrator.
func (h *house) call(method, path, body string, answer any) error {
	request, err := http.NewRequest(method, "http://"+h.Ready.Listen+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Api-Key", h.admin)
	request.Header.Set("Content-Type", "application/json")
	if !strings.HasPrefix(body, "{") {
		request.Header.Set("Content-Type", "application/yaml")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, said)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(said, answer)
}

// resourceFile has resources of the usual kinds: plain paths, paths with a parameter, and whole subtrees.
func resourceFile(upstream string, count int) string {
	var file strings.Builder
	fmt.Fprintf(&file, "application: %s\norganization: %s\nhosts: [%s]\n", application, organization, host)
	if upstream != "" {
		fmt.Fprintf(&file, "upstream: http://%s\n", upstream)
	}
	file.WriteString("resources:\n")
	for i := range count {
		pattern := [...]string{"", "/{id}", "/{id}/sizes", "/files/**"}[i%4]
		fmt.Fprintf(&file, "  - match: GET /v1/area%d%s\n    require: { scopes: [\"area%d:read\"], roles: [consumer] }\n", i, pattern, i)
	}
	return file.String()
}

// area is the number of the resource that scope number i opens; they lie apart.
func area(i int) int { return i * (resources / scopes) }

// target is a path that resource number i matches.
func target(i int) string {
	return fmt.Sprintf("/v1/area%d%s", i, [...]string{"", "/4711", "/4711/sizes", "/files/2026/10/a.jpg"}[i%4])
}

// scopeList is what a pass asks for, as JSON.
func scopeList() string {
	list := make([]string, scopes)
	for i := range list {
		list[i] = fmt.Sprintf(`"area%d:read"`, area(i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// exchangeRequest asks for a pass.
func exchangeRequest(key string) []byte {
	body := `{"expires_in":3600,"audience":["` + application + `"],"scopes":` + scopeList() + `}`
	return fmt.Appendf(nil, "POST /v1/tokens HTTP/1.1\r\nHost: daypass.example.com\r\nUser-Agent: bench/1\r\nAccept: application/json\r\nContent-Type: application/json\r\nApi-Key: %s\r\nContent-Length: %d\r\n\r\n%s", key, len(body), body)
}

// passes exchanges the house's key a few times, for the passes of [exchangeRequest].
func (h *house) passes(count int) ([]string, error) {
	list := make([]string, count)
	for i := range list {
		var err error
		if list[i], err = h.pass(string(bodyOf(exchangeRequest(h.key)))); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// pass exchanges the house's key for what is wished.
func (h *house) pass(wish string) (string, error) {
	request, err := http.NewRequest("POST", "http://"+h.Ready.Listen+"/v1/tokens", strings.NewReader(wish))
	if err != nil {
		return "", err
	}
	request.Header.Set("Api-Key", h.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	var answer struct{ Token string }
	err = errors.Join(json.NewDecoder(response.Body).Decode(&answer), response.Body.Close())
	if err != nil || answer.Token == "" {
		return "", fmt.Errorf("exchange: %s: %w", response.Status, err)
	}
	return answer.Token, nil
}

func bodyOf(request []byte) []byte {
	_, body, _ := bytes.Cut(request, headEnd)
	return body
}

// forwardAuth is what a proxy asks, around the pass.
func forwardAuth(path string) [2]string {
	return [2]string{
		"GET /v1/forward-auth HTTP/1.1\r\nHost: daypass.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Host: " + host +
			"\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Uri: " + path + "\r\nAuthorization: Bearer ",
		"\r\n\r\n",
	}
}

// forwardAuthRequests asks for many paths with many passes.
func forwardAuthRequests(passes []string) [][]byte {
	var list [][]byte
	for i := range scopes {
		around := forwardAuth(target(area(i)))
		for _, pass := range passes {
			list = append(list, []byte(around[0]+pass+around[1]))
		}
	}
	return list
}

// gatewayRequests are what a client of the application sends.
func gatewayRequests(passes []string) [][]byte {
	var list [][]byte
	for i := range scopes {
		for _, pass := range passes {
			list = append(list, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer %s\r\n\r\n", target(area(i)), host, pass))
		}
	}
	return list
}

// profile has a processor profile of the house made while v is sent, if profiles are wanted.
func (b *bench) profile(h *house, name string, v volley) error {
	if b.profiles == "" {
		return nil
	}
	const seconds = 2
	v.Warm, v.For = 0, seconds*time.Second
	got := make(chan error, 1)
	go func() { got <- b.fetchProfile(h, fmt.Sprintf("profile?seconds=%d", seconds), name) }()
	_, err := fire(b.generator, v)
	return errors.Join(err, <-got)
}

// fetchProfile saves what the ops listener says under /debug/pprof/, if profiles are wanted.
func (b *bench) fetchProfile(h *house, kind, name string) error {
	if b.profiles == "" {
		return nil
	}
	response, err := http.Get("http://" + h.Ready.Ops + "/debug/pprof/" + kind)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.profiles, name+".pprof"), data, 0o644)
}
