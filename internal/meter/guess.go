package meter

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Bounds of guessing at one account. A hundred failures in a row are the most there
// are (NIST SP 800-63B-4, 3.2.2): some for whoever tries, and some kept for
// addresses that have proved the account before, so that strangers cannot use up
// its owner's.
const (
	maxStrangers = 80
	maxOwners    = 20

	freeStrangers = 30 // failures before strangers have to wait for each other
	freeHere      = 10 // failures before one address has to wait for itself

	longestHere     = 15 * time.Minute
	longestStranger = time.Hour
	usedUp          = 24 * time.Hour // until an account is forgotten, and so open again

	maxKnown = 8 // addresses of an account
)

// Bounds of one address: it may fail so often at once, and so often a second. A
// false secret that is too long to be guessed weighs little.
const (
	addressBurst  = 1000
	addressRefill = 10 // a second
	weightGuess   = 10
	weightLong    = 1
)

// Bounds of what is remembered. Beyond them whoever failed least is forgotten, of a
// few that are looked at.
const (
	MaxGuessed   = 1 << 16
	maxAddresses = 1 << 16
	looked       = 8
)

// Guesses bounds how often secrets are guessed at: by account and address together,
// by account, and by address. IPv6 addresses count by their /64.
//
// Accounts are flushed with the [Recorder]'s batches and read from there by other
// nodes ([Guesses.Learn]); addresses are each node's own.
type Guesses struct {
	mu        sync.Mutex
	accounts  map[access.GuessAccount]*guessed
	pairs     map[pair]*paired
	addresses map[netip.Prefix]*bucket

	attempts map[access.AttemptKey]access.Attempts
}

type pair struct {
	account access.GuessAccount
	from    [8]byte
}

// failures are attempts in a row that proved nobody. One that is under way counts
// as failed until it ends otherwise.
type failures struct {
	count   int64
	pending int64
	last    time.Time
}

// paired are the failures at one account from one address. How many of those under
// way began as the owner's is kept: the address may become known, or be forgotten,
// before they end.
type paired struct {
	failures
	owners int64
}

// guessed is what is known of one account. What is not written yet is apart.
type guessed struct {
	strangers, owners failures
	known             [][8]byte // the latest last

	newStrangers, newOwners int64
	reset, dirty            bool
}

type bucket struct {
	level float64 // what was spent
	at    time.Time
}

// NewGuesses remembers nothing yet.
func NewGuesses() *Guesses {
	return &Guesses{
		accounts: make(map[access.GuessAccount]*guessed), pairs: make(map[pair]*paired), addresses: make(map[netip.Prefix]*bucket),
		attempts: make(map[access.AttemptKey]access.Attempts),
	}
}

func guessAccount(name string) access.GuessAccount {
	sum := sha256.Sum256([]byte("account\x00" + name))
	return access.GuessAccount(sum[:16])
}

// network is what of an address one party has to itself.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

func pairOf(account access.GuessAccount, from netip.Addr) pair {
	sum := sha256.Sum256(append(account[:], network(from).String()...))
	return pair{account, [8]byte(sum[:8])}
}

// Admit says how long to wait before the next attempt. One at an account that may
// be made counts as failed until [Guesses.Failed], [Guesses.Proved] or
// [Guesses.Dropped] tells how it ended: of any number at once, no more are made
// than one after the other would be.
func (g *Guesses) Admit(account string, from netip.Addr, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if account == "" {
		return g.addressWait(from, now, weightLong)
	}
	name := guessAccount(account)
	at := pairOf(name, from)
	a := g.account(name, now)
	owner := slices.Contains(a.known, at.from)
	here := g.pair(at, now)
	wait := here.wait(now, freeHere, maxOwners, longestHere)
	if owner {
		wait = max(wait, a.owners.wait(now, maxOwners, maxOwners, 0))
	} else {
		wait = max(wait, a.strangers.wait(now, freeStrangers, maxStrangers, longestStranger), g.addressWait(from, now, weightGuess))
	}
	if wait > 0 {
		return wait
	}
	here.pending++
	a.of(owner).pending++
	if owner {
		here.owners++
	}
	return 0
}

// over takes back what counted for an attempt under way.
func (g *Guesses) over(name access.GuessAccount, at pair) {
	owner := false
	if here := g.pairs[at]; here != nil {
		if owner = here.owners > 0; owner {
			here.owners--
		}
		here.end()
	}
	if a := g.accounts[name]; a != nil {
		a.of(owner).end()
	}
}

