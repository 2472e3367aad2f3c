package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // to age a database

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/daypasstest"
	"github.com/daypass/daypass/internal/server"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"daypass": main})
}

// TestScripts runs each session of testdata/script against a server of its own, which DAYPASS_URL, DAYPASS_KEY and GATEWAY name.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			t.Parallel()
			running := daypasstest.Start(t)
			testscript.Run(t, testscript.Params{
				Files:               []string{script},
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(env *testscript.Env) error {
					env.Setenv("DAYPASS_URL", running.URL)
					env.Setenv("DAYPASS_KEY", running.AdminKey)
					env.Setenv("GATEWAY", running.GatewayURL)
					// A program built with -race waits a second before it ends, for races on other threads.
					env.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=10"))
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits":   exits,
					"capture": capture,
					"serving": serving,
					"newer":   newer,
					"narrow":  narrow,
					"visit":   visit,
					"login":   login,
					"decide":  decide,
					"age":     age,
				},
			})
		})
	}
}

// exits CODE COMMAND… runs a command that must end with the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	var failure *exec.ExitError
	code := 0
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &failure):
		code = failure.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// capture [-err] NAME [REGEXP] sets a variable to the last output, or to the first match in it.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	stream := "stdout"
	if len(args) > 0 && args[0] == "-err" {
		stream, args = "stderr", args[1:]
	}
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: capture [-err] NAME [REGEXP]")
	}
	text := strings.TrimSpace(ts.ReadFile(stream))
	if len(args) == 2 {
		text = regexp.MustCompile(args[1]).FindString(text)
	}
	if text == "" {
		ts.Fatalf("there is nothing to capture")
	}
	ts.Setenv(args[0], text)
}

// serving FILE waits for the ready file and points the variables at that server.
func serving(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serving READY-FILE")
	}
	var at server.Addresses
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil {
			ts.Check(json.Unmarshal(raw, &at))
			break
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the server does not get ready")
		}
	}
	ts.Setenv("DAYPASS_URL", "http://"+at.Listen)
	ts.Setenv("GATEWAY", "http://"+at.Gateway)
	ts.Setenv("LISTEN", at.Listen)
}

// newer FOLDER makes a data folder look as if a later version had been there.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer FOLDER")
	}
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), "daypass.db"))
	ts.Check(err)
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, 1)")
	ts.Check(errors.Join(err, db.Close()))
}

// visit STATUS METHOD URL [PASS] sends a request that must be answered with the status.
func visit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: visit STATUS METHOD URL [PASS]")
	}
	r, err := http.NewRequest(args[1], args[2], nil)
	ts.Check(err)
	if len(args) == 4 {
		r.Header.Set("Authorization", "Bearer "+args[3])
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	if strconv.Itoa(answer.StatusCode) != args[0] {
		ts.Fatalf("status %d, want %s", answer.StatusCode, args[0])
	}
}

// narrow fails if the last output is wider than a terminal.
func narrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: narrow")
	}
	for l := range strings.Lines(ts.ReadFile("stdout")) {
		if l = strings.TrimRight(l, "\n"); len([]rune(l)) > pageWidth {
			ts.Fatalf("this line has more than %d characters: %s", pageWidth, l)
		}
	}
}

// login STATUS KEY-ID [VARIABLE] logs in with the one public key of the script, and sets a variable to the pass. The
// status is 200, or that of the refusal.
func login(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: login STATUS KEY-ID [VARIABLE]")
	}
	seed := sha256.Sum256([]byte(ts.Getenv("WORK")))
	client, err := daypass.New(ts.Getenv("DAYPASS_URL"))
	ts.Check(err)
	token, err := client.LogIn(context.Background(), daypass.Login{Issuer: server.DefaultIssuer, Group: args[1], Signer: ed25519.NewKeyFromSeed(seed[:])}, daypass.ExchangeRequest{})
	status := http.StatusOK
	if refused := (*daypass.Error)(nil); errors.As(err, &refused) {
		status = refused.Status
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("status %d (%v), want %s", status, err, args[0])
	}
	if len(args) == 3 {
		ts.Setenv(args[2], token.Text)
	}
}

// decide FILE approve|deny waits for the user code in a file and decides, as the administrator in a browser.
func decide(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: decide FILE approve|deny")
	}
	code := ""
	for deadline := time.Now().Add(time.Minute); code == ""; time.Sleep(10 * time.Millisecond) {
		raw, _ := os.ReadFile(ts.MkAbs(args[0]))
		code = regexp.MustCompile(`\b[B-Z]{4}-[B-Z]{4}\b`).FindString(string(raw))
		if time.Now().After(deadline) {
			ts.Fatalf("no code is shown")
		}
	}
	renewable := true
	admin, err := daypass.New(ts.Getenv("DAYPASS_URL"), daypass.WithKey(ts.Getenv("ADMIN")))
	ts.Check(err)
	pass, err := admin.Exchange(context.Background(), daypass.ExchangeRequest{Renewable: &renewable})
	ts.Check(err)
	browser, err := daypass.New(ts.Getenv("DAYPASS_URL"), daypass.WithToken(pass.Text))
	ts.Check(err)
	if args[1] == "deny" {
		ts.Check(daypass.Done(browser.API().DenyDevice(context.Background(), api.DeviceCode{UserCode: code})))
		return
	}
	ts.Check(daypass.Done(browser.API().ApproveDevice(context.Background(), api.DeviceApproval{UserCode: code})))
}

// age FILE DURATION makes a login look as if it was had so long ago, and ends it as much earlier.
func age(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: age FILE DURATION")
	}
	by, err := time.ParseDuration(args[1])
	ts.Check(err)
	var p profile
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &p))
	p.Obtained, p.Expires = p.Obtained.Add(-by), p.Expires.Add(-by)
	text, err := json.Marshal(p)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}
