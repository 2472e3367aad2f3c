package daypass

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Transport adds a pass to requests: the Authorization header (RFC 6750, 2.1), for the origins it was given and no others. A
// redirect to another host, port or scheme therefore travels without it. A request answered 401 is sent once more with a
// fresh pass, if its body can be sent again. A request with an Authorization header of its own goes out as it is.
type Transport struct {
	// Base sends the requests; nil stands for http.DefaultTransport.
	Base http.RoundTripper

	source  *TokenSource
	origins []string
}

// NewTransport returns a Transport that adds passes of source to requests to the origins, each written
// https://photos.example.com (scheme, host, and the port unless it is the scheme's own).
func NewTransport(source *TokenSource, origins ...string) (*Transport, error) {
	t := &Transport{source: source}
	for _, text := range origins {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
			return nil, errors.New("daypass: an origin is written https://photos.example.com, without user, path or query")
		}
		t.origins = append(t.origins, originOf(u))
	}
	if len(t.origins) == 0 {
		return nil, errors.New("daypass: NewTransport needs the origins that may see the pass")
	}
	return t, nil
}

func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" || !slices.Contains(t.origins, originOf(r.URL)) {
		return t.base().RoundTrip(r)
	}
	token, err := t.source.Token(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := t.base().RoundTrip(withPass(r, token, r.Body))
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		return response, err
	}
	t.source.Discard(token)
	return t.again(r, response, token), nil
}

// again sends the request once more, or returns the refusal if it cannot, or if nothing better than the refused pass is to be had.
func (t *Transport) again(r *http.Request, refusal *http.Response, dead *Token) *http.Response {
	body := r.Body
	if body != nil && body != http.NoBody {
		if r.GetBody == nil {
			return refusal
		}
		var err error
		if body, err = r.GetBody(); err != nil {
			return refusal
		}
	}
	fresh, err := t.source.Token(r.Context())
	if err != nil || fresh.Text == dead.Text {
		if body != nil {
			body.Close()
		}
		return refusal
	}
	response, err := t.base().RoundTrip(withPass(r, fresh, body))
	if err != nil {
		return refusal
	}
	_, _ = io.CopyN(io.Discard, refusal.Body, 4<<10) // so that its connection can be used again
	refusal.Body.Close()
	return response
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// withPass leaves the caller's request alone, as RoundTripper demands.
func withPass(r *http.Request, token *Token, body io.ReadCloser) *http.Request {
	sent := r.Clone(r.Context())
	sent.Body = body
	sent.Header.Set("Authorization", "Bearer "+token.Text)
	return sent
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}
