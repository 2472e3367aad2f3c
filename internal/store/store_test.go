package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/internal/store/storetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerFile); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return open(t, file(t)) })
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return open(t, store.Config{Memory: true}) })
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return open(t, store.Config{URL: storetest.Postgres(t)}) })
}

// onBoth runs a test on a database that outlives its store.
func onBoth(t *testing.T, test func(*testing.T, store.Config)) {
	t.Run("SQLite", func(t *testing.T) { test(t, file(t)) })
	t.Run("Postgres", func(t *testing.T) { test(t, store.Config{URL: storetest.Postgres(t)}) })
}

func open(t testing.TB, c store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func file(t testing.TB) store.Config {
	return store.Config{Path: filepath.Join(t.TempDir(), "data", "daypass.db")}
}

func closed(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func set(t testing.TB, s *store.Store, name, value string) (int64, error) {
	t.Helper()
	return s.Change(t.Context(), access.Actor{}, "", noon, func(tx *store.Tx) error {
		if err := tx.SetSetting(name, value); err != nil {
			return err
		}
		return tx.Record("setting.changed", "", name, nil)
	})
}

func mustSet(t testing.TB, s *store.Store, name, value string) int64 {
	t.Helper()
	revision, err := set(t, s, name, value)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func tamper(t testing.TB, s *store.Store, statement string) {
	t.Helper()
	if err := s.Tamper(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, err error, code string) {
	t.Helper()
	var e *access.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error is %v, want code %s", err, code)
	}
}

func TestConfigNamesOneDatabase(t *testing.T) {
	for _, c := range []store.Config{{}, {Path: "x", Memory: true}, {Path: "x", URL: "postgres://x"}, {Memory: true, URL: "postgres://x"}} {
		_, err := store.Open(t.Context(), c)
		refused(t, err, "invalid_database")
	}
}

func TestDataOutlivesTheStore(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		want := mustSet(t, s, "a", "1")
		closed(t, s)
		s = open(t, c)
		defer closed(t, s)
		if head, err := s.Head(t.Context()); err != nil || head != want {
			t.Fatalf("head is %d (%v), want %d", head, err, want)
		}
		if err := s.VerifyChain(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// Two servers, or a server and a command, on one database.
func TestTwoStoresShareOneLineOfRevisions(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		var opening sync.WaitGroup
		var stores [2]*store.Store
		for i := range stores {
			opening.Go(func() { stores[i] = open(t, c) })
		}
		opening.Wait()
		const each = 20
		seen := make(chan int64, 2*each)
		var writing sync.WaitGroup
		for i, s := range stores {
			defer closed(t, s)
			writing.Go(func() {
				for range each {
					revision, err := set(t, s, "writer", fmt.Sprint(i))
					if err != nil {
						t.Error(err)
					}
					seen <- revision
				}
			})
		}
		writing.Wait()
		close(seen)
		distinct := map[int64]bool{}
		for revision := range seen {
			distinct[revision] = true
		}
		for revision := int64(1); revision <= 2*each; revision++ {
			if !distinct[revision] {
				t.Fatalf("no change got revision %d", revision)
			}
		}
	})
}

func TestChainShowsTampering(t *testing.T) {
	for name, statement := range map[string]string{
		"altered detail":      `UPDATE events SET detail = '{"x":1}' WHERE revision = 3`,
		"altered actor":       "UPDATE events SET user_id = 'usr_other' WHERE revision = 2",
		"altered time":        "UPDATE events SET time = time + 1 WHERE revision = 2",
		"removed":             "DELETE FROM events WHERE revision = 2",
		"removed at the end":  "DELETE FROM events WHERE revision = 4",
		"moved between two":   "UPDATE events SET action = 'a', object_id = 'etting.changed' WHERE revision = 1",
		"head without events": "UPDATE head SET revision = revision + 1",
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, c store.Config) {
				s := open(t, c)
				defer closed(t, s)
				for range 4 {
					mustSet(t, s, "a", "1")
				}
				if err := s.VerifyChain(t.Context()); err != nil {
					t.Fatal(err)
				}
				tamper(t, s, statement)
				refused(t, s.VerifyChain(t.Context()), "audit_chain_broken")
			})
		})
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, c store.Config) {
		s := open(t, c)
		mustSet(t, s, "a", "1")
		tamper(t, s, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
		closed(t, s)
		_, err := store.Open(t.Context(), c)
		refused(t, err, "newer_database")
		if !strings.Contains(err.Error(), "99999") {
			t.Errorf("the message does not name the version: %v", err)
		}
	})
}

// One pragma makes writes fail, another makes them work again.
func TestWritesFailAndRecoverWithoutRestart(t *testing.T) {
	for name, pragma := range map[string][2]string{
		"full disk": {"PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"},
		"read-only": {"PRAGMA query_only = 1", "PRAGMA query_only = 0"},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, c := range map[string]store.Config{"file": file(t), "memory": {Memory: true}} {
				t.Run(kind, func(t *testing.T) {
					s := open(t, c)
					defer closed(t, s)
					before := mustSet(t, s, "a", "small")
					large := strings.Repeat("x", 1<<20)
					tamper(t, s, pragma[0])
					_, err := set(t, s, "b", large)
					refused(t, err, "store_unavailable")
					if access.AsError(err).Kind != access.Unavailable {
						t.Error("not of kind Unavailable")
					}
					err = s.WriteBatch(t.Context(), access.Batch{Issued: []access.IssuedToken{{ID: "tok_1", Scopes: large}}})
					refused(t, err, "store_unavailable")
					if head, err := s.Head(t.Context()); err != nil || head != before {
						t.Fatalf("reads go on: head is %d (%v), want %d", head, err, before)
					}
					tamper(t, s, pragma[1])
					if after := mustSet(t, s, "b", large); after != before+1 {
						t.Fatalf("revision after recovery is %d, want %d", after, before+1)
					}
				})
			}
		})
	}
}

