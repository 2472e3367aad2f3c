package daypasstest

import (
	"context"
	"strings"
	"testing"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/server"
)

// manyKeys is more keys than a test makes for the one user it has.
const manyKeys = 10_000

// Server is a running server. It ends with the test that started it.
type Server struct {
	URL          string // of the API: http://127.0.0.1:…
	GatewayURL   string
	Issuer       string // the iss of its passes
	Organization string // slug of the first organization
	AdminKey     string // key of the administrator, who may do everything
}

// Option adjusts [Start].
type Option func(*server.InitOptions)

// WithOrganization names the first organization by its slug; "acme" unless given.
func WithOrganization(slug string) Option {
	return func(o *server.InitOptions) { o.Organization = slug }
}

// WithAlgorithm is that of the signing key: ES256 unless given, EdDSA, RS256 or PS256.
func WithAlgorithm(name string) Option {
	return func(o *server.InitOptions) { o.Algorithm = name }
}

// Start starts a server that answers when Start returns.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	first := server.InitOptions{Organization: "acme"}
	for _, option := range options {
		option(&first)
	}
	config := server.DefaultConfig()
	config.Dev = true
	config.Listen, config.Gateway, config.Ops = "127.0.0.1:0", "127.0.0.1:0", "off"
	config.KeysPerUser = manyKeys
	config.LogLevel, config.LogFormat = "error", "text"
	s, err := server.New(t.Context(), config, server.Options{Version: "test", Log: t.Output(), Init: first})
	if err != nil {
		t.Fatalf("daypasstest: the server does not start: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("daypasstest: the server ended with: %v", err)
		}
	})
	at, made := s.Addresses(), s.Made()
	return &Server{
		URL:          "http://" + at.Listen,
		GatewayURL:   "http://" + at.Gateway,
		Issuer:       server.DefaultIssuer,
		Organization: made.Organization,
		AdminKey:     made.Key,
	}
}

// Client returns a client with the administrator's key.
func (s *Server) Client(t testing.TB) *daypass.Client {
	t.Helper()
	return s.ClientWith(t, daypass.WithKey(s.AdminKey))
}

// ClientWith returns a client with another credential, or none.
func (s *Server) ClientWith(t testing.TB, options ...daypass.Option) *daypass.Client {
	t.Helper()
	client, err := daypass.New(s.URL, options...)
	if err != nil {
		t.Fatalf("daypasstest: %v", err)
	}
	return client
}

// Application makes or changes the application that a resource file (YAML or JSON) names; its rules are in force on return.
func (s *Server) Application(t testing.TB, file string) *api.Application {
	t.Helper()
	doc, err := catalog.ParseDocument([]byte(file))
	if err != nil {
		t.Fatalf("daypasstest: the resource file is wrong: %v", err)
	}
	app, err := daypass.Answer[api.Application](s.Client(t).API().PutApplicationWithBody(t.Context(), s.Organization, doc.Application, nil, "application/yaml", strings.NewReader(file)))
	if err != nil {
		t.Fatalf("daypasstest: put the application: %v", err)
	}
	return app
}

// Key makes a key of the administrator that may do what the scopes say, with no role, and returns its text.
func (s *Server) Key(t testing.TB, scopes ...string) string {
	t.Helper()
	return s.MakeKey(t, api.KeyCreate{Scopes: append([]string{}, scopes...), Roles: &[]string{}}).Key
}

// MakeKey makes a key as described.
func (s *Server) MakeKey(t testing.TB, key api.KeyCreate) *api.KeyCreated {
	t.Helper()
	made, err := daypass.Answer[api.KeyCreated](s.Client(t).API().CreateKey(t.Context(), s.Organization, nil, key))
	if err != nil {
		t.Fatalf("daypasstest: make the key: %v", err)
	}
	return made
}
