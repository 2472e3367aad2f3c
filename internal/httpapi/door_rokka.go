package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/strictjson"
)

// The door for rokka's clients. They read a body only where the type is exactly application/json, send JSON as text/plain,
// null where a comment could be, and may send a key beside a pass.

// rokkaDoor is what its routes have in common.
var rokkaDoor = route{door: DoorRokka, credential: rokkaCredential, refuse: refuseRokka}

// takes makes the route one that reads JSON into T.
func takes[T any](rt route) route {
	rt.body, rt.bodyOptional, rt.plainText = reads[T](), true, true
	rt.read = func(raw []byte, limit int) (any, error) {
		in := new(T)
		return in, bodyError(strictjson.Unmarshal(raw, in, strictjson.Limits{Bytes: limit, Depth: maxDepth, Members: maxMembers, Strict: true}))
	}
	return rt
}

const rokkaMembers = "/organizations/{org}/memberships"

// opened is the route where the handler itself proves the credential.
func (rt route) opened() route {
	rt.open = true
	return rt
}

// asks gives the route its query parameters.
func (rt route) asks(query ...string) route {
	rt.query = query
	return rt
}

// rokkaCredential is the one of the request; a pass goes before a key that came with it.
func rokkaCredential(r *http.Request) (string, error) {
	passes, keys := r.Header["Authorization"], r.Header["Api-Key"]
	if len(passes) == 1 && len(keys) == 1 {
		return credentialOf(&http.Request{Header: http.Header{"Authorization": passes}})
	}
	return credentialOf(r)
}

type rokkaFault struct {
	Code    int    `json:"code"` // the status
	Message string `json:"message"`
}

type rokkaRefusal struct {
	rokkaFault
	Error rokkaFault `json:"error"`
	// Reason is the stable code.
	Reason string `json:"reason"`
	// InvalidAuthentication says that nobody was proven; without it somebody was, who may not do this.
	InvalidAuthentication bool `json:"invalid_authentication,omitempty"`
}

func refuseRokka(w http.ResponseWriter, _ *http.Request, err error) {
	e := edge.Shown(err)
	status := edge.StatusOf(e.Kind)
	fault := rokkaFault{status, e.Message}
	refuseJSON(w, err, status, rokkaRefusal{fault, fault, e.Code, e.Kind == access.Unauthenticated})
}

// Their answers.
type (
	rokkaUser struct {
		ID      string     `json:"id"`
		UserID  string     `json:"user_id"`
		Email   string     `json:"email,omitempty"`
		APIKeys []rokkaKey `json:"api_keys"`
	}
	rokkaKey struct {
		ID       string `json:"id"`
		APIKey   string `json:"api_key,omitempty"` // shown this once
		Comment  string `json:"comment"`
		Created  string `json:"created"`
		Accessed string `json:"accessed,omitempty"`
	}
	rokkaMembership struct {
		UserID         string   `json:"user_id"`
		Email          string   `json:"email,omitempty"`
		OrganizationID string   `json:"organization_id"`
		Roles          []string `json:"roles"`
		Active         bool     `json:"active"`
		Comment        string   `json:"comment"`
		Created        string   `json:"created"`
		LastAccess     string   `json:"last_access,omitempty"`
		APIKey         string   `json:"api_key,omitempty"` // of a new user, shown this once
	}
	rokkaMemberships struct {
		Total  int               `json:"total"`
		Items  []rokkaMembership `json:"items"`
		Cursor string            `json:"cursor,omitempty"` // there are more; ask again with it
	}
	rokkaNewUser struct {
		ID     string `json:"id"`
		Email  string `json:"email,omitempty"`
		APIKey string `json:"api_key"`
	}
)

// Their requests.
type (
	rokkaKeyCreate struct {
		Comment *string `json:"comment,omitempty"`
	}
	rokkaMembershipPut struct {
		Roles   []string `json:"roles,omitempty"`
		Comment *string  `json:"comment,omitempty"`
		Active  *bool    `json:"active,omitempty"`
	}
	rokkaMembershipCreate struct {
		Roles   []string `json:"roles,omitempty"`
		Comment *string  `json:"comment,omitempty"`
		Email   *string  `json:"email,omitempty"`
	}
	rokkaUserCreate struct {
		Email        *string `json:"email,omitempty"`
		Organization *string `json:"organization,omitempty"`
	}
)

func rokkaTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func rokkaKeyView(k admin.Key) rokkaKey {
	return rokkaKey{ID: k.ID, Comment: k.Comment, Created: rokkaTime(k.Created), Accessed: rokkaTime(k.LastUse.Time)}
}

func rokkaMembershipView(m admin.Membership) rokkaMembership {
	return rokkaMembership{
		UserID: m.UserID, OrganizationID: m.OrganizationID, Roles: rokkaNames(m.Roles), Active: m.Active,
		Comment: m.Comment, Created: rokkaTime(m.Created), LastAccess: rokkaTime(m.LastAccess.Time),
	}
}

func rokkaMemberView(u admin.User) rokkaMembership {
	v := rokkaMembershipView(u.Membership)
	v.Email = u.Email
	return v
}

// rokkaUserGet answers to any credential; the keys are there if it may read them.
func (h *Handler) rokkaUserGet(w http.ResponseWriter, r *http.Request, c *call) error {
	me, err := h.Admin.Me(r.Context(), c.caller)
	if err != nil {
		return err
	}
	keys, err := h.rokkaOwnKeys(r.Context(), c.caller)
	if err != nil && access.AsError(err).Kind != access.Forbidden {
		return err
	}
	writeJSON(w, http.StatusOK, rokkaUser{ID: me.User.ID, UserID: me.User.ID, Email: me.User.Email, APIKeys: keys})
	return nil
}

func (h *Handler) rokkaOwnKeys(ctx context.Context, caller *access.Caller) ([]rokkaKey, error) {
	keys := []rokkaKey{}
	for page := (admin.Page{Limit: rokkaPage}); ; {
		list, err := h.Admin.Keys(ctx, caller, caller.Organization.ID, admin.KeyFilter{User: caller.UserID}, page)
		if err != nil {
			return keys, err
		}
		keys = append(keys, views(list.Items, rokkaKeyView)...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return keys, nil
		}
	}
}

func (h *Handler) rokkaKeyList(w http.ResponseWriter, r *http.Request, c *call) error {
	keys, err := h.rokkaOwnKeys(r.Context(), c.caller)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, keys)
	return nil
}

// rokkaKeyCreate makes a key that may do what the caller's credential may.
func (h *Handler) rokkaKeyCreate(w http.ResponseWriter, r *http.Request, c *call) error {
	in := bodyOf[rokkaKeyCreate](c)
	made, err := h.Admin.CreateKey(r.Context(), c.caller, c.caller.Organization.ID, admin.NewKey{
		Comment: value(in.Comment), Scopes: c.caller.Authority.Scopes.Strings(),
	})
	if err != nil {
		return err
	}
	v := rokkaKeyView(made.Key)
	v.APIKey = made.Text
	writeJSON(w, http.StatusCreated, v)
	return nil
}

func (h *Handler) rokkaKeyDelete(w http.ResponseWriter, r *http.Request, c *call) error {
	org, id := c.caller.Organization.ID, r.PathValue("key")
	key, err := h.Admin.Key(r.Context(), c.caller, org, id)
	if err != nil {
		return err
	}
	if key.UserID != c.caller.UserID {
		return access.ErrNotFound
	}
	if err := h.Admin.DeleteKey(r.Context(), c.caller, org, id, noCondition); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) rokkaKeyCurrent(w http.ResponseWriter, r *http.Request, c *call) error {
	key, err := h.Admin.Key(r.Context(), c.caller, c.caller.Organization.ID, c.caller.KeyID)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, rokkaKeyView(key))
	return nil
}

type rokkaToken struct {
	Token   string   `json:"token"`
	Payload rawClaim `json:"payload"`
}

// rokkaTokenGet is the exchange. Bought with a key, a pass is bound to the caller's address unless the wish says otherwise.
func (h *Handler) rokkaTokenGet(w http.ResponseWriter, r *http.Request, c *call) error {
	byPass := c.credential != "" && !strings.HasPrefix(c.credential, "dp_")
	wish, err := rokkaWish(r, !byPass)
	if err != nil {
		return err
	}
	grant, err := h.Exchange.Exchange(r.Context(), c.proof, wish, c.client)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, rokkaToken{grant.Text, rawClaim(grant.Payload)})
	return nil
}

// rawClaim is JSON that is written as it is.
type rawClaim []byte

