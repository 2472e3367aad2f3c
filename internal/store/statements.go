package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/daypass/daypass/internal/store/gen"
)

// statements prepares each query when it is first asked for and keeps it as long
// as the database or transaction underneath. In SQLite parsing and planning cost
// more than looking a row up; the driver of PostgreSQL does this by itself.
type statements struct {
	gen.DBTX
	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

func prepareOnce(db gen.DBTX) *statements {
	return &statements{DBTX: db, prepared: map[string]*sql.Stmt{}}
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.ExecContext(ctx, args...)
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return s.DBTX.QueryRowContext(ctx, query, args...) // a Row cannot be made from an error: this one will have it
	}
	return statement.QueryRowContext(ctx, args...)
}

func (s *statements) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	statement := s.prepared[query]
	s.mu.RUnlock()
	if statement != nil {
		return statement, nil
	}
	statement, err := s.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.prepared[query]; first != nil {
		return first, statement.Close()
	}
	s.prepared[query] = statement
	return statement, nil
}
