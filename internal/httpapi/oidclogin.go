package httpapi

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/outside"
	"github.com/daypass/daypass/internal/seal"
)

// Login through an outside issuer: the authorization code flow with PKCE (RFC 6749,
// 7636), as RFC 9700 has it. What this server must remember of a login meanwhile is
// sealed in a cookie of the browser that began it.

const (
	oidcLoginPath = "/v1/login/oidc/"

	loginCookie  = "__Host-daypass-login"
	loginPurpose = "cookie/login"
	loginLife    = 10 * time.Minute

	longestAnswer = 8 << 10 // of the issuer, in the query
)

var (
	errLoginState = access.New(access.Unauthenticated, "login_state", "this login was not begun in this browser, took too long, or is over: log in again")
	errLoginMixed = access.New(access.Unauthenticated, "login_issuer_mixed", "the answer is of another issuer than this login was begun with")
	errLoginNo    = access.New(access.Unauthenticated, "login_denied", "the issuer did not let you in")
	errLoginEmpty = access.New(access.Forbidden, "login_empty", "the issuer knows who you are, but its rules here give you no scope or no role")
	errReturnTo   = access.New(access.Malformed, "invalid_parameter", "return_to is a page of this dashboard, such as /o/acme/keys").At("/return_to")
)

// pageOfOurs are the pages that a login may lead to: no other host, however written.
var pageOfOurs = regexp.MustCompile(`^/(?:setup|device(?:\?user_code=[A-Za-z0-9-]{1,20})?|o(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?)?$`)

// pendingLogin is what the cookie holds.
type pendingLogin struct {
	Issuer   string `json:"issuer"` // isr_…
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	ReturnTo string `json:"return_to"`
	Until    int64  `json:"until"` // seconds
}

// loginIssuers are those of an organization. Where no other has any, it need not be
// named; where several do, strangers are told of none that they do not name.
func (h *Handler) loginIssuers(organization string) (list []api.LoginIssuer, several bool) {
	list = []api.LoginIssuer{}
	if h.Issuers == nil || h.Stateless {
		return list, false
	}
	all := h.Issuers.Logins()
	for _, l := range all {
		several = several || l.Organization != all[0].Organization
	}
	for _, l := range all {
		if l.Organization == organization || organization == "" && !several {
			list = append(list, api.LoginIssuer{ID: l.ID, Name: l.Slug, Organization: l.Organization})
		}
	}
	return list, several
}

// challengeOf is what of a pending login goes to the issuer. Where it answers is of
// that issuer alone, so that no other's code is ever sent there.
func (h *Handler) challengeOf(p pendingLogin, i *access.Issuer) outside.Challenge {
	return outside.Challenge{
		RedirectURI: strings.TrimSuffix(h.PublicURL, "/") + oidcLoginPath + i.Organization + "/" + i.Slug + "/callback",
		State:       p.State, Nonce: p.Nonce, Verifier: p.Verifier,
	}
}

// beginOIDCLogin leads to the issuer.
func (h *Handler) beginOIDCLogin(w http.ResponseWriter, r *http.Request, _ *call) error {
	returnTo := "/"
	if query := r.URL.Query(); query.Has("return_to") {
		returnTo = query.Get("return_to")
	}
	if !pageOfOurs.MatchString(returnTo) {
		return errReturnTo
	}
	if h.Issuers == nil || h.Sealer == nil {
		return outside.ErrNoLogin
	}
	client, err := h.Issuers.Client(r.Context(), r.PathValue("issuer"))
	if err != nil {
		return err
	}
	p := pendingLogin{
		Issuer: client.Issuer().ID, State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(),
		ReturnTo: returnTo, Until: h.Now().Add(loginLife).Unix(),
	}
	to, err := client.Address(h.challengeOf(p, client.Issuer()))
	if err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	setLogin(w, h.Sealer.SealLetter(text, loginPurpose), loginLife)
	lead(w, to)
	return nil
}

