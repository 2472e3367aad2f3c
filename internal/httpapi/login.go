package httpapi

import (
	"net/http"

	"github.com/daypass/daypass/api"
)

// getLogin tells the login page what it may offer, and where the browser is seen to
// come from, so that it can bind its pass to that address.
func (h *Handler) getLogin(w http.ResponseWriter, r *http.Request, c *call) error {
	issuers, several := h.loginIssuers(r.URL.Query().Get("organization"))
	return sendJSON(w, http.StatusOK, api.LoginOptions{
		Address: c.client.Address.String(),
		Issuers: issuers, ByOrganization: several,
		Passkey:  h.Exchange.LogsInByPasskey(),
		Password: h.routes["POST /auth/token"].closed == nil,
		Setup:    h.Started() && h.Gate.View().Catalog.Len() == 0,
		Version:  h.Version,
	})
}
