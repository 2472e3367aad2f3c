package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/token"
)

// Names of settings that are fixed when a store is made.
const (
	settingIssuer      = "issuer"
	settingFingerprint = "master_key_fingerprint"
)

// DefaultIssuer is the issuer of a store that was not told a public URL.
const DefaultIssuer = "http://localhost:8080"

// InitOptions is what [Init] makes a store from, beside the configuration.
type InitOptions struct {
	Organization string // slug; default "main"
	Name         string // of the organization; default the slug
	User         string // name of the first administrator; default "administrator"
	Algorithm    string // of the signing key; default ES256
}

// Created is what [Init] made. Key is shown once: it is stored only as a hash.
type Created struct {
	Organization string `json:"organization"`
	User         string `json:"user"`
	Key          string `json:"key"`
}

// Init makes the store, the master key (unless one is configured), the signing
// key, and the first organization with its administrator and key. Where a store
// was already made it refuses and changes nothing; one that was interrupted
// half-way is completed.
func Init(ctx context.Context, c Config, o InitOptions) (Created, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return Created{}, err
	}
	if c.DatabaseURL == "" || c.MasterKey == "" && c.MasterKeyFile == "" { // the master key is kept there too
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return Created{}, fmt.Errorf("make the data folder: %w", err)
		}
	}
	sealer, err := c.makeSealer()
	if err != nil {
		return Created{}, err
	}
	st, err := c.open(ctx, nil)
	if err != nil {
		return Created{}, err
	}
	created, err := found(ctx, st, sealer, c, o, time.Now)
	return created, errors.Join(err, st.Close())
}

func (o InitOptions) withDefaults() InitOptions {
	if o.Organization == "" {
		o.Organization = "main"
	}
	if o.Name == "" {
		o.Name = o.Organization
	}
	if o.User == "" {
		o.User = access.Administrator
	}
	if o.Algorithm == "" {
		o.Algorithm = token.Algorithms[0]
	}
	return o
}

// check refuses what cannot be made before anything is.
func (o InitOptions) check() error {
	if !access.ValidSlug(o.Organization) {
		return access.New(access.Invalid, "invalid_field", "an organization's name in URLs has 1 to 63 lower-case letters, digits and inner hyphens").At("/organization")
	}
	if !slices.Contains(token.Algorithms, o.Algorithm) {
		return access.New(access.Invalid, "invalid_field", fmt.Sprintf("a signing key is made for one of %s", strings.Join(token.Algorithms, ", "))).At("/algorithm")
	}
	return nil
}

// makeSealer takes the configured master key, or the one in the data folder, or
// makes that.
func (c *Config) makeSealer() (*seal.Sealer, error) {
	if c.MasterKey == "" && c.MasterKeyFile == "" {
		master, err := seal.NewMasterKeyFile(c.masterKeyPath())
		if err == nil {
			return seal.NewSealer(master), nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return c.loadSealer()
}

func (c *Config) loadSealer() (*seal.Sealer, error) {
	file := c.MasterKeyFile
	if c.MasterKey == "" {
		file = c.masterKeyPath()
	}
	master, err := seal.LoadMasterKey(c.MasterKey, file)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return seal.NewSealer(master), nil
}

func (c *Config) open(ctx context.Context, log *slog.Logger) (*store.Store, error) {
	where := store.Config{Path: c.databasePath(), Logger: log}
	if c.DatabaseURL != "" {
		where = store.Config{URL: c.DatabaseURL, Logger: log}
	}
	if c.Dev {
		where = store.Config{Memory: true, Logger: log}
	}
	return store.Open(ctx, where)
}

// found makes what every platform has: its settings, a signing key, and the
// first organization.
func found(ctx context.Context, st *store.Store, sealer *seal.Sealer, c Config, o InitOptions, now func() time.Time) (Created, error) {
	if err := layFoundation(ctx, st, sealer, c, o, now()); err != nil {
		return Created{}, err
	}
	office := admin.New(admin.Config{Store: st, Sealer: sealer, Now: now, Committed: func(context.Context, int64) error { return nil }})
	first, err := office.Bootstrap(ctx, admin.Founding{Slug: o.Organization, Name: o.Name, UserName: o.User})
	if access.AsError(err).Code == "already_founded" && err != nil {
		return Created{}, access.New(access.Conflict, "already_initialized", "a Daypass store was already made here; 'daypass serve' runs it")
	}
	if err != nil {
		return Created{}, err
	}
	return Created{Organization: first.Organization.Slug, User: first.User.ID, Key: first.Key.Text}, nil
}

// layFoundation writes the settings and the first signing key, once.
func layFoundation(ctx context.Context, st *store.Store, sealer *seal.Sealer, c Config, o InitOptions, now time.Time) error {
	issuer := cmp.Or(c.PublicURL, DefaultIssuer)
	laid, err := st.Setting(ctx, settingIssuer)
	if err == nil {
		return sameFoundation(ctx, st, laid, issuer, o.Algorithm)
	}
	if !errors.Is(err, access.ErrNotFound) {
		return err
	}
	key, err := token.GenerateKey(o.Algorithm, now)
	if err != nil {
		return err
	}
	row, err := sealSigningKey(sealer, key)
	if err != nil {
		return err
	}
	encryption, err := token.GenerateEncryptionKey(now)
	if err != nil {
		return err
	}
	encryptionRow, err := sealEncryptionKey(sealer, encryption)
	if err != nil {
		return err
	}
	_, err = st.Change(ctx, access.Actor{}, "", now, func(tx *store.Tx) error {
		return errors.Join(
			tx.SetSetting(settingIssuer, issuer),
			tx.SetSetting(settingFingerprint, sealer.Fingerprint()),
			tx.InsertSigningKey(row),
			tx.InsertSigningKey(encryptionRow),
			tx.Record("platform.founded", "", key.ID, map[string]string{"issuer": issuer, "algorithm": key.Algorithm}),
		)
	})
	return err
}

// sameFoundation refuses to complete a store that was begun otherwise: its passes
// would name another issuer, or be signed otherwise, than was asked for now.
func sameFoundation(ctx context.Context, st *store.Store, laid, issuer, algorithm string) error {
	if organizations, err := st.ListOrganizations(ctx, store.Page{Limit: 1}); err != nil || len(organizations) > 0 {
		return err // it is complete, which is for Bootstrap to say
	}
	keys, err := st.SigningKeys(ctx)
	if err != nil {
		return err
	}
	if laid != issuer || len(keys) == 0 || keys[0].Algorithm != algorithm {
		return access.New(access.Conflict, "already_initialized", fmt.Sprintf(
			"an init that was interrupted left a store for issuer %s here; run it again with the same --public-url and --algorithm, or remove the store", laid))
	}
	return nil
}

// checkMasterKey refuses a master key other than the one the store was made
// with: nothing sealed could be opened and no key would be known.
func checkMasterKey(ctx context.Context, st *store.Store, sealer *seal.Sealer) error {
	want, err := st.Setting(ctx, settingFingerprint)
	if errors.Is(err, access.ErrNotFound) {
		return access.New(access.Conflict, "not_initialized", "there is no Daypass store here yet; 'daypass init' makes one")
	}
	if err != nil {
		return err
	}
	if !seal.EqualConstantTime(want, sealer.Fingerprint()) {
		return access.New(access.Conflict, "wrong_master_key", "this is not the master key that the store was made with; set DAYPASS_MASTER_KEY_FILE to the right one. Nothing was changed")
	}
	return nil
}
