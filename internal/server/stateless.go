package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/catalog"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/gate"
	"github.com/daypass/daypass/internal/httpapi"
	"github.com/daypass/daypass/internal/meter"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/token"
)

// EnvironmentOrganization is the slug of the only organization there is without a database: the audience of its passes.
const EnvironmentOrganization = "env"

// Everything there is has ids that every server with the same environment finds alike.
var environmentOrg = access.Organization{ID: "org_env", Slug: EnvironmentOrganization, Name: EnvironmentOrganization, Active: true, Revision: environmentRevision}

const environmentRevision = 1

// passes mints, reads and publishes.
type passes interface {
	exchange.Tokens
	JWKS() []byte
	Open(text string) (signed string, err error)
}

// buildStateless wires a server that knows nothing but its configuration: the same exchange, gate and doors.
func (s *Server) buildStateless(version string) error {
	c := &s.config
	e := c.Environment
	issuer := cmp.Or(e.Issuer, c.PublicURL, DefaultIssuer)
	keys, err := c.environmentPasses(issuer, s.now)
	if err != nil {
		return err
	}
	apps, err := compileFiles(c.ResourcesFile)
	if err != nil {
		return err
	}
	if ids := e.weak(); len(ids) > 0 {
		s.log.Warn("keys whose apiKey is short can be guessed; 'openssl rand -base64 32' makes a good one", "ids", strings.Join(ids, " "))
	}
	s.log.Warn("no database: passes are issued and checked by the environment alone, and cannot be revoked before they expire", "keys", len(e.Keys), "life", e.Life.String())
	s.gate = gate.New(gate.Config{Read: keys.Token, Now: s.now, CacheEntries: c.CachedTokens})
	s.gate.Swap(&gate.View{Catalog: apps, Revocations: gate.NewRevocations(), Revision: environmentRevision, Confirmed: s.now(), MaxAge: math.MaxInt64})
	s.journal = meter.New(nil) // for its limits: nothing is recorded
	s.metrics = newMetrics(version, s.confirmedView, s.journal.Limits.Parties, s.now)
	sealer := seal.NewSealer(seal.NewMasterKey())
	once := meter.NewLoneOnce(context.Background(), nil, s.now)
	desk := exchange.New(exchange.Config{
		Holders: newEnvironmentHolders(e, sealer.KeyHash), Tokens: tokens{keys, s.gate}, Scene: stillScene{s.gate}, Journal: noJournal{}, Observe: s.metrics.exchanged,
		Once: once, Guesses: s.journal.Guesses, KeyHash: sealer.KeyHash, AnyKeyText: true, NewID: seal.NewID, Now: s.now, Issuer: issuer,
		DefaultLife: e.Life, MaxLife: e.Life, MaxNetworks: c.MaxIPs, MaxAddresses: c.MaxIPAddresses, CachedKeys: c.CachedKeys,
	})
	senders := &edge.Senders{Once: once, Now: s.now}
	door := edge.Config{Senders: senders, Gate: s.gate, Now: s.now, Observer: s.metrics, Meter: noJournal{}, Limits: s.journal.Limits, Log: s.log}
	s.gateway = edge.NewGateway(door)
	s.gateway.Confine(c.upstreamNetworks)
	api := httpapi.New(httpapi.Config{
		Exchange: desk, Gate: s.gate, JWKS: keys.JWKS, Open: keys.Open, ForwardAuth: edge.NewForwardAuth(door), Stateless: true, Doors: c.Doors,
		Senders: senders, PublicURL: issuer,
		Ready: s.undrained, Started: func() bool { return true }, Now: s.now, Logger: s.log, MaxBody: c.MaxBody,
	})
	return s.bind(api, edge.NewExtAuthz(door, c.trustedNetworks))
}

// confirmedView is the gate's: nothing can change it, so it is never old.
func (s *Server) confirmedView() *gate.View {
	view := *s.gate.View()
	view.Confirmed = s.now()
	return &view
}

func (s *Server) undrained(context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	return nil
}

// environmentPasses signs with the secret, or with the key in the file.
func (c *Config) environmentPasses(issuer string, now func() time.Time) (passes, error) {
	if c.SigningKeyFile == "" {
		return token.NewSecret(issuer, []byte(c.Environment.Secret))
	}
	text, err := os.ReadFile(c.SigningKeyFile)
	if err != nil {
		return nil, &ConfigError{[]Problem{{"signing_key_file", "cannot be read: " + reason(err)}}}
	}
	key, err := token.ParsePEM(text)
	clear(text)
	if err == nil {
		set := token.NewKeyset(issuer, now)
		if err = set.Replace([]token.SigningKey{key}); err == nil {
			return set, nil
		}
	}
	return nil, &ConfigError{[]Problem{{"signing_key_file", err.Error()}}}
}

