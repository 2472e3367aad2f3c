package store_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store"
)

// writerFile names the environment variable that turns this test binary into a
// writer: it holds the path of the database.
const writerFile = "DAYPASS_STORETEST_WRITER"

// writeUntilKilled makes changes and prints the revision of each once it was
// acknowledged.
func writeUntilKilled(path string) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Path: path})
	if err != nil {
		log.Fatal(err)
	}
	for {
		revision, err := s.Change(ctx, access.Actor{}, "", noon, func(tx *store.Tx) error {
			if err := tx.Revoke(fmt.Sprint("tok_", tx.Revision()), "token_revoked", time.Time{}, noon.Add(time.Hour)); err != nil {
				return err
			}
			return tx.Record("token.revoked", "", "", nil)
		})
		if err != nil {
			log.Fatal(err)
		}
		token := access.IssuedToken{ID: fmt.Sprint("tok_", revision), OrganizationID: "org_1"}
		if err := s.WriteBatch(ctx, access.Batch{Issued: []access.IssuedToken{token}}); err != nil {
			log.Fatal(err)
		}
		fmt.Println(revision)
	}
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	c := file(t)
	var acknowledged []int64
	for _, lines := range []int{1, 60, 23, 140} {
		acknowledged = append(acknowledged, killAfter(t, c.Path, lines)...)
		s := open(t, c)
		if err := s.CheckIntegrity(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.VerifyChain(t.Context()); err != nil {
			t.Fatal(err)
		}
		revocations, err := s.RevocationsSince(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		head, err := s.Head(t.Context())
		last := acknowledged[len(acknowledged)-1]
		if err != nil || head < last || int64(len(revocations)) != head {
			t.Fatalf("%d revocations at revision %d (%v); %d was acknowledged", len(revocations), head, err, last)
		}
		for _, revision := range acknowledged {
			if _, err := s.IssuedToken(t.Context(), "org_1", fmt.Sprint("tok_", revision)); err != nil {
				t.Fatalf("batch %d was acknowledged and is gone: %v", revision, err)
			}
		}
		closed(t, s)
	}
}

// killAfter runs a writer, kills it while it writes, and returns the revisions
// it acknowledged.
func killAfter(t *testing.T, path string, lines int) (acknowledged []int64) {
	t.Helper()
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), writerFile+"="+path)
	writer.Stderr = os.Stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for seen := 1; scanner.Scan(); seen++ {
		revision, err := strconv.ParseInt(scanner.Text(), 10, 64)
		if err != nil {
			t.Fatalf("the writer says %q", scanner.Text())
		}
		acknowledged = append(acknowledged, revision)
		if seen == lines {
			if err := writer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = writer.Wait() // killed
	return acknowledged
}
