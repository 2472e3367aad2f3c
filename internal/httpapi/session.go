package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
)

// The dashboard keeps its pass in memory. So that a reload does not log out, the
// server gives it back for a cookie, and renews it there. The cookie is sealed and no
// credential: nothing but [Handler.getSession] and [Handler.renewSession] read it, and
// they answer the dashboard's own pages alone.

const (
	sessionCookie  = "__Host-daypass"
	sessionPurpose = "cookie/dashboard"

	// longestCookie is what browsers keep of one, in bytes (RFC 6265, section 6.1), without its attributes.
	longestCookie = 3900

	// unrenewedLife is how long the cookie of a login by password or passkey lasts
	// unless it is renewed: as long as the pass that the dashboard makes of a key.
	unrenewedLife = 3 * 24 * time.Hour
)

var (
	errSessionForeign = access.New(access.Forbidden, "session_same_origin", "a login is kept for, and its pass given back to, pages of this server alone; anything else sends its own pass")
	errSessionPass    = access.New(access.Invalid, "session_pass_required", "a login is kept by a pass that is sent as bearer token; exchange the key for one")
	errSessionLong    = access.New(access.Invalid, "session_too_long", "this pass is too long for a cookie; log in with one that names less")
	errSessionDue     = access.New(access.Unauthenticated, "session_due", "the pass of this login has ended, the login has not: POST /v1/session gets the next pass")
	errSessionMissing = access.New(access.Unauthenticated, "session_missing", "this browser keeps no login here; log in again")
)

// keptLogin is what the cookie holds.
type keptLogin struct {
	Pass    string `json:"pass"`
	Refresh string `json:"refresh,omitempty"` // of a login by password or passkey
	Until   int64  `json:"until"`             // seconds; from then on it is worth nothing
}

// putSession keeps the pass that the request is made with, and what gets the next one.
// A page of another origin, also of one that may call, cannot log the browser in as
// somebody else.
func (h *Handler) putSession(w http.ResponseWriter, r *http.Request, c *call) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return errSessionForeign
	}
	t, err := h.Gate.Token(c.credential)
	if err != nil || h.Sealer == nil {
		return errSessionPass
	}
	k := keptLogin{Pass: c.credential, Until: t.Authority.NotAfter.Unix()}
	if in, ok := c.body.(*api.SessionPut); ok && in.RefreshToken != nil {
		until, err := h.Exchange.RefreshesUntil(r.Context(), *in.RefreshToken, t, c.client)
		if err != nil {
			return refusedBeside(err)
		}
		k.Refresh, k.Until = *in.RefreshToken, h.unrenewedUntil(until)
	}
	if err := h.keepSession(w, k); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// refusedBeside is no 401: the pass is good, and a client must not take it for dead.
func refusedBeside(err error) error {
	if e := access.AsError(err); e.Kind == access.Unauthenticated {
		return access.New(access.Invalid, e.Code, e.Message).At("/refresh_token")
	}
	return err
}

func (h *Handler) unrenewedUntil(end time.Time) int64 {
	return min(end.Unix(), h.Now().Add(unrenewedLife).Unix())
}

// keepSession puts a login into the cookie.
func (h *Handler) keepSession(w http.ResponseWriter, k keptLogin) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	value := h.Sealer.SealLetter(text, sessionPurpose)
	if len(value) > longestCookie {
		return errSessionLong
	}
	setSession(w, value, time.Unix(k.Until, 0).Sub(h.Now()))
	return nil
}

