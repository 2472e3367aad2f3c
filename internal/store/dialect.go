package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// dialect is everything in which the databases differ. The SQL does not: both
// understand $1, RETURNING, ON CONFLICT and partial indexes.
type dialect struct {
	goose            goose.Dialect
	open             func(context.Context, Config) (write, read *sql.DB, err error)
	migrationOptions func() ([]goose.ProviderOption, error)
	statements       func(gen.DBTX) gen.DBTX // how queries reach the driver
	checkIntegrity   func(context.Context, *sql.DB) error
}

var (
	sqliteDialect = dialect{
		goose:            goose.DialectSQLite3,
		open:             openSQLite,
		migrationOptions: func() ([]goose.ProviderOption, error) { return nil, nil },
		statements:       func(db gen.DBTX) gen.DBTX { return prepareOnce(db) },
		checkIntegrity:   checkSQLite,
	}
	postgresDialect = dialect{
		goose:            goose.DialectPostgres,
		open:             openPostgres,
		migrationOptions: oneMigratorAtATime,
		statements:       func(db gen.DBTX) gen.DBTX { return db },
		checkIntegrity:   func(context.Context, *sql.DB) error { return nil },
	}
)

func (c Config) dialect() (*dialect, error) {
	switch {
	case c.Path != "" && !c.Memory && c.URL == "", c.Memory && c.Path == "" && c.URL == "":
		return &sqliteDialect, nil
	case c.URL != "" && c.Path == "" && !c.Memory:
		return &postgresDialect, nil
	}
	return nil, access.New(access.Invalid, "invalid_database", "name one database: a file, a postgres:// URL, or memory")
}

const busyTimeout = "busy_timeout(5000)" // milliseconds

// openSQLite opens one connection that writes and a few that read beside it, as
// write-ahead logging allows. Page caches are small (kibibytes, negative): the
// operating system caches the file once for all of them.
func openSQLite(ctx context.Context, c Config) (write, read *sql.DB, err error) {
	pragmas := []string{busyTimeout, "foreign_keys(1)", "temp_store(MEMORY)", "trusted_schema(0)", "cell_size_check(1)"}
	var location url.URL
	var query url.Values
	if c.Memory {
		// The memdb file system has file locks, so several connections share it
		// like a file. Spilling would lock readers out before the commit.
		location = url.URL{Scheme: "file", Path: "/daypass-" + rand.Text()}
		query = url.Values{"vfs": {"memdb"}}
		pragmas = append(pragmas, "cache_spill(0)")
	} else {
		path, err := prepareFile(c.Path)
		if err != nil {
			return nil, nil, err
		}
		location = url.URL{Scheme: "file", Path: path}
		query = url.Values{}
	}

	query["_pragma"] = append(pragmas, "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-4096)", "journal_size_limit(16777216)")
	query.Set("_txlock", "immediate")
	location.RawQuery = query.Encode()
	if write, err = sql.Open("sqlite", location.String()); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil { // makes the file and its log, before readers look
		return nil, nil, errors.Join(err, write.Close())
	}

	query["_pragma"] = append(pragmas, "query_only(1)", "cache_size(-2048)")
	query.Set("_txlock", "deferred")
	location.RawQuery = query.Encode()
	if read, err = sql.Open("sqlite", location.String()); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	return write, read, nil
}

// prepareFile makes the file and its folder readable by the owner alone, also
// the log files, which take the mode of the database.
func prepareFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", cannotUse(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return path, errors.Join(f.Close(), syncFolder(folder))
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", cannotUse(path, err)
	}
	// A file that is there is only looked at: closing a descriptor of it would
	// take back the POSIX locks that this process holds by SQLite's own.
	info, err := os.Stat(path)
	if err != nil {
		return "", cannotUse(path, err)
	}
	if !info.Mode().IsRegular() {
		return "", cannotUse(path, errors.New("it is not a file"))
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return "", cannotUse(path, err)
		}
	}
	return path, nil
}

// syncFolder makes a new file's name durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func cannotUse(path string, err error) error {
	message := "the database file " + path + " cannot be opened for writing"
	if errors.Is(err, fs.ErrPermission) {
		message += ": it, or its folder, belongs to another user or is read-only"
	}
	return access.New(access.Unavailable, "store_unavailable", message).Because(err)
}

func checkSQLite(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errDamaged.Because(errors.New(verdict))
	}
	return nil
}

// openPostgres opens a pool. A server that hangs with the head row locked would
// stop every other one, so PostgreSQL itself ends such a transaction.
func openPostgres(ctx context.Context, c Config) (write, read *sql.DB, err error) {
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		// The cause may quote the URL, and with it a password.
		return nil, nil, access.New(access.Invalid, "invalid_database", "the database URL cannot be read: write postgres://user:password@host:5432/database")
	}
	for name, value := range map[string]string{
		"application_name":                    "daypass",
		"idle_in_transaction_session_timeout": "10s",
		"lock_timeout":                        "10s",
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, db, nil
}

// oneMigratorAtATime lets servers that start together wait for each other.
func oneMigratorAtATime() ([]goose.ProviderOption, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // every second for a minute
	if err != nil {
		return nil, err
	}
	return []goose.ProviderOption{goose.WithSessionLocker(locker)}, nil
}
