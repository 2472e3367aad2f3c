package verify

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultMaxStale = 30 * time.Second
	minMaxStale     = 3 * time.Second
	askTimeout      = 10 * time.Second // beyond what the server was asked to wait
	pace            = 100 * time.Millisecond
	maxBackoff      = 5 * time.Second
)

// follower keeps what the feed says. Only whole pages count as having heard, and only from when they were asked for: so how old
// the news may be is measured by one clock, this one.
type follower struct {
	ask      func(ctx context.Context, after int64, wait time.Duration) (text string, err error)
	signed   func(ctx context.Context, text, typ string) (payload []byte, err error)
	issuer   string
	now      func() time.Time
	maxStale time.Duration
	running  atomic.Bool
	first    chan struct{} // closed when everything was heard once

	mu       sync.RWMutex
	dead     map[string][]Revocation
	revision int64
	bound    time.Duration // how long the latest page could be relied upon; 0: the feed is not read to its end yet
	until    time.Time     // what is known may be relied upon until then
	lastErr  error
}

var errNotHeard = errors.New("the feed was never heard; is Verifier.Run running?")

func newFollower(config Config, client *http.Client) (*follower, error) {
	if config.FeedCredential == nil {
		return nil, errors.New("verify: Config.FeedURL needs a FeedCredential")
	}
	if err := checkURL("FeedURL", config.FeedURL, config.AllowHTTP); err != nil {
		return nil, err
	}
	f := &follower{
		ask:      askFeed(client, config.FeedURL, config.FeedCredential),
		issuer:   config.Issuer,
		maxStale: config.MaxStale,
		first:    make(chan struct{}),
		dead:     make(map[string][]Revocation),
		lastErr:  errNotHeard,
	}
	if f.maxStale == 0 {
		f.maxStale = defaultMaxStale
	}
	if f.maxStale < minMaxStale {
		return nil, errors.New("verify: Config.MaxStale must be 3 s or more")
	}
	return f, nil
}

// run follows the feed until ctx ends.
func (f *follower) run(ctx context.Context) error {
	if !f.running.CompareAndSwap(false, true) {
		return errors.New("verify: the feed is followed already")
	}
	defer f.running.Store(false)
	for failures := 0; ; {
		complete, err := f.pull(ctx)
		delay := pace // a server that does not wait is not asked in a tight loop
		switch {
		case err != nil:
			failures++
			delay = backoff(failures)
		case !complete:
			failures, delay = 0, 0
		default:
			failures = 0
		}
		f.note(err)
		if !pause(ctx, delay) {
			return ctx.Err()
		}
	}
}

func backoff(failures int) time.Duration {
	d := min(pace<<min(failures, 10), maxBackoff)
	return d/2 + rand.N(d/2)
}

// pause reports whether ctx still lasts after d.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (f *follower) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastErr = err
}

// pull asks for one page and learns it.
func (f *follower) pull(ctx context.Context) (complete bool, err error) {
	after, wait := f.position()
	ctx, cancel := context.WithTimeout(ctx, wait+askTimeout)
	defer cancel()
	asked := f.now()
	text, err := f.ask(ctx, after, wait)
	if err != nil {
		return false, err
	}
	payload, err := f.signed(ctx, text, TypFeed)
	if err != nil {
		return false, err
	}
	page, err := ReadFeed(payload)
	if err != nil {
		return false, err
	}
	if err := f.fits(page, after); err != nil {
		return false, err
	}
	f.learn(page, asked)
	return page.Complete, nil
}

// position tells where to go on, and how long the server may wait for news: so short that two answers come within the bound.
func (f *follower) position() (after int64, wait time.Duration) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.bound == 0 {
		return f.revision, 0
	}
	return f.revision, max(f.bound/3, time.Second).Truncate(time.Second)
}

// fits refuses a page of another issuer, of another time, or for another question: one from before what is known.
func (f *follower) fits(page *Feed, after int64) error {
	if page.Issuer != f.issuer {
		return ErrIssuer
	}
	if page.After != after {
		return ErrClaims.because("the page of the feed is for another revision than was asked for")
	}
	return CheckTime(f.now(), time.Unix(page.IssuedAt, 0), time.Time{}, time.Unix(page.Expires, 0))
}

func (f *follower) learn(page *Feed, asked time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range page.Revocations {
		f.add(r)
	}
	f.revision = page.Revision
	if !page.Complete {
		return
	}
	if f.until.IsZero() {
		close(f.first)
	}
	f.bound = min(f.maxStale, time.Duration(page.Expires-page.IssuedAt)*time.Second)
	f.until = asked.Add(f.bound)
}

// add keeps of one subject only what the others do not say.
func (f *follower) add(r Revocation) {
	have := f.dead[r.Subject]
	if slices.ContainsFunc(have, func(old Revocation) bool { return old.covers(&r) }) {
		return
	}
	f.dead[r.Subject] = append(slices.DeleteFunc(have, func(old Revocation) bool { return r.covers(&old) }), r)
}

// check refuses what was revoked, and everything while it cannot be known. It waits for the first news a little, so that a service
// that has just started does not turn its first callers away.
func (f *follower) check(ctx context.Context, c *Claims) error {
	f.await(ctx)
	f.mu.RLock()
	defer f.mu.RUnlock()
	now := f.now()
	for _, subject := range c.Lineage() {
		for _, r := range f.dead[subject] {
			if r.ends(c.Revision, now) {
				return ErrRevoked.because("the token was revoked: " + r.Reason)
			}
		}
	}
	if !now.Before(f.until) {
		return ErrStale.causedBy(f.lastErr)
	}
	return nil
}

func (f *follower) await(ctx context.Context) {
	select {
	case <-f.first:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	_ = wait(ctx, f.first) // what is known then decides
}

// askFeed returns an asker that follows no redirect: the credential goes to the configured place or nowhere.
func askFeed(client *http.Client, address string, credential func() string) func(context.Context, int64, time.Duration) (string, error) {
	own := aloof(client)
	own.Timeout = 0 // each question has its own deadline, which knows of the wait
	return func(ctx context.Context, after int64, wait time.Duration) (string, error) {
		u, err := url.Parse(address)
		if err != nil {
			return "", err
		}
		query := u.Query()
		query.Set("after", strconv.FormatInt(after, 10))
		if wait > 0 {
			query.Set("wait", strconv.FormatInt(int64(wait/time.Second), 10))
		}
		u.RawQuery = query.Encode()
		body, err := fetch(ctx, own, u.String(), http.Header{"Accept": {"application/jose"}, "Authorization": {"Bearer " + credential()}}, MaxFeedBytes)
		return string(body), err
	}
}
