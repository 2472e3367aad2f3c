package exchange

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/daypass/daypass/internal/access"
)

// Device is the pass of somebody who lets a device log in, as the proof for the
// device's own pass. That one is of no family with the first, so that logging out
// here does not log out there: it comes straight from the same key, or login, and
// ends with it. What it may do lies within the first; where and for how long it is
// good, within the key.
type Device struct{ Text string }

func (Device) account() string { return "" }

// How many devices begin to log in within a minute: of one address, and of all, for
// whoever has many addresses.
const (
	DevicesPerMinute    = 10
	AllDevicesPerMinute = 1000
)

// AdmitDevice refuses an address too many of whose devices log in: each is kept for a
// while.
func (s *Service) AdmitDevice(client Client) error {
	now := s.Now()
	wait := s.devices.take(network(client.Address), now)
	if wait <= 0 {
		wait = s.allDevices.take("", now)
	}
	return tooMany(wait, "too_many_devices", "too many devices log in from this address, or from everywhere; wait a moment")
}

// LoginsPerMinute is how many logins through outside issuers come back from one
// address within a minute. Each makes this server ask the issuer.
const LoginsPerMinute = 60

// AdmitOutsideLogin refuses an address from which too many logins come back.
func (s *Service) AdmitOutsideLogin(client Client) error {
	return tooMany(s.outsideLogins.take(network(client.Address), s.Now()), "too_many_returns", "too many logins come from this address; wait a moment")
}

func tooMany(wait time.Duration, code, message string) error {
	if wait <= 0 {
		return nil
	}
	e := access.New(access.TooMany, code, message)
	e.RetryAfter = wait
	return e
}

// network is what of an address one party has to itself.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		a = netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return a.String()
}

var (
	errShortOfDevice = access.New(access.Forbidden, "not_renewable", "a pass that is not renewable lets no device log in: its pass would outlive this one; log in anew")
	errBoundDevice   = access.New(access.Forbidden, "device_needs_bearer", "a pass that is bound to a key lets no device log in: the device does not have that key")
)

func (p Device) prove(ctx context.Context, s *Service, client Client, now time.Time) (*principal, error) {
	made, err := s.provePass(ctx, p.Text, client, now)
	if err != nil {
		return nil, err
	}
	whole := len(made.parent.Family) == 1 // what was narrowed may be in other hands, for a shorter time
	login := strings.HasPrefix(made.holder.source.Via, "ses_") && whole
	switch {
	case made.authority.Confirmation != "":
		return nil, errBoundDevice
	case !made.authority.Renewable && !login || len(made.actors) > 0 || made.parent.Subject != made.holder.userID:
		return nil, errShortOfDevice
	}
	own := made.holder.authority
	own.Scopes, own.Roles, own.Audiences = made.authority.Scopes, made.authority.Roles, made.authority.Audiences
	return &principal{holder: made.holder, subject: made.subject, authority: own}, nil
}

// ForDevice makes the pass of a device that somebody lets log in. Device is where the
// device is; errors are as of [Service.Exchange].
func (s *Service) ForDevice(ctx context.Context, proof Device, wish Wish, client, device Client) (grant *Grant, err error) {
	defer func() { s.observe(grant, err) }()
	now := s.Now()
	revision, err := s.Scene.Revision(now)
	if err != nil {
		return nil, err
	}
	p, err := s.prove(ctx, proof, client, now)
	if err != nil {
		return nil, err
	}
	renewable := p.authority.Renewable
	wish.Renewable = &renewable
	d, err := s.narrow(p, wish, device, now)
	if err != nil {
		return nil, err
	}
	return s.mint(ctx, p, d, device, now, revision)
}
