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

// DevicesPerMinute bounds how many devices of one address begin to log in.
const DevicesPerMinute = 10

// AdmitDevice refuses an address too many of whose devices log in: each is kept for a
// while.
func (s *Service) AdmitDevice(client Client) error {
	from := client.Address.Unmap()
	if from.Is6() { // whoever has one of these has them all
		from = netip.PrefixFrom(from, 64).Masked().Addr()
	}
	wait := s.devices.take(from.String(), s.Now())
	if wait <= 0 {
		return nil
	}
	e := access.New(access.TooMany, "too_many_devices", "too many devices log in from this address; wait a moment")
	e.RetryAfter = wait
	return e
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
	login := strings.HasPrefix(made.holder.source.Via, "ses_")
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
