package verify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	fetchTimeout = 5 * time.Second
	// refreshAfter is how old a set may be before whoever comes waits for the next one: the bound on how long a key that was
	// withdrawn in an emergency is still believed while its source answers. It matches the max-age of the server's answer.
	refreshAfter = 5 * time.Minute
	// refreshEarly is when it is fetched behind the backs of those who come, so that where there is traffic nobody waits.
	refreshEarly = 4 * time.Minute
	// staleAfter is how long the last good set is kept when its source does not answer.
	staleAfter = time.Hour
	// fetchInterval bounds how often unknown key ids, which anyone can send, make us ask.
	fetchInterval = time.Minute
	// firstInterval is the same while there is no set at all, and for pages of the feed, which come from the issuer and not from anyone.
	firstInterval = 5 * time.Second
)

// keyCache holds the last good key set of one URL. Whoever finds it missing, old or without a key shares one fetch.
type keyCache struct {
	fetch func(context.Context) (KeySet, error)
	now   func() time.Time

	mu        sync.Mutex
	set       KeySet
	fetched   time.Time // of set; zero: there is none
	attempted time.Time
	running   chan struct{} // closed at the end of the fetch that is under way
	lastErr   error
}

// current returns a set that is fresh enough, waiting for a fetch only if there is none. While the source fails nobody waits for it again and again:
// the last good set is fresh enough then.
func (c *keyCache) current(ctx context.Context) (KeySet, error) {
	set, fresh, running := c.look(refreshEarly, fetchInterval)
	if fresh {
		return set, nil
	}
	if err := wait(ctx, running); err != nil {
		return KeySet{}, ErrUnavailable.causedBy(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.usable() {
		return KeySet{}, ErrUnavailable.causedBy(c.lastErr)
	}
	return c.set, nil
}

// renewed returns the set after a fetch that begins now or is under way, or the one there is if the last one began less than interval ago.
func (c *keyCache) renewed(ctx context.Context, interval time.Duration) (KeySet, error) {
	_, _, running := c.look(0, interval)
	if err := wait(ctx, running); err != nil {
		return KeySet{}, ErrUnavailable.causedBy(err)
	}
	return c.current(ctx)
}

// look returns what there is, and starts a fetch if the set is older than age and a fetch is due.
func (c *keyCache) look(age, interval time.Duration) (set KeySet, fresh bool, running chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	old := c.fetched.IsZero() || now.Sub(c.fetched) >= age
	if old && c.running == nil && c.due(now, interval) {
		c.attempted = now
		c.running = make(chan struct{})
		go c.refresh(c.running)
	}
	awaited := c.running != nil && c.lastErr == nil && now.Sub(c.fetched) >= refreshAfter
	return c.set, c.usable() && !awaited, c.running
}

func (c *keyCache) due(now time.Time, interval time.Duration) bool {
	if c.attempted.IsZero() {
		return true
	}
	if c.fetched.IsZero() {
		return now.Sub(c.attempted) >= firstInterval
	}
	return now.Sub(c.attempted) >= interval
}

func (c *keyCache) usable() bool {
	return !c.fetched.IsZero() && c.now().Sub(c.fetched) < staleAfter
}

// refresh has a deadline of its own: callers come and go, and one who leaves must not end the fetch of the others.
func (c *keyCache) refresh(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	set, err := c.fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastErr = err; err == nil {
		c.set, c.fetched = set, c.now()
	}
	c.running = nil
	close(done)
}

func wait(ctx context.Context, running chan struct{}) error {
	if running == nil {
		return nil
	}
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetchKeySet returns a fetcher that follows no redirect, so that the keys come from the configured place or not at all.
func fetchKeySet(client *http.Client, url string) func(context.Context) (KeySet, error) {
	own := aloof(client)
	return func(ctx context.Context) (KeySet, error) {
		body, err := fetch(ctx, own, url, http.Header{"Accept": {"application/jwk-set+json, application/json"}}, MaxKeySetBytes)
		if err != nil {
			return KeySet{}, err
		}
		set, err := ParseKeySet(body)
		return set.LowS(), err
	}
}

// aloof returns a copy of the client that follows no redirect and keeps no cookie.
func aloof(client *http.Client) *http.Client {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	return &own
}

// fetch gets what is at url, at most limit bytes.
func fetch(ctx context.Context, client *http.Client, url string, header http.Header, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the address answers with status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return body, nil
}
