package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says where the data is: exactly one of Path, Memory and URL.
type Config struct {
	Path   string // of the SQLite file; made with mode 0600, its folder with 0700
	Memory bool   // SQLite without a file: gone at Close, for development
	URL    string // postgres://…
	Logger *slog.Logger
}

// Store is an open database. It may be used by several goroutines at once.
type Store struct {
	queries
	config  Config
	dialect *dialect
	open    atomic.Pointer[connections]

	mending sync.Mutex
	files   *files // nil: nothing to watch
}

// connections are the two sides of an open database.
type connections struct {
	write *sql.DB // SQLite: one connection, so writers queue here and not on file locks
	read  *sql.DB // PostgreSQL: the same pool
	reads gen.DBTX
}

// queries are the reads that [Store] and [Tx] share. In a Tx they see the change
// so far; on the Store, what is committed.
type queries struct{ q *gen.Queries }

// Open opens the database and brings an older schema up to date. It refuses one
// of a newer Daypass (code newer_database), one that is damaged or no database
// (store_damaged), and one that cannot be reached or written (store_unavailable).
func Open(ctx context.Context, c Config) (*Store, error) {
	d, err := c.dialect()
	if err != nil {
		return nil, err
	}
	if c.Path != "" {
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
			return nil, cannotUse(c.Path, err)
		}
		unlock, err := lockFolder(filepath.Dir(c.Path))
		if err != nil {
			return nil, cannotUse(c.Path, err)
		}
		defer unlock()
	}
	s := &Store{config: c, dialect: d}
	s.queries = queries{gen.New(committed{&s.open})}
	db, err := s.connect(ctx)
	if err != nil {
		return nil, translate(err)
	}
	s.open.Store(db)
	if err := s.migrate(ctx, db.write); err != nil {
		return nil, errors.Join(translate(err), s.Close())
	}
	if c.Path != "" {
		if s.files, err = watchFiles(c.Path); err != nil {
			return nil, errors.Join(translate(err), s.Close())
		}
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context) (*connections, error) {
	write, read, err := s.dialect.open(ctx, s.config)
	if err != nil {
		return nil, err
	}
	return &connections{write: write, read: read, reads: s.dialect.statements(read)}, nil
}

func (c *connections) close() error {
	if c.read == c.write {
		return c.write.Close()
	}
	return errors.Join(c.read.Close(), c.write.Close())
}

// committed sends reads to the connections that are open now.
type committed struct{ open *atomic.Pointer[connections] }

func (c committed) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.open.Load().reads.ExecContext(ctx, query, args...)
}

func (c committed) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.open.Load().reads.PrepareContext(ctx, query)
}

func (c committed) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.open.Load().reads.QueryContext(ctx, query, args...)
}

func (c committed) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.open.Load().reads.QueryRowContext(ctx, query, args...)
}

func (s *Store) migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	options, err := s.dialect.migrationOptions()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(s.dialect.goose, db, files, append(options, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return err
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > want {
		return access.New(access.Conflict, "newer_database", fmt.Sprintf(
			"the database has schema version %d and this daypass knows versions up to %d: use the daypass that wrote it, or a newer one; nothing was changed", have, want))
	}
	if have == want {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	if logger := s.config.Logger; logger != nil {
		logger.InfoContext(ctx, "database schema brought up to date", "from", have, "to", want)
	}
	return nil
}

// Close lets go of the database. Changes under way are rolled back.
func (s *Store) Close() error { return s.open.Load().close() }

// Healthy reports whether the database answers reads; if not, the error is
// store_unavailable. Bound the wait by ctx.
func (s *Store) Healthy(ctx context.Context) error {
	_, err := s.Head(ctx)
	return err
}

// CheckIntegrity reads the whole database looking for damage of the file
// (store_damaged). PostgreSQL checks its pages itself: there it reports nil.
func (s *Store) CheckIntegrity(ctx context.Context) error {
	return translate(s.dialect.checkIntegrity(ctx, s.open.Load().read))
}

// inTx runs fn in one transaction of the write side.
func (s *Store) inTx(ctx context.Context, fn func(*gen.Queries) error) error {
	db, err := s.writable(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return translate(err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := fn(gen.New(s.dialect.statements(tx))); err != nil {
		return err
	}
	return translate(tx.Commit())
}

// direct gives single statements that are no change, which need no transaction
// of their own, the side that writes.
func (s *Store) direct(ctx context.Context) (*gen.Queries, error) {
	db, err := s.writable(ctx)
	if err != nil {
		return nil, err
	}
	return gen.New(db), nil
}

// Page asks for rows of a list in its order: at most Limit (100 if it is not
// positive, never more than 1000), those behind the row with id After.
type Page struct {
	After string
	Limit int
}

func (p Page) most() int32 { return atMost(p.Limit) }

func atMost(limit int) int32 {
	const usual, ever = 100, 1000
	if limit <= 0 {
		return usual
	}
	return int32(min(limit, ever))
}

// millis writes a time as a column: epoch milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