// compileFiles reads the resource files, one for each application.
func compileFiles(files []string) (*catalog.Catalog, error) {
	apps := new(catalog.Catalog).With()
	for _, file := range files {
		app, err := compileFile(file)
		if err == nil && apps.Named(app.Name()) != nil {
			err = fmt.Errorf("another file is for application %q too", app.Slug)
		}
		if err != nil {
			return nil, &ConfigError{[]Problem{{"resources_file", file + ": " + plainMessage(err)}}}
		}
		apps = apps.With(app)
	}
	return apps, nil
}

func compileFile(file string) (*catalog.Application, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %s", reason(err))
	}
	doc, err := catalog.ParseDocument(text)
	if err != nil {
		return nil, err
	}
	if doc.Application == "" {
		return nil, fmt.Errorf("name the application, as in 'application: photos'")
	}
	if err := needsNoDatabase(doc); err != nil {
		return nil, err
	}
	return catalog.Compile(access.Application{
		ID: "app_" + doc.Application, OrganizationID: environmentOrg.ID, Organization: environmentOrg.Slug, Slug: doc.Application,
		Document: text, Active: true, Revision: environmentRevision,
	})
}

// needsNoDatabase refuses what would let nobody in here, or not do what it says. Roles are not among it: whoever holds one could be told apart
// only with a database, and the same file may be for a server that has one.
func needsNoDatabase(doc *catalog.Document) error {
	if doc.Tokens.Encrypt {
		return errors.New("tokens.encrypt needs a database, which keeps the keys; leave it out")
	}
	for i := range doc.Resources {
		if doc.Resources[i].Signature {
			return fmt.Errorf("%s: require.signature needs a database, which keeps the keys that sign; leave it out", doc.Resources[i].Match)
		}
	}
	return nil
}

func plainMessage(err error) string {
	if e := access.AsError(err); e.Kind != access.Internal {
		return e.Message
	}
	return err.Error()
}

// environmentHolders are the keys of the environment. They are found by the keyed hash of their texts, so how long that
// takes says nothing of them.
type environmentHolders struct {
	byHash map[[32]byte]*access.Holder
	byID   map[string]*access.Holder
}

func newEnvironmentHolders(e *Environment, hash func(string) [32]byte) environmentHolders {
	all := environmentHolders{make(map[[32]byte]*access.Holder), make(map[string]*access.Holder)}
	for _, k := range e.Keys {
		h := &access.Holder{
			Key:          access.Key{ID: k.ID, OrganizationID: environmentOrg.ID, UserID: k.ID, Kind: access.KeyLive, Scopes: k.Scopes, Version: 1},
			Version:      1,
			User:         access.User{ID: k.ID, Name: k.ID, Active: true},
			Membership:   access.Membership{ID: k.ID, OrganizationID: environmentOrg.ID, UserID: k.ID, Active: true},
			Organization: environmentOrg,
			RoleScopes:   k.Scopes,
			Revision:     environmentRevision,
		}
		all.byHash[hash(k.APIKey)], all.byID[k.ID] = h, h
	}
	return all
}

// HolderByHash implements [exchange.Holders].
func (e environmentHolders) HolderByHash(_ context.Context, hash [32]byte, _ time.Time) (*access.Holder, error) {
	if h, ok := e.byHash[hash]; ok {
		return h, nil
	}
	return nil, access.ErrNotFound
}

// HolderOf implements [exchange.Holders].
func (e environmentHolders) HolderOf(_ context.Context, source access.Source) (*access.Holder, error) {
	if h, ok := e.byID[source.KeyID]; ok && source == (access.Source{KeyID: h.Key.ID, KeyVersion: h.Version}) {
		return h, nil
	}
	return nil, access.ErrNotFound
}

// stillScene is a view of what never changes.
type stillScene struct{ gate *gate.Gate }

func (stillScene) Revision(time.Time) (int64, error)               { return environmentRevision, nil }
func (stillScene) Revoked(*access.Token, time.Time) (string, bool) { return "", false }
func (stillScene) Changed(string) int64                            { return 0 }
func (s stillScene) Application(org, slug string) (exchange.Application, bool) {
	return applicationIn(s.gate.View(), org, slug)
}

// noJournal is for a server that has nowhere to write.
type noJournal struct{}

func (noJournal) Issued(context.Context, access.IssuedToken, string, bool) error { return nil }
func (noJournal) Used(access.Counted, access.LastUse)                            {}
