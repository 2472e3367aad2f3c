package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/seal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// floors are the bare servers, by the role of their process.
var floors = map[string]func([]string) (http.Handler, error){
	"floor-204": floor204, "floor-upstream": floorUpstream, "floor-proxy": floorProxy, "floor-telling": floorTelling, "floor-sign": floorSign, "floor-verify": floorVerify,
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch role := args[0]; {
		case role == "serve-daypass":
			return serveDaypass(ctx, args[1:])
		case role == "hashes":
			return seal.ServeHashes(os.Stdin, os.Stdout)
		case role == "load":
			return runGenerator()
		case role == "floor-grpc":
			return serveGRPCFloor(ctx)
		case floors[role] != nil:
			return serveFloor(ctx, floors[role], args[1:])
		}
	}
	return measure(ctx, args)
}

// bench is one run of the measurements.
type bench struct {
	only     string
	write    bool
	profiles string // folder; empty: none
	keys     int
	cache    string // folder of stores kept between runs
	rounds   int
	round    time.Duration

	folder    string // temporary
	generator *child
}

func (b *bench) parse(args []string) error {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&b.only, "only", "", "run only measurements whose name begins so: forward-auth, ext-authz, gateway, graphql, limits, exchange, oauth, dpop, signature, decide, match, revocations, logins, keys")
	f.BoolVar(&b.write, "write", false, "write bench/RESULTS.md")
	f.StringVar(&b.profiles, "profile", "", "folder for processor profiles of the server under load")
	f.IntVar(&b.keys, "keys", 1_000_000, "keys in the large store")
	f.StringVar(&b.cache, "cache", filepath.Join(os.TempDir(), "daypass-bench"), "folder that keeps the large store between runs; making it takes a minute")
	f.IntVar(&b.rounds, "rounds", 31, "rounds of each pair")
	f.DurationVar(&b.round, "round", 300*time.Millisecond, "length of a round")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || b.rounds < 1 || b.keys < 1 || b.round <= 0 {
		return errors.New("wrong arguments; -help lists them")
	}
	if b.write && b.only != "" {
		return errors.New("-write is for a whole run, without -only")
	}
	return nil
}

func measure(ctx context.Context, args []string) (err error) {
	b := &bench{}
	if err := b.parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	began := time.Now()
	if b.folder, err = os.MkdirTemp("", "daypass-bench-run-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.folder)) }()
	if b.profiles != "" {
		if err := os.MkdirAll(b.profiles, 0o755); err != nil {
			return err
		}
	}
	if b.generator, err = spawn(ctx, "load"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.generator.stop()) }()
	rows, err := b.all(ctx)
	if err != nil {
		return err
	}
	table(os.Stdout, rows)
	if b.write {
		if err := writeResults(filepath.Join("bench", "RESULTS.md"), rows, time.Since(began)); err != nil {
			return err
		}
	}
	return verdict(rows)
}

func (b *bench) all(ctx context.Context) ([]row, error) {
	var rows []row
	for _, m := range []struct {
		name string
		run  func(context.Context) ([]row, error)
	}{
		{"forward-auth", b.measureForwardAuth},
		{"ext-authz", b.measureExtAuthz},
		{"gateway", b.measureGateway},
		{"graphql", b.measureGraphQL},
		{"limits", b.measureLimits},
		{"exchange", b.measureExchange},
		{"oauth", b.measureOAuth},
		{"dpop", b.measureDPoP},
		{"signature", b.measureSignature},
		{"decide", b.measureDecide},
		{"match", b.measureMatch},
		{"revocations", b.measureRevocations},
		{"networks", b.measureNetworks},
		{"logins", b.measureLogins},
		{"keys", b.measureKeys},
	} {
		if !strings.HasPrefix(m.name, b.only) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(os.Stderr, "%s …", m.name)
		got, err := m.run(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr)
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Fprintf(os.Stderr, " %s\n", time.Since(began).Round(100*time.Millisecond))
		rows = append(rows, got...)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("there is no measurement %q", b.only)
	}
	return rows, nil
}

func verdict(rows []row) error {
	missed := 0
	for _, r := range rows {
		if !r.Met {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d requirements are not met", missed)
	}
	return nil
}
