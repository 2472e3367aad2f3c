package daypass

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/sign"
)

// DefaultTimeout bounds one request of a [Client], the reading of its answer included.
const DefaultTimeout = 15 * time.Second

// Client talks to one Daypass server with one credential. It is safe for concurrent use.
type Client struct {
	authorized *api.Client // adds the client's credential
	bare       *api.Client // adds none
}

// Option adjusts a [Client].
type Option func(*settings)

type settings struct {
	credentials []api.RequestEditorFn
	http        http.Client
	userAgent   string
	sender      *SenderKey // nil: passes are not bound
	err         error      // of an option
}

// WithKey authenticates with a key (dp_…).
func WithKey(key string) Option {
	return func(s *settings) {
		s.credentials = append(s.credentials, func(_ context.Context, r *http.Request) error {
			r.Header.Set("Api-Key", key)
			return nil
		})
	}
}

// WithToken authenticates with one pass, until it ends.
func WithToken(text string) Option {
	return func(s *settings) { s.credentials = append(s.credentials, bearer(text)) }
}

// WithTokenSource authenticates with the passes of a source.
func WithTokenSource(source *TokenSource) Option {
	return func(s *settings) {
		s.credentials = append(s.credentials, func(ctx context.Context, r *http.Request) error {
			token, err := source.Token(ctx)
			if err != nil {
				return err
			}
			return bearer(token.Text)(ctx, r)
		})
	}
}

// WithSigningKey authenticates by signing each request (RFC 9421) as a key (key_…) with its secret (dps_…), which is not
// sent. A secret that is none is told by [New].
func WithSigningKey(keyID, secret string) Option {
	return func(s *settings) {
		signer, err := sign.NewHMACSigner(keyID, []byte(secret))
		s.credentials = append(s.credentials, func(_ context.Context, r *http.Request) error {
			if err != nil {
				return err
			}
			return signer.Sign(r, time.Now())
		})
		s.err = errors.Join(s.err, err)
	}
}

// WithHTTPClient sends requests with a copy of c: its transport, jar and, unless that is zero, its timeout. Redirects are not
// followed whatever c says.
func WithHTTPClient(c *http.Client) Option {
	return func(s *settings) { s.http = *c }
}

// WithTimeout bounds one request; [DefaultTimeout] unless given. It goes after [WithHTTPClient].
func WithTimeout(d time.Duration) Option {
	return func(s *settings) { s.http.Timeout = d }
}

// WithUserAgent names the program in the server's records ("last used with").
func WithUserAgent(name string) Option {
	return func(s *settings) { s.userAgent = name }
}

// New returns a client of the server at baseURL, such as https://pass.example.com. It sends nothing yet. Without a credential
// it can revoke and renew passes.
func New(baseURL string, options ...Option) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("daypass: the server's address is written https://pass.example.com, without user, query or fragment")
	}
	s := settings{userAgent: "daypass-go"}
	for _, option := range options {
		option(&s)
	}
	if s.err != nil {
		return nil, fmt.Errorf("daypass: %w", s.err)
	}
	if len(s.credentials) > 1 {
		return nil, errors.New("daypass: choose one of WithKey, WithToken, WithTokenSource and WithSigningKey")
	}
	if s.http.Timeout == 0 {
		s.http.Timeout = DefaultTimeout
	}
	// Go keeps an Api-Key header on the way to another host, so no redirect is followed at all.
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	if s.sender != nil {
		s.http.Transport = s.sender.Transport(s.http.Transport)
	}

	c := new(Client)
	if c.bare, err = s.apiClient(baseURL); err != nil {
		return nil, err
	}
	c.authorized, err = s.apiClient(baseURL, s.credentials...)
	return c, err
}

func (s *settings) apiClient(baseURL string, editors ...api.RequestEditorFn) (*api.Client, error) {
	c, err := api.NewClient(baseURL, api.WithHTTPClient(&s.http), api.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("User-Agent", s.userAgent)
		return nil
	}))
	if err != nil {
		return nil, err
	}
	c.RequestEditors = append(c.RequestEditors, editors...)
	return c, nil
}

func bearer(text string) api.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+text)
		return nil
	}
}

// API is the generated client of every route, with this client's credential and limits. Read its answers with [Answer], [Done]
// and [Text].
func (c *Client) API() *api.Client { return c.authorized }

// Exchange buys a pass with the client's credential. Errors are [*Error] (401: the credential is not good; 403 with codes
// such as scope_exceeded: the ask exceeds it; 400: the ask cannot be read) or those of package net/http.
func (c *Client) Exchange(ctx context.Context, ask ExchangeRequest) (*Token, error) {
	return toToken(c.authorized.ExchangeToken(ctx, ask.body()))
}

// Renew buys a fresh pass with a living one, as wide and with as long a life as the first of its line. 403 not_renewable or
// token_expired if that cannot be.
func (c *Client) Renew(ctx context.Context, token *Token) (*Token, error) {
	return c.Narrow(ctx, token, ExchangeRequest{})
}

// Narrow buys, with a pass, one that may do less; it ends no later unless the pass is renewable. An ask that is not narrower is
// a renewal.
func (c *Client) Narrow(ctx context.Context, token *Token, ask ExchangeRequest) (*Token, error) {
	return toToken(c.bare.ExchangeToken(ctx, ask.body(), bearer(token.Text)))
}

func toToken(response *http.Response, err error) (*Token, error) {
	g, err := required[grant](response, err)
	if err != nil {
		return nil, err
	}
	return g.asToken(time.Now())
}

// Revoke ends a pass, its renewals and everything narrowed from it. No credential is needed beside its text, and ending what
// is no pass is no error (RFC 7009).
func (c *Client) Revoke(ctx context.Context, text string) error {
	return Done(c.bare.RevokeToken(ctx, api.TokenText{Token: text}))
}

// Introspect asks what a pass says, if it lives (RFC 7662). One that is unknown, expired, revoked or another organization's is
// not active, and nothing more is told.
func (c *Client) Introspect(ctx context.Context, text string) (*api.Introspection, error) {
	return required[api.Introspection](c.authorized.IntrospectToken(ctx, api.TokenText{Token: text}))
}

// Explain asks whether a request would be let through, and why: every check in order, and the smallest change that would let
// it.
func (c *Client) Explain(ctx context.Context, request api.ExplainRequest) (*api.Explanation, error) {
	return required[api.Explanation](c.authorized.ExplainRequest(ctx, request))
}
