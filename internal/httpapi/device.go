package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/admin"
	"github.com/daypass/daypass/internal/edge"
	"github.com/daypass/daypass/internal/exchange"
)

// A program without a browser logs in by one that has (RFC 8628): it shows a code, a
// person types it at /device and decides, and the program gets a pass of its own.

const devicePage = "/device"

// startDevice gives a device its two codes.
func (h *Handler) startDevice(w http.ResponseWriter, r *http.Request, c *call) error {
	in := bodyOf[api.DeviceStart](c)
	if err := h.Exchange.AdmitDevice(c.client); err != nil {
		return err
	}
	d, err := h.Admin.StartDevice(r.Context(), admin.NewDevice{
		Client: in.Client, Scopes: value(in.Scopes),
		From: access.LastUse{Time: h.Now(), Address: c.client.Address, UserAgent: c.client.UserAgent},
	})
	if err != nil {
		return err
	}
	page := h.deviceAddress(r)
	return sendJSON(w, http.StatusOK, api.DeviceStarted{
		DeviceCode: d.DeviceCode, UserCode: d.UserCode,
		VerificationURI: page, VerificationURIComplete: page + "?" + url.Values{"user_code": {d.UserCode}}.Encode(),
		ExpiresIn: int64(admin.DeviceLife / time.Second), Interval: int64(admin.DeviceInterval / time.Second),
	})
}

// deviceAddress is where a person types the code: at the address that this server is
// known by. The one that was asked for counts on the same machine alone, where ports
// change and nobody is led astray.
func (h *Handler) deviceAddress(r *http.Request) string {
	if asked, err := url.Parse(edge.URLOf(r)); err == nil && (isLocal(asked.Hostname()) || h.PublicURL == "") {
		return asked.Scheme + "://" + asked.Host + devicePage
	}
	return strings.TrimSuffix(h.PublicURL, "/") + devicePage
}

func isLocal(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// getDevice tells who is about to decide what waits behind a code.
func (h *Handler) getDevice(w http.ResponseWriter, r *http.Request, c *call) error {
	d, err := h.waiting(r, c, r.URL.Query().Get("user_code"))
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, api.Device{
		Client: d.Client, Address: d.From.Address.String(), UserAgent: optional(d.From.UserAgent), Scopes: optionalList(d.Scopes),
		Created: d.From.Time.UTC(), Expires: d.Expires.UTC(),
	})
}

func optionalList(list []string) *[]string {
	if list == nil {
		return nil
	}
	return &list
}

// waiting finds the device behind a code, within the limits on guessing.
func (h *Handler) waiting(r *http.Request, c *call, code string) (d access.Device, err error) {
	err = h.Exchange.GuardedCode("device:"+guesser(c.caller), c.client, func() error {
		d, err = h.Admin.Device(r.Context(), code)
		return err
	})
	return d, wrongUserCode(err)
}

// guesser is who answers for wrong codes. People of an outside issuer are no users, and
// each of them answers alone.
func guesser(caller *access.Caller) string {
	return cmp.Or(caller.UserID, caller.Via+"/"+caller.Subject)
}

// wrongUserCode is no 401: who asks is known, and a client must not take its pass for dead.
func wrongUserCode(err error) error {
	if !errors.Is(err, admin.ErrDeviceCode) {
		return err
	}
	return access.New(access.NotFound, "user_code_unknown", admin.ErrDeviceCode.Message).At("/user_code")
}

// approveDevice makes the device's pass and lets it have that.
func (h *Handler) approveDevice(w http.ResponseWriter, r *http.Request, c *call) error {
	in := bodyOf[api.DeviceApproval](c)
	if c.caller.TokenID == "" {
		return errSessionPass
	}
	d, err := h.waiting(r, c, in.UserCode)
	if err != nil {
		return err
	}
	wish := exchange.Wish{Scopes: in.Scopes, Roles: in.Roles, IPs: in.Ips, ExpiresIn: in.ExpiresIn}
	if wish.Scopes == nil && d.Scopes != nil {
		wish.Scopes = &d.Scopes
	}
	device := exchange.Client{Address: d.From.Address, UserAgent: d.From.UserAgent, RequestID: c.client.RequestID}
	grant, err := h.Exchange.ForDevice(r.Context(), exchange.Device{Text: c.credential}, wish, c.client, device)
	if err != nil {
		return err
	}
	if err := h.Admin.ApproveDevice(r.Context(), c.caller, d, grant.Text, grant.Token); err != nil {
		return wrongUserCode(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) denyDevice(w http.ResponseWriter, r *http.Request, c *call) error {
	d, err := h.waiting(r, c, bodyOf[api.DeviceCode](c).UserCode)
	if err != nil {
		return err
	}
	if err := h.Admin.DenyDevice(r.Context(), c.caller, d); err != nil {
		return wrongUserCode(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// pollDevice gives the device its pass, once.
func (h *Handler) pollDevice(w http.ResponseWriter, r *http.Request, c *call) error {
	text, err := h.Admin.PollDevice(r.Context(), bodyOf[api.DevicePoll](c).DeviceCode)
	if err != nil {
		return err
	}
	t, err := h.Gate.Token(text)
	if err != nil {
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
	return sendGrant(w, &exchange.Grant{Text: text, Payload: claims, ExpiresIn: int64(t.Authority.NotAfter.Sub(h.Now()).Round(time.Second) / time.Second), Token: t})
}