// setLogin sets the cookie of a pending login. The issuer's page leads back here, so
// it must come with a navigation from elsewhere.
func setLogin(w http.ResponseWriter, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: loginCookie, Value: value, Path: "/", MaxAge: max(int(life/time.Second), -1),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// lead sends a browser on. No page learns from where it came, or what was in its address.
func lead(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
}

// finishOIDCLogin is where the issuer leads back to.
func (h *Handler) finishOIDCLogin(w http.ResponseWriter, r *http.Request, c *call) error {
	pending, text, err := h.confirmLogin(r, c)
	setLogin(w, "", -time.Second)
	if err != nil {
		return h.leadToLogin(w, r, c, pending, err)
	}
	t, err := h.Gate.Token(text)
	if err != nil {
		return err
	}
	if err := h.keepSession(w, keptLogin{Pass: text, Until: t.Authority.NotAfter.Unix()}); err != nil {
		return h.leadToLogin(w, r, c, pending, err)
	}
	lead(w, pending.ReturnTo)
	return nil
}

// refuseLogin shows on the login page why a login could not begin.
func (h *Handler) refuseLogin(w http.ResponseWriter, r *http.Request, err error) {
	_ = h.leadToLogin(w, r, nil, pendingLogin{Issuer: r.PathValue("issuer")}, err)
}

// leadToLogin shows a failed login on the login page, which then offers the same
// issuers again and leads to the same page after.
func (h *Handler) leadToLogin(w http.ResponseWriter, r *http.Request, c *call, p pendingLogin, err error) error {
	e := access.AsError(err)
	log := h.Logger.With("code", e.Code, "error", err.Error())
	if c != nil {
		log = log.With("request_id", c.client.RequestID)
	}
	log.WarnContext(r.Context(), "a login through an outside issuer failed")
	query := url.Values{"error": {e.Code}}
	if h.Issuers != nil {
		for _, l := range h.Issuers.Logins() {
			if l.ID == p.Issuer {
				query.Set("organization", l.Organization)
			}
		}
	}
	if p.ReturnTo != "" && p.ReturnTo != "/" {
		query.Set("to", p.ReturnTo)
	}
	lead(w, "/login?"+query.Encode())
	return nil
}

// confirmLogin returns the login that the issuer's answer ends, and its pass.
func (h *Handler) confirmLogin(r *http.Request, c *call) (p pendingLogin, text string, err error) {
	if h.Issuers == nil || h.Sealer == nil {
		return p, "", outside.ErrNoLogin
	}
	if p, err = h.pendingLogin(r); err != nil {
		return p, "", err
	}
	if len(r.URL.RawQuery) > longestAnswer {
		return p, "", errLoginState
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return p, "", errLoginState
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 {
			return p, "", errLoginState
		}
	}
	if !seal.EqualConstantTime(query.Get("state"), p.State) {
		return p, "", errLoginState
	}
	client, err := h.Issuers.Client(r.Context(), p.Issuer)
	if err != nil {
		return p, "", err
	}
	i := client.Issuer()
	if i.Organization != r.PathValue("org") || i.Slug != r.PathValue("issuer") || !client.Named(query.Get("iss")) {
		return p, "", errLoginMixed
	}
	if err := h.Exchange.AdmitOutsideLogin(c.client); err != nil {
		return p, "", err
	}
	if err := h.spendLogin(r, p); err != nil {
		return p, "", err
	}
	if query.Has("error") || query.Get("code") == "" {
		return p, "", errLoginNo
	}
	secret, err := h.clientSecret(i)
	if err != nil {
		return p, "", err
	}
	idToken, err := client.IDToken(r.Context(), h.challengeOf(p, i), query.Get("code"), secret)
	if err != nil {
		return p, "", err
	}
	grant, err := h.Exchange.Exchange(r.Context(), exchange.OutsideLogin{Text: idToken, Issuer: p.Issuer, Nonce: p.Nonce}, exchange.Wish{}, c.client)
	if err != nil {
		return p, "", err
	}
	if a := grant.Token.Authority; a.Scopes.IsEmpty() || len(a.Roles) == 0 {
		return p, "", errLoginEmpty // the dashboard would refuse every page
	}
	return p, grant.Text, nil
}

func (h *Handler) pendingLogin(r *http.Request) (p pendingLogin, err error) {
	cookies := r.CookiesNamed(loginCookie)
	if len(cookies) != 1 {
		return p, errLoginState
	}
	text, err := h.Sealer.OpenLetter(cookies[0].Value, loginPurpose)
	if err != nil || json.Unmarshal(text, &p) != nil {
		return p, errLoginState
	}
	if h.Now().Unix() >= p.Until {
		return p, errLoginState
	}
	return p, nil
}

// spendLogin lets one answer be looked at, whoever kept the cookie.
func (h *Handler) spendLogin(r *http.Request, p pendingLogin) error {
	if h.Exchange.Once == nil {
		return access.New(access.Unavailable, "replay_memory_missing", "this server cannot tell whether a login was ended before")
	}
	until := time.Unix(p.Until, 0)
	first, err := h.Exchange.Once.First(r.Context(), "login", p.State, until.Add(-loginLife), until)
	if err == nil && !first {
		err = errLoginState
	}
	return err
}

func (h *Handler) clientSecret(i *access.Issuer) (string, error) {
	if len(i.Login.Secret) == 0 {
		return "", nil
	}
	secret, err := h.Sealer.Open(i.Login.Secret, i.LoginSecretIdentity())
	return string(secret), err
}
