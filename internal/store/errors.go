package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/daypass/daypass/internal/access"
)

var (
	errUnavailable = access.New(access.Unavailable, "store_unavailable", "the database cannot do this now: nothing is known to have changed; try again, and look at its disk (full, read-only?) or server")
	errDamaged     = access.New(access.Unavailable, "store_damaged", "the database file is damaged, or no database at all: restore it from a backup")
	errExists      = access.New(access.Conflict, "already_exists", "something of this name or id is already here")
	errReferenced  = access.New(access.Conflict, "still_referenced", "something else that this needs is missing, or still needs this")
	errText        = access.New(access.Invalid, "invalid_text", "text must be valid UTF-8 without the null character")
	errFailed      = access.New(access.Internal, "store_failed", "the database refused a statement")
	errUnreadable  = access.New(access.Internal, "store_row_unreadable", "a row of the database does not hold what it should")
)

// translate gives every error of the database layer its code. What is unknown is
// taken for a lost connection: drivers report those in many shapes, and refusing
// for now is the safe reading.
func translate(err error) error {
	var (
		ours     *access.Error
		lite     *sqlite.Error
		refused  *pgconn.ConnectError
		postgres *pgconn.PgError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return access.ErrNotFound
	case errors.Is(err, context.Canceled):
		return errUnavailable.Because(err)
	case errors.As(err, &lite):
		return sqliteError(lite.Code()).Because(err)
	case errors.As(err, &refused):
		return unreachable(refused)
	case errors.As(err, &postgres):
		return postgresError(postgres.Code).Because(err)
	}
	return errUnavailable.Because(err)
}

// unreachable says which server did not let us in, and why, in its own words if
// it had any. Neither holds the password.
func unreachable(e *pgconn.ConnectError) error {
	where := net.JoinHostPort(e.Config.Host, strconv.Itoa(int(e.Config.Port)))
	why := "it does not answer there"
	if p := (*pgconn.PgError)(nil); errors.As(e, &p) {
		why = p.Message
	}
	return access.New(access.Unavailable, errUnavailable.Code, fmt.Sprintf(
		"PostgreSQL at %s cannot be used for database %q: %s; look at DAYPASS_DATABASE_URL and the server", where, e.Config.Database, why)).Because(e)
}

func sqliteError(code int) *access.Error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return errExists
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return errReferenced
	}
	switch code & 0xff { // the rest is detail
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return errDamaged
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE:
		return errFailed
	}
	return errUnavailable
}

// postgresError reads a SQLSTATE.
func postgresError(code string) *access.Error {
	switch code {
	case "23505":
		return errExists
	case "23503":
		return errReferenced
	case "22021", "22P05":
		return errText
	case "25006": // read-only transaction: a standby, or set so by its operator
		return errUnavailable
	case "XX001", "XX002":
		return errDamaged
	}
	switch code[:min(2, len(code))] {
	case "21", "22", "23", "25", "42":
		return errFailed
	}
	return errUnavailable
}

// changedOne turns a count of changed rows into not_found.
func changedOne(rows int64, err error) error {
	if err == nil && rows == 0 {
		return access.ErrNotFound
	}
	return translate(err)
}
