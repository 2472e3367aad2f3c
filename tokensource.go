package daypass

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// TokenSource gives passes that live: it keeps one, and asks for the next when 70 to 90 % of its life are over (at random, so
// that a fleet does not ask at once). Whoever comes meanwhile gets the one that still lives; only without any do callers
// wait, all for the same request. It is safe for concurrent use.
type TokenSource struct {
	fetch func(ctx context.Context, last *Token) (*Token, error)

	mu      sync.Mutex
	token   *Token    // nil at first, and when it is known to be dead
	due     time.Time // for the next
	pending *fetching // nil while none is asked for
}

// fetching is one request for a pass; token and err are set when done is closed.
type fetching struct {
	done  chan struct{}
	token *Token
	err   error
}

const (
	// fetchTimeout bounds one request for a pass. It does not end with the caller that caused it: others wait for it too.
	fetchTimeout = 30 * time.Second
	// retryFraction of the life left passes before a failed renewal is tried again, but a second at least.
	retryFraction = 10
)

// NewTokenSource returns a source that gets its passes from fetch, such as from a backend that holds the key. Last is the living pass
// to renew, or nil. Calls of fetch never overlap.
func NewTokenSource(fetch func(ctx context.Context, last *Token) (*Token, error)) *TokenSource {
	return &TokenSource{fetch: fetch}
}

// TokenSource returns a source of passes as asked. It renews the pass with the pass while that can be done, and otherwise, or
// when the pass is refused, exchanges the client's credential again.
func (c *Client) TokenSource(ask ExchangeRequest) *TokenSource {
	return NewTokenSource(func(ctx context.Context, last *Token) (*Token, error) {
		if last == nil || !last.Claims.Renewable {
			return c.Exchange(ctx, ask)
		}
		fresh, err := c.Renew(ctx, last)
		if refused(err) {
			return c.Exchange(ctx, ask)
		}
		return fresh, err
	})
}

// Token returns a pass that lives, as far as can be known here. It waits for one only if there is none, and no longer than
// ctx lasts.
func (s *TokenSource) Token(ctx context.Context) (*Token, error) {
	token, pending := s.current(ctx)
	if token != nil {
		return token, nil
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-pending.done:
		return pending.token, pending.err
	}
}

// Discard drops a pass that was refused, if it is the one the source has now, and with it the thought of renewing it.
func (s *TokenSource) Discard(token *Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = nil
	}
}

// current returns the pass that lives, or the request to wait for.
func (s *TokenSource) current(ctx context.Context) (*Token, *fetching) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.token != nil && !now.Before(s.token.Expires) {
		s.token = nil
	}
	if s.token != nil && now.Before(s.due) {
		return s.token, nil
	}
	if s.pending == nil {
		s.pending = &fetching{done: make(chan struct{})}
		go s.run(context.WithoutCancel(ctx), s.pending, s.token)
	}
	return s.token, s.pending
}

func (s *TokenSource) run(ctx context.Context, f *fetching, last *Token) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f.token, f.err = s.fetch(ctx, last)
	if f.err == nil && f.token == nil {
		f.err = errors.New("daypass: the source of passes gave none")
	}
	s.settle(f)
	close(f.done)
}

func (s *TokenSource) settle(f *fetching) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = nil
	now := time.Now()
	if f.err == nil {
		s.token = f.token
		life := f.token.Expires.Sub(now)
		s.due = now.Add(time.Duration((0.7 + 0.2*rand.Float64()) * float64(life)))
		return
	}
	if s.token != nil {
		s.due = now.Add(max(s.token.Expires.Sub(now)/retryFraction, time.Second))
	}
}