func (a *guessed) of(owner bool) *failures {
	if owner {
		return &a.owners
	}
	return &a.strangers
}

// wait is how long the next attempt has to: nothing for the free ones, then twice
// as long each time, and after the most there may be until all is forgotten.
func (f *failures) wait(now time.Time, free, most int64, longest time.Duration) time.Duration {
	n := f.count + f.pending
	switch {
	case n < free:
		return 0
	case f.count >= most:
		return f.last.Add(usedUp).Sub(now)
	case f.pending > 0: // what is under way may turn out right
		return time.Second
	}
	delay := longest
	if over := f.count - free; over < 20 {
		delay = min(longest, time.Second<<over)
	}
	return f.last.Add(delay).Sub(now)
}

func (g *Guesses) addressWait(from netip.Addr, now time.Time, weight float64) time.Duration {
	b := g.addresses[network(from)]
	if b == nil {
		return 0
	}
	over := b.now(now) + weight - addressBurst
	if over <= 0 {
		return 0
	}
	return time.Duration(over / addressRefill * float64(time.Second))
}

func (b *bucket) now(now time.Time) float64 {
	return max(0, b.level-max(0, now.Sub(b.at).Seconds())*addressRefill)
}

// account finds what is known of one, or begins it. What has rested for long
// enough is forgotten, save where it was proved from.
func (g *Guesses) account(name access.GuessAccount, now time.Time) *guessed {
	a := g.accounts[name]
	if a == nil {
		a = &guessed{}
		makeRoom(g.accounts, MaxGuessed, func(a *guessed) int64 {
			weight := a.strangers.count + a.owners.count + a.strangers.pending + a.owners.pending
			if a.dirty {
				weight += maxStrangers
			}
			return weight
		})
		g.accounts[name] = a
	}
	for _, f := range []*failures{&a.strangers, &a.owners} {
		if f.count > 0 && now.Sub(f.last) >= usedUp {
			f.count = 0
			a.forgive()
		}
	}
	return a
}

func (a *guessed) forgive() {
	a.newStrangers, a.newOwners = a.strangers.count, a.owners.count
	a.reset, a.dirty = true, true
}

func (g *Guesses) pair(at pair, now time.Time) *paired {
	f := g.pairs[at]
	if f == nil {
		f = &paired{}
		makeRoom(g.pairs, 2*MaxGuessed, func(f *paired) int64 { return f.count + f.pending })
		g.pairs[at] = f
	}
	if now.Sub(f.last) >= usedUp {
		f.count = 0
	}
	return f
}

// makeRoom forgets the least of a few entries where there are too many.
func makeRoom[K comparable, V any](m map[K]V, most int, weight func(V) int64) {
	if len(m) < most {
		return
	}
	var least K
	lightest, seen := int64(-1), 0
	for k, v := range m { // begins anywhere
		if w := weight(v); lightest < 0 || w < lightest {
			least, lightest = k, w
		}
		if seen++; seen == looked {
			break
		}
	}
	delete(m, least)
}

// Failed counts an attempt that proved nobody.
func (g *Guesses) Failed(account string, from netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	weight := float64(weightLong)
	if account != "" {
		weight = weightGuess
		name := guessAccount(account)
		at := pairOf(name, from)
		g.over(name, at)
		a := g.account(name, now)
		owner := slices.Contains(a.known, at.from)
		for _, f := range []*failures{a.of(owner), &g.pair(at, now).failures} {
			f.count++
			f.last = now
		}
		if a.dirty = true; owner {
			a.newOwners++
		} else {
			a.newStrangers++
		}
	}
	b := g.addresses[network(from)]
	if b == nil {
		b = &bucket{}
		makeRoom(g.addresses, maxAddresses, func(b *bucket) int64 { return int64(b.now(now)) })
		g.addresses[network(from)] = b
	}
	b.level, b.at = min(b.now(now)+weight, addressBurst+weightGuess), now
}

func (f *failures) end() { f.pending = max(0, f.pending-1) }

// Proved forgives what failed at the account, and keeps its allowance for the
// address from now on.
func (g *Guesses) Proved(account string, from netip.Addr) { g.proved(account, from, true) }

// Vouched is Proved where no attempt was admitted.
func (g *Guesses) Vouched(account string, from netip.Addr) { g.proved(account, from, false) }

