package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
)

// fields reads a form that has these fields and no others; optional ones are behind the required.
func fields(form url.Values, required int, names ...string) ([]string, error) {
	for name := range form {
		if !slices.Contains(names, name) {
			return nil, access.New(access.Malformed, "invalid_form", "this form has the fields "+strings.Join(names, ", "))
		}
	}
	values := make([]string, len(names))
	for i, name := range names {
		if values[i] = form.Get(name); i < required && !form.Has(name) {
			return nil, access.New(access.Malformed, "invalid_form", "the field "+name+" is required").At("/" + name)
		}
	}
	return values, nil
}

// logIn exchanges a user name and a password.
func (h *Handler) logIn(w http.ResponseWriter, r *http.Request, c *call) error {
	var login exchange.Login
	if in, ok := c.body.(*api.LogIn); ok {
		login = exchange.Login{Username: in.Username, Password: in.Password, Organization: value(in.Organization)}
	} else {
		f, err := fields(c.form, 2, "username", "password", "organization")
		if err != nil {
			return err
		}
		login = exchange.Login{Username: f[0], Password: f[1], Organization: f[2]}
	}
	in, err := h.Exchange.Login(r.Context(), login, c.client)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, loggedInView(in))
}

// refreshToken exchanges a refresh token. Some clients send the last pass with it.
func (h *Handler) refreshToken(w http.ResponseWriter, r *http.Request, c *call) error {
	text := ""
	if in, ok := c.body.(*api.Refresh); ok {
		text = in.RefreshToken
	} else {
		f, err := fields(c.form, 1, "refresh_token")
		if err != nil {
			return err
		}
		text = f[0]
	}
	in, err := h.Exchange.Refresh(r.Context(), text, c.credential, c.client)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, loggedInView(in))
}

func loggedInView(in *exchange.LoggedIn) api.LoggedIn {
	return api.LoggedIn{
		Token: in.Text, TokenType: api.LoggedInTokenType(tokenTypeOf(in.Grant)), ExpiresIn: in.ExpiresIn,
		RefreshToken: in.RefreshToken, RefreshExpiresIn: in.RefreshExpiresIn, UID: in.Token.UserID, Session: in.SessionID,
	}
}

