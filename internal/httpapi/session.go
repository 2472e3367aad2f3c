package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
)

// The dashboard keeps its pass in memory. So that a reload does not log out, the
// server gives it back for a cookie, which is the sealed pass and no credential:
// nothing but [Handler.getSession] reads it, and that answers the dashboard's own
// pages alone.

const (
	sessionCookie  = "__Host-daypass"
	sessionPurpose = "cookie/dashboard"

	// longestCookie is what browsers keep of one, in bytes (RFC 6265, section 6.1), without its attributes.
	longestCookie = 3900
)

var (
	errSessionForeign = access.New(access.Forbidden, "session_same_origin", "a login is kept for, and its pass given back to, pages of this server alone; anything else sends its own pass")
	errSessionPass    = access.New(access.Invalid, "session_pass_required", "a login is kept by a pass that is sent as bearer token; exchange the key for one")
	errSessionLong    = access.New(access.Invalid, "session_too_long", "this pass is too long for a cookie; log in with one that names less")
)

// putSession keeps the pass that the request is made with. A page of another origin, also
// of one that may call, cannot log the browser in as somebody else.
func (h *Handler) putSession(w http.ResponseWriter, r *http.Request, c *call) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return errSessionForeign
	}
	t, err := h.Gate.Token(c.credential)
	if err != nil || h.Sealer == nil {
		return errSessionPass
	}
	if err := h.keepSession(w, c.credential, t.Authority.NotAfter); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// keepSession puts a pass into the cookie, until it ends.
func (h *Handler) keepSession(w http.ResponseWriter, text string, until time.Time) error {
	value := h.Sealer.SealLetter([]byte(text), sessionPurpose)
	if len(value) > longestCookie {
		return errSessionLong
	}
	setSession(w, value, until.Sub(h.Now()))
	return nil
}

// setSession sets the cookie; one that lives no longer is deleted.
func setSession(w http.ResponseWriter, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: max(int(life/time.Second), -1),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// getSession gives the pass back, while it is good, to a page of this very origin:
// no other can send the header Daypass-Session without being asked about it first,
// and browsers alone set Sec-Fetch-Site.
func (h *Handler) getSession(w http.ResponseWriter, r *http.Request, c *call) error {
	if r.Header.Get("Sec-Fetch-Site") != "same-origin" || r.Header.Get("Daypass-Session") != "1" {
		return errSessionForeign
	}
	text := h.sessionPass(r)
	if text == "" {
		w.WriteHeader(http.StatusNoContent) // nothing is wrong with nobody being logged in
		return nil
	}
	if _, err := h.Exchange.Authenticate(r.Context(), exchange.Credential(text), c.client); err != nil {
		if e := access.AsError(err); e.Kind == access.Unauthenticated && e.Code != "wrong_address" { // people come back to where they were
			setSession(w, "", -time.Second)
		}
		return err
	}
	signed, err := h.Open(text)
	if err != nil {
		return err
	}
	claims, err := claimsOf(signed)
	if err != nil {
		return err
	}
	body := append([]byte(`{"token":`+strconv.Quote(text)+`,"payload":`), claims...)
	return send(w, mediaJSON, append(body, "}\n"...))
}

// sessionPass is the pass in the cookie; empty: there is none, or one that this
// server did not seal. Of two neither counts: a sister host may have set the one.
func (h *Handler) sessionPass(r *http.Request) string {
	cookies := r.CookiesNamed(sessionCookie)
	if len(cookies) != 1 || h.Sealer == nil {
		return ""
	}
	text, err := h.Sealer.OpenLetter(cookies[0].Value, sessionPurpose)
	if err != nil {
		return ""
	}
	return string(text)
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