func (g *Guesses) proved(account string, from netip.Addr, admitted bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := guessAccount(account)
	at := pairOf(name, from)
	if admitted {
		g.over(name, at)
	}
	a := g.account(name, time.Time{})
	g.pair(at, time.Time{}).count = 0
	if a.strangers.count+a.owners.count > 0 {
		a.strangers.count, a.owners.count = 0, 0
		a.forgive()
	}
	if n := len(a.known); n > 0 && a.known[n-1] == at.from {
		return
	}
	a.known = append(slices.DeleteFunc(slices.Clone(a.known), func(k [8]byte) bool { return k == at.from }), at.from)
	if len(a.known) > maxKnown {
		a.known = a.known[1:]
	}
	a.dirty = true
}

// Dropped takes back an attempt of which nobody knows whether it was false.
func (g *Guesses) Dropped(account string, from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := guessAccount(account)
	g.over(name, pairOf(name, from))
}

// Attempted keeps that a false proof was made, for the record. Beyond a number of
// them until the next flush, the rest are counted together.
func (g *Guesses) Attempted(key access.AttemptKey, now time.Time) {
	const most, longest = 10_000, 200
	if len(key.Account) > longest {
		key.Account = key.Account[:longest]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, there := g.attempts[key]; !there && len(g.attempts) >= most {
		key = access.AttemptKey{Code: key.Code, Hour: key.Hour}
	}
	g.attempts[key] = access.Attempts{AttemptKey: key, Count: g.attempts[key].Count + 1, Last: now}
}

// drain moves what is new into a batch.
func (g *Guesses) drain(b *access.Batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, a := range g.attempts {
		if !room(b.Attempts, key) {
			continue
		}
		a.Count += b.Attempts[key].Count
		b.Attempts[key] = a
	}
	clear(g.attempts)
	for name, a := range g.accounts {
		if !a.dirty {
			continue
		}
		before := b.Guesses[name] // of a batch that could not be written
		next := access.Guesses{
			Strangers: a.newStrangers, Owners: a.newOwners, Reset: a.reset || before.Reset,
			Last: later(a.strangers.last, a.owners.last), Known: slices.Clone(a.known),
		}
		if !a.reset {
			next.Strangers, next.Owners = next.Strangers+before.Strangers, next.Owners+before.Owners
		}
		b.Guesses[name] = next
		a.newStrangers, a.newOwners, a.reset, a.dirty = 0, 0, false, false
	}
	if len(b.Guesses) > 0 {
		b.At = time.Now()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// GuessLedger is where accounts are kept for every node.
type GuessLedger interface {
	Guesses(ctx context.Context, since time.Time, limit int) (map[access.GuessAccount]access.Guesses, time.Time, error)
}

// Learn takes over what is kept since a time, by this node before it was started
// or by others since, and returns the time to learn from next. What this node has
// not written yet stays on top.
func (g *Guesses) Learn(ctx context.Context, from GuessLedger, since time.Time) (time.Time, error) {
	found, until, err := from.Guesses(ctx, since, MaxGuessed)
	if err != nil {
		return since, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, kept := range found {
		a := g.account(name, time.Time{})
		if a.reset {
			continue // what is kept is about to be replaced
		}
		for _, f := range []struct {
			*failures
			kept int64
		}{{&a.strangers, kept.Strangers + a.newStrangers}, {&a.owners, kept.Owners + a.newOwners}} {
			if f.kept > f.count || !kept.Last.Before(f.last.Truncate(time.Millisecond)) { // else its last is on its way there
				f.count = f.kept
			}
			f.last = later(f.last, kept.Last)
		}
		for _, k := range kept.Known {
			if !slices.Contains(a.known, k) && len(a.known) < maxKnown {
				a.known = append(a.known, k)
			}
		}
	}
	return until, nil
}

// Sweep forgets pairs and addresses that have rested. Call it every minute or so.
func (g *Guesses) Sweep(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for at, f := range g.pairs {
		if f.pending == 0 && now.Sub(f.last) >= usedUp {
			delete(g.pairs, at)
		}
	}
	for at, b := range g.addresses {
		if b.now(now) == 0 {
			delete(g.addresses, at)
		}
	}
	for name, a := range g.accounts {
		rested := now.Sub(later(a.strangers.last, a.owners.last)) >= usedUp
		if rested && !a.dirty && a.strangers.pending+a.owners.pending == 0 && len(a.known) == 0 {
			delete(g.accounts, name)
		}
	}
}