// requestPasswordReset answers the same, and as fast, whether or not there is such a user.
func (h *Handler) requestPasswordReset(w http.ResponseWriter, _ *http.Request, c *call) error {
	name := ""
	if in, ok := c.body.(*api.PasswordForgotten); ok {
		name = in.Username
	} else {
		f, err := fields(c.form, 1, "username")
		if err != nil {
			return err
		}
		name = f[0]
	}
	if err := h.Admin.QueueReset(name, c.client.RequestID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// usePasswordLink sets a password by a link. What the page sent is answered with a page.
func (h *Handler) usePasswordLink(w http.ResponseWriter, r *http.Request, c *call) error {
	var secret, password string
	page := c.media == mediaForm
	if in, ok := c.body.(*api.PasswordByLink); ok {
		secret, password = in.Token, in.Password
	} else {
		f, err := fields(c.form, 2, "token", "password")
		if err != nil {
			return err
		}
		secret, password = f[0], f[1]
	}
	var l access.PasswordLink
	err := h.Exchange.Guarded("", c.client, func() (err error) {
		l, err = h.Admin.UsePasswordLink(r.Context(), secret, password, access.Actor{Address: c.client.Address}, c.client.RequestID)
		return err
	})
	if page && access.AsError(err).Code == "password_unsuitable" && err != nil {
		return writePasswordPage(w, http.StatusUnprocessableEntity, passwordPage{Secret: secret, Problem: access.AsError(err).Message})
	}
	if err != nil {
		return err
	}
	h.Exchange.Vouch(l.UserID, c.client)
	if page {
		return writePasswordPage(w, http.StatusOK, passwordPage{Done: l.Login})
	}
	return sendJSON(w, http.StatusOK, api.PasswordDone{Username: l.Login})
}

// getPasswordPage is where a mailed link leads. Programs that look at links in mails use nothing up.
func (h *Handler) getPasswordPage(w http.ResponseWriter, r *http.Request, c *call) error {
	secret := r.URL.Query().Get("token")
	var l access.PasswordLink
	err := h.Exchange.Guarded("", c.client, func() (err error) {
		l, err = h.Admin.PasswordLink(r.Context(), secret)
		return err
	})
	if err != nil {
		return err
	}
	return writePasswordPage(w, http.StatusOK, passwordPage{Secret: secret, Name: l.Login})
}

// refuseOnPage shows an error as a page to whoever sees this one.
func (h *Handler) refuseOnPage(w http.ResponseWriter, r *http.Request, err error) {
	isForm := strings.HasPrefix(r.Header.Get("Content-Type"), mediaForm)
	if r.Method != http.MethodGet && !isForm {
		edge.WriteProblem(w, r, err)
		return
	}
	e := access.AsError(err)
	if e.RetryAfter > 0 || e.Kind == access.Internal {
		edge.WriteProblem(w, r, err)
		return
	}
	_ = writePasswordPage(w, edge.StatusOf(e.Kind), passwordPage{Refused: e.Message})
}

func (o operations) InviteUser(ctx context.Context, in api.InviteUserRequestObject) (api.InviteUserResponseObject, error) {
	made, err := o.h.Admin.LinkPassword(ctx, callerOf(ctx), in.Org, in.User, access.Invitation)
	if err != nil {
		return nil, err
	}
	return api.InviteUser201JSONResponse(linkView(made)), nil
}

func (o operations) ResetPassword(ctx context.Context, in api.ResetPasswordRequestObject) (api.ResetPasswordResponseObject, error) {
	made, err := o.h.Admin.LinkPassword(ctx, callerOf(ctx), in.Org, in.User, access.PasswordReset)
	if err != nil {
		return nil, err
	}
	return api.ResetPassword201JSONResponse(linkView(made)), nil
}

func linkView(m admin.MadeLink) api.PasswordLink {
	return api.PasswordLink{Kind: api.PasswordLinkKind(m.Kind), SentTo: optional(m.SentTo), Link: optional(m.Link), Expires: m.Expires.UTC()}
}

func (o operations) SetPassword(ctx context.Context, in api.SetPasswordRequestObject) (api.SetPasswordResponseObject, error) {
	caller, c := callerOf(ctx), callOf(ctx)
	old, err := o.h.Admin.OwnPassword(ctx, caller, in.Org, in.User)
	if err != nil {
		return nil, err
	}
	hash, err := o.h.Exchange.CheckPassword(ctx, old, in.Body.OldPassword, c.client)
	if err != nil {
		return nil, wrongOldPassword(err)
	}
	if err := o.h.Admin.SetPassword(ctx, caller, in.Org, in.User, hash, in.Body.Password); err != nil {
		return nil, err
	}
	return api.SetPassword204Response{}, nil
}

// wrongOldPassword is no 401: who asks is known, and a client must not take its pass for dead.
func wrongOldPassword(err error) error {
	if access.AsError(err).Code != "login_invalid" {
		return err
	}
	return access.New(access.Forbidden, "old_password_wrong", "the old password is wrong").At("/old_password")
}

func sessionView(n access.Session) api.Session {
	v := api.Session{ID: n.ID, User: n.UserID, Created: n.Created.UTC(), Idle: n.Idle.UTC(), Expires: n.Expires.UTC()}
	if use := lastUseView(n.LastUse); use != nil {
		v.Used = *use
	}
	return v
}

func (o operations) ListSessions(ctx context.Context, in api.ListSessionsRequestObject) (api.ListSessionsResponseObject, error) {
	page, err := pageOf(in.Params.Limit, in.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := o.h.Admin.Sessions(ctx, callerOf(ctx), in.Org, in.User, page)
	if err != nil {
		return nil, err
	}
	return api.ListSessions200JSONResponse{Items: views(list.Items, sessionView), NextCursor: optional(list.NextCursor)}, nil
}

func (o operations) EndSession(ctx context.Context, in api.EndSessionRequestObject) (api.EndSessionResponseObject, error) {
	if err := o.h.Admin.EndSession(ctx, callerOf(ctx), in.Org, in.User, in.Session); err != nil {
		return nil, err
	}
	return api.EndSession204Response{}, nil
}

func (o operations) EndSessions(ctx context.Context, in api.EndSessionsRequestObject) (api.EndSessionsResponseObject, error) {
	if err := o.h.Admin.EndSessions(ctx, callerOf(ctx), in.Org, in.User); err != nil {
		return nil, err
	}
	return api.EndSessions204Response{}, nil
}

func (o operations) ListAttempts(ctx context.Context, in api.ListAttemptsRequestObject) (api.ListAttemptsResponseObject, error) {
	since := o.h.Now().Add(-24 * time.Hour)
	if in.Params.Since != nil {
		since = *in.Params.Since
	}
	list, err := o.h.Admin.Attempts(ctx, callerOf(ctx), in.Org, since, value(in.Params.Limit))
	if err != nil {
		return nil, err
	}
	return api.ListAttempts200JSONResponse{Items: views(list, attemptView)}, nil
}

func attemptView(a access.Attempts) api.Attempt {
	v := api.Attempt{User: optional(a.UserID), Account: optional(a.Account), Code: a.Code, Count: a.Count, Last: a.Last.UTC()}
	if a.Address.IsValid() {
		v.Address = optional(a.Address.String())
	}
	return v
}
