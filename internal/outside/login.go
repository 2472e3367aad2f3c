package outside

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/fetch"
	"github.com/daypass/daypass/internal/strictjson"
)

const (
	maxClientID    = 256
	maxLoginScopes = 10

	// What discovery said of a login is asked for again after this time, or after the
	// other where there was no answer.
	endpointsFresh  = 10 * time.Minute
	endpointsFailed = 10 * time.Second
)

var loginScope = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,100}$`) // RFC 6749, section 3.3

// checkLogin holds that the issuer's ID tokens, which are for the client, are among
// the tokens that are trusted.
func checkLogin(i *access.Issuer) error {
	l := i.Login
	switch {
	case l == nil:
		return nil
	case l.ClientID == "" || len(l.ClientID) > maxClientID:
		return invalid("/login/client_id", "name the client that this server is at the issuer")
	case !slices.Contains(i.Audiences, l.ClientID):
		return invalid("/login/client_id", "people log in by ID tokens, which are for the client: put its id into audiences too")
	case !i.Accept.Takes(access.AcceptExchange):
		return invalid("/accept", "people log in by an exchange of their ID tokens: accept exchange or both")
	case len(l.Scopes) > maxLoginScopes || slices.ContainsFunc(l.Scopes, func(s string) bool { return !loginScope.MatchString(s) }):
		return invalid("/login/scopes", "give at most ten scopes of the issuer, such as email, beside openid")
	}
	return nil
}

// Login is an issuer through which people may log in.
type Login struct{ ID, Slug, Organization string }

// Logins are the issuers through which people may log in, of every organization.
func (d *Directory) Logins() []Login {
	var all []Login
	for _, list := range d.state.Load().byURL {
		for _, r := range list {
			if r.Login != nil {
				all = append(all, Login{r.ID, r.Slug, r.Organization})
			}
		}
	}
	slices.SortFunc(all, func(a, b Login) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// ErrNoLogin is for an issuer through which nobody logs in.
var ErrNoLogin = access.New(access.NotFound, "login_issuer_unknown", "nobody logs in through this issuer here")

var errLoginFailed = access.New(access.Unavailable, "login_issuer_unavailable", "the issuer does not answer as an OpenID provider does, so nobody can log in through it now; try again")

// Client is this server as the client of one issuer.
type Client struct {
	rules *Rules
	at    metadata
}

// Client is this server as a client of an issuer, by its id. Codes:
// login_issuer_unknown (404), login_issuer_unavailable (503).
func (d *Directory) Client(ctx context.Context, id string) (*Client, error) {
	for _, list := range d.state.Load().byURL {
		for _, r := range list {
			if r.ID != id || r.Login == nil {
				continue
			}
			at, err := r.keys.login(ctx, d.now())
			if err != nil {
				return nil, errLoginFailed.Because(err)
			}
			return &Client{r, at}, nil
		}
	}
	return nil, ErrNoLogin
}

// Issuer is what the organization says of the issuer.
func (c *Client) Issuer() *access.Issuer { return &c.rules.Issuer }

// Named reports whether an answer that names its issuer, or none, may be this one's
// (RFC 9207, section 2.4).
func (c *Client) Named(issuer string) bool {
	return issuer == c.rules.URL || issuer == "" && !c.at.NamesItself
}

// Challenge is what of a login goes through the browser.
type Challenge struct {
	RedirectURI, State, Nonce string
	Verifier                  string // of PKCE: kept back until the code comes
}

// Address is where the browser is sent to log in.
func (c *Client) Address(ch Challenge) (string, error) {
	u, err := url.Parse(c.at.AuthorizationEndpoint)
	if err != nil {
		return "", errLoginFailed.Because(err)
	}
	sum := sha256.Sum256([]byte(ch.Verifier))
	query := u.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": c.rules.Login.ClientID, "redirect_uri": ch.RedirectURI,
		"scope": strings.Join(append([]string{"openid"}, c.rules.Login.Scopes...), " "),
		"state": ch.State, "nonce": ch.Nonce,
		"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method": "S256",
	} {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

var errCode = access.New(access.Unauthenticated, "login_refused", "the issuer did not confirm this login; try again")

// IDToken takes the code of a login to the issuer and returns the ID token that it
// gives, of which nothing is checked yet. Secret is the client's; empty: it is public.
// Codes: login_refused (401), login_issuer_unavailable (503).
func (c *Client) IDToken(ctx context.Context, ch Challenge, code, secret string) (string, error) {
	id := c.rules.Login.ClientID
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {ch.RedirectURI}, "code_verifier": {ch.Verifier}}
	header := http.Header{}
	methods := c.at.TokenAuthMethods
	switch {
	case secret == "":
		form.Set("client_id", id)
	case len(methods) > 0 && !slices.Contains(methods, "client_secret_basic") && slices.Contains(methods, "client_secret_post"):
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	default: // RFC 6749, section 2.3.1
		pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	document, err := c.rules.keys.client.PostForm(ctx, c.at.TokenEndpoint, form, header)
	if status := (*fetch.StatusError)(nil); errors.As(err, &status) && status.Status < http.StatusInternalServerError {
		return "", errCode.Because(err)
	}
	if err != nil {
		return "", errLoginFailed.Because(err)
	}
	var answer struct {
		IDToken string `json:"id_token"`
	}
	if err := strictjson.Unmarshal(document.Body, &answer, strictjson.Limits{Bytes: fetch.MaxBytes}); err != nil || answer.IDToken == "" {
		return "", errLoginFailed.Because(errors.New("the answer has no ID token"))
	}
	return answer.IDToken, nil
}

// Login reads the ID token of a login through one issuer (OpenID Connect Core 1.0,
// section 3.1.3.7): it must be for this server's client and carry the login's nonce,
// beside all that the organization asks of the issuer's tokens. Errors are as of
// [Directory.Token].
func (d *Directory) Login(ctx context.Context, text, id, nonce string) (*access.Token, error) {
	s := d.state.Load()
	for _, list := range s.byURL {
		for _, r := range list {
			if r.ID != id || r.Login == nil {
				continue
			}
			t, err := r.readLogin(ctx, text, nonce, d.now())
			if err != nil {
				return nil, err
			}
			t.Revision = s.revision
			return t, nil
		}
	}
	return nil, ErrUntrusted
}

func (r *Rules) readLogin(ctx context.Context, text, nonce string, now time.Time) (*access.Token, error) {
	t, c, err := r.claimsOf(ctx, text, now)
	if err != nil {
		return nil, err
	}
	client := r.Login.ClientID
	audience := c.audience()
	switch {
	case !slices.Contains(audience, client):
		return nil, refused("it is for another client")
	case len(audience) > 1 && c.text("azp") != client, c["azp"] != nil && c.text("azp") != client:
		return nil, refused("another client asked for it")
	case nonce == "" || c.text("nonce") != nonce:
		return nil, refused("it is of another login")
	}
	return t, nil
}

// endpoints are what discovery said of logins through one issuer.
type endpoints struct {
	mu     sync.Mutex
	got    metadata
	err    error
	again  time.Time // when discovery is asked next
	stands bool      // got is of some use
}

// login is where people log in. Whoever asks while nobody knows waits for one fetch.
func (k *keys) login(ctx context.Context, now time.Time) (metadata, error) {
	e := &k.endpoints
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Before(e.again) && e.again.Sub(now) <= endpointsFresh {
		return e.got, e.err
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetch.Timeout)
	defer cancel()
	got, err := k.published(within)
	if err == nil {
		err = errors.Join(checkAddress(got.AuthorizationEndpoint), checkAddress(got.TokenEndpoint))
	}
	if err == nil && strings.HasPrefix(k.issuer, "https:") && (!strings.HasPrefix(got.AuthorizationEndpoint, "https:") || !strings.HasPrefix(got.TokenEndpoint, "https:")) {
		err = errors.New("its endpoints are without TLS")
	}
	switch {
	case err == nil:
		e.got, e.err, e.stands, e.again = got, nil, true, now.Add(endpointsFresh)
	case e.stands:
		e.again = now.Add(endpointsFailed)
	default:
		e.err, e.again = err, now.Add(endpointsFailed)
	}
	return e.got, e.err
}
