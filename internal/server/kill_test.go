package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/daypass/daypass/internal/server"
)

// childData names the environment variable that turns this test binary into a
// server: it holds the data folder.
const childData = "DAYPASS_SERVERTEST_DATA"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childData); folder != "" {
		log.Fatal(serveUntilKilled(folder))
	}
	goleak.VerifyTestMain(m)
}

func childConfig(folder string) server.Config {
	c := testConfig(folder)
	c.ReadyFile = filepath.Join(folder, "ready")
	return c
}

func serveUntilKilled(folder string) error {
	s, err := server.New(context.Background(), childConfig(folder), server.Options{Version: "test", Log: os.Stderr})
	if err != nil {
		return err
	}
	return s.Run(context.Background())
}

// runApart goes on in a process of its own, which i.stop ends as a power cut would.
func (i *instance) runApart() {
	i.t.Helper()
	i.log = &lockedBuffer{}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childData+"="+i.config.Data)
	child.Stderr = i.log
	if err := child.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.stop = func() {
		_ = child.Process.Kill()
		_ = child.Wait() // killed
		http.DefaultClient.CloseIdleConnections()
		i.stop = func() {}
	}
	ready := childConfig(i.config.Data).ReadyFile
	var at server.Addresses
	eventually(i.t, func() bool {
		text, err := os.ReadFile(ready)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			i.t.Fatal(err)
		}
		return err == nil && json.Unmarshal(text, &at) == nil
	})
	i.api, i.gateway, i.ops = "http://"+at.Listen, "http://"+at.Gateway, "http://"+at.Ops
}

// TestQuotaSurvivesKill: of a server that is killed in the middle, what it had stored of a quota stays used, what it had
// admitted since is all that may come again, and nothing is counted twice.
func TestQuotaSurvivesKill(t *testing.T) {
	i := start(t, nil)
	i.protect()
	const (
		org                   = "/v1/organizations/acme"
		quota, stored, unsure = 60, 25, 15
	)
	i.must(201, "PUT", org+"/plans/gold", i.created.Key, object{"limits": []object{{"quota": fmt.Sprint(quota, "/month")}}})
	key := i.must(201, "POST", org+"/keys", i.created.Key, object{"scopes": []string{"*"}, "plan": "gold"})
	pass := i.must(200, "POST", "/v1/tokens", key.str("key"), object{}).str("token")
	call := func() int { return i.do("GET", i.gateway+"/photos/1", pass, nil).status }
	admit := func(requests int) {
		t.Helper()
		for n := range requests {
			if status := call(); status != http.StatusOK {
				t.Fatalf("request %d: %d", n, status)
			}
		}
	}
	i.stop()
	i.runApart()
	admit(stored)
	began := time.Now()
	eventually(t, func() bool { // usage is stored in one transaction with what was used of quotas
		return strings.Contains(i.must(200, "GET", org+"/usage?outcome=allowed&key="+key.str("id"), i.created.Key, nil).text, fmt.Sprintf(`"count":%d`, stored))
	})
	t.Logf("stored within %s", time.Since(began).Round(time.Millisecond))
	admit(unsure)
	i.stop()

	i.run()
	passed := 0
	for call() == http.StatusOK {
		if passed++; passed > quota {
			break
		}
	}
	if passed < quota-stored-unsure || passed > quota-stored {
		t.Errorf("%d pass after the kill; %d to %d may", passed, quota-stored-unsure, quota-stored)
	}
}
