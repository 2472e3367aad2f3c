package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
	"github.com/daypass/daypass/internal/strictjson"
)

// The door /jwt: a key's id and text buy a pass. What else stands in the request proves nothing here.

// jwtRequest is its body; a form has the same fields, with scopes separated by spaces.
type jwtRequest struct {
	ID     string         `json:"id,omitempty"`
	APIKey string         `json:"apiKey,omitempty"`
	Scopes jsontext.Value `json:"scopes,omitempty"` // a text, or a list of texts; absent: all that the key has
}

type jwtAnswer struct {
	Success bool   `json:"success"`
	JWT     string `json:"jwt,omitempty"`
	Message string `json:"message,omitempty"`
}

// readJWT reads null for a field that is missing, as these clients write what they do not have.
func readJWT(raw []byte, limit int) (any, error) {
	in := new(jwtRequest)
	err := strictjson.Unmarshal(raw, in, strictjson.Limits{Bytes: limit, Depth: maxDepth, Members: maxMembers, Strict: true})
	return in, bodyError(err)
}

var (
	errJWTFields = access.New(access.Unauthenticated, "credential_missing", "id and apiKey are required")
	errJWTScopes = access.New(access.Malformed, "invalid_scope", "scopes is a text, or a list of texts").At("/scopes")
)

func (h *Handler) issueJWT(w http.ResponseWriter, r *http.Request, c *call) error {
	pair, scopes, err := jwtWish(c)
	if err != nil {
		return err
	}
	if pair.ID == "" || pair.Secret == "" {
		return errJWTFields
	}
	grant, err := h.Exchange.Exchange(r.Context(), pair, exchange.Wish{Scopes: scopes}, c.client)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, jwtAnswer{Success: true, JWT: grant.Text})
	return nil
}

func jwtWish(c *call) (pair exchange.Pair, scopes *[]string, err error) {
	if c.form != nil {
		if c.form.Has("scopes") {
			list := strings.Fields(c.form.Get("scopes"))
			scopes = &list
		}
		return exchange.Pair{ID: c.form.Get("id"), Secret: c.form.Get("apiKey")}, scopes, nil
	}
	in, ok := c.body.(*jwtRequest)
	if !ok {
		return pair, nil, nil
	}
	scopes, err = scopesOf(in.Scopes)
	return exchange.Pair{ID: in.ID, Secret: in.APIKey}, scopes, err
}

// scopesOf reads scopes as they may be written: one text of several, or a list.
func scopesOf(raw jsontext.Value) (*[]string, error) {
	var text string
	list := []string{}
	switch {
	case raw == nil:
		return nil, nil
	case raw.Kind() == 'n': // not all that the key has: nobody said that
		return nil, errJWTScopes
	case json.Unmarshal(raw, &text) == nil:
		list = strings.Fields(text)
	case json.Unmarshal(raw, &list) != nil:
		return nil, errJWTScopes
	}
	return &list, nil
}

// refuseJWT answers 401 only where id or apiKey is missing: a pair that is wrong is forbidden, as the door's clients know it.
func refuseJWT(w http.ResponseWriter, _ *http.Request, err error) {
	e := edge.Shown(err)
	status := edge.StatusOf(e.Kind)
	if e.Kind == access.Unauthenticated && !errors.Is(err, errJWTFields) {
		status = http.StatusForbidden
	}
	refuseJSON(w, err, status, jwtAnswer{Message: e.Message})
}
