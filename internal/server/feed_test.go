package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/server"
	"github.com/daypass/daypass/verify"
)

// feedKey makes the key that a verifier needs: of the administrator, for the feed alone.
func (i *instance) feedKey() (text, id string) {
	i.t.Helper()
	made := i.must(201, "POST", "/v1/organizations/acme/keys", i.created.Key, object{"scopes": []string{"daypass:feed:read"}})
	return made.str("key"), made.str("id")
}

// publishedKeys reads the key set of the server.
func (i *instance) publishedKeys() verify.KeySet {
	i.t.Helper()
	set, err := verify.ParseKeySet([]byte(i.must(200, "GET", "/.well-known/jwks.json", "", nil).text))
	if err != nil {
		i.t.Fatal(err)
	}
	return set.LowS()
}

func readPage(t *testing.T, keys verify.KeySet, text string) *verify.Feed {
	t.Helper()
	payload, _, err := keys.Verify(text, verify.TypFeed)
	if err != nil {
		t.Fatal(err)
	}
	page, err := verify.ReadFeed(payload)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// following starts a Verifier on the feed of the server.
func (i *instance) following(now func() time.Time) *verify.Verifier {
	i.t.Helper()
	key, _ := i.feedKey()
	v, err := verify.New(verify.Config{
		Issuer: server.DefaultIssuer, Audience: []string{"acme"}, Now: now,
		JWKSURL: i.api + "/.well-known/jwks.json", FeedURL: i.api + "/v1/feed", FeedCredential: func() string { return key },
	})
	if err != nil {
		i.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	i.t.Cleanup(func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			i.t.Errorf("the verifier ended with %v", err)
		}
	})
	return v
}

// TestOfflineRevocation: a service that never asks about a pass refuses it as soon as it is revoked, and refuses every pass
// when the feed falls silent.
func TestOfflineRevocation(t *testing.T) {
	i := start(t, nil)
	var later atomic.Int64
	v := i.following(func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
	good := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).str("token")
	bad := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).str("token")
	for _, pass := range []string{good, bad} {
		if _, err := v.Verify(t.Context(), pass); err != nil {
			t.Fatal(err)
		}
	}
	i.must(204, "POST", "/v1/tokens/revoke", "", object{"token": bad})
	begin := time.Now()
	for {
		_, err := v.Verify(t.Context(), bad)
		if errors.Is(err, verify.ErrRevoked) {
			break
		}
		if err != nil || time.Since(begin) > 10*time.Second {
			t.Fatalf("still alive: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Error(err)
	}
	i.stop()
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Errorf("a server that restarts stops nobody: %v", err)
	}
	later.Store(int64(31 * time.Second))
	if _, err := v.Verify(t.Context(), good); !errors.Is(err, verify.ErrStale) {
		t.Errorf("without news: %v", err)
	}
}

func TestFeedWhoMayRead(t *testing.T) {
	i := start(t, nil)
	user := i.must(201, "POST", "/v1/organizations/acme/users", i.created.Key, object{"name": "m", "roles": []string{"account_manager"}})
	manager := user.body["key"].(object)["key"].(string)
	narrow := i.must(200, "POST", "/v1/tokens", i.created.Key, object{"scopes": []string{"daypass:keys:read"}}).str("token")
	reader, _ := i.feedKey()
	pass := i.must(200, "POST", "/v1/tokens", reader, object{}).str("token")
	for name, c := range map[string]struct {
		credential, query, code string
		status                  int
	}{
		"nobody":              {"", "", "credential_missing", 401},
		"an account manager":  {manager, "", "role_missing", 403},
		"without the scope":   {narrow, "", "scope_missing", 403},
		"a key for it":        {reader, "?after=0", "", 200},
		"a pass for it":       {pass, "", "", 200},
		"a negative revision": {reader, "?after=-1", "invalid_parameter", 400},
		"no number":           {reader, "?after=x", "invalid_parameter", 400},
		"a long wait":         {reader, "?wait=26", "invalid_parameter", 400},
		"ahead of the server": {reader, "?after=9007199254740991", "feed_behind", 503},
	} {
		a := i.do("GET", i.api+"/v1/feed"+c.query, c.credential, nil)
		if a.status != c.status || a.str("code") != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.text, c.status, c.code)
		}
	}
	i.must(403, "GET", "/v1/organizations/acme/keys", pass, nil) // it is good for nothing else
}

