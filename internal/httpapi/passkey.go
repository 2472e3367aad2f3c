package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/exchange"
)

var errPasskeyPass = access.New(access.Forbidden, "fresh_login_required", "a passkey is enrolled with a pass, sent as bearer token, that a login gave within the last five minutes")

// beginEnrolment tells a page what to ask its browser for.
func (h *Handler) beginEnrolment(w http.ResponseWriter, r *http.Request, c *call) error {
	if err := h.Admin.MayEnrolPasskey(r.Context(), c.caller); err != nil {
		return err
	}
	t, err := h.Gate.Token(c.credential)
	if err != nil {
		return errPasskeyPass
	}
	begun, err := h.Exchange.BeginEnrolment(r.Context(), t)
	if err != nil {
		return err
	}
	return sendCeremony(w, begun)
}

func sendCeremony(w http.ResponseWriter, c exchange.Ceremony) error {
	return sendJSON(w, http.StatusOK, struct {
		Ceremony  string          `json:"ceremony"`
		PublicKey json.RawMessage `json:"public_key"`
	}{c.Text, c.Options})
}

// enrolPasskey keeps the passkey that a browser made.
func (h *Handler) enrolPasskey(w http.ResponseWriter, r *http.Request, c *call) error {
	in := c.body.(*api.PasskeyEnrol)
	if err := h.Admin.MayEnrolPasskey(r.Context(), c.caller); err != nil {
		return err
	}
	t, err := h.Gate.Token(c.credential)
	if err != nil {
		return errPasskeyPass
	}
	answer, err := json.Marshal(in.Credential)
	if err != nil {
		return err
	}
	made, err := h.Exchange.FinishEnrolment(r.Context(), t, in.Ceremony, answer)
	if err != nil {
		return err
	}
	made, err = h.Admin.EnrolPasskey(r.Context(), c.caller, made, value(in.Name))
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusCreated, passkeyView(made))
}

func passkeyView(p access.Passkey) api.Passkey {
	return api.Passkey{ID: p.ID, Name: p.Name, Created: p.Created.UTC(), Used: lastUseView(p.LastUse)}
}

func (h *Handler) listPasskeys(w http.ResponseWriter, r *http.Request, c *call) error {
	list, err := h.Admin.Passkeys(r.Context(), c.caller)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, api.PasskeyList{Items: views(list, passkeyView)})
}

func (h *Handler) deletePasskey(w http.ResponseWriter, r *http.Request, c *call) error {
	if err := h.Admin.DeletePasskey(r.Context(), c.caller, r.PathValue("passkey")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// beginPasskeyLogin answers the same whoever asks: a passkey tells itself whose it is.
func (h *Handler) beginPasskeyLogin(w http.ResponseWriter, _ *http.Request, _ *call) error {
	begun, err := h.Exchange.BeginPasskeyLogin()
	if err != nil {
		return err
	}
	return sendCeremony(w, begun)
}

func (h *Handler) passkeyLogin(w http.ResponseWriter, r *http.Request, c *call) error {
	in := c.body.(*api.PasskeyLogIn)
	answer, err := json.Marshal(in.Credential)
	if err != nil {
		return err
	}
	done, err := h.Exchange.PasskeyLogin(r.Context(), in.Ceremony, answer, c.client)
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, loggedInView(done))
}
