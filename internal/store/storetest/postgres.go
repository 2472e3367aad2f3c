package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// cluster is the PostgreSQL server of this test binary: started when the first
// test asks for it, listening on a socket in its own folder alone.
var cluster = sync.OnceValues(startCluster)

type server struct {
	folder   string    // of its socket and data
	lifeline io.Closer // of its watcher; held here, or the collector would close it
}

var (
	errNoPostgres = errors.New("initdb and postgres are neither in PATH nor in /usr/lib/postgresql/*/bin")
	databases     atomic.Int64
)

// Postgres returns the URL of a fresh database, dropped after the test. It skips
// the test on a machine without PostgreSQL.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := cluster()
	if errors.Is(err, errNoPostgres) {
		t.Skip("no PostgreSQL here: " + err.Error())
	}
	if err != nil {
		t.Fatal("PostgreSQL did not start: ", err)
	}
	name := "test" + strconv.FormatInt(databases.Add(1), 10)
	execute(t, server.folder, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, server.folder, "DROP DATABASE "+name+" WITH (FORCE)") })
	return databaseURL(server.folder, name)
}

func databaseURL(folder, name string) string {
	u := url.URL{Scheme: "postgres", User: url.User("daypass"), Path: "/" + name, RawQuery: url.Values{"host": {folder}}.Encode()}
	return u.String()
}

func execute(t testing.TB, folder, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", databaseURL(folder, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// startCluster makes a cluster and starts its server. A shell waits for the end of this process, however it comes, on a pipe that nobody
// writes to; then it ends the server and removes the folder.
func startCluster() (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "daypass-pg-")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "daypass", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	if err := asUnprivileged(initdb, folder); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(folder))
	}

	const watch = `"$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off \
	-c synchronous_commit=off -c shared_buffers=16MB -c max_connections=60 >"$2/log" 2>&1 </dev/null &
read -r _
kill -QUIT $!
wait $!
rm -rf "$2"`
	watcher := exec.Command("sh", "-c", watch, "sh", filepath.Join(bin, "postgres"), folder)
	if err := asUnprivileged(watcher, folder); err != nil {
		return nil, err
	}
	lifeline, err := watcher.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := watcher.Start(); err != nil {
		return nil, err
	}
	return &server{folder: folder, lifeline: lifeline}, awaitCluster(folder)
}

func awaitCluster(folder string) error {
	db, err := sql.Open("pgx", databaseURL(folder, "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(folder, "log"))
			return fmt.Errorf("%w: %s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binaries is the folder with the programs of PostgreSQL: behind the initdb in
// PATH, else the newest of where Debian puts them.
func binaries() (string, error) {
	candidates, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(candidates)
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			candidates = append(candidates, filepath.Dir(real))
		}
	}
	slices.Reverse(candidates)
	for _, folder := range candidates {
		if isProgram(filepath.Join(folder, "initdb")) && isProgram(filepath.Join(folder, "postgres")) {
			return folder, nil
		}
	}
	return "", errNoPostgres
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
