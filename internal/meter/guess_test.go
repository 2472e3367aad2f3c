package meter

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/internal/access"
)

var (
	home     = netip.MustParseAddr("203.0.113.7")
	begin    = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	stranger = func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
)

// TestGuesses_ManyStrangers: strangers with as many addresses as they like have a
// hundred guesses at most, and the owner gets in where it was before.
func TestGuesses_ManyStrangers(t *testing.T) {
	g := NewGuesses()
	if g.Admit("login:ada@acme.example", home, begin) > 0 {
		t.Fatal("the first attempt has to wait")
	}
	g.Proved("login:ada@acme.example", home)
	now, made := begin, 0
	for i := range 20_000 {
		now = now.Add(time.Minute)
		if now.Sub(begin) > 20*24*time.Hour {
			break
		}
		if g.Admit("login:ada@acme.example", stranger(i), now) == 0 {
			g.Failed("login:ada@acme.example", stranger(i), now)
			made++
		}
		if made == maxStrangers {
			break
		}
	}
	if made > maxStrangers {
		t.Errorf("%d guesses", made)
	}
	if wait := g.Admit("login:ada@acme.example", stranger(1<<20), now); wait < time.Hour {
		t.Errorf("a stranger waits %v", wait)
	}
	if wait := g.Admit("login:ada@acme.example", home, now); wait != 0 {
		t.Errorf("the owner waits %v", wait)
	}
	g.Proved("login:ada@acme.example", home)
	if wait := g.Admit("login:ada@acme.example", stranger(1<<20), now); wait != 0 {
		t.Error("a proof does not forgive")
	}
}

// TestGuesses_OneAddress: it waits longer and longer, and neither a correct proof
// for another account nor time under a day lets it go on as before.
func TestGuesses_OneAddress(t *testing.T) {
	g := NewGuesses()
	now, made := begin, 0
	for now.Before(begin.Add(24 * time.Hour)) {
		if wait := g.Admit("a", home, now); wait > 0 {
			now = now.Add(wait)
			continue
		}
		g.Failed("a", home, now)
		made++
	}
	if made < freeHere || made > maxOwners+maxStrangers {
		t.Errorf("%d guesses in a day", made)
	}
	if g.Admit("b", home, now) != 0 {
		t.Error("another account is closed too")
	}
}

