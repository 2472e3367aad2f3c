package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// files watches the files under SQLite. It keeps writing to its log (-wal) when
// somebody deletes that under a running server: such writes look durable and are
// gone with the process. So each write first looks whether the files are those
// that were opened.
type files struct {
	path      string
	main, log os.FileInfo
}

func watchFiles(path string) (*files, error) {
	main, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	log, err := os.Stat(path + "-wal")
	if err != nil {
		return nil, err
	}
	return &files{path: path, main: main, log: log}, nil
}

var errReplaced = access.New(access.Unavailable, "store_unavailable",
	"the database file was moved, deleted or replaced under the running server: put it back, or start the server again")

// logLost reports whether only the log is gone, which can be mended.
func (f *files) logLost() (bool, error) {
	now, err := os.Stat(f.path)
	if err != nil {
		return false, errReplaced.Because(err)
	}
	if !os.SameFile(now, f.main) {
		return false, errReplaced
	}
	log, err := os.Stat(f.path + "-wal")
	return err != nil || !os.SameFile(log, f.log), nil
}

// writable returns the connection that writes, on files that are in place.
func (s *Store) writable(ctx context.Context) (*sql.DB, error) {
	if s.files == nil {
		return s.open.Load().write, nil
	}
	s.mending.Lock()
	defer s.mending.Unlock()
	lost, err := s.files.logLost()
	if err != nil {
		return nil, err
	}
	if lost {
		if err := s.mend(ctx); err != nil {
			return nil, translate(err)
		}
	}
	return s.open.Load().write, nil
}

// mend saves what only the lost log holds into the main file, through the
// connection that still has it open, and starts over with new connections.
func (s *Store) mend(ctx context.Context) error {
	old := s.open.Load()
	writer, err := old.write.Conn(ctx) // the only one: nobody writes meanwhile
	if err != nil {
		return err
	}
	defer func() { _ = writer.Close() }()
	var busy, frames, moved int
	if err := writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errUnavailable.Because(errors.New("the log is in use"))
	}
	fresh, err := s.connect(ctx)
	if err != nil {
		return err
	}
	s.open.Store(fresh)
	err = errors.Join(old.close(), writer.Close(), drained(old.read))
	if err != nil {
		return err
	}
	s.files, err = watchFiles(s.files.path)
	return err
}

// drained waits for the reads that began before: one that went on beside new
// writes would look for them in the lost log.
func drained(db *sql.DB) error {
	for range 1000 {
		if db.Stats().OpenConnections == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errUnavailable.Because(errors.New("a read does not end"))
}
