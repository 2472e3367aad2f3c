package outside

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/fetch"
	"github.com/daypass/daypass/internal/strictjson"
	"github.com/daypass/daypass/verify"
)

// When keys are fetched.
const (
	fetchInterval = time.Minute      // at most so often, whatever is asked
	leastFresh    = 5 * time.Minute  // a set is not fetched again before, unless a key is missing
	mostFresh     = 24 * time.Hour   // nor used after without trying
	keepFor       = 24 * time.Hour   // the last good set, when its source does not answer
	firstInterval = 10 * time.Second // between attempts while there is none
)

// maxWaiting is how many requests may wait for one issuer's keys. Beyond, tokens
// are judged by what is there, since anybody can name a key that is not.
const maxWaiting = 1000

// address is where keys come from, on whose word, and which of them count.
type address struct{ issuer, jwks, authorities, algorithms string }

func addressOf(r *Rules) address {
	return address{r.URL, r.JWKSURL, r.Authorities, strings.Join(r.Algorithms, " ")}
}

// keys holds the last good keys of one issuer. Whoever finds one missing shares one
// fetch.
type keys struct {
	address
	directory *Directory
	client    *fetch.Client

	mu        sync.Mutex
	waiting   int
	set       verify.ForeignKeySet
	fetched   time.Time // of set; zero: there is none
	fresh     time.Duration
	attempted time.Time
	endpoints endpoints
	running   chan struct{} // closed at the end of the fetch that is under way
}

var errNoKeys = errors.New("the issuer's keys cannot be had")

// verify checks a token's signature. It waits for the network only for a key that
// it does not have, and only if a fetch is due or under way.
func (k *keys) verify(ctx context.Context, text string) (payload []byte, err error) {
	set, usable := k.look(false)
	if usable {
		if payload, err = set.Verify(text); !errors.Is(err, verify.ErrUnknownKey) {
			return payload, err
		}
	}
	if running := k.renew(usable); running != nil {
		err := k.wait(ctx, running)
		if err != nil {
			return nil, err
		}
	}
	if set, usable = k.look(true); !usable {
		return nil, errNoKeys
	}
	return set.Verify(text)
}

// wait waits for a fetch to end, unless too many do.
func (k *keys) wait(ctx context.Context, running <-chan struct{}) error {
	if !k.queue(1) {
		return nil
	}
	defer k.queue(-1)
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// queue counts who waits; false: there is no place for one more.
func (k *keys) queue(n int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting+n > maxWaiting {
		return false
	}
	k.waiting += n
	return true
}

// look returns what there is, and has it fetched anew in the background once it is
// not fresh any more.
func (k *keys) look(quietly bool) (verify.ForeignKeySet, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.directory.now()
	usable := !k.fetched.IsZero() && now.Sub(k.fetched) < keepFor
	if !quietly && usable && now.Sub(k.fetched) >= k.fresh {
		k.start(now, fetchInterval)
	}
	return k.set, usable
}

// renew returns the end of the fetch that is under way, or that begins; nil: none is due.
func (k *keys) renew(usable bool) chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	every := firstInterval
	if usable {
		every = fetchInterval
	}
	k.start(k.directory.now(), every)
	return k.running
}

// start begins a fetch if one is due. The lock is held.
func (k *keys) start(now time.Time, every time.Duration) {
	if k.running != nil || !k.attempted.IsZero() && now.Sub(k.attempted) < every || !k.directory.begin() {
		return
	}
	k.attempted = now
	k.running = make(chan struct{})
	go k.refresh(k.running)
}

func (k *keys) refresh(done chan struct{}) {
	defer k.directory.busy.Done()
	set, fresh, err := k.fetch(k.directory.ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.set, k.fetched, k.fresh = set, k.directory.now(), fresh
	} else if k.directory.ctx.Err() == nil {
		k.directory.log.Warn("the keys of an outside issuer cannot be fetched; the last good ones are used for a while", "issuer", k.issuer, "error", err)
	}
	k.running = nil
	close(done)
}

func (k *keys) fetch(ctx context.Context) (set verify.ForeignKeySet, fresh time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetch.Timeout)
	defer cancel()
	at := k.jwks
	if at == "" {
		if at, err = k.discover(ctx); err != nil {
			return set, 0, err
		}
	}
	document, err := k.client.Get(ctx, at)
	if err != nil {
		return set, 0, err
	}
	set, err = verify.ParseForeignKeySet(document.Body, strings.Fields(k.algorithms))
	return set, min(max(document.MaxAge, leastFresh), mostFresh), err
}

// discover reads where the keys are, in what OpenID Connect
// Discovery 1.0, section 4, has the issuer publish or, if there is no such thing,
// RFC 8414, section 3.
func (k *keys) discover(ctx context.Context) (string, error) {
	published, err := k.published(ctx)
	if err != nil {
		return "", err
	}
	return published.JWKSURI, checkAddress(published.JWKSURI)
}

// metadata are what is read of an issuer's discovery document.
type metadata struct {
	Issuer                string   `json:"issuer"`
	JWKSURI               string   `json:"jwks_uri"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	NamesItself           bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

func (k *keys) published(ctx context.Context) (m metadata, err error) {
	document, err := k.client.Get(ctx, strings.TrimSuffix(k.issuer, "/")+"/.well-known/openid-configuration")
	if status := (*fetch.StatusError)(nil); errors.As(err, &status) && status.Status == http.StatusNotFound {
		document, err = k.client.Get(ctx, serverMetadata(k.issuer))
	}
	if err != nil {
		return m, err
	}
	if err := strictjson.Unmarshal(document.Body, &m, strictjson.Limits{Bytes: fetch.MaxBytes}); err != nil {
		return m, errors.New("the discovery document is not JSON of the right form")
	}
	if m.Issuer != k.issuer {
		return m, errors.New("the discovery document is of another issuer")
	}
	return m, nil
}

// serverMetadata is where an issuer's metadata are by RFC 8414: its path follows the
// well-known one.
func serverMetadata(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.EscapedPath(), "/")
}
