package admin

import (
	"context"
	"errors"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
	"github.com/daypass/daypass/scope"
)

// How long a device waits to be let in, and how often it may ask (RFC 8628).
const (
	DeviceLife     = 10 * time.Minute
	DeviceInterval = 5 * time.Second
)

// NewDevice is what a device says of itself.
type NewDevice struct {
	Client string
	Scopes []string // nil: everything
	From   access.LastUse
}

// StartedDevice is a device that waits, with its two codes, which are shown this once.
type StartedDevice struct {
	access.Device
	DeviceCode string // the device's own
	UserCode   string // for a person to type
}

var (
	errDevicePending = access.New(access.Malformed, "authorization_pending", "nobody has decided yet; ask again after the interval")
	errDeviceSlower  = access.New(access.Malformed, "slow_down", "asked too soon; wait five seconds longer between requests from now on")
	errDeviceOver    = access.New(access.Malformed, "expired_token", "this device code is not good, or no more; start again")
	errDeviceDenied  = access.New(access.Malformed, "access_denied", "the login was refused")
	// ErrDeviceCode is for a code that nobody waits behind. It is of kind Unauthenticated, so that it counts as a guess.
	ErrDeviceCode = access.New(access.Unauthenticated, "user_code_unknown", "no device waits for this code: it was mistyped, used before, or is too old")
)

// StartDevice lets a device wait for somebody to let it in.
func (s *Service) StartDevice(ctx context.Context, in NewDevice) (StartedDevice, error) {
	var wrong faults
	wrong.text("/client", in.Client, maxName)
	if in.Client == "" {
		wrong.invalid("/client", "say what logs in, as in \"daypass on build-7\"")
	}
	if len(in.Scopes) > maxScopes {
		wrong.invalid("/scopes", "ask for at most %d scopes", maxScopes)
	}
	if _, err := scope.ParseSet(in.Scopes); err != nil {
		wrong.add("/scopes", access.New(access.Malformed, "invalid_scope", err.Error()))
	}
	if err := wrong.err(); err != nil {
		return StartedDevice{}, err
	}
	const tries = 5 // few of 34 bits are in use at once
	for try := 1; ; try++ {
		d := StartedDevice{DeviceCode: seal.NewDeviceCode(), UserCode: seal.NewUserCode()}
		d.Device = access.Device{
			ID: seal.NewID("dev"), Client: in.Client, Scopes: in.Scopes, From: in.From, Expires: s.stamp().Add(DeviceLife), State: access.DevicePending,
		}
		err := s.store.InsertDevice(ctx, s.sealer.KeyHash(d.DeviceCode), s.userCodeHash(d.UserCode), d.Device)
		if access.AsError(err).Code == "already_exists" && err != nil && try < tries {
			continue
		}
		return d, err
	}
}

func (s *Service) userCodeHash(code string) [32]byte { return s.sealer.KeyHash("device/" + code) }

// Device finds who waits behind a code, however it was typed. What is none, or is
// settled or over, is [ErrDeviceCode].
func (s *Service) Device(ctx context.Context, typed string) (access.Device, error) {
	code, ok := seal.CanonicalUserCode(typed)
	if !ok {
		return access.Device{}, ErrDeviceCode
	}
	d, err := s.store.DeviceByUserCode(ctx, s.userCodeHash(code), s.now())
	if errors.Is(err, access.ErrNotFound) {
		return d, ErrDeviceCode
	}
	return d, err
}

// ApproveDevice lets a device have a pass that was made for it. Of two who decide,
// one is told [ErrDeviceCode].
func (s *Service) ApproveDevice(ctx context.Context, caller *access.Caller, d access.Device, text string, token *access.Token) error {
	sealed, err := s.sealer.Seal([]byte(text), deviceIdentity(d.ID))
	if err != nil {
		return err
	}
	return s.decide(ctx, caller, d, access.DeviceApproved, sealed, map[string]any{
		"client": d.Client, "address": d.From.Address.String(), "token": token.ID, "scopes": token.Authority.Scopes.Strings(),
	})
}

// DenyDevice refuses a device.
func (s *Service) DenyDevice(ctx context.Context, caller *access.Caller, d access.Device) error {
	return s.decide(ctx, caller, d, access.DeviceDenied, []byte{}, map[string]any{"client": d.Client, "address": d.From.Address.String()})
}

func (s *Service) decide(ctx context.Context, caller *access.Caller, d access.Device, state access.DeviceState, sealed []byte, detail map[string]any) error {
	return s.commit(ctx, caller.Actor(), caller.RequestID, func(tx *store.Tx) error {
		err := tx.DecideDevice(d.ID, state, sealed)
		if errors.Is(err, access.ErrNotFound) {
			return ErrDeviceCode
		}
		if err != nil {
			return err
		}
		return tx.Record("device."+string(state), caller.Organization.ID, d.ID, detail)
	})
}

func deviceIdentity(id string) string { return "devices/" + id + "/pass" }

// PollDevice gives a device its pass, once, or says why there is none: the codes of
// RFC 8628, section 3.5.
func (s *Service) PollDevice(ctx context.Context, deviceCode string) (pass string, err error) {
	if !seal.IsDeviceCode(deviceCode) {
		return "", errDeviceOver
	}
	d, err := s.store.DeviceByCode(ctx, s.sealer.KeyHash(deviceCode))
	if errors.Is(err, access.ErrNotFound) || err == nil && !s.now().Before(d.Expires) {
		return "", errDeviceOver
	}
	if err != nil {
		return "", err
	}
	if d.State == access.DevicePending {
		// A second less: the device's clock starts when the answer before arrives.
		inTime, err := s.store.PollDevice(ctx, d.ID, s.now(), DeviceInterval-time.Second)
		if err == nil && !inTime {
			err = errDeviceSlower
		}
		if err == nil {
			err = errDevicePending
		}
		return "", err
	}
	won, err := s.store.TakeDevice(ctx, d)
	switch {
	case err != nil:
		return "", err
	case !won:
		return "", errDeviceOver
	case d.State == access.DeviceDenied:
		return "", errDeviceDenied
	}
	text, err := s.sealer.Open(d.Sealed, deviceIdentity(d.ID))
	return string(text), err
}