func TestGuesses_AtOnce(t *testing.T) {
	g := NewGuesses()
	var admitted int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			if g.Admit("a", stranger(i), begin) == 0 {
				mu.Lock()
				admitted++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if admitted != freeStrangers {
		t.Errorf("%d are under way at once", admitted)
	}
	for i := range 400 {
		g.Dropped("a", stranger(i))
	}
	if g.Admit("a", home, begin) != 0 {
		t.Error("what was dropped still counts")
	}
}

// TestGuesses_EndsAsItBegan: whoever is known, or forgotten, while attempts are
// under way leaves none of them counted for ever.
func TestGuesses_EndsAsItBegan(t *testing.T) {
	g := NewGuesses()
	for range freeHere { // they begin as a stranger's; the first makes them the owner's
		if g.Admit("a", home, begin) != 0 {
			t.Fatal("too early")
		}
	}
	for range freeHere {
		g.Proved("a", home)
	}
	for range freeHere {
		g.Admit("a", home, begin)
	}
	for i := range maxKnown { // which puts home out of those known
		g.Vouched("a", stranger(i))
	}
	for range freeHere {
		g.Dropped("a", home)
	}
	g.Admit("a", home, begin)
	g.Proved("a", home)
	if a := g.accounts[guessAccount("a")]; a.strangers.pending != 0 || a.owners.pending != 0 {
		t.Errorf("%d of strangers and %d of owners are under way", a.strangers.pending, a.owners.pending)
	}
	for i := range freeStrangers {
		if g.Admit("a", stranger(100+i), begin) != 0 {
			t.Fatalf("after many proofs at once a stranger has %d guesses", i)
		}
	}
}

func TestGuesses_Address(t *testing.T) {
	g := NewGuesses()
	made := 0
	for i := range 1000 {
		if account := strconv.Itoa(i); g.Admit(account, home, begin) == 0 {
			g.Failed(account, home, begin)
			made++
		}
	}
	if made != addressBurst/weightGuess {
		t.Errorf("one address guesses at %d accounts at once", made)
	}
	if g.Admit("", home, begin) == 0 || g.Admit("", home, begin.Add(2*time.Minute)) != 0 {
		t.Error("false keys are not counted with it")
	}
	if g.Admit("x", stranger(1), begin) != 0 {
		t.Error("another address has to wait")
	}
	six := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	if network(six("2001:db8::1")) != network(six("2001:db8::ffff:1")) || network(six("2001:db8::1")) == network(six("2001:db8:0:1::1")) || network(six("::ffff:203.0.113.7")) != network(home) {
		t.Error("addresses of one network are not one")
	}
}

// TestGuesses_Bounded: those who name ever new accounts do not wash away what is
// remembered of one.
func TestGuesses_Bounded(t *testing.T) {
	g := NewGuesses()
	for i := range freeStrangers {
		g.Admit("a", stranger(i), begin)
		g.Failed("a", stranger(i), begin)
	}
	g.drain(&access.Batch{Guesses: map[access.GuessAccount]access.Guesses{}, Attempts: map[access.AttemptKey]access.Attempts{}})
	for i := range MaxGuessed + MaxGuessed/4 {
		g.Admit("x"+strconv.Itoa(i), stranger(i), begin)
		g.Dropped("x"+strconv.Itoa(i), stranger(i))
	}
	if len(g.accounts) > MaxGuessed || len(g.pairs) > 2*MaxGuessed {
		t.Error("it grows", len(g.accounts), len(g.pairs))
	}
	if g.Admit("a", home, begin) == 0 {
		t.Error("an account is forgotten")
	}
	for i := range 20_000 {
		g.Attempted(access.AttemptKey{Account: strconv.Itoa(i)}, begin)
	}
	if len(g.attempts) > 10_001 {
		t.Error("records grow", len(g.attempts))
	}
}

type shelf map[access.GuessAccount]access.Guesses

func (s shelf) Guesses(context.Context, time.Time, int) (map[access.GuessAccount]access.Guesses, time.Time, error) {
	return s, begin, nil
}

// put writes a batch as the store does.
func (s shelf) put(b access.Batch) {
	for name, g := range b.Guesses {
		if !g.Reset {
			g.Strangers, g.Owners = g.Strangers+s[name].Strangers, g.Owners+s[name].Owners
		}
		if len(g.Known) == 0 {
			g.Known = s[name].Known
		}
		s[name] = g
	}
}

// TestGuesses_TwoNodes: what one counts, the other knows after a flush, also of
// who proved; and so does the first after a restart.
func TestGuesses_TwoNodes(t *testing.T) {
	kept, a, b := shelf{}, NewGuesses(), NewGuesses()
	a.Admit("x", home, begin)
	a.Proved("x", home)
	for i := range freeStrangers {
		node := []*Guesses{a, b}[i%2]
		if node.Admit("x", stranger(i), begin) != 0 {
			t.Fatal("too early", i)
		}
		node.Failed("x", stranger(i), begin)
	}
	for _, node := range []*Guesses{a, b} {
		batch := newBatch()
		node.drain(&batch)
		kept.put(batch)
	}
	for name, node := range map[string]*Guesses{"a": a, "b": b, "new": NewGuesses()} {
		if _, err := node.Learn(t.Context(), kept, begin); err != nil {
			t.Fatal(err)
		}
		if node.Admit("x", stranger(999), begin) == 0 {
			t.Errorf("%s: a stranger need not wait", name)
		}
		if node.Admit("x", home, begin) != 0 {
			t.Errorf("%s: the owner has to wait", name)
		}
	}
	a.Proved("x", home)
	batch := newBatch()
	a.drain(&batch)
	kept.put(batch)
	if fresh := NewGuesses(); true {
		_, _ = fresh.Learn(t.Context(), kept, begin)
		if fresh.Admit("x", stranger(999), begin) != 0 {
			t.Error("a proof is not passed on")
		}
	}
}