func (c rawClaim) MarshalJSON() ([]byte, error) { return c, nil }

func rokkaWish(r *http.Request, byKey bool) (wish exchange.Wish, err error) {
	query := r.URL.Query()
	if query.Has("expires_in") {
		seconds, err := strconv.ParseInt(query.Get("expires_in"), 10, 64)
		if err != nil {
			return wish, badQuery("expires_in", "expires_in is a whole number of seconds")
		}
		wish.ExpiresIn = &seconds
	}
	if query.Has("renewable") {
		renewable, err := rokkaSwitch("renewable", query.Get("renewable"))
		if err != nil {
			return wish, err
		}
		wish.Renewable = &renewable
	}
	if query.Has("no_ip_protection") {
		if wish.NoIPProtection, err = rokkaSwitch("no_ip_protection", query.Get("no_ip_protection")); err != nil {
			return wish, err
		}
	}
	switch ips := query.Get("ips"); {
	case ips != "":
		list := strings.Split(ips, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		wish.IPs = &list
	case byKey && !wish.NoIPProtection:
		wish.IPs = &[]string{exchange.RequestIP}
	}
	return wish, nil
}

// rokkaSwitch reads true and false as their libraries write them.
func rokkaSwitch(name, text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, badQuery(name, name+" is true or false")
}

const (
	rokkaPage = 200
	rokkaMost = 1000 // members in one answer
)

func (h *Handler) rokkaMembershipList(w http.ResponseWriter, r *http.Request, c *call) error {
	out := rokkaMemberships{Items: []rokkaMembership{}, Cursor: r.URL.Query().Get("cursor")}
	for {
		list, err := h.Admin.Users(r.Context(), c.caller, r.PathValue("org"), admin.MemberFilter{}, admin.Page{Limit: rokkaPage, Cursor: out.Cursor})
		if err != nil {
			return err
		}
		out.Items = append(out.Items, views(list.Items, rokkaMemberView)...)
		if out.Cursor = list.NextCursor; out.Cursor == "" || len(out.Items) >= rokkaMost {
			break
		}
	}
	out.Total = len(out.Items)
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (h *Handler) rokkaMembershipGet(w http.ResponseWriter, r *http.Request, c *call) error {
	user, err := h.Admin.User(r.Context(), c.caller, r.PathValue("org"), r.PathValue("user"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, rokkaMemberView(user))
	return nil
}

func (h *Handler) rokkaMembershipDelete(w http.ResponseWriter, r *http.Request, c *call) error {
	if err := h.Admin.DeleteMembership(r.Context(), c.caller, r.PathValue("org"), r.PathValue("user"), noCondition); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) rokkaMembershipPut(w http.ResponseWriter, r *http.Request, c *call) error {
	in := bodyOf[rokkaMembershipPut](c)
	ctx, org, user := r.Context(), r.PathValue("org"), r.PathValue("user")
	held, revision, err := h.rokkaHeld(ctx, c.caller, org, user)
	if err != nil {
		return err
	}
	put := admin.MembershipPut{Roles: rokkaRolesFor(in.Roles, held), Comment: in.Comment, Active: in.Active}
	var m admin.Membership
	var outcome admin.Outcome
	err = h.withRokkaRoles(ctx, c.caller, org, put.Roles, func() error {
		m, outcome, err = h.Admin.PutMembership(ctx, c.caller, org, user, put, revision)
		return err
	})
	if err != nil {
		return err
	}
	switch outcome {
	case admin.Same:
		w.WriteHeader(http.StatusNoContent)
	case admin.Created:
		writeJSON(w, http.StatusCreated, rokkaMembershipView(m))
	default:
		writeJSON(w, http.StatusOK, rokkaMembershipView(m))
	}
	return nil
}

// rokkaHeld is what a user holds now, so that roles without a name of theirs are not lost when one that covers them is put.
func (h *Handler) rokkaHeld(ctx context.Context, caller *access.Caller, org, user string) (roles []string, revision int64, err error) {
	m, err := h.Admin.Membership(ctx, caller, org, user)
	if errors.Is(err, access.ErrNotFound) {
		return nil, noCondition, nil
	}
	return m.Roles, m.Revision, err
}

// rokkaMembershipCreate makes a fresh user with a first key.
func (h *Handler) rokkaMembershipCreate(w http.ResponseWriter, r *http.Request, c *call) error {
	in := bodyOf[rokkaMembershipCreate](c)
	roles := rokkaRolesFor(in.Roles, nil)
	made, err := h.rokkaCreateUser(r.Context(), c.caller, r.PathValue("org"), admin.NewUser{Email: value(in.Email), Roles: roles, Comment: value(in.Comment)})
	if err != nil {
		return err
	}
	v := rokkaMemberView(made.User)
	v.APIKey = made.Key.Text
	writeJSON(w, http.StatusCreated, v)
	return nil
}

func (h *Handler) rokkaCreateUser(ctx context.Context, caller *access.Caller, org string, in admin.NewUser) (made admin.CreatedUser, err error) {
	err = h.withRokkaRoles(ctx, caller, org, in.Roles, func() error {
		made, err = h.Admin.CreateUser(ctx, caller, org, in)
		return err
	})
	return made, err
}

// rokkaUserCreate is no open registration: the caller must be one who may make users. The new one may read.
func (h *Handler) rokkaUserCreate(w http.ResponseWriter, r *http.Request, c *call) error {
	in := bodyOf[rokkaUserCreate](c)
	org := value(in.Organization)
	if org == "" {
		org = c.caller.Organization.ID
	}
	made, err := h.rokkaCreateUser(r.Context(), c.caller, org, admin.NewUser{Email: value(in.Email), Roles: []string{"read"}})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, rokkaNewUser{ID: made.User.ID, Email: made.User.Email, APIKey: made.Key.Text})
	return nil
}

// rokkaRoles are their roles by the name of ours, with the scopes of those that are custom roles here. The door makes such a
// role when it is first given, if whoever gives it may; from then on it is an ordinary role of the organization.
var rokkaRoles = []struct {
	theirs, ours string
	scopes       []string // nil: built in
}{
	{"admin", access.AccountManager, nil},
	{"write", "write", []string{"*"}},
	{"read", "read", []string{"*:read"}},
	{"upload", "upload", []string{"*:upload"}},
	{"sourceimages:read", "sourceimages_read", []string{"sourceimages:read"}},
	{"sourceimages:write", "sourceimages_write", []string{"sourceimages:write"}},
	{"sourceimages:unlock", "sourceimages_unlock", []string{"sourceimages:unlock"}},
	{"sourceimages:download:protected", "sourceimages_download_protected", []string{"sourceimages:download:protected"}},
}

// rokkaName is a role of ours as they call it; others keep their name.
func rokkaName(ours string) string {
	if ours == access.Administrator {
		return "admin"
	}
	for _, r := range rokkaRoles {
		if r.ours == ours {
			return r.theirs
		}
	}
	return ours
}

func rokkaNames(ours []string) []string {
	names := []string{}
	for _, role := range ours {
		if name := rokkaName(role); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// rokkaRolesFor are roles of ours for theirs. A role that is held already under the name stays as it is: an administrator
// who is put as admin remains one.
func rokkaRolesFor(theirs, held []string) []string {
	roles := []string{}
	for _, name := range theirs {
		kept := false
		for _, role := range held {
			if rokkaName(role) == name {
				roles, kept = append(roles, role), true
			}
		}
		if !kept {
			roles = append(roles, rokkaRole(name))
		}
	}
	return roles
}

func rokkaRole(theirs string) string {
	for _, r := range rokkaRoles {
		if r.theirs == theirs {
			return r.ours
		}
	}
	return theirs
}

// withRokkaRoles does a change, and once more after making the roles of theirs that it lacked.
func (h *Handler) withRokkaRoles(ctx context.Context, caller *access.Caller, org string, roles []string, do func() error) error {
	err := do()
	if access.AsError(err).Code != "unknown_role" {
		return err
	}
	missing := false
	for _, r := range rokkaRoles {
		if r.scopes == nil || !slices.Contains(roles, r.ours) {
			continue
		}
		const absent = 0 // the revision of what is not there
		_, _, err := h.Admin.PutRole(ctx, caller, org, r.ours, admin.RolePut{Scopes: r.scopes, Comment: "rokka: " + r.theirs}, absent)
		if err != nil && access.AsError(err).Kind != access.Precondition {
			return err
		}
		missing = true
	}
	if !missing {
		return err
	}
	return do()
}
