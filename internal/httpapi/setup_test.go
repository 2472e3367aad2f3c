package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/httpapi"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/internal/outside"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/token"
)

const issuer = "http://localhost:8080"

// house is a whole server on an empty database in memory, reached through real HTTP.
type house struct {
	t       *testing.T
	url     string
	founder string // key of the first administrator
	scene   *scene
	records *meter.Recorder
	facts   *meter.Facts
	log     *logBuffer
	config  httpapi.Config
	handler *httpapi.Handler
}

func newHouse(t *testing.T, change ...func(*httpapi.Config)) *house {
	t.Helper()
	ctx, now := t.Context(), time.Now
	st, err := store.Open(ctx, store.Config{Memory: true})
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	sealer := seal.NewSealer(seal.NewMasterKey())
	keys := token.NewKeyset(issuer, now)
	signing, err := token.GenerateKey("ES256", now())
	must(t, err)
	must(t, keys.Replace([]token.SigningKey{signing}))

	h := &house{t: t, records: meter.New(st), facts: meter.NewFacts(st, true), log: &logBuffer{}}
	h.scene = &scene{store: st, gate: gate.New(gate.Config{Read: keys.Token})}
	hasher := seal.NewHasher(sealer)
	office := admin.New(admin.Config{
		Store: st, Sealer: sealer, Now: now, Committed: h.scene.committed, Passwords: &admin.Passwords{Hasher: hasher, URL: issuer},
		Keyring: keyring{}, KeyLead: 6 * time.Minute,
	})
	first, err := office.Bootstrap(ctx, admin.Founding{Slug: "main", UserName: "Founder"})
	must(t, err)
	h.founder = first.Key.Text
	_, err = st.Change(ctx, access.Actor{}, "", now(), func(tx *store.Tx) error {
		row, _ := keyring{}.Make(store.UseSignature, "ES256", now(), now())
		return errors.Join(tx.InsertSigningKey(row), tx.Record("keyset.created", "", row.ID, nil))
	})
	must(t, err)
	must(t, h.scene.committed(ctx, 0))

	logger := slog.New(slog.NewJSONHandler(h.log, nil))
	h.config = httpapi.Config{
		Admin: office,
		Exchange: exchange.New(exchange.Config{
			Logins: &exchange.Logins{Sessions: st, Hasher: hasher}, Guesses: h.records.Guesses, Attempted: h.records.Guesses.Attempted,
			Holders: st, Tokens: keys, Scene: h.scene, Journal: h.records,
			KeyHash: sealer.KeyHash, NewID: seal.NewID, Now: now, Issuer: issuer,
			Identities: identities{office, st}, MAC: sealer.MAC, Once: meter.NewOnce(st, now),
		}),
		Sealer:      sealer,
		Version:     "1.0.0",
		Gate:        h.scene.gate,
		JWKS:        keys.JWKS,
		Open:        keys.Open,
		Feed:        quietFeed{},
		ForwardAuth: http.NotFoundHandler(),
		Gateway:     func() string { return "http://127.0.0.1:8000" },
		Ready:       func(context.Context) error { return nil },
		Started:     func() bool { return true },
		Now:         now,
		Logger:      logger,
		Facts:       h.facts,
		Issuers:     outside.New(outside.Config{Own: issuer, Now: now}),
		FactsKeep:   24 * time.Hour,
	}
	for _, f := range change {
		f(&h.config)
	}
	h.handler = httpapi.New(h.config)
	h.url = serve(t, h.handler)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve puts the handler behind what the server's outermost handler does.
func serve(t *testing.T, next http.Handler) string {
	var serial atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := edge.Client{Address: netip.MustParseAddr("127.0.0.1"), RequestID: fmt.Sprintf("req_%d", serial.Add(1))}
		next.ServeHTTP(w, r.WithContext(edge.WithClient(r.Context(), c)))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// keyring makes rows only: the house signs with a key of its own.
type keyring struct{}

func (keyring) Make(use, algorithm string, created, begins time.Time) (store.SigningKey, error) {
	return store.SigningKey{ID: seal.NewID("sgk"), Use: use, Algorithm: algorithm, Public: []byte{}, Sealed: []byte{0}, Created: created, NotBefore: begins}, nil
}

func (keyring) Decryption([]store.SigningKey) ([]byte, error) { return []byte(`{"keys":[]}`), nil }

// identities are found in the store and made by the office.
type identities struct {
	*admin.Service
	store *store.Store
}

func (i identities) GroupHolder(ctx context.Context, keyID string) (*access.Holder, error) {
	return i.store.GroupHolder(ctx, keyID)
}

func (i identities) IdentityByPublicKey(ctx context.Context, keyID, publicKey string) (access.Identity, error) {
	return i.store.IdentityByPublicKey(ctx, keyID, publicKey)
}

// scene reads everything anew after each change.
type scene struct {
	store   *store.Store
	gate    *gate.Gate
	pulling sync.Mutex
}

func (s *scene) committed(ctx context.Context, _ int64) error {
	s.pulling.Lock()
	defer s.pulling.Unlock()
	head, err := s.store.Head(ctx)
	if err != nil {
		return err
	}
	revoked, err := s.store.RevocationsSince(ctx, 0)
	if err != nil {
		return err
	}
	live, _, err := s.store.ApplicationsSince(ctx, 0)
	if err != nil {
		return err
	}
	view := &gate.View{Revocations: gate.NewRevocations(revoked...), Revision: head, Confirmed: time.Now(), MaxAge: time.Hour}
	for _, app := range live {
		compiled, err := catalog.Compile(app)
		if err != nil {
			return err
		}
		view.Catalog = view.Catalog.With(compiled)
	}
	if view.Catalog == nil {
		view.Catalog = view.Catalog.With()
	}
	s.gate.Swap(view)
	return nil
}

func (s *scene) Revision(time.Time) (int64, error) { return s.gate.View().Revision, nil }
func (s *scene) Changed(string) int64              { return s.gate.View().Revision }
func (s *scene) Revoked(t *access.Token, now time.Time) (string, bool) {
	return s.gate.View().Revocations.Revoked(t, now)
}
func (s *scene) Application(organization, slug string) (exchange.Application, bool) {
	app := s.gate.View().Catalog.Named(organization + "/" + slug)
	if app == nil {
		return exchange.Application{}, false
	}
	return exchange.Application{Audience: app.Audience()}, true
}

// quietFeed has nothing to tell, or fails.
type quietFeed struct{ err error }

func (f quietFeed) Page(after int64) (httpapi.FeedPage, error) {
	return httpapi.FeedPage{Text: "e30.e30.c2ln", Revision: after, Complete: true}, f.err
}
func (quietFeed) News(int64) (bool, <-chan struct{}) { return false, nil }

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (a reply) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(a.body, &p)
	return p.Code
}

// field digs a string out of a JSON answer: "user/id".
func (a reply) field(t *testing.T, path string) string {
	t.Helper()
	var v any
	must(t, json.Unmarshal(a.body, &v))
	for _, name := range strings.Split(path, "/") {
		v = v.(map[string]any)[name]
	}
	return v.(string)
}

// send makes a request with a key or pass ("" for none) and headers as "Name: value".
func (h *house) send(method, target, credential string, body any, headers ...string) reply {
	h.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		must(h.t, err)
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+target, reader)
	must(h.t, err)
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if value == "" {
			r.Header.Del(name)
			continue
		}
		if r.Header.Get(name) != "" && name != "Content-Type" {
			r.Header.Add(name, value)
			continue
		}
		r.Header.Set(name, value)
	}
	return h.do(r)
}

func (h *house) do(r *http.Request) reply {
	h.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	must(h.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(h.t, err)
	return reply{resp.StatusCode, resp.Header, body}
}