// setSession sets the cookie; one that lives no longer is deleted.
func setSession(w http.ResponseWriter, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: max(int(life/time.Second), -1),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// getSession gives the pass back, while it is good.
func (h *Handler) getSession(w http.ResponseWriter, r *http.Request, c *call) error {
	if err := ownPage(r); err != nil {
		return err
	}
	k, found := h.keptLogin(r)
	if !found {
		w.WriteHeader(http.StatusNoContent) // nothing is wrong with nobody being logged in
		return nil
	}
	if _, err := h.Exchange.Authenticate(r.Context(), exchange.Credential(k.Pass), c.client); err != nil {
		if k.renewsAfter(err) {
			return errSessionDue
		}
		dropOver(w, err)
		return err
	}
	return h.sendSession(w, k)
}

// renewSession puts a new pass in the place of the one in the cookie, and gives it
// back: by the refresh token of the login, or by the pass itself. It is a POST since a
// refresh token is good once, and browsers send a GET again on their own.
func (h *Handler) renewSession(w http.ResponseWriter, r *http.Request, c *call) error {
	if err := ownPage(r); err != nil {
		return err
	}
	k, found := h.keptLogin(r)
	if !found {
		return errSessionMissing
	}
	next, err := h.renewed(r.Context(), k, c.client)
	if err != nil {
		dropOver(w, err)
		return err
	}
	if next != k {
		if err := h.keepSession(w, next); err != nil {
			return err
		}
	}
	return h.sendSession(w, next)
}

// renewed is the login with its next pass, or as it is where the pass is in the first
// third of its life: then another tab of the browser was first. A pass that was
// revoked ends the login, also where a refresh token could get another.
func (h *Handler) renewed(ctx context.Context, k keptLogin, client exchange.Client) (keptLogin, error) {
	if _, err := h.Exchange.Authenticate(ctx, exchange.Credential(k.Pass), client); err != nil {
		if !k.renewsAfter(err) {
			return k, err
		}
	} else if t, err := h.Gate.Token(k.Pass); err != nil || h.Now().Sub(t.IssuedAt) < t.Authority.NotAfter.Sub(t.IssuedAt)/3 {
		return k, err
	}
	if k.Refresh == "" {
		grant, err := h.Exchange.Exchange(ctx, exchange.Pass{Text: k.Pass}, exchange.Wish{}, client)
		if err != nil {
			return k, err
		}
		return keptLogin{Pass: grant.Text, Until: grant.Token.Authority.NotAfter.Unix()}, nil
	}
	in, err := h.Exchange.Refresh(ctx, k.Refresh, k.Pass, client)
	if err != nil {
		return k, err
	}
	end := h.Now().Add(time.Duration(in.RefreshExpiresIn) * time.Second)
	return keptLogin{Pass: in.Text, Refresh: in.RefreshToken, Until: h.unrenewedUntil(end)}, nil
}

// renewsAfter reports whether the login goes on though its pass was refused so.
func (k keptLogin) renewsAfter(err error) bool {
	return k.Refresh != "" && access.AsError(err).Code == "token_expired"
}

// dropOver deletes the cookie of a login that is over. People come back to where they
// were, so one from another address is not.
func dropOver(w http.ResponseWriter, err error) {
	if e := access.AsError(err); e.Kind == access.Unauthenticated && e.Code != "wrong_address" {
		setSession(w, "", -time.Second)
	}
}

func (h *Handler) sendSession(w http.ResponseWriter, k keptLogin) error {
	t, err := h.Gate.Token(k.Pass)
	if err != nil {
		return err
	}
	signed, err := h.Open(k.Pass)
	if err != nil {
		return err
	}
	claims, err := claimsOf(signed)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, struct {
		Token   string          `json:"token"`
		Payload json.RawMessage `json:"payload"`
		Renews  bool            `json:"renews"`
	}{k.Pass, claims, k.Refresh != "" || t.Authority.Renewable})
}

// ownPage refuses all but a page of this very origin: no other can send the header
// Daypass-Session without being asked about it first, and browsers alone set
// Sec-Fetch-Site.
func ownPage(r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Site") != "same-origin" || r.Header.Get("Daypass-Session") != "1" {
		return errSessionForeign
	}
	return nil
}

// keptLogin opens the cookie; false: there is none that this server sealed and that
// still counts. Of two neither counts: a sister host may have set the one.
func (h *Handler) keptLogin(r *http.Request) (k keptLogin, found bool) {
	cookies := r.CookiesNamed(sessionCookie)
	if len(cookies) != 1 || h.Sealer == nil {
		return k, false
	}
	text, err := h.Sealer.OpenLetter(cookies[0].Value, sessionPurpose)
	if err != nil || json.Unmarshal(text, &k) != nil {
		return k, false
	}
	return k, k.Refresh == "" || h.Now().Unix() < k.Until
}

// deleteSession logs out: the pass ends, with all that was made from it, and where a
// login by password made it, that login. Everywhere means every pass of the same
// key, or every login of the same user.
func (h *Handler) deleteSession(w http.ResponseWriter, r *http.Request, c *call) error {
	t, err := h.Gate.Token(c.credential)
	if err != nil {
		return errSessionPass
	}
	switch r.URL.Query().Get("everywhere") {
	case "", "false":
		err = h.Admin.LeavePresented(r.Context(), c.caller, t, false)
	case "true":
		err = h.Admin.LeavePresented(r.Context(), c.caller, t, true)
	default:
		return access.New(access.Malformed, "invalid_parameter", "everywhere is true or false")
	}
	if err != nil {
		return err
	}
	setSession(w, "", -time.Second)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
