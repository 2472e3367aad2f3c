package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

const (
	keysPerUser  = 5
	keysPerBatch = 10_000
	// shownKeys is how many texts are kept, to exchange them: more than the server's cache has places for holders.
	shownKeys = 100_000

	adminFile, keyFile, databaseFile, masterKeyFile = "admin.txt", "keys.txt", "daypass.db", "master.key"
)

// fullStore returns a folder with a store of count keys: a copy, so that what a run records does not pile up in it.
func (b *bench) fullStore(ctx context.Context, count int) (string, error) {
	original := filepath.Join(b.cache, fmt.Sprintf("keys-%d", count))
	if _, err := os.Stat(filepath.Join(original, keyFile)); errors.Is(err, fs.ErrNotExist) {
		if err := makeFullStore(ctx, original, count); err != nil {
			return "", fmt.Errorf("make a store of %d keys in %s: %w", count, original, err)
		}
	} else if err != nil {
		return "", err
	}
	folder := filepath.Join(b.folder, "full")
	if err := os.CopyFS(folder, os.DirFS(original)); err != nil {
		return "", err
	}
	return folder, os.Chmod(filepath.Join(folder, masterKeyFile), 0o600) // which a copy does not keep
}

// makeFullStore makes it beside its place and moves it there when it is whole.
func makeFullStore(ctx context.Context, folder string, count int) error {
	part := folder + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	admin, err := initDaypass(ctx, part)
	if err != nil {
		return err
	}
	texts, err := insertKeys(ctx, part, count)
	if err != nil {
		return err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(part, adminFile), []byte(admin), 0o600),
		os.WriteFile(filepath.Join(part, keyFile), texts, 0o600),
		os.RemoveAll(folder),
	)
	if err != nil {
		return err
	}
	return os.Rename(part, folder)
}

// insertKeys fills the store with consumers of some keys each. It returns the texts of some keys from all over it, a
// line each.
func insertKeys(ctx context.Context, folder string, count int) (texts []byte, err error) {
	master, err := seal.LoadMasterKey("", filepath.Join(folder, masterKeyFile))
	if err != nil {
		return nil, err
	}
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(folder, databaseFile)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	org, err := st.Organization(ctx, organization)
	if err != nil {
		return nil, err
	}
	f := filler{org: org, sealer: seal.NewSealer(master), each: max(1, count/shownKeys), scopes: scope.NewSet(scope.MustParse("*"))}
	for f.made < count {
		_, err := st.Change(ctx, access.Actor{}, "", time.Now(), func(tx *store.Tx) error {
			for range min(keysPerBatch, count-f.made) {
				if err := f.add(tx); err != nil {
					return err
				}
			}
			return tx.Record("bench.keys", org.ID, org.ID, nil)
		})
		if err != nil {
			return nil, err
		}
	}
	return f.texts.Bytes(), nil
}

type filler struct {
	org    access.Organization
	sealer *seal.Sealer
	scopes scope.Set
	each   int // how many keys to one whose text is kept
	made   int
	user   string
	texts  bytes.Buffer
}

func (f *filler) add(tx *store.Tx) error {
	roles := []access.Role{{Name: access.Consumer, OrganizationID: f.org.ID}}
	if f.made%keysPerUser == 0 {
		f.user = seal.NewID("usr")
		err := errors.Join(
			tx.InsertUser(access.User{ID: f.user, Name: "consumer", Active: true, Created: tx.Now()}),
			tx.InsertMembership(access.Membership{
				ID: seal.NewID("mem"), OrganizationID: f.org.ID, UserID: f.user, Roles: roles, Active: true, Created: tx.Now(),
			}),
		)
		if err != nil {
			return err
		}
	}
	text := seal.NewKeyText(seal.KindLive)
	if f.made%f.each == 0 {
		fmt.Fprintln(&f.texts, text)
	}
	f.made++
	return tx.InsertKey(access.Key{
		ID: seal.NewID("key"), OrganizationID: f.org.ID, UserID: f.user, Kind: access.KeyLive, Scopes: f.scopes, Roles: roles,
		Version: 1, Created: tx.Now(),
	}, f.sealer.KeyHash(text), nil)
}

// readKeys returns count texts at random.
func readKeys(folder string, count int) ([]string, error) {
	file, err := os.Open(filepath.Join(folder, keyFile))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var texts []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		texts = append(texts, lines.Text())
	}
	rand.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	return texts[:min(count, len(texts))], lines.Err()
}

// measureKeys looks at a store of very many keys: how much memory the server takes on it when idle, how long a key takes
// that it has not seen before, and how much memory it has taken after very many passes.
func (b *bench) measureKeys(ctx context.Context) (rows []row, err error) {
	folder, err := b.fullStore(ctx, b.keys)
	if err != nil {
		return nil, err
	}
	admin, err := os.ReadFile(filepath.Join(folder, adminFile))
	if err != nil {
		return nil, err
	}
	h, err := b.open(ctx, folder, string(admin), "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.stop()) }()
	if _, err := h.settle(); err != nil {
		return nil, err
	}
	const mostIdle, mostUsed, mostCold = 60_000_000, 150_000_000, 5 * time.Millisecond
	idle, err := h.resident()
	if err != nil {
		return nil, err
	}
	cold, err := b.exchangeCold(h, folder)
	if err != nil {
		return nil, err
	}
	used, err := b.spendPasses(h)
	if err != nil {
		return nil, err
	}
	stored := thousands(b.keys) + " keys stored"
	return []row{
		{What: stored + ", exchange of a random cold key, p99 at " + fmt.Sprint(runtime.NumCPU()) + " connections", Ours: micros(cold.P99), Required: "< 5 ms", Met: cold.P99 < mostCold},
		{What: "— median", Ours: micros(cold.P50), Met: true},
		{What: "— per second", Ours: perSecond(rate(shot{impact: cold})), Met: true},
		{What: stored + ", resident memory of the idle server", Ours: megabytes(idle), Required: "< 60 MB", Met: idle < mostIdle},
		{What: "— after 100,000 different passes were made and used", Ours: megabytes(used), Required: "< 150 MB", Met: used < mostUsed},
	}, nil
}

// exchangeCold exchanges keys once each.
func (b *bench) exchangeCold(h *house, folder string) (impact, error) {
	const count = 20_000
	texts, err := readKeys(folder, count)
	if err != nil {
		return impact{}, err
	}
	requests := make([][]byte, len(texts))
	for i, text := range texts {
		requests[i] = exchangeRequest(text)
	}
	// As many at once as there are processors: more would only wait for each other, and show the length of the queue.
	cold := volley{Target: h.Ready.Listen, Connections: runtime.NumCPU(), Requests: requests, Times: len(requests), Status: 200}
	return fire(b.generator, cold)
}

// spendPasses makes very many passes, uses each, and returns the memory that is then resident.
func (b *bench) spendPasses(h *house) (int64, error) {
	const count = 100_000
	around := forwardAuth(target(area(1)))
	spend := volley{
		Target: h.Ready.Listen, Connections: connections, Requests: [][]byte{exchangeRequest(h.key)}, Times: count, Status: 200,
		Spend: [][]byte{[]byte(around[0]), []byte(around[1])},
	}
	if _, err := fire(b.generator, spend); err != nil {
		return 0, err
	}
	if _, err := h.settle(); err != nil {
		return 0, err
	}
	resident, err := h.resident()
	return resident, errors.Join(err, b.fetchProfile(h, "heap", "heap"))
}