func TestLostLogIsMended(t *testing.T) {
	c := file(t)
	s := open(t, c)
	for i := range 20 {
		mustSet(t, s, fmt.Sprint("name", i), "value")
	}
	if err := os.Remove(c.Path + "-wal"); err != nil {
		t.Fatal(err)
	}
	reading := make(chan struct{})
	go func() { // reads go on meanwhile, or say that they cannot
		defer close(reading)
		for range 200 {
			if _, err := s.Head(t.Context()); err != nil && !errors.Is(err, access.New(access.Unavailable, "store_unavailable", "")) {
				t.Error(err)
			}
		}
	}()
	want := mustSet(t, s, "after", "value")
	<-reading
	if err := s.CheckIntegrity(t.Context()); err != nil {
		t.Fatal(err)
	}

	// What another process sees is what was acknowledged.
	copied := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(c.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	s = open(t, store.Config{Path: copied})
	defer closed(t, s)
	if settings, err := s.Settings(t.Context()); err != nil || len(settings) != 21 {
		t.Fatalf("%d settings (%v)", len(settings), err)
	}
	if head, err := s.Head(t.Context()); err != nil || head != want {
		t.Fatalf("head is %d (%v), want %d", head, err, want)
	}
}

func TestReplacedFileStopsWrites(t *testing.T) {
	c := file(t)
	s := open(t, c)
	defer closed(t, s)
	mustSet(t, s, "a", "1")
	if err := os.Rename(c.Path, c.Path+".away"); err != nil {
		t.Fatal(err)
	}
	_, err := set(t, s, "a", "2")
	refused(t, err, "store_unavailable")
	if err := os.Rename(c.Path+".away", c.Path); err != nil {
		t.Fatal(err)
	}
	mustSet(t, s, "a", "2")
}

func TestLostConnectionsAreReplaced(t *testing.T) {
	s := open(t, store.Config{URL: storetest.Postgres(t)})
	defer closed(t, s)
	want := mustSet(t, s, "a", "1")
	var kept sync.WaitGroup
	for range 8 { // fill the pool
		kept.Go(func() { _ = s.Healthy(t.Context()) })
	}
	kept.Wait()
	tamper(t, s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	for attempt := 0; ; attempt++ {
		head, err := s.Head(t.Context())
		if err == nil && head == want {
			break
		}
		refused(t, err, "store_unavailable")
		if attempt == 20 {
			t.Fatal("the pool does not recover")
		}
	}
	mustSet(t, s, "a", "2")
}

func TestDamagedFile(t *testing.T) {
	t.Run("no database at all", func(t *testing.T) {
		c := store.Config{Path: filepath.Join(t.TempDir(), "daypass.db")}
		if err := os.WriteFile(c.Path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), c)
		refused(t, err, "store_damaged")
	})
	t.Run("a page overwritten", func(t *testing.T) {
		c := file(t)
		s := open(t, c)
		for i := range 50 {
			mustSet(t, s, fmt.Sprint("name", i), strings.Repeat("x", 4000))
		}
		closed(t, s)
		content, err := os.ReadFile(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(content) / 2; i < len(content); i++ {
			content[i] = 0xa5
		}
		if err := os.WriteFile(c.Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err = store.Open(t.Context(), c)
		if err == nil {
			defer closed(t, s)
			err = s.CheckIntegrity(t.Context())
		}
		refused(t, err, "store_damaged")
	})
}

func TestUnusablePath(t *testing.T) {
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, filepath.Join(plain, "daypass.db")} {
		_, err := store.Open(t.Context(), store.Config{Path: path})
		refused(t, err, "store_unavailable")
		if !strings.Contains(err.Error(), path) {
			t.Errorf("the message does not name the file: %v", err)
		}
	}
	t.Run("read-only file", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root may write what is read-only")
		}
		if err := os.Chmod(plain, 0o400); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), store.Config{Path: plain})
		refused(t, err, "store_unavailable")
	})
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	c := store.Config{Path: filepath.Join(t.TempDir(), "data", "odd ?%41#&=ü.db")}
	s := open(t, c)
	defer closed(t, s)
	mustSet(t, s, "a", "1")
	for path, want := range map[string]fs.FileMode{
		filepath.Dir(c.Path): 0o700, c.Path: 0o600, c.Path + "-wal": 0o600, c.Path + "-shm": 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
	}
}

func TestMemoriesAreApart(t *testing.T) {
	a, b := open(t, store.Config{Memory: true}), open(t, store.Config{Memory: true})
	defer closed(t, a)
	defer closed(t, b)
	mustSet(t, a, "a", "1")
	_, err := b.Setting(t.Context(), "a")
	refused(t, err, "not_found")
}

func TestErrorsDoNotShowThePassword(t *testing.T) {
	for _, address := range []string{
		"postgres://daypass:hunter2@127.0.0.1:1/daypass", "postgres://daypass:hunter2@127.0.0.1:port/daypass", "host=127.0.0.1 password=hunter2 port=x",
	} {
		_, err := store.Open(t.Context(), store.Config{URL: address})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}