// TestFeedLongPoll: an answer comes at once with the change, or when the time is over, even past the deadlines of other requests.
func TestFeedLongPoll(t *testing.T) {
	i := start(t, func(c *server.Config) { c.RequestTimeout = 300 * time.Millisecond })
	key, _ := i.feedKey()
	keys := i.publishedKeys()
	first := readPage(t, keys, i.must(200, "GET", "/v1/feed?wait=25", i.created.Key, nil).text)
	if first.Issuer != server.DefaultIssuer || !first.Complete || first.After != 0 || first.Expires-first.IssuedAt < 25 {
		t.Fatalf("got %+v", first)
	}
	ask := fmt.Sprintf("/v1/feed?after=%d&wait=", first.Revision)
	quiet := readPage(t, keys, i.must(200, "GET", ask+"1", key, nil).text)
	if len(quiet.Revocations) != 0 || !quiet.Complete {
		t.Errorf("got %+v", quiet)
	}
	pass := i.must(200, "POST", "/v1/tokens", i.created.Key, object{}).body
	answered := make(chan answer)
	go func() { answered <- i.do("GET", i.api+ask+"25", key, nil) }()
	time.Sleep(50 * time.Millisecond) // most runs revoke while the other waits; none depends on it
	begin := time.Now()
	i.must(204, "POST", "/v1/tokens/revoke", "", object{"token": pass["token"]})
	got := readPage(t, keys, (<-answered).text)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("answered only after %v", took)
	}
	want := verify.Revocation{Subject: pass["payload"].(object)["jti"].(string), Below: got.Revision, Reason: "pass_revoked"}
	if len(got.Revocations) != 1 || got.Revocations[0] != want {
		t.Errorf("got %+v, want %+v", got.Revocations, want)
	}
}

// TestFeedStream: events come with each revocation, and end with the credential, or with the server.
func TestFeedStream(t *testing.T) {
	i := start(t, func(c *server.Config) { c.RequestTimeout = 300 * time.Millisecond })
	keys := i.publishedKeys()
	reader, id := i.feedKey()
	stream := i.stream(reader, "0")
	page := readPage(t, keys, stream.next())
	made := i.must(201, "POST", "/v1/organizations/acme/keys", i.created.Key, object{"scopes": []string{"photos:*"}})
	i.must(200, "POST", "/v1/organizations/acme/keys/"+made.str("id")+"/rotate", i.created.Key, object{"overlap": 3600})
	time.Sleep(400 * time.Millisecond) // past the deadlines of other requests
	for len(page.Revocations) == 0 {
		page = readPage(t, keys, stream.next())
	}
	r := page.Revocations[0]
	if r.Subject != made.str("id")+"/1" || r.Below != verify.MaxRevision || r.From < time.Now().Add(50*time.Minute).Unix() || stream.id != fmt.Sprint(page.Revision) {
		t.Errorf("got %+v with id %s", page, stream.id)
	}

	resumed := i.stream(i.created.Key, stream.id)
	if again := readPage(t, keys, resumed.next()); len(again.Revocations) != 0 || again.After != page.Revision {
		t.Errorf("resumed with %+v", again)
	}
	i.must(204, "DELETE", "/v1/organizations/acme/keys/"+id, i.created.Key, nil)
	if last := stream.next(); last != "" {
		t.Errorf("a dead key is told %q", last)
	}
	if page := readPage(t, keys, resumed.next()); len(page.Revocations) != 1 || page.Revocations[0].Subject != id {
		t.Errorf("got %+v", page)
	}
	i.stop()
	if last := resumed.next(); last != "" {
		t.Errorf("a server that ended tells %q", last)
	}
}

type events struct {
	t     *testing.T
	lines *bufio.Scanner
	id    string
}

func (i *instance) stream(credential, after string) *events {
	i.t.Helper()
	request, err := http.NewRequestWithContext(i.t.Context(), http.MethodGet, i.api+"/v1/feed", nil)
	if err != nil {
		i.t.Fatal(err)
	}
	request.Header = http.Header{"Authorization": {"Bearer " + credential}, "Accept": {"text/event-stream"}, "Last-Event-Id": {after}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		i.t.Fatalf("got %d %v", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, verify.MaxFeedBytes)
	return &events{t: i.t, lines: lines}
}

// next returns the data of the next event; empty at the end of the stream.
func (e *events) next() (data string) {
	for e.lines.Scan() {
		name, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "data":
			data = value
		case "":
			return data
		}
	}
	return ""
}
